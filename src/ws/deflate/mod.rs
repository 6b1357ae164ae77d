//! permessage-deflate (RFC 7692): one direction's decompressor.
//!
//! In: messages as they were on the wire, unmasked, whole or in pieces. Out: their text, in slices of the one
//! buffer that is the window too, so that nothing is copied and everything since the window was empty is known.

mod bits;
mod block;
mod codes;
mod window;

#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod tests;

use block::{Blocks, Stop, Tables};
use window::Window;

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
    /// 64 MiB (more than any sane message), 200:1 (deflate's text is 3:1 to 20:1), 1 GiB (one second's work).
    fn default() -> Self {
        Self { message: 64 << 20, ratio: 200, drain: 1 << 30 }
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

/// Working space for inflating, which any number of inflaters can use in turn.
#[derive(Debug, Default)]
pub struct InflateSpace {
    tables: Option<Box<Tables>>,
}

/// The decompressor of one direction.
///
/// It is never wrong about history: after a loss its window is emptied, and a reference to what is
/// not there ends in [`Inflation::UnknownDictionary`], never in other bytes.
#[derive(Debug, Default)]
pub struct Inflater {
    blocks: Blocks,
    window: Window,
    /// The tables of a block that the input ended in. Between messages there are none.
    tables: Option<Box<Tables>>,
    /// Before what the window holds there may have been more.
    lost: bool,
    tally: Tally,
    /// The message at hand cannot go on.
    dead: bool,
}

impl Inflater {
    /// Begins a message.
    pub fn begin(&mut self) {
        self.tally = Tally::default();
        if self.dead {
            self.empty();
        }
    }

    /// Forgets the window because the sender did (no context takeover): nothing is uncertain.
    pub fn forget(&mut self) {
        self.empty();
        self.lost = false;
    }

    /// Forgets the window because bytes of this direction were lost.
    pub fn lose(&mut self) {
        self.empty();
        self.lost = true;
    }

    fn empty(&mut self) {
        self.blocks.reset();
        self.window.clear();
        (self.tables, self.dead) = (None, false);
    }

    /// The largest distance that anything referred to so far, in bytes: a sender that agreed to a smaller window
    /// (RFC 7692 section 7.1.2) is not to exceed that.
    pub fn largest_distance(&self) -> usize {
        self.blocks.farthest
    }

    /// A piece of the message as it was on the wire, unmasked.
    pub fn feed(
        &mut self,
        input: &[u8],
        limits: &InflateLimits,
        space: &mut InflateSpace,
        out: &mut impl FnMut(&[u8]),
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
        out: &mut impl FnMut(&[u8]),
    ) -> (Inflation, u64) {
        self.begin();
        self.tally.input = message.len() as u64;
        message.extend_from_slice(&TAIL);
        self.run(message, limits, space, out);
        message.truncate(message.len() - TAIL.len());
        (self.tally.outcome, self.tally.output)
    }

    /// Ends the message. Returns how it went, and the number of bytes it inflates to (exact unless
    /// the outcome is `UnknownDictionary` or `Damaged`, or even the drain limit was hit).
    pub fn finish(
        &mut self,
        limits: &InflateLimits,
        space: &mut InflateSpace,
        out: &mut impl FnMut(&[u8]),
    ) -> (Inflation, u64) {
        self.run(&TAIL, limits, space, out);
        (self.tally.outcome, self.tally.output)
    }

    fn run(
        &mut self,
        mut input: &[u8],
        limits: &InflateLimits,
        space: &mut InflateSpace,
        out: &mut impl FnMut(&[u8]),
    ) {
        if self.dead {
            return;
        }
        let mut tables = self.tables.take().or_else(|| space.tables.take()).unwrap_or_default();
        let ended = loop {
            let stop = self.blocks.run(&mut input, &mut self.window, &mut tables);
            self.tally.hand_on(self.window.fresh(), limits, out);
            match stop {
                Stop::Damaged => break Some(Inflation::Damaged),
                Stop::TooFar if self.lost => break Some(Inflation::UnknownDictionary),
                Stop::TooFar => break Some(Inflation::Damaged),
                _ if self.tally.output > limits.drain => break Some(Inflation::Cut),
                Stop::Room => self.window.make_room(),
                Stop::Input => break None,
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
#[derive(Debug)]
struct Tally {
    input: u64,
    output: u64,
    outcome: Inflation,
}

impl Default for Tally {
    fn default() -> Self {
        Self { input: 0, output: 0, outcome: Inflation::Whole }
    }
}

impl Tally {
    fn hand_on(&mut self, made: &[u8], limits: &InflateLimits, out: &mut impl FnMut(&[u8])) {
        if made.is_empty() {
            return;
        }
        let before = self.output;
        self.output += made.len() as u64;
        let over_ratio = self.output > 1 << 20 && self.output / self.input.max(1) > limits.ratio;
        if over_ratio || self.output > limits.message {
            if self.outcome == Inflation::Whole {
                let room = limits.message.saturating_sub(before).min(made.len() as u64) as usize;
                out(made.get(..if over_ratio { 0 } else { room }).unwrap_or_default());
            }
            self.outcome = Inflation::Cut;
        } else if self.outcome == Inflation::Whole {
            out(made);
        }
    }
}
