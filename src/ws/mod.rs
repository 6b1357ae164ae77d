//! Frames and messages (RFC 6455 section 5, RFC 7692).
//!
//! In: the bytes of both directions after the opening handshake, in order, with gaps marked. Out:
//! frames, messages and findings, through [`Events`]. Nothing here knows TCP or HTTP.
//!
//! Promise: any split of the input gives the same events; bytes are never invented; no payload is
//! held beyond [`Depth::keep`] bytes of a message.

// A number that does not fit is never cut silently: `model::to_u32` and its like, or `low_u32`. Tests know their numbers.
#![cfg_attr(
    not(test),
    warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)
)]

mod close;
mod content;
mod control;
mod deflate;
mod event;
mod frame;
mod heuristics;
mod lenient;
mod mask;
mod message;
mod payload;
mod reader;
pub mod rules;
mod shared;
#[cfg(test)]
mod short_tests;
mod socket;
mod text;
mod utf8;
mod validate;

pub use close::{Close, CloseCode, close_code, is_sendable};
pub use deflate::{DeflateEnd, InflateLimit, InflateLimits, InflateSpace, Inflater, Inflation};
pub use event::{
    CloseEvent, Depth, Events, FrameEvent, Integrity, MessageContext, MessageEvent, Scratch, ShortMessage,
    Spot,
};
pub use frame::{FrameHeader, LengthEncoding, MAX_HEADER_LEN, Opcode};
pub use heuristics::chain::{Piece, fills, may_be_frame};
pub use heuristics::{Guess, GuessVerdict, Known, Sent, recognise};
pub use mask::unmask;
pub use message::{CompressionTerms, Counts, Terms};
pub use payload::Payload;
pub use reader::{FrameReader, FrameSink, FrameStart, Lost};
pub use shared::{Closing, LISTED, Pinging, Rtt};
pub use socket::{StreamEnd, WebSocket};
pub use text::{Hazards, hazards};
pub use utf8::Utf8Check;
