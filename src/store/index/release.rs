//! What bounds the index: its size, and what goes when that is too much. What is old goes first, in blocks, everywhere
//! at the same time; what is left keeps its numbers.

use super::{ConnectionRows, ERA, FINDINGS, GONE, Index, UNKNOWN};
use crate::autopsy::EndFacts;
use crate::model::Place;
use crate::pipeline::Connection;
use crate::store::rows::{ConnectionRow, FindingRow, MessageRow};

/// Bytes of a connection's row, about: the heads of its handshake are the most of it.
pub(super) fn size_of_row(row: &ConnectionRow) -> usize {
    /// What the allocator adds to its parts, and the first page of its rows, about.
    const BESIDE: usize = 512;
    size_of::<ConnectionRow>() - size_of::<Connection>()
        + row.connection.size()
        + size_of::<ConnectionRows>()
        + size_of::<EndFacts>()
        + BESIDE
}

pub(super) fn size_of_finding(finding: &FindingRow) -> usize {
    size_of::<FindingRow>() + finding.text.len()
}

impl Index {
    /// Prepares to be kept to so many bytes, before anything is in it.
    pub(in crate::store) fn bound(&mut self, bytes: usize) {
        // A finding takes some 200 bytes, so they are an eighth at most.
        self.findings_room = Some((bytes / 2048).clamp(64, FINDINGS));
    }

