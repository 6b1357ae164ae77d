//! Recognizes frames where framing is unknown: no opening handshake was captured, bytes are missing, or bytes of
//! another protocol follow a frame.
//!
//! One frame header proves nothing, because any two bytes are one. All decisions rest on [`chain`]: a run of headers that
//! fit together, weighed in bits against chance. Where the evidence does not suffice, the answer is no.

mod ambiguous;
pub(super) mod chain;
mod foreign;
mod recognize;
mod resync;
mod search;

pub(super) use search::FrameSearch;

pub use recognize::{Guess, GuessVerdict, Known, Sent, recognise};
