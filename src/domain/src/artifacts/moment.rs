//! A moment that a reviewer should look at, and the bounded list that keeps the weightiest ones.

use serde_json::{Map, Value, json};

use super::{
    evidence::{Evidence, with_evidence},
    step::Mark,
};

/// How many moments of one rule are kept: more than a reviewer opens, few enough for any session.
pub(super) const MAX_MOMENTS: usize = 20;

/// What a moment is to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MomentKind {
    Breakthrough,
    Pivot,
    Struggle,
    Verification,
}

impl MomentKind {
    pub(super) const ALL: [Self; 4] = [Self::Breakthrough, Self::Pivot, Self::Struggle, Self::Verification];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Breakthrough => "breakthrough",
            Self::Pivot => "pivot",
            Self::Struggle => "struggle",
            Self::Verification => "verification",
        }
    }
}

/// A moment, found by one rule.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moment {
    pub(super) kind: MomentKind,
    /// The name of the rule that found it.
    pub(super) rule: &'static str,
    /// What happened, in words that figures fill.
    pub(super) title: String,
    pub(super) from: Mark,
    pub(super) to: Mark,
    /// The figures of the title, for programs.
    pub(super) figures: Map<String, Value>,
    pub(super) evidence: Evidence,
    /// Which of two moments of a rule is worth more to a reader; milliseconds, failures or lines.
    pub(super) weight: i64,
}

impl Moment {
    pub(super) fn duration_ms(&self) -> i64 {
        self.from.millis_to(&self.to)
    }

    pub(super) fn to_json(&self) -> Value {
        let moment = json!({
            "kind": self.kind.as_str(),
            "rule": self.rule,
            "title": self.title,
            "from": self.from.ts,
            "to": self.to.ts,
            "durationMs": self.duration_ms(),
            "figures": self.figures,
        });
        with_evidence(moment, &self.evidence)
    }
}

/// The weightiest moments of one rule; of equal ones the earlier.
#[derive(Debug, Clone, Default)]
pub(super) struct Weightiest {
    kept: Vec<Moment>,
    ends: Evidence,
}

impl Weightiest {
    pub(super) fn add(&mut self, moment: Moment) {
        self.ends.add(moment.to.at);
        let place = self.kept.partition_point(|kept| kept.weight >= moment.weight);
        self.kept.insert(place, moment);
        self.kept.truncate(MAX_MOMENTS);
    }

    /// How many were found, kept or not.
    pub(super) fn found(&self) -> u64 {
        self.ends.count()
    }

    /// The last event of each, kept or not.
    pub(super) fn ends(&self) -> &Evidence {
        &self.ends
    }

    /// The weightiest first.
    pub(super) fn kept(&self) -> &[Moment] {
        &self.kept
    }
}

/// The members of an object literal.
pub(super) fn figures(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// `1 line`, `2 lines`.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The longest path or command line that an artifact repeats, in characters; the timeline has it whole.
const MAX_TEXT: usize = 200;

/// The text, cut where it is longer than an artifact repeats.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
