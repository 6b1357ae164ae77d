//! Bytes in order, handed from TCP to HTTP/1 and from there to WebSocket.

use super::ends::{End, Ends};
use super::exchange::{Answer, Found, Other, begins, classify};
use super::limits::Limits;
use super::live::{Asked, Fate, Layer, Live, Socket};
use super::missing::Turn;
use super::sink::{Connection, Emit, Ended, Ending, HeadPlace, Pending, Sink, State};
use super::work::Work;
use crate::http::{self, Handshake, HeadKind};
use crate::model::{Chunk, Direction, Head, PerDirection, Place, Span, Tally, WebSocketId};
use crate::subproto::Heartbeats;
use crate::tcp::{self, Held, NOWHERE};
use crate::ws::{Spot, StreamEnd, Terms, WebSocket};

impl Live {
    /// Hands bytes in order to the layer above, as long as it takes any.
    pub(super) fn drain<S: Sink>(
        &mut self,
        ends: &Ends,
        arrival: Place,
        given_up: Option<&mut Place>,
        work: &mut Work<'_, S>,
    ) {
        // After giving up a hole, records are complete with their own last packet, not with the one at hand.
        let mut own = given_up;
        if self.is_guessing() {
            return;
        }
        loop {
            let mut progress = false;
            for end in self.order() {
                while let Some(held) = self.streams.of(end).ready() {
                    let arrived = self.streams.of(end).arrived();
                    let arrival = match &mut own {
                        Some(latest) => {
                            // Never before that of the bytes before them: they may complete what those began.
                            **latest = latest.max(held.origin).max(arrived);
                            **latest
                        }
                        None => arrival,
                    };
                    let taken = self.feed(ends, end, held, arrival, work);
                    if self.fate != Fate::Keep {
                        return;
                    }
                    if taken == 0 {
                        break;
                    }
                    progress = true;
                    self.streams.of_mut(end).consume(taken);
                    self.streams.of_mut(end).set_arrived(arrival);
                }
                if self.secure.is_some() && self.streams.of(end).is_finished() {
                    self.end_tls(end, arrival, work);
                }
                if self.streams.of(end).is_finished()
                    && let Layer::WebSocket(socket) = &mut self.layer
                {
                    let direction = if self.client == Some(end) {
                        Direction::ClientToServer
                    } else {
                        Direction::ServerToClient
                    };
                    let Socket { connection, ws, heartbeats } = socket;
                    let (mut context, sink) = work.context();
                    ws.end(
                        direction,
                        StreamEnd::Fin,
                        arrival,
                        &mut context,
                        &mut Emit { sink, connection, heartbeats },
                    );
                }
            }
            if !progress {
                return;
            }
        }
    }

    /// Client first: responses need their requests.
    pub(super) fn order(&self) -> [End; 2] {
        if self.client == Some(End::B) { [End::B, End::A] } else { End::BOTH }
    }

    /// Hands one run of bytes to the layer above; returns how many it took.
    pub(super) fn feed<S: Sink>(
        &mut self,
        ends: &Ends,
        end: End,
        held: Held,
        arrival: Place,
        work: &mut Work<'_, S>,
    ) -> u32 {
        let Some(bytes) =
            work.bytes.slice(Span { start: held.address, len: held.len }).filter(|_| held.address != NOWHERE)
        else {
            self.gap(
                end,
                u64::from(held.len),
                arrival,
                "the snap length cut them, or they are no longer kept",
                work,
            );
            return held.len;
        };
        let chunk = Chunk {
            at: self.streams.of(end).relative(held.at),
            bytes,
            address: held.address,
            origin: held.origin,
            arrival,
        };
        if self.secure.is_some() || self.begins_tls(end, bytes, held.origin, work) {
            if !self.is_turn_of_http2(end, &held) {
                return 0;
            }
            return self.feed_tls(ends, end, chunk, work);
        }
        if self.client.is_none() {
            self.client_of_answer(end, work);
        }
        if self.client.is_none() && self.take_up_http2(ends, end, bytes) {
            return 0;
        }
        if self.client.is_none() || matches!(&self.layer, Layer::Http(http) if !http.is_http()) {
            self.decide_client(end, bytes, work.limits);
        }
        let direction = self.direction(end);
        let turn = self.turn(end, &held);
        let my_turn = self.is_turn_of_http2(end, &held);
        match &mut self.layer {
            Layer::WebSocket(socket) => {
                let Socket { connection, ws, heartbeats } = socket;
                if work.sink.wants().chunks {
                    work.sink.chunk(connection, direction, &chunk);
                }
                let (mut context, sink) = work.context();
                ws.data(direction, chunk, &mut context, &mut Emit { sink, connection, heartbeats });
                held.len
            }
            Layer::Http(http) => {
                let step = match turn {
                    Turn::Own => http.data(direction, chunk, work.limits),
                    Turn::Other => return 0,
                    Turn::UpTo(len) => {
                        let bytes = chunk.bytes.get(..len).unwrap_or_default();
                        http.data(direction, Chunk { bytes, ..chunk }, work.limits)
                    }
                    Turn::Unasked => http.answer(chunk, work.limits),
                };
                let rest = Held { at: held.at + step.taken as u64, ..held };
                if let Some(found) = step.found {
                    self.found(ends, end, found, rest, arrival, work);
                }
                step.taken as u32
            }
            Layer::Multiplex(_) if !my_turn => 0,
            Layer::Multiplex(multiplex) => {
                multiplex.data(direction, chunk, work);
                held.len
            }
            Layer::Done => held.len,
        }
    }

