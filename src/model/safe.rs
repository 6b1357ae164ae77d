//! Captured text made fit for a human: nothing in it can move a cursor, hide or reorder what is shown.
//!
//! | what was captured | what is shown |
//! | --- | --- |
//! | C0 control, DEL | its picture: `␛`, `␀`, `␡`; LF is `⏎` |
//! | C1 control | `\x9b` |
//! | bidirectional, invisible, tag and private characters, noncharacters | `‹202E›` |
//! | a byte that is not UTF-8 | `\xff` |
//! | more than four marks on one base | four of them, then `‹+12›` |
//! | a mark without a base | `‹0301›` |
//!
//! What is left alone is shown as it is, right-to-left letters and wide characters included. A
//! variation selector stays where it directly follows the symbol that it picks the look of.

use std::borrow::Cow;
use std::str::Utf8Chunks;

use unicode_width::UnicodeWidthChar as _;

/// Marks that one base may carry before the rest is only counted.
const MAX_MARKS: u32 = 4;

/// A run of made-safe text. A view shows the two kinds in different styles, so that a `␛` that was
/// sent differs from an ESC that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safe<'a> {
    /// Shown as captured.
    Plain(&'a str),
    /// Stands for something that is not shown as captured.
    Escaped(Escape),
}

impl Safe<'_> {
    /// The text to show.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Escaped(escape) => escape.as_str(),
        }
    }
}

/// What is shown in place of a character or byte; a short string without an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escape {
    bytes: [u8; 17],
    len: u8,
}

impl Escape {
    /// The text to show.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..usize::from(self.len)).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or("?")
    }

    fn new(parts: [&str; 3]) -> Self {
        let mut escape = Self { bytes: [0; 17], len: 0 };
        for byte in parts.into_iter().flat_map(str::bytes) {
            if let Some(to) = escape.bytes.get_mut(usize::from(escape.len)) {
                *to = byte;
                escape.len += 1;
            }
        }
        escape
    }

    /// `\xff`
    fn byte(byte: u8) -> Self {
        let mut digits = [0; 2];
        Self::new(["\\x", number(u32::from(byte), 16, &mut digits), ""])
    }

    /// `‹202E›`
    fn code_point(char: char) -> Self {
        let mut digits = [0; 6];
        let text = number(u32::from(char), 16, &mut digits);
        text.make_ascii_uppercase();
        Self::new(["‹", text, "›"])
    }

    /// `‹+12›`
    fn count(count: u32) -> Self {
        Self::new(["‹+", number(count, 10, &mut [0; 10]), "›"])
    }

    /// The picture of a C0 control or DEL.
    fn picture(byte: u8) -> Self {
        let picture = match byte {
            b'\n' => '⏎',
            0x7f => '␡',
            c0 => char::from_u32(0x2400 + u32::from(c0)).unwrap_or('␀'),
        };
        Self::new([picture.encode_utf8(&mut [0; 4]), "", ""])
    }
}

/// The digits of `value`, at least two in hexadecimal and four from U+0100 on as the code points are written.
fn number(mut value: u32, base: u32, buffer: &mut [u8]) -> &mut str {
    let width = match (base, value) {
        (10, _) => 1,
        (_, 0x100..) => 4,
        _ => 2,
    };
    let mut at = buffer.len();
    let end = at;
    while at > 0 && (value > 0 || end - at < width) {
        at -= 1;
        if let Some(to) = buffer.get_mut(at) {
            *to = char::from_digit(value % base, base).map_or(b'?', |digit| digit as u8);
        }
        value /= base;
    }
    buffer.get_mut(at..).and_then(|b| std::str::from_utf8_mut(b).ok()).unwrap_or_default()
}

/// Makes captured bytes safe to show, as runs; nothing is allocated.
#[must_use]
pub fn safe(bytes: &[u8]) -> Runs<'_> {
    Runs { chunks: bytes.utf8_chunks(), valid: "", bad: &[], base: Base::None, marks: 0 }
}

