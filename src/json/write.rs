//! Writes JSON: strings fast (RFC 8259, section 7), whole values through `serde_json`.

use std::io;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::Formatter;

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
                0..=0x1f | 0x7f | 0xc2 | 0xd8 | 0xe2 | 0xef | 0xf3 => SLOW | byte as u16,
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
/// a terminal is safe from it; also what has no width or changes the order of what follows (bidirectional controls, joiners,
/// byte order marks, tags), so that what is seen is what is there. Everything else stays UTF-8.
pub fn json_string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + text.len() / 8 + 2 * LANE);
    out.push(b'"');
    let mut rest = text.as_bytes();
    if rest.len() >= 4 * LANE {
        rest = long(out, rest);
    }
    while let Some((lane, after)) = rest.split_first_chunk::<LANE>() {
        if is_clean(lane) {
            out.extend_from_slice(lane);
            rest = after;
        } else {
            rest = slow_escapes(out, rest, LANE);
        }
    }
    slow_escapes(out, rest, rest.len());
    out.push(b'"');
}

/// Writes a long text in lanes of sixteen bytes. Returns the bytes after the last complete lane.
///
/// Most messages are JSON, which has a quotation mark every few bytes, so a lane is escaped at once and without branches.
/// Without the SSSE3 version, `read` takes 1.66 times the CPU time on the `market` workload and 1.11 times on `chat`
/// (docs/decisions/0032). Lanes are collected in a block, so that nothing is read back while it is still being written.
fn long<'a>(out: &mut Vec<u8>, text: &'a [u8]) -> &'a [u8] {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("ssse3") {
        #[allow(unsafe_code)]
        // SAFETY: the processor has SSSE3, as was just asked.
        return unsafe { long_wide(out, text) };
    }
    gather(out, text, escape_narrow)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "ssse3")]
fn long_wide<'a>(out: &mut Vec<u8>, text: &'a [u8]) -> &'a [u8] {
    gather(out, text, |lane| escape_wide(lane))
}

#[inline]
fn gather<'a>(
    out: &mut Vec<u8>,
    text: &'a [u8],
    escape: impl Fn(&[u8; LANE]) -> Option<[Escaped; 2]>,
) -> &'a [u8] {
    const BLOCK: usize = 512;
    let (mut block, mut to, mut rest) = ([0u8; BLOCK + 4 * LANE], 0usize, text);
    while let Some((lane, after)) = rest.split_first_chunk::<LANE>() {
        match escape(lane) {
            Some([(low, low_len), (high, high_len)]) => {
                for (bytes, len) in [(low, low_len), (high, high_len)] {
                    if let Some(room) = block.get_mut(to..to + LANE) {
                        room.copy_from_slice(&bytes);
                    }
                    to += len;
                }
                rest = after;
                if to >= BLOCK {
                    out.extend_from_slice(block.get(..to).unwrap_or_default());
                    to = 0;
                }
            }
            None => {
                out.extend_from_slice(block.get(..to).unwrap_or_default());
                to = 0;
                rest = slow_escapes(out, rest, LANE);
            }
        }
    }
    out.extend_from_slice(block.get(..to).unwrap_or_default());
    rest
}

/// Bytes written, and how many of them count.
type Escaped = ([u8; LANE], usize);

/// For each set of bytes that take a backslash, among eight: which byte of the eight goes where; [`SLASH`] is the
/// backslash.
static PLACES: [[u8; LANE]; 256] = places();
const SLASH: u8 = 0x80;

const fn places() -> [[u8; LANE]; 256] {
    let mut table = [[SLASH; LANE]; 256];
    let mut mask = 0;
    while mask < 256 {
        let (mut from, mut to) = (0, 0);
        while from < 8 {
            if mask >> from & 1 == 1 {
                to += 1;
            }
            #[allow(clippy::indexing_slicing)] // Checked when the table is built.
            {
                table[mask][to] = from as u8;
            }
            (from, to) = (from + 1, to + 1);
        }
        mask += 1;
    }
    table
}

