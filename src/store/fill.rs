//! Fills the index: the sink of the reading thread.

use std::fmt::Arguments;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::index::{End, Index, News, side};
use super::rows::{ConnectionRow, ControlNote, FindingRow, FrameRow, FrameSender, Marks, MessageRow};
use super::trail::Trails;
use crate::autopsy::EndFacts;
use crate::model::{ConnectionId, Direction, PacketRef, PerDirection, Rule, Severity, Time};
use crate::pipeline::{Connection, Ended, ReplayStep, SealedTls, Sink, Wants};
use crate::ws::{Closing, FrameEvent, MessageEvent, Opcode, Rtt, Spot};

/// Bytes of a message that are kept to look at.
const PREVIEW: usize = 64;
/// Bytes that a packet adds to the ways to details, at most, nearly always.
const A_STEP: usize = 24;
/// How much news is kept back at most: a bound, and the time for which readers wait.
const BATCH: usize = 8192;

/// The index where the threads can see it.
#[derive(Debug, Default)]
pub(super) struct Board {
    index: RwLock<Index>,
    version: AtomicU64,
}

impl Board {
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index to write, unless somebody looks at it.
    pub(super) fn try_write(&self) -> Option<RwLockWriteGuard<'_, Index>> {
        self.index.try_write().ok()
    }

    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(super) fn grow(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
    }
}

/// Takes the engine's events, and hands them to the index in batches.
#[derive(Debug)]
pub(super) struct Fill {
    board: Arc<Board>,
    news: Vec<News>,
    previews: Vec<u8>,
    begin: Option<Time>,
    pub(super) trails: Trails,
    /// The last packet that was taken, and the bytes read by then.
    pub(super) taken: (u64, u64),
    /// Packets for which the engine waits at most.
    waits: u64,
    /// Bytes of memory for all that is known, where they are bounded.
    memory: Option<usize>,
    /// Bytes that the ways to details took when that was last looked at, and packets by then.
    looked: (usize, u64),
}

impl Fill {
    /// `memory`: bytes for all that is known; beyond them the oldest goes.
    pub(super) fn new(board: Arc<Board>, trails: Trails, waits: u64, memory: Option<usize>) -> Self {
        Self {
            board,
            news: Vec::new(),
            previews: Vec::new(),
            begin: None,
            trails,
            taken: (0, 0),
            waits,
            memory,
            looked: (0, 0),
        }
    }

    /// Whether there is anything that the index does not have.
    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// Hands all news to the index.
    pub(super) fn publish(&mut self) {
        let board = Arc::clone(&self.board);
        self.publish_to(&mut board.write());
    }

    pub(super) fn publish_to(&mut self, index: &mut Index) {
        index.apply(&mut self.news, &self.previews);
        self.previews.clear();
        index.begin = index.begin.or(self.begin);
        if let Some(memory) = self.memory {
            self.bound(memory, index);
        }
        self.board.grow();
    }

    /// Lets the oldest go until an eighth of the memory is free again.
    fn bound(&mut self, memory: usize, index: &mut Index) {
        let packets = self.trails.last_packet();
        let since = packets.saturating_sub(self.looked.1) as usize;
        let guess = self.looked.0.saturating_add(since.saturating_mul(A_STEP));
        if index.size().saturating_add(guess) <= memory {
            return;
        }
        self.looked = (self.trails.size(), packets);
        let wanted = memory - memory / 8;
        if index.size().saturating_add(self.looked.0) <= memory {
            return;
        }
        while index.size().saturating_add(self.looked.0) > wanted {
            let Some(before) = index.release() else { break };
            // Some packets are waited for: what they complete is listed later.
            let before = before.saturating_sub(self.waits);
            self.trails.release(before, |id| index.place(id).is_some());
            self.looked.0 = self.trails.size();
        }
    }

    /// Bytes that the ways to details took when that was last looked at.
    pub(super) fn trail_size(&self) -> usize {
        self.looked.0
    }

    #[inline]
    fn push(&mut self, news: News) {
        self.news.push(news);
        if self.news.len() >= BATCH {
            self.publish();
        }
    }
}

impl Sink for Fill {
    fn wants(&self) -> Wants {
        // The row has the heads from the beginning.
        Wants { heads: false, replay_steps: true, chunks: false, sealed: true, drafts: true }
    }

    fn begins(&mut self, first: Time) {
        self.begin = Some(first);
    }

    fn opened(&mut self, connection: &Connection) {
        self.trails.name(connection.tcp, connection.id);
        self.push(News::Connection(Box::new(row(connection))));
    }

