//! What a WebSocket tells: frames, messages, findings.

use std::fmt::Arguments;

use super::{FrameHeader, FrameStart, InflateLimits, Opcode, Payload};
use crate::model::{Bytes, Direction, Nanos, Place, Rule};

/// How sure a message's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// Every byte was there and the decoding is certain.
    Ok,
    /// Bytes are missing from the capture.
    Gap,
    /// A limit of wslens was hit.
    Cut,
    /// Compressed, and the window it refers to is not certain.
    UnknownDictionary,
    /// The compressed data is broken.
    Damaged,
    /// Framing was picked up without a handshake or after a loss.
    Guessed,
    /// An agreed extension that wslens does not know may have changed the payload.
    UnknownExtension,
    /// Readable only by breaking a rule that strict receivers enforce; a finding names it.
    Lenient,
}

impl Integrity {
    /// The word of the machine output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Gap => "gap",
            Self::Cut => "cut",
            Self::UnknownDictionary => "unknown-dictionary",
            Self::Damaged => "damaged",
            Self::Guessed => "guessed",
            Self::UnknownExtension => "unknown-extension",
            Self::Lenient => "lenient",
        }
    }

    /// Whether the bytes of such a message are still compressed: the wire bytes, which are no text.
    #[must_use]
    pub fn is_as_sent(self, compressed: bool) -> bool {
        compressed && matches!(self, Self::Gap | Self::UnknownDictionary | Self::Damaged)
    }
}

/// A frame whose last byte is there, or that will never be whole.
pub struct FrameEvent<'a> {
    /// From 1 in its WebSocket, both directions together.
    pub number: u64,
    /// The message it belongs to; `None` where it belongs to none.
    pub message: Option<u64>,
    /// Who sent it.
    pub direction: Direction,
    /// Its header.
    pub header: FrameHeader,
    /// Where its first byte is.
    pub start: FrameStart,
    /// The packet that completed it, or the last one that brought bytes of it.
    pub last: Place,
    /// Whether the capture has all of it.
    pub complete: bool,
    /// The payload bytes that were kept, from the first on.
    pub payload: &'a Payload,
    /// Where to read them.
    pub bytes: &'a dyn Bytes,
    /// SHA-256 of all payload bytes, unmasked, where hashes were asked for and not all bytes were kept.
    pub sha256: Option<[u8; 32]>,
}

impl FrameEvent<'_> {
    /// The kept payload, unmasked, otherwise as on the wire; empty where it is gone.
    pub fn read<'a>(&'a self, scratch: &'a mut Vec<u8>) -> &'a [u8] {
        self.payload.read(self.bytes, scratch).unwrap_or_default()
    }
}

/// A Close frame's code and reason, as far as they are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseEvent<'a> {
    /// The close code.
    pub code: Option<u16>,
    /// The reason's bytes.
    pub reason: &'a [u8],
}

/// A message whose last frame is there. Control frames are messages of one frame.
#[derive(Debug)]
pub struct MessageEvent<'a> {
    /// From 1 in its WebSocket, both directions together, by the completion of the first frame.
    pub number: u64,
    /// Who sent it.
    pub direction: Direction,
    /// The first frame's opcode.
    pub opcode: Opcode,
    /// The packet with its first byte.
    pub first: Place,
    /// The packet that completed it.
    pub last: Place,
    /// Application bytes: joined, unmasked, inflated; `None` where that cannot be known.
    pub len: Option<u64>,
    /// Bytes of all its frames, headers included.
    pub wire: u64,
    /// How many frames.
    pub frames: u32,
    /// Whether it was compressed.
    pub compressed: bool,
    /// How sure its bytes are.
    pub integrity: Integrity,
    /// Application bytes from the first on, as many as are kept. The wire bytes, joined and unmasked,
    /// where the message could not be inflated.
    pub bytes: &'a [u8],
    /// Whether `bytes` is all of it.
    pub whole: bool,
    /// The kept bytes as text, for a text message that is one as a whole and whose bytes are certain.
    pub text: Option<&'a str>,
    /// Offset of the first byte that is not UTF-8, for text that could be read.
    pub invalid_utf8_at: Option<u64>,
    /// The first missing byte's offset in the payload, and how many are missing in all.
    pub missing: Option<(u64, u64)>,
    /// Of the application bytes, when asked for and all of them were seen.
    pub sha256: Option<[u8; 32]>,
    /// For a Close.
    pub close: Option<CloseEvent<'a>>,
    /// For a pong that answers a ping: nanoseconds since that ping.
    pub rtt: Option<Nanos>,
    /// For such a pong: the message number of that ping.
    pub answers: Option<u64>,
}

/// A complete data message, of which no byte is missing, that is short enough for a heartbeat of a subprotocol or early
/// enough for its negotiation.
///
/// These messages are read at every [`Depth`]; without [`Depth::payloads`], only those that are neither compressed nor
/// fragmented.
#[derive(Clone, Copy, Debug)]
pub struct ShortMessage<'a> {
    /// Its message number, from 1.
    pub number: u64,
    /// The direction in which it was sent.
    pub direction: Direction,
    /// The opcode of its first frame.
    pub opcode: Opcode,
    /// Its payload: joined, unmasked, inflated.
    pub bytes: &'a [u8],
    /// The packet that completed it.
    pub last: Place,
}

