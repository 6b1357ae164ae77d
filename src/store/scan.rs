//! Looks at every message with all of its bytes, in the background: for filters and searches.
//!
//! The connections are done again, all at once, in the order of their packets: each part of the file is
//! read once, and nothing of what is no WebSocket.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::load::Watched;
use super::replay::Replay;
use super::session::{Shared, lock};
use super::trail::Route;
use crate::model::ConnectionId;
use crate::pipeline::{Connection, Sink, State as Standing, Wants};
use crate::ws::{MessageEvent, Scratch};

/// Bytes of a message that are looked at.
const KEEP: u64 = 64 << 20;
/// Packets by which one connection may run ahead of another.
const AHEAD: u64 = 256;

/// A search that is under way. Dropping it ends it.
#[derive(Debug)]
pub struct Scan {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    found: Mutex<Vec<(u32, u64)>>,
    done: AtomicU64,
    total: AtomicU64,
    over: AtomicBool,
    cancelled: AtomicBool,
    trouble: Mutex<Option<String>>,
}

/// How far a search came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanProgress {
    /// Packets of WebSockets that were looked at.
    pub done: u64,
    /// Packets of WebSockets that there are.
    pub total: u64,
    /// It ended: at the end, or because it was cancelled or could not go on.
    pub over: bool,
    /// Why it could not go on.
    pub trouble: Option<String>,
}

impl Scan {
    /// The messages found since the last call, by connection and message number, in the order of the capture
    /// (nearly).
    #[must_use]
    pub fn found(&self) -> Vec<(u32, u64)> {
        std::mem::take(&mut *lock(&self.state.found))
    }

    /// How far it came. Once it is over, the next [`found`](Self::found) has the last ones.
    #[must_use]
    pub fn progress(&self) -> ScanProgress {
        let State { done, total, over, trouble, .. } = &*self.state;
        ScanProgress {
            over: over.load(Ordering::Acquire),
            done: done.load(Ordering::Acquire),
            total: total.load(Ordering::Acquire),
            trouble: lock(trouble).clone(),
        }
    }

    /// Ends it.
    pub fn cancel(&self) {
        self.state.cancelled.store(true, Ordering::Release);
    }

    /// Begins to look at the messages of `connections`, or of all.
    pub(super) fn begin(
        shared: &Arc<Shared>,
        connections: Option<Vec<u32>>,
        is_meant: impl FnMut(&Connection, &MessageEvent<'_>) -> bool + Send + 'static,
    ) -> Self {
        let state = Arc::<State>::default();
        let worker = Worker { shared: Arc::clone(shared), state: Arc::clone(&state), connections };
        // A worker that gets no thread is dropped, and with that over.
        let thread = thread::Builder::new().name("scan".to_owned()).spawn(move || worker.run(is_meant));
        if let Err(error) = thread {
            *lock(&state.trouble) = Some(format!("no thread to search with: {error}"));
        }
        Self { state }
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        self.cancel();
    }
}

struct Worker {
    shared: Arc<Shared>,
    state: Arc<State>,
    connections: Option<Vec<u32>>,
}

/// A connection that is done again.
struct Lane {
    route: Route,
    replay: Replay,
    /// Its WebSocket as the capture numbers it.
    connection: Option<Connection>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        if thread::panicking() {
            *lock(&self.state.trouble) = Some("the search failed: this is a defect of wslens".to_owned());
        }
        self.state.over.store(true, Ordering::Release);
    }
}

