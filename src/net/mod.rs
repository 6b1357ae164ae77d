//! One packet in, one TCP segment out, or the reason why not.
//!
//! ```text
//! packet ──► link ──► IP ──────────────────► TCP ──► Segment
//!             ▲        │ ▲                    ▲
//!             │        │ └─ extension headers │
//!             │        ├──► fragment ──► arena ┘  (the datagram put together)
//!             └────────┴──► tunnel: GRE, VXLAN, Geneve, IP in IP …
//! ```
//!
//! Lengths come from three places, and each layer knows better than the one below: the capture says how
//! much was stored and how much was on the wire, and each IP header says where its datagram ends. What
//! lies behind that end is padding and never payload; what the header claims beyond the stored bytes was
//! cut off by the capture, and counts in [`Segment::claimed_len`].

// A number that does not fit is never cut silently: `model::to_u32` and its like, or `low_u32`. Tests know their numbers.
#![cfg_attr(
    not(test),
    warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)
)]

mod checksum;
#[cfg(test)]
mod corpus_tests;
mod cursor;
mod defrag;
mod exported;
mod ip;
mod layers;
mod link;
#[cfg(test)]
mod packets;
pub mod rules;
mod tcp;
mod tunnel;
mod wifi;

use etherparse::{EtherType, Ethernet2Header, Ethernet2HeaderSlice, Ipv4Header, TcpHeaderSlice};

use crate::model::{Endpoint, Finding, LinkType, Nanos, PacketRef, Segment, Span, to_u8, to_u32};
use cursor::{Cursor, DecodeStop};
use defrag::{Arena, Fragments};
use exported::Exports;
use ip::{Addresses, Fragment, protocol};
use link::ether_type;

/// Sender and receiver of a TCP segment.
pub type Between = (Endpoint, Endpoint);

/// A finding about a datagram that came in fragments, and whose TCP segment it carries, if that is known.
pub type DatagramFinding = (Finding, Option<Between>);

pub use checksum::{checksum_is_left_to_card, checksum_ok};
pub use layers::{Layer, layers};

/// The addresses of reassembled IP datagrams begin here; those of the capture end below.
pub const ARENA_BASE: u64 = 0xF000_0000_0000_0000;

/// Tunnels inside each other that are followed.
const MAX_TUNNELS: u32 = 8;

/// Ethernet types that are reported by name. A capture has one, or a few.
const MAX_UNKNOWN_TYPES: usize = 16;

/// Findings that wait to be taken; more are dropped.
const MAX_FINDINGS: usize = 16_384;

/// Bounds of what is held to put IP fragments together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentLimits {
    /// Bytes of unfinished datagrams.
    pub bytes: usize,
    /// Unfinished datagrams, together with finished ones that are remembered to know copies by.
    pub datagrams: usize,
    /// How long the first fragment waits for the others, in nanoseconds of the capture's time.
    pub age: Nanos,
    /// Bytes of finished datagrams that [`Decoder::bytes`] can still give.
    pub kept: usize,
}

impl Default for FragmentLimits {
    /// 4 MiB, 4096 datagrams, 30 s; 8 MiB of finished datagrams.
    fn default() -> Self {
        Self { bytes: 4 << 20, datagrams: 4096, age: Nanos::seconds(30), kept: 8 << 20 }
    }
}

/// Why a packet yields no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skip {
    /// It carries no IP.
    NotIp,
    /// Its Ethernet type is not known: what it carries may be IP behind a header of its own.
    UnknownType(u16),
    /// It carries an IP protocol that is neither TCP, UDP nor ICMP.
    NotTcp,
    /// It carries UDP, and no tunnel that is known.
    Udp,
    /// It carries ICMP. A TCP header that an ICMP error quotes is not a segment.
    Icmp,
    /// It carries a part of an IP datagram that waits for the other parts, or a copy of one.
    Fragment,
    /// It is encrypted below TCP: protected 802.11, IPsec, MACsec.
    Encrypted,
    /// A link or tunnel header does not fit the packet, or has a value that cannot be.
    MalformedLink,
    /// An IP header does not fit the packet, or has a value that cannot be.
    MalformedIp,
    /// The TCP header does not fit the datagram, or has a value that cannot be.
    MalformedTcp,
    /// The capture cut the packet before the TCP header.
    HeaderCut,
    /// The capture cut the packet inside the 20 fixed bytes of the TCP header.
    TcpHeaderCut,
    /// The link type is not known.
    UnsupportedLink(LinkType),
    /// Wireshark exported it as the payload of something that is no part of a WebSocket.
    ExportedPdu,
    /// No byte was captured.
    Empty,
    /// There are more tunnels inside each other than are followed.
    TunnelDepth,
}

