//! Where the time went: active and idle, by phase and by kind.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    evidence::Evidence,
    phase::Phase,
    step::{Mark, Step},
};

/// Of the time between two events at most this much counts as active: 5 minutes. Reading a long answer or thinking
/// takes minutes without an event; nobody can tell 20 silent minutes of thought from a lunch, so they count as 5.
/// The time is cut, not dropped, so that a pause of 5:01 is not worth less than one of 4:59.
pub(super) const IDLE_AFTER_MS: i64 = 5 * 60 * 1000;

/// How many kinds are listed by name: real clients use about forty, and a kind is any word.
pub(super) const MAX_KINDS: usize = 64;

#[derive(Debug, Clone, Copy, Default)]
struct Share {
    events: u64,
    active_ms: i64,
}

/// The sums of the time. The time before an event belongs to that event: it is what the event took.
#[derive(Debug, Default)]
pub(super) struct Times {
    first: Option<Mark>,
    last: Option<Mark>,
    active_ms: i64,
    idle_ms: i64,
    longest_idle: Option<(i64, Mark, Mark)>,
    idle_ends: Evidence,
    by_phase: BTreeMap<Phase, Share>,
    by_kind: BTreeMap<Box<str>, Share>,
    other_kinds: Share,
}

impl Times {
    pub(super) fn add(&mut self, step: &Step<'_>) {
        let mark = step.mark();
        let gap_ms = self.last.map_or(0, |last| last.millis_to(&mark));
        let active_ms = gap_ms.min(IDLE_AFTER_MS);
        if let Some(last) = self.last
            && gap_ms > IDLE_AFTER_MS
        {
            self.idle_ends.add(step.at);
            if self.longest_idle.is_none_or(|(longest_ms, ..)| longest_ms < gap_ms) {
                self.longest_idle = Some((gap_ms, last, mark));
            }
        }
        self.active_ms = self.active_ms.saturating_add(active_ms);
        self.idle_ms = self.idle_ms.saturating_add(gap_ms - active_ms);
        self.by_phase.entry(Phase::of(step)).or_default().add(active_ms);
        self.share_of_kind(step.event.kind.as_str()).add(active_ms);
        self.first = self.first.or(Some(mark));
        self.last = Some(mark);
    }

    fn share_of_kind(&mut self, kind: &str) -> &mut Share {
        if self.by_kind.contains_key(kind) || self.by_kind.len() < MAX_KINDS {
            return self.by_kind.entry(kind.into()).or_default();
        }
        &mut self.other_kinds
    }

    pub(super) fn active_ms(&self) -> i64 {
        self.active_ms
    }

    pub(super) fn idle_ms(&self) -> i64 {
        self.idle_ms
    }

    /// The events that ended an idle gap.
    pub(super) fn idle_ends(&self) -> &Evidence {
        &self.idle_ends
    }

    /// The first and the last event, one event where there is only one.
    pub(super) fn ends(&self) -> Evidence {
        let last = self.last.filter(|last| self.first != Some(*last));
        Evidence::of(self.first.into_iter().chain(last).map(|mark| mark.at))
    }

    pub(super) fn to_json(&self) -> Value {
        let phases = Phase::ALL.map(|phase| {
            let share = self.by_phase.get(&phase).copied().unwrap_or_default();
            json!({ "phase": phase.as_str(), "eventCount": share.events, "activeMs": share.active_ms })
        });
        let kind = |kind: &str, share: &Share| json!({ "kind": kind, "eventCount": share.events, "activeMs": share.active_ms });
        let longest_idle = self.longest_idle.map(|(gap_ms, from, to)| {
            json!({ "from": from.ts, "to": to.ts, "durationMs": gap_ms, "events": [from.at, to.at] })
        });
        json!({
            "firstEventAt": self.first.map(|mark| mark.ts),
            "lastEventAt": self.last.map(|mark| mark.ts),
            "activeMs": self.active_ms,
            "activeMinutes": minutes(self.active_ms),
            "idleMs": self.idle_ms,
            "idleGapCount": self.idle_ends.count(),
            "idleAfterMs": IDLE_AFTER_MS,
            "longestIdleGap": longest_idle,
            "byPhase": phases,
            "byKind": self.by_kind.iter().map(|(name, share)| kind(name, share)).collect::<Vec<_>>(),
            "otherKinds": { "eventCount": self.other_kinds.events, "activeMs": self.other_kinds.active_ms },
        })
    }
}

impl Share {
    fn add(&mut self, active_ms: i64) {
        self.events += 1;
        self.active_ms = self.active_ms.saturating_add(active_ms);
    }
}

/// Minutes with one decimal, rounded half up.
pub(super) fn minutes(millis: i64) -> f64 {
    let tenths = millis.saturating_add(3_000) / 6_000;
    // Ten thousand years in tenths of a minute are more than 32 bits hold; there the figure stays at the greatest.
    f64::from(i32::try_from(tenths).unwrap_or(i32::MAX)) / 10.0
}
