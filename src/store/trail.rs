//! What happened to each connection, in a few bytes a step, and its state now and then: enough to do it again.
//!
//! ```text
//! steps:        packet packet packet … packet packet look packet … end
//! checkpoints:  ▲start                 ▲                ▲
//! ```
//!
//! A step is written as the difference to the one before it, in about 8 bytes. A connection that is no
//! WebSocket (yet) keeps few: beyond them the state itself is kept, and its steps from there on.

use std::iter::Peekable;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::model::{ConnectionId, Flags, LinkType, PacketRef, Place, Span, Time, WebSocketId};
use crate::pipeline::{Act, Checkpoint, Followed, Forked, Step};
use crate::ws::StreamEnd;

/// Bytes of steps that are kept in one piece.
const PIECE: usize = 4096;
/// More than any step takes.
const LONGEST: usize = 64;
/// Packets of a connection that is no WebSocket yet, after which its state is kept in place of them.
const BEFORE: u32 = 256;
/// Bytes that count as much as a packet, where packets are large.
const EACH: u64 = 512;
/// Packets that are kept after a connection's end: acknowledgments and what was sent twice.
const AFTER: u32 = 64;
/// First packets that are kept of a connection whose steps are not kept from the beginning.
const FIRST: usize = 8;

/// Control bits of packets that open or end a connection.
const TURNS: u8 = Flags::SYN | Flags::FIN | Flags::RST;

/// What the next step is told against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Before {
    number: u64,
    time: i64,
    address: u64,
    link: u16,
}

/// Steps, one after the other, as bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    pieces: Vec<Arc<[u8]>>,
    open: Vec<u8>,
    before: Before,
    count: u64,
}

/// A place between two steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    piece: u32,
    at: u32,
    before: Before,
}

mod kind {
    pub(super) const PACKET: u8 = 0;
    pub(super) const LOOK: u8 = 1;
    pub(super) const END: u8 = 2;
    pub(super) const REUSE: u8 = 3;
    pub(super) const MASK: u8 = 3;
    pub(super) const LINK: u8 = 4;
    pub(super) const CUT: u8 = 8;
    pub(super) const FLAGS: u8 = 16;
}

impl Steps {
    pub(super) fn push(&mut self, act: &Act) {
        if self.open.len() > PIECE - LONGEST {
            self.pieces.push(self.open.as_slice().into());
            self.open.clear();
        }
        self.count += 1;
        let Self { open, before, .. } = self;
        let head = open.len();
        let place = match *act {
            Act::Packet(packet, flags) => {
                let mut kind = kind::PACKET;
                open.push(kind);
                put(open, packet.number.wrapping_sub(before.number));
                put_signed(open, packet.time.0.wrapping_sub(before.time));
                put_signed(open, packet.bytes.start.wrapping_sub(before.address) as i64);
                put(open, u64::from(packet.bytes.len));
                if packet.link.0 != before.link {
                    kind |= kind::LINK;
                    put(open, u64::from(packet.link.0));
                }
                if packet.wire_len != packet.bytes.len {
                    kind |= kind::CUT;
                    put(open, u64::from(packet.wire_len.wrapping_sub(packet.bytes.len)));
                }
                if flags.has(TURNS) {
                    kind |= kind::FLAGS;
                    open.push(flags.0);
                }
                if let Some(head) = open.get_mut(head) {
                    *head = kind;
                }
                before.address = packet.bytes.start.wrapping_add(u64::from(packet.bytes.len));
                before.link = packet.link.0;
                (before.number, before.time) = (packet.number, packet.time.0);
                return;
            }
            Act::Look(place) => {
                open.push(kind::LOOK);
                place
            }
            Act::Reuse(place) => {
                open.push(kind::REUSE);
                place
            }
            Act::End(how, place) => {
                let how = match how {
                    StreamEnd::Fin => 0,
                    StreamEnd::Reset => 1,
                    StreamEnd::Capture => 2,
                    StreamEnd::Timeout => 3,
                };
                open.push(kind::END | how << 2);
                place
            }
        };
        // A step of another packet: it may lie before the last one of this connection by time.
        put_signed(open, place.packet.wrapping_sub(before.number) as i64);
        put_signed(open, place.time.0.wrapping_sub(before.time));
    }

