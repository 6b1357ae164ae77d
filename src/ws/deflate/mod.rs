//! permessage-deflate (RFC 7692): one direction's decompressor.
//!
//! In: messages as they were on the wire, unmasked, whole or in pieces. Out: their text, in slices of the one
//! buffer that is the window too, so that nothing is copied and everything since the window was empty is known.

use crate::model::to_usize;

mod bits;
mod block;
mod codes;
mod plain;
mod window;

#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod tests;

pub(super) use plain::{PlainSource, PlainWindow};

use block::{BlockEnd, BlockStop, DeflateBlocks, MessageEnd, Tables};
use window::SlidingWindow;

/// What every compressed message lost at its end (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Bounds of inflating one message.
#[derive(Clone, Copy, Debug)]
pub struct InflateLimits {
    /// Output bytes of a message that are handed on.
    pub message: u64,
    /// Output bytes per input byte beyond which the output is cut, once it is over 1 MiB.
    pub ratio: u64,
    /// Output bytes of a message after which even the window is given up.
    pub drain: u64,
}

impl Default for InflateLimits {
    /// 64 MiB (more than any sane message), a ratio above what deflate can reach (1032:1, a match of 258 bytes in two
    /// bits), because text that repeats itself comes close to it; 1 GiB (one second's work).
    fn default() -> Self {
        Self { message: 64 << 20, ratio: 1100, drain: 1 << 30 }
    }
}

/// How inflating a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inflation {
    /// All of it, and certain.
    Whole,
    /// A limit was hit: what was handed on is right, the rest was counted only.
    Cut,
    /// It refers to bytes before the part of the window that is known.
    UnknownDictionary,
    /// The data is no deflate.
    Damaged,
}

/// Which limit cut a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateLimit {
    /// [`InflateLimits::message`].
    Message,
    /// [`InflateLimits::ratio`].
    Ratio,
}

/// What is wrong with the end of a compressed message (RFC 7692 section 7.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeflateEnd {
    /// The payload is empty; an empty message is one byte, 0x00.
    Empty,
    /// The last four bytes of the flush, 00 00 ff ff, were not removed.
    TailKept,
    /// The last block is marked as final, and the byte 0x00 that has to follow is missing.
    FinalBlock,
    /// The last block is not flushed: no empty block follows.
    NotFlushed,
    /// It ends inside a block.
    InsideBlock,
}

/// Working space for inflating, which any number of inflaters can use in turn.
#[derive(Debug, Default)]
pub struct InflateSpace {
    tables: Option<Box<Tables>>,
}

/// The decompressor of one direction.
///
/// It is never wrong about history: after a loss its window is emptied, and a reference to what is
/// not there ends in [`Inflation::UnknownDictionary`], never in other bytes.
#[derive(Clone, Debug, Default)]
pub struct Inflater {
    blocks: DeflateBlocks,
    window: SlidingWindow,
    /// The tables of a block that the input ended in. Between messages there are none.
    tables: Option<Box<Tables>>,
    /// Before what the window holds there may have been more.
    lost: bool,
    /// The same, when the message at hand began.
    lost_before: bool,
    tally: Tally,
    /// The message at hand cannot go on.
    dead: bool,
    /// What is wrong with the end of the message at hand.
    end: Option<DeflateEnd>,
    /// The message at hand refers to bytes before the first that the window knows.
    too_far: bool,
    /// It is at rest: see [`rest`](Self::rest).
    resting: bool,
    /// The one at rest that this one took the place of.
    previous: Option<Box<Self>>,
    /// Uncompressed messages that may be in the sender's window, or are.
    pub(super) plain: Option<Box<PlainWindow>>,
}

impl Inflater {
    /// Bytes of memory that it holds beside itself.
    #[must_use]
    pub fn size(&self) -> usize {
        let previous = self.previous.as_ref().map_or(0, |previous| size_of::<Self>() + previous.size());
        let previous = previous + self.plain.as_ref().map_or(0, |plain| plain.size());
        self.window.bytes.capacity() + if self.tables.is_some() { size_of::<Tables>() } else { 0 } + previous
    }

    /// Puts it at rest: its sender agreed to begin the next message with an empty window, so another inflater is used for
    /// that, and this one only if the sender did not do as agreed.
    pub(super) fn rest(&mut self) {
        self.resting = true;
    }

