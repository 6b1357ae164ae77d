//! The place that a capture which goes on is read at: behind the thread that writes it.

use super::archive::Stored;
use super::live::Live;
use super::pages::{Next, Pages, SpoolPage};
use super::window::Window;
use memmap2::Mmap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A cursor over [`Pages`] that another thread adds to: where nothing is, it waits.
pub(super) struct Follower {
    pages: Arc<Pages>,
    live: Live,
    base: u64,
    /// The files from number `first` on that can be read: those that are not evicted, as of the last look. The last
    /// one has the cursor, and is read through bytes of its own: see [`SpoolPage::map_again`].
    held: VecDeque<SpoolPage>,
    first: u64,
    /// What everybody reads the last one through.
    shared: Option<Arc<Mmap>>,
    /// The file with the cursor, the cursor, and the end of what is known to be written.
    number: u64,
    start: usize,
    end: usize,
    position: u64,
    /// Packets up to `end`.
    packets: u64,
    lost: u64,
    /// The file that was read when [`has_turned`](Self::has_turned) was last asked.
    seen: u64,
}

impl Follower {
    pub(super) fn new(pages: Arc<Pages>, live: Live, base: u64) -> Self {
        Self {
            pages,
            live,
            base,
            held: VecDeque::new(),
            first: 0,
            shared: None,
            number: 0,
            start: 0,
            end: 0,
            position: 0,
            packets: 0,
            lost: 0,
            seen: 0,
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

    /// Whether reading went on to another file since this was last asked.
    pub(super) fn has_turned(&mut self) -> bool {
        std::mem::replace(&mut self.seen, self.number) != self.number
    }

    /// Discards the files before an address, but for the two last ones that were read.
    pub(super) fn release_before(&mut self, address: u64) {
        let number = address.checked_sub(self.base).map_or(0, |at| at >> self.pages.bits());
        self.pages.release(number.min(self.number.saturating_sub(1)));
        self.forget_discarded();
    }

    /// Bytes that are kept.
    pub(super) fn kept(&self) -> u64 {
        self.pages.fullness().stored
    }

    /// Waits for the packet after the first `packets` ones, or the end; false where a nudge came first.
    pub(super) fn wait(&self, packets: u64) -> bool {
        if self.packets > packets {
            return true;
        }
        self.pages.taken.store(self.position, Ordering::Relaxed);
        self.pages.wait(packets)
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
    fn turn(&mut self, number: u64, page: SpoolPage) {
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
        if let (Some(read), Some(shared)) = (self.held.back_mut(), self.shared.take()) {
            read.map = shared;
        }
        self.shared = Some(Arc::clone(&page.map));
        self.held.push_back(SpoolPage { map: page.map_again(), ..page });
        self.forget_discarded();
    }

    /// Lets go of the files that are no longer kept.
    fn forget_discarded(&mut self) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::pages::Writer;
    use crate::capture::{Archive, Capture, source::CaptureSource};
    use crate::model::{Bytes as _, Losses, Span};

    /// Files of 4 KiB.
    const BITS: u32 = 12;

    fn block(kind: u32, body: &[u8]) -> Vec<u8> {
        let len = (12 + body.len() as u32).to_le_bytes();
        [&kind.to_le_bytes()[..], &len, body, &len].concat()
    }

    fn head() -> Vec<u8> {
        let section = [&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
        [block(0x0a0d_0d0a, &section), block(1, &[1, 0, 0, 0, 0, 0, 0, 0])].concat()
    }

    /// A packet of 100 bytes that hold its number, a microsecond after the one before.
    fn packet(number: u32) -> Vec<u8> {
        let words = [0, 0, number, 100, 100].map(u32::to_le_bytes);
        block(6, &[words.as_flattened(), &number.to_le_bytes().repeat(25)].concat())
    }

    fn begin(room: u64) -> (Writer, Arc<Pages>, Capture) {
        let pages = Arc::new(Pages::new(BITS, room));
        let mut writer = Writer::new(Arc::clone(&pages));
        writer.write(&head(), 0).unwrap();
        let follower = Follower::new(Arc::clone(&pages), Live::default(), 0);
        let source = CaptureSource::follow(follower, "test").unwrap();
        (writer, pages, Capture::from_sources(vec![source]))
    }

    #[test]
    fn a_reader_that_keeps_up_gets_everything_while_the_oldest_goes() {
        let (mut writer, pages, mut capture) = begin(3 << BITS);
        let archive = Archive::new(vec![Stored::Kept(Arc::clone(&pages))]);
        let mut spans: Vec<Span> = Vec::new();
        for number in 1..=1000 {
            writer.write(&packet(number), 1).unwrap();
            let read = capture.next().unwrap();
            assert_eq!((read.number, read.time.0), (u64::from(number), i64::from(number) * 1000));
            spans.push(read.bytes);
            let view = archive.view();
            let gone = spans.iter().take_while(|span| view.bytes(**span).is_none()).count();
            for (at, span) in spans.iter().enumerate() {
                let expected = (at >= gone).then(|| (at as u32 + 1).to_le_bytes().repeat(25));
                assert_eq!(view.bytes(*span), expected.as_deref());
                assert_eq!(capture.bytes(*span), expected.as_deref());
            }
            // Three files of 31 packets, the last one begun.
            assert!(spans.len() - gone <= 93, "{gone} of {}", spans.len());
        }
        let fullness = pages.fullness();
        assert!(fullness.evicted_packets > 900 && fullness.stored <= fullness.room, "{fullness:?}");
        assert!(!archive.is_whole() && archive.kept() == (fullness.stored, fullness.evicted));
        pages.end();
        assert!(capture.next().is_none());
        assert_eq!(pages.fullness().waiting, 0);
        assert_eq!((capture.totals().packets, capture.totals().losses), (1000, Losses::default()));
    }

    #[test]
    fn what_went_before_it_was_read_is_counted_and_told_and_numbers_stay_true() {
        let (mut writer, pages, mut capture) = begin(3 << BITS);
        let mut write = |range: std::ops::RangeInclusive<u32>| {
            for number in range {
                writer.write(&packet(number), 1).unwrap();
            }
        };
        write(1..=10);
        for number in 1..=10 {
            assert_eq!(capture.next().unwrap().number, number);
        }
        // Meanwhile far more came than there is room for.
        write(11..=1000);
        pages.end();
        let mut read = Vec::new();
        while let Some(packet) = capture.next() {
            // Its number is that of the file that is kept, and its bytes are its own.
            assert_eq!(packet.time.0, packet.number as i64 * 1000);
            assert_eq!(
                capture.bytes(packet.bytes),
                Some(&(packet.number as u32).to_le_bytes().repeat(25)[..])
            );
            read.push(packet.number);
        }
        assert_eq!(read.last(), Some(&1000));
        assert!(read.windows(2).all(|pair| pair[1] == pair[0] + 1), "one hole, at the beginning");
        let lost = read[0] - 11;
        assert!(lost > 800, "{lost}");
        assert_eq!(capture.totals().losses, Losses { queue: lost, ..Losses::default() });
        assert_eq!(capture.totals().skipped, [("queue-full", lost)]);
        assert_eq!(capture.totals().packets, 1000);
        let [loss] = capture.take_losses()[..] else { panic!("one loss") };
        assert_eq!((loss.losses.queue, loss.from.0, loss.until.0), (lost, 10_000, read[0] as i64 * 1000));
        let findings = capture.take_findings();
        assert_eq!(
            findings.iter().map(|finding| finding.rule.code).collect::<Vec<_>>(),
            ["capture-queue-drops"]
        );
    }

    #[test]
    fn a_nudge_ends_the_wait_for_packets_once_and_is_not_lost() {
        let (mut writer, pages, mut capture) = begin(1 << 30);
        // Before anybody waits.
        pages.nudge();
        pages.nudge();
        assert!(!capture.wait());
        writer.write(&packet(1), 1).unwrap();
        assert!(capture.wait());
        assert_eq!(capture.next().unwrap().number, 1);
        // While somebody waits; a block without a packet is nothing to wake up for.
        let (told, waited) = std::sync::mpsc::channel();
        let waiter = std::thread::spawn(move || {
            told.send(()).unwrap();
            let woken = !capture.wait();
            (woken, capture)
        });
        waited.recv().unwrap();
        writer.write(&block(0x0bad_cafe, &[0; 8]), 0).unwrap();
        pages.nudge();
        let (woken, mut capture) = waiter.join().unwrap();
        assert!(woken);
        writer.write(&packet(2), 1).unwrap();
        assert!(capture.wait());
        assert_eq!(capture.next().unwrap().number, 2);
        pages.end();
        assert!(capture.wait() && capture.next().is_none());
        // A file is never waited for.
        let file = [head(), packet(1)].concat();
        assert!(Capture::from_bytes(file).unwrap().wait());
    }

    #[test]
    fn a_reader_waits_for_what_another_thread_writes() {
        let (mut writer, pages, mut capture) = begin(1 << 30);
        let reader = std::thread::spawn(move || {
            let mut read = 0;
            while let Some(packet) = capture.next() {
                read += 1;
                assert_eq!(packet.number, read);
            }
            read
        });
        for number in 1..=5000 {
            writer.write(&packet(number), 1).unwrap();
            if number % 500 == 0 {
                std::thread::yield_now();
            }
        }
        pages.end();
        assert_eq!(reader.join().unwrap(), 5000);
    }

    /// A full disk: writing to a file that is open for reading only fails, too.
    #[test]
    fn where_the_disk_is_full_the_newest_packets_are_kept_in_memory_and_nothing_ends() {
        let (mut writer, pages, mut capture) = begin(8 << BITS);
        let mut read = 0;
        for number in 1..=500 {
            if number % 50 == 20 {
                // From here on the last file takes nothing, as every new one at first.
                writer.fail_once();
            }
            writer.write(&packet(number), 1).unwrap();
            let packet = capture.next().unwrap();
            read += 1;
            assert_eq!((packet.number, packet.number), (u64::from(number), read));
            assert_eq!(capture.bytes(packet.bytes), Some(&number.to_le_bytes().repeat(25)[..]));
            if capture.may_release() {
                capture.release_before(u64::MAX);
            }
        }
        assert_eq!(
            writer.full.take(),
            Some("the disk for temporary files is full: the oldest packets are discarded early")
        );
        assert!(writer.full.is_none());
        pages.end();
        assert!(capture.next().is_none());
        let fullness = pages.fullness();
        assert!(fullness.stored <= fullness.room && fullness.evicted_packets > 0, "{fullness:?}");
    }

    #[test]
    fn what_nobody_needs_again_is_released_once_it_is_saved() {
        let (mut writer, pages, mut capture) = begin(1 << 30);
        let number_of = |archive: &Archive| archive.kept().0 >> BITS;
        let archive = Archive::new(vec![Stored::Kept(Arc::clone(&pages))]);
        pages.set_saved(0);
        let mut spans = Vec::new();
        for number in 1..=1000 {
            writer.write(&packet(number), 1).unwrap();
            spans.push(capture.next().unwrap().bytes);
            if capture.may_release() {
                // The saver has seen the first ten files only.
                pages.set_saved(u64::from(number / 31).min(10));
                capture.release_before(u64::MAX);
            }
        }
        assert!(number_of(&archive) > 20, "what is not saved stays");
        pages.set_saved(u64::MAX);
        // Somebody still needs the bytes of packet 900.
        capture.release_before(spans[899].start);
        assert_eq!(capture.bytes(spans[899]), Some(&900u32.to_le_bytes().repeat(25)[..]));
        assert!(capture.bytes(spans[800]).is_none() && number_of(&archive) <= 5, "{}", number_of(&archive));
        capture.release_before(u64::MAX);
        assert!(number_of(&archive) <= 2);
        assert!(capture.bytes(spans[999]).is_some());
    }
}
