//! What a run under load came to: as JSON, and for a person with small plots.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::meter::{Meter, Span};
use super::numbers::{brief, millis, millis_json, real, rounded};
use super::plot::sparkline;
use super::processes::Sample;
use super::run::Played;
use super::stages::{Stage, Stages};
use crate::chaos::watcher::Seen;
use crate::check::Violation;
use crate::histogram::Histogram;

/// Violations that are shown.
const SHOWN: usize = 20;

/// The result of a run.
pub(crate) struct Report {
    /// Of events and choices.
    pub(crate) seed: u64,
    /// Each stage and what it came to.
    pub(crate) stages: Vec<(Stage, Span)>,
    /// All of it.
    pub(crate) total: Span,
    /// From the first to the last second in which something was due.
    pub(crate) length: Duration,
    /// Each second.
    pub(crate) seconds: Vec<Span>,
    /// What was not taken, by reason.
    pub(crate) failures: BTreeMap<String, u64>,
    /// Use of each process.
    pub(crate) processes: BTreeMap<String, Vec<Sample>>,
    /// Watchers, their connections, and how often they were sent back to the timeline.
    pub(crate) watchers: (usize, u64, u64),
    /// Promises that were broken.
    pub(crate) violations: Vec<Violation>,
}

impl Report {
    /// Of stages that began at `begin`.
    pub(crate) fn of(seed: u64, stages: &Stages, begin: Duration, meter: &Meter) -> Self {
        let span = |(stage, from, to): (Stage, Duration, Duration)| (stage, meter.between(begin + from, begin + to));
        Self {
            seed,
            stages: stages.spans().map(span).collect(),
            total: meter.between(Duration::ZERO, Duration::MAX),
            length: stages.length(),
            seconds: meter.seconds(),
            failures: meter.failures(),
            processes: BTreeMap::new(),
            watchers: (0, 0, 0),
            violations: Vec::new(),
        }
    }

    /// Takes over what the watchers say of themselves.
    pub(crate) fn told_by(&mut self, played: &Played) {
        let sum = |of: fn(&Seen) -> u64| played.seen.iter().map(of).sum();
        self.watchers = (played.seen.len(), sum(|seen| seen.connections), sum(|seen| seen.resets));
    }

    /// Whether every promise was kept.
    pub(crate) fn holds(&self) -> bool {
        self.violations.is_empty()
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let series = |of: &dyn Fn(&Span) -> Value| self.seconds.iter().map(of).collect::<Vec<_>>();
        let stages = self.stages.iter().map(|(stage, span)| {
            let mut told = span_json(span, stage.seconds);
            if let Some(members) = told.as_object_mut() {
                members.insert("stage".to_owned(), json!(stage));
            }
            told
        });
        json!({
            "kind": "load",
            "ok": self.holds(),
            "seed": self.seed,
            "stages": stages.collect::<Vec<_>>(),
            "total": span_json(&self.total, self.length.as_secs_f64()),
            "notTaken": self.failures,
            "watchers": { "n": self.watchers.0, "connections": self.watchers.1, "resets": self.watchers.2 },
            "processes": self.processes.iter().map(|(name, samples)| (name.clone(), usage_json(samples))).collect::<serde_json::Map<_, _>>(),
            "seconds": {
                "due": series(&|span| json!(span.due)),
                "acknowledged": series(&|span| json!(span.acknowledged)),
                "notTaken": series(&|span| json!(span.failed)),
                "ackP99Ms": series(&|span| millis_json(span.ack.percentile(99))),
                "fanOutP99Ms": series(&|span| millis_json(span.fan_out.percentile(99))),
            },
            "violations": self.violations.len(),
            "firstViolations": self.violations.get(..SHOWN).unwrap_or(&self.violations),
        })
    }
}

/// What a span came to in so many seconds.
fn span_json(span: &Span, seconds: f64) -> Value {
    let percentiles = |of: &Histogram| {
        let at = |per_mille| millis_json(of.per_mille(per_mille));
        json!({ "n": of.n(), "p50Ms": at(500), "p90Ms": at(900), "p99Ms": at(990), "p999Ms": at(999), "maxMs": at(1000) })
    };
    json!({
        "seconds": rounded(seconds),
        "due": span.due,
        "acknowledged": span.acknowledged,
        "notTaken": span.failed,
        "offeredPerSecond": rounded(real(span.due) / seconds.max(0.001)),
        "acknowledgedPerSecond": rounded(real(span.acknowledged) / seconds.max(0.001)),
        "ack": percentiles(&span.ack),
        "fanOut": percentiles(&span.fan_out),
    })
}

