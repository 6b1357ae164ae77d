//! All TCP connections by their two endpoints: half-open, followed, or dropped.
//!
//! A half-open connection takes about 70 bytes.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::connection::TcpConnection;
use super::events::NotWebSocket;
use super::sides::{EndpointPair, Identity, PerSide, Side};
use crate::model::{ConnectionId, Endpoint, Segment, Time, to_u32};

/// A connection of which only SYNs were seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HalfOpen {
    /// Which ends' first sequence number is known.
    known: PerSide<bool>,
    first: PerSide<u32>,
    /// Who opened it.
    pub(super) client: Option<Side>,
    /// Both ends did.
    pub(super) split: bool,
    /// SYNs of the client.
    pub(super) syns: u8,
}

impl HalfOpen {
    /// The first sequence number of an end.
    pub(super) fn first(&self, side: Side) -> Option<u32> {
        self.known.of(side).then_some(*self.first.of(side))
    }

    /// The client, where it sent SYNs and nothing answered.
    pub(super) fn unanswered_client(&self) -> Option<Side> {
        self.client.filter(|client| self.syns > 0 && self.first(client.other()).is_none())
    }

    pub(super) fn set_first(&mut self, side: Side, first: u32) {
        (*self.known.of_mut(side), *self.first.of_mut(side)) = (true, first);
    }
}

/// What is remembered of a connection that ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Past {
    /// The client, and its first sequence number, where a SYN stated it.
    pub(super) client: Option<(Side, u32)>,
    /// How many packets of a second copy of the whole connection were captured.
    pub(super) again: u32,
}

/// How far a connection came.
#[derive(Debug)]
pub(super) enum Stage {
    /// SYNs only.
    HalfOpen(HalfOpen),
    /// Its bytes are followed.
    Followed(Box<TcpConnection>),
    /// It holds no WebSocket.
    Dropped {
        why: NotWebSocket,
        /// How many more times detection may run on it.
        tries: u8,
        /// Its client's first sequence number, where a SYN stated it: the SYN may be retransmitted.
        first: Option<u32>,
    },
    /// It ended: what is remembered of it, to know it where it comes again.
    Ended(Past),
    /// The slot is free.
    Free,
}

impl Stage {
    /// What is remembered of a connection when it ends.
    pub(super) fn past(&self) -> Past {
        let Self::Followed(connection) = self else { return Past::default() };
        let transport = &connection.transport;
        Past { client: transport.client.zip(transport.first_of_client()), again: 0 }
    }
}

/// A TCP connection.
#[derive(Debug)]
pub(super) struct Slot {
    /// Its number changes when the slot is used again, so that a late reference to it is recognised.
    pub(super) identity: Identity,
    /// The time of its latest packet.
    pub(super) last: Time,
    pub(super) stage: Stage,
}

impl Slot {
    #[inline]
    fn is(&self, endpoints: &EndpointPair) -> bool {
        self.identity.endpoints == *endpoints && !matches!(self.stage, Stage::Free)
    }

    /// Which side sent a segment; `None` where it is of another connection.
    #[inline]
    fn sender(&self, segment: &Segment) -> Option<Side> {
        let EndpointPair { a, b } = &self.identity.endpoints;
        let same = |from: &Endpoint, to: &Endpoint| {
            from.port == segment.source.port
                && to.port == segment.destination.port
                && number(from) == number(&segment.source)
                && number(to) == number(&segment.destination)
        };
        let side = if same(a, b) {
            Side::A
        } else if same(b, a) {
            Side::B
        } else {
            return None;
        };
        (!matches!(self.stage, Stage::Free)).then_some(side)
    }
}

#[inline]
fn number(endpoint: &Endpoint) -> u128 {
    u128::from_ne_bytes(endpoint.ip)
}

#[inline]
fn hash(endpoints: &EndpointPair, state: &RandomState) -> u64 {
    let half = |ip: &[u8; 16]| {
        let (high, low) = ip.split_at(8);
        let word = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_ne_bytes);
        (word(high), word(low))
    };
    let EndpointPair { a, b } = endpoints;
    let (low, high) = (half(&a.ip), half(&b.ip));
    let ports = u32::from(a.port) << 16 | u32::from(b.port);
    state.hash_one((low.0 ^ high.0.rotate_left(32), low.1, high.1, ports))
}

/// Bytes of the table for each connection: its slot, its place in the list of free ones and in the table of hashes, with the
/// room that growing leaves.
pub(super) const EACH: usize = 2 * (size_of::<Slot>() + 2 * size_of::<u32>());

/// The table.
#[derive(Debug, Default)]
pub(super) struct Connections {
    slots: Vec<Slot>,
    free: Vec<u32>,
    table: HashTable<u32>,
    state: RandomState,
    /// The slot of the last look-up: packets of one connection come in runs.
    recent: u32,
    /// The slot that timers visited last.
    visited: u32,
    next: u32,
}

