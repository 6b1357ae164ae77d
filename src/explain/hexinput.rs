//! Bytes written as hex, in the many forms in which people have them at hand.
//!
//! Read are digits with or without separators (`81 85`, `8185`, `81:85`, `81-85`, `0x81,0x85`, `\x81\x85`),
//! array and string literals of C, Python, Rust and JavaScript, and dumps with offsets (Wireshark, tshark,
//! tcpdump, xxd, `hexdump -C`, `od -t x1`), with or without a text column.

use std::fmt;

use crate::model::{safe_text, width};

/// Most bytes that one input may hold.
pub const MAX_BYTES: usize = 1 << 20;

/// Why a text is not read as hex, with the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HexError {
    /// What is wrong, in one line.
    pub message: String,
    /// What to do, in a few words.
    pub hint: &'static str,
    /// The offending line or the part of it around the offence, safe to show.
    pub line: String,
    /// Columns before the offence in `line`, and columns of the offence.
    pub caret: (usize, usize),
}

impl fmt::Display for HexError {
    /// The message, the line, and carets under the offence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line.is_empty() {
            return write!(f, "{}: {}", self.message, self.hint);
        }
        let (before, wide) = self.caret;
        write!(
            f,
            "{}\n   {}\n   {}{} {}",
            self.message,
            self.line,
            " ".repeat(before),
            "^".repeat(wide),
            self.hint
        )
    }
}

impl std::error::Error for HexError {}

const DIGITS: &str = "two hex digits (0-9, a-f) make a byte";

/// Reads bytes written as hex.
///
/// # Errors
/// The first word that is not hex, or what else is wrong, with its place.
pub fn parse_hex(text: &str) -> Result<Vec<u8>, HexError> {
    let mut input = HexInput { text, out: Vec::with_capacity((text.len() / 2).min(MAX_BYTES)) };
    if input.is_dump() {
        input.dump()?;
    } else {
        let body = array_body(text);
        if has_quotes(body) { input.literals(body)? } else { input.words(body)? }
    }
    if input.out.is_empty() {
        return Err(input.error(
            text,
            "there are no bytes",
            "give hex digits, for instance 81 05 48 65 6c 6c 6f",
        ));
    }
    Ok(input.out)
}

/// What stands between the braces or brackets of an array literal; everything where there is none.
fn array_body(text: &str) -> &str {
    let between = |open: Option<usize>, close| {
        let open = open.filter(|&at| !text.get(..at).is_some_and(has_quotes))?;
        Some(text.get(open + 1..)?.rsplit_once(close)?.0)
    };
    between(text.find('{'), '}').or_else(|| between(text.rfind('['), ']')).unwrap_or(text)
}

/// Whether `text` holds a string literal; quotes behind a comment's beginning may be the comment's.
fn has_quotes(text: &str) -> bool {
    let code = text.split_once("/*").map_or(text, |(before, _)| before);
    code.contains(['"', '\''])
}

struct HexInput<'a> {
    text: &'a str,
    out: Vec<u8>,
}

/// The beginning of a dump's line.
struct Offset<'a> {
    digits: &'a str,
    colon: bool,
    /// Spaces behind it.
    gap: usize,
    /// What follows the gap.
    rest: &'a str,
}

impl Offset<'_> {
    /// Whether the offset may mean `expected`; `od` writes octal, or decimal if asked.
    fn is(&self, expected: u64) -> bool {
        [16, 8, 10].into_iter().any(|radix| u64::from_str_radix(self.digits, radix) == Ok(expected))
    }

    fn value(&self) -> u64 {
        u64::from_str_radix(self.digits, 16).unwrap_or(u64::MAX)
    }
}

/// The offset that a line begins with: four or more digits, a colon or not, then white space or the end.
fn offset(line: &str) -> Option<Offset<'_>> {
    let line = line.trim_start();
    let line = line.strip_prefix("0x").unwrap_or(line);
    let len = line.bytes().take_while(u8::is_ascii_hexdigit).count();
    let (digits, rest) = line.split_at_checked(len).filter(|_| (4..=16).contains(&len))?;
    let (colon, rest) = rest.strip_prefix(':').map_or((false, rest), |rest| (true, rest));
    let text = rest.trim_start();
    let gap = rest.len() - text.len();
    (gap > 0 || text.is_empty()).then_some(Offset { digits, colon, gap, rest: text })
}

impl<'a> HexInput<'a> {
    fn lines(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.text.lines().map(str::trim_end).filter(|line| !line.trim_start().is_empty())
    }