    /// Who the client is: whoever sends a request. Without a SYN there is nothing else to go by.
    pub(super) fn decide_client(&mut self, end: End, bytes: &[u8], limits: &Limits) {
        match (begins(bytes, limits), self.client) {
            (Some(HeadKind::Request), None) => self.client = Some(end),
            (Some(HeadKind::Response), None) => self.client = Some(end.other()),
            (Some(HeadKind::Response), Some(client)) if client == end => self.client = Some(end.other()),
            (None, None) => self.fate = Fate::Drop(classify(bytes)),
            _ => {}
        }
    }

    pub(super) fn found<S: Sink>(
        &mut self,
        ends: &Ends,
        end: End,
        found: Found,
        rest: Held,
        arrival: Place,
        work: &mut Work<'_, S>,
    ) {
        match found {
            Found::Asked(head, place) => {
                if let Some(asked) = self.asked.take() {
                    let ending = self.ending(StreamEnd::Capture, arrival);
                    self.unanswered(ends, *asked, State::Unanswered, ending, arrival, work);
                }
                self.asked = Some(Box::new(Asked { head, place, id: work.next_websocket(), end: rest.at }));
            }
            Found::Answered(head, place, answer) => {
                let asked = self.asked.take();
                if answer != Answer::Refuses {
                    let begin = self.frames_begin(asked.as_deref(), &rest);
                    self.open(ends, asked, head, place, answer, work);
                    self.begin_frames(begin, arrival, work);
                } else if let Some(asked) = asked {
                    self.refuse(ends, *asked, head, place, work);
                }
            }
            Found::Tunnel => {}
            Found::H2c(place, settings) => {
                let spot = Spot { place, ..Spot::default() };
                work.sink.finding(
                    None,
                    &http::rules::H2C_UPGRADE,
                    spot,
                    format_args!("{} and {} go on with HTTP/2", ends.of(end.other()), ends.of(end)),
                );
                work.totals.findings.add(&http::rules::H2C_UPGRADE);
                self.begin_http2(ends, 0, settings.as_deref(), place, work);
            }
            Found::Other(Other::Unknown) if self.is_said(ends, end, work.limits) => self.guess_later(0),
            Found::Http2(preface) => self.begin_http2(ends, preface, None, arrival, work),
            Found::Other(Other::Http2) => self.begin_http2(ends, 0, None, arrival, work),
            Found::Other(other) => self.fate = Fate::Drop(other),
            Found::TooLarge(direction) => {
                let text = format!(
                    "the {}'s head is over {} bytes or {} lines",
                    direction.sender(),
                    work.limits.head.bytes,
                    work.limits.head.headers
                );
                let rule = &http::rules::HTTP_HEADER_TOO_LARGE;
                if let Some(asked) = self.asked.take() {
                    let (direction, offset) = (Some(direction), None);
                    self.pending.push(Pending { rule, direction, offset, place: arrival, text });
                    let ending = self.ending(StreamEnd::Capture, arrival);
                    self.unanswered(ends, *asked, State::Unanswered, ending, arrival, work);
                } else if work.totals.findings.add(rule) <= u64::from(work.limits.listed) {
                    // Whether it asked for a WebSocket stands in the head.
                    let spot = Spot { direction: Some(direction), place: arrival, ..Spot::default() };
                    let (client, server) = (ends.of(end), ends.of(end.other()));
                    work.sink.finding(None, rule, spot, format_args!("{text} ({client} to {server})"));
                }
                self.fate = Fate::Drop(Other::Http);
            }
        }
    }

