//! Text in rows of a pane: where each begins in the bytes.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::model::{is_plain, safe_text, width};

/// Where each row of a text begins. `columns`: where long lines are broken; `None` leaves them whole.
#[must_use]
pub fn starts(bytes: &[u8], columns: Option<usize>) -> Vec<u32> {
    let mut starts = vec![0];
    let mut begin = 0;
    let ends = memchr::memchr_iter(b'\n', bytes).map(|at| at + 1).chain(std::iter::once(bytes.len()));
    for end in ends {
        if begin > 0 && begin < bytes.len() {
            starts.push(begin as u32); // What is loaded of a message is far below 4 GiB.
        }
        if let Some(columns) = columns {
            let line = bytes.get(begin..end).unwrap_or_default();
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let mut at = 0;
            loop {
                at += fitting(line.get(at..).unwrap_or_default(), columns.max(1));
                if at >= line.len() {
                    break;
                }
                starts.push((begin + at) as u32);
            }
        }
        begin = end;
    }
    starts
}

/// How many bytes of a text without line ends fill at most `columns`; at least one character.
#[must_use]
pub fn fitting(bytes: &[u8], columns: usize) -> usize {
    // One more, for a mark that may sit on the last.
    let ahead = bytes.get(..=columns).unwrap_or(bytes);
    if is_plain(ahead) {
        return ahead.len().min(columns);
    }
    let (mut used, mut len) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        let clusters = chunk.valid().graphemes(true).map(|cluster| {
            let wide = if is_plain(cluster.as_bytes()) {
                cluster.len()
            } else {
                width(&safe_text(cluster.as_bytes()))
            };
            (cluster.len(), wide)
        });
        // A byte that is none shows as `\xff`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_end_where_they_end_and_where_the_pane_does() {
        assert_eq!(starts(b"ab\ncd\n", None), [0, 3]);
        assert_eq!(starts(b"", Some(4)), [0]);
        assert_eq!(starts(b"\n\nx", Some(4)), [0, 1, 2]);
        assert_eq!(starts(b"abcdef\nab", Some(4)), [0, 4, 7]);
        assert_eq!(starts("中文字".as_bytes(), Some(5)), [0, 6]);
        assert_eq!(starts(b"abc\xff\x1bd", Some(7)), [0, 4]);
    }

    proptest! {
        #[test]
        fn rows_fit_and_hold_everything(text in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80), "\\PC{0,30}".prop_map(String::into_bytes),
        ], columns in 8usize..30) {
            let starts = starts(&text, Some(columns));
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
    }
}
