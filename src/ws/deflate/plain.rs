//! Messages that were sent uncompressed, as long as their sender may have put them into its compression window. A receiver does
//! not (RFC 7692 section 7.2.2), so it cannot read what refers to them.

use std::collections::VecDeque;

/// How far back a window reaches at most, in bytes.
const WINDOW: usize = 32 << 10;
/// Bytes with which the oldest go.
const MOST: usize = WINDOW + WINDOW / 2;
/// Messages that are kept apart because compressed ones came between them.
const RUNS: usize = 64;

/// A message by its number, and the packet in which it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ws) struct PlainSource {
    pub(in crate::ws) message: u64,
    pub(in crate::ws) packet: u64,
}

/// Uncompressed messages between the same two compressed ones.
#[derive(Clone, Debug)]
struct PlainRun {
    /// How many bytes of compressed messages had come before.
    at: u64,
    bytes: Vec<u8>,
    first: PlainSource,
    last: PlainSource,
}

/// Uncompressed messages of one direction, at most half as many bytes again as a window holds.
#[derive(Clone, Debug, Default)]
pub(in crate::ws) struct PlainWindow {
    runs: VecDeque<PlainRun>,
    len: usize,
    /// The sender does put them into its window.
    pub(in crate::ws) in_window: bool,
}

impl PlainWindow {
    /// Bytes of memory, about.
    pub(in crate::ws) fn size(&self) -> usize {
        size_of::<Self>() + self.len + self.runs.len() * size_of::<PlainRun>()
    }

    /// Takes a message. `at`: how many bytes of compressed messages came before it.
    pub(in crate::ws) fn push(&mut self, at: u64, bytes: &[u8], source: PlainSource) {
        let bytes = bytes.get(bytes.len().saturating_sub(WINDOW)..).unwrap_or_default();
        match self.runs.back_mut().filter(|run| run.at == at) {
            Some(run) => {
                run.bytes.extend_from_slice(bytes);
                run.last = source;
            }
            None => self.runs.push_back(PlainRun { at, bytes: bytes.to_vec(), first: source, last: source }),
        }
        self.len += bytes.len();
        // Not at every message: what stays is moved.
        if self.len <= MOST && self.runs.len() <= RUNS {
            return;
        }
        while self.len > WINDOW || self.runs.len() > RUNS {
            let over = self.len.saturating_sub(WINDOW);
            match self.runs.front_mut().filter(|run| run.bytes.len() > over && over > 0) {
                Some(run) => {
                    run.bytes.drain(..over);
                    self.len -= over;
                }
                None => {
                    let Some(run) = self.runs.pop_front() else { return };
                    self.len -= run.bytes.len();
                }
            }
        }
    }

    /// The window of a sender that put these messages into it. `window`: what compressed messages left in it, `total`: how
    /// many bytes those had in all.
    pub(in crate::ws) fn join(&self, window: &[u8], total: u64) -> Vec<u8> {
        let mut joined = Vec::with_capacity(window.len() + self.len);
        let mut taken = 0;
        for run in &self.runs {
            let back = usize::try_from(total.saturating_sub(run.at)).unwrap_or(usize::MAX);
            let Some(to) = window.len().checked_sub(back) else { continue };
            joined.extend_from_slice(window.get(taken..to).unwrap_or_default());
            joined.extend_from_slice(&run.bytes);
            taken = to;
        }
        joined.extend_from_slice(window.get(taken..).unwrap_or_default());
        let over = joined.len().saturating_sub(WINDOW);
        joined.drain(..over);
        joined
    }

    /// The first of these messages, and the last.
    pub(in crate::ws) fn ends(&self) -> [PlainSource; 2] {
        let first = self.runs.front().map(|run| run.first).unwrap_or_default();
        [first, self.runs.back().map(|run| run.last).unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(message: u64) -> PlainSource {
        PlainSource { message, packet: message + 10 }
    }

    #[test]
    fn messages_stand_where_they_were_sent() {
        let mut plain = PlainWindow::default();
        plain.push(0, b"one ", source(1));
        plain.push(4, b"three ", source(3));
        plain.push(4, b"four ", source(4));
        assert_eq!(plain.join(b"two five", 8), b"one two three four five");
        // Where the window does not reach back to them, they are of no use.
        assert_eq!(plain.join(b"five", 8), b"three four five");
        assert_eq!(plain.ends(), [source(1), source(4)]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut plain = PlainWindow::default();
        for i in 0..1000u64 {
            plain.push(i / 7 * 100, &[i as u8; 100], source(i));
            assert!(plain.len <= MOST && plain.runs.len() <= RUNS);
            assert_eq!(plain.len, plain.runs.iter().map(|run| run.bytes.len()).sum::<usize>());
        }
        plain.push(0, &[7; 3 * WINDOW], source(2000));
        assert_eq!(plain.join(&[], 0).len(), WINDOW);
        assert_eq!(plain.ends(), [source(2000); 2]);
    }
}