    /// The place behind the last step.
    pub(super) fn end(&self) -> Mark {
        Mark { piece: self.pieces.len() as u32, at: self.open.len() as u32, before: self.before }
    }

    /// The steps from a place on; from the first on, where there is none.
    pub(super) fn from(&self, mark: Option<Mark>) -> Walk {
        let mark = mark.unwrap_or_default();
        let mut pieces: Vec<Arc<[u8]>> = self.pieces.get(mark.piece as usize..).unwrap_or_default().to_vec();
        pieces.push(self.open.as_slice().into());
        Walk {
            pieces: pieces.into_iter(),
            piece: Arc::new([]),
            at: 0,
            skip: mark.at as usize,
            before: mark.before,
        }
    }

    fn size(&self) -> usize {
        self.pieces.len() * PIECE + self.open.capacity()
    }
}

/// Goes from step to step.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    pieces: std::vec::IntoIter<Arc<[u8]>>,
    piece: Arc<[u8]>,
    at: usize,
    skip: usize,
    before: Before,
}

impl Walk {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.piece.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self) -> Option<u64> {
        let (mut value, mut shift) = (0u64, 0u32);
        loop {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Some(value);
            }
            shift += 7;
        }
    }

    fn take_signed(&mut self) -> Option<i64> {
        let value = self.take()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

impl Iterator for Walk {
    type Item = Act;

    fn next(&mut self) -> Option<Act> {
        while self.at >= self.piece.len() {
            self.piece = self.pieces.next()?;
            self.at = std::mem::take(&mut self.skip);
        }
        let head = self.byte()?;
        if head & kind::MASK == kind::PACKET {
            let number = self.before.number.wrapping_add(self.take()?);
            let time = self.before.time.wrapping_add(self.take_signed()?);
            let start = self.before.address.wrapping_add(self.take_signed()? as u64);
            let len = self.take()? as u32;
            let link = if head & kind::LINK == 0 { self.before.link } else { self.take()? as u16 };
            let more = if head & kind::CUT == 0 { 0 } else { self.take()? as u32 };
            let flags = if head & kind::FLAGS == 0 { 0 } else { self.byte()? };
            self.before = Before { number, time, address: start.wrapping_add(u64::from(len)), link };
            let packet = PacketRef {
                number,
                time: Time(time),
                bytes: Span { start, len },
                wire_len: len.wrapping_add(more),
                link: LinkType(link),
            };
            return Some(Act::Packet(packet, Flags(flags)));
        }
        let place = Place {
            packet: self.before.number.wrapping_add(self.take_signed()? as u64),
            time: Time(self.before.time.wrapping_add(self.take_signed()?)),
        };
        Some(match head & kind::MASK {
            kind::LOOK => Act::Look(place),
            kind::REUSE => Act::Reuse(place),
            _ => {
                let how = match head >> 2 {
                    0 => StreamEnd::Fin,
                    1 => StreamEnd::Reset,
                    2 => StreamEnd::Capture,
                    _ => StreamEnd::Timeout,
                };
                Act::End(how, place)
            }
        })
    }
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Small numbers of either sign become small numbers.
fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, (value << 1 ^ value >> 63) as u64);
}

/// A connection's state after the step before `mark`.
#[derive(Clone, Debug)]
struct Stop {
    mark: Mark,
    state: Arc<Checkpoint>,
}

/// What happened to a connection.
#[derive(Debug, Default)]
struct Trail {
    steps: Steps,
    /// Its state before the first of the steps; `None`: they begin with its first packet.
    start: Option<Arc<Checkpoint>>,
    stops: Vec<Stop>,
    /// The numbers of its WebSockets, in order.
    websockets: Vec<u32>,
    /// Its first packets, where the steps do not have them.
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
    /// Steps are not kept any more, unless it is taken up again.
    closed: bool,
}

/// The trails of all connections that may hold a WebSocket.
#[derive(Debug)]
pub(super) struct Trails {
    trails: HashMap<ConnectionId, Box<Trail>, RandomState>,
    /// Every IP fragment of the capture.
    fragments: Steps,
    last: (ConnectionId, u64),
    interval: u32,
    size: usize,
    budget: usize,
}

