//! Class 6: UTF-8. The place of the first bad byte is told by the standard library's own check.

use super::{Case, closed, hold, legal, talk};
use crate::support::forge::TEXT;

/// Valid: from each row of the table of UTF-8, its first and its last character, and characters that are none.
fn valid() -> Vec<Vec<u8>> {
    let mut texts: Vec<String> = [
        0x00, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd, 0xfffe, 0xffff, 0xfdd0, 0x1_0000, 0x1_fffe,
        0x10_ffff,
    ]
    .into_iter()
    .map(|code| char::from_u32(code).expect("a scalar value").to_string())
    .collect();
    texts.extend(["", "Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "完成", "😀 a \u{301}"].map(str::to_owned));
    texts.into_iter().map(String::into_bytes).collect()
}

/// Not UTF-8 (RFC 3629 section 3): beyond the last character, surrogates, overlong forms, bytes that never occur,
/// bytes out of place, sequences cut short.
fn invalid() -> Vec<Vec<u8>> {
    let mut list: Vec<Vec<u8>> = vec![
        vec![0xf4, 0x90, 0x80, 0x80],
        vec![0xf7, 0xbf, 0xbf, 0xbf],
        vec![0xf8, 0x88, 0x80, 0x80, 0x80],
        vec![0xfc, 0x84, 0x80, 0x80, 0x80, 0x80],
        vec![0xed, 0xa0, 0x80],
        vec![0xed, 0xad, 0xbf],
        vec![0xed, 0xae, 0x80],
        vec![0xed, 0xbf, 0xbf],
        vec![0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80],
        vec![0xed, 0xaf, 0xbf, 0xed, 0xbf, 0xbf],
        vec![0xc0, 0xaf],
        vec![0xc1, 0xbf],
        vec![0xe0, 0x80, 0xaf],
        vec![0xe0, 0x9f, 0xbf],
        vec![0xf0, 0x80, 0x80, 0xaf],
        vec![0xf0, 0x8f, 0xbf, 0xbf],
        vec![0xc0, 0x80],
        vec![0xfe],
        vec![0xff],
        vec![0xfe, 0xfe, 0xff, 0xff],
        vec![0x80],
        vec![0xbf],
        (0x80..=0xbf).collect(),
    ];
    list.extend((0xc0..=0xffu8).map(|lead| vec![lead, b' ']));
    for whole in ["ß", "€", "𐍈"] {
        list.extend((1..whole.len()).map(|len| whole.as_bytes()[..len].to_vec()));
    }
    list
}

/// A text in one frame, in frames of one byte each, and in two.
fn ways(name: &str, text: Vec<u8>, case: impl Fn(&mut Case)) -> Vec<Case> {
    let (whole, bytes, halves) = (text.clone(), text.clone(), text.clone());
    let shown = hex::encode(&text);
    let mut cases = vec![
        legal(format!("6 {name} {shown}"), move |talk, dir| closed(talk.message(dir, TEXT, &whole), dir)),
        legal(format!("6 {name} {shown} byte by byte"), move |talk, dir| {
            let parts: Vec<&[u8]> = bytes.chunks(1).collect();
            closed(talk.fragmented(dir, TEXT, if parts.is_empty() { &[b""] } else { &parts }), dir)
        }),
        legal(format!("6 {name} {shown} in two"), move |talk, dir| {
            let (a, b) = halves.split_at(halves.len() / 2);
            closed(talk.fragmented(dir, TEXT, &[a, b]), dir)
        }),
    ];
    cases.iter_mut().for_each(case);
    cases
}

#[test]
fn class_6_valid_text_is_valid_however_it_is_cut() {
    let cases: Vec<Case> = valid().into_iter().flat_map(|text| ways("valid", text, |_| {})).collect();
    for case in &cases {
        assert!(case.codes.is_empty());
    }
    // NUL and DEL and the like are worth knowing, no more.
    hold(&cases, talk);
}

#[test]
fn class_6_the_first_bad_byte_of_a_text_is_told_however_it_is_cut() {
    let mut cases = vec![];
    for bad in invalid() {
        for text in [bad.clone(), [b"\xce\xba\xe1\xbd\xb9", &bad[..], b"edited"].concat()] {
            let at = std::str::from_utf8(&text).expect_err("not UTF-8").valid_up_to() as u64;
            cases.extend(ways("invalid", text, |case| {
                case.codes = vec!["invalid-utf8"];
                case.invalid_utf8_at = Some(at);
            }));
        }
    }
    hold(&cases, talk);
}
