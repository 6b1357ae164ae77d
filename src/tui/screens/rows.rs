//! Which rows of a list are shown: all, or those that a filter chose, found a bounded number at a time so that the
//! UI never waits for them; and in which order they stand.

use crate::model::Direction;
use crate::store::Index;
use crate::tui::order::{Hole, MessageOrder, OrderEntry};

/// Rows that are looked at in one go.
const BUDGET: usize = 20_000;

/// The rows that are shown, by their place in the list; in growing order.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// What was asked for: when that changes, all begins again.
    key: Option<Key>,
    /// The rows chosen; unused where all are shown.
    chosen: Vec<u32>,
    /// How many were looked at.
    looked: usize,
    /// The first that is there: those before were released.
    first: usize,
    /// How many there are.
    len: usize,
    /// Rows of which it cannot be said without more bytes.
    undecided: Vec<u32>,
    all: bool,
    order: MessageOrder,
    /// Positions in the order, where that is not the order of numbers.
    shown: Vec<u32>,
    /// What `shown` was made of; none where it is not used.
    arranged: Option<Arranged>,
    /// Holes among the rows that are shown.
    holes: usize,
}

/// What an arrangement was made of: while it is the same, it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Arranged {
    order: u64,
    chosen: usize,
    all: bool,
    holes: [bool; 2],
}

/// Which list is arranged, and which holes are shown in it.
#[derive(Clone, Copy, Debug)]
pub struct Arrangement {
    /// The connection, and whether its frames are meant.
    pub list: (u32, bool),
    /// What comes in has to wait.
    pub paused: bool,
    /// Whether holes of what the client sent are shown, and of what the server sent.
    pub holes: [bool; 2],
}

/// What decides about the rows: which list, which filter, which toggles.
pub type Key = (u32, u64, u32, usize);

impl Rows {
    /// Goes on: these rows there are now; `chosen` tells of a row whether it is shown, `None` where that cannot be
    /// said. `all`: every row is shown, nothing has to be asked. Answers how many that were shown are not there any
    /// more: the first ones.
    pub fn advance(
        &mut self,
        key: Key,
        there: std::ops::Range<usize>,
        all: bool,
        mut chosen: impl FnMut(usize) -> Option<bool>,
    ) -> usize {
        if self.key != Some(key) {
            *self = Self { key: Some(key), first: there.start, ..Self::default() };
        }
        let gone = self.release(there.start);
        let len = there.end;
        (self.len, self.all) = (len, all);
        if all {
            self.looked = len;
            return gone;
        }
        let end = len.min(self.looked.saturating_add(BUDGET));
        for row in self.looked..end {
            match chosen(row) {
                Some(true) => self.chosen.push(row as u32),
                Some(false) => {}
                None => self.undecided.push(row as u32),
            }
        }
        self.looked = end;
        gone
    }

    /// Puts the rows into the order in which they were complete, with holes among them.
    pub fn arrange(&mut self, index: &Index, wanted: Arrangement) {
        let Arrangement { list, paused, holes } = wanted;
        self.order.update(index, list, self.first..self.len, paused);
        if self.order.is_plain() {
            (self.arranged, self.holes) = (None, 0);
            self.shown.clear();
            return;
        }
        let arranged =
            Arranged { order: self.order.version(), chosen: self.chosen.len(), all: self.all, holes };
        // While rows are still looked for, each step would arrange all anew.
        let few = |known: Arranged| known.chosen > 0 && self.chosen.len() < 2 * known.chosen;
        if self.arranged == Some(arranged) || self.is_busy() && self.arranged.is_some_and(few) {
            return;
        }
        let [client, server] = holes;
        let shows = |hole: &Hole| match hole.direction {
            Some(Direction::ClientToServer) => client,
            Some(Direction::ServerToClient) => server,
            None => client || server,
        };
        let mut count = 0;
        self.shown.clear();
        for position in 0..self.order.len() {
            let is_shown = match self.order.entry(position) {
                Some(OrderEntry::Row(place)) => {
                    self.all || self.chosen.binary_search(&(place as u32)).is_ok()
                }
                Some(OrderEntry::Hole(hole)) => {
                    let shown = self.order.hole(hole).is_some_and(shows);
                    count += usize::from(shown);
                    shown
                }
                Some(OrderEntry::Extra(_)) | None => false,
            };
            if is_shown {
                self.shown.push(position as u32);
            }
        }
        (self.arranged, self.holes) = (Some(arranged), count);
    }

    /// The hole that a row shows.
    #[must_use]
    pub fn hole(&self, row: usize) -> Option<&Hole> {
        self.arranged?;
        match self.order.entry(*self.shown.get(row)? as usize)? {
            OrderEntry::Hole(at) => self.order.hole(at),
            OrderEntry::Row(_) | OrderEntry::Extra(_) => None,
        }
    }

    /// The row that shows a hole, by the number of its finding.
    #[must_use]
    pub fn row_of_hole(&self, finding: u64) -> Option<usize> {
        (0..self.shown.len()).find(|row| self.hole(*row).is_some_and(|hole| hole.finding == finding))
    }