impl Connections {
    /// Bytes of memory that the table takes.
    pub(super) fn size(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
            + (self.free.capacity() + self.table.capacity()) * size_of::<u32>()
            + self.table.capacity()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many there were.
    pub(super) fn count(&self) -> u32 {
        self.next
    }

    /// The slot of a segment's connection, created if it is new, and the side that sent the segment.
    #[inline]
    pub(super) fn find(&mut self, segment: &Segment, time: Time) -> (u32, Side) {
        if let Some(side) = self.slots.get(self.recent as usize).and_then(|slot| slot.sender(segment)) {
            return (self.recent, side);
        }
        // A copy, so that the segment itself need not be in memory.
        self.find_other(&(segment.source, segment.destination), time)
    }

    #[inline(never)]
    fn find_other(&mut self, (source, destination): &(Endpoint, Endpoint), time: Time) -> (u32, Side) {
        let (endpoints, from) = EndpointPair::of(*source, *destination);
        self.recent = self.look_up(&endpoints, time);
        (self.recent, from)
    }

    /// The slot of a connection that is known, and the side that is `source`.
    pub(super) fn find_known(&self, source: Endpoint, destination: Endpoint) -> Option<(u32, Side)> {
        let (endpoints, from) = EndpointPair::of(source, destination);
        let hash = hash(&endpoints, &self.state);
        let is = |slot: &u32| self.slots.get(*slot as usize).is_some_and(|slot| slot.is(&endpoints));
        self.table.find(hash, is).map(|slot| (*slot, from))
    }

    fn look_up(&mut self, endpoints: &EndpointPair, time: Time) -> u32 {
        let hash = hash(endpoints, &self.state);
        let found = self
            .table
            .find(hash, |slot| self.slots.get(*slot as usize).is_some_and(|slot| slot.is(endpoints)));
        match found {
            Some(slot) => *slot,
            None => self.insert(*endpoints, hash, time),
        }
    }

    #[inline(never)]
    fn insert(&mut self, endpoints: EndpointPair, code: u64, time: Time) -> u32 {
        let identity = Identity { endpoints, tcp: self.next_id() };
        let new = Slot { identity, last: time, stage: Stage::HalfOpen(HalfOpen::default()) };
        let slot = match self.free.pop() {
            Some(slot) => {
                if let Some(free) = self.slots.get_mut(slot as usize) {
                    *free = new;
                }
                slot
            }
            None => {
                self.slots.push(new);
                to_u32(self.slots.len()) - 1
            }
        };
        let Self { slots, state, table, .. } = self;
        table.insert_unique(code, slot, |slot| {
            slots.get(*slot as usize).map_or(0, |slot| hash(&slot.identity.endpoints, state))
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

    /// Takes over a connection as it is.
    pub(super) fn adopt(&mut self, identity: Identity, stage: Stage) {
        self.begin_at(identity.tcp);
        let slot = self.look_up(&identity.endpoints, Time::default());
        self.recent = slot;
        if let Some(slot) = self.slot(slot) {
            slot.stage = stage;
        }
    }

    /// The connection in a slot.
    #[inline]
    pub(super) fn slot(&mut self, slot: u32) -> Option<&mut Slot> {
        self.slots.get_mut(slot as usize).filter(|slot| !matches!(slot.stage, Stage::Free))
    }

    /// Discards a connection.
    pub(super) fn remove(&mut self, slot: u32) {
        let Some(removed) = self.slot(slot) else { return };
        let endpoints = removed.identity.endpoints;
        removed.stage = Stage::Free;
        if let Ok(entry) = self.table.find_entry(hash(&endpoints, &self.state), |known| *known == slot) {
            entry.remove();
        }
        self.free.push(slot);
    }

    /// The next slot in turn, for timers: all are visited, a few with each packet.
    pub(super) fn turn(&mut self) -> Option<u32> {
        let count = to_u32(self.slots.len());
        if count == 0 {
            return None;
        }
        self.visited = if self.visited + 1 >= count { 0 } else { self.visited + 1 };
        Some(self.visited)
    }

    /// All slots.
    pub(super) fn slots(&self) -> std::ops::Range<u32> {
        0..to_u32(self.slots.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_open_connection_is_small() {
        assert_eq!(std::mem::size_of::<Slot>(), 64);
    }

    #[test]
    fn a_slot_is_used_again_with_another_number() {
        let mut connections = Connections::default();
        let pair =
            |port| EndpointPair { a: Endpoint::v4([1, 2, 3, 4], port), b: Endpoint::v4([5, 6, 7, 8], 80) };
        let (one, two) = (connections.look_up(&pair(1), Time(0)), connections.look_up(&pair(2), Time(0)));
        assert_ne!(one, two);
        assert_eq!(connections.look_up(&pair(1), Time(0)), one);
        connections.remove(one);
        assert_eq!(connections.len(), 1);
        assert_eq!(connections.look_up(&pair(3), Time(0)), one);
        let slot = connections.slot(one).unwrap();
        assert_eq!(slot.identity.tcp, ConnectionId(2));
    }
}
