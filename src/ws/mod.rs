//! Frames and messages (RFC 6455 section 5, RFC 7692).

mod frame;
mod mask;

pub use frame::{FrameHeader, MAX_HEADER_LEN, Opcode};
pub use mask::unmask;
