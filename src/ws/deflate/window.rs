//! What was made: the output that is to be handed on, and the window that stays behind it.

use std::ops::Range;

/// How far back a distance reaches at most (RFC 1951 section 2).
const WINDOW: usize = 32 << 10;
/// What is allocated at first, and at most: the window, and room after which it is moved to the beginning.
const SMALLEST: usize = 1 << 10;
const LARGEST: usize = WINDOW + (8 << 10);
/// The longest match.
const MATCH: usize = 258;
/// Bytes copied at once.
const STRIDE: usize = 16;
/// Room that one turn of decoding needs at most: three literals, a match, and what is copied beyond its end.
pub(super) const ROOM: usize = 3 + MATCH + STRIDE;

/// The output of one direction since it began or was emptied, as far back as distances reach.
#[derive(Debug, Default)]
pub(super) struct SlidingWindow {
    /// As much as was ever needed; behind `end` is nothing of meaning.
    pub(super) bytes: Vec<u8>,
    /// Where the next byte goes. Before it, everything is known.
    pub(super) end: usize,
    /// What was handed on.
    handed: usize,
    /// Where the message at hand began, while its beginning is there.
    begun: Option<usize>,
}

impl Clone for SlidingWindow {
    /// With no more than distances reach to.
    fn clone(&self) -> Self {
        let begun = self.begun.unwrap_or(self.end);
        let from = begun.saturating_sub(WINDOW).min(self.handed);
        let bytes = self.bytes.get(from..self.end).unwrap_or_default().to_vec();
        let begun = self.begun.map(|begun| begun - from);
        Self { bytes, end: self.end - from, handed: self.handed - from, begun }
    }
}

impl SlidingWindow {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        (self.end, self.handed, self.begun) = (0, 0, None);
    }

    /// Notes that a message begins here.
    pub(super) fn begin(&mut self) {
        self.begun = Some(self.end);
    }

    /// Goes back to where the message at hand began. False where that is no longer possible.
    pub(super) fn rewind(&mut self) -> bool {
        let Some(begun) = self.begun else { return false };
        (self.end, self.handed) = (begun, begun);
        true
    }

    /// Output that was not handed on yet. It counts as handed on from here.
    pub(super) fn fresh(&mut self) -> &[u8] {
        let from = std::mem::replace(&mut self.handed, self.end);
        self.bytes.get(from..self.end).unwrap_or_default()
    }

    /// Whether there is room for one turn of decoding.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.bytes.len() >= self.end + ROOM
    }

    /// Makes room for a turn of decoding, once everything is handed on.
    pub(super) fn make_room(&mut self) {
        while !self.has_room() {
            let len = self.bytes.len();
            if len < LARGEST {
                let grown = (len * 2).clamp(SMALLEST, LARGEST);
                self.bytes.reserve_exact(grown - len);
                self.bytes.resize(grown, 0);
            } else {
                self.bytes.copy_within(self.end - WINDOW..self.end, 0);
                // Where all that the message made is still there, going back to its beginning would lack older bytes.
                (self.end, self.handed, self.begun) = (WINDOW, WINDOW, None);
            }
        }
    }

    /// What it holds.
    pub(super) fn content(&self) -> &[u8] {
        self.bytes.get(..self.end).unwrap_or_default()
    }

    /// Adds bytes that no message made.
    pub(super) fn insert(&mut self, bytes: &[u8]) {
        let mut rest = bytes.get(bytes.len().saturating_sub(WINDOW)..).unwrap_or_default();
        while !rest.is_empty() {
            self.make_room();
            let len = self.append(rest);
            rest = rest.get(len..).unwrap_or_default();
        }
        (self.handed, self.begun) = (self.end, None);
    }

    /// Adds bytes as they are; returns how many there was room for.
    pub(super) fn append(&mut self, bytes: &[u8]) -> usize {
        let room = self.bytes.get_mut(self.end..).unwrap_or_default();
        let len = room.len().min(bytes.len());
        if let (Some(to), Some(from)) = (room.get_mut(..len), bytes.get(..len)) {
            to.copy_from_slice(from);
        }
        self.end += len;
        len
    }
}

/// Copies `len` bytes from `distance` back to `to`, where [`ROOM`] is and the distance leads into `bytes`. The
/// bytes behind them are written too.
#[inline]
pub(super) fn copy_match(bytes: &mut [u8], to: usize, distance: usize, len: usize) {
    let end = to.wrapping_add(len);
    let (mut from, mut to) = (to.wrapping_sub(distance), to);
    if distance >= STRIDE {
        loop {
            copy::<STRIDE>(bytes, from, to);
            (from, to) = (from.wrapping_add(STRIDE), to.wrapping_add(STRIDE));
            if to >= end {
                return;
            }
        }
    }
    copy_near(bytes, from, to..end);
}

/// The same for a match that repeats itself soon.
#[inline(never)]
fn copy_near(bytes: &mut [u8], from: usize, to: Range<usize>) {
    let Range { start, end } = to;
    let distance = start.wrapping_sub(from);
    if distance == 1 {
        let byte = bytes.get(from).copied().unwrap_or_default();
        bytes.get_mut(start..end).unwrap_or_default().fill(byte);
        return;
    }
    let (mut from, mut to) = (from, start);
    if distance < 8 {
        for _ in 0..8 {
            copy::<1>(bytes, from, to);
            (from, to) = (from.wrapping_add(1), to.wrapping_add(1));
        }
        // The same text stands at every multiple of the distance.
        from = to.wrapping_sub(8usize.div_ceil(distance.max(1)).wrapping_mul(distance));
    }
    while to < end {
        copy::<8>(bytes, from, to);
        (from, to) = (from.wrapping_add(8), to.wrapping_add(8));
    }
}

#[inline]
fn copy<const N: usize>(bytes: &mut [u8], from: usize, to: usize) {
    if let Some(&chunk) = bytes.get(from..).and_then(|bytes| bytes.first_chunk::<N>())
        && let Some(slot) = bytes.get_mut(to..).and_then(|bytes| bytes.first_chunk_mut::<N>())
    {
        *slot = chunk;
    }
}
