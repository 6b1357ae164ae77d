//! HTTP/2 on a connection: several WebSockets, each a connection of its own in all that is told (RFC 8441).
//!
//! ```text
//! TCP stream (or TLS plaintext) ─► http2::Http2 ─┬─► stream 1 ─► ws::WebSocket ─► Sink
//!                                                └─► stream 5 ─► ws::WebSocket ─► Sink
//! ```
//!
//! Nothing here knows TCP: whoever has the plaintext of a connection in order, with addresses at which it can be read
//! again, hands it to [`Multiplex::data`].

mod stream;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;

use super::handover::detect_subprotocol;
use super::http2::{Carrier, Early, Finish, reset_finding, terms};
use super::live::Socket;
use super::rules;
use super::sink::{Connection, Emit, Ended, Ending, HeadPlace, Pending, Sink, State};
use super::work::Work;
use crate::http::Judgement;
use crate::http::http2::{self, Answer, Http2, Opening};
use crate::model::{Bytes as _, Chunk, Direction, Head, PerDirection, Place, Rule, Span, Tally, WebSocketId};
use crate::tcp;
use crate::ws::{Spot, StreamEnd, WebSocket};

/// Findings that wait until there is a WebSocket to tell them of.
const REMEMBERED: usize = 64;
/// Pieces of DATA that are remembered while the answer to a request is awaited.
const EARLY: usize = 256;
/// Bytes of such DATA that are kept, of all streams of a connection, where they were decrypted: as many as HTTP/2 lets
/// a client send before the server says more, several times over.
const EARLY_SEALED: usize = 1 << 20;
/// More than any frame has: a gap of unknown length ends the framing.
const UNKNOWN: u64 = 1 << 62;

/// An HTTP/2 connection and its WebSockets.
#[derive(Clone, Debug)]
pub(super) struct Multiplex {
    http2: Http2,
    pub(super) streams: HttpStreams,
    /// Nothing is waited for: see [`Live::force_http2`].
    pub(super) forced: bool,
}

#[derive(Clone, Debug)]
pub(super) struct HttpStreams {
    carrier: Carrier,
    pub(super) open: BTreeMap<u32, Stream>,
    pending: Vec<Pending>,
    /// It has, or had, a WebSocket.
    had: bool,
    /// How far each direction was read.
    at: PerDirection<u64>,
    /// Those in which frames are looked for after a loss.
    searching: BTreeSet<u32>,
    /// Bytes of decrypted DATA that are kept: see [`EARLY_SEALED`].
    sealed: usize,
}

/// A request for a WebSocket that waits for its answer.
#[derive(Clone, Debug)]
struct Asked {
    head: Box<Head>,
    place: HeadPlace,
    early: Vec<Early>,
}

/// A stream that is a WebSocket, or is to be one.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    id: WebSocketId,
    asked: Option<Box<Asked>>,
    pub(super) socket: Option<Box<Socket>>,
    pending: Vec<Pending>,
    /// Bytes may be missing before it was opened.
    lost: PerDirection<bool>,
    ended: PerDirection<bool>,
    /// Where END_STREAM was.
    fins: PerDirection<Option<Place>>,
    /// The last packet of each direction that brought bytes of frames.
    said: PerDirection<Option<Place>>,
    gaps: (u64, u64),
    /// The gap at hand was told.
    told: bool,
}

impl Multiplex {
    /// A connection from its start, of whose preface so many bytes were read already.
    pub(super) fn new(carrier: Carrier, preface: usize) -> Box<Self> {
        Box::new(Self { http2: Http2::new(preface), streams: HttpStreams::new(carrier), forced: false })
    }

    /// A connection in its middle; the next byte of `known` begins a frame.
    pub(super) fn midway(carrier: Carrier, known: Direction) -> Box<Self> {
        Box::new(Self { http2: Http2::midway(known), streams: HttpStreams::new(carrier), forced: false })
    }

    /// Whether it has, or had, a WebSocket.
    pub(super) fn had_websocket(&self) -> bool {
        self.streams.had
    }

