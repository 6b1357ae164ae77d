//! The text column of UTF-8 bytes: a character is at its first byte.

use std::ops::Range;

use super::hex::sign;
use super::text::Text;
use crate::model::{is_hidden, width};
use crate::tui::theme::Role;

/// Returns the text of a row of bytes, one column for each byte: a character at its first bytes, `·` for its other
/// bytes, `×` for bytes that are invalid or belong to a character that the row splits.
#[must_use]
pub fn column(all: &[u8], row: Range<usize>, lit: &Range<usize>) -> Text {
    let mut line = Text::new();
    let mut at = row.start;
    while at < row.end {
        let role = |byte: u8| if lit.contains(&at) { Role::Selected } else { Role::of_byte(byte) };
        let Some(&first) = all.get(at) else { break };
        let char = if first < 0x80 { None } else { char_at(all, at) };
        let Some((char, text)) = char.filter(|(_, text)| at + text.len() <= row.end) else {
            line.add(role(first), sign(first));
            at += 1;
            continue;
        };
        let wide = width(text);
        if wide == 0 || wide > text.len() || is_hidden(char) || char.is_control() {
            line.add(role(first), "•".repeat(text.len()));
        } else {
            line.add(role(first), text).add(Role::Dim, "·".repeat(text.len() - wide));
        }
        at += text.len();
    }
    line
}

/// Returns the character that begins at a byte.
fn char_at(all: &[u8], at: usize) -> Option<(char, &str)> {
    (2..=4).find_map(|len| {
        let text = std::str::from_utf8(all.get(at..at + len)?).ok()?;
        Some((text.chars().next()?, text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_character_stands_on_its_first_byte() {
        let all = "a中é😀\n".as_bytes();
        assert_eq!(column(all, 0..all.len(), &(0..0)).plain(), "a中·é·😀··_");
        // The row ends inside the character.
        assert_eq!(column(all, 0..3, &(0..0)).plain(), "a××");
        assert_eq!(column(all, 3..6, &(0..0)).plain(), "×é·");
        assert_eq!(column("\u{202e}".as_bytes(), 0..3, &(0..0)).plain(), "•••");
    }

    proptest! {
        #[test]
        fn a_row_is_as_wide_as_it_has_bytes(bytes in prop::collection::vec(any::<u8>(), 0..40), text in "\\PC{0,12}", cut in 0usize..40) {
            for all in [bytes.as_slice(), text.as_bytes()] {
                let cut = cut.min(all.len());
                for row in [0..cut, cut..all.len()] {
                    let line = column(all, row.clone(), &(0..0));
                    prop_assert_eq!(line.width(), row.len());
                }
            }
        }
    }
}
