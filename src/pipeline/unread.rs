//! TLS connections whose secrets are not known yet, in captures whose key logs still grow.
//!
//! A connection that ended without being read is kept here, outside the flow table: another connection may use its
//! ports. When its secrets arrive, it is read from its start, and then it ends as it did. Otherwise it is reported as
//! unreadable: when too many are kept, when its first bytes are gone, or at the capture's end.

use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::ends::Ends;
use super::flows::Stage;
use super::live::{Fate, Live};
use super::replay::{Act, Followed};
use super::sealed::ALL_PIECES;
use super::sink::Sink;
use super::work::Space;
use super::{Outside, Pipeline};
use crate::model::{Bytes, ConnectionId};
use crate::ws::StreamEnd;

/// Ended connections that are kept. Each takes about 5 KB where it was short.
pub(super) const ENDED: usize = 8192;
/// Pieces of all of them together. The other half is for connections that are open.
const PIECES: usize = ALL_PIECES / 2;
/// Connections up to which the list of awaited secrets is not searched for outdated entries.
const SWEEP: usize = 1024;

/// A connection that ended before its secrets were known.
#[derive(Debug)]
struct EndedTls {
    ends: Ends,
    live: Box<Live>,
    pieces: usize,
}

/// A connection that waits for its secrets: open in a slot of the flow table, or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    tcp: u32,
    slot: u32,
}

/// The connections that wait for their secrets.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// Those that ended, by number: the oldest first.
    ended: BTreeMap<u32, EndedTls>,
    /// Pieces of all of them.
    pieces: usize,
    /// All that wait, by client random. Entries may be outdated.
    awaited: HashMap<[u8; 32], Vec<Candidate>, RandomState>,
    /// How many entries there are, and how many there may be before outdated ones are removed.
    candidates: usize,
    sweep_at: usize,
    /// Secrets that were looked at: see [`KeyStore::added`](crate::tls::KeyStore::added).
    turns: u64,
    /// The last connection whose bytes were checked.
    checked: u32,
}

impl Unread {
    /// Whether a connection ended, and waits for its secrets.
    pub(super) fn has(&self, tcp: ConnectionId) -> bool {
        self.ended.contains_key(&tcp.0)
    }

    /// Keeps a connection that ended.
    pub(super) fn keep(&mut self, ends: Ends, mut live: Box<Live>) {
        if live.is_newly_awaiting()
            && let Some(random) = live.take_awaited()
        {
            self.wait(random, Candidate { tcp: ends.tcp.0, slot: u32::MAX });
        }
        let pieces = live.kept_pieces();
        self.pieces += pieces;
        self.ended.insert(ends.tcp.0, EndedTls { ends, live, pieces });
    }

    /// The lowest address whose bytes may be asked for again.
    pub(super) fn oldest_needed(&self) -> u64 {
        self.ended.values().map(|ended| ended.live.oldest_needed()).min().unwrap_or(u64::MAX)
    }

    fn remove(&mut self, tcp: u32) -> Option<EndedTls> {
        let ended = self.ended.remove(&tcp)?;
        self.pieces = self.pieces.saturating_sub(ended.pieces);
        Some(ended)
    }

    /// Remembers that a connection waits for the secrets of a client random.
    fn wait(&mut self, random: [u8; 32], candidate: Candidate) {
        self.awaited.entry(random).or_default().push(candidate);
        self.candidates += 1;
    }

    /// The oldest connection, where more are kept than may be.
    fn surplus(&self) -> Option<u32> {
        let over = self.ended.len() > ENDED || self.pieces > PIECES;
        self.ended.keys().next().copied().filter(|_| over)
    }

    /// The next connection to check, in turn.
    fn turn(&mut self) -> Option<&EndedTls> {
        let next = self.ended.range(self.checked.saturating_add(1)..).next();
        let (tcp, ended) = next.or_else(|| self.ended.iter().next())?;
        self.checked = *tcp;
        Some(ended)
    }
}

impl Pipeline {
    /// Whether secrets were added that [`use_new_secrets`](Self::use_new_secrets) has not used yet.
    #[must_use]
    pub fn has_new_secrets(&self) -> bool {
        let secrets = &self.desk.limits.secrets;
        secrets.is_growing() && secrets.turns() != self.unread.turns
    }

