//! An open capture: one thread reads it, all others use the index.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLockReadGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::ask::{Answer, Desk};
use super::detail::{Detail, LoadError, Request};
use super::fill::{Board, Fill};
use super::index::Index;
use super::load::LoadSource;
use super::scan::{Looked, Replayer, Scan};
use super::trail::{Packets, Trails};
use crate::capture::live::{Live, Status};
use crate::capture::{self, Archive, Capture, CaptureError, Input, View};
use crate::drive;
use crate::pipeline::{Connection, Limits, Pipeline};
use crate::ws::MessageEvent;

/// Number of packets after which the index is updated.
const PACKETS: u32 = 4096;
/// Time after which the index is updated at the latest.
const PATIENCE: Duration = Duration::from_millis(20);
/// Maximum time to wait for the end of a live capture.
const PARTING: Duration = Duration::from_secs(1);
/// Number of packets that the reading thread processes while it holds its state.
const TURN: u32 = 256;

/// Options for opening a capture.
#[derive(Clone, Debug)]
pub struct Options {
    /// Read files instead of mapping them.
    pub no_mmap: bool,
    /// See [`capture::Options::waits`].
    pub waits: Option<fn(&str)>,
    /// See [`capture::Options::max_unpacked`].
    pub max_unpacked: Option<u64>,
    /// Limits of the analysis. The index overrides those that concern details.
    pub limits: Limits,
    /// Number of packets of a WebSocket between two checkpoints.
    pub interval: u32,
    /// Memory limit for all checkpoints, in bytes; the interval grows to stay below it.
    pub checkpoints: usize,
    /// Bytes of memory for all that is known: beyond them, the oldest goes. Without a number, [`MEMORY`](Self::MEMORY)
    /// for what cannot be read again as a whole, live captures and pipes, and no bound for files: the program gives one.
    pub memory: Option<usize>,
}

impl Options {
    /// Bytes of memory for a capture that goes on.
    pub const MEMORY: usize = 512 << 20;
}

impl Default for Options {
    /// 4096 packets, about 2 ms of work; 48 MiB.
    fn default() -> Self {
        let (interval, checkpoints) = (4096, 48 << 20);
        Self {
            no_mmap: false,
            waits: None,
            max_unpacked: None,
            limits: Limits::default(),
            interval,
            checkpoints,
            memory: None,
        }
    }
}

/// The state of reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// In progress.
    #[default]
    Reading,
    /// Complete.
    Done,
    /// Stopped before the end.
    Stopped,
}

/// The progress of reading.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// The state of reading.
    pub state: Reading,
    /// Number of packets read.
    pub packets: u64,
    /// Bytes of the files read (packed ones where they are packed), of a pipe those that came.
    pub done: u64,
    /// Total size of the files in bytes, if known.
    pub total: Option<u64>,
    /// Current reading rate in bytes per second.
    pub rate: u64,
    /// Number of bytes stored in temporary files.
    pub kept: u64,
    /// Why reading ended early.
    pub trouble: Option<String>,
    /// Whether the length is unknown: a live capture or a pipe.
    pub stream: bool,
    /// The input is a classic pcap file, or a pipe of one.
    pub classic: bool,
    /// The status of a live capture.
    pub live: Option<Box<Status>>,
    /// Approximate memory used by rows and replay logs and its limit, in bytes, if limited.
    pub memory: Option<(u64, u64)>,
}

/// An open capture.
///
/// Dropping it stops its threads.
#[derive(Debug)]
pub struct Session {
    shared: Arc<SharedSession>,
    reader: Option<JoinHandle<()>>,
}

