//! Durations in bounded memory: how many, the shortest, the one in the middle, the longest.

/// Parts of each power of two: a class is 1/32 wide, its middle at most 1/64 from what is in it.
const PARTS: u32 = 5;

/// How durations are spread. Shortest, longest and sum are exact; the median is within 2 %.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    count: u64,
    sum: i64,
    min: i64,
    max: i64,
    /// Classes that have any, in order: at most 1920, most connections have a handful.
    classes: Vec<(u16, u32)>,
}

/// The class of a duration.
fn class(value: u64) -> u16 {
    let power = value.checked_ilog2().unwrap_or(0);
    match power.checked_sub(PARTS) {
        None => value as u16,
        Some(shift) => (((shift + 1) << PARTS) | ((value >> shift) as u32 & ((1 << PARTS) - 1))) as u16,
    }
}

/// The middle of a class.
fn middle(class: u16) -> u64 {
    let class = u32::from(class);
    match (class >> PARTS).checked_sub(1) {
        None => class.into(),
        Some(shift) => {
            let low = u64::from((class & ((1 << PARTS) - 1)) | (1 << PARTS)) << shift;
            low.saturating_add((1u64 << shift) / 2)
        }
    }
}

impl Spread {
    /// Adds a duration in nanoseconds; one below 0 (clocks go back) counts as the shortest there is.
    pub fn add(&mut self, nanoseconds: i64) {
        let first = self.count == 0;
        self.min = if first { nanoseconds } else { self.min.min(nanoseconds) };
        self.max = if first { nanoseconds } else { self.max.max(nanoseconds) };
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.saturating_add(nanoseconds);
        self.raise(class(nanoseconds.max(0).unsigned_abs()), 1);
    }

    fn raise(&mut self, class: u16, by: u32) {
        match self.classes.binary_search_by_key(&class, |(class, _)| *class) {
            Ok(at) => {
                if let Some((_, count)) = self.classes.get_mut(at) {
                    *count = count.saturating_add(by);
                }
            }
            Err(at) => self.classes.insert(at, (class, by)),
        }
    }

    /// Adds what another one holds.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let first = self.count == 0;
        self.min = if first { other.min } else { self.min.min(other.min) };
        self.max = if first { other.max } else { self.max.max(other.max) };
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.saturating_add(other.sum);
        for (class, count) in &other.classes {
            self.raise(*class, *count);
        }
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The shortest, in nanoseconds.
    #[must_use]
    pub fn min(&self) -> Option<i64> {
        (self.count > 0).then_some(self.min)
    }

    /// The longest, in nanoseconds.
    #[must_use]
    pub fn max(&self) -> Option<i64> {
        (self.count > 0).then_some(self.max)
    }

    /// The mean, in nanoseconds.
    #[must_use]
    pub fn mean(&self) -> Option<i64> {
        self.sum.checked_div(i64::try_from(self.count).ok()?)
    }

    /// The one in the middle (the lower of two), in nanoseconds, within 2 %.
    #[must_use]
    pub fn median(&self) -> Option<i64> {
        let mut left = self.count.checked_sub(1)? / 2;
        for (class, count) in &self.classes {
            match left.checked_sub(u64::from(*count)) {
                Some(rest) => left = rest,
                None => {
                    let value = i64::try_from(middle(*class)).unwrap_or(i64::MAX);
                    return Some(value.clamp(self.min, self.max));
                }
            }
        }
        Some(self.max)
    }

    /// Bytes of memory that it holds beside itself, about.
    pub(super) fn size(&self) -> usize {
        self.classes.capacity() * size_of::<(u16, u32)>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_middle_is_that_of_the_sorted_list_within_two_percent(
            mut list in prop::collection::vec(prop_oneof![0i64..40, 0i64..10_000_000_000, any::<i64>()], 1..200),
            cut in 0usize..200,
        ) {
            let mut whole = Spread::default();
            list.iter().for_each(|value| whole.add(*value));
            let (mut a, mut b) = (Spread::default(), Spread::default());
            let cut = cut.min(list.len());
            list[..cut].iter().for_each(|value| a.add(*value));
            list[cut..].iter().for_each(|value| b.add(*value));
            a.merge(&b);
            let figures = |spread: &Spread| (spread.count(), spread.min(), spread.median(), spread.max());
            prop_assert_eq!(figures(&a), figures(&whole));
            list.sort_unstable();
            let middle = list[(list.len() - 1) / 2].max(0) as f64;
            let found = whole.median().unwrap().max(0) as f64;
            prop_assert!((found - middle).abs() <= middle * 0.02 + 0.5, "{found} for {middle}");
            prop_assert_eq!(whole.min(), list.first().copied());
            prop_assert_eq!(whole.max(), list.last().copied());
            prop_assert!(whole.classes.len() <= 1920);
        }
    }

    #[test]
    fn nothing_has_no_middle() {
        let none = Spread::default();
        assert_eq!((none.min(), none.median(), none.max(), none.mean()), (None, None, None, None));
    }

    #[test]
    fn one_duration_is_exact() {
        let mut one = Spread::default();
        one.add(1_234_567);
        assert_eq!((one.median(), one.mean()), (Some(1_234_567), Some(1_234_567)));
    }
}
