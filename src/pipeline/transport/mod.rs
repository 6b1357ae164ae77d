//! One TCP connection as a transport: both streams in order, with TLS in between where it can be decrypted.
//!
//! In: captured segments. Out, for each direction and in order: chunks of bytes, gaps, ends, and findings about
//! TCP. [`Transport::take`] files a segment; the connection then asks each stream for what is
//! [`ready`](Transport::ready). Nothing here knows HTTP or WebSocket: what lies above is an [`Above`].

pub(super) mod above;
mod captured_twice;
mod checksum_policy;
#[cfg(feature = "tls")]
mod kept_runs;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
pub(super) mod tls;
#[cfg(feature = "tls")]
pub(super) mod tls;
#[cfg(feature = "tls")]
mod undecrypted;

pub(super) mod order;
mod overlap_evidence;
mod reset;
mod strain;
pub(super) mod view;
pub(super) mod waiting;

use std::fmt::Arguments;

use super::context::{ByteSource, CapturedSegment, Context, Listed};
use super::events::{ClosedWindow, Ending, Silence};
use super::sides::{PerSide, Side};
use crate::model::{Chunk, Direction, Flags, Place, Rule, Segment};
use crate::net::rules::{PACKET_MALFORMED, PACKET_TRUNCATED};
use crate::tcp::rules;
use crate::tcp::{Held, Stream};
use crate::ws::{Spot, StreamEnd};

use above::Above;
use tls::TlsLayer;

/// The RST that ended a connection, although segments sent before it may still arrive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reset {
    pub(super) place: Place,
    /// Whose address it came from.
    by: Side,
    /// Its TTL, and that of its sender's first bytes, where they differ.
    ttl: Option<(u8, u8)>,
}

/// Since when a connection waits.
#[derive(Clone, Debug, Default)]
struct Waiting {
    /// The packet at which waiting began.
    since: Option<Place>,
    listed: Listed,
    /// Frames were searched for after a loss until the wait timed out: nothing waits for them any longer.
    search_timed_out: bool,
}

/// What was seen of copies made by capturing.
#[derive(Clone, Debug, Default)]
struct Twice {
    /// How many segments with payload.
    count: u64,
    /// The last of them.
    last: Place,
    /// The longest time between a packet and its copy, in nanoseconds, as far as it is known.
    longest: u64,
    /// Copies had another TTL.
    other_ttl: bool,
    /// A side's SYN was captured again after its data: a second copy of the whole connection follows.
    whole: PerSide<bool>,
}

/// What is noted for the verdict on the end.
#[derive(Clone, Debug, Default)]
struct Notes {
    windows: PerSide<ClosedWindow>,
    resent: PerSide<Resent>,
    /// Who ended the last silence.
    silence: Option<(Side, Silence)>,
    /// The last keep-alive probe.
    keep_alive: Option<Place>,
}

/// Segments that held nothing new since the last one that did.
#[derive(Clone, Copy, Debug, Default)]
struct Resent {
    /// The packet of that one.
    after: u64,
    count: u32,
}

/// The transport of a followed connection.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    pub(super) streams: PerSide<Stream>,
    /// The latest packet.
    pub(super) last: Place,
    pub(super) client: Option<Side>,
    /// Whether packets of each side were captured.
    pub(super) heard: PerSide<bool>,
    zero_window: PerSide<bool>,
    /// The connection is followed from its middle on.
    pub(super) mid_stream: bool,
    /// TTL, or hop limit, of the first bytes of the client and of the server; 0 where it is not known.
    usual_ttl: (u8, u8),
    /// Length of a missing request, which is reported once a packet of the client was captured.
    unreported: u32,
    waiting: Waiting,
    pub(super) reset: Option<Reset>,
    /// The first FIN of each side.
    fins: PerSide<Option<Place>>,
    pub(super) tls: Option<Box<TlsLayer>>,
    /// Copies made by capturing.
    twice: Option<Box<Twice>>,
    notes: Option<Box<Notes>>,
}

impl Transport {
    pub(super) fn new(client: Option<Side>) -> Self {
        Self {
            last: Place::default(),
            client,
            heard: PerSide::default(),
            zero_window: PerSide::default(),
            mid_stream: false,
            usual_ttl: (0, 0),
            unreported: 0,
            streams: PerSide::default(),
            waiting: Waiting::default(),
            reset: None,
            fins: PerSide::default(),
            tls: None,
            twice: None,
            notes: None,
        }
    }

