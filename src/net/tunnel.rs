//! Tunnels: what IP, GRE and UDP carry that holds packets of its own.

use super::cursor::{Cursor, DecodeStop, Header, be16};
use super::ip::protocol;
use super::link::{ETHERNET, ether_type};
use super::{Next, Skip};

const GRE: Header = Header::link("GRE header");
const ERSPAN: Header = Header::link("ERSPAN header");
const ETHER_IP: Header = Header::link("EtherIP header");
const VXLAN: Header = Header::link("VXLAN header");
const GENEVE: Header = Header::link("Geneve header");
const GTP: Header = Header::link("GTP-U header");
const L2TP: Header = Header::link("L2TP header");
const TEREDO: Header = Header::link("Teredo header");
const TZSP: Header = Header::link("TZSP header");

/// UDP ports that carry packets (IANA's list; 8472 is Linux's older VXLAN port).
mod port {
    pub(super) const L2TP: u16 = 1701;
    pub(super) const GTP: u16 = 2152;
    pub(super) const TEREDO: u16 = 3544;
    pub(super) const VXLAN: u16 = 4789;
    pub(super) const VXLAN_GPE: u16 = 4790;
    pub(super) const GENEVE: u16 = 6081;
    pub(super) const MPLS: u16 = 6635;
    pub(super) const VXLAN_LINUX: u16 = 8472;
    pub(super) const TZSP: u16 = 37008;
}

/// Whether an IP protocol carries packets.
pub(super) fn is_carrier(payload: u8) -> bool {
    use protocol::{ETHER_IP, GRE, IPV4, IPV6, MPLS, UDP};
    matches!(payload, IPV4 | UDP | IPV6 | GRE | ETHER_IP | MPLS)
}

/// Peels the tunnel header that an IP protocol stands for.
pub(super) fn peel(payload: u8, cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    match payload {
        protocol::IPV4 | protocol::IPV6 => Ok(Next::Ip),
        protocol::UDP => peel_udp(cursor),
        protocol::GRE => peel_gre(cursor),
        protocol::MPLS => Ok(Next::Type(ether_type::MPLS)),
        // RFC 3378: two bytes, then a frame.
        protocol::ETHER_IP => {
            cursor.advance(2, ETHER_IP)?;
            Ok(Next::Link(ETHERNET))
        }
        _ => Err(Skip::NotTcp.into()),
    }
}

/// What people call the tunnel that a UDP port stands for.
pub(super) fn name_of_port(destination: u16) -> &'static str {
    match destination {
        port::VXLAN | port::VXLAN_LINUX => "VXLAN",
        port::VXLAN_GPE => "VXLAN-GPE",
        port::GENEVE => "Geneve",
        port::GTP => "GTP-U",
        port::L2TP => "L2TP",
        port::TZSP => "TZSP",
        _ => "Teredo",
    }
}

/// Whether UDP between these ports may hold a tunnel.
pub(super) fn is_tunnel(source: u16, destination: u16) -> bool {
    use port::*;
    source == TEREDO
        || matches!(destination, L2TP | GTP | TEREDO | VXLAN | VXLAN_GPE | GENEVE | MPLS | VXLAN_LINUX | TZSP)
}

/// Peels a UDP header and the tunnel header that its ports promise.
///
/// A port is a guess: where the header does not fit, the packet is UDP and no more.
fn peel_udp(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    let Some(&[a, b, c, d, e, f, _, _]) = cursor.peek::<8>() else { return Err(Skip::Udp.into()) };
    let (source, destination, len) = (be16(a, b), be16(c, d), usize::from(be16(e, f)));
    if !is_tunnel(source, destination) {
        return Err(Skip::Udp.into());
    }
    if len >= 8 {
        cursor.trim(len);
    }
    cursor.advance(8, VXLAN)?;
    match destination {
        port::VXLAN | port::VXLAN_LINUX => {
            let &[flags, ..] = cursor.take::<8>(VXLAN)?;
            // RFC 7348 section 5: the flag I must be set.
            if flags & 0x08 == 0 { Err(Skip::Udp.into()) } else { Ok(Next::Link(ETHERNET)) }
        }
        port::VXLAN_GPE => {
            let &[flags, _, _, protocol, ..] = cursor.take::<8>(VXLAN)?;
            match protocol {
                _ if flags & 0x04 == 0 => Ok(Next::Link(ETHERNET)),
                1 | 2 => Ok(Next::Ip),
                3 => Ok(Next::Link(ETHERNET)),
                4 => Ok(Next::Type(ether_type::NSH)),
                _ => Err(Skip::Udp.into()),
            }
        }
        port::GENEVE => {
            // RFC 8926 section 3.4: version 0 and the length of the options in words.
            let &[first, _, high, low, ..] = cursor.take::<8>(GENEVE)?;
            if first & 0xc0 != 0 {
                return Err(Skip::Udp.into());
            }
            cursor.advance(usize::from(first & 0x3f) * 4, GENEVE)?;
            Ok(Next::Type(be16(high, low)))
        }
        port::MPLS => Ok(Next::Type(ether_type::MPLS)),
        port::GTP => peel_gtp(cursor),
        port::L2TP => peel_l2tp(cursor),
        port::TZSP => peel_tzsp(cursor),
        _ => peel_teredo(cursor),
    }
}

