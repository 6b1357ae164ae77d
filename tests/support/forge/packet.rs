//! Packets: link, IP and TCP headers with right checksums (RFC 791, 8200, 9293), and UDP for the noise.

use std::net::{IpAddr, SocketAddr};

/// What a packet begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// LINKTYPE_ETHERNET.
    #[default]
    Ethernet,
    /// LINKTYPE_RAW: nothing, the IP header comes first.
    Raw,
    /// LINKTYPE_LINUX_SLL.
    Sll,
    /// LINKTYPE_LINUX_SLL2.
    Sll2,
    /// LINKTYPE_NULL, written by a little-endian BSD.
    Null,
    /// LINKTYPE_LOOP.
    Loop,
}

impl Link {
    /// The number in the file.
    pub fn number(self) -> u16 {
        match self {
            Self::Null => 0,
            Self::Ethernet => 1,
            Self::Raw => 101,
            Self::Loop => 108,
            Self::Sll => 113,
            Self::Sll2 => 276,
        }
    }
}

/// A captured packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Nanoseconds since 1970.
    pub time: i64,
    /// What was captured.
    pub bytes: Vec<u8>,
    /// Bytes it had on the wire.
    pub wire_len: usize,
    /// What it begins with.
    pub link: Link,
}

/// The TCP header and payload of a packet to be written.
#[derive(Clone, Debug)]
pub struct Tcp<'a> {
    /// Sender.
    pub from: SocketAddr,
    /// Receiver.
    pub to: SocketAddr,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// Control bits.
    pub flags: u8,
    /// Window, unscaled.
    pub window: u16,
    /// Options, a multiple of four bytes.
    pub options: &'a [u8],
    /// Payload.
    pub payload: &'a [u8],
    /// Added to the right checksum (one's complement), so that 0 leaves it right.
    pub checksum_off: u16,
    /// IPv4 identification.
    pub id: u16,
}

/// The one's complement sum of RFC 1071 over `parts`, each of which starts at an even place.
pub fn sum(parts: &[&[u8]]) -> u16 {
    let mut total = 0u64;
    for part in parts {
        for pair in part.chunks(2) {
            total += u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        }
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}

/// An IP packet with `body` (its checksum field at `checksum_at` is filled in).
fn ip(
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    id: u16,
    mut body: Vec<u8>,
    checksum_at: usize,
    off: u16,
) -> Vec<u8> {
    let len = body.len() as u32;
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let pseudo =
                [&from.octets()[..], &to.octets(), &[0, protocol], &(len as u16).to_be_bytes()].concat();
            put_checksum(&pseudo, &mut body, checksum_at, off);
            let mut out = vec![0x45, 0];
            out.extend((len as u16 + 20).to_be_bytes());
            out.extend(id.to_be_bytes());
            out.extend([0x40, 0, 64, protocol, 0, 0]);
            out.extend(from.octets());
            out.extend(to.octets());
            let check = !sum(&[&out]);
            out[10..12].copy_from_slice(&check.to_be_bytes());
            out.extend(body);
            out
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let pseudo =
                [&from.octets()[..], &to.octets(), &len.to_be_bytes(), &[0, 0, 0, protocol]].concat();
            put_checksum(&pseudo, &mut body, checksum_at, off);
            let mut out = vec![0x60, 0, 0, 0];
            out.extend((len as u16).to_be_bytes());
            out.extend([protocol, 64]);
            out.extend(from.octets());
            out.extend(to.octets());
            out.extend(body);
            out
        }
        _ => panic!("both ends must be of one IP version"),
    }
}

fn put_checksum(pseudo: &[u8], body: &mut [u8], at: usize, off: u16) {
    let mut check = !sum(&[pseudo, body]);
    if off != 0 {
        check = sum(&[&check.to_be_bytes(), &off.to_be_bytes()]);
    }
    body[at..at + 2].copy_from_slice(&check.to_be_bytes());
}

/// The IP packet of a TCP segment.
pub fn tcp_packet(tcp: &Tcp<'_>) -> Vec<u8> {
    let mut body = Vec::with_capacity(40 + tcp.payload.len());
    body.extend(tcp.from.port().to_be_bytes());
    body.extend(tcp.to.port().to_be_bytes());
    body.extend(tcp.seq.to_be_bytes());
    body.extend(tcp.ack.to_be_bytes());
    assert!(tcp.options.len().is_multiple_of(4) && tcp.options.len() <= 40);
    body.extend([((5 + tcp.options.len() / 4) as u8) << 4, tcp.flags]);
    body.extend(tcp.window.to_be_bytes());
    body.extend([0; 4]);
    body.extend(tcp.options);
    body.extend(tcp.payload);
    ip(tcp.from.ip(), tcp.to.ip(), 6, tcp.id, body, 16, tcp.checksum_off)
}

