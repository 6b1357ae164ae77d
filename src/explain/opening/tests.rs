use proptest::prelude::*;

use super::*;
use crate::http::judge;
use crate::http::{HeadKind, HeadLimits, HeadScan, scan};

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn head(kind: HeadKind, bytes: &[u8]) -> Option<Head> {
    match scan(kind, bytes, &HeadLimits::default()) {
        HeadScan::Done(head, _) => Some(head),
        _ => None,
    }
}

fn with(handshake: &Handshake, style: Style, change: impl FnOnce(&mut HandshakeView<'_>)) -> String {
    let place = |packet: u64, time: i64| Place { packet, time: Time(time) };
    let mut opening = HandshakeView {
        number: 1,
        url: "ws://server.example.com/chat",
        client: Endpoint::v4([10, 0, 0, 1], 50000),
        server: Endpoint::v4([10, 0, 0, 2], 80),
        proxied: None,
        tunnelled: false,
        stream_id: None,
        handshake,
        request: Some((place(4, 1_500_000), place(4, 1_500_000))),
        response: Some((place(6, 2_000_000), place(7, 2_250_000))),
        begin: Time(500_000),
        unanswered: "none captured",
        notes: &[],
        accept_of: None,
        key_of: None,
        lang: Lang::En,
    };
    change(&mut opening);
    let mut out = Vec::new();
    write_opening(&mut out, &opening, &style, false).unwrap();
    String::from_utf8(out).unwrap()
}

/// What is printed of these heads. An empty one was not captured.
fn printed(request: &[u8], response: &[u8]) -> String {
    let (request, response) = (head(HeadKind::Request, request), head(HeadKind::Response, response));
    with(&judge(request.as_ref(), response.as_ref()).0, Style::PLAIN, |_| {})
}

fn text(request: &str, response: &str) -> String {
    printed(request.as_bytes(), response.as_bytes())
}

#[test]
fn places_are_told_from_the_begin_of_the_capture_on() {
    let shown = text(REQUEST, RESPONSE);
    assert!(shown.contains("packet 4 at 0.001000 s, 161 bytes"), "{shown}");
    assert!(shown.contains("packets 6 to 7 at 0.001750 s, 0.750 ms after the request, 129 bytes"), "{shown}");
    assert!(shown.contains("result  ✓ opened   10 lines right, 0 errors, 0 warnings"), "{shown}");
    assert_eq!(decimal(-1_234_567, 9, 6), "-0.001234");
    assert_eq!(decimal(i64::MIN, 6, 3), "-9223372036854.775");
}

#[test]
fn what_is_absent_has_a_line_of_its_own_and_crosses_no_other() {
    for (name, line) in [
        ("Host", "Host: server.example.com\r\n"),
        ("Upgrade", "Upgrade: websocket\r\n"),
        ("Connection", "Connection: Upgrade\r\n"),
        ("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
        ("Sec-WebSocket-Version", "Sec-WebSocket-Version: 13\r\n"),
    ] {
        let shown = text(&REQUEST.replacen(line, "", 1), RESPONSE);
        assert!(shown.contains(&format!("  ✗ {name}: (absent)\n     ERROR missing-")), "{shown}");
        assert!(shown.contains("  ✓ GET /chat HTTP/1.1"), "{shown}");
    }
    let shown =
        text(REQUEST, &RESPONSE.replace("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", ""));
    assert!(shown.contains("  ✗ Sec-WebSocket-Accept: (absent)\n     ERROR missing-accept"), "{shown}");
    assert!(shown.contains("5 server sent     ✗ nothing: a client has to close the connection"), "{shown}");
    assert!(shown.contains("result  ✗ a client has to close it: its Accept is missing"), "{shown}");
}

#[test]
fn what_is_wrong_is_crossed_where_it_stands() {
    let shown = text(&REQUEST.replace("Version: 13", "Version: 8"), RESPONSE);
    assert!(shown.contains("  ! Sec-WebSocket-Version: 8\n"), "{shown}");
    let shown = text(&REQUEST.replace("GET", "PUT").replace("Upgrade: w", "Upgrade: x, w"), RESPONSE);
    assert!(
        shown.contains("  ✗ PUT /chat HTTP/1.1\n") && shown.contains("  ✓ Upgrade: x, websocket"),
        "{shown}"
    );
    let shown = text(REQUEST, &RESPONSE.replace("Connection: Upgrade", "Connection: close"));
    assert!(shown.contains("  ✗ Connection: close\n") && !shown.contains("(absent)"), "{shown}");
    let shown = text(&REQUEST.replace("Host: server", "Host: a\r\nHost: server"), RESPONSE);
    assert!(shown.contains("  ✓ Host: a\n") && shown.contains("  ! Host: server.example.com\n"), "{shown}");
    let shown = text(&REQUEST.replace("Host:", "no header at all\r\nHost:"), RESPONSE);
    assert!(shown.contains("  · no header at all\n     not a header"), "{shown}");
}

#[test]
fn a_bare_line_feed_is_told_at_its_line() {
    let shown = text(&REQUEST.replace("Upgrade: websocket\r\n", "Upgrade: websocket\n"), RESPONSE);
    assert!(shown.contains("  ! Upgrade: websocket\n") && shown.contains("WARN http-bare-lf"), "{shown}");
}

#[test]
fn a_wrong_accept_is_explained_by_a_mistake_or_by_another_connection() {
    let wrong = RESPONSE.replace("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "hHLtf2V1k8aDQZfNjw3Ia1hCwt0=");
    let shown = text(REQUEST, &wrong);
    assert!(
        shown.contains("✗ not the same\n") && shown.contains("likely mistake: the GUID was not"),
        "{shown}"
    );
    let wrong = RESPONSE.replace("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "yA9O5xGLp8SbwCV//OepMPw7pEI=");
    assert!(!text(REQUEST, &wrong).contains("likely mistake"));
    let heads = (head(HeadKind::Request, REQUEST.as_bytes()), head(HeadKind::Response, wrong.as_bytes()));
    let handshake = judge(heads.0.as_ref(), heads.1.as_ref()).0;
    let other = Some(Other { number: 7, packet: 99 });
    let shown = with(&handshake, Style::PLAIN, |opening| opening.accept_of = other);
    assert!(shown.contains("it is the right value for the key of connection 7 (packet 99)"), "{shown}");
    let shown = with(&handshake, Style::PLAIN, |opening| opening.key_of = other);
    assert!(shown.contains("connection 7 (packet 99) sent the same key"), "{shown}");
}

#[test]
fn of_several_keys_the_one_that_was_answered_is_computed() {
    let shown = text(
        &REQUEST
            .replace("Sec-WebSocket-Key", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Key"),
        RESPONSE,
    );
    assert!(shown.contains("1 key as sent     dGhlIHNhbXBsZSBub25jZQ=="), "{shown}");
    assert!(shown.contains("✓ the same") && shown.contains("ERROR duplicate-key"), "{shown}");
}

#[test]
fn half_a_handshake_says_what_is_missing() {
    let shown = text("", RESPONSE);
    assert!(shown.contains("request   client → server   not captured\n     WARN request-missing"), "{shown}");
    assert!(
        shown.contains("  · Sec-WebSocket-Accept: s3pPL") && shown.contains("nothing to compute it from"),
        "{shown}"
    );
    assert!(shown.contains("none (what was offered is not known)"), "{shown}");
    let shown = text(REQUEST, "");
    assert!(
        shown.contains("response  server → client   none captured\n     WARN response-missing"),
        "{shown}"
    );
    assert!(
        shown.contains("4 base64          s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") && !shown.contains("agreed"),
        "{shown}"
    );
    assert!(shown.contains("result  ! no answer: no WebSocket"), "{shown}");
    assert!(text("", "").contains("the opening handshake was not captured"));
}

#[test]
fn what_was_agreed_is_told_in_words() {
    let request = REQUEST.replace(
        "Host:",
        "Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-own\r\nHost:",
    );
    let response = RESPONSE.replace(
        "Upgrade: w",
        "Sec-WebSocket-Protocol: b\r\nSec-WebSocket-Extensions: x-own; q=1, permessage-deflate; client_max_window_bits=8; server_no_context_takeover\r\nUpgrade: w",
    );
    let shown = text(&request, &response);
    for line in [
        "   subprotocol        b (offered: a, b)\n",
        "   extension          x-own; q=1 (what it does to frames is not known here)\n",
        "     client → server  window of 256 bytes (8 bits), kept from message to message (context takeover)\n",
        "     server → client  window of 32 KiB (15 bits), emptied before each message (no context takeover)\n",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    let shown = text(&request, RESPONSE);
    assert!(shown.contains("subprotocol        none (offered: a, b)"), "{shown}");
    assert!(shown.contains("extensions         none (offered: permessage-deflate, x-own)"), "{shown}");
}

#[test]
fn hostile_headers_reach_the_terminal_harmless() {
    let request = REQUEST.replace("/chat", "/\u{202e}x").replace(
        "Host:",
        "X-\x1b]0;title\x07: \x1b[2J\u{9b}31m\u{202e}\r\nSec-WebSocket-Protocol: \x1b[0m, b\r\nHost:",
    );
    let response = RESPONSE.replace("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "\x1b[8m").replace(
        "Upgrade: w",
        "Sec-WebSocket-Protocol: \x1b[1m\r\nSec-WebSocket-Extensions: \x1b, y\x07\r\nUpgrade: w",
    );
    let shown = text(&request, &response);
    assert!(shown.contains("[2J") && shown.contains("[8m"), "it is shown: {shown}");
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control() && !crate::model::is_hidden(c)), "{shown:?}");
}

#[test]
fn on_a_terminal_words_are_wrapped_and_values_cut() {
    let cookie = format!("Cookie: {}\r\nHost:", "x".repeat(9000));
    let heads = (
        head(HeadKind::Request, REQUEST.replace("Host:", &cookie).as_bytes()),
        head(HeadKind::Response, RESPONSE.replace("s3pP", "xxxx").as_bytes()),
    );
    let handshake = judge(heads.0.as_ref(), heads.1.as_ref()).0;
    assert!(with(&handshake, Style::PLAIN, |_| {}).contains(&"x".repeat(9000)), "a file gets all of it");
    let shown = with(&handshake, Style { color: false, columns: Some(80) }, |_| {});
    for line in shown.lines().filter(|line| line.starts_with("     ")) {
        assert!(width(line) <= 80, "{line}");
    }
    assert!(shown.lines().all(|line| width(line) <= 3 * 80), "{shown}");
    assert!(shown.contains('…') && shown.contains("    RFC 6455 §4.2.2 item 5.4"), "{shown}");
}

proptest! {
    #[test]
    fn any_heads_are_printed_without_a_control_character(
        request in proptest::collection::vec(any::<u8>(), 0..300),
        response in proptest::collection::vec(any::<u8>(), 0..300),
        columns in proptest::option::of(0..200usize),
    ) {
        let end = b"\r\n\r\n";
        let request = [b"GET / HTTP/1.1\r\nSec-WebSocket-Key:", &request[..], end].concat();
        let response = [b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Accept:", &response[..], end].concat();
        let (request, response) = (head(HeadKind::Request, &request), head(HeadKind::Response, &response));
        let handshake = judge(request.as_ref(), response.as_ref()).0;
        let shown = with(&handshake, Style { color: false, columns }, |_| {});
        prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()));
        prop_assert!(shown.ends_with("\n\n"));
    }
}