/// Whether `bytes` are printable ASCII only, so that they are shown as they are.
#[must_use]
pub fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |plain, b| plain & (0x20..=0x7e).contains(b))
}

/// Makes captured bytes safe to show, as one string.
#[must_use]
pub fn safe_text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    push_safe(&mut out, bytes);
    out
}

/// Appends captured bytes to `out`, made safe to show.
pub fn push_safe(out: &mut String, bytes: &[u8]) {
    if is_plain(bytes)
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        out.push_str(text);
        return;
    }
    for run in safe(bytes) {
        out.push_str(run.as_str());
    }
}

/// What a mark could sit on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    /// Nothing: the start, or an escape.
    None,
    /// A shown character that a variation selector means nothing to.
    Letter,
    /// A shown character that may have two looks.
    Symbol,
}

/// The runs of [`safe`].
#[derive(Clone, Debug)]
pub struct Runs<'a> {
    chunks: Utf8Chunks<'a>,
    /// What is left of the current valid part.
    valid: &'a str,
    /// What is left of the invalid bytes behind it.
    bad: &'a [u8],
    base: Base,
    /// Marks on the current base.
    marks: u32,
}

/// What becomes of one character.
enum Verdict {
    Keep,
    Escape(Escape),
    /// One mark too many.
    Extra,
}

impl Runs<'_> {
    fn judge(&mut self, char: char) -> Verdict {
        let verdict = match char {
            '0'..='9' | '#' | '*' => {
                (self.base, self.marks) = (Base::Symbol, 0);
                return Verdict::Keep;
            }
            ' '..='~' => {
                (self.base, self.marks) = (Base::Letter, 0);
                return Verdict::Keep;
            }
            '\0'..='\x1f' | '\x7f' => Escape::picture(char as u8),
            '\u{80}'..='\u{9f}' => Escape::byte(char as u32 as u8),
            '\u{fe0e}' | '\u{fe0f}' if self.base == Base::Symbol && self.marks == 0 => {
                self.marks = 1;
                return Verdict::Keep;
            }
            _ if is_common(char) => {
                (self.base, self.marks) = (Base::Symbol, 0);
                return Verdict::Keep;
            }
            _ if is_hidden(char) => Escape::code_point(char),
            _ if char.width() == Some(0) => {
                if self.base == Base::None {
                    Escape::code_point(char)
                } else if self.marks < MAX_MARKS {
                    self.marks += 1;
                    return Verdict::Keep;
                } else {
                    return Verdict::Extra;
                }
            }
            _ => {
                (self.base, self.marks) = (Base::Symbol, 0);
                return Verdict::Keep;
            }
        };
        (self.base, self.marks) = (Base::None, 0);
        Verdict::Escape(verdict)
    }

    /// How many marks the valid part begins with, and their bytes.
    fn extra_marks(&self) -> (u32, usize) {
        let (mut count, mut len) = (0u32, 0);
        for char in self.valid.chars() {
            if is_hidden(char) || char.width() != Some(0) || char.is_control() {
                break;
            }
            count = count.saturating_add(1);
            len += char.len_utf8();
        }
        (count, len)
    }

    fn skip(&mut self, len: usize) {
        self.valid = self.valid.get(len..).unwrap_or_default();
    }
}

impl<'a> Iterator for Runs<'a> {
    type Item = Safe<'a>;

    fn next(&mut self) -> Option<Safe<'a>> {
        while self.valid.is_empty() {
            if let Some((&first, rest)) = self.bad.split_first() {
                self.bad = rest;
                (self.base, self.marks) = (Base::None, 0);
                return Some(Safe::Escaped(Escape::byte(first)));
            }
            let chunk = self.chunks.next()?;
            (self.valid, self.bad) = (chunk.valid(), chunk.invalid());
        }
        let text = self.valid;
        let mut kept = 0;
        for char in text.chars() {
            let before = (self.base, self.marks);
            let verdict = self.judge(char);
            if let Verdict::Keep = verdict {
                kept += char.len_utf8();
                continue;
            }
            if kept > 0 {
                // Judged again when its turn comes.
                (self.base, self.marks) = before;
                break;
            }
            return Some(Safe::Escaped(match verdict {
                Verdict::Escape(escape) => {
                    self.skip(char.len_utf8());
                    escape
                }
                Verdict::Extra | Verdict::Keep => {
                    let (count, len) = self.extra_marks();
                    self.skip(len);
                    (self.base, self.marks) = (Base::None, 0);
                    Escape::count(count)
                }
            }));
        }
        self.skip(kept);
        text.get(..kept).map(Safe::Plain)
    }
}

