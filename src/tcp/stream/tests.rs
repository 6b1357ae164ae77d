//! Streams on their own.

use super::*;
use proptest::prelude::*;

struct Wire(Vec<u8>);

impl Bytes for Wire {
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        self.0.get(span.start as usize..span.start as usize + span.len as usize)
    }
}

fn place(packet: u64) -> Place {
    Place { packet, ..Place::default() }
}

fn drain(stream: &mut Stream, wire: &Wire, out: &mut Vec<u8>) {
    while let Some(held) = stream.ready() {
        let bytes = wire.bytes(Span { start: held.address, len: held.len });
        out.extend_from_slice(bytes.unwrap());
        stream.consume(held.len);
    }
}

proptest! {
    #[test]
    fn any_order_and_duplication_gives_the_same_bytes(
        len in 1usize..400, isn: u32, syn_at in 0usize..20,
        pieces in proptest::collection::vec((0usize..400, 1usize..120), 0..20),
    ) {
        let wire = Wire((0..len).map(|i| (i * 7 + i / 251) as u8).collect());
        let mut cover: Vec<(usize, usize)> = pieces.iter().map(|&(at, n)| (at.min(len), n.min(len - at.min(len)))).collect();
        cover.extend((0..len).step_by(50).map(|at| (at, 50.min(len - at))).rev());
        let (mut stream, mut out) = (Stream::default(), Vec::new());
        for (i, (at, n)) in cover.iter().enumerate() {
            if i == syn_at.min(cover.len() - 1) {
                prop_assert!(stream.fits_syn(isn));
                stream.anchor(isn);
            }
            let seq = isn.wrapping_add(*at as u32);
            let arrival = stream.insert(seq, *at as u64, *n as u32, *n as u32, place(1), &wire);
            prop_assert_eq!(arrival.conflict, None);
            prop_assert_eq!((arrival.new + arrival.again) as usize, *n);
            drain(&mut stream, &wire, &mut out);
        }
        prop_assert_eq!(out, wire.0);
        prop_assert_eq!(stream.waiting(), (0, 0));
    }
}

#[test]
fn the_first_copy_wins_and_a_differing_one_is_told() {
    let wire = Wire(b"abcdefXYZ".to_vec());
    let (mut stream, mut out) = (Stream::default(), Vec::new());
    stream.anchor(100);
    stream.insert(103, 3, 3, 3, place(1), &wire);
    let arrival = stream.insert(102, 6, 3, 3, place(2), &wire); // XYZ over .de
    assert_eq!((arrival.conflict, arrival.new, arrival.again), (Some(ORIGIN + 3), 1, 2));
    stream.insert(100, 0, 3, 3, place(3), &wire);
    drain(&mut stream, &wire, &mut out);
    assert_eq!(out, b"abXdef");
}

#[test]
fn a_keep_alive_byte_below_what_is_next_brings_nothing() {
    let wire = Wire(b"abc\0".to_vec());
    let mut stream = Stream::default();
    stream.anchor(u32::MAX);
    stream.insert(u32::MAX, 0, 3, 3, place(1), &wire);
    let mut out = Vec::new();
    drain(&mut stream, &wire, &mut out);
    stream.acknowledge(2);
    let arrival = stream.insert(1, 3, 1, 1, place(2), &wire);
    assert_eq!((arrival.new, arrival.again), (0, 1));
}

#[test]
fn what_the_snap_length_cut_is_a_gap_until_a_whole_copy_comes() {
    let wire = Wire(b"abcdef".to_vec());
    let mut stream = Stream::default();
    stream.anchor(0);
    stream.insert(10, 0, 2, 6, place(1), &wire);
    assert_eq!(stream.waiting(), (6, 2));
    let arrival = stream.insert(10, 0, 6, 6, place(2), &wire);
    assert_eq!((arrival.new, arrival.again), (4, 2));
    stream.skip(10);
    let mut out = Vec::new();
    drain(&mut stream, &wire, &mut out);
    assert_eq!(out, b"abcdef");
}

#[test]
fn a_hole_is_known_with_its_length_and_whether_it_was_received() {
    let wire = Wire(b"abcdef".to_vec());
    let mut stream = Stream::default();
    stream.anchor(50);
    stream.insert(53, 3, 3, 3, place(1), &wire);
    assert_eq!((stream.hole(), stream.hole_is_acknowledged()), (Some(3), false));
    stream.acknowledge(56);
    assert!(stream.hole_is_acknowledged());
    stream.skip(3);
    assert_eq!(stream.ready().map(|held| held.at), Some(ORIGIN + 3));
}

#[test]
fn a_stream_is_small() {
    assert!(std::mem::size_of::<Stream>() <= 192, "{}", std::mem::size_of::<Stream>());
}

#[test]
fn a_syn_within_bytes_that_wait_cuts_off_those_below_it() {
    let wire = Wire(b"abcdefghi".to_vec());
    let (mut stream, mut out) = (Stream::default(), Vec::new());
    stream.insert(100, 0, 3, 3, place(1), &wire);
    stream.insert(103, 3, 6, 6, place(2), &wire);
    stream.anchor(105);
    drain(&mut stream, &wire, &mut out);
    assert_eq!(out, b"fghi");
    assert_eq!(stream.waiting(), (0, 0));
}

#[test]
fn a_copy_of_what_waits_is_not_out_of_order_again() {
    let wire = Wire(b"abcdef".to_vec());
    let mut stream = Stream::default();
    stream.anchor(100);
    assert!(stream.insert(103, 3, 3, 3, place(1), &wire).out_of_order);
    let arrival = stream.insert(103, 3, 3, 3, place(2), &wire);
    assert_eq!((arrival.out_of_order, arrival.again), (false, 3));
}
