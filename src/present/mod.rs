//! What people are shown, as text in roles, for printed output and for the terminal UI alike.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`role`] | roles: what a piece of text means |
//! | [`text`] | a line of text in roles, cut and padded by columns; captured bytes are made safe here |
//! | [`style`] | the look of printed output: terminal sequences for roles |
//! | [`units`] | numbers, sizes and times |
//!
//! The terminal UI draws a [`Text`] with the colors of its theme; printed output appends it with a [`Style`].

pub mod role;
pub mod style;
pub mod text;
pub mod units;

pub use role::Role;
pub use style::{Painted, Style};
pub use text::Text;
