//! Tests of the complete UI: keys in, screens out.
//!
//! A test opens a capture of the repository in a [`kit::Kit`], presses keys by their names and looks at the text,
//! the state, or a picture in `tests/screens` (`WSLENS_BLESS=1 cargo test tui` draws the pictures again).

mod behaviour;
mod builder;
mod chinese;
mod copy_export;
mod findings;
mod inside;
pub mod kit;
mod ladder;
mod learn;
mod live;
mod pictures;
mod properties;
#[cfg(feature = "tls")]
mod secure;
mod stats;
mod truth;
