//! A filter as it is understood, and how it is written.

use std::fmt::{self, Write as _};
use std::net::Ipv6Addr;

use memchr::memmem::Finder;

use super::field::{Field, ValueKind};
use crate::json::{Number, Path};

/// A filter: parsed, checked against the fields, ready to be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    pub(super) root: Node,
    pub(super) leaves: Vec<Leaf>,
}

/// What the tests are joined by.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// All of them; with none, everything.
    And(Vec<Node>),
    /// Any of them.
    Or(Vec<Node>),
    Not(Box<Node>),
    /// A test, by its place in [`Filter::leaves`].
    Leaf(usize),
}

/// A test of one field.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Leaf {
    pub(super) field: Field,
    /// For [`Field::Json`].
    pub(super) path: Option<Path>,
    pub(super) test: Test,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    /// It is there, and not `false`.
    Present,
    Compare(Cmp, Lit),
    /// One of these, or in one of these ranges, both ends included.
    In(Vec<(Lit, Option<Lit>)>),
    Contains(Needle),
    Matches(Pattern),
    /// A text alone.
    Search(TextSearch),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cmp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Cmp {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }
}

/// A value to compare with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Lit {
    /// Also a word, by its place.
    Number(u64),
    Flag(bool),
    Nanos(i64),
    /// Nanoseconds since the capture's first packet.
    Since(i64),
    /// Nanoseconds since 1970.
    Moment(i64),
    Text(Box<[u8]>),
    Net(Net, Option<u16>),
    Null,
    Int(i128),
    Real(f64),
}

impl From<Number> for Lit {
    fn from(number: Number) -> Self {
        match number {
            Number::Int(int) => Self::Int(int),
            Number::Real(real) => Self::Real(real),
        }
    }
}

/// A network; IPv4 as `::ffff:a.b.c.d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Net {
    pub(super) address: [u8; 16],
    /// Bits that count, of 128.
    pub(super) prefix: u8,
}

impl Net {
    pub(super) fn has(self, address: [u8; 16]) -> bool {
        let bits = u128::from_be_bytes(self.address) ^ u128::from_be_bytes(address);
        bits.checked_shr(128 - u32::from(self.prefix.min(128))).unwrap_or(0) == 0
    }
}

/// Bytes that are looked for.
#[derive(Clone, Debug)]
pub(super) struct Needle(pub(super) Box<Finder<'static>>);

impl Needle {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(Box::new(Finder::new(bytes).into_owned()))
    }
}

impl PartialEq for Needle {
    fn eq(&self, other: &Self) -> bool {
        self.0.needle() == other.0.needle()
    }
}

/// A regular expression.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) regex: regex::bytes::Regex,
    /// Whether what follows a match may unmake it: `$`, `\z`, `\b`.
    pub(super) looks_ahead: bool,
}

impl Pattern {
    pub(super) fn new(pattern: &str) -> Result<Self, regex::Error> {
        const SIZE: usize = 1 << 20;
        let regex = regex::bytes::RegexBuilder::new(pattern).size_limit(SIZE).dfa_size_limit(SIZE).build()?;
        let looks_ahead =
            pattern.contains('$') || ["\\z", "\\b", "\\B"].iter().any(|look| pattern.contains(look));
        Ok(Self { regex, looks_ahead })
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.regex.as_str() == other.regex.as_str()
    }
}

/// A text alone: upper and lower case differ only where it has an upper-case letter.
#[derive(Clone, Debug)]
pub(super) struct TextSearch {
    pub(super) text: String,
    pub(super) how: How,
}

#[derive(Clone, Debug)]
pub(super) enum How {
    Exact(Box<Finder<'static>>),
    AnyCase(regex::bytes::Regex),
}

impl TextSearch {
    pub(super) fn new(text: &str) -> Self {
        let exact = text.chars().any(char::is_uppercase) || !text.chars().any(char::is_alphabetic);
        let any_case = || {
            let mut builder = regex::bytes::RegexBuilder::new(&regex::escape(text));
            builder.case_insensitive(true).build().ok()
        };
        let how = match if exact { None } else { any_case() } {
            Some(regex) => How::AnyCase(regex),
            None => How::Exact(Box::new(Finder::new(text).into_owned())),
        };
        Self { text: text.to_owned(), how }
    }

    pub(super) fn is_in(&self, bytes: &[u8]) -> bool {
        match &self.how {
            How::Exact(finder) => finder.find(bytes).is_some(),
            How::AnyCase(regex) => regex.is_match(bytes),
        }
    }
}

impl PartialEq for TextSearch {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Filter {
    /// Whether it lets everything pass.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// The fields that it asks for; a field may come more than once.
    pub fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        self.leaves.iter().map(|leaf| leaf.field)
    }

    /// Whether it asks for this close code, or for its digits as a text alone.
    #[must_use]
    pub fn asks_for_code(&self, code: u64) -> bool {
        self.leaves.iter().any(|leaf| match &leaf.test {
            Test::Compare(Cmp::Eq, lit) => leaf.field == Field::CloseCode && *lit == Lit::Number(code),
            Test::In(items) => {
                leaf.field == Field::CloseCode
                    && items.iter().any(|(from, to)| to.is_none() && *from == Lit::Number(code))
            }
            Test::Search(search) => search.text == code.to_string(),
            _ => false,
        })
    }

