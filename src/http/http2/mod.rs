//! HTTP/2, as far as WebSockets are in it (RFC 9113, RFC 7541, RFC 8441).
//!
//! In come the bytes of both directions in order, with their addresses, and what is missing of them. Out go, through
//! [`Http2Events`], the requests for a WebSocket, their answers, and the DATA of these streams: each direction of a stream
//! is an address space of its own, which counts from 0, while the chunks keep the addresses that the bytes have below.
//! Other streams are passed over, but for what their field blocks change in the compression state.
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`frame`] | frame headers, and where frames begin, also after a loss |
//! | [`hpack`] | field blocks, the place of each field in them, fields that nobody can know |
//! | [`huffman`], [`table`] | what HPACK is made of |
//! | [`connect`] | extended CONNECT as an opening handshake, and every rule that it breaks |
//! | [`connection`] | settings, streams, flow control: both directions together |
//! | [`rules`] | those rules |
//!
//! Splitting a chunk anywhere changes no event but the pieces in which DATA comes. At most nine bytes of a header, a
//! field block and a table in each direction are held, all bounded.

mod block;
pub mod connect;
pub mod connection;
mod flow;
pub mod frame;
mod gather;
pub mod hpack;
pub mod huffman;
pub mod rules;
mod step;
pub mod table;

use std::fmt::Arguments;

pub use connect::{ConnectAnswer, conclude, judge, url};
pub use connection::{Http2, StreamOpening};
pub use frame::{FrameHeader, FrameKind, FrameStart, PREFACE};
pub use gather::BlockPiece;

use crate::model::{Chunk, Direction, Place, Rule};

/// Where a finding stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spot {
    /// Whose bytes show it; `None` where nobody sent it.
    pub direction: Option<Direction>,
    /// The stream of a WebSocket that it is about; `None` where it concerns the connection.
    pub stream: Option<u32>,
    /// Offset in the direction's stream of bytes below HTTP/2.
    pub at: u64,
    /// The packet.
    pub place: Place,
}

/// What takes a connection's events.
///
/// For each stream: `asked`, then `answered` at most once, any number of `data`, `gap` and `lost`, `ended` once a
/// direction or `reset` once. After an answer that refuses, `data` of the server is the beginning of its body.
pub trait Http2Events {
    /// A frame begins, of whichever stream.
    fn frame(&mut self, direction: Direction, header: FrameHeader, start: FrameStart) {
        let _ = (direction, header, start);
    }
    /// A client asks for a WebSocket.
    fn asked(&mut self, stream: u32, opening: StreamOpening);
    /// The final answer.
    fn answered(&mut self, stream: u32, opening: StreamOpening, answer: ConnectAnswer);
    /// DATA of a stream, the next in order, without padding. `chunk.at` counts from the stream's first.
    fn data(&mut self, stream: u32, direction: Direction, chunk: Chunk<'_>);
    /// DATA that is missing: so many bytes from there on.
    fn gap(&mut self, stream: u32, direction: Direction, at: u64, len: u64, arrival: Place);
    /// DATA may be missing, nobody knows how much.
    fn lost(&mut self, stream: u32, direction: Direction, at: u64, arrival: Place);
    /// A side sends no more.
    fn ended(&mut self, stream: u32, direction: Direction, arrival: Place);
    /// A side ended the stream at once, both directions.
    fn reset(&mut self, stream: u32, by: Direction, code: u32, arrival: Place);
    /// A rule broken, or something worth knowing. `text` is one sentence with the values.
    fn finding(&mut self, rule: &'static Rule, spot: Spot, text: Arguments<'_>);
}

/// The RFC's word for an error code (RFC 9113 section 7).
#[must_use]
pub fn error_name(code: u32) -> &'static str {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    NAMES.get(code as usize).copied().unwrap_or("an unknown code")
}

/// Whether bytes in the middle of something begin with a request or a response of HTTP/2: a HEADERS frame whose block
/// begins with `:method` or `:status`. Gives the direction.
#[must_use]
pub fn begins_with_headers(bytes: &[u8]) -> Option<Direction> {
    let (header, rest) = bytes.split_first_chunk::<{ frame::HEADER_LEN }>()?;
    let crate::model::Parse::Done(parsed, _) = FrameHeader::parse(header) else { return None };
    if parsed.kind != FrameKind::Headers || !parsed.is_plausible(header, frame::DEFAULT_MAX_FRAME_SIZE) {
        return None;
    }
    let pad = usize::from(parsed.has(frame::flag::PADDED));
    let priority = if parsed.has(frame::flag::PRIORITY) { 5 } else { 0 };
    let client = parsed.stream % 2 == 1;
    match rest.get(pad + priority)? {
        // :method GET or POST by index; literal with its name's index.
        0x82 | 0x83 | 0x42 | 0x43 | 0x02 | 0x03 | 0x12 | 0x13 if client => Some(Direction::ClientToServer),
        0x88..=0x8e | 0x48 | 0x08 | 0x18 if client => Some(Direction::ServerToClient),
        _ => None,
    }
}

/// Whether bytes are the first of a server's side of HTTP/2: SETTINGS.
#[must_use]
pub fn begins_with_settings(bytes: &[u8]) -> bool {
    bytes.len() >= frame::HEADER_LEN && may_begin_with_settings(bytes)
}

/// Whether bytes may be [those](begins_with_settings), as far as they are there.
#[must_use]
pub fn may_begin_with_settings(bytes: &[u8]) -> bool {
    /// No server sets as many parameters.
    const MOST: usize = 64;
    let mut header = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    for (slot, byte) in header.iter_mut().zip(bytes) {
        *slot = *byte;
    }
    let [a, b, c, 4, 0, 0, 0, 0, 0] = header else { return false };
    let len = u32::from_be_bytes([0, a, b, c]) as usize;
    !bytes.is_empty() && len <= 6 * MOST && (bytes.len() < 3 || len.is_multiple_of(6))
}
