//! Inputs that cannot be mapped: a reader that runs through a ring of fixed size.
//!
//! Addresses grow for ever; what the ring has overwritten is evicted. One record always lies in one
//! piece: where the rest of the ring is too short for it, its first bytes move to the ring's start,
//! and the addresses between are never used.

use super::archive::Stored;
use super::pages::{Fresh, Pages, no_room, page, page_in_memory, write_at};
use super::rules;
use super::unpack::ArchiveBomb;
use super::window::Window;
use crate::model::Rule;
use memmap2::{Mmap, MmapMut};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

/// Bytes taken from the reader at once.
const CHUNK: usize = 128 * 1024;

/// How the bytes of a reader are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeping {
    /// log2 of the ring's length.
    pub(super) bits: u32,
    /// Nothing is overwritten: each lap has a ring of its own, and the oldest go where they are more than these
    /// bytes.
    pub(super) room: Option<u64>,
    /// See [`Options::max_unpacked`](super::Options::max_unpacked).
    pub(super) max_unpacked: Option<u64>,
}

/// A reader with a window of the bytes last read.
pub(super) struct Spool {
    reader: Box<dyn Read + Send>,
    ring: Ring,
    /// The laps before that are still there, from number `oldest` on, and where they can be seen from outside, where
    /// they are kept.
    laps: VecDeque<Arc<Mmap>>,
    oldest: u64,
    shared: Option<Arc<Pages>>,
    /// The oldest may be discarded where the disk is full.
    discards: bool,
    chunk: Box<[u8]>,
    base: u64,
    /// log2 of the ring's length.
    bits: u32,
    /// How often the ring has been filled.
    lap: u64,
    /// The cursor, and the end of what was read, as offsets in the ring.
    start: usize,
    end: usize,
    /// Where the lap before ended.
    previous_end: usize,
    position: u64,
    ended: bool,
    failure: Option<String>,
    /// It unpacked to too much.
    is_bomb: bool,
}

impl Spool {
    /// A window over what `reader` gives, kept in a ring of `1 << bits` bytes.
    ///
    /// No record may be longer than half of the ring.
    pub(super) fn new(reader: Box<dyn Read + Send>, base: u64, keeping: Keeping) -> io::Result<Self> {
        let bits = keeping.bits;
        let shared = keeping.room.map(|room| Arc::new(Pages::new(bits, room)));
        let ring = match &shared {
            Some(shared) => {
                let (ring, fresh) = Ring::kept(1 << bits).map_err(no_room)?;
                shared.push(fresh);
                ring
            }
            None => Ring::new(1 << bits)?,
        };
        Ok(Self {
            reader,
            ring,
            laps: VecDeque::new(),
            oldest: 0,
            shared,
            discards: keeping.room.is_some_and(|room| room < u64::MAX),
            chunk: vec![0; CHUNK].into_boxed_slice(),
            base,
            bits,
            lap: 0,
            start: 0,
            end: 0,
            previous_end: 0,
            position: 0,
            ended: false,
            failure: None,
            is_bomb: false,
        })
    }

    /// The bytes at an address, unless they are not there yet or no longer.
    pub(super) fn slice(&self, start: u64, len: u32) -> Option<&[u8]> {
        let at = start.checked_sub(self.base)?;
        let (lap, from) = (at >> self.bits, usize::try_from(at & ((1 << self.bits) - 1)).ok()?);
        let to = from.checked_add(len as usize)?;
        if lap < self.lap && self.shared.is_some() {
            return self.laps.get(usize::try_from(lap.checked_sub(self.oldest)?).ok()?)?.get(from..to);
        }
        let whole = if lap == self.lap {
            to <= self.end
        } else {
            lap.wrapping_add(1) == self.lap && from >= self.end && to <= self.previous_end
        };
        if whole { self.ring.get(from, to) } else { None }
    }