    /// Whether the text is a dump with offsets.
    fn is_dump(&self) -> bool {
        let mut lines = self.lines();
        let Some(first) = lines.next().and_then(offset) else { return false };
        let word = first.rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        if first.colon {
            return word > 0;
        }
        let words_are_bytes = word == 2 && first.digits.len() > 2;
        let words_are_pairs = word == 4 && first.digits.len() > 4;
        let next_is_behind = lines.next().and_then(offset).is_some_and(|next| next.value() > first.value());
        (words_are_bytes || words_are_pairs) && (first.value() == 0 || first.gap > 1 || next_is_behind)
    }

    fn dump(&mut self) -> Result<(), HexError> {
        let mut base = None;
        let mut start = 0; // Of the bytes that the offsets count from.
        let mut row = 0..0;
        let mut repeat = false;
        for line in self.lines() {
            if line.trim() == "*" {
                repeat = true;
                continue;
            }
            let Some(offset) = offset(line) else {
                return Err(self.error(line, "this line of the dump has no offset", "leave it out"));
            };
            if offset.digits.len() == 7 && offset.rest.bytes().take_while(u8::is_ascii_hexdigit).count() == 4
            {
                let message = "these 16-bit words are in the byte order of the machine that dumped them";
                return Err(self.error(offset.rest, message, "dump again with xxd or hexdump -C"));
            }
            if offset.value() == 0 {
                (base, start) = (Some(0), self.out.len());
            }
            let base = *base.get_or_insert(offset.value());
            if repeat {
                self.repeat(row.clone(), offset.value().saturating_sub(base), start)?;
                repeat = false;
            }
            let here = base.saturating_add((self.out.len() - start) as u64);
            if !offset.is(here) {
                let message =
                    format!("the offset says {}, but the bytes before it end at {here:04x}", offset.digits);
                return Err(self.error(offset.digits, &message, "give one dump, whole and of one direction"));
            }
            let from = self.out.len();
            self.dump_row(&offset)?;
            row = from..self.out.len();
        }
        Ok(())
    }

    /// Fills in the rows that `*` stands for, up to the offset `end`.
    fn repeat(&mut self, row: std::ops::Range<usize>, end: u64, start: usize) -> Result<(), HexError> {
        let end = usize::try_from(end).unwrap_or(usize::MAX).saturating_add(start);
        if end > MAX_BYTES {
            return Err(self.too_long(self.text));
        }
        let row = self.out.get(row).unwrap_or_default().to_vec();
        let missing = end.saturating_sub(self.out.len());
        self.out.extend(row.iter().cycle().take(if row.is_empty() { 0 } else { missing }));
        Ok(())
    }

    /// The bytes of one line; a wider gap ends them and begins the text column.
    fn dump_row(&mut self, offset: &Offset<'a>) -> Result<(), HexError> {
        let mut rest = offset.rest;
        let from = self.out.len();
        loop {
            let text = rest.trim_start();
            let gap = rest.len() - text.len();
            let count = self.out.len() - from;
            // `hexdump -C` puts one more space in the middle of its sixteen bytes.
            let middle = !offset.colon && count == 8;
            let ended = count > 0 && gap > if middle { 2 } else { 1 };
            if text.is_empty() || ended {
                return Ok(());
            }
            let len = text.find(char::is_whitespace).unwrap_or(text.len());
            let (word, after) = text.split_at(len);
            if count > 0 && word.starts_with(['|', '>']) {
                return Ok(());
            }
            self.digits(word, word)?;
            rest = after;
        }
    }