    #[inline]
    fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) {
        let header = frame.header;
        let row = FrameRow {
            time: frame.last.time,
            payload_len: header.payload_len,
            packet: frame.start.place.packet as u32,
            message: frame.message.map_or(0, |message| message as u32),
            key: header.masking_key,
            head: header.head,
            sender: FrameSender::new(frame.direction, header.encoding),
            complete: frame.complete,
        };
        self.push(News::Frame { connection: connection.id.0, number: frame.number, last: frame.last, row });
    }

    #[inline]
    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        // Bytes that are still compressed say nothing of the message, and those behind a hole belong elsewhere.
        let certain = match message.missing {
            _ if message.integrity.is_as_sent(message.compressed) => 0,
            Some((at, _)) => usize::try_from(at).unwrap_or(usize::MAX),
            None => usize::MAX,
        };
        let shown = message.bytes.len().min(PREVIEW).min(certain);
        let preview = message.bytes.get(..shown).unwrap_or_default();
        self.previews.extend_from_slice(preview);
        let mut marks = 0;
        for (mark, is) in [
            (Marks::COMPRESSED, message.compressed),
            (Marks::LEN_UNKNOWN, message.len.is_none()),
            (Marks::NOT_UTF8, message.invalid_utf8_at.is_some()),
        ] {
            marks |= if is { mark } else { 0 };
        }
        let row = MessageRow {
            time: message.last.time,
            len: message.len.unwrap_or(0),
            wire: message.wire,
            first_packet: message.first.packet as u32,
            last_packet: message.last.packet as u32,
            frames: message.frames,
            first_frame: 0,
            opcode: message.opcode.bits(),
            direction: side(message.direction),
            marks: Marks(marks),
            integrity: message.integrity,
            preview_len: preview.len() as u8,
        };
        let (connection, number) = (connection.id.0, message.number);
        let missing = message.missing;
        self.push(News::Message { connection, number, last: message.last, row, missing });
        if message.opcode.is_control() {
            self.control(connection, message);
        }
    }

    fn finding(
        &mut self,
        connection: Option<&Connection>,
        rule: &'static Rule,
        spot: Spot,
        text: Arguments<'_>,
    ) {
        // One that is never opened is told by its end; its findings come before that.
        if let Some(connection) = connection {
            self.know(connection);
        }
        self.push(News::Finding(Box::new(FindingRow {
            connection: connection.map(|connection| connection.id),
            rule,
            direction: spot.direction,
            frame: spot.frame,
            message: spot.message,
            offset: spot.offset,
            place: spot.place,
            text: text.to_string().into_boxed_str(),
        })));
    }

    fn sealed(&mut self, sealed: &SealedTls) {
        self.push(News::Sealed(Box::new(sealed.clone())));
    }

    fn withdrawn(&mut self, tcp: ConnectionId) {
        self.push(News::Withdrawn(tcp));
    }

    #[inline]
    fn replay_step(&mut self, step: &ReplayStep<'_>) {
        self.trails.step(step);
    }

    fn fragment(&mut self, packet: &PacketRef) {
        self.trails.fragment(packet);
    }

    fn ended(&mut self, ended: &Ended<'_>) {
        self.know(ended.connection);
        self.trails.name(ended.connection.tcp, ended.connection.id);
        let socket = ended.socket;
        let of = |severity| ended.findings.of(severity);
        let both = Direction::BOTH.map(|direction| {
            socket.map_or_else(Default::default, |socket| {
                (*socket.counts(direction), socket.skipped(direction))
            })
        });
        let [(c2s, c2s_skipped), (s2c, s2c_skipped)] = both;
        self.push(News::Ended(Box::new(End {
            connection: ended.connection.id.0,
            state: ended.state,
            closed: ended.closed,
            closing: socket.and_then(|socket| socket.closing().cloned()),
            counts: PerDirection { c2s, s2c },
            rtt: socket.map_or(Rtt::default(), |socket| socket.rtt()),
            findings: [of(Severity::Info), of(Severity::Warning), of(Severity::Error)],
            gaps: ended.gaps,
            skipped: PerDirection { c2s: c2s_skipped, s2c: s2c_skipped },
            facts: Box::new(EndFacts::of(ended)),
        })));
    }
}

impl Fill {
    /// A connection that was not opened has no row yet.
    #[cold]
    fn know(&mut self, connection: &Connection) {
        if !connection.handshake.upgraded {
            self.push(News::Connection(Box::new(row(connection))));
        }
    }

    #[cold]
    fn control(&mut self, connection: u32, message: &MessageEvent<'_>) {
        let close = message.close;
        let note = ControlNote {
            rtt: message.rtt,
            answers: message.answers,
            code: close.and_then(|close| close.code),
        };
        if note != ControlNote::default() {
            self.push(News::Note { connection, number: message.number, note });
        }
        if message.opcode == Opcode::Close {
            self.push(News::Close {
                connection,
                closing: Box::new(Closing {
                    by: Some(message.direction),
                    code: note.code,
                    reason: close.map_or(&[][..], |close| close.reason).to_vec(),
                    frame: 0,
                    message: message.number,
                    place: message.first,
                    answered: false,
                }),
            });
        }
    }
}

/// A connection as its handshake shows it.
fn row(connection: &Connection) -> ConnectionRow {
    let places = [connection.request, connection.response];
    let last = places.into_iter().flatten().map(|place| place.last);
    ConnectionRow {
        connection: connection.clone(),
        last: last.fold(connection.first, |a, b| a.max(b)),
        state: None,
        closed: None,
        closing: None,
        counts: PerDirection::default(),
        app_bytes: PerDirection::default(),
        rtt: Rtt::default(),
        findings: [0; 3],
        gaps: (0, 0),
        skipped: PerDirection::default(),
        end: None,
    }
}