/// State shared by the threads.
#[derive(Debug)]
pub(super) struct SharedSession {
    pub(super) board: Arc<Board>,
    fill: Mutex<Fill>,
    pub(super) archive: Archive,
    pub(super) limits: Limits,
    pub(super) desk: Desk,
    /// How many wait for `fill`: the reading thread lets them in.
    waiting: AtomicUsize,
    progress: Mutex<Progress>,
    live: Option<Live>,
    /// Bytes of memory that may be used.
    memory: Option<usize>,
    halt: AtomicBool,
    quit: AtomicBool,
    turn: (Mutex<()>, Condvar),
}

/// Locks the mutex, even if a thread panicked while it held the lock.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SharedSession {
    /// Returns whether the session has ended.
    pub(super) fn has_quit(&self) -> bool {
        self.quit.load(Ordering::Acquire)
    }

    /// The reading thread's state; it is let go of within a short time.
    pub(super) fn fill(&self) -> MutexGuard<'_, Fill> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let guard = lock(&self.fill);
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        guard
    }
}

impl Session {
    /// Opens captures and starts to read them.
    ///
    /// # Errors
    /// If a capture cannot be opened, or a thread cannot be started.
    pub fn open(inputs: &[Input], options: Options) -> Result<Self, CaptureError> {
        let (no_mmap, max_unpacked, waits) = (options.no_mmap, options.max_unpacked, options.waits);
        let how =
            capture::Options { no_mmap, max_unpacked, waits, keep: true, ..capture::Options::default() };
        Self::read(Capture::open(inputs, &how)?, options)
    }

