//! What a log writer has to see to, and how much at once.

use std::{collections::HashMap, time::Instant};

use redis_scripts::{
    Entry,
    keys::{PARTITIONS, Partition},
};
use uuid::Uuid;

use super::{batch, settling::Settling};

/// The most entries of one partition in one batch.
const ENTRIES: usize = 32;

/// What a batch is to hold, by what entries held lately. Commits grow under load: without this, a batch of a backlog is of
/// a hundred megabytes, held several times over.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// What an entry is thought to hold before any was seen.
const GUESSED_ENTRY_BYTES: usize = 16 * 1024;

/// Partitions in one batch where entries are large: bounds what a batch can hold in memory when there is a backlog.
const PARTITIONS_AT_ONCE: usize = 16;

/// What a round of writing found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Round {
    /// Nothing to write.
    Nothing,
    /// It wrote all there was.
    All,
    /// There may be more.
    More,
}

/// How many entries there are of the partition of which there are most.
pub(super) fn most_of_one(batch: &[Entry]) -> usize {
    let mut counts = HashMap::new();
    for entry in batch {
        *counts.entry(entry.partition).or_insert(0) += 1;
    }
    counts.into_values().max().unwrap_or(0)
}

/// What the writer has to see to.
pub(super) struct Duties {
    /// Who this writer is to the others.
    pub(super) id: Uuid,
    pub(super) prepared: bool,
    pub(super) held: Vec<Partition>,
    pub(super) signed_at: Option<Instant>,
    pub(super) trimmed_at: Instant,
    pub(super) asked_memory_at: Instant,
    pub(super) mended_at: Option<Instant>,
    /// Bytes of events in an entry, as lately seen.
    entry_bytes: usize,
    pub(super) settling: Settling,
}

impl Duties {
    /// Those of a writer that begins now.
    pub(super) fn begin(now: Instant) -> Self {
        Self {
            id: Uuid::new_v4(),
            prepared: false,
            held: Vec::new(),
            signed_at: None,
            trimmed_at: now,
            asked_memory_at: now,
            mended_at: None,
            entry_bytes: GUESSED_ENTRY_BYTES,
            settling: Settling::default(),
        }
    }

    /// How many partitions to write at once: all of them, unless a single entry of each would be too much already.
    pub(super) fn partitions_at_once(&self) -> usize {
        let all = usize::from(PARTITIONS);
        if self.entry_bytes * all > BATCH_BYTES { PARTITIONS_AT_ONCE } else { all }
    }

    /// How many entries to take of each of so many partitions.
    pub(super) fn entries_of_each(&self, n_partitions: usize) -> usize {
        (BATCH_BYTES / (self.entry_bytes * n_partitions).max(1)).clamp(1, ENTRIES)
    }

    /// Learns how large entries are: quickly when they grow, slowly when they shrink.
    pub(super) fn saw(&mut self, batch: &[Entry]) {
        let mean = batch.iter().map(batch::bytes_of).sum::<usize>() / batch.len().max(1);
        self.entry_bytes = mean.max((3 * self.entry_bytes + mean) / 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duties(entry_bytes: usize) -> Duties {
        Duties { entry_bytes, ..Duties::begin(Instant::now()) }
    }

    #[test]
    fn all_partitions_are_written_at_once_unless_their_entries_are_large() {
        assert_eq!([0, 1_000, 100_000].map(|bytes| duties(bytes).partitions_at_once()), [64; 3]);
        assert_eq!([200_000, usize::MAX / 64].map(|bytes| duties(bytes).partitions_at_once()), [16; 2]);
    }

    #[test]
    fn a_batch_holds_about_as_much_whatever_entries_hold() {
        assert_eq!(duties(0).entries_of_each(16), ENTRIES);
        assert_eq!(duties(1_000).entries_of_each(16), ENTRIES);
        assert_eq!(duties(200_000).entries_of_each(16), 2);
        assert_eq!(duties(8 * 1024 * 1024).entries_of_each(16), 1, "there is always progress");
        assert_eq!(duties(200_000).entries_of_each(1), ENTRIES);
    }
}
