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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Checks that `header` is one and that nothing shorter is, and gives its endpoints.
    fn ends(header: &[u8]) -> (Option<Endpoint>, Option<Endpoint>) {
        for cut in 0..header.len() {
            assert_eq!(scan_proxy(&header[..cut]), ProxyScan::Need, "{header:?} at {cut}");
        }
        match scan_proxy(&[header, b"GET / HTTP/1.1\r\n"].concat()) {
            ProxyScan::Done { len, source, destination } => {
                assert_eq!(len, header.len());
                (source, destination)
            }
            other => panic!("{other:?}"),
        }
    }

    fn pair(source: &str, destination: &str) -> (Option<Endpoint>, Option<Endpoint>) {
        let end = |text: &str| {
            let address: std::net::SocketAddr = text.parse().unwrap();
            Some(endpoint((address.ip(), address.port())))
        };
        (end(source), end(destination))
    }

    #[test]
    fn version_1_tells_both_ends() {
        assert_eq!(
            ends(b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"),
            pair("192.168.0.1:56324", "192.168.0.11:443")
        );
        assert_eq!(ends(b"PROXY TCP6 ::1 2001:db8::2 1 65535\r\n"), pair("[::1]:1", "[2001:db8::2]:65535"));
        assert_eq!(ends(b"PROXY UNKNOWN\r\n"), (None, None));
        assert_eq!(ends(b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"), (None, None));
    }

    fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let len = u16::try_from(block.len()).unwrap().to_be_bytes();
        [&V2_SIGNATURE[..], &[command, family], &len, block].concat()
    }

    #[test]
    fn version_2_tells_both_ends() {
        let v4 = [10, 0, 0, 1, 10, 0, 0, 2, 0x1f, 0x90, 0, 80, 0x03, 0, 4, 1, 2, 3, 4];
        assert_eq!(ends(&v2(0x21, 0x11, &v4)), pair("10.0.0.1:8080", "10.0.0.2:80"));
        let mut v6 = [0; 36];
        (v6[15], v6[31], v6[33], v6[35]) = (1, 2, 7, 9);
        assert_eq!(ends(&v2(0x21, 0x21, &v6)), pair("[::1]:7", "[::2]:9"));
        assert_eq!(ends(&v2(0x20, 0x11, &v4)), (None, None), "LOCAL: the balancer's own check");
        assert_eq!(ends(&v2(0x21, 0x31, &[0; 216])), (None, None), "UNIX");
        assert_eq!(ends(&v2(0x21, 0x11, &v4[..11])), (None, None), "too short for its family");
        assert_eq!(ends(&v2(0x21, 0, &[])), (None, None));
    }

    #[test]
    fn what_is_no_header_is_refused_at_once() {
        for input in
            [&b"G"[..], b"PROXY TCP5", b"PROXY /", b"PROXX", b"\r\nG", b"\r\n\r\n\0\r\nQUIT\n\x11", b"\x16"]
        {
            assert_eq!(scan_proxy(input), ProxyScan::No, "{input:?}");
        }
        for line in [
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
            "PROXY TCP4 1.2.3.4 ::1 1 2\r\n",
            "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
            "PROXY UNKNOWNS\r\n",
        ] {
            assert_eq!(scan_proxy(line.as_bytes()), ProxyScan::No, "{line:?}");
        }
        assert_eq!(scan_proxy(&[b"PROXY UNKNOWN ", &[b'x'; 93][..]].concat()), ProxyScan::No);
        assert_eq!(scan_proxy(&[b"PROXY UNKNOWN ", &[b'x'; 92][..]].concat()), ProxyScan::Need);
    }

    proptest! {
        #[test]
        fn any_bytes_may_begin_a_connection(
            v2 in 0u8..3, bytes in proptest::collection::vec(any::<u8>(), 0..150),
        ) {
            let start: &[u8] = [&b""[..], b"PROXY TCP4 ", V2_SIGNATURE][usize::from(v2)];
            let input = [start, &bytes].concat();
            if let ProxyScan::Done { len, .. } = scan_proxy(&input) {
                prop_assert!(len <= input.len());
                prop_assert_eq!(scan_proxy(&input[..len]), scan_proxy(&input));
            }
        }
    }
}
