//! Wraps text into rows: where each row begins in the bytes.
//!
//! A message may be a single line of 1 MB. Rows are therefore found on demand, from the top down and one window of
//! bytes at a time: opening such a message costs as much as the visible rows do.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::model::{Safe, beginning, safe, width};

/// Bytes of a window: rows are found in one window at a time.
const WINDOW: usize = 16 << 10;
/// Most combining marks on a character that `character` measures without the tables of Unicode.
const FEW_MARKS: usize = 4;

/// Where the rows of a text begin, as far as they were found. Every call must pass the same text.
#[derive(Clone, Debug)]
pub struct TextRows {
    starts: Vec<u32>,
    columns: Option<usize>,
    /// All rows were found.
    complete: bool,
}

impl TextRows {
    /// Creates the rows of a text; none is found yet. `columns`: where to break long lines, `None` not to break them.
    #[must_use]
    pub fn new(columns: Option<usize>) -> Self {
        Self { starts: vec![0], columns, complete: false }
    }

    /// Returns where long lines are broken.
    #[must_use]
    pub fn columns(&self) -> Option<usize> {
        self.columns
    }

    /// Finds the first `rows` rows, or all if there are fewer.
    pub fn find(&mut self, text: &[u8], rows: usize) {
        while !self.complete && self.len() < rows {
            self.advance(text);
        }
    }

    /// Returns the row that shows a byte, and finds all rows before it.
    pub fn find_byte(&mut self, text: &[u8], byte: usize) -> usize {
        while !self.complete && self.starts.last().is_some_and(|start| *start as usize <= byte) {
            self.advance(text);
        }
        self.starts.partition_point(|start| *start as usize <= byte).saturating_sub(1)
    }

    /// Returns how many rows were found of which the end is known too.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len() - usize::from(!self.complete)
    }

    /// Returns the bytes of a row, with its line feed.
    #[must_use]
    pub fn row(&self, text: &[u8], row: usize) -> Range<usize> {
        let start = |row: usize| self.starts.get(row).map(|start| *start as usize);
        start(row).unwrap_or(text.len())..start(row + 1).unwrap_or(text.len())
    }

    /// Finds at least one more row, unless there is none.
    fn advance(&mut self, text: &[u8]) {
        let begin = self.starts.last().map_or(0, |start| *start as usize);
        let rest = text.get(begin..).unwrap_or_default();
        let known = self.starts.len();
        let mut room = WINDOW;
        while !self.complete && self.starts.len() == known {
            let (window, cut) = beginning(rest, room);
            let mut from = 0;
            for end in memchr::memchr_iter(b'\n', window) {
                self.break_line(window.get(from..end).unwrap_or_default(), begin + from, true);
                from = end + 1;
                if begin + from < text.len() {
                    self.push(begin + from);
                }
            }
            self.break_line(window.get(from..).unwrap_or_default(), begin + from, !cut);
            self.complete = !cut;
            // The window is less than a row, such as one character with many marks: try a larger one.
            room = room.saturating_mul(8);
        }
    }

    fn push(&mut self, start: usize) {
        self.starts.push(start as u32); // A message is loaded up to 1 MiB.
    }

    /// Breaks a line. `at`: its offset in the text. `ends`: `line` is complete, not cut by the window.
    fn break_line(&mut self, line: &[u8], at: usize, ends: bool) {
        let Some(columns) = self.columns else { return };
        let mut row = TextRow { rows: self, columns: columns.max(1), used: 0, len: 0, at, next: None };
        for chunk in line.utf8_chunks() {
            let mut rest = chunk.valid();
            while !rest.is_empty() {
                let (bytes, wide) = match row.plain(rest) {
                    0 => character(rest, row.columns),
                    plain => (plain, plain),
                };
                row.place(bytes, wide);
                rest = rest.get(bytes..).unwrap_or_default();
            }
            // A byte that is not UTF-8 is shown as `\xff`.
            chunk.invalid().iter().for_each(|_| row.place(1, 4));
        }
        if let Some(start) = row.next.filter(|_| ends) {
            self.push(start);
        }
    }
}

/// The row that is being filled.
struct TextRow<'a> {
    rows: &'a mut TextRows,
    columns: usize,
    /// Columns and bytes in it.
    used: usize,
    len: usize,
    /// Offset of the next character in the text.
    at: usize,
    /// Where the row begins, until its first character is known to be complete: the window may cut that character.
    next: Option<usize>,
}

