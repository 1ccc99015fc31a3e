//! What a load gave.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::histogram::Histogram;

/// Answers and their times.
#[derive(Debug, Default, Clone)]
pub(crate) struct Counts {
    /// Events that were acknowledged.
    pub(crate) events: u64,
    /// From sending to the answer, of each request or batch.
    pub(crate) latency: Histogram,
    /// Every other answer, by status.
    pub(crate) refused: BTreeMap<u16, u64>,
}

impl Counts {
    /// Counts the answer to a request with `n` events.
    pub(crate) fn answered(&mut self, status: u16, n: usize, sent_at: Instant) {
        match status {
            201 | 207 => {
                self.events += u64::try_from(n).unwrap_or_default();
                self.latency.add(sent_at.elapsed());
            }
            _ => *self.refused.entry(status).or_default() += 1,
        }
    }

    /// Adds all of another one.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.events += other.events;
        self.latency.merge(&other.latency);
        for (status, n) in &other.refused {
            *self.refused.entry(*status).or_default() += n;
        }
    }
}
