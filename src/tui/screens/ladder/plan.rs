//! Which rows the diagram has. Two million frames are walked over in bounded steps; what is kept of that is a mark
//! every thousand frames, from which the rows in sight are found again.

use std::collections::BTreeSet;

use crate::model::{Nanos, Time};
use crate::store::{FrameRow, Pages};
use crate::tui::order::{MessageOrder, OrderEntry};

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
    pub scale: Option<Nanos>,
    /// Folds that were opened, by their first frame.
    pub opened: BTreeSet<u64>,
}

/// The frames in the order in which they stand, with holes among them. Positions are counted so that those of frames that
/// stand as they are numbered are their numbers less 1.
#[derive(Clone, Copy)]
pub struct Sequence<'a> {
    /// The frames.
    pub frames: &'a Pages<FrameRow>,
    /// Their order.
    pub order: &'a MessageOrder,
    /// When the packets of TCP between them were.
    pub extras: &'a [Time],
}

/// What stands at a position.
enum Item<'a> {
    /// A frame, counted from 0.
    Frame(u64, &'a FrameRow),
    Hole(usize, Time),
    Extra(usize, Time),
}

impl<'a> Sequence<'a> {
    /// The first position, where the others are not there any more.
    fn first(self) -> u64 {
        self.frames.released() as u64
    }

    /// One behind the last position.
    fn end(self) -> u64 {
        self.first() + self.order.len() as u64
    }

    fn get(self, position: u64) -> Option<Item<'a>> {
        match self.order.entry(position.checked_sub(self.first())? as usize)? {
            OrderEntry::Row(place) => Some(Item::Frame(place as u64, self.frames.get(place)?)),
            OrderEntry::Extra(at) => Some(Item::Extra(at, *self.extras.get(at)?)),
            OrderEntry::Hole(at) => Some(Item::Hole(at, self.order.hole(at)?.place.time)),
        }
    }

    /// The position of a frame, counted from 0.
    fn position(self, frame: u64) -> u64 {
        let position = usize::try_from(frame).ok().and_then(|frame| self.order.position(frame));
        position.map_or(frame, |position| self.first() + position as u64)
    }
}

/// A row of the diagram. Frames are counted from 0 here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LadderRow {
    /// A frame.
    Frame(u64),
    /// Bytes that are missing, by their place among the holes of the connection.
    Hole(usize),
    /// A packet of TCP between frames, by its place among those.
    Extra(usize),
    /// Pings and pongs in one row: the first, how many.
    Folded(u64, u64),
    /// A long time: nanoseconds.
    Gap(i64),
    /// Some time.
    Blank,
}

/// The state of a walk over the frames.
#[derive(Clone, Copy, Debug, Default)]
struct LadderWalk {
    /// The next position.
    at: u64,
    /// Rows so far.
    rows: u64,
    /// Pings and pongs one after the other.
    run: u32,
    /// The fold that is open: its first position, its first frame, how many.
    fold: (u64, u64, u64),
    /// When the last row was.
    last: Option<Time>,
}

/// Gets the number of a row, the last position that it stands for, and the row.
type Tell<'a> = &'a mut dyn FnMut(u64, u64, LadderRow);

impl LadderWalk {
    /// Takes what comes next; tells its rows.
    fn step(&mut self, rules: &Rules, item: &Item<'_>, tell: Tell<'_>) {
        let at = self.at;
        self.at += 1;
        let (time, row) = match *item {
            Item::Frame(frame, row) => {
                let opcode = row.header().opcode();
                if !rules.control && opcode.is_control() {
                    return;
                }
                if rules.fold && matches!(opcode.bits(), 9 | 10) {
                    self.run = self.run.saturating_add(1);
                    if self.run == SHOWN + 1 {
                        (self.fold.0, self.fold.1) = (at, frame);
                    }
                    if self.run > SHOWN && !rules.opened.contains(&self.fold.1) {
                        self.fold.2 += 1;
                        self.last = Some(row.time);
                        return;
                    }
                } else {
                    self.unfold(tell);
                    self.run = 0;
                }
                (row.time, LadderRow::Frame(frame))
            }
            Item::Hole(hole, time) => {
                self.unfold(tell);
                self.run = 0;
                (time, LadderRow::Hole(hole))
            }
            Item::Extra(extra, time) => {
                self.unfold(tell);
                self.run = 0;
                (time, LadderRow::Extra(extra))
            }
        };
        if let (Some(scale), Some(last)) = (rules.scale, self.last) {
            let gap = time.since(last);
            if gap > Nanos(scale.0.saturating_mul(LONG)) {
                self.tell(at, LadderRow::Gap(gap.0), tell);
            } else {
                // Half a unit and more is a row of its own.
                for _ in 1..gap.0.saturating_add(scale.0 / 2).checked_div(scale.0).unwrap_or(0) {
                    self.tell(at, LadderRow::Blank, tell);
                }
            }
        }
        self.last = Some(time);
        self.tell(at, row, tell);
    }

    /// Ends a fold.
    fn unfold(&mut self, tell: Tell<'_>) {
        let (at, first, count) = std::mem::take(&mut self.fold);
        match count {
            0 => {}
            1 => self.tell(at, LadderRow::Frame(first), tell),
            _ => self.tell(at.saturating_add(count - 1), LadderRow::Folded(first, count), tell),
        }
    }

    fn tell(&mut self, at: u64, row: LadderRow, tell: Tell<'_>) {
        tell(self.rows, at, row);
        self.rows += 1;
    }
}