impl TextRow<'_> {
    /// Adds characters to the row, or to a new one if they do not fit. A row holds at least one character.
    fn place(&mut self, bytes: usize, wide: usize) {
        if let Some(start) = self.next.take() {
            self.rows.push(start);
        }
        if self.used + wide > self.columns && self.len > 0 {
            (self.used, self.len) = (0, 0);
            self.next = Some(self.at);
        }
        self.used += wide;
        self.len += bytes;
        self.at += bytes;
    }

    /// Returns how many characters of printable ASCII follow, limited to what fits into the row, or into the next row
    /// if this one is full. Does not count the last one before other characters, because it may carry a mark.
    fn plain(&self, rest: &str) -> usize {
        let room = match self.columns.saturating_sub(self.used) {
            0 => self.columns,
            room => room,
        };
        let bytes = rest.as_bytes();
        let plain = bytes.iter().take(room + 1).take_while(|byte| matches!(byte, b' '..=b'~')).count();
        if plain == bytes.len() { plain.min(room) } else { plain.saturating_sub(1) }
    }
}

/// Measures the first grapheme cluster of a text: its bytes, and its columns after [`safe`]. Counts columns only until
/// they exceed `most`.
fn character(text: &str, most: usize) -> (usize, usize) {
    let mut chars = text.chars();
    let first = chars.next().unwrap_or_default();
    if first.is_ascii_control() {
        return (1, 1); // Shown as one symbol; no mark joins it. A line contains no LF.
    }
    if let Some(wide) = alone(first) {
        let mut len = first.len_utf8();
        let mut marks = 0;
        for next in chars {
            match next {
                '\u{300}'..='\u{34e}' | '\u{350}'..='\u{36f}' if marks < FEW_MARKS => {
                    marks += 1;
                    len += next.len_utf8();
                }
                next if alone(next).is_some() || next.is_ascii_control() => return (len, wide),
                _ => return cluster(text, most),
            }
        }
        return (len, wide);
    }
    cluster(text, most)
}

/// As [`character`], by the tables of Unicode.
fn cluster(text: &str, most: usize) -> (usize, usize) {
    let cluster = text.graphemes(true).next().unwrap_or_default();
    let mut wide = 0;
    for run in safe(cluster.as_bytes()) {
        match run {
            Safe::Plain(all) if all.len() == cluster.len() => return (cluster.len(), cluster.width()),
            Safe::Plain(text) => {
                for part in text.graphemes(true) {
                    wide += width(part);
                    if wide > most {
                        return (cluster.len(), wide);
                    }
                }
            }
            // Each character of an escape is one column wide.
            Safe::Escaped(escape) => wide += escape.as_str().chars().count(),
        }
        if wide > most {
            break;
        }
    }
    (cluster.len(), wide)
}