impl Worker {
    fn run(mut self, mut is_meant: impl FnMut(&Connection, &MessageEvent<'_>) -> bool) {
        if let Err(trouble) = self.shared.archive.check() {
            *lock(&self.state.trouble) = Some(trouble);
        } else {
            self.look(&mut is_meant);
        }
    }

    fn look(&mut self, is_meant: &mut impl FnMut(&Connection, &MessageEvent<'_>) -> bool) {
        if let Some(connections) = &mut self.connections {
            connections.sort_unstable();
        }
        let mut limits = self.shared.limits.clone();
        (limits.depth.frames, limits.depth.keep) = (false, KEEP);
        // By the packet of the next step; a connection whose turn has not come takes next to nothing.
        let mut queue: BinaryHeap<Reverse<(u64, ConnectionId)>> = self.starts();
        let mut lanes: HashMap<ConnectionId, Box<Lane>, RandomState> = HashMap::default();
        let mut scratch = Scratch::default();
        let mut view = self.shared.archive.view();
        let mut missing = 0u64;
        while let Some(Reverse((_, tcp))) = queue.pop() {
            let lane = match lanes.entry(tcp) {
                Entry::Occupied(lane) => lane.into_mut(),
                Entry::Vacant(slot) => {
                    let kept_from = self.shared.board.read().kept_from;
                    let route = self.shared.fill().trails.route_behind(tcp, kept_from);
                    let Some(route) = route else { continue };
                    // What the steps name is in it by now.
                    view = self.shared.archive.view();
                    let replay = Replay::new(&route, limits.clone(), &view);
                    slot.insert(Box::new(Lane { route, replay, connection: None }))
                }
            };
            lane.replay.swap_scratch(&mut scratch);
            let until = queue.peek().map_or(u64::MAX, |Reverse((packet, _))| packet.saturating_add(AHEAD));
            let mut steps = 0u64;
            let next = loop {
                match lane.replay.next_packet() {
                    Some(packet) if packet <= until && steps < AHEAD => {}
                    next => break next,
                }
                let Lane { route, replay, connection } = &mut **lane;
                let mut sink = Look { worker: self, route, connection, is_meant: &mut *is_meant };
                let watched = Watched::new(&view);
                replay.step(&watched, &mut sink);
                missing += u64::from(watched.missed());
                steps += 1;
            };
            lane.replay.swap_scratch(&mut scratch);
            self.state.done.fetch_add(steps, Ordering::AcqRel);
            match next {
                Some(packet) => queue.push(Reverse((packet, tcp))),
                None => {
                    lanes.remove(&tcp);
                }
            }
            if self.state.cancelled.load(Ordering::Acquire) || self.shared.has_quit() {
                return;
            }
        }
        if missing > 0 {
            *lock(&self.state.trouble) =
                Some(format!("{missing} packets went out of the spool: what they held was not searched"));
        }
    }

    /// The TCP connections to look at, by their first packets.
    fn starts(&self) -> BinaryHeap<Reverse<(u64, ConnectionId)>> {
        let mut starts: Vec<(ConnectionId, u64)> = {
            let index = self.shared.board.read();
            let meant = index.connections.iter().filter(|row| {
                let number = row.id.0;
                !matches!(row.state, Some(Standing::Refused | Standing::Unanswered))
                    && self.connections.as_ref().is_none_or(|only| only.binary_search(&number).is_ok())
            });
            meant.map(|row| (row.tcp, row.first.packet)).collect()
        };
        starts.sort_unstable();
        starts.dedup_by_key(|(tcp, _)| *tcp);
        let fill = self.shared.fill();
        let total = starts.iter().filter_map(|(tcp, _)| fill.trails.step_count(*tcp)).sum();
        self.state.total.store(total, Ordering::Release);
        drop(fill);
        starts.into_iter().map(|(tcp, packet)| Reverse((packet, tcp))).collect()
    }
}

/// Asks about each message.
struct Look<'a, F> {
    worker: &'a Worker,
    route: &'a Route,
    connection: &'a mut Option<Connection>,
    is_meant: &'a mut F,
}

impl<F: FnMut(&Connection, &MessageEvent<'_>) -> bool> Sink for Look<'_, F> {
    fn wants(&self) -> Wants {
        Wants { heads: true, ..Wants::default() }
    }

    fn opened(&mut self, connection: &Connection) {
        let number = self.route.number(connection.id);
        let is_meant = |number: &u32| {
            self.worker.connections.as_ref().is_none_or(|only| only.binary_search(number).is_ok())
        };
        *self.connection = number.filter(is_meant).map(|number| {
            let mut connection = connection.clone();
            connection.id.0 = number;
            connection
        });
    }

    fn message(&mut self, forked: &Connection, message: &MessageEvent<'_>) {
        if self.connection.is_none() {
            // From a checkpoint on, it is open already.
            self.opened(forked);
        }
        if let Some(connection) = self.connection
            && (self.is_meant)(connection, message)
        {
            lock(&self.worker.state.found).push((connection.id.0, message.number));
        }
    }
}
