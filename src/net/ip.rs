//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers, down to what they carry.

use etherparse::err::{ip_auth, ipv4, ipv6};
use etherparse::{
    IpAuthHeaderSlice, Ipv4Header, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6Header, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice,
};

use super::Next;
use super::Skip;
use super::cursor::{Cursor, DecodeStop, Header};

/// Protocol numbers (RFC 9293, 768, …) as in IANA's list.
pub(super) mod protocol {
    pub(crate) const HOP_BY_HOP: u8 = 0;
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const IPV4: u8 = 4;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const IPV6: u8 = 41;
    pub(crate) const ROUTING: u8 = 43;
    pub(crate) const FRAGMENT: u8 = 44;
    pub(crate) const GRE: u8 = 47;
    pub(crate) const ESP: u8 = 50;
    pub(crate) const AH: u8 = 51;
    pub(crate) const ICMPV6: u8 = 58;
    pub(crate) const DESTINATION: u8 = 60;
    pub(crate) const ETHER_IP: u8 = 97;
    pub(crate) const MOBILITY: u8 = 135;
    pub(crate) const MPLS: u8 = 137;
    pub(crate) const HIP: u8 = 139;
    pub(crate) const SHIM6: u8 = 140;
}
use protocol::{AH, DESTINATION, FRAGMENT, HIP, HOP_BY_HOP, MOBILITY, ROUTING, SHIM6};

const IP: Header = Header::ip("IP version");
const IPV4: Header = Header::ip("IPv4 header");
const TOTAL_LENGTH: Header = Header::ip("IPv4 total length");
const IPV6: Header = Header::ip("IPv6 header");
const EXTENSION: Header = Header::ip("IPv6 extension header");
const AUTHENTICATION: Header = Header::ip("IP authentication header");

/// Sender and receiver of a datagram, IPv4 as `::ffff:a.b.c.d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Addresses {
    pub(super) source: [u8; 16],
    /// The last station, where the packet names the stations it passes: it is the one TCP talks to.
    pub(super) destination: [u8; 16],
}

/// What an IP header says about the fragment behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment {
    /// 16 bits in IPv4, 32 in IPv6.
    pub(super) id: u32,
    pub(super) protocol: u8,
    /// Where its first byte lies in the datagram, in bytes.
    pub(super) offset: u16,
    pub(super) more: bool,
    pub(super) v6: bool,
}

/// What the datagram of `protocol` can hold: nothing that ends in TCP is a reason to stop.
pub(super) fn carries(protocol: u8) -> Result<(), Skip> {
    match protocol {
        protocol::TCP | protocol::UDP | protocol::IPV4 | protocol::IPV6 | protocol::GRE => Ok(()),
        protocol::ETHER_IP | protocol::MPLS => Ok(()),
        AH | DESTINATION | FRAGMENT | HIP | HOP_BY_HOP | MOBILITY | ROUTING | SHIM6 => Ok(()),
        protocol::ICMP | protocol::ICMPV6 => Err(Skip::Icmp),
        protocol::ESP => Err(Skip::Encrypted),
        _ => Err(Skip::NotTcp),
    }
}

/// Peels one IP header, whichever its version says.
pub(super) fn peel(cursor: &mut Cursor<'_>, addresses: &mut Addresses) -> Result<Next, DecodeStop> {
    match cursor.bytes.first().map(|first| first >> 4) {
        Some(4) => peel_v4(cursor, addresses),
        Some(6) => peel_v6(cursor, addresses),
        Some(_) => Err(cursor.wrong(IP)),
        None => Err(cursor.lack(1, IP)),
    }
}

