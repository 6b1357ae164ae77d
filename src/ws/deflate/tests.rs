//! The inflater by itself.

use super::*;
use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

fn inflate(inflater: &mut Inflater, message: &[u8], limits: &InflateLimits) -> (Inflation, Vec<u8>, u64) {
    let (mut space, mut out) = (InflateSpace::default(), Vec::new());
    inflater.begin();
    inflater.feed(message, limits, &mut space, &mut |bytes, within| {
        out.extend_from_slice(if within { bytes } else { &[] })
    });
    let (how, len) = inflater.finish(limits, &mut space, &mut |bytes, within| {
        out.extend_from_slice(if within { bytes } else { &[] })
    });
    (how, out, len)
}

fn deflate(compress: &mut Compress, text: &[u8]) -> Vec<u8> {
    if text.is_empty() {
        return vec![0]; // RFC 7692 section 7.2.3.6
    }
    let mut out = Vec::with_capacity(text.len() * 2 + 200);
    compress.compress_vec(text, &mut out, FlushCompress::Sync).unwrap();
    assert!(out.ends_with(&TAIL));
    out.truncate(out.len() - 4);
    out
}

/// RFC 7692 section 7.2.3: the same text in each of the ways the RFC prints.
#[test]
fn the_examples_of_rfc_7692_section_7_2_3() {
    let limits = InflateLimits::default();
    let mut inflater = Inflater::default();
    let one = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(inflate(&mut inflater, &one, &limits), (Inflation::Whole, b"Hello".to_vec(), 5));
    let shared = [0xf2, 0x00, 0x11, 0x00, 0x00];
    assert_eq!(inflate(&mut inflater, &shared, &limits), (Inflation::Whole, b"Hello".to_vec(), 5));
    let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
    assert_eq!(inflate(&mut Inflater::default(), &stored, &limits).1, b"Hello");
    let last_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    assert_eq!(inflate(&mut Inflater::default(), &last_block, &limits).1, b"Hello");
    let two_blocks = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(inflate(&mut Inflater::default(), &two_blocks, &limits).1, b"Hello");
    assert_eq!(inflate(&mut Inflater::default(), &[0x00], &limits), (Inflation::Whole, vec![], 0));
}

#[test]
fn a_final_block_keeps_the_window_for_the_next_message() {
    let limits = InflateLimits::default();
    let mut inflater = Inflater::default();
    let last_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    assert_eq!(inflate(&mut inflater, &last_block, &limits).1, b"Hello");
    let shared = [0xf2, 0x00, 0x11, 0x00, 0x00];
    assert_eq!(inflate(&mut inflater, &shared, &limits).1, b"Hello");
}

#[test]
fn a_final_block_keeps_the_windows_of_all_messages_before_it_however_they_come() {
    let limits = InflateLimits::default();
    let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x6d, 0x6c, 0x6c, 0x6f, 0x00];
    let last_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    // Five bytes from ten bytes back.
    let far = [0x02, 0xb3, 0x00, 0x00];
    for step in [1, 100] {
        let mut inflater = Inflater::default();
        for (message, text) in [(&stored[..], b"Hmllo"), (&last_block, b"Hello"), (&far, b"Hmllo")] {
            let (mut space, mut out) = (InflateSpace::default(), Vec::new());
            inflater.begin();
            for piece in message.chunks(step) {
                inflater.feed(piece, &limits, &mut space, &mut |bytes, within| {
                    out.extend_from_slice(if within { bytes } else { &[] })
                });
            }
            let (how, _) = inflater.finish(&limits, &mut space, &mut |bytes, within| {
                out.extend_from_slice(if within { bytes } else { &[] })
            });
            assert_eq!((how, &out[..]), (Inflation::Whole, &text[..]), "pieces of {step}");
        }
    }
}