    /// Where its bytes can be read again.
    pub(super) fn stored(&self) -> Stored {
        self.shared.as_ref().map_or(Stored::Nowhere, |kept| Stored::Kept(Arc::clone(kept)))
    }

    /// Bytes that are kept for good.
    pub(super) fn kept(&self) -> u64 {
        self.shared.as_ref().map_or(0, |pages| pages.fullness().stored)
    }

    /// Reads until `len` bytes lie at the cursor or the input ends.
    #[cold]
    fn fill(&mut self, len: usize) {
        let size = 1usize << self.bits;
        let len = len.min(size / 2);
        if self.start.saturating_add(len) > size {
            self.turn();
        }
        while !self.ended && self.end.saturating_sub(self.start) < len {
            let mut chunk = std::mem::take(&mut self.chunk);
            let space = size.saturating_sub(self.end).min(chunk.len());
            let read = self.reader.read(chunk.get_mut(..space).unwrap_or_default());
            match read {
                Ok(0) => self.ended = true,
                Ok(len) => match self.write(chunk.get(..len).unwrap_or_default()) {
                    Ok(()) => {
                        self.end += len;
                        if let Some(pages) = &self.shared {
                            pages.grow(self.end, 0);
                        }
                    }
                    Err(error) => self.fail(&error),
                },
                Err(error) => self.fail(&error),
            }
            self.chunk = chunk;
        }
    }

    /// Writes behind what was read. Where the disk is full, the oldest bytes of a pipe are discarded, and this lap
    /// continues in memory.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Err(error) = self.ring.write(self.end, bytes) else { return Ok(()) };
        let Some(shared) = self.shared.as_ref().filter(|_| self.discards) else { return Err(error) };
        let fresh = self.ring.move_to_memory(self.end).map_err(|_| error)?;
        shared.replace_last(fresh);
        self.forget_discarded();
        self.ring.write(self.end, bytes)
    }

    /// Lets go of the laps that are no longer kept.
    fn forget_discarded(&mut self) {
        let Some(shared) = &self.shared else { return };
        while self.oldest < shared.oldest() && self.laps.pop_front().is_some() {
            self.oldest += 1;
        }
    }

    fn fail(&mut self, error: &io::Error) {
        self.ended = true;
        self.is_bomb = error.get_ref().is_some_and(|error| error.is::<ArchiveBomb>());
        self.failure = Some(error.to_string());
    }

    /// Goes on at the start of the ring, with the bytes that were not taken yet.
    fn turn(&mut self) {
        let turned = match &self.shared {
            None => self.ring.copy_to_start(self.start, self.end),
            Some(shared) => {
                // What was not taken yet is in the next lap, too: this one ends before it.
                shared.grow(self.start, 0);
                self.ring.turn_page(self.start, self.end, self.discards).map(|(done, fresh)| {
                    self.laps.push_back(done);
                    shared.push(fresh);
                })
            }
        };
        self.forget_discarded();
        if let Err(error) = turned {
            self.fail(&error);
            self.start = self.end;
        }
        let unread = self.end - self.start;
        if let Some(pages) = &self.shared {
            pages.grow(unread, 0);
        }
        self.previous_end = self.start;
        self.lap += 1;
        self.start = 0;
        self.end = unread;
    }
}

impl Window for Spool {
    #[inline]
    fn peek(&mut self, len: usize) -> &[u8] {
        if self.end - self.start < len && !self.ended {
            self.fill(len);
        }
        self.ring.get(self.start, self.end.min(self.start.saturating_add(len))).unwrap_or_default()
    }

    #[inline]
    fn advance(&mut self, len: usize) {
        let len = len.min(self.end - self.start);
        self.start += len;
        self.position += len as u64;
        if let Some(shared) = &self.shared {
            shared.set_consumed((self.lap << self.bits) + self.start as u64);
        }
    }

