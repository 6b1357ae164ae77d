//! Finds values in a JSON text by a path such as `json.user.name`, without building a tree.
//!
//! The text is not validated as a whole: a search stops at the first byte that is no JSON on its way, and skipped values
//! only have their brackets counted.

use std::borrow::Cow;
use std::fmt;
use std::ops::{ControlFlow, Range};

use super::tree::{unescape, unquoted};

/// The most steps a path may have.
const LONGEST: usize = 32;

/// The path of a value: `json.user.name`, `json.list[0]`, `json.list[*].id`, `json."odd key"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<PathStep>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum PathStep {
    Key(String),
    Index(u64),
    /// Every element.
    Each,
}

impl Path {
    /// Parses a path. Returns `None` if `word` does not begin with `json`, and an error with the bytes of `word` that are
    /// wrong if the path is malformed.
    #[must_use]
    pub fn parse(word: &str) -> Option<Result<Self, (Range<usize>, &'static str)>> {
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

    /// Passes each value at this path to `visit`, as it is written, until `visit` stops the search or the text is no
    /// longer JSON.
    pub fn each(&self, text: &[u8], visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) {
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

/// Appends a key in quotes, escaped.
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

/// Returns the number of bytes before the closing quote of a string; `bytes` begins after the opening quote.
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

    /// Skips one value. Counts brackets instead of recursing, so that any depth is accepted.
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

    /// Follows a path. Recurses once per step of the path, whatever the depth of the text.
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

/// Returns whether a skipped value is valid. Skipping does not validate numbers; this does.
fn is_value(raw: &[u8]) -> bool {
    !matches!(raw.first(), Some(b'-' | b'0'..=b'9')) || number(raw).is_some()
}

/// Returns the text of a raw value: a string without its quotes and escapes, any other value as it is written.
#[must_use]
pub fn text(raw: &[u8]) -> Cow<'_, [u8]> {
    if raw.starts_with(b"\"") { unquoted(raw) } else { Cow::Borrowed(raw) }
}

/// A JSON number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number that fits into 128 bits, exactly.
    Int(i128),
    /// Any other finite number.
    Real(f64),
}

/// Parses a number (RFC 8259, section 6). Returns `None` if `raw` is not one, or if it is too large for 64-bit floating
/// point.
#[must_use]
pub fn number(raw: &[u8]) -> Option<Number> {
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
        Ok(whole) => Some(Number::Int(whole)),
        Err(_) => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Number::Real),
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
        fn any_text_can_be_searched(text in ".{0,200}", path in "json(\\.[ab]|\\[[0*]\\]){0,3}") {
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
