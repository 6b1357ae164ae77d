//! Which rows the diagram has. Two million frames are walked over in bounded steps; what is kept of that is a mark
//! every thousand frames, from which the rows in sight are found again.

use std::collections::BTreeSet;

use crate::model::Time;
use crate::store::{FrameRow, Pages};

/// Frames between two marks.
const STRIDE: u64 = 1024;
/// Frames walked over in one step.
const STEP: u64 = 50_000;
/// Pings and pongs of a run that are always shown: one of each.
const SHOWN: u32 = 2;
/// A gap this many times as long as most takes one row that says how long it was.
const LONG: i64 = 10;
/// Gaps that are looked at for the scale.
const SAMPLE: usize = 999;

/// How frames become rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Control frames are shown.
    pub control: bool,
    /// Runs of pings and pongs are folded.
    pub fold: bool,
    /// The usual gap in nanoseconds, where distances stand for time.
    pub scale: Option<i64>,
    /// Folds that were opened, by their first frame.
    pub opened: BTreeSet<u64>,
}

/// A row of the diagram. Frames are counted from 0 here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// A frame.
    Frame(u64),
    /// Pings and pongs in one row: the first, how many.
    Folded(u64, u64),
    /// A long time: nanoseconds.
    Gap(i64),
    /// Some time.
    Blank,
}

impl Row {
    /// The frame that it stands for.
    fn frame(self) -> Option<u64> {
        match self {
            Self::Frame(frame) | Self::Folded(frame, _) => Some(frame),
            Self::Gap(_) | Self::Blank => None,
        }
    }
}

/// The state of a walk over the frames.
#[derive(Clone, Copy, Debug, Default)]
struct Walk {
    /// The next frame.
    frame: u64,
    /// Rows so far.
    rows: u64,
    /// Pings and pongs one after the other.
    run: u32,
    /// The fold that is open: its first frame, how many.
    fold: (u64, u64),
    /// When the last row was.
    last: Option<Time>,
}

impl Walk {
    /// Takes the next frame; tells its rows.
    fn step(&mut self, rules: &Rules, row: &FrameRow, tell: &mut dyn FnMut(u64, Row)) {
        let frame = self.frame;
        self.frame += 1;
        let opcode = row.header().opcode();
        if !rules.control && opcode.is_control() {
            return;
        }
        if rules.fold && matches!(opcode.bits(), 9 | 10) {
            self.run = self.run.saturating_add(1);
            if self.run == SHOWN + 1 {
                self.fold.0 = frame;
            }
            if self.run > SHOWN && !rules.opened.contains(&self.fold.0) {
                self.fold.1 += 1;
                self.last = Some(row.time);
                return;
            }
        } else {
            self.unfold(tell);
            self.run = 0;
        }
        if let (Some(scale), Some(last)) = (rules.scale, self.last) {
            let gap = row.time.since(last);
            if gap > scale.saturating_mul(LONG) {
                self.tell(Row::Gap(gap), tell);
            } else {
                // Half a unit and more is a row of its own.
                for _ in 1..gap.saturating_add(scale / 2).checked_div(scale).unwrap_or(0) {
                    self.tell(Row::Blank, tell);
                }
            }
        }
        self.last = Some(row.time);
        self.tell(Row::Frame(frame), tell);
    }

    /// Ends a fold.
    fn unfold(&mut self, tell: &mut dyn FnMut(u64, Row)) {
        let (first, count) = std::mem::take(&mut self.fold);
        match count {
            0 => {}
            1 => self.tell(Row::Frame(first), tell),
            _ => self.tell(Row::Folded(first, count), tell),
        }
    }

    fn tell(&mut self, row: Row, tell: &mut dyn FnMut(u64, Row)) {
        tell(self.rows, row);
        self.rows += 1;
    }
}

/// The rows of a connection's frames.
#[derive(Clone, Debug)]
pub struct Plan {
    rules: Rules,
    walk: Walk,
    marks: Vec<Walk>,
    /// Rows that went with the first frames.
    gone: u64,
}