impl Trails {
    /// With so many packets between two checkpoints to begin with, and so many bytes for all of them.
    pub(super) fn with(interval: u32, budget: usize) -> Self {
        Self {
            trails: HashMap::default(),
            fragments: Steps::default(),
            last: Default::default(),
            interval: interval.max(1),
            size: 0,
            budget,
        }
    }

    /// A connection has this WebSocket, or an attempt to open one.
    pub(super) fn name(&mut self, tcp: ConnectionId, websocket: WebSocketId) {
        let names = &mut self.trails.entry(tcp).or_default().websockets;
        if let Err(at) = names.binary_search(&websocket.0) {
            names.insert(at, websocket.0);
        }
    }

    /// Takes a step of a connection.
    pub(super) fn step(&mut self, step: &Step<'_>) {
        if let Some(Act::Packet(packet, _)) = step.act {
            self.last = (step.tcp, packet.number);
        }
        let over = matches!(step.followed, Followed::Dropped | Followed::Ended | Followed::Forgotten);
        let trail = match self.trails.get_mut(&step.tcp) {
            Some(trail) => trail,
            None if over => return,
            None => self.trails.entry(step.tcp).or_default(),
        };
        if over && trail.websockets.is_empty() {
            self.trails.remove(&step.tcp);
            return;
        }
        let begins = step.midway && (trail.closed || trail.packets == 0);
        if trail.closed && !begins {
            return;
        }
        trail.closed = matches!(step.followed, Followed::Dropped | Followed::Forgotten);
        if let Some(act) = step.act {
            if let Act::Packet(packet, _) = act {
                trail.packets += 1;
                trail.wire_bytes += u64::from(packet.wire_len);
                trail.since += 1;
                trail.since_bytes += u64::from(packet.bytes.len);
                trail.after += u32::from(step.followed == Followed::Ended);
                trail.closed |= trail.after > AFTER;
            }
            trail.steps.push(&act);
        }
        match step.followed {
            Followed::Http if begins || trail.since >= BEFORE => {
                if let Some(state) = step.checkpoint() {
                    trail.restart(state);
                }
            }
            Followed::WebSocket
                if trail.since >= self.interval || trail.since_bytes >= u64::from(self.interval) * EACH =>
            {
                if let Some(state) = step.checkpoint() {
                    (trail.since, trail.since_bytes) = (0, 0);
                    self.size += state.size();
                    trail.stops.push(Stop { mark: trail.steps.end(), state: Arc::new(state) });
                    if self.size > self.budget {
                        self.thin_out();
                    }
                }
            }
            _ => {}
        }
    }

    /// Takes an IP fragment.
    pub(super) fn fragment(&mut self, packet: &PacketRef) {
        self.fragments.push(&Act::Packet(*packet, Flags(0)));
        let (tcp, number) = self.last;
        if number == packet.number
            && let Some(trail) = self.trails.get_mut(&tcp)
        {
            trail.fragmented = true;
        }
    }

    /// Keeps every other checkpoint, and makes half as many from here on.
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

    /// The way to what begins in packet `first` of a connection (its low 32 bits): from the last checkpoint before it.
    pub(super) fn route(&self, tcp: ConnectionId, first: u32) -> Option<Route> {
        let trail = self.trails.get(&tcp)?;
        // Numbers above 32 bits cannot be told apart by their low ones.
        let tells = trail.steps.before.number <= u64::from(u32::MAX);
        let before = |stop: &Stop| tells && stop.mark.before.number < u64::from(first);
        let stop = trail.stops.partition_point(before).checked_sub(1).and_then(|at| trail.stops.get(at));
        Some(Route {
            tcp,
            walk: trail.steps.from(stop.map(|stop| stop.mark)),
            state: stop.map(|stop| Arc::clone(&stop.state)).or_else(|| trail.start.clone()),
            after: stop.map(|stop| stop.mark.before.number),
            websockets: trail.websockets.clone(),
            fragments: trail.fragmented.then(|| self.fragments.from(None)),
        })
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
            walk: trail.steps.from(None),
            next: None,
            fragments: trail.fragmented.then(|| self.fragments.from(None).peekable()),
            count: trail.packets,
            wire_bytes: trail.wire_bytes,
        })
    }

    /// Bytes of memory that the steps and checkpoints take, about.
    pub(super) fn size(&self) -> usize {
        let steps = self.trails.values().map(|trail| size_of::<Trail>() + trail.steps.size());
        self.size + self.fragments.size() + steps.sum::<usize>()
    }
}

