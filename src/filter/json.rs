//! Values inside a JSON text (RFC 8259), by a path, without building a tree.

use std::borrow::Cow;
use std::fmt;
use std::ops::{ControlFlow, Range};

use super::ast::Lit;

/// Steps of a path.
const LONGEST: usize = 32;

/// Where a value is: `json.user.name`, `json.list[0]`, `json.list[*].id`, `json."odd key"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(Vec<PathStep>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum PathStep {
    Key(String),
    Index(u64),
    /// Every element.
    Each,
}

impl Path {
    /// A path; `None` where the word is none, an error with its place where it is a wrong one.
    pub(super) fn parse(word: &str) -> Option<Result<Self, (Range<usize>, &'static str)>> {
        let rest =
            word.strip_prefix("json").filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']))?;
        let mut steps = Vec::new();
        let mut rest = rest;
        while !rest.is_empty() {
            let at = word.len() - rest.len();
            let wrong = |len: usize, why| Some(Err((at..(at + len).min(word.len()), why)));
            if steps.len() == LONGEST {
                return wrong(rest.len(), "at most 32 steps");
            }
            if let Some(inner) = rest.strip_prefix('[') {
                let Some((index, after)) = inner.split_once(']') else {
                    return wrong(rest.len(), "a '[' without a ']'");
                };
                steps.push(match (index, index.parse()) {
                    ("*", _) => PathStep::Each,
                    (_, Ok(index)) => PathStep::Index(index),
                    _ => return wrong(index.len() + 2, "expected [0], [1] or [*]"),
                });
                rest = after;
                continue;
            }
            let Some(key) = rest.strip_prefix('.') else {
                return wrong(rest.len(), "expected . or [");
            };
            let (key, after) = if let Some(quoted) = key.strip_prefix('"') {
                // The end was seen when the word was read; JSON's own escapes hold between the quotes.
                let Some(end) = string_len(quoted.as_bytes()) else {
                    return wrong(rest.len(), "a quote without an end");
                };
                let (inner, after) = quoted.split_at(end);
                (
                    String::from_utf8_lossy(&unescape(inner.as_bytes())).into_owned(),
                    after.get(1..).unwrap_or_default(),
                )
            } else {
                let end = key.find(['.', '[']).unwrap_or(key.len());
                let (key, after) = key.split_at(end);
                if key.is_empty() {
                    return wrong(1, "a key is missing after the '.'");
                }
                (key.to_owned(), after)
            };
            steps.push(PathStep::Key(key));
            rest = after;
        }
        Some(Ok(Self(steps)))
    }

