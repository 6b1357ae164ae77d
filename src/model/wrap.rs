//! Lines of a given width, for languages with and without spaces between words.
//!
//! A line ends at a space, or beside a character of two columns: Chinese has no spaces. It never ends before a closing
//! mark or after an opening one. Widths are columns of a terminal.

use unicode_segmentation::UnicodeSegmentation as _;

use super::width;

/// Marks that never begin a line.
const CLOSING: &str = "，。、；：？！）」』】》〉…％”’,.;:?!)]}%";
/// Marks that never end a line.
const OPENING: &str = "（「『【《〈“‘([{";

fn is_wide(char: char) -> bool {
    width(char.encode_utf8(&mut [0; 4])) > 1 || "“”‘’…".contains(char)
}

/// Appends the next line of a paragraph: with a space between them, except between Chinese characters.
pub fn join_line(text: &mut String, line: &str) {
    let wide = text.chars().last().is_some_and(is_wide) || line.chars().next().is_some_and(is_wide);
    // Chinese texts have a space beside a Latin word.
    let both = text.chars().last().is_some_and(is_wide) && line.chars().next().is_some_and(is_wide);
    let sign = |char: Option<char>| char.is_some_and(|char| CLOSING.contains(char) || OPENING.contains(char));
    let glued = both || wide && (sign(text.chars().last()) || sign(line.chars().next()));
    if !text.is_empty() && !line.is_empty() && !glued {
        text.push(' ');
    }
    text.push_str(line);
}

/// Breaks a paragraph into lines of at most `columns` columns (at least 2). A longer word is cut. Returns at least one
/// line.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for piece in pieces(text) {
        let wide = width(piece.trim_end());
        if used > 0 && used + wide > columns {
            let line = lines.last_mut().map(|line| line.truncate(line.trim_end().len()));
            debug_assert!(line.is_some());
            lines.push(String::new());
            used = 0;
        }
        // A word longer than a line.
        let mut rest = piece;
        while width(rest.trim_end()) > columns {
            let mut cut = rest.len();
            let mut wide = 0;
            for (at, cluster) in rest.grapheme_indices(true) {
                wide += width(cluster);
                if wide > columns {
                    cut = at;
                    break;
                }
            }
            let (head, tail) = rest.split_at_checked(cut).unwrap_or((rest, ""));
            if head.is_empty() {
                break;
            }
            if let Some(line) = lines.last_mut() {
                line.push_str(head);
            }
            lines.push(String::new());
            rest = tail;
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(rest);
            used = width(line);
        }
    }
    if let Some(line) = lines.last_mut() {
        line.truncate(line.trim_end().len());
    }
    lines
}

/// Splits a text where a line may end. Each piece includes the spaces after it.
fn pieces(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, char) in text.char_indices() {
        let Some(last) = before.replace(char) else { continue };
        let may = if last == ' ' {
            char != ' ' && !CLOSING.contains(char)
        } else {
            (is_wide(last) || is_wide(char)) && char != ' '
        };
        let held = CLOSING.contains(char) || OPENING.contains(last);
        if may && !held {
            found.extend(text.get(start..at));
            start = at;
        }
    }
    found.extend(text.get(start..).filter(|piece| !piece.is_empty()));
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_stay_complete_where_they_fit() {
        assert_eq!(wrap("the quick brown fox", 9), ["the quick", "brown fox"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("  indented text", 10), ["  indented", "text"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn chinese_is_broken_between_characters_but_not_at_marks() {
        assert_eq!(wrap("中文字", 4), ["中文", "字"]);
        assert_eq!(wrap("客户端每发一帧，都要换键。", 14), ["客户端每发一", "帧，都要换键。"]);
        assert_eq!(wrap("掩码（mask）不是加密", 8), ["掩码", "（mask）", "不是加密"]);
        assert_eq!(wrap("发 Close 1002（Protocol error）", 14), ["发 Close 1002", "（Protocol", "error）"]);
    }

    #[test]
    fn lines_of_a_paragraph_are_joined_by_a_space_except_between_chinese() {
        let joined = |first: &str, next: &str| {
            let mut text = first.to_owned();
            join_line(&mut text, next);
            text
        };
        assert_eq!(joined("one", "two"), "one two");
        assert_eq!(joined("三", "四"), "三四");
        assert_eq!(joined("三", "four"), "三 four");
        assert_eq!(joined("", "four"), "four");
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_no_character_is_lost(text in "[a-z 掩码，。（]{0,80}", columns in 4usize..40) {
            let lines = wrap(&text, columns);
            let bare = |text: &str| text.replace(' ', "");
            prop_assert_eq!(bare(&lines.concat()), bare(&text));
            for line in lines {
                prop_assert!(width(&line) <= columns, "{} {}", columns, line);
            }
        }

        #[test]
        fn any_text_can_be_wrapped(text in "\\PC{0,60}", columns in 0usize..30) {
            let lines = wrap(&text, columns);
            prop_assert!(!lines.is_empty());
            for line in lines {
                prop_assert!(width(&line) <= columns.max(2), "{:?}", line);
            }
        }
    }
}