    /// The oldest packet whose frames may still be found after a loss.
    pub(super) fn searching(&self) -> Option<u64> {
        let HttpStreams { open, searching, .. } = &self.streams;
        searching.iter().filter_map(|number| open.get(number)?.socket.as_ref()?.ws.searching()).min()
    }

    /// Findings that were made before HTTP/2 began.
    pub(super) fn adopt(&mut self, pending: &mut Vec<Pending>) {
        self.streams.pending.append(pending);
    }

    /// The settings of an `HTTP2-Settings` header, decoded.
    pub(super) fn settings<S: Sink>(&mut self, payload: &[u8], place: Place, work: &mut Work<'_, S>) {
        let mut turn = Turn { streams: &mut self.streams, loss: None, work };
        self.http2.settings(payload, place, &mut turn);
    }

    /// Bytes of a direction, the next in order. All of them are taken.
    pub(super) fn data<S: Sink>(&mut self, direction: Direction, chunk: Chunk<'_>, work: &mut Work<'_, S>) {
        *self.streams.at.of_mut(direction) = chunk.at.saturating_add(chunk.bytes.len() as u64);
        let mut turn = Turn { streams: &mut self.streams, loss: None, work };
        self.http2.data(direction, chunk, &mut turn);
    }

    /// Bytes of a direction that the capture lacks, from `at` on, and why.
    pub(super) fn gap<S: Sink>(
        &mut self,
        direction: Direction,
        at: u64,
        len: u64,
        arrival: Place,
        why: &str,
        work: &mut Work<'_, S>,
    ) {
        *self.streams.at.of_mut(direction) = at.saturating_add(len);
        self.streams.open.values_mut().for_each(|stream| stream.told = false);
        let loss = Some(Loss { at, len, why });
        let mut turn = Turn { streams: &mut self.streams, loss, work };
        self.http2.gap(direction, at, len, arrival, &mut turn);
    }

    /// A finding about the whole connection: told of its oldest WebSocket, or of the next one.
    pub(super) fn note<S: Sink>(
        &mut self,
        rule: &'static Rule,
        direction: Option<Direction>,
        place: Place,
        text: Arguments<'_>,
        work: &mut Work<'_, S>,
    ) {
        self.streams.note(rule, direction, place, text, work.sink);
    }

    /// The connection ended: all that is open in it is told.
    pub(super) fn end<S: Sink>(&mut self, finish: Finish, work: &mut Work<'_, S>) {
        for direction in Direction::BOTH {
            let at = *self.streams.at.of(direction);
            let mut turn = Turn { streams: &mut self.streams, loss: None, work };
            self.http2.end(direction, at, finish.place, &mut turn);
        }
        let open = std::mem::take(&mut self.streams.open);
        for (number, stream) in open {
            self.streams.end(number, stream, finish, None, work);
        }
    }

    /// Bytes of memory that it takes beside itself, about.
    pub(super) fn size(&self) -> usize {
        let streams: usize = self.streams.open.values().map(Stream::size).sum();
        size_of::<Self>() + self.http2.size() + streams
    }
}

impl HttpStreams {
    fn new(carrier: Carrier) -> Self {
        Self {
            carrier,
            open: BTreeMap::new(),
            pending: Vec::new(),
            had: false,
            at: PerDirection::default(),
            searching: BTreeSet::new(),
            sealed: 0,
        }
    }

    /// Keeps in mind whether frames are looked for in a stream.
    fn look(&mut self, number: u32) {
        let socket = self.open.get(&number).and_then(|stream| stream.socket.as_ref());
        if socket.is_some_and(|socket| socket.ws.searching().is_some()) {
            self.searching.insert(number);
        } else if !self.searching.is_empty() {
            self.searching.remove(&number);
        }
    }

