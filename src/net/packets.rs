//! Packets for this room's tests, made with etherparse or by hand.

use etherparse::{IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, PacketBuilder, UdpHeader};

use super::{ARENA_BASE, Decoder, FragmentLimits, Skip};
use crate::model::{LinkType, PacketRef, Segment, Span, Time};

pub(super) const ETHERNET: u16 = 1;

/// Where the packets of the tests begin in the capture.
pub(super) const AT: u64 = 1000;

pub(super) const PAYLOAD: &[u8] = b"GET /chat HTTP/1.1\r\n";

/// An IPv4 datagram with a TCP segment from 10.0.0.1:49152 to 10.0.0.2:80.
pub(super) fn ip4_tcp(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .tcp(49152, 80, 1000, 4096)
        .ack(2000)
        .psh()
        .options_raw(&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2])
        .unwrap()
        .write(&mut bytes, payload)
        .unwrap();
    bytes
}

/// The same in IPv6, from 2001:db8::1 to 2001:db8::2.
pub(super) fn ip6_tcp(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ipv6(ip6(1), ip6(2), 64)
        .tcp(49152, 80, 1000, 4096)
        .ack(2000)
        .psh()
        .write(&mut bytes, payload)
        .unwrap();
    bytes
}

/// 2001:db8::`last`
pub(super) fn ip6(last: u8) -> [u8; 16] {
    [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]
}

/// An IPv4 datagram that holds `payload` of protocol `protocol`.
pub(super) fn ip4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let len = payload.len() as u16;
    let header = Ipv4Header::new(len, 64, IpNumber(protocol), [192, 0, 2, 1], [192, 0, 2, 2]).unwrap();
    let mut bytes = Vec::new();
    header.write(&mut bytes).unwrap();
    [&bytes, payload].concat()
}

/// An IPv6 datagram of which the first extension header or the payload is of `protocol`.
pub(super) fn ip6_datagram(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header = Ipv6Header {
        traffic_class: 0,
        flow_label: Ipv6FlowLabel::ZERO,
        payload_length: payload.len() as u16,
        next_header: IpNumber(protocol),
        hop_limit: 64,
        source: ip6(1),
        destination: ip6(2),
    };
    [&header.to_bytes(), payload].concat()
}

/// UDP in IPv4 to `port`.
pub(super) fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let header = UdpHeader {
        source_port: 50_000,
        destination_port: port,
        length: 8 + payload.len() as u16,
        checksum: 0,
    };
    ip4(17, &[&header.to_bytes(), payload].concat())
}

/// An Ethernet frame. The addresses are of a known maker: tshark knows a pseudowire by that.
pub(super) fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&[0, 0x1b, 0x21, 0, 0, 2, 0, 0x1b, 0x21, 0, 0, 1], &kind.to_be_bytes()[..], payload].concat()
}

/// A packet of the capture that was not cut.
pub(super) fn packet(link: u16, bytes: &[u8]) -> PacketRef {
    let len = bytes.len() as u32;
    PacketRef {
        number: 1,
        time: Time(0),
        bytes: Span { start: AT, len },
        wire_len: len,
        link: LinkType(link),
    }
}

/// What a new decoder makes of one packet.
pub(super) fn decode(link: u16, bytes: &[u8]) -> Result<Segment, Skip> {
    Decoder::new(&FragmentLimits::default()).decode(&packet(link, bytes), bytes)
}

/// The captured payload of a segment.
pub(super) fn payload<'a>(decoder: &'a Decoder, packet: &'a [u8], segment: &Segment) -> &'a [u8] {
    let start = segment.header_at + u64::from(segment.header_len);
    if start >= ARENA_BASE {
        return decoder.bytes(Span { start, len: segment.len }).unwrap();
    }
    // A header that was cut ends behind the packet.
    packet.get((start - AT) as usize..).unwrap_or_default().get(..segment.len as usize).unwrap()
}

/// Ways that tshark has no dissector for, or only where it is told to use it.
pub(super) fn private_encapsulations(ip: &[u8]) -> Vec<(&'static str, u16, Vec<u8>)> {
    let (kind, link) = if ip[0] >> 4 == 6 { (0x86ddu16, 229) } else { (0x0800, 228) };
    let mut pktap = vec![0; 108];
    (pktap[0], pktap[4], pktap[8]) = (108, 1, link);
    vec![
        ("Cisco TTag", 1, ethernet(0x8988, &[&[0, 1, 2, 3, 4, 5], &kind.to_be_bytes()[..], ip].concat())),
        ("PKTAP as a private link type", 149, [&pktap, ip].concat()),
        ("PKTAP", 258, [&pktap, ip].concat()),
    ]
}