fn peel_v4(cursor: &mut Cursor<'_>, addresses: &mut Addresses) -> Result<Next, DecodeStop> {
    let header = match Ipv4HeaderSlice::from_slice(cursor.bytes) {
        Ok(header) => header,
        Err(ipv4::HeaderSliceError::Len(error)) => return Err(cursor.lack(error.required_len, IPV4)),
        Err(ipv4::HeaderSliceError::Content(_)) => return Err(cursor.wrong(IPV4)),
    };
    let header_len = header.slice().len();
    // 0: segmentation offload fills the length in after the capture, so the packet's own length counts.
    match usize::from(header.total_len()) {
        0 => {}
        total if total < header_len => return Err(cursor.wrong(TOTAL_LENGTH)),
        total => cursor.limit(total),
    }
    cursor.advance(header_len, IPV4)?;
    let destination = last_station_v4(header.options()).unwrap_or(header.destination());
    *addresses = Addresses { source: mapped(header.source()), destination: mapped(destination) };
    let protocol = header.protocol().0;
    if header.is_fragmenting_payload() {
        return Ok(Next::Fragment(Fragment {
            id: u32::from(header.identification()),
            protocol,
            offset: header.fragments_offset().value() << 3,
            more: header.more_fragments(),
            v6: false,
        }));
    }
    Ok(Next::Payload(protocol))
}

/// Peels an IPv4 header without options (one may be a source route) that TCP follows; else `None`.
#[inline]
pub(super) fn peel_plain_v4(cursor: &mut Cursor<'_>) -> Option<Addresses> {
    let header = Ipv4HeaderSlice::from_slice(cursor.bytes).ok()?;
    let total = usize::from(header.total_len());
    if header.slice().len() != Ipv4Header::MIN_LEN
        || header.protocol().0 != protocol::TCP
        || header.is_fragmenting_payload()
        || total < Ipv4Header::MIN_LEN
    {
        return None;
    }
    cursor.limit(total);
    cursor.advance(Ipv4Header::MIN_LEN, IPV4).ok()?;
    Some(Addresses { source: mapped(header.source()), destination: mapped(header.destination()) })
}

/// Parses the IPv4 header at the start of `datagram`. Returns the addresses and the datagram after the header, where
/// the header has no options (one may be a source route), the datagram is complete and it carries TCP.
#[inline]
pub(super) fn plain_v4(datagram: &[u8]) -> Option<(Addresses, &[u8])> {
    let header = Ipv4HeaderSlice::from_slice(datagram).ok()?;
    let is_plain = header.slice().len() == Ipv4Header::MIN_LEN
        && header.protocol().0 == protocol::TCP
        && !header.is_fragmenting_payload();
    if !is_plain {
        return None;
    }
    let payload = datagram.get(Ipv4Header::MIN_LEN..usize::from(header.total_len()))?;
    Some((Addresses { source: mapped(header.source()), destination: mapped(header.destination()) }, payload))
}

/// Peels an IPv6 header that TCP follows; else `None`.
#[inline]
pub(super) fn peel_plain_v6(cursor: &mut Cursor<'_>) -> Option<Addresses> {
    let header = Ipv6HeaderSlice::from_slice(cursor.bytes).ok()?;
    let len = usize::from(header.payload_length());
    if header.next_header().0 != protocol::TCP || len == 0 {
        return None;
    }
    cursor.advance(Ipv6Header::LEN, IPV6).ok()?;
    cursor.limit(len);
    Some(Addresses { source: header.source(), destination: header.destination() })
}

/// An IPv4 address as `::ffff:a.b.c.d`.
#[inline]
pub(super) fn mapped(ip: [u8; 4]) -> [u8; 16] {
    // As one number, so that it is written in one piece.
    (0xffff_0000_0000 | u128::from(u32::from_be_bytes(ip))).to_be_bytes()
}

/// The last address of a source route (RFC 791 section 3.1) that the packet has not reached yet.
fn last_station_v4(mut options: &[u8]) -> Option<[u8; 4]> {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    const LOOSE_ROUTE: u8 = 131;
    const STRICT_ROUTE: u8 = 137;
    loop {
        match *options.first()? {
            END => return None,
            NO_OPERATION => options = options.get(1..)?,
            kind => {
                let len = usize::from(*options.get(1)?).max(2);
                let option = options.get(..len)?;
                if kind == LOOSE_ROUTE || kind == STRICT_ROUTE {
                    let pointer = usize::from(*option.get(2)?);
                    return if pointer < len { option.get(3..)?.last_chunk::<4>().copied() } else { None };
                }
                options = options.get(len..)?;
            }
        }
    }
}

