//! WebSockets inside HTTP/2.

use super::make::{Case, case};
use crate::support::forge::{
    BINARY, C2S, Frame, Http2Talk, PcapFormat, S2C, Script, Split, TEXT, fields, h2_settings, pcap,
};

fn talk() -> Http2Talk {
    Http2Talk::new("10.0.0.1:50000", "10.0.0.2:80")
}

/// An open WebSocket on stream 1.
fn open() -> Http2Talk {
    talk().open(1)
}

/// One that says something and is closed.
fn closed(talk: Http2Talk) -> Http2Talk {
    talk.say(S2C, 1, TEXT, b"something").close(1)
}

/// The request of stream 1, changed, and the rest of a whole conversation.
fn asked(change: impl FnOnce(&mut Vec<(&'static str, &'static str)>)) -> Http2Talk {
    let mut list = Http2Talk::request("/1");
    change(&mut list);
    closed(talk().ask(1, &list).grant(1))
}

pub fn of_http2() -> Vec<Case> {
    let code = |code: u32| code.to_be_bytes();
    let window = |dir| closed(open().frame(dir, 8, 0, 1, &code(1000)));
    let goaway =
        |code: u32| closed(open().frame(S2C, 7, 0, 0, &[1u32.to_be_bytes(), code.to_be_bytes()].concat()));
    let after_end = {
        let close = Frame::new(8, 1000u16.to_be_bytes()).wire();
        let talk = open().say(C2S, 1, 8, &1000u16.to_be_bytes()).frame(S2C, 0, 1, 1, &close);
        talk.frame(S2C, 0, 0, 1, b"late").frame(C2S, 0, 1, 1, b"")
    };
    // A window of 100 bytes.
    let stall = |len: usize| {
        let talk = Http2Talk::with_settings("10.0.0.1:50000", "10.0.0.2:80", &[(8, 1), (4, 100)]).open(1);
        closed(talk.say(C2S, 1, BINARY, &vec![1; len]).frame(S2C, 8, 0, 1, &code(1000)))
    };
    // A field that refers to what nobody saw.
    let midway = |reference: &[u8]| {
        let begun = talk().frame(C2S, 1, 5, 3, &[0x82, 0x86, 0x84]);
        let request =
            [&[0x42, 7][..], b"CONNECT", &fields(&Http2Talk::request("/1")[1..]), reference].concat();
        let talk = closed(begun.frame(C2S, 1, 4, 1, &request).grant(1)).talk;
        let script = Script::new(&talk, &Split::Writes(1460));
        let from = script.data(C2S)[3];
        pcap(&script.begin_at(from).packets(), PcapFormat::default())
    };
    // Bytes of the server that are not captured, of a plain stream.
    let lost = |skip: usize| {
        let talk = closed(open().frame(S2C, 0, 0, 5, &[0; 4000])).talk;
        let script = Script::new(&talk, &Split::Writes(1460));
        let first = script.data(S2C)[3];
        script.lose(first + skip)
    };
    // The preface, with other bytes in it.
    let preface = |words: &[u8; 2]| {
        let mut talk = closed(open()).talk;
        talk.streams[0][18..20].copy_from_slice(words);
        talk
    };
    vec![
        case(
            "h2-bad-frame",
            closed(open().frame(S2C, 6, 0, 0, &[0; 7])),
            &[],
            closed(open().frame(S2C, 6, 1, 0, &[0; 8])),
        ),
        case(
            "h2-frame-too-large",
            closed(open().frame(C2S, 0xee, 0, 0, &[0; 16385])),
            &[],
            closed(open().bytes(S2C, &h2_settings(&[(5, 20000)])).frame(C2S, 0xee, 0, 0, &[0; 20000])),
        ),
        case(
            "h2-bad-continuation",
            closed(open().frame(C2S, 9, 4, 1, b"")),
            &[],
            closed(open().frame(C2S, 1, 1, 3, &[0x82]).frame(C2S, 9, 4, 3, &[0x84, 0x86])),
        ),
        case(
            "h2-bad-settings",
            closed(open().bytes(S2C, &h2_settings(&[(8, 2)]))),
            &[],
            closed(open().bytes(S2C, &h2_settings(&[(8, 1), (0x99, 77), (5, (1 << 24) - 1)]))),
        ),
        case(
            "h2-bad-field-block",
            closed(open().frame(C2S, 1, 5, 3, &[0x82, 0xbe])),
            &[],
            closed(open().frame(C2S, 1, 5, 3, &[0x82, 0x40, 1, b'a', 1, b'b', 0xbe])),
        ),
        case("h2-unknown-fields", midway(&[0xbf]), &[], midway(&[0x90])),
        case(
            "h2-limit-fields",
            closed(talk().ask(1, &[Http2Talk::request("/1"), vec![("a", "b"); 1000]].concat()).grant(1)),
            &[],
            closed(talk().ask(1, &[Http2Talk::request("/1"), vec![("a", "b"); 990]].concat()).grant(1)),
        ),
        case(
            "h2-connect-not-enabled",
            closed(Http2Talk::with_settings("10.0.0.1:50000", "10.0.0.2:80", &[(3, 100)]).open(1)),
            &[],
            closed(Http2Talk::with_settings("10.0.0.1:50000", "10.0.0.2:80", &[(3, 100), (8, 1)]).open(1)),
        ),
        case("h2-bad-connect", asked(|list| list[0].1 = "GET"), &[], asked(|list| list[1].1 = "WebSocket")),
        case(
            "h2-bad-field",
            asked(|list| list.push(("connection", "upgrade"))),
            &[],
            asked(|list| list.push(("te", "trailers"))),
        ),
        case(
            "h2-stream-reset",
            open().say(S2C, 1, TEXT, b"x").frame(C2S, 3, 0, 1, &code(8)),
            &["closed-without-close"],
            open().say(C2S, 1, 8, b"").say(S2C, 1, 8, b"").frame(C2S, 3, 0, 1, &code(8)),
        ),
        case("h2-data-after-end", after_end, &[], closed(open())),
        case("h2-goaway", goaway(0), &[], window(S2C)),
        case("h2-goaway-error", goaway(11), &[], window(C2S)),
        case("h2-flow-stall", stall(94), &[], stall(93)),
        case("h2-bad-preface", preface(b"XX"), &["h2-desynchronised"], preface(b"SM")),
        // Where a frame begins is lost; the middle of one is not.
        case("h2-desynchronised", lost(0), &["tcp-gap", "tcp-out-of-order", "desynchronised"], lost(1)),
    ]
}
