use super::*;
use crate::http::{HeadKind, HeadLimits, HeadScan, rules, scan};
use proptest::prelude::*;

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n\
    Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n";
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";

fn head(text: &str) -> Head {
    let kind = if text.starts_with("HTTP/") { HeadKind::Response } else { HeadKind::Request };
    match scan(kind, text.as_bytes(), &HeadLimits::default()) {
        HeadScan::Done(head, _) => head,
        other => panic!("{other:?}: {text}"),
    }
}

/// `text` with lines replaced: `("Host: a", "")` takes the line away, `("", "X: 1")` adds one.
fn edit(text: &str, edits: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in edits {
        let to = if to.is_empty() { String::new() } else { format!("{to}\r\n") };
        if from.is_empty() {
            text.insert_str(text.len() - 2, &to);
        } else {
            let at = text.find(from).unwrap_or_else(|| panic!("{from} is not in {text}"));
            let end = at + text[at..].find("\r\n").unwrap() + 2;
            text.replace_range(at..end, &to);
        }
    }
    text
}

fn judged(request: Option<&str>, response: Option<&str>) -> (Handshake, Vec<Judgement>) {
    judge(request.map(head).as_ref(), response.map(head).as_ref())
}

fn codes(judgements: &[Judgement]) -> Vec<&'static str> {
    judgements.iter().map(|judgement| judgement.rule.code).collect()
}

/// One edited handshake and what it must give.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [(&'a str, &'a str)], &'a [&'a str]);