fn peel_v6(cursor: &mut Cursor<'_>, addresses: &mut Addresses) -> Result<Next, DecodeStop> {
    let header = match Ipv6HeaderSlice::from_slice(cursor.bytes) {
        Ok(header) => header,
        Err(ipv6::HeaderSliceError::Len(error)) => return Err(cursor.lack(error.required_len, IPV6)),
        Err(ipv6::HeaderSliceError::Content(_)) => return Err(cursor.wrong(IPV6)),
    };
    cursor.advance(header.slice().len(), IPV6)?;
    let next = header.next_header().0;
    match usize::from(header.payload_length()) {
        // Over 64 KiB the length stands in an option (RFC 2675), or nowhere: segmentation offload.
        0 if next == HOP_BY_HOP => {
            if let Some(len) = jumbo_len(cursor.bytes) {
                cursor.limit(len);
            }
        }
        0 => {}
        len => cursor.limit(len),
    }
    *addresses = Addresses { source: header.source(), destination: header.destination() };
    Ok(Next::Payload(next))
}

/// The jumbo payload length in a hop-by-hop header (RFC 2675 section 2).
fn jumbo_len(bytes: &[u8]) -> Option<usize> {
    const PAD1: u8 = 0;
    const JUMBO: u8 = 0xc2;
    let header = Ipv6RawExtHeaderSlice::from_slice(bytes).ok()?;
    let mut options = header.payload();
    loop {
        match options {
            [PAD1, rest @ ..] => options = rest,
            [JUMBO, 4, a, b, c, d, ..] => return Some(u32::from_be_bytes([*a, *b, *c, *d]) as usize),
            [_, len, rest @ ..] => options = rest.get(usize::from(*len)..)?,
            _ => return None,
        }
    }
}

/// Peels what may stand between an IP header and its payload.
pub(super) fn peel_extension(
    protocol: u8,
    cursor: &mut Cursor<'_>,
    addresses: &mut Addresses,
) -> Result<Next, DecodeStop> {
    match protocol {
        HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY | HIP | SHIM6 => {
            let header = Ipv6RawExtHeaderSlice::from_slice(cursor.bytes)
                .map_err(|error| cursor.lack(error.required_len, EXTENSION))?;
            if protocol == ROUTING
                && let Some(last) = last_station_v6(header.slice())
            {
                addresses.destination = last;
            }
            cursor.advance(header.slice().len(), EXTENSION)?;
            Ok(Next::Payload(header.next_header().0))
        }
        AH => {
            let header = match IpAuthHeaderSlice::from_slice(cursor.bytes) {
                Ok(header) => header,
                Err(ip_auth::HeaderSliceError::Len(error)) => {
                    return Err(cursor.lack(error.required_len, AUTHENTICATION));
                }
                Err(ip_auth::HeaderSliceError::Content(_)) => return Err(cursor.wrong(AUTHENTICATION)),
            };
            cursor.advance(header.slice().len(), AUTHENTICATION)?;
            Ok(Next::Payload(header.next_header().0))
        }
        FRAGMENT => {
            let header = Ipv6FragmentHeaderSlice::from_slice(cursor.bytes)
                .map_err(|error| cursor.lack(error.required_len, EXTENSION))?;
            cursor.advance(header.slice().len(), EXTENSION)?;
            let protocol = header.next_header().0;
            if !header.is_fragmenting_payload() {
                return Ok(Next::Payload(protocol));
            }
            Ok(Next::Fragment(Fragment {
                id: header.identification(),
                protocol,
                offset: header.fragment_offset().value() << 3,
                more: header.more_fragments(),
                v6: true,
            }))
        }
        _ => Err(carries(protocol).err().unwrap_or(Skip::NotTcp).into()),
    }
}