/// Every way in which a packet can hold an IP datagram: name, link type, bytes.
pub(super) fn encapsulations(ip: &[u8]) -> Vec<(&'static str, u16, Vec<u8>)> {
    let is_v6 = ip[0] >> 4 == 6;
    let (kind, family, ppp) = if is_v6 { (0x86ddu16, 30u32, 0x57) } else { (0x0800, 2, 0x21) };
    let (high, low) = (kind.to_be_bytes()[0], kind.to_be_bytes()[1]);
    let carrier = if is_v6 { 41 } else { 4 };
    let with = |head: &[u8], tail: &[u8]| [head, tail].concat();
    let frame = ethernet(kind, ip);
    let snap = with(&[0xaa, 0xaa, 3, 0, 0, 0, high, low], ip);
    let gre = |head: &[u8], tail: &[u8]| ethernet(0x0800, &ip4(47, &with(head, tail)));
    let over_udp = |port, head: &[u8], tail: &[u8]| ethernet(0x0800, &udp(port, &with(head, tail)));
    let wifi = |control: [u8; 2], rest: usize| with(&control, &vec![0; rest]);
    let mut all = vec![
        ("Ethernet", 1, frame.clone()),
        ("VLAN", 1, ethernet(0x8100, &with(&[0, 5, high, low], ip))),
        ("802.1ad and VLAN", 1, ethernet(0x88a8, &with(&[0, 5, 0x81, 0, 0, 6, high, low], ip))),
        ("five VLANs", 1, ethernet(0x8100, &with(&[0, 1, 0x81, 0].repeat(4), &with(&[0, 5, high, low], ip)))),
        ("LLC with SNAP", 1, ethernet(snap.len() as u16, &snap)),
        ("Cisco MetaData", 1, ethernet(0x8909, &with(&[1, 1, 0, 1, 0, 7, high, low], ip))),
        ("Cisco MetaData in a VLAN", 1, {
            ethernet(0x8100, &with(&[0, 5, 0x89, 0x09, 1, 1, 0, 1, 0, 7, high, low], ip))
        }),
        ("Arista time stamp of 64 bits", 1, {
            ethernet(0xd28b, &with(&[0, 1, 0, 0x10, 0, 0, 0, 1, 0, 0, 0, 2, high, low], ip))
        }),
        ("Arista time stamp of 48 bits", 1, {
            ethernet(0xd28b, &with(&[0, 1, 1, 0x20, 0, 1, 0, 0, 0, 2, high, low], ip))
        }),
        ("MPLS", 1, ethernet(0x8847, &with(&[0, 1, 0, 64, 0, 2, 1, 64], ip))),
        ("MPLS pseudowire", 1, ethernet(0x8847, &with(&[0, 2, 1, 64, 0, 0, 0, 0], &frame))),
        ("PPPoE", 1, ethernet(0x8864, &with(&[0x11, 0, 0, 1, 0, ip.len() as u8 + 2, 0, ppp], ip))),
        ("GRE", 1, gre(&[0, 0, high, low], ip)),
        ("GRE with checksum, key and number", 1, gre(&with(&[0xb0, 0, high, low], &[0; 12]), ip)),
        ("GRE with a frame", 1, gre(&[0, 0, 0x65, 0x58], &frame)),
        ("PPTP", 1, gre(&[0x30, 0x81, 0x88, 0x0b, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 3, 0, ppp], ip)),
        ("ERSPAN I", 1, gre(&[0, 0, 0x88, 0xbe], &frame)),
        ("ERSPAN II", 1, gre(&with(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10], &[0; 7]), &frame)),
        ("ERSPAN III", 1, gre(&with(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20], &[0; 11]), &frame)),
        ("IP in IPv4", 1, ethernet(0x0800, &ip4(carrier, ip))),
        ("IP in IPv6", 1, ethernet(0x86dd, &ip6_datagram(carrier, ip))),
        ("EtherIP", 1, ethernet(0x0800, &ip4(97, &with(&[0x30, 0], &frame)))),
        ("MPLS in IP", 1, ethernet(0x0800, &ip4(137, &with(&[0, 2, 1, 64], ip)))),
        ("VXLAN", 1, over_udp(4789, &[8, 0, 0, 0, 0, 0, 7, 0], &frame)),
        ("Geneve", 1, over_udp(6081, &[1, 0, 0x65, 0x58, 0, 0, 7, 0, 0, 1, 0, 0], &frame)),
        ("Geneve with IP", 1, over_udp(6081, &[0, 0, high, low, 0, 0, 7, 0], ip)),
        ("MPLS in UDP", 1, over_udp(6635, &[0, 2, 1, 64], ip)),
        ("GTP-U", 1, over_udp(2152, &[0x30, 255, 0, ip.len() as u8, 0, 0, 0, 1], ip)),
        (
            "GTP-U with an extension",
            1,
            over_udp(
                2152,
                &with(&[0x34, 255, 0, ip.len() as u8 + 8, 0, 0, 0, 1], &[0, 0, 0, 0x85, 1, 0, 0, 0]),
                ip,
            ),
        ),
        ("L2TP", 1, over_udp(1701, &[0, 2, 0, 1, 0, 1, 0xff, 3, 0, ppp], ip)),
        ("NULL", 0, with(&family.to_le_bytes(), ip)),
        ("NULL of a big-endian machine", 0, with(&family.to_be_bytes(), ip)),
        ("LOOP", 108, with(&family.to_be_bytes(), ip)),
        ("PPP", 9, with(&[0xff, 3, 0, ppp], ip)),
        ("PPP with short protocol", 9, with(&[ppp], ip)),
        ("PPP in HDLC", 50, with(&[0xff, 3, 0, ppp], ip)),
        ("PPPoE alone", 51, with(&[0x11, 0, 0, 1, 0, ip.len() as u8 + 2, 0, ppp], ip)),
        ("LLC of ATM", 100, snap.clone()),
        ("raw IP", 101, ip.to_vec()),
        ("Cisco HDLC", 104, with(&[0x0f, 0, high, low], ip)),
        ("802.11", 105, with(&wifi([0x08, 0x01], 22), &snap)),
        ("802.11 QoS", 105, with(&wifi([0x88, 0x02], 24), &snap)),
        ("802.11 QoS with four addresses", 105, with(&wifi([0x88, 0x03], 30), &snap)),
        ("802.11 QoS with HT control", 105, with(&wifi([0x88, 0x82], 28), &snap)),
        ("Frame Relay", 107, with(&[0x18, 0x41, 3, if is_v6 { 0x8e } else { 0xcc }], ip)),
        ("Linux cooked", 113, with(&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, high, low], ip)),
        ("pflog", 117, {
            let head = [61, if is_v6 { 24 } else { 2 }, 0, 0, b'e', b'm', b'0'];
            let mut head = head.to_vec();
            head.resize(64, 0);
            with(&head, ip)
        }),
        ("ERF", 197, {
            let mut head = vec![0; 18];
            (head[8], head[11], head[15]) = (2, frame.len() as u8 + 18, frame.len() as u8);
            with(&head, &frame)
        }),
        ("radiotap", 127, with(&[0, 0, 8, 0, 0, 0, 0, 0], &with(&wifi([0x08, 0x01], 22), &snap))),
        ("PPI", 192, with(&[0, 0, 8, 0, 1, 0, 0, 0], &frame)),
        ("NFLOG", 239, {
            let len = (ip.len() as u16 + 4).to_le_bytes();
            let head = [if is_v6 { 10 } else { 2 }, 0, 0, 0, 8, 0, 5, 0, 0, 0, 0, 1, len[0], len[1], 9, 0];
            with(&head, ip)
        }),
        ("Linux cooked 2", 276, with(&[high, low, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], ip)),
    ];
    if is_v6 {
        all.push(("IPv6", 229, ip.to_vec()));
        all.push((
            "Teredo",
            1,
            over_udp(3544, &[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6], ip),
        ));
    } else {
        all.push(("IPv4", 228, ip.to_vec()));
        all.push(("ARCNET", 129, with(&[1, 2, 0, 0, 212, 0, 0, 1], ip)));
    }
    all
}