/// A UDP datagram on Ethernet.
pub fn udp_packet(time: i64, from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Packet {
    let mut body = Vec::with_capacity(8 + payload.len());
    body.extend(from.port().to_be_bytes());
    body.extend(to.port().to_be_bytes());
    body.extend((payload.len() as u16 + 8).to_be_bytes());
    body.extend([0; 2]);
    body.extend(payload);
    framed(time, Link::Ethernet, &[], true, ip(from.ip(), to.ip(), 17, 1, body, 6, 0))
}

/// Puts the link header before an IP packet.
pub fn framed(time: i64, link: Link, vlans: &[u16], to_server: bool, ip: Vec<u8>) -> Packet {
    let version6 = ip.first().is_some_and(|byte| byte >> 4 == 6);
    let ether_type: [u8; 2] = if version6 { [0x86, 0xdd] } else { [0x08, 0x00] };
    let macs = [[2u8, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
    let (source, destination) = if to_server { (macs[0], macs[1]) } else { (macs[1], macs[0]) };
    let mut bytes = Vec::with_capacity(ip.len() + 22);
    match link {
        Link::Ethernet => {
            bytes.extend(destination);
            bytes.extend(source);
            for (i, tag) in vlans.iter().enumerate() {
                bytes.extend(if i + 1 < vlans.len() { [0x88, 0xa8] } else { [0x81, 0x00] });
                bytes.extend(tag.to_be_bytes());
            }
            bytes.extend(ether_type);
        }
        Link::Raw => {}
        Link::Sll => {
            bytes.extend([0, if to_server { 4 } else { 0 }, 0, 1, 0, 6]);
            bytes.extend(source);
            bytes.extend([0, 0]);
            bytes.extend(ether_type);
        }
        Link::Sll2 => {
            bytes.extend(ether_type);
            bytes.extend([0, 0, 0, 0, 0, 2, 0, 1, if to_server { 4 } else { 0 }, 6]);
            bytes.extend(source);
            bytes.extend([0, 0]);
        }
        Link::Null => bytes.extend(if version6 { 30u32 } else { 2 }.to_le_bytes()),
        Link::Loop => bytes.extend(if version6 { 24u32 } else { 2 }.to_be_bytes()),
    }
    bytes.extend(ip);
    Packet { time, wire_len: bytes.len(), bytes, link }
}

/// Cuts an IPv4 packet on untagged Ethernet into fragments of at most `mtu` bytes of IP packet.
pub fn ipv4_fragments(packet: &Packet, mtu: usize) -> Vec<Packet> {
    assert!(packet.link == Link::Ethernet && packet.bytes[12..14] == [8, 0]);
    let (head, data) = packet.bytes.split_at(14 + 20);
    let step = (mtu - 20) / 8 * 8;
    let pieces: Vec<&[u8]> = data.chunks(step).collect();
    let last = pieces.len() - 1;
    let piece = |(i, piece): (usize, &&[u8])| {
        let mut bytes = head.to_vec();
        let place = (i * step / 8) as u16 | if i < last { 0x2000 } else { 0 };
        bytes[16..18].copy_from_slice(&(piece.len() as u16 + 20).to_be_bytes());
        bytes[20..22].copy_from_slice(&place.to_be_bytes());
        bytes[24..26].copy_from_slice(&[0, 0]);
        let check = !sum(&[&bytes[14..]]);
        bytes[24..26].copy_from_slice(&check.to_be_bytes());
        bytes.extend(*piece);
        Packet { time: packet.time + i as i64, wire_len: bytes.len(), bytes, link: packet.link }
    };
    pieces.iter().enumerate().map(piece).collect()
}

/// Several connections in one capture: by time; of equal times, the first list's packet first.
pub fn interleave(scripts: impl IntoIterator<Item = Vec<Packet>>) -> Vec<Packet> {
    let mut all: Vec<Packet> = scripts.into_iter().flatten().collect();
    all.sort_by_key(|packet| packet.time);
    all
}
