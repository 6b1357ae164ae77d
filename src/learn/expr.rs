//! Expressions of lesson files: `f.wire[3] ^ f.key[3]`, and how a value is written.

use crate::model::safe_str;

/// Parentheses and brackets inside each other.
const DEPTH: usize = 16;

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// A number.
    Number(i64),
    /// A text between quotes.
    Text(String),
    /// An object of the lesson, by its name.
    Object(String),
    /// A property of a value.
    Property(Box<Expr>, String),
    /// A part of a value, counted from 0 in bytes and from 1 in lists of messages and frames.
    Part(Box<Expr>, Box<Expr>),
    /// Two values and a sign between them.
    Both(Box<Expr>, char, Box<Expr>),
}

impl Expr {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = ExprReader { rest: text.trim(), depth: 0 };
        let expr = reader.sum(0)?;
        if reader.rest.is_empty() { Ok(expr) } else { Err(format!("'{}' was not expected", reader.rest)) }
    }

    /// Adds the names of all objects in it.
    pub fn objects<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::Object(name) => found.push(name),
            Self::Property(of, _) => of.objects(found),
            Self::Part(of, part) | Self::Both(of, _, part) => {
                of.objects(found);
                part.objects(found);
            }
            Self::Number(_) | Self::Text(_) => {}
        }
    }
}

struct ExprReader<'a> {
    rest: &'a str,
    depth: usize,
}

/// Signs between values, those that bind least first.
const SIGNS: [&[char]; 3] = [&['^'], &['+', '-'], &['*', '/', '%']];

impl<'a> ExprReader<'a> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, is_of: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|char| !is_of(char)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        self.rest = rest;
        taken
    }

    fn eat(&mut self, sign: char) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, sign: char) -> Result<(), String> {
        if self.eat(sign) { Ok(()) } else { Err(format!("'{sign}' is missing")) }
    }

    /// Values with signs of a level between them.
    fn sum(&mut self, level: usize) -> Result<Expr, String> {
        let Some(signs) = SIGNS.get(level) else { return self.value() };
        let mut left = self.sum(level + 1)?;
        loop {
            self.skip();
            let Some(sign) = self.rest.chars().next().filter(|sign| signs.contains(sign)) else {
                return Ok(left);
            };
            self.eat(sign);
            left = Expr::Both(Box::new(left), sign, Box::new(self.sum(level + 1)?));
        }
    }

    fn inner(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("too many parentheses".to_owned());
        }
        let inner = self.sum(0)?;
        self.depth -= 1;
        Ok(inner)
    }

    fn value(&mut self) -> Result<Expr, String> {
        self.skip();
        let first = self.rest.chars().next().ok_or("a value is missing")?;
        let mut value = match first {
            '(' => {
                self.eat('(');
                let inner = self.inner()?;
                self.expect(')')?;
                inner
            }
            '"' => {
                self.eat('"');
                let text = self.take(|char| char != '"').to_owned();
                self.expect('"')?;
                Expr::Text(text)
            }
            '0'..='9' => {
                let word = self.take(|char| char.is_ascii_alphanumeric());
                let number = match word.strip_prefix("0x") {
                    Some(hex) => i64::from_str_radix(hex, 16),
                    None => word.parse(),
                };
                Expr::Number(number.map_err(|_| format!("'{word}' is no number"))?)
            }
            'a'..='z' => Expr::Object(self.take(|char| char.is_ascii_alphanumeric()).to_owned()),
            other => return Err(format!("'{other}' was not expected")),
        };
        loop {
            if self.rest.starts_with('.') {
                self.eat('.');
                let name = self.take(|char| char.is_ascii_alphanumeric() || char == '_' || char == '-');
                if name.is_empty() {
                    return Err("the name of a property is missing".to_owned());
                }
                value = Expr::Property(Box::new(value), name.to_owned());
            } else if self.rest.starts_with('[') {
                self.eat('[');
                let part = self.inner()?;
                self.expect(']')?;
                value = Expr::Part(Box::new(value), Box::new(part));
            } else {
                return Ok(value);
            }
        }
    }
}

/// What an expression comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Number(i64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Text; captured text in it is not yet made safe.
    Text(String),
    /// A connection.
    Connection(u32),
    /// A message: connection, number.
    Message(u32, u64),
    /// A frame: connection, number.
    Frame(u32, u64),
    /// A TCP connection of a bundled capture that is no WebSocket, by its place.
    Flow(usize),
}

