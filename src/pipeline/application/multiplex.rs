//! HTTP/2 on a connection: several WebSockets, each a connection of its own in all that is reported (RFC 8441).
//!
//! ```text
//! TCP stream (or TLS plaintext) ─► http2::Http2 ─┬─► stream 1 ─► ws::WebSocket ─► Sink
//!                                                └─► stream 5 ─► ws::WebSocket ─► Sink
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;

use super::opened::{Bodies, Carrier, Opening, Unopened, opened, unopened};
use super::stream::{AskedStream, Early, MultiplexStream, REMEMBERED, RefusedStream};
use super::websocket::{Finish, OpenWebSocket};
use crate::http::http2::rules::H2_STREAM_RESET;
use crate::http::http2::{self, ConnectAnswer, Http2};
use crate::http::{BodySample, complete};
use crate::model::{Body, Bytes as _, Chunk, Direction, Head, PerDirection, Place, Rule, Span, to_u32};
use crate::pipeline::context::Context;
use crate::pipeline::events::{Ending, HeadPlace, Pending, Sink, State, StreamFrames};
use crate::pipeline::transport::above::Gap;
use crate::tcp::rules::TCP_GAP;
use crate::ws::{Spot, StreamEnd};

/// Chunks of DATA that are remembered while the response to a request is awaited.
const EARLY: usize = 256;
/// Bytes of such DATA that are kept, of all streams of a connection, where they were decrypted: several times what HTTP/2
/// lets a client send before the server says more.
const EARLY_DECRYPTED: usize = 1 << 20;
/// More than any frame has: a gap of unknown length ends the framing.
const UNKNOWN: u64 = 1 << 62;

/// An HTTP/2 connection and its WebSockets.
#[derive(Clone, Debug)]
pub(super) struct Multiplex {
    http2: Http2,
    streams: Streams,
    /// What is missing is not waited for: see [`Application::force_order`](super::Application::force_order).
    pub(super) forced: bool,
}

#[derive(Clone, Debug)]
struct Streams {
    carrier: Carrier,
    open: BTreeMap<u32, MultiplexStream>,
    pending: Vec<Pending>,
    /// The connection has, or had, a WebSocket.
    had: bool,
    /// How far each direction was read.
    at: PerDirection<u64>,
    /// Gaps of the connection so far.
    gaps: u64,
    /// The streams in which frames are searched for after a loss.
    searching: BTreeSet<u32>,
    /// Bytes of decrypted DATA that are kept: see [`EARLY_DECRYPTED`].
    decrypted: usize,
}

impl Multiplex {
    /// A connection from its start, of whose preface so many bytes were read already.
    pub(super) fn new(carrier: Carrier, preface: usize) -> Box<Self> {
        Box::new(Self { http2: Http2::new(preface), streams: Streams::new(carrier), forced: false })
    }

    /// A connection from its middle on; the next byte of `known` begins a frame.
    pub(super) fn from_middle(carrier: Carrier, known: Direction) -> Box<Self> {
        Box::new(Self { http2: Http2::midway(known), streams: Streams::new(carrier), forced: false })
    }

    /// Whether it has, or had, a WebSocket.
    pub(super) fn had_websocket(&self) -> bool {
        self.streams.had
    }

    pub(super) fn websockets(&self) -> impl Iterator<Item = &OpenWebSocket> {
        self.streams.open.values().filter_map(|stream| stream.websocket.as_deref())
    }

    pub(super) fn websockets_mut(&mut self) -> impl Iterator<Item = &mut OpenWebSocket> {
        self.streams.open.values_mut().filter_map(|stream| stream.websocket.as_deref_mut())
    }

    /// The oldest packet whose frames may still be found after a loss.
    pub(super) fn searching(&self) -> Option<u64> {
        let Streams { open, searching, .. } = &self.streams;
        searching.iter().filter_map(|number| open.get(number)?.websocket.as_ref()?.ws.searching()).min()
    }

    /// Takes over findings that were made before HTTP/2 began. Their offsets mean nothing in its streams.
    pub(super) fn adopt(&mut self, pending: Vec<Pending>) {
        let strip = |spot: Spot| Spot { offset: None, ..spot };
        let of_connection = pending.into_iter().map(|it| Pending { spot: strip(it.spot), ..it });
        self.streams.pending.extend(of_connection);
    }

