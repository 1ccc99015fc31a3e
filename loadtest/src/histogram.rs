//! Counts durations in buckets less than 1 % wide, enough for percentiles.

use std::collections::BTreeMap;
use std::time::Duration;

/// Durations, counted.
#[derive(Debug, Default, Clone)]
pub(crate) struct Histogram {
    /// The upper ends of buckets in microseconds.
    buckets: BTreeMap<u64, u64>,
    n: u64,
}

impl Histogram {
    /// Counts one.
    pub(crate) fn add(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        // Seven bits below the highest one are kept.
        let shift = (u64::BITS - micros.leading_zeros()).saturating_sub(8);
        let end = ((micros >> shift) + 1).checked_shl(shift).unwrap_or(u64::MAX).saturating_sub(1);
        *self.buckets.entry(end).or_default() += 1;
        self.n += 1;
    }

    /// How many were counted.
    pub(crate) fn n(&self) -> u64 {
        self.n
    }

    /// Adds all of another one.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (end, n) in &other.buckets {
            *self.buckets.entry(*end).or_default() += n;
        }
        self.n += other.n;
    }

    /// The duration that `percent` of all do not exceed; `None` without any.
    pub(crate) fn percentile(&self, percent: u64) -> Option<Duration> {
        self.per_mille(percent.saturating_mul(10))
    }

    /// The duration that so many of a thousand do not exceed; `None` without any.
    pub(crate) fn per_mille(&self, per_mille: u64) -> Option<Duration> {
        let rank = self.n.saturating_mul(per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        self.buckets.iter().find_map(|(end, n)| {
            seen += n;
            (seen >= rank).then(|| Duration::from_micros(*end))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Histogram;
    use std::time::Duration;

    #[test]
    fn percentiles_are_at_most_one_percent_off() {
        let mut all = Histogram::default();
        assert_eq!(all.percentile(50), None);
        let mut half = Histogram::default();
        for micros in 1..=500 {
            all.add(Duration::from_micros(micros * 10));
            half.add(Duration::from_micros((500 + micros) * 10));
        }
        all.merge(&half);
        for (per_mille, expected) in [(500, 5000), (990, 9900), (999, 9990), (1000, 10000)] {
            let micros = all.per_mille(per_mille).unwrap().as_micros();
            assert!((expected..=expected * 101 / 100).contains(&micros), "{per_mille}: {micros}");
        }
    }
}
