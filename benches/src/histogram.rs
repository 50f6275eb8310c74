//! A histogram of nanoseconds with a bounded error.

use std::fmt;

/// Buckets in each power of two: a value is off by less than 1/64 of itself.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();
const BUCKETS: usize = (64 - STEP_BITS as usize + 1) * STEPS as usize;

/// Counts values in buckets 1.6 % wide; the greatest is kept exactly.
#[derive(Clone)]
pub struct Histogram {
    counts: Box<[u64]>,
    total: u64,
    max: u64,
}

impl Histogram {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self { counts: vec![0; BUCKETS].into_boxed_slice(), total: 0, max: 0 }
    }

    /// Counts one value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.total += 1;
        self.max = self.max.max(value);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
        self.max = 0;
    }

    /// How many values were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The greatest value, exactly.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The value below or at which `share` (0 to 1) of all values lie: the upper end of its bucket, never above the
    /// greatest value; 0 when nothing was counted.
    #[must_use]
    pub fn quantile(&self, share: f64) -> u64 {
        let rank = ((self.total as f64 * share).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper_end(at).min(self.max);
            }
        }
        self.max
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("total", &self.total)
            .field("max", &self.max)
            .finish_non_exhaustive()
    }
}

/// Below 64 every value has its own bucket; above, the leading bit chooses the row and the next six the place in it.
#[inline]
fn bucket(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    let shift = value.ilog2() - STEP_BITS;
    (u64::from(shift + 1) * STEPS + (value >> shift) - STEPS) as usize
}

fn upper_end(bucket: usize) -> u64 {
    let (row, place) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    match row.checked_sub(1) {
        None => place,
        // The last bucket of all ends at 2^64 - 1, which its exclusive end would not fit.
        Some(shift) => ((u128::from(STEPS + place + 1) << shift) - 1) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_a_narrow_bucket() {
        let mut last = 0;
        for value in (0..64).map(|bit| 1u64 << bit).flat_map(|low| [low, low + low / 3, low + (low - 1)]) {
            let end = upper_end(bucket(value));
            assert!(end >= value, "{value} above its bucket's end {end}");
            assert!(end - value <= value / STEPS, "{value} far below its bucket's end {end}");
            last = last.max(bucket(value));
        }
        assert!(bucket(u64::MAX) < BUCKETS && last < BUCKETS);
        assert_eq!(upper_end(bucket(u64::MAX)), u64::MAX);
        assert!((0..100_000).map(bucket).is_sorted());
    }

    #[test]
    fn quantiles_of_a_known_series() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.quantile(0.5), 0);
        for value in (1..=10_000u64).rev() {
            histogram.record(value * 1_000);
        }
        for (share, exact) in [(0.5, 5_000_000u64), (0.9, 9_000_000), (0.99, 9_900_000)] {
            let found = histogram.quantile(share);
            assert!(found.abs_diff(exact) <= exact / 64, "{share}: {found} instead of {exact}");
        }
        assert_eq!((histogram.quantile(1.0), histogram.max()), (10_000_000, 10_000_000));
        assert_eq!(histogram.total(), 10_000);
        histogram.clear();
        assert_eq!((histogram.total(), histogram.max(), histogram.quantile(0.99)), (0, 0, 0));
    }
}