    fn note<S: Sink>(
        &mut self,
        rule: &'static Rule,
        direction: Option<Direction>,
        place: Place,
        text: Arguments<'_>,
        sink: &mut S,
    ) {
        let pending = Pending { rule, direction, offset: None, place, text: text.to_string() };
        match self.open.values_mut().next() {
            Some(stream) => stream.report(pending, sink),
            None if self.pending.len() < REMEMBERED => self.pending.push(pending),
            None => {}
        }
    }

    fn connection(
        &self,
        number: u32,
        id: WebSocketId,
        handshake: crate::http::Handshake,
        request: HeadPlace,
        response: Option<HeadPlace>,
    ) -> Connection {
        let Carrier { tcp, client, server, proxied, tunnelled, secure, ref tls } = self.carrier;
        let mut url = handshake.request.as_deref().map_or_else(String::new, |request| {
            let fallback = request.value(":authority").is_none_or(<[u8]>::is_empty);
            let fallback = if fallback { server.to_string() } else { String::new() };
            http2::url(request, &fallback, secure)
        });
        url.shrink_to_fit();
        Connection {
            id,
            tcp,
            client,
            server,
            proxied,
            tunnelled,
            stream_id: Some(number),
            url,
            handshake,
            request: Some(request),
            response,
            first: request.first,
            evidence: None,
            tls: tls.clone(),
        }
    }

    fn open<S: Sink>(
        &mut self,
        number: u32,
        asked: Asked,
        opening: Opening,
        answer: Answer,
        work: &mut Work<'_, S>,
    ) {
        let Some(mut stream) = self.open.remove(&number) else { return };
        let place = HeadPlace { first: opening.first, last: opening.last };
        let (handshake, judgements) = http2::conclude(Some(asked.head), Some(opening.head), true);
        let terms = terms(&handshake, answer == Answer::MayOpen);
        let mut connection = self.connection(number, stream.id, handshake, asked.place, Some(place));
        let mut ws = WebSocket::new(terms);
        ws.list(work.limits.listed);
        let mut heartbeats = detect_subprotocol(&mut ws, &connection);
        work.totals.websockets += 1;
        work.sink.opened(&connection);
        let mut emit = Emit { sink: &mut *work.sink, connection: &connection, heartbeats: &mut heartbeats };
        for pending in stream.pending.drain(..) {
            let spot = Spot { direction: pending.direction, place: pending.place, ..Spot::default() };
            ws.report(pending.rule, spot, format_args!("{}", pending.text), &mut emit);
        }
        for judgement in judgements {
            let at = if judgement.side == Direction::ClientToServer { asked.place } else { place };
            let spot = Spot { direction: Some(judgement.side), place: at.last, ..Spot::default() };
            ws.report(judgement.rule, spot, format_args!("{}", judgement.text), &mut emit);
        }
        let before = |early: &&Early| early.origin.packet < place.first.packet;
        if let Some(early) = asked.early.first().filter(before) {
            let spot =
                Spot { direction: Some(Direction::ClientToServer), place: early.origin, ..Spot::default() };
            let text = format_args!(
                "the client sent bytes in packet {} before the response in packet {}",
                early.origin.packet, place.first.packet
            );
            ws.report(&crate::http::rules::DATA_BEFORE_HANDSHAKE, spot, text, &mut emit);
        }
        if !work.sink.wants().heads {
            (connection.handshake.request, connection.handshake.response) = (None, None);
        }
        let lost = std::mem::take(&mut stream.lost);
        stream.socket = Some(Box::new(Socket { ws, connection: Box::new(connection), heartbeats }));
        for early in asked.early {
            let space = work.bytes;
            if let Some(sealed) = &early.sealed {
                self.sealed = self.sealed.saturating_sub(sealed.len());
            }
            let Some(bytes) = early.sealed.as_deref().or_else(|| space.bytes(early.span)) else { continue };
            let chunk = Chunk {
                at: early.at,
                bytes,
                address: early.span.start,
                origin: early.origin,
                arrival: place.last,
            };
            stream.data(Direction::ClientToServer, chunk, work);
        }
        for direction in Direction::BOTH {
            if *lost.of(direction) {
                stream.gap(direction, 0, UNKNOWN, place.last, work);
            }
        }
        self.open.insert(number, stream);
        self.look(number);
    }

