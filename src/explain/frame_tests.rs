use super::*;
use crate::explain::message::Utf8;
use crate::ws::Inflation;
use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

const C2S: ExplainOptions = ExplainOptions {
    direction: Some(Direction::ClientToServer),
    deflate: false,
    lang: crate::model::Lang::En,
};
const S2C: ExplainOptions = ExplainOptions {
    direction: Some(Direction::ServerToClient),
    deflate: false,
    lang: crate::model::Lang::En,
};
const DEFLATE: ExplainOptions =
    ExplainOptions { direction: None, deflate: true, lang: crate::model::Lang::En };

fn codes(bytes: &[u8], options: &ExplainOptions) -> Vec<&'static str> {
    explain(bytes, options).frames.iter().flat_map(|f| f.problems.iter().map(|p| p.rule.code)).collect()
}

/// Messages as a sender with permessage-deflate writes them, all in one window.
fn compressed(messages: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut state = Compress::new(Compression::best(), false);
    messages
        .iter()
        .map(|message| {
            let mut out = Vec::with_capacity(message.len() + 1024);
            state.compress_vec(message, &mut out, FlushCompress::Sync).unwrap();
            out.truncate(out.len() - 4);
            out
        })
        .collect()
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    [&[first, payload.len() as u8], payload].concat()
}