impl Skip {
    /// The word under which such packets are counted.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotIp | Self::UnknownType(_) => "not-ip",
            Self::NotTcp => "not-tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Fragment => "fragment",
            Self::Encrypted => "encrypted",
            Self::MalformedLink | Self::MalformedIp | Self::MalformedTcp => "malformed",
            Self::HeaderCut | Self::TcpHeaderCut => "header-cut",
            Self::UnsupportedLink(_) => "unsupported-link",
            Self::ExportedPdu => "exported-pdu",
            Self::Empty => "empty",
            Self::TunnelDepth => "tunnel-depth",
        }
    }

    fn is_malformed(self) -> bool {
        matches!(self, Self::MalformedLink | Self::MalformedIp | Self::MalformedTcp)
    }
}

/// What stands at the cursor.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// The header of a link type.
    Link(LinkType),
    /// What an Ethernet type stands for.
    Type(u16),
    /// An LLC header.
    Llc,
    /// A PPP frame.
    Ppp,
    /// An IP header of either version.
    Ip,
    /// What an IP protocol number stands for.
    Payload(u8),
    /// A fragment of an IP datagram.
    Fragment(Fragment),
    /// Nothing that could hold IP.
    Nothing,
}

/// Turns packets into TCP segments. Holds nothing but IP fragments.
///
/// Packets go in one after the other, in the order of the capture; the packet that completes a datagram
/// yields the segment of the whole.
#[derive(Debug)]
pub struct Decoder {
    fragments: Fragments,
    arena: Arena,
    findings: Vec<Finding>,
    /// Those of datagrams in fragments.
    of_datagrams: Vec<DatagramFinding>,
    /// Those of datagrams that this packet completes, until it is known what they carry.
    unassigned: Vec<Finding>,
    took_fragment: bool,
    /// Ethernet types that are not known and were reported.
    unknown_types: Vec<u16>,
    exports: Exports,
}

impl Decoder {
    /// A decoder that has seen no packet.
    #[must_use]
    pub fn new(limits: &FragmentLimits) -> Self {
        Self {
            fragments: Fragments::new(limits),
            arena: Arena::new(limits),
            findings: Vec::new(),
            of_datagrams: Vec::new(),
            unassigned: Vec::new(),
            took_fragment: false,
            unknown_types: Vec::new(),
            exports: Exports::default(),
        }
    }

    /// The TCP segment in a packet of which `bytes` were captured.
    ///
    /// Where TCP lies inside tunnels, the innermost counts. A header that does not fit leaves the finding
    /// `packet-malformed`.
    ///
    /// # Errors
    /// The reason why there is none.
    #[inline]
    pub fn decode(&mut self, packet: &PacketRef, bytes: &[u8]) -> Result<Segment, Skip> {
        match plain(packet, bytes) {
            Some(segment) => Ok(segment),
            None => self.decode_other(packet, bytes),
        }
    }

    /// As [`decode`](Self::decode), for a packet that is not [`plain`].
    ///
    /// # Errors
    /// The reason why there is no segment.
    #[inline(never)]
    pub fn decode_other(&mut self, packet: &PacketRef, bytes: &[u8]) -> Result<Segment, Skip> {
        if packet.link == link::ETHERNET
            && let Some(segment) = less_plain(packet, bytes)
        {
            return Ok(segment);
        }
        let segment = self.descend(packet, bytes);
        if !self.unassigned.is_empty() {
            let between = segment.as_ref().ok().map(|segment| (segment.source, segment.destination));
            self.of_datagrams.truncate(MAX_FINDINGS);
            self.of_datagrams.extend(self.unassigned.drain(..).map(|finding| (finding, between)));
        }
        segment.map_err(|stop| self.stopped(packet, stop))
    }

