//! PDUs that Wireshark exported (link type 252, LINKTYPE_WIRESHARK_UPPER_PDU): tags that say whose payload follows, in network
//! byte order, and then that payload, without the headers below it.
//!
//! `File > Export PDUs to File`, and `tshark -U`, write them; payload that TLS protected is exported decrypted.

use super::cursor::{Cursor, DecodeStop, Header, be16, finding};
use super::ip::{Addresses, protocol};
use super::link::ETHERNET;
use super::{Next, Skip, rules};
use crate::model::{Endpoint, Finding, Flags, LinkType, PacketRef, Segment, safe_text};

/// The link type.
pub(super) const LINK: LinkType = LinkType(252);

const TAGS: Header = Header::link("exported PDU's tags");

/// Tags, as Wireshark's `epan/exported_pdu.h` numbers them.
mod tag {
    pub(super) const END: u16 = 0;
    pub(super) const DISSECTOR: u16 = 12;
    pub(super) const HEURISTIC_DISSECTOR: u16 = 13;
    pub(super) const DISSECTOR_TABLE: u16 = 14;
    pub(super) const IPV4_SOURCE: u16 = 20;
    pub(super) const IPV4_DESTINATION: u16 = 21;
    pub(super) const IPV6_SOURCE: u16 = 22;
    pub(super) const IPV6_DESTINATION: u16 = 23;
    pub(super) const PORT_TYPE: u16 = 24;
    pub(super) const SOURCE_PORT: u16 = 25;
    pub(super) const DESTINATION_PORT: u16 = 26;
    pub(super) const TCP_INFO: u16 = 34;
}

/// TCP among the types of ports.
const TCP_PORTS: u32 = 2;
/// Tags that are looked at.
const MOST: usize = 64;

/// What a PDU is.
pub(super) enum Pdu<'a> {
    /// A header of a lower layer.
    Lower(Next),
    /// Bytes of a TCP stream, without a TCP header.
    Stream(Segment),
    /// Nothing that could be part of a WebSocket: its dissector's name.
    Other(&'a [u8]),
}

/// What the tags say.
#[derive(Default)]
struct Tags<'a> {
    dissector: &'a [u8],
    source: Option<[u8; 16]>,
    destination: Option<[u8; 16]>,
    ports: [Option<u16>; 2],
    is_tcp: bool,
    /// The number of the first byte in its direction, and what was received of the other one.
    numbers: Option<(u32, u32)>,
}

/// Takes the tags, and says what follows them.
pub(super) fn peel<'a>(cursor: &mut Cursor<'a>, addresses: &mut Addresses) -> Result<Pdu<'a>, DecodeStop> {
    let tags = read(cursor)?;
    if let (Some(source), Some(destination)) = (tags.source, tags.destination) {
        *addresses = Addresses { source, destination };
    }
    let is_addressed = tags.source.is_some() && tags.destination.is_some();
    match tags.dissector {
        b"ip" | b"ipv4" | b"ipv6" | b"raw_ip" => return Ok(Pdu::Lower(Next::Ip)),
        b"eth" | b"eth_withoutfcs" | b"eth_maybefcs" => return Ok(Pdu::Lower(Next::Link(ETHERNET))),
        b"tcp" if is_addressed && has_header(cursor, &tags) => {
            return Ok(Pdu::Lower(Next::Payload(protocol::TCP)));
        }
        _ => {}
    }
    let [Some(source), Some(destination)] = tags.ports else { return Ok(Pdu::Other(tags.dissector)) };
    if !is_addressed || !tags.is_tcp || !is_of_stream(tags.dissector) {
        return Ok(Pdu::Other(tags.dissector));
    }
    let (seq, ack) = tags.numbers.unwrap_or_default();
    // Without TCP numbers there are no acknowledgments.
    let flags = if tags.numbers.is_some() { Flags::PSH | Flags::ACK } else { Flags::PSH };
    let len = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
    Ok(Pdu::Stream(Segment {
        source: Endpoint { ip: addresses.source, port: source },
        destination: Endpoint { ip: addresses.destination, port: destination },
        seq,
        ack,
        flags: Flags(flags),
        window: u16::MAX,
        header_at: cursor.at,
        header_len: 0,
        len: len(cursor.bytes.len()),
        claimed_len: len(cursor.claim),
        below_len: cursor.below,
        excess_len: 0,
    }))
}

