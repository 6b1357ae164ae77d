//! Classes 1 to 5: framing, ping and pong, reserved bits, opcodes, fragmentation.

use super::{Case, breaks, closed, hold, legal, put, talk};
use crate::support::forge::{BINARY, CLOSE, CONTINUATION, Frame, LengthForm, PING, PONG, Rng, TEXT};

/// The lengths at which the header changes its form, and those beside them.
const LENGTHS: [usize; 9] = [0, 1, 124, 125, 126, 127, 128, 65_535, 65_536];

fn letters(len: usize) -> Vec<u8> {
    (0..len).map(|i| b'a' + (i % 26) as u8).collect()
}

#[test]
fn class_1_every_length_form_of_text_and_binary_is_legal() {
    let mut cases = vec![];
    for (what, op) in [("text", TEXT), ("binary", BINARY)] {
        for len in LENGTHS {
            let payload = if op == TEXT { letters(len) } else { Rng::new(len as u64).bytes(len) };
            cases.push(legal(format!("1 {what} of {len} bytes"), move |talk, dir| {
                closed(talk.message(dir, op, &payload).message(dir.opposite(), op, &payload), dir)
            }));
        }
    }
    hold(&cases, talk);
}

#[test]
fn class_1_a_length_has_one_form() {
    let mut cases = vec![];
    for (len, form) in [
        (0, LengthForm::Two),
        (125, LengthForm::Two),
        (0, LengthForm::Eight),
        (125, LengthForm::Eight),
        (126, LengthForm::Eight),
        (65_535, LengthForm::Eight),
    ] {
        cases.push(breaks(
            &["non-minimal-length"],
            format!("1 {len} bytes as {form:?}"),
            move |talk, dir| closed(put(talk, dir, Frame::new(TEXT, letters(len)).length(form)), dir),
        ));
    }
    hold(&cases, talk);
}

#[test]
fn class_2_pings_and_pongs_of_up_to_125_bytes_are_legal() {
    let mut cases = vec![];
    for payload in
        [vec![], b"Hello, world!".to_vec(), vec![0, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0, 0xff], vec![0xfe; 125]]
    {
        cases.push(legal(format!("2 ping of {} bytes", payload.len()), move |talk, dir| {
            closed(talk.ping(dir, &payload).pong(dir.opposite(), &payload), dir)
        }));
    }
    for payload in [&b""[..], b"unsolicited"] {
        cases.push(legal("2 pong that answers nothing, then a ping", move |talk, dir| {
            closed(talk.pong(dir, payload).ping(dir, b"ping").pong(dir.opposite(), b"ping"), dir)
        }));
    }
    cases.push(legal("2 ten pings, then their pongs", |talk, dir| {
        let names: Vec<String> = (0..10).map(|i| format!("payload-{i}")).collect();
        let talk = names.iter().fold(talk, |talk, name| talk.ping(dir, name.as_bytes()));
        closed(names.iter().fold(talk, |talk, name| talk.pong(dir.opposite(), name.as_bytes())), dir)
    }));
    cases.push(legal("2 ten pings, and a pong for the last", |talk, dir| {
        let talk = (0..10u8).fold(talk, |talk, i| talk.ping(dir, &[i]));
        closed(talk.pong(dir.opposite(), &[9]), dir)
    }));
    for op in [PING, PONG, CLOSE] {
        for len in [126, 1000, 65_536] {
            cases.push(breaks(
                &["control-frame-too-long"],
                format!("2 opcode {op} of {len} bytes"),
                move |talk, dir| {
                    let mut payload = letters(len);
                    payload.splice(..2, 1000u16.to_be_bytes());
                    let talk = put(talk, dir, Frame::new(op, payload));
                    if op == CLOSE { talk.close(dir.opposite(), 1002, "") } else { closed(talk, dir) }
                },
            ));
        }
    }
    hold(&cases, talk);
}

#[test]
fn class_3_reserved_bits_are_told_on_every_kind_of_frame() {
    let mut cases = vec![];
    for rsv in 1..8u8 {
        for op in [TEXT, BINARY, PING, PONG] {
            cases.push(breaks(
                &["reserved-bit-set"],
                format!("3 RSV {rsv} on opcode {op}, between two messages"),
                move |talk, dir| {
                    let talk =
                        put(talk.text(dir, "before"), dir, Frame::new(op, b"reserved".to_vec()).rsv(rsv));
                    closed(talk.text(dir, "after"), dir)
                },
            ));
        }
        cases.push(breaks(&["reserved-bit-set"], format!("3 RSV {rsv} on close"), move |talk, dir| {
            put(talk, dir, Frame::new(CLOSE, 1000u16.to_be_bytes()).rsv(rsv)).close(dir.opposite(), 1002, "")
        }));
    }
    hold(&cases, talk);
}