#[test]
fn a_final_block_far_into_a_stream_leaves_a_window_that_is_known() {
    let limits = InflateLimits::default();
    let mut compress = Compress::new(Compression::default(), false);
    let noise: Vec<u8> = (0..40_000u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
    let long = deflate(&mut compress, &noise);
    let last_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    let shared = [0xf2, 0x00, 0x11, 0x00, 0x00];
    let far = [0x02, 0xb3, 0x00, 0x00];
    for step in [1, 1000, 100_000] {
        let (mut inflater, mut space) = (Inflater::default(), InflateSpace::default());
        inflater.begin();
        for piece in long.chunks(step) {
            inflater.feed(piece, &limits, &mut space, &mut |_, _| ());
        }
        assert_eq!(inflater.finish(&limits, &mut space, &mut |_, _| ()), (Inflation::Whole, 40_000));
        assert_eq!(inflate(&mut inflater, &last_block, &limits).1, b"Hello");
        assert_eq!(inflate(&mut inflater, &far, &limits).1, noise[39_995..]);
        assert_eq!(inflate(&mut inflater, &far, &limits).1, b"Hello");
        assert_eq!(inflate(&mut inflater, &last_block, &limits).1, b"Hello");
        assert_eq!(inflate(&mut inflater, &shared, &limits).1, b"Hello");
    }
}

#[test]
fn after_a_loss_a_reference_to_the_window_is_never_answered() {
    let limits = InflateLimits::default();
    let mut compress = Compress::new(Compression::default(), false);
    let texts: [&[u8]; 4] = [
        b"{\"user\":\"alice\",\"n\":100}",
        b"{\"user\":\"bobby\",\"n\":999}",
        b"{\"user\":\"bobby\",\"n\":999}",
        b"~~~~ nothing the same ~~~~",
    ];
    let wire: Vec<Vec<u8>> = texts.iter().map(|text| deflate(&mut compress, text)).collect();
    let mut inflater = Inflater::default();
    assert_eq!(inflate(&mut inflater, &wire[0], &limits).1, texts[0]);
    inflater.lose();
    assert_eq!(inflate(&mut inflater, &wire[2], &limits).0, Inflation::UnknownDictionary);
}

#[test]
fn why_a_long_message_fails_does_not_hang_on_how_it_comes() {
    // Two literals and a reference to what is not there, of any length.
    let mut wire = vec![91, 82, 178, 138, 54, 212, 49, 210, 49, 142, 173, 5];
    wire.resize(100, 0);
    for step in [1, 3, 15, 100] {
        for (lost, how) in [(false, Inflation::Damaged), (true, Inflation::UnknownDictionary)] {
            let (mut inflater, mut space, limits) =
                (Inflater::default(), InflateSpace::default(), InflateLimits::default());
            if lost {
                inflater.lose();
            }
            inflater.begin();
            for piece in wire.chunks(step) {
                inflater.feed(piece, &limits, &mut space, &mut |_, _| ());
            }
            assert_eq!(inflater.finish(&limits, &mut space, &mut |_, _| ()).0, how, "pieces of {step}");
        }
    }
}

#[test]
fn a_window_filled_since_a_loss_is_whole_again() {
    let limits = InflateLimits::default();
    let mut compress = Compress::new(Compression::default(), false);
    let noise: Vec<u8> = (0..40_000u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
    let mut inflater = Inflater::default();
    inflater.lose();
    assert_eq!(inflate(&mut inflater, &deflate(&mut compress, &noise), &limits).1, noise);
    assert_eq!(inflate(&mut inflater, &[0xff, 0xff, 0xff], &limits).0, Inflation::Damaged);
}

#[test]
fn a_bomb_is_cut_and_the_next_message_is_read() {
    let limits = InflateLimits { message: 1 << 20, ..InflateLimits::default() };
    let mut compress = Compress::new(Compression::default(), false);
    let bomb = deflate(&mut compress, &vec![0; 20 << 20]);
    let after = deflate(&mut compress, b"after");
    let mut inflater = Inflater::default();
    let (how, out, len) = inflate(&mut inflater, &bomb, &limits);
    assert_eq!((how, len), (Inflation::Cut, 20 << 20));
    assert!(out.len() <= 1 << 20);
    assert_eq!(inflate(&mut inflater, &after, &limits), (Inflation::Whole, b"after".to_vec(), 5));
}

#[test]
fn a_message_can_be_taken_back() {
    let limits = InflateLimits::default();
    let mut compress = Compress::new(Compression::default(), false);
    let (first, second) = (deflate(&mut compress, b"hello, hello"), deflate(&mut compress, b"hello, hello"));
    for lost in [false, true] {
        let mut inflater = Inflater::default();
        if lost {
            inflater.lose();
        }
        assert_eq!(inflate(&mut inflater, &first, &limits).1, b"hello, hello");
        for broken in [&[0xff; 9][..], b"{\"a\":1}", &second[..3]] {
            assert_ne!(inflate(&mut inflater, broken, &limits).0, Inflation::Whole);
            assert!(inflater.rewind());
            let mut copy = inflater.clone();
            assert_eq!(inflate(&mut copy, &second, &limits).1, b"hello, hello", "a copy");
            assert!(copy.rewind());
            assert_eq!(inflate(&mut copy, &second, &limits).1, b"hello, hello", "a copy taken back");
        }
        let noise: Vec<u8> = (0..90_000u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
        let mut other = Compress::new(Compression::default(), false);
        inflate(&mut inflater, &deflate(&mut other, &noise), &limits);
        assert!(!inflater.rewind(), "the window has moved on");
    }
}

#[test]
fn where_a_message_ends_is_judged_in_any_pieces() {
    let cases: [(&[u8], Option<DeflateEnd>); 7] = [
        (&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], None),
        (&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00, 0xff, 0xff], Some(DeflateEnd::TailKept)),
        (&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], Some(DeflateEnd::FinalBlock)),
        (&[], Some(DeflateEnd::Empty)),
        (&[0x00], None),
        (&[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f], Some(DeflateEnd::NotFlushed)),
        (&[0xf2, 0x48, 0xcd, 0xc9, 0xc9], Some(DeflateEnd::InsideBlock)),
    ];
    let limits = InflateLimits::default();
    for (wire, end) in cases {
        for step in [1, 2, 100] {
            let (mut inflater, mut space) = (Inflater::default(), InflateSpace::default());
            for _ in 0..2 {
                inflater.begin();
                wire.chunks(step).for_each(|piece| inflater.feed(piece, &limits, &mut space, &mut |_, _| ()));
                let _ = inflater.finish(&limits, &mut space, &mut |_, _| ());
                assert_eq!(inflater.bad_end(), end, "{wire:x?} in pieces of {step}");
            }
        }
    }
}

