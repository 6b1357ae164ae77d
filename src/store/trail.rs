//! Replay logs: the steps of each connection in a few bytes each, with checkpoints of its state, so that it can be replayed.
//!
//! ```text
//! steps:        packet packet packet … packet packet look packet … end
//! checkpoints:  ▲start                 ▲                ▲
//! ```
//!
//! A connection that is not (yet) a WebSocket keeps only a few steps; then a checkpoint replaces them.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::steps::{Before, StepCursor, StepMark, Steps, packet_of};
use crate::model::{ConnectionId, Flags, PacketRef, WebSocketId};
use crate::pipeline::{Checkpoint, FollowState, Forked, ReplayEvent, ReplayStep};

/// Packets of a connection that is no WebSocket yet, after which its state is kept in place of them.
const BEFORE: u32 = 256;
/// Bytes that count as much as a packet, where packets are large.
const EACH: u64 = 512;
/// Packets that are kept after a connection's end: acknowledgments and what was sent twice.
const AFTER: u32 = 64;
/// Steps of a connection that may be kept without a checkpoint before them, where memory is bounded, and those at which
/// a checkpoint is wanted.
const ADRIFT: usize = 1 << 20;
const LONG: usize = 64 << 10;
/// IP fragments between two places from which they can be released.
const FRAGMENTS: u64 = 4096;
/// First packets that are kept of a connection whose steps are not kept from the beginning.
const FIRST: usize = 8;
/// Packets that are kept beside them because their bytes had not been read when the steps were released.
const UNREAD: usize = 16 << 10;

/// A checkpoint: the state of a connection after the step before `mark`.
#[derive(Clone, Debug)]
struct SavedCheckpoint {
    mark: StepMark,
    state: Arc<Checkpoint>,
}

/// The replay log of a connection.
#[derive(Debug, Default)]
struct Trail {
    steps: Steps,
    /// Its state before the first of the steps; `None`: they begin with its first packet.
    start: Option<Arc<Checkpoint>>,
    /// Where the steps begin, where those before were released: `start` is the state there.
    begin: Option<StepMark>,
    /// What came before the next checkpoint was released, and no step is kept until then.
    adrift: bool,
    stops: Vec<SavedCheckpoint>,
    /// The numbers of its WebSockets, in order.
    websockets: Vec<u32>,
    /// Its first packets and those whose bytes wait, where the steps do not have them.
    first: Vec<(PacketRef, Flags)>,
    /// Packets since the last checkpoint, and their bytes.
    since: u32,
    since_bytes: u64,
    packets: u64,
    wire_bytes: u64,
    /// Packets after its end.
    after: u32,
    /// Some of its packets are IP fragments.
    fragmented: bool,
    /// It ended.
    ended: bool,
    /// Steps are not kept any more, unless it is taken up again.
    closed: bool,
}

/// The replay logs of all connections that may contain a WebSocket.
#[derive(Debug)]
pub(super) struct Trails {
    trails: HashMap<ConnectionId, Box<Trail>, RandomState>,
    /// Every IP fragment of the capture.
    fragments: Steps,
    /// Places in them from which they can be read, where memory is bounded.
    fragment_marks: VecDeque<StepMark>,
    fragment_begin: Option<StepMark>,
    last: (ConnectionId, u64),
    interval: u32,
    shortest: u32,
    size: usize,
    budget: usize,
    pub(super) bounded: bool,
}

impl Trails {
    /// With so many packets between two checkpoints to begin with, and so many bytes for all of them.
    pub(super) fn with(interval: u32, budget: usize) -> Self {
        Self {
            trails: HashMap::default(),
            fragments: Steps::default(),
            fragment_marks: VecDeque::new(),
            fragment_begin: None,
            last: Default::default(),
            interval: interval.max(1),
            shortest: interval.max(1),
            size: 0,
            budget,
            bounded: false,
        }
    }

    /// Returns the packet of the last step.
    pub(super) fn last_packet(&self) -> u64 {
        self.last.1
    }

    /// A connection has this WebSocket, or an attempt to open one.
    pub(super) fn name(&mut self, tcp: ConnectionId, websocket: WebSocketId) {
        let names = &mut self.trails.entry(tcp).or_default().websockets;
        if let Err(at) = names.binary_search(&websocket.0) {
            names.insert(at, websocket.0);
        }
    }