    /// Starts to read an open capture.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn read(capture: Capture, options: Options) -> Result<Self, CaptureError> {
        let live = capture.live();
        Self::read_live(capture, live, options)
    }

    /// Begins to read a capture that goes on: what `live` says is told with the progress, and stopping ends it.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn read_live(capture: Capture, live: Option<Live>, options: Options) -> Result<Self, CaptureError> {
        let is_stream = live.is_some() || capture.progress().is_none();
        let memory = options.memory.or(is_stream.then_some(Options::MEMORY));
        let mut limits = options.limits;
        let depth = &mut limits.depth;
        (depth.payloads, depth.frames, depth.frame_payloads, depth.hash) = (true, true, false, false);
        let board = Arc::<Board>::default();
        // Checkpoints are an eighth of a bound at most.
        let checkpoints = memory.map_or(options.checkpoints, |memory| options.checkpoints.min(memory / 8));
        let mut trails = Trails::with(options.interval, checkpoints);
        trails.bounded = memory.is_some();
        if let Some(memory) = memory {
            board.write().bound(memory);
        }
        let name = || capture.source_names().next().unwrap_or_default().to_owned();
        let archive = capture.archive().map_err(|source| CaptureError::Open { name: name(), source })?;
        let shared = Arc::new(SharedSession {
            fill: Mutex::new(Fill::new(Arc::clone(&board), trails, limits.wait_packets, memory)),
            board,
            archive,
            limits: limits.clone(),
            desk: Desk::default(),
            waiting: AtomicUsize::new(0),
            progress: Mutex::new(Progress { stream: is_stream, ..Progress::default() }),
            live,
            memory,
            halt: AtomicBool::new(false),
            quit: AtomicBool::new(false),
            turn: Default::default(),
        });
        let pipeline = Pipeline::new(limits);
        let reading = CaptureReader {
            capture,
            pipeline,
            shared: Arc::clone(&shared),
            trails: 0,
            kept: Marks::default(),
        };
        let reader = thread::Builder::new().name("reader".to_owned()).spawn(move || reading.run());
        let reader = reader
            .map_err(|source| CaptureError::Open { name: "a thread to read with".to_owned(), source })?;
        Ok(Self { shared, reader: Some(reader) })
    }

    /// The index as it is now. Whoever holds it keeps the reading thread from adding to it: not for long,
    /// and never two at once in one thread.
    pub fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.shared.board.read()
    }

    /// Returns a number that grows whenever the index changes.
    pub fn version(&self) -> u64 {
        // A pipe that gives nothing leaves the last news with the reading thread.
        if let Ok(mut fill) = self.shared.fill.try_lock() {
            if fill.has_news()
                && let Some(mut index) = self.shared.board.try_write()
            {
                fill.publish_to(&mut index);
            }
            let mut progress = lock(&self.shared.progress);
            if progress.packets < fill.taken.0 {
                (progress.packets, progress.done) = fill.taken;
                self.shared.board.grow();
            }
        }
        self.shared.board.version()
    }

    /// The capture that goes on, from outside; none for files and pipes.
    #[must_use]
    pub fn live(&self) -> Option<Live> {
        self.shared.live.clone()
    }

    /// Bytes of memory that rows and the ways to details may take; none where they are not bounded.
    #[must_use]
    pub fn memory(&self) -> Option<usize> {
        self.shared.memory
    }

    /// Loads a detail, now. Not while the index is held: loading looks at it.
    ///
    /// # Errors
    /// Where there is no such thing, or its bytes cannot be read.
    pub fn load(&self, request: &Request) -> Result<Detail, LoadError> {
        LoadSource { shared: &self.shared, wanted: &|| true }.load(request)
    }

    /// Asks for a detail, which [`answers`](Self::answers) will give. Of requests of one kind the newest counts:
    /// one before it that has no answer yet gets none.
    pub fn ask(&self, request: Request) {
        self.shared.desk.ask(request, &self.shared);
    }

    /// The answers that there are by now.
    pub fn answers(&self) -> impl Iterator<Item = Answer> + '_ {
        std::iter::from_fn(|| self.shared.desk.answer())
    }

    /// Looks at every message that is in the index by now, with all of its bytes (64 MiB of each at most), in the
    /// background; those are found for which `is_meant` answers true. `connections`: only these; all where there
    /// are none.
    #[must_use]
    pub fn scan(
        &self,
        connections: Option<Vec<u32>>,
        mut is_meant: impl FnMut(&Connection, &MessageEvent<'_>) -> bool + Send + 'static,
    ) -> Scan {
        Scan::begin(
            &self.shared,
            connections,
            |_| {},
            move |connection, looked| match looked {
                Looked::Message(message) => is_meant(connection, message),
                Looked::Frame(_) => false,
            },
        )
    }

    /// As [`scan`](Self::scan), with frames, and with hashes of messages.
    #[must_use]
    pub fn scan_all(
        &self,
        connections: Option<Vec<u32>>,
        is_meant: impl FnMut(&Connection, Looked<'_>) -> bool + Send + 'static,
    ) -> Scan {
        Scan::begin(&self.shared, connections, |depth| (depth.frames, depth.hash) = (true, true), is_meant)
    }

    /// Returns a handle to read messages again from any thread.
    #[must_use]
    pub fn replayer(&self) -> Replayer {
        Replayer::new(&self.shared)
    }

    /// The packets of the TCP connection that carries a connection; none where there is none.
    #[must_use]
    pub fn packets_of(&self, connection: u32) -> Option<Packets> {
        let tcp = self.index().connection(connection)?.tcp;
        self.shared.fill().trails.packets(tcp)
    }

    /// Returns the bytes of packets, by address.
    #[must_use]
    pub fn bytes(&self) -> View {
        self.shared.archive.view()
    }

    /// Returns the approximate memory used by replay logs, in bytes.
    #[must_use]
    pub fn trail_size(&self) -> usize {
        self.shared.fill().trails.size()
    }

    /// The state of reading.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let mut progress = lock(&self.shared.progress).clone();
        if progress.state != Reading::Done && self.shared.halt.load(Ordering::Acquire) {
            progress.state = Reading::Stopped;
        }
        progress.classic = self.shared.archive.is_classic();
        progress.live = self.shared.live.as_ref().map(|live| Box::new(live.status()));
        progress
    }

    /// Stops reading; what was read stays. [`resume`](Self::resume) goes on. A live capture ends for good: packets that
    /// wait are still read, and then everything was.
    pub fn stop(&self) {
        if let Some(live) = &self.shared.live {
            live.stop();
            return;
        }
        self.shared.halt.store(true, Ordering::Release);
        self.shared.board.grow();
    }

    /// Resumes reading.
    pub fn resume(&self) {
        let _turn = lock(&self.shared.turn.0);
        self.shared.halt.store(false, Ordering::Release);
        self.shared.turn.1.notify_all();
        self.shared.board.grow();
    }

    /// Waits until reading is complete.
    pub fn wait(&mut self) {
        self.resume();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        {
            let _turn = lock(&self.shared.turn.0);
            self.shared.quit.store(true, Ordering::Release);
            self.shared.turn.1.notify_all();
        }
        self.shared.desk.close();
        let Some(reader) = self.reader.take() else { return };
        if let Some(live) = &self.shared.live {
            // A quiet link is not waited for; what writes files gets time to end.
            live.stop();
            let start = Instant::now();
            while !reader.is_finished() && start.elapsed() < PARTING {
                thread::sleep(Duration::from_millis(2));
            }
        }
        // A thread that waits for a pipe ends when the pipe does.
        if reader.is_finished() || lock(&self.shared.progress).total.is_some() {
            let _ = reader.join();
        }
    }
}

