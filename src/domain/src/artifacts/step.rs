//! One event as the rules see it.

use serde_json::value::RawValue;

use super::{
    check::{Check, counts_of},
    evidence::EventRef,
    runner::TestCounts,
};
use crate::{Event, StoredEvent, Timestamp, json::Members};

/// An event on its way through the rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    pub(super) event: &'a Event,
    pub(super) at: EventRef,
    pub(super) check: Option<Check>,
    /// The counts of a test run, as far as it says them.
    pub(super) counts: TestCounts,
}

/// An instant of the session with the event that marks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) ts: Timestamp,
    pub(super) at: EventRef,
}

impl<'a> Step<'a> {
    pub(super) fn of(stored: &'a StoredEvent) -> Self {
        let event = &stored.event;
        let counts = counts_of(event);
        Self { event, at: EventRef { id: event.id, seq: stored.seq }, check: Check::of(event, counts), counts }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { ts: self.event.ts, at: self.at }
    }

    /// Reads members of the payload; `None` where they cannot be read.
    pub(super) fn read<T>(&self, wanted: &[&'static str], read: impl FnOnce(&Members<'_>) -> T) -> Option<T> {
        read_payload(self.event, wanted, read)
    }

    /// Whether a command is known to have failed.
    pub(super) fn failed(&self) -> bool {
        self.event.facts.exit_code.is_some_and(|code| code != 0)
    }

    /// Lines added and removed by a change.
    pub(super) fn lines(&self) -> u64 {
        u64::from(self.event.facts.lines_added) + u64::from(self.event.facts.lines_removed)
    }
}

impl Mark {
    /// Milliseconds to a later mark, never below 0.
    pub(super) fn millis_to(&self, later: &Self) -> i64 {
        (later.ts.millis() - self.ts.millis()).max(0)
    }
}

/// Reads members of the payload of an event; `None` where they cannot be read.
pub(super) fn read_payload<T>(
    event: &Event,
    wanted: &[&'static str],
    read: impl FnOnce(&Members<'_>) -> T,
) -> Option<T> {
    let data: &RawValue = serde_json::from_str(event.data()).ok()?;
    Some(read(&Members::of(data, wanted)?))
}
