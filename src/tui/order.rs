//! The order of the rows of a connection, the same as in `wslens read`: by the time at which messages or frames were
//! complete, with a row for each gap in the capture.

use crate::model::{Direction, Lang, Place, Time};
use crate::store::{FrameRow, Index, MessageRow};
use crate::tui::widgets::units;

/// Marks an entry as a gap.
const HOLE: u32 = 1 << 31;
/// Marks an entry as something else between the rows.
const EXTRA: u32 = 1 << 30;
/// Maximum number of frames searched for the last one of a message.
const FRAMES: usize = 1 << 16;

/// The content of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderEntry {
    /// A message or a frame, by its number less 1.
    Row(usize),
    /// A gap, by its place among the gaps of the connection.
    Hole(usize),
    /// An item that the screen itself adds between frames, by its place among those items.
    Extra(usize),
}

/// Bytes that are missing from the capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The number of its finding, counting released ones.
    pub finding: u64,
    /// The direction whose bytes are missing.
    pub direction: Option<Direction>,
    /// The packet at which the gap was detected.
    pub place: Place,
    /// The number of missing bytes, if known.
    pub len: Option<u64>,
}

impl Hole {
    /// `29 bytes of the client are missing here`
    #[must_use]
    pub fn words(&self, lang: Lang) -> String {
        let whose = match (self.direction, lang) {
            (Some(direction), Lang::En) => format!(" of the {}", direction.sender()),
            (Some(Direction::ClientToServer), Lang::Zh) => "客户端".to_owned(),
            (Some(Direction::ServerToClient), Lang::Zh) => "服务器".to_owned(),
            (None, _) => String::new(),
        };
        match (self.len, lang) {
            (Some(1), Lang::En) => format!("1 byte{whose} is missing here"),
            (Some(len), Lang::En) => format!("{}{whose} are missing here", units::counted(len, "byte")),
            (None, Lang::En) => format!("bytes{whose} are missing here"),
            (Some(len), Lang::Zh) => format!("此处缺少{whose} {} 个字节", units::grouped(len)),
            (None, Lang::Zh) => format!("此处缺少{whose}的字节"),
        }
    }
}

/// The sort key: a packet or a time, then a number for equal ones.
type Key = (i64, u64);

/// The order of the messages, or the frames, of one connection.
#[derive(Clone, Debug, Default)]
pub struct MessageOrder {
    /// The connection, and whether frames are listed instead of messages.
    list: (u32, bool),
    /// Entries in order; unused if the order is that of the numbers and there is no gap.
    entries: Vec<u32>,
    /// The position of each row, by its place less the first one.
    at: Vec<u32>,
    first: usize,
    end: usize,
    /// Messages that move when they are complete, with their current sort keys.
    unfinished: Vec<(u32, Key)>,
    holes: Vec<Hole>,
    /// Number of gaps that have a position.
    placed: usize,
    /// The times of the items that the screen adds.
    extras: Vec<Time>,
    /// Number of findings that were examined.
    examined: u64,
    version: u64,
    changed: usize,
}

