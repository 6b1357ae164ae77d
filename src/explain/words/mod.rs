//! Every explanation in English and in Simplified Chinese, the two side by side.
//!
//! | file | what it tells |
//! | --- | --- |
//! | [`rules`] | findings: what they mean, usual causes, what to do, how a peer reacts, example bytes |
//! | [`codes`] | close codes and the ranges between them |
//! | [`opcodes`] | opcodes |
//! | [`fields`] | the fields of a frame |
//! | [`headers`] | headers of the opening handshake, and the parameters of permessage-deflate |
//! | [`keylog`] | how programs are made to write down the secrets of their TLS connections |
//! | [`mistakes`] | what goes wrong with accept values |
//!
//! Protocol names stay English in both. The tables are data: who prints them asks for a [`Lang`].

pub mod codes;
pub mod fields;
pub mod headers;
pub mod keylog;
pub mod mistakes;
pub mod opcodes;
pub mod rules;

use crate::model::Lang;

/// A text in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// English.
    pub en: &'static str,
    /// Simplified Chinese.
    pub zh: &'static str,
}

impl Words {
    /// The text in one of the languages.
    #[must_use]
    pub fn of(self, lang: Lang) -> &'static str {
        lang.pick(self.en, self.zh)
    }
}

/// Two texts that say the same.
#[must_use]
pub const fn w(en: &'static str, zh: &'static str) -> Words {
    Words { en, zh }
}

#[cfg(test)]
mod tests;
