//! The order of the layers: packets in, events out. No other room knows it.
//!
//! ```text
//! packet ─► net ─► segment ─► Transport ──data · gap · end──► Application ──events──► Sink
//!                             tcp::Stream ×2, [TLS]           HTTP, detection, WebSocket, HTTP/2
//! ```
//!
//! Contract: packets come in capture order, and each gives any number of events. [`Pipeline::end`] gives the rest. For each
//! WebSocket: `opened`, then frames, messages and findings, then `ended` once. Times are those of the packets, so the same
//! packets give the same events, however they are read. [`Limits`] bounds the state.
//!
//! | file | task |
//! | --- | --- |
//! | `mod.rs` | takes a packet, finds its connection, and files what becomes of it |
//! | `connections.rs` | the table of connections: half-open, followed, dropped |
//! | `connection/` | a followed connection: joins its transport and its application |
//! | `transport/` | puts bytes in order, decrypts TLS, waits for what is missing |
//! | `application/` | what the bytes are: phases with three doors |
//! | `events.rs` | the events, and the sink that takes them |
//! | `connection_info.rs` | what an event says of its WebSocket |
//! | `unanswered.rs` | what became of a request without a response |
//! | `context.rs`, `sides.rs`, `limits.rs`, `secrets.rs`, `capture_drops.rs` | what all connections share |
//! | `timers.rs`, `memory_budget.rs` | what time and memory do to connections |
//! | `awaiting_secrets.rs`, `late_secrets.rs` | TLS whose secrets arrive after its packets |
//! | `exported.rs` | bytes that were exported without their TCP headers |
//! | `replay.rs` | copies of a connection's state, and what happened to it from there on |

// A number that does not fit is never cut silently: `model::to_u32` and its like, or `low_u32`. Tests know their numbers.
#![cfg_attr(
    not(test),
    warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)
)]

mod application;
mod awaiting_secrets;
mod capture_drops;
mod connect_attempts;
mod connection;
mod connection_info;
mod connections;
mod context;
mod events;
mod exported;
mod late_secrets;
mod limits;
mod memory_budget;
mod replay;
pub mod rules;
mod secrets;
mod sides;
mod timers;
mod transport;
mod unanswered;

use std::collections::VecDeque;

use crate::model::{
    Bytes, ConnectionId, Finding, Flags, LinkType, Loss, Nanos, PacketRef, Place, Segment, Time,
};
use crate::net::{self, Decoder, Skip};
use crate::ws::{Spot, StreamEnd};

pub use context::{Summary, Totals};
pub use events::{
    Checkpoint, ClosedWindow, Connection, CutPackets, Ended, Ending, FollowState, Forked, HeadPlace,
    NotWebSocket, RecordCounts, ReplayEvent, ReplayStep, SealedTls, Seen, Shed, Silence, Sink, State, Strain,
    StreamFrames, Tls, TransportEnd, Wants,
};
pub use limits::Limits;
pub use rules::RULES;
pub use secrets::{KeyLines, Secrets};
pub use unanswered::Unanswered;

use application::{DetectedStart, is_plain_response, report_plain_response, starts_here};
use awaiting_secrets::AwaitingSecrets;
use connect_attempts::{Attempt, ConnectAttempts, Failure};
use connection::{Disposition, TcpConnection};
use connections::{Connections, HalfOpen, Stage};
use context::{ByteSource, CapturedSegment, Context, SharedState};
use events::Pending;
use sides::Side;

/// A connection that waits, to be checked again.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    since: Place,
    slot: u32,
    /// The connection that was in the slot.
    tcp: ConnectionId,
}

/// The engine: one capture's packets in, events out.
#[derive(Debug)]
pub struct Pipeline {
    decoder: Decoder,
    shared: SharedState,
    connections: Connections,
    deadlines: VecDeque<Deadline>,
    seen: Seen,
    /// Link types that cannot be decoded and were reported.
    unsupported: Vec<LinkType>,
    /// How many connections may be known at once.
    flows: usize,
    /// How many connections are followed.
    followed: usize,
    evicted: u64,
    /// Connections that were given up because all together held too much memory.
    given_up: u64,
    /// Bytes that may arrive before the memory of all connections is counted again.
    room: u64,
    last: Place,
    /// The current packet showed that its connection holds no WebSocket.
    dropped: bool,
    logs_taken: usize,
    awaiting: AwaitingSecrets,
    attempts: ConnectAttempts,
}

