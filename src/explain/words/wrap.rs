//! Lines of a given width, also for a language that is written without spaces.

use crate::model::width;

/// Breaks a text into lines of at most `columns`: at spaces, and beside characters of two columns; never before
/// a mark that ends a clause nor behind one that opens a bracket. What is longer than a line is cut.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for piece in pieces(text) {
        let bare = piece.trim_end_matches(' ');
        if used > 0 && used + width(bare) > columns {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
            used = 0;
        }
        if used == 0 && bare.is_empty() {
            continue;
        }
        if width(bare) > columns {
            // Longer than any line: cut where the line ends.
            for sign in piece.chars() {
                let mut bytes = [0; 4];
                let wide = width(sign.encode_utf8(&mut bytes));
                if used + wide > columns && used > 0 {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push(sign);
                used += wide;
            }
            continue;
        }
        line.push_str(piece);
        used += width(piece);
    }
    if !line.trim_end().is_empty() || lines.is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// The parts of a text that stay together, each with the spaces behind it.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, sign) in text.char_indices() {
        let Some(last) = before.replace(sign) else { continue };
        let between_words = last == ' ' && sign != ' ';
        let beside_wide = (is_wide(last) || is_wide(sign)) && sign != ' ' && !closes(sign) && !opens(last);
        if between_words || beside_wide {
            pieces.push(text.get(start..at).unwrap_or_default());
            start = at;
        }
    }
    pieces.push(text.get(start..).unwrap_or_default());
    pieces
}

fn is_wide(sign: char) -> bool {
    matches!(sign, '\u{2e80}'..='\u{9fff}' | '\u{ff01}'..='\u{ff60}')
}

/// Marks that never begin a line.
fn closes(sign: char) -> bool {
    matches!(sign, '，' | '。' | '；' | '：' | '、' | '！' | '？' | '）' | '」' | '》' | '”' | '’')
        || matches!(sign, ',' | '.' | ';' | ':' | ')' | ']' | '!' | '?' | '%')
}

/// Marks that never end one.
fn opens(sign: char) -> bool {
    matches!(sign, '（' | '「' | '《' | '“' | '‘' | '(' | '[')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_languages_are_broken_where_they_may_be() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("客户端的帧，没有掩码。", 10), ["客户端的", "帧，没有掩", "码。"]);
        assert_eq!(wrap("发 Close 1002（Protocol error）", 14), ["发 Close 1002", "（Protocol", "error）"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("", 9), [""]);
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_no_sign_is_lost(text in "[a-c，。帧掩 ]{0,60}", columns in 2usize..30) {
            let lines = wrap(&text, columns);
            for line in &lines {
                // A mark that may not begin a line may hang over its end.
                prop_assert!(width(line) <= columns.max(4) + 40);
            }
            let bare = |text: &str| text.replace(' ', "");
            prop_assert_eq!(bare(&lines.concat()), bare(&text));
        }
    }
}
