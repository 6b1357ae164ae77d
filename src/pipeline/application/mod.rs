//! What the bytes of a connection are: HTTP/1, a WebSocket, HTTP/2, or not known yet.
//!
//! ```text
//! data, gap, end ─► Http ─┬─► WebSocket ──► Done
//!                    ▲ │  └─► Multiplex (HTTP/2, a WebSocket in each stream)
//!                    │ ▼
//!                 Detecting
//! ```
//!
//! There are three doors: [`data`](Application::data), [`gap`](Above::gap) and [`end`](Application::end). TCP's
//! bytes and TLS plaintext enter by the same ones. Nothing here knows segments, TLS or waiting: what lies below is
//! a [`TransportView`].

mod cut;
mod cut_heads;
mod detecting;
mod http;
mod multiplex;
mod opened;
mod refused;
mod stream;
mod websocket;
mod wrong_scheme;

use std::fmt::Arguments;

use super::context::Context;
use super::events::{HeadPlace, NotWebSocket, Pending, State};
use super::limits::Limits;
use super::transport::above::{Above, Gap};
use super::transport::order::DeliveryOrder;
use super::transport::view::TransportView;
use super::unanswered::Unanswered;
use crate::http::rules::{H2C_UPGRADE, HTTP_HEADER_TOO_LARGE, RESPONSE_MISSING, STRAY_RESPONSE};
use crate::http::{Foreign, ForeignKind};
use crate::model::{Chunk, Direction, Head, Lang, PerDirection, Place, Rule};
use crate::ws::{Spot, StreamEnd, WebSocket};

pub(super) use detecting::{DetectedStart, Detection, Missing, SideEvidence, detect, is_last, starts_here};
pub(super) use http::{begins, classify};
pub(super) use opened::MidStream;
pub(super) use websocket::{Emit, Finish, OpenWebSocket};
pub(super) use wrong_scheme::{is_plain_response, report_plain_response};

use cut::{CutHandshake, CutRequest};
use detecting::Detecting;
use http::{EarlierRefusal, Http1, HttpEvent, PendingUpgrade, UpgradeOutcome};
use multiplex::Multiplex;
use opened::{Bodies, Carrier, Opening, Unopened, opened, unopened};
use refused::{Refused, Wish};

/// A run of bytes at the door, the next in order of its direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery<'a> {
    pub(super) direction: Direction,
    pub(super) chunk: Chunk<'a>,
    /// They respond to a request that was not captured.
    pub(super) unasked: bool,
}

/// What became of a [`Delivery`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    /// How many bytes were taken. The rest is to be delivered again.
    pub(super) bytes: usize,
    /// Something was found, so that a second delivery without new bytes may be taken.
    pub(super) found: bool,
    /// A WebSocket opened.
    pub(super) opened: Option<FramesBegin>,
    /// The connection holds no WebSocket.
    pub(super) dropped: Option<NotWebSocket>,
}

impl Taken {
    fn all(bytes: usize) -> Self {
        Self { bytes, ..Self::default() }
    }
}

/// Where in the client's stream frames begin, as far as HTTP knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct FramesBegin {
    /// Offset behind the request, where that was captured.
    pub(super) request_end: Option<u64>,
    /// Bytes after a loss that were taken for the rest of the request, and the last four of them.
    pub(super) unread: (u64, [u8; 4]),
}

impl FramesBegin {
    /// Behind a request that the snap length cut: where the server says.
    const BEHIND_CUT: Self = Self { request_end: None, unread: (0, [0; 4]) };
}

/// What a connection's bytes are.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // All are in place: one allocation for a connection.
enum Phase {
    Http(Http1),
    /// No handshake was captured: what the bytes are is decided when more of them have arrived.
    Detecting(Detecting),
    WebSocket(OpenWebSocket),
    Multiplex(Box<Multiplex>),
    /// It ended, and that was reported.
    Done,
}

/// An attempt that is not reported yet.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // Boxed, and rare.
enum Attempt {
    /// A request for a WebSocket that waits for its response.
    Asked(PendingUpgrade),
    /// A refusal whose body is read.
    Refused(Refused),
}

/// The application of a followed connection.
#[derive(Clone, Debug)]
pub(super) struct Application {
    phase: Phase,
    /// An attempt to open a WebSocket, or a tunnel, that is not reported yet.
    attempt: Option<Box<Attempt>>,
    /// Findings that wait for a WebSocket to open.
    #[allow(clippy::box_collection)] // Most connections have none.
    pending: Option<Box<Vec<Pending>>>,
    /// Gaps so far, and their bytes.
    gaps: (u64, u64),
    /// How many more times detection may run on this connection after it was dropped.
    tries: u8,
    /// The 101 was cut: the server's next bytes begin a frame, unless its segment held the beginning of one.
    begins_unsure: bool,
}

