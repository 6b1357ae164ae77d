//! Every way to open a WebSocket, crossed with every fact that its opening handshake states.
//!
//! A way is a row of [`WAYS`], a fact is a test. What the output has to show in a cell follows from the row alone: from
//! the heads that the capture holds.
//!
//! | fact | known if and only if the capture holds |
//! | --- | --- |
//! | URL, what the client offers, heartbeats that the target names | the request |
//! | status, subprotocol, extensions, heartbeats that the subprotocol names | the response |
//! | that the messages are certain | the response |
//! | whether Sec-WebSocket-Accept is right | both heads, of HTTP/1.1 |
//! | endpoints, HTTP/2 stream, CONNECT tunnel, TLS session | any of them |
//!
//! The server chooses among the offers (RFC 6455 section 4.2.2, RFC 8441 section 5), and it may choose none. An offer
//! whose response is lost decides nothing, even if it is the only one.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wslens::capture::Capture;
use wslens::model::Direction;
use wslens::pipeline::Limits;
use wslens::report::{Levels, PayloadMode};

use crate::compare::{heard, sent};
use crate::read::{Output, keep_all, read_as};
use crate::support::forge::{
    C2S, Conversation, DeflateSpec, Handshake, Http2Talk, PcapFormat, S2C, Script, Split, pcap, side,
};

const CLIENT: &str = "10.0.0.1:50000";
const SERVER: &str = "10.0.0.2:9001";
const PORT: u16 = 9001;
/// The authority that the client asks for. It resolves to no address of the capture.
const HOST: &str = "ws.example";
/// The HTTP/2 stream that carries the WebSocket.
const STREAM: u32 = 3;

const PROTOCOL: &str = "Sec-WebSocket-Protocol";
const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

/// Which heads of the opening handshake the capture holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heads {
    Both,
    RequestLost,
    ResponseLost,
    BothLost,
    /// The capture begins after them.
    Earlier,
    /// The peers send none. The user names their port as one of WebSockets.
    NeverSent,
}

/// A way to open a WebSocket, and what the capture holds of it.
#[derive(Clone, Copy, Debug)]
struct Way {
    name: &'static str,
    http2: bool,
    tls: bool,
    /// Inside an HTTP CONNECT tunnel, whose own request and response were captured.
    tunnel: bool,
    heads: Heads,
}

const HTTP1: Way = Way { name: "HTTP/1.1", http2: false, tls: false, tunnel: false, heads: Heads::Both };
const TUNNEL: Way = Way { name: "HTTP/1.1 in a CONNECT tunnel", tunnel: true, ..HTTP1 };
const TLS: Way = Way { name: "HTTP/1.1 in TLS", tls: true, ..HTTP1 };
const HTTP2: Way = Way { name: "HTTP/2", http2: true, ..HTTP1 };
const HTTP2_TLS: Way = Way { name: "HTTP/2 in TLS", tls: true, ..HTTP2 };

const WAYS: &[Way] = &[
    HTTP1,
    Way { name: "HTTP/1.1, request lost", heads: Heads::RequestLost, ..HTTP1 },
    Way { name: "HTTP/1.1, 101 lost", heads: Heads::ResponseLost, ..HTTP1 },
    Way { name: "HTTP/1.1, both heads lost", heads: Heads::BothLost, ..HTTP1 },
    Way { name: "mid-stream", heads: Heads::Earlier, ..HTTP1 },
    Way { name: "no handshake on a WebSocket port", heads: Heads::NeverSent, ..HTTP1 },
    TUNNEL,
    Way { name: "HTTP/1.1 in a CONNECT tunnel, request lost", heads: Heads::RequestLost, ..TUNNEL },
    Way { name: "HTTP/1.1 in a CONNECT tunnel, 101 lost", heads: Heads::ResponseLost, ..TUNNEL },
    TLS,
    Way { name: "HTTP/1.1 in TLS, 101 lost", heads: Heads::ResponseLost, ..TLS },
    Way { name: "HTTP/1.1 in TLS in a CONNECT tunnel", tunnel: true, ..TLS },
    HTTP2,
    Way { name: "HTTP/2, 200 lost", heads: Heads::ResponseLost, ..HTTP2 },
    Way { name: "HTTP/2 in a CONNECT tunnel", tunnel: true, ..HTTP2 },
    HTTP2_TLS,
    Way { name: "HTTP/2 in TLS, 200 lost", heads: Heads::ResponseLost, ..HTTP2_TLS },
    Way { name: "HTTP/2 in TLS in a CONNECT tunnel", tunnel: true, ..HTTP2_TLS },
];

