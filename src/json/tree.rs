//! Parses a JSON text (RFC 8259) into a list of values, each with its range in the text, so that numbers keep their
//! digits, and objects keep their order and their duplicate keys.
//!
//! The parser does not recurse: the text decides the depth.

use std::borrow::Cow;
use std::ops::Range;

use hashbrown::HashSet;

use crate::model::beginning;

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonKind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// `12.50`
    Number,
    /// `true`, `false`, `null`
    Word,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Object, array, string, number or word.
    pub kind: JsonKind,
    /// The number of objects and arrays around it.
    pub depth: u32,
    /// The index of the object or array that contains it; its own index for the outermost value.
    pub parent: u32,
    /// The range of its key in the text, quotes included, if it is in an object.
    pub key: Option<Range<u32>>,
    /// Whether an earlier value of the same object has the same key.
    pub again: bool,
    /// Its position in its array or object, from 0.
    pub index: u32,
    /// Its range in the text.
    pub span: Range<u32>,
    /// The number of values directly inside it.
    pub children: u32,
    /// The index after the last node inside it.
    pub end: u32,
}

/// The values of a text, up to its end or up to the first byte that is not JSON.
#[derive(Clone, Debug, Default)]
pub struct Json {
    /// All values. An object or array stands before the values inside it.
    pub nodes: Vec<Node>,
    /// The offset of the first byte that is not JSON, and the reason.
    pub error: Option<(usize, &'static str)>,
}

/// The most values that are parsed. A text with more is shown as text.
const MOST: usize = 400_000;

/// What the parser expects next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum JsonState {
    Value,
    /// The first value of an array, or its end.
    FirstValue,
    /// The first key of an object, or its end.
    FirstKey,
    Key,
    Comma,
    Done,
}

/// Parses a text.
#[must_use]
pub fn read(text: &[u8]) -> Json {
    let mut reader =
        JsonReader { text, at: 0, nodes: Vec::new(), open: Vec::new(), key: None, keys: HashSet::default() };
    let error = reader.run().err().map(|why| (reader.at, why));
    let len = u32::try_from(reader.at).unwrap_or(u32::MAX);
    let mut nodes = reader.nodes;
    let end = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    for open in reader.open {
        if let Some(node) = nodes.get_mut(open as usize) {
            (node.span.end, node.end) = (len, end);
        }
    }
    Json { nodes, error }
}

struct JsonReader<'a> {
    text: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    /// The indexes of the objects and arrays that are still open.
    open: Vec<u32>,
    key: Option<Range<u32>>,
    keys: HashSet<(u32, Cow<'a, [u8]>), foldhash::fast::RandomState>,
}

impl<'a> JsonReader<'a> {
    fn run(&mut self) -> Result<(), &'static str> {
        if u32::try_from(self.text.len()).is_err() {
            return Err("too long");
        }
        let mut state = JsonState::Value;
        loop {
            self.space();
            let Some(byte) = self.text.get(self.at).copied() else {
                return if state == JsonState::Done { Ok(()) } else { Err("it ends too early") };
            };
            state = match (state, byte) {
                (JsonState::Done, _) => return Err("unexpected bytes after the value"),
                (JsonState::FirstValue, b']') | (JsonState::FirstKey, b'}') => self.close(),
                (JsonState::Value | JsonState::FirstValue, _) => self.value(byte)?,
                (JsonState::FirstKey | JsonState::Key, b'"') => {
                    let key = self.string()?;
                    self.key = Some(key);
                    self.space();
                    if self.text.get(self.at) != Some(&b':') {
                        return Err("expected ':' after the key");
                    }
                    self.at += 1;
                    JsonState::Value
                }
                (JsonState::FirstKey | JsonState::Key, _) => return Err("expected a key in quotes"),
                (JsonState::Comma, b',') => {
                    self.at += 1;
                    if self.in_object() { JsonState::Key } else { JsonState::Value }
                }
                (JsonState::Comma, b'}') if self.in_object() => self.close(),
                (JsonState::Comma, b']') if !self.in_object() => self.close(),
                (JsonState::Comma, _) => return Err("expected ',' or the end of the object or array"),
            };
        }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    fn in_object(&self) -> bool {
        let open = self.open.last().and_then(|open| self.nodes.get(*open as usize));
        open.is_some_and(|node| node.kind == JsonKind::Object)
    }