/// The rows of a connection's frames.
#[derive(Clone, Debug)]
pub struct Plan {
    rules: Rules,
    walk: LadderWalk,
    marks: Vec<LadderWalk>,
    /// Rows that went with the first frames.
    gone: u64,
}

impl Plan {
    /// Nothing planned yet.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, walk: LadderWalk::default(), marks: Vec::new(), gone: 0 }
    }

    /// How frames become rows.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Forgets what stands for frames that were released; answers how many rows went, the first ones.
    pub fn release(&mut self, sequence: Sequence<'_>) -> u64 {
        let first = sequence.first();
        if self.walk.at < first {
            // It was never walked over.
            self.walk = LadderWalk { at: first, rows: self.walk.rows, ..LadderWalk::default() };
            self.marks.clear();
        }
        let at = self.marks.partition_point(|mark| mark.at < first);
        if at == 0 && !self.marks.is_empty() {
            return 0;
        }
        self.marks.drain(..at);
        let rows = self.marks.first().map_or(self.walk.rows, |mark| mark.rows);
        if self.marks.is_empty() && self.walk.at > 0 {
            self.marks.push(self.walk);
        }
        let gone = rows.saturating_sub(self.gone);
        self.gone = rows;
        gone
    }

    /// Goes back to before a position, counted from the first that is there: what stands from there on is another one now.
    pub fn go_back(&mut self, sequence: Sequence<'_>, position: usize) {
        let position = sequence.first() + position as u64;
        if self.walk.at <= position {
            return;
        }
        let keeps = self.marks.partition_point(|mark| mark.at <= position);
        match keeps.checked_sub(1).and_then(|last| self.marks.get(last)) {
            Some(mark) => self.walk = *mark,
            None => self.walk = LadderWalk { at: sequence.first(), rows: self.gone, ..LadderWalk::default() },
        }
        self.marks.truncate(keeps);
    }

    /// Walks on over what is there, a bounded step; answers whether something is left.
    pub fn advance(&mut self, sequence: Sequence<'_>) -> bool {
        let end = sequence.end().min(self.walk.at.saturating_add(STEP));
        while self.walk.at < end {
            let marked = self.marks.last().is_some_and(|mark| mark.at == self.walk.at);
            if self.walk.at.is_multiple_of(STRIDE) && !marked {
                self.marks.push(self.walk);
            }
            let Some(item) = sequence.get(self.walk.at) else { break };
            self.walk.step(&self.rules, &item, &mut |_, _, _| {});
        }
        self.walk.at < sequence.end()
    }

    /// Whether a frame, counted from 0, was walked over.
    #[must_use]
    pub fn has_walked(&self, sequence: Sequence<'_>, frame: u64) -> bool {
        sequence.position(frame) < self.walk.at
    }

    /// Frames that were walked over, about.
    #[must_use]
    pub fn walked(&self) -> u64 {
        self.walk.at
    }

    /// How many rows there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.walk.rows.saturating_sub(self.gone) + u64::from(self.walk.fold.2 > 0)
    }

    /// Some of the rows, from one on.
    #[must_use]
    pub fn rows(&self, sequence: Sequence<'_>, from: u64, count: usize) -> Vec<LadderRow> {
        let from = from.saturating_add(self.gone);
        let at = self.marks.partition_point(|mark| mark.rows <= from).saturating_sub(1);
        let mut found = Vec::with_capacity(count);
        self.each(sequence, at, &mut |number, _, row| {
            if number >= from && found.len() < count {
                found.push(row);
            }
            found.len() < count
        });
        found
    }

    /// The row of a frame, or of the fold that it is in; the next one where it is not shown.
    #[must_use]
    pub fn row_of(&self, sequence: Sequence<'_>, frame: u64) -> u64 {
        let position = sequence.position(frame);
        let at = self.marks.partition_point(|mark| mark.at <= position).saturating_sub(1);
        let (mut found, mut last) = (None, 0);
        self.each(sequence, at, &mut |number, at, row| {
            match row {
                LadderRow::Frame(_) | LadderRow::Folded(..) if at >= position => found = Some(number),
                _ => last = number,
            }
            found.is_none()
        });
        found.unwrap_or(last).saturating_sub(self.gone)
    }

    /// Tells rows from a mark on as long as they are wanted.
    fn each(&self, sequence: Sequence<'_>, mark: usize, tell: &mut dyn FnMut(u64, u64, LadderRow) -> bool) {
        let Some(mut walk) = self.marks.get(mark).copied() else { return };
        let mut wanted = true;
        while wanted && walk.at < self.walk.at {
            let Some(item) = sequence.get(walk.at) else { break };
            walk.step(&self.rules, &item, &mut |number, at, row| wanted = wanted && tell(number, at, row));
        }
        if wanted {
            walk.unfold(&mut |number, at, row| {
                tell(number, at, row);
            });
        }
    }
}

/// The usual gap between two frames: the median of some, spread over all of them. At least a microsecond.
#[must_use]
pub fn scale_of(frames: &Pages<FrameRow>) -> Nanos {
    let stride = ((frames.len() - frames.released()) / SAMPLE).max(1);
    let mut gaps: Vec<i64> = (frames.released() + 1..frames.len())
        .step_by(stride)
        .filter_map(|at| Some(frames.get(at)?.time.since(frames.get(at - 1)?.time).0.max(0)))
        .collect();
    gaps.sort_unstable();
    Nanos(gaps.get(gaps.len() / 2).copied().unwrap_or(0).max(1000))
}
