//! Whole connections, cut and damaged in every way.

use std::fmt::Arguments;

use proptest::prelude::*;

use super::super::frame::{FrameHeader, PREFACE};
use super::super::{ConnectAnswer, Spot};
use super::*;
use crate::model::{Rule, Time};

const C2S: Direction = Direction::ClientToServer;
const S2C: Direction = Direction::ServerToClient;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u32).to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A literal field that goes into no table.
fn field(name: &str, value: &str) -> Vec<u8> {
    let string = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    [vec![0], string(name), string(value)].concat()
}

fn fields(list: &[(&str, &str)]) -> Vec<u8> {
    list.iter().flat_map(|(name, value)| field(name, value)).collect()
}

const CONNECT: [(&str, &str); 6] = [
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "http"),
    (":path", "/chat"),
    (":authority", "example"),
    ("sec-websocket-version", "13"),
];

fn settings(list: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> =
        list.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
    frame(4, 0, 0, &payload)
}

/// The common beginning: both ends' settings.
fn begin() -> [(Direction, Vec<u8>); 2] {
    [(C2S, [&PREFACE[..], &settings(&[(4, 1000)])].concat()), (S2C, settings(&[(8, 1), (4, 100)]))]
}

/// What was told, in words; DATA is joined, so that pieces do not count.
#[derive(Debug, Default, PartialEq)]
struct Told {
    words: Vec<String>,
    data: Vec<(u32, Direction, Vec<u8>)>,
    /// Where each byte of DATA was below HTTP/2.
    addresses: Vec<u64>,
}

impl Http2Events for Told {
    fn asked(&mut self, stream: u32, opening: StreamOpening) {
        let path = String::from_utf8_lossy(opening.head.target()).into_owned();
        let at: Vec<_> = opening.pieces.iter().map(|piece| piece.of_block.clone()).collect();
        assert_eq!(at.first().map(|piece| piece.start), Some(0), "pieces begin with the block");
        assert!(at.windows(2).all(|two| two[0].end == two[1].start));
        self.words.push(format!("asked {stream} {path}"));
    }
    fn answered(&mut self, stream: u32, opening: StreamOpening, answer: ConnectAnswer) {
        self.words.push(format!("answered {stream} {:?} {answer:?}", opening.head.status()));
    }
    fn data(&mut self, stream: u32, direction: Direction, chunk: Chunk<'_>) {
        self.addresses.extend((0..chunk.bytes.len() as u64).map(|at| chunk.address + at));
        if let Some((last, way, bytes)) = self.data.last_mut()
            && (*last, *way) == (stream, direction)
        {
            bytes.extend_from_slice(chunk.bytes);
            return;
        }
        self.data.push((stream, direction, chunk.bytes.to_vec()));
        self.words.push(format!("data {stream} {} at {}", direction.name(), chunk.at));
    }
    fn gap(&mut self, stream: u32, direction: Direction, at: u64, len: u64, _: Place) {
        self.data.push((0, direction, Vec::new()));
        self.words.push(format!("gap {stream} {} at {at} of {len}", direction.name()));
    }
    fn lost(&mut self, stream: u32, direction: Direction, at: u64, _: Place) {
        self.words.push(format!("lost {stream} {} at {at}", direction.name()));
    }
    fn ended(&mut self, stream: u32, direction: Direction, _: Place) {
        self.words.push(format!("ended {stream} {}", direction.name()));
    }
    fn reset(&mut self, stream: u32, by: Direction, code: u32, _: Place) {
        self.words.push(format!("reset {stream} {} {code}", by.name()));
    }
    fn finding(&mut self, rule: &'static Rule, spot: Spot, text: Arguments<'_>) {
        assert!(!text.to_string().chars().any(char::is_control), "{text}");
        self.words.push(format!("{} {:?}", rule.code, spot.stream));
    }
}

/// A part of a conversation: bytes, or how many are missing.
#[derive(Clone, Debug)]
enum TestPart {
    Bytes(Direction, Vec<u8>),
    Gap(Direction, u64),
}

