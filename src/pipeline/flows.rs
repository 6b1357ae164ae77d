//! Every TCP connection by its two endpoints. A half-open one costs about 100 bytes.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::ends::End;
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
    #[inline]
    pub(super) fn of(segment: &Segment) -> (Self, End) {
        let (from, to) = (segment.source, segment.destination);
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

/// How far a connection came.
#[derive(Debug)]
pub(super) enum Stage {
    /// SYNs only: the first sequence number of each end that sent one, who opened, and whether both did.
    Opening { first: [Option<u32>; 2], client: Option<End>, split: bool },
    /// Bytes are followed.
    Live(Box<Live>),
    /// Nothing of interest in it.
    Other(Other),
    /// It ended.
    Ended,
}

/// A TCP connection.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) key: Key,
    pub(super) tcp: ConnectionId,
    pub(super) last: Time,
    pub(super) stage: Stage,
    /// Grows when the slot is used again, so that an old note about it is seen to be old.
    pub(super) generation: u32,
    used: bool,
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Flows {
    slots: Vec<Flow>,
    free: Vec<u32>,
    table: HashTable<u32>,
    state: RandomState,
    /// The flow of the last look-up: packets of one connection come in runs.
    recent: Option<u32>,
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

    /// The slot of a connection, made if it is new.
    #[inline]
    pub(super) fn find(&mut self, key: &Key, time: Time) -> u32 {
        if let Some(slot) = self.recent
            && self.slots.get(slot as usize).is_some_and(|flow| flow.key == *key && flow.used)
        {
            return slot;
        }
        let hash = key.hash(&self.state);
        let found =
            self.table.find(hash, |slot| self.slots.get(*slot as usize).is_some_and(|flow| flow.key == *key));
        let slot = match found {
            Some(slot) => *slot,
            None => self.insert(*key, hash, time),
        };
        self.recent = Some(slot);
        slot
    }

    fn insert(&mut self, key: Key, hash: u64, time: Time) -> u32 {
        let tcp = self.next_id();
        let stage = Stage::Opening { first: [None; 2], client: None, split: false };
        let slot = match self.free.pop() {
            Some(slot) => {
                if let Some(flow) = self.slots.get_mut(slot as usize) {
                    let generation = flow.generation.wrapping_add(1);
                    *flow = Flow { key, tcp, last: time, stage, generation, used: true };
                }
                slot
            }
            None => {
                self.slots.push(Flow { key, tcp, last: time, stage, generation: 0, used: true });
                self.slots.len() as u32 - 1
            }
        };
        let Self { slots, state, table, .. } = self;
        table.insert_unique(hash, slot, |slot| {
            slots.get(*slot as usize).map_or(0, |flow| flow.key.hash(state))
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
    pub(super) fn recent(&self) -> Option<u32> {
        self.recent
    }

    /// Numbers new connections from here on.
    pub(super) fn begin_at(&mut self, tcp: ConnectionId) {
        self.next = tcp.0;
    }

    /// Takes a connection as it is.
    pub(super) fn adopt(&mut self, key: Key, tcp: ConnectionId, stage: Stage) {
        self.begin_at(tcp);
        let slot = self.find(&key, Time::default());
        if let Some(flow) = self.slot(slot) {
            flow.stage = stage;
        }
    }

    /// The connection in a slot.
    #[inline]
    pub(super) fn slot(&mut self, slot: u32) -> Option<&mut Flow> {
        self.slots.get_mut(slot as usize).filter(|flow| flow.used)
    }

    /// Forgets a connection.
    pub(super) fn remove(&mut self, slot: u32) {
        let Some(flow) = self.slots.get_mut(slot as usize).filter(|flow| flow.used) else { return };
        let hash = flow.key.hash(&self.state);
        flow.used = false;
        flow.stage = Stage::Ended;
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
        assert!(std::mem::size_of::<Flow>() <= 88, "{}", std::mem::size_of::<Flow>());
    }

    #[test]
    fn a_slot_is_used_again_with_another_generation() {
        let mut flows = Flows::default();
        let key = |port| Key { a: Endpoint::v4([1, 2, 3, 4], port), b: Endpoint::v4([5, 6, 7, 8], 80) };
        let (one, two) = (flows.find(&key(1), Time(0)), flows.find(&key(2), Time(0)));
        assert_ne!(one, two);
        assert_eq!(flows.find(&key(1), Time(0)), one);
        flows.remove(one);
        assert_eq!(flows.len(), 1);
        assert_eq!(flows.find(&key(3), Time(0)), one);
        let flow = flows.slot(one).unwrap();
        assert_eq!((flow.generation, flow.tcp), (1, ConnectionId(2)));
    }
}
