//! Every TCP connection by its two endpoints. A half-open one costs about 70 bytes, one line of the cache.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::ends::{End, Ends, PerEnd};
use super::exchange::Other;
use super::live::Live;
use crate::model::{ConnectionId, Endpoint, Segment, Time};

/// Both endpoints, the lower one first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) a: Endpoint,
    pub(super) b: Endpoint,
}

impl Key {
    /// The key of a segment's connection, and which end sent it.
    fn of(from: Endpoint, to: Endpoint) -> (Self, End) {
        if (from.port, from.ip) <= (to.port, to.ip) {
            (Self { a: from, b: to }, End::A)
        } else {
            (Self { a: to, b: from }, End::B)
        }
    }

    #[inline]
    fn hash(&self, state: &RandomState) -> u64 {
        let half = |ip: &[u8; 16]| {
            let (high, low) = ip.split_at(8);
            let word = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_ne_bytes);
            (word(high), word(low))
        };
        let (a, b) = (half(&self.a.ip), half(&self.b.ip));
        state.hash_one((
            a.0 ^ b.0.rotate_left(32),
            a.1,
            b.1,
            u32::from(self.a.port) << 16 | u32::from(self.b.port),
        ))
    }
}

/// A connection of which only SYNs were seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Opening {
    /// Which ends' first sequence number is known.
    known: PerEnd<bool>,
    first: PerEnd<u32>,
    /// Who opened it.
    pub(super) client: Option<End>,
    /// Both ends did.
    pub(super) split: bool,
}

impl Opening {
    /// The first sequence number of an end.
    pub(super) fn first(&self, end: End) -> Option<u32> {
        self.known.of(end).then_some(*self.first.of(end))
    }

    pub(super) fn set_first(&mut self, end: End, first: u32) {
        (*self.known.of_mut(end), *self.first.of_mut(end)) = (true, first);
    }
}

/// How far a connection came.
#[derive(Debug)]
pub(super) enum Stage {
    /// SYNs only.
    Opening(Opening),
    /// Bytes are followed.
    Live(Box<Live>),
    /// Nothing of interest in it; so often it may be looked at again all the same.
    Other(Other, u8),
    /// It ended.
    Ended,
    /// The slot holds none.
    Free,
}

/// A TCP connection.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Flow {
    /// Its number changes when the slot is used again, so that an old note about it is seen to be old.
    pub(super) ends: Ends,
    pub(super) last: Time,
    pub(super) stage: Stage,
}

impl Flow {
    #[inline]
    fn is(&self, key: &Key) -> bool {
        self.ends.key == *key && !matches!(self.stage, Stage::Free)
    }

    /// Which end a segment is from; `None` where it is of another connection.
    #[inline]
    fn sender(&self, segment: &Segment) -> Option<End> {
        let Key { a, b } = &self.ends.key;
        let same = |from: &Endpoint, to: &Endpoint| {
            from.port == segment.source.port
                && to.port == segment.destination.port
                && number(from) == number(&segment.source)
                && number(to) == number(&segment.destination)
        };
        let end = if same(a, b) {
            End::A
        } else if same(b, a) {
            End::B
        } else {
            return None;
        };
        (!matches!(self.stage, Stage::Free)).then_some(end)
    }
}