/// Peels a GRE header (RFC 2784, RFC 2890, RFC 2637 section 4.1).
fn peel_gre(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGMENT: u16 = 0x0080;
    const ERSPAN_2: u16 = 0x88be;
    const ERSPAN_3: u16 = 0x22eb;
    const WCCP: u16 = 0x883e;
    let &[a, b, c, d] = cursor.take::<4>(GRE)?;
    let (flags, kind) = (be16(a, b), be16(c, d));
    // Version 1 is PPTP's, with an acknowledgment number in place of the checksum.
    let version_1 = match flags & 7 {
        0 => false,
        1 => true,
        _ => return Err(Skip::NotTcp.into()),
    };
    let words = [
        !version_1 && flags & (CHECKSUM | ROUTING) != 0,
        flags & KEY != 0,
        flags & SEQUENCE != 0,
        version_1 && flags & ACKNOWLEDGMENT != 0,
    ];
    cursor.advance(words.iter().filter(|there| **there).count() * 4, GRE)?;
    if !version_1 && flags & ROUTING != 0 {
        // RFC 1701: source route entries, up to one without a length.
        loop {
            let &[family_high, family_low, _, len] = cursor.take::<4>(GRE)?;
            cursor.advance(usize::from(len), GRE)?;
            if be16(family_high, family_low) == 0 && len == 0 {
                break;
            }
        }
    }
    match kind {
        // Without a sequence number it is type I, which has no header.
        ERSPAN_2 => {
            cursor.advance(if flags & SEQUENCE != 0 { 8 } else { 0 }, ERSPAN)?;
            Ok(Next::Link(ETHERNET))
        }
        ERSPAN_3 => {
            let header = cursor.take::<12>(ERSPAN)?;
            cursor.advance(if header[11] & 1 == 1 { 8 } else { 0 }, ERSPAN)?;
            Ok(Next::Link(ETHERNET))
        }
        WCCP => {
            // Version 2 puts a word before the IP header.
            if !matches!(cursor.peek::<1>(), Some([0x45..=0x4f])) {
                cursor.advance(4, GRE)?;
            }
            Ok(Next::Ip)
        }
        kind @ ether_type::FIRST.. => Ok(Next::Type(kind)),
        _ => Err(Skip::NotIp.into()),
    }
}

/// Peels a GTP-U header with its extensions (3GPP TS 29.281 section 5).
fn peel_gtp(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    const PACKET: u8 = 255;
    let &[flags, kind, high, low, ..] = cursor.take::<8>(GTP)?;
    if flags & 0xf0 != 0x30 || kind != PACKET {
        return Err(Skip::Udp.into());
    }
    cursor.trim(usize::from(be16(high, low)));
    if flags & 0x07 != 0 {
        let &[_, _, _, mut next] = cursor.take::<4>(GTP)?;
        while flags & 0x04 != 0 && next != 0 {
            let Some(&[words]) = cursor.peek::<1>() else { return Err(cursor.lack(4, GTP)) };
            let len = usize::from(words.max(1)) * 4;
            next = cursor.bytes.get(len - 1).copied().ok_or_else(|| cursor.lack(len, GTP))?;
            cursor.advance(len, GTP)?;
        }
    }
    Ok(Next::Ip)
}

/// Peels the header of an L2TP data message (RFC 2661 section 3.1).
fn peel_l2tp(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    let &[high, low] = cursor.take::<2>(L2TP)?;
    let flags = be16(high, low);
    if flags & 0x8000 != 0 || flags & 0x0f != 2 {
        return Err(Skip::Udp.into());
    }
    let optional = |bit: u16, len: usize| if flags & bit != 0 { len } else { 0 };
    cursor.advance(optional(0x4000, 2) + 4 + optional(0x0800, 4), L2TP)?;
    if flags & 0x0200 != 0 {
        let &[high, low] = cursor.take::<2>(L2TP)?;
        cursor.advance(usize::from(be16(high, low)), L2TP)?;
    }
    Ok(Next::Ppp)
}

