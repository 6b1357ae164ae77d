//! Bytes that are no frames where frames should be, frames that never become complete, and lengths in another encoding.

use crate::read::{Message, Output, read};
use crate::support::forge::{
    BINARY, C2S, CONTINUATION, Conversation, Frame, PcapFormat, S2C, Script, Split, TEXT, pcap,
};
use wslens::model::Direction;

fn talk() -> Conversation {
    Conversation::new("10.0.0.1:50000", "10.0.0.2:80")
}

fn output_of(talk: &Conversation, split: &Split) -> Output {
    read(pcap(&Script::new(talk, split).packets(), PcapFormat::default()))
}

fn name(direction: Direction) -> &'static str {
    if direction == C2S { "c2s" } else { "s2c" }
}

/// Text and integrity of each data message of a direction.
fn messages_of(output: &Output, direction: Direction) -> Vec<(String, String)> {
    let data = |message: &Message| message.op == "text" || message.op == "binary";
    let shown = |message: Message| (String::from_utf8_lossy(&message.bytes).into_owned(), message.integrity);
    output.said(1, name(direction)).into_iter().filter(data).map(shown).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(text, integrity)| ((*text).to_owned(), (*integrity).to_owned())).collect()
}

/// The one finding that says what bytes are.
fn what(output: &Output) -> (String, String) {
    let found = output.findings("not-a-frame");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["severity"], "error");
    let word = |key: &str| found[0][key].as_str().unwrap().to_owned();
    (word("what"), word("text"))
}