fn read<'a>(cursor: &mut Cursor<'a>) -> Result<Tags<'a>, DecodeStop> {
    let mut tags = Tags::default();
    for _ in 0..MOST {
        let [a, b, c, d] = *cursor.take::<4>(TAGS)?;
        let (tag, len) = (be16(a, b), usize::from(be16(c, d)));
        let value = cursor.bytes.get(..len).unwrap_or_default();
        cursor.advance(len, TAGS)?;
        let number = || value.first_chunk::<4>().map(|number| u32::from_be_bytes(*number));
        let port = || number().and_then(|port| u16::try_from(port).ok());
        let v4 = || value.first_chunk::<4>().map(|ip| Endpoint::v4(*ip, 0).ip);
        let v6 = || value.first_chunk::<16>().copied();
        match tag {
            tag::END => return Ok(tags),
            // A name is filled up with zeros.
            tag::DISSECTOR | tag::HEURISTIC_DISSECTOR => {
                tags.dissector = value.split(|byte| *byte == 0).next().unwrap_or_default();
            }
            tag::DISSECTOR_TABLE if tags.dissector.is_empty() => {
                tags.dissector = value.split(|byte| *byte == 0).next().unwrap_or_default();
            }
            tag::IPV4_SOURCE => tags.source = v4(),
            tag::IPV4_DESTINATION => tags.destination = v4(),
            tag::IPV6_SOURCE => tags.source = v6(),
            tag::IPV6_DESTINATION => tags.destination = v6(),
            tag::PORT_TYPE => tags.is_tcp = number() == Some(TCP_PORTS),
            tag::SOURCE_PORT => tags.ports[0] = port(),
            tag::DESTINATION_PORT => tags.ports[1] = port(),
            tag::TCP_INFO => tags.numbers = numbers(value),
            _ => {}
        }
    }
    Err(cursor.wrong(TAGS))
}

/// Of version 1: the numbers of the first byte and of the one behind the last, and what was acknowledged, each counted as
/// Wireshark shows them.
fn numbers(value: &[u8]) -> Option<(u32, u32)> {
    let [0, 1, a, b, c, d, _, _, _, _, e, f, g, h] = *value.first_chunk::<14>()? else { return None };
    Some((u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])))
}

/// Whether a TCP header with the ports of the tags follows.
fn has_header(cursor: &Cursor<'_>, tags: &Tags<'_>) -> bool {
    let Some([a, b, c, d, ..]) = cursor.peek::<20>() else { return false };
    let fits = |port: Option<u16>, at: u16| port.is_none_or(|port| port == at);
    fits(tags.ports[0], be16(*a, *b)) && fits(tags.ports[1], be16(*c, *d))
}

/// Whether what a dissector gets are the bytes of a TCP stream, in which a WebSocket may be.
fn is_of_stream(dissector: &[u8]) -> bool {
    const STREAMS: [&[u8]; 5] = [b"http", b"websocket", b"tls", b"ssl", b"tcp"];
    let begins = |name: &[u8]| {
        let rest = dissector.strip_prefix(name)?;
        // http_tcp, http_tls, http-over-tls, http2, tls_tcp; not http2.data or websocket_json.
        let known: [&[u8]; 8] = [b"", b"2", b"_tcp", b"_tls", b"-over-tcp", b"-over-tls", b".port", b"2_tcp"];
        known.contains(&rest).then_some(())
    };
    STREAMS.iter().any(|name| begins(name).is_some())
}

/// What was made of the exported PDUs of a capture.
#[derive(Debug, Default)]
pub(super) struct Exports {
    /// How many are not used, by the names of their dissectors.
    unused: Vec<(Box<[u8]>, u64)>,
    /// The last of those.
    last: Option<PacketRef>,
    /// The finding `exported-pdu` was reported.
    told: bool,
}

impl Exports {
    /// Takes a PDU: the header of a lower layer follows, or it is a segment, or it is of no use.
    #[cold]
    pub(super) fn take(
        &mut self,
        packet: &PacketRef,
        cursor: &mut Cursor<'_>,
        addresses: &mut Addresses,
        findings: &mut Vec<Finding>,
    ) -> Result<Result<Next, Segment>, DecodeStop> {
        match peel(cursor, addresses)? {
            Pdu::Lower(next) => Ok(Ok(next)),
            Pdu::Stream(segment) => {
                if !segment.flags.has(Flags::ACK) && !std::mem::replace(&mut self.told, true) {
                    let text = "exported PDUs have no TCP headers: their bytes are read in the order of the packets, and what is \
                                missing between them cannot be seen";
                    findings.push(finding(&rules::EXPORTED_PDU, packet, text.to_owned()));
                }
                Ok(Err(segment))
            }
            Pdu::Other(name) => {
                self.count(name);
                self.last = Some(*packet);
                Err(Skip::ExportedPdu.into())
            }
        }
    }

    fn count(&mut self, dissector: &[u8]) {
        /// Most dissector names that are counted one by one; a file has a few.
        const NAMES: usize = 32;
        /// Bytes of a name.
        const LEN: usize = 64;
        let name = dissector.get(..dissector.len().min(LEN)).unwrap_or_default();
        let known = self.unused.iter().position(|(known, _)| **known == *name);
        if known.is_none() && self.unused.len() < NAMES {
            self.unused.push((name.into(), 0));
        }
        let at = known.unwrap_or(self.unused.len().saturating_sub(1));
        if let Some((_, count)) = self.unused.get_mut(at) {
            *count += 1;
        }
    }

    /// The capture ended: says which PDUs are not used.
    pub(super) fn end(&mut self, findings: &mut Vec<Finding>) {
        let one = |(name, count): &(Box<[u8]>, u64)| {
            let name = if name.is_empty() { "(no name)".to_owned() } else { safe_text(name) };
            format!("{count} of {name}")
        };
        let all: Vec<String> = self.unused.iter().map(one).collect();
        if let Some(packet) = self.last.take() {
            let text =
                format!("exported PDUs that are no bytes of a TCP stream are not used: {}", all.join(", "));
            findings.push(finding(&rules::EXPORTED_PDU_UNUSED, &packet, text));
        }
    }
}