    pub(super) fn connection<S>(
        &self,
        ends: &Ends,
        asked: Option<(HeadPlace, WebSocketId)>,
        response: Option<HeadPlace>,
        handshake: Handshake,
        work: &mut Work<'_, S>,
    ) -> Connection {
        let client = self.client.unwrap_or(End::A);
        let (proxied, tunnelled) = match &self.layer {
            Layer::Http(http) => (http.proxied, http.tunnelled),
            _ => (None, false),
        };
        let server = ends.of(client.other());
        let secure = self.secure.is_some();
        let mut url = match &handshake.request {
            // The fallback is only made where it is needed.
            Some(head) if head.value("Host").is_some_and(|host| !host.is_empty()) => {
                http::url(head, "", secure)
            }
            Some(head) => http::url(head, &server.to_string(), secure),
            None => format!("{}://{server}/", if secure { "wss" } else { "ws" }),
        };
        url.shrink_to_fit();
        let request = asked.map(|(place, _)| place);
        Connection {
            id: asked.map_or_else(|| work.next_websocket(), |(_, id)| id),
            tcp: ends.tcp,
            client: ends.of(client),
            server,
            proxied,
            tunnelled,
            stream_id: None,
            url,
            handshake,
            request,
            response,
            first: request.or(response).map(|place| place.first).unwrap_or_default(),
            evidence: None,
            tls: self.secure.as_ref().and_then(|secure| secure.facts()),
        }
    }

    pub(super) fn open<S: Sink>(
        &mut self,
        ends: &Ends,
        asked: Option<Box<Asked>>,
        head: Box<Head>,
        place: HeadPlace,
        answer: Answer,
        work: &mut Work<'_, S>,
    ) {
        let (request, asked) = asked.map(|asked| asked.apart()).unzip();
        let (handshake, judgements) = http::conclude(request, Some(head));
        let deflate = handshake.deflate;
        let terms = |direction: Direction| Terms {
            takeover: deflate.map(|agreed| match direction {
                Direction::ClientToServer => !agreed.client_no_context_takeover,
                Direction::ServerToClient => !agreed.server_no_context_takeover,
            }),
            rsv_defined: handshake.rsv_defined,
            guessed: answer == Answer::MayOpen,
        };
        let terms =
            PerDirection { c2s: terms(Direction::ClientToServer), s2c: terms(Direction::ServerToClient) };
        let mut connection = self.connection(ends, asked, Some(place), handshake, work);
        let mut ws = WebSocket::new(terms);
        ws.list(work.limits.listed);
        let mut heartbeats = detect_subprotocol(&mut ws, &connection);
        let wants = work.sink.wants();
        work.sink.opened(&connection);
        // A client that acknowledged the response had read it, whichever packet is first in the capture.
        let early =
            self.client.filter(|client| !self.streams.of(client.other()).next_is_acknowledged()).and_then(
                |client| self.streams.of(client).ready().map(|held| held.origin).or(self.early_frames()),
            );
        let mut emit = Emit { sink: work.sink, connection: &connection, heartbeats: &mut heartbeats };
        for pending in self.pending.drain(..) {
            let spot = Spot {
                direction: pending.direction,
                offset: pending.offset,
                place: pending.place,
                ..Spot::default()
            };
            ws.report(pending.rule, spot, format_args!("{}", pending.text), &mut emit);
        }
        for judgement in judgements {
            let at = match judgement.side {
                Direction::ClientToServer => asked.map(|(place, _)| place.last),
                Direction::ServerToClient => Some(place.last),
            };
            let spot =
                Spot { direction: Some(judgement.side), place: at.unwrap_or(place.last), ..Spot::default() };
            ws.report(judgement.rule, spot, format_args!("{}", judgement.text), &mut emit);
        }
        if let Some(early) = early.filter(|early| early.packet < place.first.packet) {
            let spot = Spot { direction: Some(Direction::ClientToServer), place: early, ..Spot::default() };
            ws.report(
                &http::rules::DATA_BEFORE_HANDSHAKE,
                spot,
                format_args!(
                    "the client sent bytes in packet {} before the response in packet {}",
                    early.packet, place.first.packet
                ),
                &mut emit,
            );
        }
        work.totals.websockets += 1;
        if !wants.heads {
            (connection.handshake.request, connection.handshake.response) = (None, None);
        }
        self.layer = Layer::WebSocket(Socket { ws, connection: Box::new(connection), heartbeats });
    }

    pub(super) fn refuse<S: Sink>(
        &mut self,
        ends: &Ends,
        asked: Asked,
        head: Box<Head>,
        place: HeadPlace,
        work: &mut Work<'_, S>,
    ) {
        let (request, asked) = asked.apart();
        let (handshake, judgements) = http::conclude(Some(request), Some(head));
        let connection = self.connection(ends, Some(asked), Some(place), handshake, work);
        let ending = self.ending(StreamEnd::Capture, place.last);
        self.tell_unopened(&connection, State::Refused, judgements, ending, place.last, work);
    }

