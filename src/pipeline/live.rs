//! One TCP connection whose bytes are followed: TCP, then HTTP/1, then WebSocket.

use std::fmt::Arguments;

use super::exchange::{Exchange, Found, Other, begins, classify};
use super::limits::Limits;
use super::rules;
use super::sink::{Connection, Emit, Ended, HeadPlace, Pending, Sink, State};
use super::work::Work;
use crate::http::{self, Handshake, HeadKind};
use crate::model::{
    Chunk, ConnectionId, Direction, Endpoint, Flags, Head, PerDirection, Place, Rule, Segment, Span, Tally,
};
use crate::tcp::{self, GiveUp, Held, NOWHERE, Stream};
use crate::ws::{LISTED, Spot, StreamEnd, Terms, WebSocket};

/// Which of a connection's two ends, in the order of the flow table's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    A,
    B,
}

impl End {
    pub(super) const BOTH: [Self; 2] = [Self::A, Self::B];

    pub(super) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// One value for each end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PerEnd<T> {
    a: T,
    b: T,
}

impl<T> PerEnd<T> {
    pub(super) fn of(&self, end: End) -> &T {
        match end {
            End::A => &self.a,
            End::B => &self.b,
        }
    }
    pub(super) fn of_mut(&mut self, end: End) -> &mut T {
        match end {
            End::A => &mut self.a,
            End::B => &mut self.b,
        }
    }
}

/// What is known of a connection whichever way it goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) tcp: ConnectionId,
    pub(super) a: Endpoint,
    pub(super) b: Endpoint,
}

impl Ends {
    fn of(&self, end: End) -> Endpoint {
        match end {
            End::A => self.a,
            End::B => self.b,
        }
    }
}

/// A request that waits for its answer.
#[derive(Debug)]
struct Asked {
    head: Box<Head>,
    place: HeadPlace,
    id: crate::model::WebSocketId,
}

#[derive(Debug)]
struct Socket {
    connection: Connection,
    ws: WebSocket,
}

#[derive(Debug)]
enum Layer {
    Http(Box<Exchange>),
    WebSocket(Box<Socket>),
    /// Followed to its end, told.
    Done,
}

/// What is to become of a connection after a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes on.
    Keep,
    /// Nothing in it is of interest.
    Drop(Other),
    /// It ended and was told.
    Ended,
}

/// A followed connection.
#[derive(Debug)]
pub(super) struct Live {
    streams: PerEnd<Stream>,
    client: Option<End>,
    layer: Layer,
    asked: Option<Asked>,
    pending: Vec<Pending>,
    /// Findings of this connection that belong to no opened WebSocket.
    tally: Tally,
    reset: Option<Place>,
    /// Packets seen from each end.
    seen: PerEnd<bool>,
    last: Place,
    gaps: (u64, u64),
    /// Since which packet something is waited for.
    pub(super) waiting_since: Option<Place>,
    /// The packet under which this connection is in the work's list of those that wait.
    pub(super) waiting_at: u64,
    zero_window: PerEnd<bool>,
    fate: Fate,
}

impl Live {
    pub(super) fn new(client: Option<End>) -> Box<Self> {
        Box::new(Self {
            streams: PerEnd::default(),
            client,
            layer: Layer::Http(Box::default()),
            asked: None,
            pending: Vec::new(),
            tally: Tally::default(),
            reset: None,
            seen: PerEnd::default(),
            last: Place::default(),
            gaps: (0, 0),
            waiting_since: None,
            waiting_at: u64::MAX,
            zero_window: PerEnd::default(),
            fate: Fate::Keep,
        })
    }

    /// A connection that is looked at from a request in its middle on.
    pub(super) fn midway(client: End, segment: &Segment) -> Box<Self> {
        let mut live = Self::new(Some(client));
        live.layer = Layer::Http(Box::new(Exchange::midway()));
        live.streams.of_mut(client).begin_at(segment.seq);
        if segment.flags.has(Flags::ACK) {
            live.streams.of_mut(client.other()).begin_at(segment.ack);
        }
        live
    }

    /// Takes the first sequence numbers from a SYN seen earlier.
    pub(super) fn anchor(&mut self, end: End, first: u32) {
        self.streams.of_mut(end).anchor(first);
    }

    /// Whether a SYN belongs to this connection.
    pub(super) fn fits_syn(&self, end: End, first: u32) -> bool {
        self.streams.of(end).fits_syn(first)
    }

    pub(super) fn is_websocket(&self) -> bool {
        matches!(self.layer, Layer::WebSocket(_))
    }

