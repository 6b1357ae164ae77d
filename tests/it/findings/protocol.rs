//! Rules of the handshake, of frames, messages and the end.

use super::make::{
    Case, KEY, REQUEST, RESPONSE, case, chat, client_frame, closes, deflating, frame, heads, refusal,
    request, response, says, script, talk,
};
use crate::support::forge::{
    BINARY, C2S, CONTINUATION, DeflateSpec, Frame, Handshake, LengthForm, PING, PONG, Rng, S2C, Script,
    Split, TEXT,
};

pub fn of_requests() -> Vec<Case> {
    let early = || talk().request_now().text(C2S, "too early");
    vec![
        case("request-method-not-get", request("GET ", "POST "), &[], request("GET /chat", "GET /POST")),
        case(
            "request-http-version-too-low",
            request("HTTP/1.1", "HTTP/1.0"),
            &[],
            request("example", "example:1.0"),
        ),
        case(
            "request-missing",
            Script::new(&chat().closed(1000), &Split::Writes(1460)).with(|pieces| {
                let request = pieces.iter().position(|piece| !piece.bytes.is_empty()).unwrap();
                pieces.remove(request);
            }),
            &["tcp-out-of-order", "tcp-gap"],
            chat().closed(1000),
        ),
        case(
            "missing-host-header",
            request("Host: example\r\n", ""),
            &[],
            request("Host: example", "hOsT:example"),
        ),
        case(
            "missing-upgrade-header",
            response("Upgrade: websocket\r\n", ""),
            &[],
            response("Upgrade: websocket", "upgrade: h2c, WebSocket"),
        ),
        case(
            "missing-connection-upgrade",
            request("Connection: Upgrade", "Connection: keep-alive"),
            &[],
            request("Connection: Upgrade", "Connection: keep-alive, upgrade"),
        ),
        case(
            "missing-key",
            heads(
                &REQUEST.replace("Sec-WebSocket-Key: KEY\r\n", ""),
                &RESPONSE.replace("101 Switching Protocols", "400 Bad Request"),
            ),
            &["handshake-rejected"],
            request("Sec-WebSocket-Key: ", "sec-websocket-key:   "),
        ),
        case("invalid-key", request("KEY", "dG9vIHNob3J0"), &["bad-accept"], request("KEY", "KEY  ")),
        case(
            "duplicate-key",
            request("Sec-WebSocket-Key: KEY\r\n", "Sec-WebSocket-Key: KEY\r\nSec-WebSocket-Key: KEY\r\n"),
            &[],
            request("Sec-WebSocket-Key: KEY\r\n", "Sec-WebSocket-Key: KEY\r\nX-Sec-WebSocket-Key: KEY\r\n"),
        ),
        case(
            "missing-version",
            request("Sec-WebSocket-Version: 13\r\n", ""),
            &[],
            request("Sec-WebSocket-Version: 13", "SEC-WEBSOCKET-VERSION:13"),
        ),
        case("unsupported-version", request(": 13", ": 8"), &[], request(": 13", ":\t13 ")),
        case(
            "data-before-handshake",
            early().response_now().closed(1000),
            &[],
            talk().opened().text(C2S, "at once").closed(1000),
        ),
        case(
            "http-body-in-upgrade",
            heads(&REQUEST.replace("Host", "Content-Length: 4\r\nHost"), RESPONSE),
            &["closed-without-close"],
            request("Host", "Content-Length: 0\r\nHost"),
        ),
    ]
}

