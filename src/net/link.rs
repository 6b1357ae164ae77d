//! Link layers: from the first byte of a packet to its IP header.

use etherparse::{Ethernet2Header, Ethernet2HeaderSlice, SingleVlanHeader, SingleVlanHeaderSlice};

use super::cursor::{Cursor, DecodeStop, Header, be16};
use super::{Next, Skip, wifi};
use crate::model::LinkType;

/// Link types as tcpdump.org numbers them.
mod number {
    pub(super) const NULL: u16 = 0;
    pub(super) const ETHERNET: u16 = 1;
    pub(super) const PPP: u16 = 9;
    /// DLT_RAW has other numbers where a file was written with them.
    pub(super) const RAW_BSD: u16 = 12;
    pub(super) const RAW_OPENBSD: u16 = 14;
    pub(super) const PPP_HDLC: u16 = 50;
    pub(super) const PPP_ETHER: u16 = 51;
    pub(super) const ATM_RFC1483: u16 = 100;
    pub(super) const RAW: u16 = 101;
    pub(super) const C_HDLC: u16 = 104;
    pub(super) const IEEE802_11: u16 = 105;
    pub(super) const FRELAY: u16 = 107;
    pub(super) const LOOP: u16 = 108;
    pub(super) const ENC: u16 = 109;
    pub(super) const LINUX_SLL: u16 = 113;
    pub(super) const PFLOG: u16 = 117;
    pub(super) const PRISM: u16 = 119;
    pub(super) const RADIOTAP: u16 = 127;
    pub(super) const ARCNET_LINUX: u16 = 129;
    /// Reserved for private use; Apple wrote PKTAP as it.
    pub(super) const PKTAP_OF_APPLE: u16 = 149;
    pub(super) const AVS: u16 = 163;
    pub(super) const PPI: u16 = 192;
    pub(super) const ERF: u16 = 197;
    pub(super) const PPP_WITH_DIR: u16 = 204;
    pub(super) const IPNET: u16 = 226;
    pub(super) const IPV4: u16 = 228;
    pub(super) const IPV6: u16 = 229;
    pub(super) const NFLOG: u16 = 239;
    pub(super) const NETANALYZER: u16 = 240;
    pub(super) const NETANALYZER_TRANSPARENT: u16 = 241;
    pub(super) const EXPORTED_PDU: u16 = 252;
    pub(super) const PKTAP: u16 = 258;
    pub(super) const LINUX_SLL2: u16 = 276;
}

/// Ethernet.
pub(super) const ETHERNET: LinkType = LinkType(number::ETHERNET);

/// Values of an Ethernet type field (IEEE 802 numbers).
pub(super) mod ether_type {
    /// Below it the field is the length of an LLC frame (IEEE 802.3).
    pub(crate) const FIRST: u16 = 0x0600;
    pub(crate) const IPV4: u16 = 0x0800;
    pub(crate) const TRANSPARENT_ETHERNET: u16 = 0x6558;
    pub(crate) const VLAN: u16 = 0x8100;
    pub(crate) const IPV6: u16 = 0x86dd;
    pub(crate) const PPP: u16 = 0x880b;
    pub(crate) const MPLS: u16 = 0x8847;
    pub(crate) const MPLS_MULTICAST: u16 = 0x8848;
    pub(crate) const PPPOE_SESSION: u16 = 0x8864;
    pub(crate) const JUMBO_LLC: u16 = 0x8870;
    pub(crate) const PROVIDER_BRIDGE: u16 = 0x88a8;
    pub(crate) const MACSEC: u16 = 0x88e5;
    /// Cisco's time stamp tag.
    pub(crate) const CISCO_TTAG: u16 = 0x8988;
    /// Cisco MetaData: security group tags.
    pub(crate) const CISCO_CMD: u16 = 0x8909;
    pub(crate) const ARISTA: u16 = 0xd28b;
    pub(crate) const BACKBONE_BRIDGE: u16 = 0x88e7;
    pub(crate) const VN_TAG: u16 = 0x8926;
    pub(crate) const HSR: u16 = 0x892f;
    pub(crate) const NSH: u16 = 0x894f;
    pub(crate) const VLAN_9100: u16 = 0x9100;
    pub(crate) const VLAN_9200: u16 = 0x9200;
    pub(crate) const VLAN_9300: u16 = 0x9300;
}

