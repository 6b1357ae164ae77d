//! Bytes in temporary files of one size, numbered: new ones are added at the end, the oldest go to make room.
//!
//! One thread writes, others read, each at its own pace. An address is the file's number and the offset in it; it
//! only grows. A reader that lags too far behind finds its next file gone, and is told how many packets were in it.

use super::window::map;
use memmap2::Mmap;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Files of which at least so many are there.
const LEAST: usize = 2;
/// Bytes of files in memory, where the disk is full.
const IN_MEMORY: usize = 32 << 20;

/// The files.
#[derive(Debug)]
pub(super) struct Pages {
    /// log2 of a file's length.
    bits: u32,
    /// Files there may be.
    most: usize,
    state: Mutex<PagesState>,
    arrived: Condvar,
    /// Bytes that the analysis has taken.
    pub(super) taken: AtomicU64,
    /// Up to here, as an address, the bytes are whole records; `u64::MAX`: all that are written are.
    consumed: AtomicU64,
    /// The first file whose bytes the analysis may ask for again.
    needed: AtomicU64,
    /// The file that is being copied to where packets are kept for good; `u64::MAX` where none is.
    saved: AtomicU64,
}

/// One file.
#[derive(Clone, Debug)]
pub(super) struct SpoolPage {
    pub(super) file: Arc<File>,
    /// Its bytes, for whoever looks at a few of them.
    pub(super) map: Arc<Mmap>,
    /// Bytes of it that are written.
    pub(super) len: usize,
    /// Bytes and packets in all files before it.
    pub(super) bytes_before: u64,
    pub(super) packets_before: u64,
    /// Packets up to the end of what is written of it.
    pub(super) packets_after: u64,
    /// It is in memory: the disk is full.
    pub(super) in_memory: bool,
}

#[derive(Debug, Default)]
struct PagesState {
    pages: VecDeque<SpoolPage>,
    /// The number of the first.
    oldest: u64,
    /// Packets in all files.
    packets: u64,
    ended: bool,
    /// Headers of the capture by their addresses: how the bytes behind them are to be read.
    heads: Vec<(u64, Vec<u8>)>,
    heads_len: usize,
    /// Whoever waits for packets has something else to do.
    nudged: bool,
}

/// How much is where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fullness {
    /// Bytes that are there.
    pub(super) stored: u64,
    /// Bytes that may be there.
    pub(super) room: u64,
    /// Bytes and packets that went.
    pub(super) evicted: u64,
    pub(super) evicted_packets: u64,
    /// Bytes that the analysis has not taken yet.
    pub(super) waiting: u64,
}

/// What a reader finds where it wants to go on.
pub(super) enum Next {
    /// The file with this number, as far as it is written.
    Page(u64, SpoolPage),
    /// Nothing will come any more.
    End,
    /// Nothing yet.
    Nothing,
}

impl Pages {
    /// No files yet; of `1 << bits` bytes each, and as many as `room` bytes hold.
    pub(super) fn new(bits: u32, room: u64) -> Self {
        let most = usize::try_from(room >> bits).unwrap_or(usize::MAX).max(LEAST);
        let (taken, needed) = (AtomicU64::new(0), AtomicU64::new(0));
        let (saved, consumed) = (AtomicU64::new(u64::MAX), AtomicU64::new(u64::MAX));
        Self { bits, most, state: Mutex::default(), arrived: Condvar::new(), taken, needed, saved, consumed }
    }

    /// log2 of a file's length.
    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    fn state(&self) -> MutexGuard<'_, PagesState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new file at the end; the oldest goes where there are too many.
    pub(super) fn push(&self, Fresh { file, map, in_memory }: Fresh) {
        let mut state = self.state();
        let bytes_before = state.pages.back().map_or(0, |last| last.bytes_before + last.len as u64);
        let page = SpoolPage {
            file,
            map,
            len: 0,
            bytes_before,
            packets_before: state.packets,
            packets_after: state.packets,
            in_memory,
        };
        state.pages.push_back(page);
        self.keep_bounds(&mut state);
    }

