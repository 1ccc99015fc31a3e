//! Holds cohort statistics to a recomputation.

use domain::cohort::METRICS;
use domain::signals::Signals;
use serde_json::Value;

use super::{Findings, Promise, Violation};

/// Holds the statistics that were read for each session to the signals of all of them. The cohort is exactly these.
pub(crate) fn check_cohort(sessions: &[(&str, Signals, &Value)]) -> Vec<Violation> {
    let mut found = Vec::new();
    let values = |index: usize| -> Vec<f64> {
        let metric = METRICS.get(index);
        sessions.iter().filter_map(|(_, signals, _)| metric?.value_of(signals)).collect()
    };
    let columns: Vec<Vec<f64>> = (0..METRICS.len()).map(values).collect();
    let n = u64::try_from(sessions.len()).unwrap_or(u64::MAX).max(1);
    let passed = sessions.iter().filter(|(_, signals, _)| signals.tests_passed_at_end == Some(true)).count();
    // A whole percentage, halves up.
    let expected_pass_rate = (u64::try_from(passed).unwrap_or_default() * 200 + n) / (2 * n);
    for (id, signals, reply) in sessions {
        let mut findings = Findings::of(id);
        let at = |path: &str| reply.pointer(&format!("/cohortStats/{path}"));
        let count = at("sessionCount").and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok());
        if count != Some(sessions.len()) {
            findings.add(Promise::Cohort, None, format!("sessionCount is {count:?}, not {}", sessions.len()));
        }
        let pass_rate = at("metrics/testPassRate").and_then(Value::as_u64);
        if pass_rate != Some(expected_pass_rate) {
            findings.add(Promise::Cohort, None, format!("testPassRate is {pass_rate:?}, not {expected_pass_rate}"));
        }
        for (metric, column) in METRICS.iter().zip(&columns) {
            let percentile = metric.value_of(signals).and_then(|value| metric.percentile(value, column));
            let got = at(&format!("percentiles/{}", metric.name));
            let is_due = sessions.len() >= 2;
            if is_due && got.is_none_or(|got| got.as_f64() != percentile) {
                let text = format!("the percentile of {} is {got:?}, not {percentile:?}", metric.name);
                findings.add(Promise::Cohort, None, text);
            }
            let average = average(column, metric.whole_average);
            let got = at(&format!("metrics/{}", metric.average));
            if !got.is_some_and(|got| is_near(got, average, if metric.whole_average { 1.0 } else { 0.001 })) {
                findings.add(Promise::Cohort, None, format!("{} is {got:?}, not {average:?}", metric.average));
            }
        }
        found.extend(findings.found);
    }
    found
}

fn average(column: &[f64], is_whole: bool) -> Option<f64> {
    let n = u32::try_from(column.len()).map(f64::from).unwrap_or(f64::MAX);
    if column.is_empty() { (!is_whole).then_some(0.0) } else { Some(column.iter().sum::<f64>() / n) }
}

/// Averages are rounded, and their sums depend on the order: one unit of the last digit is let pass.
fn is_near(got: &Value, expected: Option<f64>, unit: f64) -> bool {
    match (got.as_f64(), expected) {
        (Some(got), Some(expected)) => (got - expected).abs() <= unit,
        (None, None) => got.is_null(),
        _ => false,
    }
}