    /// Both ends opened the connection.
    pub(super) fn note_split(&mut self, place: Place) {
        self.pending.push(Pending {
            rule: &tcp::rules::TCP_SPLIT_HANDSHAKE,
            direction: None,
            offset: None,
            place,
            text: "both ends sent a SYN".to_owned(),
        });
    }

    /// Whether a RST ended it, although more may still come that was sent before.
    pub(super) fn is_reset(&self) -> bool {
        self.reset.is_some()
    }

    fn direction(&self, end: End) -> Direction {
        if self.client == Some(end) { Direction::ClientToServer } else { Direction::ServerToClient }
    }

    /// Takes one segment of this connection.
    #[inline]
    pub(super) fn segment<S: Sink>(
        &mut self,
        ends: &Ends,
        from: End,
        segment: &Segment,
        place: Place,
        work: &mut Work<'_, S>,
    ) -> Fate {
        self.last = place;
        *self.seen.of_mut(from) = true;
        let plain = segment.flags.0 & !(Flags::ACK | Flags::PSH) == 0 && segment.len == segment.claimed_len;
        if plain && segment.window != 0 && self.waiting_since.is_none() && self.reset.is_none() {
            let stream = self.streams.of(from);
            if let Layer::WebSocket(_) = self.layer
                && (segment.len == 0 || stream.is_next(segment.seq))
            {
                return self.next_in_order(from, segment, place, work);
            }
        }
        self.any_segment(ends, from, segment, place, work)
    }

    /// The common case: the next bytes of an open WebSocket, or a bare acknowledgment.
    #[inline]
    fn next_in_order<S: Sink>(
        &mut self,
        from: End,
        segment: &Segment,
        place: Place,
        work: &mut Work<'_, S>,
    ) -> Fate {
        self.streams.of_mut(from.other()).acknowledge(segment.ack);
        let direction = self.direction(from);
        let stream = self.streams.of_mut(from);
        if segment.len == 0 {
            if segment.seq.wrapping_add(1) == stream_seq(stream, segment) && !stream.is_finished() {
                let offset = Some(stream.position());
                self.note(
                    &tcp::rules::TCP_KEEP_ALIVE,
                    Some(direction),
                    offset,
                    place,
                    format_args!("keep-alive probe"),
                    work,
                );
            }
            return Fate::Keep;
        }
        let address = segment.header_at + u64::from(segment.header_len);
        let Some(tcp_bytes) = work.tcp_bytes(segment) else { return Fate::Keep };
        if stream.checksums_tell()
            && let Some(right) = crate::net::checksum_ok(segment, tcp_bytes)
        {
            let damaged = !right && stream.checksums_are_right();
            stream.count_checksum(right);
            if damaged {
                self.damaged(from, segment, place, work);
                return Fate::Keep;
            }
            if !right && stream.wrong_checksums() == 1 {
                Self::wrong_checksum(direction, place, work);
            }
        }
        let Layer::WebSocket(socket) = &mut self.layer else { return Fate::Keep };
        let stream = self.streams.of_mut(from);
        let payload = tcp_bytes.get(usize::from(segment.header_len)..).unwrap_or_default();
        let chunk = Chunk { at: stream.position(), bytes: payload, address, origin: place, arrival: place };
        stream.pass(segment.len, address, place);
        let (mut context, sink) = work.context();
        socket.ws.data(direction, chunk, &mut context, &mut Emit { sink, connection: &socket.connection });
        Fate::Keep
    }

    fn any_segment<S: Sink>(
        &mut self,
        ends: &Ends,
        from: End,
        segment: &Segment,
        place: Place,
        work: &mut Work<'_, S>,
    ) -> Fate {
        let flags = segment.flags;
        let mut seq = segment.seq;
        if flags.has(Flags::SYN) {
            self.streams.of_mut(from).anchor(seq.wrapping_add(1));
            seq = seq.wrapping_add(1);
            let client = if flags.has(Flags::ACK) { from.other() } else { from };
            match self.client {
                None => self.client = Some(client),
                Some(known) if known != client && !flags.has(Flags::ACK) => {
                    self.note(
                        &tcp::rules::TCP_SPLIT_HANDSHAKE,
                        None,
                        None,
                        place,
                        format_args!("both ends sent a SYN"),
                        work,
                    );
                }
                _ => {}
            }
            if flags.has(Flags::ACK) {
                let peer = self.streams.of_mut(from.other());
                if !peer.is_anchored() && peer.fits_syn(segment.ack) {
                    peer.anchor(segment.ack);
                }
            } else if segment.len > 0 {
                self.note(
                    &tcp::rules::TCP_SYN_DATA,
                    Some(self.direction(from)),
                    None,
                    place,
                    format_args!("SYN carries {} bytes", segment.len),
                    work,
                );
            }
        }
        if flags.has(Flags::ACK) {
            self.streams.of_mut(from.other()).acknowledge(segment.ack);
        }
        self.note_window(from, segment, place, work);
        if flags.has(Flags::RST) {
            // RFC 9293 section 3.10.7.4: outside the window it is ignored. Its payload is no stream.
            let stream = self.streams.of(from);
            let ahead = stream.offset(seq).wrapping_sub(stream.next());
            if self.reset.is_none() && (!stream.is_known() || ahead <= 1 << 30) {
                self.reset = Some(place);
            }
        } else {
            if segment.claimed_len > 0 {
                self.payload(from, seq, segment, place, work);
            }
            if flags.has(Flags::FIN) && !self.streams.of_mut(from).finish(seq, segment.claimed_len) {
                // A second FIN elsewhere: the first stands.
            }
        }
        self.drain(ends, place, None, work);
        self.settle(ends, place, work)
    }

