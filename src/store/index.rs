//! The index: rows of everything in a capture, without payloads beyond a preview.

mod activity;
mod release;

use std::collections::VecDeque;

use super::pages::Pages;
use super::rows::{ConnectionRow, ControlNote, FindingRow, FrameRow, Marks, MessageRow};
use crate::autopsy::EndFacts;
use crate::capture::Notes;
use crate::model::{ConnectionId, Direction, Nanos, PerDirection, Place, Severity, Time};
use crate::pipeline::{SealedTls, Seen, State, Summary, Totals};
use crate::ws::{Closing, Counts, Integrity, Opcode, Rtt};
use release::{size_of_finding, size_of_row};

/// Maximum number of listed findings; all are counted. Each takes about 200 bytes.
const FINDINGS: usize = 100_000;
/// Memory limit for the previews of all messages, in bytes.
const PREVIEWS: u64 = 128 << 20;
/// log2 of the number of rows in an era, the unit in which old rows are discarded.
const ERA: u32 = 12;
/// The position of an unknown connection and of a discarded one.
const UNKNOWN: u32 = u32::MAX;
const GONE: u32 = u32::MAX - 1;

static NO_MESSAGES: Pages<MessageRow> = Pages::new();
static NO_FRAMES: Pages<FrameRow> = Pages::new();

/// The rows of everything read so far.
///
/// TLS connections that could not be read, of which details are kept.
const SEALED_ROOM: usize = 1024;

/// Connections stand in the order in which they became known; their numbers ([`id`](crate::pipeline::Connection::id), which
/// everything else takes) may come in another order.
#[derive(Debug, Default)]
pub struct Index {
    /// WebSockets, and attempts to open one.
    pub connections: Vec<ConnectionRow>,
    /// Findings, in the order in which they were found.
    pub findings: Vec<FindingRow>,
    /// Number of findings that are not listed because of the limit.
    pub findings_left_out: u64,
    /// TLS connections that could not be read: the first ones of them.
    pub sealed: Vec<SealedTls>,
    /// Their total number.
    pub sealed_count: u64,
    /// Number of frames of all connections.
    pub frames: u64,
    /// Number of complete messages, including control frames.
    pub messages: u64,
    /// The engine's totals; those of a connection are counted at its end.
    pub totals: Totals,
    /// Packets and connections without a WebSocket.
    pub seen: Seen,
    /// What the captures say about themselves: sections, interfaces, comments, names; no secrets.
    pub notes: Notes,
    /// The time of the first packet.
    pub begin: Option<Time>,
    /// The summary, after everything was read.
    pub summary: Option<Summary>,
    /// Counts per direction.
    pub traffic: PerDirection<Traffic>,
    /// What was discarded to limit memory.
    pub released: Released,
    /// The first packet whose bytes may still be in the spool.
    pub kept_from: u64,
    /// By number less 1 and less `passed`, where it stands.
    places: Vec<u32>,
    /// Numbers of connections below all that are listed.
    passed: usize,
    /// Beside `connections`.
    rows: Vec<ConnectionRows>,
    preview_bytes: u64,
    /// Bytes of everything else, about.
    bytes: usize,
    /// As how many rows connections count, to tell what is old.
    weight: u64,
    /// Findings that are listed where memory is bounded; then the oldest go, and not the newest.
    findings_room: Option<usize>,
    /// The oldest era of which there are rows, and the last packet before it and each later one.
    oldest: u32,
    begun: VecDeque<u64>,
    /// The last packet that brought anything.
    last_packet: u64,
}

/// Messages and bytes of a direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages that ended.
    pub messages: u64,
    /// Bytes of frames, headers included.
    pub bytes: u64,
}

/// Counts of the oldest rows, which were discarded to limit memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Released {
    /// Grows whenever rows are discarded.
    pub turns: u64,
    /// Connections that were over, with all that they had.
    pub connections: u64,
    /// Messages.
    pub messages: u64,
    /// Frames.
    pub frames: u64,
    /// Findings.
    pub findings: u64,
}

/// The rows of a connection.
#[derive(Debug, Default)]
struct ConnectionRows {
    messages: Pages<MessageRow>,
    frames: Pages<FrameRow>,
    /// Beside each page of messages: their previews one after the other.
    previews: Vec<Vec<u8>>,
    notes: Pages<(u64, ControlNote)>,
    /// Of messages that lack bytes: the number, where the first one is missing, how many are.
    lacks: Vec<(u64, u64, u64)>,
    /// Messages, and frames, that do not stand in the order of time.
    tangled: (bool, bool),
    /// The latest packet that completed a message, and the latest time of a frame.
    latest: (u64, Time),
    /// Messages with a finding that have no row yet.
    marked: Vec<u64>,
    /// When the last row came.
    era: u32,
}

