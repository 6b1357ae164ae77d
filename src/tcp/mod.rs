//! TCP reassembly (RFC 9293) over ranges: order, retransmission, overlap, gaps.
//!
//! In: sequence numbers and where payloads lie. Out: which range comes next. No bytes are owned or
//! copied; an out-of-order segment costs 40 bytes whatever its size.

pub mod rules;
mod stream;

pub use stream::{Arrival, GiveUp, Held, NOWHERE, ORIGIN, Stream};
