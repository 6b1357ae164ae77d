//! A list of any length. Only its visible rows are built.

use std::ops::Range;

/// The cursor and the view of a list. Rows are numbered from 0; the caller stores the rows.
///
/// New rows at the end never move cursor or view. Only movements such as [`step`](Self::step) do, and
/// [`settle`](Self::settle) if the list became shorter or the pane changed its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The row under the cursor.
    pub cursor: usize,
    /// The first visible row.
    pub top: usize,
    len: usize,
    height: usize,
}

impl List {
    /// Sets the number of rows and the height of the pane; keeps cursor and view inside.
    pub fn settle(&mut self, len: usize, height: usize) {
        let resized = height != self.height || len < self.len;
        (self.len, self.height) = (len, height);
        self.cursor = self.cursor.min(len.saturating_sub(1));
        if resized {
            self.show_cursor();
        }
        self.top = self.top.min(len.saturating_sub(height));
    }

    /// Removes rows at the beginning: cursor and view stay on their rows.
    pub fn shift(&mut self, rows: usize) {
        self.len = self.len.saturating_sub(rows);
        self.cursor = self.cursor.saturating_sub(rows);
        self.top = self.top.saturating_sub(rows);
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of rows that fit.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The visible rows.
    #[must_use]
    pub fn visible(&self) -> Range<usize> {
        self.top..self.top.saturating_add(self.height).min(self.len)
    }

    /// Moves the cursor to a row and scrolls to it.
    pub fn go(&mut self, row: usize) {
        self.cursor = row.min(self.len.saturating_sub(1));
        self.show_cursor();
    }

    /// Moves the cursor by a number of rows; stops at the ends.
    pub fn step(&mut self, rows: isize) {
        self.go(self.cursor.saturating_add_signed(rows));
    }

    /// Moves cursor and view by a number of pages, in halves.
    pub fn page(&mut self, halves: isize) {
        let rows = (self.height as isize).max(2) / 2 * halves;
        let rows = if halves.abs() > 1 { rows - halves.signum() } else { rows };
        self.top = self.top.saturating_add_signed(rows).min(self.len.saturating_sub(self.height));
        self.step(rows);
    }

    /// Scrolls without the cursor, as the mouse wheel does.
    pub fn scroll(&mut self, rows: isize) {
        self.top = self.top.saturating_add_signed(rows).min(self.len.saturating_sub(self.height));
    }

    /// The row at a line of the pane, from 0.
    #[must_use]
    pub fn at(&self, line: usize) -> Option<usize> {
        let row = self.top.saturating_add(line);
        (line < self.height && row < self.len).then_some(row)
    }

    fn show_cursor(&mut self) {
        let low = (self.cursor + 1).saturating_sub(self.height.max(1));
        self.top = self.top.clamp(low, self.cursor.max(low));
    }

    /// Performs a movement; returns whether the command was one.
    pub fn act(&mut self, cmd: crate::tui::commands::Cmd) -> bool {
        use crate::tui::commands::Cmd;
        match cmd {
            Cmd::Down => self.step(1),
            Cmd::Up => self.step(-1),
            Cmd::HalfDown => self.page(1),
            Cmd::HalfUp => self.page(-1),
            Cmd::PageDown => self.page(2),
            Cmd::PageUp => self.page(-2),
            Cmd::First => self.go(0),
            Cmd::Last => self.go(usize::MAX),
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_cursor_walks_through_the_view_before_the_view_moves() {
        let mut list = List::default();
        list.settle(100, 10);
        list.go(20);
        assert_eq!(list.visible(), 11..21);
        list.step(-5);
        assert_eq!((list.cursor, list.top), (15, 11));
        list.step(-5);
        assert_eq!((list.cursor, list.top), (10, 10));
    }

    #[test]
    fn new_rows_move_nothing() {
        let mut list = List::default();
        list.settle(20, 10);
        list.go(19);
        let before = (list.cursor, list.top);
        list.settle(1_000_000, 10);
        assert_eq!((list.cursor, list.top), before);
    }

    #[test]
    fn the_wheel_leaves_the_cursor() {
        let mut list = List::default();
        list.settle(100, 10);
        list.scroll(30);
        assert_eq!((list.cursor, list.top), (0, 30));
        list.settle(101, 10);
        assert_eq!(list.top, 30);
        list.step(1);
        assert_eq!((list.cursor, list.top), (1, 1));
    }

    proptest! {
        #[test]
        fn cursor_and_view_stay_inside(moves in prop::collection::vec((0usize..200, 0usize..30, -50isize..50, 0u8..4), 0..50)) {
            let mut list = List::default();
            for (len, height, by, kind) in moves {
                list.settle(len, height);
                match kind {
                    0 => list.step(by),
                    1 => list.page(by.signum()),
                    2 => list.scroll(by),
                    _ => list.go(by.unsigned_abs()),
                }
                prop_assert!(list.cursor == 0 || list.cursor < len);
                prop_assert!(list.visible().end <= len);
                if kind != 2 && height > 0 && len > 0 {
                    prop_assert!(list.visible().contains(&list.cursor), "{:?}", list);
                }
            }
        }
    }
}