/// A change of the index, in the order in which it became certain.
#[derive(Debug)]
pub(super) enum News {
    /// A connection is known.
    Connection(Box<ConnectionRow>),
    /// A frame: its connection, its number, where it ended.
    Frame {
        connection: u32,
        number: u64,
        last: Place,
        row: FrameRow,
    },
    /// A message, with so many bytes of the previews.
    Message {
        connection: u32,
        number: u64,
        last: Place,
        row: MessageRow,
        /// Its first missing byte, and how many are missing.
        missing: Option<(u64, u64)>,
    },
    /// What becomes of a control frame.
    Note {
        connection: u32,
        number: u64,
        note: ControlNote,
    },
    /// A Close.
    Close {
        connection: u32,
        closing: Box<Closing>,
    },
    Finding(Box<FindingRow>),
    Ended(Box<End>),
    /// A TLS connection that was not read.
    Sealed(Box<SealedTls>),
    /// It is read after all, or reported once more.
    Withdrawn(ConnectionId),
}

/// The values known at the end of a connection.
#[derive(Debug)]
pub(super) struct End {
    pub(super) connection: u32,
    pub(super) state: State,
    pub(super) closed: Option<Time>,
    pub(super) closing: Option<Closing>,
    pub(super) counts: PerDirection<Counts>,
    pub(super) rtt: Rtt,
    pub(super) findings: [u64; 3],
    pub(super) gaps: (u64, u64),
    pub(super) skipped: PerDirection<Option<u64>>,
    pub(super) facts: Box<EndFacts>,
}

impl Index {
    /// The connection with this number.
    #[must_use]
    pub fn connection(&self, number: u32) -> Option<&ConnectionRow> {
        self.connections.get(self.place(number)?)
    }

    /// Where the connection with this number stands in the list.
    #[must_use]
    pub fn place(&self, number: u32) -> Option<usize> {
        let slot = (number.checked_sub(1)? as usize).checked_sub(self.passed)?;
        let place = *self.places.get(slot)?;
        (place < GONE).then_some(place as usize)
    }

    /// A connection's messages, by number less 1.
    #[must_use]
    pub fn messages(&self, connection: u32) -> &Pages<MessageRow> {
        self.rows_of(connection).map_or(&NO_MESSAGES, |rows| &rows.messages)
    }

    /// A connection's frames, by number less 1.
    #[must_use]
    pub fn frames(&self, connection: u32) -> &Pages<FrameRow> {
        self.rows_of(connection).map_or(&NO_FRAMES, |rows| &rows.frames)
    }

    /// The first application bytes of a message, at most 64; empty where there are none, and where
    /// [`Marks::NO_PREVIEW`] says so.
    #[must_use]
    pub fn preview(&self, connection: u32, message: u64) -> &[u8] {
        let at = message.checked_sub(1).and_then(|at| usize::try_from(at).ok());
        let (Some(rows), Some(at)) = (self.rows_of(connection), at) else { return &[] };
        let Some((page, range)) = rows.preview_place(at) else { return &[] };
        rows.previews.get(page).and_then(|bytes| bytes.get(range)).unwrap_or_default()
    }

    /// Returns the counterpart of a ping, a pong or a Close frame.
    #[must_use]
    pub fn control_note(&self, connection: u32, message: u64) -> Option<&ControlNote> {
        let notes = &self.rows_of(connection)?.notes;
        let (number, note) = notes.get(notes.partition_point(|(number, _)| *number < message))?;
        (*number == message).then_some(note)
    }

    /// Returns the offset of the first missing byte of a message and the number of missing bytes.
    #[must_use]
    pub fn missing(&self, connection: u32, message: u64) -> Option<(u64, u64)> {
        let lacks = &self.rows_of(connection)?.lacks;
        let at = lacks.binary_search_by_key(&message, |(number, ..)| *number).ok()?;
        lacks.get(at).map(|(_, at, len)| (*at, *len))
    }

    /// Whether the messages of a connection, or its frames, do not stand in the order in which they were complete: after a loss
    /// in one direction, what waited for the missing bytes is told later than it came.
    #[must_use]
    pub fn is_tangled(&self, connection: u32, frames: bool) -> bool {
        let tangled = self.rows_of(connection).map(|rows| rows.tangled).unwrap_or_default();
        if frames { tangled.1 } else { tangled.0 }
    }

    fn rows_of(&self, connection: u32) -> Option<&ConnectionRows> {
        self.rows.get(self.place(connection)?)
    }