/// Returns the columns of a character that only marks can join, for the most common scripts and emoji.
fn alone(char: char) -> Option<usize> {
    match char {
        ' '..='~' | '\u{c0}'..='\u{2ff}' | '\u{400}'..='\u{482}' => Some(1),
        '\u{3001}'..='\u{3029}'
        | '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='\u{30fa}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{ff01}'..='\u{ff60}' => Some(2),
        '\u{1f300}'..='\u{1f3fa}'
        | '\u{1f400}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1f9ff}' => char.width(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::safe_text;
    use proptest::prelude::*;

    /// Returns where each row begins.
    fn starts(bytes: &[u8], columns: Option<usize>) -> Vec<u32> {
        let mut rows = TextRows::new(columns);
        rows.find(bytes, usize::MAX);
        assert_eq!(rows.len(), rows.starts.len());
        rows.starts
    }

    /// Returns how many bytes of a line fit into `columns`, at least one character. Uses the tables of Unicode only.
    fn fitting(bytes: &[u8], columns: usize) -> usize {
        let (mut used, mut len) = (0, 0);
        for chunk in bytes.utf8_chunks() {
            let clusters = chunk.valid().graphemes(true).map(|cluster| {
                let wide = width(&safe_text(cluster.as_bytes()));
                (cluster.len(), wide)
            });
            for (bytes, wide) in clusters.chain(chunk.invalid().iter().map(|_| (1, 4))) {
                if used + wide > columns && len > 0 {
                    return len;
                }
                used += wide;
                len += bytes;
            }
        }
        len
    }

    #[test]
    fn lines_end_where_they_end_and_where_the_pane_does() {
        assert_eq!(starts(b"ab\ncd\n", None), [0, 3]);
        assert_eq!(starts(b"", Some(4)), [0]);
        assert_eq!(starts(b"\n\nx", Some(4)), [0, 1, 2]);
        assert_eq!(starts(b"abcdef\nab", Some(4)), [0, 4, 7]);
        assert_eq!(starts("中文字".as_bytes(), Some(5)), [0, 6]);
        assert_eq!(starts(b"abc\xff\x1bd", Some(7)), [0, 4]);
    }

    #[test]
    fn rows_are_found_only_as_far_as_they_are_asked_for() {
        let text = "名字与消息".repeat(70_000);
        let mut rows = TextRows::new(Some(78));
        rows.find(text.as_bytes(), 100);
        assert!((100..1000).contains(&rows.len()), "{}", rows.len());
        assert_eq!(rows.row(text.as_bytes(), 99), 99 * 117..100 * 117);
        assert_eq!(rows.find_byte(text.as_bytes(), 100_000), 100_000 / 117);
        rows.find(text.as_bytes(), usize::MAX);
        assert_eq!(rows.len(), text.len().div_ceil(117));
    }

    #[test]
    fn a_row_does_not_end_where_a_window_does() {
        for before in WINDOW - 40..WINDOW + 2 {
            let text = "x".repeat(before) + &"👨\u{200d}👩\u{200d}👧e\u{301}中".repeat(20);
            assert_eq!(starts(text.as_bytes(), Some(40)), slowly(text.as_bytes(), 40), "{before}");
        }
        let marks = "e".to_owned() + &"\u{301}".repeat(WINDOW * 3) + "end";
        assert_eq!(starts(marks.as_bytes(), Some(40)), slowly(marks.as_bytes(), 40));
        let lines = "ab\n".repeat(WINDOW);
        assert_eq!(starts(lines.as_bytes(), Some(40)).len(), WINDOW);
    }

    /// Returns where each row begins: finds each row in the complete rest of its line.
    fn slowly(bytes: &[u8], columns: usize) -> Vec<u32> {
        let mut starts = vec![0];
        let mut begin = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if begin > 0 {
                starts.push(begin as u32);
            }
            let bare = line.strip_suffix(b"\n").unwrap_or(line);
            let mut at = fitting(bare, columns);
            while at < bare.len() {
                starts.push((begin + at) as u32);
                at += fitting(&bare[at..], columns);
            }
            begin += line.len();
        }
        starts
    }

    #[test]
    fn characters_that_are_measured_without_a_table_are_as_wide_as_the_table_says() {
        for char in ('\0'..=char::MAX).filter(|char| alone(*char).is_some()) {
            let text = char.to_string();
            assert_eq!(alone(char), Some(width(&safe_text(text.as_bytes()))), "{char:?}");
            for other in ['a', '中', '각', '😀', 'é', '\u{301}', '\u{7f}', '，'] {
                let pairs = [format!("{char}{other}"), format!("{other}{char}")];
                for pair in pairs.iter().filter(|pair| !pair.starts_with('\u{301}')) {
                    let first = pair.graphemes(true).next().unwrap_or_default();
                    assert_eq!(
                        character(pair, 9),
                        (first.len(), width(&safe_text(first.as_bytes()))),
                        "{pair:?}"
                    );
                }
            }
        }
    }

    /// Generates text of joined, marked, escaped and invalid characters.
    fn odd() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => prop::sample::select(vec![
                "a", "b c", "中", "，", "é", "e\u{301}", "\u{301}", "\u{308}\u{323}", "각", "\u{1100}\u{1161}", "😀",
                "👨\u{200d}👩", "👍🏽", "❤\u{fe0f}", "1\u{fe0f}\u{20e3}", "🇨🇳", "🇨", "\u{200d}", "नि", "स्ते", "\u{600}",
                "\t", "\r", "\n", "\u{7f}", "\u{9b}", "\u{202e}", "\u{fe0e}", "لا", "ᩣ",
            ]).prop_map(|piece| piece.as_bytes().to_vec()),
            1 => any::<char>().prop_map(|char| char.to_string().into_bytes()),
            1 => any::<u8>().prop_map(|byte| vec![byte]),
        ];
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn rows_fit_and_hold_everything(text in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80), "\\PC{0,30}".prop_map(String::into_bytes), odd(),
        ], columns in 8usize..30) {
            let starts = starts(&text, Some(columns));
            prop_assert_eq!(&starts, &slowly(&text, columns));
            prop_assert!(starts.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", starts);
            for (i, start) in starts.iter().enumerate() {
                let end = starts.get(i + 1).map_or(text.len(), |end| *end as usize);
                let row = &text[*start as usize..end];
                let row = row.strip_suffix(b"\n").unwrap_or(row);
                prop_assert!(!row.contains(&b'\n'));
                let wide = width(&safe_text(row));
                // One character alone may be wider than the pane: marks that are counted, `‹+12›`.
                prop_assert!(wide <= columns || fitting(row, 1) == row.len(), "{:?} takes {}", row, wide);
            }
        }

        #[test]
        fn windows_change_nothing(text in odd(), columns in 1usize..30, before in 0usize..90) {
            let long = [&b"x".repeat(WINDOW - before)[..], &text, &"名字".repeat(40).into_bytes(), &text].concat();
            prop_assert_eq!(starts(&long, Some(columns)), slowly(&long, columns));
        }
    }
}