impl Way {
    /// The capture holds the request.
    fn request(&self) -> bool {
        matches!(self.heads, Heads::Both | Heads::ResponseLost)
    }

    /// The capture holds the response.
    fn response(&self) -> bool {
        matches!(self.heads, Heads::Both | Heads::RequestLost)
    }

    /// wslens reads the frames. Without the response it recognises them in TCP streams only, neither in TLS nor in HTTP/2.
    fn frames(&self) -> bool {
        self.response() || !(self.tls || self.http2)
    }
}

/// What the client asks for, what the server agrees to, and what both send.
#[derive(Clone, Copy)]
struct Opening {
    target: &'static str,
    /// The subprotocols that the client offers, and the one that the server chooses.
    subprotocols: Option<(&'static str, &'static str)>,
    deflate: Option<DeflateSpec>,
    messages: fn(Conversation) -> Conversation,
}

/// No subprotocol, no extension.
const PLAIN: Opening =
    Opening { target: "/live?room=1", subprotocols: None, deflate: None, messages: prices };

/// Each side sends a few messages that compress well.
fn prices(talk: Conversation) -> Conversation {
    let talk = (0..5).fold(talk, |talk, n| {
        talk.text(C2S, &format!("{{\"ask\":{n},\"about\":\"prices\",\"of\":\"prices\"}}"))
            .text(S2C, &format!("{{\"say\":{n},\"about\":\"prices\",\"of\":\"prices\"}}"))
    });
    talk.closed(1000)
}

/// Engine.IO 4: the server pings three times, the client answers.
fn engine_io(talk: Conversation) -> Conversation {
    let talk = talk
        .text(S2C, "0{\"sid\":\"x\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000}")
        .text(C2S, "40")
        .text(S2C, "40{\"sid\":\"y\"}");
    let talk = (0..3).fold(talk, |talk, _| talk.text(S2C, "2").text(C2S, "3"));
    talk.text(C2S, "42[\"ask\",\"price\"]").text(S2C, "42[\"price\",7]").closed(1000)
}

/// graphql-transport-ws: the server pings three times, the client answers.
fn graphql(talk: Conversation) -> Conversation {
    let talk = talk.text(C2S, "{\"type\":\"connection_init\"}").text(S2C, "{\"type\":\"connection_ack\"}");
    let talk =
        (0..3).fold(talk, |talk, _| talk.text(S2C, "{\"type\":\"ping\"}").text(C2S, "{\"type\":\"pong\"}"));
    talk.closed(1000)
}

impl Opening {
    /// The conversation over HTTP/1.1, in the clear.
    fn over_http1(&self, heads: Heads) -> Conversation {
        let mut talk = Conversation::new(CLIENT, SERVER)
            .first_line(C2S, &format!("GET {} HTTP/1.1", self.target))
            .header(C2S, "Host", HOST);
        if let Some((offered, chosen)) = self.subprotocols {
            talk = talk.header(C2S, PROTOCOL, offered).header(S2C, PROTOCOL, chosen);
        }
        if let Some(spec) = self.deflate {
            talk = talk.deflate(spec);
        }
        if heads == Heads::NeverSent {
            talk.handshake = Handshake::Done;
        }
        (self.messages)(talk)
    }

    /// The conversation over HTTP/2, with the frames of `http1`.
    fn over_http2(&self, http1: &Conversation, scheme: &str) -> Conversation {
        let [offer, answer] =
            self.deflate.map_or_else(Default::default, |spec| [spec.offer(), spec.answer()]);
        let (mut request, mut response) = (Http2Talk::request(self.target), vec![]);
        for (name, value) in &mut request {
            match *name {
                ":authority" => *value = HOST,
                ":scheme" => *value = scheme,
                _ => {}
            }
        }
        if let Some((offered, chosen)) = self.subprotocols {
            request.push(("sec-websocket-protocol", offered));
            response.push(("sec-websocket-protocol", chosen));
        }
        if self.deflate.is_some() {
            request.push(("sec-websocket-extensions", &offer));
            response.push(("sec-websocket-extensions", &answer));
        }
        let talk = Http2Talk::new(CLIENT, SERVER).ask(STREAM, &request).grant_with(STREAM, &response);
        // END_STREAM of both sides.
        talk.carry(STREAM, http1).frame(S2C, 0, 1, STREAM, b"").frame(C2S, 0, 1, STREAM, b"").talk
    }
}

