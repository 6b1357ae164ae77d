//! Breaks a text into lines of a given width, in English and in Chinese.

use unicode_segmentation::UnicodeSegmentation as _;

use super::width;

/// Marks that do not begin a line.
const CLOSING: &str = "，。、；：？！）」』】》〉…％”’,.;:?!)]}%";
/// Marks that do not end a line.
const OPENING: &str = "（「『【《〈“‘([{";

/// Returns the lines of a text, each at most `columns` wide (at least 2).
///
/// A line ends at a space, or beside a character that is two columns wide, as Chinese ones are. It does not begin with
/// a mark that closes nor end with one that opens. A word that is longer than a line is cut between two characters as
/// the reader sees them. Spaces at the end of a line are left out. An empty text is one empty line.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    wrapped(text, columns).map(str::to_owned).collect()
}

/// Returns the lines of a text one by one, as [`wrap`] breaks it: the rest of a long text is not read.
pub fn wrapped(text: &str, columns: usize) -> impl Iterator<Item = &str> {
    let columns = columns.max(2);
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (line, after) = text.split_at_checked(line_end(text, columns))?;
        let after = after.trim_start_matches(' ');
        rest = (!after.is_empty()).then_some(after);
        Some(line.trim_end())
    })
}

/// Returns the number of bytes on the first line of a text.
fn line_end(text: &str, columns: usize) -> usize {
    let mut used = 0;
    // The last place where the line may end.
    let mut end = 0;
    let mut before = None;
    for (at, cluster) in text.grapheme_indices(true) {
        let Some(first) = cluster.chars().next() else { continue };
        if before.is_some_and(|before| may_break(before, first)) {
            end = at;
        }
        before = cluster.chars().next_back();
        used += width(cluster);
        // Spaces may reach over the end: they are left out.
        if used <= columns || first == ' ' {
            continue;
        }
        return match (end, at) {
            (0, 0) => cluster_end(cluster, columns),
            (0, at) => at,
            (end, _) => end,
        };
    }
    text.len()
}

/// Returns the number of bytes of a cluster that fit into a line, at least one character.
fn cluster_end(cluster: &str, columns: usize) -> usize {
    let ends = cluster.char_indices().map(|(at, char)| at + char.len_utf8());
    let mut fitting = ends.filter(|end| cluster.get(..*end).is_some_and(|part| width(part) <= columns));
    fitting.next_back().unwrap_or_else(|| cluster.chars().next().map_or(cluster.len(), char::len_utf8))
}

/// Returns whether a line may end between two characters.
fn may_break(before: char, after: char) -> bool {
    let is_wide = |char: char| width(char.encode_utf8(&mut [0; 4])) > 1;
    let between = before == ' ' || is_wide(before) || is_wide(after);
    between && after != ' ' && !CLOSING.contains(after) && !OPENING.contains(before)
}

/// Appends the next line of a paragraph: with a space between them, except between Chinese characters.
pub fn join_line(text: &mut String, line: &str) {
    let wide = text.chars().last().is_some_and(is_wide_or_quote)
        || line.chars().next().is_some_and(is_wide_or_quote);
    // Chinese texts have a space beside a Latin word.
    let both = text.chars().last().is_some_and(is_wide_or_quote)
        && line.chars().next().is_some_and(is_wide_or_quote);
    let sign = |char: Option<char>| char.is_some_and(|char| CLOSING.contains(char) || OPENING.contains(char));
    let glued = both || wide && (sign(text.chars().last()) || sign(line.chars().next()));
    if !text.is_empty() && !line.is_empty() && !glued {
        text.push(' ');
    }
    text.push_str(line);
}

/// Returns whether a character is two columns wide, or a quotation mark or an ellipsis of Chinese text.
fn is_wide_or_quote(char: char) -> bool {
    width(char.encode_utf8(&mut [0; 4])) > 1 || "“”‘’…".contains(char)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_end_between_words() {
        assert_eq!(wrap("the quick brown fox", 9), ["the quick", "brown fox"]);
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("  indented text", 10), ["  indented", "text"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn chinese_is_broken_between_characters_but_not_beside_marks() {
        assert_eq!(wrap("中文字", 4), ["中文", "字"]);
        assert_eq!(wrap("客户端的帧，没有掩码。", 10), ["客户端的", "帧，没有掩", "码。"]);
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
        fn lines_fit(text in "\\PC{0,60}", columns in 2usize..30) {
            for line in wrap(&text, columns) {
                prop_assert!(width(&line) <= columns, "{:?}", line);
            }
        }

        #[test]
        fn only_spaces_are_left_out(text in "[a-z 掩码，。（]{0,80}", columns in 2usize..40) {
            let bare = |text: &str| text.replace(' ', "");
            prop_assert_eq!(bare(&wrap(&text, columns).concat()), bare(&text));
        }
    }
}
