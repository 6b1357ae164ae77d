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
    if rest.len() >= 4 * LANE {
        rest = long(out, rest);
    }
    while let Some((lane, after)) = rest.split_first_chunk::<LANE>() {
        if suspects(lane).0 == 0 {
            out.extend_from_slice(lane);
            rest = after;
        } else {
            rest = slow_escapes(out, rest, LANE);
        }
    }
    slow_escapes(out, rest, rest.len());
    out.push(b'"');
}

/// Writes a long text but for its last bytes, which are answered.
///
/// Quotes stand every few bytes in the JSON that most messages are. What lies between two escapes is copied in
/// pieces of fixed size, which is quicker than the right size, and gathered in a block, so that nothing is read
/// back while it is still being written.
fn long<'a>(out: &mut Vec<u8>, text: &'a [u8]) -> &'a [u8] {
    const BLOCK: usize = 512;
    let (mut block, mut to, mut rest) = ([0u8; BLOCK + 4 * LANE], 0usize, text);
    while let Some(two) = rest.first_chunk::<{ 2 * LANE }>() {
        let Some((lane, after)) = rest.split_first_chunk::<LANE>() else { break };
        let (mut mask, slow) = suspects(lane);
        if slow != 0 {
            out.extend_from_slice(block.get(..to).unwrap_or_default());
            to = 0;
            rest = slow_escapes(out, rest, LANE);
            continue;
        }
        let mut from = 0usize;
        loop {
            let next = (mask.trailing_zeros() as usize).min(LANE);
            let piece = two.get(from..from + LANE).and_then(|piece| piece.first_chunk::<LANE>());
            if let (Some(piece), Some(room)) = (piece, block.get_mut(to..to + LANE)) {
                room.copy_from_slice(piece);
            }
            to += next - from.min(next);
            if next == LANE {
                break;
            }
            if let (Some(&byte), Some([slash, plain])) = (lane.get(next), block.get_mut(to..to + 2)) {
                (*slash, *plain) = (b'\\', byte);
            }
            (from, to) = (next + 1, to + 2);
            mask &= mask - 1;
        }
        rest = after;
        if to >= BLOCK {
            out.extend_from_slice(block.get(..to).unwrap_or_default());
            to = 0;
        }
    }
    out.extend_from_slice(block.get(..to).unwrap_or_default());
    rest
}

/// The bytes of a lane that are escaped, one bit each, the first lowest: those that take a backslash, and those
/// that may take more.
#[cfg(target_arch = "x86_64")]
#[inline]
#[allow(unsafe_code)]
fn suspects(lane: &[u8; LANE]) -> (u32, u32) {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    #[inline]
    #[target_feature(enable = "sse2")]
    fn compare(wide: u128) -> (u32, u32) {
        let bytes = _mm_set_epi64x((wide >> 64) as i64, wide as i64);
        let [quote, slash, delete, c1, e2] =
            [b'"', b'\\', 0x7f, 0xc2, 0xe2].map(|byte: u8| _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte.cast_signed())));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        let slow = _mm_or_si128(_mm_or_si128(control, delete), _mm_or_si128(c1, e2));
        let slow = _mm_movemask_epi8(slow) as u32;
        (_mm_movemask_epi8(_mm_or_si128(quote, slash)) as u32 | slow, slow)
    }
    // SAFETY: SSE2 is part of x86-64; every processor of this architecture has it.
    unsafe { compare(u128::from_le_bytes(*lane)) }
}

/// The bytes of a lane that are escaped, one bit each, the first lowest: those that take a backslash, and those
/// that may take more.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn suspects(lane: &[u8; LANE]) -> (u32, u32) {
    // Without an early exit, so that the compiler can use vector instructions.
    if !lane.iter().fold(false, |any, &b| any | (cell(b) > 0xff)) {
        return (0, 0);
    }
    lane.iter().enumerate().fold((0, 0), |(short, slow), (i, &b)| {
        let cell = cell(b);
        (short | u32::from(cell > 0xff) << i, slow | u32::from(cell & SLOW != 0) << i)
    })
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
        prop::collection::vec(prop_oneof![prop::sample::select(special), any::<char>(), Just('a')], 0..300)
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