/// What wslens reads where a WebSocket is opened in one way.
struct Reading {
    output: Output,
    /// The conversation that holds the expected messages.
    sent: Conversation,
}

impl Way {
    fn read(&self, opening: &Opening) -> Reading {
        let sent = opening.over_http1(self.heads);
        let scheme = if self.tls { "https" } else { "http" };
        let http2 = self.http2.then(|| opening.over_http2(&sent, scheme));
        let inner = http2.as_ref().unwrap_or(&sent);
        let mut limits = keep_all();
        let mut talk = Conversation::new(CLIENT, SERVER);
        if self.tunnel {
            talk = talk.connect("ws.example:9001");
        }
        let talk = if self.tls { self.encrypt(talk, inner, &mut limits) } else { talk.carry(inner) };
        if self.heads == Heads::NeverSent {
            limits.ws_ports = vec![PORT];
        }
        let script = self.lose(&talk, Script::new(&talk, &Split::Writes(1460)).acked(), sent.expected[0].dir);
        let file = pcap(&script.packets(), PcapFormat::default());
        let capture = Capture::from_bytes(file).expect("a capture");
        Reading { output: read_as(capture, limits, Levels::ALL, PayloadMode::Full), sent }
    }

    #[cfg(feature = "tls")]
    fn encrypt(&self, outer: Conversation, inner: &Conversation, limits: &mut Limits) -> Conversation {
        let (talk, log) = crate::support::tls::in_tls(outer, inner, HOST, self.alpn());
        let mut keys = wslens::tls::KeyStore::default();
        keys.feed(&log);
        keys.end();
        limits.secrets = wslens::pipeline::Secrets::new(keys);
        talk
    }

    #[cfg(not(feature = "tls"))]
    fn encrypt(&self, _: Conversation, _: &Conversation, _: &mut Limits) -> Conversation {
        unreachable!("{} is left out", self.name)
    }

    fn alpn(&self) -> &'static str {
        if self.http2 { "h2" } else { "http/1.1" }
    }

    /// Removes from the capture what it does not hold. `first`: the direction of the first frame.
    fn lose(&self, talk: &Conversation, script: Script, first: Direction) -> Script {
        let upgraded = |dir| talk.upgraded_at[side(dir)] as u64;
        // A head is one write, and so one segment.
        let without = |script: Script, dir| script.lose_bytes(dir, upgraded(dir) - 1..upgraded(dir));
        match self.heads {
            Heads::Both | Heads::NeverSent => script,
            Heads::RequestLost => without(script, C2S),
            Heads::ResponseLost => without(script, S2C),
            Heads::BothLost => without(without(script, C2S), S2C),
            Heads::Earlier => {
                let at = script.piece_at(first, upgraded(first));
                script.begin_at(at)
            }
        }
    }
}