impl Trail {
    /// Begins again with this state in place of the steps before it.
    fn restart(&mut self, state: Checkpoint) {
        let room = FIRST.saturating_sub(self.first.len());
        self.first.extend(self.steps.from(None).filter_map(|act| packet_of(&act)).take(room));
        self.steps = Steps::default();
        self.start = Some(Arc::new(state));
        (self.since, self.since_bytes) = (0, 0);
        self.closed = false;
        self.after = 0;
    }
}

/// The packet of a step, with its control bits where they open or end a connection.
pub(super) fn packet_of(act: &Act) -> Option<(PacketRef, Flags)> {
    match act {
        Act::Packet(packet, flags) => Some((*packet, *flags)),
        _ => None,
    }
}

/// What a connection's events can be had from again.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) tcp: ConnectionId,
    pub(super) walk: Walk,
    pub(super) state: Option<Arc<Checkpoint>>,
    /// The packet after which the state was taken; `None` where the walk begins with the first step kept.
    pub(super) after: Option<u64>,
    websockets: Vec<u32>,
    pub(super) fragments: Option<Walk>,
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
    walk: Walk,
    /// One of its own, behind the fragments that come next.
    next: Option<(PacketRef, Flags)>,
    fragments: Option<Peekable<Walk>>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let place = (any::<u32>(), any::<i64>())
            .prop_map(|(packet, time)| Place { packet: packet.into(), time: Time(time) });
        let packet = (
            prop_oneof![9 => 1u64..50, 1 => any::<u64>()],
            prop_oneof![9 => 0i64..1_000_000, 1 => any::<i64>()],
            prop_oneof![9 => 0u64..1 << 40, 1 => any::<u64>()],
            0u32..70_000,
            prop_oneof![9 => Just(0u32), 1 => 0u32..2000],
            prop_oneof![9 => Just(1u16), 1 => any::<u16>()],
            any::<u8>(),
        );
        let packet = packet.prop_map(|(number, time, start, len, cut, link, flags)| {
            let flags = if flags & TURNS == 0 { 0 } else { flags };
            let bytes = Span { start, len };
            let packet =
                PacketRef { number, time: Time(time), bytes, wire_len: len + cut, link: LinkType(link) };
            Act::Packet(packet, Flags(flags))
        });
        let act = prop_oneof![
            20 => packet,
            1 => place.clone().prop_map(Act::Look),
            1 => place.clone().prop_map(Act::Reuse),
            1 => (0..4usize, place).prop_map(|(how, place)| {
                let all = [StreamEnd::Fin, StreamEnd::Reset, StreamEnd::Capture, StreamEnd::Timeout];
                Act::End(all[how], place)
            }),
        ];
        proptest::collection::vec(act, 0..1500)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn steps_read_back_from_any_place(acts in acts(), at in 0..1500usize) {
            let mut steps = Steps::default();
            let mut mark = None;
            for (i, act) in acts.iter().enumerate() {
                if i == at {
                    mark = Some(steps.end());
                }
                steps.push(act);
            }
            prop_assert_eq!(steps.from(None).collect::<Vec<_>>(), acts.clone());
            if let Some(mark) = mark {
                prop_assert_eq!(steps.from(Some(mark)).collect::<Vec<_>>(), acts[at..].to_vec());
            }
        }
    }

    #[test]
    fn an_ordinary_packet_takes_few_bytes() {
        let mut steps = Steps::default();
        for n in 0..10_000u64 {
            let bytes = Span { start: 40 + n * 3 * (16 + 200), len: 180 };
            let packet = PacketRef {
                number: 1 + n * 3,
                time: Time(1_700_000_000_000_000_000 + n as i64 * 250_000),
                bytes,
                wire_len: 180,
                link: LinkType(1),
            };
            steps.push(&Act::Packet(packet, Flags(Flags::ACK)));
        }
        assert!(steps.size() < 10_000 * 10, "{}", steps.size());
    }
}