    /// The bytes of a reassembled datagram: spans from [`ARENA_BASE`] on that lie inside one segment.
    ///
    /// `None` for other spans, and once newer datagrams have taken the place.
    #[must_use]
    pub fn bytes(&self, span: Span) -> Option<&[u8]> {
        self.arena.get(span)
    }

    /// Whether an IP fragment was taken since the last call.
    #[inline]
    pub fn took_fragment(&mut self) -> bool {
        self.took_fragment && std::mem::take(&mut self.took_fragment)
    }

    /// Whether findings wait to be taken.
    #[must_use]
    #[inline]
    pub fn has_findings(&self) -> bool {
        !self.findings.is_empty() || !self.of_datagrams.is_empty()
    }

    /// The findings since the last call, but for those of [datagrams](Self::take_findings_of_datagrams).
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// The findings about datagrams in fragments since the last call.
    pub fn take_findings_of_datagrams(&mut self) -> Vec<DatagramFinding> {
        std::mem::take(&mut self.of_datagrams)
    }

    /// The capture has ended: reports the datagrams that were never completed.
    pub fn end(&mut self) {
        self.fragments.end(&mut self.of_datagrams);
        self.exports.end(&mut self.findings);
    }

    #[cold]
    fn stopped(&mut self, packet: &PacketRef, stop: DecodeStop) -> Skip {
        let finding = match stop.skip {
            Skip::TunnelDepth => {
                let text = format!("more than {MAX_TUNNELS} tunnels inside each other");
                Some(cursor::finding(&rules::PACKET_MALFORMED, packet, text))
            }
            Skip::UnknownType(kind) => self.unknown_type(packet, kind),
            _ => stop.finding(packet),
        };
        self.findings.truncate(MAX_FINDINGS);
        self.findings.extend(finding);
        stop.skip
    }

    /// The finding about an Ethernet type that is not known, the first time it is seen.
    fn unknown_type(&mut self, packet: &PacketRef, kind: u16) -> Option<Finding> {
        if self.unknown_types.len() >= MAX_UNKNOWN_TYPES || self.unknown_types.contains(&kind) {
            return None;
        }
        self.unknown_types.push(kind);
        let text =
            format!("packets of Ethernet type 0x{kind:04x} are not decoded; they are counted as 'not-ip'");
        Some(cursor::finding(&rules::CAPTURE_UNKNOWN_ETHERTYPE, packet, text))
    }