/// The errors that were reported.
fn errors(output: &Output) -> Vec<&str> {
    let errors = output.kind("finding").filter(|finding| finding["severity"] == "error");
    errors.map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn header_rules_hold_for_frames_that_never_become_complete() {
    let cases: [(&str, Direction, &[u8]); 11] = [
        ("reserved-bit-set", S2C, &[0xf1, 20, b'x']),
        ("reserved-opcode", S2C, &[0x83, 20, b'x']),
        ("control-frame-too-long", S2C, &[0x89, 127, 0, 0, 1, 0, 0, 0, 0, 0, b'x']),
        ("fragmented-control-frame", C2S, &[0x0a, 0x90, 1, 2, 3, 4, b'x']),
        ("masked-server-frame", S2C, &[0x81, 0x94, 1, 2, 3, 4, b'x']),
        ("unmasked-client-frame", C2S, &[0x81, 20, b'x']),
        ("non-minimal-length", S2C, &[0x81, 126, 0, 20, b'x']),
        ("unexpected-continuation", S2C, &[0x80, 20, b'x']),
        ("length-msb-set", S2C, &[0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 0, b'x']),
        ("weak-masking-key", C2S, &[0x81, 0x94, 0, 0, 0, 0, b'x']),
        ("interleaved-data-frame", S2C, &[0x01, 1, b'x', 0x81, 20, b'x']),
    ];
    for (code, direction, bytes) in cases {
        for split in [Split::Writes(1460), Split::Writes(1)] {
            let talk = talk().text(S2C, "all is well").raw(direction, bytes).no_close();
            let output = output_of(&talk, &split);
            let found = output.findings(code);
            assert_eq!(found.len(), 1, "{code}: {:?}", output.codes());
            assert_eq!(found[0]["dir"], name(direction), "{code}");
            // The last byte is payload: the header was complete before.
            let packet = |finding: &serde_json::Value| finding["packet"].as_u64().unwrap();
            let end = output.findings("incomplete-frame");
            if let Some(end) = end.first().filter(|_| split == Split::Writes(1)) {
                assert!(packet(found[0]) < packet(end), "{code}");
            }
            let start = talk.stream(direction).len() - bytes.len();
            let start = if code == "interleaved-data-frame" { start + 3 } else { start };
            assert_eq!(found[0]["offset"], start, "{code}");
            assert_eq!(end.len(), usize::from(code != "length-msb-set"), "{code}");
            // One frame, one finding: it breaks nothing else.
            let allowed = [code, "incomplete-frame", "closed-without-close", "desynchronised"];
            assert!(output.codes().iter().all(|code| allowed.contains(code)), "{code}: {:?}", output.codes());
        }
    }
}

#[test]
fn a_header_rule_is_reported_once_for_a_complete_frame() {
    let frame = Frame::new(11, "twenty bytes of this").rsv(2);
    for split in [Split::Writes(1460), Split::Writes(7), Split::Writes(1)] {
        let output = output_of(&talk().text(S2C, "before").frame(S2C, &frame).closed(1000), &split);
        assert_eq!(output.codes(), ["reserved-bit-set", "reserved-opcode"]);
        let number =
            output.frames().iter().find(|frame| frame["opcode"] == 11).map(|frame| frame["frame"].clone());
        assert!(
            output.findings("reserved-opcode").iter().all(|found| Some(&found["frame"]) == number.as_ref())
        );
    }
}

/// Bytes of something else, what they are, and whether frames are found behind them whatever these are.
const FOREIGN: [(&str, &[u8]); 12] = [
    ("http", b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nbad request\n"),
    ("http", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    ("http", b"GET /again HTTP/1.1\r\nHost: example\r\n\r\n"),
    ("crlf", b"\r\n"),
    ("crlf", b"\n"),
    ("text", b"Warning: mysqli::query(): in /srv/chat.php on line 12\n"),
    ("text", "Fehler: gr\u{fc}n ist nicht gr\u{fc}n\r\n".as_bytes()),
    ("text", b"<html><head><title>502 Bad Gateway</title></head><body>\r\n<center>nginx</center>\r\n</body></html>\r\n"),
    ("tls", b"\x15\x03\x01\x00\x02\x02\x28"),
    ("http2", b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64"),
    ("http2", b"\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"),
    ("bom", b"\xef\xbb\xbf"),
];

#[test]
fn bytes_of_something_else_are_named_and_frames_behind_them_are_read() {
    for (kind, bytes) in FOREIGN {
        for direction in [S2C, C2S] {
            for split in [Split::Writes(1460), Split::Merged(1460), Split::Writes(1)] {
                let about = format!("{kind} {direction:?} {split:?} {}", bytes.escape_ascii());
                let talk = talk()
                    .text(direction, "before")
                    .raw(direction, bytes)
                    .text(direction, "behind it, one")
                    .binary(direction, &[7; 300])
                    .text(direction, "behind it, two")
                    .closed(1000);
                let output = output_of(&talk, &split);
                let (found, text) = what(&output);
                assert_eq!(found, kind, "{about}");
                assert!(!text.contains('\r') && text.len() < 700, "{about}: {text}");
                assert_eq!(errors(&output), ["not-a-frame"], "{about}");
                let messages = messages_of(&output, direction);
                assert_eq!(messages[0], ("before".to_owned(), "ok".to_owned()), "{about}");
                assert_eq!(messages.len(), 4, "{about}: {messages:?}");
                assert!(messages[1..].iter().all(|(_, integrity)| integrity == "guessed"), "{about}");
                assert_eq!(messages[3].0, "behind it, two", "{about}");
                assert_eq!(output.connections()[0]["close"]["code"], 1000, "{about}");
                assert_eq!(output.connections()[0]["state"], "closed", "{about}");
                assert!(output.findings("close-unanswered").is_empty(), "{about}");
            }
        }
    }
}

#[test]
fn bytes_of_something_else_at_the_end_are_no_frame_and_no_close() {
    for (kind, bytes) in FOREIGN {
        for (before, split) in
            [(true, Split::Writes(1460)), (false, Split::Writes(1460)), (true, Split::Writes(1))]
        {
            let talk = if before { talk().text(S2C, "before") } else { talk().opened() };
            let output = output_of(&talk.raw(S2C, bytes).no_close().fin(S2C), &split);
            assert_eq!(what(&output).0, kind, "{split:?}");
            assert_eq!(errors(&output), ["not-a-frame"]);
            assert_eq!(output.frames().len(), usize::from(before), "{}", bytes.escape_ascii());
            assert!(output.connections()[0]["close"]["code"].is_null());
            let found = output.findings("not-a-frame")[0];
            assert_eq!(found["offset"], output_offset(&talk_with(before)), "{kind}");
        }
    }
}

fn talk_with(before: bool) -> Conversation {
    if before { talk().text(S2C, "before") } else { talk().opened() }
}

/// Bytes of the server so far.
fn output_offset(talk: &Conversation) -> usize {
    talk.stream(S2C).len()
}

#[test]
fn frames_behind_text_of_any_length_are_read() {
    let page = format!("HTTP/1.1 502 Bad Gateway\r\n\r\n{}", "<p>gr\u{fc}n</p>\n".repeat(20_000));
    for split in [Split::Writes(1460), Split::Merged(1453)] {
        let talk = talk().text(S2C, "before").raw(S2C, page.as_bytes());
        let talk = talk.text(S2C, "behind it, one").binary(S2C, &[7; 3000]).closed(1000);
        let output = output_of(&talk, &split);
        assert_eq!(output.codes(), ["not-a-frame"], "{split:?}");
        assert_eq!(messages_of(&output, S2C).len(), 3, "{split:?}");
    }
}

#[test]
fn a_hole_in_something_else_loses_the_framing() {
    let page = "<p>502 Bad Gateway</p>\n".repeat(400);
    let talk = talk().text(S2C, "before").raw(S2C, page.as_bytes());
    let start = (talk.stream(S2C).len() - page.len()) as u64;
    let talk = (0..9).fold(talk, |talk, n| talk.text(S2C, &format!("behind it, {n}"))).closed(1000);
    let script = Script::new(&talk, &Split::Writes(1460)).acked();
    let script = script.lose_bytes(S2C, start + 3000..start + 5000);
    let output = read(pcap(&script.packets(), PcapFormat::default()));
    assert_eq!(what(&output).0, "text");
    let messages = messages_of(&output, S2C);
    assert!(messages.len() >= 9, "{messages:?} {:?}", output.codes());
    assert!(
        errors(&output).iter().all(|code| ["not-a-frame", "tcp-gap"].contains(code)),
        "{:?}",
        output.codes()
    );
}

#[test]
fn a_response_behind_a_close_is_a_response() {
    let response = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    let talk =
        talk().text(S2C, "before").close(S2C, 1002, "bad frame").raw(S2C, response).no_close().fin(S2C);
    let output = output_of(&talk, &Split::Writes(1460));
    assert_eq!(what(&output).0, "http");
    assert_eq!(errors(&output), ["not-a-frame"]);
    assert_eq!(output.connections()[0]["close"]["code"], 1002);
}

#[test]
fn chunks_are_taken_off_the_frames() {
    let chunk = |frames: &[u8]| [format!("{:x}\r\n", frames.len()).as_bytes(), frames, b"\r\n"].concat();
    let [one, two, three] =
        ["{\"n\":1}", "{\"n\":22,\"longer\":true}", "{\"n\":3}"].map(|text| Frame::new(TEXT, text).wire());
    for (announced, split) in [
        (true, Split::Writes(1460)),
        (true, Split::Merged(1460)),
        (true, Split::Writes(1)),
        (false, Split::Writes(1460)),
    ] {
        let talk = if announced { talk().header(S2C, "Transfer-Encoding", "chunked") } else { talk() };
        let talk = talk
            .opened()
            .raw(S2C, &chunk(&one))
            .text(C2S, "from the client")
            .raw(S2C, &chunk(&[&two[..], &three].concat()))
            .raw(S2C, b"0\r\n\r\n")
            .no_close()
            .fin(S2C);
        let output = output_of(&talk, &split);
        let (kind, text) = what(&output);
        assert_eq!(kind, "chunk-size", "{text}");
        let messages =
            [("{\"n\":1}", "guessed"), ("{\"n\":22,\"longer\":true}", "guessed"), ("{\"n\":3}", "guessed")];
        assert_eq!(messages_of(&output, S2C), pairs(&messages), "{split:?}");
        assert_eq!(messages_of(&output, C2S), pairs(&[("from the client", "ok")]));
        assert_eq!(errors(&output), ["not-a-frame"]);
    }
}

#[test]
fn frames_that_break_rules_are_frames() {
    let text = "a text of some length that could be anything else";
    let part = |op, rsv| Frame::new(op, text).rsv(rsv).more();
    let frames = [
        part(TEXT, 4),
        part(3, 4),
        part(TEXT, 2),
        part(13, 0),
        Frame::new(13, "ten bytes.").more(),
        part(CONTINUATION, 0),
        Frame::new(CONTINUATION, "").more(),
        Frame::new(4, "abc").rsv(1).more(),
        Frame::new(15, vec![0xbb; 59]).rsv(6),
    ];
    for frame in frames {
        for split in [Split::Writes(1460), Split::Writes(1)] {
            let talk = talk().text(S2C, "before").frame(S2C, &frame).text(S2C, "behind").closed(1000);
            let output = output_of(&talk, &split);
            assert!(output.findings("not-a-frame").is_empty(), "{frame:?} {:?}", output.codes());
            assert_eq!(output.frames().len(), 5, "{frame:?}");
            assert!(!errors(&output).is_empty(), "{frame:?}");
        }
    }
}

#[test]
fn frames_that_keep_to_the_rules_are_never_taken_for_something_else() {
    // Compressed fragments may begin with any printable byte's bits.
    let talk = talk()
        .deflate(crate::support::forge::DeflateSpec::default())
        .opened()
        .fragmented(S2C, TEXT, &[&[b'a'; 400], b"HTTP/1.1 400", b"\r\n"])
        .fragmented(S2C, BINARY, &[b"\r\n", b"GET / HTTP/1.1\r\n\r\n"])
        .closed(1000);
    for split in [Split::Writes(1460), Split::Writes(1)] {
        let output = output_of(&talk, &split);
        assert_eq!(output.codes(), [""; 0]);
        assert!(output.messages().iter().all(|message| message.integrity == "ok"));
    }
}

/// A frame whose length is encoded in this way.
fn odd(head: &[u8], payload: &[u8]) -> Vec<u8> {
    [head, payload].concat()
}

#[test]
fn a_length_in_another_encoding_is_read_where_segments_end() {
    let text = "text ".repeat(60);
    let small = "x".repeat(200);
    let key = [9, 8, 7, 6];
    let masked: Vec<u8> = small.bytes().enumerate().map(|(i, b)| b ^ key[i % 4]).collect();
    let cases: [(Direction, Vec<u8>, &str, [&str; 2]); 5] = [
        (S2C, odd(&[0x81, 126, 0x2c, 0x01], text.as_bytes()), &text, ["11265", "300"]),
        (
            S2C,
            odd(&[0x81, 127, 0x2c, 0x01, 0, 0, 0, 0, 0, 0], text.as_bytes()),
            &text,
            ["3170815612645539840", "300"],
        ),
        (
            S2C,
            odd(&[0x81, 127, 0xc8, 0, 0, 0, 0, 0, 0, 0], small.as_bytes()),
            &small,
            ["14411518807585587200", "200"],
        ),
        (S2C, odd(&[0x81, 200], small.as_bytes()), &small, ["72", "200"]),
        (C2S, odd(&[0x81, 72, 9, 8, 7, 6], &masked), &small, ["72", "200"]),
    ];
    for (direction, bytes, payload, lengths) in cases {
        for more in [true, false] {
            let talk = talk().text(direction, "before").raw(direction, &bytes);
            let talk = if more {
                talk.raw(direction, &bytes).text(direction, "behind").closed(1000)
            } else {
                talk.no_close().fin(direction)
            };
            let output = output_of(&talk, &Split::Writes(1460));
            let found = output.findings("wrong-length-encoding");
            assert_eq!(found.len(), if more { 2 } else { 1 }, "{:?} {:?}", &bytes[..4], output.codes());
            let text = found[0]["text"].as_str().unwrap();
            assert!(lengths.iter().all(|length| text.contains(length)), "{text}");
            assert!(
                errors(&output).iter().all(|code| *code == "wrong-length-encoding"),
                "{:?}",
                output.codes()
            );
            let mut expected = vec![("before", "ok"), (payload, "lenient")];
            if more {
                expected.extend([(payload, "lenient"), ("behind", "ok")]);
            }
            assert_eq!(messages_of(&output, direction), pairs(&expected), "{:?}", &bytes[..4]);
        }
    }
}

#[test]
fn a_long_frame_whose_first_segment_ends_where_another_encoding_would_is_read_as_sent() {
    // 45061 is 0xb005; its first segment of 1460 bytes has 0x05b0 of payload.
    for payload in [vec![b'j'; 45_061], vec![0; 45_061], vec![0x82; 45_061]] {
        for cut in [true, false] {
            let talk = talk().text(S2C, "before").binary(S2C, &payload).text(S2C, "behind").closed(1000);
            let mut script = Script::new(&talk, &Split::Writes(1460));
            if cut {
                script = script.no_syn();
            }
            let output = read(pcap(&script.packets(), PcapFormat::default()));
            assert_eq!(output.codes(), [""; 0]);
            let lens: Vec<usize> = messages_of(&output, S2C).iter().map(|(text, _)| text.len()).collect();
            assert_eq!(lens.len(), 3);
        }
    }
}
