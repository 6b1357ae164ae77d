//! Bytes in labeled parts: the name of a part is below its bytes.
//!
//! ```text
//! 0042  c1 87 │ 50 dd e4 e5 │ a2 95 29 2c
//!       hdr    └─ key ───┘  └─ payload ┘
//! ```

use std::ops::Range;

use super::hex::digits;
use super::text::{Text, fit};
use crate::model::width;
use crate::tui::theme::Role;

/// A part of the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledPart {
    /// Its name. Captured text is not allowed here.
    pub name: String,
    /// Its bytes.
    pub range: Range<usize>,
    /// The role of its bytes; `None` for the class of each byte.
    pub role: Option<Role>,
    /// Whether it is selected.
    pub lit: bool,
}

/// Two lines of the picture: bytes, and the names below them.
#[derive(Clone, Debug)]
struct LabelledRow {
    /// Parts, or pieces of them: the number of the part, and its bytes.
    pieces: Vec<(usize, Range<usize>)>,
}

/// Bytes with labels.
#[derive(Clone, Debug)]
pub struct Labelled {
    parts: Vec<LabelledPart>,
    rows: Vec<LabelledRow>,
}

/// Width of the offset.
const LEAD: usize = 7;

impl Labelled {
    /// Lays out parts in `columns`. Parts without bytes are left out.
    #[must_use]
    pub fn new(parts: Vec<LabelledPart>, columns: usize) -> Self {
        let most = (columns.saturating_sub(LEAD + 1) / 3).max(1);
        let mut rows: Vec<LabelledRow> = Vec::new();
        let mut left = 0;
        for (i, part) in parts.iter().enumerate() {
            let mut at = part.range.start;
            while at < part.range.end {
                // A separator takes two columns of a byte; a short piece at the end of a row is not started.
                let wanted = part.range.end - at;
                if left < 4.min(wanted) + 1 {
                    rows.push(LabelledRow { pieces: Vec::new() });
                    left = most;
                }
                let len = wanted.min(left);
                if let Some(row) = rows.last_mut() {
                    row.pieces.push((i, at..at + len));
                }
                left = left.saturating_sub(len + 1);
                at += len;
            }
        }
        Self { parts, rows }
    }

    /// Number of lines.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len() * 2
    }

    /// Returns whether there are no lines.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the first line with bytes of a selected part.
    #[must_use]
    pub fn lit_line(&self) -> usize {
        let lit = |row: &LabelledRow| {
            row.pieces.iter().any(|(part, _)| self.parts.get(*part).is_some_and(|part| part.lit))
        };
        self.rows.iter().position(lit).unwrap_or(0) * 2
    }

    /// Returns a line: even ones contain bytes, odd ones names.
    #[must_use]
    pub fn line(&self, line: usize, bytes: &[u8]) -> Text {
        let mut text = Text::new();
        let Some(row) = self.rows.get(line / 2) else { return text };
        let names = line % 2 == 1;
        if let (Some((_, first)), false) = (row.pieces.first(), names) {
            text.add(Role::Dim, format!(" {:04x}  ", first.start));
        }
        text.pad_to(LEAD);
        for (i, (at, range)) in row.pieces.iter().enumerate() {
            let Some(part) = self.parts.get(*at) else { continue };
            if i > 0 {
                text.add(Role::Dim, if names { " " } else { "│ " });
            }
            if names {
                let goes_on = range.start > part.range.start;
                let name = if goes_on { format!("{} (cont.)", part.name) } else { part.name.clone() };
                label(&mut text, &name, range.len() * 3 - 1, part.lit);
                if i + 1 < row.pieces.len() {
                    text.plainly(" ");
                }
                continue;
            }
            for at in range.clone() {
                let byte = bytes.get(at).copied().unwrap_or(0);
                let role = if part.lit { Role::Selected } else { part.role.unwrap_or(Role::of_byte(byte)) };
                text.add(role, digits(byte)).plainly(" ");
            }
        }
        text
    }
}

/// Returns a bracket with a name, `└─ name ──┘`, in `columns`.
fn label(text: &mut Text, name: &str, columns: usize, lit: bool) {
    let role = if lit { Role::Title } else { Role::Plain };
    let long = columns >= width(name) + 6;
    let (left, right) = if long { ("└─ ", "─┘") } else { ("└ ", "┘") };
    let Some(room) = columns.checked_sub(width(left) + width(right) + 1).filter(|room| *room > 2) else {
        // Too narrow for a bracket.
        text.left(role, fit(name, columns), columns);
        return;
    };
    let name = fit(name, room).trim_end();
    text.add(Role::Dim, left).add(role, name).plainly(" ");
    text.add(Role::Dim, "─".repeat(room - width(name))).add(Role::Dim, right);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(name: &str, range: Range<usize>) -> LabelledPart {
        LabelledPart { name: name.into(), range, role: None, lit: false }
    }

    #[test]
    fn names_stand_below_their_bytes() {
        let parts = vec![part("hdr", 0..2), part("key", 2..6), part("payload", 6..13)];
        let bytes: Vec<u8> = (0..13).collect();
        let labelled = Labelled::new(parts, 60);
        assert_eq!(labelled.line(0, &bytes).plain(), " 0000  00 01 │ 02 03 04 05 │ 06 07 08 09 0a 0b 0c ");
        assert_eq!(labelled.line(1, &bytes).plain(), "       hdr    └─ key ───┘  └─ payload ────────┘");
    }

    proptest! {
        #[test]
        fn every_byte_is_shown_once_in_the_columns(
            lens in prop::collection::vec(0usize..60, 0..8), columns in 20usize..130,
        ) {
            let mut at = 0;
            let parts: Vec<LabelledPart> = lens.iter().map(|len| { at += len; part("part", at - len..at) }).collect();
            let bytes: Vec<u8> = (0..at).map(|i| i as u8).collect();
            let labelled = Labelled::new(parts, columns);
            let mut shown = String::new();
            for line in 0..labelled.len() {
                let text = labelled.line(line, &bytes);
                prop_assert!(text.width() <= columns, "{}", text.plain());
                if line % 2 == 0 {
                    shown += &text.plain()[LEAD..].replace(['│', ' '], "");
                }
            }
            prop_assert_eq!(shown, hex::encode(&bytes));
        }
    }
}
