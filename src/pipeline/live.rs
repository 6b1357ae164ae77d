//! One TCP connection whose bytes are followed: TCP, then HTTP/1, then WebSocket.

use std::fmt::Arguments;

use super::Taken;
use super::ends::{End, Ends, PerEnd};
use super::exchange::{Exchange, Other};
use super::multiplex::Multiplex;
use super::readings::Ttls;
use super::secure::Secure;
use super::sink::{Connection, Emit, HeadPlace, Pending, Sink};
use super::work::{Desk, Space, Work};
use crate::model::{Chunk, Direction, Flags, Head, Place, Rule, Segment, WebSocketId};
use crate::subproto::Heartbeats;
use crate::tcp::{self, Stream};
use crate::ws::{Spot, WebSocket};

/// A request that waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) head: Box<Head>,
    pub(super) place: HeadPlace,
    pub(super) id: WebSocketId,
    /// Offset behind it in the client's stream: there frames begin.
    pub(super) end: u64,
}

impl Asked {
    /// Its head, and what stays known of it once the head is judged.
    pub(super) fn apart(self) -> (Box<Head>, (HeadPlace, WebSocketId)) {
        (self.head, (self.place, self.id))
    }
}

/// An open WebSocket. What each packet touches begins with the WebSocket itself: see [`Live`].
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct Socket {
    pub(super) ws: WebSocket,
    pub(super) connection: Box<Connection>,
    /// The heartbeats of its subprotocol, once that is detected.
    pub(super) heartbeats: Option<Box<Heartbeats>>,
}

impl Socket {
    /// Memory that its messages, windows and heartbeats take, in bytes, approximately.
    pub(super) fn size(&self) -> usize {
        self.ws.size() + self.heartbeats.as_ref().map_or(0, |heartbeats| heartbeats.size())
    }
}

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // Both are in place: one allocation for a connection.
pub(super) enum Layer {
    Http(Exchange),
    WebSocket(Socket),
    /// HTTP/2, which may carry several.
    Multiplex(Box<Multiplex>),
    /// Followed to its end, told.
    Done,
}

impl Layer {
    /// The lines of the WebSocket that this may be, without a look at whether it is one.
    #[inline]
    fn touch(&self) {
        if let Self::WebSocket(socket) = self {
            socket.ws.touch();
        }
    }
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
    /// It ended before its TLS secret was known, which may still come.
    #[cfg_attr(not(feature = "tls"), allow(dead_code))]
    Unread,
}

/// A followed connection.
///
/// With thousands of connections, loading their state takes longer than working on it. So what a packet in order
/// touches stands together, in whole lines of the cache: the fields up to `layer` with the WebSocket's numbers, two
/// lines of its direction, two of its stream, one of the other stream.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Live {
    pub(super) last: Place,
    pub(super) client: Option<End>,
    /// A WebSocket, of which nothing is waited for: see [`renew`](Self::renew).
    calm: bool,
    /// Packets seen from each end.
    pub(super) seen: PerEnd<bool>,
    pub(super) zero_window: PerEnd<bool>,
    pub(super) fate: Fate,
    pub(super) layer: Layer,
    /// Since which packet something is waited for.
    pub(super) waiting_since: Option<Place>,
    pub(super) streams: PerEnd<Stream>,
    pub(super) asked: Option<Box<Asked>>,
    pub(super) pending: Vec<Pending>,
    pub(super) gaps: (u64, u64),
    /// Bytes of a request that was not captured, not told yet: nothing of the client was.
    pub(super) untold: u32,
    /// It is looked at from its middle on.
    pub(super) midway: bool,
    /// With so many pieces it is guessed again what this is; 0 where nothing is to be guessed.
    pub(super) guessing: u8,
    /// So often it may be guessed once more.
    pub(super) tries: u8,
    /// Framing was lost for so long that nothing waits for it any more.
    pub(super) hopeless: bool,
    pub(super) ttls: Ttls,
    /// The packet under which this connection is in the work's list of those that wait.
    pub(super) waiting_at: u64,
    /// It speaks TLS, and there are secrets.
    pub(super) secure: Option<Box<Secure>>,
    /// The first FIN of each end.
    pub(super) fins: PerEnd<Option<Place>>,
    pub(super) reset: Option<Place>,
    /// Whose address the RST came from.
    pub(super) reset_by: Option<End>,
}

impl Live {
    pub(super) fn new(client: Option<End>) -> Box<Self> {
        Box::new(Self {
            last: Place::default(),
            client,
            calm: false,
            seen: PerEnd::default(),
            zero_window: PerEnd::default(),
            fate: Fate::Keep,
            layer: Layer::Http(Exchange::default()),
            waiting_since: None,
            reset: None,
            streams: PerEnd::default(),
            asked: None,
            pending: Vec::new(),
            gaps: (0, 0),
            untold: 0,
            waiting_at: u64::MAX,
            midway: false,
            guessing: 0,
            tries: 4,
            hopeless: false,
            ttls: Ttls::default(),
            secure: None,
            fins: PerEnd::default(),
            reset_by: None,
        })
    }