    fn payload<S: Sink>(
        &mut self,
        from: End,
        seq: u32,
        segment: &Segment,
        place: Place,
        work: &mut Work<'_, S>,
    ) {
        let direction = self.direction(from);
        let Some(tcp_bytes) = work.tcp_bytes(segment) else { return };
        let stream = self.streams.of_mut(from);
        if stream.checksums_tell()
            && let Some(right) = crate::net::checksum_ok(segment, tcp_bytes)
        {
            let damaged = !right && stream.checksums_are_right();
            stream.count_checksum(right);
            if damaged {
                self.damaged(from, segment, place, work);
                return;
            }
            if !right && stream.wrong_checksums() == 1 {
                Self::wrong_checksum(direction, place, work);
            }
        }
        let stream = self.streams.of_mut(from);
        let next = stream.next();
        let known = stream.is_known();
        let at = if known { stream.offset(seq) } else { next };
        if known && stream.is_started() && segment.claimed_len == 1 && at.wrapping_add(1) == next {
            let offset = Some(stream.position());
            self.note(
                &tcp::rules::TCP_KEEP_ALIVE,
                Some(direction),
                offset,
                place,
                format_args!("keep-alive probe with one stale byte"),
                work,
            );
            return;
        }
        let address = segment.header_at + u64::from(segment.header_len);
        let arrival = stream.insert(seq, address, segment.len, segment.claimed_len, place, work.bytes);
        let stream = self.streams.of(from);
        let relative = stream.relative(if known { at } else { stream.next() });
        let after_fin =
            stream.fin().is_some_and(|fin| stream.offset(seq) + u64::from(segment.claimed_len) > fin);
        if segment.len < segment.claimed_len {
            let cut = segment.claimed_len - segment.len;
            self.note(
                &crate::net::rules::PACKET_TRUNCATED,
                Some(direction),
                Some(relative),
                place,
                format_args!("the snap length cut {cut} of {} payload bytes", segment.claimed_len),
                work,
            );
        }
        if segment.flags.has(Flags::URG) {
            self.note(
                &tcp::rules::TCP_URGENT,
                Some(direction),
                Some(relative),
                place,
                format_args!("segment of {} bytes has URG set", segment.len),
                work,
            );
        }
        if let Some(conflict) = arrival.conflict {
            let offset = self.streams.of(from).relative(conflict);
            self.note(
                &tcp::rules::TCP_OVERLAP_CONFLICT,
                Some(direction),
                Some(offset),
                place,
                format_args!(
                    "bytes at offset {offset} differ from the copy seen before; the first copy is used"
                ),
                work,
            );
        } else if arrival.again > 0 {
            self.note(
                &tcp::rules::TCP_RETRANSMISSION,
                Some(direction),
                Some(relative),
                place,
                format_args!("{} bytes came again", arrival.again),
                work,
            );
        }
        if arrival.out_of_order {
            self.note(
                &tcp::rules::TCP_OUT_OF_ORDER,
                Some(direction),
                Some(relative),
                place,
                format_args!("{} bytes came before the bytes that precede them", arrival.new),
                work,
            );
        }
        if after_fin && arrival.new > 0 {
            self.note(
                &tcp::rules::TCP_DATA_AFTER_FIN,
                Some(direction),
                Some(relative),
                place,
                format_args!("{} bytes reach past the FIN", arrival.new),
                work,
            );
        }
        if self.reset.is_some_and(|reset| reset.packet < place.packet && reset.time <= place.time)
            && arrival.new > 0
        {
            self.note(
                &tcp::rules::TCP_DATA_AFTER_RESET,
                Some(direction),
                Some(relative),
                place,
                format_args!("{} bytes came after a RST", arrival.new),
                work,
            );
        }
    }

