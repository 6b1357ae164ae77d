//! A histogram of durations in bounded memory.

use super::Nanos;

/// Each power of two is divided into 2^5 buckets. A bucket's midpoint is at most 1/64 away from any value in it.
const PRECISION_BITS: u32 = 5;

/// A histogram of durations. Minimum, maximum, mean and count are exact; the median is within 2 %.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    count: u64,
    sum: i64,
    min: i64,
    max: i64,
    /// Index and count of each bucket in use, sorted by index: at most 1920, a handful on most connections.
    buckets: Vec<(u16, u32)>,
}

/// The index of the bucket that counts a value.
fn bucket_of(value: u64) -> u16 {
    let power = value.checked_ilog2().unwrap_or(0);
    match power.checked_sub(PRECISION_BITS) {
        None => value as u16,
        Some(shift) => {
            let fraction = (value >> shift) as u32 & ((1 << PRECISION_BITS) - 1);
            (((shift + 1) << PRECISION_BITS) | fraction) as u16
        }
    }
}

/// The value in the middle of a bucket.
fn midpoint(bucket: u16) -> u64 {
    let bucket = u32::from(bucket);
    match (bucket >> PRECISION_BITS).checked_sub(1) {
        None => bucket.into(),
        Some(shift) => {
            let fraction = bucket & ((1 << PRECISION_BITS) - 1);
            let low = u64::from(fraction | (1 << PRECISION_BITS)) << shift;
            low.saturating_add((1u64 << shift) / 2)
        }
    }
}

impl Histogram {
    /// Adds a duration in nanoseconds. The median counts a negative one (clocks can go back) as 0.
    pub fn add(&mut self, nanoseconds: i64) {
        let first = self.count == 0;
        self.min = if first { nanoseconds } else { self.min.min(nanoseconds) };
        self.max = if first { nanoseconds } else { self.max.max(nanoseconds) };
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.saturating_add(nanoseconds);
        self.add_to_bucket(bucket_of(nanoseconds.max(0).unsigned_abs()), 1);
    }

    fn add_to_bucket(&mut self, bucket: u16, more: u32) {
        match self.buckets.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => {
                if let Some((_, count)) = self.buckets.get_mut(at) {
                    *count = count.saturating_add(more);
                }
            }
            Err(at) => self.buckets.insert(at, (bucket, more)),
        }
    }

    /// Adds all durations of another histogram.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let first = self.count == 0;
        self.min = if first { other.min } else { self.min.min(other.min) };
        self.max = if first { other.max } else { self.max.max(other.max) };
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.saturating_add(other.sum);
        for (bucket, count) in &other.buckets {
            self.add_to_bucket(*bucket, *count);
        }
    }

    /// The number of durations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The shortest duration; `None` if the histogram is empty.
    #[must_use]
    pub fn min(&self) -> Option<Nanos> {
        (self.count > 0).then_some(Nanos(self.min))
    }

    /// The longest duration; `None` if the histogram is empty.
    #[must_use]
    pub fn max(&self) -> Option<Nanos> {
        (self.count > 0).then_some(Nanos(self.max))
    }

    /// The mean; `None` if the histogram is empty.
    #[must_use]
    pub fn mean(&self) -> Option<Nanos> {
        self.sum.checked_div(i64::try_from(self.count).ok()?).map(Nanos)
    }

    /// The median, within 2 % (the lower of the two middle values); `None` if the histogram is empty.
    #[must_use]
    pub fn median(&self) -> Option<Nanos> {
        let mut before = self.count.checked_sub(1)? / 2;
        for (bucket, count) in &self.buckets {
            match before.checked_sub(u64::from(*count)) {
                Some(rest) => before = rest,
                None => {
                    let value = i64::try_from(midpoint(*bucket)).unwrap_or(i64::MAX);
                    return Some(Nanos(value.clamp(self.min, self.max)));
                }
            }
        }
        Some(Nanos(self.max))
    }

    /// Heap memory in use, in bytes, approximately.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.buckets.capacity() * size_of::<(u16, u32)>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_median_is_within_two_percent_of_the_sorted_list(
            mut list in prop::collection::vec(prop_oneof![0i64..40, 0i64..10_000_000_000, any::<i64>()], 1..200),
            cut in 0usize..200,
        ) {
            let mut all = Histogram::default();
            list.iter().for_each(|value| all.add(*value));
            let (mut a, mut b) = (Histogram::default(), Histogram::default());
            let cut = cut.min(list.len());
            list[..cut].iter().for_each(|value| a.add(*value));
            list[cut..].iter().for_each(|value| b.add(*value));
            a.merge(&b);
            let figures = |of: &Histogram| (of.count(), of.min(), of.median(), of.max());
            prop_assert_eq!(figures(&a), figures(&all));
            list.sort_unstable();
            let expected = list[(list.len() - 1) / 2].max(0) as f64;
            let median = all.median().unwrap().0.max(0) as f64;
            prop_assert!((median - expected).abs() <= expected * 0.02 + 0.5, "{median} for {expected}");
            prop_assert_eq!(all.min(), list.first().copied().map(Nanos));
            prop_assert_eq!(all.max(), list.last().copied().map(Nanos));
            prop_assert!(all.buckets.len() <= 1920);
        }
    }

    #[test]
    fn an_empty_histogram_has_no_figures() {
        let none = Histogram::default();
        assert_eq!((none.min(), none.median(), none.max(), none.mean()), (None, None, None, None));
    }

    #[test]
    fn one_duration_is_exact() {
        let mut one = Histogram::default();
        one.add(1_234_567);
        assert_eq!((one.median(), one.mean()), (Some(Nanos(1_234_567)), Some(Nanos(1_234_567))));
    }
}
