//! The artifact `data_points_v1`: named figures in one flat list, each with its unit and the events it came from.

use serde_json::{Value, json};

use super::{
    Derivation,
    counts::Edits,
    evidence::{Evidence, with_evidence},
    hand::Hand,
    times::minutes,
};
use crate::signals::{Signals, rounded};

/// A figure: its name, its value (`null` where it is not known), its unit and its events.
type Point = (&'static str, Value, &'static str, Evidence);

pub(super) fn of(derivation: &Derivation, signals: &Signals) -> Value {
    let points = of_time(derivation, signals)
        .into_iter()
        .chain(of_work(derivation, signals))
        .chain(of_edits(derivation, signals))
        .chain(of_usage(derivation));
    let print = |(name, value, unit, evidence): Point| {
        with_evidence(json!({ "name": name, "value": value, "unit": unit }), &evidence)
    };
    json!({ "points": points.map(print).collect::<Vec<_>>() })
}

fn of_time(derivation: &Derivation, signals: &Signals) -> Vec<Point> {
    let Derivation { times, tally, .. } = derivation;
    let known = |value: Value| if tally.all.count() == 0 { Value::Null } else { value };
    vec![
        ("eventCount", json!(tally.all.count()), "events", tally.all.clone()),
        ("durationMinutes", known(json!(minutes(signals.duration_ms))), "minutes", times.ends()),
        ("activeMinutes", known(json!(minutes(times.active_ms()))), "minutes", tally.all.clone()),
        ("idleMinutes", known(json!(minutes(times.idle_ms()))), "minutes", times.idle_ends().clone()),
        (
            "minutesToFirstChange",
            json!(signals.first_change_latency_ms.map(minutes)),
            "minutes",
            Evidence::of(tally.changes.named().first().copied()),
        ),
    ]
}

fn of_work(derivation: &Derivation, signals: &Signals) -> Vec<Point> {
    let Derivation { tally, tests, recovery, stretches, pivots, work, .. } = derivation;
    let struggles = &stretches.struggles;
    let taken_back = Evidence::joined([pivots.reverted.ends(), pivots.rewritten.ends()].into_iter());
    vec![
        ("promptCount", json!(tally.prompts.count()), "prompts", tally.prompts.clone()),
        ("meanPromptCharacters", json!(tally.mean_prompt_characters()), "characters", tally.prompts.clone()),
        ("interruptCount", json!(tally.interrupts.count()), "interrupts", tally.interrupts.clone()),
        ("commandCount", json!(tally.commands.count()), "commands", tally.commands.clone()),
        ("commandFailCount", json!(tally.failed_commands.count()), "commands", tally.failed_commands.clone()),
        ("commandFailRate", rounded(signals.command_fail_rate, 4), "ratio", tally.commands.clone()),
        ("verificationCount", json!(tally.checks.count()), "verifications", tally.checks.clone()),
        ("verifyIntensity", rounded(signals.verify_intensity, 4), "ratio", tally.checks.clone()),
        ("testRunCount", json!(tests.runs.count()), "runs", tests.runs.clone()),
        ("testRunsPassed", json!(tests.passed.count()), "runs", tests.passed.clone()),
        ("testRunsFailed", json!(tests.failed.count()), "runs", tests.failed.clone()),
        ("testsPassedAtEnd", json!(signals.tests_passed_at_end), "boolean", Evidence::of(tests.last_of_signals)),
        ("errorCount", json!(recovery.errors.count()), "errors", recovery.errors.clone()),
        ("errorsRecovered", json!(recovery.recoveries.count()), "errors", recovery.recoveries.clone()),
        ("medianRecoveryMinutes", json!(recovery.median_ms().map(minutes)), "minutes", recovery.recoveries.clone()),
        ("struggleCount", json!(struggles.found()), "moments", struggles.ends().clone()),
        ("workTakenBackCount", json!(taken_back.count()), "moments", taken_back),
        ("unverifiedLinesAtEnd", json!(work.pending.lines), "lines", work.pending.changes.clone()),
        ("decisionCount", json!(tally.decisions.count()), "decisions", tally.decisions.clone()),
    ]
}

fn of_edits(derivation: &Derivation, signals: &Signals) -> Vec<Point> {
    let tally = &derivation.tally;
    let lines = |hand| {
        let edits = tally.edits_of(hand).cloned().unwrap_or_default();
        let Edits { changes, lines_added, lines_removed } = edits;
        (json!(lines_added + lines_removed), changes)
    };
    let (ai_lines, ai_changes) = lines(Hand::Ai);
    let (human_lines, human_changes) = lines(Hand::Human);
    vec![
        ("fileChangeCount", json!(tally.changes.count()), "changes", tally.changes.clone()),
        ("uniqueFilesTouched", json!(signals.totals.unique_paths), "files", tally.changes.clone()),
        ("aiChangedLines", ai_lines, "lines", ai_changes),
        ("humanChangedLines", human_lines, "lines", human_changes),
        ("manualEditRatio", rounded(signals.manual_edit_ratio, 4), "ratio", tally.changes.clone()),
        ("aiAttributionPct", signals.ai_attribution_pct_rounded(), "percent", tally.changes.clone()),
    ]
}

fn of_usage(derivation: &Derivation) -> Vec<Point> {
    let usage = &derivation.usage;
    let [input, output, read, written] = usage.totals().tokens;
    let reporting = usage.reporting();
    vec![
        ("inputTokens", json!(input), "tokens", reporting.clone()),
        ("outputTokens", json!(output), "tokens", reporting.clone()),
        ("cacheReadTokens", json!(read), "tokens", reporting.clone()),
        ("cacheWriteTokens", json!(written), "tokens", reporting),
        ("reportedCostUsd", json!(usage.cost_usd()), "usd", usage.priced.clone()),
    ]
}
