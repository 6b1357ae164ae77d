//! A WebSocket opens, or an attempt to open one fails: the one place for every way to get there.

use crate::http::rules::HTTP_BODY_IN_UPGRADE;
use crate::http::{Framing, Handshake, Judgement, announced_framing, compresses, http2};
use crate::model::{
    ConnectionId, Direction, Endpoint, Head, PerDirection, Place, Tally, WebSocketId, safe_str,
};
use crate::pipeline::context::Context;
use crate::pipeline::events::{Connection, Ended, Ending, HeadPlace, Pending, Sink, State, Tls};
use crate::subproto::Heartbeats;
use crate::tcp::rules::TCP_MIDSTREAM;
use crate::ws::{CompressionTerms, Spot, Terms, WebSocket};

use super::websocket::{Emit, OpenWebSocket};

/// What the WebSockets of one TCP connection have in common.
#[derive(Clone, Debug)]
pub(crate) struct Carrier {
    pub(super) tcp: ConnectionId,
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
    pub(super) proxied: Option<Endpoint>,
    pub(super) tunnelled: bool,
    /// It runs in TLS.
    pub(super) secure: bool,
    /// What the TLS handshake agreed on.
    pub(super) tls: Option<Box<Tls>>,
}

impl Carrier {
    /// A WebSocket, or an attempt to open one, over HTTP/1.1. `asked`: the place of its request, and the number that it
    /// got with it.
    pub(super) fn connection(
        self,
        asked: Option<(HeadPlace, WebSocketId)>,
        response: Option<HeadPlace>,
        handshake: Handshake,
        context: &mut Context<'_>,
    ) -> Connection {
        let (server, secure) = (self.server, self.secure);
        let url = handshake.request.as_deref().map(|head| {
            // The fallback is formatted only where it is needed.
            let has_host = head.value("Host").is_some_and(|host| !host.is_empty());
            let fallback = if has_host { String::new() } else { server.to_string() };
            crate::http::url(head, &fallback, secure)
        });
        let id = asked.map_or_else(|| context.next_websocket(), |(_, id)| id);
        self.named(id, url, asked.map(|(place, _)| place), response, handshake)
    }

    /// A WebSocket, or an attempt to open one, in a stream of HTTP/2.
    pub(super) fn stream(
        self,
        number: u32,
        id: WebSocketId,
        request: HeadPlace,
        response: Option<HeadPlace>,
        handshake: Handshake,
    ) -> Connection {
        let (server, secure) = (self.server, self.secure);
        let url = handshake.request.as_deref().map(|request| {
            let fallback = request.value(":authority").is_none_or(<[u8]>::is_empty);
            let fallback = if fallback { server.to_string() } else { String::new() };
            http2::url(request, &fallback, secure)
        });
        Connection { stream_id: Some(number), ..self.named(id, url, Some(request), response, handshake) }
    }

    fn named(
        self,
        id: WebSocketId,
        url: Option<String>,
        request: Option<HeadPlace>,
        response: Option<HeadPlace>,
        handshake: Handshake,
    ) -> Connection {
        let Self { tcp, client, server, proxied, tunnelled, secure: _, tls } = self;
        Connection {
            id,
            tcp,
            client,
            server,
            proxied,
            tunnelled,
            stream_id: None,
            url: url.map(String::into_boxed_str),
            handshake,
            request,
            response,
            first: request.or(response).map(|place| place.first).unwrap_or_default(),
            evidence: None,
            tls,
        }
    }
}

/// What is known when a WebSocket opens.
pub(super) struct Opening {
    pub(super) connection: Connection,
    pub(super) judgements: Vec<Judgement>,
    /// The packets at which the handshake was judged, for what the client and the server did.
    pub(super) judged_at: PerDirection<Place>,
    /// It is not certain that this is a WebSocket.
    pub(super) guessed: bool,
    /// Frames were recognised without the response, or without any handshake.
    pub(super) mid_stream: Option<MidStream>,
    /// The packet of frames that the client sent before the response.
    pub(super) early: Option<Place>,
    pub(super) bodies: Bodies,
}

/// The body of the request, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bodies {
    /// What came of it before the response.
    pub(super) taken: u64,
    /// What may still come of it before the client's first frame.
    pub(super) left: u64,
}

/// Where the frames of a WebSocket begin whose handshake is not complete.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MidStream {
    /// Whether the next byte of a direction begins a frame.
    pub(crate) begins: PerDirection<bool>,
    /// Captured bytes before the first frame.
    pub(crate) skipped: PerDirection<u64>,
    /// Nothing of the handshake was captured: that is reported.
    pub(crate) is_reported: bool,
}