fn run_on(http2: &mut Http2, parts: &[TestPart], step: usize) -> Told {
    let mut told = Told::default();
    let mut at = PerDirection { c2s: 0u64, s2c: 0u64 };
    for (packet, part) in (1..).zip(parts) {
        let place = Place { packet, time: Time(packet as i64 * 1_000_000) };
        match part {
            TestPart::Bytes(direction, bytes) => {
                for bytes in bytes.chunks(step) {
                    let offset = at.of_mut(*direction);
                    let chunk =
                        Chunk { at: *offset, bytes, address: *offset + 1000, origin: place, arrival: place };
                    *offset += bytes.len() as u64;
                    http2.data(*direction, chunk, &mut told);
                }
            }
            TestPart::Gap(direction, len) => {
                let offset = at.of_mut(*direction);
                http2.gap(*direction, *offset, *len, place, &mut told);
                *offset += len;
            }
        }
    }
    let last = Place { packet: parts.len() as u64, ..Place::default() };
    for direction in Direction::BOTH {
        http2.end(direction, *at.of(direction), last, &mut told);
    }
    told
}

fn run(parts: &[(Direction, Vec<u8>)]) -> Told {
    let parts: Vec<_> =
        parts.iter().map(|(direction, bytes)| TestPart::Bytes(*direction, bytes.clone())).collect();
    let told = run_on(&mut Http2::new(0), &parts, usize::MAX);
    for step in [1, 2, 3, 7, 9, 10] {
        assert_eq!(run_on(&mut Http2::new(0), &parts, step), told, "in pieces of {step}");
    }
    told
}

fn open(stream: u32) -> [(Direction, Vec<u8>); 2] {
    [(C2S, frame(1, 4, stream, &fields(&CONNECT))), (S2C, frame(1, 4, stream, &[0x88]))]
}

#[test]
fn two_websockets_and_a_plain_stream_are_taken_apart() {
    let mut parts = begin().to_vec();
    parts.extend(open(1));
    parts.push((C2S, frame(1, 5, 3, &[0x82, 0x84, 0x86])));
    parts.extend(open(5));
    parts.push((S2C, [frame(0, 0, 1, b"one"), frame(0, 0, 3, b"plain"), frame(0, 0, 5, b"two")].concat()));
    // Padded, in two.
    parts.push((C2S, [frame(0, 8, 5, b"\x03abc\0\0\0"), frame(0, 1, 5, b"def")].concat()));
    parts.push((S2C, [frame(0, 1, 5, b""), frame(3, 0, 1, &8u32.to_be_bytes())].concat()));
    let told = run(&parts);
    assert_eq!(
        told.words,
        [
            "asked 1 /chat",
            "answered 1 Some(200) Opens",
            "asked 5 /chat",
            "answered 5 Some(200) Opens",
            "data 1 s2c at 0",
            "data 5 s2c at 0",
            "data 5 c2s at 0",
            "ended 5 c2s",
            "ended 5 s2c",
            "reset 1 s2c 8",
        ]
    );
    assert_eq!(told.data[2], (5, C2S, b"abcdef".to_vec()));
    // Every byte of DATA knows where it was: here the addresses are the offsets and 1000.
    let wire = |direction: Direction| -> Vec<u8> {
        parts.iter().filter(|(way, _)| *way == direction).flat_map(|(_, bytes)| bytes.clone()).collect()
    };
    let bytes = told.data.iter().flat_map(|(_, way, bytes)| bytes.iter().map(|byte| (*way, *byte)));
    for ((way, byte), address) in bytes.zip(&told.addresses) {
        assert_eq!(wire(way)[*address as usize - 1000], byte);
    }
}

#[test]
fn a_request_in_continuations_with_padding_and_priority_is_read() {
    let block = fields(&CONNECT);
    let (a, rest) = block.split_at(10);
    let (b, c) = rest.split_at(20);
    let first = [&[2, 0, 0, 0, 0, 16][..], a, &[0, 0]].concat();
    let request = [frame(1, 0x28, 1, &first), frame(9, 0, 1, b), frame(9, 4, 1, c)].concat();
    let mut parts = begin().to_vec();
    parts.push((C2S, request));
    parts.push((
        S2C,
        [frame(1, 4, 1, &field(":status", "103")), frame(1, 5, 1, &field(":status", "404"))].concat(),
    ));
    assert_eq!(run(&parts).words, ["asked 1 /chat", "answered 1 Some(404) Refuses", "ended 1 s2c"]);
}