    /// Peels one layer after the other.
    #[inline(never)]
    fn descend(&mut self, packet: &PacketRef, bytes: &[u8]) -> Result<Segment, DecodeStop> {
        if bytes.is_empty() {
            return Err(Skip::Empty.into());
        }
        let mut cursor = Cursor::new(packet, bytes);
        let mut addresses = Addresses::default();
        let mut next = Next::Link(packet.link);
        let mut tunnels = 0;
        // Inside a tunnel that only a UDP port speaks for, nothing is malformed: it may be something else.
        let mut guessed = false;
        // Every turn takes bytes or enters a tunnel, so it ends.
        loop {
            let step = match next {
                Next::Link(exported::LINK) => {
                    match self.exports.take(packet, &mut cursor, &mut addresses, &mut self.findings) {
                        Ok(Ok(next)) => {
                            tunnels += 1;
                            Ok(next)
                        }
                        Ok(Err(segment)) => return Ok(segment),
                        Err(stop) => Err(stop),
                    }
                }
                Next::Link(link) => link::peel(link, &mut cursor),
                Next::Type(kind) => link::peel_type(kind, &mut cursor),
                Next::Llc => link::peel_llc(&mut cursor),
                Next::Ppp => link::peel_ppp(&mut cursor),
                Next::Ip => ip::peel(&mut cursor, &mut addresses),
                Next::Nothing => Err(Skip::NotIp.into()),
                Next::Fragment(fragment) => {
                    ip::carries(fragment.protocol)?;
                    self.took_fragment = true;
                    let whole = self.fragments.add(
                        packet,
                        &addresses,
                        &fragment,
                        &cursor,
                        &self.arena,
                        &mut self.of_datagrams,
                    );
                    match whole {
                        Ok(Some(whole)) => {
                            tunnels += 1;
                            let below = cursor.below;
                            let span = self.arena.keep(whole.bytes);
                            self.fragments.finish(&addresses, &fragment, span);
                            self.unassigned.extend(whole.conflict.map(|conflict| *conflict));
                            let bytes = self.arena.get(span).unwrap_or_default();
                            cursor = Cursor::reassembled(below, span.start, bytes, whole.claim);
                            Ok(Next::Payload(whole.protocol))
                        }
                        Ok(None) => Err(Skip::Fragment.into()),
                        Err(stop) => Err(stop),
                    }
                }
                Next::Payload(protocol::TCP) => match tcp::segment(cursor, addresses) {
                    Ok(segment) => return Ok(segment),
                    Err(stop) => Err(stop),
                },
                Next::Payload(payload) if tunnel::is_carrier(payload) => {
                    tunnels += 1;
                    guessed |= payload == protocol::UDP;
                    tunnel::peel(payload, &mut cursor)
                }
                Next::Payload(payload) => ip::peel_extension(payload, &mut cursor, &mut addresses),
            };
            next = match step {
                Ok(_) if tunnels > MAX_TUNNELS => return Err(Skip::TunnelDepth.into()),
                Ok(next) => next,
                Err(stop) if guessed && stop.skip.is_malformed() => return Err(Skip::Udp.into()),
                Err(DecodeStop { skip: Skip::UnknownType(_), .. }) if guessed => {
                    return Err(Skip::NotIp.into());
                }
                Err(stop) => return Err(stop),
            };
        }
    }
}

// The most common packets take a short way: Ethernet, at most one VLAN tag, IP without options or extension
// headers, TCP. `None` where anything is out of the ordinary; the general way then says what.

/// Returns the segment in the most common kind of packet: Ethernet, IPv4 without options, TCP. Returns `None` for all
/// others, which [`Decoder::decode_other`] reads.
#[inline]
#[must_use]
pub fn plain(packet: &PacketRef, bytes: &[u8]) -> Option<Segment> {
    let ethernet = Ethernet2HeaderSlice::from_slice(bytes).ok()?;
    if packet.link != link::ETHERNET || ethernet.ether_type() != EtherType::IPV4 {
        return None;
    }
    let (addresses, payload) = ip::plain_v4(bytes.get(Ethernet2Header::LEN..)?)?;
    let tcp = TcpHeaderSlice::from_slice(payload).ok()?;
    let below = Ethernet2Header::LEN + Ipv4Header::MIN_LEN;
    let header_len = tcp.slice().len();
    let len = to_u32(payload.len() - header_len);
    Some(Segment {
        header_at: packet.bytes.start.saturating_add(below as u64),
        header_len: to_u8(header_len),
        len,
        claimed_len: len,
        below_len: to_u32(below),
        ..tcp::fields(addresses, &tcp)
    })
}