/// What a few tiny frames make a WebSocket keep at most, beside their bytes: a message and a frame that are not whole in each
/// direction, 64 pings that wait for their pongs.
const FIRST_MESSAGES: u64 = 16 << 10;

/// Opens a WebSocket: reports it, and every finding that waited for it.
pub(super) fn opened(
    opening: Opening,
    pending: impl IntoIterator<Item = Pending>,
    context: &mut Context<'_>,
) -> OpenWebSocket {
    let Opening { mut connection, mut judgements, judged_at, guessed, mid_stream, mut early, bodies } =
        opening;
    judgements.extend(credentials(&connection));
    let handshake = &connection.handshake;
    let mut ws = match &mid_stream {
        None => WebSocket::new(agreed_terms(handshake, guessed)),
        Some(start) => {
            let terms = possible_terms(handshake);
            let mut ws = WebSocket::midway(PerDirection { c2s: terms, s2c: terms }, start.begins);
            for direction in Direction::BOTH {
                ws.skip(direction, *start.skipped.of(direction));
            }
            ws
        }
    };
    if let Some(deflate) = &handshake.deflate {
        let terms = |window_bits| CompressionTerms { window_bits, per_frame: deflate.per_frame };
        let (c2s, s2c) = (deflate.client_max_window_bits, deflate.server_max_window_bits);
        ws.set_compression(PerDirection { c2s: terms(c2s), s2c: terms(s2c) });
    }
    let unknown = unknown_extensions(handshake);
    // Where the handshake is hidden, there are bits that an extension may define, and no names.
    if mid_stream.is_none() && handshake.rsv_defined & !4 != 0 && !unknown.is_empty() {
        ws.set_unknown_extensions(&unknown);
    }
    if connection.stream_id.is_none() {
        expect_bodies(&mut ws, handshake, bodies);
    }
    if is_hixie_76(handshake) {
        // Eight bytes follow the request, 16 the response, and then frames of another kind.
        early = None;
        ws.leave_unread();
    }
    ws.list(context.limits.listed);
    let target = handshake.request.as_ref().map_or(&b""[..], |head| head.target());
    let detected = Heartbeats::from_handshake(handshake.subprotocol.as_deref(), target);
    let mut heartbeats = detected.map(Box::new);
    ws.read_short_messages(heartbeats.is_some());
    context.scratch.grow(connection.size() as u64 + FIRST_MESSAGES);
    context.totals.websockets += 1;
    context.servers.note(connection.server);
    context.sink.opened(&connection);
    let mut emit = Emit { sink: &mut *context.sink, connection: &connection, heartbeats: &mut heartbeats };
    for finding in pending {
        ws.report(finding.rule, finding.spot, format_args!("{}", finding.text), &mut emit);
    }
    for Judgement { rule, side, text, .. } in judgements {
        let spot = Spot::of(side, *judged_at.of(side));
        if rule.code == HTTP_BODY_IN_UPGRADE.code && bodies.taken > 0 {
            let text = format_args!(
                "{text}; {} bytes behind it are read as the body, and frames behind them",
                bodies.taken
            );
            ws.report(rule, spot, text, &mut emit);
        } else {
            ws.report(rule, spot, format_args!("{text}"), &mut emit);
        }
    }
    if let Some((early, response)) = early.zip(connection.response) {
        let spot = Spot::of(Direction::ClientToServer, early);
        let text = format_args!(
            "the client sent bytes in packet {} before the response in packet {}",
            early.packet, response.first.packet
        );
        ws.report(&crate::http::rules::DATA_BEFORE_HANDSHAKE, spot, text, &mut emit);
    }
    if let Some(start) = mid_stream.filter(|start| start.is_reported) {
        report_mid_stream(&mut ws, &start, judged_at.c2s, &mut emit);
    }
    if !context.sink.wants().heads {
        (connection.handshake.request, connection.handshake.response) = (None, None);
    }
    OpenWebSocket { ws, connection: Box::new(connection), heartbeats }
}

/// What the heads announce that may come before the first frame.
fn expect_bodies(ws: &mut WebSocket, handshake: &Handshake, bodies: Bodies) {
    if bodies.left > 0 {
        ws.announce_body(Direction::ClientToServer, bodies.left, Some(&HTTP_BODY_IN_UPGRADE));
    }
    let Some(response) = &handshake.response else { return };
    // A 101 has no body (RFC 9110 section 8.6), but some servers send one.
    match announced_framing(response) {
        Framing::Chunked => ws.announce_chunks(Direction::ServerToClient),
        Framing::Length(len @ 1..) => ws.announce_body(Direction::ServerToClient, len, None),
        _ => {}
    }
}

