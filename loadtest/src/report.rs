//! What a run found, for people and for programs.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::check::{
    Moment, Promise, Violation, check_cohort, check_session, check_signals, check_timeline, check_watcher, recompute,
    signals_of,
};
use crate::histogram::Histogram;
use crate::history::History;
use crate::readback::ReadBack;
use crate::watcher::Seen;

/// Violations that are printed.
const SHOWN: usize = 20;

/// How long things took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// From the first event to the last answer.
    pub(crate) sending: Duration,
    /// All of it but the preparation.
    pub(crate) total: Duration,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Report {
    seed: u64,
    assessment: String,
    candidates: usize,
    events: usize,
    acknowledged: usize,
    duplicates: usize,
    retries: u64,
    watchers: usize,
    watched: usize,
    connections: u64,
    resets: u64,
    latencies: Histogram,
    times: Times,
    violations: Vec<Violation>,
}

impl Report {
    /// Checks everything. Histories and what was read stand in the same order.
    pub(crate) fn of(
        seed: u64,
        assessment: &str,
        histories: &[History],
        seen: &[Seen],
        read: &[ReadBack],
        times: Times,
    ) -> Self {
        let mut latencies = Histogram::default();
        for history in histories {
            latencies.merge(&history.latencies);
        }
        Self {
            seed,
            assessment: assessment.to_owned(),
            candidates: histories.len(),
            events: histories.iter().map(|history| history.events.len()).sum(),
            acknowledged: histories.iter().map(|history| history.acknowledged().len()).sum(),
            duplicates: histories.iter().map(History::n_duplicates).sum(),
            retries: histories.iter().map(|history| history.retries).sum(),
            watchers: seen.len(),
            watched: seen.iter().map(|seen| seen.rows.len()).sum(),
            connections: seen.iter().map(|seen| seen.connections).sum(),
            resets: seen.iter().map(|seen| seen.resets).sum(),
            latencies,
            times,
            violations: check_all(histories, seen, read),
        }
    }

    /// Whether every promise was kept.
    pub(crate) fn holds(&self) -> bool {
        self.violations.is_empty()
    }

    fn n(&self, promise: Promise) -> usize {
        self.violations.iter().filter(|violation| violation.promise == promise).count()
    }

    fn per_second(&self) -> u128 {
        let millis = self.times.sending.as_millis().max(1);
        u128::try_from(self.acknowledged).unwrap_or_default() * 1000 / millis
    }

    fn millis(&self, percent: u64) -> u128 {
        self.latencies.percentile(percent).unwrap_or_default().as_millis()
    }

    /// The report for a program.
    pub(crate) fn json(&self) -> Value {
        json!({
            "ok": self.holds(),
            "seed": self.seed,
            "assessmentId": self.assessment,
            "candidates": self.candidates,
            "events": self.events,
            "acknowledged": self.acknowledged,
            "answeredAsRepeats": self.duplicates,
            "sentAgain": self.retries,
            "lost": self.n(Promise::Lost),
            "doubled": self.n(Promise::Doubled),
            "misordered": self.n(Promise::Misordered),
            "foreign": self.n(Promise::Foreign),
            "changed": self.n(Promise::Changed),
            "refused": self.n(Promise::Refused),
            "unanswered": self.n(Promise::Unanswered),
            "watchers": self.watchers,
            "watcherConnections": self.connections,
            "watcherResets": self.resets,
            "watchedEvents": self.watched,
            "watchersMissed": self.n(Promise::Missed),
            "watchersDoubled": self.n(Promise::SeenTwice),
            "signalsEqual": self.n(Promise::Signals) == 0,
            "sessionsEqual": self.n(Promise::Session) == 0,
            "cohortEqual": self.n(Promise::Cohort) == 0,
            "protocolFaults": self.n(Promise::Protocol),
            "sendingMs": u64::try_from(self.times.sending.as_millis()).unwrap_or(u64::MAX),
            "totalMs": u64::try_from(self.times.total.as_millis()).unwrap_or(u64::MAX),
            "eventsPerSecond": u64::try_from(self.per_second()).unwrap_or(u64::MAX),
            "ackP50Ms": u64::try_from(self.millis(50)).unwrap_or(u64::MAX),
            "ackP99Ms": u64::try_from(self.millis(99)).unwrap_or(u64::MAX),
            "violations": self.violations.len(),
            "firstViolations": self.violations.get(..SHOWN).unwrap_or(&self.violations),
        })
    }
}

