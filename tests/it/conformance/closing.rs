//! Class 7: the closing handshake.

use super::{breaks, closed, hold, legal, put, talk};
use crate::support::forge::{CLOSE, CONTINUATION, Frame, TEXT};

#[test]
fn class_7_codes_that_may_be_sent_and_those_that_may_not() {
    let mut cases = vec![];
    let sent = |code: u16| {
        move |talk: super::Conversation, dir: super::Direction| {
            talk.close(dir, code, "").close(dir.opposite(), code, "").fin(super::S2C)
        }
    };
    // RFC 6455 section 7.4.1, the registry (1012 to 1014), libraries and frameworks, applications.
    for code in
        [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
    {
        cases.push(legal(format!("7 code {code}"), sent(code)));
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        cases.push(breaks(&["invalid-close-code"], format!("7 code {code}"), sent(code)));
    }
    hold(&cases, talk);
}

#[test]
fn class_7_what_a_close_may_hold() {
    let long = "a".repeat(123);
    let cases = vec![
        legal("7 empty", |talk, dir| talk.control(dir, CLOSE, b"").control(dir.opposite(), CLOSE, b"")),
        legal("7 a code and a reason", |talk, dir| {
            talk.close(dir, 1000, "ok").close(dir.opposite(), 1000, "ok")
        }),
        legal("7 the longest reason", move |talk, dir| {
            talk.close(dir, 1000, &long).close(dir.opposite(), 1000, "")
        }),
        breaks(&["close-payload-1-byte"], "7 one byte", |talk, dir| {
            talk.control(dir, CLOSE, b"a").close(dir.opposite(), 1002, "")
        }),
        breaks(&["invalid-close-reason"], "7 a reason that is not UTF-8", |talk, dir| {
            talk.control(dir, CLOSE, b"\x03\xe8\xce\xba\xed\xa0\x80").close(dir.opposite(), 1007, "")
        }),
        breaks(&["control-frame-too-long"], "7 a reason of 124 bytes", |talk, dir| {
            let body = [&1000u16.to_be_bytes()[..], "a".repeat(124).as_bytes()].concat();
            put(talk, dir, Frame::new(CLOSE, body)).close(dir.opposite(), 1002, "")
        }),
        breaks(&["fragmented-control-frame"], "7 a close without FIN", |talk, dir| {
            put(talk, dir, Frame::new(CLOSE, 1000u16.to_be_bytes()).more()).close(dir.opposite(), 1002, "")
        }),
    ];
    hold(&cases, talk);
}

#[test]
fn class_7_what_may_follow_a_close() {
    let cases = [
        legal("7 a message, then the close", |talk, dir| closed(talk.text(dir, "Hello World!"), dir)),
        legal("7 the other end goes on until it answers", |talk, dir| {
            let talk = talk.close(dir, 1000, "").text(dir.opposite(), "still here").ping(dir.opposite(), b"");
            talk.close(dir.opposite(), 1000, "")
        }),
        breaks(&["control-after-close"], "7 two closes", |talk, dir| {
            talk.close(dir, 1000, "").close(dir, 1000, "").close(dir.opposite(), 1000, "")
        }),
        breaks(&["control-after-close"], "7 a ping after the close", |talk, dir| {
            talk.close(dir, 1000, "").ping(dir, b"late").close(dir.opposite(), 1000, "")
        }),
        breaks(&["data-after-close"], "7 a text after the close", |talk, dir| {
            talk.close(dir, 1000, "").text(dir, "late").close(dir.opposite(), 1000, "")
        }),
        breaks(&["data-after-close", "incomplete-message"], "7 a close within a message", |talk, dir| {
            let talk = put(talk, dir, Frame::new(TEXT, b"fragment1".to_vec()).more()).close(dir, 1000, "");
            let talk = put(talk, dir, Frame::new(CONTINUATION, b"fragment2".to_vec()).more());
            talk.close(dir.opposite(), 1000, "")
        }),
    ];
    // How much of a message that a Close interrupts is shown, no standard says.
    let (last, rest) = cases.split_last().expect("cases");
    hold(rest, talk);
    for dir in [super::C2S, super::S2C] {
        let talk = (last.say)(talk().opened(), dir);
        let problems = super::judge(last, &talk, &super::Split::Writes(1460));
        assert!(problems.iter().all(|problem| problem.contains("messages, expected")), "{problems:?}");
    }
}
