//! Lines of a lesson: paragraphs broken anew, tables left as they are. Chinese is broken between any two characters
//! but never before a sign that closes.

use crate::model::width;

/// Signs that no line begins with.
const CLOSING: &str = "，。、；：？！）」』】》〉…％”’,.;:?!)]}%";
/// Signs that no line ends with.
const OPENING: &str = "（「『【《〈“‘([{";

fn is_wide(char: char) -> bool {
    width(char.encode_utf8(&mut [0; 4])) > 1 || "“”‘’…".contains(char)
}

/// Adds a line to a text: with a space between them, but not beside Chinese.
pub fn join(text: &mut String, line: &str) {
    let wide = text.chars().last().is_some_and(is_wide) || line.chars().next().is_some_and(is_wide);
    // Between Chinese and a Latin word there is a space, as the texts have it everywhere.
    let both = text.chars().last().is_some_and(is_wide) && line.chars().next().is_some_and(is_wide);
    let sign = |char: Option<char>| char.is_some_and(|char| CLOSING.contains(char) || OPENING.contains(char));
    let glued = both || wide && (sign(text.chars().last()) || sign(line.chars().next()));
    if !text.is_empty() && !line.is_empty() && !glued {
        text.push(' ');
    }
    text.push_str(line);
}

/// The lines of a step's text in so many columns.
#[must_use]
pub fn flow(lines: &[String], columns: usize) -> Vec<String> {
    let mut out = Vec::new();
    let mut paragraph = String::new();
    let end = |paragraph: &mut String, out: &mut Vec<String>| {
        if !paragraph.is_empty() {
            out.extend(wrap(&std::mem::take(paragraph), columns));
        }
    };
    for line in lines {
        if line.starts_with(' ') || line.is_empty() {
            end(&mut paragraph, &mut out);
            out.push(line.clone());
        } else {
            join(&mut paragraph, line.trim_end());
        }
    }
    end(&mut paragraph, &mut out);
    out
}

/// A paragraph in lines of at most `columns`.
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
        // A word longer than a line is cut.
        let mut rest = piece;
        while width(rest.trim_end()) > columns {
            let mut cut = rest.len();
            let mut wide = 0;
            for (at, char) in rest.char_indices() {
                wide += width(char.encode_utf8(&mut [0; 4]));
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

/// A text in pieces between which a line may end, each with the spaces behind it.
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
    use super::*;

    #[test]
    fn chinese_is_broken_where_it_may_be() {
        assert_eq!(wrap("客户端每发一帧，都要换键。", 14), ["客户端每发一", "帧，都要换键。"]);
        assert_eq!(wrap("掩码（mask）不是加密", 8), ["掩码", "（mask）", "不是加密"]);
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
    }

    #[test]
    fn paragraphs_are_joined_and_tables_kept() {
        let lines: Vec<String> = ["one", "two", "  a  b", "", "三", "四"].map(str::to_owned).to_vec();
        assert_eq!(flow(&lines, 40), ["one two", "  a  b", "", "三四"]);
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_too_long_and_nothing_is_lost(text in "[a-z 掩码，。（]{0,80}", columns in 4usize..40) {
            let lines = wrap(&text, columns);
            let bare = |text: &str| text.replace(' ', "");
            proptest::prop_assert_eq!(bare(&lines.concat()), bare(&text));
            for line in lines {
                proptest::prop_assert!(width(&line) <= columns, "{} {}", columns, line);
            }
        }
    }
}