    /// The state after a value.
    fn after(&self) -> JsonState {
        if self.open.is_empty() { JsonState::Done } else { JsonState::Comma }
    }

    fn place(&self) -> u32 {
        self.at as u32 // The text's length was checked.
    }

    /// Closes the innermost object or array.
    fn close(&mut self) -> JsonState {
        self.at += 1;
        let (at, end) = (self.place(), self.nodes.len() as u32);
        if let Some(open) = self.open.pop()
            && let Some(node) = self.nodes.get_mut(open as usize)
        {
            (node.span.end, node.end) = (at, end);
        }
        self.after()
    }

    fn value(&mut self, byte: u8) -> Result<JsonState, &'static str> {
        if self.nodes.len() >= MOST {
            return Err("too many values for a tree");
        }
        let start = self.place();
        let kind = match byte {
            b'{' => JsonKind::Object,
            b'[' => JsonKind::Array,
            b'"' => JsonKind::String,
            b'-' | b'0'..=b'9' => JsonKind::Number,
            _ => JsonKind::Word,
        };
        match kind {
            JsonKind::Object | JsonKind::Array => self.at += 1,
            JsonKind::String => {
                self.string()?;
            }
            JsonKind::Number => self.number()?,
            JsonKind::Word => self.word()?,
        }
        let me = self.nodes.len() as u32;
        let parent = self.open.last().copied();
        let mut index = 0;
        if let Some(parent) = parent.and_then(|parent| self.nodes.get_mut(parent as usize)) {
            index = parent.children;
            parent.children += 1;
        }
        let key = self.key.take();
        let again = match (&key, parent) {
            (Some(key), Some(parent)) => {
                let text: &'a [u8] = self.text;
                let raw = text.get(key.start as usize..key.end as usize).unwrap_or_default();
                !self.keys.insert((parent, unquoted(raw)))
            }
            _ => false,
        };
        self.nodes.push(Node {
            kind,
            depth: self.open.len() as u32,
            parent: parent.unwrap_or(me),
            key,
            again,
            index,
            span: start..self.place(),
            children: 0,
            end: me + 1,
        });
        if matches!(kind, JsonKind::Object | JsonKind::Array) {
            self.open.push(me);
        }
        Ok(match kind {
            JsonKind::Object => JsonState::FirstKey,
            JsonKind::Array => JsonState::FirstValue,
            _ => self.after(),
        })
    }

    /// Parses a string and returns its range, quotes included.
    fn string(&mut self) -> Result<Range<u32>, &'static str> {
        let start = self.place();
        let mut at = self.at + 1;
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            let Some(next) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) else {
                self.at = self.text.len();
                return Err("a string has no end");
            };
            at += next;
            match self.text.get(at) {
                Some(b'"') => break,
                Some(b'\\') => match (self.text.get(at + 1), self.text.get(at + 2..at + 6)) {
                    (Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'), _) => at += 2,
                    (Some(b'u'), Some(digits)) if digits.iter().all(u8::is_ascii_hexdigit) => at += 6,
                    _ => {
                        self.at = at;
                        return Err("invalid escape");
                    }
                },
                _ => {
                    self.at = at;
                    return Err("unescaped control character in a string");
                }
            }
        }
        let end = at + 1;
        if let Err(error) = std::str::from_utf8(self.text.get(self.at..end).unwrap_or_default()) {
            self.at += error.valid_up_to();
            return Err("not UTF-8");
        }
        self.at = end;
        Ok(start..self.place())
    }

    fn digits(&mut self) -> Result<(), &'static str> {
        let before = self.at;
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at > before { Ok(()) } else { Err("expected a digit") }
    }

    fn number(&mut self) -> Result<(), &'static str> {
        if self.text.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        if self.text.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.text.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn word(&mut self) -> Result<(), &'static str> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let words: [&[u8]; 3] = [b"true", b"false", b"null"];
        match words.iter().find(|word| rest.starts_with(word)) {
            Some(word) => {
                self.at += word.len();
                Ok(())
            }
            None => Err("expected a value"),
        }
    }
}