    /// Discards the oldest files over the bounds. Those in memory take the place of a disk that is full: there are few.
    fn keep_bounds(&self, state: &mut PagesState) {
        let in_memory = (IN_MEMORY >> self.bits).max(LEAST);
        loop {
            let count = state.pages.iter().filter(|page| page.in_memory).count();
            let most = if count > 0 { self.most.max(in_memory) } else { self.most };
            if state.pages.len() <= most && count <= in_memory {
                return;
            }
            state.evict();
        }
    }

    /// Keeps a header of the capture that stands at this address.
    pub(super) fn add_head(&self, address: u64, bytes: Vec<u8>) {
        /// Bytes of headers that are kept. No capture has as many.
        const MOST: usize = 16 << 20;
        let mut state = self.state();
        if state.heads_len < MOST {
            state.heads_len += bytes.len();
            state.heads.push((address, bytes));
        }
    }

    /// The bytes before this address are whole records.
    #[inline]
    pub(super) fn set_consumed(&self, address: u64) {
        self.consumed.store(address, Ordering::Relaxed);
    }

    /// Writes the capture as far as it is kept: whole records, and before them the headers that they need.
    ///
    /// # Errors
    /// Those of the writer; `Interrupted` where `go_on`, which receives the bytes written and their total, answers false.
    pub(super) fn save(
        &self,
        out: &mut dyn io::Write,
        go_on: &mut dyn FnMut(u64, u64) -> bool,
    ) -> io::Result<()> {
        /// pcapng's Section Header Block.
        const SECTION: [u8; 4] = 0x0a0d_0d0a_u32.to_le_bytes();
        const PIECE: usize = 1 << 20;
        let (oldest, pages, heads) = {
            let state = self.state();
            let begin = state.oldest << self.bits;
            let before: Vec<_> =
                state.heads.iter().filter(|(address, _)| *address < begin).cloned().collect();
            (state.oldest, state.pages.iter().cloned().collect::<Vec<_>>(), before)
        };
        let section = heads.iter().rposition(|(_, bytes)| bytes.starts_with(&SECTION)).unwrap_or(0);
        for (_, bytes) in heads.iter().skip(section) {
            out.write_all(bytes)?;
        }
        let consumed = self.consumed.load(Ordering::Relaxed);
        let total = pages.iter().map(|page| page.len as u64).sum();
        let mut done = 0;
        for (number, page) in (oldest..).zip(pages) {
            let whole = consumed.saturating_sub(number << self.bits);
            let len = page.len.min(usize::try_from(whole).unwrap_or(usize::MAX));
            for piece in page.map.get(..len).unwrap_or_default().chunks(PIECE) {
                if !go_on(done, total) {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                out.write_all(piece)?;
                done += piece.len() as u64;
            }
        }
        Ok(())
    }

    /// Whether these are the bytes of a classic pcap file.
    pub(super) fn is_classic(&self) -> bool {
        let state = self.state();
        let first = state.heads.first().and_then(|(_, bytes)| bytes.first_chunk());
        first.is_some_and(|first| super::classic::is_magic(*first))
    }

    /// Puts a file in the place of the last one, with the same bytes. Of those in memory there are few: the oldest are
    /// discarded.
    pub(super) fn replace_last(&self, Fresh { file, map, in_memory }: Fresh) {
        let mut state = self.state();
        if let Some(last) = state.pages.back_mut() {
            (last.file, last.map, last.in_memory) = (file, map, in_memory);
        }
        self.keep_bounds(&mut state);
    }

    /// Discards the oldest file because the disk is full; false where somebody still needs it.
    pub(super) fn evict(&self) -> bool {
        let needed = self.needed.load(Ordering::Relaxed).min(self.saved.load(Ordering::Relaxed));
        let mut state = self.state();
        let can = state.pages.len() > 1 && state.oldest < needed;
        if can {
            state.evict();
        }
        can
    }

    /// Nobody needs the files before this one any longer. Those that are not saved yet stay.
    pub(super) fn release(&self, before: u64) {
        self.needed.store(before, Ordering::Relaxed);
        let before = before.min(self.saved.load(Ordering::Relaxed));
        let mut state = self.state();
        while state.oldest < before && state.pages.len() > 1 {
            state.evict();
        }
    }

    /// The files before this one were saved; `u64::MAX`: all are, or none is to be.
    pub(super) fn set_saved(&self, number: u64) {
        self.saved.store(number, Ordering::Relaxed);
    }

    /// So many bytes of the last file are written by now, with so many packets more.
    pub(super) fn grow(&self, len: usize, packets: u64) {
        let mut state = self.state();
        state.packets += packets;
        let packets_after = state.packets;
        if let Some(last) = state.pages.back_mut() {
            (last.len, last.packets_after) = (len, packets_after);
        }
        drop(state);
        self.arrived.notify_all();
    }

    /// Nothing will come any more.
    pub(super) fn end(&self) {
        self.state().ended = true;
        self.arrived.notify_all();
    }

    /// The files that are there, and the first one's number.
    pub(super) fn all(&self) -> (u64, Vec<Arc<Mmap>>) {
        let state = self.state();
        (state.oldest, state.pages.iter().map(|page| Arc::clone(&page.map)).collect())
    }

    /// The first file that is there.
    pub(super) fn oldest(&self) -> u64 {
        self.state().oldest
    }

    /// What stands behind byte `at` of file `number`, or in the next one that is there. `wait`: until there is
    /// something, or nothing will come.
    pub(super) fn after(&self, number: u64, at: usize, wait: bool) -> Next {
        let mut state = self.state();
        loop {
            if let Some((number, page)) = state.after(number, at) {
                return Next::Page(number, page);
            }
            if state.ended {
                return Next::End;
            }
            if !wait {
                return Next::Nothing;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the wait for packets, or the next one.
    pub(super) fn nudge(&self) {
        self.state().nudged = true;
        self.arrived.notify_all();
    }

    /// Waits until there are more than `packets` packets, or no more will come; false where a
    /// [nudge](Self::nudge) came first.
    pub(super) fn wait(&self, packets: u64) -> bool {
        let mut state = self.state();
        loop {
            if std::mem::take(&mut state.nudged) {
                return false;
            }
            if state.packets > packets || state.ended {
                return true;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Packets in all files so far.
    pub(super) fn packets(&self) -> u64 {
        self.state().packets
    }

    /// How much is where.
    pub(super) fn fullness(&self) -> Fullness {
        let state = self.state();
        let first = state.pages.front();
        let evicted = first.map_or(0, |page| page.bytes_before);
        let end = state.pages.back().map_or(0, |page| page.bytes_before + page.len as u64);
        Fullness {
            stored: end - evicted,
            room: (self.most as u64).saturating_mul(1 << self.bits),
            evicted,
            evicted_packets: first.map_or(0, |page| page.packets_before),
            // What went out of the spool before it was read waits no more.
            waiting: end.saturating_sub(self.taken.load(Ordering::Relaxed).max(evicted)),
        }
    }
}

impl PagesState {
    fn evict(&mut self) {
        if self.pages.pop_front().is_some() {
            self.oldest += 1;
        }
    }

    fn after(&self, number: u64, at: usize) -> Option<(u64, SpoolPage)> {
        let get = |number: u64| {
            let index = usize::try_from(number.checked_sub(self.oldest)?).ok()?;
            self.pages.get(index)
        };
        if let Some(page) = get(number)
            && page.len > at
        {
            return Some((number, page.clone()));
        }
        // The next one that is there; one that is gone lies before all that are.
        let number = (number + 1).max(self.oldest);
        get(number).filter(|page| page.len > 0).map(|page| (number, page.clone()))
    }
}

/// Adds to the files: whole pieces, none across two files.
#[derive(Debug)]
pub(super) struct Writer {
    pages: Arc<Pages>,
    file: Option<Arc<File>>,
    at: usize,
    /// The disk was full: what was done about it, unless that was asked for already.
    pub(super) full: Option<&'static str>,
    was_full: bool,
}

impl Writer {
    /// Writes behind nothing.
    pub(super) fn new(pages: Arc<Pages>) -> Self {
        Self { pages, file: None, at: 0, full: None, was_full: false }
    }

    /// Adds a piece with so many packets in it. No longer than a file.
    ///
    /// # Errors
    /// Where there is no room for it, neither on the disk without the oldest files nor in memory.
    pub(super) fn write(&mut self, piece: &[u8], packets: u64) -> io::Result<()> {
        if self.file.is_none() || (1usize << self.pages.bits).saturating_sub(self.at) < piece.len() {
            let fresh = page(1 << self.pages.bits).or_else(|error| self.instead(error))?;
            self.turn(fresh);
        }
        while let Some(file) = &self.file {
            match write_at(file, piece, self.at as u64) {
                Ok(()) => break,
                // What was written of it is written again.
                Err(_) if self.pages.evict() => self.note(),
                // No file is left empty: readers go from one to the next.
                Err(error) if self.at == 0 => {
                    let fresh = self.instead(error)?;
                    self.file = Some(Arc::clone(&fresh.file));
                    self.pages.replace_last(fresh);
                }
                Err(error) => {
                    let fresh = self.instead(error)?;
                    self.turn(fresh);
                }
            }
        }
        self.at += piece.len();
        self.pages.grow(self.at, packets);
        Ok(())
    }

    /// Writing to the file at hand fails from here on, as on a full disk.
    #[cfg(test)]
    pub(super) fn fail_once(&mut self) {
        let named = tempfile::NamedTempFile::new().map(|named| File::open(named.path()));
        if let Ok(Ok(file)) = named {
            self.file = Some(Arc::new(file));
        }
    }

    fn turn(&mut self, fresh: Fresh) {
        (self.file, self.at) = (Some(Arc::clone(&fresh.file)), 0);
        self.pages.push(fresh);
    }

    /// A file in memory, where the disk has no room.
    fn instead(&mut self, error: io::Error) -> io::Result<Fresh> {
        self.note();
        page_in_memory(1 << self.pages.bits).map_err(|_| no_room(error))
    }

    fn note(&mut self) {
        if !std::mem::replace(&mut self.was_full, true) {
            self.full = Some("the disk for temporary files is full: the oldest packets are discarded early");
        }
    }
}

/// A file that nothing was written to yet, and its bytes.
pub(super) struct Fresh {
    pub(super) file: Arc<File>,
    pub(super) map: Arc<Mmap>,
    in_memory: bool,
}

/// An unnamed temporary file of this length.
///
/// It is written by calls and not through the mapping, so that a full disk is an error and not a signal; for the same
/// reason nothing is read that was not written.
pub(super) fn page(len: usize) -> io::Result<Fresh> {
    fresh(crate::output::temporary()?, len, false)
}

/// The same in memory.
#[cfg(target_os = "linux")]
pub(super) fn page_in_memory(len: usize) -> io::Result<Fresh> {
    let file = rustix::fs::memfd_create("wslens", rustix::fs::MemfdFlags::CLOEXEC)?;
    fresh(file.into(), len, true)
}

/// Elsewhere there are no files in memory.
#[cfg(not(target_os = "linux"))]
pub(super) fn page_in_memory(_: usize) -> io::Result<Fresh> {
    Err(io::ErrorKind::Unsupported.into())
}

fn fresh(file: File, len: usize, in_memory: bool) -> io::Result<Fresh> {
    file.set_len(len as u64)?;
    let map = Arc::new(map(&file)?);
    Ok(Fresh { file: Arc::new(file), map, in_memory })
}

/// The error of a temporary file, in words that say what it is for.
pub(super) fn no_room(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("its bytes cannot be kept in a temporary file: {error}"))
}

impl SpoolPage {
    /// Its bytes once more. Memory that was only read through this goes back to the system with it.
    pub(super) fn map_again(&self) -> Arc<Mmap> {
        map(&self.file).map_or_else(|_| Arc::clone(&self.map), Arc::new)
    }

    /// Copies its bytes from `at` on, as many as there are and fit; answers how many.
    #[cfg(unix)]
    pub(super) fn read(&self, at: usize, into: &mut [u8]) -> io::Result<usize> {
        let len = self.len.saturating_sub(at).min(into.len());
        let into = into.get_mut(..len).unwrap_or_default();
        std::os::unix::fs::FileExt::read_exact_at(&*self.file, into, at as u64)?;
        Ok(len)
    }
}

#[cfg(unix)]
pub(super) fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(not(unix))]
pub(super) fn write_at(mut file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}
