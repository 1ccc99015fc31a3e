//! How the sessions of one assessment compare. ClickHouse computes the statistics; this is the table of metrics that
//! the query, the answer and the tests share, and the plain definition that the query is held to.

use crate::signals::{Signals, round};

/// Which end of a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Less is better.
    Less,
    /// More is better.
    More,
}

/// A metric by which sessions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name in `percentiles` and `distribution`.
    pub name: &'static str,
    /// Its column in `session_results`.
    pub column: &'static str,
    /// The name of its average in `metrics`.
    pub average: &'static str,
    /// Which end is better.
    pub better: Better,
    /// Whether its average is a whole number (milliseconds), `null` when there is none; else three decimals and 0.
    pub whole_average: bool,
}

/// All metrics, in the order in which they are printed.
pub const METRICS: [Metric; 6] = [
    metric("durationMs", "duration_ms", "avgDurationMs", Better::Less, true),
    metric("promptCount", "prompt_count", "avgPromptCount", Better::Less, false),
    metric("commandFailRate", "command_fail_rate", "avgCommandFailRate", Better::Less, false),
    metric("verifyIntensity", "verify_intensity", "avgVerifyIntensity", Better::More, false),
    metric("manualEditRatio", "manual_edit_ratio", "avgManualEditRatio", Better::Less, false),
    metric("firstChangeLatencyMs", "first_change_latency_ms", "avgFirstChangeLatencyMs", Better::More, true),
];

const fn metric(
    name: &'static str,
    column: &'static str,
    average: &'static str,
    better: Better,
    whole_average: bool,
) -> Metric {
    Metric { name, column, average, better, whole_average }
}

impl Metric {
    /// The session's value, unrounded.
    #[must_use]
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "milliseconds and counts stay below 2^53")]
    pub fn value_of(&self, signals: &Signals) -> Option<f64> {
        match self.column {
            "duration_ms" => Some(signals.duration_ms as f64),
            "prompt_count" => Some(signals.totals.counts.prompts as f64),
            "command_fail_rate" => signals.command_fail_rate,
            "verify_intensity" => signals.verify_intensity,
            "manual_edit_ratio" => signals.manual_edit_ratio,
            _ => signals.first_change_latency_ms.map(|latency| latency as f64),
        }
    }

    /// The percentile of `value` among `cohort` (which holds it once): the share of the others that it is strictly
    /// better than, three decimals; `None` for fewer than two values.
    #[must_use]
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "cohorts stay far below 2^53 sessions")]
    pub fn percentile(&self, value: f64, cohort: &[f64]) -> Option<f64> {
        if cohort.len() < 2 {
            return None;
        }
        let beaten = cohort.iter().filter(|other| match self.better {
            Better::Less => value < **other,
            Better::More => value > **other,
        });
        let share = beaten.count() as f64 / (cohort.len() - 1) as f64;
        Some(round(share, 3))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Counts, Timestamp, Totals, signals::Span};

    #[test]
    fn twelve_sessions_give_multiples_of_one_eleventh() {
        let cohort: Vec<f64> = (1..=12).map(f64::from).collect();
        let less = METRICS[0];
        assert_eq!(less.percentile(4.0, &cohort), Some(0.727));
        assert_eq!(less.percentile(7.0, &cohort), Some(0.455));
        assert_eq!(less.percentile(12.0, &cohort), Some(0.0));
        let more = METRICS[3];
        assert_eq!(more.percentile(12.0, &cohort), Some(1.0));
        assert_eq!(more.percentile(5.0, &[5.0, 5.0, 5.0]), Some(0.0));
        assert_eq!(more.percentile(5.0, &[5.0]), None);
    }

    #[test]
    fn less_is_better_but_for_verifying_and_taking_time_before_the_first_change() {
        let more: Vec<_> = METRICS.iter().filter(|one| one.better == Better::More).map(|one| one.name).collect();
        assert_eq!(more, ["verifyIntensity", "firstChangeLatencyMs"]);
        let whole: Vec<_> = METRICS.iter().filter(|one| one.whole_average).map(|one| one.name).collect();
        assert_eq!(whole, ["durationMs", "firstChangeLatencyMs"]);
    }

    #[test]
    fn equal_values_are_not_better() {
        let cohort = [1.0, 2.0, 2.0, 3.0];
        assert_eq!(METRICS[0].percentile(2.0, &cohort), Some(0.333));
        assert_eq!(METRICS[3].percentile(2.0, &cohort), Some(0.333));
        assert_eq!(METRICS[0].percentile(1.0, &cohort), Some(1.0));
        assert_eq!(METRICS[0].percentile(3.0, &[]), None);
    }

    #[test]
    fn each_metric_reads_its_own_unrounded_signal() {
        let counts =
            Counts { prompts: 7, commands: 3, command_failures: 1, changes: 6, verifications: 2, ..Counts::default() };
        let start = Timestamp::from_millis(1000);
        let totals = Totals { counts, first_change_ts: Some(start.plus_millis(50)), ..Totals::default() };
        let signals = Signals::of(&totals, Span { created_at: start, ended_at: Some(start.plus_millis(90)) });
        let values = METRICS.map(|metric| metric.value_of(&signals));
        let third = 1.0 / 3.0;
        assert_eq!(values, [Some(90.0), Some(7.0), Some(third), Some(third), Some(0.0), Some(50.0)]);
        let nothing = Signals::of(&Totals::default(), Span { created_at: start, ended_at: None });
        let values = METRICS.map(|metric| metric.value_of(&nothing));
        assert_eq!(values, [Some(0.0), Some(0.0), None, None, None, None]);
    }

    proptest! {
        #[test]
        fn percentiles_are_shares_and_the_best_is_at_the_top(values in prop::collection::vec(0u8..20, 2..20)) {
            let cohort: Vec<f64> = values.into_iter().map(f64::from).collect();
            for metric in METRICS {
                let percentiles: Vec<_> = cohort.iter().map(|value| metric.percentile(*value, &cohort).unwrap()).collect();
                prop_assert!(percentiles.iter().all(|percentile| (0.0..=1.0).contains(percentile)));
                let best = cohort.iter().copied().reduce(if metric.better == Better::Less { f64::min } else { f64::max });
                let top = percentiles.iter().copied().fold(0.0, f64::max);
                prop_assert_eq!(metric.percentile(best.unwrap(), &cohort), Some(top));
            }
        }
    }
}
