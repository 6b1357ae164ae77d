//! How a TCP connection goes over to HTTP/2: with prior knowledge, by an upgrade, in its middle; whose turn it is; its end.

use super::ends::{End, Ends};
use super::limits::Limits;
use super::live::{Layer, Live};
use super::multiplex::Multiplex;
use super::sink::{Ending, Pending, Sink, Tls};
use super::work::Work;
use crate::http::http2;
use crate::model::{ConnectionId, Direction, Endpoint, Head, PerDirection, Place, Segment, Span};
use crate::tcp::{Held, Stream};
use crate::ws::{StreamEnd, Terms};

/// What the WebSockets of one connection have in common.
#[derive(Clone, Debug)]
pub(super) struct Carrier {
    pub(super) tcp: ConnectionId,
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
    pub(super) proxied: Option<Endpoint>,
    pub(super) tunnelled: bool,
    /// TLS lies below.
    pub(super) secure: bool,
    /// What its handshake agreed on.
    pub(super) tls: Option<Box<Tls>>,
}

/// How a connection ended, for the streams that are open in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finish {
    pub(super) how: StreamEnd,
    /// A side sends no more.
    pub(super) fin: bool,
    /// The direction of which nothing was captured.
    pub(super) unheard: Option<Direction>,
    pub(super) place: Place,
    pub(super) ending: Ending,
}

/// DATA that came before the answer.
#[derive(Clone, Debug)]
pub(super) struct Early {
    pub(super) at: u64,
    pub(super) span: Span,
    /// The bytes themselves, where they can be read nowhere again: they were decrypted.
    pub(super) sealed: Option<Box<[u8]>>,
    pub(super) origin: Place,
}

impl Live {
    /// A connection that is looked at from its middle on: from a request, or from HEADERS that go in a direction.
    pub(super) fn taken_up(ends: &Ends, from: End, segment: &Segment, http2: Option<Direction>) -> Box<Self> {
        let client = if http2 == Some(Direction::ServerToClient) { from.other() } else { from };
        let mut live = Self::midway(client, from, segment);
        if let Some(direction) = http2 {
            live.begin_http2_midway(ends, direction);
        }
        live
    }

    /// Goes on with HTTP/2, after so many bytes of the client's preface.
    pub(super) fn begin_http2<S: Sink>(
        &mut self,
        ends: &Ends,
        preface: usize,
        settings: Option<&[u8]>,
        place: Place,
        work: &mut Work<'_, S>,
    ) {
        let mut multiplex = Multiplex::new(self.carrier(ends), preface);
        if let Some(settings) = settings {
            multiplex.settings(settings, place, work);
        }
        multiplex.adopt(&mut self.pending);
        self.layer = Layer::Multiplex(multiplex);
    }

    /// HTTP/2 from a HEADERS frame in its middle on, which goes in this direction.
    pub(super) fn begin_http2_midway(&mut self, ends: &Ends, known: Direction) {
        self.layer = Layer::Multiplex(Multiplex::midway(self.carrier(ends), known));
    }

    fn carrier(&self, ends: &Ends) -> Carrier {
        let client = self.client.unwrap_or(End::A);
        let (proxied, tunnelled) = match &self.layer {
            Layer::Http(http) => (http.proxied, http.tunnelled),
            _ => (None, false),
        };
        let (client, server) = (ends.of(client), ends.of(client.other()));
        let secure = self.secure.is_some();
        let tls = self.secure.as_ref().and_then(|secure| secure.facts());
        Carrier { tcp: ends.tcp, client, server, proxied, tunnelled, secure, tls }
    }