    /// The ports of this connection were used for another one.
    pub(super) fn note_reuse<S: Sink>(&mut self, place: Place, work: &mut Work<'_, S>) {
        self.note(
            &tcp::rules::TCP_PORT_REUSE,
            None,
            None,
            place,
            format_args!("a SYN in packet {} opens another connection on the same ports", place.packet),
            work,
        );
    }

    /// Takes the connection off the list of those that wait.
    pub(super) fn leave(&mut self, waiting: &mut super::work::Waiting) {
        waiting.leave(&mut self.waiting_at);
    }

    fn damaged<S: Sink>(&mut self, from: End, segment: &Segment, place: Place, work: &mut Work<'_, S>) {
        let address = segment.header_at + u64::from(segment.header_len);
        self.streams.of_mut(from).set_aside(segment.seq, address, segment.len, place);
        let offset = self.streams.of(from).relative(self.streams.of(from).offset(segment.seq));
        self.note(
            &crate::net::rules::BAD_CHECKSUM,
            Some(self.direction(from)),
            Some(offset),
            place,
            format_args!(
                "TCP checksum is wrong while this sender's others are right: the packet is not used"
            ),
            work,
        );
    }

    /// Checksums that offload left wrong are one fact about the capture, told once.
    #[cold]
    fn wrong_checksum<S: Sink>(direction: Direction, place: Place, work: &mut Work<'_, S>) {
        let rule = &crate::net::rules::BAD_CHECKSUM;
        if !std::mem::replace(&mut work.totals.offload_told, true) {
            work.totals.findings.add(rule);
            let spot = Spot { direction: Some(direction), place, ..Spot::default() };
            work.sink.finding(None, rule, spot, format_args!(
                "TCP checksum of packet {} is wrong, as all of its sender's are: left to the network card where this was captured; such packets are used",
                place.packet));
        }
    }

    fn note_window<S: Sink>(&mut self, from: End, segment: &Segment, place: Place, work: &mut Work<'_, S>) {
        let closed = segment.window == 0 && !segment.flags.has(Flags::RST | Flags::SYN);
        if closed && !*self.zero_window.of(from) {
            self.note(
                &tcp::rules::TCP_ZERO_WINDOW,
                Some(self.direction(from)),
                None,
                place,
                format_args!("receive window is closed"),
                work,
            );
        }
        *self.zero_window.of_mut(from) = closed;
    }

    /// A finding of TCP or the capture about this connection.
    fn note<S: Sink>(
        &mut self,
        rule: &'static Rule,
        direction: Option<Direction>,
        offset: Option<u64>,
        place: Place,
        text: Arguments<'_>,
        work: &mut Work<'_, S>,
    ) {
        /// Before it is known whether there is a WebSocket, so many are remembered word for word.
        const REMEMBERED: usize = 64;
        if let Layer::WebSocket(socket) = &mut self.layer {
            let spot = Spot { direction, offset, place, ..Spot::default() };
            let Socket { connection, ws } = &mut **socket;
            ws.report(rule, spot, text, &mut Emit { sink: work.sink, connection });
        } else if matches!(self.layer, Layer::Http(_)) && self.pending.len() < REMEMBERED {
            self.pending.push(Pending { rule, direction, offset, place, text: text.to_string() });
        }
    }