    /// Takes the settings of an `HTTP2-Settings` header, decoded.
    pub(super) fn settings(&mut self, payload: &[u8], place: Place, context: &mut Context<'_>) {
        let mut events = StreamEvents { streams: &mut self.streams, gap: None, context };
        self.http2.settings(payload, place, &mut events);
    }

    /// Takes bytes of a direction, the next in order: all of them.
    pub(super) fn data(&mut self, direction: Direction, chunk: Chunk<'_>, context: &mut Context<'_>) {
        *self.streams.at.of_mut(direction) = chunk.at.saturating_add(chunk.bytes.len() as u64);
        let tables = self.http2.table_size();
        let mut events = StreamEvents { streams: &mut self.streams, gap: None, context };
        self.http2.data(direction, chunk, &mut events);
        // An entry takes far more than its bytes on the wire.
        context.scratch.grow(self.http2.table_size().saturating_sub(tables) as u64);
    }

    /// Bytes of a direction are missing.
    pub(super) fn gap(&mut self, gap: &Gap<'_>, context: &mut Context<'_>) {
        let Gap { direction, at, len, arrival, .. } = *gap;
        *self.streams.at.of_mut(direction) = at.saturating_add(len);
        self.streams.gaps += 1;
        let mut events = StreamEvents { streams: &mut self.streams, gap: Some(*gap), context };
        self.http2.gap(direction, at, len, arrival, &mut events);
    }

    /// A finding about the connection: reported of its oldest WebSocket, or of the next one.
    pub(super) fn finding(
        &mut self,
        rule: &'static Rule,
        spot: Spot,
        text: Arguments<'_>,
        sink: &mut dyn Sink,
    ) {
        self.streams.finding(rule, spot, text, sink);
    }

    /// The connection ended, and with it all of its streams.
    pub(super) fn finish(&mut self, finish: &Finish<'_>, context: &mut Context<'_>) {
        for direction in Direction::BOTH {
            let at = *self.streams.at.of(direction);
            let mut events = StreamEvents { streams: &mut self.streams, gap: None, context };
            self.http2.end(direction, at, finish.place, &mut events);
        }
        let open = std::mem::take(&mut self.streams.open);
        for (number, stream) in open {
            self.streams.finish(number, stream, finish, None, context);
        }
    }

    /// Bytes of memory beside itself, approximately.
    pub(super) fn size(&self) -> usize {
        /// What an entry of a map takes beside what it holds, about: nearly as many places are free as are taken.
        const ENTRY: usize = 32 + size_of::<MultiplexStream>() / 4 * 3;
        let Streams { open, pending, searching, .. } = &self.streams;
        let streams: usize = open.values().map(|stream| stream.size() + ENTRY).sum();
        let pending: usize = pending.iter().map(Pending::size).sum();
        size_of::<Self>() + self.http2.size() + streams + pending + searching.len() * 32
    }
}

impl Streams {
    fn new(carrier: Carrier) -> Self {
        Self {
            carrier,
            open: BTreeMap::new(),
            pending: Vec::new(),
            had: false,
            at: PerDirection::default(),
            gaps: 0,
            searching: BTreeSet::new(),
            decrypted: 0,
        }
    }

    /// Remembers whether frames are searched for in a stream.
    fn update_searching(&mut self, number: u32) {
        let websocket = self.open.get(&number).and_then(|stream| stream.websocket.as_ref());
        if websocket.is_some_and(|websocket| websocket.ws.searching().is_some()) {
            self.searching.insert(number);
        } else if !self.searching.is_empty() {
            self.searching.remove(&number);
        }
    }

    fn finding(&mut self, rule: &'static Rule, spot: Spot, text: Arguments<'_>, sink: &mut dyn Sink) {
        let pending = Pending { rule, spot: Spot { offset: None, ..spot }, text: text.to_string() };
        match self.open.values_mut().next() {
            Some(stream) => stream.report(pending, sink),
            None if self.pending.len() < REMEMBERED => self.pending.push(pending),
            None => {}
        }
    }