    /// A transport whose bytes are read from this segment on.
    pub(super) fn from_middle(client: Side, from: Side, segment: &Segment) -> Self {
        let mut transport = Self { mid_stream: true, ..Self::new(Some(client)) };
        transport.streams.of_mut(from).begin_at(segment.seq);
        if segment.flags.has(Flags::ACK) {
            transport.streams.of_mut(from.other()).begin_at(segment.ack);
        }
        transport
    }

    pub(super) fn direction(&self, side: Side) -> Direction {
        if self.client == Some(side) { Direction::ClientToServer } else { Direction::ServerToClient }
    }

    /// What a side did, in a packet.
    fn spot(&self, side: Side, place: Place) -> Spot {
        Spot::of(self.direction(side), place)
    }

    /// The side that sends in a direction.
    pub(super) fn sender(&self, direction: Direction) -> Side {
        match (self.client, direction) {
            (Some(client), Direction::ServerToClient) => client.other(),
            (client, _) => client.unwrap_or(Side::A),
        }
    }

    /// The first sequence number of the client, where a SYN stated it.
    pub(super) fn first_of_client(&self) -> Option<u32> {
        self.streams.of(self.client?).first_seq()
    }

    /// Both sides, the client first: responses need their requests.
    pub(super) fn client_first(&self) -> [Side; 2] {
        if self.client == Some(Side::B) { [Side::B, Side::A] } else { Side::BOTH }
    }

    /// Whether each side's packets were captured.
    pub(super) fn is_one_sided(&self) -> bool {
        !(*self.heard.of(Side::A) && *self.heard.of(Side::B))
    }

    /// The bytes of a stream whose turn it is, where they were captured.
    pub(super) fn ready(&self, side: Side) -> Option<Held> {
        self.streams.of(side).ready()
    }

