//! JSON strings (RFC 8259 section 7), written fast.

/// How each byte is written: the low byte is the character; [`SHORT`] puts a backslash before it; [`SLOW`]
/// marks the bytes that need (or may need) the six-character form.
static CELLS: [u16; 256] = cells();
const SHORT: u16 = 0x100;
const SLOW: u16 = 0x200;
/// Bytes that are looked at together.
const LANE: usize = 16;

const fn cells() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[allow(clippy::indexing_slicing)] // Checked when the table is built.
        {
            table[byte] = match byte as u8 {
                b'"' => SHORT | b'"' as u16,
                b'\\' => SHORT | b'\\' as u16,
                0x08 => SHORT | b'b' as u16,
                b'\t' => SHORT | b't' as u16,
                b'\n' => SHORT | b'n' as u16,
                0x0c => SHORT | b'f' as u16,
                b'\r' => SHORT | b'r' as u16,
                0..=0x1f | 0x7f | 0xc2 | 0xe2 => SLOW | byte as u16,
                _ => byte as u16,
            };
        }
        byte += 1;
    }
    table
}

fn cell(byte: u8) -> u16 {
    CELLS.get(usize::from(byte)).copied().unwrap_or(SLOW)
}

/// Appends `text` as a JSON string, quotes included.
///
/// Escaped: `"`, `\`, C0, DEL, C1, U+2028 and U+2029, so that a line stays a line for every reader and
/// a terminal is safe from it. Everything else stays UTF-8.
pub fn json_string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + text.len() / 8 + 2 * LANE);
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some((lane, after)) = rest.split_first_chunk::<LANE>() {
        // Without an early exit, so that the compiler can use vector instructions.
        if !lane.iter().fold(false, |any, &b| any | is_suspect(b)) {
            out.extend_from_slice(lane);
            rest = after;
        } else if short_escapes(out, lane) {
            rest = after;
        } else {
            rest = slow_escapes(out, rest, LANE);
        }
    }
    if !short_escapes(out, rest) {
        slow_escapes(out, rest, rest.len());
    }
    out.push(b'"');
}

/// Whether a byte has to be looked at: it is escaped, or it may begin a character that is.
#[inline]
fn is_suspect(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\') | (byte == 0x7f) | (byte == 0xc2) | (byte == 0xe2)
}

/// Writes a lane (at most [`LANE`] bytes) in which no byte needs more than a backslash; `false`, and nothing
/// written, where one does. Quotes stand every few bytes in the JSON that most messages are, hence no branches.
#[inline]
fn short_escapes(out: &mut Vec<u8>, lane: &[u8]) -> bool {
    let mut scratch = [0; 2 * LANE];
    let (mut len, mut slow) = (0usize, 0);
    for &byte in lane {
        let cell = cell(byte);
        let mut put = |at: usize, byte| {
            if let Some(to) = scratch.get_mut(at % (2 * LANE)) {
                *to = byte;
            }
        };
        put(len, b'\\');
        len += usize::from(cell & SHORT != 0);
        put(len, cell as u8);
        len += 1;
        slow |= cell;
    }
    if slow & SLOW != 0 {
        return false;
    }
    // A copy of fixed size is quicker than one of the right size.
    let end = out.len() + len;
    out.extend_from_slice(&scratch);
    out.truncate(end);
    true
}

/// Writes at least `len` bytes of `bytes`, up to the end of a character that is escaped; answers what follows.
fn slow_escapes<'a>(out: &mut Vec<u8>, bytes: &'a [u8], len: usize) -> &'a [u8] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| HEX.get(usize::from(n & 15)).copied().unwrap_or(b'0');
    let mut rest = bytes;
    while bytes.len() - rest.len() < len {
        rest = match *rest {
            [] => break,
            [0xc2, second @ 0x80..=0x9f, ref after @ ..] => {
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(second >> 4), digit(second)]);
                after
            }
            [0xe2, 0x80, third @ 0xa8..=0xa9, ref after @ ..] => {
                out.extend_from_slice(if third == 0xa8 { b"\\u2028" } else { b"\\u2029" });
                after
            }
            [byte, ref after @ ..] => {
                let cell = cell(byte);
                if cell & SHORT != 0 {
                    out.extend_from_slice(&[b'\\', cell as u8]);
                } else if cell & SLOW != 0 && byte.is_ascii() {
                    out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte)]);
                } else {
                    out.push(byte);
                }
                after
            }
        };
    }
    rest
}

/// Appends `"key":`. The key is ours, so it is not escaped.
#[inline]
pub fn json_key(out: &mut Vec<u8>, key: &str) {
    out.push(b'"');
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
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
