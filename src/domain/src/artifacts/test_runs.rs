//! Each run of the tests: when, with what, what came of it, and how that compares with the run before.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::{
    evidence::{EventRef, Evidence},
    moment::shortened,
    runner::{TestCounts, runner_of},
    step::{Mark, Step},
};
use crate::{CommandClass, Kind, Timestamp, json::text, signals::Signals};

/// How many runs are listed from each end of a long session; the sums are over all.
const LISTED_PER_END: usize = 250;

/// The width of a slice of `testsOverTime`: 10 minutes, a dozen slices in an assessment of two hours.
const SLICE_MS: i64 = 10 * 60 * 1000;

/// How many slices are kept: 500 hold 83 hours of testing. Later runs are counted in the last one.
const MAX_SLICES: usize = 500;

/// One run.
#[derive(Debug, Clone)]
struct Run {
    mark: Mark,
    passed: Option<bool>,
    counts: TestCounts,
    runner: Option<String>,
    command: Option<String>,
    trend: &'static str,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slice {
    passed: u64,
    failed: u64,
    unknown: u64,
}

/// All runs: a `test_run`, or a command of the class `test`.
#[derive(Debug, Default)]
pub(super) struct TestRuns {
    first_runs: Vec<Run>,
    last_runs: VecDeque<Run>,
    pub(super) runs: Evidence,
    pub(super) passed: Evidence,
    pub(super) failed: Evidence,
    /// The last run that says something, and whether it passed.
    pub(super) last_verdict: Option<(Mark, bool)>,
    /// The last run of which the signals know the end.
    pub(super) last_of_signals: Option<EventRef>,
    before: Option<(Option<bool>, TestCounts)>,
    slices: BTreeMap<i64, Slice>,
}

impl TestRuns {
    pub(super) fn add(&mut self, step: &Step<'_>) {
        let Some(check) = step.check.filter(|check| check.class == CommandClass::Test) else { return };
        self.runs.add(step.at);
        match check.passed {
            Some(true) => self.passed.add(step.at),
            Some(false) => self.failed.add(step.at),
            None => {}
        }
        if step.event.facts.test_verdict.is_some() {
            self.last_of_signals = Some(step.at);
        }
        if let Some(passed) = check.passed {
            self.last_verdict = Some((step.mark(), passed));
        }
        self.slice(step.event.ts).add(check.passed);
        let counts = step.counts;
        let trend = trend(self.before, (check.passed, counts));
        if check.passed.is_some() {
            self.before = Some((check.passed, counts));
        }
        let command = step.event.facts.command.as_deref();
        let runner = match &step.event.kind {
            Kind::Command => runner_of(command.unwrap_or_default()).map(str::to_owned),
            _ => {
                step.read(&["runner"], |data| data.get("runner").and_then(text)).flatten().map(|name| shortened(&name))
            }
        };
        self.list(Run {
            mark: step.mark(),
            passed: check.passed,
            counts,
            runner,
            command: command.map(shortened),
            trend,
        });
    }

    fn list(&mut self, run: Run) {
        if self.first_runs.len() < LISTED_PER_END {
            return self.first_runs.push(run);
        }
        if self.last_runs.len() == LISTED_PER_END {
            self.last_runs.pop_front();
        }
        self.last_runs.push_back(run);
    }

    fn slice(&mut self, ts: Timestamp) -> &mut Slice {
        let number = ts.millis().div_euclid(SLICE_MS);
        let last = self.slices.keys().next_back().copied();
        let is_full = self.slices.len() == MAX_SLICES && !self.slices.contains_key(&number);
        self.slices.entry(last.filter(|_| is_full).unwrap_or(number)).or_default()
    }

    /// The slices in which tests ran.
    pub(super) fn over_time(&self) -> Value {
        let slice = |(number, slice): (&i64, &Slice)| {
            let from = Timestamp::from_millis(number.saturating_mul(SLICE_MS));
            json!({ "from": from, "to": from.plus_millis(SLICE_MS),
                    "passed": slice.passed, "failed": slice.failed, "unknown": slice.unknown })
        };
        self.slices.iter().map(slice).collect()
    }

    /// The artifact `test_results_v1`.
    pub(super) fn to_json(&self, signals: &Signals) -> Value {
        let runs = self.runs.count();
        let listed: Vec<Value> = self.first_runs.iter().chain(&self.last_runs).map(Run::to_json).collect();
        json!({
            "runCount": runs,
            "passedCount": self.passed.count(),
            "failedCount": self.failed.count(),
            "unknownCount": runs - self.passed.count() - self.failed.count(),
            "lastResult": self.last_verdict.map(|(_, passed)| result(Some(passed))),
            "testsPassedAtEnd": signals.tests_passed_at_end,
            "leftOut": runs - u64::try_from(listed.len()).unwrap_or(runs),
            "runs": listed,
        })
    }
}

impl Run {
    fn to_json(&self) -> Value {
        json!({
            "at": self.mark.ts,
            "result": result(self.passed),
            "runner": self.runner,
            "passed": self.counts.passed,
            "failed": self.counts.failed,
            "skipped": self.counts.skipped,
            "command": self.command,
            "trend": self.trend,
            "events": [self.mark.at],
        })
    }
}

impl Slice {
    fn add(&mut self, passed: Option<bool>) {
        match passed {
            Some(true) => self.passed += 1,
            Some(false) => self.failed += 1,
            None => self.unknown += 1,
        }
    }
}

fn result(passed: Option<bool>) -> &'static str {
    match passed {
        Some(true) => "passed",
        Some(false) => "failed",
        None => "unknown",
    }
}

/// Compares a run with the last one before it that said something: by its result, then by its failures, then by its
/// passes. `unknown` where that cannot be told.
fn trend(before: Option<(Option<bool>, TestCounts)>, now: (Option<bool>, TestCounts)) -> &'static str {
    let ((Some(passed), counts), before) = (now, before) else { return "unknown" };
    let Some((Some(passed_before), counts_before)) = before else { return "first" };
    match (passed_before, passed) {
        (false, true) => return "better",
        (true, false) => return "worse",
        _ => {}
    }
    let fewer_failures = counts_before.failed.zip(counts.failed).map(|(before, now)| before.cmp(&now));
    let more_passes = counts.passed.zip(counts_before.passed).map(|(now, before)| now.cmp(&before));
    match (fewer_failures, more_passes) {
        // Green stays green whatever the counts are; of two red runs nobody knows which is redder.
        (None, _) | (_, None) if passed => "same",
        (None, _) | (_, None) => "unknown",
        (Some(failures), Some(passes)) => match failures.then(passes) {
            std::cmp::Ordering::Greater => "better",
            std::cmp::Ordering::Less => "worse",
            std::cmp::Ordering::Equal => "same",
        },
    }
}
