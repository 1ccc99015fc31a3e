//! The signals of a session: computed from its [`Totals`] and printed, in one place.

use serde_json::{Map, Value, json};

use crate::{Timestamp, Totals, WindowCounts, Windows};

#[cfg(test)]
mod tests;

/// When a session began and ended, as far as the signals care.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// When the session was created on the server.
    pub created_at: Timestamp,
    /// When it was closed; `None` while it runs.
    pub ended_at: Option<Timestamp>,
}

/// The unrounded signals of a session that cohorts compare, and the others beside them.
#[derive(Debug, Clone, PartialEq)]
pub struct Signals {
    /// The sums they were computed from.
    pub totals: Totals,
    /// When the session began.
    pub started_at: Timestamp,
    /// Milliseconds from beginning to end, or to the last event while it runs.
    pub duration_ms: i64,
    /// Failed commands by commands.
    pub command_fail_rate: Option<f64>,
    /// Verifications by changes.
    pub verify_intensity: Option<f64>,
    /// Changes by hand by changes.
    pub manual_edit_ratio: Option<f64>,
    /// Milliseconds from the beginning to the first change.
    pub first_change_latency_ms: Option<i64>,
    /// The assistant's share of the changed lines, 0 to 100.
    pub ai_attribution_pct: Option<f64>,
    /// Whether the last test passed.
    pub tests_passed_at_end: Option<bool>,
}

impl Signals {
    /// Computes the signals (the contract's events-and-signals §3, fine print 1–5).
    #[must_use]
    pub fn of(totals: &Totals, span: Span) -> Self {
        let counts = &totals.counts;
        let started_at = totals.started_at(span.created_at);
        let end = span.ended_at.or(totals.last_ts).unwrap_or(started_at);
        Self {
            started_at,
            duration_ms: (end.millis() - started_at.millis()).max(0),
            command_fail_rate: ratio(counts.command_failures, counts.commands),
            verify_intensity: ratio(counts.verifications, counts.changes),
            manual_edit_ratio: ratio(counts.manual_changes, counts.changes),
            first_change_latency_ms: totals.first_change_ts.map(|ts| (ts.millis() - started_at.millis()).max(0)),
            ai_attribution_pct: ratio(counts.ai_weight_doubled, counts.attributed_weight).map(|doubled| doubled * 50.0),
            tests_passed_at_end: totals.last_test.map(|test| test.passed),
            totals: totals.clone(),
        }
    }

    /// The signals as the API prints them: `{ <name>: { value, confidence, counts } }`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let counts = &self.totals.counts;
        let mut signals = Map::new();
        let mut put = |name: &str, value: Value, confidence: &str, counts: Value| {
            signals.insert(name.to_owned(), json!({ "value": value, "confidence": confidence, "counts": counts }));
        };
        let changes = json!({ "fileChangeCount": counts.changes });
        put("promptCount", json!(counts.prompts), HIGH, json!({ "promptCount": counts.prompts }));
        put("commandCount", json!(counts.commands), HIGH, json!({ "commandCount": counts.commands }));
        put(
            "commandFailCount",
            json!(counts.command_failures),
            HIGH,
            json!({ "commandFailCount": counts.command_failures }),
        );
        put(
            "commandFailRate",
            rounded(self.command_fail_rate, 4),
            confidence(counts.commands),
            json!({ "commandFailCount": counts.command_failures, "commandCount": counts.commands }),
        );
        put(
            "verificationCount",
            json!(counts.verifications),
            HIGH,
            json!({ "verificationCount": counts.verifications }),
        );
        put("testRunCount", json!(counts.test_runs), HIGH, json!({ "testRunCount": counts.test_runs }));
        put(
            "verifyIntensity",
            rounded(self.verify_intensity, 4),
            confidence(counts.changes),
            json!({ "verificationCount": counts.verifications, "fileChangeCount": counts.changes }),
        );
        put("fileChangeCount", json!(counts.changes), HIGH, changes);
        put(
            "uniqueFilesTouched",
            json!(self.totals.unique_paths),
            HIGH,
            json!({ "uniqueFilesTouched": self.totals.unique_paths }),
        );
        put(
            "manualEditRatio",
            rounded(self.manual_edit_ratio, 4),
            confidence(counts.changes),
            json!({ "manualChangeCount": counts.manual_changes, "fileChangeCount": counts.changes }),
        );
        put(
            "firstChangeLatencyMs",
            json!(self.first_change_latency_ms),
            certain_with(self.first_change_latency_ms.is_some()),
            json!({ "fileChangeCount": counts.changes }),
        );
        put(
            "aiAttributionPct",
            rounded(self.ai_attribution_pct, 2),
            confidence(counts.attributed_changes),
            json!({ "attributedChangeCount": counts.attributed_changes, "attributedWeight": counts.attributed_weight }),
        );
        put("durationMs", json!(self.duration_ms), HIGH, json!({ "eventCount": counts.events }));
        put("decisionFlagCount", json!(counts.decisions), HIGH, json!({ "decisionFlagCount": counts.decisions }));
        put(
            "testsPassedAtEnd",
            json!(self.tests_passed_at_end),
            certain_with(self.tests_passed_at_end.is_some()),
            json!({ "testRunCount": counts.test_runs }),
        );
        put("eventCount", json!(counts.events), HIGH, json!({ "eventCount": counts.events }));
        put("lastActivityAt", json!(self.totals.last_ts), HIGH, json!({ "eventCount": counts.events }));
        Value::Object(signals)
    }

    /// The assistant's share as the API prints it: two decimals.
    #[must_use]
    pub fn ai_attribution_pct_rounded(&self) -> Value {
        rounded(self.ai_attribution_pct, 2)
    }
}

/// The rolling windows as the API prints them: `{ "5m": {…}, "15m": {…} }`.
#[must_use]
pub fn windows_to_json(windows: &Windows, now: Timestamp) -> Value {
    let print = |width_ms| {
        let WindowCounts { prompts, commands, command_failures, changes, verifications } = windows.last(width_ms, now);
        json!({
            "promptCount": prompts,
            "commandCount": commands,
            "commandFailRate": rounded(ratio(command_failures, commands), 4),
            "fileChangeCount": changes,
            "verifyIntensity": rounded(ratio(verifications, changes), 4),
        })
    };
    json!({ "5m": print(5 * 60 * 1000), "15m": print(Windows::WIDEST_MS) })
}

const HIGH: &str = "high";
const INSUFFICIENT: &str = "insufficient_data";

/// Confidence by the size of the denominator.
fn confidence(denominator: u64) -> &'static str {
    match denominator {
        0 => INSUFFICIENT,
        1..5 => "moderate",
        _ => HIGH,
    }
}

fn certain_with(has_value: bool) -> &'static str {
    if has_value { HIGH } else { INSUFFICIENT }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "counts of a session stay far below 2^53")]
fn ratio(numerator: u64, denominator: u64) -> Option<f64> {
    (denominator > 0).then(|| numerator as f64 / denominator as f64)
}

/// Rounds half away from zero to `decimals` decimals; `None` prints as `null`.
#[must_use]
pub fn rounded(value: Option<f64>, decimals: i32) -> Value {
    value.map_or(Value::Null, |value| json!(round(value, decimals)))
}

/// Rounds half away from zero to `decimals` decimals.
pub(crate) fn round(value: f64, decimals: i32) -> f64 {
    // A ratio of counts that is a half, 389 ÷ 20000 at four decimals, may come out as the next smaller float.
    let nudge = 1.0 + 4.0 * f64::EPSILON;
    let factor = 10f64.powi(decimals);
    (value * factor * nudge).round() / factor
}
