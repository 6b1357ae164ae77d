//! Bodies, stray responses and drafts around the opening handshake.

use crate::read::{Message, Output, read};
use crate::support::forge::{
    C2S, Conversation, Frame, Handshake, PcapFormat, S2C, Script, Split, TEXT, accept_of, pcap,
};
use wslens::model::Direction;

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: KEY\r\nSec-WebSocket-Version: 13\r\n";
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: ACCEPT\r\n";

/// A conversation of these writes, with frames behind them. `KEY` and `ACCEPT` stand for right values.
fn talk(writes: &[(Direction, &[u8])]) -> Conversation {
    let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80");
    let key = talk.key.clone();
    let replace = |bytes: &[u8], from: &str, to: &str| {
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes());
        at.map_or_else(
            || bytes.to_vec(),
            |at| [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat(),
        )
    };
    for (direction, bytes) in writes {
        talk = talk.bytes(*direction, &replace(&replace(bytes, "KEY", &key), "ACCEPT", &accept_of(&key)));
    }
    talk.handshake = Handshake::Done;
    talk
}

fn output_of(talk: &Conversation, split: &Split) -> Output {
    read(pcap(&Script::new(talk, split).packets(), PcapFormat::default()))
}

const SPLITS: [Split; 2] = [Split::Writes(1460), Split::Writes(1)];

/// The text of the data messages of a direction.
fn messages_of(output: &Output, conn: u64, dir: &str) -> Vec<String> {
    let data = |message: &Message| message.op == "text" || message.op == "binary";
    let messages = output.said(conn, dir).into_iter().filter(data);
    messages.map(|message| String::from_utf8_lossy(&message.bytes).into_owned()).collect()
}

#[test]
fn the_body_of_a_request_comes_before_the_frames() {
    let request = |line: &str| format!("{REQUEST}{line}\r\n\r\n").into_bytes();
    let response = format!("{RESPONSE}\r\n").into_bytes();
    let cases: [(&str, &[u8]); 4] = [
        ("Content-Length: 11", b"hello=world"),
        ("Content-Length: 4", b"\x1f\x8b\x08\x00"),
        ("Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"),
        ("Content-Length: 3\r\nTransfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"),
    ];
    for (line, body) in cases {
        for split in &SPLITS {
            let request = request(line);
            let together = [&request[..], body].concat();
            let orders: [&[(Direction, &[u8])]; 3] = [
                &[(C2S, &request), (C2S, body), (S2C, &response)],
                &[(C2S, &together), (S2C, &response)],
                &[(C2S, &request), (S2C, &response), (C2S, body)],
            ];
            for (order, writes) in orders.into_iter().enumerate() {
                if order == 2 && line.contains("chunked") {
                    continue; // Chunks behind a 101 are no body.
                }
                let talk = talk(writes).text(C2S, "one").text(S2C, "two").closed(1000);
                let output = output_of(&talk, split);
                let about = format!("{line:?} {order} {split:?}: {:?}", output.codes());
                assert_eq!(messages_of(&output, 1, "c2s"), ["one"], "{about}");
                assert_eq!(messages_of(&output, 1, "s2c"), ["two"], "{about}");
                assert_eq!(output.connections()[0]["close"]["code"], 1000, "{about}");
                let allowed = ["http-body-in-upgrade", "http-conflicting-length"];
                assert!(output.codes().iter().all(|code| allowed.contains(code)), "{about}");
                let found = output.findings("http-body-in-upgrade");
                let says =
                    |finding: &&&serde_json::Value| finding["text"].as_str().unwrap().contains("as the body");
                assert_eq!(found.iter().filter(says).count(), 1, "{about}");
            }
        }
    }
}

#[test]
fn a_body_that_was_only_announced_is_not_waited_for() {
    let request = format!("{REQUEST}Content-Length: 20\r\n\r\n").into_bytes();
    let response = format!("{RESPONSE}\r\n").into_bytes();
    for split in &SPLITS {
        let talk = talk(&[(C2S, &request), (S2C, &response)]).text(C2S, "one").text(S2C, "two").closed(1000);
        let output = output_of(&talk, split);
        assert_eq!(messages_of(&output, 1, "c2s"), ["one"]);
        assert_eq!(output.codes(), ["http-body-in-upgrade"]);
    }
    let early = Frame::new(TEXT, "too early").masked([1, 2, 3, 4]).wire();
    let output =
        output_of(&talk(&[(C2S, &request), (C2S, &early), (S2C, &response)]).closed(1000), &SPLITS[0]);
    assert_eq!(messages_of(&output, 1, "c2s"), ["too early"]);
    assert_eq!(output.codes(), ["http-body-in-upgrade", "data-before-handshake"]);
}