    fn open(
        &mut self,
        number: u32,
        asked: AskedStream,
        response: http2::StreamOpening,
        answer: ConnectAnswer,
        context: &mut Context<'_>,
    ) {
        let Some(mut stream) = self.open.remove(&number) else { return };
        let place = HeadPlace { first: response.first, last: response.last };
        let (handshake, judgements) = http2::conclude(Some(asked.head), Some(response.head), true);
        let carrier = self.carrier.clone();
        let connection = carrier.stream(number, stream.id, asked.place, Some(place), handshake);
        let early = asked.early.first().map(|early| early.origin);
        let opening = Opening {
            connection,
            judgements,
            judged_at: PerDirection { c2s: asked.place.last, s2c: place.last },
            guessed: answer == ConnectAnswer::MayOpen,
            mid_stream: None,
            early: early.filter(|early| early.packet < place.first.packet),
            bodies: Bodies::default(),
        };
        stream.websocket = Some(Box::new(opened(opening, stream.pending.drain(..), context)));
        let lost = std::mem::take(&mut stream.lost);
        for early in asked.early {
            let source = context.bytes;
            if let Some(decrypted) = &early.decrypted {
                self.decrypted = self.decrypted.saturating_sub(decrypted.len());
            }
            let Some(bytes) = early.decrypted.as_deref().or_else(|| source.bytes(early.span)) else {
                continue;
            };
            let Early { at, span, origin, .. } = early;
            let chunk = Chunk { at, bytes, address: span.start, origin, arrival: place.last };
            stream.data(Direction::ClientToServer, chunk, context);
        }
        for direction in Direction::BOTH {
            if *lost.of(direction) {
                stream.gap(direction, 0, UNKNOWN, place.last, context);
            }
        }
        self.open.insert(number, stream);
        self.update_searching(number);
    }

    /// An attempt to open a WebSocket failed.
    fn fail(
        &mut self,
        number: u32,
        stream: MultiplexStream,
        asked: AskedStream,
        response: Option<(Box<Head>, HeadPlace, Option<Body>)>,
        ending: Ending,
        context: &mut Context<'_>,
    ) {
        let responded = response.as_ref().map(|(_, place, _)| *place);
        let state = if response.is_some() { State::Refused } else { State::Unanswered };
        let (head, body) = response.map(|(head, _, body)| (head, body)).unzip();
        let (mut handshake, mut judgements) = http2::conclude(Some(asked.head), head, false);
        handshake.body = body.flatten().map(Box::new);
        complete(&handshake, &mut judgements);
        let connection = self.carrier.clone().stream(number, stream.id, asked.place, responded, handshake);
        let place = responded.map_or(ending.until, |responded| responded.last);
        let attempt = Unopened { connection, state, judgements, place, ending, gaps: stream.gaps };
        unopened(attempt, stream.pending, context);
    }

    /// Reports a refusal. `whole`: all of its body was read.
    fn refuse(
        &mut self,
        number: u32,
        stream: MultiplexStream,
        refused: RefusedStream,
        whole: bool,
        context: &mut Context<'_>,
    ) {
        let RefusedStream { asked, head, place, sample } = refused;
        let ending = Ending {
            last: place.last,
            until: place.last,
            heard: PerDirection { c2s: true, s2c: true },
            stream: Some(StreamFrames::default()),
            ..Ending::default()
        };
        self.fail(number, stream, asked, Some((head, place, sample.finish(whole))), ending, context);
    }

    /// Takes a refusal out, if the stream is one and `is_over` says that its body is read.
    fn refused(
        &mut self,
        number: u32,
        is_over: impl FnOnce(&RefusedStream) -> bool,
    ) -> Option<(MultiplexStream, Box<RefusedStream>)> {
        let refused = self.open.get_mut(&number)?.refused.take_if(|refused| is_over(refused))?;
        Some((self.open.remove(&number)?, refused))
    }