    /// A connection that is looked at from a request in its middle on.
    pub(super) fn midway(client: End, from: End, segment: &Segment) -> Box<Self> {
        let mut live = Self::new(Some(client));
        live.midway = true;
        live.layer = Layer::Http(Exchange::midway());
        live.streams.of_mut(from).begin_at(segment.seq);
        if segment.flags.has(Flags::ACK) {
            live.streams.of_mut(from.other()).begin_at(segment.ack);
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
        match &self.layer {
            Layer::WebSocket(_) => true,
            Layer::Multiplex(multiplex) => multiplex.had_websocket(),
            Layer::Http(_) | Layer::Done => false,
        }
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

    /// Looks again whether segments can go [straight](Self::is_straight): after anything but
    /// [`next_in_order`](Self::next_in_order).
    pub(super) fn renew(&mut self) {
        let in_step =
            |socket: &Socket| !Direction::BOTH.iter().any(|direction| socket.ws.is_lost(*direction));
        self.calm = matches!(&self.layer, Layer::WebSocket(socket) if in_step(socket))
            && self.waiting_since.is_none()
            && self.secure.is_none()
            && self.reset.is_none()
            && self.fate == Fate::Keep;
        if self.calm {
            for end in End::BOTH {
                self.streams.of_mut(end).shrink();
            }
        }
    }

    /// Reads what the next segment is going to need, so that all of it comes at once: nothing waits for it.
    #[inline]
    pub(super) fn touch(&self) {
        std::hint::black_box(self.calm);
        for end in End::BOTH {
            std::hint::black_box(self.streams.of(end).is_known());
        }
        self.layer.touch();
    }

    /// Whether a segment is the common case: the next bytes of an open WebSocket, or a bare acknowledgment.
    #[allow(clippy::inline_always)] // See `Pipeline::segment`.
    #[inline(always)]
    pub(super) fn is_straight(&self, from: End, segment: &Segment) -> bool {
        self.calm
            && segment.flags.0 & !(Flags::ACK | Flags::PSH) == 0
            && segment.len == segment.claimed_len
            && segment.excess_len == 0
            && segment.window != 0
            && (segment.len == 0 || self.streams.of(from).is_next(segment.seq))
    }

    /// Takes a segment that is [straight](Self::is_straight). True where it has to [settle](Self::settle) then.
    #[allow(clippy::inline_always, clippy::too_many_arguments)]
    #[inline(always)]
    pub(super) fn next_in_order<S: Sink>(
        &mut self,
        from: End,
        segment: &Segment,
        packet: &[u8],
        place: Place,
        space: Space<'_>,
        desk: &mut Desk,
        sink: &mut S,
    ) -> bool {
        self.last = place;
        *self.seen.of_mut(from) = true;
        let (stream, other) = self.streams.own_and_other(from);
        other.acknowledge(segment.ack);
        if segment.len == 0 {
            if segment.seq.wrapping_add(1) == stream.next_seq() && !stream.is_finished() {
                self.keep_alive(from, place, &mut desk.work(space, sink));
            }
            return false;
        }
        let Some(tcp) = space.tcp(segment, packet) else { return false };
        if is_wrong(stream, segment, tcp) {
            let mut work = desk.work(space, sink);
            if !self.is_used(from, &{ *segment }, tcp, place, &mut work) {
                return true;
            }
        }
        let direction = self.direction(from);
        let Layer::WebSocket(Socket { ws, connection, heartbeats }) = &mut self.layer else { return false };
        let stream = self.streams.of_mut(from);
        let address = segment.header_at.wrapping_add(u64::from(segment.header_len));
        let bytes = tcp.get(usize::from(segment.header_len)..).unwrap_or_default();
        let at = stream.position();
        stream.pass(segment.len, address);
        stream.set_arrived(place);
        if sink.wants().chunks {
            sink.chunk(connection, direction, &Chunk { at, bytes, address, origin: place, arrival: place });
        }
        let depth = &desk.limits.depth;
        let counted = if depth.frames || depth.payloads { 0 } else { ws.count(direction, bytes, place) };
        if counted < bytes.len() {
            let chunk = Chunk { at, bytes, address, origin: place, arrival: place }.skip(counted);
            let mut work = desk.work(space, sink);
            let (mut context, sink) = work.context();
            ws.data(direction, chunk, &mut context, &mut Emit { sink, connection, heartbeats });
            return ws.is_lost(direction);
        }
        false
    }

    #[cold]
    fn keep_alive<S: Sink>(&mut self, from: End, place: Place, work: &mut Work<'_, S>) {
        let offset = Some(self.streams.of(from).position());
        let direction = Some(self.direction(from));
        self.note(
            &tcp::rules::TCP_KEEP_ALIVE,
            direction,
            offset,
            place,
            format_args!("keep-alive probe"),
            work,
        );
    }

    /// Takes one segment of this connection.
    pub(super) fn segment<S: Sink>(
        &mut self,
        ends: &Ends,
        from: End,
        taken: &Taken<'_>,
        work: &mut Work<'_, S>,
    ) -> Fate {
        let Taken { ref segment, place, .. } = *taken;
        self.last = place;
        *self.seen.of_mut(from) = true;
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
            self.take_reset(from, seq, taken, work);
        } else {
            if segment.claimed_len > 0 {
                if self.streams.of(from).doubtful().is_some() {
                    self.settle_doubt(from, taken, work);
                }
                self.payload(from, seq, taken, work);
            }
            if flags.has(Flags::FIN) {
                self.fins.of_mut(from).get_or_insert(place);
            }
            if flags.has(Flags::FIN) && !self.streams.of_mut(from).finish(seq, segment.claimed_len) {
                // A second FIN elsewhere: the first stands.
            }
        }
        self.drain(ends, place, None, work);
        self.settle(ends, place, work)
    }

    fn payload<S: Sink>(&mut self, from: End, seq: u32, taken: &Taken<'_>, work: &mut Work<'_, S>) {
        let Taken { ref segment, place, .. } = *taken;
        let direction = self.direction(from);
        // None where the capture cut the packet in its TCP options, and with them all of the payload.
        let tcp = work.bytes.tcp(segment, taken.bytes).unwrap_or_default();
        if is_wrong(self.streams.of_mut(from), segment, tcp) && !self.is_used(from, segment, tcp, place, work)
        {
            return;
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
        let arrival = stream.insert(seq, address, segment.len, segment.claimed_len, place, &work.bytes);
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
            let readings = self.readings(direction, &arrival, taken, work.bytes);
            self.note(
                &tcp::rules::TCP_OVERLAP_CONFLICT,
                Some(direction),
                Some(offset),
                place,
                format_args!(
                    "bytes at offset {offset} differ from the copy seen before, which is used; {readings}"
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
        self.note_ttl(direction, &arrival, taken);
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
                format_args!("{} bytes came after a RST{}", arrival.new, self.reset_words()),
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
            let Socket { connection, ws, heartbeats } = socket;
            ws.report(rule, spot, text, &mut Emit { sink: work.sink, connection, heartbeats });
        } else if let Layer::Multiplex(multiplex) = &mut self.layer {
            multiplex.note(rule, direction, place, text, work);
        } else if matches!(self.layer, Layer::Http(_)) && self.pending.len() < REMEMBERED {
            self.pending.push(Pending { rule, direction, offset, place, text: text.to_string() });
        }
    }
}

/// Whether a segment's checksum is wrong, where checksums tell anything; a right one is counted.
#[allow(clippy::inline_always)]
#[inline(always)]
fn is_wrong(stream: &mut Stream, segment: &Segment, tcp: &[u8]) -> bool {
    if !stream.checksums_tell() {
        return false;
    }
    match crate::net::checksum_ok(segment, tcp) {
        Some(true) => stream.count_checksum(true),
        Some(false) => {
            stream.count_checksum(false);
            return true;
        }
        None => {}
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PerDirection;
    use crate::ws::Terms;

    #[test]
    fn what_a_packet_touches_begins_where_a_line_of_the_cache_does() {
        let mut live = Live::new(Some(End::A));
        assert_eq!((size_of::<Stream>(), size_of::<Live>() <= 1344), (192, true), "{}", size_of::<Live>());
        let connection = Connection {
            id: WebSocketId(1),
            tcp: crate::model::ConnectionId(0),
            client: crate::model::Endpoint::default(),
            server: crate::model::Endpoint::default(),
            proxied: None,
            tunnelled: false,
            stream_id: None,
            url: String::new(),
            handshake: crate::http::judge(None, None).0,
            request: None,
            response: None,
            first: Place::default(),
            evidence: None,
            tls: None,
        };
        let terms = Terms { takeover: None, rsv_defined: 0, guessed: false };
        let ws = WebSocket::new(PerDirection { c2s: terms, s2c: terms });
        live.layer = Layer::WebSocket(Socket { ws, connection: Box::new(connection), heartbeats: None });
        let Layer::WebSocket(socket) = &live.layer else { unreachable!() };
        for direction in Direction::BOTH {
            let counts = std::ptr::from_ref(socket.ws.counts(direction)) as usize;
            assert_eq!(counts % 64, 32, "{direction:?}");
        }
        let start = std::ptr::from_ref(&*live) as usize;
        assert_eq!(std::ptr::from_ref(&socket.ws) as usize - start, 24);
    }
}