    /// Whether it is at rest.
    #[inline]
    pub(super) fn is_resting(&self) -> bool {
        self.resting
    }

    /// Takes the place of one that is at rest.
    pub(super) fn follow(&mut self, previous: Box<Self>) {
        self.previous = Some(previous);
    }

    /// The inflater at rest whose place this one took; no longer at rest.
    pub(super) fn take_previous(&mut self) -> Option<Box<Self>> {
        let mut previous = self.previous.take()?;
        previous.resting = false;
        Some(previous)
    }

    /// Begins a message.
    pub fn begin(&mut self) {
        self.tally = Tally::default();
        if self.dead {
            self.empty();
        }
        (self.end, self.too_far, self.lost_before) = (None, false, self.lost);
        self.blocks.begin_message();
        self.window.begin();
    }

    /// Goes back to before the message at hand, as if it had not been fed. False where the window has moved on too
    /// far: then nothing changes.
    pub fn rewind(&mut self) -> bool {
        if !self.window.rewind() {
            return false;
        }
        self.blocks.reset();
        (self.tables, self.dead, self.lost) = (None, false, self.lost_before);
        true
    }

    /// What is wrong with the end of the message that was finished last. All but
    /// [`DeflateEnd::InsideBlock`] leave its text and the window right.
    #[must_use]
    pub fn bad_end(&self) -> Option<DeflateEnd> {
        self.end
    }

    /// Whether the message at hand failed because it refers to bytes before the first that the window knows.
    #[must_use]
    pub fn refers_too_far(&self) -> bool {
        self.too_far
    }

    /// Which limit cut the message at hand, if one did.
    #[must_use]
    pub fn cut_by(&self) -> Option<InflateLimit> {
        self.tally.cut_by
    }

    /// Forgets the window because the sender did (no context takeover): nothing is uncertain.
    pub fn forget(&mut self) {
        self.empty();
        (self.lost, self.resting, self.previous) = (false, false, None);
    }

    /// Forgets the window because bytes of this direction were lost.
    pub fn lose(&mut self) {
        self.empty();
        self.lost = true;
    }

    fn empty(&mut self) {
        self.blocks.reset();
        self.window.clear();
        (self.tables, self.dead, self.plain) = (None, false, None);
    }

    /// The place of uncompressed messages in the window is no longer known, unless they were inserted there.
    pub(super) fn doubt_plain(&mut self) {
        self.plain.take_if(|plain| !plain.in_window);
    }

    /// An uncompressed message came of which not all is known.
    pub(super) fn lose_plain(&mut self) {
        match self.plain.take() {
            Some(plain) if plain.in_window => self.lose(),
            _ => {}
        }
    }

    /// What its window holds.
    pub(super) fn window(&self) -> &[u8] {
        self.window.content()
    }

    /// Puts bytes into its window that no compressed message made.
    pub(super) fn insert(&mut self, bytes: &[u8]) {
        self.window.insert(bytes);
    }

    /// Puts these bytes in place of its window.
    pub(super) fn set_window(&mut self, bytes: &[u8]) {
        self.empty();
        self.insert(bytes);
    }

    /// The largest distance that the message at hand referred to, in bytes: a sender that agreed to a smaller window
    /// (RFC 7692 section 7.1.2) is not to exceed that.
    #[must_use]
    pub fn largest_distance(&self) -> usize {
        self.blocks.farthest
    }

    /// A piece of the message as it was on the wire, unmasked. `out` takes what it inflates to, and whether that is within
    /// the limits: what is not is for counting and hashing only.
    pub fn feed(
        &mut self,
        input: &[u8],
        limits: &InflateLimits,
        space: &mut InflateSpace,
        out: &mut impl FnMut(&[u8], bool),
    ) {
        self.tally.input += input.len() as u64;
        self.run(input, limits, space, out);
    }

    /// A message that is there as a whole: [`begin`](Self::begin), [`feed`](Self::feed) and
    /// [`finish`](Self::finish) in one. `message` comes back as it was.
    pub fn inflate(
        &mut self,
        message: &mut Vec<u8>,
        limits: &InflateLimits,
        space: &mut InflateSpace,
        out: &mut impl FnMut(&[u8], bool),
    ) -> (Inflation, u64) {
        self.begin();
        self.tally.input = message.len() as u64;
        message.extend_from_slice(&TAIL);
        self.run(message, limits, space, out);
        message.truncate(message.len() - TAIL.len());
        self.conclude();
        (self.tally.outcome, self.tally.output)
    }