/// What happens to a connection outside its own packets.
#[derive(Clone, Copy, Debug)]
enum Outside {
    /// A wait timed out.
    Recheck,
    /// It ends.
    End(StreamEnd),
    /// A SYN on its ports opens another one.
    Reuse,
    /// All connections together hold too much.
    Shed(Shed),
}

impl Pipeline {
    /// An engine with these bounds.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        // The other half is for connections.
        limits.secrets.bound(limits.memory / 2);
        Self {
            room: limits.memory,
            flows: memory_budget::flows(&limits),
            awaiting: AwaitingSecrets::within(limits.memory / memory_budget::SHARE),
            decoder: Decoder::new(&limits.fragments),
            shared: SharedState::new(limits),
            connections: Connections::default(),
            deadlines: VecDeque::new(),
            seen: Seen::default(),
            unsupported: Vec::new(),
            followed: 0,
            evicted: 0,
            given_up: 0,
            last: Place::default(),
            dropped: false,
            logs_taken: 0,
            attempts: ConnectAttempts::default(),
        }
    }

    /// Takes a packet. `capture` gives its bytes and those of earlier packets that still wait.
    #[inline]
    pub fn packet<S: Sink>(&mut self, packet: &PacketRef, capture: &(impl Bytes + ?Sized), sink: &mut S) {
        let place = Place { packet: packet.number, time: packet.time };
        if self.seen.packets == 0 {
            sink.begins(packet.time);
        }
        self.seen.packets += 1;
        if packet.wire_len > packet.bytes.len {
            self.note_cut(packet, place);
        }
        self.last = Place { packet: place.packet, time: place.time.max(self.last.time) };
        let bytes = capture.bytes(packet.bytes).unwrap_or_default();
        let capture: &dyn Bytes = &capture;
        match net::plain(packet, bytes) {
            Some(segment) => {
                self.seen.segments += 1;
                self.segment(&segment, bytes, place, capture, sink);
                if sink.wants().replay_steps {
                    self.report_packet(packet, segment.flags, sink);
                }
            }
            None => self.other_packet(packet, bytes, place, capture, sink),
        }
        if self.decoder.has_findings() {
            self.decoder_findings(capture, sink);
        }
        self.timers(capture, sink);
        self.weigh(packet.wire_len.max(packet.bytes.len), capture, sink);
    }

    /// Counts a packet that the snap length cut.
    #[cold]
    fn note_cut(&mut self, packet: &PacketRef, place: Place) {
        let cut = &mut self.seen.cut;
        if cut.count == 0 {
            cut.first = place;
        }
        cut.count += 1;
        cut.most = cut.most.max(packet.bytes.len);
    }

    /// Packets were lost before the one that comes next. Holes of that time are the capture's own.
    #[cold]
    pub fn lose(&mut self, loss: &Loss, sink: &mut dyn Sink) {
        self.shared.drops.note(loss);
        sink.lost(loss);
    }

    /// A packet that is not of the most common kind.
    #[inline(never)]
    fn other_packet<S: Sink>(
        &mut self,
        packet: &PacketRef,
        bytes: &[u8],
        place: Place,
        capture: &dyn Bytes,
        sink: &mut S,
    ) {
        match self.decoder.decode_other(packet, bytes) {
            Ok(mut segment) => {
                self.seen.segments += 1;
                if segment.header_len == 0 {
                    self.number(&mut segment, bytes, place, capture);
                }
                self.segment(&segment, bytes, place, capture, sink);
                if sink.wants().replay_steps {
                    self.report_packet(packet, segment.flags, sink);
                }
            }
            Err(skip) => self.skip(skip, place, sink),
        }
        if self.decoder.took_fragment() {
            sink.fragment(packet);
        }
    }

    /// Ends the capture: reports everything that is still open.
    pub fn end(&mut self, capture: &dyn Bytes, sink: &mut dyn Sink) {
        self.decoder.end();
        self.decoder_findings(capture, sink);
        sink.watermark(0);
        self.use_new_secrets(capture, sink);
        self.end_all_awaiting(capture, sink);
        // Events of connections that wait come first: they sort into what was reported before.
        let mut followed: Vec<(u32, bool)> = Vec::new();
        for slot in self.connections.slots() {
            if let Some(Stage::Followed(connection)) = self.connections.slot(slot).map(|slot| &slot.stage) {
                followed.push((slot, connection.transport.waiting_since().is_none()));
            }
        }
        for slot in self.connections.slots() {
            self.report_whole_copy(slot, sink);
        }
        followed.sort_by_key(|(slot, waits_not)| (*waits_not, *slot));
        for (slot, _) in followed {
            self.outside(slot, Outside::End(StreamEnd::Capture), capture, sink);
        }
        self.report_failed_connects(sink);
        if self.shared.totals.cut_heads {
            let CutPackets { count, most, first } = self.seen.cut;
            let packets = self.seen.packets;
            let text = format_args!(
                "{count} of {packets} packets are cut at {most} bytes: opening handshakes are not whole; record with -s 0"
            );
            self.report_at(sink, &net::rules::PACKET_TRUNCATED, first, text);
        }
        if let evicted @ 1.. = self.evicted {
            self.report_capture(
                sink,
                &rules::LIMIT_CONNECTIONS,
                format_args!("{evicted} connections were forgotten to make room for new ones"),
            );
        }
        self.report_given_up(sink);
        sink.watermark(u64::MAX);
    }

    /// Totals so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals { tcp_connections: u64::from(self.connections.count()), ..self.shared.totals.clone() }
    }

    /// The time of the latest packet.
    #[must_use]
    pub fn last_time(&self) -> crate::model::Time {
        self.last.time
    }

    /// Packets and connections without WebSocket so far.
    #[must_use]
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Reports a finding about the capture itself, and counts it.
    pub fn report_capture(
        &mut self,
        sink: &mut dyn Sink,
        rule: &'static crate::model::Rule,
        text: std::fmt::Arguments<'_>,
    ) {
        self.report_at(sink, rule, self.last, text);
    }

    /// Reports a finding about the capture at a packet, and counts it.
    pub fn report_at(
        &mut self,
        sink: &mut dyn Sink,
        rule: &'static crate::model::Rule,
        place: Place,
        text: std::fmt::Arguments<'_>,
    ) {
        if self.shared.totals.findings.add(rule) <= u64::from(self.shared.limits.listed) {
            sink.finding(None, rule, Spot::at(place), text);
        }
    }

    /// Files a connection of which only SYNs were captured. `latest`: the time of the last of them.
    fn connect_failed(&mut self, index: u32, failure: Failure, place: Place, latest: Time) {
        let Some(slot) = self.connections.slot(index) else { return };
        let Stage::HalfOpen(half_open) = &mut slot.stage else { return };
        let Some(client) = half_open.unanswered_client() else { return };
        let identity = &slot.identity;
        let (tcp, syns) = (identity.tcp, std::mem::take(&mut half_open.syns));
        let (client, server) = (identity.of(client), identity.of(client.other()));
        self.attempts.failed(&Attempt { tcp, client, server, syns, latest }, failure, place);
    }

    /// Files a connection as failed whose SYN was not answered, unless the answer may still come.
    fn connect_timed_out(&mut self, index: u32) {
        /// A client sends the next SYN after this time (RFC 6298 section 2.1).
        const PATIENCE: Nanos = Nanos::seconds(1);
        let last = self.last;
        let Some(slot) = self.connections.slot(index) else { return };
        let (latest, Stage::HalfOpen(half_open)) = (slot.last, &slot.stage) else { return };
        if half_open.syns > 1 || last.time.since(latest) >= PATIENCE {
            self.connect_failed(index, Failure::Unanswered, last, latest);
        }
    }

    /// Reports the connections that never opened, to servers where WebSockets are.
    fn report_failed_connects(&mut self, sink: &mut dyn Sink) {
        for index in self.connections.slots() {
            self.connect_timed_out(index);
        }
        for (place, text) in self.attempts.findings(&self.shared.servers, &self.shared.limits.ws_ports) {
            self.report_at(sink, &rules::CONNECT_FAILED, place, format_args!("{text}"));
        }
    }

    #[cold]
    fn decoder_findings(&mut self, capture: &dyn Bytes, sink: &mut dyn Sink) {
        for (finding, between) in self.decoder.take_findings_of_datagrams() {
            self.datagram_finding(finding, between, capture, sink);
        }
        for finding in self.decoder.take_findings() {
            let place = Place { packet: finding.packet, time: finding.time };
            self.report_at(sink, finding.rule, place, format_args!("{}", finding.text));
        }
    }

    /// Reports a finding about a datagram in fragments: of the connection whose segment it carries, where that is followed.
    fn datagram_finding(
        &mut self,
        finding: Finding,
        between: Option<net::Between>,
        capture: &dyn Bytes,
        sink: &mut dyn Sink,
    ) {
        let mut unclaimed = Some(finding);
        let known =
            between.and_then(|(source, destination)| self.connections.find_known(source, destination));
        if let Some((index, side)) = known {
            self.with_connection(index, capture, sink, |connection, context| {
                if let Some(Finding { rule, packet, time, text, .. }) = unclaimed.take() {
                    let direction = connection.transport.direction(side);
                    let spot = Spot::of(direction, Place { packet, time });
                    connection.say(rule, spot, format_args!("{text}"), context);
                }
                connection.disposition
            });
        }
        if let Some(Finding { rule, packet, time, text, .. }) = unclaimed {
            self.report_at(sink, rule, Place { packet, time }, format_args!("{text}"));
        }
    }

    #[cold]
    fn skip(&mut self, skip: Skip, place: Place, sink: &mut dyn Sink) {
        /// Link types that are reported by name. A capture has one, or a few.
        const TOLD: usize = 16;
        let reason = skip.reason();
        if let Skip::UnsupportedLink(link) = skip
            && !self.unsupported.contains(&link)
            && self.unsupported.len() < TOLD
        {
            self.unsupported.push(link);
            let rule = &net::rules::CAPTURE_UNSUPPORTED_LINKTYPE;
            self.report_at(
                sink,
                rule,
                place,
                format_args!("packets of link type {} cannot be decoded; they are counted", link.0),
            );
        }
        match self.seen.skipped.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => self.seen.skipped.push((reason, 1)),
        }
    }

    /// Always inlined, with all that the common segment needs: its fields never leave the registers.
    #[inline]
    fn segment<S: Sink>(
        &mut self,
        segment: &Segment,
        bytes: &[u8],
        place: Place,
        capture: &dyn Bytes,
        sink: &mut S,
    ) {
        let (index, from) = self.connections.find(segment, place.time);
        let Some(slot) = self.connections.slot(index) else { return };
        let previous = slot.last;
        slot.last = previous.max(place.time);
        match &mut slot.stage {
            Stage::Followed(connection) if connection.is_next_in_order(from, segment) => {
                let source = ByteSource { capture, decoder: &self.decoder };
                if connection.next_in_order(
                    from,
                    segment,
                    bytes,
                    place,
                    &slot.identity,
                    source,
                    &mut self.shared,
                    sink,
                ) {
                    self.with_connection(index, capture, sink, |connection, context| {
                        connection.settle(place, context)
                    });
                }
            }
            // The copy is made here and nowhere else.
            _ => {
                let segment = *segment;
                let captured =
                    CapturedSegment { segment, slot: index, from, packet: bytes, place, previous, capture };
                self.other_segment(&captured, sink);
            }
        }
    }

    /// A segment that is not the next one of an open WebSocket.
    #[inline(never)]
    fn other_segment(&mut self, captured: &CapturedSegment<'_>, sink: &mut dyn Sink) {
        let CapturedSegment { segment, slot: index, from, capture, .. } = captured;
        let is_syn = segment.flags.0 & (Flags::SYN | Flags::ACK) == Flags::SYN;
        let Some(slot) = self.connections.slot(*index) else { return };
        match &mut slot.stage {
            Stage::Followed(connection) => {
                let source = ByteSource { capture: *capture, decoder: &self.decoder };
                if connection.is_detecting()
                    && let Some(start) = source.slice(captured.payload()).and_then(starts_here)
                {
                    self.follow_from(captured, start);
                } else if is_syn && !connection.fits_syn(*from, segment.seq.wrapping_add(1)) {
                    // That connection ended.
                    self.outside(*index, Outside::Reuse, *capture, sink);
                    return self.restart(captured, sink);
                }
                self.followed_segment(captured, sink);
            }
            // A retransmitted SYN opens no other connection.
            Stage::Dropped { first: Some(first), .. } if is_syn && *first == segment.seq.wrapping_add(1) => {}
            // All of the connection comes again: it was captured twice.
            Stage::Ended(past) if is_syn && past.client == Some((*from, segment.seq.wrapping_add(1))) => {
                past.again = past.again.saturating_add(1);
            }
            Stage::Ended(past) if !is_syn && past.again > 0 => past.again = past.again.saturating_add(1),
            Stage::Dropped { .. } | Stage::Ended(_) if is_syn => self.restart(captured, sink),
            Stage::Dropped { tries, .. } if segment.len >= 16 || (*tries > 0 && segment.len > 2) => {
                self.reclassify(captured, sink);
            }
            Stage::HalfOpen(_) => self.half_open(captured, sink),
            Stage::Dropped { .. } | Stage::Ended(_) | Stage::Free => {}
        }
    }

    fn half_open(&mut self, captured: &CapturedSegment<'_>, sink: &mut dyn Sink) {
        let CapturedSegment { segment, from, place, previous, .. } = *captured;
        let Some(slot) = self.connections.slot(captured.slot) else { return };
        let Stage::HalfOpen(half_open) = &mut slot.stage else { return };
        let waiting = half_open.unanswered_client();
        let is_syn = segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK);
        let first = segment.seq.wrapping_add(1);
        if waiting == Some(from.other()) && segment.flags.has(Flags::RST) {
            self.connect_failed(captured.slot, Failure::Refused, place, previous);
            return;
        }
        if is_syn && half_open.first(from).is_some_and(|known| known != first) {
            // A new attempt: nothing came of the one before.
            self.connect_failed(captured.slot, Failure::Unanswered, place, previous);
            return self.restart(captured, sink);
        }
        if is_syn && waiting == Some(from) {
            half_open.syns = half_open.syns.saturating_add(1);
            self.attempts.retried(slot.identity.tcp, previous, place);
        } else if waiting.is_some() && segment.flags.has(Flags::ACK) {
            // It opened, even where the server's packets are not in the capture.
            if half_open.syns > 1 {
                self.attempts.opened(slot.identity.tcp);
            }
            half_open.syns = 0;
        }
        if segment.flags.has(Flags::SYN) {
            half_open.set_first(from, first);
            if segment.flags.has(Flags::ACK) {
                if half_open.first(from.other()).is_none() {
                    half_open.set_first(from.other(), segment.ack);
                }
                half_open.client.get_or_insert(from.other());
            } else {
                half_open.split |= *half_open.client.get_or_insert(from) != from;
                half_open.syns = half_open.syns.max(1);
            }
        }
        if segment.claimed_len == 0 && !segment.flags.has(Flags::FIN) {
            return;
        }
        let half_open = *half_open;
        let mut connection = TcpConnection::new(half_open.client);
        if half_open.split {
            connection.note_split(place);
        }
        for side in Side::BOTH {
            if let Some(first) = half_open.first(side) {
                connection.anchor(side, first);
            }
        }
        slot.stage = Stage::Followed(connection);
        self.followed += 1;
        self.shared.scratch.grow(size_of::<TcpConnection>() as u64);
        self.followed_segment(captured, sink);
    }

    /// Reports that a second copy of a whole connection was captured after the connection ended.
    fn report_whole_copy(&mut self, index: u32, sink: &mut dyn Sink) {
        let Some(slot) = self.connections.slot(index) else { return };
        let Stage::Ended(past) = &mut slot.stage else { return };
        let again = std::mem::take(&mut past.again);
        if again > 0 {
            let sides::EndpointPair { a, b } = slot.identity.endpoints;
            let tcp = slot.identity.tcp;
            let text = format_args!(
                "the TCP connection {tcp} of {a} and {b} appears again after its end, with the same initial sequence numbers: {again} packets are copies, which are not read again"
            );
            self.report_capture(sink, &crate::tcp::rules::CAPTURED_TWICE, text);
        }
    }

    /// Begins a new connection on the ports of another one.
    fn restart(&mut self, captured: &CapturedSegment<'_>, sink: &mut dyn Sink) {
        self.report_whole_copy(captured.slot, sink);
        if sink.wants().replay_steps {
            self.report_forgotten(captured.slot, sink);
        }
        let tcp = self.connections.next_id();
        let Some(slot) = self.connections.slot(captured.slot) else { return };
        slot.identity.tcp = tcp;
        slot.stage = Stage::HalfOpen(HalfOpen::default());
        self.half_open(captured, sink);
    }

    /// A segment of a dropped connection that may hold a WebSocket nevertheless: a proxy may have opened it after a preface
    /// of its own, or it is HTTP/2 in its middle, where a request or a response begins.
    #[inline]
    fn reclassify(&mut self, captured: &CapturedSegment<'_>, sink: &mut dyn Sink) {
        let Some(bytes) = captured.capture.bytes(captured.payload()) else { return };
        let Some(slot) = self.connections.slot(captured.slot) else { return };
        let Stage::Dropped { tries, why, .. } = slot.stage else { return };
        if why == NotWebSocket::Tls && is_plain_response(bytes) {
            let identity = slot.identity;
            if let Stage::Dropped { why, .. } = &mut slot.stage {
                *why = NotWebSocket::Http;
            }
            *self.seen.count_mut(NotWebSocket::Tls) = self.seen.tls.saturating_sub(1);
            *self.seen.count_mut(NotWebSocket::Http) += 1;
            let (client, server) = (identity.of(captured.from.other()), identity.of(captured.from));
            let source = ByteSource { capture: captured.capture, decoder: &self.decoder };
            report_plain_response(
                client,
                server,
                bytes,
                captured.place,
                &mut self.shared.context(&identity, source, sink),
            );
            return;
        }
        if let Some(start) = starts_here(bytes) {
            self.follow_from(captured, start);
        } else if tries > 0 && crate::ws::fills(bytes) {
            self.follow_again(captured.slot, TcpConnection::detecting_again(tries - 1));
        } else {
            return;
        }
        self.followed_segment(captured, sink);
    }

    /// Follows a connection from a segment in its middle on.
    fn follow_from(&mut self, captured: &CapturedSegment<'_>, start: DetectedStart) {
        let headers = match start {
            DetectedStart::Request => None,
            DetectedStart::Headers(direction) => Some(direction),
        };
        let Some(slot) = self.connections.slot(captured.slot) else { return };
        let connection =
            TcpConnection::from_middle(&slot.identity, captured.from, &captured.segment, headers);
        self.follow_again(captured.slot, connection);
    }

    /// Follows a connection that was dropped, or whose past no longer counts.
    fn follow_again(&mut self, index: u32, connection: Box<TcpConnection>) {
        let Some(slot) = self.connections.slot(index) else { return };
        match &mut slot.stage {
            Stage::Dropped { why, .. } => {
                let count = self.seen.count_mut(*why);
                *count = count.saturating_sub(1);
                self.followed += 1;
            }
            Stage::Followed(before) => before.forget(&mut self.shared.watermark),
            _ => return,
        }
        self.shared.scratch.grow(size_of::<TcpConnection>() as u64);
        slot.stage = Stage::Followed(connection);
    }

    /// A segment of a connection that is followed, of any kind.
    #[inline(never)]
    fn followed_segment(&mut self, captured: &CapturedSegment<'_>, sink: &mut dyn Sink) {
        self.with_connection(captured.slot, captured.capture, sink, |connection, context| {
            connection.segment(captured, context)
        });
    }

    /// Lets a followed connection act, and files what becomes of it.
    fn with_connection(
        &mut self,
        index: u32,
        capture: &dyn Bytes,
        sink: &mut dyn Sink,
        act: impl FnOnce(&mut TcpConnection, &mut Context<'_>) -> Disposition,
    ) {
        let Some(slot) = self.connections.slot(index) else { return };
        let Stage::Followed(connection) = &mut slot.stage else { return };
        connection.leave_fast_path();
        let waited = connection.transport.waiting_since();
        let source = ByteSource { capture, decoder: &self.decoder };
        let disposition = act(connection, &mut self.shared.context(&slot.identity, source, sink));
        connection.update_fast_path();
        let since = connection.transport.waiting_since();
        let newly_awaiting = connection.transport.tls.as_ref().is_some_and(|tls| tls.is_newly_awaiting());
        if disposition != Disposition::Keep {
            let unreported = connection.take_findings_of_datagrams();
            self.settle(index, disposition);
            for Pending { rule, spot, text } in unreported {
                self.report_at(sink, rule, spot.place, format_args!("{text}"));
            }
            return;
        }
        if let Some(since) = since.filter(|since| waited != Some(*since)) {
            self.deadlines.push_back(Deadline { since, slot: index, tcp: slot.identity.tcp });
        }
        if newly_awaiting {
            self.await_secret(index);
        }
    }

    /// Lets something outside its own packets happen to a followed connection.
    fn outside(&mut self, index: u32, outside: Outside, capture: &dyn Bytes, sink: &mut dyn Sink) {
        let place = self.last;
        self.with_connection(index, capture, sink, |connection, context| {
            match outside {
                Outside::Recheck => return connection.recheck(place, context),
                Outside::Shed(shed) => return connection.shed(shed, place, context),
                Outside::Reuse => {
                    connection.note_reuse(place, context);
                    connection.end(StreamEnd::Timeout, place, context);
                }
                Outside::End(how) => connection.end(how, place, context),
            }
            match connection.disposition {
                Disposition::Keep => Disposition::Ended,
                disposition => disposition,
            }
        });
        if sink.wants().replay_steps {
            let event = match outside {
                Outside::Recheck => ReplayEvent::Recheck(place),
                Outside::End(how) => ReplayEvent::End(how, place),
                Outside::Reuse => ReplayEvent::Reuse(place),
                Outside::Shed(shed) => ReplayEvent::Shed(shed, place),
            };
            let dropped = std::mem::take(&mut self.dropped);
            self.report_step(index, event, dropped, sink);
        }
    }

    /// Files what became of a connection that is no longer followed.
    fn settle(&mut self, index: u32, disposition: Disposition) {
        let Some(slot) = self.connections.slot(index) else { return };
        match disposition {
            Disposition::Keep => return,
            Disposition::Drop(why) => {
                let (mut tries, mut first) = (0, None);
                if let Stage::Followed(connection) = &mut slot.stage {
                    connection.forget(&mut self.shared.watermark);
                    tries = connection.tries_left(why, self.shared.limits.guess);
                    first = connection.transport.first_of_client();
                }
                slot.stage = Stage::Dropped { why, tries, first };
                self.dropped = true;
                *self.seen.count_mut(why) += 1;
            }
            Disposition::Ended => slot.stage = Stage::Ended(slot.stage.past()),
            Disposition::AwaitsSecret => {
                let past = slot.stage.past();
                if let Stage::Followed(connection) = std::mem::replace(&mut slot.stage, Stage::Ended(past)) {
                    self.awaiting.keep(slot.identity, connection);
                }
            }
        }
        self.followed = self.followed.saturating_sub(1);
    }
}
