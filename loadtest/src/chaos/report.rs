//! What a run found, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::check::History;
use super::fault::Fault;
use super::history::{Outcome, SessionHistory};
use super::readback::Read;
use super::schedule::Struck;
use super::script::Intent;
use crate::check::{Promise, Violation};
use crate::report::mixed;

/// Violations that are shown.
const SHOWN: usize = 30;

/// Numbers of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Totals {
    sessions: usize,
    events: usize,
    tries: usize,
    acknowledged: usize,
    refused: usize,
    unknown: usize,
    unknown_and_there: usize,
    rows: usize,
    seen: usize,
    connections: u64,
    resets: u64,
    audits: u64,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Report {
    /// The seed.
    pub(crate) seed: u64,
    /// How many server nodes there were.
    pub(crate) nodes: usize,
    /// How long candidates sent.
    pub(crate) sending: Duration,
    /// How long after the end of all sessions everything was in ClickHouse.
    pub(crate) final_after: Duration,
    /// How many answers were lost on purpose.
    pub(crate) lost_answers: u64,
    /// The numbers.
    pub(crate) totals: Totals,
    /// The faults.
    pub(crate) struck: Vec<Struck>,
    /// Faults that could not be done, and why.
    pub(crate) skipped: Vec<(Fault, String)>,
    /// Processes that ended without having been told to, and how often.
    pub(crate) ended: Vec<(String, u64)>,
    /// Every promise that was broken.
    pub(crate) violations: Vec<Violation>,
    /// Where the logs are, if they were kept.
    pub(crate) logs: Option<String>,
}

impl Totals {
    /// Counts.
    pub(crate) fn of(history: &History, read: &Read) -> Self {
        let mut totals = Self {
            sessions: history.sessions.len(),
            rows: read.sessions.iter().map(|session| session.rows.len()).sum(),
            seen: history.seen.iter().map(|seen| seen.rows.len()).sum(),
            connections: history.seen.iter().map(|seen| seen.connections).sum(),
            resets: history.seen.iter().map(|seen| seen.resets).sum(),
            audits: history.audit.n_reads,
            ..Self::default()
        };
        for (session, back) in history.sessions.iter().zip(&read.sessions) {
            totals.add(session, &back.rows.iter().map(|row| row.id).collect());
        }
        totals
    }

    fn add(&mut self, session: &SessionHistory, there: &std::collections::HashSet<uuid::Uuid>) {
        self.events += session.events.len();
        self.tries += session.tries.len();
        let mut is_ok = vec![false; session.events.len()];
        let ok = session.tries.iter().filter(|one| one.outcome.is_ok() && !one.is_altered);
        for event in ok.filter_map(|one| usize::try_from(one.event).ok()) {
            if let Some(is_ok) = is_ok.get_mut(event) {
                *is_ok = true;
            }
        }
        let refused = session.tries.iter().filter(|one| matches!(one.outcome, Outcome::Refused { .. }));
        self.refused += refused.map(|one| one.event).collect::<std::collections::HashSet<_>>().len();
        for (sent, is_ok) in session.events.iter().zip(is_ok) {
            if is_ok {
                self.acknowledged += 1;
            } else if !matches!(sent.intent, Intent::Invalid(_)) {
                self.unknown += 1;
                self.unknown_and_there += usize::from(there.contains(&sent.id));
            }
        }
    }
}

/// How often a fault was done, and the longest recovery after it.
#[derive(Debug, Default, Clone)]
struct Sort {
    times: u64,
    slowest: Duration,
}

impl Report {
    /// Whether every promise was kept.
    pub(crate) fn holds(&self) -> bool {
        self.violations.is_empty()
    }

    fn n(&self, promise: Promise) -> usize {
        self.violations.iter().filter(|violation| violation.promise == promise).count()
    }

    fn sorts(&self) -> BTreeMap<Fault, Sort> {
        let mut sorts: BTreeMap<Fault, Sort> = BTreeMap::new();
        for struck in &self.struck {
            for fault in &struck.faults {
                let sort = sorts.entry(*fault).or_default();
                sort.times += 1;
                sort.slowest = sort.slowest.max(struck.recovery.unwrap_or(Duration::MAX));
            }
        }
        sorts
    }

    fn per_second(&self) -> u128 {
        u128::try_from(self.totals.acknowledged).unwrap_or_default() * 1000 / self.sending.as_millis().max(1)
    }