    /// Reads the connections from their start whose secrets were added since the last call, ended ones too.
    pub fn use_new_secrets<S: Sink>(&mut self, capture: &dyn Bytes, sink: &mut S) {
        let secrets = self.desk.limits.secrets.clone();
        let Self { unread, .. } = self;
        let (turns, randoms) = secrets.with(|keys| {
            let is_ready =
                |random: &&[u8; 32]| unread.awaited.contains_key(*random) && keys.is_complete(random);
            let ready: Vec<[u8; 32]> = match keys.added_since(unread.turns) {
                Some(added) => added.filter(is_ready).copied().collect(),
                None => unread.awaited.keys().filter(is_ready).copied().collect(),
            };
            (keys.added(), ready)
        });
        unread.turns = turns;
        let mut ready: Vec<Candidate> =
            randoms.iter().filter_map(|random| unread.awaited.remove(random)).flatten().collect();
        unread.candidates = unread.candidates.saturating_sub(ready.len());
        ready.sort_unstable();
        for Candidate { tcp, slot } in ready {
            if self.unread.has(ConnectionId(tcp)) {
                self.end_unread(tcp, false, capture, sink);
            } else if self.waits(slot, tcp) {
                self.outside(slot, Outside::Look, capture, sink);
            }
        }
    }

    /// Whether the connection in a slot is this one, and waits for its secrets.
    fn waits(&mut self, slot: u32, tcp: u32) -> bool {
        let flow = self.flows.slot(slot).filter(|flow| flow.ends.tcp.0 == tcp);
        matches!(flow.map(|flow| &flow.stage), Some(Stage::Live(live)) if live.awaits_secret())
    }

    /// Remembers that the connection in a slot waits for its secrets, the first time that it does.
    #[cold]
    pub(super) fn await_secret(&mut self, slot: u32) {
        let Some(flow) = self.flows.slot(slot) else { return };
        let Stage::Live(live) = &mut flow.stage else { return };
        let Some(random) = live.take_awaited() else { return };
        self.unread.wait(random, Candidate { tcp: flow.ends.tcp.0, slot });
        if self.unread.candidates > self.unread.sweep_at.max(SWEEP) {
            self.sweep();
        }
    }

    /// Removes the entries of connections that no longer wait.
    fn sweep(&mut self) {
        let mut awaited = std::mem::take(&mut self.unread.awaited);
        let mut left = 0;
        awaited.retain(|_, candidates| {
            candidates.retain(|known| {
                self.unread.has(ConnectionId(known.tcp)) || self.waits(known.slot, known.tcp)
            });
            left += candidates.len();
            !candidates.is_empty()
        });
        awaited.shrink_to_fit();
        (self.unread.awaited, self.unread.candidates, self.unread.sweep_at) = (awaited, left, 2 * left);
    }

    /// Reports connections as unreadable that can no longer be kept.
    #[inline]
    pub(super) fn release_unread<S: Sink>(&mut self, capture: &dyn Bytes, sink: &mut S) {
        if !self.unread.ended.is_empty() {
            self.release_some(capture, sink);
        }
    }

    #[cold]
    fn release_some<S: Sink>(&mut self, capture: &dyn Bytes, sink: &mut S) {
        while let Some(tcp) = self.unread.surplus() {
            self.end_unread(tcp, true, capture, sink);
        }
        if self.last.packet & 7 == 0
            && let Some(ended) = self.unread.turn()
            && let Some(span) = ended.live.first_bytes()
        {
            let tcp = ended.ends.tcp.0;
            let space = Space { capture, decoder: &self.decoder };
            if space.slice(span).is_none() {
                self.end_unread(tcp, true, capture, sink);
            }
        }
    }

    /// Ends all connections that are kept: no more packets arrive.
    pub(super) fn end_all_unread<S: Sink>(&mut self, capture: &dyn Bytes, sink: &mut S) {
        while let Some(tcp) = self.unread.ended.keys().next().copied() {
            self.end_unread(tcp, true, capture, sink);
        }
    }

    /// Does again what happened to the ended connections of a fork.
    pub(super) fn repeat_unread<S: Sink>(&mut self, outside: Outside, capture: &dyn Bytes, sink: &mut S) {
        match outside {
            Outside::End(_) => self.end_all_unread(capture, sink),
            Outside::Look => {
                let all: Vec<u32> = self.unread.ended.keys().copied().collect();
                all.into_iter().for_each(|tcp| self.end_unread(tcp, false, capture, sink));
            }
            Outside::Reuse | Outside::Shed(_) => {}
        }
    }

    /// Reads a connection that ended, where its secrets are known. `last`: otherwise it is reported as unreadable; where
    /// not, it is kept on.
    fn end_unread<S: Sink>(&mut self, tcp: u32, last: bool, capture: &dyn Bytes, sink: &mut S) {
        let Some(mut ended) = self.unread.remove(tcp) else { return };
        let space = Space { capture, decoder: &self.decoder };
        let fate = ended.live.end_again(&ended.ends, last, &mut self.desk.work(space, sink));
        let followed = match fate {
            Fate::Unread => return self.unread.keep(ended.ends, ended.live),
            Fate::Drop(other) => {
                *self.seen.count(other) += 1;
                Followed::Dropped
            }
            Fate::Keep | Fate::Ended => Followed::Ended,
        };
        if sink.wants().steps {
            let act = if last { Act::End(StreamEnd::Capture, self.last) } else { Act::Look(self.last) };
            self.tell_unread(ended.ends.tcp, act, followed, sink);
        }
    }
}