#[test]
fn each_broken_rule_has_its_code() {
    let plain = ExplainOptions::default();
    let long_ping = [&[0x89, 0x7e, 0, 126][..], &[0; 126]].concat();
    let cases: &[(&[u8], &ExplainOptions, &[&str])] = &[
        (b"\x81\x05Hello", &plain, &[]),
        (b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", &plain, &[]),
        (b"\x81\x05Hello", &S2C, &[]),
        (b"\x81\x05Hello", &C2S, &["unmasked-client-frame"]),
        (b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", &C2S, &[]),
        (b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", &S2C, &["masked-server-frame"]),
        (b"\x81\x7e\x00\x05Hello", &plain, &["non-minimal-length"]),
        (b"\x81\x7f\0\0\0\0\0\0\0\x05Hello", &plain, &["non-minimal-length"]),
        (b"\x81\x7f\x80\0\0\0\0\0\0\x05Hello", &plain, &["length-msb-set"]),
        (&long_ping, &plain, &["control-frame-too-long"]),
        (b"\x09\x00", &plain, &["fragmented-control-frame"]),
        (b"\x83\x00", &plain, &["reserved-opcode"]),
        (b"\x8b\x00", &plain, &["reserved-opcode"]),
        (b"\xc1\x01\xff", &plain, &["reserved-bit-set"]),
        (b"\x92\x00", &DEFLATE, &["reserved-bit-set"]),
        (b"\xc9\x00", &DEFLATE, &["rsv1-on-control-frame"]),
        (b"\xc0\x00", &DEFLATE, &["rsv1-on-continuation"]),
        (b"\x88\x01\x03", &plain, &["close-payload-1-byte"]),
        (b"\x88\x02\x03\xed", &plain, &["invalid-close-code"]),
        (b"\x88\x03\x03\xe8\xff", &plain, &["invalid-close-reason"]),
        (b"\x88\x05\x03\xe8bye", &plain, &[]),
        (b"\x88\x00", &plain, &[]),
        (b"\x81\x01\xff", &plain, &["invalid-utf8"]),
        (b"\x81\x02\xe4\xbd", &plain, &["invalid-utf8"]),
        (b"\x01\x02\xe4\xbd", &plain, &[]),
        (b"\x01\x02\xe4\xbd\x89\x00\x80\x01\xa0", &plain, &[]),
        (b"\x01\x02\xe4\xbd\x80\x01x", &plain, &["invalid-utf8"]),
        (b"\x82\x01\xff\x80\x00", &plain, &["unexpected-continuation"]),
        (b"\x80\x01\xff", &plain, &[]),
        (b"\x01\x00\x81\x00", &plain, &["interleaved-data-frame"]),
        // One end's fragments and the other's messages do not mix.
        (b"\x01\x00\x81\x80\x01\x02\x03\x04\x80\x00", &plain, &[]),
        (b"\x81\x80\0\0\0\0", &plain, &["weak-masking-key"]),
    ];
    for (bytes, options, expected) in cases {
        assert_eq!(codes(bytes, options), *expected, "{bytes:02x?}");
    }
}

#[test]
fn a_weak_key_is_a_warning_and_does_not_make_a_frame_illegal() {
    assert!(explain(b"\x81\x80\0\0\0\0", &ExplainOptions::default()).is_legal());
    assert!(!explain(b"\x83\x00", &ExplainOptions::default()).is_legal());
}

#[test]
fn what_is_missing_is_counted_and_is_no_breach() {
    let missing = |bytes: &[u8]| {
        let explained = explain(bytes, &ExplainOptions::default());
        assert!(explained.is_legal(), "{explained:?}");
        explained.frames.last().map(|f| f.missing)
    };
    assert_eq!(missing(b"\x81"), Some((1, 0)));
    assert_eq!(missing(b"\x81\xfe"), Some((6, 0)));
    assert_eq!(missing(b"\x81\xfe\x01\x00\x11"), Some((3, 0)));
    assert_eq!(missing(b"\x81\x05Hel"), Some((0, 2)));
    assert_eq!(missing(b"\x81\x05\xe4\xbd"), Some((0, 3)));
    assert_eq!(missing(b"\x88\x05\x03\xe8\xe4"), Some((0, 2)));
    assert_eq!(missing(b"\x81\x05Hello\x89"), Some((1, 0)));
    assert_eq!(missing(b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xffx"), Some((0, i64::MAX as u64 - 1)));
}

#[test]
fn after_a_length_that_cannot_be_nothing_more_is_read() {
    let explained = explain(b"\x81\x7f\x80\0\0\0\0\0\0\x05Hello", &ExplainOptions::default());
    assert_eq!(explained.frames.len(), 1);
    assert_eq!(explained.rest.map(|r| r.range), Some(10..15));
    let many = explain(&[0x8a, 0].repeat(MAX_FRAMES + 5), &ExplainOptions::default());
    assert_eq!((many.frames.len(), many.rest.map(|r| r.range.len())), (MAX_FRAMES, Some(10)));
}

/// RFC 7692 section 7.2.3.1 to 7.2.3.4: one message whole and in fragments, and with the window kept.
#[test]
fn the_examples_of_rfc_7692_are_inflated() {
    let bytes = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00\
                  \xc1\x05\xf2\x00\x11\x00\x00\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00";
    let explained = explain(bytes, &DEFLATE);
    assert!(explained.is_legal(), "{explained:?}");
    let inflated: Vec<Option<&[u8]>> =
        explained.frames.iter().map(|f| f.message.inflated.as_ref().map(|i| &i.bytes[..])).collect();
    let hello = Some(&b"Hello"[..]);
    assert_eq!(inflated, [hello, None, hello, hello, hello]);
    assert!(
        explained
            .frames
            .iter()
            .filter(|f| f.message.inflated.is_some())
            .all(|f| f.message.utf8 == Utf8::Valid)
    );
}

#[test]
fn a_message_that_refers_to_one_before_the_input_is_not_called_broken() {
    let wires = compressed(&[b"a sentence that comes twice", b"a sentence that comes twice"]);
    let outcome = |bytes: &[u8]| {
        let explained = explain(bytes, &DEFLATE);
        let frame = explained.frames.last().unwrap();
        (frame.message.inflated.as_ref().map(|i| i.outcome), frame.is_legal())
    };
    let (first, second) = (frame(0xc1, &wires[0]), frame(0xc1, &wires[1]));
    assert_eq!(outcome(&[first, second.clone()].concat()), (Some(Inflation::Whole), true));
    assert_eq!(outcome(&second), (Some(Inflation::UnknownDictionary), true));
    assert_eq!(outcome(&frame(0xc1, b"\x07\xff\xff\xff")), (Some(Inflation::Damaged), false));
}

#[test]
fn a_bomb_is_cut_at_the_limit() {
    let zeros = vec![0; 4 << 20];
    let wire = compressed(&[&zeros]).remove(0);
    let len = (wire.len() as u64).to_be_bytes();
    let bytes = [&[0xc2, 0x7f][..], &len, &wire].concat();
    let explained = explain(&bytes, &DEFLATE);
    let inflated = explained.frames[0].message.inflated.as_ref().unwrap();
    assert_eq!((inflated.outcome, inflated.bytes.len()), (Inflation::Cut, 1 << 20));
}

/// How many fields cover each bit of the header.
fn coverage(frame: &ExplainedFrame) -> Vec<u8> {
    let header = frame.header_range();
    let mut bits = vec![0u8; header.len() * 8];
    for row in frame.rows.iter().filter(|row| row.field.is_header()) {
        let start = (row.range.start - header.start) * 8;
        let (first, count) =
            row.bits.map_or((0, row.range.len() * 8), |(f, c)| (usize::from(f), usize::from(c)));
        bits[start + first..start + first + count].iter_mut().for_each(|n| *n += 1);
    }
    bits
}

#[test]
fn every_bit_of_every_form_of_header_is_covered_once() {
    for first in 0..=u8::MAX {
        for second in [0x00, 0x7d, 0x7e, 0x7f, 0x80, 0xfd, 0xfe, 0xff] {
            let bytes = [&[first, second][..], &[0x11; 300]].concat();
            for len in (1..16).chain([302]) {
                let explained = explain(&bytes[..len], &ExplainOptions::default());
                for frame in &explained.frames {
                    assert!(coverage(frame).iter().all(|&n| n == 1), "{:02x?} {frame:?}", &bytes[..len]);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn frames_lie_end_to_end_and_account_for_every_byte(
        bytes in prop::collection::vec(any::<u8>(), 0..400), deflate: bool, client: Option<bool>,
    ) {
        let direction = client.map(|c| if c { Direction::ClientToServer } else { Direction::ServerToClient });
        let explained = explain(&bytes, &ExplainOptions { direction, deflate, lang: crate::model::Lang::En });
        let mut at = 0;
        for frame in &explained.frames {
            prop_assert_eq!(frame.range.start, at);
            prop_assert_eq!(frame.wire.end, frame.range.end);
            prop_assert_eq!(frame.payload.len(), frame.wire.len());
            at = frame.range.end;
        }
        if let Some(rest) = explained.rest {
            prop_assert_eq!(rest.range.start, at);
            at = rest.range.end;
        }
        prop_assert_eq!(at, bytes.len());
    }

    #[test]
    fn small_frames_in_a_row_never_panic(pieces in prop::collection::vec(
        (any::<u8>(), 0u8..6, prop::collection::vec(any::<u8>(), 0..6)), 0..20)) {
        let bytes: Vec<u8> = pieces.iter().flat_map(|(b0, b1, payload)| {
            [&[*b0, *b1][..], payload].concat()
        }).collect();
        let _ = explain(&bytes, &ExplainOptions { direction: None, deflate: true, lang: crate::model::Lang::En });
    }
}