/// Escapes the two halves of a lane; `None` where a byte may need more than a backslash and a letter.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "ssse3")]
fn escape_wide(lane: &[u8; LANE]) -> Option<[Escaped; 2]> {
    use std::arch::x86_64::{
        __m128i, _mm_and_si128, _mm_andnot_si128, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_cvtsi128_si64,
        _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8, _mm_setzero_si128,
        _mm_shuffle_epi8, _mm_srli_si128, _mm_unpackhi_epi64,
    };
    let load = |bytes: &[u8; LANE]| {
        let wide = u128::from_le_bytes(*bytes);
        _mm_set_epi64x((wide >> 64) as i64, wide as i64)
    };
    let all = |byte: u8| _mm_set1_epi8(byte.cast_signed());
    let store = |wide: __m128i| {
        let low = _mm_cvtsi128_si64(wide).cast_unsigned();
        let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(wide, wide)).cast_unsigned();
        (u128::from(high) << 64 | u128::from(low)).to_le_bytes()
    };
    let bytes = load(lane);
    let is = |byte: u8| _mm_cmpeq_epi8(bytes, all(byte));
    let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, all(0x1f)), bytes);
    let mut slow = _mm_or_si128(control, is(0x7f));
    if _mm_movemask_epi8(bytes) != 0 {
        let some = _mm_or_si128(is(0xc2), is(0xd8));
        let hidden = _mm_or_si128(is(0xe2), _mm_or_si128(is(0xef), is(0xf3)));
        slow = _mm_or_si128(slow, _mm_or_si128(some, hidden));
    }
    let short = _mm_or_si128(is(b'"'), is(b'\\'));
    let (mut bytes, mut mask) = (bytes, _mm_movemask_epi8(short) as u32);
    if _mm_movemask_epi8(slow) != 0 {
        let (line, tab) = (is(b'\n'), is(b'\t'));
        let named = _mm_or_si128(line, tab);
        if _mm_movemask_epi8(_mm_andnot_si128(named, slow)) != 0 {
            return None;
        }
        let letters = _mm_or_si128(_mm_and_si128(line, all(b'n')), _mm_and_si128(tab, all(b't')));
        bytes = _mm_or_si128(_mm_andnot_si128(named, bytes), letters);
        mask |= _mm_movemask_epi8(named) as u32;
    }
    let half = |bytes: __m128i, mask: u32| {
        let places = PLACES.get((mask & 0xff) as usize).map_or_else(|| _mm_setzero_si128(), load);
        let slashes = _mm_and_si128(_mm_cmplt_epi8(places, _mm_setzero_si128()), all(b'\\'));
        let escaped = _mm_or_si128(_mm_shuffle_epi8(bytes, places), slashes);
        (store(escaped), 8 + (mask & 0xff).count_ones() as usize)
    };
    Some([half(bytes, mask), half(_mm_srli_si128::<8>(bytes), mask >> 8)])
}

/// As `escape_wide`, for every processor.
fn escape_narrow(lane: &[u8; LANE]) -> Option<[Escaped; 2]> {
    let mut halves = [([b'\\'; LANE], 0usize); 2];
    for (half, bytes) in halves.iter_mut().zip(lane.chunks(LANE / 2)) {
        for &byte in bytes {
            let cell = cell(byte);
            if cell & SLOW != 0 {
                return None;
            }
            half.1 += usize::from(cell & SHORT != 0);
            if let Some(to) = half.0.get_mut(half.1) {
                *to = cell as u8;
            }
            half.1 += 1;
        }
    }
    Some(halves)
}

/// Whether no byte of a lane is escaped, for short texts.
#[inline]
fn is_clean(lane: &[u8; LANE]) -> bool {
    // Without an early exit, so that the compiler can use vector instructions.
    !lane.iter().fold(false, |any, &b| {
        let is_ascii = (b < 0x20) | (b == b'"') | (b == b'\\') | (b == 0x7f);
        any | is_ascii | (b == 0xc2) | (b == 0xd8) | (b == 0xe2) | (b == 0xef) | (b == 0xf3)
    })
}

/// Writes at least `len` bytes of `bytes`, up to the end of a character that is escaped; answers what follows.
fn slow_escapes<'a>(out: &mut Vec<u8>, bytes: &'a [u8], len: usize) -> &'a [u8] {
    let mut rest = bytes;
    while bytes.len() - rest.len() < len {
        let [byte, ref after @ ..] = *rest else { break };
        let cell = cell(byte);
        if cell & SLOW != 0 {
            rest = slow_escape(out, rest);
            continue;
        }
        if cell & SHORT != 0 {
            out.extend_from_slice(&[b'\\', cell as u8]);
        } else {
            out.push(byte);
        }
        rest = after;
    }
    rest
}

