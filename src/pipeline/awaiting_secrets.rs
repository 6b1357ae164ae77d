//! TLS connections whose secrets are not known yet, in captures whose key logs still grow.
//!
//! A connection that ended without being decrypted is kept here, outside the connection table: another connection may
//! use its ports. When its secrets arrive, it is read from its start, and then it ends as it did. Otherwise it is reported
//! as unreadable: when too many are kept, when its first bytes are gone, or at the capture's end.

use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::connection::TcpConnection;
use super::secrets::{MAX_RUNS, Secrets};
use super::sides::Identity;
use crate::model::ConnectionId;

/// Ended connections that are kept. Each takes about 5 KB where it was short.
pub(super) const ENDED: usize = 8192;
/// Runs of all of them together. The other half is for connections that are open.
const RUNS: usize = MAX_RUNS / 2;
/// Connections up to which the list of awaited secrets is not searched for outdated entries.
const SWEEP: usize = 1024;

/// A connection that ended before its secrets were known.
#[derive(Debug)]
pub(super) struct EndedTls {
    pub(super) identity: Identity,
    pub(super) connection: Box<TcpConnection>,
    runs: usize,
    /// Bytes of memory.
    size: u64,
}

/// A connection that waits for its secrets: open in a slot of the connection table, or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    pub(super) tcp: u32,
    pub(super) slot: u32,
}

/// The connections that wait for their secrets.
#[derive(Debug, Default)]
pub(super) struct AwaitingSecrets {
    /// Those that ended, by number: the oldest first.
    ended: BTreeMap<u32, EndedTls>,
    /// Runs of all of them.
    runs: usize,
    /// Bytes of memory of all of them, and how many they may take.
    size: u64,
    most: u64,
    /// All that wait, by client random. Entries may be outdated.
    awaited: HashMap<[u8; 32], Vec<Candidate>, RandomState>,
    /// How many entries there are, and how many there may be before outdated ones are removed.
    candidates: usize,
    sweep_at: usize,
    /// How many secrets were used: see [`Secrets::turns`].
    turns: u64,
    /// The last connection whose bytes were checked.
    checked: u32,
}

impl AwaitingSecrets {
    /// Those that ended are kept to so many bytes.
    pub(super) fn within(most: u64) -> Self {
        Self { most, ..Self::default() }
    }

    /// Bytes of memory that it takes, about.
    pub(super) fn size(&self) -> u64 {
        /// What the list of awaited secrets takes for each.
        const AWAITED: usize = 128;
        self.size + ((self.candidates + self.ended.len()) * AWAITED) as u64
    }

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
        let size = connection.size() as u64;
        self.runs += runs;
        self.size += size;
        self.ended.insert(tcp, EndedTls { identity, connection, runs, size });
    }

    /// The lowest capture address whose bytes may be read again.
    pub(super) fn oldest_address(&self) -> u64 {
        self.ended.values().map(|ended| ended.connection.oldest_address()).min().unwrap_or(u64::MAX)
    }

    pub(super) fn remove(&mut self, tcp: u32) -> Option<EndedTls> {
        let ended = self.ended.remove(&tcp)?;
        self.runs = self.runs.saturating_sub(ended.runs);
        self.size = self.size.saturating_sub(ended.size);
        Some(ended)
    }

    /// Remembers that a connection waits for the secrets of a client random.
    pub(super) fn wait(&mut self, random: [u8; 32], candidate: Candidate) {
        self.awaited.entry(random).or_default().push(candidate);
        self.candidates += 1;
    }

    /// Whether secrets were added that were not used yet.
    pub(super) fn has_new(&self, secrets: &Secrets) -> bool {
        secrets.is_growing() && secrets.turns() != self.turns
    }

    /// Takes the connections whose secrets were added since the last call, in the order of their numbers.
    pub(super) fn take_ready(&mut self, secrets: &Secrets) -> Vec<Candidate> {
        let (turns, randoms) = secrets.complete_since(self.turns, &self.awaited);
        self.turns = turns;
        let ready = randoms.iter().filter_map(|random| self.awaited.remove(random));
        let mut ready: Vec<Candidate> = ready.flatten().collect();
        self.candidates = self.candidates.saturating_sub(ready.len());
        ready.sort_unstable();
        ready
    }

    /// Removes the entries of connections that no longer wait, where there may be many of them. `waits`: whether one that
    /// did not end still waits.
    pub(super) fn sweep(&mut self, mut waits: impl FnMut(&Candidate) -> bool) {
        if self.candidates <= self.sweep_at.max(SWEEP) {
            return;
        }
        let Self { ended, awaited, candidates: left, .. } = self;
        *left = 0;
        awaited.retain(|_, candidates| {
            candidates.retain(|known| ended.contains_key(&known.tcp) || waits(known));
            *left += candidates.len();
            !candidates.is_empty()
        });
        awaited.shrink_to_fit();
        self.sweep_at = 2 * self.candidates;
    }

    /// The connections that ended, the oldest first.
    pub(super) fn ended(&self) -> impl Iterator<Item = u32> {
        self.ended.keys().copied()
    }

    /// The oldest connection, where more are kept than may be.
    pub(super) fn surplus(&self) -> Option<u32> {
        let over = self.ended.len() > ENDED || self.runs > RUNS || self.size > self.most;
        self.ended.keys().next().copied().filter(|_| over)
    }

    /// The next connection to check, in turn.
    pub(super) fn turn(&mut self) -> Option<&EndedTls> {
        let next = self.ended.range(self.checked.saturating_add(1)..).next();
        let (tcp, ended) = next.or_else(|| self.ended.iter().next())?;
        self.checked = *tcp;
        Some(ended)
    }
}
