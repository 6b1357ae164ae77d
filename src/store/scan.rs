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
use super::session::{SharedSession, lock};
use super::trail::Route;
use crate::capture::Archive;
use crate::model::ConnectionId;
use crate::pipeline::{Connection, Ended, Limits, Sink, State as Standing, Wants};
use crate::ws::{Depth, FrameEvent, MessageEvent, Scratch};

/// Maximum number of bytes of a message to search.
const KEEP: u64 = 64 << 20;
/// Packets by which one connection may run ahead of another.
const AHEAD: u64 = 256;

/// A running search. Dropping it stops the search.
#[derive(Debug)]
pub struct Scan {
    state: Arc<ScanState>,
}

#[derive(Debug, Default)]
struct ScanState {
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
        let ScanState { done, total, over, trouble, .. } = &*self.state;
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
        shared: &Arc<SharedSession>,
        connections: Option<Vec<u32>>,
        adjust: fn(&mut Depth),
        is_meant: impl FnMut(&Connection, Looked<'_>) -> bool + Send + 'static,
    ) -> Self {
        let state = Arc::<ScanState>::default();
        let worker = Worker { shared: Arc::clone(shared), state: Arc::clone(&state), connections, adjust };
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
    shared: Arc<SharedSession>,
    state: Arc<ScanState>,
    connections: Option<Vec<u32>>,
    adjust: fn(&mut Depth),
}

/// What a search looks at.
#[derive(Clone, Copy)]
pub enum Looked<'a> {
    /// A message with all of its bytes.
    Message(&'a MessageEvent<'a>),
    /// A frame.
    Frame(&'a FrameEvent<'a>),
}

/// A connection that is done again.
struct Lane {
    route: Route,
    replay: Replay,
    /// Its WebSockets by their numbers here, as the capture numbers them.
    open: HashMap<u32, Connection, RandomState>,
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
    fn run(self, is_meant: impl FnMut(&Connection, Looked<'_>) -> bool) {
        let mut limits = self.shared.limits.clone();
        limits.depth.frames = false;
        (self.adjust)(&mut limits.depth);
        let mut again = Again {
            shared: Arc::clone(&self.shared),
            connections: self.connections.clone(),
            visit: MessageSearch {
                state: Arc::clone(&self.state),
                shared: Arc::clone(&self.shared),
                is_meant,
            },
        };
        let trouble = match again.run(limits) {
            Ok(0) => None,
            Ok(missing) => {
                Some(format!("{missing} packets went out of the spool: what they held was not searched"))
            }
            Err(trouble) => Some(trouble),
        };
        *lock(&self.state.trouble) = trouble;
    }
}

/// Searches messages.
struct MessageSearch<F> {
    state: Arc<ScanState>,
    shared: Arc<SharedSession>,
    is_meant: F,
}

impl<F: FnMut(&Connection, Looked<'_>) -> bool> Visit for MessageSearch<F> {
    fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) {
        (self.is_meant)(connection, Looked::Frame(frame));
    }

    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        if (self.is_meant)(connection, Looked::Message(message)) {
            lock(&self.state.found).push((connection.id.0, message.number));
        }
    }

    fn reached(&mut self, done: u64, total: u64, _: u64) -> bool {
        self.state.done.store(done, Ordering::Release);
        self.state.total.store(total, Ordering::Release);
        !self.state.cancelled.load(Ordering::Acquire) && !self.shared.has_quit()
    }
}

/// Gets the messages of connections that are done again.
pub trait Visit {
    /// A WebSocket opened; not told where its handshake is no longer kept.
    fn opened(&mut self, _connection: &Connection) {}
    /// A WebSocket ended.
    fn ended(&mut self, _ended: &Ended<'_>) {}
    /// A frame; told where the depth asks for frames.
    fn frame(&mut self, _connection: &Connection, _frame: &FrameEvent<'_>) {}
    /// A message, with all of its bytes (64 MiB at most).
    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>);
    /// Packets that were done, of how many. Messages of packets from `from` on may still come. False ends it.
    fn reached(&mut self, done: u64, total: u64, from: u64) -> bool;
}

/// Reads the messages of a session again, from any thread, as far as their bytes are kept.
#[derive(Clone, Debug)]
pub struct Replayer(Arc<SharedSession>);

impl Replayer {
    pub(super) fn new(shared: &Arc<SharedSession>) -> Self {
        Self(Arc::clone(shared))
    }

    /// Does connections again (without a list: all), and hands out their messages. Returns how many packets are no
    /// longer kept: what they held is missing. `adjust`: what is read of messages beside their bytes.
    ///
    /// # Errors
    /// Where a capture file is no longer what it was.
    pub fn run(
        &self,
        connections: Option<Vec<u32>>,
        adjust: impl FnOnce(&mut Depth),
        visit: impl Visit,
    ) -> Result<u64, String> {
        let mut limits = self.0.limits.clone();
        limits.depth.frames = false;
        adjust(&mut limits.depth);
        Again { shared: Arc::clone(&self.0), connections, visit }.run(limits)
    }