#[test]
fn unknown_frames_promises_and_pings_change_nothing() {
    let mut parts = begin().to_vec();
    parts.push((
        C2S,
        [frame(0xbe, 0xff, 77, b"anything"), frame(6, 0, 0, &[0; 8]), frame(2, 0, 9, &[0; 5])].concat(),
    ));
    parts.push((S2C, frame(5, 4, 1, &[&[0, 0, 0, 2][..], &fields(&CONNECT)].concat())));
    parts.extend(open(1));
    let told = run(&parts);
    assert_eq!(told.words, ["asked 1 /chat", "answered 1 Some(200) Opens"]);
}

#[test]
fn what_is_against_the_rules_is_told_and_the_rest_goes_on() {
    let case = |direction: Direction, bytes: Vec<u8>| -> Vec<String> {
        let mut parts = begin().to_vec();
        parts.extend(open(1));
        parts.push((direction, bytes));
        parts.push((S2C, frame(0, 0, 1, b"on")));
        let words = run(&parts).words;
        assert_eq!(words.last().map(String::as_str), Some("data 1 s2c at 0"), "{words:?}");
        words[2..words.len() - 1].to_vec()
    };
    let longest = vec![0; 16385];
    for (direction, bytes, expected) in [
        (C2S, frame(3, 0, 1, &[0; 5]), vec!["h2-bad-frame Some(1)"]),
        (C2S, frame(4, 0, 1, &[0; 6]), vec!["h2-bad-frame Some(1)"]),
        (S2C, frame(4, 0, 0, &[0; 5]), vec!["h2-bad-frame None"]),
        (S2C, frame(6, 0, 0, &[0; 7]), vec!["h2-bad-frame None"]),
        (S2C, frame(0, 8, 1, &[5, 0, 0, 0, 0]), vec!["h2-bad-frame Some(1)"]),
        (S2C, settings(&[(8, 2)]), vec!["h2-bad-settings None"]),
        (S2C, settings(&[(4, 1 << 31)]), vec!["h2-bad-settings None"]),
        (C2S, settings(&[(5, 16383)]), vec!["h2-bad-settings None"]),
        (C2S, frame(0xee, 0, 0, &longest), vec!["h2-frame-too-large None"]),
        (C2S, frame(9, 4, 1, b""), vec!["h2-bad-continuation None"]),
        (C2S, [frame(1, 0, 3, b"\x82"), frame(6, 0, 0, &[0; 8])].concat(), vec!["h2-bad-continuation None"]),
        (C2S, frame(1, 5, 3, &[0xff, 0xff]), vec!["h2-bad-field-block None"]),
        (C2S, frame(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]), vec!["h2-goaway None"]),
        (S2C, frame(7, 0, 0, b"\0\0\0\x01\0\0\0\x0bcalm\x1b"), vec!["h2-goaway-error None"]),
        (
            C2S,
            [frame(0, 1, 1, b"bye"), frame(0, 0, 1, b"late")].concat(),
            vec!["data 1 c2s at 0", "ended 1 c2s", "h2-data-after-end Some(1)"],
        ),
        (
            C2S,
            frame(1, 5, 3, &fields(&CONNECT)),
            vec!["asked 3 /chat", "h2-bad-connect Some(3)", "ended 3 c2s"],
        ),
    ] {
        assert_eq!(case(direction, bytes.clone()), expected, "{bytes:?}");
    }
}

#[test]
fn a_request_that_the_server_did_not_allow_is_told() {
    let parts = [(C2S, [&PREFACE[..], &settings(&[])].concat()), (S2C, settings(&[]))];
    let told = run(&[&parts[..], &open(1)].concat());
    assert_eq!(told.words, ["asked 1 /chat", "h2-connect-not-enabled Some(1)", "answered 1 Some(200) Opens"]);
    // Refused in the server's own way.
    let [request, answer] = open(1);
    let told = run(&[&parts[..], &[request.clone(), (S2C, frame(3, 0, 1, &[0, 0, 0, 1]))]].concat());
    assert_eq!(told.words, ["asked 1 /chat", "h2-connect-not-enabled Some(1)", "reset 1 s2c 1"]);
    // Settings that are captured late may have come in time.
    let told = run(&[parts[0].clone(), request, (S2C, settings(&[(8, 1)])), answer]);
    assert_eq!(told.words, ["asked 1 /chat", "answered 1 Some(200) Opens"]);
}