impl Application {
    /// Tries of a connection that detection has not seen yet.
    const TRIES: u8 = 4;

    fn in_phase(phase: Phase) -> Self {
        Self { phase, attempt: None, pending: None, gaps: (0, 0), tries: Self::TRIES, begins_unsure: false }
    }

    pub(super) fn new() -> Self {
        Self::in_phase(Phase::Http(Http1::default()))
    }

    /// HTTP/1 from its middle on.
    pub(super) fn http_from_middle() -> Self {
        Self::in_phase(Phase::Http(Http1::from_middle()))
    }

    /// A connection that was dropped, and whose latest segment looks like a frame.
    pub(super) fn detecting_again(tries: u8) -> Self {
        let detecting = Detecting { http: Http1::default(), pieces: detecting::FIRST };
        Self { tries, ..Self::in_phase(Phase::Detecting(detecting)) }
    }

    // Questions.

    fn http(&self) -> Option<&Http1> {
        match &self.phase {
            Phase::Http(http) | Phase::Detecting(Detecting { http, .. }) => Some(http),
            Phase::WebSocket(_) | Phase::Multiplex(_) | Phase::Done => None,
        }
    }

    /// Whether nothing is known of what the bytes are.
    pub(super) fn is_fresh(&self) -> bool {
        self.http().is_some_and(|http| !http.is_http())
    }

    pub(super) fn is_http(&self) -> bool {
        self.http().is_some()
    }

    fn http_mut(&mut self) -> Option<&mut Http1> {
        match &mut self.phase {
            Phase::Http(http) | Phase::Detecting(Detecting { http, .. }) => Some(http),
            Phase::WebSocket(_) | Phase::Multiplex(_) | Phase::Done => None,
        }
    }

    pub(super) fn is_tunnelled(&self) -> bool {
        self.http().is_some_and(|http| http.tunnelled)
    }