/// Returns a string without its quotes and with its escapes resolved. An escape that stands for no character (half of a
/// surrogate pair) stays as it is written.
#[must_use]
pub fn unquoted(raw: &[u8]) -> Cow<'_, [u8]> {
    let inner = raw.strip_prefix(b"\"").unwrap_or(raw);
    unescape(inner.strip_suffix(b"\"").unwrap_or(inner))
}

/// Resolves the escapes of a string without quotes.
pub(super) fn unescape(inner: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut at = 0;
    while let Some(&byte) = inner.get(at) {
        if byte != b'\\' {
            out.push(byte);
            at += 1;
            continue;
        }
        let short = match inner.get(at + 1) {
            Some(b'b') => Some(8),
            Some(b'f') => Some(12),
            Some(b'n') => Some(b'\n'),
            Some(b'r') => Some(b'\r'),
            Some(b't') => Some(b'\t'),
            Some(b'u') | None => None,
            Some(other) => Some(*other),
        };
        if let Some(char) = short {
            out.push(char);
            at += 2;
            continue;
        }
        let (char, len) = escaped(inner, at);
        match char {
            Some(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            None => out.extend_from_slice(inner.get(at..at + len).unwrap_or_default()),
        }
        at += len.max(1);
    }
    Cow::Owned(out)
}

/// Returns the character of a `\uXXXX` escape, or of a surrogate pair of two, and the length of the escape in bytes.
fn escaped(text: &[u8], at: usize) -> (Option<char>, usize) {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let Some(first) = unit(at) else { return (None, 1) };
    if !(0xd800..0xdc00).contains(&first) {
        return (char::from_u32(first), 6);
    }
    match unit(at + 6) {
        Some(second @ 0xdc00..=0xdfff) => {
            (char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)), 12)
        }
        _ => (None, 6),
    }
}

impl Json {
    /// Returns the path of a value in the notation of jq: `.a[3]["b c"]`; `.` for the outermost value.
    #[must_use]
    pub fn path(&self, text: &[u8], node: usize) -> String {
        self.path_beginning(text, node, usize::MAX)
    }

    /// Returns at least the first `most` bytes of the path of a value, or all if there are fewer.
    #[must_use]
    pub fn path_beginning(&self, text: &[u8], node: usize, most: usize) -> String {
        let mut steps = Vec::new();
        let mut at = node;
        while let Some(node) = self.nodes.get(at)
            && node.parent as usize != at
        {
            steps.push(node);
            at = node.parent as usize;
        }
        let mut path = String::new();
        for step in steps.iter().rev() {
            if path.len() >= most {
                break;
            }
            let Some(key) = &step.key else {
                path += &format!("{}[{}]", if path.is_empty() { "." } else { "" }, step.index);
                continue;
            };
            let raw = text.get(key.start as usize..key.end as usize).unwrap_or_default();
            // An escape of six bytes may represent one byte.
            let (raw, _) = beginning(raw, most.saturating_mul(6));
            let name = unquoted(raw);
            let plain = name.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
                && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
            let name = String::from_utf8_lossy(if plain { &name } else { raw });
            match plain {
                true => path += &format!(".{name}"),
                false => path += &format!("{}[{name}]", if path.is_empty() { "." } else { "" }),
            }
        }
        if path.is_empty() { ".".to_owned() } else { path }
    }