#[test]
fn a_stall_is_told_when_it_is_over() {
    let mut parts = begin().to_vec();
    parts.extend(open(1));
    // The server allows 100 bytes on a stream.
    parts.push((C2S, frame(0, 0, 1, &[7; 100])));
    parts.push((S2C, frame(8, 0, 1, &100u32.to_be_bytes())));
    parts.push((C2S, frame(0, 0, 1, &[7; 50])));
    // 2000 bytes in place of 100: 1950 more.
    parts.push((S2C, settings(&[(4, 2000)])));
    parts.push((C2S, frame(0, 0, 1, &[7; 1000])));
    let told = run(&parts);
    let stalls = told.words.iter().filter(|words| words.starts_with("h2-flow-stall")).count();
    assert_eq!(stalls, 1, "{:?}", told.words);
}

#[test]
fn a_gap_inside_data_is_the_streams_alone_and_a_gap_over_a_header_is_everybodys() {
    let mut parts = begin().to_vec();
    parts.extend(open(1));
    parts.extend(open(3));
    let begun: Vec<_> =
        parts.iter().map(|(direction, bytes)| TestPart::Bytes(*direction, bytes.clone())).collect();
    let data = frame(0, 0, 1, &[9; 50]);
    let inside = [
        begun.clone(),
        vec![
            TestPart::Bytes(S2C, data[..19].to_vec()),
            TestPart::Gap(S2C, 30),
            TestPart::Bytes(S2C, [&data[49..], &frame(0, 0, 3, b"other")].concat()),
        ],
    ]
    .concat();
    for step in [1, 5, 100] {
        let told = run_on(&mut Http2::new(0), &inside, step);
        assert_eq!(
            told.words[4..],
            ["data 1 s2c at 0", "gap 1 s2c at 10 of 30", "data 1 s2c at 40", "data 3 s2c at 0"]
        );
    }
    // A new entry, a loss, and a field that refers to an entry from before it.
    let entry = [&[0x40, 1, b'a', 1][..], b"b"].concat();
    let over = [
        begun,
        vec![
            TestPart::Bytes(S2C, frame(1, 4, 9, &entry)),
            TestPart::Bytes(S2C, data[..19].to_vec()),
            TestPart::Gap(S2C, 100),
            TestPart::Bytes(
                S2C,
                [&[0xaa; 30][..], &frame(0, 0, 3, b"found"), &frame(1, 5, 1, &[0xbe])].concat(),
            ),
        ],
    ]
    .concat();
    for step in [1, 5, 100] {
        let told = run_on(&mut Http2::new(0), &over, step);
        assert_eq!(
            told.words[5..],
            [
                "gap 1 s2c at 10 of 40",
                "lost 1 s2c at 50",
                "lost 3 s2c at 0",
                "h2-desynchronised None",
                "data 3 s2c at 0",
                "h2-unknown-fields Some(1)",
                "ended 1 s2c",
            ]
        );
    }
}

#[test]
fn a_connection_is_read_from_its_middle_on() {
    let parts = [
        TestPart::Bytes(C2S, open(7)[0].1.clone()),
        TestPart::Bytes(S2C, [&[1, 2, 3, 4, 5][..], &open(7)[1].1, &frame(0, 0, 7, b"hello")].concat()),
    ];
    let told = run_on(&mut Http2::midway(C2S), &parts, usize::MAX);
    assert_eq!(told.words, ["asked 7 /chat", "answered 7 Some(200) Opens", "data 7 s2c at 0"]);
    // By an entry from before: which path, nobody knows.
    let mut list = CONNECT;
    list[3] = (":path", "");
    let mut block = fields(&[list[0], list[2]]);
    block.extend([0xbe, 0xbf]);
    block.extend(fields(&[CONNECT[5]]));
    let parts = [TestPart::Bytes(C2S, frame(1, 4, 9, &block))];
    let told = run_on(&mut Http2::midway(C2S), &parts, usize::MAX);
    assert_eq!(told.words, ["asked 9 ?", "h2-unknown-fields Some(9)"]);
}