    /// Bytes of memory that it takes, about.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes + self.preview_bytes as usize
    }

    /// The number of a packet by its low 32 bits, where they tell which one is meant: the latest one.
    pub(in crate::store) fn packet(&self, low: u32) -> Option<u64> {
        let near = self.last_packet;
        if near <= u32::MAX.into() {
            return Some(low.into());
        }
        // Where nothing is released, the rows may be older than 4 billion packets.
        self.findings_room?;
        let packet = near & !u64::from(u32::MAX) | u64::from(low);
        Some(if packet > near { packet.saturating_sub(1 << 32) } else { packet })
    }

    /// Whether the bytes of a message went out of the spool.
    #[must_use]
    pub fn is_evicted(&self, row: &MessageRow) -> bool {
        self.kept_from > 1 && self.packet(row.first_packet).is_some_and(|packet| packet < self.kept_from)
    }

    /// The era of what comes now; always 0 where memory is not bounded.
    pub(super) fn era(&self) -> u32 {
        if self.findings_room.is_none() {
            return 0;
        }
        ((self.frames + self.messages + self.weight) >> ERA) as u32
    }

    pub(super) fn note_time(&mut self, last: Place) {
        self.last_packet = self.last_packet.max(last.packet);
        // One mark for each era, only where they may be asked for.
        while self.findings_room.is_some() && self.begun.len() as u64 <= u64::from(self.era() - self.oldest) {
            self.begun.push_back(self.last_packet);
        }
    }

    /// Counts a connection as so many rows as take the same memory: eras are measured in rows.
    pub(super) fn note_weight(&mut self, row: &ConnectionRow) {
        /// Bytes of a row, about.
        const ROW: usize = 128;
        self.weight += (size_of_row(row) / ROW) as u64;
        self.note_time(row.last);
    }

    /// Releases some of the oldest rows: an eighth of the time that they reach back, in blocks; where that is not enough,
    /// open connections, those silent for longest first. Returns the packet before which about nothing is listed any
    /// more; `None` where there is nothing to release.
    pub(in crate::store) fn release(&mut self) -> Option<u64> {
        let reach = self.era().saturating_sub(self.oldest);
        if reach == 0 {
            return self.release_silent();
        }
        let some = reach.div_ceil(8);
        self.oldest += some;
        self.begun.drain(..(some as usize).min(self.begun.len()));
        let (oldest, mut bytes, mut previews) = (self.oldest, 0, 0u64);
        let mut over = false;
        for (row, rows) in self.connections.iter().zip(&mut self.rows) {
            let before = (rows.messages.released(), rows.frames.released());
            let (held, seen) = rows.release(oldest);
            (bytes, previews) = (bytes + held, previews + seen);
            self.released.messages += (rows.messages.released() - before.0) as u64;
            self.released.frames += (rows.frames.released() - before.1) as u64;
            over |= rows.era < oldest && row.state.is_some();
        }
        self.bytes = self.bytes.saturating_sub(bytes);
        self.preview_bytes = self.preview_bytes.saturating_sub(previews);
        self.released.turns += 1;
        if over {
            self.release_connections(|row, rows| row.state.is_some() && rows.era < oldest);
        }
        self.begun.front().copied()
    }

    /// Drops an eighth of the connections of which nothing came in the era at hand, whether or not they are over.
    fn release_silent(&mut self) -> Option<u64> {
        let era = self.era();
        let mut silent: Vec<u32> = self.rows.iter().map(|rows| rows.era).filter(|last| *last < era).collect();
        let at = silent.len().checked_sub(1)? / 8;
        let last = *silent.select_nth_unstable(at).1;
        let (mut bytes, mut previews) = (0, 0);
        for rows in self.rows.iter_mut().filter(|rows| rows.era <= last) {
            let (held, seen) = rows.release(era);
            (bytes, previews) = (bytes + held, previews + seen);
        }
        self.bytes = self.bytes.saturating_sub(bytes);
        self.preview_bytes = self.preview_bytes.saturating_sub(previews);
        self.released.turns += 1;
        self.release_connections(|_, rows| rows.era <= last);
        Some(self.begun.front().copied().unwrap_or_default())
    }

    /// Drops connections.
    fn release_connections(&mut self, is_gone: impl Fn(&ConnectionRow, &ConnectionRows) -> bool) {
        let stays = self.connections.iter().zip(&self.rows);
        let stays = stays.map(|(row, rows)| !is_gone(row, rows));
        let stays: Vec<bool> = stays.collect();
        let gone = self.connections.iter().zip(&stays).filter(|(_, stays)| !**stays);
        let gone: (u64, usize) = gone.fold((0, 0), |(n, bytes), (row, _)| (n + 1, bytes + size_of_row(row)));
        self.released.connections += gone.0;
        self.bytes = self.bytes.saturating_sub(gone.1);
        let mut at = stays.iter();
        self.connections.retain(|_| at.next().copied().unwrap_or(true));
        let mut at = stays.iter();
        self.rows.retain(|_| at.next().copied().unwrap_or(true));
        // Numbers below the lowest that is left, or that may still come, need no place.
        let lowest = self.connections.iter().map(|row| row.id.0 as usize).min();
        let past = lowest.map_or(self.places.len(), |lowest| (lowest - 1).saturating_sub(self.passed));
        let known = self.places.iter().take(past).take_while(|place| **place != UNKNOWN).count();
        self.places.drain(..known);
        self.passed += known;
        self.places.iter_mut().filter(|place| **place != UNKNOWN).for_each(|place| *place = GONE);
        for (place, row) in self.connections.iter().enumerate() {
            if let Some(slot) = self.places.get_mut((row.id.0 as usize - 1).saturating_sub(self.passed)) {
                *slot = place as u32;
            }
        }
    }
}

impl ConnectionRows {
    /// Releases what came before an era; answers the bytes, and those of previews.
    fn release(&mut self, era: u32) -> (usize, u64) {
        let held = |rows: &Self| {
            let lacks = rows.lacks.len() * size_of::<(u64, u64, u64)>();
            rows.messages.size() + rows.frames.size() + rows.notes.size() + lacks
        };
        let before = held(self);
        let all = self.era < era;
        let pages = if all { self.previews.len() } else { self.messages.release(era) };
        let previews: u64 =
            self.previews.drain(..pages.min(self.previews.len())).map(|page| page.len() as u64).sum();
        if all {
            self.messages.release_all();
            self.frames.release_all();
            self.notes.release_all();
            (self.previews, self.marked, self.lacks) = (Vec::new(), Vec::new(), Vec::new());
        } else {
            self.frames.release(era);
            self.notes.release(era);
            let released = self.messages.released() as u64;
            self.lacks.retain(|(number, ..)| *number > released);
        }
        (before.saturating_sub(held(self)), previews)
    }
}
