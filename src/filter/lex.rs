//! Words, strings and signs of a filter's text.

use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// A name, a number, a value without quotes.
    Word,
    /// A text in quotes; the range holds them.
    Text,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Tilde,
    And,
    Or,
    Not,
    Open,
    Close,
    OpenSet,
    CloseSet,
    Comma,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) sign: Sign,
    pub(super) range: Range<usize>,
}

/// What cannot be a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Odd {
    pub(super) range: Range<usize>,
    pub(super) what: &'static str,
    pub(super) why: &'static str,
}

/// Whether a byte ends a word. All others, those of other scripts included, belong to it.
fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_control() || b"(){},&|!=<>~\"".contains(&byte)
}

/// The token at or after `at`; `None` at the end.
pub(super) fn next(text: &str, at: usize) -> Option<Result<Token, Odd>> {
    let bytes = text.as_bytes();
    let rest = bytes.get(at..)?;
    let start = at + rest.iter().position(|b| !b.is_ascii_whitespace())?;
    let rest = bytes.get(start..)?;
    let sign = |sign, len| Some(Ok(Token { sign, range: start..start + len }));
    let odd = |len, what, why| Some(Err(Odd { range: start..start + len, what, why }));
    match *rest {
        [b'=', b'=', ..] => sign(Sign::Eq, 2),
        [b'!', b'=', ..] => sign(Sign::Ne, 2),
        [b'<', b'=', ..] => sign(Sign::Le, 2),
        [b'>', b'=', ..] => sign(Sign::Ge, 2),
        [b'&', b'&', ..] => sign(Sign::And, 2),
        [b'|', b'|', ..] => sign(Sign::Or, 2),
        [b'<', ..] => sign(Sign::Lt, 1),
        [b'>', ..] => sign(Sign::Gt, 1),
        [b'~', ..] => sign(Sign::Tilde, 1),
        [b'!', ..] => sign(Sign::Not, 1),
        [b'(', ..] => sign(Sign::Open, 1),
        [b')', ..] => sign(Sign::Close, 1),
        [b'{', ..] => sign(Sign::OpenSet, 1),
        [b'}', ..] => sign(Sign::CloseSet, 1),
        [b',', ..] => sign(Sign::Comma, 1),
        [b'=', ..] => odd(1, "a single '='", "to compare, write =="),
        [b'&', ..] => odd(1, "a single '&'", "write && or and; a value with & in it needs quotes"),
        [b'|', ..] => odd(1, "a single '|'", "write || or or; a value with | in it needs quotes"),
        [quote @ (b'"' | b'\''), ..] => match string_end(rest, quote) {
            Some(len) => sign(Sign::Text, len),
            None => odd(rest.len(), "a quote without an end", "close it with another quote"),
        },
        [byte, ..] if byte.is_ascii_control() => odd(1, "a control character", "take it out"),
        _ => sign(Sign::Word, word_len(text.get(start..).unwrap_or_default())),
    }
}

/// Bytes of a string that `rest` begins with, quotes included.
fn string_end(rest: &[u8], quote: u8) -> Option<usize> {
    let mut escaped = false;
    for (i, byte) in rest.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b if *b == quote => return Some(i + 1),
            _ => {}
        }
    }
    None
}

/// Bytes of the word that `text` begins with. A path into JSON may hold quoted keys.
fn word_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let path = text.starts_with("json.") || text.starts_with("json[");
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let quoted = path && *byte == b'"' && matches!(bytes.get(at.wrapping_sub(1)), Some(b'.'));
        match bytes.get(at..).and_then(|rest| string_end(rest, b'"')).filter(|_| quoted) {
            Some(len) => at += len,
            None if ends_word(*byte) => break,
            None => at += 1,
        }
    }
    at
}

/// Whether a value needs no quotes.
pub(super) fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && !value.starts_with('\'')
        && value.bytes().all(|b| !ends_word(b) && b.is_ascii_graphic())
        && !value.contains("..")
        && keyword(value).is_none()
}

/// What a word means that is no name.
pub(super) fn keyword(word: &str) -> Option<Keyword> {
    Some(match word {
        "and" | "AND" => Keyword::And,
        "or" | "OR" => Keyword::Or,
        "not" | "NOT" => Keyword::Not,
        "in" => Keyword::In,
        "contains" => Keyword::Contains,
        "matches" => Keyword::Matches,
        "eq" => Keyword::Compare(Sign::Eq),
        "ne" => Keyword::Compare(Sign::Ne),
        "lt" => Keyword::Compare(Sign::Lt),
        "le" => Keyword::Compare(Sign::Le),
        "gt" => Keyword::Compare(Sign::Gt),
        "ge" => Keyword::Compare(Sign::Ge),
        _ => return None,
    })
}

/// A word of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    And,
    Or,
    Not,
    In,
    Contains,
    Matches,
    Compare(Sign),
}
