//! The place that a capture which goes on is read at: behind the thread that writes it.

use super::archive::Stored;
use super::live::Live;
use super::pages::{Next, Page, Pages};
use super::window::Window;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A cursor over [`Pages`] that another thread adds to: where nothing is, it waits.
pub(super) struct Follower {
    pages: Arc<Pages>,
    live: Live,
    base: u64,
    /// The files from number `first` on that can be read: those that are not evicted, as of the last look.
    held: VecDeque<Page>,
    first: u64,
    /// The file with the cursor, the cursor, and the end of what is known to be written.
    number: u64,
    start: usize,
    end: usize,
    position: u64,
    /// Packets up to `end`.
    packets: u64,
    lost: u64,
}

impl Follower {
    pub(super) fn new(pages: Arc<Pages>, live: Live, base: u64) -> Self {
        Self {
            pages,
            live,
            base,
            held: VecDeque::new(),
            first: 0,
            number: 0,
            start: 0,
            end: 0,
            position: 0,
            packets: 0,
            lost: 0,
        }
    }

    pub(super) fn live(&self) -> &Live {
        &self.live
    }

    /// The bytes at an address, unless they are not there yet or no longer.
    pub(super) fn slice(&self, start: u64, len: u32) -> Option<&[u8]> {
        let bits = self.pages.bits();
        let at = start.checked_sub(self.base)?;
        let (number, from) = (at >> bits, usize::try_from(at & ((1 << bits) - 1)).ok()?);
        let page = self.held.get(usize::try_from(number.checked_sub(self.first)?).ok()?)?;
        let to = from.checked_add(len as usize)?;
        (to <= page.len).then(|| page.map.get(from..to))?
    }

    /// Where its bytes can be read again.
    pub(super) fn stored(&self) -> Stored {
        Stored::Kept(Arc::clone(&self.pages))
    }

    /// Bytes that are kept.
    pub(super) fn kept(&self) -> u64 {
        self.pages.fullness().stored
    }

    /// Looks for more behind the cursor, and waits for it.
    #[cold]
    fn fill(&mut self, len: usize) {
        self.pages.taken.store(self.position, Ordering::Relaxed);
        while self.end.saturating_sub(self.start) < len {
            // Pieces are whole: there is either all of a block, or nothing of it.
            match self.pages.after(self.number, self.end, true) {
                Next::Page(number, page) if number == self.number && !self.held.is_empty() => {
                    (self.end, self.packets) = (page.len, page.packets_after);
                    if let Some(held) = self.held.back_mut() {
                        held.len = page.len;
                    }
                }
                Next::Page(number, page) => self.turn(number, page),
                Next::End | Next::Nothing => break,
            }
        }
    }

    /// Goes on in another file: the next one, or where that is gone the first that is there.
    fn turn(&mut self, number: u64, page: Page) {
        if number > self.number + 1 {
            // The files between; of the one with the cursor everything was read.
            self.lost += page.packets_before.saturating_sub(self.packets);
            self.held.clear();
            self.position = page.bytes_before;
        }
        if self.held.is_empty() {
            self.first = number;
        }
        (self.number, self.start, self.end) = (number, 0, page.len);
        self.packets = page.packets_after;
        self.held.push_back(page);
        let oldest = self.pages.oldest();
        while self.first < oldest && self.held.len() > 1 {
            self.held.pop_front();
            self.first += 1;
        }
    }
}

impl Window for Follower {
    #[inline]
    fn peek(&mut self, len: usize) -> &[u8] {
        if self.end - self.start < len {
            self.fill(len);
        }
        let page = self.held.back().map_or(&[][..], |page| &page.map[..]);
        page.get(self.start..self.end.min(self.start.saturating_add(len))).unwrap_or_default()
    }

    #[inline]
    fn advance(&mut self, len: usize) {
        let len = len.min(self.end - self.start);
        self.start += len;
        self.position += len as u64;
    }

    #[inline]
    fn address(&self) -> u64 {
        self.base.wrapping_add(self.number << self.pages.bits()).wrapping_add(self.start as u64)
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn present(&self) -> &[u8] {
        self.held.back().and_then(|page| page.map.get(self.start..self.end)).unwrap_or_default()
    }

    fn failure(&self) -> Option<&str> {
        None
    }

    #[inline]
    fn lost(&self) -> u64 {
        self.lost
    }

    fn forgive(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}
