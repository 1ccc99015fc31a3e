//! The rolling windows that people watch: the last 5 and 15 minutes of a running session.

use std::collections::BTreeMap;

use crate::Timestamp;

/// The width of a bucket: 15 s. A window is a whole number of them.
pub const BUCKET_MS: i64 = 15_000;

/// The bucket of an instant: its number since the epoch.
#[must_use]
pub fn bucket_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(BUCKET_MS)
}

/// What is counted per bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WindowCounts {
    /// Number of prompts.
    pub prompts: u64,
    /// Number of commands.
    pub commands: u64,
    /// Number of commands that failed.
    pub command_failures: u64,
    /// Number of file changes.
    pub changes: u64,
    /// Number of verifications.
    pub verifications: u64,
}

impl WindowCounts {
    /// The names under which the counts are stored, in the order of [`WindowCounts::values`].
    pub const FIELDS: [&'static str; 5] = ["p", "c", "x", "f", "v"];

    /// The counts in the order of [`WindowCounts::FIELDS`].
    #[must_use]
    pub fn values(&self) -> [u64; 5] {
        [self.prompts, self.commands, self.command_failures, self.changes, self.verifications]
    }

    /// The counts from values in the order of [`WindowCounts::FIELDS`].
    #[must_use]
    pub fn from_values([prompts, commands, command_failures, changes, verifications]: [u64; 5]) -> Self {
        Self { prompts, commands, command_failures, changes, verifications }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.prompts += other.prompts;
        self.commands += other.commands;
        self.command_failures += other.command_failures;
        self.changes += other.changes;
        self.verifications += other.verifications;
    }
}

/// Counts by bucket. An event counts where its own time says, but never ahead of the time it was received at: a clock
/// that runs ahead does not hide an event from those who watch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Windows(pub BTreeMap<i64, WindowCounts>);

impl Windows {
    /// The widest window: 15 minutes.
    pub const WIDEST_MS: i64 = 15 * 60 * 1000;

    /// The counts of the `width_ms` milliseconds up to `now`.
    #[must_use]
    pub fn last(&self, width_ms: i64, now: Timestamp) -> WindowCounts {
        let newest = bucket_of(now);
        let oldest = newest - width_ms / BUCKET_MS + 1;
        let mut sum = WindowCounts::default();
        for counts in self.0.range(oldest..=newest).map(|(_, counts)| counts) {
            sum.add(counts);
        }
        sum
    }

    pub(crate) fn add(&mut self, bucket: i64, counts: &WindowCounts) {
        if *counts != WindowCounts::default() {
            self.0.entry(bucket).or_default().add(counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_its_own_minutes_and_no_more() {
        let now = Timestamp::from_millis(100 * 60_000);
        let mut windows = Windows::default();
        for minutes_ago in [0, 4, 6, 14, 16] {
            let at = now.plus_millis(-minutes_ago * 60_000);
            windows.add(bucket_of(at), &WindowCounts { prompts: 1, ..WindowCounts::default() });
        }
        assert_eq!(windows.last(5 * 60_000, now).prompts, 2);
        assert_eq!(windows.last(15 * 60_000, now).prompts, 4);
    }

    #[test]
    fn a_window_ends_with_the_bucket_of_now() {
        let now = Timestamp::from_millis(100 * BUCKET_MS + 7);
        let one = WindowCounts::from_values([1, 2, 3, 4, 5]);
        assert_eq!(one.values(), [1, 2, 3, 4, 5]);
        let mut windows = Windows::default();
        for bucket in [79, 80, 81, 100, 101] {
            windows.add(bucket, &one);
        }
        windows.add(90, &WindowCounts::default());
        assert!(!windows.0.contains_key(&90), "nothing is kept for nothing");
        assert_eq!(windows.last(20 * BUCKET_MS, now).values(), [2, 4, 6, 8, 10]);
        assert_eq!(windows.last(BUCKET_MS, now), one);
    }
}