    /// The report for a program.
    pub(crate) fn json(&self) -> Value {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let faults: serde_json::Map<String, Value> = self
            .sorts()
            .into_iter()
            .map(|(fault, sort)| {
                (fault.name().to_owned(), json!({ "times": sort.times, "maxRecoveryMs": millis(sort.slowest) }))
            })
            .collect();
        let struck = self.struck.iter().map(|struck| {
            json!({
                "atMs": millis(struck.at),
                "faults": struck.faults.iter().map(|fault| fault.name()).collect::<Vec<_>>(),
                "what": struck.what,
                "tookMs": millis(struck.took),
                "recoveryMs": struck.recovery.map(millis),
                "waitedFor": struck.waited_for,
                "acknowledgedMeanwhile": struck.n_stored,
                "readMeanwhile": struck.n_read,
            })
        });
        let skipped = self.skipped.iter().map(|(fault, why)| json!({ "fault": fault.name(), "why": why }));
        let mut broken: BTreeMap<String, u64> = BTreeMap::new();
        for violation in &self.violations {
            *broken.entry(format!("{:?}", violation.promise)).or_default() += 1;
        }
        let totals = &self.totals;
        json!({
            "ok": self.holds(),
            "seed": self.seed,
            "nodes": self.nodes,
            "sessions": totals.sessions,
            "events": totals.events,
            "calls": totals.tries,
            "acknowledged": totals.acknowledged,
            "refused": totals.refused,
            "unknown": totals.unknown,
            "unknownAndThere": totals.unknown_and_there,
            "rowsReadBack": totals.rows,
            "watched": totals.seen,
            "watcherConnections": totals.connections,
            "watcherResets": totals.resets,
            "timelinesReadMeanwhile": totals.audits,
            "answersLostOnPurpose": self.lost_answers,
            "sendingMs": millis(self.sending),
            "eventsPerSecond": u64::try_from(self.per_second()).unwrap_or(u64::MAX),
            "resultsAfterMs": millis(self.final_after),
            "faults": faults,
            "struck": struck.collect::<Vec<_>>(),
            "skipped": skipped.collect::<Vec<_>>(),
            "endedByThemselves": self.ended.iter().cloned().collect::<BTreeMap<_, _>>(),
            "violations": self.violations.len(),
            "violationsByPromise": broken,
            "firstViolations": self.violations.get(..SHOWN).unwrap_or(&self.violations),
            "logs": self.logs,
        })
    }

    /// Puts the violations into the order in which the first few tell the most.
    pub(crate) fn sort(&mut self) {
        self.violations = mixed(std::mem::take(&mut self.violations));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = &self.totals;
        let n = |promise| self.n(promise).to_string();
        let rows = [
            ("seed", self.seed.to_string()),
            ("nodes / sessions", format!("{} / {}", self.nodes, totals.sessions)),
            ("events", format!("{} in {} calls and frames", totals.events, totals.tries)),
            ("acknowledged", format!("{} ({}/s)", totals.acknowledged, self.per_second())),
            ("refused on purpose", totals.refused.to_string()),
            ("fate unknown", format!("{}, {} of them there", totals.unknown, totals.unknown_and_there)),
            ("answers cut off", self.lost_answers.to_string()),
            ("lost", n(Promise::Lost)),
            ("doubled", n(Promise::Doubled)),
            ("misordered", n(Promise::Misordered)),
            ("seq wrong", n(Promise::Seq)),
            ("changed", n(Promise::Changed)),
            ("foreign", n(Promise::Foreign)),
            ("leaked", n(Promise::Leaked)),
            ("good but refused", n(Promise::Refused)),
            ("missing for a while", format!("{} in {} timelines", n(Promise::Stale), totals.audits)),
            ("watched", format!("{} ({} connections, {} resets)", totals.seen, totals.connections, totals.resets)),
            ("  missed / twice", format!("{} / {}", n(Promise::Missed), n(Promise::SeenTwice))),
            ("signals wrong", n(Promise::Signals)),
            ("sessions wrong", n(Promise::Session)),
            ("cohorts wrong", n(Promise::Cohort)),
            ("protocol faults", n(Promise::Protocol)),
            ("unavailable", n(Promise::Unavailable)),
            ("late recoveries", n(Promise::Recovery)),
            ("seconds sending", format!("{:.1}", self.sending.as_secs_f64())),
            ("results after", format!("{:.1} s", self.final_after.as_secs_f64())),
        ];
        for (name, value) in rows {
            writeln!(out, "{name:<22}{value}")?;
        }
        writeln!(out, "\n{:<22}{:>6}  slowest recovery", "fault", "times")?;
        for (fault, sort) in self.sorts() {
            let slowest =
                if sort.slowest == Duration::MAX { "never".to_owned() } else { format!("{:.2?}", sort.slowest) };
            writeln!(out, "{fault:<22}{:>6}  {slowest}", sort.times)?;
        }
        for (fault, why) in &self.skipped {
            writeln!(out, "{fault:<22}skipped: {why}")?;
        }
        for (name, times) in &self.ended {
            writeln!(out, "{name} ended {times} times without having been told to")?;
        }
        writeln!(out)?;
        if let Some(logs) = &self.logs {
            writeln!(out, "Logs and histories are in {logs}")?;
        }
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