/// Fills the cells of one fact: opens a WebSocket in every way and compares what the output shows with what is due.
#[track_caller]
fn cross(
    fact: &str,
    opening: &Opening,
    shown: impl Fn(&Value, &Reading) -> Value,
    due: impl Fn(&Way, &Reading) -> Value,
) {
    let mut wrong = vec![];
    let ways = WAYS.iter().filter(|way| !way.tls || cfg!(feature = "tls"));
    for way in ways {
        let reading = way.read(opening);
        let cell = format!("{} × {fact}", way.name);
        let [connection] = reading.output.connections()[..] else {
            wrong.push(format!("{cell}: {} connections", reading.output.connections().len()));
            continue;
        };
        let (shown, due) = (shown(connection, &reading), due(way, &reading));
        if shown != due {
            wrong.push(format!("{cell}: shows {shown}, expected {due}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong cells:\n{}", wrong.len(), wrong.join("\n"));
}

/// A value where it is known, otherwise null.
fn if_known(known: bool, value: impl Into<Value>) -> Value {
    if known { value.into() } else { Value::Null }
}

/// The value of a header in a head of the output.
fn header(head: &Value, name: &str) -> Value {
    let is_it = |field: &&Value| field[0].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name));
    let field = head["headers"].as_array().and_then(|fields| fields.iter().find(is_it));
    field.map_or(Value::Null, |field| field[1].clone())
}

/// Several subprotocols to choose from, permessage-deflate with parameters that only the response states.
fn negotiated() -> Opening {
    let spec = DeflateSpec {
        server_max_window_bits: 12,
        client_no_context_takeover: true,
        ..DeflateSpec::default()
    };
    Opening { subprotocols: Some(("prices.v2, prices.v1", "prices.v1")), deflate: Some(spec), ..PLAIN }
}

const ENGINE_IO: Opening =
    Opening { target: "/socket.io/?EIO=4&transport=websocket", messages: engine_io, ..PLAIN };

/// The only subprotocol that is offered is also agreed on.
const GRAPHQL: Opening = Opening {
    target: "/graphql",
    subprotocols: Some(("graphql-transport-ws", "graphql-transport-ws")),
    messages: graphql,
    ..PLAIN
};

#[test]
fn the_url_is_that_of_the_request_or_unknown() {
    cross(
        "URL",
        &PLAIN,
        |connection, _| connection["url"].clone(),
        |way, _| {
            let scheme = if way.tls { "wss" } else { "ws" };
            if way.request() { format!("{scheme}://{HOST}{}", PLAIN.target).into() } else { Value::Null }
        },
    );
}

#[test]
fn what_the_client_offers_is_shown_where_the_request_was_captured() {
    let opening = negotiated();
    let offer = opening.deflate.map(|spec| spec.offer());
    let shown = |connection: &Value, _: &Reading| {
        let request = &connection["request"];
        json!([request["line"], header(request, PROTOCOL), header(request, EXTENSIONS)])
    };
    cross("offers", &opening, shown, |way, _| {
        let method = if way.http2 { "CONNECT" } else { "GET" };
        let version = if way.http2 { "2" } else { "1.1" };
        let line = format!("{method} {} HTTP/{version}", opening.target);
        let offered = json!([line, "prices.v2, prices.v1", offer]);
        if way.request() { offered } else { json!([null, null, null]) }
    });
}

#[test]
fn the_status_is_that_of_the_response() {
    cross(
        "status",
        &PLAIN,
        |connection, _| connection["status"].clone(),
        |way, _| if_known(way.response(), if way.http2 { 200 } else { 101 }),
    );
}

#[test]
fn the_accept_value_is_judged_where_both_heads_of_http1_were_captured() {
    // RFC 8441 section 5: HTTP/2 has neither Sec-WebSocket-Key nor Sec-WebSocket-Accept.
    cross(
        "accept",
        &PLAIN,
        |connection, _| connection["accept"].clone(),
        |way, _| if way.request() && way.response() && !way.http2 { "ok" } else { "unknown" }.into(),
    );
}

#[test]
fn the_subprotocol_is_the_one_that_the_response_chooses() {
    let shown = |connection: &Value, _: &Reading| connection["subprotocol"].clone();
    cross("subprotocol of two", &negotiated(), shown, |way, _| if_known(way.response(), "prices.v1"));
    cross("only subprotocol", &GRAPHQL, shown, |way, _| if_known(way.response(), "graphql-transport-ws"));
    cross("no subprotocol", &PLAIN, shown, |_, _| Value::Null);
}

#[test]
fn the_extensions_are_those_that_the_response_agrees_to() {
    let shown = |connection: &Value, _: &Reading| connection["extensions"].clone();
    cross("extensions", &negotiated(), shown, |way, _| {
        let params = json!({"server_max_window_bits": "12", "client_no_context_takeover": true});
        let agreed = json!([{"name": "permessage-deflate", "params": params}]);
        if way.response() { agreed } else { json!([]) }
    });
    cross("no extension", &PLAIN, shown, |_, _| json!([]));
}

/// The messages that are shown with their content: how many were sent like that, how certain they are, and those that
/// were never sent.
struct Content {
    sent: usize,
    integrity: BTreeSet<String>,
    never_sent: Vec<String>,
}

fn content(reading: &Reading) -> Content {
    let mut content = Content { sent: 0, integrity: BTreeSet::new(), never_sent: vec![] };
    for dir in [C2S, S2C] {
        let mut expected = reading.sent.expected_of(dir).map(sent);
        for message in reading.output.said(1, dir.name()) {
            if !["ok", "guessed"].contains(&&*message.integrity) {
                continue;
            }
            let message_read = heard(&message);
            if expected.any(|one| one == message_read) {
                content.sent += 1;
            } else {
                content.never_sent.push(format!("{message_read:?}"));
            }
            content.integrity.insert(message.integrity);
        }
    }
    content
}

#[test]
fn messages_are_certain_where_the_response_was_captured_and_guessed_elsewhere() {
    let shown = |_: &Value, reading: &Reading| {
        let Content { sent, integrity, never_sent } = content(reading);
        json!([sent, integrity, never_sent])
    };
    cross("messages", &PLAIN, shown, |way, reading| match (way.frames(), way.response()) {
        (true, true) => json!([reading.sent.expected.len(), ["ok"], []]),
        (true, false) => json!([reading.sent.expected.len(), ["guessed"], []]),
        (false, _) => json!([0, [], []]),
    });
}

#[test]
fn compressed_messages_are_inflated_as_the_response_agrees_and_never_certain_without_it() {
    // Without the response some may be inflated by a guess: then they are what was sent, and marked.
    let shown = |_: &Value, reading: &Reading| {
        let Content { sent, integrity, never_sent } = content(reading);
        let certain = integrity.contains("ok");
        json!([certain, if_known(certain, sent), never_sent])
    };
    cross("compressed messages", &negotiated(), shown, |way, reading| {
        json!([way.response(), if_known(way.response(), reading.sent.expected.len()), []])
    });
}

/// The keep-alive above WebSocket: protocol, what names it, the server's heartbeats, the client's answers, and interval
/// and timeout in seconds.
fn heartbeats(connection: &Value, _: &Reading) -> Value {
    let above = &connection["keep_alive"]["above"];
    let named = json!([above["protocol"], above["told_by"]]);
    let counted = json!([above["s2c"]["heartbeats"], above["c2s"]["answers"]]);
    let agreed = json!([above["s2c"]["agreed"].as_f64(), above["timeout"].as_f64()]);
    if_known(!above.is_null(), json!([named, counted, agreed]))
}

#[test]
fn heartbeats_that_the_target_names_are_counted_where_the_request_was_captured() {
    cross("heartbeats by target", &ENGINE_IO, heartbeats, |way, _| {
        if_known(way.request() && way.frames(), json!([["engine.io-4", "target"], [3, 3], [25.0, 20.0]]))
    });
}

#[test]
fn heartbeats_that_the_subprotocol_names_are_counted_where_the_response_was_captured() {
    cross("heartbeats by subprotocol", &GRAPHQL, heartbeats, |way, _| {
        if_known(way.response(), json!([["graphql-transport-ws", "subprotocol"], [3, 3], [null, null]]))
    });
}

#[test]
fn the_tls_session_is_that_of_the_connection() {
    cross(
        "TLS",
        &PLAIN,
        |connection, _| json!([connection["tls"], connection["tls_session"]]),
        |way, _| {
            let session = json!({
                "version": "TLS 1.3",
                "cipher": "TLS_AES_128_GCM_SHA256",
                "server_name": HOST,
                "alpn": way.alpn(),
                "resumed": false,
            });
            json!([way.tls, if_known(way.tls, session)])
        },
    );
}

#[test]
fn the_http_version_and_the_stream_are_those_of_the_connection() {
    let shown =
        |connection: &Value, _: &Reading| json!([connection["http_version"], connection["stream_id"]]);
    cross("stream", &PLAIN, shown, |way, _| {
        if way.http2 { json!(["2", STREAM]) } else { json!([way.request().then_some("1.1"), null]) }
    });
}

#[test]
fn a_tunnel_is_shown_where_there_is_one() {
    cross(
        "tunnel",
        &PLAIN,
        |connection, _| connection["tunnelled"].clone(),
        |way, _| if_known(way.tunnel, true),
    );
}

#[test]
fn the_client_is_the_end_that_opened_the_connection() {
    let shown = |connection: &Value, _: &Reading| json!([connection["client"], connection["server"]]);
    cross("endpoints", &PLAIN, shown, |_, _| json!([CLIENT, SERVER]));
}

#[test]
fn a_handshake_that_is_not_in_the_capture_is_reported_and_replaced_by_evidence() {
    let shown = |connection: &Value, reading: &Reading| {
        let mut missing = reading.output.codes();
        missing.retain(|code| ["request-missing", "response-missing", "tcp-midstream"].contains(code));
        let evidence = connection["evidence"].is_string();
        json!([connection["state"], connection["midstream"], evidence, missing])
    };
    cross("evidence", &PLAIN, shown, |way, _| {
        let missing = match way.heads {
            Heads::Both => vec![],
            Heads::RequestLost => vec!["request-missing"],
            Heads::ResponseLost => vec!["response-missing"],
            // The gaps are reported as such.
            Heads::BothLost => vec![],
            Heads::Earlier => vec!["tcp-midstream"],
            // Nothing is missing: the user says so.
            Heads::NeverSent => vec![],
        };
        let state = if way.frames() { "closed" } else { "unanswered" };
        let evidence = way.frames() && !way.response();
        json!([state, !way.request() && !way.response(), evidence, missing])
    });
}