    /// The bytes that are kept, of which nothing is understood: see [`Archive::save`].
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.0.archive
    }
}

/// Does connections again, all at once, in the order of their packets.
struct Again<V> {
    shared: Arc<SharedSession>,
    connections: Option<Vec<u32>>,
    visit: V,
}

impl<V: Visit> Again<V> {
    fn run(&mut self, mut limits: Limits) -> Result<u64, String> {
        self.shared.archive.check()?;
        if let Some(connections) = &mut self.connections {
            connections.sort_unstable();
        }
        limits.depth.keep = KEEP;
        // By the packet of the next step; a connection whose turn has not come takes next to nothing.
        let (mut queue, total) = self.starts();
        let mut lanes: HashMap<ConnectionId, Box<Lane>, RandomState> = HashMap::default();
        let mut scratch = Scratch::default();
        let mut view = self.shared.archive.view();
        let (mut missing, mut done) = (0u64, 0u64);
        while let Some(Reverse((from, tcp))) = queue.pop() {
            if !self.visit.reached(done, total, from) {
                return Ok(missing);
            }
            let lane = match lanes.entry(tcp) {
                Entry::Occupied(lane) => lane.into_mut(),
                Entry::Vacant(slot) => {
                    let kept_from = self.shared.board.read().kept_from;
                    let route = self.shared.fill().trails.route_behind(tcp, kept_from);
                    let Some(route) = route else { continue };
                    // What the steps name is in it by now.
                    view = self.shared.archive.view();
                    let replay = Replay::new(&route, limits.clone(), &view);
                    slot.insert(Box::new(Lane { route, replay, open: HashMap::default() }))
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
                let Lane { route, replay, open } = &mut **lane;
                let connections = self.connections.as_deref();
                let mut sink = MessageVisitor { connections, route, open, visit: &mut self.visit };
                let watched = Watched::new(&view);
                replay.step(&watched, &mut sink);
                missing += u64::from(watched.missed());
                steps += 1;
            };
            lane.replay.swap_scratch(&mut scratch);
            done += steps;
            match next {
                Some(packet) => queue.push(Reverse((packet, tcp))),
                None => {
                    lanes.remove(&tcp);
                }
            }
        }
        self.visit.reached(done, total, u64::MAX);
        Ok(missing)
    }

    /// The TCP connections to look at, by their first packets, and how many steps they have in all.
    fn starts(&self) -> (BinaryHeap<Reverse<(u64, ConnectionId)>>, u64) {
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
        drop(fill);
        (starts.into_iter().map(|(tcp, packet)| Reverse((packet, tcp))).collect(), total)
    }
}

/// Hands on each message, with its connection's number in the capture.
struct MessageVisitor<'a, V> {
    connections: Option<&'a [u32]>,
    route: &'a Route,
    open: &'a mut HashMap<u32, Connection, RandomState>,
    visit: &'a mut V,
}

impl<V: Visit> MessageVisitor<'_, V> {
    fn take(&mut self, connection: &Connection) {
        let number = self.route.number(connection.id);
        let is_meant = |number: &u32| self.connections.is_none_or(|only| only.binary_search(number).is_ok());
        if let Some(number) = number.filter(is_meant) {
            let mut meant = connection.clone();
            meant.id.0 = number;
            self.open.insert(connection.id.0, meant);
        }
    }
}

impl<V: Visit> Sink for MessageVisitor<'_, V> {
    fn wants(&self) -> Wants {
        Wants { heads: true, ..Wants::default() }
    }

    fn opened(&mut self, connection: &Connection) {
        self.take(connection);
        if let Some(connection) = self.open.get(&connection.id.0) {
            self.visit.opened(connection);
        }
    }

    fn frame(&mut self, forked: &Connection, frame: &FrameEvent<'_>) {
        if !self.open.contains_key(&forked.id.0) {
            self.take(forked);
        }
        if let Some(connection) = self.open.get(&forked.id.0) {
            self.visit.frame(connection, frame);
        }
    }

    fn message(&mut self, forked: &Connection, message: &MessageEvent<'_>) {
        if !self.open.contains_key(&forked.id.0) {
            // From a checkpoint on, it is open already.
            self.take(forked);
        }
        if let Some(connection) = self.open.get(&forked.id.0) {
            self.visit.message(connection, message);
        }
    }

    fn ended(&mut self, ended: &Ended<'_>) {
        if !self.open.contains_key(&ended.connection.id.0) {
            self.take(ended.connection);
        }
        if let Some(connection) = self.open.remove(&ended.connection.id.0) {
            let &Ended { state, closed, socket, heartbeats, findings, ref ending, gaps, .. } = ended;
            self.visit.ended(&Ended {
                connection: &connection,
                state,
                closed,
                socket,
                heartbeats,
                findings,
                ending: ending.clone(),
                gaps,
            });
        }
    }
}
