//! Counts durations in buckets about 6 % wide, enough for percentiles.

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
        // Four bits below the highest one are kept.
        let shift = (u64::BITS - micros.leading_zeros()).saturating_sub(5);
        let end = ((micros >> shift) + 1).checked_shl(shift).unwrap_or(u64::MAX).saturating_sub(1);
        *self.buckets.entry(end).or_default() += 1;
        self.n += 1;
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
        let rank = (self.n * percent).div_ceil(100).max(1);
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
    fn percentiles_are_at_most_seven_percent_off() {
        let mut all = Histogram::default();
        assert_eq!(all.percentile(50), None);
        let mut half = Histogram::default();
        for micros in 1..=500 {
            all.add(Duration::from_micros(micros * 10));
            half.add(Duration::from_micros((500 + micros) * 10));
        }
        all.merge(&half);
        for (percent, expected) in [(50, 5000), (99, 9900), (100, 10000)] {
            let micros = all.percentile(percent).unwrap().as_micros();
            assert!((expected..=expected * 107 / 100).contains(&micros), "{percent}: {micros}");
        }
    }
}