    #[inline]
    fn address(&self) -> u64 {
        self.base.wrapping_add(self.lap << self.bits).wrapping_add(self.start as u64)
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn present(&self) -> &[u8] {
        self.ring.get(self.start, self.end).unwrap_or_default()
    }

    fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    fn failure_rule(&self) -> &'static Rule {
        if self.is_bomb { &rules::ARCHIVE_BOMB } else { &rules::TRUNCATED }
    }

    fn keep_head(&mut self, len: usize) {
        if self.shared.is_none() {
            return;
        }
        let address = self.address();
        let head = self.peek(len).to_vec();
        if let Some(shared) = &self.shared {
            shared.add_head(address.wrapping_sub(self.base), head);
        }
    }
}

/// The bytes of the lap before, and the next one.
type Turned = (Arc<Mmap>, Fresh);

/// The memory of a spool.
enum Ring {
    /// An unnamed temporary file. Written by calls and not through the mapping, so that a full disk
    /// is an error and not a signal; for the same reason nothing is read that was not written.
    File { file: Arc<File>, map: Arc<Mmap>, written: usize, only: bool },
    /// Memory, where there is no room for a file.
    Memory(MmapMut),
}

impl Ring {
    fn new(len: usize) -> io::Result<Self> {
        let file = || page(len).map(|fresh| Self::of(&fresh, false));
        file().or_else(|_| Ok(Self::Memory(MmapMut::map_anon(len)?)))
    }

    /// A file and nothing else: memory would not be enough for all.
    fn kept(len: usize) -> io::Result<(Self, Fresh)> {
        let fresh = page(len)?;
        Ok((Self::of(&fresh, true), fresh))
    }

    fn of(fresh: &Fresh, only: bool) -> Self {
        Self::File { file: Arc::clone(&fresh.file), map: Arc::clone(&fresh.map), written: 0, only }
    }

    /// Continues in a new file, which begins with the bytes of `from..to`. `discards`: where there is no room on the
    /// disk, it is in memory.
    fn turn_page(&mut self, from: usize, to: usize, discards: bool) -> io::Result<Turned> {
        let Self::File { map: done, .. } = self else { return Err(io::ErrorKind::Unsupported.into()) };
        let done = Arc::clone(done);
        let begin = |fresh: Fresh| {
            let mut next = Self::of(&fresh, true);
            next.write(0, done.get(from..to).unwrap_or_default()).map(|()| (next, fresh))
        };
        let (next, fresh) = match page(done.len()).and_then(begin) {
            Err(_) if discards => page_in_memory(done.len()).and_then(begin),
            other => other,
        }
        .map_err(no_room)?;
        *self = next;
        Ok((done, fresh))
    }

    /// Continues in memory, with the bytes that were written so far: `len` of them.
    fn move_to_memory(&mut self, len: usize) -> io::Result<Fresh> {
        let Self::File { map, .. } = self else { return Err(io::ErrorKind::Unsupported.into()) };
        let fresh = page_in_memory(map.len())?;
        let mut next = Self::of(&fresh, true);
        next.write(0, map.get(..len).unwrap_or_default())?;
        *self = next;
        Ok(fresh)
    }

    #[inline]
    fn get(&self, from: usize, to: usize) -> Option<&[u8]> {
        match self {
            Self::File { map, .. } => map.get(from..to),
            Self::Memory(map) => map.get(from..to),
        }
    }

    /// Writes `bytes` at `at`; they fit.
    fn write(&mut self, at: usize, bytes: &[u8]) -> io::Result<()> {
        let to = at.saturating_add(bytes.len());
        if let Self::File { file, map, written, only } = self {
            match write_at(file, bytes, at as u64) {
                Ok(()) => {
                    *written = to.max(*written);
                    return Ok(());
                }
                Err(error) if *only => return Err(no_room(error)),
                Err(_) => {}
            }
            // The disk is full: go on in memory.
            let mut memory = MmapMut::map_anon(map.len())?;
            if let (Some(into), Some(from)) = (memory.get_mut(..*written), map.get(..*written)) {
                into.copy_from_slice(from);
            }
            *self = Self::Memory(memory);
        }
        if let Self::Memory(map) = self
            && let Some(into) = map.get_mut(at..to)
        {
            into.copy_from_slice(bytes);
        }
        Ok(())
    }

