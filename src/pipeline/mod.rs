//! The order of the layers, the only room that knows it: packet in, events out.
//!
//! ```text
//! packet ─► net::Decoder ─► segment ─► flow ─► tcp::Stream ─► HTTP/1 exchange ─► ws::WebSocket ─► Sink
//!                                                        └► TLS ─┘
//! ```
//!
//! Contract: packets come in capture order; each gives any number of events; [`Pipeline::end`] tells
//! the rest. For each WebSocket: `opened`, then frames, messages and findings, then `ended` once. The
//! time is the packets' own: the same packets give the same events, whenever and in however many
//! pieces they are read. State is bounded by [`Limits`].

mod again;
mod doubt;
mod ending;
mod ends;
mod exchange;
mod flows;
mod guess;
mod handover;
mod http2;
mod limits;
mod live;
mod lost;
mod missing;
mod multiplex;
mod readings;
mod replay;
mod room;
pub mod rules;
#[cfg(feature = "tls")]
mod sealed;
mod secrets;
#[cfg(feature = "tls")]
mod secure;
#[cfg(not(feature = "tls"))]
#[path = "insecure.rs"]
mod secure;
mod sink;
mod timers;
#[cfg(feature = "tls")]
mod unread;
mod work;

use std::collections::VecDeque;

use crate::model::{Bytes, ConnectionId, Flags, LinkType, Loss, PacketRef, Place, Segment};
use crate::net::{self, Decoder, Skip};
use crate::ws::{Spot, StreamEnd};

pub use exchange::Other;
pub use limits::Limits;
pub use replay::{Act, Checkpoint, Followed, Forked, Step};
pub use room::Shed;
pub use rules::RULES;
pub use secrets::{KeyLines, Secrets};
pub use sink::{Connection, Ended, Ending, HeadPlace, RecordCounts, SealedTls, Sink, State, Tls, Wants};
pub use work::{Summary, Totals};

use again::starts_here;
use ends::{End, Ends};
use flows::{Flows, Opening, Stage};
use live::{Fate, Live};
#[cfg(not(feature = "tls"))]
use secure::Unread;
#[cfg(feature = "tls")]
use unread::Unread;
use work::{Desk, Space, Work};

/// Counts of packets and connections that hold no WebSocket.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Packets taken.
    pub packets: u64,
    /// Packets that are TCP segments.
    pub segments: u64,
    /// Packets skipped, by reason, in the order first seen.
    pub skipped: Vec<(&'static str, u64)>,
    /// Connections that speak TLS.
    pub tls: u64,
    /// Connections that speak HTTP without WebSocket.
    pub http: u64,
    /// Connections that speak HTTP/2.
    pub http2: u64,
    /// Connections that speak something else.
    pub unknown: u64,
}

/// A connection that waits, to be looked at again.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    since: Place,
    slot: u32,
    /// The connection that was in the slot.
    tcp: ConnectionId,
}

/// A segment that was taken: what its header says, the packet's bytes, and which packet it is.
#[derive(Clone, Copy)]
struct Taken<'a> {
    segment: Segment,
    bytes: &'a [u8],
    place: Place,
}

/// The engine: one capture's packets in, events out.
#[derive(Debug)]
pub struct Pipeline {
    decoder: Decoder,
    desk: Desk,
    flows: Flows,
    deadlines: VecDeque<Deadline>,
    seen: Seen,
    /// Link types that cannot be decoded, as told.
    unsupported: Vec<LinkType>,
    live: usize,
    evicted: u64,
    /// So many bytes may come before it is counted again what connections hold.
    room: u64,
    last: Place,
    /// The packet at hand showed that its connection holds no WebSocket.
    dropped: bool,
    logs_taken: usize,
    unread: Unread,
}