    pub(super) fn is_multiplex(&self) -> bool {
        matches!(self.phase, Phase::Multiplex(_))
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// The WebSocket, where the bytes are frames of one.
    #[inline]
    pub(super) fn websocket_mut(&mut self) -> Option<&mut OpenWebSocket> {
        match &mut self.phase {
            Phase::WebSocket(websocket) => Some(websocket),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn websocket(&self) -> Option<&OpenWebSocket> {
        match &self.phase {
            Phase::WebSocket(websocket) => Some(websocket),
            _ => None,
        }
    }

    /// Whether it has yet to show that the server's next bytes begin a frame.
    pub(super) fn begins_unsure(&self) -> bool {
        self.begins_unsure
    }

    /// Whether it is, or holds or held, a WebSocket.
    pub(super) fn has_websocket(&self) -> bool {
        match &self.phase {
            Phase::WebSocket(_) => true,
            Phase::Multiplex(multiplex) => multiplex.had_websocket(),
            Phase::Http(_) | Phase::Detecting(_) | Phase::Done => false,
        }
    }

    /// Whether a request for a WebSocket waits for its response.
    pub(super) fn has_asked(&self) -> bool {
        matches!(self.attempt.as_deref(), Some(Attempt::Asked(_)))
    }

    fn refused(&self) -> Option<&Refused> {
        match self.attempt.as_deref() {
            Some(Attempt::Refused(refused)) => Some(refused),
            _ => None,
        }
    }

    fn take_asked(&mut self) -> Option<PendingUpgrade> {
        match self.attempt.take().map(|attempt| *attempt) {
            Some(Attempt::Asked(asked)) => Some(asked),
            other => {
                self.attempt = other.map(Box::new);
                None
            }
        }
    }

    fn take_refused(&mut self) -> Option<Refused> {
        match self.attempt.take().map(|attempt| *attempt) {
            Some(Attempt::Refused(refused)) => Some(refused),
            other => {
                self.attempt = other.map(Box::new);
                None
            }
        }
    }

    /// Which order of both directions it needs.
    pub(super) fn order(&self) -> DeliveryOrder {
        match &self.phase {
            Phase::Http(http) if http.requests_lost => {
                DeliveryOrder::LostRequests { server_waits: http.server_waits() }
            }
            Phase::Multiplex(multiplex) => DeliveryOrder::Causal { forced: multiplex.forced },
            _ => DeliveryOrder::Any,
        }
    }

    /// The oldest packet whose frames may still be found after a loss.
    pub(super) fn searching(&self) -> Option<u64> {
        match &self.phase {
            Phase::WebSocket(websocket) => websocket.ws.searching(),
            Phase::Multiplex(multiplex) => multiplex.searching(),
            // Findings of that packet follow the body.
            Phase::Http(_) | Phase::Detecting(_) => {
                self.refused().filter(|refused| !refused.is_challenge()).map(|it| it.place.last.packet)
            }
            Phase::Done => None,
        }
    }

    fn websockets(&self) -> impl Iterator<Item = &OpenWebSocket> {
        let in_streams = match &self.phase {
            Phase::Multiplex(multiplex) => Some(multiplex.websockets()),
            _ => None,
        };
        self.websocket().into_iter().chain(in_streams.into_iter().flatten())
    }

    fn each_websocket(&mut self, mut act: impl FnMut(&mut WebSocket)) {
        match &mut self.phase {
            Phase::WebSocket(websocket) => act(&mut websocket.ws),
            Phase::Multiplex(multiplex) => {
                multiplex.websockets_mut().for_each(|websocket| act(&mut websocket.ws));
            }
            Phase::Http(_) | Phase::Detecting(_) | Phase::Done => {}
        }
    }

    /// The lowest capture address whose bytes may be read again; `u64::MAX` where there is none.
    pub(super) fn oldest_address(&self) -> u64 {
        self.websockets().map(|websocket| websocket.ws.oldest_address()).min().unwrap_or(u64::MAX)
    }

    /// Bytes that it can release: compression windows; payloads, and heads that are not whole.
    pub(super) fn held(&self) -> (u64, u64) {
        let heads = self.http().map_or(0, |http| http.partial_size() + http.refused_size()) as u64;
        self.websockets().fold((0, heads), |(windows, rest), websocket| {
            (windows + websocket.ws.windows() as u64, rest + websocket.ws.payloads() as u64)
        })
    }

    /// Bytes of memory beside itself, approximately.
    pub(super) fn size(&self) -> usize {
        let attempt = self.attempt.as_deref().map_or(0, |attempt| {
            size_of::<Attempt>()
                + match attempt {
                    Attempt::Asked(asked) => asked.head.size(),
                    Attempt::Refused(refused) => refused.size(),
                }
        });
        let pending = self.pending.as_ref().map_or(0, |all| all.iter().map(Pending::size).sum::<usize>());
        let phase = match &self.phase {
            Phase::WebSocket(websocket) => websocket.size(),
            Phase::Multiplex(multiplex) => multiplex.size(),
            Phase::Http(http) | Phase::Detecting(Detecting { http, .. }) => http.size(),
            Phase::Done => 0,
        };
        attempt + pending + phase
    }

    // The doors.

    /// Takes bytes, the next in order of their direction. `below` is `None` inside a TLS record: heads are not read then.
    pub(super) fn data(
        &mut self,
        delivery: Delivery<'_>,
        below: Option<TransportView<'_>>,
        context: &mut Context<'_>,
    ) -> Taken {
        let Delivery { direction, chunk, unasked } = delivery;
        match &mut self.phase {
            Phase::WebSocket(websocket) => {
                if self.begins_unsure && direction == Direction::ServerToClient {
                    if let Some(len) = cut::rest_of_head(chunk.bytes) {
                        return Taken { found: true, ..Taken::all(len) };
                    }
                    self.begins_unsure = false;
                    if !cut::may_be_frames(chunk.bytes, false) {
                        websocket.ws.lose(direction);
                    }
                }
                websocket.data(direction, chunk, context);
                Taken::all(chunk.bytes.len())
            }
            Phase::Multiplex(multiplex) => {
                multiplex.data(direction, chunk, context);
                Taken::all(chunk.bytes.len())
            }
            Phase::Http(http) => {
                let Some(below) = below else { return Taken::default() };
                let step = if let Some(step) = http.decide_cut(direction, chunk.bytes) {
                    step
                } else if unasked {
                    http.response_to_lost_request(chunk, context.limits)
                } else {
                    http.data(direction, chunk, context.limits)
                };
                let taken = Taken::all(step.taken);
                let end = Some(chunk.at + step.taken as u64);
                let Some(event) = step.found else {
                    if direction == Direction::ClientToServer && step.taken > 0 {
                        self.take_request_body(step.taken as u64, end);
                    }
                    return taken;
                };
                self.found(event, end, chunk.arrival, &below, Taken { found: true, ..taken }, context)
            }
            Phase::Detecting(_) => Taken::default(),
            Phase::Done => Taken::all(chunk.bytes.len()),
        }
    }

    /// The snap length cut the next bytes, where heads are read.
    pub(super) fn cut(
        &mut self,
        gap: &Gap<'_>,
        below: &TransportView<'_>,
        context: &mut Context<'_>,
    ) -> Taken {
        let is_named = context.limits.names_port([below.client().port, below.server().port]);
        let Phase::Http(http) = &mut self.phase else {
            self.gap(gap, context);
            return Taken::default();
        };
        context.totals.cut_heads |= !http.is_in_body(gap.direction);
        match http.cut(gap.direction, gap.len, gap.arrival, is_named, context.limits) {
            Some(event) => self.found(event, None, gap.arrival, below, Taken::default(), context),
            None => Taken::default(),
        }
    }

    /// Whether it waits for the bytes that decide what a cut 101 switched to.
    pub(super) fn awaits_frames(&self) -> bool {
        self.http().is_some_and(Http1::awaits_frames)
    }

    /// Opens the WebSocket of a cut 101: the bytes that would decide are missing.
    pub(super) fn open_undecided(&mut self, below: &TransportView<'_>, context: &mut Context<'_>) {
        if let Phase::Http(http) = &mut self.phase
            && let Some(handshake) = http.take_cut_handshake()
        {
            self.open_cut(*handshake, below, context);
        }
    }

    /// A direction ended, while the connection may go on.
    pub(super) fn end(
        &mut self,
        direction: Direction,
        how: StreamEnd,
        place: Place,
        context: &mut Context<'_>,
    ) {
        if let Phase::WebSocket(websocket) = &mut self.phase {
            websocket.end(direction, how, place, context);
        }
    }

    /// The connection ended. Returns why it held no WebSocket, where that is known only now.
    pub(super) fn finish(&mut self, finish: &Finish<'_>, context: &mut Context<'_>) -> Option<NotWebSocket> {
        match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::WebSocket(mut websocket) => websocket.finish(finish, self.gaps, None, context),
            Phase::Multiplex(mut multiplex) => {
                multiplex.finish(finish, context);
                return (!multiplex.had_websocket()).then_some(NotWebSocket::Http2);
            }
            Phase::Http(_) | Phase::Detecting(_) | Phase::Done => {}
        }
        None
    }

    // Findings and gaps of the connection.

    fn take_pending(&mut self) -> Vec<Pending> {
        self.pending.take().map(|pending| *pending).unwrap_or_default()
    }

    /// The findings about IP datagrams that no WebSocket took over: they are of the capture then.
    pub(crate) fn take_findings_of_datagrams(&mut self) -> Vec<Pending> {
        let is_of_datagram = |finding: &Pending| finding.rule.code.starts_with("ip-fragment-");
        if !self.pending.as_ref().is_some_and(|pending| pending.iter().any(is_of_datagram)) {
            return Vec::new();
        }
        self.take_pending().into_iter().filter(is_of_datagram).collect()
    }

    /// Remembers a finding until a WebSocket opens.
    pub(super) fn remember(&mut self, finding: Pending) {
        /// Further findings are not remembered.
        const REMEMBERED: usize = 64;
        let pending = self.pending.get_or_insert_default();
        if pending.len() < REMEMBERED {
            pending.push(finding);
        }
    }

    /// Forgets the findings about TLS, which is read once more.
    pub(super) fn forget_tls_findings(&mut self) {
        if let Some(pending) = &mut self.pending {
            pending.retain(|finding| !finding.rule.code.starts_with("tls-"));
        }
    }

    /// Counts a gap.
    pub(super) fn count_gap(&mut self, len: u64) {
        self.gaps = (self.gaps.0 + 1, self.gaps.1 + len);
    }

    // HTTP/1.

    /// The connection does not begin with a SYN, or requests are missing.
    pub(super) fn lose_requests(&mut self) {
        if let Phase::Http(http) = &mut self.phase {
            http.requests_lost = true;
        }
    }

    /// Reads responses although their requests were not captured. False where none is waited for.
    pub(super) fn force_responses(&mut self) -> bool {
        match &mut self.phase {
            Phase::Http(http) if http.server_waits() => {
                http.forced = true;
                true
            }
            _ => false,
        }
    }

    /// Reads what is there, whether or not what it follows is. False where nothing changes.
    pub(super) fn force_order(&mut self, forced: bool, is_ready: bool) -> bool {
        let Phase::Multiplex(multiplex) = &mut self.phase else { return false };
        std::mem::replace(&mut multiplex.forced, forced && is_ready) != forced && is_ready
    }

    /// HTTP/2 begins, after so many bytes of the client's preface. `settings`: of an upgrade from HTTP/1.1, decoded.
    pub(super) fn begin_http2(
        &mut self,
        preface: usize,
        settings: Option<&[u8]>,
        place: Place,
        below: &TransportView<'_>,
        context: &mut Context<'_>,
    ) {
        let mut multiplex = Multiplex::new(self.carrier(below), preface);
        if let Some(settings) = settings {
            multiplex.settings(settings, place, context);
        }
        multiplex.adopt(self.take_pending());
        self.phase = Phase::Multiplex(multiplex);
    }

    /// HTTP/2 from its middle on: the next byte of `known` begins a HEADERS frame.
    pub(super) fn begin_http2_in_middle(&mut self, known: Direction, below: &TransportView<'_>) {
        self.phase = Phase::Multiplex(Multiplex::from_middle(self.carrier(below), known));
    }

    fn carrier(&self, below: &TransportView<'_>) -> Carrier {
        Carrier {
            tcp: below.tcp(),
            client: below.client(),
            server: below.server(),
            proxied: self.http().and_then(|http| http.proxied),
            tunnelled: self.is_tunnelled(),
            secure: below.is_secure(),
            tls: below.tls(),
        }
    }

    /// The client sent bytes that are the body of its request, where that waits for a response.
    fn take_request_body(&mut self, len: u64, end: Option<u64>) {
        if let Some(Attempt::Asked(asked)) = self.attempt.as_deref_mut() {
            (asked.end, asked.body) = (end, asked.body.saturating_add(len));
        }
    }

    /// Acts on what HTTP/1 found. `end`: the offset behind the bytes that were taken; `None` where the snap length cut them.
    fn found(
        &mut self,
        event: HttpEvent,
        end: Option<u64>,
        arrival: Place,
        below: &TransportView<'_>,
        taken: Taken,
        context: &mut Context<'_>,
    ) -> Taken {
        if let HttpEvent::Asked(head, ..)
        | HttpEvent::Answered(head, ..)
        | HttpEvent::ProxyRefused(_, head, _) = &event
        {
            context.scratch.grow(head.size() as u64);
        }
        let is_tunnel = matches!(event, HttpEvent::Tunnel | HttpEvent::ProxyRefused(..));
        if is_tunnel && self.refused().is_some_and(|refused| refused.is_challenge()) {
            // The client answered the challenge.
            self.attempt = None;
        } else if matches!(event, HttpEvent::Body) && self.refused().is_some_and(|it| it.is_challenge()) {
            self.take_body(below);
        } else {
            self.report_refused(below, context);
        }
        match event {
            HttpEvent::Body => {}
            HttpEvent::ProxyRefused(target, head, place) => {
                self.refuse(Wish::Tunnel(target), head, place, below, context);
            }
            HttpEvent::Asked(head, place) => {
                self.report_unanswered(StreamEnd::Capture, arrival, arrival, below, context);
                let id = context.next_websocket();
                let asked = PendingUpgrade { head, place, id, end, body: 0 };
                self.attempt = Some(Box::new(Attempt::Asked(asked)));
            }
            HttpEvent::Answered(head, place, UpgradeOutcome::Refuses) => {
                if let Some(asked) = self.take_asked() {
                    self.refuse(Wish::Upgrade(asked), head, place, below, context);
                }
            }
            HttpEvent::Answered(head, place, outcome) => {
                let unread = self.http().map(|http| http.unread).unwrap_or_default();
                let asked = self.take_asked().or_else(|| self.take_earlier_refusal(context));
                let request_end = asked.as_ref().and_then(|asked| asked.end);
                let unread = if asked.is_some() { (0, [0; 4]) } else { unread };
                self.open(asked, head, place, outcome, below, context);
                return Taken { opened: Some(FramesBegin { request_end, unread }), ..taken };
            }
            HttpEvent::AnsweredCut(handshake) => {
                let is_begin_known = handshake.by_frames;
                self.open_cut(*handshake, below, context);
                let opened = (!is_begin_known).then_some(FramesBegin::BEHIND_CUT);
                return Taken { opened, ..taken };
            }
            HttpEvent::MayAnswer => return Taken { opened: Some(FramesBegin::BEHIND_CUT), ..taken },
            HttpEvent::Tunnel => {}
            HttpEvent::H2c(place, settings) => {
                let spot = Spot::at(place);
                let (client, server) = (below.receiver(), below.sender());
                let text = format_args!("{client} and {server} go on with HTTP/2");
                context.sink.finding(None, &H2C_UPGRADE, spot, text);
                context.totals.findings.add(&H2C_UPGRADE);
                self.begin_http2(0, settings.as_deref(), place, below, context);
            }
            HttpEvent::Other(NotWebSocket::Unknown) if self.is_named_port(below, context.limits) => {
                self.detect_later(detecting::FIRST);
                self.tries = 0;
            }
            HttpEvent::Http2(preface) => self.begin_http2(preface, None, arrival, below, context),
            HttpEvent::Other(NotWebSocket::Http2) => self.begin_http2(0, None, arrival, below, context),
            HttpEvent::Other(other) => return Taken { dropped: Some(other), ..taken },
            HttpEvent::TooLarge(direction) => {
                self.report_too_large(direction, arrival, below, context);
                return Taken { dropped: Some(NotWebSocket::Http), ..taken };
            }
        }
        taken
    }

    fn report_too_large(
        &mut self,
        direction: Direction,
        place: Place,
        below: &TransportView<'_>,
        context: &mut Context<'_>,
    ) {
        let (rule, spot) = (&HTTP_HEADER_TOO_LARGE, Spot::of(direction, place));
        let text = format!(
            "the {}'s head is over {} bytes or {} lines",
            direction.sender(),
            context.limits.head.bytes,
            context.limits.head.headers
        );
        if self.has_asked() {
            self.pending.get_or_insert_default().push(Pending { rule, spot, text });
            self.report_unanswered(StreamEnd::Capture, place, place, below, context);
        } else if context.totals.findings.add(rule) <= u64::from(context.limits.listed) {
            // Whether it asked for a WebSocket is in the head.
            let (sender, receiver) = (below.sender(), below.receiver());
            context.sink.finding(None, rule, spot, format_args!("{text} ({sender} to {receiver})"));
        }
    }

    fn open(
        &mut self,
        asked: Option<PendingUpgrade>,
        head: Box<Head>,
        place: HeadPlace,
        outcome: UpgradeOutcome,
        below: &TransportView<'_>,
        context: &mut Context<'_>,
    ) {
        let bodies = Bodies {
            taken: asked.as_ref().map_or(0, |asked| asked.body),
            left: self.http().filter(|_| asked.is_some()).map_or(0, Http1::body_left),
        };
        let (request, asked) = asked.map(|asked| asked.apart()).unzip();
        let (mut handshake, mut judgements) = crate::http::conclude(request, Some(head));
        handshake.foreign = self.foreign(below);
        crate::http::complete(&handshake, &mut judgements);
        let connection = self.carrier(below).connection(asked, Some(place), handshake, context);
        let judged_at = PerDirection { c2s: asked.map_or(place, |(place, _)| place).last, s2c: place.last };
        let guessed = outcome == UpgradeOutcome::MayOpen;
        self.begins_unsure = connection.handshake.response.as_ref().is_some_and(|head| head.cut);
        let early = below.early_frames().filter(|early| early.packet < place.first.packet);
        let opening = Opening { connection, judgements, judged_at, guessed, mid_stream: None, early, bodies };
        self.phase = Phase::WebSocket(opened(opening, self.take_pending(), context));
    }

    fn open_cut(&mut self, handshake: CutHandshake, below: &TransportView<'_>, context: &mut Context<'_>) {
        let CutHandshake { request, response, place, by_frames, begins_inside } = handshake;
        let asked = request.map(|CutRequest { head, place }| PendingUpgrade {
            head,
            place,
            id: context.next_websocket(),
            end: None,
            body: 0,
        });
        let outcome = if by_frames { UpgradeOutcome::MayOpen } else { UpgradeOutcome::Opens };
        self.open(asked, response, place, outcome, below, context);
        if begins_inside && let Some(websocket) = self.websocket_mut() {
            websocket.ws.lose(Direction::ServerToClient);
            self.begins_unsure = false;
        }
    }

    /// The last request, where it was refused and a 101 follows nevertheless.
    fn take_earlier_refusal(&mut self, context: &mut Context<'_>) -> Option<PendingUpgrade> {
        let Phase::Http(http) = &mut self.phase else { return None };
        let EarlierRefusal { asked, status, place } = *http.refused.take()?;
        let text = format!(
            "the server sent two responses to the request in packet {}: {status}, and then this 101; \
             clients take the first",
            asked.place.last.packet
        );
        let spot = Spot::of(Direction::ServerToClient, place.last);
        self.remember(Pending { rule: &STRAY_RESPONSE, spot, text });
        Some(PendingUpgrade { id: context.next_websocket(), ..asked })
    }

    /// A refusal: reported with the beginning of its body, once that came.
    fn refuse(
        &mut self,
        wish: Wish,
        head: Box<Head>,
        place: HeadPlace,
        below: &TransportView<'_>,
        context: &mut Context<'_>,
    ) {
        if let (Wish::Upgrade(asked), Phase::Http(http), Some(status)) =
            (&wish, &mut self.phase, head.status())
        {
            http.refused = Some(Box::new(EarlierRefusal { asked: asked.clone(), status, place }));
        }
        let ending = below.ending(StreamEnd::Capture, place.last);
        let gaps = match wish {
            Wish::Upgrade(_) => std::mem::take(&mut self.gaps),
            Wish::Tunnel(_) => (0, 0),
        };
        let refused = Refused { wish, head, place, ending, gaps, body: None };
        let waits = self.http().is_some_and(Http1::has_sample) || refused.is_challenge();
        self.attempt = Some(Box::new(Attempt::Refused(refused)));
        if !waits {
            self.report_refused(below, context);
        }
    }

    /// Takes over what came of a refusal's body.
    fn take_body(&mut self, below: &TransportView<'_>) {
        if self.refused().is_none() {
            return;
        }
        let ended = below.ending(StreamEnd::Capture, Place::default()).fin.s2c.is_some();
        let sample = self.http_mut().and_then(|http| http.sample(ended));
        if let (Some(Attempt::Refused(refused)), Some((sample, complete))) =
            (self.attempt.as_deref_mut(), sample)
        {
            refused.body = sample.finish(complete);
        }
    }

    /// Reports a refusal with what came of its body.
    fn report_refused(&mut self, below: &TransportView<'_>, context: &mut Context<'_>) {
        self.take_body(below);
        let Some(refused) = self.take_refused() else { return };
        let pending = match refused.wish {
            Wish::Upgrade(_) => self.take_pending(),
            Wish::Tunnel(_) => Vec::new(),
        };
        refused.report(self.carrier(below), pending, context);
    }

    /// Reports a refusal whose body did not come in time.
    pub(super) fn stop_waiting_for_body(&mut self, below: &TransportView<'_>, context: &mut Context<'_>) {
        if self.refused().is_some_and(|refused| !refused.is_challenge()) {
            self.report_refused(below, context);
        }
    }

    /// What came instead of a response, or before it. Where bytes in front of it may be missing, only what cannot be part
    /// of a WebSocket.
    fn foreign(&mut self, below: &TransportView<'_>) -> Option<Box<Foreign>> {
        let known = below.ending(StreamEnd::Capture, Place::default()).anchored.s2c;
        let certain = known && self.gaps.0 == 0;
        let foreign = self.http_mut().and_then(Http1::foreign)?;
        (certain || !matches!(foreign.kind(), ForeignKind::Text | ForeignKind::Binary)).then_some(foreign)
    }

    /// A refusal, or a request that waits and gets no response: the connection ended as `how` says, which was known at
    /// `until`.
    pub(super) fn report_unanswered(
        &mut self,
        how: StreamEnd,
        until: Place,
        place: Place,
        below: &TransportView<'_>,
        context: &mut Context<'_>,
    ) {
        self.report_refused(below, context);
        let Some(asked) = self.take_asked() else { return };
        let ending = below.ending(how, until);
        let (request, asked) = asked.apart();
        let (mut handshake, mut judgements) = crate::http::conclude(Some(request), None);
        handshake.foreign = self.foreign(below);
        let gaps = std::mem::take(&mut self.gaps);
        let is_answered = handshake.foreign.is_some();
        if is_answered {
            crate::http::complete(&handshake, &mut judgements);
        } else if let Some(missing) = judgements.iter_mut().find(|j| j.rule == &RESPONSE_MISSING) {
            missing.text = Unanswered::new(&ending, asked.0.last, gaps.0 > 0).sentence(Lang::En);
        }
        let state = if is_answered { State::Refused } else { State::Unanswered };
        let connection = self.carrier(below).connection(Some(asked), None, handshake, context);
        let attempt = Unopened { connection, state, judgements, place, ending, gaps };
        unopened(attempt, self.take_pending(), context);
    }

    /// Reports bytes of the client that were taken for the rest of a lost request, unless they end like one.
    pub(super) fn report_unread(&mut self, unread: (u64, [u8; 4]), place: Place, context: &mut Context<'_>) {
        if let (count @ 1.., last) = unread
            && last != *b"\r\n\r\n"
            && let Some(websocket) = self.websocket_mut()
        {
            let spot = Spot::of(Direction::ClientToServer, place);
            let text = format_args!(
                "{count} bytes of the client that follow a gap came before the 101: they may be frames, and are not read"
            );
            websocket.report(&crate::ws::rules::DESYNCHRONISED, spot, text, context.sink);
        }
    }

    // Detection without a handshake.

    /// Whether nothing is delivered until detection has run.
    pub(super) fn is_detecting(&self) -> bool {
        matches!(self.phase, Phase::Detecting(_))
    }

    /// The number of waiting segments at which detection runs again.
    pub(super) fn detects_at(&self) -> Option<u8> {
        match &self.phase {
            Phase::Detecting(detecting) => Some(detecting.pieces),
            _ => None,
        }
    }

    /// Runs detection again with so many segments.
    pub(super) fn detect_later(&mut self, pieces: u8) {
        if let Phase::Http(http) | Phase::Detecting(Detecting { http, .. }) = &mut self.phase {
            self.phase = Phase::Detecting(Detecting { http: std::mem::take(http), pieces });
        }
    }

    /// Continues as HTTP.
    pub(super) fn stop_detecting(&mut self) {
        if let Phase::Detecting(Detecting { http, .. }) = &mut self.phase {
            self.phase = Phase::Http(std::mem::take(http));
        }
    }

    /// Reads HTTP/1 from its middle on.
    pub(super) fn restart_in_middle(&mut self) {
        self.phase = Phase::Http(Http1::from_middle());
    }

    /// How many times detection may run again if the connection is dropped now.
    pub(super) fn tries_left(&self) -> u8 {
        self.tries
    }

    /// Whether the user named a port of the connection, and nothing was read yet.
    fn is_named_port(&self, below: &TransportView<'_>, limits: &Limits) -> bool {
        limits.guess
            && limits.names_port([below.client().port, below.server().port])
            && self.is_fresh()
            && below.is_at_start()
    }

    /// Opens a WebSocket that detection recognised.
    pub(super) fn open_detected(
        &mut self,
        evidence: String,
        missing: Missing,
        start: MidStream,
        first: Place,
        below: &TransportView<'_>,
        context: &mut Context<'_>,
    ) {
        let (request, asked) = self.take_asked().map(|asked| asked.apart()).unzip();
        let (mut handshake, judgements) = crate::http::conclude(request, None);
        handshake.upgraded = true;
        let mut connection = self.carrier(below).connection(asked, None, handshake, context);
        if asked.is_none() {
            connection.first = first;
        }
        connection.evidence = Some(evidence.into_boxed_str());
        let judged_at = PerDirection { c2s: first, s2c: first };
        let mid_stream = Some(MidStream { is_reported: missing == Missing::All, ..start });
        let bodies = Bodies::default();
        let opening =
            Opening { connection, judgements, judged_at, guessed: true, mid_stream, early: None, bodies };
        self.phase = Phase::WebSocket(opened(opening, self.take_pending(), context));
    }

    // Memory.

    /// Releases compression windows.
    pub(super) fn shed_windows(&mut self) {
        self.each_websocket(WebSocket::shed_windows);
    }

    /// Releases payloads of incomplete messages. Returns true where it held an incomplete head, without which the
    /// connection cannot be read.
    pub(super) fn shed_payloads(
        &mut self,
        place: Place,
        below: &TransportView<'_>,
        context: &mut Context<'_>,
    ) -> bool {
        if self.http().is_some_and(|http| http.partial_size() > 0) {
            self.report_unanswered(StreamEnd::Capture, place, place, below, context);
            return true;
        }
        if let Phase::Http(http) = &mut self.phase {
            http.refused = None;
        }
        let mut ws = context.split().0;
        self.each_websocket(|websocket| websocket.shed_payloads(&mut ws));
        false
    }
}

/// TLS hands its plaintext to the same doors as TCP its bytes.
impl Above for Application {
    fn data(&mut self, direction: Direction, chunk: Chunk<'_>, context: &mut Context<'_>) -> usize {
        self.data(Delivery { direction, chunk, unasked: false }, None, context).bytes
    }

    /// Bytes are missing.
    fn gap(&mut self, gap: &Gap<'_>, context: &mut Context<'_>) {
        match &mut self.phase {
            Phase::Http(http) | Phase::Detecting(Detecting { http, .. }) => http.gap(gap.direction, gap.len),
            Phase::WebSocket(websocket) => {
                self.begins_unsure &= gap.direction == Direction::ClientToServer;
                websocket.gap(gap, context);
            }
            Phase::Multiplex(multiplex) => multiplex.gap(gap, context),
            Phase::Done => {}
        }
    }

    /// A finding about the connection: reported of its WebSocket, or once one opens.
    fn finding(&mut self, rule: &'static Rule, spot: Spot, text: Arguments<'_>, context: &mut Context<'_>) {
        match &mut self.phase {
            Phase::WebSocket(websocket) => websocket.report(rule, spot, text, context.sink),
            Phase::Multiplex(multiplex) => multiplex.finding(rule, spot, text, context.sink),
            Phase::Http(_) | Phase::Detecting(_) => {
                self.remember(Pending { rule, spot, text: text.to_string() });
            }
            Phase::Done => {}
        }
    }

    fn reopen(&mut self, direction: Direction) {
        if let Some(websocket) = self.websocket_mut() {
            websocket.ws.reopen(direction);
        }
    }

    fn begins_request(&self, bytes: &[u8], context: &Context<'_>) -> bool {
        let is_client_hello = matches!(bytes, [0x16, 3, _, _, _, 1, ..]);
        self.is_fresh() && (is_client_hello || http::is_request_line(bytes, context.limits))
    }

    fn is_websocket(&self) -> bool {
        self.websocket().is_some()
    }

    fn reads_heads(&self) -> bool {
        self.is_http()
    }
}
