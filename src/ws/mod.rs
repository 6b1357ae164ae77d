//! Frames and messages (RFC 6455 section 5, RFC 7692).

mod close;
mod frame;
mod mask;
mod utf8;

pub use close::{Close, CloseCode, close_code, is_sendable};
pub use frame::{FrameHeader, MAX_HEADER_LEN, Opcode};
pub use mask::unmask;
pub use utf8::Utf8Check;