const ETHERNET_HEADER: Header = Header::link("Ethernet header");
const LOOPBACK: Header = Header::link("loopback header");
const COOKED: Header = Header::link("Linux cooked header");
const VLAN_TAG: Header = Header::link("VLAN tag");
const TAG: Header = Header::link("link layer tag");
const LLC: Header = Header::link("LLC header");
const PPPOE: Header = Header::link("PPPoE header");
const PPP: Header = Header::link("PPP header");
const MPLS: Header = Header::link("MPLS label");
const NSH: Header = Header::link("network service header");
const ERF: Header = Header::link("ERF header");
const PFLOG: Header = Header::link("pflog header");
const MACSEC: Header = Header::link("MACsec tag");
const CAPTURE: Header = Header::link("capture header");
const FRAME_RELAY: Header = Header::link("Frame Relay header");
const NFLOG: Header = Header::link("NFLOG attribute");

/// What people call the header that `link` stands for.
pub(super) fn name_of(link: LinkType) -> &'static str {
    match link.0 {
        number::ETHERNET => "Ethernet",
        number::LINUX_SLL => "Linux cooked",
        number::LINUX_SLL2 => "Linux cooked 2",
        number::NULL | number::LOOP => "loopback",
        number::PPP | number::PPP_HDLC | number::PPP_WITH_DIR => "PPP",
        number::C_HDLC => "Cisco HDLC",
        number::IEEE802_11 => "802.11",
        number::RADIOTAP | number::PRISM | number::AVS => "802.11 with radio header",
        number::FRELAY => "Frame Relay",
        number::ARCNET_LINUX => "ARCNET",
        number::NFLOG => "NFLOG",
        number::PFLOG => "pflog",
        number::ERF => "ERF",
        number::EXPORTED_PDU => "exported PDU",
        _ => "capture header",
    }
}

/// Peels the header that `link` stands for.
pub(super) fn peel(link: LinkType, cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    match link.0 {
        number::ETHERNET => Ok(Next::Type(ethernet(cursor)?)),
        number::RAW | number::RAW_BSD | number::RAW_OPENBSD | number::IPV4 | number::IPV6 => Ok(Next::Ip),
        number::LINUX_SLL => {
            let header = cursor.take::<16>(COOKED)?;
            Ok(cooked(be16(header[2], header[3]), be16(header[14], header[15])))
        }
        number::LINUX_SLL2 => {
            let header = cursor.take::<20>(COOKED)?;
            Ok(cooked(be16(header[8], header[9]), be16(header[0], header[1])))
        }
        number::NULL | number::LOOP => {
            let family = cursor.take::<4>(LOOPBACK)?;
            loopback(*family)
        }
        number::ENC => {
            let header = cursor.take::<12>(LOOPBACK)?;
            loopback([header[0], header[1], header[2], header[3]])
        }
        number::PPP | number::PPP_HDLC => match cursor.peek::<1>() {
            // PPP over a serial line, or Cisco's framing of it (RFC 1662, RFC 1547 section 4.3.1).
            Some([0x0f | 0x8f]) if link.0 == number::PPP_HDLC => peel_cisco(cursor),
            _ => Ok(Next::Ppp),
        },
        number::PPP_WITH_DIR => {
            cursor.advance(1, PPP)?;
            Ok(Next::Ppp)
        }
        number::PPP_ETHER => Ok(Next::Type(ether_type::PPPOE_SESSION)),
        number::C_HDLC => peel_cisco(cursor),
        number::ATM_RFC1483 => Ok(Next::Llc),
        number::FRELAY => peel_frame_relay(cursor),
        number::ARCNET_LINUX => peel_arcnet(cursor),
        number::IEEE802_11 => wifi::peel(cursor, false),
        number::RADIOTAP => wifi::peel_radiotap(cursor),
        number::PRISM => wifi::peel_prism(cursor),
        number::AVS => wifi::peel_avs(cursor),
        number::PPI => {
            let header = cursor.take::<8>(CAPTURE)?;
            let rest = usize::from(u16::from_le_bytes([header[2], header[3]])).saturating_sub(8);
            cursor.advance(rest, CAPTURE)?;
            Ok(Next::Link(LinkType(u16::from_le_bytes([header[4], header[5]]))))
        }
        number::PKTAP => peel_pktap(cursor),
        number::PKTAP_OF_APPLE if is_pktap(cursor.bytes) => peel_pktap(cursor),
        number::PFLOG => peel_pflog(cursor),
        number::ERF => peel_erf(cursor),
        number::IPNET => {
            cursor.advance(24, CAPTURE)?;
            Ok(Next::Ip)
        }
        number::NFLOG => peel_nflog(cursor),
        number::NETANALYZER => {
            cursor.advance(4, CAPTURE)?;
            Ok(Next::Link(ETHERNET))
        }
        // The preamble and the start of frame delimiter follow.
        number::NETANALYZER_TRANSPARENT => {
            cursor.advance(12, CAPTURE)?;
            Ok(Next::Link(ETHERNET))
        }
        _ => Err(Skip::UnsupportedLink(link).into()),
    }
}

