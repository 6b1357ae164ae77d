//! TCP reassembly (RFC 9293) over ranges: order, retransmission, overlap, gaps.
//!
//! In: sequence numbers and where payloads lie. Out: which range comes next. No bytes are owned or
//! copied; an out-of-order segment costs 40 bytes whatever its size.

// A number that does not fit is never cut silently: `model::to_u32` and its like, or `low_u32`. Tests know their numbers.
#![cfg_attr(
    not(test),
    warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)
)]

pub mod rules;
mod stream;

pub use stream::{Arrival, GiveUp, Held, NOWHERE, ORIGIN, Stream};
