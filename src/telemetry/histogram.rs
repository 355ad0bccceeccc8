//! Counters and histograms.

use std::cell::Cell;

/// A number that only grows. It saturates at `u64::MAX`.
#[derive(Debug, Clone, Default)]
pub struct Counter(Cell<u64>);

impl Counter {
    /// Adds one.
    pub(crate) fn increment(&self) {
        self.add(1);
    }

    fn add(&self, amount: u64) {
        self.0.set(self.0.get().saturating_add(amount));
    }

    /// Returns the current value.
    pub(crate) fn get(&self) -> u64 {
        self.0.get()
    }
}

/// Maximum number of buckets of a histogram.
const MAX_BUCKETS: usize = 16;

/// Values counted in buckets, which are not cumulative.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One count per bound, and one for values over all bounds.
    counts: [Counter; MAX_BUCKETS],
    sum: Counter,
}

impl Histogram {
    /// Returns an empty histogram. The bounds must be ascending, and at most 15.
    pub(crate) fn new(bounds: &'static [u64]) -> Self {
        Self {
            bounds,
            counts: Default::default(),
            sum: Counter::default(),
        }
    }

    /// Counts a value.
    pub(crate) fn observe(&self, value: u64) {
        let bucket = self.bounds.iter().position(|bound| value <= *bound);
        let counter = self.counts.get(bucket.unwrap_or(self.bounds.len()));
        if let Some(counter) = counter {
            counter.increment();
        }
        self.sum.add(value);
    }

    /// Returns the largest value of each bucket, except the last one, which has no bound.
    pub(crate) fn bounds(&self) -> &'static [u64] {
        self.bounds
    }

    /// Returns the number of values in each bucket. Each value is in one bucket only.
    pub(crate) fn counts(&self) -> impl Iterator<Item = u64> {
        let buckets = self.bounds.len().saturating_add(1);
        self.counts.iter().take(buckets).map(Counter::get)
    }

    /// Returns the total number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts().fold(0, u64::saturating_add)
    }

    /// Returns the sum of all values.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_in_the_first_bucket_whose_bound_is_not_below_it() {
        let histogram = Histogram::new(&[1, 10, 100]);
        for value in [0, 1, 2, 10, 11, 100, 101, 5_000] {
            histogram.observe(value);
        }
        assert_eq!(histogram.counts().collect::<Vec<_>>(), [2, 2, 2, 2]);
        assert_eq!((histogram.count(), histogram.sum()), (8, 5_225));
    }

    #[test]
    fn counts_and_sums_saturate_instead_of_overflowing() {
        let histogram = Histogram::new(&[]);
        histogram.observe(u64::MAX);
        histogram.observe(u64::MAX);
        assert_eq!((histogram.count(), histogram.sum()), (2, u64::MAX));
    }
}