/// What happens to a connection outside its own packets.
#[derive(Clone, Copy, Debug)]
enum Outside {
    /// It is looked at what is waited for.
    Look,
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
        Self {
            room: limits.memory,
            decoder: Decoder::new(&limits.fragments),
            desk: Desk::new(limits),
            flows: Flows::default(),
            deadlines: VecDeque::new(),
            seen: Seen::default(),
            unsupported: Vec::new(),
            live: 0,
            evicted: 0,
            last: Place::default(),
            dropped: false,
            logs_taken: 0,
            unread: Unread::default(),
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
        self.last = Place { packet: place.packet, time: place.time.max(self.last.time) };
        let bytes = capture.bytes(packet.bytes).unwrap_or_default();
        let capture: &dyn Bytes = &capture;
        match net::plain(packet, bytes) {
            Some(segment) => {
                self.seen.segments += 1;
                self.segment(&segment, bytes, place, capture, sink);
                if sink.wants().steps {
                    self.tell_packet(packet, segment.flags, sink);
                }
            }
            None => self.other_packet(packet, bytes, place, capture, sink),
        }
        if self.decoder.has_findings() {
            self.decoder_findings(sink);
        }
        self.timers(capture, sink);
        self.weigh(packet.wire_len.max(packet.bytes.len), capture, sink);
    }