    /// Hands bytes in order to the layer above, as long as it takes any.
    fn drain<S: Sink>(
        &mut self,
        ends: &Ends,
        arrival: Place,
        given_up: Option<&mut Place>,
        work: &mut Work<'_, S>,
    ) {
        // After giving up a hole, records are complete with their own last packet, not with the one at hand.
        let mut own = given_up;
        loop {
            let mut progress = false;
            for end in self.order() {
                while let Some(held) = self.streams.of(end).ready() {
                    let arrival = match &mut own {
                        Some(latest) => {
                            **latest = latest.max(held.origin);
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
                }
                if self.streams.of(end).is_finished()
                    && let Layer::WebSocket(socket) = &mut self.layer
                {
                    let direction = if self.client == Some(end) {
                        Direction::ClientToServer
                    } else {
                        Direction::ServerToClient
                    };
                    let Socket { connection, ws } = &mut **socket;
                    let (mut context, sink) = work.context();
                    ws.end(direction, StreamEnd::Fin, arrival, &mut context, &mut Emit { sink, connection });
                }
            }
            if !progress {
                return;
            }
        }
    }

    /// Client first: responses need their requests.
    fn order(&self) -> [End; 2] {
        if self.client == Some(End::B) { [End::B, End::A] } else { End::BOTH }
    }

    /// Hands one run of bytes to the layer above; returns how many it took.
    fn feed<S: Sink>(
        &mut self,
        ends: &Ends,
        end: End,
        held: Held,
        arrival: Place,
        work: &mut Work<'_, S>,
    ) -> u32 {
        let Some(bytes) =
            work.bytes.bytes(Span { start: held.address, len: held.len }).filter(|_| held.address != NOWHERE)
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
        if self.client.is_none() || matches!(&self.layer, Layer::Http(http) if !http.is_http()) {
            self.decide_client(end, bytes, work.limits);
        }
        let direction = self.direction(end);
        match &mut self.layer {
            Layer::WebSocket(socket) => {
                let Socket { connection, ws } = &mut **socket;
                let (mut context, sink) = work.context();
                ws.data(direction, chunk, &mut context, &mut Emit { sink, connection });
                held.len
            }
            Layer::Http(http) => {
                let step = http.data(direction, chunk, work.limits);
                if let Some(found) = step.found {
                    self.found(ends, end, found, arrival, work);
                }
                step.taken as u32
            }
            Layer::Done => held.len,
        }
    }

    /// Who the client is: whoever sends a request. Without a SYN there is nothing else to go by.
    fn decide_client(&mut self, end: End, bytes: &[u8], limits: &Limits) {
        match (begins(bytes, limits), self.client) {
            (Some(HeadKind::Request), None) => self.client = Some(end),
            (Some(HeadKind::Response), None) => self.client = Some(end.other()),
            (Some(HeadKind::Response), Some(client)) if client == end => self.client = Some(end.other()),
            (None, None) => self.fate = Fate::Drop(classify(bytes)),
            _ => {}
        }
    }

    fn found<S: Sink>(
        &mut self,
        ends: &Ends,
        end: End,
        found: Found,
        arrival: Place,
        work: &mut Work<'_, S>,
    ) {
        match found {
            Found::Asked(head, place) => {
                if let Some(asked) = self.asked.take() {
                    self.unanswered(ends, asked, State::Unanswered, arrival, work);
                }
                self.asked = Some(Asked { head, place, id: work.next_websocket() });
            }
            Found::Answered(head, place, opens) => {
                let asked = self.asked.take();
                if opens {
                    self.open(ends, asked, head, place, work);
                } else if let Some(asked) = asked {
                    self.refuse(ends, asked, *head, place, work);
                }
            }
            Found::Tunnel => {}
            Found::H2c(place) => {
                let spot = Spot { place, ..Spot::default() };
                work.sink.finding(
                    None,
                    &http::rules::H2C_UPGRADE,
                    spot,
                    format_args!(
                        "{} and {} go on with HTTP/2: no WebSocket",
                        ends.of(end.other()),
                        ends.of(end)
                    ),
                );
                work.totals.findings.add(&http::rules::H2C_UPGRADE);
                self.fate = Fate::Drop(Other::Http2);
            }
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
                    self.unanswered(ends, asked, State::Unanswered, arrival, work);
                } else if work.totals.findings.add(rule) <= LISTED {
                    // Whether it asked for a WebSocket stands in the head.
                    let spot = Spot { direction: Some(direction), place: arrival, ..Spot::default() };
                    let (client, server) = (ends.of(end), ends.of(end.other()));
                    work.sink.finding(None, rule, spot, format_args!("{text} ({client} to {server})"));
                }
                self.fate = Fate::Drop(Other::Http);
            }
        }
    }

    fn connection<S>(
        &self,
        ends: &Ends,
        asked: Option<&Asked>,
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
        let url = match &handshake.request {
            Some(head) => http::url(head, &server.to_string(), false),
            None => format!("ws://{server}/"),
        };
        let request = asked.map(|asked| asked.place);
        Connection {
            id: asked.map_or_else(|| work.next_websocket(), |asked| asked.id),
            tcp: ends.tcp,
            client: ends.of(client),
            server,
            proxied,
            tunnelled,
            url,
            handshake,
            request,
            response,
            first: request.or(response).map(|place| place.first).unwrap_or_default(),
        }
    }