    /// A stream ended. `reset`: who ended it by RST_STREAM, and with which code.
    fn finish(
        &mut self,
        number: u32,
        mut stream: MultiplexStream,
        finish: &Finish<'_>,
        reset: Option<(Direction, u32)>,
        context: &mut Context<'_>,
    ) {
        let &Finish { place, unheard, .. } = finish;
        // What TCP went through is not told of one of its streams.
        let mut ending = Ending { strain: None, ..finish.ending.clone() };
        if let Some(refused) = stream.refused.take() {
            return self.refuse(number, stream, *refused, false, context);
        }
        let finding = reset.map(|(by, code)| reset_finding(number, by, code, place));
        for direction in Direction::BOTH {
            if let Some(fin) = stream.fins.of(direction) {
                *ending.fin.of_mut(direction) = Some(*fin);
            }
        }
        if let Some((by, _)) = reset {
            ending.reset = Some((by, place));
        }
        ending.stream = Some(StreamFrames {
            end_stream: PerDirection { c2s: stream.fins.c2s.is_some(), s2c: stream.fins.s2c.is_some() },
            reset: reset.map(|(_, code)| code),
        });
        ending.said = stream.said;
        ending.heard = PerDirection {
            c2s: unheard != Some(Direction::ClientToServer),
            s2c: unheard != Some(Direction::ServerToClient),
        };
        if let Some(asked) = stream.asked.take() {
            if let Some(finding) = finding {
                stream.report(finding, context.sink);
            }
            self.fail(number, stream, *asked, None, ending, context);
            return;
        }
        let Some(mut websocket) = stream.websocket.take() else { return };
        let fin = finish.fin || stream.ended.c2s || stream.ended.s2c;
        // What the RST says of the connection says nothing about one stream.
        let finish = Finish { finished: stream.ended, fin, ending, reset_evidence: "", ..*finish };
        websocket.finish(&finish, stream.gaps, finding.as_ref(), context);
    }
}

/// A finding that a side reset a stream.
fn reset_finding(number: u32, by: Direction, code: u32, place: Place) -> Pending {
    let text = format!(
        "the {} reset stream {number} with {} ({code}), without a complete closing handshake",
        by.sender(),
        http2::error_name(code)
    );
    Pending { rule: &H2_STREAM_RESET, spot: Spot::of(by, place), text }
}

/// Turns what HTTP/2 finds into events of its WebSockets.
struct StreamEvents<'a, 'c> {
    streams: &'a mut Streams,
    /// The current gap.
    gap: Option<Gap<'a>>,
    context: &'a mut Context<'c>,
}

impl StreamEvents<'_, '_> {
    /// Reports the current gap of a stream, and counts `len` of its bytes, where that is known.
    fn report_gap(&mut self, number: u32, direction: Direction, len: Option<u64>, arrival: Place) {
        let Some(stream) = self.streams.open.get_mut(&number) else { return };
        let Some(gap) = self.gap else { return };
        stream.gaps.1 = stream.gaps.1.saturating_add(len.unwrap_or(0));
        if std::mem::replace(&mut stream.last_gap, self.streams.gaps) == self.streams.gaps {
            return;
        }
        stream.gaps.0 += 1;
        let Gap { at, len, why, .. } = gap;
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
        stream
            .report(Pending { rule: &TCP_GAP, spot: Spot::of(direction, arrival), text }, self.context.sink);
    }

    /// A stream ended by itself, while the connection may go on.
    fn finish(&mut self, number: u32, how: StreamEnd, reset: Option<(Direction, u32)>, place: Place) {
        let Some(stream) = self.streams.open.remove(&number) else { return };
        let ending = Ending { how, last: place, until: place, ..Ending::default() };
        let fin = how == StreamEnd::Fin;
        let finished = PerDirection::default();
        let finish = Finish { finished, fin, unheard: None, place, ending, reset_evidence: "" };
        self.streams.finish(number, stream, &finish, reset, self.context);
    }
}

impl http2::Http2Events for StreamEvents<'_, '_> {
    fn asked(&mut self, number: u32, request: http2::StreamOpening) {
        let place = HeadPlace { first: request.first, last: request.last };
        let id = self.context.next_websocket();
        let pending = std::mem::take(&mut self.streams.pending);
        self.streams.had = true;
        let asked = AskedStream { head: request.head, place, early: Vec::new() };
        let stream = MultiplexStream::new(id, asked, pending);
        // The reader keeps its head too.
        self.context.scratch.grow(2 * stream.size() as u64);
        self.streams.open.insert(number, stream);
    }