/// Most columns of a captured text in a lesson's own.
const COLUMNS: usize = 36;

impl Value {
    /// The number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// The value in a form: nothing for the usual one, else `x` hex, `b` bits, `c` a character, `g` digits in
    /// groups; `>6` before it puts it at the right of so many columns.
    #[must_use]
    pub fn written(&self, form: &str) -> String {
        let form = form.trim();
        let (columns, form) = match form.strip_prefix('>') {
            Some(rest) => {
                let digits = rest.trim_end_matches(|char: char| !char.is_ascii_digit());
                (digits.parse().unwrap_or(0), rest.get(digits.len()..).unwrap_or_default())
            }
            None => (0, form),
        };
        let text = match (self, form) {
            (Self::Number(number), "x") => format!("{number:02x}"),
            (Self::Number(number), "X") => format!("0x{number:x}"),
            (Self::Number(number), "b") => bits(*number),
            (Self::Number(number), "c") => {
                let char = u8::try_from(*number).ok().filter(|byte| (0x21..0x7f).contains(byte));
                char.map_or('·', char::from).to_string()
            }
            (Self::Number(number), "g") => grouped(*number),
            (Self::Number(number), _) => number.to_string(),
            (Self::Bytes(bytes), "c") => quoted(&String::from_utf8_lossy(bytes)),
            (Self::Bytes(bytes), _) => spaced(bytes),
            (Self::Text(text), "q") => quoted(text),
            (Self::Text(text), _) => cut(&safe_str(text)),
            (Self::Connection(number), _) => number.to_string(),
            (Self::Message(_, number) | Self::Frame(_, number), _) => number.to_string(),
            (Self::Flow(number), _) => (number + 1).to_string(),
        };
        format!("{text:>columns$}")
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", cut(&safe_str(text)))
}

/// At most so many columns of a text.
fn cut(text: &str) -> String {
    let mut out = String::new();
    for char in text.chars() {
        if crate::model::width(&out) >= COLUMNS {
            return out + "…";
        }
        out.push(char);
    }
    out
}

/// Bytes as hex digits with spaces, the first ones of many.
fn spaced(bytes: &[u8]) -> String {
    let hex: Vec<String> = bytes.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > 12 { " …" } else { "" };
    hex.join(" ") + more
}

/// `0101 0001`
fn bits(number: i64) -> String {
    let digits = format!("{number:08b}");
    let (high, low) = digits.split_at_checked(digits.len().saturating_sub(4)).unwrap_or_default();
    format!("{high} {low}")
}

/// `65 536`: with a space before each three digits.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = if number < 0 { "-".to_owned() } else { String::new() };
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_bind_as_in_other_languages() {
        let parse = |text| Expr::parse(text).unwrap();
        assert_eq!(parse("1 + 2 * 3"), parse("1 + (2 * 3)"));
        assert_eq!(parse("1 ^ 2 + 3"), parse("1 ^ (2 + 3)"));
        assert_eq!(parse("9 - 2 - 3"), parse("(9 - 2) - 3"));
        let mut found = vec![];
        let expr = parse("f.wire[i.x] ^ c.frame[2].key[1]");
        expr.objects(&mut found);
        assert_eq!(found, ["f", "i", "c"]);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, what) in [
            ("", "a value is missing"),
            ("1 +", "a value is missing"),
            ("f.", "the name of a property is missing"),
            ("f[1", "']' is missing"),
            ("12z", "'12z' is no number"),
            ("f f", "'f' was not expected"),
            ("\"x", "'\"' is missing"),
            ("?", "'?' was not expected"),
        ] {
            assert_eq!(Expr::parse(text).unwrap_err(), what, "{text}");
        }
        assert_eq!(Expr::parse(&"(".repeat(100_000)).unwrap_err(), "too many parentheses");
    }

    #[test]
    fn values_are_written_in_forms() {
        let number = Value::Number(0x51);
        assert_eq!(number.written("x"), "51");
        assert_eq!(number.written("b"), "0101 0001");
        assert_eq!(number.written("c"), "Q");
        assert_eq!(number.written(">5"), "   81");
        assert_eq!(Value::Number(1_234_567).written("g"), "1 234 567");
        assert_eq!(Value::Bytes(vec![1, 0xab]).written(""), "01 ab");
        assert_eq!(Value::Text("a\x1b[0m".into()).written("q"), "\"a␛[0m\"");
    }
}
