//! The nouns that every room shares. No logic beyond reading themselves, no I/O, no imports.
//!
//! | word | meaning |
//! | --- | --- |
//! | packet | what the capture file holds one record of |
//! | segment | what TCP sent in one packet |
//! | stream | one direction of a TCP connection, in order |
//! | gap | bytes of a stream that the capture lacks |
//! | frame, message | RFC 6455 section 5; a message is one or more frames |
//! | finding | a rule broken, or something worth knowing, at a place |

mod event;
mod finding;
mod handshake;
mod histogram;
mod id;
mod lang;
mod lasted;
mod loss;
mod number;
mod parse;
mod preview;
mod safe;
mod segment;
mod span;
mod tally;
mod wrap;

pub use event::{Bytes, Chunk, Place, SEALED};
pub use finding::{Example, ExampleKind, Finding, Rule, Severity, peer};
pub use handshake::{Accept, Body, DeflateParams, Extension, Head, HeaderField, Quirks, StartLine};
pub use histogram::Histogram;
pub use id::{ConnectionId, FrameId, MessageId, WebSocketId};
pub use lang::{Bilingual, Lang, both};
pub use lasted::lasted;
pub use loss::{Loss, Losses};
pub use number::{low_u32, to_u8, to_u16, to_u32, to_u64, to_usize};
pub use parse::Parse;
pub use preview::{Preview, beginning, preview, preview_runs, width};
pub use safe::{Escape, Runs, Safe, is_hidden, is_plain, push_safe, safe, safe_str, safe_text};
pub use segment::{Endpoint, Flags, Segment};
pub use span::{Direction, LinkType, Nanos, PacketRef, PerDirection, Span, Time};
pub use tally::Tally;
pub use wrap::{join_line, wrap, wrapped};
