//! Builds capture files.

/// A packet to be put into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    /// Nanoseconds since 1970.
    pub(super) time: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) wire_len: u32,
}

/// A packet that was captured as a whole.
pub(super) fn packet(time: u64, bytes: &[u8]) -> Packet {
    Packet { time, bytes: bytes.to_vec(), wire_len: bytes.len() as u32 }
}

/// Byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Le,
    Be,
}

impl Order {
    pub(super) fn u16(self, value: u16) -> [u8; 2] {
        if self == Self::Le { value.to_le_bytes() } else { value.to_be_bytes() }
    }
    pub(super) fn u32(self, value: u32) -> [u8; 4] {
        if self == Self::Le { value.to_le_bytes() } else { value.to_be_bytes() }
    }
    pub(super) fn u64(self, value: u64) -> [u8; 8] {
        if self == Self::Le { value.to_le_bytes() } else { value.to_be_bytes() }
    }
}

pub(super) const MICROS: u32 = 0xa1b2_c3d4;
pub(super) const NANOS: u32 = 0xa1b2_3c4d;
pub(super) const MODIFIED: u32 = 0xa1b2_cd34;

/// The header of a pcap file.
pub(super) fn pcap_header(order: Order, magic: u32, version: (u16, u16), snaplen: u32, link: u32) -> Vec<u8> {
    let mut out = order.u32(magic).to_vec();
    out.extend(order.u16(version.0));
    out.extend(order.u16(version.1));
    out.extend([0; 8]);
    out.extend(order.u32(snaplen));
    out.extend(order.u32(link));
    out
}

/// A record of a pcap file.
pub(super) fn pcap_record(order: Order, magic: u32, packet: &Packet) -> Vec<u8> {
    let unit = if magic == NANOS { 1 } else { 1000 };
    let mut out = order.u32((packet.time / 1_000_000_000) as u32).to_vec();
    out.extend(order.u32((packet.time % 1_000_000_000 / unit) as u32));
    out.extend(order.u32(packet.bytes.len() as u32));
    out.extend(order.u32(packet.wire_len));
    if magic == MODIFIED {
        out.extend([3, 0, 0, 0, 8, 0, 4, 0]);
    }
    out.extend(&packet.bytes);
    out
}

/// A pcap file of Ethernet packets.
pub(super) fn pcap(order: Order, magic: u32, packets: &[Packet]) -> Vec<u8> {
    let mut out = pcap_header(order, magic, (2, 4), 262_144, 1);
    for packet in packets {
        out.extend(pcap_record(order, magic, packet));
    }
    out
}

/// Builds a pcapng file.
pub(super) struct Blocks {
    pub(super) order: Order,
    pub(super) bytes: Vec<u8>,
}

impl Blocks {
    /// A file that starts with a section header.
    pub(super) fn new(order: Order) -> Self {
        let mut this = Self { order, bytes: Vec::new() };
        this.section(order, (1, 0), &[]);
        this
    }

    pub(super) fn block(&mut self, kind: u32, body: &[u8]) -> &mut Self {
        let padded = body.len().next_multiple_of(4);
        let len = self.order.u32(padded as u32 + 12);
        self.bytes.extend(self.order.u32(kind));
        self.bytes.extend(len);
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len() + padded - body.len(), 0);
        self.bytes.extend(len);
        self
    }

    /// Options, with an end of options where there are any.
    pub(super) fn options(&self, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (code, value) in options {
            out.extend(self.order.u16(*code));
            out.extend(self.order.u16(value.len() as u16));
            out.extend(*value);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        if !options.is_empty() {
            out.extend([0; 4]);
        }
        out
    }

    pub(super) fn section(
        &mut self,
        order: Order,
        version: (u16, u16),
        options: &[(u16, &[u8])],
    ) -> &mut Self {
        self.order = order;
        let mut body = order.u32(0x1a2b_3c4d).to_vec();
        body.extend(order.u16(version.0));
        body.extend(order.u16(version.1));
        body.extend(order.u64(u64::MAX));
        body.extend(self.options(options));
        self.block(0x0a0d_0d0a, &body)
    }

    pub(super) fn interface(&mut self, link: u16, snaplen: u32, options: &[(u16, &[u8])]) -> &mut Self {
        let mut body = self.order.u16(link).to_vec();
        body.extend([0; 2]);
        body.extend(self.order.u32(snaplen));
        body.extend(self.options(options));
        self.block(1, &body)
    }

    /// The body of an Enhanced Packet Block.
    pub(super) fn packet_body(&self, interface: u32, ticks: u64, packet: &Packet) -> Vec<u8> {
        let mut body = self.order.u32(interface).to_vec();
        body.extend(self.order.u32((ticks >> 32) as u32));
        body.extend(self.order.u32(ticks as u32));
        body.extend(self.order.u32(packet.bytes.len() as u32));
        body.extend(self.order.u32(packet.wire_len));
        body.extend(&packet.bytes);
        body.resize(body.len().next_multiple_of(4), 0);
        body
    }

    /// An Enhanced Packet Block with a time in microseconds.
    pub(super) fn packet(&mut self, interface: u32, packet: &Packet) -> &mut Self {
        self.ticks(interface, packet.time / 1000, packet)
    }

    /// An Enhanced Packet Block with a time in ticks.
    pub(super) fn ticks(&mut self, interface: u32, ticks: u64, packet: &Packet) -> &mut Self {
        self.block(6, &self.packet_body(interface, ticks, packet))
    }

    pub(super) fn commented(&mut self, packet: &Packet, comments: &[&str]) -> &mut Self {
        let mut body = self.packet_body(0, packet.time / 1000, packet);
        let options: Vec<_> = comments.iter().map(|text| (1, text.as_bytes())).collect();
        body.extend(self.options(&options));
        self.block(6, &body)
    }

    pub(super) fn simple(&mut self, packet: &Packet) -> &mut Self {
        let mut body = self.order.u32(packet.wire_len).to_vec();
        body.extend(&packet.bytes);
        self.block(3, &body)
    }

    pub(super) fn old_packet(&mut self, interface: u16, packet: &Packet) -> &mut Self {
        let mut body = self.packet_body(0, packet.time / 1000, packet);
        body[..2].copy_from_slice(&self.order.u16(interface));
        body[2..4].copy_from_slice(&self.order.u16(77));
        self.block(2, &body)
    }
}

/// A pcapng file of Ethernet packets.
pub(super) fn pcapng(order: Order, packets: &[Packet]) -> Vec<u8> {
    let mut blocks = Blocks::new(order);
    blocks.interface(1, 262_144, &[]);
    for packet in packets {
        blocks.packet(0, packet);
    }
    blocks.bytes
}