fn check_all(histories: &[History], seen: &[Seen], read: &[ReadBack]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut cohort = Vec::with_capacity(read.len());
    for (history, read) in histories.iter().zip(read) {
        let id = history.session.as_str();
        found.extend(check_timeline(history, &read.timeline));
        let totals = recompute(history, &read.timeline);
        let running = signals_of(&totals, &read.session);
        found.extend(check_signals(id, &running, &read.signals, Moment::Running));
        found.extend(check_session(id, &running, &read.session, Moment::Running));
        let session = read.final_session.get("session").cloned().unwrap_or_default();
        let ended = signals_of(&totals, &session);
        found.extend(check_signals(id, &ended, &read.final_signals, Moment::Ended));
        found.extend(check_session(id, &ended, &session, Moment::Ended));
        for watcher in seen.iter().filter(|seen| seen.session == id) {
            found.extend(check_watcher(watcher, &read.timeline));
        }
        cohort.push((id, ended, &read.cohort));
    }
    found.extend(check_cohort(&cohort));
    mixed(found)
}

/// The first of every promise, then the second of every promise, and so on, so that the first few tell the most.
pub(crate) fn mixed(found: Vec<Violation>) -> Vec<Violation> {
    let mut times: HashMap<Promise, usize> = HashMap::new();
    let mut numbered: Vec<(usize, Violation)> = Vec::with_capacity(found.len());
    for violation in found {
        let number = times.entry(violation.promise).or_default();
        *number += 1;
        numbered.push((*number, violation));
    }
    numbered.sort_by_key(|(number, _)| *number);
    numbered.into_iter().map(|(_, violation)| violation).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |promise| if self.n(promise) == 0 { "yes" } else { "NO" }.to_owned();
        let n = |promise| self.n(promise).to_string();
        let rows = [
            ("candidates", self.candidates.to_string()),
            ("events", self.events.to_string()),
            ("acknowledged", self.acknowledged.to_string()),
            ("repeats answered 200", self.duplicates.to_string()),
            ("sent again", self.retries.to_string()),
            ("lost", n(Promise::Lost)),
            ("doubled", n(Promise::Doubled)),
            ("misordered", n(Promise::Misordered)),
            ("foreign", n(Promise::Foreign)),
            ("changed", n(Promise::Changed)),
            ("wrong seq", n(Promise::Seq)),
            ("refused", n(Promise::Refused)),
            ("unanswered", n(Promise::Unanswered)),
            ("watchers", format!("{} ({} connections, {} resets)", self.watchers, self.connections, self.resets)),
            ("watched events", self.watched.to_string()),
            ("  missed", n(Promise::Missed)),
            ("  doubled", n(Promise::SeenTwice)),
            ("signals equal", yes(Promise::Signals)),
            ("sessions equal", yes(Promise::Session)),
            ("cohort equal", yes(Promise::Cohort)),
            ("protocol faults", n(Promise::Protocol)),
            (
                "seconds",
                format!(
                    "{:.1} sending, {:.1} in all",
                    self.times.sending.as_secs_f64(),
                    self.times.total.as_secs_f64()
                ),
            ),
            ("events/s", self.per_second().to_string()),
            ("ack p50 / p99", format!("{} ms / {} ms", self.millis(50), self.millis(99))),
            ("seed", self.seed.to_string()),
            ("assessment", self.assessment.clone()),
        ];
        for (name, value) in rows {
            writeln!(out, "{name:<22}{value}")?;
        }
        writeln!(out)?;
        if self.holds() {
            return write!(out, "Everything holds.");
        }
        writeln!(out, "{} violations:", self.violations.len())?;
        for violation in self.violations.iter().take(SHOWN) {
            writeln!(out, "- {violation}")?;
        }
        match self.violations.len().checked_sub(SHOWN) {
            Some(more @ 1..) => write!(out, "… and {more} more"),
            _ => Ok(()),
        }
    }
}