impl ShortMessage<'_> {
    /// The first messages of a WebSocket are always delivered, up to this number.
    pub const OPENING: u64 = 4;
    /// The longest of these messages, in bytes.
    pub const OPENING_LEN: u64 = 1024;
    /// The longest of all later messages, in bytes. These are delivered on request only: see
    /// [`Events::short_message`].
    pub const LEN: u64 = 64;

    /// Whether it is one of the first messages of its WebSocket, which are always delivered.
    #[must_use]
    pub fn is_opening(&self) -> bool {
        self.number <= Self::OPENING
    }

    /// Whether it is no longer than [`LEN`](Self::LEN).
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.bytes.len() as u64 <= Self::LEN
    }
}

/// Where a finding of a WebSocket stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spot {
    /// Who sent it.
    pub direction: Option<Direction>,
    /// Frame number.
    pub frame: Option<u64>,
    /// Message number.
    pub message: Option<u64>,
    /// Offset in the direction's stream.
    pub offset: Option<u64>,
    /// The packet.
    pub place: Place,
    /// What bytes are that are no frame.
    pub what: Option<&'static str>,
}

impl Spot {
    /// A packet.
    #[must_use]
    pub fn at(place: Place) -> Self {
        Self { place, ..Self::default() }
    }

    /// What one side did, in a packet.
    #[must_use]
    pub fn of(direction: Direction, place: Place) -> Self {
        Self { direction: Some(direction), place, ..Self::default() }
    }

    /// The same, at an offset in bytes from the start of the direction's stream.
    #[must_use]
    pub fn with_offset(self, offset: u64) -> Self {
        Self { offset: Some(offset), ..self }
    }
}

/// What takes a WebSocket's events, in the order in which they became certain.
pub trait Events {
    /// A frame.
    fn frame(&mut self, frame: &FrameEvent<'_>);
    /// A message.
    fn message(&mut self, message: &MessageEvent<'_>);
    /// A short data message, before its message event (there is none where payloads are not read). Returns whether
    /// messages up to [`ShortMessage::LEN`] bytes are also wanted after the first few.
    fn short_message(&mut self, message: &ShortMessage<'_>) -> bool {
        let _ = message;
        false
    }
    /// A rule broken. `text` is one sentence with the values.
    fn finding(&mut self, rule: &'static Rule, spot: Spot, text: Arguments<'_>);
}

/// What a WebSocket needs beside the bytes: where to read kept bytes, what to look at, working space.
pub struct MessageContext<'a> {
    /// Kept bytes by address.
    pub bytes: &'a dyn Bytes,
    /// How deep to look.
    pub depth: &'a Depth,
    /// Working space.
    pub scratch: &'a mut Scratch,
}

/// How much of the payloads is looked at.
#[derive(Clone, Debug)]
pub struct Depth {
    /// Payloads of data frames are read: joined, inflated, checked. Without it data messages are
    /// counted by their headers, and give no events but [`Events::short_message`].
    pub payloads: bool,
    /// There are frame events.
    pub frames: bool,
    /// They carry payload bytes; those of data frames only where payloads are read.
    pub frame_payloads: bool,
    /// Hash each message.
    pub hash: bool,
    /// Bytes of a message or frame that are kept.
    pub keep: u64,
    /// Fragments of a message, and small frames in a second, beyond which there is a finding. All are read.
    pub fragments: u32,
    /// Bounds of inflating.
    pub inflate: InflateLimits,
}

impl Default for Depth {
    fn default() -> Self {
        // 64 KiB: what the machine output prints of a message unless told otherwise.
        Self {
            payloads: true,
            frames: true,
            frame_payloads: true,
            hash: false,
            keep: 64 << 10,
            fragments: 10_000,
            inflate: InflateLimits::default(),
        }
    }
}

/// Buffers that are used again for each message.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) unmasked: Vec<u8>,
    pub(super) inflated: super::InflateSpace,
    pub(super) kept: Vec<u8>,
    #[allow(clippy::vec_box)] // They come from and go back to where they are boxed.
    pub(super) spare: Vec<Box<super::Inflater>>,
    /// For frames at hand.
    #[allow(clippy::vec_box)]
    pub(super) frames: Vec<Box<super::message::AtHand>>,
    /// For the next message.
    pub(super) open: Option<Box<super::content::Open>>,
    pub(super) grown: u64,
}

impl Scratch {
    /// Counts bytes that may have been kept somewhere.
    #[inline]
    pub fn grow(&mut self, len: u64) {
        self.grown = self.grown.saturating_add(len);
    }

    /// How many bytes connections may hold more than when this was set back: never less than they do.
    #[must_use]
    #[inline]
    pub fn grown(&self) -> u64 {
        self.grown
    }

    /// Counts from 0 again.
    pub fn weighed(&mut self) {
        self.grown = 0;
    }
}