#[inline]
fn number(endpoint: &Endpoint) -> u128 {
    u128::from_ne_bytes(endpoint.ip)
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Flows {
    slots: Vec<Flow>,
    free: Vec<u32>,
    table: HashTable<u32>,
    state: RandomState,
    /// The flow of the last look-up: packets of one connection come in runs.
    recent: u32,
    hand: u32,
    next: u32,
}

impl Flows {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many there were.
    pub(super) fn count(&self) -> u32 {
        self.next
    }

    /// The slot of a segment's connection, made if it is new, and the end that sent the segment.
    #[allow(clippy::inline_always)] // See `Pipeline::segment`.
    #[inline(always)]
    pub(super) fn find(&mut self, segment: &Segment, time: Time) -> (u32, End) {
        if let Some(end) = self.slots.get(self.recent as usize).and_then(|flow| flow.sender(segment)) {
            return (self.recent, end);
        }
        // A copy, so that the segment itself need not be in memory.
        self.find_other(&(segment.source, segment.destination), time)
    }

    #[inline(never)]
    fn find_other(&mut self, (source, destination): &(Endpoint, Endpoint), time: Time) -> (u32, End) {
        let (key, from) = Key::of(*source, *destination);
        self.recent = self.look_up(&key, time);
        if let Some(Flow { stage: Stage::Live(live), .. }) = self.slots.get(self.recent as usize) {
            live.touch();
        }
        (self.recent, from)
    }

    fn look_up(&mut self, key: &Key, time: Time) -> u32 {
        let hash = key.hash(&self.state);
        let found =
            self.table.find(hash, |slot| self.slots.get(*slot as usize).is_some_and(|flow| flow.is(key)));
        match found {
            Some(slot) => *slot,
            None => self.insert(*key, hash, time),
        }
    }

    #[inline(never)]
    fn insert(&mut self, key: Key, hash: u64, time: Time) -> u32 {
        let ends = Ends { key, tcp: self.next_id() };
        let flow = Flow { ends, last: time, stage: Stage::Opening(Opening::default()) };
        let slot = match self.free.pop() {
            Some(slot) => {
                if let Some(free) = self.slots.get_mut(slot as usize) {
                    *free = flow;
                }
                slot
            }
            None => {
                self.slots.push(flow);
                self.slots.len() as u32 - 1
            }
        };
        let Self { slots, state, table, .. } = self;
        table.insert_unique(hash, slot, |slot| {
            slots.get(*slot as usize).map_or(0, |flow| flow.ends.key.hash(state))
        });
        slot
    }

    /// The number of the next new connection.
    pub(super) fn next_id(&mut self) -> ConnectionId {
        let id = ConnectionId(self.next);
        self.next = self.next.wrapping_add(1);
        id
    }

    /// The slot of the last look-up.
    pub(super) fn recent(&self) -> u32 {
        self.recent
    }

    /// Numbers new connections from here on.
    pub(super) fn begin_at(&mut self, tcp: ConnectionId) {
        self.next = tcp.0;
    }

    /// Takes a connection as it is.
    pub(super) fn adopt(&mut self, key: Key, tcp: ConnectionId, stage: Stage) {
        self.begin_at(tcp);
        let slot = self.look_up(&key, Time::default());
        self.recent = slot;
        if let Some(flow) = self.slot(slot) {
            flow.stage = stage;
        }
    }

    /// The connection in a slot.
    #[inline]
    pub(super) fn slot(&mut self, slot: u32) -> Option<&mut Flow> {
        self.slots.get_mut(slot as usize).filter(|flow| !matches!(flow.stage, Stage::Free))
    }

    /// Forgets a connection.
    pub(super) fn remove(&mut self, slot: u32) {
        let Some(flow) = self.slot(slot) else { return };
        let ends = flow.ends;
        flow.stage = Stage::Free;
        let hash = ends.key.hash(&self.state);
        if let Ok(entry) = self.table.find_entry(hash, |known| *known == slot) {
            entry.remove();
        }
        self.free.push(slot);
    }

    /// The next slot in turn, for timers: all are visited, a few with each packet.
    pub(super) fn turn(&mut self) -> Option<u32> {
        let count = self.slots.len() as u32;
        if count == 0 {
            return None;
        }
        self.hand = if self.hand + 1 >= count { 0 } else { self.hand + 1 };
        Some(self.hand)
    }

    /// All slots.
    pub(super) fn slots(&self) -> std::ops::Range<u32> {
        0..self.slots.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_open_connection_is_small() {
        assert_eq!(std::mem::size_of::<Flow>(), 64);
    }

    #[test]
    fn a_slot_is_used_again_with_another_number() {
        let mut flows = Flows::default();
        let key = |port| Key { a: Endpoint::v4([1, 2, 3, 4], port), b: Endpoint::v4([5, 6, 7, 8], 80) };
        let (one, two) = (flows.look_up(&key(1), Time(0)), flows.look_up(&key(2), Time(0)));
        assert_ne!(one, two);
        assert_eq!(flows.look_up(&key(1), Time(0)), one);
        flows.remove(one);
        assert_eq!(flows.len(), 1);
        assert_eq!(flows.look_up(&key(3), Time(0)), one);
        let flow = flows.slot(one).unwrap();
        assert_eq!(flow.ends.tcp, ConnectionId(2));
    }
}