#[test]
fn frames_behind_the_body_of_a_request_may_be_early() {
    let request = format!("{REQUEST}Content-Length: 4\r\n\r\nbody").into_bytes();
    let response = format!("{RESPONSE}\r\n").into_bytes();
    let early = Frame::new(TEXT, "too early").masked([1, 2, 3, 4]).wire();
    let output =
        output_of(&talk(&[(C2S, &request), (C2S, &early), (S2C, &response)]).closed(1000), &SPLITS[0]);
    assert_eq!(messages_of(&output, 1, "c2s"), ["too early"]);
    assert_eq!(output.findings("data-before-handshake").len(), 1);
}

#[test]
fn a_body_behind_a_101_is_no_frame() {
    let request = format!("{REQUEST}\r\n").into_bytes();
    for (line, body) in [
        ("Content-Length: 12", &b"Switching..."[..]),
        ("Content-Length: 0", b""),
        ("Content-Length: 12", b""),
        ("Transfer-Encoding: chunked", b""),
    ] {
        for split in &SPLITS {
            let response = format!("{RESPONSE}{line}\r\n\r\n").into_bytes();
            let response = [&response[..], body].concat();
            let talk =
                talk(&[(C2S, &request), (S2C, &response)]).text(S2C, "one").text(C2S, "two").closed(1000);
            let output = output_of(&talk, split);
            assert_eq!(messages_of(&output, 1, "s2c"), ["one"], "{line} {split:?} {:?}", output.codes());
            assert_eq!(output.findings("not-a-frame").len(), usize::from(!body.is_empty()), "{line}");
            assert_eq!(output.connections()[0]["close"]["code"], 1000);
        }
    }
}

#[test]
fn a_101_behind_another_response_opens_the_websocket() {
    let request = format!("{REQUEST}\r\n").into_bytes();
    let response = format!("{RESPONSE}\r\n").into_bytes();
    for stray in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"[..],
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ] {
        let together = [stray, &response[..]].concat();
        let orders: [&[(Direction, &[u8])]; 2] =
            [&[(C2S, &request), (S2C, stray), (S2C, &response)], &[(C2S, &request), (S2C, &together)]];
        for writes in orders {
            let talk = talk(writes).text(S2C, "one").text(C2S, "two").text(S2C, "three").closed(1000);
            let output = output_of(&talk, &Split::Writes(1460));
            let about = format!("{} {:?}", stray.escape_ascii(), output.codes());
            assert_eq!(messages_of(&output, 2, "s2c"), ["one", "three"], "{about}");
            assert_eq!(messages_of(&output, 2, "c2s"), ["two"], "{about}");
            assert_eq!(output.codes(), ["handshake-rejected", "stray-response"], "{about}");
            let connections = output.connections();
            assert_eq!(connections[0]["state"], "refused");
            assert_eq!(
                (&connections[1]["state"], &connections[1]["accept"]),
                (&"closed".into(), &"ok".into())
            );
            assert_eq!(connections[1]["url"], connections[0]["url"]);
        }
    }
    // Interim responses are none.
    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"] {
        let talk = talk(&[(C2S, &request), (S2C, interim.as_bytes()), (S2C, &response)])
            .text(S2C, "one")
            .closed(1000);
        let output = output_of(&talk, &Split::Writes(1460));
        assert_eq!((messages_of(&output, 1, "s2c"), output.codes()), (vec!["one".to_owned()], vec![]));
    }
}

#[test]
fn a_101_in_the_body_of_a_refusal_opens_nothing() {
    let request = format!("{REQUEST}\r\n").into_bytes();
    let other = RESPONSE.replace("ACCEPT", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let body = format!("{other}\r\n\u{1}\u{2}").into_bytes();
    let refusal = [&b"HTTP/1.1 404 Not Found\r\n\r\n"[..], &body].concat();
    let output =
        output_of(&talk(&[(C2S, &request), (S2C, &refusal)]).no_close().fin(S2C), &Split::Writes(1460));
    assert_eq!(output.codes(), ["handshake-rejected"]);
    assert_eq!(output.connections().len(), 1);
}

#[test]
fn frames_of_hixie_76_are_not_read() {
    let request = b"GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\
        Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\
        Origin: http://example.com\r\n\r\n^n:ds[4U";
    let response = b"HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Origin: http://example.com\r\nSec-WebSocket-Location: ws://example.com/demo\r\n\r\n8jKS'y:G*Co,Wxa-";
    for split in &SPLITS {
        let talk = talk(&[(C2S, request), (S2C, response), (C2S, b"\0hello\xff"), (S2C, b"\0there\xff")])
            .no_close()
            .fin(S2C);
        let output = output_of(&talk, split);
        assert!(output.frames().is_empty() && output.messages().is_empty());
        let allowed = ["missing-key", "missing-version", "missing-accept"];
        assert_eq!(output.codes(), allowed, "{split:?}");
        let text = output.findings("missing-key")[0]["text"].as_str().unwrap();
        assert!(text.contains("hixie-76"), "{text}");
    }
}
