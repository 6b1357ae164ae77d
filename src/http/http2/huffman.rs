//! HPACK's Huffman code (RFC 7541 section 5.2 and appendix B).
//!
//! The code is canonical: codes of one length are consecutive numbers in the order of their symbols, and each length
//! goes on where the shorter one ended. So the lengths are the whole table.

/// The end-of-string symbol. Its code never stands in a string; strings are padded with its first bits.
const EOS: u16 = 256;
/// The longest code.
const LONGEST: usize = 30;

/// Bits of each symbol's code: the 256 bytes, then EOS.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

/// What is needed to read codes of one length.
#[derive(Clone, Copy)]
struct HuffmanLevel {
    /// The first code.
    first: u32,
    /// How many codes there are.
    count: u32,
    /// Where their symbols begin in the list of symbols.
    at: usize,
}

/// Symbols in the order of their codes, and where each length begins.
const TABLE: ([u16; 257], [HuffmanLevel; LONGEST + 1]) = table();

#[allow(clippy::indexing_slicing, clippy::cast_possible_truncation)] // Done by the compiler: an index that does not fit is an error there.
const fn table() -> ([u16; 257], [HuffmanLevel; LONGEST + 1]) {
    let mut symbols = [0u16; 257];
    let mut levels = [HuffmanLevel { first: 0, count: 0, at: 0 }; LONGEST + 1];
    let (mut code, mut at, mut len) = (0u32, 0, 1);
    while len <= LONGEST {
        code <<= 1;
        levels[len].first = code;
        levels[len].at = at;
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] as usize == len {
                symbols[at] = symbol as u16;
                at += 1;
                code += 1;
                levels[len].count += 1;
            }
            symbol += 1;
        }
        len += 1;
    }
    (symbols, levels)
}

/// Reads a string. The error says what is wrong with it.
///
/// # Errors
/// The code of EOS stands in it, or its padding is longer than 7 bits or not the first bits of EOS.
pub fn decode(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    let (symbols, levels) = &TABLE;
    // The shortest code has 5 bits.
    let mut out = Vec::with_capacity(bytes.len().saturating_mul(8) / 5);
    // The bits of the code at hand, from its first on.
    let (mut code, mut len) = (0u32, 0usize);
    for byte in bytes {
        for shift in (0..8).rev() {
            code = code << 1 | u32::from(byte >> shift & 1);
            len += 1;
            let Some(level) = levels.get(len) else { return Err("a code is longer than any") };
            let nth = code.wrapping_sub(level.first);
            if nth < level.count {
                let symbol = symbols.get(level.at.saturating_add(nth as usize)).copied().unwrap_or(EOS);
                let Ok(symbol) = u8::try_from(symbol) else {
                    return Err("the end-of-string symbol stands in a string");
                };
                out.push(symbol);
                (code, len) = (0, 0);
            }
        }
    }
    if len > 7 {
        return Err("a string ends inside a code");
    }
    if code != (1u32 << len) - 1 {
        return Err("the padding of a string is not all ones");
    }
    Ok(out)
}

/// Writes a string, for tests and forged traffic.
#[cfg(test)]
pub(super) fn encode(bytes: &[u8]) -> Vec<u8> {
    let (symbols, levels) = &TABLE;
    let (mut out, mut bits, mut free) = (Vec::new(), 0u8, 8u32);
    let mut put = |bit: bool, out: &mut Vec<u8>| {
        bits = bits << 1 | u8::from(bit);
        free -= 1;
        if free == 0 {
            out.push(bits);
            (bits, free) = (0, 8);
        }
        free
    };
    let mut left = 8;
    for byte in bytes {
        let len = usize::from(LENGTHS[usize::from(*byte)]);
        let level = levels[len];
        let nth = (0..level.count as usize).find(|nth| symbols[level.at + nth] == u16::from(*byte));
        let code = level.first + nth.unwrap() as u32;
        for shift in (0..len).rev() {
            left = put(code >> shift & 1 == 1, &mut out);
        }
    }
    while left % 8 != 0 {
        left = put(true, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_strings_of_the_rfc_are_read() {
        // RFC 7541 appendix C.4 and C.6.
        for (text, wire) in [
            ("www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"),
            ("no-cache", "a8eb10649cbf"),
            ("custom-key", "25a849e95ba97d7f"),
            ("custom-value", "25a849e95bb8e8b4bf"),
            ("302", "6402"),
            ("private", "aec3771a4b"),
            ("Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"),
            ("https://www.example.com", "9d29ad171863c78f0b97c8e9ae82ae43d3"),
            (
                "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
                "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
            ),
        ] {
            let wire = hex::decode(wire).unwrap();
            assert_eq!(decode(&wire).as_deref(), Ok(text.as_bytes()));
            assert_eq!(encode(text.as_bytes()), wire);
        }
    }

    #[test]
    fn a_string_that_is_padded_wrongly_is_refused() {
        let full = |bits: &[u8]| decode(bits);
        assert_eq!(full(&[]), Ok(vec![]));
        assert!(full(&[0xff]).is_err(), "8 bits of padding");
        assert!(full(&[0xff; 4]).is_err(), "EOS");
        // `0` is 00000.
        assert_eq!(full(&[0b0000_0111]), Ok(vec![b'0']));
        assert!(full(&[0b0000_0110]).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decode(&encode(&bytes)), Ok(bytes));
        }
    }
}