#[test]
fn no_preface_is_told_once_and_memory_stays_bounded() {
    let told = run(&[(C2S, b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".to_vec())]);
    assert_eq!(told.words, ["h2-bad-preface None", "h2-desynchronised None"]);
    // A block without end.
    let mut http2 = Http2::new(24);
    let mut told = Told::default();
    let place = Place::default();
    let mut at = 0;
    for n in 0..200u32 {
        let bytes = frame(if n == 0 { 1 } else { 9 }, 0, 1, &[b'x'; 16384]);
        http2.data(C2S, Chunk { at, bytes: &bytes, address: at, origin: place, arrival: place }, &mut told);
        at += bytes.len() as u64;
        assert!(http2.size() < 300_000, "{}", http2.size());
    }
    let bytes = frame(9, 4, 1, b"");
    http2.data(C2S, Chunk { at, bytes: &bytes, address: at, origin: place, arrival: place }, &mut told);
    assert_eq!(told.words, ["h2-limit-fields None"]);
}

#[test]
fn headers_in_the_middle_of_something_show_who_sends_them() {
    let begins = super::super::begins_with_headers;
    assert_eq!(begins(&frame(1, 4, 1, &[0x82, 0x84])), Some(C2S));
    assert_eq!(begins(&frame(1, 0x24, 1, &[0, 0, 0, 0, 9, 0x42, 7])), Some(C2S));
    assert_eq!(begins(&frame(1, 4, 1, &[0x88])), Some(S2C));
    assert_eq!(begins(&frame(1, 4, 2, &[0x82])), None);
    assert_eq!(begins(&frame(0, 4, 1, &[0x82])), None);
    assert_eq!(begins(b"GET / HTTP/1.1\r\n\r\n"), None);
}

fn any_part() -> impl Strategy<Value = TestPart> {
    let way = prop_oneof![Just(C2S), Just(S2C)];
    let bytes = prop_oneof![
        6 => (0u8..12, any::<u8>(), 0u32..6, proptest::collection::vec(any::<u8>(), 0..60))
            .prop_map(|(kind, flags, stream, payload)| frame(kind, flags, stream, &payload)),
        2 => (0u32..6).prop_map(|stream| frame(1, 4, stream, &fields(&CONNECT))),
        2 => (0u32..6).prop_map(|stream| frame(1, 4, stream, &[0x88])),
        2 => (0u32..6, 0u8..2).prop_map(|(stream, flags)| frame(0, flags, stream, b"payload")),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
    ];
    prop_oneof![
        12 => (way.clone(), bytes).prop_map(|(way, bytes)| TestPart::Bytes(way, bytes)),
        1 => (way, 0u64..80).prop_map(|(way, len)| TestPart::Gap(way, len)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_in_any_pieces_give_the_same(parts in proptest::collection::vec(any_part(), 0..20), step in 1usize..12) {
        let begun: Vec<_> =
            begin().into_iter().map(|(direction, bytes)| TestPart::Bytes(direction, bytes)).collect();
        let parts = [begun, parts].concat();
        let whole = run_on(&mut Http2::new(0), &parts, usize::MAX);
        prop_assert_eq!(&run_on(&mut Http2::new(0), &parts, step), &whole);
        // Whatever a stream sends comes behind its start, and nothing behind its end.
        let mut open = std::collections::BTreeSet::new();
        for words in &whole.words {
            let mut words = words.split(' ');
            let (what, stream) = (words.next().unwrap(), words.next().unwrap());
            match what {
                "asked" => { open.insert(stream.to_owned()); }
                "reset" => prop_assert!(open.remove(stream)),
                "answered" | "data" | "gap" | "lost" | "ended" => prop_assert!(open.contains(stream)),
                _ => {}
            }
        }
    }

    #[test]
    fn a_header_is_what_its_bytes_say(bytes: [u8; 9]) {
        let crate::model::Parse::Done(header, 9) = FrameHeader::parse(&bytes) else { panic!() };
        let kind = match header.kind {
            super::super::FrameKind::Unknown(other) => other,
            known => (0..10).find(|bits| super::super::FrameKind::from_bits(*bits) == known).unwrap(),
        };
        let mut again = frame(kind, header.flags, header.stream, &[]);
        again[..3].copy_from_slice(&header.len.to_be_bytes()[1..]);
        let mut bytes = bytes;
        bytes[5] &= 0x7f;
        prop_assert_eq!(again, bytes);
    }
}