    /// Hands each value at this path, as it is written, to `visit`, until that says to stop or the text is no
    /// more JSON.
    pub(super) fn each(&self, text: &[u8], visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) {
        let mut cursor = Cursor { text, at: 0 };
        if !self.0.is_empty() {
            let _ = cursor.walk(&self.0, visit);
        } else if let ControlFlow::Continue(value) = cursor.skip()
            && cursor.peek().is_none()
            && is_value(value)
        {
            // The text itself: nothing may follow it.
            let _ = visit(value);
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("json")?;
        for step in &self.0 {
            match step {
                PathStep::Key(key)
                    if key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !key.is_empty() =>
                {
                    write!(f, ".{key}")?;
                }
                PathStep::Key(key) => {
                    let mut quoted = String::new();
                    write_key(&mut quoted, key);
                    write!(f, ".{quoted}")?;
                }
                PathStep::Index(index) => write!(f, "[{index}]")?,
                PathStep::Each => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

/// A key in quotes with JSON's escapes.
fn write_key(out: &mut String, key: &str) {
    use fmt::Write as _;
    out.push('"');
    for char in key.chars() {
        match char {
            '"' | '\\' => {
                out.push('\\');
                out.push(char);
            }
            char if char.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            char => out.push(char),
        }
    }
    out.push('"');
}

/// Bytes of a string up to its closing quote, from after the opening one.
fn string_len(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', bytes.get(from..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at);
        }
        from = at + 2;
    }
}

/// A string's bytes with its escapes taken away; a surrogate without its other half becomes U+FFFD.
fn unescape(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let Some((kind, after)) = rest.split_first() else { break };
        rest = after;
        let plain = match kind {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                let (char, after) = code_point(rest);
                rest = after;
                out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            other => *other,
        };
        out.push(plain);
    }
    Cow::Owned(out)
}

/// The character that four digits, or eight with `\u` between them, stand for.
fn code_point(rest: &[u8]) -> (char, &[u8]) {
    let four = |bytes: &[u8]| -> Option<u32> {
        let digits = std::str::from_utf8(bytes.get(..4)?).ok()?;
        digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    let Some(first) = four(rest) else { return (char::REPLACEMENT_CHARACTER, rest) };
    let after = rest.get(4..).unwrap_or_default();
    if let 0xd800..=0xdbff = first
        && let Some(second) = after.strip_prefix(b"\\u").and_then(four)
        && let 0xdc00..=0xdfff = second
    {
        let joined = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        let char = char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER);
        return (char, after.get(6..).unwrap_or_default());
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), after)
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text.get(self.at..)?;
        self.at += rest.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r'))?;
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> ControlFlow<()> {
        match self.peek() {
            Some(next) if next == byte => {
                self.at += 1;
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Break(()),
        }
    }

    /// A string's raw bytes, without its quotes.
    fn string(&mut self) -> ControlFlow<(), &'a [u8]> {
        self.take(b'"')?;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(len) = string_len(rest) else { return ControlFlow::Break(()) };
        self.at += len + 1;
        ControlFlow::Continue(rest.get(..len).unwrap_or_default())
    }

    /// Goes over one value. Brackets are counted, not followed: no depth is too deep.
    fn skip(&mut self) -> ControlFlow<(), &'a [u8]> {
        let Some(first) = self.peek() else { return ControlFlow::Break(()) };
        let start = self.at;
        match first {
            b'"' => {
                self.string()?;
            }
            b'{' | b'[' => {
                let mut depth = 0u64;
                loop {
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    let Some(next) = rest.iter().position(|b| matches!(b, b'"' | b'{' | b'[' | b'}' | b']'))
                    else {
                        return ControlFlow::Break(());
                    };
                    self.at += next;
                    match self.text.get(self.at) {
                        Some(b'"') => {
                            self.string()?;
                            continue;
                        }
                        Some(b'{' | b'[') => depth += 1,
                        _ => depth -= 1,
                    }
                    self.at += 1;
                    if depth == 0 {
                        break;
                    }
                }
            }
            b't' | b'f' | b'n' | b'-' | b'0'..=b'9' => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let end = rest.iter().position(|b| !(b.is_ascii_alphanumeric() || b"+-.".contains(b)));
                let end = end.unwrap_or(rest.len());
                let word = rest.get(..end).unwrap_or_default();
                if first.is_ascii_lowercase() && !matches!(word, b"true" | b"false" | b"null") {
                    return ControlFlow::Break(());
                }
                self.at += end;
            }
            _ => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(self.text.get(start..self.at).unwrap_or_default())
    }

    /// Follows a path; as deep as the path is long, whatever the text.
    fn walk(
        &mut self,
        path: &[PathStep],
        visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some((step, rest)) = path.split_first() else {
            let value = self.skip()?;
            return if is_value(value) { visit(value) } else { ControlFlow::Break(()) };
        };
        let (open, close) = match step {
            PathStep::Key(_) => (b'{', b'}'),
            PathStep::Index(_) | PathStep::Each => (b'[', b']'),
        };
        if self.peek() != Some(open) {
            self.skip()?;
            return ControlFlow::Continue(());
        }
        self.at += 1;
        if self.peek() == Some(close) {
            self.at += 1;
            return ControlFlow::Continue(());
        }
        let mut index = 0u64;
        loop {
            let follow = match step {
                PathStep::Key(key) => {
                    let name = self.string()?;
                    self.take(b':')?;
                    *unescape(name) == *key.as_bytes()
                }
                PathStep::Index(wanted) => *wanted == index,
                PathStep::Each => true,
            };
            if follow {
                self.walk(rest, visit)?;
            } else {
                self.skip()?;
            }
            index += 1;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(next) if next == close => {
                    self.at += 1;
                    return ControlFlow::Continue(());
                }
                _ => return ControlFlow::Break(()),
            }
        }
    }
}