    fn open<S: Sink>(
        &mut self,
        ends: &Ends,
        asked: Option<Asked>,
        head: Box<Head>,
        place: HeadPlace,
        work: &mut Work<'_, S>,
    ) {
        let (handshake, judgements) = http::judge(asked.as_ref().map(|asked| &*asked.head), Some(&head));
        let deflate = handshake.deflate;
        let terms = |direction: Direction| Terms {
            takeover: deflate.map(|agreed| match direction {
                Direction::ClientToServer => !agreed.client_no_context_takeover,
                Direction::ServerToClient => !agreed.server_no_context_takeover,
            }),
            rsv_defined: handshake.rsv_defined,
            guessed: false,
        };
        let terms =
            PerDirection { c2s: terms(Direction::ClientToServer), s2c: terms(Direction::ServerToClient) };
        let mut connection = self.connection(ends, asked.as_ref(), Some(place), handshake, work);
        let mut ws = WebSocket::new(terms);
        let wants = work.sink.wants();
        work.sink.opened(&connection);
        // A client that acknowledged the response had read it, whichever packet is first in the capture.
        let early = self
            .client
            .filter(|client| !self.streams.of(client.other()).next_is_acknowledged())
            .and_then(|client| self.streams.of(client).ready());
        let mut emit = Emit { sink: work.sink, connection: &connection };
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
                Direction::ClientToServer => asked.as_ref().map(|asked| asked.place.last),
                Direction::ServerToClient => Some(place.last),
            };
            let spot =
                Spot { direction: Some(judgement.side), place: at.unwrap_or(place.last), ..Spot::default() };
            ws.report(judgement.rule, spot, format_args!("{}", judgement.text), &mut emit);
        }
        if let Some(early) = early.filter(|early| early.origin.packet < place.first.packet) {
            let spot =
                Spot { direction: Some(Direction::ClientToServer), place: early.origin, ..Spot::default() };
            ws.report(
                &http::rules::DATA_BEFORE_HANDSHAKE,
                spot,
                format_args!(
                    "the client sent bytes in packet {} before the response in packet {}",
                    early.origin.packet, place.first.packet
                ),
                &mut emit,
            );
        }
        work.totals.websockets += 1;
        if !wants.heads {
            (connection.handshake.request, connection.handshake.response) = (None, None);
        }
        self.layer = Layer::WebSocket(Box::new(Socket { connection, ws }));
    }

    fn refuse<S: Sink>(
        &mut self,
        ends: &Ends,
        asked: Asked,
        head: Head,
        place: HeadPlace,
        work: &mut Work<'_, S>,
    ) {
        let (handshake, judgements) = http::judge(Some(&asked.head), Some(&head));
        let connection = self.connection(ends, Some(&asked), Some(place), handshake, work);
        self.tell_unopened(&connection, State::Refused, judgements, place.last, work);
    }

    fn unanswered<S: Sink>(
        &mut self,
        ends: &Ends,
        asked: Asked,
        state: State,
        place: Place,
        work: &mut Work<'_, S>,
    ) {
        let (handshake, judgements) = http::judge(Some(&asked.head), None);
        let connection = self.connection(ends, Some(&asked), None, handshake, work);
        self.tell_unopened(&connection, state, judgements, place, work);
    }

    fn tell_unopened<S: Sink>(
        &mut self,
        connection: &Connection,
        state: State,
        judgements: Vec<http::Judgement>,
        place: Place,
        work: &mut Work<'_, S>,
    ) {
        let mut tally = std::mem::take(&mut self.tally);
        for pending in self.pending.drain(..) {
            let spot = Spot {
                direction: pending.direction,
                offset: pending.offset,
                place: pending.place,
                ..Spot::default()
            };
            if tally.add(pending.rule) <= LISTED {
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
            findings: &tally,
            gaps,
        });
    }

    /// Tells the layer above that bytes are missing, and counts them.
    fn gap<S: Sink>(&mut self, end: End, len: u64, arrival: Place, why: &str, work: &mut Work<'_, S>) {
        let direction = self.direction(end);
        let at = self.streams.of(end).position();
        if !matches!(self.layer, Layer::Done) {
            self.gaps = (self.gaps.0 + 1, self.gaps.1 + len);
            let sender = direction.sender();
            self.note(&tcp::rules::TCP_GAP, Some(direction), Some(at), arrival,
                format_args!("{len} bytes of what the {sender} sent, from offset {at} on, are not in the capture: {why}"), work);
        }
        match &mut self.layer {
            Layer::Http(http) => http.gap(direction, len),
            Layer::WebSocket(socket) => {
                let Socket { connection, ws } = &mut **socket;
                let (mut context, sink) = work.context();
                ws.gap(direction, at, len, arrival, &mut context, &mut Emit { sink, connection });
            }
            Layer::Done => {}
        }
    }

    /// After a segment: whether the connection ended, and whether something is waited for.
    fn settle<S: Sink>(&mut self, ends: &Ends, place: Place, work: &mut Work<'_, S>) -> Fate {
        if self.fate != Fate::Keep {
            return self.fate;
        }
        if End::BOTH
            .into_iter()
            .all(|end| self.streams.of(end).is_finished() && self.streams.of(end).hole().is_none())
        {
            self.end(ends, StreamEnd::Fin, place, work);
            return self.fate;
        }
        for end in End::BOTH {
            let (bytes, pieces) = self.streams.of(end).waiting();
            if bytes > work.limits.held_bytes || pieces > work.limits.held_pieces {
                self.over_limit(ends, end, bytes, place, work);
                if self.fate != Fate::Keep {
                    return self.fate;
                }
            }
        }
        self.watch(place, work);
        self.fate
    }

    /// Whether anything is waited for: a hole to fill, a SYN, a request, or more after a RST.
    fn watch<S: Sink>(&mut self, place: Place, work: &mut Work<'_, S>) {
        let waits = |stream: &Stream| stream.waiting().1 > 0;
        let waiting = self.reset.is_some() || End::BOTH.into_iter().any(|end| waits(self.streams.of(end)));
        if !waiting {
            if self.waiting_since.take().is_some() {
                work.wait_no_more(&mut self.waiting_at);
            }
            return;
        }
        if self.waiting_since.is_none() {
            let oldest = End::BOTH.into_iter().filter_map(|end| self.streams.of(end).oldest_waiting()).min();
            let oldest =
                oldest.into_iter().chain(self.reset.map(|reset| reset.packet)).min().unwrap_or(place.packet);
            work.wait(Place { packet: oldest, ..place }, &mut self.waiting_at);
            self.waiting_since = Some(place);
        }
    }

    fn over_limit<S: Sink>(
        &mut self,
        ends: &Ends,
        end: End,
        bytes: u64,
        place: Place,
        work: &mut Work<'_, S>,
    ) {
        if self.streams.of(end).hole().is_some() {
            let sender = self.direction(end).sender();
            self.note(
                &rules::LIMIT_STREAM_MEMORY,
                Some(self.direction(end)),
                None,
                place,
                format_args!(
                    "{bytes} bytes of what the {sender} sent wait behind a hole: the hole is given up"
                ),
                work,
            );
        }
        self.give_up(ends, GiveUp::Limit, place, work);
    }

    /// Waiting took long enough. True if it goes on.
    pub(super) fn expire<S: Sink>(&mut self, ends: &Ends, place: Place, work: &mut Work<'_, S>) -> Fate {
        let since = self.waiting_since.unwrap_or(place);
        let old = place.time.since(since.time) > work.limits.hole_time;
        let one_sided = !(*self.seen.of(End::A) && *self.seen.of(End::B));
        let acknowledged = End::BOTH.into_iter().all(|end| {
            let stream = self.streams.of(end);
            stream.hole().is_none() || stream.hole_is_acknowledged()
        });
        if old || one_sided || acknowledged || self.reset.is_some() {
            self.give_up(ends, GiveUp::Acknowledged, place, work);
        }
        if self.fate == Fate::Keep && self.reset.is_some() {
            self.end(ends, StreamEnd::Reset, place, work);
        }
        if self.fate == Fate::Keep {
            self.waiting_since = None;
            self.watch(place, work);
        }
        self.fate
    }

    /// Goes on without what is waited for.
    fn give_up<S: Sink>(&mut self, ends: &Ends, why: GiveUp, place: Place, work: &mut Work<'_, S>) {
        let words = match why {
            GiveUp::Acknowledged => "the capture lost them",
            GiveUp::Limit => "too much waits behind them",
            GiveUp::End => "they never came",
        };
        let mut latest = Place::default();
        for end in self.order() {
            self.streams.of_mut(end).begin();
        }
        if let Layer::Http(http) = &mut self.layer
            && End::BOTH.into_iter().any(|end| !self.streams.of(end).is_anchored())
        {
            http.requests_lost = true;
        }
        self.drain(ends, place, Some(&mut latest), work);
        // Each round passes one hole, or ends.
        while self.fate == Fate::Keep {
            let mut moved = false;
            for end in self.order() {
                if self.streams.of_mut(end).use_suspects(work.bytes) {
                    moved = true;
                } else if let Some(hole) = self.streams.of(end).hole() {
                    if why == GiveUp::Acknowledged
                        && !self.streams.of(end).hole_is_acknowledged()
                        && *self.seen.of(end.other())
                        && place.time.since(self.waiting_since.unwrap_or(place).time) <= work.limits.hole_time
                        && self.reset.is_none()
                    {
                        continue;
                    }
                    let arrival = self.streams.of(end).first_waiting().unwrap_or(place);
                    latest = latest.max(arrival);
                    self.gap(end, hole, latest, words, work);
                    self.streams.of_mut(end).skip(hole);
                    moved = true;
                }
                let mut own = latest;
                self.drain(ends, place, Some(&mut own), work);
                latest = own;
                if self.fate != Fate::Keep {
                    return;
                }
            }
            if !moved {
                let server = self.order()[1];
                match &mut self.layer {
                    // Responses whose requests were not captured.
                    Layer::Http(http) if http.server_waits() && self.streams.of(server).ready().is_some() => {
                        http.forced = true
                    }
                    _ => return,
                }
                let mut own = latest;
                self.drain(ends, place, Some(&mut own), work);
                latest = own;
            }
        }
    }

    /// The connection's end: what still waits is given up, all is told.
    pub(super) fn end<S: Sink>(&mut self, ends: &Ends, how: StreamEnd, place: Place, work: &mut Work<'_, S>) {
        self.give_up(ends, GiveUp::End, place, work);
        if self.fate != Fate::Keep {
            work.wait_no_more(&mut self.waiting_at);
            return;
        }
        for end in self.order() {
            // Of an end that was never captured all is missing: told once, below.
            if let Some(hole) = self.streams.of(end).tail_hole()
                && *self.seen.of(end)
            {
                self.gap(end, hole, self.last, "they were acknowledged but never captured", work);
                self.streams.of_mut(end).skip(hole);
            }
        }
        let last = self.reset.unwrap_or(self.last);
        if let Some(asked) = self.asked.take() {
            self.unanswered(ends, asked, State::Unanswered, last, work);
        }
        if let Layer::WebSocket(mut socket) = std::mem::replace(&mut self.layer, Layer::Done) {
            self.end_socket(&mut socket, how, last, work);
        }
        work.wait_no_more(&mut self.waiting_at);
        self.fate = Fate::Ended;
    }

    fn end_socket<S: Sink>(
        &mut self,
        socket: &mut Socket,
        how: StreamEnd,
        last: Place,
        work: &mut Work<'_, S>,
    ) {
        let Socket { connection, ws } = socket;
        let fin = End::BOTH.into_iter().any(|end| self.streams.of(end).fin().is_some());
        let how = match how {
            StreamEnd::Capture | StreamEnd::Timeout if self.reset.is_some() => StreamEnd::Reset,
            how => how,
        };
        let (mut context, sink) = work.context();
        let mut emit = Emit { sink, connection };
        for end in self.order() {
            let direction =
                if self.client == Some(end) { Direction::ClientToServer } else { Direction::ServerToClient };
            let how = if self.streams.of(end).is_finished() { StreamEnd::Fin } else { how };
            ws.end(direction, how, last, &mut context, &mut emit);
        }
        let one_sided = End::BOTH.into_iter().find(|end| !*self.seen.of(*end));
        if one_sided.is_some() || connection.request.is_none() {
            ws.note_loss();
        }
        if let Some(end) = one_sided {
            let spot = Spot { place: last, ..Spot::default() };
            let sender = if self.client == Some(end) { "client" } else { "server" };
            ws.report(
                &tcp::rules::TCP_ONE_DIRECTION,
                spot,
                format_args!("nothing that the {sender} sent was captured"),
                &mut emit,
            );
        }
        let closing = ws.closing().is_some();
        if how == StreamEnd::Reset && !ws.closing().is_some_and(|closing| closing.answered) {
            let spot = Spot { place: last, ..Spot::default() };
            ws.report(
                &tcp::rules::TCP_RESET,
                spot,
                format_args!("the connection was reset without a complete closing handshake"),
                &mut emit,
            );
        }
        let end = if how == StreamEnd::Capture && fin { StreamEnd::Fin } else { how };
        ws.finish(end, last, &mut emit);
        if how == StreamEnd::Timeout {
            let spot = Spot { place: last, ..Spot::default() };
            ws.report(
                &rules::FLOW_TIMEOUT,
                spot,
                format_args!("nothing came for too long: the connection is taken as ended"),
                &mut emit,
            );
        }
        let answered = ws.closing().is_some_and(|closing| closing.answered);
        let state = match how {
            StreamEnd::Reset if closing && answered => State::Closed,
            StreamEnd::Reset => State::Reset,
            StreamEnd::Timeout => State::TimedOut,
            StreamEnd::Fin => State::Closed,
            StreamEnd::Capture if fin || answered => State::Closed,
            StreamEnd::Capture => State::Open,
        };
        work.totals.count(ws, self.gaps);
        work.sink.ended(&Ended {
            connection,
            state,
            closed: (state != State::Open).then_some(last.time),
            socket: Some(ws),
            findings: ws.findings(),
            gaps: self.gaps,
        });
    }
}

/// The sequence number that a stream expects next, by way of a segment's own.
fn stream_seq(stream: &Stream, segment: &Segment) -> u32 {
    segment.seq.wrapping_add(stream.next().wrapping_sub(stream.offset(segment.seq)) as u32)
}
