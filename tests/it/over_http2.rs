//! What the views say of a WebSocket inside HTTP/2: the words of RFC 8441, never those of HTTP/1.1.

use crate::answers::wslens;
use crate::findings::make::File;
use crate::read::read;
use crate::support::forge::{C2S, Http2Talk, S2C, TEXT, fields};

const LANGUAGES: [&str; 2] = ["en", "zh"];

fn talk() -> Http2Talk {
    Http2Talk::new("10.0.0.1:40000", "10.0.0.2:8080")
}

fn offering() -> Vec<(&'static str, &'static str)> {
    let mut request = Http2Talk::request("/chat");
    request.push(("sec-websocket-protocol", "chat, superchat"));
    request.push(("sec-websocket-extensions", "permessage-deflate"));
    request.push(("origin", "http://example"));
    request
}

fn shown(command: &str, lang: &str, talk: Http2Talk) -> String {
    wslens(&[command, "--lang", lang], talk.talk)
}

/// No view speaks of what only HTTP/1.1 has.
fn assert_no_http1(text: &str) {
    // One sentence may name them, to say that there are none.
    let uses = [
        "HTTP/2 uses neither Sec-WebSocket-Key nor Sec-WebSocket-Accept",
        "HTTP/2 不用 Sec-WebSocket-Key 和 Sec-WebSocket-Accept",
    ];
    let text = uses
        .iter()
        .fold(text.split_whitespace().collect::<Vec<_>>().join(" "), |text, part| text.replace(part, ""));
    for word in [
        "101",
        "upgrade",
        "Upgrade",
        "升级",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Accept",
        "step by step",
        "FIN",
        "items 2, 3",
        "not part of the opening",
        "不属于",
    ] {
        assert!(!text.contains(word), "{word:?} in {text}");
    }
}

#[test]
fn a_websocket_over_http2_is_told_in_the_words_of_rfc_8441() {
    for lang in LANGUAGES {
        let answer = [("sec-websocket-protocol", "chat"), ("sec-websocket-extensions", "permessage-deflate")];
        let whole = || talk().ask(1, &offering()).grant_with(1, &answer).say(S2C, 1, TEXT, b"hello").close(1);
        let story = shown("story", lang, whole());
        assert_no_http1(&story.replace("SYN, SYN-ACK, ACK", ""));
        for part in ["CONNECT", ":protocol", ":status 200", "RFC 8441", "END_STREAM", "\u{2009}chat"] {
            assert!(story.contains(part.trim_start_matches('\u{2009}')), "{part:?} in {story}");
        }
        let handshake = shown("handshake", lang, whole());
        assert_no_http1(&handshake);
        for part in [
            "✓ :method: CONNECT",
            "✓ :protocol: websocket",
            "✓ :status: 200",
            "✓ sec-websocket-protocol: chat",
            "✓ sec-websocket-extensions: permessage-deflate",
            "RFC 8441 §5",
            "0 errors, 0 warnings",
        ] {
            assert!(handshake.contains(part), "{part:?} in {handshake}");
        }
    }
    let ended = shown("story", "en", talk().open(1).say(S2C, 1, TEXT, b"hello").close(1));
    for part in [
        "The server ended its side of the stream first (END_STREAM).",
        "The client followed with END_STREAM",
        ", from the response to the end of the stream",
    ] {
        assert!(ended.split_whitespace().collect::<Vec<_>>().join(" ").contains(part), "{part:?} in {ended}");
    }
}

#[test]
fn any_2xx_opens_it_and_what_the_response_says_is_judged() {
    let answer = [
        (":status", "204"),
        ("sec-websocket-protocol", "other"),
        ("sec-websocket-extensions", "x-own"),
        ("connection", "upgrade"),
    ];
    let wrong = || {
        talk().ask(1, &offering()).frame(S2C, 1, 4, 1, &fields(&answer)).say(S2C, 1, TEXT, b"hello").close(1)
    };
    let output = read(File::from(wrong().talk).0);
    assert_eq!(output.connections()[0]["state"], "closed");
    let handshake = shown("handshake", "en", wrong());
    for part in [
        "✓ :status: 204",
        "ERROR unoffered-subprotocol",
        "ERROR unoffered-extension",
        "ERROR h2-bad-field",
        "opened, but against the rules",
    ] {
        assert!(handshake.contains(part), "{part:?} in {handshake}");
    }
    let empty = [("sec-websocket-protocol", ""), ("sec-websocket-extensions", "permessage-deflate")];
    let empty = talk().ask(1, &offering()).grant_with(1, &empty).say(S2C, 1, TEXT, b"hello").close(1);
    assert!(shown("handshake", "en", empty).contains("empty-extension-header"));
}

#[test]
fn a_refusal_over_http2_is_no_missing_upgrade() {
    for (status, words) in
        [("403", "refused with 403: no WebSocket"), ("101", "101 does not exist in HTTP/2")]
    {
        let refused = || {
            talk()
                .ask(1, &offering())
                .frame(S2C, 1, 5, 1, &fields(&[(":status", status)]))
                .say(C2S, 3, TEXT, b"")
                .talk
        };
        let handshake = wslens(&["handshake", "--lang", "en"], refused());
        assert!(handshake.contains(words), "{handshake}");
        assert!(handshake.contains("no WebSocket in this stream"), "{handshake}");
        let story = wslens(&["story", "--lang", "en"], refused().fin(C2S).fin(S2C));
        assert!(!story.contains("FIN") && !story.contains("upgrade"), "{story}");
    }
    // Asked as over HTTP/1.1: a 200 opens nothing.
    let plain = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "a"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];
    let handshake = shown("handshake", "en", talk().ask(1, &plain).grant(1));
    for part in ["200, but the request was no extended CONNECT", "ERROR h2-bad-connect", "not used in HTTP/2"]
    {
        assert!(handshake.contains(part), "{part:?} in {handshake}");
    }
}