    /// An attempt to open a WebSocket that came to nothing.
    fn unopened<S: Sink>(
        &mut self,
        number: u32,
        stream: Stream,
        asked: Asked,
        opening: Option<Opening>,
        place: Place,
        work: &mut Work<'_, S>,
    ) {
        let response = opening.as_ref().map(|opening| HeadPlace { first: opening.first, last: opening.last });
        let state = if opening.is_some() { State::Refused } else { State::Unanswered };
        let head = opening.map(|opening| opening.head);
        let (handshake, judgements) = http2::conclude(Some(asked.head), head, false);
        let connection = self.connection(number, stream.id, handshake, asked.place, response);
        let mut tally = Tally::default();
        let own = judgements.into_iter().map(|Judgement { rule, side, text, .. }| Pending {
            rule,
            direction: Some(side),
            offset: None,
            place,
            text,
        });
        for pending in stream.pending.into_iter().chain(own) {
            let spot = Spot { direction: pending.direction, place: pending.place, ..Spot::default() };
            if tally.add(pending.rule) <= u64::from(work.limits.listed) {
                work.sink.finding(Some(&connection), pending.rule, spot, format_args!("{}", pending.text));
            }
        }
        work.totals.websockets += 1;
        work.totals.findings.merge(&tally);
        work.totals.gaps += stream.gaps.0;
        work.totals.gap_bytes += stream.gaps.1;
        work.sink.ended(&Ended {
            connection: &connection,
            state,
            closed: Some(place.time).filter(|_| state == State::Refused),
            socket: None,
            heartbeats: None,
            findings: &tally,
            ending: Ending { last: place, until: place, ..Ending::default() },
            gaps: stream.gaps,
        });
    }

    /// A stream's end. `reset`: who ended it by RST_STREAM, and with which code.
    fn end<S: Sink>(
        &mut self,
        number: u32,
        mut stream: Stream,
        finish: Finish,
        reset: Option<(Direction, u32)>,
        work: &mut Work<'_, S>,
    ) {
        let Finish { how, place, unheard, mut ending, .. } = finish;
        if let Some(asked) = stream.asked.take() {
            if let Some((by, code)) = reset {
                stream.report(reset_finding(number, by, code, place), work.sink);
            }
            self.unopened(number, stream, *asked, None, place, work);
            return;
        }
        let Some(mut socket) = stream.socket.take() else { return };
        let fin = finish.fin || stream.ended.c2s || stream.ended.s2c;
        let Socket { connection, ws, heartbeats } = &mut *socket;
        let (mut context, sink) = work.context();
        let mut emit = Emit { sink, connection, heartbeats };
        for direction in Direction::BOTH {
            let how = if *stream.ended.of(direction) { StreamEnd::Fin } else { how };
            ws.end(direction, how, place, &mut context, &mut emit);
        }
        if let Some(direction) = unheard {
            ws.note_unheard(direction);
            let spot = Spot { place, ..Spot::default() };
            let text = format_args!("nothing that the {} sent was captured", direction.sender());
            ws.report(&tcp::rules::TCP_ONE_DIRECTION, spot, text, &mut emit);
        }
        let answered = ws.closing().is_some_and(|closing| closing.answered);
        if !answered && let Some((by, code)) = reset {
            let finding = reset_finding(number, by, code, place);
            let spot = Spot { direction: finding.direction, place, ..Spot::default() };
            ws.report(finding.rule, spot, format_args!("{}", finding.text), &mut emit);
        } else if how == StreamEnd::Reset && !answered {
            let spot = Spot { place, ..Spot::default() };
            let text = format_args!("the connection was reset without a complete closing handshake");
            ws.report(&tcp::rules::TCP_RESET, spot, text, &mut emit);
        }
        let end = if how == StreamEnd::Capture && fin { StreamEnd::Fin } else { how };
        ws.finish(end, place, &mut emit);
        if how == StreamEnd::Timeout {
            let spot = Spot { place, ..Spot::default() };
            let text = format_args!("nothing came for too long: the connection is taken as ended");
            ws.report(&rules::FLOW_TIMEOUT, spot, text, &mut emit);
        }
        let state = match how {
            StreamEnd::Reset if answered => State::Closed,
            StreamEnd::Reset => State::Reset,
            StreamEnd::Timeout => State::TimedOut,
            StreamEnd::Fin => State::Closed,
            StreamEnd::Capture if fin || answered => State::Closed,
            StreamEnd::Capture => State::Open,
        };
        for direction in Direction::BOTH {
            if let Some(fin) = stream.fins.of(direction) {
                *ending.fin.of_mut(direction) = Some(*fin);
            }
        }
        if let Some((by, _)) = reset {
            ending.reset = Some((by, place));
        }
        ending.said = stream.said;
        ending.heard = PerDirection {
            c2s: unheard != Some(Direction::ClientToServer),
            s2c: unheard != Some(Direction::ServerToClient),
        };
        work.totals.count(ws, stream.gaps);
        work.sink.ended(&Ended {
            connection,
            state,
            closed: (state != State::Open).then_some(place.time),
            socket: Some(ws),
            heartbeats: heartbeats.as_deref(),
            findings: ws.findings(),
            ending,
            gaps: stream.gaps,
        });
    }
}