/// The reading thread.
struct CaptureReader {
    capture: Capture,
    pipeline: Pipeline,
    shared: Arc<SharedSession>,
    /// Bytes that the ways to details took when that was last looked at.
    trails: usize,
    kept: Marks,
}

/// Which packet came where in the input, now and then: to know which went when bytes did.
#[derive(Default)]
struct Marks {
    /// Bytes read, and packets.
    marks: VecDeque<(u64, u64)>,
    from: u64,
}

impl Marks {
    /// Places that are known at most; they are nearly as far apart as the bytes are long that go at once.
    const MOST: usize = 4096;

    /// The first packet whose bytes may be there once the first bytes went; `packets` and `bytes`: read by now.
    fn from(&mut self, gone: u64, packets: u64, bytes: u64) -> u64 {
        if self.marks.back().is_none_or(|(last, _)| bytes.saturating_sub(*last) >= 1 << 20) {
            self.marks.push_back((bytes, packets));
        }
        while self.marks.len() > Self::MOST
            || self.marks.front().is_some_and(|(at, _)| *at <= gone && gone > 0)
        {
            let Some((at, packet)) = self.marks.pop_front() else { break };
            self.from = if at <= gone { packet } else { self.from };
        }
        self.from.saturating_add(1)
    }
}

impl Drop for CaptureReader {
    fn drop(&mut self) {
        // Nobody shall wait for what will never come.
        if thread::panicking() {
            let mut progress = lock(&self.shared.progress);
            progress.state = Reading::Done;
            progress.trouble = Some("reading failed: this is a defect of wslens".to_owned());
            self.shared.board.grow();
        }
    }
}