    /// Records a step of a connection.
    pub(super) fn step(&mut self, step: &ReplayStep<'_>) {
        if let Some(ReplayEvent::Packet(packet, _)) = step.event {
            self.last = (step.tcp, packet.number);
        }
        let over = matches!(step.state, FollowState::Dropped | FollowState::Ended | FollowState::Forgotten);
        let trail = match self.trails.get_mut(&step.tcp) {
            Some(trail) => trail,
            None if over => return,
            None => self.trails.entry(step.tcp).or_default(),
        };
        if over && trail.websockets.is_empty() {
            self.trails.remove(&step.tcp);
            return;
        }
        let begins = step.mid_stream && (trail.closed || trail.packets == 0);
        if trail.closed && !begins {
            return;
        }
        trail.closed = matches!(step.state, FollowState::Dropped | FollowState::Forgotten);
        trail.ended = step.state == FollowState::Ended;
        if let Some(event) = step.event {
            if let ReplayEvent::Packet(packet, _) = event {
                trail.packets += 1;
                trail.wire_bytes += u64::from(packet.wire_len);
                trail.since += 1;
                trail.since_bytes += u64::from(packet.bytes.len);
                trail.after +=
                    u32::from(matches!(step.state, FollowState::Ended | FollowState::AwaitingSecret));
                trail.closed |= trail.after > AFTER;
            }
            if !trail.adrift {
                trail.steps.push(&event);
            }
        }
        match step.state {
            FollowState::WebSocket if trail.adrift => {
                if trail.since >= self.interval
                    && let Some(state) = step.checkpoint()
                {
                    trail.restart(state);
                    // What comes next is told against this, and nothing before it is known.
                    trail.steps.before = Before { number: self.last.1, ..Before::default() };
                    trail.begin = Some(trail.steps.end());
                }
            }
            FollowState::Http if begins || trail.since >= BEFORE => {
                if let Some(state) = step.checkpoint() {
                    trail.restart(state);
                }
            }
            FollowState::WebSocket
                if trail.since >= self.interval || trail.since_bytes >= u64::from(self.interval) * EACH =>
            {
                if let Some(state) = step.checkpoint() {
                    (trail.since, trail.since_bytes) = (0, 0);
                    self.size += state.size();
                    trail.stops.push(SavedCheckpoint { mark: trail.steps.end(), state: Arc::new(state) });
                    if self.size > self.budget {
                        self.thin_out();
                    }
                }
            }
            _ => {}
        }
    }

    /// Records an IP fragment.
    pub(super) fn fragment(&mut self, packet: &PacketRef) {
        if self.bounded && self.fragments.count.is_multiple_of(FRAGMENTS) {
            self.fragment_marks.push_back(self.fragments.end());
        }
        self.fragments.push(&ReplayEvent::Packet(*packet, Flags(0)));
        let (tcp, number) = self.last;
        if number == packet.number
            && let Some(trail) = self.trails.get_mut(&tcp)
        {
            trail.fragmented = true;
        }
    }

    /// Discards every other checkpoint and doubles the interval.
    fn thin_out(&mut self) {
        self.interval = self.interval.saturating_mul(2);
        self.size = 0;
        for trail in self.trails.values_mut() {
            let mut keep = false;
            trail.stops.retain(|_| {
                keep = !keep;
                keep
            });
            self.size += trail.stops.iter().map(|stop| stop.state.size()).sum::<usize>();
        }
    }

    /// Releases what is only needed for what came before a packet, and forgets connections that are not known any
    /// more.
    pub(super) fn release(&mut self, packet: u64, is_known: impl Fn(u32) -> bool) {
        let room = self.size < self.budget;
        let interval = self.interval;
        self.size = 0;
        self.trails.retain(|_, trail| {
            let over = (trail.closed || trail.ended) && !trail.websockets.is_empty();
            if over && !trail.websockets.iter().any(|id| is_known(*id)) {
                return false;
            }
            trail.release(packet, room, interval);
            self.size += trail.stops.iter().map(|stop| stop.state.size()).sum::<usize>();
            true
        });
        let done = self.fragment_marks.iter().take_while(|mark| mark.before.number < packet).count();
        if let Some(mark) = done.checked_sub(1).and_then(|at| self.fragment_marks.get(at)).copied() {
            self.fragment_marks.drain(..done);
            self.fragments.release(mark);
            self.fragment_begin = Some(mark);
        }
        if self.size < self.budget / 4 {
            self.interval = (self.interval / 2).max(self.shortest);
        }
    }

