//! Bytes of a message in the forms in which people paste them elsewhere.

use std::fmt::Write as _;

use base64::Engine as _;

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnippetForm {
    /// UTF-8 as it is.
    Text,
    /// JSON, a value to a line, indented; otherwise as it was sent.
    Json,
    /// Hex digits in one piece.
    Hex,
    /// Offsets, digits, characters.
    Dump,
    /// Base64 of RFC 4648 section 4.
    Base64,
    /// A C array.
    C,
    /// A Rust array.
    Rust,
    /// A Python literal.
    Python,
}

impl SnippetForm {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Text, Self::Json, Self::Hex, Self::Dump, Self::Base64, Self::C, Self::Rust, Self::Python];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "JSON, indented",
            Self::Hex => "hex",
            Self::Dump => "hex dump",
            Self::Base64 => "base64",
            Self::C => "C array",
            Self::Rust => "Rust array",
            Self::Python => "Python bytes",
        }
    }
}

/// Bytes in a form; none where they do not fit it: text that is not UTF-8, JSON that is none.
#[must_use]
pub fn write(form: SnippetForm, bytes: &[u8]) -> Option<String> {
    Some(match form {
        SnippetForm::Text => std::str::from_utf8(bytes).ok()?.to_owned(),
        SnippetForm::Json => indent(std::str::from_utf8(bytes).ok()?)?,
        SnippetForm::Hex => hex::encode(bytes),
        SnippetForm::Dump => dump(bytes),
        SnippetForm::Base64 => base64::engine::general_purpose::STANDARD.encode(bytes),
        SnippetForm::C => {
            let (open, close) = ("static const unsigned char message[] = {\n", "};\n");
            format!("{open}{}{close}", lines(bytes))
        }
        SnippetForm::Rust => format!("const MESSAGE: [u8; {}] = [\n{}];\n", bytes.len(), lines(bytes)),
        SnippetForm::Python => python(bytes),
    })
}

/// `    0x81, 0x05,` twelve to a line.
fn lines(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 6 + bytes.len() / 2);
    for line in bytes.chunks(12) {
        out.push_str("   ");
        for byte in line {
            let _ = write!(out, " 0x{byte:02x},");
        }
        out.push('\n');
    }
    out
}

/// `b"Hello\xff"`: what is no printable ASCII is escaped.
fn python(bytes: &[u8]) -> String {
    let mut out = String::from("b\"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x20..=0x7e => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}

/// `00000000  48 65 6c 6c 6f ...  |Hello|`
fn dump(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 5);
    for (row, line) in bytes.chunks(16).enumerate() {
        let _ = write!(out, "{:08x} ", row * 16);
        for at in 0..16 {
            if at == 8 {
                out.push(' ');
            }
            match line.get(at) {
                Some(byte) => drop(write!(out, " {byte:02x}")),
                None => out.push_str("   "),
            }
        }
        out.push_str("  |");
        out.extend(line.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' }));
        out.push_str("|\n");
    }
    out
}

/// Indents JSON without changing a value: numbers keep their digits, keys their order and number. None where
/// brackets and strings do not fit together.
fn indent(text: &str) -> Option<String> {
    /// Levels that are indented; deeper ones stand where the last of them does.
    const MOST: usize = 64;
    let text = text.trim();
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut open: Vec<char> = Vec::new();
    let mut chars = text.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth.min(MOST)));
    };
    while let Some(char) = chars.next() {
        match char {
            '"' => {
                out.push(char);
                loop {
                    let inside = chars.next()?;
                    out.push(inside);
                    match inside {
                        '\\' => out.push(chars.next()?),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                let close = if char == '{' { '}' } else { ']' };
                out.push(char);
                while chars.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                if chars.next_if_eq(&close).is_some() {
                    out.push(close);
                } else {
                    open.push(close);
                    line(&mut out, open.len());
                }
            }
            '}' | ']' => {
                if open.pop() != Some(char) {
                    return None;
                }
                line(&mut out, open.len());
                out.push(char);
            }
            ',' => {
                out.push(char);
                line(&mut out, open.len());
            }
            ':' => out.push_str(": "),
            _ if char.is_ascii_whitespace() => {}
            _ => out.push(char),
        }
        if open.is_empty() && chars.peek().is_some() {
            return None; // Something behind the value.
        }
    }
    open.is_empty().then(|| {
        out.push('\n');
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_form_of_a_few_bytes() {
        let of = |form| write(form, b"Hi\"\xff\n").unwrap_or_default();
        assert_eq!(of(SnippetForm::Hex), "486922ff0a");
        assert_eq!(of(SnippetForm::Base64), "SGki/wo=");
        assert_eq!(of(SnippetForm::Python), "b\"Hi\\\"\\xff\\n\"");
        assert_eq!(
            of(SnippetForm::C),
            "static const unsigned char message[] = {\n    0x48, 0x69, 0x22, 0xff, 0x0a,\n};\n"
        );
        assert_eq!(
            of(SnippetForm::Rust),
            "const MESSAGE: [u8; 5] = [\n    0x48, 0x69, 0x22, 0xff, 0x0a,\n];\n"
        );
        assert_eq!(write(SnippetForm::Text, b"\xff"), None);
        assert_eq!(
            write(SnippetForm::Dump, b"Hello").unwrap(),
            "00000000  48 65 6c 6c 6f                                    |Hello|\n"
        );
    }

    #[test]
    fn json_is_indented_and_numbers_stay() {
        let of = |text: &str| write(SnippetForm::Json, text.as_bytes());
        assert_eq!(
            of(r#"{"a":12345678901234567890.10,"a":[],"b":[1,{"c":"}, \" "}]}"#).unwrap(),
            "{\n  \"a\": 12345678901234567890.10,\n  \"a\": [],\n  \"b\": [\n    1,\n    {\n      \"c\": \"}, \\\" \"\n    }\n  ]\n}\n"
        );
        for odd in ["", "1", "[", "[}", "{\"", "[1] x", "[]]"] {
            assert_eq!(of(odd), None, "{odd}");
        }
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        assert!(of(&deep).is_some_and(|text| text.len() < 4_000_000));
    }

    proptest! {
        #[test]
        fn hex_forms_read_back(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let digits = |form| -> Vec<u8> {
                let text = write(form, &bytes).unwrap();
                let body = text.split_once(['{', '=']).map_or("", |(_, body)| body);
                body.match_indices("0x").map(|(at, _)| u8::from_str_radix(&body[at + 2..at + 4], 16).unwrap()).collect()
            };
            prop_assert_eq!(digits(SnippetForm::C), bytes.clone());
            prop_assert_eq!(digits(SnippetForm::Rust), bytes.clone());
        }

        #[test]
        fn indented_json_is_the_same_json(keys in prop::collection::vec("\\PC{0,6}", 0..5), number in any::<i64>()) {
            let value = serde_json::json!({ "list": keys, "n": number, "o": { "x": null, "e": {} } });
            let text = write(SnippetForm::Json, value.to_string().as_bytes()).unwrap();
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        }
    }
}
