//! A list that only grows, in pages: what is in it never moves.

/// Rows in a page: so few that thousands of lists waste little in their last one.
pub(super) const PAGE: usize = 128;

/// An append-only list of fixed-size pages. The first page grows as it fills, so that a short list is small.
#[derive(Clone, Debug)]
pub struct Pages<T> {
    pages: Vec<Vec<T>>,
    len: usize,
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
        Self { pages: Vec::new(), len: 0 }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One of them, counted from 0.
    #[must_use]
    #[inline]
    pub fn get(&self, at: usize) -> Option<&T> {
        self.pages.get(at / PAGE)?.get(at % PAGE)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.pages.get_mut(at / PAGE)?.get_mut(at % PAGE)
    }

    /// The last one.
    #[must_use]
    pub fn last(&self) -> Option<&T> {
        self.get(self.len.checked_sub(1)?)
    }

    /// All of them in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + '_ {
        self.pages.iter().flatten()
    }

    /// Those from `start` on and before `end`, in order.
    pub fn range(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = &T> + '_ {
        (range.start..range.end.min(self.len)).filter_map(|at| self.get(at))
    }

    /// How many stand before the first for which `is_before` fails, where all that it holds for come first.
    pub fn partition_point(&self, mut is_before: impl FnMut(&T) -> bool) -> usize {
        let page = self.pages.partition_point(|page| page.last().is_some_and(&mut is_before));
        let inside = self.pages.get(page).map_or(0, |page| page.partition_point(&mut is_before));
        (page * PAGE + inside).min(self.len)
    }

    #[inline]
    pub(super) fn push(&mut self, value: T) {
        if self.len.is_multiple_of(PAGE) {
            self.pages.push(if self.len == 0 { Vec::new() } else { Vec::with_capacity(PAGE) });
        }
        if let Some(page) = self.pages.last_mut() {
            page.push(value);
            self.len += 1;
        }
    }

    /// The page in which an entry is, from its first entry on.
    pub(super) fn page_of(&self, at: usize) -> &[T] {
        self.pages.get(at / PAGE).map_or(&[], Vec::as_slice)
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
            list.iter().for_each(|n| pages.push(*n));
            prop_assert_eq!(pages.len(), len);
            prop_assert_eq!(pages.iter().copied().collect::<Vec<_>>(), list.clone());
            prop_assert_eq!(pages.get(from), list.get(from));
            prop_assert_eq!(pages.last(), list.last());
            let slice = list.get(from.min(len)..(from + count).min(len)).unwrap_or_default();
            prop_assert_eq!(pages.range(from..from + count).copied().collect::<Vec<_>>(), slice);
            prop_assert_eq!(pages.partition_point(|n| *n < from * 2), list.partition_point(|n| *n < from * 2));
        }
    }
}