#[test]
fn what_is_no_deflate_is_damaged() {
    let limits = InflateLimits::default();
    let mut inflater = Inflater::default();
    assert_eq!(inflate(&mut inflater, &[0xff, 0xff, 0xff], &limits).0, Inflation::Damaged);
    // An object after an error goes on with an empty window.
    let one = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(inflate(&mut inflater, &one, &limits).1, b"Hello");
}

proptest! {
    #[test]
    fn any_messages_in_any_pieces_come_back(
        texts in proptest::collection::vec(proptest::collection::vec(0u8..4, 0..3000), 1..6),
        bits in 9u8..16, takeover: bool, step in 1usize..500,
    ) {
        let mut compress = Compress::new_with_window_bits(Compression::fast(), false, bits);
        let mut inflater = Inflater::default();
        let limits = InflateLimits::default();
        for text in &texts {
            let wire = deflate(&mut compress, text);
            let (mut space, mut out) = (InflateSpace::default(), Vec::new());
            inflater.begin();
            for piece in wire.chunks(step) {
                inflater.feed(piece, &limits, &mut space, &mut |bytes, within| out.extend_from_slice(if within { bytes } else { &[] }));
            }
            let (how, len) = inflater.finish(&limits, &mut space, &mut |bytes, within| out.extend_from_slice(if within { bytes } else { &[] }));
            prop_assert_eq!((how, len as usize), (Inflation::Whole, text.len()));
            prop_assert_eq!(&out, text);
            if !takeover {
                compress.reset();
                inflater.forget();
            }
        }
    }

    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut inflater = Inflater::default();
        for piece in bytes.chunks(50) {
            inflate(&mut inflater, piece, &InflateLimits::default());
        }
    }
}