/// What follows a Linux cooked header: its protocol field depends on the kind of device.
fn cooked(device: u16, protocol: u16) -> Next {
    const ARPHRD_RADIOTAP: u16 = 803;
    const ETH_P_802_2: u16 = 4;
    match (device, protocol) {
        (ARPHRD_RADIOTAP, _) => Next::Link(LinkType(number::RADIOTAP)),
        (_, ETH_P_802_2) => Next::Llc,
        // Other small numbers are protocols of Linux's own, never lengths.
        (_, ..ether_type::FIRST) => Next::Nothing,
        (_, protocol) => Next::Type(protocol),
    }
}

/// What follows a loopback header: an address family, in the byte order of whoever captured.
fn loopback(family: [u8; 4]) -> Result<Next, DecodeStop> {
    let little = u32::from_le_bytes(family);
    match if little > 0xffff { little.swap_bytes() } else { little } {
        // AF_INET, and AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, Darwin.
        2 | 10 | 23 | 24 | 28 | 30 => Ok(Next::Ip),
        family => match u16::try_from(family) {
            Ok(family @ ether_type::FIRST..) => Ok(Next::Type(family)),
            _ => Err(Skip::NotIp.into()),
        },
    }
}

/// Peels an Ethernet header. Returns the EtherType of its payload.
#[inline]
pub(super) fn ethernet(cursor: &mut Cursor<'_>) -> Result<u16, DecodeStop> {
    let bytes = cursor.take::<{ Ethernet2Header::LEN }>(ETHERNET_HEADER)?;
    let header = Ethernet2HeaderSlice::from_slice(bytes).map_err(|_| Skip::MalformedLink)?;
    Ok(header.ether_type().0)
}

/// Peels a VLAN tag (IEEE 802.1Q). Returns the EtherType behind it.
#[inline]
pub(super) fn vlan(cursor: &mut Cursor<'_>) -> Result<u16, DecodeStop> {
    let bytes = cursor.take::<{ SingleVlanHeader::LEN }>(VLAN_TAG)?;
    let header = SingleVlanHeaderSlice::from_slice(bytes).map_err(|_| Skip::MalformedLink)?;
    Ok(header.ether_type().0)
}

/// Peels what the Ethernet type says comes next.
pub(super) fn peel_type(kind: u16, cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    match kind {
        ether_type::IPV4 | ether_type::IPV6 => Ok(Next::Ip),
        ether_type::VLAN
        | ether_type::PROVIDER_BRIDGE
        | ether_type::VLAN_9100
        | ether_type::VLAN_9200
        | ether_type::VLAN_9300 => Ok(Next::Type(vlan(cursor)?)),
        ether_type::MPLS | ether_type::MPLS_MULTICAST => peel_mpls(cursor),
        ether_type::PPPOE_SESSION => {
            let header = cursor.take::<6>(PPPOE)?;
            cursor.enter_frame(usize::from(be16(header[4], header[5])));
            match header {
                [0x11, 0, ..] => Ok(Next::Ppp),
                _ => Err(Skip::NotIp.into()),
            }
        }
        ether_type::PPP => Ok(Next::Ppp),
        ether_type::TRANSPARENT_ETHERNET => Ok(Next::Link(ETHERNET)),
        ether_type::JUMBO_LLC => Ok(Next::Llc),
        ether_type::BACKBONE_BRIDGE => {
            cursor.advance(4, TAG)?;
            Ok(Next::Link(ETHERNET))
        }
        ether_type::VN_TAG | ether_type::HSR => {
            let tag = cursor.take::<6>(TAG)?;
            Ok(Next::Type(be16(tag[4], tag[5])))
        }
        ether_type::MACSEC => {
            // IEEE 802.1AE section 9.3: readable where neither encrypted nor changed.
            let &[control, ..] = cursor.take::<6>(MACSEC)?;
            if control & 0x0c != 0 {
                return Err(Skip::Encrypted.into());
            }
            if control & 0x20 != 0 {
                cursor.advance(8, MACSEC)?;
            }
            let kind = cursor.take::<2>(MACSEC)?;
            Ok(Next::Type(be16(kind[0], kind[1])))
        }
        ether_type::NSH => peel_nsh(cursor),
        ether_type::CISCO_TTAG => {
            let tag = cursor.take::<8>(TAG)?;
            Ok(Next::Type(be16(tag[6], tag[7])))
        }
        ether_type::CISCO_CMD => {
            // A version, the length of the options in units of four bytes, the options.
            let &[_, len] = cursor.take::<2>(TAG)?;
            cursor.advance(usize::from(len.max(1)) * 4, TAG)?;
            let kind = cursor.take::<2>(TAG)?;
            Ok(Next::Type(be16(kind[0], kind[1])))
        }
        ether_type::ARISTA => peel_arista(cursor),
        len @ ..ether_type::FIRST => {
            cursor.enter_frame(usize::from(len));
            Ok(Next::Llc)
        }
        kind if carries_no_ip(kind) => Err(Skip::NotIp.into()),
        kind => Err(Skip::UnknownType(kind).into()),
    }
}