/// Writes a character, or its first byte, that may need the six-character form; answers what follows.
fn slow_escape<'a>(out: &mut Vec<u8>, bytes: &'a [u8]) -> &'a [u8] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| HEX.get(usize::from(n & 15)).copied().unwrap_or(b'0');
    match *bytes {
        [0xc2, second @ 0x80..=0x9f, ref after @ ..] => {
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(second >> 4), digit(second)]);
            after
        }
        // U+061C, the Arabic letter mark.
        [0xd8, 0x9c, ref after @ ..] => {
            out.extend_from_slice(b"\\u061c");
            after
        }
        // U+200B to U+200F, U+2028 to U+202E.
        [0xe2, 0x80, third @ (0x8b..=0x8f | 0xa8..=0xae), ref after @ ..] => {
            let low = third - 0x80;
            out.extend_from_slice(&[b'\\', b'u', b'2', b'0', digit(low >> 4), digit(low)]);
            after
        }
        // U+2060 to U+206F.
        [0xe2, 0x81, third @ 0xa0..=0xaf, ref after @ ..] => {
            out.extend_from_slice(&[b'\\', b'u', b'2', b'0', b'6', digit(third)]);
            after
        }
        // U+FEFF.
        [0xef, 0xbb, 0xbf, ref after @ ..] => {
            out.extend_from_slice(b"\\ufeff");
            after
        }
        // U+E0000 to U+E007F, as two surrogates.
        [0xf3, 0xa0, third @ 0x80..=0x81, fourth @ 0x80..=0xbf, ref after @ ..] => {
            let low = (third & 1) << 6 | (fourth & 0x3f);
            out.extend_from_slice(b"\\udb40\\udc");
            out.extend_from_slice(&[digit(low >> 4), digit(low)]);
            after
        }
        [byte, ref after @ ..] if byte.is_ascii() => {
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte)]);
            after
        }
        [byte, ref after @ ..] => {
            out.push(byte);
            after
        }
        [] => &[],
    }
}

/// Appends `"key":`. The key is ours, so it is not escaped.
#[inline]
pub fn json_key(out: &mut Vec<u8>, key: &str) {
    out.push(b'"');
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Appends `value` in one line, keys in their order, with the escapes of [`json_string`].
///
/// For output that is small or rare: a report of millions of records is written with [`json_string`] instead.
pub fn write_value(out: &mut Vec<u8>, value: &Value) {
    let mut serializer = serde_json::Serializer::with_formatter(out, SafeEscapes);
    // Writing into memory cannot fail, and a `Value` has only text keys.
    let _ = value.serialize(&mut serializer);
}

/// Escapes in the strings of `serde_json` what [`json_string`] escapes beyond RFC 8259.
struct SafeEscapes;

impl Formatter for SafeEscapes {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut out = Vec::with_capacity(fragment.len());
        slow_escapes(&mut out, fragment.as_bytes(), fragment.len());
        writer.write_all(&out)
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

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        assert_eq!(
            json(
                "\u{61c}a\u{200b}\u{200f}\u{202a}\u{202e}\u{2060}\u{2066}\u{206f}\u{feff}\u{e0001}\u{e007f}"
            ),
            r#""\u061ca\u200b\u200f\u202a\u202e\u2060\u2066\u206f\ufeff\udb40\udc01\udb40\udc7f""#
        );
        assert_eq!(json("ا，\u{2010}\u{2027}\u{e0100}"), "\"ا，\u{2010}\u{2027}\u{e0100}\"");
    }

    /// Text in which every character is likely to be special.
    fn nasty() -> impl Strategy<Value = String> {
        let special = "\"\\\0\u{1}\n\u{1f} ~\u{7f}\u{80}\u{85}\u{9f}\u{a0}¿…\u{2027}\u{2028}\u{2029}\u{202a}\u{61c}\u{200b}\u{feff}\u{e0041}中，ا😀";
        let special: Vec<char> = special.chars().collect();
        prop::collection::vec(prop_oneof![prop::sample::select(special), any::<char>(), Just('a')], 0..300)
            .prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn with_and_without_vector_instructions_the_same_is_written(text in nasty(), repeat in 1usize..12) {
            let text = text.repeat(repeat);
            let (mut wide, mut narrow) = (Vec::new(), Vec::new());
            let left = (long(&mut wide, text.as_bytes()), gather(&mut narrow, text.as_bytes(), escape_narrow));
            // One may stop later than the other: both write the same from there on.
            slow_escapes(&mut wide, left.0, left.0.len());
            slow_escapes(&mut narrow, left.1, left.1.len());
            prop_assert_eq!(String::from_utf8(wide), String::from_utf8(narrow));
        }

        #[test]
        fn a_value_has_the_escapes_of_a_string(text in nasty()) {
            let mut out = Vec::new();
            write_value(&mut out, &Value::String(text.clone()));
            prop_assert_eq!(String::from_utf8(out).unwrap(), json(&text));
        }

        #[test]
        fn another_parser_reads_back_the_same(text in nasty()) {
            let out = json(&text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
            prop_assert!(!out.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')), "{:?}", out);
        }
    }
}
