//! The parts of screens. They draw into a buffer and change no state.
//!
//! | file | contents |
//! | --- | --- |
//! | [`list`] | cursor and view of a list of any length |
//! | [`table`] | the rows of a list in sight, with column headings |
//! | [`hex`] | bytes: offset, digits, text |
//! | [`labelled`] | bytes with the names of their parts |
//! | [`pane`] | a frame with titles |
//! | [`bars`] | bars and sparklines |
//! | [`utf8`] | the text column of bytes that are UTF-8 |

pub mod bars;
mod draw;
pub mod hex;
pub mod labelled;
pub mod list;
pub mod pane;
pub mod table;
pub mod utf8;

pub use hex::Hex;
pub use list::List;
pub use pane::Pane;
pub use table::Column;

pub use crate::present::units::text as units;
pub use crate::present::{Text, text};