/// Whether it is known that frames of this type carry no TCP: the IEEE's and IANA's numbers of what runs beside IP.
fn carries_no_ip(kind: u16) -> bool {
    matches!(
        kind,
        // DEC's protocols, ARP, RARP, Wake-on-LAN, AVB stream reservation, AppleTalk, IPX.
        0x6000
            ..=0x6009 | 0x0806 | 0x8035 | 0x0842 | 0x22ea | 0x22f0 | 0x809b | 0x80f3 | 0x8137 | 0x8138
        // Flow control, link aggregation, PPPoE discovery, HomePlug.
        | 0x8808 | 0x8809 | 0x8863 | 0x887b | 0x88e1 | 0x8912
        // 802.1X, preauthentication, LLDP, connectivity faults, precision time, MRP.
        | 0x888e | 0x88c7 | 0x88cc | 0x8902 | 0x88f7 | 0x88f5 | 0x88f6 | 0x8929 | 0x893a | 0x8940
        // Industry: PROFINET, EtherCAT, POWERLINK, SERCOS, GOOSE, GSE, sampled values, MRP rings, PRP.
        | 0x8892 | 0x88a4 | 0x88ab | 0x88cd | 0x88b8 | 0x88b9 | 0x88ba | 0x88e3 | 0x88fb
        // Storage: ATA over Ethernet, FCoE and its initialization, RoCE.
        | 0x88a2 | 0x8906 | 0x8914 | 0x8915
        // Road traffic, TDLS, Realtek's loop detection, loopback test.
        | 0x88dc | 0x8947 | 0x890d | 0x8899 | 0x9000
    )
}

/// Peels Arista's header: a subtype, of which 1 is a time stamp of 64 or 48 bits.
fn peel_arista(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    const TIME_STAMP: u16 = 1;
    let &[a, b, _, version] = cursor.take::<4>(TAG)?;
    let len = match (be16(a, b), version & 0xf0) {
        (TIME_STAMP, 0x10) => 8,
        (TIME_STAMP, 0x20) => 6,
        _ => return Err(Skip::UnknownType(ether_type::ARISTA).into()),
    };
    cursor.advance(len, TAG)?;
    let kind = cursor.take::<2>(TAG)?;
    Ok(Next::Type(be16(kind[0], kind[1])))
}

/// Peels Apple's PKTAP header: its length, the kind of what follows, a link type, and what is known of the process.
fn peel_pktap(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    let header = cursor.take::<12>(CAPTURE)?;
    let len = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
    cursor.advance(len.saturating_sub(12), CAPTURE)?;
    Ok(Next::Link(LinkType(u16::from_le_bytes([header[8], header[9]]))))
}

/// Whether a packet begins with a PKTAP header before a packet of a link type that is no PKTAP.
fn is_pktap(bytes: &[u8]) -> bool {
    const LEAST: u32 = 108;
    const MOST: u32 = 1024;
    const PACKET: u32 = 1;
    let Some((words, _)) = bytes.get(..12).map(<[u8]>::as_chunks::<4>) else { return false };
    match words {
        [len, kind, link] => {
            let link = u32::from_le_bytes(*link);
            (LEAST..=MOST).contains(&u32::from_le_bytes(*len))
                && u32::from_le_bytes(*kind) == PACKET
                && link <= u32::from(u16::MAX)
                && link != u32::from(number::PKTAP_OF_APPLE)
        }
        _ => false,
    }
}