/// Bytes that the capture lacks.
#[derive(Clone, Copy)]
struct Loss<'a> {
    at: u64,
    len: u64,
    why: &'a str,
}

/// The streams at work: what HTTP/2 tells becomes WebSockets' events.
struct Turn<'a, 'w, S> {
    streams: &'a mut HttpStreams,
    /// The gap at hand.
    loss: Option<Loss<'a>>,
    work: &'a mut Work<'w, S>,
}

impl<S: Sink> Turn<'_, '_, S> {
    /// Tells the gap at hand of a stream, and counts `len` of its bytes, where that is known.
    fn tell_loss(&mut self, number: u32, direction: Direction, len: Option<u64>, arrival: Place) {
        let Some(stream) = self.streams.open.get_mut(&number) else { return };
        let Some(loss) = self.loss else { return };
        stream.gaps.1 = stream.gaps.1.saturating_add(len.unwrap_or(0));
        if std::mem::replace(&mut stream.told, true) {
            return;
        }
        stream.gaps.0 += 1;
        let Loss { at, len, why } = loss;
        let sender = direction.sender();
        let text = if len >= UNKNOWN {
            format!(
                "bytes of what the {sender} sent, from offset {at} of the content on, cannot be read: {why}"
            )
        } else {
            format!(
                "{len} bytes of what the {sender} sent, from offset {at} of the connection on, are not in the capture: {why}"
            )
        };
        let rule = &tcp::rules::TCP_GAP;
        let finding = Pending { rule, direction: Some(direction), offset: None, place: arrival, text };
        stream.report(finding, self.work.sink);
    }
}

impl<S: Sink> http2::Events for Turn<'_, '_, S> {
    fn asked(&mut self, number: u32, opening: Opening) {
        let place = HeadPlace { first: opening.first, last: opening.last };
        let id = self.work.next_websocket();
        let pending = std::mem::take(&mut self.streams.pending);
        self.streams.had = true;
        let asked = Box::new(Asked { head: opening.head, place, early: Vec::new() });
        let stream = Stream {
            id,
            asked: Some(asked),
            socket: None,
            pending,
            lost: PerDirection::default(),
            ended: PerDirection::default(),
            fins: PerDirection::default(),
            said: PerDirection::default(),
            gaps: (0, 0),
            told: false,
        };
        self.streams.open.insert(number, stream);
    }

