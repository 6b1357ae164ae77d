//! TLS connections whose secrets are not known yet, in captures whose key logs still grow.
//!
//! A connection that ended without being decrypted is kept here, outside the connection table: another connection may
//! use its ports. When its secrets arrive, it is read from its start, and then it ends as it did. Otherwise it is reported
//! as unreadable: when too many are kept, when its first bytes are gone, or at the capture's end.

use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::connection::{Disposition, TcpConnection};
use super::connections::Stage;
use super::context::ByteSource;
use super::events::{FollowState, ReplayEvent, Sink};
use super::secrets::MAX_RUNS;
use super::sides::Identity;
use super::{Outside, Pipeline};
use crate::model::{Bytes, ConnectionId};
use crate::ws::StreamEnd;

/// Ended connections that are kept. Each takes about 5 KB where it was short.
pub(super) const ENDED: usize = 8192;
/// Runs of all of them together. The other half is for connections that are open.
const RUNS: usize = MAX_RUNS / 2;
/// Connections up to which the list of awaited secrets is not searched for outdated entries.
const SWEEP: usize = 1024;

/// A connection that ended before its secrets were known.
#[derive(Debug)]
struct EndedTls {
    identity: Identity,
    connection: Box<TcpConnection>,
    runs: usize,
}

/// A connection that waits for its secrets: open in a slot of the connection table, or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    tcp: u32,
    slot: u32,
}

/// The connections that wait for their secrets.
#[derive(Debug, Default)]
pub(super) struct AwaitingSecrets {
    /// Those that ended, by number: the oldest first.
    ended: BTreeMap<u32, EndedTls>,
    /// Runs of all of them.
    runs: usize,
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

impl AwaitingSecrets {
    /// Whether a connection ended, and waits for its secrets.
    pub(super) fn has(&self, tcp: ConnectionId) -> bool {
        self.ended.contains_key(&tcp.0)
    }

    /// Keeps a connection that ended.
    pub(super) fn keep(&mut self, identity: Identity, mut connection: Box<TcpConnection>) {
        let tcp = identity.tcp.0;
        let mut runs = 0;
        if let Some(tls) = &mut connection.transport.tls {
            if tls.is_newly_awaiting()
                && let Some(random) = tls.take_awaited()
            {
                self.wait(random, Candidate { tcp, slot: u32::MAX });
            }
            runs = tls.kept_runs();
        }
        self.runs += runs;
        self.ended.insert(tcp, EndedTls { identity, connection, runs });
    }

    /// The lowest capture address whose bytes may be read again.
    pub(super) fn oldest_address(&self) -> u64 {
        self.ended.values().map(|ended| ended.connection.oldest_address()).min().unwrap_or(u64::MAX)
    }

    fn remove(&mut self, tcp: u32) -> Option<EndedTls> {
        let ended = self.ended.remove(&tcp)?;
        self.runs = self.runs.saturating_sub(ended.runs);
        Some(ended)
    }

    /// Remembers that a connection waits for the secrets of a client random.
    fn wait(&mut self, random: [u8; 32], candidate: Candidate) {
        self.awaited.entry(random).or_default().push(candidate);
        self.candidates += 1;
    }

    /// The oldest connection, where more are kept than may be.
    fn surplus(&self) -> Option<u32> {
        let over = self.ended.len() > ENDED || self.runs > RUNS;
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
        let secrets = &self.shared.limits.secrets;
        secrets.is_growing() && secrets.turns() != self.awaiting.turns
    }

    /// Reads the connections from their start whose secrets were added since the last call, ended ones too.
    pub fn use_new_secrets<S: Sink>(&mut self, capture: &dyn Bytes, sink: &mut S) {
        let awaiting = &mut self.awaiting;
        let (turns, randoms) = self.shared.limits.secrets.complete_since(awaiting.turns, &awaiting.awaited);
        awaiting.turns = turns;
        let mut ready: Vec<Candidate> =
            randoms.iter().filter_map(|random| awaiting.awaited.remove(random)).flatten().collect();
        awaiting.candidates = awaiting.candidates.saturating_sub(ready.len());
        ready.sort_unstable();
        for Candidate { tcp, slot } in ready {
            if self.awaiting.has(ConnectionId(tcp)) {
                self.end_awaiting(tcp, false, capture, sink);
            } else if self.waits(slot, tcp) {
                self.outside(slot, Outside::Recheck, capture, sink);
            }
        }
    }

