//! One TCP connection whose bytes are followed: TCP, then HTTP/1, then WebSocket.

use std::fmt::Arguments;

use super::ends::{End, Ends, PerEnd};
use super::exchange::{Exchange, Other};
use super::sink::{Connection, Emit, HeadPlace, Pending, Sink};
use super::work::Work;
use crate::model::{Chunk, Direction, Flags, Head, Place, Rule, Segment, Tally};
use crate::tcp::{self, Stream};
use crate::ws::{Spot, WebSocket};

/// A request that waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) head: Box<Head>,
    pub(super) place: HeadPlace,
    pub(super) id: crate::model::WebSocketId,
    /// Offset behind it in the client's stream: there frames begin.
    pub(super) end: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Socket {
    pub(super) connection: Connection,
    pub(super) ws: WebSocket,
}

#[derive(Clone, Debug)]
pub(super) enum Layer {
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
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) streams: PerEnd<Stream>,
    pub(super) client: Option<End>,
    pub(super) layer: Layer,
    pub(super) asked: Option<Asked>,
    pub(super) pending: Vec<Pending>,
    /// Findings of this connection that belong to no opened WebSocket.
    pub(super) tally: Tally,
    pub(super) reset: Option<Place>,
    /// Packets seen from each end.
    pub(super) seen: PerEnd<bool>,
    /// The packet whose arrival brought the last bytes handed on.
    pub(super) arrived: PerEnd<Place>,
    pub(super) last: Place,
    pub(super) gaps: (u64, u64),
    /// Bytes of a request that was not captured, not told yet: nothing of the client was.
    pub(super) untold: u64,
    /// Since which packet something is waited for.
    pub(super) waiting_since: Option<Place>,
    /// The packet under which this connection is in the work's list of those that wait.
    pub(super) waiting_at: u64,
    pub(super) zero_window: PerEnd<bool>,
    pub(super) fate: Fate,
    /// It is looked at from its middle on.
    pub(super) midway: bool,
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
            arrived: PerEnd::default(),
            last: Place::default(),
            gaps: (0, 0),
            untold: 0,
            waiting_since: None,
            waiting_at: u64::MAX,
            zero_window: PerEnd::default(),
            fate: Fate::Keep,
            midway: false,
        })
    }

    /// A connection that is looked at from a request in its middle on.
    pub(super) fn midway(client: End, segment: &Segment) -> Box<Self> {
        let mut live = Self::new(Some(client));
        live.midway = true;
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

    pub(super) fn direction(&self, end: End) -> Direction {
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
        let plain = segment.flags.0 & !(Flags::ACK | Flags::PSH) == 0
            && segment.len == segment.claimed_len
            && segment.excess_len == 0;
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
            stream.count_checksum(right);
            if !right && !self.is_used(from, segment, tcp_bytes, place, work) {
                self.watch(place, work);
                return Fate::Keep;
            }
        }
        let Layer::WebSocket(socket) = &mut self.layer else { return Fate::Keep };
        let stream = self.streams.of_mut(from);
        let payload = tcp_bytes.get(usize::from(segment.header_len)..).unwrap_or_default();
        let chunk = Chunk { at: stream.position(), bytes: payload, address, origin: place, arrival: place };
        stream.pass(segment.len, address);
        *self.arrived.of_mut(from) = place;
        if work.sink.wants().chunks {
            work.sink.chunk(&socket.connection, direction, &chunk);
        }
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
            self.streams.of_mut(from).set_ack(segment.ack);
        }
        self.note_window(from, segment, place, work);
        if segment.excess_len > 0 {
            self.note(
                &crate::net::rules::PACKET_MALFORMED,
                Some(self.direction(from)),
                None,
                place,
                format_args!(
                    "the IP header states {} bytes more than the packet had: what is there is read",
                    segment.excess_len
                ),
                work,
            );
        }
        if flags.has(Flags::RST) {
            // RFC 9293 section 3.10.7.4: outside the window it is ignored. Its payload is no stream.
            let stream = self.streams.of(from);
            let ahead = stream.offset(seq).wrapping_sub(stream.next());
            if self.reset.is_none() && (!stream.is_known() || ahead <= 1 << 30) {
                self.reset = Some(place);
            }
        } else {
            if segment.claimed_len > 0 {
                if self.streams.of(from).doubtful().is_some() {
                    self.settle_doubt(from, segment, work);
                }
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
        // None where the capture cut the packet in its TCP options, and with them all of the payload.
        let tcp_bytes = work.tcp_bytes(segment).unwrap_or_default();
        let stream = self.streams.of_mut(from);
        if stream.checksums_tell()
            && let Some(right) = crate::net::checksum_ok(segment, tcp_bytes)
        {
            stream.count_checksum(right);
            if !right && !self.is_used(from, segment, tcp_bytes, place, work) {
                return;
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
    pub(super) fn note<S: Sink>(
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
}

/// The sequence number that a stream expects next, by way of a segment's own.
fn stream_seq(stream: &Stream, segment: &Segment) -> u32 {
    segment.seq.wrapping_add(stream.next().wrapping_sub(stream.offset(segment.seq)) as u32)
}