#[test]
fn class_4_reserved_opcodes_are_told_whether_they_carry_something_or_not() {
    let mut cases = vec![];
    for op in (3..8u8).chain(11..16) {
        for payload in [&b""[..], b"reserved opcode payload"] {
            let name = format!("4 opcode {op} with {} bytes", payload.len());
            cases.push(breaks(&["reserved-opcode"], name, move |talk, dir| {
                let talk = put(talk.text(dir, "Hello, world!"), dir, Frame::new(op, payload));
                closed(talk.text(dir, "Hello, world!"), dir)
            }));
        }
    }
    hold(&cases, talk);
}

#[test]
fn class_5_fragments_and_what_may_stand_between_them() {
    let mut cases: Vec<Case> = vec![];
    for op in [PING, PONG] {
        cases.push(breaks(
            &["fragmented-control-frame", "unexpected-continuation"],
            format!("5 opcode {op} in two fragments"),
            move |talk, dir| {
                let talk = put(talk, dir, Frame::new(op, b"fragment1".to_vec()).more());
                closed(put(talk, dir, Frame::new(CONTINUATION, b"fragment2".to_vec())), dir)
            },
        ));
    }
    cases.push(legal("5 text in two fragments", |talk, dir| {
        closed(talk.fragmented(dir, TEXT, &[b"fragment1", b"fragment2"]), dir)
    }));
    cases.push(legal("5 text in two fragments with a ping between", |talk, dir| {
        let talk = talk.part(dir, TEXT, false, b"fragment1").ping(dir, b"ping").pong(dir.opposite(), b"ping");
        closed(talk.part(dir, CONTINUATION, true, b"fragment2"), dir)
    }));
    cases.push(legal("5 text in five fragments with two pings between", |talk, dir| {
        let talk = talk.part(dir, TEXT, false, b"fragment1").part(dir, CONTINUATION, false, b"fragment2");
        let talk = talk.ping(dir, b"one").pong(dir.opposite(), b"one");
        let talk = talk.part(dir, CONTINUATION, false, b"3").part(dir, CONTINUATION, false, b"");
        let talk = talk.ping(dir, b"two").pong(dir.opposite(), b"two");
        closed(talk.part(dir, CONTINUATION, true, b"fragment5"), dir)
    }));
    cases.push(legal("5 empty fragments", |talk, dir| {
        closed(talk.fragmented(dir, TEXT, &[b"", b"", b""]), dir)
    }));
    cases.push(legal("5 both ends in fragments at once", |talk, dir| {
        let other = dir.opposite();
        let talk = talk.part(dir, TEXT, false, b"to ").part(other, BINARY, false, &[1]);
        let talk = talk.part(dir, CONTINUATION, true, b"you").part(other, CONTINUATION, true, &[2]);
        closed(talk, dir)
    }));
    for fin in [true, false] {
        cases.push(breaks(
            &["unexpected-continuation"],
            format!("5 a continuation of nothing, FIN {fin}, then a message"),
            move |talk, dir| {
                let frame = Frame { fin, ..Frame::new(CONTINUATION, b"non-continuation payload".to_vec()) };
                closed(put(talk, dir, frame).text(dir, "Hello, world!"), dir)
            },
        ));
    }
    cases.push(breaks(
        &["unexpected-continuation"],
        "5 a continuation after a whole message",
        |talk, dir| {
            let talk = talk.fragmented(dir, TEXT, &[b"fragment1", b"fragment2"]);
            closed(put(talk, dir, Frame::new(CONTINUATION, b"fragment3".to_vec())), dir)
        },
    ));
    cases.push(breaks(&["interleaved-data-frame"], "5 a text within a fragmented text", |talk, dir| {
        let talk = put(talk, dir, Frame::new(TEXT, b"fragment1".to_vec()).more());
        closed(put(talk, dir, Frame::new(TEXT, b"fragment2".to_vec())), dir)
    }));
    cases.push(breaks(
        &["incomplete-message"],
        "5 a text that does not end before the Close",
        |talk, dir| closed(put(talk, dir, Frame::new(TEXT, b"fragment1".to_vec()).more()), dir),
    ));
    hold_apart(&cases);
}

/// What becomes of messages that end wrongly is not a question of the standard: only findings count where one is
/// expected.
fn hold_apart(cases: &[Case]) {
    let (wrong, right): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|case| !case.codes.is_empty());
    let mut problems = vec![];
    for (case, all) in
        right.into_iter().map(|case| (case, true)).chain(wrong.into_iter().map(|case| (case, false)))
    {
        for dir in [super::C2S, super::S2C] {
            let talk = (case.say)(talk().opened(), dir);
            for split in
                [super::Split::Writes(1460), super::Split::Merged(65_000), super::Split::Sizes(vec![1])]
            {
                let told = super::judge(case, &talk, &split);
                let told = told.into_iter().filter(|problem| all || !problem.contains("messages, expected"));
                problems
                    .extend(told.map(|problem| format!("{} {} {split:?}: {problem}", case.name, dir.name())));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