impl MessageOrder {
    /// Updates the order for the rows that exist. `paused`: gaps that are detected now are added later.
    pub fn update(&mut self, index: &Index, list: (u32, bool), there: std::ops::Range<usize>, paused: bool) {
        if self.list != list {
            *self = Self { list, version: self.version + 1, ..Self::default() };
        }
        if !paused {
            self.find_holes(index);
        }
        if there.start != self.first || there.end < self.end {
            self.begin_again(index, there.start);
        }
        if self.holes.is_empty() && self.extras.is_empty() && !index.is_tangled(list.0, list.1) {
            // New rows are behind the others.
            self.changed = self.end;
            self.end = there.end;
            return;
        }
        let was_plain = self.is_plain();
        let mut from = if was_plain { 0 } else { self.entries.len() };
        for (place, key) in &self.unfinished {
            if key_of(index, list, *place as usize) != *key {
                from = from.min(self.position(*place as usize).unwrap_or(0));
            }
        }
        let rows = if was_plain { there.start } else { self.end }..there.end;
        let mut new: Vec<(Key, u32)> = rows.map(|place| (key_of(index, list, place), place as u32)).collect();
        for (at, hole) in self.holes.iter().enumerate().skip(self.placed) {
            new.push((hole_key(hole, list.1), at as u32 | HOLE));
        }
        if self.entries.is_empty() {
            let extras = self.extras.iter().enumerate();
            new.extend(extras.map(|(at, time)| ((time.0, u64::MAX), at as u32 | EXTRA)));
        }
        if new.is_empty() && from == self.entries.len() {
            self.changed = from;
            return;
        }
        if let Some(least) = new.iter().map(|(key, _)| *key).min() {
            let kept = self.entries.get(..from).unwrap_or_default();
            from = kept.partition_point(|entry| self.key(index, *entry) <= least);
        }
        let unfinished = std::mem::take(&mut self.unfinished);
        let stays = |(place, _): &(u32, Key)| self.position(*place as usize).is_some_and(|at| at < from);
        self.unfinished = unfinished.into_iter().filter(stays).collect();
        let tail = self.entries.split_off(from);
        new.extend(tail.into_iter().map(|entry| (self.key(index, entry), entry)));
        new.sort_unstable();
        self.at.resize(there.end - there.start, 0);
        for (key, entry) in new {
            if entry & (HOLE | EXTRA) == 0 {
                if let Some(at) = self.at.get_mut((entry as usize).wrapping_sub(there.start)) {
                    *at = self.entries.len() as u32;
                }
                if !list.1 && is_unfinished(index, list.0, entry as usize) {
                    self.unfinished.push((entry, key));
                }
            }
            self.entries.push(entry);
        }
        (self.end, self.placed, self.changed) = (there.end, self.holes.len(), from);
        self.version += 1;
    }

    /// Adds an item between the frames, by its time. Call this before [`update`](Self::update).
    pub fn put_between(&mut self, extras: &[Time]) {
        if self.extras != extras {
            self.extras = extras.to_vec();
            // The order is computed again.
            self.end = usize::MAX;
        }
    }

    fn begin_again(&mut self, index: &Index, first: usize) {
        if first > self.first {
            // Gaps before the first row were removed with the rows around them.
            let begin = key_of(index, self.list, first);
            let frames = self.list.1;
            self.holes.retain(|hole| hole_key(hole, frames) >= begin);
        }
        (self.entries, self.at, self.unfinished) = (Vec::new(), Vec::new(), Vec::new());
        (self.first, self.end, self.placed, self.changed) = (first, first, 0, 0);
        self.version += 1;
    }

    /// Adds the gaps among new findings.
    fn find_holes(&mut self, index: &Index) {
        let gone = index.released.findings;
        let from = usize::try_from(self.examined.saturating_sub(gone)).unwrap_or(usize::MAX);
        let new = index.findings.get(from..).unwrap_or_default();
        // A gap in the handshake is shown with the handshake.
        let response = index.connection(self.list.0).and_then(|row| row.response);
        let response = response.map_or(0, |place| place.last.packet);
        for (at, finding) in new.iter().enumerate() {
            let is_own = finding.connection.is_some_and(|id| id.0 == self.list.0);
            if is_own && finding.rule.code == "tcp-gap" && finding.place.packet > response {
                self.holes.push(Hole {
                    finding: gone + (from + at) as u64,
                    direction: finding.direction,
                    place: finding.place,
                    len: bytes_in(&finding.text),
                });
            }
        }
        self.examined = gone + index.findings.len() as u64;
    }