/// For every rule that two heads can break: a handshake that breaks it and no other, then one that comes near.
#[rustfmt::skip]
const CASES: &[Case<'static>] = &[
    (&[], &[], &[]),
    (&[("GET", "get /chat HTTP/1.1")], &[], &["request-method-not-get"]),
    (&[("GET", "GET http://server.example.com/chat HTTP/1.1")], &[], &[]),
    (&[("GET", "GET /chat HTTP/1.0")], &[], &["request-http-version-too-low"]),
    (&[("GET", "GET /chat HTTP/1")], &[], &["request-http-version-too-low"]),
    (&[("GET", "GET /chat HTTP/2.0")], &[], &[]),
    (&[("", "X-Odd: a\u{1}b")], &[], &["odd-head"]),
    (&[("", "X-Odd: a\tb")], &[], &[]),
    (&[("Host", "")], &[], &["missing-host-header"]),
    (&[("Host", "hOST:")], &[], &[]),
    (&[("Upgrade", "")], &[], &["missing-upgrade-header"]),
    (&[("Upgrade", "Upgrade: websockets")], &[], &["missing-upgrade-header"]),
    (&[("Upgrade", "Upgrade: h2, WebSocket ,x")], &[], &[]),
    (&[("Upgrade", "Upgrade: h2c"), ("", "UPGRADE: websocket")], &[], &[]),
    (&[("Connection", "")], &[], &["missing-connection-upgrade"]),
    (&[("Connection", "Connection: close")], &[], &["missing-connection-upgrade"]),
    (&[("Connection", "Connection: keep-alive"), ("", "Connection: x,\tUPGRADE")], &[], &[]),
    (&[("Sec-WebSocket-Key", "")], &[], &["missing-key"]),
    (&[("Sec-WebSocket-Key", "sec-websocket-key: \t dGhlIHNhbXBsZSBub25jZQ== ")], &[], &[]),
    (&[("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ")],
        &[("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: RZWuh2JK/hL0RMgTNJFfZIAppXg=")], &["invalid-key"]),
    (&[("Sec-WebSocket-Key", "Sec-WebSocket-Key:")],
        &[("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=")], &["invalid-key"]),
    (&[("", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")], &[], &["duplicate-key"]),
    (&[("", "Sec-WebSocket-Key1: dGhlIHNhbXBsZSBub25jZQ==")], &[], &[]),
    (&[("Sec-WebSocket-Version", "")], &[], &["missing-version"]),
    (&[("Sec-WebSocket-Version", "Sec-WebSocket-Version:  13\t")], &[], &[]),
    (&[("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8")], &[], &["unsupported-version"]),
    (&[("Sec-WebSocket-Version", "Sec-WebSocket-Version: 13, 8")], &[], &["unsupported-version"]),
    (&[("", "Sec-WebSocket-Version: 8")], &[], &["unsupported-version", "http-duplicate-header"]),
    (&[], &[("Upgrade", "")], &["missing-upgrade-header"]),
    (&[], &[("Upgrade", "Upgrade: WebSocket")], &[]),
    (&[], &[("Connection", "")], &["missing-connection-upgrade"]),
    (&[], &[("Connection", "connection: keep-alive, upgrade")], &[]),
    (&[], &[("Sec-WebSocket-Accept", "")], &["missing-accept"]),
    (&[], &[("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOO=")], &["bad-accept"]),
    (&[], &[("Sec-WebSocket-Accept", "Sec-WebSocket-Accept:")], &["bad-accept"]),
    (&[], &[("Sec-WebSocket-Accept", "sec-websocket-ACCEPT:s3pPLMBiTxaQ9kYGzzhZRbK+xOo= ")], &[]),
    (&[], &[("", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")], &["http-duplicate-header"]),
    (&[], &[("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: Chat")], &["unoffered-subprotocol"]),
    (&[], &[("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: chat, superchat")], &["unoffered-subprotocol"]),
    (&[], &[("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol:")], &["empty-extension-header"]),
    (&[], &[("", "Sec-WebSocket-Extensions: ,")], &["empty-extension-header"]),
    (&[("", "Sec-WebSocket-Extensions:")], &[], &["empty-extension-header"]),
    (&[("Sec-WebSocket-Protocol", "")], &[], &["unoffered-subprotocol"]),
    (&[("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: x"), ("", "sec-websocket-protocol: chat")], &[], &[]),
    (&[], &[("Sec-WebSocket-Protocol", "")], &["subprotocol-not-selected"]),
    (&[("Sec-WebSocket-Protocol", "")], &[("Sec-WebSocket-Protocol", "")], &[]),
    (&[("Origin", "Origin: http://evil.test")], &[], &["foreign-origin-accepted"]),
    (&[("Origin", "Origin: http://127.0.0.1")], &[], &["foreign-origin-accepted"]),
    (&[("Origin", "Origin: https://app.EXAMPLE.com:8443")], &[], &[]),
    (&[("Origin", "Origin: null")], &[], &[]),
    (&[("Origin", "Origin: http://evil.test")], &[("HTTP", "HTTP/1.1 403 Forbidden")], &["handshake-rejected"]),
    (&[], &[("HTTP", "HTTP/1.0 101 Switching Protocols")], &["response-http-version-too-low"]),
    (&[], &[("", "Transfer-Encoding: chunked")], &["framing-header-in-101"]),
    (&[], &[("", "Sec-WebSocket-Protocol: superchat")], &["http-duplicate-header"]),
    (&[], &[("", "Sec-WebSocket-Extensions: permessage-deflate")], &["unoffered-extension"]),
    (&[("", "Sec-WebSocket-Extensions: permessage-deflate")],
        &[("", "Sec-WebSocket-Extensions: permessage-deflate, mux")], &["unoffered-extension"]),
    (&[("", "Sec-WebSocket-Extensions: a, b"), ("", "Sec-WebSocket-Extensions: permessage-deflate")],
        &[("", "Sec-WebSocket-Extensions: b"), ("", "Sec-WebSocket-Extensions: permessage-deflate")], &[]),
    (&[("", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16")], &[],
        &["invalid-extension-params"]),
    (&[("", "Sec-WebSocket-Extensions: permessage-deflate;")], &[], &["invalid-extension-params"]),
    (&[("", "Sec-WebSocket-Extensions: permessage-deflate")],
        &[("", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=15")],
        &["invalid-extension-params"]),
    (&[("", "Sec-WebSocket-Extensions: permessage-deflate")],
        &[("", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=")],
        &["invalid-extension-params"]),
    (&[("", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")],
        &[("", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=15; server_max_window_bits=8")],
        &[]),
    (&[("", "Sec-WebSocket-Extensions: x-webkit-deflate-frame; server_max_window_bits=16")], &[], &[]),
    (&[], &[("HTTP", "HTTP/1.1 403 Forbidden")], &["handshake-rejected"]),
    (&[("Host", "")], &[("HTTP", "HTTP/1.1 400 Bad Request"), ("Upgrade", ""), ("Connection", "")],
        &["missing-host-header", "handshake-rejected"]),
    (&[], &[("HTTP", "HTTP/1.1 103 Early Hints")], &[]),
    (&[("Upgrade", "Upgrade: h2c"), ("Sec-WebSocket-Key", ""), ("Connection", "Connection: Upgrade, HTTP2-Settings")],
        &[("Upgrade", "Upgrade: h2c"), ("Sec-WebSocket-Accept", "")], &["h2c-upgrade"]),
    (&[("Upgrade", "Upgrade: websocket, h2c")], &[("Upgrade", "Upgrade: h2c"), ("Sec-WebSocket-Accept", "")],
        &["h2c-upgrade"]),
    (&[("Upgrade", "Upgrade: websocket, h2c")], &[], &[]),
    (&[("Upgrade", "Upgrade: h2c"), ("Sec-WebSocket-Key", "")], &[("HTTP", "HTTP/1.1 200 OK")], &[]),
    (&[], &[("Upgrade", "Upgrade: foo/2"), ("Sec-WebSocket-Accept", "")], &["missing-upgrade-header"]),
    (&[("Host", "Host: server.example.com\nX: 1")], &[], &["http-bare-lf"]),
    (&[("", "X: 1\r\r")], &[], &[]),
    (&[], &[("", "X: 1\nY: 2")], &["http-bare-lf"]),
    (&[("", "X: 1\r\n 2")], &[], &["http-obs-fold"]),
    (&[], &[("", "X:\t\r\n\t2")], &["http-obs-fold"]),
    (&[("", "X:  \t1")], &[], &[]),
    (&[("", "X : 1")], &[], &["http-space-before-colon"]),
    (&[("", "X: 1 : 2")], &[], &[]),
    (&[("", "Host: other")], &[], &["http-duplicate-header"]),
    (&[("", "Accept: a"), ("", "Accept: b"), ("", "Cookie: a=1"), ("", "Cookie: b=2"), ("", "X-Host: a")],
        &[("", "Set-Cookie: a"), ("", "Set-Cookie: b"), ("", "Via: 1.1 a"), ("", "Via: 1.1 b")], &[]),
    (&[], &[("", "Content-Length: 0"), ("", "Content-Length: 1")], &["framing-header-in-101", "http-conflicting-length"]),
    (&[], &[("", "Content-Length: 0"), ("", "Content-Length: 0")], &["framing-header-in-101"]),
    (&[("", "Content-Length: 5")], &[], &["http-body-in-upgrade"]),
    (&[("", "Transfer-Encoding: chunked")], &[], &["http-body-in-upgrade"]),
    (&[("", "Content-Length: 0")], &[], &[]),
];

#[test]
fn each_rule_is_found_alone_and_not_where_a_handshake_only_comes_near() {
    for (request, response, expected) in CASES {
        let (request, response) = (edit(REQUEST, request), edit(RESPONSE, response));
        let (_, judgements) = judged(Some(&request), Some(&response));
        assert_eq!(codes(&judgements), *expected, "{request}{response}{judgements:#?}");
        // A judge of the request alone says the same of it.
        let needs_both = |j: &Judgement| j.rule == &rules::FOREIGN_ORIGIN_ACCEPTED;
        let side = |j: &&Judgement| j.side == Direction::ClientToServer && !needs_both(j);
        let of_request: Vec<Judgement> = judgements.iter().filter(side).cloned().collect();
        if is_websocket_upgrade(&head(&request)) && !codes(&judgements).contains(&"h2c-upgrade") {
            assert_eq!(codes(&judge_request(&head(&request))), codes(&of_request));
        }
    }
}

#[test]
fn a_head_that_was_not_captured_is_said_so_and_nothing_is_guessed() {
    let (handshake, judgements) = judged(Some(REQUEST), None);
    assert_eq!(codes(&judgements), ["response-missing"]);
    assert_eq!((handshake.upgraded, handshake.accept, handshake.status), (false, Accept::Unknown, None));
    let offer = edit(REQUEST, &[("", "Sec-WebSocket-Extensions: permessage-deflate")]);
    assert_eq!(judged(Some(&offer), None).0.rsv_defined, 4, "it may have been agreed on");

    let response = edit(RESPONSE, &[("", "Sec-WebSocket-Extensions: permessage-deflate")]);
    let (handshake, judgements) = judged(None, Some(&response));
    assert_eq!(codes(&judgements), ["request-missing"]);
    assert_eq!((handshake.upgraded, handshake.accept, handshake.rsv_defined), (true, Accept::Unknown, 4));
    assert!(handshake.deflate.is_some());

    for (request, response) in [
        (None, None),
        (None, Some("HTTP/1.1 200 OK\r\n\r\n")),
        (Some("GET / HTTP/1.0\r\n\r\n"), None),
        (Some("GET / HTTP/1.0\r\n\r\n"), Some("HTTP/1.1 404 Not Found\r\n\r\n")),
        (
            Some("GET / HTTP/1.1\r\nUpgrade: tls/1.0\r\n\r\n"),
            Some("HTTP/1.1 101 S\r\nUpgrade: tls/1.0\r\n\r\n"),
        ),
    ] {
        let (handshake, judgements) = judged(request, response);
        assert_eq!((codes(&judgements).len(), handshake.upgraded), (0, false), "{request:?} {response:?}");
    }
}

#[test]
fn every_rule_has_a_case() {
    // These are seen by who feeds the bytes: a scan that is too large, what is no head.
    let elsewhere = [
        "data-before-handshake",
        "http-header-too-large",
        "response-missing",
        "request-missing",
        "stray-response",
        "response-not-http",
        "wrong-scheme",
        "proxy-refused",
        "credentials-in-clear",
        "too-many-extensions",
    ];
    for rule in rules::ALL {
        let cases = CASES.iter().flat_map(|(_, _, codes)| codes.iter());
        let here = cases.chain(&elsewhere).any(|code| *code == rule.code);
        assert!(here, "{}", rule.code);
    }
}

#[test]
fn a_good_handshake_tells_what_was_agreed() {
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, foo";
    let answer =
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10; server_no_context_takeover";
    let (handshake, judgements) =
        judged(Some(&edit(REQUEST, &[("", offer)])), Some(&edit(RESPONSE, &[("", answer)])));
    assert!(judgements.is_empty() && handshake.upgraded);
    assert_eq!((handshake.accept, handshake.status, handshake.rsv_defined), (Accept::Ok, Some(101), 4));
    assert_eq!(handshake.subprotocol.as_deref(), Some("chat"));
    let expected = DeflateParams {
        per_frame: false,
        server_no_context_takeover: true,
        client_no_context_takeover: false,
        server_max_window_bits: 15,
        client_max_window_bits: 10,
    };
    assert_eq!((handshake.deflate, handshake.extensions.len()), (Some(expected), 1));
    let other = edit(RESPONSE, &[("", "Sec-WebSocket-Extensions: foo")]);
    let (handshake, _) = judged(Some(&edit(REQUEST, &[("", offer)])), Some(&other));
    assert_eq!((handshake.deflate, handshake.rsv_defined), (None, 7));
    let (handshake, _) = judged(Some(REQUEST), Some(&edit(RESPONSE, &[("HTTP", "HTTP/1.1 200 OK")])));
    assert!(!handshake.upgraded && handshake.subprotocol.is_none() && handshake.rsv_defined == 0);
}

#[test]
fn a_rejection_says_why_where_the_heads_tell() {
    let answer = |request: &str, response: &str| {
        let (_, judgements) = judged(Some(request), Some(response));
        judgements.into_iter().find(|j| j.rule == &rules::HANDSHAKE_REJECTED).unwrap().text
    };
    for (response, text) in [
        (
            "HTTP/1.1 403 Forbidden",
            "the server answered \"403 Forbidden\": the Origin was \"http://example.com\"",
        ),
        ("HTTP/1.1 404 Not Found", "the server answered \"404 Not Found\": there is nothing at \"/chat\""),
        (
            "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13, 8",
            "the server answered \"426 Upgrade Required\": it supports version \"13, 8\"",
        ),
        (
            "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x",
            "the server answered \"401 No\": it wants a login, \"Basic realm=x\"",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: /new",
            "the server answered \"302 Found\": it redirects to \"/new\"",
        ),
        ("HTTP/1.1 500", "the server answered \"500\""),
    ] {
        assert_eq!(answer(REQUEST, &format!("{response}\r\n\r\n")), text);
    }
    let stripped = edit(REQUEST, &[("Upgrade", "")]);
    assert_eq!(
        answer(&stripped, "HTTP/1.1 400 Bad Request\r\n\r\n"),
        "the server answered \"400 Bad Request\": the request has no Upgrade header"
    );
}

#[test]
fn a_wrong_accept_value_is_set_beside_the_right_one() {
    let response =
        edit(RESPONSE, &[("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==")]);
    let (handshake, judgements) = judged(Some(REQUEST), Some(&response));
    assert_eq!(handshake.accept, Accept::Wrong);
    assert!(judgements[0].text.contains("expected \"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\": it is the key itself"));
    let at = judgements[0].range.clone();
    assert_eq!(head(&response).token(&at), b"Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==");
}

#[test]
fn the_url_is_that_of_the_websocket() {
    let of = |lines: &str, secure| url(&head(&format!("{lines}\r\n\r\n")), "10.0.0.1:8080", secure);
    assert_eq!(of("GET /a?b HTTP/1.1\r\nHost: h:81", false), "ws://h:81/a?b");
    assert_eq!(of("GET /a HTTP/1.1\r\nHost: h", true), "wss://h/a");
    assert_eq!(of("GET /a HTTP/1.1\r\nHost:", false), "ws://10.0.0.1:8080/a");
    assert_eq!(of("GET HTTP://Other/a HTTP/1.1\r\nHost: h", false), "ws://Other/a");
    assert_eq!(of("GET ws://o:9 HTTP/1.1", false), "ws://o:9/");
    assert_eq!(of("GET wss://o?q HTTP/1.1", false), "wss://o/?q");
    assert_eq!(of("GET https://o/ HTTP/1.1", false), "wss://o/");
    assert_eq!(of("GET /go?to=http://x/ HTTP/1.1\r\nHost: h", false), "ws://h/go?to=http://x/");
    assert_eq!(of("GET * HTTP/1.1\r\nHost: h", false), "ws://h/");
    assert_eq!(of("GET a HTTP/1.1\r\nHost: h", false), "ws://h/a");
}

/// What a WebSocket library sends and answers is free of findings.
#[test]
fn a_real_library_breaks_no_rule() {
    use tungstenite::client::IntoClientRequest as _;
    use tungstenite::handshake::{client::generate_request, server};
    for _ in 0..20 {
        let request = "ws://localhost:9001/chat?x=1".into_client_request().unwrap();
        let (bytes, _) = generate_request(request).unwrap();
        let request = head(str::from_utf8(&bytes).unwrap());
        let mut parsed = server::Request::builder().uri("/").method("GET");
        for field in &request.headers {
            parsed = parsed.header(request.token(&field.name), request.token(&field.value));
        }
        let mut response = Vec::new();
        server::write_response(&mut response, &server::create_response(&parsed.body(()).unwrap()).unwrap())
            .unwrap();
        let response = head(str::from_utf8(&response).unwrap());
        let (handshake, judgements) = judge(Some(&request), Some(&response));
        assert_eq!(codes(&judgements), [""; 0]);
        assert_eq!((handshake.accept, handshake.upgraded), (Accept::Ok, true));
        assert_eq!(url(&request, "", false), "ws://localhost:9001/chat?x=1");
    }
}

proptest! {
    #[test]
    fn any_two_heads_may_meet_and_every_range_lies_in_its_head(
        request in prop_oneof![Just(REQUEST.to_owned()), Just("GET /\u{e9} HTTP/1.1\r\nUpgrade: websocket\r\n\r\n".into())],
        response in prop_oneof![Just(RESPONSE.to_owned()), "HTTP/1\\.1 [1-5][0-9]{2} x\r\n\r\n"],
        names in proptest::collection::vec(prop_oneof![
            Just("Host"), Just("Upgrade"), Just("Connection"), Just("Sec-WebSocket-Key"), Just("Sec-WebSocket-Version"),
            Just("Sec-WebSocket-Accept"), Just("Sec-WebSocket-Extensions"), Just("Sec-WebSocket-Protocol"),
            Just("Content-Length"), Just("Transfer-Encoding"), Just("Date")], 0..6),
        values in proptest::collection::vec(prop_oneof![
            "[ -~\u{80}-\u{ff}]{0,12}", Just("websocket".into()), Just("13".into()), Just("permessage-deflate; x=\"".into()),
            Just("permessage-deflate; client_max_window_bits=9, permessage-deflate".into()), Just("a\r\n b".into())], 6),
        to_response: bool, have in 0u8..4,
    ) {
        let added: String = names.iter().zip(&values).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let (mut request, mut response) = (request, response);
        let text = if to_response { &mut response } else { &mut request };
        text.insert_str(text.len() - 2, &added);
        let request = (have & 1 == 0).then(|| head(&request));
        let response = (have & 2 == 0).then(|| head(&response));
        let (handshake, judgements) = judge(request.as_ref(), response.as_ref());
        for judgement in &judgements {
            let head = match judgement.side {
                Direction::ClientToServer => request.as_ref(),
                Direction::ServerToClient => response.as_ref(),
            };
            let head = head.expect("a judgement concerns a head that is there");
            prop_assert!(judgement.range.start < judgement.range.end, "{judgement:?}");
            prop_assert!(judgement.range.end as usize <= head.bytes.len(), "{judgement:?}");
            prop_assert!(!judgement.text.is_empty() && !judgement.text.contains(char::is_control));
        }
        prop_assert_eq!(handshake.deflate.is_some(), handshake.extensions.iter().any(compresses));
        let found = |rule| judgements.iter().any(|j| j.rule == rule);
        prop_assert_eq!(handshake.accept == Accept::Wrong, found(&rules::BAD_ACCEPT));
        prop_assert_eq!(handshake.accept == Accept::Missing, found(&rules::MISSING_ACCEPT));
        prop_assert!(!(handshake.upgraded && found(&rules::HANDSHAKE_REJECTED)));
    }
}