impl CaptureReader {
    fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        // Where the next packet has to be waited for, nobody else shall have to wait.
        let is_file = self.capture.progress().is_some();
        let mut speed = Speed::new();
        let mut since = 0;
        let mut published = Instant::now();
        loop {
            let taken = if is_file { self.take_turn() } else { self.take_one() };
            since += taken.unwrap_or(0);
            if taken.is_none() || since >= PACKETS || published.elapsed() >= PATIENCE {
                self.publish();
                self.tell(&mut speed);
                (since, published) = (0, Instant::now());
            }
            if taken.is_none() {
                break;
            }
            while shared.waiting.load(Ordering::Acquire) > 0 {
                thread::yield_now();
            }
            if shared.quit.load(Ordering::Acquire) {
                return;
            }
            if shared.halt.load(Ordering::Acquire) {
                self.publish();
                self.tell(&mut speed);
                let mut turn = lock(&shared.turn.0);
                while shared.halt.load(Ordering::Acquire) && !shared.quit.load(Ordering::Acquire) {
                    turn = shared.turn.1.wait(turn).unwrap_or_else(PoisonError::into_inner);
                }
                speed = Speed::new();
            }
        }
        let mut fill = lock(&shared.fill);
        let summary = drive::finish(&mut self.capture, &mut self.pipeline, &mut *fill);
        fill.publish();
        drop(fill);
        shared.board.write().summary = Some(summary);
        self.publish();
        self.tell(&mut speed);
        lock(&shared.progress).state = Reading::Done;
        shared.board.grow();
    }

    /// Takes some packets; none at the end.
    fn take_turn(&mut self) -> Option<u32> {
        let mut fill = lock(&self.shared.fill);
        for taken in 0..TURN {
            let Some(packet) = self.capture.next() else { return (taken > 0).then_some(taken) };
            drive::process_packet(&packet, &mut self.capture, &mut self.pipeline, &mut *fill);
        }
        self.capture.check();
        Some(TURN)
    }

    /// Takes a packet for which the thread may have to wait; none at the end.
    fn take_one(&mut self) -> Option<u32> {
        if !self.capture.wait() {
            drive::use_new_secrets(&self.capture, &mut self.pipeline, &mut *lock(&self.shared.fill));
            self.publish();
            return Some(0);
        }
        let packet = self.capture.next()?;
        let mut fill = lock(&self.shared.fill);
        fill.taken = (packet.number, self.capture.totals().capture_bytes);
        drive::process_packet(&packet, &mut self.capture, &mut self.pipeline, &mut *fill);
        Some(1)
    }

    /// Updates the index with all new rows.
    fn publish(&mut self) {
        let mut fill = lock(&self.shared.fill);
        let mut index = self.shared.board.write();
        index.totals = self.pipeline.totals();
        index.seen = self.pipeline.seen().clone();
        index.take_notes(self.capture.notes());
        fill.publish_to(&mut index);
        if let Some(live) = &self.shared.live {
            // Of packets in a row, the first ones go.
            index.kept_from = live.status().evicted_packets.saturating_add(1);
        } else if self.shared.memory.is_some() {
            let totals = self.capture.totals();
            index.kept_from =
                self.kept.from(self.shared.archive.kept().1, totals.packets, totals.capture_bytes);
        }
        self.trails = fill.trail_size();
    }

    fn tell(&self, speed: &mut Speed) {
        let packets = self.capture.totals().packets;
        let (done, total) = match self.capture.progress() {
            Some((done, total)) => (done, Some(total)),
            None => (self.capture.totals().capture_bytes, None),
        };
        let memory = self.shared.memory.map(|memory| {
            let used = self.shared.board.read().size().saturating_add(self.trails);
            (used as u64, memory as u64)
        });
        let mut progress = lock(&self.shared.progress);
        *progress = Progress {
            state: progress.state,
            packets,
            done,
            total,
            rate: speed.at(done),
            kept: self.capture.kept(),
            trouble: self.capture.failure().map(str::to_owned),
            stream: progress.stream,
            classic: false,
            live: None,
            memory,
        };
    }
}

/// Measures the rate in bytes per second over about one second.
struct Speed {
    marks: [(Instant, u64); 2],
}

impl Speed {
    fn new() -> Self {
        Self { marks: [(Instant::now(), 0); 2] }
    }

    fn at(&mut self, done: u64) -> u64 {
        let [old, young] = &mut self.marks;
        let now = Instant::now();
        if old.1 == 0 || now.duration_since(young.0) > Duration::from_secs(1) {
            (*old, *young) = (*young, (now, done));
        }
        let (time, bytes) = (now.duration_since(old.0).as_secs_f64(), done.saturating_sub(old.1));
        if time > 0.0 { (bytes as f64 / time) as u64 } else { 0 }
    }
}