    /// Ends the message. Returns how it went, and the number of bytes it inflates to (exact unless
    /// the outcome is `UnknownDictionary` or `Damaged`, or even the drain limit was hit).
    pub fn finish(
        &mut self,
        limits: &InflateLimits,
        space: &mut InflateSpace,
        out: &mut impl FnMut(&[u8], bool),
    ) -> (Inflation, u64) {
        self.run(&TAIL, limits, space, out);
        self.conclude();
        (self.tally.outcome, self.tally.output)
    }

    /// Judges where the message ends, once the tail is fed.
    #[inline]
    fn conclude(&mut self) {
        if let Some(end) = self.blocks.message_end().filter(|_| !self.dead) {
            self.judge_end(end);
        }
    }

    #[cold]
    fn judge_end(&mut self, end: MessageEnd) {
        let end = match end {
            MessageEnd::InsideBlock => DeflateEnd::InsideBlock,
            MessageEnd::BetweenBlocks(_) if self.tally.input == 0 => DeflateEnd::Empty,
            MessageEnd::BetweenBlocks(BlockEnd::Flush) => DeflateEnd::TailKept,
            MessageEnd::BetweenBlocks(BlockEnd::Final) => DeflateEnd::FinalBlock,
            MessageEnd::BetweenBlocks(BlockEnd::None | BlockEnd::Other) => DeflateEnd::NotFlushed,
        };
        self.end = Some(end);
        if end == DeflateEnd::InsideBlock {
            self.tally.outcome = Inflation::Damaged;
            (self.dead, self.lost, self.tables) = (true, true, None);
        } else {
            self.blocks.reset();
        }
    }

    fn run(
        &mut self,
        mut input: &[u8],
        limits: &InflateLimits,
        space: &mut InflateSpace,
        out: &mut impl FnMut(&[u8], bool),
    ) {
        if self.dead {
            return;
        }
        let mut tables = self.tables.take().or_else(|| space.tables.take()).unwrap_or_default();
        let ended = loop {
            let stop = self.blocks.run(&mut input, &mut self.window, &mut tables);
            self.tally.hand_on(self.window.fresh(), limits, out);
            match stop {
                BlockStop::Damaged => break Some(Inflation::Damaged),
                BlockStop::TooFar => {
                    self.too_far = true;
                    break Some(if self.lost { Inflation::UnknownDictionary } else { Inflation::Damaged });
                }
                _ if self.tally.output > limits.drain => break Some(Inflation::Cut),
                BlockStop::Room => self.window.make_room(),
                BlockStop::Input => break None,
            }
        };
        if let Some(outcome) = ended {
            self.tally.outcome = outcome;
            (self.dead, self.lost) = (true, true);
        } else if self.blocks.needs_tables() {
            self.tables = Some(tables);
            return;
        }
        space.tables.get_or_insert(tables);
    }
}

/// What came in and out of one message.
#[derive(Clone, Debug)]
struct Tally {
    input: u64,
    output: u64,
    outcome: Inflation,
    cut_by: Option<InflateLimit>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { input: 0, output: 0, outcome: Inflation::Whole, cut_by: None }
    }
}

impl Tally {
    fn hand_on(&mut self, made: &[u8], limits: &InflateLimits, out: &mut impl FnMut(&[u8], bool)) {
        if made.is_empty() {
            return;
        }
        let before = self.output;
        self.output += made.len() as u64;
        let over_ratio = self.output > 1 << 20 && self.output / self.input.max(1) > limits.ratio;
        let cut = over_ratio || self.output > limits.message;
        if !cut && self.outcome == Inflation::Whole {
            return out(made, true);
        }
        let mut room = 0;
        if self.outcome == Inflation::Whole {
            self.cut_by = Some(if over_ratio { InflateLimit::Ratio } else { InflateLimit::Message });
            if !over_ratio {
                room = to_usize(limits.message.saturating_sub(before).min(made.len() as u64));
            }
        }
        let (within, beyond) = made.split_at_checked(room).unwrap_or((made, &[]));
        out(within, true);
        out(beyond, false);
        self.outcome = Inflation::Cut;
    }
}