    /// Whether the connection in a slot is this one, and waits for its secrets.
    fn waits(&mut self, slot: u32, tcp: u32) -> bool {
        let slot = self.connections.slot(slot).filter(|slot| slot.identity.tcp.0 == tcp);
        let Some(Stage::Followed(connection)) = slot.map(|slot| &slot.stage) else { return false };
        connection.transport.tls.as_ref().is_some_and(|tls| tls.awaits_secret())
    }

    /// Remembers that the connection in a slot waits for its secrets, the first time that it does.
    #[cold]
    pub(super) fn await_secret(&mut self, index: u32) {
        let Some(slot) = self.connections.slot(index) else { return };
        let Stage::Followed(connection) = &mut slot.stage else { return };
        let Some(random) = connection.transport.tls.as_mut().and_then(|tls| tls.take_awaited()) else {
            return;
        };
        self.awaiting.wait(random, Candidate { tcp: slot.identity.tcp.0, slot: index });
        if self.awaiting.candidates > self.awaiting.sweep_at.max(SWEEP) {
            self.sweep();
        }
    }

    /// Removes the entries of connections that no longer wait.
    fn sweep(&mut self) {
        let mut awaited = std::mem::take(&mut self.awaiting.awaited);
        let mut left = 0;
        awaited.retain(|_, candidates| {
            candidates.retain(|known| {
                self.awaiting.has(ConnectionId(known.tcp)) || self.waits(known.slot, known.tcp)
            });
            left += candidates.len();
            !candidates.is_empty()
        });
        awaited.shrink_to_fit();
        (self.awaiting.awaited, self.awaiting.candidates, self.awaiting.sweep_at) = (awaited, left, 2 * left);
    }

    /// Reports connections as unreadable that can no longer be kept.
    #[inline]
    pub(super) fn release_awaiting<S: Sink>(&mut self, capture: &dyn Bytes, sink: &mut S) {
        if !self.awaiting.ended.is_empty() {
            self.release_some(capture, sink);
        }
    }

    #[cold]
    fn release_some<S: Sink>(&mut self, capture: &dyn Bytes, sink: &mut S) {
        while let Some(tcp) = self.awaiting.surplus() {
            self.end_awaiting(tcp, true, capture, sink);
        }
        if self.last.packet & 7 == 0
            && let Some(ended) = self.awaiting.turn()
            && let Some(span) = ended.connection.transport.tls.as_ref().and_then(|tls| tls.first_bytes())
        {
            let tcp = ended.identity.tcp.0;
            let source = ByteSource { capture, decoder: &self.decoder };
            if source.slice(span).is_none() {
                self.end_awaiting(tcp, true, capture, sink);
            }
        }
    }

    /// Ends all connections that are kept: no more packets arrive.
    pub(super) fn end_all_awaiting<S: Sink>(&mut self, capture: &dyn Bytes, sink: &mut S) {
        while let Some(tcp) = self.awaiting.ended.keys().next().copied() {
            self.end_awaiting(tcp, true, capture, sink);
        }
    }

    /// Repeats what happened to the ended connections of a fork.
    pub(super) fn replay_awaiting<S: Sink>(&mut self, outside: Outside, capture: &dyn Bytes, sink: &mut S) {
        match outside {
            Outside::End(_) => self.end_all_awaiting(capture, sink),
            Outside::Recheck => {
                let all: Vec<u32> = self.awaiting.ended.keys().copied().collect();
                all.into_iter().for_each(|tcp| self.end_awaiting(tcp, false, capture, sink));
            }
            Outside::Reuse | Outside::Shed(_) => {}
        }
    }

    /// Reads a connection that ended, where its secrets are known. `last`: otherwise it is reported as unreadable; where
    /// not, it is kept further.
    fn end_awaiting<S: Sink>(&mut self, tcp: u32, last: bool, capture: &dyn Bytes, sink: &mut S) {
        let Some(mut ended) = self.awaiting.remove(tcp) else { return };
        let source = ByteSource { capture, decoder: &self.decoder };
        let context = &mut self.shared.context(&ended.identity, source, sink);
        let state = match ended.connection.end_again(last, context) {
            Disposition::AwaitsSecret => return self.awaiting.keep(ended.identity, ended.connection),
            Disposition::Drop(why) => {
                *self.seen.count_mut(why) += 1;
                FollowState::Dropped
            }
            Disposition::Keep | Disposition::Ended => FollowState::Ended,
        };
        if sink.wants().replay_steps {
            let place = self.last;
            let event =
                if last { ReplayEvent::End(StreamEnd::Capture, place) } else { ReplayEvent::Recheck(place) };
            self.report_without_state(ended.identity.tcp, Some(event), state, sink);
        }
    }
}