    /// Words of hex digits between separators.
    fn words(&mut self, text: &'a str) -> Result<(), HexError> {
        let mut rest = text;
        loop {
            rest = rest.trim_start_matches(|c: char| {
                c.is_whitespace()
                    || matches!(c, ',' | ';' | ':' | '-' | '_' | '"' | '\'' | '{' | '}' | '[' | ']')
            });
            if let Some(comment) = rest.strip_prefix("/*") {
                rest = comment.split_once("*/").map_or("", |(_, after)| after);
                continue;
            }
            if let Some(comment) = rest.strip_prefix("//") {
                rest = comment.split_once('\n').map_or("", |(_, after)| after);
                continue;
            }
            if rest.is_empty() {
                return Ok(());
            }
            if let Some(digits) = rest.strip_prefix("\\x") {
                let (word, after) = digits.split_at_checked(2).unwrap_or((digits, ""));
                self.digits(word, word)?;
                rest = after;
                continue;
            }
            if let Some(after) = rest.strip_prefix('\\').filter(|after| after.starts_with(['\n', '\r'])) {
                rest = after;
                continue;
            }
            let len = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
            let first = rest.chars().next().map_or(0, char::len_utf8);
            let (word, after) = rest.split_at_checked(len.max(first)).unwrap_or((rest, ""));
            match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
                Some(digit) if digit.len() == 1 && digit.bytes().all(|b| b.is_ascii_hexdigit()) => {
                    self.out.extend(u8::from_str_radix(digit, 16));
                }
                Some(digits) => self.digits(digits, word)?,
                None => self.digits(word, word)?,
            }
            rest = after;
        }
    }

    /// String literals: those with a backslash are read with their escapes, others as words.
    fn literals(&mut self, text: &'a str) -> Result<(), HexError> {
        let mut rest = text;
        while let Some(at) = rest.find(['"', '\'']) {
            let quote = rest.get(at..=at).unwrap_or("\"");
            let body = rest.get(at + 1..).unwrap_or_default();
            let mut escaped = false;
            let end = body.char_indices().find(|&(_, char)| {
                let ends = !escaped && quote.contains(char);
                escaped = char == '\\' && !escaped;
                ends
            });
            let Some((end, _)) = end else {
                return Err(self.error(
                    rest.get(at..=at).unwrap_or_default(),
                    "this quote has no end",
                    "close it",
                ));
            };
            let literal = body.get(..end).unwrap_or_default();
            if literal.contains('\\') {
                self.escapes(literal)?
            } else {
                self.words(literal)?
            }
            rest = body.get(end + 1..).unwrap_or_default();
        }
        Ok(())
    }

    /// The inside of a string literal as C, Python, Rust and JavaScript write bytes.
    fn escapes(&mut self, literal: &'a str) -> Result<(), HexError> {
        let mut rest = literal;
        while let Some(char) = rest.chars().next() {
            let Some(escape) = rest.strip_prefix('\\') else {
                self.push(rest, char.encode_utf8(&mut [0; 4]).as_bytes())?;
                rest = rest.get(char.len_utf8()..).unwrap_or_default();
                continue;
            };
            let len = escape.chars().next().map_or(0, char::len_utf8);
            let (kind, after) = escape.split_at_checked(len).unwrap_or((escape, ""));
            rest = after;
            let byte = match kind {
                "x" => {
                    let (word, after) = after.split_at_checked(2).unwrap_or((after, ""));
                    self.digits(word, word)?;
                    rest = after;
                    continue;
                }
                "n" => b'\n',
                "r" => b'\r',
                "t" => b'\t',
                "0" => 0,
                "a" => 7,
                "b" => 8,
                "v" => 11,
                "f" => 12,
                "\\" => b'\\',
                "'" => b'\'',
                "\"" => b'"',
                "\n" => continue,
                _ => {
                    let message = format!("the escape \\{} is not known", safe_text(kind.as_bytes()));
                    return Err(self.error(kind, &message, "write the byte as \\x and two hex digits"));
                }
            };
            self.push(escape, &[byte])?;
        }
        Ok(())
    }

    /// Adds the bytes of `digits`; `word` is what an error points at.
    fn digits(&mut self, digits: &'a str, word: &'a str) -> Result<(), HexError> {
        let quoted = || shorten(word);
        if let Some((at, char)) = digits.char_indices().find(|(_, c)| !c.is_ascii_hexdigit()) {
            let odd = digits.get(at..at + char.len_utf8()).unwrap_or_default();
            let message = format!("{} is not hex", quoted());
            return Err(self.error(if digits.len() > 12 { odd } else { word }, &message, DIGITS));
        }
        if digits.len() % 2 == 1 {
            let message = match digits.len() {
                1 => format!("{} is half a byte", quoted()),
                n => format!("{} has {n} hex digits: one is missing or too many", quoted()),
            };
            return Err(self.error(word, &message, DIGITS));
        }
        if digits.is_empty() {
            let message = if word.is_empty() {
                "\\x lacks its digits".into()
            } else {
                format!("{} has no digits", quoted())
            };
            return Err(self.error(word, &message, DIGITS));
        }
        if self.out.len() + digits.len() / 2 > MAX_BYTES {
            return Err(self.too_long(word));
        }
        self.out.extend(hex::decode(digits).unwrap_or_default());
        Ok(())
    }

    fn push(&mut self, place: &'a str, bytes: &[u8]) -> Result<(), HexError> {
        if self.out.len() + bytes.len() > MAX_BYTES {
            return Err(self.too_long(place));
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn too_long(&self, place: &'a str) -> HexError {
        let place = place.get(..2.min(place.len())).unwrap_or_default();
        self.error(
            place,
            "there are more than 1 MiB of bytes",
            "give fewer; a capture file goes to wslens read",
        )
    }

    /// An error at `word`, which is a part of the text.
    fn error(&self, word: &'a str, message: &str, hint: &'static str) -> HexError {
        const BEFORE: usize = 40;
        let at = (word.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize).min(self.text.len());
        let (head, tail) = self.text.split_at_checked(at).unwrap_or(("", self.text));
        let line_number = head.bytes().filter(|&b| b == b'\n').count() + 1;
        let before = head.rsplit('\n').next().unwrap_or_default();
        let (mark, before) = match before.char_indices().rev().nth(BEFORE) {
            Some((cut, _)) => ("…", before.get(cut..).unwrap_or_default()),
            None => ("", before),
        };
        let wrong =
            tail.get(..word.len().min(tail.len())).unwrap_or_default().lines().next().unwrap_or_default();
        let wrong: String = wrong.chars().take(24).collect();
        let after = tail.get(wrong.len()..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let after: String = after.chars().take(BEFORE).collect();
        let before = format!("{mark}{}", safe_text(before.as_bytes()));
        let wrong = safe_text(wrong.as_bytes());
        let caret = (width(&before), width(&wrong).max(1));
        let line = format!("{before}{wrong}{}", safe_text(after.trim_end().as_bytes()));
        let message = match self.text.lines().nth(1) {
            Some(_) => format!("line {line_number}: {message}"),
            None => message.to_owned(),
        };
        HexError { message, hint, line, caret }
    }
}

/// A word for a message, cut where it is long.
fn shorten(word: &str) -> String {
    let (shown, _) = crate::model::preview(word.as_bytes(), 24);
    format!("\"{shown}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HELLO: [u8; 11] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];

    fn long() -> Vec<u8> {
        [&HELLO[..], b"aaaaaaaaaaaaa"].concat()
    }

    #[test]
    fn every_way_to_write_the_same_bytes_is_read() {
        for text in [
            "81 85 37 fa 21 3d 7f 9f 4d 51 58",
            "818537fa213d7f9f4d5158",
            "8185 37FA 213D 7F9F 4D51 58\n",
            "81:85:37:fa:21:3d:7f:9f:4d:51:58",
            "81-85-37-FA-21-3D-7F-9F-4D-51-58",
            "0x81,0x85,0x37,0xfa,0x21,0x3d,0x7f,0x9f,0x4d,0x51,0x58",
            "0x818537fa213d7f9f4d5158",
            r"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
            "static const unsigned char pkt1[11] = {\n0x81, 0x85, 0x37, 0xfa, /* .7\". */\n0x21, 0x3d, 0x7f, 0x9f, // x\n0x4d, 0x51, 0x58\n};",
            "new Uint8Array([0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])",
            "let x: [u8; 11] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];",
            r"b'\x81\x857\xfa!=\x7f\x9fMQX'",
            "\"\\x81\\x85\\x37\\xfa\\x21\\x3d\" \\\n\"\\x7f\\x9f\\x4d\\x51\\x58\"",
            "bytes.fromhex('818537fa213d7f9f4d5158')",
            "0000   81 85 37 fa 21 3d 7f 9f 4d 51 58",
            "0000  81 85 37 fa 21 3d 7f 9f 4d 51 58                  ..7.!=..MQX\n",
            "0040   81 85 37 fa 21 3d 7f 9f 4d 51 58                  ..7.!=..MQX\n",
            "00000000: 8185 37fa 213d 7f9f 4d51 58                 ..7.!=..MQX",
            "\t0x0000:  8185 37fa 213d 7f9f 4d51 58         ..7.!=..MQX",
            "00000000: 818537fa 213d7f9f 4d5158  ..7.!=..MQX",
        ] {
            assert_eq!(parse_hex(text).as_deref(), Ok(&HELLO[..]), "{text}");
        }
    }

    /// What xxd, hexdump -C, od and tshark print for the same bytes.
    #[test]
    fn dumps_of_several_lines_are_read_without_their_text_column() {
        for text in [
            "00000000: 8185 37fa 213d 7f9f 4d51 5861 6161 6161  ..7.!=..MQXaaaaa\n\
             00000010: 6161 6161 6161 6161                      aaaaaaaa\n",
            "00000000  81 85 37 fa 21 3d 7f 9f  4d 51 58 61 61 61 61 61  |..7.!=..MQXaaaaa|\n\
             00000010  61 61 61 61 61 61 61 61                           |aaaaaaaa|\n00000018\n",
            "000000 81 85 37 fa 21 3d 7f 9f 4d 51 58 61 61 61 61 61  >..7.!=..MQXaaaaa<\n\
             000010 61 61 61 61 61 61 61 61                          >aaaaaaaa<\n000018\n",
            "0000000 81 85 37 fa 21 3d 7f 9f 4d 51 58 61 61 61 61 61\n0000020 61 61 61 61 61 61 61 61\n0000030\n",
            "0000  81 85 37 fa 21 3d 7f 9f 4d 51 58 61 61 61 61 61   ..7.!=..MQXaaaaa\n\
             0010  61 61 61 61 61 61 61 61                           aaaaaaaa\n",
            "0000  81 85 37 fa 21 3d 7f 9f 4d 51 58 61 61 61 61 61   ..7.!=..MQXaaaaa\n\n\
             0000  61 61 61 61 61 61 61 61                           aaaaaaaa\n",
        ] {
            assert_eq!(parse_hex(text), Ok(long()), "{text}");
        }
        let squeezed = "00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n*\n00000040  01\n00000041\n";
        assert_eq!(parse_hex(squeezed), Ok([vec![0; 64], vec![1]].concat()));
    }

    #[test]
    fn the_offending_word_is_named_and_marked() {
        let shown = |text: &str| parse_hex(text).unwrap_err().to_string();
        assert_eq!(
            shown("81 85 zz fa"),
            "\"zz\" is not hex\n   81 85 zz fa\n         ^^ two hex digits (0-9, a-f) make a byte"
        );
        assert_eq!(
            shown("81 85\n37 f\n21"),
            "line 2: \"f\" is half a byte\n   37 f\n      ^ two hex digits (0-9, a-f) make a byte"
        );
        assert!(shown("中文 81").starts_with("\"中文\" is not hex\n   中文 81\n   ^^^^ two"));
        assert!(shown("81 853").contains("\"853\" has 3 hex digits"));
        assert!(shown("\x1b[31m").starts_with("\"␛\" is not hex"));
        assert!(shown("").starts_with("there are no bytes"));
        assert!(shown("\"\\q\"").contains("the escape \\q is not known"));
        assert!(shown("0000000 8581 fa37 3d21\n").contains("byte order"));
        assert!(shown("00000000: 8185 37fa\n00000010: 8185\n").contains("offset says 00000010"));
        let far = format!("{}zz{}", "81 ".repeat(100), " 81".repeat(100));
        assert_eq!(shown(&far).lines().nth(1).map(|l| l.chars().count() < 100), Some(true));
        assert!(shown(&"81".repeat(MAX_BYTES + 1)).contains("more than 1 MiB"));
        assert!(shown("00000000: 81\n*\nffffffffff: 81\n").contains("more than 1 MiB"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            if let Err(error) = parse_hex(&text) {
                prop_assert!(!error.to_string().chars().any(|c| c.is_control() && c != '\n'));
            }
        }

        #[test]
        fn hexlike_text_is_read_or_refused(text in "(0x|\\\\x|[0-9a-f]{1,4}|[:,|'\"{}\\\\* \n-]|0000 ){0,40}") {
            let _ = parse_hex(&text).map_err(|e| e.to_string());
        }

        #[test]
        fn what_is_written_is_read(bytes in prop::collection::vec(any::<u8>(), 1..100)) {
            let words: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
            prop_assert_eq!(parse_hex(&words.concat()), Ok(bytes.clone()));
            prop_assert_eq!(parse_hex(&words.join(" ")), Ok(bytes.clone()));
            prop_assert_eq!(parse_hex(&format!("\\x{}", words.join("\\x"))), Ok(bytes.clone()));
            prop_assert_eq!(parse_hex(&format!("0x{}", words.join(", 0x"))), Ok(bytes.clone()));
            let literal: String = bytes.iter().flat_map(|&b| std::ascii::escape_default(b)).map(char::from).collect();
            prop_assert_eq!(parse_hex(&format!("b\"{literal}\\n\"")), Ok([&bytes[..], b"\n"].concat()));
            let mut dump = String::new();
            for (i, row) in bytes.chunks(16).enumerate() {
                let hex: Vec<String> = row.iter().map(|b| format!("{b:02x}")).collect();
                let text: String = row.iter().map(|&b| if b.is_ascii_graphic() { b as char } else { '.' }).collect();
                dump += &format!("{:04x}  {:<47}   {text}\n", i * 16, hex.join(" "));
            }
            prop_assert_eq!(parse_hex(&dump), Ok(bytes.clone()), "{}", dump);
        }
    }
}
