//! Counts, alone and by size.

use std::cell::Cell;

/// A number that only grows, and at its end stays where it is.
#[derive(Debug, Clone, Default)]
pub struct Counter(Cell<u64>);

impl Counter {
    /// One more.
    pub fn count(&self) {
        self.add(1);
    }

    fn add(&self, amount: u64) {
        self.0.set(self.0.get().saturating_add(amount));
    }

    /// How many so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}

/// The most buckets that a histogram may have.
const MAX_BUCKETS: usize = 16;

/// How many values were at most as large as each of some bounds.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One for each bound, and one for what is larger than all.
    counts: [Counter; MAX_BUCKETS],
    sum: Counter,
}

impl Histogram {
    /// Without values. The bounds ascend; there are at most 15.
    #[must_use]
    pub fn new(bounds: &'static [u64]) -> Self {
        Self {
            bounds,
            counts: Default::default(),
            sum: Counter::default(),
        }
    }

    /// Takes a value in.
    pub fn observe(&self, value: u64) {
        let bucket = self.bounds.iter().position(|bound| value <= *bound);
        let count = self.counts.get(bucket.unwrap_or(self.bounds.len()));
        if let Some(count) = count {
            count.count();
        }
        self.sum.add(value);
    }

    /// The largest value of each bucket but the last, which has none.
    #[must_use]
    pub fn bounds(&self) -> &'static [u64] {
        self.bounds
    }

    /// How many values are in each bucket, each in one of them.
    pub fn counts(&self) -> impl Iterator<Item = u64> {
        let buckets = self.bounds.len().saturating_add(1);
        self.counts.iter().take(buckets).map(Counter::get)
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts().fold(0, u64::saturating_add)
    }

    /// All values together.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_first_bucket_that_is_large_enough() {
        let histogram = Histogram::new(&[1, 10, 100]);
        for value in [0, 1, 2, 10, 11, 100, 101, 5_000] {
            histogram.observe(value);
        }
        assert_eq!(histogram.counts().collect::<Vec<_>>(), [2, 2, 2, 2]);
        assert_eq!((histogram.count(), histogram.sum()), (8, 5_225));
    }

    #[test]
    fn the_largest_number_stays_the_largest() {
        let histogram = Histogram::new(&[]);
        histogram.observe(u64::MAX);
        histogram.observe(u64::MAX);
        assert_eq!((histogram.count(), histogram.sum()), (2, u64::MAX));
    }
}