    /// Forgets rows before one.
    fn release(&mut self, first: usize) -> usize {
        let before = self.first;
        self.first = before.max(first);
        self.looked = self.looked.max(self.first);
        if self.first == before {
            return 0;
        }
        let (first, chosen) =
            (self.first as u32, |rows: &Vec<u32>, first| rows.partition_point(|row| *row < first));
        let undecided = chosen(&self.undecided, first);
        self.undecided.drain(..undecided);
        let gone = chosen(&self.chosen, first);
        self.chosen.drain(..gone);
        if self.all { self.first - before } else { gone }
    }

    /// What decides about the rows now.
    #[must_use]
    pub fn key(&self) -> Option<Key> {
        self.key
    }

    /// How many rows there are of which it cannot be said without more bytes.
    #[must_use]
    pub fn undecided(&self) -> u64 {
        self.undecided.len() as u64
    }

    /// Of undecided rows, these are chosen.
    pub fn decide(&mut self, mut found: Vec<u32>) {
        found.sort_unstable();
        found.retain(|row| self.undecided.binary_search(row).is_ok());
        self.undecided.retain(|row| found.binary_search(row).is_err());
        let before = self.chosen.last().copied();
        let in_order = found.first().is_none_or(|first| before.is_none_or(|last| last < *first));
        self.chosen.extend(found);
        if !in_order {
            self.chosen.sort_unstable();
        }
    }

    /// The other undecided rows before `end` are not chosen.
    pub fn give_up(&mut self, end: usize) {
        self.undecided.retain(|row| *row as usize >= end);
    }

    /// Whether rows are still to be looked at.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.looked < self.len
    }

    /// How many rows are shown so far, holes included.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.arranged.is_some() { self.shown.len() } else { self.count() }
    }

    /// How many of the list's own rows are shown so far.
    #[must_use]
    pub fn count(&self) -> usize {
        if self.arranged.is_some() {
            return self.shown.len() - self.holes;
        }
        if self.all { self.len.saturating_sub(self.first) } else { self.chosen.len() }
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there were in all.
    #[must_use]
    pub fn of(&self) -> usize {
        self.len
    }

    /// The place in the list of a row that is shown; none of a hole.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<usize> {
        if self.arranged.is_some() {
            return match self.order.entry(*self.shown.get(row)? as usize)? {
                OrderEntry::Row(place) => Some(place),
                OrderEntry::Hole(_) | OrderEntry::Extra(_) => None,
            };
        }
        if self.all {
            let place = row.saturating_add(self.first);
            return (place < self.len).then_some(place);
        }
        self.chosen.get(row).map(|row| *row as usize)
    }

    /// The shown row for a place in the list, or the nearest later one, or the last.
    #[must_use]
    pub fn near(&self, place: usize) -> usize {
        if self.arranged.is_some() {
            let position = self.order.position(place).unwrap_or(0) as u32;
            let row = self.shown.partition_point(|at| *at < position);
            return row.min(self.shown.len().saturating_sub(1));
        }
        if self.all {
            return place.min(self.len.saturating_sub(1)).saturating_sub(self.first);
        }
        self.chosen.partition_point(|row| (*row as usize) < place).min(self.chosen.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_bit_by_bit_and_new_ones_are_added() {
        let mut rows = Rows::default();
        let even = |row: usize| Some(row.is_multiple_of(2));
        rows.advance((1, 0, 0, 0), 0..50_000, false, even);
        assert!(rows.is_busy());
        while rows.is_busy() {
            rows.advance((1, 0, 0, 0), 0..50_000, false, even);
        }
        assert_eq!((rows.len(), rows.get(3), rows.near(7)), (25_000, Some(6), 4));
        rows.advance((1, 0, 0, 0), 0..50_003, false, even);
        assert_eq!(rows.len(), 25_002);
        rows.advance((1, 1, 0, 0), 0..10, false, |_| None);
        assert_eq!((rows.len(), rows.undecided()), (0, 10));
        rows.decide(vec![7, 3, 99]);
        rows.decide(vec![5]);
        rows.give_up(9);
        assert_eq!((rows.len(), rows.get(1), rows.undecided()), (3, Some(5), 1));
        let gone = rows.advance((1, 1, 0, 0), 4..10, false, |_| None);
        assert_eq!((gone, rows.len(), rows.get(0)), (1, 2, Some(5)));
        rows.advance((1, 2, 0, 0), 0..10, true, |_| None);
        assert_eq!((rows.len(), rows.get(9), rows.get(10), rows.near(12)), (10, Some(9), None, 9));
        // Places stay what they were when the first ones go.
        assert_eq!(rows.advance((1, 2, 0, 0), 3..12, true, |_| None), 3);
        assert_eq!(
            (rows.len(), rows.get(0), rows.get(9), rows.near(1), rows.near(5)),
            (9, Some(3), None, 0, 2)
        );
    }
}