/// Whether what was gone over is a value: numbers are looked at only here.
fn is_value(raw: &[u8]) -> bool {
    !matches!(raw.first(), Some(b'-' | b'0'..=b'9')) || number(raw).is_some()
}

/// A value as text: a string without quotes and escapes, anything else as it is written.
pub(super) fn text(raw: &[u8]) -> Cow<'_, [u8]> {
    match raw.strip_prefix(b"\"").and_then(|raw| raw.strip_suffix(b"\"")) {
        Some(inner) => unescape(inner),
        None => Cow::Borrowed(raw),
    }
}

/// A number as JSON writes it; whole ones exactly, as far as 128 bits go.
pub(super) fn number(raw: &[u8]) -> Option<Lit> {
    let digits = raw.strip_prefix(b"-").unwrap_or(raw);
    let zeros = matches!(digits, [b'0', b'0'..=b'9', ..]);
    if zeros
        || !digits.first().is_some_and(u8::is_ascii_digit)
        || !raw.iter().all(|b| b"0123456789+-.eE".contains(b))
    {
        return None;
    }
    let text = std::str::from_utf8(raw).ok()?;
    match text.parse() {
        Ok(whole) => Some(Lit::Int(whole)),
        Err(_) => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Lit::Real),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(path: &str, text: &str) -> Vec<String> {
        let path = Path::parse(path).unwrap().unwrap();
        let mut found = vec![];
        path.each(text.as_bytes(), &mut |raw| {
            found.push(String::from_utf8_lossy(&super::text(raw)).into_owned());
            ControlFlow::Continue(())
        });
        found
    }

    #[test]
    fn values_are_found_by_their_path() {
        let text = r#" {"a":{"b":[1,{"c":"x\"\u00e9\ud83d\ude00"},[]]},"a":2, "odd key":null, "l":[{"i":1},{"i":2}]} "#;
        assert_eq!(at("json.a.b[0]", text), ["1"]);
        assert_eq!(at("json.a.b[1].c", text), ["x\"é😀"]);
        assert_eq!(at("json.a", text), [r#"{"b":[1,{"c":"x\"\u00e9\ud83d\ude00"},[]]}"#, "2"]);
        assert_eq!(at("json.\"odd key\"", text), ["null"]);
        assert_eq!(at("json.l[*].i", text), ["1", "2"]);
        assert_eq!(at("json[2]", "[1, 2, 3]"), ["3"]);
        assert_eq!(at("json", "true"), ["true"]);
        for none in ["hello", "frag-1", "nullify", "1-2", "007", "1 2", "{} x", "-", "\"a"] {
            assert!(at("json", none).is_empty(), "{none}");
        }
        assert!(
            at("json.x", text).is_empty() && at("json.a", "hello").is_empty() && at("json", "").is_empty()
        );
    }

    #[test]
    fn no_nesting_is_too_deep() {
        let deep = format!("{{\"a\":{}{},\"b\":1}}", "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(at("json.b", &deep), ["1"]);
        assert!(at("json.b", &"[".repeat(100_000)).is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_gone_over(text in ".{0,200}", path in "json(\\.[ab]|\\[[0*]\\]){0,3}") {
            at(&path, &text);
            at(&path, &format!("{{\"a\":{text}"));
        }

        #[test]
        fn a_path_reads_back(keys in prop::collection::vec("\\PC{1,8}", 0..4)) {
            let path = Path(keys.into_iter().map(PathStep::Key).collect());
            prop_assert_eq!(Path::parse(&path.to_string()), Some(Ok(path)));
        }
    }
}