    /// The way to what begins in packet `first` of a connection: from the last checkpoint before it; from the first
    /// step that is kept, where that packet is not known. None where what it takes was released.
    pub(super) fn route(&self, tcp: ConnectionId, first: Option<u64>) -> Option<Route> {
        let trail = self.trails.get(&tcp)?;
        let first = first.unwrap_or(0);
        let before = |stop: &SavedCheckpoint| stop.mark.before.number < first;
        let stop = trail.stops.partition_point(before).checked_sub(1).and_then(|at| trail.stops.get(at));
        let released = trail.begin.is_some_and(|begin| first > 0 && first <= begin.before.number);
        (!trail.adrift && !released).then(|| self.route_from(tcp, trail, stop))
    }

    /// The way to all that can be read once the bytes of packets before one are gone: from the first checkpoint
    /// behind them, where there is any.
    pub(super) fn route_behind(&self, tcp: ConnectionId, kept_from: u64) -> Option<Route> {
        let trail = self.trails.get(&tcp).filter(|trail| !trail.adrift)?;
        let gone = |stop: &&SavedCheckpoint| stop.mark.before.number.saturating_add(1) < kept_from;
        let begins = trail.begin.map_or(0, |begin| begin.before.number.saturating_add(1));
        let stop = if kept_from > begins.max(1) { trail.stops.iter().find(|stop| !gone(stop)) } else { None };
        Some(self.route_from(tcp, trail, stop))
    }

    fn route_from(&self, tcp: ConnectionId, trail: &Trail, stop: Option<&SavedCheckpoint>) -> Route {
        let mark = stop.map(|stop| stop.mark).or(trail.begin);
        Route {
            tcp,
            walk: trail.steps.from(mark),
            state: stop.map(|stop| Arc::clone(&stop.state)).or_else(|| trail.start.clone()),
            after: mark.map(|mark| mark.before.number),
            websockets: trail.websockets.clone(),
            fragments: trail.fragmented.then(|| self.fragments.from(self.fragment_begin)),
        }
    }

    /// How many steps are kept of a connection.
    pub(super) fn step_count(&self, tcp: ConnectionId) -> Option<u64> {
        self.trails.get(&tcp).map(|trail| trail.steps.count)
    }

    /// All packets of a connection that are kept: the first ones, then those of its steps.
    pub(super) fn packets(&self, tcp: ConnectionId) -> Option<Packets> {
        let trail = self.trails.get(&tcp)?;
        Some(Packets {
            first: trail.first.clone().into_iter(),
            walk: trail.steps.from(trail.begin),
            next: None,
            fragments: trail.fragmented.then(|| self.fragments.from(self.fragment_begin).peekable()),
            count: trail.packets,
            wire_bytes: trail.wire_bytes,
        })
    }

    /// Bytes of memory that the steps and checkpoints take, about.
    pub(super) fn size(&self) -> usize {
        let start = |trail: &Trail| trail.start.as_ref().map_or(0, |start| start.size());
        let first = |trail: &Trail| trail.first.len() * size_of::<(PacketRef, Flags)>();
        let size = |trail: &Trail| size_of::<Trail>() + trail.steps.size() + start(trail) + first(trail);
        let trails = self.trails.values().map(|trail| size(trail));
        self.size + self.fragments.size() + trails.sum::<usize>()
    }
}

impl Trail {
    /// Releases what comes before the last checkpoint before a packet. Where there is none, one is wanted, if there is
    /// room; and where there are too many steps before it, they go.
    fn release(&mut self, packet: u64, room: bool, interval: u32) {
        let at = self.stops.partition_point(|stop| stop.mark.before.number < packet);
        if let Some(stop) = at.checked_sub(1).and_then(|at| self.stops.get(at)).cloned() {
            self.keep_first();
            self.steps.release(stop.mark);
            self.stops.drain(..at);
            (self.start, self.begin) = (Some(stop.state), Some(stop.mark));
        }
        let steps = self.steps.size();
        if self.stops.is_empty() && (steps > LONG || self.adrift) && room && !self.closed {
            self.since = interval;
        }
        if self.stops.is_empty() && steps > ADRIFT {
            self.keep_first();
            (self.steps, self.start, self.begin) = (Steps::default(), None, None);
            self.adrift = true;
        }
    }

