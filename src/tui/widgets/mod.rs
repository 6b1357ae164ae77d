//! The parts of screens. They draw into a buffer and change no state.
//!
//! | file | contents |
//! | --- | --- |
//! | [`text`] | a line in roles, cut by display columns; captured text goes in here |
//! | [`list`] | cursor and view of a list of any length |
//! | [`table`] | the rows of a list in sight, with column headings |
//! | [`hex`] | bytes: offset, digits, text |
//! | [`labelled`] | bytes with the names of their parts |
//! | [`pane`] | a frame with titles |
//! | [`bars`] | bars and sparklines |
//! | [`utf8`] | the text column of bytes that are UTF-8 |
//! | [`units`] | numbers, sizes and times in a readable form |

pub mod bars;
pub mod hex;
pub mod labelled;
pub mod list;
pub mod pane;
pub mod table;
pub mod text;
pub mod units;
pub mod utf8;

pub use hex::Hex;
pub use list::List;
pub use pane::Pane;
pub use table::Column;
pub use text::Text;
