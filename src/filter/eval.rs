//! Asking a record.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use super::ast::{Cmp, Filter, Leaf, Lit, Node, Pattern, Test};
use super::field::{Field, ValueKind};
use crate::json;
use crate::model::{Endpoint, Extension, Time};

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterVerdict {
    /// It does not match.
    No,
    /// It matches.
    Yes,
    /// It depends on bytes that are not there.
    Unknown,
}

impl FilterVerdict {
    pub(super) fn of(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }

    /// Yes where either is, no where both are.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            _ => Self::No,
        }
    }

    /// No where either is, yes where both are.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.not().or(other.not()).not()
    }

    /// The contrary; what is unknown stays so.
    #[must_use]
    #[allow(clippy::should_implement_trait)]
    pub fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Yes => Self::No,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// A field's value in a record.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// The record has no such thing: every comparison is false.
    Absent,
    /// It has one, but which is not known.
    Unknown,
    /// Yes or no.
    Flag(bool),
    /// A number, or the place of a word among [`WordSet::names`](super::WordSet::names).
    Number(u64),
    /// A time span in nanoseconds.
    Nanos(i64),
    /// A moment.
    Moment(Time),
    /// Text or bytes: all of it.
    Bytes(&'a [u8]),
    /// The first bytes of something of which the rest is not there.
    Part(&'a [u8]),
    /// An address, IPv4 as `::ffff:a.b.c.d`.
    Address([u8; 16]),
    /// An address and a port.
    Endpoint(Endpoint),
    /// Names of extensions.
    Names(&'a [Extension]),
}

/// A row that a filter is asked about.
pub trait FilterRow {
    /// The value of a field. [`Field::Json`] is not asked for, but [`Field::Text`]; nor are [`Field::Any`],
    /// [`Field::Ip`] and [`Field::Port`], but what they stand for.
    fn get(&self, field: Field) -> Value<'_>;

    /// The time of the capture's first packet.
    fn start(&self) -> Time;

    /// What a test came to elsewhere, by its place among the filter's tests: for fields that this row does not
    /// have itself.
    fn remembered(&self, test: usize) -> Option<FilterVerdict> {
        let _ = test;
        None
    }
}

impl Filter {
    /// Whether a record matches.
    #[must_use]
    pub fn test(&self, record: &impl FilterRow) -> FilterVerdict {
        self.node(&self.root, record)
    }

    /// As deep as the parentheses of the filter.
    fn node(&self, node: &Node, record: &impl FilterRow) -> FilterVerdict {
        match node {
            Node::And(nodes) => {
                let mut all = FilterVerdict::Yes;
                for node in nodes {
                    all = all.and(self.node(node, record));
                    if all == FilterVerdict::No {
                        break;
                    }
                }
                all
            }
            Node::Or(nodes) => {
                let mut any = FilterVerdict::No;
                for node in nodes {
                    any = any.or(self.node(node, record));
                    if any == FilterVerdict::Yes {
                        break;
                    }
                }
                any
            }
            Node::Not(node) => self.node(node, record).not(),
            Node::Leaf(at) => match record.remembered(*at) {
                // A text alone is looked for here too.
                Some(verdict) if self.leaves.get(*at).is_some_and(|leaf| leaf.field == Field::Any) => {
                    verdict.or(self.test_at(*at, record))
                }
                Some(verdict) => verdict,
                None => self.leaves.get(*at).map_or(FilterVerdict::No, |leaf| leaf.test(record)),
            },
        }
    }
}

impl Leaf {
    /// One test of one record.
    pub(super) fn test(&self, record: &impl FilterRow) -> FilterVerdict {
        if let Some(path) = &self.path {
            return in_json(path, &self.test, record.get(Field::Text));
        }
        let one = |field: Field| holds(field.kind(), &self.test, record.get(field), record);
        match self.field {
            Field::Any => any(&self.test, record),
            field => match field.either() {
                Some((first, second)) if matches!(self.test, Test::Compare(Cmp::Ne, _)) => {
                    one(first).and(one(second))
                }
                Some((first, second)) => one(first).or(one(second)),
                None => one(field),
            },
        }
    }
}

/// A test of the payload (of a finding, the sentence), the URL and the close reason.
fn any(test: &Test, record: &impl FilterRow) -> FilterVerdict {
    let payload = match record.get(Field::Payload) {
        Value::Absent => record.get(Field::Text),
        payload => payload,
    };
    let values = [payload, record.get(Field::Url), record.get(Field::CloseReason)];
    values
        .into_iter()
        .map(|value| holds(ValueKind::Text, test, value, record))
        .fold(FilterVerdict::No, FilterVerdict::or)
}

fn holds(kind: ValueKind, test: &Test, value: Value<'_>, record: &impl FilterRow) -> FilterVerdict {
    match (test, value) {
        (_, Value::Absent) => FilterVerdict::No,
        (Test::Present, Value::Flag(flag)) => FilterVerdict::of(flag),
        (Test::Present, _) => FilterVerdict::Yes,
        (_, Value::Unknown) => FilterVerdict::Unknown,
        (Test::Compare(cmp, lit), value) => compare(kind, *cmp, lit, value, record),
        (Test::In(items), value) => {
            let mut found = FilterVerdict::No;
            for (from, to) in items {
                let one = match to {
                    None => compare(kind, Cmp::Eq, from, value, record),
                    Some(to) => compare(kind, Cmp::Ge, from, value, record).and(compare(
                        kind,
                        Cmp::Le,
                        to,
                        value,
                        record,
                    )),
                };
                found = found.or(one);
            }
            found
        }
        (Test::Contains(needle), value) => over(value, |bytes| needle.0.find(bytes).is_some()),
        (Test::Search(search), value) => over(value, |bytes| search.is_in(bytes)),
        (Test::Matches(pattern), Value::Part(part)) => match part_matches(pattern, part) {
            true => FilterVerdict::Yes,
            false => FilterVerdict::Unknown,
        },
        (Test::Matches(pattern), value) => over(value, |bytes| pattern.regex.is_match(bytes)),
    }
}

/// A test of bytes that more bytes do not unmake.
fn over(value: Value<'_>, test: impl Fn(&[u8]) -> bool) -> FilterVerdict {
    match value {
        Value::Bytes(bytes) => FilterVerdict::of(test(bytes)),
        Value::Part(part) => {
            if test(part) {
                FilterVerdict::Yes
            } else {
                FilterVerdict::Unknown
            }
        }
        Value::Names(names) => {
            FilterVerdict::of(names.iter().any(|extension| test(extension.name.as_bytes())))
        }
        _ => FilterVerdict::No,
    }
}

/// Whether a beginning matches so that nothing that follows can unmake it.
fn part_matches(pattern: &Pattern, part: &[u8]) -> bool {
    pattern.regex.find_iter(part).any(|found| found.end() < part.len() || !pattern.looks_ahead)
}

#[inline]
fn compare(kind: ValueKind, cmp: Cmp, lit: &Lit, value: Value<'_>, record: &impl FilterRow) -> FilterVerdict {
    let order = match (lit, value) {
        (Lit::Number(lit), Value::Number(value)) => value.cmp(lit),
        (Lit::Nanos(lit), Value::Nanos(value)) => value.cmp(lit),
        (Lit::Since(lit), Value::Moment(value)) => value.since(record.start()).0.cmp(lit),
        (Lit::Moment(lit), Value::Moment(value)) => value.0.cmp(lit),
        (lit, value) => {
            let equal = equals(kind, lit, value);
            return match cmp {
                Cmp::Eq => equal,
                Cmp::Ne => equal.not(),
                _ => FilterVerdict::No,
            };
        }
    };
    FilterVerdict::of(fits(cmp, order))
}

/// Whether a value that stands so to another fulfils a comparison with it.
fn fits(cmp: Cmp, order: Ordering) -> bool {
    match cmp {
        Cmp::Eq => order.is_eq(),
        Cmp::Ne => order.is_ne(),
        Cmp::Lt => order.is_lt(),
        Cmp::Le => order.is_le(),
        Cmp::Gt => order.is_gt(),
        Cmp::Ge => order.is_ge(),
    }
}

fn equals(kind: ValueKind, lit: &Lit, value: Value<'_>) -> FilterVerdict {
    match (lit, value) {
        (Lit::Flag(lit), Value::Flag(value)) => FilterVerdict::of(*lit == value),
        (Lit::Text(lit), Value::Bytes(value)) if kind == ValueKind::Host => {
            FilterVerdict::of(is_host(lit, value))
        }
        (Lit::Text(lit), Value::Bytes(value)) => FilterVerdict::of(**lit == *value),
        // It goes on, nobody knows how.
        (Lit::Text(lit), Value::Part(part)) if lit.len() >= part.len() && lit.starts_with(part) => {
            FilterVerdict::Unknown
        }
        (Lit::Text(lit), Value::Names(names)) => FilterVerdict::of(
            names.iter().any(|extension| extension.name.as_bytes().eq_ignore_ascii_case(lit)),
        ),
        (Lit::Net(net, None), Value::Address(address)) => FilterVerdict::of(net.has(address)),
        (Lit::Net(net, port), Value::Endpoint(end)) => {
            FilterVerdict::of(net.has(end.ip) && port.is_none_or(|port| port == end.port))
        }
        _ => FilterVerdict::No,
    }
}

/// Whether `wanted` is the authority of a URL, or its host without the port.
fn is_host(wanted: &[u8], authority: &[u8]) -> bool {
    let digits = authority.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let host = authority.get(..authority.len() - digits).and_then(|rest| rest.strip_suffix(b":"));
    let host = host.filter(|host| digits > 0 && (!host.contains(&b':') || host.ends_with(b"]")));
    let bare = host.unwrap_or(authority);
    let bare = bare.strip_prefix(b"[").and_then(|bare| bare.strip_suffix(b"]")).unwrap_or(bare);
    let is = |other: &[u8]| wanted.eq_ignore_ascii_case(other);
    is(authority) || host.is_some_and(is) || is(bare)
}

/// How two values of one kind stand to each other.
pub(super) fn order(one: &Lit, other: &Lit) -> Option<Ordering> {
    match (one, other) {
        (Lit::Number(one), Lit::Number(other)) => Some(one.cmp(other)),
        (Lit::Nanos(one), Lit::Nanos(other))
        | (Lit::Since(one), Lit::Since(other))
        | (Lit::Moment(one), Lit::Moment(other)) => Some(one.cmp(other)),
        (Lit::Int(one), Lit::Int(other)) => Some(one.cmp(other)),
        (Lit::Int(one), Lit::Real(other)) => (*one as f64).partial_cmp(other),
        (Lit::Real(one), Lit::Int(other)) => one.partial_cmp(&(*other as f64)),
        (Lit::Real(one), Lit::Real(other)) => one.partial_cmp(other),
        _ => None,
    }
}

/// A test of the values at a path: any of them may fulfil it.
fn in_json(path: &json::Path, test: &Test, text: Value<'_>) -> FilterVerdict {
    let (text, whole) = match text {
        Value::Bytes(text) => (text, true),
        Value::Part(text) => (text, false),
        Value::Unknown => return FilterVerdict::Unknown,
        _ => return FilterVerdict::No,
    };
    let mut found = false;
    path.each(text, &mut |raw| {
        // What ends with a text that was cut may go on behind it.
        let cut = !whole && raw.as_ptr_range().end == text.as_ptr_range().end;
        found = !cut && json_holds(test, raw);
        if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    match (found, whole) {
        (true, _) => FilterVerdict::Yes,
        (false, true) => FilterVerdict::No,
        (false, false) => FilterVerdict::Unknown,
    }
}

fn json_holds(test: &Test, raw: &[u8]) -> bool {
    match test {
        Test::Present => !matches!(raw, b"false" | b"null"),
        Test::Compare(cmp, lit) => json_compare(*cmp, lit, raw),
        Test::In(items) => items.iter().any(|(from, to)| match to {
            None => json_compare(Cmp::Eq, from, raw),
            Some(to) => json_compare(Cmp::Ge, from, raw) && json_compare(Cmp::Le, to, raw),
        }),
        Test::Contains(needle) => needle.0.find(&json::text(raw)).is_some(),
        Test::Matches(pattern) => pattern.regex.is_match(&json::text(raw)),
        Test::Search(search) => search.is_in(&json::text(raw)),
    }
}

fn json_compare(cmp: Cmp, lit: &Lit, raw: &[u8]) -> bool {
    let order = match lit {
        Lit::Text(lit) if raw.starts_with(b"\"") => Some((*json::text(raw)).cmp(lit)),
        Lit::Int(_) | Lit::Real(_) => json::number(raw).and_then(|value| order(&value.into(), lit)),
        Lit::Flag(flag) => (raw == if *flag { &b"true"[..] } else { b"false" }).then_some(Ordering::Equal),
        Lit::Null => (raw == b"null").then_some(Ordering::Equal),
        _ => None,
    };
    match order {
        Some(order) => fits(cmp, order),
        // A value of another type is another value, and neither above nor below.
        None => cmp == Cmp::Ne,
    }
}