/// Peels Teredo's authentication and origin headers (RFC 4380 section 5.1.1).
fn peel_teredo(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    loop {
        match cursor.peek::<4>() {
            Some(&[0, 1, id_len, value_len]) => {
                cursor.advance(13 + usize::from(id_len) + usize::from(value_len), TEREDO)?;
            }
            Some([0, 0, ..]) => cursor.advance(8, TEREDO)?,
            Some([0x60..=0x6f, ..]) => return Ok(Next::Ip),
            _ => return Err(Skip::Udp.into()),
        }
    }
}

/// Peels a TaZmen sniffer header: version, type and what is encapsulated, then tags up to the end tag.
fn peel_tzsp(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    const PADDING: u8 = 0;
    const END: u8 = 1;
    let &[1, 0, high, low] = cursor.take::<4>(TZSP)? else { return Err(Skip::Udp.into()) };
    loop {
        match cursor.take::<1>(TZSP)? {
            [END] => break,
            [PADDING] => {}
            _ => {
                let &[len] = cursor.take::<1>(TZSP)?;
                cursor.advance(usize::from(len), TZSP)?;
            }
        }
    }
    match be16(high, low) {
        1 => Ok(Next::Link(ETHERNET)),
        _ => Err(Skip::Udp.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::packets::*;
    use super::super::{Decoder, FragmentLimits, Skip};

    const RAW: u16 = 101;

    #[test]
    fn eight_tunnels_inside_each_other_are_followed_and_no_more() {
        let nested = |depth: usize| (0..depth).fold(ip4_tcp(PAYLOAD), |inner, _| ip4(4, &inner));
        assert!(decode(RAW, &nested(8)).is_ok());
        let bytes = nested(9);
        let mut decoder = Decoder::new(&FragmentLimits::default());
        assert_eq!(decoder.decode(&packet(RAW, &bytes), &bytes), Err(Skip::TunnelDepth));
        assert_eq!(decoder.take_findings()[0].rule.code, "packet-malformed");
    }

    #[test]
    fn the_innermost_tcp_counts() {
        // A frame from 10.0.0.1 in VXLAN in GRE in IPv6.
        let vxlan =
            udp(4789, &[&[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(0x0800, &ip4_tcp(PAYLOAD))[..]].concat());
        let bytes = ip6_datagram(47, &[&[0, 0, 8, 0], &vxlan[..]].concat());
        let segment = decode(RAW, &bytes).unwrap();
        assert_eq!(
            (segment.source.to_string().as_str(), segment.len),
            ("10.0.0.1:49152", PAYLOAD.len() as u32)
        );
    }

    #[test]
    fn a_mirror_that_cuts_frames_leaves_the_length_that_ip_says() {
        // The outer lengths are those of the cut frame: only the inner one tells how long it was.
        let ip = ip4_tcp(&[7; 500]);
        let bytes = udp(4789, &[&[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(0x0800, &ip[..100])[..]].concat());
        let segment = decode(RAW, &bytes).unwrap();
        assert_eq!((segment.len, segment.claimed_len), (48, 500));
    }

    #[test]
    fn a_port_alone_makes_no_tunnel() {
        // Whatever it is, it is UDP, and nobody is to blame.
        for port in [1701, 2152, 3544, 4789, 4790, 6081, 6635, 8472, 37008] {
            for content in [&[][..], &[0xff; 60], &[0; 60], &[8; 60], &[0x45; 10]] {
                let bytes = udp(port, content);
                let mut decoder = Decoder::new(&FragmentLimits::default());
                let skip = decoder.decode(&packet(RAW, &bytes), &bytes).unwrap_err();
                assert!(matches!(skip, Skip::Udp | Skip::NotIp), "{port} {content:x?}: {skip:?}");
                assert!(!decoder.has_findings(), "{port}");
            }
        }
    }

    #[test]
    fn a_tzsp_stream_gives_the_frames_it_mirrors() {
        let head = [1, 0, 0, 1, 0, 10, 1, 0xd8, 1];
        let bytes = udp(37008, &[&head[..], &ethernet(0x0800, &ip4_tcp(PAYLOAD))].concat());
        assert_eq!(decode(RAW, &bytes).unwrap().len as usize, PAYLOAD.len());
    }
}
