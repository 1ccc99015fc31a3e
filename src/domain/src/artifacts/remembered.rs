//! A bounded memory of texts that strangers chose: paths and command lines, each with something to know of it.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::step::Mark;

/// How many texts are remembered at one time: more than a session touches by honest work. Beyond it the older half is
/// forgotten at once, so that a client that invents texts costs neither memory nor time.
const MAX_REMEMBERED: usize = 10_000;

/// The namespace under which texts are hashed, so that a megabyte of script is remembered as 16 bytes.
const TEXTS: Uuid = Uuid::from_u128(0x3c1b_7d52_90aa_5f0e_8c67_51b0_2f6e_a9d3);

/// What is known of texts, each since a mark.
#[derive(Debug)]
pub(super) struct Remembered<T> {
    by_hash: BTreeMap<Uuid, (Mark, T)>,
    forgotten: u64,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self { by_hash: BTreeMap::new(), forgotten: 0 }
    }
}

impl<T> Remembered<T> {
    pub(super) fn take(&mut self, text: &str) -> Option<(Mark, T)> {
        self.by_hash.remove(&hash(text))
    }

    /// What is known of the text; where nothing is, remembers `fresh` since `mark` and says so by `true`.
    pub(super) fn entry(&mut self, text: &str, mark: Mark, fresh: T) -> (&mut (Mark, T), bool) {
        let key = hash(text);
        let is_new = !self.by_hash.contains_key(&key);
        if is_new && self.by_hash.len() >= MAX_REMEMBERED {
            self.forget_older_half();
        }
        (self.by_hash.entry(key).or_insert((mark, fresh)), is_new)
    }

    fn forget_older_half(&mut self) {
        let place = |mark: &Mark| (mark.ts, mark.at.seq);
        let mut places: Vec<_> = self.by_hash.values().map(|(mark, _)| place(mark)).collect();
        places.sort_unstable();
        let Some(&middle) = places.get(places.len() / 2) else { return };
        let before = self.by_hash.len();
        self.by_hash.retain(|_, (mark, _)| place(mark) >= middle);
        self.forgotten += u64::try_from(before - self.by_hash.len()).unwrap_or(0);
    }

    /// How many texts were remembered and never taken, forgotten ones included.
    pub(super) fn left(&self) -> u64 {
        self.forgotten + u64::try_from(self.by_hash.len()).unwrap_or(u64::MAX)
    }
}

fn hash(text: &str) -> Uuid {
    Uuid::new_v5(&TEXTS, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Timestamp, artifacts::evidence::EventRef};

    #[test]
    fn the_older_half_is_forgotten_when_it_is_full() {
        let mut remembered = Remembered::default();
        for seq in 0..=10_000 {
            let mark = Mark { ts: Timestamp::from_millis(0), at: EventRef { id: Uuid::nil(), seq } };
            assert!(remembered.entry(&seq.to_string(), mark, seq).1);
        }
        assert_eq!(remembered.by_hash.len(), 5_001);
        assert_eq!(remembered.left(), 10_001);
        assert!(remembered.take("4999").is_none());
        assert_eq!(remembered.take("5000").map(|(_, seq)| seq), Some(5_000));
        assert_eq!(remembered.take("10000").map(|(_, seq)| seq), Some(10_000));
        assert_eq!(remembered.left(), 9_999);
    }
}