impl Plan {
    /// Nothing planned yet.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, walk: Walk::default(), marks: Vec::new(), gone: 0 }
    }

    /// How frames become rows.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Forgets what stands for frames that were released; answers how many rows went, the first ones.
    pub fn release(&mut self, frames: &Pages<FrameRow>) -> u64 {
        let first = frames.released() as u64;
        if self.walk.frame < first {
            // It was never walked over.
            self.walk = Walk { frame: first, rows: self.walk.rows, ..Walk::default() };
            self.marks.clear();
        }
        let at = self.marks.partition_point(|mark| mark.frame < first);
        if at == 0 && !self.marks.is_empty() {
            return 0;
        }
        self.marks.drain(..at);
        let rows = self.marks.first().map_or(self.walk.rows, |mark| mark.rows);
        if self.marks.is_empty() && self.walk.frame > 0 {
            self.marks.push(self.walk);
        }
        let gone = rows.saturating_sub(self.gone);
        self.gone = rows;
        gone
    }

    /// Walks on over what is there, a bounded step; answers whether something is left.
    pub fn advance(&mut self, frames: &Pages<FrameRow>) -> bool {
        let end = (frames.len() as u64).min(self.walk.frame.saturating_add(STEP));
        let range = self.walk.frame as usize..end as usize;
        for row in frames.range(range) {
            let marked = self.marks.last().is_some_and(|mark| mark.frame == self.walk.frame);
            if self.walk.frame.is_multiple_of(STRIDE) && !marked {
                self.marks.push(self.walk);
            }
            self.walk.step(&self.rules, row, &mut |_, _| {});
        }
        self.walk.frame < frames.len() as u64
    }

    /// Frames that were walked over.
    #[must_use]
    pub fn walked(&self) -> u64 {
        self.walk.frame
    }

    /// How many rows there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.walk.rows.saturating_sub(self.gone) + u64::from(self.walk.fold.1 > 0)
    }

    /// Some of the rows, from one on.
    #[must_use]
    pub fn rows(&self, frames: &Pages<FrameRow>, from: u64, count: usize) -> Vec<Row> {
        let from = from.saturating_add(self.gone);
        let at = self.marks.partition_point(|mark| mark.rows <= from).saturating_sub(1);
        let mut found = Vec::with_capacity(count);
        self.each(frames, at, &mut |number, row| {
            if number >= from && found.len() < count {
                found.push(row);
            }
            found.len() < count
        });
        found
    }

    /// The row of a frame, or of the fold that it is in; the next one where it is not shown.
    #[must_use]
    pub fn row_of(&self, frames: &Pages<FrameRow>, frame: u64) -> u64 {
        let at = self.marks.partition_point(|mark| mark.frame <= frame).saturating_sub(1);
        let (mut found, mut last) = (None, 0);
        self.each(frames, at, &mut |number, row| {
            match row {
                Row::Folded(first, count) if (first..first + count).contains(&frame) => found = Some(number),
                _ if row.frame().is_some_and(|of| of >= frame) => found = Some(number),
                _ => last = number,
            }
            found.is_none()
        });
        found.unwrap_or(last).saturating_sub(self.gone)
    }

    /// Tells rows from a mark on as long as they are wanted.
    fn each(&self, frames: &Pages<FrameRow>, mark: usize, tell: &mut dyn FnMut(u64, Row) -> bool) {
        let Some(mut walk) = self.marks.get(mark).copied() else { return };
        let mut wanted = true;
        while wanted && walk.frame < self.walk.frame {
            let Some(row) = frames.get(walk.frame as usize) else { break };
            walk.step(&self.rules, row, &mut |number, row| wanted = wanted && tell(number, row));
        }
        if wanted {
            walk.unfold(&mut |number, row| {
                tell(number, row);
            });
        }
    }
}

/// The usual gap between two frames: the median of some, spread over all of them. At least a microsecond.
#[must_use]
pub fn scale_of(frames: &Pages<FrameRow>) -> i64 {
    let stride = ((frames.len() - frames.released()) / SAMPLE).max(1);
    let mut gaps: Vec<i64> = (frames.released() + 1..frames.len())
        .step_by(stride)
        .filter_map(|at| Some(frames.get(at)?.time.since(frames.get(at - 1)?.time).max(0)))
        .collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or(0).max(1000)
}