    pub(super) fn unanswered<S: Sink>(
        &mut self,
        ends: &Ends,
        asked: Asked,
        state: State,
        ending: Ending,
        place: Place,
        work: &mut Work<'_, S>,
    ) {
        let (request, asked) = asked.apart();
        let (handshake, judgements) = http::conclude(Some(request), None);
        let connection = self.connection(ends, Some(asked), None, handshake, work);
        self.tell_unopened(&connection, state, judgements, ending, place, work);
    }

    pub(super) fn tell_unopened<S: Sink>(
        &mut self,
        connection: &Connection,
        state: State,
        judgements: Vec<http::Judgement>,
        ending: Ending,
        place: Place,
        work: &mut Work<'_, S>,
    ) {
        let mut tally = Tally::default();
        for pending in self.pending.drain(..) {
            let spot = Spot {
                direction: pending.direction,
                offset: pending.offset,
                place: pending.place,
                ..Spot::default()
            };
            if tally.add(pending.rule) <= u64::from(work.limits.listed) {
                work.sink.finding(Some(connection), pending.rule, spot, format_args!("{}", pending.text));
            }
        }
        for judgement in judgements {
            let spot = Spot { direction: Some(judgement.side), place, ..Spot::default() };
            tally.add(judgement.rule);
            work.sink.finding(Some(connection), judgement.rule, spot, format_args!("{}", judgement.text));
        }
        let gaps = std::mem::take(&mut self.gaps);
        work.totals.websockets += 1;
        work.totals.findings.merge(&tally);
        (work.totals.gaps, work.totals.gap_bytes) =
            (work.totals.gaps + gaps.0, work.totals.gap_bytes + gaps.1);
        work.sink.ended(&Ended {
            connection,
            state,
            closed: Some(place.time).filter(|_| state == State::Refused),
            socket: None,
            heartbeats: None,
            findings: &tally,
            ending,
            gaps,
        });
    }

    /// Tells the layer above that bytes are missing, and counts them.
    pub(super) fn gap<S: Sink>(
        &mut self,
        end: End,
        len: u64,
        arrival: Place,
        why: &str,
        work: &mut Work<'_, S>,
    ) {
        let direction = self.direction(end);
        let at = self.streams.of(end).position();
        if let Layer::Multiplex(multiplex) = &mut self.layer {
            // In TLS it is known later what of the content is missing, and told then.
            if self.secure.is_some() {
                return self.gap_tls(direction, at, len, arrival, work);
            }
            return multiplex.gap(direction, at, len, arrival, why, work);
        }
        self.tell_gap(direction, at, len, arrival, why, work);
        if self.secure.is_some() {
            return self.gap_tls(direction, at, len, arrival, work);
        }
        match &mut self.layer {
            Layer::Http(http) => http.gap(direction, len),
            Layer::WebSocket(socket) => {
                let Socket { connection, ws, heartbeats } = socket;
                let (mut context, sink) = work.context();
                ws.gap(direction, at, len, arrival, &mut context, &mut Emit { sink, connection, heartbeats });
            }
            Layer::Multiplex(_) | Layer::Done => {}
        }
    }
    /// Counts bytes that are missing, and tells it.
    pub(super) fn tell_gap<S: Sink>(
        &mut self,
        direction: Direction,
        at: u64,
        len: u64,
        arrival: Place,
        why: &str,
        work: &mut Work<'_, S>,
    ) {
        if matches!(self.layer, Layer::Done) {
            return;
        }
        self.gaps = (self.gaps.0 + 1, self.gaps.1 + len);
        let sender = direction.sender();
        let end = match (self.client, direction) {
            (Some(client), Direction::ServerToClient) => client.other(),
            (client, _) => client.unwrap_or(End::A),
        };
        if work.lost.between(self.streams.of(end).arrived().time, arrival.time) {
            self.note(
                &tcp::rules::TCP_GAP,
                Some(direction),
                Some(at),
                arrival,
                format_args!(
                    "capture lost {len} B of what the {sender} sent, from offset {at} on: packets were dropped while capturing then"
                ),
                work,
            );
            return;
        }
        self.note(
            &tcp::rules::TCP_GAP,
            Some(direction),
            Some(at),
            arrival,
            format_args!(
                "{len} bytes of what the {sender} sent, from offset {at} on, are not in the capture: {why}"
            ),
            work,
        );
    }
}

/// Detects the subprotocol from the opening handshake. Where it has heartbeats, all short messages are read.
pub(super) fn detect_subprotocol(ws: &mut WebSocket, connection: &Connection) -> Option<Box<Heartbeats>> {
    let handshake = &connection.handshake;
    let target = handshake.request.as_ref().map_or(&b""[..], |head| head.target());
    let heartbeats = Heartbeats::from_handshake(handshake.subprotocol.as_deref(), target)?;
    ws.read_short_messages(true);
    Some(Box::new(heartbeats))
}