/// Characters above U+009F that show nothing themselves or change how others are shown, and those whose
/// look nobody can know: Unicode's format, separator, private-use and default-ignorable characters and
/// noncharacters, less the few format characters that are drawn (Arabic and Kaithi number signs and such).
#[must_use]
pub fn is_hidden(char: char) -> bool {
    match u32::from(char) {
        ..0xad => false,
        0xad | 0x34f | 0x61c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f => true,
        0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164 => true,
        0xe000..=0xf8ff | 0xfdd0..=0xfdef | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb => true,
        0x13430..=0x1343f | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000.. => true,
        other => other & 0xfffe == 0xfffe,
    }
}

/// Letters of much-used scripts, all of them shown and none a mark: spares the look into a table.
fn is_common(char: char) -> bool {
    matches!(char, '\u{c0}'..='\u{2ff}' | '\u{400}'..='\u{482}' | '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

/// As [`safe_text`] for text that is known to be UTF-8; borrowed where nothing had to change.
#[must_use]
pub fn safe_str(text: &str) -> Cow<'_, str> {
    let mut runs = safe(text.as_bytes());
    match runs.next() {
        None => Cow::Borrowed(text),
        Some(Safe::Plain(plain)) if plain.len() == text.len() => Cow::Borrowed(text),
        Some(_) => Cow::Owned(safe_text(text.as_bytes())),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Unicode's categories Cf, Zl and Zp (version 14), less those that are drawn.
    const FORMAT: &[(u32, u32)] = &[
        (0xad, 0xad),
        (0x61c, 0x61c),
        (0x180e, 0x180e),
        (0x200b, 0x200f),
        (0x2028, 0x202e),
        (0x2060, 0x2064),
        (0x2066, 0x206f),
        (0xfeff, 0xfeff),
        (0xfff9, 0xfffb),
        (0x13430, 0x13438),
        (0x1bca0, 0x1bca3),
        (0x1d173, 0x1d17a),
        (0xe0001, 0xe0001),
        (0xe0020, 0xe007f),
    ];

    fn is_format(char: char) -> bool {
        FORMAT.iter().any(|&(from, to)| (from..=to).contains(&u32::from(char)))
    }

    /// Text that is mostly made of what has to be escaped.
    pub(crate) fn nasty() -> impl Strategy<Value = Vec<u8>> {
        let chars = prop::sample::select(vec![
            '\0',
            '\n',
            '\t',
            '\x1b',
            '\x7f',
            '\u{9b}',
            '\u{85}',
            '\u{202e}',
            '\u{2066}',
            '\u{200d}',
            '\u{feff}',
            '\u{e0041}',
            '\u{e000}',
            '\u{fe0f}',
            '\u{fe00}',
            '\u{301}',
            '\u{20dd}',
            '\u{ad}',
            '\u{2028}',
            'a',
            '1',
            '中',
            '😀',
            '❤',
            '␛',
            '‹',
            '›',
            '…',
            'é',
            'ا',
            '\u{1160}',
            '\u{fffe}',
            '\u{10ffff}',
        ]);
        let piece = prop_oneof![
            4 => chars.prop_map(|c| c.to_string().into_bytes()),
            1 => any::<char>().prop_map(|c| c.to_string().into_bytes()),
            1 => any::<u8>().prop_map(|b| vec![b]),
        ];
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn each_kind_of_danger_has_its_sign() {
        let cases: &[(&[u8], &str)] = &[
            (b"plain ~", "plain ~"),
            (b"\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
            (b"\0\t\r\n\x7f", "␀␉␍⏎␡"),
            ("\u{9b}31m".as_bytes(), "\\x9b31m"),
            ("a\u{202e}b\u{2066}".as_bytes(), "a‹202E›b‹2066›"),
            ("\u{feff}\u{200b}\u{ad}\u{e0041}\u{e000}".as_bytes(), "‹FEFF›‹200B›‹AD›‹E0041›‹E000›"),
            (b"ok\xff\xfe", "ok\\xff\\xfe"),
            (b"cut \xe4\xb8", "cut \\xe4\\xb8"),
            ("中文 😀 é".as_bytes(), "中文 😀 é"),
            ("❤\u{fe0f} 1\u{fe0f}\u{20e3}".as_bytes(), "❤\u{fe0f} 1\u{fe0f}\u{20e3}"),
            ("x\u{fe0f}\u{fe00}".as_bytes(), "x‹FE0F›‹FE00›"),
            ("\u{301}a".as_bytes(), "‹0301›a"),
        ];
        for (bytes, shown) in cases {
            assert_eq!(safe_text(bytes), *shown);
        }
        let zalgo = format!("a{}b", "\u{301}".repeat(16));
        assert_eq!(safe_text(zalgo.as_bytes()), format!("a{}‹+12›b", "\u{301}".repeat(4)));
    }

    #[test]
    fn a_sign_that_was_sent_differs_from_one_that_stands_for_something() {
        let runs: Vec<_> = safe("␛\x1b".as_bytes()).map(|r| matches!(r, Safe::Escaped(_))).collect();
        assert_eq!(runs, [false, true]);
    }

    #[test]
    fn every_format_character_of_unicode_is_hidden() {
        let missed: Vec<char> = ('\u{a0}'..=char::MAX).filter(|&c| is_format(c) && !is_hidden(c)).collect();
        assert!(missed.is_empty(), "{missed:?}");
    }

    #[test]
    fn common_characters_are_neither_hidden_nor_marks() {
        let odd =
            ('\0'..=char::MAX).find(|&c| is_common(c) && (is_hidden(c) || c.width().is_none_or(|w| w == 0)));
        assert_eq!(odd, None);
    }

    #[test]
    fn every_c0_control_has_its_own_picture() {
        let pictures: std::collections::HashSet<String> = (0..0x20).map(|b| safe_text(&[b])).collect();
        assert_eq!(pictures.len(), 32);
    }

    proptest! {
        #[test]
        fn nothing_dangerous_comes_out(bytes in nasty()) {
            let shown = safe_text(&bytes);
            let (mut marks, mut before) = (0, None);
            for char in shown.chars() {
                let selector = matches!(char, '\u{fe0e}' | '\u{fe0f}')
                    && before.is_some_and(|b: char| !b.is_ascii_alphabetic() && b.width() > Some(0));
                prop_assert!(!char.is_control() && !is_format(char), "{:?} in {:?}", char, shown);
                prop_assert!(!is_hidden(char) || selector, "{:?} in {:?}", char, shown);
                marks = if char.width() == Some(0) { marks + 1 } else { 0 };
                prop_assert!(marks <= MAX_MARKS, "{:?}", shown);
                before = Some(char);
            }
        }

        #[test]
        fn what_is_safe_stays_as_it_is(bytes in nasty()) {
            let once = safe_text(&bytes);
            prop_assert_eq!(safe_text(once.as_bytes()), once.clone());
            prop_assert!(matches!(safe_str(&once), Cow::Borrowed(_)));
        }

        #[test]
        fn runs_alternate_with_the_bytes_they_stand_for(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            // What is shown plain was in the input, in this order.
            let mut rest = &bytes[..];
            for run in safe(&bytes) {
                if let Safe::Plain(text) = run {
                    prop_assert!(!text.is_empty());
                    let at = rest.windows(text.len()).position(|w| w == text.as_bytes());
                    prop_assert!(at.is_some());
                    rest = &rest[at.unwrap_or(0) + text.len()..];
                }
            }
        }

    }
}