    fn of_mut(&mut self, connection: u32) -> Option<(&mut ConnectionRow, &mut ConnectionRows)> {
        let place = self.place(connection)?;
        Some((self.connections.get_mut(place)?, self.rows.get_mut(place)?))
    }

    /// Takes what is new. `previews`: the bytes of the messages' previews, one after the other.
    pub(super) fn apply(&mut self, news: &mut Vec<News>, previews: &[u8]) {
        let mut rest = previews;
        for item in news.drain(..) {
            match item {
                News::Connection(row) => self.add(*row),
                News::Frame { connection, number, last, row } => self.frame(connection, number, last, row),
                News::Message { connection, number, last, row, missing } => {
                    let (preview, after) =
                        rest.split_at_checked(row.preview_len.into()).unwrap_or((&[], rest));
                    rest = after;
                    self.message(connection, number, last, row, preview);
                    if let Some(missing) = missing {
                        self.lack(connection, number, missing);
                    }
                }
                News::Note { connection, number, note } => self.note(connection, number, note),
                News::Close { connection, closing } => {
                    if let Some((row, rows)) = self.of_mut(connection) {
                        let mut closing = closing;
                        let message = rows.messages.get((closing.message as usize).saturating_sub(1));
                        closing.frame = message.map_or(0, |message| message.first_frame.into());
                        match &mut row.closing {
                            None => row.closing = Some(*closing),
                            Some(first) if first.by != closing.by => {
                                if closing.place.packet < first.place.packet {
                                    *first = *closing;
                                }
                                first.answered = true;
                            }
                            Some(_) => {}
                        }
                    }
                }
                News::Finding(row) => self.finding(*row),
                News::Ended(end) => self.end(*end),
                News::Sealed(sealed) => {
                    self.sealed_count += 1;
                    if self.sealed.len() < SEALED_ROOM {
                        self.sealed.push(*sealed);
                    }
                }
                News::Withdrawn(tcp) => {
                    self.sealed_count = self.sealed_count.saturating_sub(1);
                    self.sealed.retain(|sealed| sealed.tcp != tcp);
                }
            }
        }
    }

    /// Takes what the captures have said about themselves since the last time.
    pub(super) fn take_notes(&mut self, notes: &Notes) {
        fn extend<T: Clone>(known: &mut Vec<T>, all: &[T]) {
            known.extend_from_slice(all.get(known.len()..).unwrap_or_default());
        }
        extend(&mut self.notes.sections, &notes.sections);
        extend(&mut self.notes.comments, &notes.comments);
        extend(&mut self.notes.interfaces, &notes.interfaces);
        extend(&mut self.notes.names, &notes.names);
    }

    fn add(&mut self, row: ConnectionRow) {
        let slot = row.id.0.checked_sub(1).and_then(|slot| (slot as usize).checked_sub(self.passed));
        let Some(slot) = slot else { return };
        if self.places.len() <= slot {
            self.places.resize(slot + 1, UNKNOWN);
        }
        if let Some(place) = self.places.get_mut(slot).filter(|place| **place == UNKNOWN) {
            *place = self.connections.len() as u32;
            self.bytes += size_of_row(&row);
            self.note_weight(&row);
            self.connections.push(row);
            self.rows.push(ConnectionRows { era: self.era(), ..ConnectionRows::default() });
        }
    }

    fn frame(&mut self, connection: u32, number: u64, last: Place, frame: FrameRow) {
        self.frames += 1;
        self.note_time(last);
        self.traffic.of_mut(frame.direction()).bytes += if frame.complete { frame.wire() } else { 0 };
        let era = self.era();
        let Some((row, rows)) = self.of_mut(connection) else { return };
        row.last = row.last.max(last);
        rows.era = era;
        let counts = row.counts.of_mut(frame.direction());
        counts.frames += 1;
        if frame.complete {
            counts.payload_bytes += frame.payload_len;
            counts.wire_bytes += frame.wire();
        }
        let mut grown = 0;
        if frame.message != 0 {
            grown += rows.frame_of_message(&frame, number, last, era);
        }
        rows.tangled.1 |= frame.time < rows.latest.1;
        rows.latest.1 = rows.latest.1.max(frame.time);
        grown += rows.frames.push(frame, era);
        debug_assert_eq!(rows.frames.len() as u64, number, "frames are told in order");
        self.bytes += grown;
    }

