//! A list that grows at its end, in pages: what is in it never moves. Its oldest pages can be released: what is left
//! keeps its numbers.

/// Rows in a page: so few that thousands of lists waste little in their last one.
pub(super) const PAGE: usize = 128;

/// An append-only list of fixed-size pages. The first page grows as it fills, so that a short list is small.
#[derive(Clone, Debug)]
pub struct Pages<T> {
    pages: Vec<Vec<T>>,
    /// By page, of the last ones: when it was begun. Those before began in era 0.
    eras: Vec<u32>,
    len: usize,
    /// How many were released.
    gone: usize,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Pages<T> {
    /// A list with nothing in it.
    #[must_use]
    pub const fn new() -> Self {
        Self { pages: Vec::new(), eras: Vec::new(), len: 0, gone: 0 }
    }

    /// How many there are, released ones included: one behind the number of the last one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many were released: so many from the first on are not there any more.
    #[must_use]
    pub fn released(&self) -> usize {
        self.gone
    }

    /// One of them, counted from 0; none where it was released.
    #[must_use]
    #[inline]
    pub fn get(&self, at: usize) -> Option<&T> {
        let at = at.checked_sub(self.gone)?;
        self.pages.get(at / PAGE)?.get(at % PAGE)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        let at = at.checked_sub(self.gone)?;
        self.pages.get_mut(at / PAGE)?.get_mut(at % PAGE)
    }

    /// The last one.
    #[must_use]
    pub fn last(&self) -> Option<&T> {
        self.get(self.len.checked_sub(1)?)
    }

    /// All that are there in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + '_ {
        self.pages.iter().flatten()
    }

    /// Those from `start` on and before `end` that are there, in order.
    pub fn range(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = &T> + '_ {
        (range.start.max(self.gone)..range.end.min(self.len)).filter_map(|at| self.get(at))
    }

    /// How many stand before the first for which `is_before` fails, where all that it holds for come first. Released
    /// ones do.
    pub fn partition_point(&self, mut is_before: impl FnMut(&T) -> bool) -> usize {
        let page = self.pages.partition_point(|page| page.last().is_some_and(&mut is_before));
        let inside = self.pages.get(page).map_or(0, |page| page.partition_point(&mut is_before));
        (self.gone + page * PAGE + inside).min(self.len)
    }

    /// Appends one; answers by how many bytes [`size`](Self::size) grew.
    #[inline]
    pub(super) fn push(&mut self, value: T, era: u32) -> usize {
        let first = self.len < PAGE && self.gone == 0;
        let mut grown = if first { size_of::<T>() } else { 0 };
        if self.begins_page() {
            self.pages.push(if self.len == 0 { Vec::new() } else { Vec::with_capacity(PAGE) });
            if era > 0 {
                self.eras.push(era);
            }
            grown = if first { size_of::<T>() } else { PAGE * size_of::<T>() };
        }
        if let Some(page) = self.pages.last_mut() {
            page.push(value);
            self.len += 1;
        }
        grown
    }

    /// Bytes of memory that the entries take, about.
    pub(super) fn size(&self) -> usize {
        let whole = self.gone > 0 || self.pages.len() > 1;
        size_of::<T>() * if whole { self.pages.len() * PAGE } else { self.len }
    }

    /// Whether the next entry begins a page.
    pub(super) fn begins_page(&self) -> bool {
        (self.len - self.gone).is_multiple_of(PAGE)
    }

    /// The page in which an entry is, and its place in it.
    pub(super) fn place(&self, at: usize) -> Option<(usize, usize)> {
        let at = at.checked_sub(self.gone)?;
        Some((at / PAGE, at % PAGE))
    }

    /// The entries of a page.
    pub(super) fn page(&self, page: usize) -> &[T] {
        self.pages.get(page).map_or(&[], Vec::as_slice)
    }

    /// Releases full pages that were done before an era began, but not the last one; answers how many pages.
    pub(super) fn release(&mut self, era: u32) -> usize {
        // A page is done when the next one begins.
        let first = self.pages.len().saturating_sub(self.eras.len());
        let before = first + self.eras.iter().take_while(|begun| **begun < era).count();
        let done = before.saturating_sub(1);
        self.pages.drain(..done);
        self.eras.drain(..done.saturating_sub(first));
        self.gone += done * PAGE;
        done
    }

    /// Releases all.
    pub(super) fn release_all(&mut self) {
        (self.pages, self.eras, self.gone) = (Vec::new(), Vec::new(), self.len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_list(len in 0..4 * PAGE, from in 0..4 * PAGE, count in 0..PAGE) {
            let mut pages = Pages::new();
            let list: Vec<usize> = (0..len).map(|n| n * 3).collect();
            list.iter().for_each(|n| _ = pages.push(*n, 0));
            prop_assert_eq!(pages.len(), len);
            prop_assert_eq!(pages.iter().copied().collect::<Vec<_>>(), list.clone());
            prop_assert_eq!(pages.get(from), list.get(from));
            prop_assert_eq!(pages.last(), list.last());
            let slice = list.get(from.min(len)..(from + count).min(len)).unwrap_or_default();
            prop_assert_eq!(pages.range(from..from + count).copied().collect::<Vec<_>>(), slice);
            prop_assert_eq!(pages.partition_point(|n| *n < from * 2), list.partition_point(|n| *n < from * 2));
        }
    }

    #[test]
    fn what_is_left_after_a_release_keeps_its_numbers() {
        let mut pages = Pages::new();
        for n in 0..3 * PAGE + 7 {
            pages.push(n, (n / PAGE) as u32);
        }
        // The second page was done when the third began.
        assert_eq!((pages.release(2), pages.released(), pages.len()), (1, PAGE, 3 * PAGE + 7));
        assert_eq!(
            (pages.get(PAGE - 1), pages.get(PAGE), pages.get(3 * PAGE)),
            (None, Some(&PAGE), Some(&(3 * PAGE)))
        );
        assert_eq!(pages.range(0..PAGE + 2).copied().collect::<Vec<_>>(), [PAGE, PAGE + 1]);
        assert_eq!(pages.partition_point(|n| *n < 5), PAGE);
        assert_eq!(pages.partition_point(|n| *n < 2 * PAGE + 3), 2 * PAGE + 3);
        assert_eq!(pages.place(2 * PAGE + 3), Some((1, 3)));
        pages.release(u32::MAX);
        assert_eq!((pages.released(), pages.iter().count()), (3 * PAGE, 7));
        pages.release_all();
        assert!(pages.last().is_none() && pages.begins_page());
        pages.push(77, 9);
        assert_eq!(
            (pages.get(3 * PAGE + 7), pages.len(), pages.last()),
            (Some(&77), 3 * PAGE + 8, Some(&77))
        );
    }
}
