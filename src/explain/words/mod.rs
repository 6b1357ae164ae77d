//! Every explanation in English and in Simplified Chinese, the two side by side.
//!
//! | file | what it tells |
//! | --- | --- |
//! | [`codes`] | close codes and the ranges between them |
//! | [`opcodes`] | opcodes |
//! | [`fields`] | the fields of a frame |
//! | [`headers`] | headers of the opening handshake, and the parameters of permessage-deflate |
//! | [`keylog`] | how programs are made to write down the secrets of their TLS connections |
//! | [`mistakes`] | what goes wrong with accept values |
//!
//! Protocol names stay English in both. The tables are data; callers choose the language when they print.

pub mod codes;
pub mod fields;
pub mod headers;
pub mod keylog;
pub mod mistakes;
pub mod opcodes;

pub(crate) use crate::model::{Bilingual, both};

#[cfg(test)]
mod tests;