    fn message(&mut self, connection: u32, number: u64, last: Place, message: MessageRow, preview: &[u8]) {
        let within = self.preview_bytes + preview.len() as u64 <= PREVIEWS;
        self.messages += 1;
        self.note_time(last);
        self.traffic.of_mut(message.direction()).messages += 1;
        let era = self.era();
        let Some((row, rows)) = self.of_mut(connection) else { return };
        row.last = row.last.max(last);
        rows.era = era;
        let counts = row.counts.of_mut(message.direction());
        counts.messages += 1;
        let opcode = message.opcode();
        let count = match opcode {
            Opcode::Text => counts.data.get_mut(0),
            Opcode::Binary => counts.data.get_mut(1),
            Opcode::Close => counts.control.get_mut(0),
            Opcode::Ping => counts.control.get_mut(1),
            Opcode::Pong => counts.control.get_mut(2),
            other if other.is_control() => counts.control.get_mut(3),
            _ => counts.data.get_mut(2),
        };
        if let Some(count) = count {
            *count += 1;
        }
        if !opcode.is_control() {
            *row.app_bytes.of_mut(message.direction()) += message.len().unwrap_or(0);
        }
        rows.told_message(number, last);
        let (grown, kept) =
            rows.end_message(number, message, if within { preview } else { &[] }, within, era);
        self.bytes += grown;
        self.preview_bytes += kept as u64;
    }

    #[cold]
    fn lack(&mut self, connection: u32, number: u64, (at, len): (u64, u64)) {
        let Some((_, rows)) = self.of_mut(connection) else { return };
        let place = rows.lacks.partition_point(|(other, ..)| *other < number);
        rows.lacks.insert(place, (number, at, len));
        self.bytes += size_of::<(u64, u64, u64)>();
    }

    fn note(&mut self, connection: u32, number: u64, note: ControlNote) {
        let era = self.era();
        let Some((row, rows)) = self.of_mut(connection) else { return };
        if let Some(rtt) = note.rtt {
            let all = &mut row.rtt;
            (all.min, all.max) =
                if all.count == 0 { (rtt, rtt) } else { (all.min.min(rtt), all.max.max(rtt)) };
            all.count += 1;
            all.sum = Nanos(all.sum.0.saturating_add(rtt.0));
        }
        if rows.notes.last().is_none_or(|(last, _)| *last < number) {
            let grown = rows.notes.push((number, note), era);
            self.bytes += grown;
        }
    }

    fn finding(&mut self, finding: FindingRow) {
        if let Some(connection) = finding.connection
            && let Some((row, rows)) = self.of_mut(connection.0)
        {
            let count = match finding.rule.severity {
                Severity::Info => row.findings.get_mut(0),
                Severity::Warning => row.findings.get_mut(1),
                Severity::Error => row.findings.get_mut(2),
            };
            if let Some(count) = count {
                *count += 1;
            }
            if let Some(number) = finding.message {
                rows.mark(number);
            }
        }
        let room = self.findings_room.unwrap_or(FINDINGS);
        if self.findings.len() >= room
            && let Some(some) = self.findings_room.map(|room| room.div_ceil(4))
        {
            let gone: usize =
                self.findings.drain(..some.min(room)).map(|finding| size_of_finding(&finding)).sum();
            self.bytes = self.bytes.saturating_sub(gone);
            self.released.findings += some.min(room) as u64;
            self.released.turns += 1;
        }
        if self.findings.len() < room {
            self.bytes += size_of_finding(&finding);
            self.findings.push(finding);
        } else {
            self.findings_left_out += 1;
        }
    }

    fn end(&mut self, end: End) {
        let Some((row, rows)) = self.of_mut(end.connection) else { return };
        (row.state, row.closed, row.closing) = (Some(end.state), end.closed, end.closing);
        (row.counts, row.rtt, row.findings) = (end.counts, end.rtt, end.findings);
        (row.gaps, row.skipped) = (end.gaps, end.skipped);
        row.end = Some(end.facts);
        rows.marked = Vec::new();
        if let Some(last) = rows.previews.last_mut() {
            last.shrink_to_fit();
        }
    }
}

impl ConnectionRows {
    /// The page of a message's preview, and where it is in that page's bytes; none where it was released.
    fn preview_place(&self, at: usize) -> Option<(usize, std::ops::Range<usize>)> {
        let (page, inside) = self.messages.place(at)?;
        let (before, from) = self.messages.page(page).split_at_checked(inside)?;
        let start: usize = before.iter().map(|row| usize::from(row.preview_len)).sum();
        let len = from.first().map_or(0, |row| usize::from(row.preview_len));
        Some((page, start..start + len))
    }