    /// Keeps the first packets beside the steps.
    fn keep_first(&mut self) {
        let room = FIRST.saturating_sub(self.first.len());
        if room > 0 && self.begin.is_none() {
            self.first.extend(self.steps.from(None).filter_map(|act| packet_of(&act)).take(room));
        }
    }

    /// Begins again with this state in place of the steps before it.
    fn restart(&mut self, state: Checkpoint) {
        self.keep_first();
        // Frames may be found in what waits.
        let known = self.first.last().map_or(0, |(packet, _)| packet.number);
        let steps = self.steps.from(self.begin).filter_map(|act| packet_of(&act));
        let unread = |(packet, _): &(PacketRef, Flags)| state.may_read(packet);
        let steps = steps.filter(|(packet, _)| packet.number > known).filter(unread);
        let (first, before) = self.first.split_at(self.first.len().min(FIRST));
        let kept = first.iter().chain(before.iter().filter(|packet| unread(packet))).copied();
        self.first = kept.chain(steps).take(FIRST + UNREAD).collect();
        self.steps = Steps::default();
        self.begin = None;
        self.adrift = false;
        self.start = Some(Arc::new(state));
        (self.since, self.since_bytes) = (0, 0);
        self.closed = false;
        self.after = 0;
    }
}

/// What a connection's events can be had from again.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) tcp: ConnectionId,
    pub(super) walk: StepCursor,
    pub(super) state: Option<Arc<Checkpoint>>,
    /// The packet after which the state was taken; `None` where the walk begins with the first step kept.
    pub(super) after: Option<u64>,
    websockets: Vec<u32>,
    pub(super) fragments: Option<StepCursor>,
}

impl Route {
    /// The number in the capture of a fork's WebSocket.
    pub(super) fn number(&self, forked: WebSocketId) -> Option<u32> {
        match Forked::of(forked) {
            Forked::Known(id) => Some(id.0),
            Forked::New(at) => {
                let new = |id: &&u32| !self.state.as_ref().is_some_and(|state| state.has(WebSocketId(**id)));
                self.websockets.iter().filter(new).nth(at).copied()
            }
        }
    }
}

/// Packets of a connection, in order.
///
/// Where IP fragments are among them, all fragments of the capture are: whose they are is not kept.
#[derive(Clone, Debug)]
pub struct Packets {
    first: std::vec::IntoIter<(PacketRef, Flags)>,
    walk: StepCursor,
    /// One of its own, behind the fragments that come next.
    next: Option<(PacketRef, Flags)>,
    fragments: Option<Peekable<StepCursor>>,
    count: u64,
    wire_bytes: u64,
}

impl Packets {
    /// How many packets the connection has in all, those that are not kept included.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.count
    }

    /// Bytes of all these packets on the wire.
    #[must_use]
    pub fn wire_bytes(&self) -> u64 {
        self.wire_bytes
    }

    /// The next packet, with SYN, FIN and RST where it has them.
    pub(super) fn next_with_flags(&mut self) -> Option<(PacketRef, Flags)> {
        let own = self.next.take();
        let own = own.or_else(|| self.first.next()).or_else(|| self.walk.find_map(|act| packet_of(&act)));
        let Some(fragments) = &mut self.fragments else { return own };
        let until = own.map_or(u64::MAX, |(packet, _)| packet.number);
        let fragment =
            fragments.next_if(|act| packet_of(act).is_some_and(|(packet, _)| packet.number <= until));
        match fragment.and_then(|act| packet_of(&act)) {
            Some((packet, _)) if packet.number < until => {
                self.next = own;
                Some((packet, Flags(0)))
            }
            _ => own,
        }
    }
}

impl Iterator for Packets {
    type Item = PacketRef;

    fn next(&mut self) -> Option<PacketRef> {
        self.next_with_flags().map(|(packet, _)| packet)
    }
}
