//! What is wrong with a filter's text, and where.

use std::fmt;
use std::ops::Range;

use crate::model::{safe_str, width};

/// A filter that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// Bytes of the text at fault; empty at its end where something is missing.
    pub range: Range<usize>,
    /// What is wrong, in a line.
    pub what: String,
    /// Why, or what to write instead; may be empty.
    pub why: String,
    /// Words like the one at fault.
    pub near: Vec<&'static str>,
    text: String,
}

/// Columns of a long filter that are shown before the word at fault.
const BEFORE: usize = 60;

impl FilterError {
    pub(super) fn new(text: &str, range: Range<usize>, what: impl Into<String>) -> Self {
        Self { range, what: what.into(), why: String::new(), near: Vec::new(), text: text.to_owned() }
    }

    #[must_use]
    pub(super) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    #[must_use]
    pub(super) fn near(mut self, near: Vec<&'static str>) -> Self {
        self.near = near;
        self
    }

    /// What stands under the word at fault: near names, or why.
    #[must_use]
    pub fn note(&self) -> String {
        let mut note = String::new();
        if !self.near.is_empty() {
            note = format!("did you mean: {}?", self.near.join(", "));
        }
        if !self.why.is_empty() {
            note.push_str(if note.is_empty() { "" } else { "     " });
            note.push_str(&self.why);
        }
        note
    }

    /// The text, made safe, and a line that marks the word at fault.
    #[must_use]
    pub fn marked(&self) -> [String; 2] {
        let part = |range: Range<usize>| self.text.get(range).unwrap_or_default();
        let end = self.range.end.max(self.range.start);
        let (before, word) = (part(0..self.range.start), part(self.range.start..end));
        // Whole characters from the end back; a long filter is shown from near the word on.
        let cut = before.char_indices().rev().nth(BEFORE).map_or(0, |(at, _)| at);
        let shown = safe_str(before.get(cut..).unwrap_or_default());
        let lead = if cut > 0 { "…" } else { "" };
        let word: String = word.chars().take(2 * BEFORE).collect();
        let word = safe_str(&word);
        let rest: String = part(end..self.text.len()).chars().take(BEFORE).collect();
        let carets = "^".repeat(width(&word).max(1));
        let spaces = " ".repeat(width(lead) + width(&shown));
        let note = self.note();
        let gap = if note.is_empty() { "" } else { " " };
        [format!("{lead}{shown}{word}{}", safe_str(&rest)), format!("{spaces}{carets}{gap}{note}")]
    }
}

impl fmt::Display for FilterError {
    /// Three lines: what, the text, the mark with the reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [text, mark] = self.marked();
        write!(f, "{} in filter\n   {text}\n   {mark}", safe_str(&self.what))
    }
}

impl std::error::Error for FilterError {}