    /// Returns the text of a value.
    #[must_use]
    pub fn text<'a>(&self, text: &'a [u8], node: &Node) -> &'a [u8] {
        text.get(node.span.start as usize..node.span.end as usize).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Vec<(u32, JsonKind, String, String)> {
        let json = read(text.as_bytes());
        assert_eq!(json.error, None, "{text}");
        let of = |node: &Node| {
            let value = String::from_utf8(json.text(text.as_bytes(), node).to_vec()).unwrap();
            let key = node.key.clone().map_or("", |key| &text[key.start as usize..key.end as usize]);
            (node.depth, node.kind, key.to_owned(), value)
        };
        json.nodes.iter().map(of).collect()
    }

    #[test]
    fn numbers_keys_and_order_stay_as_they_were_written() {
        let rows = shown(r#" {"b": 12345678901234567890123, "a": -0.10e+2, "b": [true, null, {}]} "#);
        let values: Vec<(&str, &str)> = rows.iter().map(|row| (row.2.as_str(), row.3.as_str())).collect();
        assert_eq!(
            values[1..],
            [
                ("\"b\"", "12345678901234567890123"),
                ("\"a\"", "-0.10e+2"),
                ("\"b\"", "[true, null, {}]"),
                ("", "true"),
                ("", "null"),
                ("", "{}")
            ]
        );
        let text = br#"{"a":1,"\u0061":2,"c":{"a":3}}"#;
        let again: Vec<bool> = read(text).nodes.iter().map(|node| node.again).collect();
        assert_eq!(again, [false, false, true, false, false]);
    }

    #[test]
    fn a_path_leads_to_a_value() {
        let text = br#"{"a":{"b c":[1,{"d":2}]},"\"":3}"#;
        let json = read(text);
        let paths: Vec<String> = (0..json.nodes.len()).map(|node| json.path(text, node)).collect();
        assert_eq!(
            paths,
            [
                ".",
                ".a",
                r#".a["b c"]"#,
                r#".a["b c"][0]"#,
                r#".a["b c"][1]"#,
                r#".a["b c"][1].d"#,
                r#".["\""]"#
            ]
        );
        assert_eq!(read(b"[[7]]").path(b"[[7]]", 2), ".[0][0]");
    }

    #[test]
    fn escapes_become_characters_where_there_is_one() {
        assert_eq!(unquoted(br#""\u001b[31m \ud83d\ude00 \n""#), "\x1b[31m 😀 \n".as_bytes());
        assert_eq!(*unquoted(br#""\ud83d x""#), *br"\ud83d x");
    }

    #[test]
    fn what_is_no_json_says_where_and_keeps_what_is() {
        for (text, at, values) in [
            ("", 0, 0),
            ("{\"a\":1,}", 7, 2),
            ("[1 2]", 3, 2),
            ("{\"a\" 1}", 5, 1),
            ("01", 1, 1),
            ("\"\u{1}\"", 1, 0),
            ("[1,", 3, 2),
            ("tru", 0, 0),
            ("1.", 2, 0),
            ("[\"\\x\"]", 2, 1),
        ] {
            let json = read(text.as_bytes());
            assert_eq!((json.error.map(|error| error.0), json.nodes.len()), (Some(at), values), "{text}");
        }
        assert_eq!(read(b"[\"a\xff\"]").error, Some((3, "not UTF-8")));
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = "[".repeat(300_000);
        let json = read(deep.as_bytes());
        assert_eq!(json.nodes.len(), 300_000);
        assert_eq!(json.nodes.last().unwrap().depth, 299_999);
        assert!(read("[".repeat(500_000).as_bytes()).error.unwrap().1.contains("too many values"));
    }

    proptest! {
        #[test]
        fn another_reader_accepts_the_same(text in r#"[\[\]{}",:0-9a-e.+ tru\-\\]{0,24}"#) {
            let mine = read(text.as_bytes()).error.is_none();
            let other = serde_json::from_str::<serde_json::Value>(&text);
            // Numbers beyond a double are JSON all the same.
            if !other.as_ref().is_err_and(|error| error.to_string().contains("out of range") || error.to_string().contains("surrogate")) {
                prop_assert_eq!(mine, other.is_ok(), "{}", text);
            }
        }

        #[test]
        fn a_written_value_is_read_again(value in written()) {
            let text = value.to_string();
            let json = read(text.as_bytes());
            prop_assert!(json.error.is_none());
            prop_assert_eq!(json.nodes.len(), count(&value));
            for (at, node) in json.nodes.iter().enumerate() {
                prop_assert!(node.end as usize > at && node.span.end as usize <= text.len());
                let own: serde_json::Value = serde_json::from_slice(json.text(text.as_bytes(), node)).unwrap();
                if let serde_json::Value::String(own) = own {
                    prop_assert_eq!(unquoted(json.text(text.as_bytes(), node)), own.into_bytes());
                }
            }
        }

        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let json = read(&bytes);
            for at in 0..json.nodes.len() {
                prop_assert!(json.path(&bytes, at).starts_with('.'));
            }
        }
    }

    fn written() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 30, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::hash_map(any::<String>(), inner, 0..5)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn count(value: &serde_json::Value) -> usize {
        1 + match value {
            serde_json::Value::Array(list) => list.iter().map(count).sum(),
            serde_json::Value::Object(map) => map.values().map(count).sum(),
            _ => 0,
        }
    }
}
