//! Capture files: classic pcap and pcapng, both byte orders.

use super::{Link, Packet};

/// How a classic file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PcapFormat {
    /// Nanoseconds in place of microseconds.
    pub nanos: bool,
    /// Big-endian.
    pub big: bool,
    /// The snapshot length that the header states.
    pub snaplen: u32,
}

impl Default for PcapFormat {
    fn default() -> Self {
        Self { nanos: false, big: false, snaplen: 262_144 }
    }
}

/// How a pcapng file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PcapngFormat {
    /// Big-endian.
    pub big: bool,
    /// Nanoseconds (`if_tsresol` 9) in place of the default, microseconds.
    pub nanos: bool,
}

struct Out {
    bytes: Vec<u8>,
    big: bool,
}

impl Out {
    fn u16(&mut self, n: u16) {
        self.bytes.extend(if self.big { n.to_be_bytes() } else { n.to_le_bytes() });
    }
    fn u32(&mut self, n: u32) {
        self.bytes.extend(if self.big { n.to_be_bytes() } else { n.to_le_bytes() });
    }
    /// A pcapng block: type, length, body, length.
    fn block(&mut self, kind: u32, body: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.u32(kind);
        self.u32(0);
        body(self);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        let len = (self.bytes.len() - start + 4) as u32;
        self.u32(len);
        let word = if self.big { len.to_be_bytes() } else { len.to_le_bytes() };
        self.bytes[start + 4..start + 8].copy_from_slice(&word);
    }
}

/// A classic file. All packets must have one link type.
pub fn pcap(packets: &[Packet], format: PcapFormat) -> Vec<u8> {
    let link = packets.first().map_or(Link::Ethernet, |packet| packet.link);
    let mut out = Out { bytes: vec![], big: format.big };
    out.u32(if format.nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 });
    out.u16(2);
    out.u16(4);
    out.u32(0);
    out.u32(0);
    out.u32(format.snaplen);
    out.u32(u32::from(link.number()));
    for packet in packets {
        assert_eq!(packet.link, link, "a classic file has one link type");
        out.u32((packet.time / 1_000_000_000) as u32);
        let nanos = (packet.time % 1_000_000_000) as u32;
        out.u32(if format.nanos { nanos } else { nanos / 1000 });
        out.u32(packet.bytes.len() as u32);
        out.u32(packet.wire_len as u32);
        out.bytes.extend(&packet.bytes);
    }
    out.bytes
}

/// A pcapng file of one section, with one interface for each link type.
pub fn pcapng(packets: &[Packet], format: PcapngFormat) -> Vec<u8> {
    let mut out = Out { bytes: vec![], big: format.big };
    out.block(0x0a0d_0d0a, |out| {
        out.u32(0x1a2b_3c4d);
        out.u16(1);
        out.u16(0);
        out.u32(u32::MAX);
        out.u32(u32::MAX);
    });
    let mut links: Vec<Link> = vec![];
    for packet in packets {
        let interface = links.iter().position(|&link| link == packet.link).unwrap_or_else(|| {
            links.push(packet.link);
            out.block(1, |out| {
                out.u16(packet.link.number());
                out.u16(0);
                out.u32(262_144);
                if format.nanos {
                    out.u16(9);
                    out.u16(1);
                    out.bytes.extend([9, 0, 0, 0]);
                    out.u32(0);
                }
            });
            links.len() - 1
        });
        let time = (if format.nanos { packet.time } else { packet.time / 1000 }) as u64;
        out.block(6, |out| {
            out.u32(interface as u32);
            out.u32((time >> 32) as u32);
            out.u32(time as u32);
            out.u32(packet.bytes.len() as u32);
            out.u32(packet.wire_len as u32);
            out.bytes.extend(&packet.bytes);
        });
    }
    out.bytes
}