    /// Packets were lost before the one that comes next. Holes of that time are the capture's own.
    #[cold]
    pub fn lose<S: Sink>(&mut self, loss: &Loss, sink: &mut S) {
        self.desk.lost.note(loss);
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
            Ok(segment) => {
                self.seen.segments += 1;
                self.segment(&segment, bytes, place, capture, sink);
                if sink.wants().steps {
                    self.tell_packet(packet, segment.flags, sink);
                }
            }
            Err(skip) => self.skip(skip, place, sink),
        }
        if self.decoder.took_fragment() {
            sink.fragment(packet);
        }
    }

    /// The capture's end: everything that is open is told.
    pub fn end<S: Sink>(&mut self, capture: &dyn Bytes, sink: &mut S) {
        self.decoder.end();
        self.decoder_findings(sink);
        sink.watermark(0);
        self.use_new_secrets(capture, sink);
        self.end_all_unread(capture, sink);
        // Events of waiting streams come first: they sort into what was told before.
        let mut live: Vec<(u32, bool)> = Vec::new();
        for slot in self.flows.slots() {
            if let Some(flow) = self.flows.slot(slot)
                && let Stage::Live(live_flow) = &flow.stage
            {
                live.push((slot, live_flow.waiting_since.is_none()));
            }
        }
        live.sort_by_key(|(slot, calm)| (*calm, *slot));
        for (slot, _) in live {
            self.outside(slot, Outside::End(StreamEnd::Capture), capture, sink);
        }
        if let evicted @ 1.. = self.evicted {
            self.report_capture(
                sink,
                &rules::LIMIT_CONNECTIONS,
                format_args!("{evicted} connections were forgotten to make room for new ones"),
            );
        }
        sink.watermark(u64::MAX);
    }

    /// Totals so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals { tcp_connections: u64::from(self.flows.count()), ..self.desk.totals.clone() }
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

    /// Tells a finding about the capture itself, and counts it.
    pub fn report_capture<S: Sink>(
        &mut self,
        sink: &mut S,
        rule: &'static crate::model::Rule,
        text: std::fmt::Arguments<'_>,
    ) {
        self.report_at(sink, rule, self.last, text);
    }

    /// Tells a finding about the capture at a packet, and counts it.
    pub fn report_at<S: Sink>(
        &mut self,
        sink: &mut S,
        rule: &'static crate::model::Rule,
        place: Place,
        text: std::fmt::Arguments<'_>,
    ) {
        if self.desk.totals.findings.add(rule) <= u64::from(self.desk.limits.listed) {
            sink.finding(None, rule, Spot { place, ..Spot::default() }, text);
        }
    }

    fn decoder_findings<S: Sink>(&mut self, sink: &mut S) {
        for finding in self.decoder.take_findings() {
            let place = Place { packet: finding.packet, time: finding.time };
            self.report_at(sink, finding.rule, place, format_args!("{}", finding.text));
        }
    }

    #[cold]
    fn skip<S: Sink>(&mut self, skip: Skip, place: Place, sink: &mut S) {
        /// Link types that are told by name. A capture has one, or a few.
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
    #[allow(clippy::inline_always)]
    #[inline(always)]
    fn segment<S: Sink>(
        &mut self,
        segment: &Segment,
        bytes: &[u8],
        place: Place,
        capture: &dyn Bytes,
        sink: &mut S,
    ) {
        let (slot, from) = self.flows.find(segment, place.time);
        let Some(flow) = self.flows.slot(slot) else { return };
        flow.last = flow.last.max(place.time);
        match &mut flow.stage {
            Stage::Live(live) if live.is_straight(from, segment) => {
                let space = Space { capture, decoder: &self.decoder };
                if live.next_in_order(from, segment, bytes, place, space, &mut self.desk, sink) {
                    self.with_live(slot, capture, sink, |live, ends, work| live.settle(ends, place, work));
                }
            }
            // The copy is made here and nowhere else.
            _ => self.other_segment(slot, from, &Taken { segment: *segment, bytes, place }, capture, sink),
        }
    }

    /// A segment that is not the next one of an open WebSocket.
    #[inline(never)]
    fn other_segment<S: Sink>(
        &mut self,
        slot: u32,
        from: End,
        taken: &Taken<'_>,
        capture: &dyn Bytes,
        sink: &mut S,
    ) {
        let segment = &taken.segment;
        let Some(flow) = self.flows.slot(slot) else { return };
        match &mut flow.stage {
            Stage::Live(live) => {
                let space = Space { capture, decoder: &self.decoder };
                if live.is_guessing()
                    && let Some(start) = starts_here(taken, space)
                {
                    let live = Live::taken_up(&flow.ends, from, segment, start.http2());
                    self.take_up(slot, live);
                    self.live_segment(slot, from, taken, capture, sink);
                } else if segment.flags.has(Flags::SYN)
                    && !live.fits_syn(from, segment.seq.wrapping_add(1))
                    && !segment.flags.has(Flags::ACK)
                {
                    self.reuse(slot, from, taken, capture, sink);
                } else {
                    self.live_segment(slot, from, taken, capture, sink);
                }
            }
            Stage::Other(_, tries) => {
                if segment.flags.0 & (Flags::SYN | Flags::ACK) == Flags::SYN {
                    self.restart(slot, from, taken, capture, sink);
                } else if segment.len >= 16 || (*tries > 0 && segment.len > 2) {
                    self.look_again(slot, from, taken, capture, sink);
                }
            }
            Stage::Ended => {
                if segment.flags.0 & (Flags::SYN | Flags::ACK) == Flags::SYN {
                    self.restart(slot, from, taken, capture, sink);
                }
            }
            Stage::Opening(_) => self.opening(slot, from, taken, capture, sink),
            Stage::Free => {}
        }
    }

    fn opening<S: Sink>(
        &mut self,
        slot: u32,
        from: End,
        taken: &Taken<'_>,
        capture: &dyn Bytes,
        sink: &mut S,
    ) {
        let Taken { segment, place, .. } = taken;
        let place = *place;
        let Some(flow) = self.flows.slot(slot) else { return };
        let Stage::Opening(opening) = &mut flow.stage else { return };
        if segment.flags.has(Flags::SYN) {
            let seq = segment.seq.wrapping_add(1);
            if opening.first(from).is_some_and(|known| known != seq) && !segment.flags.has(Flags::ACK) {
                // A new attempt: nothing came of the one before.
                return self.restart(slot, from, taken, capture, sink);
            }
            opening.set_first(from, seq);
            if segment.flags.has(Flags::ACK) {
                if opening.first(from.other()).is_none() {
                    opening.set_first(from.other(), segment.ack);
                }
                opening.client.get_or_insert(from.other());
            } else {
                opening.split |= *opening.client.get_or_insert(from) != from;
            }
        }
        if segment.claimed_len == 0 && !segment.flags.has(Flags::FIN) {
            return;
        }
        let opening = *opening;
        let mut live = Live::new(opening.client);
        if opening.split {
            live.note_split(place);
        }
        for end in End::BOTH {
            if let Some(first) = opening.first(end) {
                live.anchor(end, first);
            }
        }
        flow.stage = Stage::Live(live);
        self.live += 1;
        self.live_segment(slot, from, taken, capture, sink);
    }

    /// A SYN on the ports of a connection that is followed: that one ended.
    fn reuse<S: Sink>(&mut self, slot: u32, from: End, taken: &Taken<'_>, capture: &dyn Bytes, sink: &mut S) {
        self.outside(slot, Outside::Reuse, capture, sink);
        self.restart(slot, from, taken, capture, sink);
    }

    fn restart<S: Sink>(
        &mut self,
        slot: u32,
        from: End,
        taken: &Taken<'_>,
        capture: &dyn Bytes,
        sink: &mut S,
    ) {
        if sink.wants().steps {
            self.tell_forgotten(slot, sink);
        }
        let tcp = self.flows.next_id();
        let Some(flow) = self.flows.slot(slot) else { return };
        flow.ends.tcp = tcp;
        flow.stage = Stage::Opening(Opening::default());
        self.opening(slot, from, taken, capture, sink);
    }

    /// A segment of a connection that is followed, whatever it is.
    #[inline(never)]
    fn live_segment<S: Sink>(
        &mut self,
        slot: u32,
        from: End,
        taken: &Taken<'_>,
        capture: &dyn Bytes,
        sink: &mut S,
    ) {
        self.with_live(slot, capture, sink, |live, ends, work| live.segment(ends, from, taken, work));
    }

    /// Lets a followed connection do something, and sees what becomes of it.
    fn with_live<S: Sink>(
        &mut self,
        slot: u32,
        capture: &dyn Bytes,
        sink: &mut S,
        act: impl FnOnce(&mut Live, &Ends, &mut Work<'_, S>) -> Fate,
    ) {
        let Some(flow) = self.flows.slot(slot) else { return };
        let Stage::Live(live) = &mut flow.stage else { return };
        let waited = live.waiting_since;
        let space = Space { capture, decoder: &self.decoder };
        let fate = act(live, &flow.ends, &mut self.desk.work(space, sink));
        live.renew();
        let awaits = live.is_newly_awaiting();
        if fate != Fate::Keep {
            self.settle(slot, fate);
        } else if let Some(since) = live.waiting_since
            && waited != Some(since)
        {
            self.deadlines.push_back(Deadline { since, slot, tcp: flow.ends.tcp });
        }
        if awaits && fate == Fate::Keep {
            self.await_secret(slot);
        }
    }

    /// Lets something outside its own packets happen to a followed connection.
    fn outside<S: Sink>(&mut self, slot: u32, outside: Outside, capture: &dyn Bytes, sink: &mut S) {
        let place = self.last;
        self.with_live(slot, capture, sink, |live, ends, work| Self::act(live, outside, ends, place, work));
        if sink.wants().steps {
            let act = match outside {
                Outside::Look => Act::Look(place),
                Outside::End(how) => Act::End(how, place),
                Outside::Reuse => Act::Reuse(place),
                Outside::Shed(shed) => Act::Shed(shed, place),
            };
            let dropped = std::mem::take(&mut self.dropped);
            self.tell(slot, act, dropped, sink);
        }
    }

    fn settle(&mut self, slot: u32, fate: Fate) {
        let Some(flow) = self.flows.slot(slot) else { return };
        match fate {
            Fate::Keep => return,
            Fate::Drop(other) => {
                let mut tries = 0;
                if let Stage::Live(live) = &mut flow.stage {
                    live.leave(&mut self.desk.waiting);
                    tries = live.tries_left(other, &self.desk.limits);
                }
                flow.stage = Stage::Other(other, tries);
                self.dropped = true;
                *self.seen.count(other) += 1;
            }
            Fate::Ended => flow.stage = Stage::Ended,
            Fate::Unread => {
                if let Stage::Live(live) = std::mem::replace(&mut flow.stage, Stage::Ended) {
                    self.unread.keep(flow.ends, live);
                }
            }
        }
        self.live = self.live.saturating_sub(1);
    }
}
