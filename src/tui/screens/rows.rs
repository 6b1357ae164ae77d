//! The rows of a list: all, or those that a filter selects, and their order. They are tested in steps, so that the UI
//! never waits.

use crate::model::Direction;
use crate::store::Index;
use crate::tui::order::{Hole, MessageOrder, OrderEntry};

/// Number of rows tested in one step.
const BUDGET: usize = 20_000;

/// The rows that are shown, by their place in the list, in ascending order.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// The inputs of the selection: when they change, it starts again.
    key: Option<Key>,
    /// The selected rows; unused if all are shown.
    chosen: Vec<u32>,
    /// Number of rows that were tested.
    tested: usize,
    /// The first row that exists: earlier ones were released.
    first: usize,
    /// Number of rows.
    len: usize,
    /// Rows that cannot be decided without more bytes.
    undecided: Vec<u32>,
    all: bool,
    order: MessageOrder,
    /// Positions in the order, if it differs from that of the numbers.
    shown: Vec<u32>,
    /// The inputs of `shown`; `None` if it is unused.
    arranged: Option<Arranged>,
    /// Number of gaps among the rows that are shown.
    holes: usize,
}

/// The inputs of an arrangement. While they are unchanged, so is the arrangement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Arranged {
    order: u64,
    chosen: usize,
    all: bool,
    holes: [bool; 2],
}

/// The list to arrange, and the gaps to show in it.
#[derive(Clone, Copy, Debug)]
pub struct Arrangement {
    /// The connection, and whether its frames are listed.
    pub list: (u32, bool),
    /// Whether new rows must wait.
    pub paused: bool,
    /// Whether gaps of the client are shown, and those of the server.
    pub holes: [bool; 2],
}

/// The inputs of a selection: list, filter, toggles, marks.
pub type Key = (u32, u64, u32, usize);

impl Rows {
    /// Continues for the rows that exist. `chosen` returns whether a row is shown, or `None` if that is unknown.
    /// `all`: every row is shown, no test is needed. Returns how many rows at the beginning of the list were
    /// removed.
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
            self.tested = len;
            return gone;
        }
        let end = len.min(self.tested.saturating_add(BUDGET));
        for row in self.tested..end {
            match chosen(row) {
                Some(true) => self.chosen.push(row as u32),
                Some(false) => {}
                None => self.undecided.push(row as u32),
            }
        }
        self.tested = end;
        gone
    }

    /// Puts the rows into the order in which they were complete, with gaps between them.
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
        // While rows are still being tested, do not arrange all of them at each step.
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

    /// Returns the gap in a row.
    #[must_use]
    pub fn hole(&self, row: usize) -> Option<&Hole> {
        self.arranged?;
        match self.order.entry(*self.shown.get(row)? as usize)? {
            OrderEntry::Hole(at) => self.order.hole(at),
            OrderEntry::Row(_) | OrderEntry::Extra(_) => None,
        }
    }

    /// Returns the row of a gap, by the number of its finding.
    #[must_use]
    pub fn row_of_hole(&self, finding: u64) -> Option<usize> {
        (0..self.shown.len()).find(|row| self.hole(*row).is_some_and(|hole| hole.finding == finding))
    }

    /// Removes rows before one.
    fn release(&mut self, first: usize) -> usize {
        let before = self.first;
        self.first = before.max(first);
        self.tested = self.tested.max(self.first);
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

    /// The current inputs of the selection.
    #[must_use]
    pub fn key(&self) -> Option<Key> {
        self.key
    }

    /// Number of rows that cannot be decided without more bytes.
    #[must_use]
    pub fn undecided(&self) -> u64 {
        self.undecided.len() as u64
    }

    /// Selects some of the undecided rows.
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

    /// Rejects the other undecided rows before `end`.
    pub fn give_up(&mut self, end: usize) {
        self.undecided.retain(|row| *row as usize >= end);
    }

    /// Returns whether rows are still to be tested.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.tested < self.len
    }

    /// Number of rows that are shown, with gaps.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.arranged.is_some() { self.shown.len() } else { self.count() }
    }

    /// Number of rows that are shown, without gaps.
    #[must_use]
    pub fn count(&self) -> usize {
        if self.arranged.is_some() {
            return self.shown.len() - self.holes;
        }
        if self.all { self.len.saturating_sub(self.first) } else { self.chosen.len() }
    }

    /// Returns whether no row is shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of rows in the list.
    #[must_use]
    pub fn of(&self) -> usize {
        self.len
    }

    /// Returns the place of a row in the list; `None` for a gap.
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

    /// Returns the row that shows a place of the list, or the next one, or the last.
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
        // Places do not change when the first rows are released.
        assert_eq!(rows.advance((1, 2, 0, 0), 3..12, true, |_| None), 3);
        assert_eq!(
            (rows.len(), rows.get(0), rows.get(9), rows.near(1), rows.near(5)),
            (9, Some(3), None, 0, 2)
        );
    }
}
