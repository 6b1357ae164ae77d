//! Proposals while a filter is typed.

use std::ops::Range;

use super::ast::write_text;
use super::field::{FIELDS, Field, ValueKind};
use super::lex::{Keyword, Sign, Token, is_plain, keyword, next};

/// Where values come from: the file's own.
pub trait Values {
    /// Values of a field, each with how often it comes: hosts, subprotocols, close codes, codes of findings. Words
    /// of the table need not be among them. As in the machine output, without quotes.
    fn values(&self, field: Field) -> Vec<(String, u64)>;
}

/// No values.
impl Values for () {
    fn values(&self, _: Field) -> Vec<(String, u64)> {
        Vec::new()
    }
}

/// A proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The bytes of the text that it replaces.
    pub range: Range<usize>,
    /// What to put there.
    pub text: String,
    /// What it is, in a line; may be empty. Captured text is not yet made safe.
    pub help: String,
    /// How often a value comes.
    pub count: Option<u64>,
}

/// Proposals of one kind at a time.
const MOST: usize = 200;

/// What can stand at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Field,
    Operator(Field),
    Value(Field),
    /// A value, inside `{`.
    Item(Field),
    Joint,
}

/// Proposals for the word at `cursor` (a byte offset), best first: fields, operators, values.
#[must_use]
pub fn complete(text: &str, cursor: usize, values: &dyn Values) -> Vec<Completion> {
    let cursor = (0..=cursor.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let mut expected = Expected::Field;
    let mut at = 0;
    // The word that the cursor touches, and what it may be.
    let mut range = cursor..cursor;
    while let Some(token) = next(text, at) {
        let token = match token {
            Ok(token) => token,
            // An open quote goes to the end: what is in it is being typed.
            Err(odd) => Token { sign: Sign::Text, range: odd.range },
        };
        if token.range.start >= cursor {
            break;
        }
        let touched = token.range.end >= cursor && matches!(token.sign, Sign::Word | Sign::Text);
        if touched {
            range = token.range;
            break;
        }
        at = token.range.end;
        expected = after(expected, &token, text.get(token.range.clone()).unwrap_or_default());
    }
    let typed = text.get(range.start..cursor).unwrap_or_default();
    let made = |text: String, help: &str, count| Completion {
        range: range.clone(),
        text,
        help: help.to_owned(),
        count,
    };
    let mut found: Vec<Completion> = match expected {
        Expected::Field => {
            fields(typed).into_iter().map(|(name, help)| made(name.to_owned(), help, None)).collect()
        }
        Expected::Operator(field) => {
            let operators = field.kind().operators().iter().copied().chain(["and", "or"]);
            operators
                .filter(|o| o.starts_with(typed))
                .map(|o| made(o.to_owned(), operator_help(o), None))
                .collect()
        }
        Expected::Joint => {
            let joints = [("and", "both"), ("or", "either")];
            joints
                .into_iter()
                .filter(|(j, _)| j.starts_with(typed))
                .map(|(j, help)| made(j.to_owned(), help, None))
                .collect()
        }
        Expected::Value(field) | Expected::Item(field) => {
            let found = of_field(field, typed, values);
            found.into_iter().map(|(value, help, count)| made(value, &help, count)).collect()
        }
    };
    found.retain(|completion| completion.text != typed);
    found.truncate(MOST);
    found
}

/// What can come after a token.
fn after(before: Expected, token: &Token, text: &str) -> Expected {
    let word = if token.sign == Sign::Word { keyword(text) } else { None };
    match (token.sign, word) {
        (Sign::And | Sign::Or | Sign::Not | Sign::Open, _)
        | (_, Some(Keyword::And | Keyword::Or | Keyword::Not)) => Expected::Field,
        (Sign::Close | Sign::CloseSet, _) => Expected::Joint,
        (Sign::OpenSet | Sign::Comma, _) => match before {
            Expected::Value(field) | Expected::Item(field) => Expected::Item(field),
            other => other,
        },
        (Sign::Eq | Sign::Ne | Sign::Lt | Sign::Le | Sign::Gt | Sign::Ge | Sign::Tilde, _)
        | (_, Some(Keyword::In | Keyword::Contains | Keyword::Matches | Keyword::Compare(_))) => match before
        {
            Expected::Operator(field) => Expected::Value(field),
            other => other,
        },
        (Sign::Word | Sign::Text, _) => match before {
            Expected::Field if token.sign == Sign::Word => match field_of(text) {
                Some(field) => Expected::Operator(field),
                None => Expected::Joint,
            },
            Expected::Item(field) => Expected::Item(field),
            _ => Expected::Joint,
        },
    }
}

fn field_of(word: &str) -> Option<Field> {
    if word.starts_with("json.") || word.starts_with("json[") {
        Some(Field::Json)
    } else {
        Field::named(word)
    }
}

/// Names that begin so, then those that hold it; a field by another name only where its own does not fit.
fn fields(typed: &str) -> Vec<(&'static str, &'static str)> {
    let typed = typed.to_ascii_lowercase();
    if typed.starts_with(['"', '\'']) {
        return Vec::new();
    }
    let fits = |begins: bool| {
        let typed = &typed;
        FIELDS.iter().filter_map(move |info| {
            let mut names = std::iter::once(info.name).chain(info.aliases.iter().copied());
            let fits = |name: &&str| {
                if begins {
                    name.starts_with(typed)
                } else {
                    name.contains(typed) && !name.starts_with(typed)
                }
            };
            names.find(fits).map(|name| (name, info.help))
        })
    };
    let mut found: Vec<_> = fits(true).collect();
    for other in fits(false).filter(|_| !typed.is_empty()) {
        if !found.iter().any(|(_, help)| *help == other.1) {
            found.push(other);
        }
    }
    if typed.len() > 1 && "not".starts_with(&typed) {
        found.push(("not", "the contrary of what follows"));
    }
    found
}

fn operator_help(operator: &str) -> &'static str {
    match operator {
        "==" => "is",
        "!=" => "is another",
        "<" => "less than",
        "<=" => "at most",
        ">" => "more than",
        ">=" => "at least",
        "in" => "one of {a, b}, or in a..b",
        "contains" => "holds this text or these bytes",
        "~" => "matches a regular expression",
        "and" => "it is there, and …",
        _ => "it is there, or …",
    }
}