    /// Whether payload bytes are needed: all of them, not a preview.
    #[must_use]
    pub fn needs_payload(&self) -> bool {
        self.fields().any(|field| {
            matches!(field, Field::Any | Field::Text | Field::Json | Field::Payload | Field::Hex)
        })
    }
}

impl fmt::Display for Filter {
    /// The filter in one way of writing, which reads back as the same filter.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        write_node(&mut out, &self.root, &self.leaves, 0);
        f.write_str(&out)
    }
}

/// How tightly a node binds: `or`, `and`, `not`.
fn write_node(out: &mut String, node: &Node, leaves: &[Leaf], outer: u8) {
    let (nodes, joint, own) = match node {
        Node::Or(nodes) => (nodes, " or ", 1),
        Node::And(nodes) => (nodes, " and ", 2),
        Node::Not(inner) => {
            out.push_str("not ");
            return write_node(out, inner, leaves, 3);
        }
        Node::Leaf(at) => {
            if let Some(leaf) = leaves.get(*at) {
                write_leaf(out, leaf);
            }
            return;
        }
    };
    let parentheses = outer >= own;
    out.push_str(if parentheses { "(" } else { "" });
    for (i, node) in nodes.iter().enumerate() {
        out.push_str(if i > 0 { joint } else { "" });
        write_node(out, node, leaves, own);
    }
    out.push_str(if parentheses { ")" } else { "" });
}

fn write_leaf(out: &mut String, leaf: &Leaf) {
    if let Test::Search(search) = &leaf.test {
        return write_text(out, search.text.as_bytes());
    }
    match &leaf.path {
        Some(path) => {
            let _ = write!(out, "{path}");
        }
        None => out.push_str(leaf.field.name()),
    }
    let kind = leaf.field.kind();
    match &leaf.test {
        Test::Present | Test::Search(_) => {}
        Test::Compare(cmp, lit) => {
            let _ = write!(out, " {} ", cmp.sign());
            write_lit(out, kind, lit);
        }
        Test::In(items) => {
            out.push_str(" in {");
            for (i, (from, to)) in items.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                write_lit(out, kind, from);
                if let Some(to) = to {
                    out.push_str("..");
                    write_lit(out, kind, to);
                }
            }
            out.push('}');
        }
        Test::Contains(needle) => {
            out.push_str(" contains ");
            write_lit(out, kind, &Lit::Text(needle.0.needle().into()));
        }
        Test::Matches(pattern) => {
            // Backslashes are the expression's own; only the quote needs one.
            let pattern = pattern.regex.as_str().replace('"', "\\\"");
            let _ = write!(out, " ~ \"{pattern}\"");
        }
    }
}

fn write_lit(out: &mut String, kind: ValueKind, lit: &Lit) {
    match lit {
        Lit::Number(number) => {
            let word = match kind {
                ValueKind::Word(words) => usize::try_from(*number).ok().and_then(|at| words.names.get(at)),
                _ => None,
            };
            match word {
                Some(word) => out.push_str(word),
                None => {
                    let _ = write!(out, "{number}");
                }
            }
        }
        Lit::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Lit::Nanos(nanos) | Lit::Since(nanos) => write_nanos(out, *nanos),
        Lit::Moment(nanos) => match jiff::Timestamp::from_nanosecond(i128::from(*nanos)) {
            Ok(moment) => {
                let _ = write!(out, "{moment}");
            }
            Err(_) => out.push('0'),
        },
        Lit::Text(bytes) if kind == ValueKind::Hex && !bytes.is_empty() => out.push_str(&hex::encode(bytes)),
        Lit::Text(bytes) => write_text(out, bytes),
        Lit::Net(net, port) => write_net(out, *net, *port),
        Lit::Null => out.push_str("null"),
        Lit::Int(number) => {
            let _ = write!(out, "{number}");
        }
        Lit::Real(number) => {
            let _ = write!(out, "{number:?}");
        }
    }
}

fn write_nanos(out: &mut String, nanos: i64) {
    let (sign, n) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")];
    let unit = units.into_iter().find(|(unit, _)| n.is_multiple_of(*unit));
    let (unit, name) = unit.unwrap_or((1, "ns"));
    let _ = write!(out, "{sign}{}{name}", n / unit);
}

fn write_net(out: &mut String, net: Net, port: Option<u16>) {
    let address = Ipv6Addr::from(net.address);
    let (shown, bits) = match address.to_ipv4_mapped() {
        Some(v4) if net.prefix >= 96 => (v4.to_string(), net.prefix - 96),
        _ => (address.to_string(), net.prefix),
    };
    let _ = match port {
        Some(port) if shown.contains(':') => write!(out, "[{shown}]:{port}"),
        Some(port) => write!(out, "{shown}:{port}"),
        None if net.prefix < 128 => write!(out, "{shown}/{bits}"),
        None => write!(out, "{shown}"),
    };
}

/// Bytes in quotes, so that they read back the same.
pub(super) fn write_text(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '"' | '\\' => {
                    out.push('\\');
                    out.push(char);
                }
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                char if char.is_control() || crate::model::is_hidden(char) => {
                    let _ = write!(out, "\\u{{{:x}}}", u32::from(char));
                }
                char => out.push(char),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
}
