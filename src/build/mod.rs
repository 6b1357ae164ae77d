//! Frames made by hand, to see what each field does: a draft goes out as bytes, and comes back through the real
//! parser and the real rules. Nothing is ever sent.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`draft`] | a frame as it is wanted, and its bytes |
//! | [`mod@judge`] | what the rules say about bytes |
//! | [`experiment`] | changes worth trying, and the rule that each breaks |
//! | [`connection`] | a whole TCP connection around a draft, as a pcapng |
//!
//! All of it is pure: the same draft gives the same bytes every day.

pub mod connection;
pub mod draft;
pub mod experiment;
pub mod judge;

pub use connection::pcapng;
pub use draft::{Draft, LengthForm, MAX_PAYLOAD};
pub use experiment::{EXPERIMENTS, Experiment};
pub use judge::{Violation, judge, verdict};
