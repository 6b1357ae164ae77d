//! The filter language: `dir == c2s and op == text and json.user == "x"`.
//!
//! In: a text. Out: a [`Filter`] that can be asked about any [`FilterRow`], a [`FilterError`] with the word at fault,
//! or, while somebody types, [`complete`]'s proposals. `docs/FILTERS.md` tells the language to people.
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`field`] | the fields: the one table of names, types, help |
//! | `lex`, `parse`, `literal` | the grammar, and values as they are written |
//! | `ast` | a filter as it is understood, and how it is written |
//! | `eval` | asking a record; three answers, because bytes may be missing |
//! | `records` | what a record of each level answers to each field |
//! | `events`, `matcher` | the engine's events as records; fields of other levels |
//! | `whole` | tests of a connection that what it holds answers |
//! | `complete` | proposals while typing |
//!
//! Nothing here recurses deeper than a filter's parentheses, of which there are at most 64; regular expressions take
//! linear time.

mod ast;
mod complete;
mod error;
mod eval;
mod events;
pub mod field;
mod lex;
mod literal;
mod matcher;
mod parse;
mod records;
#[cfg(test)]
mod tests;
mod whole;

pub use ast::Filter;
pub use complete::{Completion, Values, complete};
pub use error::FilterError;
pub use eval::{FilterRow, FilterVerdict, Value};
#[cfg(test)]
pub(crate) use events::{FilterEvent, answers};
pub use field::{FIELDS, Field, Info, Level, Levels, ValueKind, WordSet};
pub use matcher::{Matcher, Needs, Survey};
pub use parse::parse;
pub use records::{
    ConnectionFacts, FindingFacts, FrameFacts, MessageFacts, MessageSummary, RecordFacts, number, of_message,
};
pub use whole::{Asker, Told};
