//! One connection told from SYN to FIN in plain words, with its figures.
//!
//! Each sentence is true for this capture and says where that can be seen. What was not captured is said to be unknown;
//! what only follows from something else is said to be inferred.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`mod@tell`] | gathers the facts and puts them into sentences, in both languages |
//! | [`fn@write`] | the story as text or Markdown |

mod ending;
mod facts;
mod keep_alive;
mod opening;
mod rhythm;
mod stream;
pub mod tell;
mod traffic;
pub mod write;

pub use tell::tell;
pub use write::{StoryForm, write};

pub use crate::autopsy::Grade;
use crate::model::Bilingual;

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentencePart {
    /// Text of the story.
    Own(String),
    /// Captured bytes, not yet escaped.
    Captured(Vec<u8>),
}

/// A sentence of a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// The parts of its text.
    pub pieces: Vec<SentencePart>,
    /// Its certainty.
    pub grade: Grade,
    /// The packets that prove it, such as `packet 4`; empty if it is about the complete connection.
    pub at: String,
}

/// A chapter of a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// Its title.
    pub title: Bilingual,
    /// Its sentences.
    pub sentences: Vec<Sentence>,
}

/// The story of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// The connection's number.
    pub number: u32,
    /// Its chapters; none is empty.
    pub chapters: Vec<Chapter>,
}

#[cfg(test)]
mod tests;