/// The last address of a routing header (RFC 8200 section 4.4, RFC 6275, RFC 8754) not reached yet.
fn last_station_v6(header: &[u8]) -> Option<[u8; 16]> {
    const SOURCE_ROUTE: u8 = 0;
    const MOBILE: u8 = 2;
    const SEGMENTS: u8 = 4;
    let [_, _, kind, left, _, _, _, _, addresses @ ..] = header else { return None };
    match *kind {
        _ if *left == 0 => None,
        SOURCE_ROUTE | MOBILE => addresses.last_chunk::<16>().copied(),
        // RFC 8754 section 2: the list is in reverse order.
        SEGMENTS => addresses.first_chunk::<16>().copied(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::packets::*;
    use super::super::{Decoder, FragmentLimits, checksum_ok};
    use super::*;
    use crate::model::{Endpoint, PacketRef};

    const RAW: u16 = 101;

    #[test]
    fn a_total_length_of_zero_means_all_that_was_captured() {
        let mut ip = ip4_tcp(&[7; 60_000]);
        ip[2..4].fill(0);
        let segment = decode(RAW, &ip).unwrap();
        assert_eq!((segment.len, segment.claimed_len), (60_000, 60_000));
        // … and all that was on the wire, where the capture cut it.
        let cut = &ip[..1000];
        let packet = PacketRef { wire_len: ip.len() as u32, ..packet(RAW, cut) };
        let segment = Decoder::new(&FragmentLimits::default()).decode(&packet, cut).unwrap();
        assert_eq!((segment.len, segment.claimed_len), (1000 - 52, 60_000));
    }

    #[test]
    fn a_datagram_longer_than_what_was_captured_is_cut() {
        let ip = ip4_tcp(&[7; 100]);
        for bytes in [&ip[..], &ip6_tcp(&[7; 100])[..]] {
            let cut = &bytes[..bytes.len() - 30];
            let packet = PacketRef { wire_len: bytes.len() as u32, ..packet(RAW, cut) };
            let segment = Decoder::new(&FragmentLimits::default()).decode(&packet, cut).unwrap();
            assert_eq!((segment.len, segment.claimed_len, segment.excess_len), (70, 100, 0));
        }
    }

    #[test]
    fn a_datagram_longer_than_what_was_on_the_wire_is_as_long_as_that() {
        let ip = ip4_tcp(&[7; 100]);
        for bytes in [&ip[..], &ip6_tcp(&[7; 100])[..]] {
            // By itself, and with a short way through an Ethernet header.
            let kind = if bytes[0] >> 4 == 6 { 0x86dd } else { 0x0800 };
            let short = &bytes[..bytes.len() - 30];
            for (link, bytes) in [(RAW, short), (ETHERNET, &ethernet(kind, short)[..])] {
                let segment = decode(link, bytes).unwrap();
                assert_eq!((segment.len, segment.claimed_len, segment.excess_len), (70, 70, 30));
                let tcp = &bytes[segment.below_len as usize..];
                assert_eq!(super::super::checksum_ok(&segment, tcp), None);
                // Cut by 10 bytes in the capture as well.
                let cut = &bytes[..bytes.len() - 10];
                let packet = PacketRef { wire_len: bytes.len() as u32, ..packet(link, cut) };
                let segment = Decoder::new(&FragmentLimits::default()).decode(&packet, cut).unwrap();
                assert_eq!((segment.len, segment.claimed_len, segment.excess_len), (60, 70, 30));
            }
        }
    }

    #[test]
    fn a_total_length_below_the_header_is_malformed_and_reported() {
        let mut ip = ip4_tcp(PAYLOAD);
        ip[2..4].copy_from_slice(&[0, 12]);
        let mut decoder = Decoder::new(&FragmentLimits::default());
        assert_eq!(decoder.decode(&packet(RAW, &ip), &ip), Err(Skip::MalformedIp));
        let findings = decoder.take_findings();
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].rule.code, findings[0].packet), ("packet-malformed", 1));
        assert!(!decoder.has_findings());
    }

    #[test]
    fn a_header_that_the_capture_cut_is_not_malformed() {
        let ip = ip4_tcp(PAYLOAD);
        let packet = PacketRef { wire_len: ip.len() as u32, ..packet(RAW, &ip[..12]) };
        let mut decoder = Decoder::new(&FragmentLimits::default());
        assert_eq!(decoder.decode(&packet, &ip[..12]), Err(Skip::HeaderCut));
        assert!(!decoder.has_findings());
    }

    #[test]
    fn a_version_that_is_none_is_malformed() {
        assert_eq!(decode(RAW, &[0x50; 40]), Err(Skip::MalformedIp));
    }

    #[test]
    fn a_jumbo_payload_has_its_length_in_an_option() {
        let tcp = &ip6_tcp(&[7; 100])[40..];
        let len = (8 + tcp.len() as u32).to_be_bytes();
        let mut ip = ip6_datagram(0, &[&[6, 0, 0xc2, 4], &len[..], tcp].concat());
        ip[4..6].fill(0);
        ip.extend([0xee; 9]);
        let segment = decode(RAW, &ip).unwrap();
        assert_eq!((segment.len, segment.claimed_len, segment.below_len), (100, 100, 48));
    }

    #[test]
    fn an_ipv6_length_of_zero_without_that_option_means_all_that_was_captured() {
        let mut ip = ip6_tcp(&[7; 70_000 - 4_500]);
        ip[4..6].fill(0);
        assert_eq!(decode(RAW, &ip).unwrap().len, 65_500);
    }

    #[test]
    fn extension_headers_are_peeled_in_any_order() {
        let tcp = &ip6_tcp(PAYLOAD)[40..];
        let options = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
        let authentication = [&[6, 4, 0, 0][..], &[1; 20]].concat();
        let headers = [
            &options(60)[..],
            &options(43),
            &[44, 2, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9],
            // An atomic fragment (RFC 6946) needs no other.
            &[135, 0, 0, 0, 1, 2, 3, 4],
            &options(51),
            &authentication,
        ]
        .concat();
        let segment = decode(RAW, &ip6_datagram(0, &[&headers, tcp].concat())).unwrap();
        assert_eq!((segment.len as usize, segment.below_len as usize), (PAYLOAD.len(), 40 + headers.len()));
        assert_eq!(segment.destination, Endpoint::v6(ip6(2), 80));
    }

    #[test]
    fn the_end_of_a_source_route_is_the_receiver() {
        // Made for 10.0.0.2 and 2001:db8::2, on the way to stations before them.
        let v4 = {
            let mut ip = ip4_tcp(PAYLOAD);
            ip[16..20].copy_from_slice(&[10, 0, 0, 99]);
            ip[0] = 0x47;
            ip[3] += 8;
            ip.splice(20..20, [1, 131, 7, 4, 10, 0, 0, 2]);
            ip
        };
        let v6 = |kind: u8, stations: &[[u8; 16]]| {
            let mut route = vec![6, 2 * stations.len() as u8, kind, 1, 0, 0, 0, 0];
            route.extend(stations.concat());
            route.extend(&ip6_tcp(PAYLOAD)[40..]);
            let mut ip = ip6_datagram(43, &route);
            ip[24..40].copy_from_slice(&ip6(99));
            ip
        };
        for ip in [v4, v6(0, &[ip6(98), ip6(2)]), v6(2, &[ip6(2)]), v6(4, &[ip6(2), ip6(98)])] {
            let segment = decode(RAW, &ip).unwrap();
            assert!(
                [Endpoint::v4([10, 0, 0, 2], 80), Endpoint::v6(ip6(2), 80)].contains(&segment.destination)
            );
            // The pseudo-header holds the last station as well, so the sender's checksum is the proof.
            assert_eq!(checksum_ok(&segment, &ip[segment.below_len as usize..]), Some(true));
        }
    }

    #[test]
    fn a_tcp_header_quoted_by_icmp_is_no_segment() {
        let quote = [&[3, 4, 0, 0, 0, 0, 5, 0xdc], &ip4_tcp(b"")[..28]].concat();
        assert_eq!(decode(RAW, &ip4(1, &quote)), Err(Skip::Icmp));
        assert_eq!(decode(RAW, &ip6_datagram(58, &quote)), Err(Skip::Icmp));
    }

    #[test]
    fn what_is_not_tcp_is_counted_by_what_it_is() {
        for (protocol, skip) in
            [(50, Skip::Encrypted), (132, Skip::NotTcp), (59, Skip::NotTcp), (89, Skip::NotTcp)]
        {
            assert_eq!(decode(RAW, &ip4(protocol, &[0; 40])), Err(skip));
            assert_eq!(decode(RAW, &ip6_datagram(protocol, &[0; 40])), Err(skip));
        }
        assert_eq!(decode(RAW, &udp(53, &[0; 40])), Err(Skip::Udp));
    }
}
