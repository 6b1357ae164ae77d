//! Lessons: texts that are data, values that the engine computes, checks of what a learner answers.
//!
//! ```text
//! lessons/en/masking.txt ─► parse ─► Lesson ─┐
//! bundled capture, or the learner's ─► find ─┴─► scene: a step with its values ─► check ─► progress
//!                                      facts ─┘
//! ```
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`parse`] | the format of lesson files |
//! | [`expr`], [`facts`] | expressions, and what the engine says of objects |
//! | [`sample`] | captures in the program |
//! | [`find`] | something like an object in another capture |
//! | [`scene`] | a step with its values put in |
//! | [`check`] | answers as people type them |
//! | [`progress`] | which steps were done |
//! | [`layout`] | lines, also of Chinese |
//! | [`words`] | the labels around lessons, in both languages |
//! | [`plain`] | a lesson as text |
//!
//! There is one file for each lesson and language. Tests hold the two to the same steps, views and answers, and every
//! answer to a value of its capture.

pub mod check;
pub mod expr;
pub mod facts;
pub mod find;
pub mod layout;
pub mod parse;
pub mod plain;
pub mod progress;
pub mod sample;
pub mod scene;
#[cfg(test)]
mod tests;
pub mod words;

pub use parse::{Lesson, LessonStep, ParseError};
pub use sample::Sample;
pub use scene::Scene;

use crate::model::Lang;

/// Lessons that are counted; those behind them are extras.
pub const COUNTED: usize = 10;

macro_rules! lessons {
    ($($(#[$only:meta])? $id:literal),* $(,)?) => {
        /// The files of all lessons, English and Chinese, in their order.
        static FILES: &[(&str, [&str; 2])] = &[$($(#[$only])? (
            $id,
            [
                include_str!(concat!("lessons/en/", $id, ".txt")),
                include_str!(concat!("lessons/zh/", $id, ".txt")),
            ],
        )),*];
    };
}

lessons!(
    "layers",
    "handshake",
    "accept",
    "frame",
    "masking",
    "lengths",
    "fragments",
    "duplex",
    "close",
    "overhead",
    "deflate",
    "subprotocols",
    "proxies",
    #[cfg(feature = "tls")]
    "wss",
);

/// All lessons in both languages.
#[derive(Clone, Debug, Default)]
pub struct Course {
    lessons: Vec<[Lesson; 2]>,
}

impl Course {
    /// Reads all lesson files.
    ///
    /// # Errors
    /// The first file that is wrong: its name and what. Tests see to it that there is none.
    pub fn read() -> Result<Self, String> {
        let mut lessons = Vec::with_capacity(FILES.len());
        for (id, files) in FILES {
            let [en, zh] = files.map(Lesson::parse);
            let fail = |lang: &str, error: ParseError| format!("lessons/{lang}/{id}.txt, {error}");
            lessons.push([en.map_err(|error| fail("en", error))?, zh.map_err(|error| fail("zh", error))?]);
        }
        Ok(Self { lessons })
    }

    /// How many lessons there are, extras included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lessons.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lessons.is_empty()
    }

    /// A lesson by its place, in a language.
    #[must_use]
    pub fn lesson(&self, at: usize, lang: Lang) -> Option<&Lesson> {
        let [en, zh] = self.lessons.get(at)?;
        Some(lang.pick(en, zh))
    }

    /// The place of the lesson that someone names: by its name, the beginning of it, its number, or a title.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        let name = name.trim().to_lowercase();
        let ids = || self.lessons.iter().map(|[en, _]| en.id.as_str());
        if let Ok(number) = name.parse::<usize>() {
            return number.checked_sub(1).filter(|at| *at < self.len());
        }
        let by_title = || {
            let mut all = self.lessons.iter();
            all.position(|both| both.iter().any(|lesson| lesson.title.to_lowercase() == name))
        };
        let mut begins = ids().enumerate().filter(|(_, id)| id.starts_with(&name));
        let exact = ids().position(|id| id == name).or_else(by_title);
        let prefix = (!name.is_empty()).then(|| begins.next()).flatten();
        exact.or_else(|| prefix.filter(|_| begins.next().is_none()).map(|(at, _)| at))
    }

    /// The names of all lessons, in their order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.lessons.iter().map(|[en, _]| en.id.as_str())
    }
}