pub fn of_responses() -> Vec<Case> {
    let offers = |to: &str| request("\r\n\r\n", &format!("\r\n{to}\r\n\r\n"));
    let agrees = |offer: &str, answer: &str| {
        let line = |value: &str| if value.is_empty() { String::new() } else { format!("{value}\r\n") };
        heads(
            &REQUEST.replace("\r\n\r\n", &format!("\r\n{}\r\n", line(offer))),
            &RESPONSE.replace("\r\n\r\n", &format!("\r\n{}\r\n", line(answer))),
        )
        .closed(1000)
    };
    let h2c = "GET / HTTP/1.1\r\nHost: example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
        HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    let mut lone = talk().request_now();
    lone.handshake = Handshake::Done;
    vec![
        case("response-missing", lone, &[], chat().closed(1000)),
        case(
            "handshake-rejected",
            refusal("403 Forbidden"),
            &[],
            heads(REQUEST, &format!("HTTP/1.1 103 Early Hints\r\n\r\n{RESPONSE}")).closed(1000),
        ),
        case(
            "stray-response",
            heads(REQUEST, &format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok{RESPONSE}")).closed(1000),
            &["handshake-rejected"],
            heads(REQUEST, &format!("HTTP/1.1 100 Continue\r\n\r\n{RESPONSE}")).closed(1000),
        ),
        case(
            "missing-accept",
            response("Sec-WebSocket-Accept: ACCEPT\r\n", ""),
            &[],
            response("Sec-WebSocket-Accept", "sec-websocket-accept"),
        ),
        case(
            "bad-accept",
            response("ACCEPT", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            &[],
            response(": ACCEPT", ":ACCEPT "),
        ),
        case(
            "unoffered-subprotocol",
            agrees("Sec-WebSocket-Protocol: chat, mqtt", "Sec-WebSocket-Protocol: Chat"),
            &[],
            agrees(
                "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: mqtt",
                "Sec-WebSocket-Protocol: mqtt",
            ),
        ),
        case(
            "unoffered-extension",
            agrees("", "Sec-WebSocket-Extensions: permessage-deflate"),
            &[],
            agrees(
                "Sec-WebSocket-Extensions: permessage-deflate",
                "Sec-WebSocket-Extensions: permessage-deflate",
            ),
        ),
        case(
            "invalid-extension-params",
            agrees(
                "Sec-WebSocket-Extensions: permessage-deflate",
                "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16",
            ),
            &[],
            agrees(
                "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
                "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8; client_max_window_bits=\"15\"",
            ),
        ),
        case(
            "h2c-upgrade",
            heads(h2c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
            &[],
            heads(h2c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ),
        case(
            "http-bare-lf",
            request("Host: example\r\n", "Host: example\n"),
            &[],
            request("Host: example", "Host: example; a=\"\\n\""),
        ),
        case("http-obs-fold", offers("X-Long: one\r\n two"), &[], offers("X-Long:  one   two")),
        case("http-space-before-colon", offers("X-Odd : one"), &[], offers("X-Odd: a : b")),
        case("odd-head", offers("X-Odd: a\u{1}b"), &[], offers("X-Odd: a\tb é")),
        case(
            "http-duplicate-header",
            request("Host: example\r\n", "Host: example\r\nhost: example\r\n"),
            &[],
            offers("Cookie: a=1\r\nCookie: b=2\r\nX-Own: 1\r\nX-Own: 2"),
        ),
        case(
            "http-conflicting-length",
            heads(&REQUEST.replace("Host", "Content-Length: 0\r\nContent-Length: 1\r\nHost"), RESPONSE)
                .closed(1000),
            &[],
            request("Host", "Content-Length: 0, 0\r\nHost"),
        ),
        case(
            "http-header-too-large",
            heads(&REQUEST.replace("Host", &format!("Cookie: {}\r\nHost", "a".repeat(70_000))), RESPONSE),
            &[],
            heads(&REQUEST.replace("Host", &format!("Cookie: {}\r\nHost", "a".repeat(60_000))), RESPONSE)
                .closed(1000),
        ),
    ]
}

pub fn of_frames() -> Vec<Case> {
    let control = |op, payload: &[u8]| Frame::new(op, payload);
    let part = |payload: &str, fin: bool, op| Frame { fin, ..Frame::new(op, payload) };
    let opened = |rest: &[Frame]| rest.iter().fold(talk(), |talk, frame| talk.frame(S2C, frame)).closed(1000);
    let same_key =
        |n: usize| (0..n).fold(talk().masking_key(KEY), |talk, _| talk.text(C2S, "same key")).closed(1000);
    let lossy = chat();
    let cut = |n: usize| {
        script(&lossy).with(|pieces| {
            let last = pieces.iter().rposition(|piece| !piece.bytes.is_empty()).unwrap();
            let len = pieces[last].bytes.len() - n;
            pieces[last].bytes.truncate(len);
            pieces.truncate(last + 1);
        })
    };
    let messages = talk().text(S2C, &"first ".repeat(200)).text(S2C, "second").closed(1000);
    let lost = |i: usize| {
        let script = Script::new(&messages, &Split::Writes(600)).acked();
        let data = script.data(S2C)[i];
        script.lose(data)
    };
    vec![
        case(
            "reserved-bit-set",
            frame(Frame::new(TEXT, "rsv1, none agreed").rsv(4)),
            &[],
            deflating().text(S2C, "rsv1, agreed on").closed(1000),
        ),
        case(
            "rsv1-on-control-frame",
            deflating().frame(S2C, &control(PONG, b"").rsv(4)).closed(1000),
            &["unsolicited-pong"],
            deflating().text(S2C, "compressed").ping(S2C, b"plain").pong(C2S, b"plain").closed(1000),
        ),
        case(
            "rsv1-on-continuation",
            deflating()
                .frame(S2C, &part("a", false, BINARY))
                .frame(S2C, &part("b", true, CONTINUATION).rsv(4))
                .closed(1000),
            &[],
            deflating().fragmented(S2C, TEXT, &[b"compressed in ", b"two parts"]).closed(1000),
        ),
        case("reserved-opcode", frame(Frame::new(11, "?")), &[], frame(Frame::new(BINARY, [11; 20]))),
        case(
            "fragmented-control-frame",
            talk().frame(S2C, &control(PING, b"a").more()).pong(C2S, b"a").closed(1000),
            &[],
            opened(&[part("a", false, TEXT), control(PONG, b"inside"), part("b", true, CONTINUATION)]),
        ),
        case(
            "control-frame-too-long",
            talk().ping(S2C, &[b'p'; 126]).pong(C2S, &[b'p'; 125]).closed(1000),
            &["ping-unanswered", "unsolicited-pong"],
            talk().ping(S2C, &[b'p'; 125]).pong(C2S, &[b'p'; 125]).closed(1000),
        ),
        case(
            "unexpected-continuation",
            frame(Frame::new(CONTINUATION, "of nothing")),
            &[],
            opened(&[part("a", false, TEXT), part("", false, CONTINUATION), part("b", true, CONTINUATION)]),
        ),
        case(
            "interleaved-data-frame",
            opened(&[part("a", false, TEXT), part("b", true, BINARY)]),
            &[],
            talk()
                .part(C2S, TEXT, false, b"a")
                .part(S2C, TEXT, false, b"b")
                .part(C2S, CONTINUATION, true, b"a")
                .part(S2C, CONTINUATION, true, b"b")
                .closed(1000),
        ),
        case(
            "non-minimal-length",
            frame(Frame::new(TEXT, vec![b'x'; 125]).length(LengthForm::Two)),
            &[],
            talk().binary(S2C, &[1; 126]).binary(S2C, &[1; 65_535]).binary(S2C, &[1; 65_536]).closed(1000),
        ),
        case(
            "length-msb-set",
            frame(Frame::new(BINARY, "").length(LengthForm::Claim(1 << 63))),
            &["desynchronised"],
            talk()
                .frame(S2C, &Frame::new(BINARY, "the rest never comes").length(LengthForm::Claim(1 << 40)))
                .no_close(),
        ),
        case(
            "unmasked-client-frame",
            client_frame(Frame::new(TEXT, "in the clear")),
            &[],
            client_frame(Frame::new(TEXT, "masked").masked(KEY)),
        ),
        case(
            "masked-server-frame",
            frame(Frame::new(TEXT, "masked").masked(KEY)),
            &[],
            frame(Frame::new(TEXT, "in the clear")),
        ),
        case(
            "not-a-frame",
            talk().text(S2C, "before").raw(S2C, b"\r\n").text(S2C, "behind").closed(1000),
            &[],
            frame(Frame::new(TEXT, "HTTP/1.1 400 Bad Request\r\n\r\n")),
        ),
        case(
            "wrong-length-encoding",
            talk().raw(S2C, &[&[0x81, 126, 0x2c, 1][..], &[b'x'; 300]].concat()).closed(1000),
            &[],
            talk().text(S2C, &"x".repeat(0x2c01)).text(S2C, &"x".repeat(0x012c)).closed(1000),
        ),
        case("weak-masking-key", same_key(8), &[], same_key(6)),
        case("incomplete-frame", cut(3), &[], cut(0)),
        case(
            "incomplete-message",
            talk().part(C2S, TEXT, false, b"the rest never").close(S2C, 1011, "tired of waiting"),
            &["close-unanswered"],
            talk().part(C2S, TEXT, false, b"it").part(C2S, CONTINUATION, true, b"").closed(1000),
        ),
        case("desynchronised", lost(4), &["tcp-out-of-order", "tcp-gap"], lost(2)),
    ]
}

pub fn of_messages() -> Vec<Case> {
    let extended = |name: &str| {
        let header = "Sec-WebSocket-Extensions";
        talk().header(C2S, header, name).header(S2C, header, name).opened()
    };
    let rsv1 = |hex: &str| Frame::new(TEXT, hex::decode(hex).unwrap()).rsv(4);
    let hello = |hex: &str| deflating().frame(S2C, &rsv1(hex)).closed(1000);
    let parts = |first: &str, second: &str| {
        let second = Frame::new(CONTINUATION, hex::decode(second).unwrap());
        deflating().frame(S2C, &rsv1(first).more()).frame(S2C, &second).closed(1000)
    };
    // What was agreed for the server: it empties its window after each message.
    let emptied = |second: &str| {
        let spec = DeflateSpec { server_no_context_takeover: true, ..DeflateSpec::default() };
        talk().deflate(spec).frame(S2C, &rsv1("f248cdc9c90700")).frame(S2C, &rsv1(second)).closed(1000)
    };
    // A message that is sent as it is, and one that may refer to it.
    let fed = |second: &str| {
        let plain = Frame::new(TEXT, "hello plain world");
        deflating().opened().frame(S2C, &plain).frame(S2C, &rsv1(second)).closed(1000)
    };
    // A window of 512 bytes was agreed; the same noise again, `n` bytes and a few more further on.
    let far = |n: usize| {
        let spec = DeflateSpec { server_max_window_bits: 9, ..DeflateSpec::default() };
        let noise = Rng::new(6).bytes(n + 8);
        let mut sender = DeflateSpec::default().deflater(S2C);
        let [first, second] = [0, 1].map(|_| Frame::new(BINARY, sender.message(&noise)).rsv(4));
        talk().deflate(spec).frame(S2C, &first).frame(S2C, &second).closed(1000)
    };
    vec![
        case(
            "invalid-utf8",
            frame(Frame::new(TEXT, [0xc3, 0x28])),
            &[],
            talk()
                .split(S2C, TEXT, "ein grüner Text, mitten im Zeichen geteilt".as_bytes(), &[6])
                .frame(S2C, &Frame::new(BINARY, [0xc3, 0x28]))
                .closed(1000),
        ),
        case(
            "inflate-error",
            deflating().frame(S2C, &Frame::new(TEXT, [0xff; 9]).rsv(4)).closed(1000),
            &[],
            deflating()
                .text(S2C, "")
                .compress(false)
                .text(S2C, "not compressed")
                .compress(true)
                .text(S2C, "again")
                .closed(1000),
        ),
        case(
            "unknown-extension",
            extended("x-private").frame(S2C, &Frame::new(TEXT, "coded").rsv(2)).closed(1000),
            &[],
            extended("x-private").text(S2C, "no bits").closed(1000),
        ),
        case("deflate-window-exceeded", far(512), &[], far(500)),
        case("deflate-tail-kept", hello("f248cdc9c907000000ffff"), &[], hello("f248cdc9c90700")),
        case("deflate-wrapped", hello("789cf348cdc9c90700058c01f5"), &[], hello("f348cdc9c9070000")),
        case("deflate-final-block", hello("f348cdc9c90700"), &[], hello("f348cdc9c9070000")),
        case("deflate-empty", hello(""), &[], hello("00")),
        case(
            "deflate-per-fragment",
            parts("f248cdc9c90700", "f248cdc9c90700"),
            &[],
            parts("f248cdc9c907000000ffff", "f248cdc9c90700"),
        ),
        case(
            "deflate-not-compressed",
            hello(&hex::encode("Hello")),
            &[],
            deflating().text(S2C, "Hello").closed(1000),
        ),
        case("deflate-window-kept", emptied("f200110000"), &[], emptied("f248cdc9c90700")),
        case("deflate-window-fed", fed("ca40170000"), &[], fed("ca48cdc9c95728c849cccc5328cf2fca490100")),
        case("control-characters", says("\u{1b}[31mred"), &[], says("tab\tnew\r\nline")),
        case("bidi-control", says("abc\u{202e}def"), &[], says("שלום, مرحبا 😀")),
    ]
}

pub fn of_the_end() -> Vec<Case> {
    let pings = |n: usize, pace: i64| {
        let talk =
            (0..n).fold(talk(), |talk, i| talk.ping(C2S, &[i as u8]).pong(S2C, &[i as u8])).closed(1000);
        script(&talk).clock(1_767_225_600_000_000_000, pace)
    };
    let tiny = |n: usize, pace: i64| {
        let talk = (0..n).fold(talk(), |talk, _| talk.text(S2C, "tiny")).closed(1000);
        Script::new(&talk, &Split::Merged(60)).clock(1_767_225_600_000_000_000, pace)
    };
    let close = |code: u16, reason: &[u8]| [&code.to_be_bytes()[..], reason].concat();
    let normal = close(1000, b"");
    let after = |op, payload: &[u8]| {
        chat().close(S2C, 1000, "").frame(S2C, &Frame::new(op, payload)).close(C2S, 1000, "")
    };
    vec![
        case(
            "unsolicited-pong",
            talk().pong(C2S, b"heartbeat").closed(1000),
            &[],
            talk().ping(S2C, b"?").pong(C2S, b"?").closed(1000),
        ),
        case(
            "ping-unanswered",
            talk().ping(S2C, b"1").ping(S2C, b"2").pong(C2S, b"2").closed(1000),
            &[],
            talk().ping(S2C, b"1").ping(S2C, b"2").pong(C2S, b"1").pong(C2S, b"2").closed(1000),
        ),
        case("pong-late", pings(1, 5_100_000_000), &[], pings(1, 4_900_000_000)),
        case("ping-flood", pings(101, 1000), &[], pings(101, 6_000_000)),
        case("fragment-flood", tiny(10_000, 1000), &[], tiny(9999, 1000)),
        case(
            "close-payload-1-byte",
            closes(&[(C2S, &[3]), (S2C, &[])]),
            &[],
            closes(&[(C2S, &[]), (S2C, &[])]),
        ),
        case(
            "invalid-close-code",
            closes(&[(C2S, &close(1005, b"")), (S2C, &close(1005, b""))]),
            &[],
            closes(&[(C2S, &close(4999, b"")), (S2C, &close(4999, b""))]),
        ),
        case(
            "invalid-close-reason",
            closes(&[(C2S, &close(1000, &[0xff])), (S2C, &normal)]),
            &[],
            closes(&[(C2S, &close(1000, "grün".as_bytes())), (S2C, &normal)]),
        ),
        case(
            "close-code-mismatch",
            closes(&[(C2S, &normal), (S2C, &close(1001, b""))]),
            &[],
            closes(&[(C2S, &normal), (S2C, &[])]),
        ),
        case("close-unanswered", closes(&[(C2S, &normal)]), &[], closes(&[(C2S, &normal)]).no_close()),
        case("closed-without-close", closes(&[]), &[], closes(&[]).no_close()),
        case(
            "data-after-close",
            after(TEXT, b"one more thing"),
            &[],
            chat().close(C2S, 1000, "").text(S2C, "you first").close(S2C, 1000, ""),
        ),
        case(
            "control-after-close",
            after(PONG, b""),
            &["unsolicited-pong"],
            chat().ping(S2C, b"1").close(S2C, 1000, "").pong(C2S, b"1").close(C2S, 1000, ""),
        ),
    ]
}