    fn key(&self, index: &Index, entry: u32) -> Key {
        if entry & EXTRA != 0 {
            let extra = self.extras.get((entry & !EXTRA) as usize);
            return (extra.map_or(0, |time| time.0), u64::MAX);
        }
        if entry & HOLE == 0 {
            return key_of(index, self.list, entry as usize);
        }
        self.holes.get((entry & !HOLE) as usize).map_or((0, 0), |hole| hole_key(hole, self.list.1))
    }

    /// Returns whether the rows are in the order of their numbers, without gaps.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of entries.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // Nobody asks.
    pub fn len(&self) -> usize {
        if self.is_plain() { self.end - self.first } else { self.entries.len() }
    }

    /// Returns the entry at a position.
    #[must_use]
    pub fn entry(&self, position: usize) -> Option<OrderEntry> {
        if self.is_plain() {
            let place = self.first.saturating_add(position);
            return (place < self.end).then_some(OrderEntry::Row(place));
        }
        let entry = *self.entries.get(position)?;
        Some(match entry & (HOLE | EXTRA) {
            0 => OrderEntry::Row(entry as usize),
            EXTRA => OrderEntry::Extra((entry & !EXTRA) as usize),
            _ => OrderEntry::Hole((entry & !HOLE) as usize),
        })
    }

    /// Returns the position of a row.
    #[must_use]
    pub fn position(&self, place: usize) -> Option<usize> {
        let at = place.checked_sub(self.first)?;
        if self.is_plain() {
            return (place < self.end).then_some(at);
        }
        self.at.get(at).map(|at| *at as usize)
    }

    /// Returns a gap.
    #[must_use]
    pub fn hole(&self, at: usize) -> Option<&Hole> {
        self.holes.get(at)
    }

    /// A number that grows whenever the order of existing entries changes.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The first position that the last update changed.
    #[must_use]
    pub fn changed(&self) -> usize {
        self.changed
    }
}

/// Returns the number before `bytes` or `B` in the text of a finding.
fn bytes_in(text: &str) -> Option<u64> {
    let words: Vec<&str> = text.split(' ').take(4).collect();
    words.windows(2).find_map(|pair| match pair {
        [number, "bytes" | "B"] => number.parse().ok(),
        _ => None,
    })
}

/// Returns the sort key of a gap: it precedes what was complete with its packet.
fn hole_key(hole: &Hole, frames: bool) -> Key {
    if frames { (hole.place.time.0, 0) } else { (i64::try_from(hole.place.packet).unwrap_or(i64::MAX), 0) }
}

fn key_of(index: &Index, (connection, frames): (u32, bool), place: usize) -> Key {
    if frames {
        let row = index.frames(connection).get(place);
        return (row.map_or(0, |row| row.time.0), place as u64 + 1);
    }
    match index.messages(connection).get(place) {
        // Nothing but the start of these is known.
        Some(row) if row.frames == 0 => (i64::MAX, place as u64 + 1),
        Some(row) => (row.last_packet.into(), last_frame(index, connection, place, row)),
        None => (0, 0),
    }
}

fn is_unfinished(index: &Index, connection: u32, place: usize) -> bool {
    use crate::store::Marks;
    index.messages(connection).get(place).is_some_and(|row| row.marks.has(Marks::UNFINISHED))
}

/// Returns the number of the last frame of a message, which decides the order if one packet completes two messages.
fn last_frame(index: &Index, connection: u32, place: usize, row: &MessageRow) -> u64 {
    let first = u64::from(row.first_frame);
    if row.frames <= 1 || first == 0 {
        return first;
    }
    let from = first as usize - 1;
    let (mut left, mut last) = (row.frames, first);
    let frames = index.frames(connection);
    let is_of = |frame: &FrameRow| frame.message as usize == place + 1;
    for (at, frame) in (from..).zip(frames.range(from..from.saturating_add(FRAMES))) {
        if is_of(frame) {
            (left, last) = (left - 1, at as u64 + 1);
        }
        if left == 0 {
            break;
        }
    }
    last
}