    /// Copies the bytes of `from..to` to the start; the two do not overlap.
    fn copy_to_start(&mut self, from: usize, to: usize) -> io::Result<()> {
        let mut at = 0;
        while from + at < to {
            let step = CHUNK.min(to - from - at);
            let piece = self.get(from + at, from + at + step).unwrap_or_default().to_vec();
            self.write(at, &piece)?;
            at += step;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Archive;
    use crate::capture::window::map;
    use crate::model::{Bytes as _, Span};
    use std::io::Write;

    const RING: Keeping = Keeping { bits: 13, room: None, max_unpacked: None };

    #[test]
    fn what_is_kept_can_be_read_at_any_time_from_outside_too() {
        let bytes: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
        let keeping = Keeping { room: Some(u64::MAX), ..RING };
        let mut spool = Spool::new(Box::new(io::Cursor::new(bytes.clone())), 0, keeping).unwrap();
        let archive = Archive::new(vec![spool.stored()]);
        let mut taken: Vec<(u64, Vec<u8>)> = Vec::new();
        while !spool.peek(1).is_empty() {
            let piece = spool.peek(777).to_vec();
            taken.push((spool.address(), piece.clone()));
            spool.advance(piece.len());
            let view = archive.view();
            for (start, piece) in &taken {
                let span = Span { start: *start, len: piece.len() as u32 };
                assert_eq!(spool.slice(span.start, span.len), Some(&piece[..]));
                assert_eq!(view.bytes(span), Some(&piece[..]));
            }
        }
        assert!(taken.iter().map(|(_, piece)| piece.len()).sum::<usize>() == bytes.len());
        assert!(spool.kept() >= bytes.len() as u64 && spool.failure().is_none());
    }

    #[test]
    fn of_a_pipe_the_last_bytes_are_kept_within_their_room() {
        let bytes: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
        let keeping = Keeping { room: Some(3 << 13), ..RING };
        let mut spool = Spool::new(Box::new(io::Cursor::new(bytes.clone())), 0, keeping).unwrap();
        let archive = Archive::new(vec![spool.stored()]);
        let mut taken: Vec<(Span, Vec<u8>)> = Vec::new();
        while !spool.peek(1).is_empty() {
            let piece = spool.peek(777).to_vec();
            taken.push((Span { start: spool.address(), len: piece.len() as u32 }, piece.clone()));
            spool.advance(piece.len());
            let view = archive.view();
            let gone = taken.iter().take_while(|(span, _)| view.bytes(*span).is_none()).count();
            for (span, piece) in taken.iter().skip(gone) {
                assert_eq!(
                    (view.bytes(*span), spool.slice(span.start, span.len)),
                    (Some(&piece[..]), Some(&piece[..]))
                );
            }
            assert!(taken.iter().take(gone).all(|(span, _)| spool.slice(span.start, span.len).is_none()));
            let kept: usize = taken.iter().skip(gone).map(|(_, piece)| piece.len()).sum();
            assert!(kept <= 3 << 13 && (gone == 0 || kept > 1 << 13), "{kept}");
        }
        let (kept, gone) = archive.kept();
        assert!(gone > 50_000 && kept <= 3 << 13 && spool.kept() == kept, "{kept} {gone}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn of_a_pipe_the_newest_bytes_go_on_in_memory_where_the_disk_is_full() {
        use std::os::fd::AsRawFd as _;
        let bytes: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
        let keeping = Keeping { room: Some(4 << 13), ..RING };
        let mut spool = Spool::new(Box::new(io::Cursor::new(bytes.clone())), 0, keeping).unwrap();
        let mut taken: Vec<(Span, Vec<u8>)> = Vec::new();
        let (mut read, mut full) = (Vec::new(), 0);
        while !spool.peek(1).is_empty() {
            let piece = spool.peek(777).to_vec();
            taken.push((Span { start: spool.address(), len: piece.len() as u32 }, piece.clone()));
            spool.advance(piece.len());
            read.extend_from_slice(&piece);
            if read.len() / 40_000 > full
                && let Ring::File { file, .. } = &mut spool.ring
            {
                // What is open for reading only takes no more, as on a full disk.
                full += 1;
                *file = Arc::new(File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap());
            }
        }
        assert!(read == bytes && full >= 5 && spool.failure().is_none(), "{full}");
        let archive = Archive::new(vec![spool.stored()]);
        let view = archive.view();
        let gone = taken.iter().take_while(|(span, _)| view.bytes(*span).is_none()).count();
        assert!(gone > 0 && gone + 10 < taken.len(), "{gone} of {}", taken.len());
        for (span, piece) in taken.iter().skip(gone) {
            assert_eq!(
                (view.bytes(*span), spool.slice(span.start, span.len)),
                (Some(&piece[..]), Some(&piece[..]))
            );
        }
        // What is saved is what is kept, from a record on.
        let mut saved = Vec::new();
        archive.save(&mut saved, &mut |_, _| true).unwrap();
        let kept: Vec<u8> = taken.iter().skip(gone).flat_map(|(_, piece)| piece.clone()).collect();
        assert!(saved == kept, "{} {}", saved.len(), kept.len());
    }

    #[test]
    fn a_full_disk_ends_what_has_to_be_kept() {
        let mut named = tempfile::NamedTempFile::new().unwrap();
        named.write_all(b"written before").unwrap();
        named.as_file().set_len(4096).unwrap();
        let file = Arc::new(File::open(named.path()).unwrap());
        let map = Arc::new(map(&file).unwrap());
        let mut ring = Ring::File { file, map, written: 14, only: true };
        let error = ring.write(14, b", and after").unwrap_err();
        assert!(error.to_string().starts_with("its bytes cannot be kept in a temporary file: "), "{error}");
        assert_eq!(ring.get(0, 14), Some(&b"written before"[..]));
    }

    #[test]
    fn a_ring_whose_disk_is_full_goes_on_in_memory() {
        // Nothing can be written to a file that is open for reading only.
        let mut named = tempfile::NamedTempFile::new().unwrap();
        named.write_all(b"written before").unwrap();
        named.as_file().set_len(4096).unwrap();
        let file = Arc::new(File::open(named.path()).unwrap());
        let map = Arc::new(map(&file).unwrap());
        let mut ring = Ring::File { file, map, written: 14, only: false };
        ring.write(14, b", and after").unwrap();
        assert!(matches!(ring, Ring::Memory(_)));
        assert_eq!(ring.get(0, 25), Some(&b"written before, and after"[..]));
        ring.copy_to_start(8, 14).unwrap();
        assert_eq!(ring.get(0, 6), Some(&b"before"[..]));
    }

    #[test]
    fn a_record_lies_in_one_piece_across_the_end_of_the_ring() {
        let bytes: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
        let mut spool = Spool::new(Box::new(io::Cursor::new(bytes.clone())), 1 << 44, RING).unwrap();
        let mut taken = Vec::new();
        while !spool.peek(1).is_empty() {
            let piece = spool.peek(777).to_vec();
            let address = spool.address();
            assert_eq!(spool.slice(address, piece.len() as u32), Some(&piece[..]));
            assert_eq!(spool.position(), taken.len() as u64);
            spool.advance(piece.len());
            assert_eq!(spool.slice(address, 5).map(<[u8]>::to_vec), piece.get(..5).map(<[u8]>::to_vec));
            taken.extend(piece);
        }
        assert!(taken == bytes);
    }
}
