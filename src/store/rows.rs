//! What the index keeps: a row for each connection, message, frame and finding.

use crate::autopsy::EndFacts;
use crate::model::{Direction, Nanos, PerDirection, Place, Rule, Time, WebSocketId};
use crate::pipeline::{Connection, State};
use crate::ws::{Closing, Counts, FrameHeader, Integrity, LengthEncoding, Opcode, Rtt};

/// A WebSocket, or an attempt to open one.
#[derive(Clone, Debug)]
pub struct ConnectionRow {
    /// What its handshake says.
    pub connection: Connection,
    /// The latest packet that brought something of it.
    pub last: Place,
    /// How it stands; `None` while reading goes on and it was not told to have ended.
    pub state: Option<State>,
    /// When it ended, where it did.
    pub closed: Option<Time>,
    /// The first Close.
    pub closing: Option<Closing>,
    /// Counts of each direction: running while reading goes on, the engine's own at its end.
    pub counts: PerDirection<Counts>,
    /// Application bytes of each direction's data messages, after inflating, as far as they are known.
    pub app_bytes: PerDirection<u64>,
    /// Round trips of pings.
    pub rtt: Rtt,
    /// Findings: info, warning, error.
    pub findings: [u64; 3],
    /// Missing bytes in its streams: how many gaps, how many bytes.
    pub gaps: (u64, u64),
    /// Where a loss ended the framing of a direction, bytes that were not dissected.
    pub skipped: PerDirection<Option<u64>>,
    /// What is known of its end; `None` until it was told.
    pub end: Option<Box<EndFacts>>,
}

/// A row is asked about its connection as the connection itself is.
impl std::ops::Deref for ConnectionRow {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

/// Marks of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(pub u16);

impl Marks {
    /// It was compressed.
    pub const COMPRESSED: u16 = 1;
    /// A finding points at it.
    pub const FINDING: u16 = 2;
    /// Its length is not known.
    pub const LEN_UNKNOWN: u16 = 4;
    /// It is text, and not UTF-8.
    pub const NOT_UTF8: u16 = 8;
    /// Its preview was not kept, to bound memory: load it.
    pub const NO_PREVIEW: u16 = 16;
    /// The client masked it.
    pub const MASKED: u16 = 32;
    /// It has begun and not ended (or its end never came): what is known are its frames so far.
    pub const UNFINISHED: u16 = 64;

    /// Whether any bit of `mask` is set.
    #[must_use]
    pub fn has(self, mask: u16) -> bool {
        self.0 & mask != 0
    }
}

/// A message. Its number in its connection is its place in the list plus 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// When its last byte came.
    pub time: Time,
    /// Application bytes; 0 where [`Marks::LEN_UNKNOWN`].
    pub len: u64,
    /// Bytes of all its frames, headers included.
    pub wire: u64,
    /// The packet with its first byte, low 32 bits.
    pub first_packet: u32,
    /// The packet that completed it, low 32 bits.
    pub last_packet: u32,
    /// How many frames.
    pub frames: u32,
    /// The number of its first frame in the connection, low 32 bits.
    pub first_frame: u32,
    /// The first frame's opcode bits.
    pub opcode: u8,
    /// Who sent it: 0 for the client.
    pub direction: u8,
    /// See [`Marks`].
    pub marks: Marks,
    /// How sure its bytes are.
    pub integrity: Integrity,
    /// Bytes of its preview; [`Index::preview`](super::Index::preview) has them.
    pub preview_len: u8,
}

impl MessageRow {
    /// Who sent it.
    #[must_use]
    pub fn direction(&self) -> Direction {
        if self.direction == 0 { Direction::ClientToServer } else { Direction::ServerToClient }
    }

    /// The first frame's opcode.
    #[must_use]
    pub fn opcode(&self) -> Opcode {
        Opcode::from_bits(self.opcode)
    }

    /// Application bytes, where they are known.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // It is no collection.
    pub fn len(&self) -> Option<u64> {
        (!self.marks.has(Marks::LEN_UNKNOWN)).then_some(self.len)
    }
}

/// A frame. Its number in its connection is its place in the list plus 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRow {
    /// When its last byte came.
    pub time: Time,
    /// Payload bytes as its header claims.
    pub payload_len: u64,
    /// The packet with its first byte, low 32 bits.
    pub packet: u32,
    /// The message it belongs to; 0 where it belongs to none.
    pub message: u32,
    /// The masking key; meaningful where the second byte has its top bit set.
    pub key: [u8; 4],
    /// The header's first two bytes.
    pub head: [u8; 2],
    /// Who sent it, and how its length is encoded.
    pub sender: FrameSender,
    /// Whether the capture has all of it.
    pub complete: bool,
}

/// Who sent a frame, and how they encode lengths, in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameSender(u8);

impl FrameSender {
    /// The sender of a frame.
    #[must_use]
    pub fn new(direction: Direction, encoding: LengthEncoding) -> Self {
        Self((encoding as u8) << 1 | u8::from(direction == Direction::ServerToClient))
    }

    fn encoding(self) -> LengthEncoding {
        use LengthEncoding::{Carry, EightBits, LittleEndian, Standard};
        [Standard, LittleEndian, EightBits, Carry].get(usize::from(self.0 >> 1)).copied().unwrap_or_default()
    }
}

impl FrameRow {
    /// Who sent it.
    #[must_use]
    pub fn direction(&self) -> Direction {
        if self.sender.0 & 1 == 0 { Direction::ClientToServer } else { Direction::ServerToClient }
    }

    /// Its header, as it was on the wire.
    #[must_use]
    pub fn header(&self) -> FrameHeader {
        FrameHeader {
            head: self.head,
            masking_key: self.key,
            payload_len: self.payload_len,
            encoding: self.sender.encoding(),
        }
    }

    /// Bytes of header and payload, as the header claims them.
    #[must_use]
    pub fn wire(&self) -> u64 {
        (self.header().len() as u64).saturating_add(self.payload_len)
    }
}

/// A finding.
#[derive(Clone, Debug)]
pub struct FindingRow {
    /// The connection; `None` where it concerns the capture.
    pub connection: Option<WebSocketId>,
    /// What was broken.
    pub rule: &'static Rule,
    /// Who sent it.
    pub direction: Option<Direction>,
    /// Frame number in the connection.
    pub frame: Option<u64>,
    /// Message number in the connection.
    pub message: Option<u64>,
    /// Offset in the direction's TCP stream.
    pub offset: Option<u64>,
    /// The packet at which it was seen.
    pub place: Place,
    /// One sentence with the values. Captured text in it is not yet made safe.
    pub text: Box<str>,
}

/// What becomes of a ping, a pong or a Close, beside its row: few messages have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlNote {
    /// For a pong: nanoseconds since the ping that it answers.
    pub rtt: Option<Nanos>,
    /// For a pong: the number of the ping that it answers.
    pub answers: Option<u64>,
    /// For a Close: its code.
    pub code: Option<u16>,
}