/// Values of a field that begin so, then those that hold it.
fn of_field(field: Field, typed: &str, values: &dyn Values) -> Vec<(String, String, Option<u64>)> {
    let bare = typed.trim_matches(['"', '\'']).to_lowercase();
    let mut known = values.values(field);
    let count =
        |known: &[(String, u64)], name: &str| known.iter().find(|(k, _)| k == name).map(|(_, count)| *count);
    let mut all: Vec<(String, String, Option<u64>)> = Vec::new();
    match field.kind() {
        ValueKind::Word(words) => {
            for (at, name) in words.names.iter().enumerate() {
                let seen = count(&known, name);
                if name.starts_with("reserved-") && seen.is_none() {
                    continue;
                }
                let help = if words.numeric { format!("0x{at:x}") } else { String::new() };
                all.push(((*name).to_owned(), help, seen));
            }
            known.retain(|(value, _)| !words.names.contains(&value.as_str()));
        }
        ValueKind::Flag => {
            all.extend(["true", "false"].map(|v| (v.to_owned(), String::new(), count(&known, v))))
        }
        _ => {
            // What comes most often is looked for most often.
            known.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
            all.extend(known.into_iter().map(|(value, count)| (value, String::new(), Some(count))));
        }
    }
    let rank = |value: &str| {
        let value = value.to_lowercase();
        if value.starts_with(&bare) { Some(0) } else { value.contains(&bare).then_some(1) }
    };
    let mut found: Vec<_> = all.into_iter().filter_map(|value| Some((rank(&value.0)?, value))).collect();
    found.sort_by_key(|(rank, _)| *rank);
    let quoted = typed.starts_with(['"', '\'']);
    found.into_iter().map(|(_, (value, help, count))| (written(&value, quoted), help, count)).collect()
}

/// A value as it stands in a filter.
fn written(value: &str, quoted: bool) -> String {
    if !quoted && is_plain(value) {
        return value.to_owned();
    }
    let mut out = String::new();
    write_text(&mut out, value.as_bytes());
    out
}