/// Peels the header of a packet filter's log (OpenBSD's pf): its length without padding, an address family, the rule.
fn peel_pflog(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    let &[len, family] = cursor.take::<2>(PFLOG)?;
    let len = usize::from(len).next_multiple_of(4);
    cursor.advance(len.checked_sub(2).ok_or_else(|| cursor.wrong(PFLOG))?, PFLOG)?;
    match family {
        // AF_INET, and AF_INET6 of NetBSD and OpenBSD, FreeBSD, Darwin.
        2 | 24 | 28 | 30 => Ok(Next::Ip),
        _ => Err(Skip::NotIp.into()),
    }
}

/// Peels the header of Endace's Extensible Record Format, its extension headers, and what the type of record has before
/// the packet.
fn peel_erf(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    let header = cursor.take::<16>(ERF)?;
    let (kind, wire_len) = (header[8], be16(header[14], header[15]));
    let mut extends = kind & 0x80 != 0;
    while extends {
        extends = cursor.take::<8>(ERF)?[0] & 0x80 != 0;
    }
    match kind & 0x7f {
        // Ethernet, with colors and hashes: an offset and a byte of padding come first.
        2 | 11 | 16 | 20 => {
            cursor.advance(2, ERF)?;
            cursor.trim(usize::from(wire_len));
            Ok(Next::Link(ETHERNET))
        }
        // Packet over SONET, the same ways: PPP or Cisco's framing.
        1 | 10 | 15 | 17 => {
            cursor.trim(usize::from(wire_len));
            Ok(Next::Link(LinkType(number::PPP_HDLC)))
        }
        22 | 23 => {
            cursor.trim(usize::from(wire_len));
            Ok(Next::Ip)
        }
        _ => Err(Skip::NotIp.into()),
    }
}

/// Peels an LLC header (IEEE 802.2), with SNAP (RFC 1042) where it is there.
pub(super) fn peel_llc(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    let llc = cursor.take::<3>(LLC)?;
    match llc {
        [0xaa, 0xaa, 0x03] => {
            let &[a, b, c, high, low] = cursor.take::<5>(LLC)?;
            match ([a, b, c], be16(high, low)) {
                ([0, 0, 0] | [0, 0, 0xf8], kind @ ether_type::FIRST..) => Ok(Next::Type(kind)),
                // A bridged frame (RFC 2427 section 4.2), with and without its check sequence.
                ([0, 0x80, 0xc2], 1 | 7) => Ok(Next::Link(ETHERNET)),
                _ => Err(Skip::NotIp.into()),
            }
        }
        [0x06, 0x06, 0x03] => Ok(Next::Ip),
        _ => Err(Skip::NotIp.into()),
    }
}

/// Peels PPP's address, control and protocol fields, compressed or not (RFC 1661 section 2, RFC 1662).
pub(super) fn peel_ppp(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    if let Some([0xff]) = cursor.peek::<1>() {
        cursor.advance(2, PPP)?;
    }
    let &[first] = cursor.take::<1>(PPP)?;
    // The last byte of the field is odd, the one before it even: so one byte may do.
    let protocol = if first & 1 == 1 { u16::from(first) } else { be16(first, cursor.take::<1>(PPP)?[0]) };
    match protocol {
        0x0021 | 0x0057 => Ok(Next::Ip),
        0x0281 => Ok(Next::Type(ether_type::MPLS)),
        0x0283 => Ok(Next::Type(ether_type::MPLS_MULTICAST)),
        // Encrypted or compressed (RFC 1968, RFC 2118).
        0x0053 => Err(Skip::Encrypted.into()),
        _ => Err(Skip::NotIp.into()),
    }
}