    fn answered(&mut self, number: u32, response: http2::StreamOpening, answer: ConnectAnswer) {
        let Some(stream) = self.streams.open.get_mut(&number) else { return };
        let Some(asked) = stream.asked.take() else { return };
        if answer == ConnectAnswer::Refuses {
            let sample = BodySample::new(&response.head);
            let place = HeadPlace { first: response.first, last: response.last };
            stream.refused =
                Some(Box::new(RefusedStream { asked: *asked, head: response.head, place, sample }));
        } else {
            self.streams.open(number, *asked, response, answer, self.context);
        }
    }

    fn data(&mut self, number: u32, direction: Direction, chunk: Chunk<'_>) {
        let Some(stream) = self.streams.open.get_mut(&number) else { return };
        if let Some(refused) = &mut stream.refused {
            if direction == Direction::ServerToClient {
                refused.sample.push(chunk.bytes);
            }
            if let Some((stream, refused)) = self.streams.refused(number, |it| it.sample.is_full()) {
                self.streams.refuse(number, stream, *refused, false, self.context);
            }
            return;
        }
        match &mut stream.asked {
            None => stream.data(direction, chunk, self.context),
            Some(asked)
                if direction == Direction::ClientToServer
                    && asked.early.len() < EARLY
                    && (!chunk.is_sealed()
                        || self.streams.decrypted.saturating_add(chunk.bytes.len()) <= EARLY_DECRYPTED) =>
            {
                let span = Span { start: chunk.address, len: to_u32(chunk.bytes.len()) };
                let decrypted: Option<Box<[u8]>> = chunk.is_sealed().then(|| chunk.bytes.into());
                self.streams.decrypted += decrypted.as_deref().map_or(0, <[u8]>::len);
                self.context.scratch.grow(2 * size_of::<Early>() as u64);
                asked.early.push(Early { at: chunk.at, span, decrypted, origin: chunk.origin });
            }
            Some(_) => *stream.lost.of_mut(direction) = true,
        }
        self.streams.update_searching(number);
    }

    fn gap(&mut self, number: u32, direction: Direction, at: u64, len: u64, arrival: Place) {
        self.report_gap(number, direction, Some(len), arrival);
        if let Some(stream) = self.streams.open.get_mut(&number) {
            stream.gap(direction, at, len, arrival, self.context);
        }
        self.streams.update_searching(number);
    }

    fn lost(&mut self, number: u32, direction: Direction, at: u64, arrival: Place) {
        self.report_gap(number, direction, None, arrival);
        if let Some(stream) = self.streams.open.get_mut(&number) {
            stream.gap(direction, at, UNKNOWN, arrival, self.context);
        }
        self.streams.update_searching(number);
    }

    fn ended(&mut self, number: u32, direction: Direction, arrival: Place) {
        if direction == Direction::ServerToClient
            && let Some((stream, refused)) = self.streams.refused(number, |_| true)
        {
            return self.streams.refuse(number, stream, *refused, true, self.context);
        }
        let Some(stream) = self.streams.open.get_mut(&number) else { return };
        *stream.ended.of_mut(direction) = true;
        stream.fins.of_mut(direction).get_or_insert(arrival);
        if let Some(websocket) = &mut stream.websocket {
            websocket.end(direction, StreamEnd::Fin, arrival, self.context);
        }
        if stream.ended.c2s && stream.ended.s2c {
            self.finish(number, StreamEnd::Fin, None, arrival);
        }
    }

    fn reset(&mut self, number: u32, by: Direction, code: u32, arrival: Place) {
        self.finish(number, StreamEnd::Reset, Some((by, code)), arrival);
    }

    fn finding(&mut self, rule: &'static Rule, spot: http2::Spot, text: Arguments<'_>) {
        let http2::Spot { direction, stream, place, .. } = spot;
        let spot = Spot { direction, ..Spot::at(place) };
        match stream.and_then(|number| self.streams.open.get_mut(&number)) {
            Some(stream) => {
                stream.report(Pending { rule, spot, text: text.to_string() }, self.context.sink);
            }
            None => self.streams.finding(rule, spot, text, self.context.sink),
        }
    }
}