    /// A frame of a message: a message that has no row yet gets one, so that no later one takes its place. Answers by
    /// how many bytes that grew.
    fn frame_of_message(&mut self, frame: &FrameRow, number: u64, last: Place, era: u32) -> usize {
        let at = frame.message as usize - 1;
        self.told_message(frame.message.into(), last);
        if let Some(row) = self.messages.get_mut(at) {
            if row.marks.has(Marks::UNFINISHED) {
                if row.frames == 0 {
                    // Until now it was only known that it had begun.
                    row.first_packet = frame.packet;
                    row.first_frame = number as u32;
                    row.opcode = frame.head[0] & 0x0f;
                    row.direction = u8::from(frame.direction() == Direction::ServerToClient);
                }
                row.time = frame.time;
                row.last_packet = last.packet as u32;
                row.frames = row.frames.saturating_add(1);
                row.wire = row.wire.saturating_add(frame.wire());
            }
            return 0;
        }
        if at < self.messages.len() {
            return 0; // It was released.
        }
        let mut grown = 0;
        while self.messages.len() < at {
            grown += self.push(unknown(), era);
        }
        let masked = if frame.head[1] & 0x80 == 0 { 0 } else { Marks::MASKED };
        let found = if self.marked.contains(&(at as u64 + 1)) { Marks::FINDING } else { 0 };
        let row = MessageRow {
            time: frame.time,
            wire: frame.wire(),
            first_packet: frame.packet,
            last_packet: last.packet as u32,
            frames: 1,
            first_frame: number as u32,
            opcode: frame.head[0] & 0x0f,
            direction: side(frame.direction()),
            marks: Marks(Marks::UNFINISHED | Marks::LEN_UNKNOWN | masked | found),
            ..unknown()
        };
        grown + self.push(row, era)
    }

    /// Takes note of whether a message that is told of stands in the order of packets.
    #[inline]
    fn told_message(&mut self, number: u64, last: Place) {
        self.tangled.0 |= number < self.messages.len() as u64
            || number > self.messages.len() as u64 + 1
            || last.packet < self.latest.0;
        self.latest.0 = self.latest.0.max(last.packet);
    }

    fn push(&mut self, row: MessageRow, era: u32) -> usize {
        if self.messages.begins_page() {
            if let Some(last) = self.previews.last_mut() {
                last.shrink_to_fit();
            }
            self.previews.push(Vec::new());
        }
        self.messages.push(row, era)
    }

    /// A message that ended. Its row is there since its first frame. Answers by how many bytes that grew, and those of
    /// its preview that are kept.
    fn end_message(
        &mut self,
        number: u64,
        mut row: MessageRow,
        preview: &[u8],
        kept: bool,
        era: u32,
    ) -> (usize, usize) {
        let Some(at) = number.checked_sub(1).map(|at| at as usize) else { return (0, 0) };
        let mut grown = 0;
        while self.messages.len() <= at {
            grown += self.push(unknown(), era);
        }
        row.preview_len = preview.len() as u8;
        if !kept {
            row.marks.0 |= Marks::NO_PREVIEW;
        }
        if !self.marked.is_empty() {
            self.marked.retain(|marked| *marked != number);
        }
        let Some(known) = self.messages.get_mut(at) else { return (grown, 0) };
        row.marks.0 |= known.marks.0 & (Marks::FINDING | Marks::MASKED);
        row.first_frame = known.first_frame;
        *known = row;
        if at + 1 == self.messages.len() {
            if let Some(bytes) = self.previews.last_mut() {
                bytes.extend_from_slice(preview);
            }
        } else {
            // Later ones ended before it did.
            if let Some((page, range)) = self.preview_place(at)
                && let Some(bytes) = self.previews.get_mut(page)
                && range.start <= bytes.len()
            {
                bytes.splice(range.start..range.start, preview.iter().copied());
            }
        }
        (grown, preview.len())
    }

    fn mark(&mut self, number: u64) {
        let Some(at) = number.checked_sub(1).map(|at| at as usize) else { return };
        let released = self.messages.released();
        match self.messages.get_mut(at) {
            Some(row) => row.marks.0 |= Marks::FINDING,
            None if at < released => {}
            None => self.marked.push(number),
        }
    }
}

/// The row of a message of which nothing is known but that it has begun.
fn unknown() -> MessageRow {
    MessageRow {
        time: Time::default(),
        len: 0,
        wire: 0,
        first_packet: 0,
        last_packet: 0,
        frames: 0,
        first_frame: 0,
        opcode: 0,
        direction: 0,
        marks: Marks(Marks::UNFINISHED | Marks::LEN_UNKNOWN),
        integrity: Integrity::Ok,
        preview_len: 0,
    }
}

/// 0 for the client, as rows have it.
pub(super) fn side(direction: Direction) -> u8 {
    u8::from(direction == Direction::ServerToClient)
}
