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
use crate::explain::words::Words;

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentencePart {
    /// Our own words.
    Own(String),
    /// Captured bytes, not yet made safe.
    Captured(Vec<u8>),
}

/// A sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Its text.
    pub pieces: Vec<SentencePart>,
    /// How sure it is.
    pub grade: Grade,
    /// Where it can be seen: `packet 4`; empty where it is about the whole connection.
    pub at: String,
}

/// A part of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// Its title.
    pub title: Words,
    /// What it tells.
    pub sentences: Vec<Sentence>,
}

/// A connection's story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// The connection's number.
    pub number: u32,
    /// Its chapters; none is empty.
    pub chapters: Vec<Chapter>,
}

#[cfg(test)]
mod tests;
