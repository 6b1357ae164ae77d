//! The grammar.
//!
//! ```text
//! filter  = [ or ]
//! or      = and { ("or" | "||") and }
//! and     = unary { ("and" | "&&") unary }
//! unary   = { "not" | "!" } ( "(" or ")" | test )
//! test    = field | field operator value | "text" | word
//! value   = one | one..one | "{" item { "," item } "}"
//! ```

use std::ops::Range;

use super::ast::{Cmp, Filter, Leaf, Lit, Needle, Node, Pattern, Test, TextSearch};
use super::error::FilterError;
use super::field::{Field, ValueKind, names, near};
use super::lex::{Keyword, Odd, Sign, Token, keyword, next};
use super::literal::{Wrong, raw};
use crate::json::Path;

/// Bytes of a filter.
const LONGEST: usize = 16 << 10;
/// Parentheses in parentheses.
const DEEPEST: usize = 64;
/// Tests in a filter.
const TESTS: usize = 256;
/// Items of all sets together.
const ITEMS: usize = 2048;

/// Where all fields are found.
const LIST: &str = "all fields: wslens read --list-fields";

/// Reads a filter. An empty text lets everything pass.
///
/// # Errors
/// What is wrong, where, and what may have been meant.
pub fn parse(text: &str) -> std::result::Result<Filter, FilterError> {
    if text.len() > LONGEST {
        let at = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        return Err(FilterError::new(text, at..at, "too long a text").why("a filter has at most 16 KiB"));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(token) = next(text, at) {
        let token = token.map_err(|Odd { range, what, why }| FilterError::new(text, range, what).why(why))?;
        at = token.range.end;
        tokens.push(token);
    }
    let mut parser = Parser { text, tokens: &tokens, at: 0, leaves: Vec::new(), items: 0 };
    if tokens.is_empty() {
        return Ok(Filter { root: Node::And(Vec::new()), leaves: Vec::new() });
    }
    let root = parser.or(0)?;
    match parser.peek() {
        None => Ok(Filter { root, leaves: parser.leaves }),
        Some(token) if token.sign == Sign::Close => {
            Err(parser.wrong(token, "a ')' without a '('").why("take it out, or open one before"))
        }
        Some(token) => {
            let what = format!("no operator before {}", parser.quoted(token));
            Err(parser.wrong(token, what).why("join tests with and, or; a text with spaces needs quotes"))
        }
    }
}

/// The sign of a token, that of a word by what it means.
fn sign(token: &Token, text: &str) -> Sign {
    match (token.sign, keyword(text)) {
        (Sign::Word, Some(Keyword::And)) => Sign::And,
        (Sign::Word, Some(Keyword::Or)) => Sign::Or,
        (Sign::Word, Some(Keyword::Not)) => Sign::Not,
        (sign, _) => sign,
    }
}

/// An operator between a field and its value.
#[derive(Clone, Copy)]
enum Operator {
    Compare(Cmp),
    In,
    Contains,
    Matches,
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    leaves: Vec<Leaf>,
    items: usize,
}

type Result<T> = std::result::Result<T, FilterError>;

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn sign(&self) -> Option<Sign> {
        self.peek().map(|token| sign(token, self.str(token)))
    }

    fn str(&self, token: &Token) -> &'a str {
        self.text.get(token.range.clone()).unwrap_or_default()
    }

    /// A token for a sentence.
    fn quoted(&self, token: &Token) -> String {
        if token.sign == Sign::Text { self.str(token).to_owned() } else { format!("\"{}\"", self.str(token)) }
    }

    fn wrong(&self, token: &Token, what: impl Into<String>) -> FilterError {
        FilterError::new(self.text, token.range.clone(), what)
    }

    fn missing(&self, what: impl Into<String>) -> FilterError {
        let end = self.text.trim_end().len();
        FilterError::new(self.text, end..end, what)
    }

    fn or(&mut self, depth: usize) -> Result<Node> {
        let first = self.and(depth)?;
        let mut nodes = vec![first];
        while self.sign() == Some(Sign::Or) {
            self.at += 1;
            nodes.push(self.and(depth)?);
        }
        Ok(join(nodes, Node::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Node> {
        let first = self.unary(depth)?;
        let mut nodes = vec![first];
        while self.sign() == Some(Sign::And) {
            self.at += 1;
            nodes.push(self.unary(depth)?);
        }
        Ok(join(nodes, Node::And))
    }

    fn unary(&mut self, depth: usize) -> Result<Node> {
        let mut not = false;
        while self.sign() == Some(Sign::Not) {
            not = !not;
            self.at += 1;
        }
        let node = if self.sign() == Some(Sign::Open) { self.parentheses(depth)? } else { self.test()? };
        Ok(match node {
            Node::Not(inner) if not => *inner,
            node if not => Node::Not(Box::new(node)),
            node => node,
        })
    }

    fn parentheses(&mut self, depth: usize) -> Result<Node> {
        let Some(open) = self.peek() else { return Err(self.missing("a test is missing")) };
        if depth >= DEEPEST {
            return Err(self.wrong(open, "too many parentheses in each other").why("at most 64"));
        }
        self.at += 1;
        let node = self.or(depth + 1)?;
        match self.peek() {
            Some(token) if token.sign == Sign::Close => {
                self.at += 1;
                Ok(node)
            }
            Some(token) => {
                let what = format!("no operator before {}", self.quoted(token));
                Err(self.wrong(token, what).why("expected and, or, or ')'"))
            }
            None => Err(self.wrong(open, "a '(' without a ')'").why("close it")),
        }
    }

    fn test(&mut self) -> Result<Node> {
        let Some(token) = self.peek() else {
            return Err(self.missing("a test is missing").why("a filter ends with a test: op == text"));
        };
        if self.leaves.len() >= TESTS {
            return Err(self.wrong(token, "too many tests").why("at most 256"));
        }
        self.at += 1;
        let leaf = match self.sign_of(token) {
            Sign::Text => self.search(&self.unquoted(token)?, token)?,
            Sign::Word if keyword(self.str(token)).is_none() => self.word(token)?,
            _ => {
                let what = format!("a test is missing before {}", self.quoted(token));
                return Err(self.wrong(token, what).why("expected a field, a \"text\", not, or '('"));
            }
        };
        self.leaves.push(leaf);
        Ok(Node::Leaf(self.leaves.len() - 1))
    }

    fn sign_of(&self, token: &Token) -> Sign {
        sign(token, self.str(token))
    }

    fn search(&self, bytes: &[u8], token: &Token) -> Result<Leaf> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(self.wrong(token, "a text that is none").why("for bytes: payload contains 48:65:6c"));
        };
        if text.is_empty() {
            return Err(self.wrong(token, "an empty text").why("everything contains it"));
        }
        Ok(Leaf { field: Field::Any, path: None, test: Test::Search(TextSearch::new(text)) })
    }

    /// A test that begins with a word: a field, or a text to look for.
    fn word(&mut self, token: &Token) -> Result<Leaf> {
        let name = self.str(token);
        let path = match Path::parse(name) {
            Some(Ok(path)) => Some(path),
            Some(Err((range, why))) => {
                let range = token.range.start + range.start..token.range.start + range.end;
                return Err(FilterError::new(self.text, range, "a path into JSON that is none").why(why));
            }
            None => None,
        };
        let operator = self.operator();
        let field = if path.is_some() { Some(Field::Json) } else { Field::named(name) };
        match (field, operator) {
            (Some(field), Some((operator, token))) => {
                let test = self.value(field, operator, token)?;
                Ok(Leaf { field, path, test })
            }
            (Some(Field::Any), None) => {
                Err(self.wrong(token, "\"any\" needs an operator").why("any contains \"x\", or just \"x\""))
            }
            (Some(field), None) => Ok(Leaf { field, path, test: Test::Present }),
            (None, None) => self.search(name.as_bytes(), token),
            (None, Some(_)) => Err(self
                .wrong(token, format!("unknown field {}", self.quoted(token)))
                .near(near(name, names()))
                .why(LIST)),
        }
    }

    /// The operator that comes next, if one does.
    fn operator(&mut self) -> Option<(Operator, &'a Token)> {
        let token = self.peek()?;
        let word = if token.sign == Sign::Word { keyword(self.str(token)) } else { None };
        let operator = match (token.sign, word) {
            (_, Some(Keyword::In)) => Operator::In,
            (_, Some(Keyword::Contains)) => Operator::Contains,
            (Sign::Tilde, _) | (_, Some(Keyword::Matches)) => Operator::Matches,
            (_, Some(Keyword::Compare(sign))) | (sign, None) => Operator::Compare(match sign {
                Sign::Eq => Cmp::Eq,
                Sign::Ne => Cmp::Ne,
                Sign::Lt => Cmp::Lt,
                Sign::Le => Cmp::Le,
                Sign::Gt => Cmp::Gt,
                Sign::Ge => Cmp::Ge,
                _ => return None,
            }),
            _ => return None,
        };
        self.at += 1;
        Some((operator, token))
    }

    /// What comes after an operator.
    fn value(&mut self, field: Field, operator: Operator, sign: &Token) -> Result<Test> {
        let kind = field.kind();
        let written = match operator {
            Operator::Compare(cmp) => cmp.sign(),
            Operator::In => "in",
            Operator::Contains => "contains",
            Operator::Matches => "~",
        };
        if !kind.operators().contains(&written) {
            let what = format!("{} does not go with {}", self.quoted(sign), field.name());
            let why = format!("{} takes: {}", field.name(), kind.operators().join(" "));
            return Err(self.wrong(sign, what).why(why));
        }
        let Some(token) = self.peek() else {
            return Err(self.missing("a value is missing").why(example(field)));
        };
        match operator {
            Operator::In if token.sign == Sign::OpenSet => {
                self.at += 1;
                self.set(field, token)
            }
            Operator::In => {
                let item = self.item(field)?;
                match item {
                    (_, Some(_)) => Ok(Test::In(vec![item])),
                    (_, None) => Err(self
                        .wrong(token, "no set after in")
                        .why(format!("{0} in {{a, b}} or {0} in a..b", field.name()))),
                }
            }
            Operator::Compare(cmp) => {
                let item = self.item(field)?;
                match (cmp, item) {
                    (_, (lit, None)) => Ok(Test::Compare(cmp, lit)),
                    (Cmp::Eq, item) => Ok(Test::In(vec![item])),
                    _ => Err(self.wrong(token, "a range goes with == and in only").why("not len in 10..20")),
                }
            }
            Operator::Contains => {
                let (lit, None) = self.item(field)? else {
                    return Err(self.wrong(token, "a range cannot be contained"));
                };
                match lit {
                    Lit::Text(bytes) if bytes.is_empty() => {
                        Err(self.wrong(token, "an empty text").why("everything contains it"))
                    }
                    Lit::Text(bytes) => Ok(Test::Contains(Needle::new(&bytes))),
                    // A bare value that JSON takes for a number or the like is still a text to look for.
                    _ => Ok(Test::Contains(Needle::new(self.str(token).as_bytes()))),
                }
            }
            Operator::Matches => {
                self.at += 1;
                let pattern = self.pattern(token)?;
                Pattern::new(&pattern).map(Test::Matches).map_err(|error| {
                    let why = error.to_string();
                    let why = why.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or(
                        match error {
                            regex::Error::CompiledTooBig(_) => "it would take too much memory",
                            _ => "see docs.rs/regex for what it may hold",
                        },
                    );
                    self.wrong(token, "a regular expression that is none").why(why)
                })
            }
        }
    }

    /// What stands between `{` and `}`.
    fn set(&mut self, field: Field, open: &Token) -> Result<Test> {
        let mut items = Vec::new();
        loop {
            let Some(token) = self.peek() else {
                return Err(self.wrong(open, "a '{' without a '}'").why("close it"));
            };
            match token.sign {
                Sign::CloseSet if items.is_empty() => {
                    return Err(self.wrong(token, "an empty set").why(example(field)));
                }
                Sign::CloseSet => {
                    self.at += 1;
                    return Ok(Test::In(items));
                }
                Sign::Comma if !items.is_empty() => self.at += 1,
                _ => {}
            }
            self.items += 1;
            if self.items > ITEMS {
                return Err(self.wrong(token, "too many values").why("at most 2048"));
            }
            items.push(self.item(field)?);
        }
    }

    /// A value, or two with `..` between them.
    fn item(&mut self, field: Field) -> Result<(Lit, Option<Lit>)> {
        let kind = field.kind();
        let Some(token) = self.peek() else {
            return Err(self.missing("a value is missing").why(example(field)));
        };
        let wrong = |range: Range<usize>, (why, near): Wrong| {
            let word = self.text.get(range.clone()).unwrap_or_default();
            let word = if word.starts_with(['"', '\'']) { word.to_owned() } else { format!("\"{word}\"") };
            FilterError::new(self.text, range, format!("{word} is no value of {}", field.name()))
                .why(why)
                .near(near)
        };
        let range = token.range.clone();
        let item = match token.sign {
            Sign::Text => {
                let bytes = self.unquoted(token)?;
                raw(kind, &bytes, true).map(|lit| (lit, None)).map_err(|why| wrong(range, why))
            }
            Sign::Word => {
                let word = self.str(token);
                let ordered = kind.operators().contains(&"<");
                match word.split_once("..").filter(|_| ordered) {
                    None => raw(kind, word.as_bytes(), false)
                        .map(|lit| (lit, None))
                        .map_err(|why| wrong(range, why)),
                    Some((from, to)) => {
                        let end = |text: &str, range: Range<usize>| {
                            let missing = || ("expected a value on both sides of ..".to_owned(), Vec::new());
                            let lit = if text.is_empty() {
                                Err(missing())
                            } else {
                                raw(kind, text.as_bytes(), false)
                            };
                            lit.map_err(|why| wrong(range, why))
                        };
                        let middle = range.start + from.len();
                        let low = end(from, range.start..middle)?;
                        let high = end(to, middle + 2..range.end)?;
                        ends_fit(kind, &low, &high)
                            .map_err(|why| wrong(range, (why.to_owned(), Vec::new())))?;
                        Ok((low, Some(high)))
                    }
                }
            }
            _ => {
                let what = format!("a value is missing before {}", self.quoted(token));
                Err(self.wrong(token, what).why(example(field)))
            }
        };
        self.at += 1;
        item
    }

    /// What stands between quotes, its escapes taken away.
    fn unquoted(&self, token: &Token) -> Result<Vec<u8>> {
        let inner = self.inner(token);
        let mut out = Vec::with_capacity(inner.len());
        let mut rest = inner;
        while let Some(at) = rest.find('\\') {
            let (before, from) = rest.split_at(at);
            out.extend_from_slice(before.as_bytes());
            let Some((len, value)) = escape(from) else {
                let start = token.range.start + 1 + (inner.len() - rest.len()) + at;
                let len = 1 + from.chars().nth(1).map_or(0, char::len_utf8);
                return Err(FilterError::new(self.text, start..start + len, "an unknown escape")
                    .why("known: \\\" \\' \\\\ \\n \\r \\t \\xff \\u{1f600}"));
            };
            match value {
                Escaped::Byte(byte) => out.push(byte),
                Escaped::Char(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            rest = from.get(len..).unwrap_or_default();
        }
        out.extend_from_slice(rest.as_bytes());
        Ok(out)
    }

    fn inner(&self, token: &Token) -> &'a str {
        let quoted = self.str(token);
        quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
    }

    /// A regular expression: its backslashes are its own, but for one before a quote.
    fn pattern(&self, token: &Token) -> Result<String> {
        match token.sign {
            Sign::Word => Ok(self.str(token).to_owned()),
            Sign::Text => {
                let mut out = String::new();
                let mut chars = self.inner(token).chars();
                while let Some(char) = chars.next() {
                    match (char, chars.clone().next()) {
                        ('\\', Some('"')) => {}
                        ('\\', Some(next)) => {
                            out.push(char);
                            out.push(next);
                            chars.next();
                        }
                        _ => out.push(char),
                    }
                }
                Ok(out)
            }
            _ => {
                let what = format!("a value is missing before {}", self.quoted(token));
                Err(self.wrong(token, what).why("expected a regular expression in quotes"))
            }
        }
    }
}

/// Nodes under one. Those of parentheses that mean nothing are taken in.
fn join(mut nodes: Vec<Node>, how: fn(Vec<Node>) -> Node) -> Node {
    if nodes.len() == 1
        && let Some(node) = nodes.pop()
    {
        return node;
    }
    let same = std::mem::discriminant(&how(Vec::new()));
    let mut flat = Vec::with_capacity(nodes.len());
    for node in nodes {
        let taken_in = std::mem::discriminant(&node) == same;
        match node {
            Node::And(inner) | Node::Or(inner) if taken_in => flat.extend(inner),
            node => flat.push(node),
        }
    }
    how(flat)
}

enum Escaped {
    Byte(u8),
    Char(char),
}

/// An escape that `text` begins with: its length and what it stands for.
fn escape(text: &str) -> Option<(usize, Escaped)> {
    let kind = *text.as_bytes().get(1)?;
    Some(match kind {
        b'"' | b'\'' | b'\\' => (2, Escaped::Byte(kind)),
        b'n' => (2, Escaped::Byte(b'\n')),
        b'r' => (2, Escaped::Byte(b'\r')),
        b't' => (2, Escaped::Byte(b'\t')),
        b'0' => (2, Escaped::Byte(0)),
        b'x' => {
            let digits = text.get(2..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
            (4, Escaped::Byte(u8::from_str_radix(digits, 16).ok()?))
        }
        b'u' => {
            let (digits, _) = text.get(2..)?.strip_prefix('{')?.split_once('}')?;
            if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            let char = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            (4 + digits.len(), Escaped::Char(char))
        }
        _ => return None,
    })
}

/// Whether two values can be the ends of a range.
fn ends_fit(kind: ValueKind, low: &Lit, high: &Lit) -> std::result::Result<(), &'static str> {
    match (low, high) {
        (Lit::Text(_) | Lit::Null | Lit::Flag(_), _) | (_, Lit::Text(_) | Lit::Null | Lit::Flag(_)) => {
            Err("a range goes from a number to a number")
        }
        (Lit::Since(_), Lit::Moment(_)) | (Lit::Moment(_), Lit::Since(_)) => {
            Err("both ends have to be dates, or both seconds")
        }
        _ if super::eval::order(low, high).is_some_and(std::cmp::Ordering::is_gt) => match kind {
            ValueKind::Word(_) => Err("the first end comes after the second"),
            _ => Err("the first end is above the second"),
        },
        _ => Ok(()),
    }
}

/// How a test of a field may look.
fn example(field: Field) -> String {
    let name = field.name();
    match field.kind() {
        ValueKind::Number => format!("{name} > 100"),
        ValueKind::Flag => name.to_owned(),
        ValueKind::Duration => format!("{name} > 250ms"),
        ValueKind::Time | ValueKind::Epoch => format!("{name} > 1.5"),
        ValueKind::Text | ValueKind::Host | ValueKind::Names | ValueKind::Bytes => {
            format!("{name} contains \"x\"")
        }
        ValueKind::Hex => format!("{name} == 37fa213d"),
        ValueKind::Address | ValueKind::Endpoint => format!("{name} == 10.0.0.1"),
        ValueKind::Word(words) => format!("{name} == {}", words.names.get(1).copied().unwrap_or_default()),
        ValueKind::Json => "json.user == \"x\"".to_owned(),
    }
}

/// The example of a field, for tests.
#[cfg(test)]
pub(super) fn tests_example(field: Field) -> String {
    example(field)
}
