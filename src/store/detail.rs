//! What is read on demand: the bytes of a message, its frames, their packets.

use std::ops::Range;

use crate::model::{ConnectionId, Direction, Flags, PacketRef, Place};
use crate::ws::{FrameHeader, Integrity, Opcode};

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A message with all its frames.
    Message {
        /// The connection's number.
        connection: u32,
        /// The message's number in it.
        message: u64,
    },
    /// A frame alone, where it belongs to no message.
    Frame {
        /// The connection's number.
        connection: u32,
        /// The frame's number in it.
        frame: u64,
    },
    /// How TCP carried a connection: its first and last packets.
    Tcp {
        /// The connection's number.
        connection: u32,
    },
}

/// What was asked for.
#[derive(Clone, Debug)]
pub enum Detail {
    /// A message.
    Message(Box<MessageDetail>),
    /// A frame.
    Frame(Box<FrameDetail>),
    /// How TCP carried a connection.
    Tcp(Box<TcpDetail>),
}

/// Why something cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// There is no such thing, or not yet.
    #[error("there is no {0}")]
    Unknown(String),
    /// The file is not what it was.
    #[error("{0}")]
    Changed(String),
    /// Its bytes were not kept.
    #[error("the bytes are no longer kept")]
    Gone,
    /// It went to bound memory or disk.
    #[error("released: {0}")]
    Released(Release),
    /// Something newer was asked for.
    #[error("something else was asked for")]
    Cancelled,
}

/// What went of something that cannot be loaded any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Release {
    /// Its row, and with that the way to its bytes.
    #[error("it is older than the history that memory has room for")]
    Row,
    /// Its packets.
    #[error("its packets went out of the spool to make room for later ones")]
    Packets,
    /// What came before it, without which it cannot be told what its bytes mean.
    #[error("what came before it and is needed to read it went to make room")]
    Before,
}

/// A message as it was on the wire and as the application had it.
#[derive(Clone, Debug)]
pub struct MessageDetail {
    /// The connection's number.
    pub connection: u32,
    /// The message's number in it.
    pub number: u64,
    /// Who sent it.
    pub direction: Direction,
    /// The first frame's opcode.
    pub opcode: Opcode,
    /// Its frames in order, at most [`FRAMES`](Self::FRAMES).
    pub frames: Vec<FrameDetail>,
    /// How many frames it has.
    pub frame_count: u64,
    /// Payloads joined and unmasked, before inflating; at most [`BYTES`](Self::BYTES).
    pub wire: Vec<u8>,
    /// Application bytes, at most [`BYTES`](Self::BYTES): inflated where it was compressed and that is certain.
    /// The joined payloads where it could not be inflated.
    pub bytes: Vec<u8>,
    /// Application bytes in all, where that is known.
    pub len: Option<u64>,
    /// Whether `bytes` is all of it.
    pub whole: bool,
    /// Whether it was compressed.
    pub compressed: bool,
    /// How sure its bytes are.
    pub integrity: Integrity,
    /// Offset of the first byte that is not UTF-8, for text that could be read.
    pub invalid_utf8_at: Option<u64>,
    /// First missing byte's offset in the payload, and how many are missing.
    pub missing: Option<(u64, u64)>,
}

impl MessageDetail {
    /// Bytes of a message that are loaded.
    pub const BYTES: usize = 1 << 20;
    /// Frames of a message that are loaded.
    pub const FRAMES: usize = 4096;
}

/// A frame with its bytes.
#[derive(Clone, Debug)]
pub struct FrameDetail {
    /// The frame's number in its connection.
    pub number: u64,
    /// Who sent it.
    pub direction: Direction,
    /// Its header.
    pub header: FrameHeader,
    /// The header as it was on the wire.
    pub header_bytes: Vec<u8>,
    /// The payload unmasked, at most [`BYTES`](Self::BYTES); mask it again with the key for the wire's bytes.
    pub payload: Vec<u8>,
    /// Offset of its first byte in the direction's stream.
    pub at: u64,
    /// The packet with its first byte.
    pub first: Place,
    /// The packet that completed it.
    pub last: Place,
    /// Whether the capture has all of it.
    pub complete: bool,
    /// The packets that carried it, in stream order, at most [`PACKETS`](Self::PACKETS).
    pub pieces: Vec<FramePiece>,
}

impl FrameDetail {
    /// Payload bytes of a frame that are loaded.
    pub const BYTES: usize = 64 << 10;
    /// Packets of a frame that are loaded.
    pub const PACKETS: usize = 1024;
}

/// A part of a frame that one packet carried.
#[derive(Clone, Debug)]
pub struct FramePiece {
    /// Which bytes of the frame, header included.
    pub of_frame: Range<u64>,
    /// Which bytes of the packet: as sent, so encrypted where the connection runs in TLS; empty where it brought them inside
    /// an IP fragment.
    pub of_packet: Range<usize>,
    /// The packet.
    pub packet: PacketDetail,
}

/// A whole packet. Of a message with very many packets, the last ones come without bytes and layers: load the
/// frame alone to have them.
#[derive(Clone, Debug)]
pub struct PacketDetail {
    /// Number, time, lengths.
    pub packet: PacketRef,
    /// As captured.
    pub bytes: Vec<u8>,
    /// Its layers from the outside in, up to the TCP header.
    pub layers: Vec<LayerDetail>,
}

/// A layer of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerDetail {
    /// `Ethernet`, `802.1Q`, `IPv4`, `IPv6`, `TCP` and so on.
    pub name: &'static str,
    /// The layer of the OSI model, 2 to 4.
    pub osi: u8,
    /// The header's bytes in the packet.
    pub range: Range<usize>,
    /// The header in a few words: addresses, ports, numbers, flags.
    pub words: String,
}

/// How TCP carried a connection.
#[derive(Clone, Debug)]
pub struct TcpDetail {
    /// The connection's number.
    pub connection: u32,
    /// The TCP connection's number.
    pub tcp: ConnectionId,
    /// The first packets (opening), then the last ones (FIN, RST and their acknowledgments), in order.
    pub packets: Vec<TcpPacket>,
    /// Packets of the connection in all.
    pub packet_count: u64,
    /// Bytes of all of them on the wire.
    pub wire_bytes: u64,
    /// Bytes of their headers; `None` where there are more than [`COUNTED`](Self::COUNTED) packets.
    pub headers: Option<HeaderBytes>,
}

impl TcpDetail {
    /// Packets whose headers are looked at one by one.
    pub const COUNTED: u64 = 100_000;
}

/// Bytes of headers, by the layer of the OSI model. Those of tunnels are where they belong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeaderBytes {
    /// Layer 2: Ethernet and the like.
    pub link: u64,
    /// Layer 3: IP.
    pub network: u64,
    /// Layer 4: TCP, and what carries a tunnel.
    pub transport: u64,
}

/// A packet of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpPacket {
    /// Which.
    pub place: Place,
    /// Who sent it.
    pub direction: Direction,
    /// Its control bits.
    pub flags: Flags,
    /// Its sequence number.
    pub seq: u32,
    /// Its acknowledgment number.
    pub ack: u32,
    /// Its payload bytes.
    pub len: u32,
}
