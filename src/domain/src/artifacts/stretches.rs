//! Stretches of failing verifications: struggles, and the breakthroughs that end them.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    check::Check,
    evidence::Evidence,
    moment::{Moment, MomentKind, Weightiest, counted, figures},
    step::{Mark, Step},
};
use crate::{CommandClass, Kind};

/// Failures in a row that make a struggle: 3. Red–green work fails once on purpose and often twice; the third failure
/// in a row says that what was tried did not work.
const STRUGGLE_FAILURES: u64 = 3;

/// A struggle spans at least this long: 2 minutes. Three runs within seconds are somebody who tries out how to call
/// the runner.
const STRUGGLE_MS: i64 = 2 * 60 * 1000;

/// Failures in a row before a pass that make it a breakthrough: 2. After one failure a pass is the ordinary course.
const BREAKTHROUGH_FAILURES: u64 = 2;

/// A row of failures of one class, without a pass between.
#[derive(Debug)]
struct Stretch {
    first: Mark,
    last: Mark,
    failures: u64,
    changes: u64,
    prompts: u64,
    evidence: Evidence,
}

/// The open stretch of each class, and what the closed ones were. Classes are apart: a linter that passes does not end
/// a row of failing tests.
#[derive(Debug, Default)]
pub(super) struct Stretches {
    open: BTreeMap<CommandClass, Stretch>,
    pub(super) struggles: Weightiest,
    pub(super) breakthroughs: Weightiest,
}

impl Stretches {
    pub(super) fn add(&mut self, step: &Step<'_>) {
        match &step.event.kind {
            Kind::Prompt => self.open.values_mut().for_each(|stretch| stretch.prompts += 1),
            kind if kind.is_file_change() => self.open.values_mut().for_each(|stretch| stretch.changes += 1),
            _ => {}
        }
        match step.check {
            Some(Check { class, passed: Some(false) }) => self.fail(class, step.mark()),
            Some(Check { class, passed: Some(true) }) => self.pass(class, step.mark()),
            _ => {}
        }
    }

    fn fail(&mut self, class: CommandClass, mark: Mark) {
        let fresh =
            Stretch { first: mark, last: mark, failures: 0, changes: 0, prompts: 0, evidence: Evidence::default() };
        let stretch = self.open.entry(class).or_insert(fresh);
        stretch.failures += 1;
        stretch.last = mark;
        stretch.evidence.add(mark.at);
    }

    fn pass(&mut self, class: CommandClass, mark: Mark) {
        let Some(stretch) = self.open.remove(&class) else { return };
        self.breakthroughs_of(&stretch, class, mark);
        self.struggles_of(stretch, class, Some(mark));
    }

    /// Closes the stretches that nothing ended.
    pub(super) fn finish(&mut self) {
        let mut open: Vec<_> = std::mem::take(&mut self.open).into_iter().collect();
        open.sort_by_key(|(_, stretch)| (stretch.last.ts, stretch.last.at.seq));
        for (class, stretch) in open {
            self.struggles_of(stretch, class, None);
        }
    }

    /// Rule `failures_then_pass`.
    fn breakthroughs_of(&mut self, stretch: &Stretch, class: CommandClass, pass: Mark) {
        if stretch.failures < BREAKTHROUGH_FAILURES {
            return;
        }
        let mut evidence = stretch.evidence.clone();
        evidence.add(pass.at);
        self.breakthroughs.add(Moment {
            kind: MomentKind::Breakthrough,
            rule: "failures_then_pass",
            title: format!("{} passed after {} failures in a row.", subject(class), stretch.failures),
            from: stretch.first,
            to: pass,
            figures: stretch.figures(class, true),
            evidence,
            weight: i64::try_from(stretch.failures).unwrap_or(i64::MAX),
        });
    }

    /// Rule `repeated_failures`.
    fn struggles_of(&mut self, stretch: Stretch, class: CommandClass, pass: Option<Mark>) {
        let to = pass.unwrap_or(stretch.last);
        let span_ms = stretch.first.millis_to(&to);
        if stretch.failures < STRUGGLE_FAILURES || span_ms < STRUGGLE_MS {
            return;
        }
        let end = if pass.is_some() { "then passed" } else { "and did not pass again" };
        let figures = stretch.figures(class, pass.is_some());
        let mut evidence = stretch.evidence;
        pass.into_iter().for_each(|pass| evidence.add(pass.at));
        self.struggles.add(Moment {
            kind: MomentKind::Struggle,
            rule: "repeated_failures",
            title: format!("{} failed {} in a row, {end}.", subject(class), counted(stretch.failures, "time", "times")),
            from: stretch.first,
            to,
            figures,
            evidence,
            weight: span_ms,
        });
    }
}

impl Stretch {
    fn figures(&self, class: CommandClass, resolved: bool) -> serde_json::Map<String, serde_json::Value> {
        figures(json!({
            "class": class.as_str(),
            "failures": self.failures,
            "changesBetween": self.changes,
            "promptsBetween": self.prompts,
            "resolved": resolved,
        }))
    }
}

/// The class as the subject of a sentence.
fn subject(class: CommandClass) -> &'static str {
    match class {
        CommandClass::Test => "Tests",
        CommandClass::Build => "Builds",
        CommandClass::Lint => "Lint and type checks",
    }
}
