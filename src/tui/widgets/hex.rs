//! Bytes in rows: offset, hexadecimal digits, text. Wide panes show 16 bytes a row, narrow ones 8 or 4.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text::Text;
use crate::tui::theme::{Role, Theme};

/// Bytes to show.
#[derive(Clone, Copy, Debug)]
pub struct Hex<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// The offset of the first byte.
    pub base: u64,
    /// Number of bytes in a row.
    pub per_row: usize,
    /// Whether there is a text column.
    pub text: bool,
    /// Bytes of the selected field, marked `▐ ▌`.
    pub lit: &'a [Range<usize>],
}

impl<'a> Hex<'a> {
    /// Returns the view with as many bytes in a row as fit into `columns`: 16, 8 or 4.
    #[must_use]
    pub fn new(bytes: &'a [u8], columns: u16) -> Self {
        let mut hex = Self { bytes, base: 0, per_row: 16, text: true, lit: &[] };
        for per_row in [16, 8, 4] {
            hex.per_row = per_row;
            if hex.columns() <= usize::from(columns) {
                break;
            }
        }
        hex
    }

    /// Columns of a row: offset, two spaces, bytes, a space, text between bars.
    #[must_use]
    pub fn columns(&self) -> usize {
        let text = if self.text { self.per_row + 3 } else { 0 };
        self.offset_digits() + 1 + self.per_row * 3 + 1 + text
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.bytes.len().div_ceil(self.per_row.max(1))
    }

    fn offset_digits(&self) -> usize {
        let last = self.base.saturating_add(self.bytes.len() as u64);
        if last > 0xffff_ffff {
            16
        } else if last > 0xffff {
            8
        } else {
            4
        }
    }

    fn is_lit(&self, at: usize) -> bool {
        self.lit.iter().any(|range| range.contains(&at))
    }

    /// Returns a row, counted from 0.
    #[must_use]
    pub fn row(&self, row: usize) -> Text {
        let start = row.saturating_mul(self.per_row);
        let end = start.saturating_add(self.per_row).min(self.bytes.len());
        let bytes = self.bytes.get(start..end).unwrap_or_default();
        let mut line = Text::new();
        let offset = self.base.saturating_add(start as u64);
        line.add(Role::Dim, format!("{offset:0digits$x} ", digits = self.offset_digits()));
        let mut before = false;
        for (i, byte) in bytes.iter().enumerate() {
            let lit = self.is_lit(start + i);
            line.add(if lit || before { Role::Plain } else { Role::Dim }, edge(before, lit));
            line.add(if lit { Role::Selected } else { Role::of_byte(*byte) }, digits(*byte));
            before = lit;
        }
        line.plainly(edge(before, false));
        if self.text {
            line.pad_to(self.offset_digits() + 1 + self.per_row * 3 + 2);
            line.add(Role::Dim, "│");
            for (i, byte) in bytes.iter().enumerate() {
                let role = if self.is_lit(start + i) { Role::Selected } else { Role::of_byte(*byte) };
                line.add(role, sign(*byte));
            }
            line.add(Role::Dim, "│");
        }
        line
    }

    /// Draws the rows from `top` on.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, top: usize, theme: Theme) {
        let rows = self.rows();
        for (i, y) in (area.top()..area.bottom()).enumerate() {
            let row = top.saturating_add(i);
            if row >= rows {
                break;
            }
            self.row(row).draw(buffer, area.x, y, area.width, theme);
        }
    }
}

/// Returns the character between two bytes, of which the left or the right one is highlighted.
fn edge(left: bool, right: bool) -> &'static str {
    match (left, right) {
        (false, true) => "▐",
        (true, false) => "▌",
        _ => " ",
    }
}

/// Returns the two digits of a byte.
#[must_use]
pub fn digits(byte: u8) -> &'static str {
    static ALL: std::sync::LazyLock<[String; 256]> =
        std::sync::LazyLock::new(|| std::array::from_fn(|byte| format!("{byte:02x}")));
    ALL.get(usize::from(byte)).map_or("", String::as_str)
}

/// Returns the character of a byte in the text column: itself if printable, else one for its class.
#[must_use]
pub fn sign(byte: u8) -> &'static str {
    static ASCII: &str =
        " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";
    match byte {
        0 => "⋄",
        0x09..=0x0d => "_",
        0x20..=0x7e => {
            let at = usize::from(byte - 0x20);
            ASCII.get(at..=at).unwrap_or(" ")
        }
        0x80.. => "×",
        _ => "•",
    }
}

/// Returns bytes as pairs of digits with spaces between, `c1 87 50`.
#[must_use]
pub fn spaced(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(digits(*byte));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_row_shows_offset_bytes_and_text() {
        let hex = Hex { per_row: 8, ..Hex::new(b"frag-1 \0\x01\xff", 80) };
        assert_eq!(hex.row(0).plain(), "0000  66 72 61 67 2d 31 20 00  │frag-1 ⋄│");
        assert_eq!(hex.row(1).plain(), "0008  01 ff                    │•×│");
        assert_eq!(hex.rows(), 2);
    }

    #[test]
    fn the_selected_field_is_marked_without_colour() {
        let lit = [1..2, 2..3];
        let hex = Hex { text: false, lit: &lit, ..Hex::new(&[0x81, 0x85, 0x37, 0xfa], 80) };
        assert_eq!(hex.row(0).plain(), "0000  81▐85 37▌fa ");
    }

    #[test]
    fn narrow_panes_have_short_rows() {
        let per_row = |columns| Hex::new(&[0; 100], columns).per_row;
        assert_eq!((per_row(80), per_row(73), per_row(72), per_row(20)), (16, 16, 8, 4));
    }

    proptest! {
        #[test]
        fn every_byte_is_shown_once(bytes in prop::collection::vec(any::<u8>(), 0..70), columns in 0u16..100) {
            let hex = Hex { text: false, ..Hex::new(&bytes, columns) };
            let shown: String = (0..hex.rows()).map(|row| {
                let line = hex.row(row).plain();
                line[4..].replace(' ', "")
            }).collect();
            prop_assert_eq!(shown, hex::encode(&bytes));
        }
    }
}