/// Peels a stack of MPLS labels (RFC 3032), whatever its height.
fn peel_mpls(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    const CONTROL_WORD_AND_FRAME: usize = 18;
    loop {
        let label = cursor.take::<4>(MPLS)?;
        if label[2] & 1 == 1 {
            break;
        }
    }
    // Nothing says what follows. IP has a version and a length that fits, a pseudowire its control word
    // or a frame.
    let is_ip = match *cursor.bytes {
        [0x45..=0x4f, _, high, low, ..] => usize::from(be16(high, low)) <= cursor.claim,
        [0x60..=0x6f, _, _, _, high, low, ..] => usize::from(be16(high, low)) + 40 <= cursor.claim,
        _ => false,
    };
    let is_frame = |at: usize| match cursor.bytes.get(at + 12..at + 14) {
        Some(&[high, low]) => matches!(
            be16(high, low),
            ether_type::IPV4
                | ether_type::IPV6
                | ether_type::VLAN
                | ether_type::PROVIDER_BRIDGE
                | ether_type::MPLS
                | ether_type::PPPOE_SESSION
        ),
        _ => false,
    };
    match cursor.bytes {
        _ if is_ip => Ok(Next::Ip),
        [0x00..=0x0f, ..] if is_frame(4) => {
            cursor.advance(4, MPLS)?;
            Ok(Next::Link(ETHERNET))
        }
        _ if is_frame(0) => Ok(Next::Link(ETHERNET)),
        // An IP header that the capture cut, or a datagram cut by the tool that put it in here.
        [0x45..=0x4f | 0x60..=0x6f, ..] => Ok(Next::Ip),
        bytes if bytes.len() < CONTROL_WORD_AND_FRAME && cursor.claim >= CONTROL_WORD_AND_FRAME => {
            Err(cursor.lack(CONTROL_WORD_AND_FRAME, MPLS))
        }
        _ => Err(Skip::NotIp.into()),
    }
}

/// Peels a network service header (RFC 8300 section 2).
fn peel_nsh(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    let &[_, len, _, protocol] = cursor.take::<4>(NSH)?;
    let len = usize::from(len & 0x3f) * 4;
    cursor.advance(len.checked_sub(4).ok_or_else(|| cursor.wrong(NSH))?, NSH)?;
    match protocol {
        1 | 2 => Ok(Next::Ip),
        3 => Ok(Next::Link(ETHERNET)),
        4 => Ok(Next::Type(ether_type::NSH)),
        5 => Ok(Next::Type(ether_type::MPLS)),
        _ => Err(Skip::NotIp.into()),
    }
}

/// Peels Cisco's HDLC header: address, control, Ethernet type.
fn peel_cisco(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    let header = cursor.take::<4>(PPP)?;
    match be16(header[2], header[3]) {
        kind @ ether_type::FIRST.. => Ok(Next::Type(kind)),
        _ => Err(Skip::NotIp.into()),
    }
}

/// Peels a Frame Relay header: address, then NLPID (RFC 2427) or Cisco's Ethernet type.
fn peel_frame_relay(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    // The address ends with the first odd byte.
    while cursor.take::<1>(FRAME_RELAY)?[0] & 1 == 0 {}
    let Some([control, next]) = cursor.peek::<2>() else { return Err(cursor.lack(2, FRAME_RELAY)) };
    if *control != 0x03 {
        cursor.advance(2, FRAME_RELAY)?;
        return match be16(*control, *next) {
            kind @ ether_type::FIRST.. => Ok(Next::Type(kind)),
            _ => Err(Skip::NotIp.into()),
        };
    }
    cursor.advance(if *next == 0 { 2 } else { 1 }, FRAME_RELAY)?;
    match cursor.take::<1>(FRAME_RELAY)? {
        [0xcc | 0x8e] => Ok(Next::Ip),
        [0xcf] => Ok(Next::Ppp),
        [0x80] => {
            let &[a, b, c, high, low] = cursor.take::<5>(FRAME_RELAY)?;
            match ([a, b, c], be16(high, low)) {
                ([0, 0, 0], kind @ ether_type::FIRST..) => Ok(Next::Type(kind)),
                ([0, 0x80, 0xc2], 1 | 7) => Ok(Next::Link(ETHERNET)),
                _ => Err(Skip::NotIp.into()),
            }
        }
        _ => Err(Skip::NotIp.into()),
    }
}

/// Peels Linux's ARCNET header: two addresses, an offset, then RFC 1201's type, flag and sequence,
/// or RFC 1051's type alone.
fn peel_arcnet(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    const IP_RFC1051: u8 = 240;
    const IP: u8 = 212;
    const IPV6: u8 = 196;
    match cursor.take::<5>(ETHERNET_HEADER)?[4] {
        IP_RFC1051 => Ok(Next::Ip),
        IP | IPV6 => {
            cursor.advance(3, ETHERNET_HEADER)?;
            Ok(Next::Ip)
        }
        _ => Err(Skip::NotIp.into()),
    }
}

