//! Errors and recoveries: a command that failed, and the same command line when it succeeds.

use serde_json::{Value, json};

use super::{
    evidence::Evidence,
    remembered::Remembered,
    step::{Mark, Step},
};
use crate::Kind;

/// Errors of a session. An error begins when a command line fails and is recovered from when exactly the same command
/// line succeeds: another one, `ls` after a failed `npm test`, says nothing.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    open: Remembered<()>,
    /// The first failure of each error.
    pub(super) errors: Evidence,
    recovery_ms: Vec<i64>,
    longest: Option<(i64, Mark, Mark)>,
    pub(super) recoveries: Evidence,
}

impl Recovery {
    pub(super) fn add(&mut self, step: &Step<'_>) {
        let (Kind::Command, Some(exit_code)) = (&step.event.kind, step.event.facts.exit_code) else { return };
        let command = step.event.facts.command.as_deref().unwrap_or_default().trim();
        if exit_code == 0 {
            if let Some((error, ())) = self.open.take(command) {
                self.recover(error, step.mark());
            }
            return;
        }
        let (_, is_new) = self.open.entry(command, step.mark(), ());
        if is_new {
            self.errors.add(step.at);
        }
    }

    fn recover(&mut self, error: Mark, success: Mark) {
        let took_ms = error.millis_to(&success);
        self.recovery_ms.push(took_ms);
        self.recoveries.add(success.at);
        if self.longest.is_none_or(|(longest_ms, ..)| longest_ms < took_ms) {
            self.longest = Some((took_ms, error, success));
        }
    }

    pub(super) fn unresolved(&self) -> u64 {
        self.open.left()
    }

    /// The median time from an error to its recovery; of an even number the lower of the two in the middle.
    pub(super) fn median_ms(&self) -> Option<i64> {
        let mut sorted = self.recovery_ms.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len().checked_sub(1)? / 2).copied()
    }

    pub(super) fn to_json(&self) -> Value {
        let longest = self.longest.map(|(took_ms, from, to)| {
            json!({ "from": from.ts, "to": to.ts, "durationMs": took_ms, "events": [from.at, to.at] })
        });
        json!({
            "errorCount": self.errors.count(),
            "recoveredCount": self.recoveries.count(),
            "unresolvedCount": self.unresolved(),
            "medianRecoveryMs": self.median_ms(),
            "longestRecovery": longest,
        })
    }
}