    /// A run of captured bytes as a chunk.
    pub(super) fn chunk<'a>(&self, side: Side, held: &Held, bytes: &'a [u8], arrival: Place) -> Chunk<'a> {
        let at = self.streams.of(side).relative(held.at);
        Chunk { at, bytes, address: held.address, origin: held.origin, arrival }
    }

    /// Whether each direction was delivered up to its FIN.
    pub(super) fn is_finished(&self) -> bool {
        Side::BOTH
            .into_iter()
            .all(|side| self.streams.of(side).is_finished() && self.streams.of(side).hole().is_none())
    }

    /// Whether a FIN of either side was captured.
    pub(super) fn has_fin(&self) -> bool {
        Side::BOTH.into_iter().any(|side| self.streams.of(side).fin().is_some())
    }

    /// Whether the first byte of either stream is unknown, because no SYN was captured.
    pub(super) fn lacks_syn(&self) -> bool {
        Side::BOTH.into_iter().any(|side| !self.streams.of(side).is_anchored())
    }

    /// Whether no SYN was captured at all.
    pub(super) fn lacks_both_syns(&self) -> bool {
        Side::BOTH.into_iter().all(|side| !self.streams.of(side).is_anchored())
    }

    /// A request of so many bytes is missing.
    pub(super) fn lose_request(&mut self, len: u64) {
        self.unreported = u32::try_from(len).unwrap_or(u32::MAX);
    }

    /// The length of a request that is missing and was not reported yet, once a packet of the client was captured.
    pub(super) fn take_lost_request(&mut self) -> Option<u64> {
        let heard = self.client.is_some_and(|client| *self.heard.of(client));
        (heard && self.unreported > 0).then(|| u64::from(std::mem::take(&mut self.unreported)))
    }

    /// Whether a segment holds just the next bytes of its stream, or acknowledges and holds none.
    #[inline]
    pub(super) fn is_next_in_order(&self, from: Side, segment: &Segment) -> bool {
        segment.flags.0 & !Flags::PSH == Flags::ACK
            && segment.len == segment.claimed_len
            && segment.excess_len == 0
            && segment.window != 0
            && (segment.len == 0 || self.streams.of(from).is_next(segment.seq))
    }

    /// Files the header of a segment that [is the next](Self::is_next_in_order). True for a keep-alive probe.
    #[inline]
    pub(super) fn acknowledge_in_order(&mut self, from: Side, segment: &Segment) -> bool {
        let (stream, other) = self.streams.own_and_other(from);
        other.acknowledge(segment.ack);
        segment.len == 0 && segment.seq.wrapping_add(1) == stream.next_seq() && !stream.is_finished()
    }

    /// Takes the payload of a segment that [is the next](Self::is_next_in_order): it passes without being stored.
    #[inline]
    pub(super) fn pass_in_order<'a>(
        &mut self,
        from: Side,
        segment: &Segment,
        tcp: &'a [u8],
        place: Place,
    ) -> Chunk<'a> {
        let stream = self.streams.of_mut(from);
        let address = segment.header_at.wrapping_add(u64::from(segment.header_len));
        let bytes = tcp.get(usize::from(segment.header_len)..).unwrap_or_default();
        let at = stream.position();
        stream.pass(segment.len, address);
        let before = stream.arrived();
        stream.set_arrived(place);
        if place.time.0.wrapping_sub(before.time.0) >= strain::SILENCE.0 {
            self.note_silence(from, before, place);
        }
        Chunk { at, bytes, address, origin: place, arrival: place }
    }

    /// Files a segment. Its bytes are [`ready`](Self::ready) once all bytes before them are.
    pub(super) fn take(
        &mut self,
        captured: &CapturedSegment<'_>,
        above: &mut impl Above,
        context: &mut Context<'_>,
    ) {
        let CapturedSegment { ref segment, from, place, .. } = *captured;
        self.last = place;
        *self.heard.of_mut(from) = true;
        let flags = segment.flags;
        let mut seq = segment.seq;
        if flags.has(Flags::SYN) {
            seq = seq.wrapping_add(1);
            self.take_syn(seq, captured, above, context);
        }
        if flags.has(Flags::ACK) {
            self.begin_by_acknowledgment(captured, above, context);
            self.streams.of_mut(from.other()).acknowledge(segment.ack);
            self.streams.of_mut(from).set_ack(segment.ack);
        }
        self.take_window(captured, above, context);
        if segment.excess_len > 0 {
            let text = format_args!(
                "the IP header states {} bytes more than the packet had: what is there is read",
                segment.excess_len
            );
            above.finding(&PACKET_MALFORMED, self.spot(from, place), text, context);
        }
        if flags.has(Flags::RST) {
            self.take_reset(seq, captured, above, context);
            return;
        }
        let sends = segment.claimed_len > 0 || flags.has(Flags::FIN);
        if sends && !flags.has(Flags::ACK | Flags::SYN) && self.streams.of(from).has_acknowledged() {
            let what = if flags.has(Flags::FIN) { "FIN" } else { "segment" };
            let text = format_args!(
                "{what} without ACK, with {} bytes: receivers drop it{}",
                segment.claimed_len,
                self.ttl_evidence(self.direction(from), captured)
            );
            above.finding(&rules::TCP_ACK_MISSING, self.spot(from, place), text, context);
            return;
        }
        if segment.claimed_len > 0 {
            if self.streams.of(from).doubtful().is_some() {
                self.settle_doubt(captured, above, context);
            }
            self.take_payload(seq, captured, above, context);
        }
        if flags.has(Flags::FIN) {
            self.fins.of_mut(from).get_or_insert(place);
            // Where a second FIN has another sequence number, the first one counts.
            self.streams.of_mut(from).finish(seq, segment.claimed_len);
        }
        for side in Side::BOTH {
            if self.streams.of_mut(side).refute_fin() {
                let fin = self.fins.of_mut(side).take().unwrap_or(place);
                let text = format_args!(
                    "the FIN in packet {} was not taken: the receiver acknowledged bytes behind it",
                    fin.packet
                );
                above.finding(&rules::TCP_FIN_IGNORED, self.spot(side, place), text, context);
                above.reopen(self.direction(side));
            }
        }
    }

    /// Begins streams whose SYN was not captured, where a segment says which byte is their first.
    ///
    /// A side that has sent nothing yet has received what came before its acknowledgment number, and before a request a
    /// server sends nothing. A request begins an exchange, so nothing before it is waited for.
    fn begin_by_acknowledgment(
        &mut self,
        captured: &CapturedSegment<'_>,
        above: &mut impl Above,
        context: &mut Context<'_>,
    ) {
        let CapturedSegment { ref segment, from, .. } = *captured;
        if segment.flags.has(Flags::SYN | Flags::RST) || !self.lacks_start() {
            return;
        }
        let own = self.streams.of_mut(from);
        if !own.is_started() {
            let tcp = context.bytes.tcp(segment, captured.packet).unwrap_or_default();
            let payload = tcp.get(usize::from(segment.header_len)..).unwrap_or_default();
            if !above.begins_request(payload, context) {
                return;
            }
            own.begin_at_first(segment.seq);
        }
        if own.is_started() && own.relative(own.offset(segment.seq)) == 0 {
            self.streams.of_mut(from.other()).begin_at_first(segment.ack);
        }
    }

    /// Whether delivery of either stream has not begun.
    fn lacks_start(&self) -> bool {
        Side::BOTH.into_iter().any(|side| !self.streams.of(side).is_started())
    }

    /// Takes a SYN; `first` is the sequence number of the first byte.
    fn take_syn(
        &mut self,
        first: u32,
        captured: &CapturedSegment<'_>,
        above: &mut impl Above,
        context: &mut Context<'_>,
    ) {
        let CapturedSegment { ref segment, from, place, .. } = *captured;
        self.note_syn_again(from);
        self.streams.of_mut(from).anchor(first);
        let is_answer = segment.flags.has(Flags::ACK);
        let client = if is_answer { from.other() } else { from };
        match self.client {
            None => self.client = Some(client),
            Some(known) if known != client && !is_answer => {
                let text = format_args!("both ends sent a SYN");
                above.finding(&rules::TCP_SPLIT_HANDSHAKE, Spot::at(place), text, context);
            }
            _ => {}
        }
        if is_answer {
            let peer = self.streams.of_mut(from.other());
            if !peer.is_anchored() && peer.fits_syn(segment.ack) {
                peer.anchor(segment.ack);
            }
        } else if segment.len > 0 {
            let text = format_args!("SYN carries {} bytes", segment.len);
            above.finding(&rules::TCP_SYN_DATA, self.spot(from, place), text, context);
        }
    }

    fn take_payload(
        &mut self,
        seq: u32,
        captured: &CapturedSegment<'_>,
        above: &mut impl Above,
        context: &mut Context<'_>,
    ) {
        let CapturedSegment { ref segment, from, place, .. } = *captured;
        // Empty where the capture cut the packet in its TCP options, and with them all of the payload.
        let tcp = context.bytes.tcp(segment, captured.packet).unwrap_or_default();
        if self.checksum_is_wrong(from, segment, tcp)
            && !self.uses_wrong_checksum(from, segment, tcp, place, above, context)
        {
            return;
        }
        let stream = self.streams.of_mut(from);
        let known = stream.is_known();
        let at = if known { stream.offset(seq) } else { stream.next() };
        if known
            && stream.has(at, at.saturating_add(segment.claimed_len.into()))
            && self.is_captured_twice(at, captured, context)
        {
            return;
        }
        // One byte before the next one that its sender will send.
        let stream = self.streams.of_mut(from);
        let is_sent = stream.is_started() || stream.first_waiting().is_some();
        if known && is_sent && segment.claimed_len == 1 && at.wrapping_add(1) == stream.last_waiting() {
            self.take_probe(from, place, "keep-alive probe with one stale byte", above, context);
            return;
        }
        let address = segment.header_at + u64::from(segment.header_len);
        let arrival = stream.insert(seq, address, segment.len, segment.claimed_len, place, &context.bytes);
        self.note_ttl(&arrival, captured);
        if arrival.again > 0 && arrival.new == 0 && segment.header_len > 0 {
            self.note_resent(from);
        }
        let stream = self.streams.of(from);
        let spot = self.spot(from, place);
        let spot = spot.with_offset(stream.relative(if known { at } else { stream.next() }));
        let after_fin =
            stream.fin().is_some_and(|fin| stream.offset(seq) + u64::from(segment.claimed_len) > fin);
        let evidence = arrival.conflict.map(|conflict| {
            let evidence = self.overlap_evidence(&arrival, captured, above.is_websocket(), context.bytes);
            (stream.relative(conflict), evidence)
        });
        let mut report = |rule: &'static Rule, spot: Spot, text: Arguments<'_>| {
            above.finding(rule, spot, text, context);
        };
        if let cut @ 1.. = segment.claimed_len.saturating_sub(segment.len) {
            let text = format_args!("the snap length cut {cut} of {} payload bytes", segment.claimed_len);
            report(&PACKET_TRUNCATED, spot, text);
        }
        if segment.flags.has(Flags::URG) {
            report(&rules::TCP_URGENT, spot, format_args!("segment of {} bytes has URG set", segment.len));
        }
        if let Some((offset, evidence)) = evidence {
            let text = format_args!(
                "bytes at offset {offset} differ from the copy seen before, which is used; {evidence}"
            );
            report(&rules::TCP_OVERLAP_CONFLICT, spot.with_offset(offset), text);
        } else if arrival.again > 0 && segment.header_len > 0 {
            report(&rules::TCP_RETRANSMISSION, spot, format_args!("{} bytes came again", arrival.again));
        }
        if arrival.out_of_order {
            let text = format_args!("{} bytes came before the bytes that precede them", arrival.new);
            report(&rules::TCP_OUT_OF_ORDER, spot, text);
        }
        if after_fin && arrival.new > 0 {
            let text = format_args!("{} bytes reach past the FIN", arrival.new);
            report(&rules::TCP_DATA_AFTER_FIN, spot, text);
        }
        if let Some(reset) = &self.reset
            && reset.place.packet < place.packet
            && reset.place.time <= place.time
            && arrival.new > 0
        {
            let text = format_args!("{} bytes came after a RST{}", arrival.new, reset.ttl_evidence());
            report(&rules::TCP_DATA_AFTER_RESET, spot, text);
        }
    }

    /// What is known of the connection's end. `place`: the packet of the capture at which it is known.
    pub(super) fn ending(&self, how: StreamEnd, place: Place) -> Ending {
        let last = self.reset.as_ref().map_or(self.last, |reset| reset.place);
        let mut ending = Ending { last, until: place, ..Ending::default() };
        ending.how = match how {
            StreamEnd::Capture | StreamEnd::Timeout if self.reset.is_some() => StreamEnd::Reset,
            how => how,
        };
        ending.reset = self.reset.as_ref().map(|reset| (self.direction(reset.by), reset.place));
        for side in Side::BOTH {
            let direction = self.direction(side);
            let stream = self.streams.of(side);
            *ending.fin.of_mut(direction) = *self.fins.of(side);
            // In TLS, not all that TCP carries are frames.
            let said = match &self.tls {
                Some(tls) => tls.last_frames(direction),
                None => Some(stream.arrived()).filter(|place| place.packet > 0),
            };
            *ending.said.of_mut(direction) = said;
            *ending.unacknowledged.of_mut(direction) = stream.unacknowledged();
            *ending.heard.of_mut(direction) = *self.heard.of(side);
            *ending.anchored.of_mut(direction) = stream.is_anchored();
        }
        ending.strain = self.strain();
        ending
    }

    /// The lowest capture address whose bytes may be read again; `u64::MAX` where there is none.
    pub(super) fn oldest_address(&self) -> u64 {
        let waiting = Side::BOTH.map(|side| self.streams.of(side).oldest_address());
        let of_tls = self.tls.as_ref().map_or(u64::MAX, |tls| tls.oldest_address());
        waiting.into_iter().fold(of_tls, u64::min)
    }

    /// Bytes of memory beside itself, approximately.
    pub(super) fn size(&self) -> usize {
        Side::BOTH.into_iter().map(|side| self.streams.of(side).size()).sum::<usize>()
            + self.twice.as_ref().map_or(0, |twice| size_of_val(&**twice))
            + self.notes.as_ref().map_or(0, |notes| size_of_val(&**notes))
            + self.tls.as_ref().map_or(0, |tls| tls.size())
    }

    /// Bytes that wait behind gaps, and bytes of memory of their places.
    pub(super) fn waiting(&self) -> (u64, u64) {
        let of = |side| self.streams.of(side).waiting();
        let ((a, a_pieces), (b, b_pieces)) = (of(Side::A), of(Side::B));
        (a + b, ((a_pieces + b_pieces) * size_of::<Held>()) as u64)
    }
}

/// The bytes of a run of a stream.
pub(super) fn bytes_of<'a>(held: &Held, bytes: ByteSource<'a>) -> Option<&'a [u8]> {
    let span = crate::model::Span { start: held.address, len: held.len };
    bytes.slice(span).filter(|_| held.address != crate::tcp::NOWHERE)
}
