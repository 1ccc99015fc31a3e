//! Work that was verified, and work that was not: changed lines between verifications.

use serde_json::json;

use super::{
    evidence::Evidence,
    hand::Hand,
    moment::{Moment, MomentKind, Weightiest, counted, figures},
    step::{Mark, Step},
};

/// Changed lines that make a change large: 50, about a screen, more than one takes in at a glance.
pub(super) const LARGE_CHANGE_LINES: u64 = 50;

/// Endings of files that no test, build or linter checks, or that tools write: their lines are not work to verify.
const NOT_CODE: [&str; 10] =
    [".md", ".mdx", ".txt", ".rst", ".adoc", ".lock", "package-lock.json", "pnpm-lock.yaml", "go.sum", ".svg"];

/// Changed code since the last verification of any class, whatever that verification said: who looked and saw red has
/// looked.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending {
    from: Option<Mark>,
    to: Option<Mark>,
    pub(super) lines: u64,
    pub(super) changes: Evidence,
    pub(super) ai_lines: u64,
    pub(super) ai_changes: Evidence,
}

/// The pending work and the verifications that took it off.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) pending: Pending,
    pub(super) verified: Weightiest,
    /// The verification that passed, while neither a change nor a failure came after it.
    pass_at_end: Option<Mark>,
    last_change: Option<Mark>,
}

impl Work {
    pub(super) fn add(&mut self, step: &Step<'_>) {
        if step.event.kind.is_file_change() && is_code(step.event.facts.path.as_deref()) {
            self.pending.add(step);
            self.last_change = Some(step.mark());
            self.pass_at_end = None;
        }
        let Some(check) = step.check else { return };
        let pending = std::mem::take(&mut self.pending);
        if check.passed == Some(true) {
            self.pass_at_end = Some(step.mark());
            self.verify_large(&pending, step, check.class.as_str());
        } else if check.passed == Some(false) {
            self.pass_at_end = None;
        }
    }

    /// Rule `large_change_verified`.
    fn verify_large(&mut self, pending: &Pending, step: &Step<'_>, class: &'static str) {
        let (Some((from, _)), true) = (pending.span(), pending.lines >= LARGE_CHANGE_LINES) else { return };
        let mut evidence = pending.changes.clone();
        evidence.add(step.at);
        let changes = counted(pending.changes.count(), "change", "changes");
        self.verified.add(Moment {
            kind: MomentKind::Verification,
            rule: "large_change_verified",
            title: format!("A {class} run passed after {changes} of {} lines.", pending.lines),
            from,
            to: step.mark(),
            figures: figures(json!({
                "class": class,
                "changes": pending.changes.count(),
                "lines": pending.lines,
                "aiLines": pending.ai_lines,
            })),
            evidence,
            weight: i64::try_from(pending.lines).unwrap_or(i64::MAX),
        });
    }

    /// Rule `verified_at_end`: the last word on the last change is a verification that passed.
    pub(super) fn verified_at_end(&self) -> Option<Moment> {
        let (change, pass) = (self.last_change?, self.pass_at_end?);
        Some(Moment {
            kind: MomentKind::Verification,
            rule: "verified_at_end",
            title: "The last change was followed by a verification that passed.".to_owned(),
            from: change,
            to: pass,
            figures: figures(json!({ "latencyMs": change.millis_to(&pass) })),
            evidence: Evidence::of([change.at, pass.at]),
            weight: 0,
        })
    }
}

impl Pending {
    fn add(&mut self, step: &Step<'_>) {
        self.from = self.from.or(Some(step.mark()));
        self.to = Some(step.mark());
        self.lines += step.lines();
        self.changes.add(step.at);
        if Hand::of(step.event) == Hand::Ai {
            self.ai_lines += step.lines();
            self.ai_changes.add(step.at);
        }
    }

    /// From the first to the last of the changes.
    pub(super) fn span(&self) -> Option<(Mark, Mark)> {
        self.from.zip(self.to)
    }
}

/// Whether a change of this file is work to verify; so is one without a path.
fn is_code(path: Option<&str>) -> bool {
    let path = path.unwrap_or_default().to_ascii_lowercase();
    !NOT_CODE.iter().any(|ending| path.ends_with(ending))
}