/// Whether a handshake is that of draft-hixie-thewebsocketprotocol-76, whose frames are others.
fn is_hixie_76(handshake: &Handshake) -> bool {
    let has =
        |head: &Option<Box<Head>>, name: &str| head.as_ref().is_some_and(|head| head.value(name).is_some());
    if has(&handshake.response, "Sec-WebSocket-Accept") {
        return false;
    }
    let asks = has(&handshake.request, "Sec-WebSocket-Key1") && !has(&handshake.request, "Sec-WebSocket-Key");
    asks || has(&handshake.response, "Sec-WebSocket-Location")
        || has(&handshake.response, "WebSocket-Location")
}

fn report_mid_stream(
    ws: &mut WebSocket,
    start: &MidStream,
    first: Place,
    emit: &mut Emit<'_, dyn Sink + '_>,
) {
    let evidence = emit.connection.evidence.as_deref().unwrap_or_default();
    let rest = match start.skipped.c2s + start.skipped.s2c {
        0 => String::new(),
        before => format!("; {before} bytes before the first frames are skipped"),
    };
    let text = format_args!("no opening handshake was captured; guessed to be a WebSocket: {evidence}{rest}");
    ws.report(&TCP_MIDSTREAM, Spot::at(first), text, emit);
}

/// What a handshake with a response agreed on, for each direction; or may have, where the snap length hides that.
fn agreed_terms(handshake: &Handshake, guessed: bool) -> PerDirection<Terms> {
    // Where frames are compressed one by one, implementations differ in whose window the parameter is about. A window that
    // is kept decodes both.
    let per_frame = handshake.deflate.is_some_and(|agreed| agreed.per_frame);
    let is_hidden = handshake.hides_extensions();
    let possible = (is_hidden && handshake.rsv_defined & 4 != 0).then_some(true);
    let terms = |no_takeover: Option<bool>| Terms {
        takeover: no_takeover.map(|none| !none || per_frame).or(possible),
        rsv_defined: handshake.rsv_defined,
        guessed: guessed || is_hidden,
    };
    PerDirection {
        c2s: terms(handshake.deflate.map(|agreed| agreed.client_no_context_takeover)),
        s2c: terms(handshake.deflate.map(|agreed| agreed.server_no_context_takeover)),
    }
}

/// The names of the extensions that were agreed and whose use of RSV bits is not known.
fn unknown_extensions(handshake: &Handshake) -> String {
    let unknown = handshake.extensions.iter().filter(|extension| !compresses(extension));
    let names: Vec<String> = unknown.map(|extension| safe_str(&extension.name).into_owned()).collect();
    names.join(", ")
}

/// What a handshake without a response may have agreed on: anything that the client did not fail to offer.
fn possible_terms(handshake: &Handshake) -> Terms {
    let offers = handshake.request.is_some();
    let deflate = !offers || handshake.rsv_defined & 4 != 0;
    Terms {
        takeover: deflate.then_some(true),
        rsv_defined: if offers { handshake.rsv_defined } else { 7 },
        guessed: true,
    }
}

/// Credentials that its request carries without TLS.
fn credentials(connection: &Connection) -> Option<Judgement> {
    let request = connection.handshake.request.as_deref().filter(|_| !connection.is_wss())?;
    crate::http::credentials_in_clear(request)
}

/// An attempt to open a WebSocket that failed.
pub(super) struct Unopened {
    pub(super) connection: Connection,
    pub(super) state: State,
    pub(super) judgements: Vec<Judgement>,
    /// The packet at which that was known.
    pub(super) place: Place,
    pub(super) ending: Ending,
    pub(super) gaps: (u64, u64),
}

/// Reports an attempt that failed.
pub(super) fn unopened(
    attempt: Unopened,
    pending: impl IntoIterator<Item = Pending>,
    context: &mut Context<'_>,
) {
    let Unopened { connection, state, mut judgements, place, ending, gaps } = attempt;
    judgements.extend(credentials(&connection));
    let mut tally = Tally::default();
    let own = judgements.into_iter().map(|Judgement { rule, side, text, .. }| {
        let spot = Spot::of(side, place);
        Pending { rule, spot, text }
    });
    for finding in pending.into_iter().chain(own) {
        if tally.add(finding.rule) <= u64::from(context.limits.listed) {
            let text = format_args!("{}", finding.text);
            context.sink.finding(Some(&connection), finding.rule, finding.spot, text);
        }
    }
    context.totals.websockets += 1;
    context.servers.note(connection.server);
    context.totals.count_attempt(&tally, gaps);
    context.sink.ended(&Ended {
        connection: &connection,
        state,
        closed: Some(place.time).filter(|_| state == State::Refused),
        socket: None,
        heartbeats: None,
        findings: &tally,
        ending,
        gaps,
    });
}
