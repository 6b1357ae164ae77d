//! The PROXY protocol header, versions 1 (text) and 2 (binary): a balancer's note about the real client.

use nom::bytes::complete::take;
use nom::number::complete::be_u16;
use nom::{IResult, Parser as _};

use crate::model::Endpoint;

/// The longest version 1 header, CRLF included.
const V1_MAX: usize = 107;
/// What every version 2 header begins with.
const V2_SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const V2_FIXED_LEN: usize = 16;

/// What the first bytes of a connection amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyScan {
    /// A PROXY header.
    Done {
        /// Its bytes.
        len: usize,
        /// The real client, where it is told and is an IP endpoint.
        source: Option<Endpoint>,
        /// The endpoint that it connected to, likewise.
        destination: Option<Endpoint>,
    },
    /// It may become one with more bytes.
    Need,
    /// It is none, whatever follows.
    No,
}

/// Reads a PROXY header from a connection's first bytes. Nothing is allocated.
#[must_use]
pub fn scan_proxy(input: &[u8]) -> ProxyScan {
    if begins(input, V2_SIGNATURE) { version_2(input) } else { version_1(input) }
}

/// Whether one of the two begins with the other.
fn begins(input: &[u8], with: &[u8]) -> bool {
    input.iter().zip(with).all(|(a, b)| a == b)
}

fn version_1(input: &[u8]) -> ProxyScan {
    let families: [&[u8]; 3] = [b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN"];
    if !families.iter().any(|family| begins(input, family)) {
        return ProxyScan::No;
    }
    let Some(line_end) = input.iter().take(V1_MAX).position(|b| *b == b'\n') else {
        return if input.len() < V1_MAX { ProxyScan::Need } else { ProxyScan::No };
    };
    let Some(line) = input.get(..line_end).and_then(|line| line.strip_suffix(b"\r")) else {
        return ProxyScan::No;
    };
    let len = line_end + 1;
    let mut words = line.split(|b| *b == b' ').skip(1).map(|word| str::from_utf8(word).unwrap_or_default());
    let family = words.next();
    if family == Some("UNKNOWN") {
        return ProxyScan::Done { len, source: None, destination: None };
    }
    let mut address = || words.next().and_then(|word| word.parse::<std::net::IpAddr>().ok());
    let (source, destination) = (address(), address());
    let mut port = || words.next().and_then(|word| word.parse::<u16>().ok());
    let (from, to) = (port(), port());
    match (source.zip(from), destination.zip(to), words.next()) {
        (Some(source), Some(destination), None)
            if source.0.is_ipv4() == (family == Some("TCP4"))
                && destination.0.is_ipv4() == (family == Some("TCP4")) =>
        {
            ProxyScan::Done { len, source: Some(endpoint(source)), destination: Some(endpoint(destination)) }
        }
        _ => ProxyScan::No,
    }
}

fn endpoint((ip, port): (std::net::IpAddr, u16)) -> Endpoint {
    match ip {
        std::net::IpAddr::V4(ip) => Endpoint::v4(ip.octets(), port),
        std::net::IpAddr::V6(ip) => Endpoint::v6(ip.octets(), port),
    }
}

fn version_2(input: &[u8]) -> ProxyScan {
    // Version 2; command LOCAL or PROXY.
    if input.get(12).is_some_and(|byte| !matches!(byte, 0x20 | 0x21)) {
        return ProxyScan::No;
    }
    let Some(&[command, family, high, low]) = input.get(12..V2_FIXED_LEN) else { return ProxyScan::Need };
    let len = V2_FIXED_LEN + usize::from(u16::from_be_bytes([high, low]));
    let Some(block) = input.get(V2_FIXED_LEN..len) else { return ProxyScan::Need };
    let ends = match (command, family >> 4) {
        (0x21, 1) => {
            addresses::<4>(block).ok().map(|(_, ends)| ends.map(|(ip, port)| Endpoint::v4(ip, port)))
        }
        (0x21, 2) => {
            addresses::<16>(block).ok().map(|(_, ends)| ends.map(|(ip, port)| Endpoint::v6(ip, port)))
        }
        _ => None,
    };
    ProxyScan::Done { len, source: ends.map(|[source, _]| source), destination: ends.map(|[_, to]| to) }
}

/// Source and destination address, then source and destination port.
fn addresses<const N: usize>(input: &[u8]) -> IResult<&[u8], [([u8; N], u16); 2]> {
    let (input, (source, destination, from, to)) = (take(N), take(N), be_u16, be_u16).parse(input)?;
    let array = |bytes: &[u8]| <[u8; N]>::try_from(bytes).unwrap_or([0; N]);
    Ok((input, [(array(source), from), (array(destination), to)]))
}
