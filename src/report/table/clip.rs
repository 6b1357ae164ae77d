//! Lines that are wider than the terminal, cut: the last resort where there is no room for the columns.

use std::io::{self, Write};

use unicode_segmentation::UnicodeSegmentation;

use crate::model::width;

/// Hands lines on, each cut to so many columns. What comes in is safe to show, but for the sequences of a look (SGR).
#[derive(Debug)]
pub(super) struct Clip<W> {
    out: W,
    /// `None` where nothing is cut.
    columns: Option<usize>,
    ascii: bool,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
}

impl<W: Write> Clip<W> {
    pub(super) fn new(out: W, columns: Option<usize>, ascii: bool) -> Self {
        Self { out, columns, ascii, line: Vec::new() }
    }
}

impl<W: Write> Write for Clip<W> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(columns) = self.columns else { return self.out.write(bytes) };
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if let Some(text) = self.line.strip_suffix(b"\n") {
                let text = String::from_utf8_lossy(text);
                self.out.write_all(clip(&text, columns, self.ascii).as_bytes())?;
                self.out.write_all(b"\n")?;
                self.line.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A line of at most `columns` columns, with a sign at its end where it was cut.
fn clip(line: &str, columns: usize, ascii: bool) -> String {
    let (mut out, mut used) = (String::with_capacity(line.len()), 0);
    // The length of `out` up to which the sign still has room.
    let (mut fits, mut colored) = (0, false);
    for (i, part) in line.split('\x1b').enumerate() {
        let mut text = part;
        if i > 0
            && let Some((sgr, rest)) = part.split_once('m')
        {
            out.extend(["\x1b", sgr, "m"]);
            text = rest;
        }
        for cluster in text.graphemes(true) {
            used += width(cluster);
            if used > columns {
                out.truncate(fits);
                out.push_str(if ascii { "~" } else { "…" });
                out.push_str(if colored { "\x1b[0m" } else { "" });
                return out;
            }
            out.push_str(cluster);
            if used < columns {
                (fits, colored) = (out.len(), out.contains('\x1b'));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_to_its_columns_and_says_so() {
        assert_eq!(clip("abcdef", 6, false), "abcdef");
        assert_eq!(clip("abcdefg", 6, false), "abcde…");
        assert_eq!(clip("abcdefg", 6, true), "abcde~");
        // A wide character is never cut in half.
        assert_eq!(clip("ab中文字", 5, false), "ab中…");
        assert_eq!(clip("ab中文字", 6, false), "ab中…");
        assert_eq!(clip("\x1b[34m→\x1b[0m abc", 5, false), "\x1b[34m→\x1b[0m abc");
        assert_eq!(clip("\x1b[34mabcdef\x1b[0m", 3, false), "\x1b[34mab…\x1b[0m");
    }

    #[test]
    fn lines_may_come_in_pieces() {
        let mut out = Vec::new();
        let mut clip = Clip::new(&mut out, Some(4), true);
        for piece in ["ab", "cdef\ngh", "\n\n中", "文字\n"] {
            clip.write_all(piece.as_bytes()).unwrap();
        }
        assert_eq!(String::from_utf8(out).unwrap(), "abc~\ngh\n\n中~\n");
    }
}