fn usage_json(samples: &[Sample]) -> Value {
    let of = |value: fn(&Sample) -> f64| samples.iter().map(value).collect::<Vec<_>>();
    let (cpu, rss) = (of(|sample| sample.cpu_percent), of(|sample| sample.rss_mib));
    let largest = |values: &[f64]| rounded(values.iter().copied().fold(0.0, f64::max));
    let mean = cpu.iter().sum::<f64>() / real(u64::try_from(cpu.len()).unwrap_or_default()).max(1.0);
    json!({
        "cpuMeanPercent": rounded(mean),
        "cpuPeakPercent": largest(&cpu),
        "rssFirstMib": rounded(rss.first().copied().unwrap_or_default()),
        "rssLastMib": rounded(rss.last().copied().unwrap_or_default()),
        "rssPeakMib": largest(&rss),
        "samples": samples,
    })
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:>13} {:>6} {:>9} {:>9} {:>9}   {:<31} {:<20}",
            "events/s", "s", "offered", "taken", "not taken", "ack p50 / p99 / p99.9", "fan-out p50 / p99"
        )?;
        for (stage, span) in &self.stages {
            let rate = match stage.from.total_cmp(&stage.to) {
                std::cmp::Ordering::Equal => format!("{:.0}", stage.from),
                _ => format!("{:.0}–{:.0}", stage.from, stage.to),
            };
            line(out, &rate, span, stage.seconds)?;
        }
        line(out, "all", &self.total, self.length.as_secs_f64())?;
        writeln!(out)?;
        let plot = |name: &str, of: &dyn Fn(&Span) -> f64, unit: &str| {
            let values: Vec<f64> = self.seconds.iter().map(of).collect();
            let top = values.iter().copied().fold(0.0, f64::max);
            format!("{name:<22}{}  up to {top:.0}{unit}", sparkline(&values))
        };
        let p99 = |of: &Histogram| of.percentile(99).map_or(0.0, millis);
        writeln!(out, "{}", plot("offered/s", &|span| real(span.due), ""))?;
        writeln!(out, "{}", plot("acknowledged/s", &|span| real(span.acknowledged), ""))?;
        writeln!(out, "{}", plot("not taken/s", &|span| real(span.failed), ""))?;
        writeln!(out, "{}", plot("ack p99", &|span| p99(&span.ack), " ms"))?;
        writeln!(out, "{}", plot("fan-out p99", &|span| p99(&span.fan_out), " ms"))?;
        for (name, samples) in &self.processes {
            usage(out, name, samples)?;
        }
        let (n, connections, resets) = self.watchers;
        writeln!(out, "{:<22}{n} ({connections} connections, {resets} resets)", "watchers")?;
        writeln!(out, "{:<22}{}", "seed", self.seed)?;
        for (why, n) in &self.failures {
            writeln!(out, "not taken: {n:>8}  {why}")?;
        }
        writeln!(out)?;
        violations(out, &self.violations)
    }
}

fn line(out: &mut fmt::Formatter<'_>, name: &str, span: &Span, seconds: f64) -> fmt::Result {
    let at = |of: &Histogram, per_mille| brief(of.per_mille(per_mille));
    let ack = [500, 990, 999].map(|per_mille| at(&span.ack, per_mille)).join(" / ");
    let fan_out = [500, 990].map(|per_mille| at(&span.fan_out, per_mille)).join(" / ");
    let Span { due, acknowledged, failed, .. } = span;
    writeln!(out, "{name:>13} {seconds:>6.0} {due:>9} {acknowledged:>9} {failed:>9}   {ack:<31} {fan_out:<20}")
}

fn usage(out: &mut fmt::Formatter<'_>, name: &str, samples: &[Sample]) -> fmt::Result {
    let of = |value: fn(&Sample) -> f64| samples.iter().map(value).collect::<Vec<_>>();
    let (cpu, rss) = (of(|sample| sample.cpu_percent), of(|sample| sample.rss_mib));
    let top = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    writeln!(out, "{:<22}{}  up to {:.0} %", format!("{name} CPU"), sparkline(&cpu), top(&cpu))?;
    writeln!(out, "{:<22}{}  up to {:.0} MiB", format!("{name} memory"), sparkline(&rss), top(&rss))
}

/// The first violations, or that there are none.
pub(crate) fn violations(out: &mut fmt::Formatter<'_>, all: &[Violation]) -> fmt::Result {
    if all.is_empty() {
        return write!(
            out,
            "Every acknowledged event is there once, in order and unchanged; watchers saw all of them."
        );
    }
    writeln!(out, "{} violations:", all.len())?;
    for violation in all.iter().take(SHOWN) {
        writeln!(out, "- {violation}")?;
    }
    Ok(())
}