/// Apart from [`plain`], so that nothing of it weighs on the way that most packets take.
#[inline(never)]
fn less_plain(packet: &PacketRef, bytes: &[u8]) -> Option<Segment> {
    let mut cursor = Cursor::new(packet, bytes);
    let mut kind = link::ethernet(&mut cursor).ok()?;
    if kind == ether_type::VLAN {
        kind = link::vlan(&mut cursor).ok()?;
    }
    match kind {
        ether_type::IPV4 => {
            let addresses = ip::peel_plain_v4(&mut cursor)?;
            tcp::whole(cursor, addresses)
        }
        ether_type::IPV6 => {
            let addresses = ip::peel_plain_v6(&mut cursor)?;
            tcp::whole(cursor, addresses)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::packets::*;
    use super::*;

    /// Any packet: one of the encapsulations with some bytes changed, or nothing but noise.
    fn any_packet() -> impl Strategy<Value = (u16, Vec<u8>)> {
        let noise = (0..300u16, proptest::collection::vec(any::<u8>(), 0..200));
        let all = [encapsulations(&ip4_tcp(PAYLOAD)), encapsulations(&ip6_tcp(PAYLOAD))].concat();
        let damaged = (
            any::<prop::sample::Index>(),
            proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            any::<prop::sample::Index>(),
        );
        let damaged = damaged.prop_map(move |(which, changes, end)| {
            let (_, link, mut bytes) = which.get(&all).clone();
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            bytes.truncate(end.index(bytes.len() * 2).max(1));
            (link, bytes)
        });
        prop_oneof![1 => noise, 4 => damaged]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_bytes_of_any_link_type_can_break_it(
            packets in proptest::collection::vec((any_packet(), 0..3000u32), 1..8),
        ) {
            let mut decoder = Decoder::new(&FragmentLimits::default());
            for ((link, bytes), more) in packets {
                let len = bytes.len() as u32;
                let packet = PacketRef { wire_len: len + more, ..packet(link, &bytes) };
                let Ok(segment) = decoder.decode(&packet, &bytes) else { continue };
                prop_assert!(segment.len <= segment.claimed_len);
                prop_assert!(segment.header_len >= 20);
                if segment.header_at < ARENA_BASE {
                    let taken = segment.below_len + u32::from(segment.header_len) + segment.len;
                    prop_assert!(segment.len == 0 || taken <= len);
                    prop_assert_eq!(segment.header_at, AT + u64::from(segment.below_len));
                }
            }
            decoder.end();
        }

        #[test]
        fn the_short_ways_agree_with_the_general_one((link, bytes) in any_packet(), more in 0..3000u32) {
            let packet = PacketRef { wire_len: bytes.len() as u32 + more, ..packet(link, &bytes) };
            if link == link::ETHERNET.0 {
                let mut decoder = Decoder::new(&FragmentLimits::default());
                let general = decoder.descend(&packet, &bytes).ok();
                for short in [plain(&packet, &bytes), less_plain(&packet, &bytes)] {
                    prop_assert!(short.is_none() || short == general, "{short:?} {general:?}");
                }
            }
        }
    }

    #[test]
    fn a_cut_anywhere_keeps_what_is_left_of_the_segment() {
        for ip in [ip4_tcp(PAYLOAD), ip6_tcp(PAYLOAD)] {
            for (name, link, bytes) in encapsulations(&ip) {
                let whole = decode(link, &bytes).unwrap();
                for len in 1..bytes.len() {
                    let cut = &bytes[..len];
                    let packet = PacketRef { wire_len: bytes.len() as u32, ..packet(link, cut) };
                    let mut decoder = Decoder::new(&FragmentLimits::default());
                    let place = format!("{name} cut at {len}");
                    match decoder.decode(&packet, cut) {
                        Ok(segment) => {
                            let there =
                                len.saturating_sub((whole.below_len + u32::from(whole.header_len)) as usize);
                            assert_eq!(segment, Segment { len: there as u32, ..whole }, "{place}");
                            assert_eq!(payload(&decoder, cut, &segment), &PAYLOAD[..there], "{place}");
                        }
                        Err(skip) => {
                            assert!(len < whole.below_len as usize + 20, "{place}: {skip:?}");
                            let cut = matches!(skip, Skip::HeaderCut | Skip::TcpHeaderCut);
                            assert!(
                                cut || skip == Skip::Udp || name == "MPLS pseudowire",
                                "{place}: {skip:?}"
                            );
                        }
                    }
                    assert!(!decoder.has_findings(), "{place}");
                }
            }
        }
    }

    #[test]
    fn an_empty_packet_is_counted_as_such() {
        assert_eq!(decode(ETHERNET, &[]), Err(Skip::Empty));
        assert_eq!(Skip::Empty.reason(), "empty");
    }

    #[test]
    fn findings_that_nobody_takes_do_not_pile_up() {
        let mut decoder = Decoder::new(&FragmentLimits::default());
        let bytes = ethernet(0x0800, &[0xff; 20]);
        for _ in 0..MAX_FINDINGS + 10 {
            assert_eq!(decoder.decode(&packet(ETHERNET, &bytes), &bytes), Err(Skip::MalformedIp));
        }
        assert!(decoder.take_findings().len() <= MAX_FINDINGS + 1);
    }
}
