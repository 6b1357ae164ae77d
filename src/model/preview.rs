//! Captured text cut to a number of terminal columns.

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::safe::{Safe, is_plain, safe};

/// How many terminal columns `text` takes, summed over its grapheme clusters.
#[must_use]
pub fn width(text: &str) -> usize {
    if is_plain(text.as_bytes()) {
        return text.len();
    }
    text.graphemes(true).map(|cluster| cluster.width()).sum()
}

/// Makes captured bytes safe and cuts them to `max_columns` columns; also answers whether it cut.
///
/// A cut text is exactly `max_columns` wide and ends in `…`. Neither a grapheme cluster nor an escape
/// is ever cut in half: a space fills the column that a wide character would have overrun.
#[must_use]
pub fn preview(bytes: &[u8], max_columns: usize) -> (String, bool) {
    let preview = preview_runs(bytes, max_columns);
    let mut out = String::with_capacity(preview.runs.iter().map(|run| run.as_str().len()).sum::<usize>() + 3);
    out.extend(preview.runs.iter().map(Safe::as_str));
    if let Some(spaces) = preview.cut {
        out.extend(std::iter::repeat_n(' ', spaces));
        out.push_str(if max_columns == 0 { "" } else { "…" });
    }
    (out, preview.cut.is_some())
}

/// The beginning of a text, as runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview<'a> {
    /// What fits.
    pub runs: Vec<Safe<'a>>,
    /// Where it is not all: the spaces to put before the `…`.
    pub cut: Option<usize>,
}

/// As [`preview`], for a view that shows escapes in a style of their own.
#[must_use]
pub fn preview_runs(bytes: &[u8], max_columns: usize) -> Preview<'_> {
    // Printable ASCII takes a column a byte.
    let ascii = bytes.get(..=max_columns).unwrap_or(bytes);
    if is_plain(ascii) {
        let cut = ascii.len() > max_columns;
        let kept = if cut { max_columns.saturating_sub(1) } else { ascii.len() };
        let text = ascii.get(..kept).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default();
        return Preview { runs: vec![Safe::Plain(text)], cut: cut.then_some(0) };
    }
    // Most text fills the columns with few bytes; marks and invisible characters may need more.
    let (head, shortened) = beginning(bytes, max_columns.saturating_mul(4).saturating_add(16));
    if let Some(done) = fit(head, shortened, max_columns, false) {
        return done;
    }
    let (head, shortened) = beginning(bytes, max_columns.saturating_mul(32).saturating_add(64));
    fit(head, shortened, max_columns, true).unwrap_or(Preview { runs: Vec::new(), cut: Some(0) })
}

/// Makes `head` safe and cuts it to `max_columns`. Where it is a shortened text and does not fill the
/// columns, it is cut nevertheless if it is the `last` try, and otherwise there is no answer.
fn fit(head: &[u8], shortened: bool, max_columns: usize, last: bool) -> Option<Preview<'_>> {
    let mut runs = Vec::new();
    let mut columns = 0usize;
    // Where to cut if the rest turns out not to fit: the last end of a cluster or an escape that leaves room
    // for `…`, as the runs before it, the bytes of the next one, and the columns of both.
    let mut fit = (0usize, 0usize, 0usize);
    let mut whole = true;
    for run in safe(head) {
        let (mut len, done) = (0, runs.len());
        let mut add = |text: &str| {
            let wide = text.width();
            if columns + wide > max_columns {
                return false;
            }
            len += text.len();
            columns += wide;
            if columns < max_columns {
                fit = (done, len, columns);
            }
            true
        };
        whole = match run {
            Safe::Plain(text) => text.graphemes(true).all(&mut add),
            Safe::Escaped(escape) => add(escape.as_str()),
        };
        runs.push(run);
        if !whole {
            break;
        }
    }
    if whole && !shortened {
        return Some(Preview { runs, cut: None });
    }
    if whole && !last {
        return None;
    }
    let (count, len, columns) = fit;
    runs.truncate(count + 1);
    match runs.pop() {
        Some(Safe::Plain(text)) => runs.extend(text.get(..len).filter(|t| !t.is_empty()).map(Safe::Plain)),
        Some(escape) if len > 0 => runs.push(escape),
        _ => {}
    }
    Some(Preview { runs, cut: Some(max_columns.saturating_sub(columns + 1)) })
}

/// The first `max` bytes, less a UTF-8 sequence that the cut would split; and whether any were left out.
#[must_use]
pub fn beginning(bytes: &[u8], max: usize) -> (&[u8], bool) {
    let Some((head, _)) = bytes.split_at_checked(max).filter(|(_, rest)| !rest.is_empty()) else {
        return (bytes, false);
    };
    let tail = head.iter().rev().take(4).position(|&b| b >= 0xc0).map_or(0, |i| i + 1);
    let split = head.len().saturating_sub(tail);
    match head.get(split..).map(std::str::from_utf8) {
        Some(Err(error)) if error.error_len().is_none() => (head.get(..split).unwrap_or_default(), true),
        _ => (head, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::safe::tests::nasty;
    use crate::model::safe_text;
    use proptest::prelude::*;

    #[test]
    fn a_preview_never_cuts_a_wide_character_in_half() {
        assert_eq!(preview("中文字".as_bytes(), 6), ("中文字".into(), false));
        assert_eq!(preview("中文字".as_bytes(), 5), ("中文…".into(), true));
        assert_eq!(preview("中文字".as_bytes(), 4), ("中 …".into(), true));
        assert_eq!(preview(b"a\nb", 3), ("a⏎b".into(), false));
        assert_eq!(preview("a\u{202e}b".as_bytes(), 7), ("a     …".into(), true));
        assert_eq!(preview(b"abc", 0), (String::new(), true));
        assert_eq!(preview(b"", 0), (String::new(), false));
        assert_eq!(preview(b"abc", 1), ("…".into(), true));
    }

    #[test]
    fn a_preview_of_something_huge_does_not_split_its_last_character() {
        for lead in 0..4 {
            let text = "x".repeat(lead) + &"\u{301}中".repeat(1 << 20);
            let (shown, cut) = preview(text.as_bytes(), 40);
            assert!(cut && !shown.contains("\\x"), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn a_preview_is_as_wide_as_asked(bytes in nasty(), max in 0usize..50) {
            let (shown, cut) = preview(&bytes, max);
            let whole = safe_text(&bytes);
            if cut {
                prop_assert_eq!(width(&shown), max);
                let kept = shown.trim_end_matches('…').trim_end_matches(' ');
                prop_assert!(whole.starts_with(kept), "{:?} {:?}", whole, kept);
            } else {
                prop_assert_eq!(&shown, &whole);
                prop_assert!(width(&shown) <= max);
            }
        }
    }
}