/// Peels a Linux netfilter log message: attributes up to the one that holds the packet.
fn peel_nflog(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    const PAYLOAD: u16 = 9;
    let &[family, ..] = cursor.take::<4>(CAPTURE)?;
    loop {
        let &[a, b, c, d] = cursor.take::<4>(NFLOG)?;
        // The machine that captured wrote lengths and types in its own byte order; no type is over 255.
        let (len, kind) =
            if d == 0 { (u16::from_le_bytes([a, b]), u16::from(c)) } else { (be16(a, b), u16::from(d)) };
        let len = usize::from(len).checked_sub(4).ok_or_else(|| cursor.wrong(NFLOG))?;
        if kind == PAYLOAD {
            cursor.trim(len);
            return match family {
                2 | 10 => Ok(Next::Ip),
                _ => Err(Skip::NotIp.into()),
            };
        }
        cursor.advance(len.next_multiple_of(4), NFLOG)?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::packets::*;
    use super::super::{Decoder, FragmentLimits, Skip};
    use crate::model::{Endpoint, LinkType};

    #[test]
    fn every_encapsulation_gives_the_segment_it_holds() {
        for ip in [ip4_tcp(PAYLOAD), ip6_tcp(PAYLOAD)] {
            let tcp_len = if ip[0] >> 4 == 4 { ip.len() - 20 } else { ip.len() - 40 };
            for (name, link, bytes) in [encapsulations(&ip), private_encapsulations(&ip)].concat() {
                let mut decoder = Decoder::new(&FragmentLimits::default());
                let segment = decoder.decode(&packet(link, &bytes), &bytes);
                let segment = segment.unwrap_or_else(|skip| panic!("{name}: {skip:?}"));
                assert_eq!((segment.source.port, segment.destination.port), (49152, 80), "{name}");
                assert_eq!((segment.seq, segment.ack, segment.window), (1000, 2000, 4096), "{name}");
                assert_eq!(segment.below_len as usize, bytes.len() - tcp_len, "{name}");
                assert_eq!(segment.header_at, AT + u64::from(segment.below_len), "{name}");
                assert_eq!(segment.len, segment.claimed_len, "{name}");
                assert_eq!(payload(&decoder, &bytes, &segment), PAYLOAD, "{name}");
                assert!(!decoder.has_findings(), "{name}");
                if ip[0] >> 4 == 4 {
                    assert_eq!(segment.source, Endpoint::v4([10, 0, 0, 1], 49152), "{name}");
                } else {
                    assert_eq!(segment.destination, Endpoint::v6(ip6(2), 80), "{name}");
                }
            }
        }
    }

    #[test]
    fn ethernet_padding_is_no_payload() {
        let ip = ip4_tcp(b"");
        for (name, link, mut bytes) in encapsulations(&ip) {
            bytes.extend([0xee; 6]);
            let segment = decode(link, &bytes).unwrap();
            assert_eq!((segment.len, segment.claimed_len), (0, 0), "{name}");
        }
    }

    #[test]
    fn a_datagram_cannot_claim_more_than_its_pppoe_frame_holds() {
        // IP says 6 bytes more than the PPPoE header before it: those are padding of another layer.
        let mut ip = ip4_tcp(b"");
        ip[3] += 6;
        let mut bytes = ethernet(0x8864, &[0x11, 0, 0, 1, 0, ip.len() as u8 + 2, 0, 0x21]);
        bytes.extend(&ip);
        bytes.extend([0; 6]);
        let segment = decode(ETHERNET, &bytes).unwrap();
        assert_eq!((segment.len, segment.claimed_len), (0, 0));
    }

    #[test]
    fn any_number_of_vlan_tags_is_peeled() {
        let ip = ip4_tcp(PAYLOAD);
        let mut bytes = ethernet(0x8100, &[0, 1, 0x81, 0].repeat(500));
        bytes.extend([0, 1, 8, 0]);
        bytes.extend(&ip);
        assert_eq!(decode(ETHERNET, &bytes).unwrap().len as usize, PAYLOAD.len());
    }

    #[test]
    fn an_unknown_link_type_is_named() {
        let skip = decode(147, &ip4_tcp(PAYLOAD)).unwrap_err();
        assert_eq!(skip, Skip::UnsupportedLink(LinkType(147)));
        assert_eq!(skip.reason(), "unsupported-link");
    }

    #[test]
    fn an_unknown_ethernet_type_is_named_once() {
        let mut decoder = Decoder::new(&FragmentLimits::default());
        for kind in [0x0806, 0x1234, 0x88cc, 0x1234, 0xdada] {
            let bytes = ethernet(kind, &[0; 40]);
            let skip = decoder.decode(&packet(ETHERNET, &bytes), &bytes).unwrap_err();
            assert_eq!(skip.reason(), "not-ip");
        }
        let texts: Vec<_> = decoder.take_findings().into_iter().map(|finding| finding.text).collect();
        assert_eq!(texts.len(), 2);
        assert!(texts[0].contains("0x1234") && texts[1].contains("0xdada"), "{texts:?}");
        // A UDP port only suggests a tunnel: what is no frame is nothing unknown.
        let bytes = ethernet(
            0x0800,
            &udp(4789, &[&[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(0x1111, &[0; 40])[..]].concat()),
        );
        assert_eq!(decoder.decode(&packet(ETHERNET, &bytes), &bytes), Err(Skip::NotIp));
        assert!(!decoder.has_findings());
    }

    #[test]
    fn a_private_link_type_is_pktap_only_where_its_header_fits() {
        let ip = ip4_tcp(PAYLOAD);
        let mut header = [0; 108];
        (header[0], header[4], header[8]) = (108, 1, 101);
        let bytes = [&header[..], &ip].concat();
        assert_eq!(decode(149, &bytes).unwrap().len as usize, PAYLOAD.len());
        for (at, value) in [(0, 12), (4, 0), (8, 149)] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            assert_eq!(decode(149, &bytes), Err(Skip::UnsupportedLink(LinkType(149))));
        }
    }

    #[test]
    fn an_erf_record_ends_where_its_wire_length_says() {
        let frame = ethernet(0x0800, &ip4_tcp(PAYLOAD));
        let record = |kind: u8, extension: &[u8], before: &[u8], packet: &[u8]| {
            let mut bytes = vec![0; 16];
            bytes[8] = kind;
            bytes[14..].copy_from_slice(&(packet.len() as u16).to_be_bytes());
            // Records are padded to eight bytes.
            [&bytes, extension, before, packet, &[0; 7]].concat()
        };
        let ppp = [&[0xff, 3, 0, 0x21], &ip4_tcp(PAYLOAD)[..]].concat();
        let cisco = [&[0x0f, 0, 8, 0], &ip4_tcp(PAYLOAD)[..]].concat();
        for bytes in [
            record(2, &[], &[0, 0], &frame),
            record(0x82, &[0x83, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0, 0, 0, 0, 2], &[0, 0], &frame),
            record(11, &[], &[0, 0], &frame),
            record(1, &[], &[], &ppp),
            record(1, &[], &[], &cisco),
            record(22, &[], &[], &ip4_tcp(PAYLOAD)),
        ] {
            let segment = decode(197, &bytes).unwrap();
            assert_eq!((segment.len, segment.claimed_len), (PAYLOAD.len() as u32, PAYLOAD.len() as u32));
        }
        // Statistics, and extension headers without an end.
        assert_eq!(decode(197, &record(27, &[], &[], &[0; 40])), Err(Skip::NotIp));
        assert!(decode(197, &record(0x82, &[0x80; 64], &[], &[0x80; 40])).is_err());
    }

    #[test]
    fn arp_and_spanning_tree_are_not_ip() {
        assert_eq!(decode(ETHERNET, &ethernet(0x0806, &[0; 28])), Err(Skip::NotIp));
        assert_eq!(decode(ETHERNET, &ethernet(38, &[0x42; 38])), Err(Skip::NotIp));
    }

    #[test]
    fn an_address_that_looks_like_an_ethernet_type_is_no_pseudowire() {
        // 8.0.0.1: where a frame would have its type, this datagram has 0x0800.
        let mut ip = ip4_tcp(PAYLOAD);
        ip[12..16].copy_from_slice(&[8, 0, 0, 1]);
        let bytes = ethernet(0x8847, &[&[0, 2, 1, 64], &ip[..]].concat());
        assert_eq!(decode(ETHERNET, &bytes).unwrap().source, Endpoint::v4([8, 0, 0, 1], 49152));
    }

    #[test]
    fn encrypted_macsec_is_counted_as_encrypted() {
        let ip = ip4_tcp(PAYLOAD);
        let tagged = |control: u8| ethernet(0x88e5, &[&[control, 0, 0, 0, 0, 1, 8, 0], &ip[..]].concat());
        assert!(decode(ETHERNET, &tagged(0)).is_ok());
        assert_eq!(decode(ETHERNET, &tagged(0x0c)), Err(Skip::Encrypted));
    }
}
