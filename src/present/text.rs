//! A line of text with roles, cut and padded by display columns. The terminal UI draws it with ratatui.
//!
//! Captured bytes must be added by [`Text::captured`], or made safe by [`crate::model`] before: then a `␛` that was
//! sent looks different from an ESC that was sent.

use unicode_segmentation::UnicodeSegmentation as _;

use super::Role;
use super::units::text as units;
use crate::model::{Safe, preview_runs, safe, width};

/// A line of text with roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    parts: Vec<(Role, String)>,
    width: usize,
}

impl Text {
    /// An empty line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A line of one role.
    #[must_use]
    pub fn of(role: Role, text: impl AsRef<str>) -> Self {
        let mut line = Self::new();
        line.add(role, text);
        line
    }

    /// Returns the width in columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns whether the line is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Returns the pieces, each with its role.
    #[must_use]
    pub fn parts(&self) -> &[(Role, String)] {
        &self.parts
    }

    /// Returns the text without roles.
    #[must_use]
    pub fn plain(&self) -> String {
        self.parts.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// Appends a text that needs no escaping.
    pub fn add(&mut self, role: Role, text: impl AsRef<str>) -> &mut Self {
        let text = text.as_ref();
        if text.is_empty() {
            return self;
        }
        self.width += width(text);
        match self.parts.last_mut() {
            Some((last, so_far)) if *last == role => so_far.push_str(text),
            _ => self.parts.push((role, text.to_owned())),
        }
        self
    }

    /// Appends a text that needs no escaping, in the plain role.
    pub fn plainly(&mut self, text: impl AsRef<str>) -> &mut Self {
        self.add(Role::Plain, text)
    }

    /// Appends captured bytes, made safe and cut to `columns` with `…`.
    pub fn captured(&mut self, role: Role, bytes: &[u8], columns: usize) -> &mut Self {
        let preview = preview_runs(bytes, columns);
        for run in &preview.runs {
            self.run(role, run);
        }
        if let Some(spaces) = preview.cut
            && columns > 0
        {
            self.add(role, " ".repeat(spaces));
            self.add(Role::Dim, "…");
        }
        self
    }

    /// Appends all of the captured bytes, made safe; only for bytes of limited length.
    pub fn captured_whole(&mut self, role: Role, bytes: &[u8]) -> &mut Self {
        for run in safe(bytes) {
            self.run(role, &run);
        }
        self
    }

    fn run(&mut self, role: Role, run: &Safe<'_>) {
        match run {
            Safe::Plain(text) => self.add(role, text),
            Safe::Escaped(escape) => self.add(Role::Escape, escape.as_str()),
        };
    }

    /// Appends another line.
    pub fn append(&mut self, other: &Self) -> &mut Self {
        for (role, text) in &other.parts {
            self.add(*role, text);
        }
        self
    }

    /// Appends spaces up to `column`.
    pub fn pad_to(&mut self, column: usize) -> &mut Self {
        let missing = column.saturating_sub(self.width);
        self.add(Role::Plain, " ".repeat(missing))
    }

    /// Appends a text at the left of a cell of `columns`; longer text is cut.
    pub fn left(&mut self, role: Role, text: &str, columns: usize) -> &mut Self {
        let end = self.width + columns;
        let kept = fit(text, columns);
        self.add(role, kept).pad_to(end)
    }

    /// Appends a text at the right of a cell of `columns`. A longer text is cut and marked with `…`, because a number
    /// without its last digits would look like another number.
    pub fn right(&mut self, role: Role, text: &str, columns: usize) -> &mut Self {
        let kept = fit(text, columns);
        if kept.len() < text.len() {
            let end = self.width + columns;
            return self.add(role, fit(text, columns.saturating_sub(1))).add(role, "…").pad_to(end);
        }
        self.pad_to(self.width + columns - width(kept).min(columns)).add(role, kept)
    }

    /// Appends a number at the right of a cell of `columns`: exact if it fits with a space before it, else rounded.
    pub fn count(&mut self, role: Role, value: u64, columns: usize) -> &mut Self {
        self.right(role, &units::count(value, columns), columns)
    }

    /// As [`count`](Self::count), with groups of three digits if they fit.
    pub fn grouped(&mut self, role: Role, value: u64, columns: usize) -> &mut Self {
        let text = units::grouped(value);
        let text = if width(&text) <= columns { text } else { units::count(value, columns) };
        self.right(role, &text, columns)
    }

    /// Appends captured bytes in a cell of `columns`, cut with `…`.
    pub fn captured_cell(&mut self, role: Role, bytes: &[u8], columns: usize) -> &mut Self {
        let end = self.width + columns;
        self.captured(role, bytes, columns).pad_to(end)
    }

    /// Appends `other` so that it ends at `column`, with at least one space before it; leaves it out if it does
    /// not fit.
    pub fn end_at(&mut self, column: usize, other: &Self) -> &mut Self {
        if self.width + other.width < column {
            self.pad_to(column - other.width).append(other);
        }
        self
    }

    /// Returns the line with one role in place of another.
    #[must_use]
    pub fn replace_role(mut self, from: Role, to: Role) -> Self {
        for (role, _) in self.parts.iter_mut().filter(|(role, _)| *role == from) {
            *role = to;
        }
        self
    }

    /// Returns the line in one role.
    #[must_use]
    pub fn in_role(mut self, role: Role) -> Self {
        for (of, _) in &mut self.parts {
            *of = role;
        }
        self
    }

    /// Gives every occurrence of `needle`, in any case, the role of a search hit.
    pub fn highlight(&mut self, needle: &str) -> &mut Self {
        let needle = needle.to_lowercase();
        let plain = self.plain();
        // Some letters are longer in lower case; the offsets would not match then.
        let lower = plain.to_lowercase();
        if needle.is_empty() || lower.len() != plain.len() {
            return self;
        }
        let hits: Vec<(usize, usize)> =
            lower.match_indices(&needle).map(|(at, hit)| (at, at + hit.len())).collect();
        if hits.is_empty() {
            return self;
        }
        let mut line = Self::new();
        let mut at = 0;
        for (role, text) in &self.parts {
            for (offset, char) in text.char_indices() {
                let place = at + offset;
                let hit = hits.iter().any(|(from, to)| (*from..*to).contains(&place));
                let role = if hit { Role::Hit } else { *role };
                match line.parts.last_mut() {
                    Some((last, so_far)) if *last == role => so_far.push(char),
                    _ => line.parts.push((role, char.to_string())),
                }
            }
            at += text.len();
        }
        line.width = self.width;
        *self = line;
        self
    }

    /// Returns the first `columns`; a longer line ends in `…`.
    #[must_use]
    pub fn cut(&self, columns: usize) -> Self {
        if self.width <= columns {
            return self.clone();
        }
        let mut line = Self::new();
        let Some(room) = columns.checked_sub(1) else { return line };
        for (role, text) in &self.parts {
            let kept = fit(text, room - line.width);
            line.add(*role, kept);
            if kept.len() < text.len() {
                break;
            }
        }
        line.pad_to(room).add(Role::Dim, "…");
        line
    }
}

/// Returns the longest beginning of `text` that fits into `columns`. Grapheme clusters are not cut.
#[must_use]
pub fn fit(text: &str, columns: usize) -> &str {
    if text.len() <= columns {
        return text; // No character takes more columns than bytes.
    }
    let (mut used, mut end) = (0, 0);
    for cluster in text.graphemes(true) {
        used += width(cluster);
        if used > columns {
            break;
        }
        end += cluster.len();
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_wide_character_is_never_cut_in_half() {
        let line = Text::of(Role::Plain, "ab中文");
        assert_eq!(line.cut(4).plain(), "ab …");
        assert_eq!(line.cut(5).plain(), "ab中…");
        assert_eq!(line.cut(6).plain(), "ab中文");
        assert_eq!(line.cut(0).plain(), "");
    }

    #[test]
    fn what_stands_for_something_else_has_its_own_role() {
        let mut line = Text::new();
        line.captured(Role::Plain, b"a\x1b[31m", 20);
        assert_eq!(
            line.parts,
            [(Role::Plain, "a".into()), (Role::Escape, "␛".into()), (Role::Plain, "[31m".into())]
        );
    }

    #[test]
    fn cells_stand_at_their_ends() {
        let mut line = Text::new();
        line.left(Role::Plain, "ab", 4).right(Role::Plain, "cd", 4).captured_cell(Role::Plain, b"abcdef", 4);
        assert_eq!(line.plain(), "ab    cdabc…");
    }

    proptest! {
        #[test]
        fn a_cut_line_is_as_wide_as_asked(text in "\\PC{0,40}", columns in 0usize..40) {
            let line = Text::of(Role::Plain, &text);
            let cut = line.cut(columns);
            prop_assert!(cut.width() <= columns);
            prop_assert_eq!(cut.width(), width(&cut.plain()));
        }
    }
}