    /// Where it is not known who the client is: an end's first bytes may be HTTP/2, and tell. True where the client's
    /// bytes come first.
    pub(super) fn take_up_http2(&mut self, ends: &Ends, end: End, bytes: &[u8]) -> bool {
        if !matches!(self.layer, Layer::Http(_)) {
            return false;
        }
        let midway = http2::begins_with_headers(bytes);
        self.client = match midway {
            Some(Direction::ClientToServer) => Some(end),
            Some(Direction::ServerToClient) => Some(end.other()),
            None if http2::begins_with_settings(bytes) => Some(end.other()),
            None => return false,
        };
        if let Some(known) = midway {
            self.begin_http2_midway(ends, known);
        }
        self.client != Some(end) && self.streams.of(end.other()).ready().is_some()
    }

    /// Whether bytes of an end are to be read next. What the other end had said before is: a request comes before its
    /// answer, a setting before what it allows, in whatever order packets were captured.
    pub(super) fn is_turn_of_http2(&self, end: End, held: &Held) -> bool {
        let Layer::Multiplex(multiplex) = &self.layer else { return true };
        let (own, other) = (self.streams.of(end), self.streams.of(end.other()));
        // What its sender had received, and what was read of that.
        let waits = |held: &Held, other: &Stream| {
            let end = other.fin().unwrap_or(u64::MAX);
            !multiplex.forced && other.is_known() && other.offset(held.ack).min(end) > other.next()
        };
        if waits(held, other) || (other.hole().is_some() && !multiplex.forced) {
            return false;
        }
        !other.ready().is_some_and(|ready| ready.origin.packet < held.origin.packet && !waits(&ready, own))
    }

    /// Nothing else can be waited for: what is there is read, whether or not what it follows is. False where nothing is
    /// there.
    pub(super) fn force_http2(&mut self, forced: bool) -> bool {
        let ready = End::BOTH.into_iter().any(|end| self.streams.of(end).ready().is_some());
        let Layer::Multiplex(multiplex) = &mut self.layer else { return false };
        std::mem::replace(&mut multiplex.forced, forced && ready) != forced && ready
    }

    /// The end of HTTP/2. Without any WebSocket there is nothing to tell.
    pub(super) fn end_http2<S: Sink>(
        &mut self,
        multiplex: &mut Multiplex,
        ending: Ending,
        last: Place,
        work: &mut Work<'_, S>,
    ) {
        let fin = End::BOTH.into_iter().any(|end| self.streams.of(end).fin().is_some());
        let how = ending.how;
        let unheard = End::BOTH.into_iter().find(|end| !*self.seen.of(*end));
        let unheard = unheard.map(|end| self.direction(end));
        multiplex.end(Finish { how, fin, unheard, place: last, ending }, work);
    }
}

/// The frames that an `HTTP2-Settings` header holds (RFC 7540 section 3.2.1): base64url without padding.
pub(super) fn settings_of(head: &Head, limits: &Limits) -> Option<Box<[u8]>> {
    use base64::Engine as _;
    let value = head.value("HTTP2-Settings")?;
    let value = value.get(..value.len().min(limits.head.bytes))?;
    let end = value.iter().rposition(|byte| *byte != b'=').map_or(0, |at| at + 1);
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    engine.decode(value.get(..end)?).ok().map(Vec::into_boxed_slice)
}

/// What is told of a stream that a side reset.
pub(super) fn reset_finding(number: u32, by: Direction, code: u32, place: Place) -> Pending {
    let text = format!(
        "the {} reset stream {number} with {} ({code}), without a complete closing handshake",
        by.sender(),
        http2::error_name(code)
    );
    Pending { rule: &http2::rules::H2_STREAM_RESET, direction: Some(by), offset: None, place, text }
}

/// What was agreed on for each direction.
pub(super) fn terms(handshake: &crate::http::Handshake, guessed: bool) -> PerDirection<Terms> {
    let terms = |no_takeover: Option<bool>| Terms {
        takeover: no_takeover.map(|none| !none),
        rsv_defined: handshake.rsv_defined,
        guessed,
    };
    PerDirection {
        c2s: terms(handshake.deflate.map(|agreed| agreed.client_no_context_takeover)),
        s2c: terms(handshake.deflate.map(|agreed| agreed.server_no_context_takeover)),
    }
}