    fn answered(&mut self, number: u32, opening: Opening, answer: Answer) {
        let Some(stream) = self.streams.open.get_mut(&number) else { return };
        let Some(asked) = stream.asked.take() else { return };
        if answer == Answer::Refuses {
            let Some(stream) = self.streams.open.remove(&number) else { return };
            let place = opening.last;
            self.streams.unopened(number, stream, *asked, Some(opening), place, self.work);
        } else {
            self.streams.open(number, *asked, opening, answer, self.work);
        }
    }

    fn data(&mut self, number: u32, direction: Direction, chunk: Chunk<'_>) {
        let Some(stream) = self.streams.open.get_mut(&number) else { return };
        match &mut stream.asked {
            None => stream.data(direction, chunk, self.work),
            Some(asked)
                if direction == Direction::ClientToServer
                    && asked.early.len() < EARLY
                    && (!chunk.is_sealed()
                        || self.streams.sealed.saturating_add(chunk.bytes.len()) <= EARLY_SEALED) =>
            {
                let span = Span { start: chunk.address, len: chunk.bytes.len() as u32 };
                let sealed: Option<Box<[u8]>> = chunk.is_sealed().then(|| chunk.bytes.into());
                self.streams.sealed += sealed.as_deref().map_or(0, <[u8]>::len);
                asked.early.push(Early { at: chunk.at, span, sealed, origin: chunk.origin });
            }
            Some(_) => *stream.lost.of_mut(direction) = true,
        }
        self.streams.look(number);
    }

    fn gap(&mut self, number: u32, direction: Direction, at: u64, len: u64, arrival: Place) {
        self.tell_loss(number, direction, Some(len), arrival);
        if let Some(stream) = self.streams.open.get_mut(&number) {
            stream.gap(direction, at, len, arrival, self.work);
        }
        self.streams.look(number);
    }

    fn lost(&mut self, number: u32, direction: Direction, at: u64, arrival: Place) {
        self.tell_loss(number, direction, None, arrival);
        if let Some(stream) = self.streams.open.get_mut(&number) {
            stream.gap(direction, at, UNKNOWN, arrival, self.work);
        }
        self.streams.look(number);
    }

    fn ended(&mut self, number: u32, direction: Direction, arrival: Place) {
        let Some(stream) = self.streams.open.get_mut(&number) else { return };
        *stream.ended.of_mut(direction) = true;
        stream.fins.of_mut(direction).get_or_insert(arrival);
        if let Some(socket) = &mut stream.socket {
            let Socket { connection, ws, heartbeats } = &mut **socket;
            let (mut context, sink) = self.work.context();
            ws.end(
                direction,
                StreamEnd::Fin,
                arrival,
                &mut context,
                &mut Emit { sink, connection, heartbeats },
            );
        }
        if stream.ended.c2s
            && stream.ended.s2c
            && let Some(stream) = self.streams.open.remove(&number)
        {
            let how = StreamEnd::Fin;
            let ending = Ending { how, last: arrival, until: arrival, ..Ending::default() };
            let finish = Finish { how, fin: true, unheard: None, place: arrival, ending };
            self.streams.end(number, stream, finish, None, self.work);
        }
    }

    fn reset(&mut self, number: u32, by: Direction, code: u32, arrival: Place) {
        let Some(stream) = self.streams.open.remove(&number) else { return };
        let how = StreamEnd::Reset;
        let ending = Ending { how, last: arrival, until: arrival, ..Ending::default() };
        let finish = Finish { how, fin: false, unheard: None, place: arrival, ending };
        self.streams.end(number, stream, finish, Some((by, code)), self.work);
    }

    fn finding(&mut self, rule: &'static Rule, spot: http2::Spot, text: Arguments<'_>) {
        let http2::Spot { direction, stream, place, .. } = spot;
        match stream.and_then(|number| self.streams.open.get_mut(&number)) {
            Some(stream) => {
                let finding = Pending { rule, direction, offset: None, place, text: text.to_string() };
                stream.report(finding, self.work.sink);
            }
            None => self.streams.note(rule, direction, place, text, self.work.sink),
        }
    }
}