#[test]
fn a_stream_ends_by_its_own_frames_or_with_tcp() {
    let flat = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let reset = || talk().open(1).say(S2C, 1, TEXT, b"hello").frame(C2S, 3, 0, 1, &8u32.to_be_bytes());
    let story = flat(shown("story", "en", reset()));
    assert!(
        story.contains("The client reset the stream: RST_STREAM with the error code CANCEL (8)."),
        "{story}"
    );
    assert!(flat(shown("story", "zh", reset())).contains("RST_STREAM，错误码 CANCEL（8）"));
    let table = wslens(&["read", "--format", "table"], reset().talk);
    assert!(table.contains("RST_STREAM (CANCEL) by the client"), "{table}");
    // TCP ends while the stream is open.
    let cut = || talk().open(1).say(S2C, 1, TEXT, b"hello").talk.fin(C2S).fin(S2C);
    let story = flat(wslens(&["story", "--lang", "en"], cut()));
    assert!(story.contains("it ended with the TCP connection, by a FIN from the"), "{story}");
    let table = wslens(&["read", "--format", "table"], cut());
    assert!(table.contains("FIN by the ") && !table.contains("END_STREAM"), "{table}");
    // Before any answer.
    let unanswered = || talk().ask(1, &offering()).frame(S2C, 3, 0, 1, &7u32.to_be_bytes());
    for (lang, words) in
        [("en", "RST_STREAM with REFUSED_STREAM"), ("zh", "RST_STREAM，错误码 REFUSED_STREAM")]
    {
        let story = flat(shown("story", lang, unanswered()));
        assert!(story.contains(words), "{story}");
        assert!(!story.contains("no packet of the server"), "{story}");
    }
    let table = wslens(&["read", "--format", "table"], unanswered().talk);
    assert!(table.contains("then RST_STREAM by the server"), "{table}");
}

#[test]
fn the_body_of_a_refusal_over_http2_is_in_every_view() {
    const BODY: &str = "{\"code\":1,\"message\":\"Session ID unknown\"}";
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, BODY.as_bytes()).unwrap();
    let gzip = encoder.finish().unwrap();
    let (first, second) = gzip.split_at(11);
    let status = fields(&[(":status", "400"), ("content-encoding", "gzip")]);
    let refused = |end: u8| {
        let talk = talk().ask(1, &offering()).frame(S2C, 1, 4, 1, &status);
        talk.frame(S2C, 0, 0, 1, first)
            .open(3)
            .frame(S2C, 0, end, 1, second)
            .say(S2C, 3, TEXT, b"hello")
            .close(3)
    };
    let output = read(File::from(refused(1).talk).0);
    let refusal = |output: &crate::read::Output| {
        output.connections().into_iter().find(|c| c["state"] == "refused").unwrap()["response"].clone()
    };
    let response = refusal(&output);
    assert_eq!((&response["body"], &response["body_cut"]), (&BODY.into(), &false.into()), "{response}");
    assert_eq!(response["body_decoded"], serde_json::json!(["gzip"]));
    let finding = output.findings("handshake-rejected")[0]["text"].as_str().unwrap().to_owned();
    assert!(finding.contains("Session ID unknown"), "{finding}");
    for view in [&["read", "--format", "table"][..], &["check"], &["story", "--conn", "1"], &["handshake"]] {
        let shown = wslens(view, refused(1).talk);
        assert!(shown.contains("Session ID unknown"), "{view:?}: {shown}");
    }
    // Without its end, and one that is long.
    assert_eq!(refusal(&read(File::from(refused(0).talk).0))["body_cut"], true);
    let long = |chunks: usize| {
        let talk = talk().ask(1, &offering()).frame(S2C, 1, 4, 1, &fields(&[(":status", "503")]));
        let talk = (0..chunks).fold(talk, |talk, _| talk.frame(S2C, 0, 0, 1, &[b'x'; 1000]));
        talk.frame(S2C, 0, 1, 1, b"").open(3).say(S2C, 3, TEXT, b"hello").close(3)
    };
    for chunks in [1, 2, 40] {
        let output = read(File::from(long(chunks).talk).0);
        let response = refusal(&output);
        let len = response["body"].as_str().unwrap().len();
        assert_eq!((len, &response["body_cut"]), ((chunks * 1000).min(1024), &(chunks > 1).into()));
        assert_eq!((output.connections().len(), output.said(2, "s2c").len()), (2, 2));
    }
    // A refusal without a body, and one whose stream is reset.
    let bare =
        talk().ask(1, &offering()).frame(S2C, 1, 5, 1, &fields(&[(":status", "403")])).open(3).close(3);
    assert!(refusal(&read(File::from(bare.talk).0)).get("body").is_none());
    let reset = talk().ask(1, &offering()).frame(S2C, 1, 4, 1, &fields(&[(":status", "403")]));
    let reset = reset.frame(S2C, 0, 0, 1, b"no").frame(S2C, 3, 0, 1, &[0; 4]);
    let response = refusal(&read(File::from(reset.talk).0));
    assert_eq!((&response["body"], &response["body_cut"]), (&"no".into(), &true.into()));
}
