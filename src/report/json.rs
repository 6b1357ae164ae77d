//! JSON strings (RFC 8259 section 7), written fast.

/// What follows the backslash for each ASCII byte that may not stand in the output as it is: 0 for the
/// others, `u` for the six-character form.
static ESCAPES: [u8; 128] = escapes();

const fn escapes() -> [u8; 128] {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        #[allow(clippy::indexing_slicing)] // Checked when the table is built.
        {
            table[byte] = match byte as u8 {
                b'"' => b'"',
                b'\\' => b'\\',
                0x08 => b'b',
                b'\t' => b't',
                b'\n' => b'n',
                0x0c => b'f',
                b'\r' => b'r',
                0..=0x1f | 0x7f => b'u',
                _ => 0,
            };
        }
        byte += 1;
    }
    table
}

/// Appends `text` as a JSON string, quotes included.
///
/// Escaped: `"`, `\`, C0, DEL, C1, U+2028 and U+2029, so that a line stays a line for every reader and
/// a terminal is safe from it. Everything else stays UTF-8.
pub fn json_string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + text.len() / 8 + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let clean = clean_len(rest);
        let (head, tail) = rest.split_at_checked(clean).unwrap_or((rest, &[]));
        out.extend_from_slice(head);
        match escape(out, tail) {
            Some(after) => rest = after,
            None => break,
        }
    }
    out.push(b'"');
}

/// Appends `"key":`. The key is ours, so it is not escaped.
#[inline]
pub fn json_key(out: &mut Vec<u8>, key: &str) {
    out.push(b'"');
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Whether a byte has to be looked at: it is escaped, or it may begin a character that is.
#[inline]
fn is_suspect(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\') | (byte == 0x7f) | (byte == 0xc2) | (byte == 0xe2)
}

/// Bytes before the first suspect one.
#[inline]
fn clean_len(bytes: &[u8]) -> usize {
    const LANE: usize = 16;
    let mut len = 0;
    let (lanes, tail) = bytes.as_chunks::<LANE>();
    for lane in lanes {
        // Without an early exit, so that the compiler can use vector instructions.
        if lane.iter().fold(false, |any, &b| any | is_suspect(b)) {
            return len + lane.iter().position(|&b| is_suspect(b)).unwrap_or(LANE);
        }
        len += LANE;
    }
    len + tail.iter().position(|&b| is_suspect(b)).unwrap_or(tail.len())
}

/// Writes the suspect character at the front, escaped if it must be; answers what follows it, `None` at the end.
#[inline]
fn escape<'a>(out: &mut Vec<u8>, bytes: &'a [u8]) -> Option<&'a [u8]> {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| HEX.get(usize::from(n & 15)).copied().unwrap_or(b'0');
    match *bytes {
        [] => None,
        [0xc2, second @ 0x80..=0x9f, ref rest @ ..] => {
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(second >> 4), digit(second)]);
            Some(rest)
        }
        [0xe2, 0x80, third @ 0xa8..=0xa9, ref rest @ ..] => {
            out.extend_from_slice(if third == 0xa8 { b"\\u2028" } else { b"\\u2029" });
            Some(rest)
        }
        [byte, ref rest @ ..] => {
            match ESCAPES.get(usize::from(byte)) {
                Some(b'u') => {
                    out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte)])
                }
                Some(&short @ 1..) => out.extend_from_slice(&[b'\\', short]),
                _ => out.push(byte),
            }
            Some(rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(text: &str) -> String {
        let mut out = Vec::new();
        json_string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_must_be_escaped_is() {
        assert_eq!(json("a\"b\\c"), r#""a\"b\\c""#);
        assert_eq!(json("\0\x08\t\n\x0c\r\x1b\x7f"), r#""\u0000\b\t\n\f\r\u001b\u007f""#);
        assert_eq!(
            json("\u{80}\u{9f}\u{a0}£\u{2028}\u{2029}…中😀"),
            "\"\\u0080\\u009f\u{a0}£\\u2028\\u2029…中😀\""
        );
        assert_eq!(json(""), r#""""#);
    }

    /// Text in which every character is likely to be special.
    fn nasty() -> impl Strategy<Value = String> {
        let special =
            "\"\\\0\u{1}\n\u{1f} ~\u{7f}\u{80}\u{85}\u{9f}\u{a0}¿…\u{2027}\u{2028}\u{2029}\u{202a}中😀";
        let special: Vec<char> = special.chars().collect();
        prop::collection::vec(prop_oneof![prop::sample::select(special), any::<char>(), Just('a')], 0..80)
            .prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn another_parser_reads_back_the_same(text in nasty()) {
            let out = json(&text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
            prop_assert!(!out.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')), "{:?}", out);
        }
    }
}
