//! The events that a figure, a moment or a sentence rests on.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// One event, named so that a reader finds it in the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct EventRef {
    pub(super) id: Uuid,
    pub(super) seq: u64,
}

/// How many events are named from each end of a long list. A reader opens the first and the last ones; the thousands
/// between them would only make the artifact as large as the session.
const NAMED_PER_END: usize = 10;

/// Events in timeline order: all of them up to 20, the first and the last ten of more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    first: Vec<EventRef>,
    last: VecDeque<EventRef>,
    count: u64,
}

impl Evidence {
    pub(super) fn of(events: impl IntoIterator<Item = EventRef>) -> Self {
        let mut evidence = Self::default();
        events.into_iter().for_each(|event| evidence.add(event));
        evidence
    }

    pub(super) fn add(&mut self, event: EventRef) {
        self.count += 1;
        if self.first.len() < NAMED_PER_END {
            return self.first.push(event);
        }
        if self.last.len() == NAMED_PER_END {
            self.last.pop_front();
        }
        self.last.push_back(event);
    }

    /// The events of all parts, in the order of arrival. Of a part with more than 20 only the named ones can be.
    pub(super) fn joined<'a>(parts: impl Iterator<Item = &'a Self>) -> Self {
        let (mut named, mut count) = (Vec::new(), 0);
        for part in parts {
            named.extend(part.named());
            count += part.count;
        }
        named.sort_unstable_by_key(|event| event.seq);
        Self { count, ..Self::of(named) }
    }

    /// How many events there are, named or not.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn named(&self) -> Vec<EventRef> {
        self.first.iter().chain(&self.last).copied().collect()
    }

    /// Writes the members `events` and `eventCount` into an object.
    pub(super) fn put_into(&self, object: &mut Map<String, Value>) {
        object.insert("events".to_owned(), json!(self.named()));
        object.insert("eventCount".to_owned(), json!(self.count));
    }
}

/// The object with the members of `value`, and `evidence` behind them.
pub(super) fn with_evidence(value: Value, evidence: &Evidence) -> Value {
    let mut object = match value {
        Value::Object(object) => object,
        _ => Map::new(),
    };
    evidence.put_into(&mut object);
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seqs(n: u64) -> (Vec<u64>, u64) {
        let evidence = Evidence::of((1..=n).map(|seq| EventRef { id: Uuid::nil(), seq }));
        (evidence.named().iter().map(|event| event.seq).collect(), evidence.count())
    }

    #[test]
    fn short_lists_are_whole_and_long_ones_keep_both_ends() {
        assert_eq!(seqs(0), (vec![], 0));
        assert_eq!(seqs(20), ((1..=20).collect(), 20));
        let both_ends = (1..=10).chain(91..=100).collect();
        assert_eq!(seqs(100), (both_ends, 100));
    }
}
