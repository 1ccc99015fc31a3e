//! Decisions: what was chosen and why, told by the candidate or by the assistant on the candidate's behalf.

use crate::envelope::{Author, Draft, Source};
use crate::transcript::tools::filled;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// A decision of this impact and above needs a reason.
pub(crate) const NEEDS_REASON: u8 = 3;

/// A decision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Decision {
    /// Its name, a UUID.
    pub(crate) decision_id: String,
    /// What it is about.
    pub(crate) title: String,
    /// What was chosen.
    pub(crate) chosen_option: String,
    /// What was going on.
    pub(crate) context: String,
    /// What was weighed.
    pub(crate) tradeoffs: String,
    /// Why.
    pub(crate) rationale: String,
    /// How much depends on it, 1 to 5.
    pub(crate) impact_score: u8,
    /// What it belongs to, such as `architecture`.
    pub(crate) category: String,
    /// The way on which it was told.
    pub(crate) captured_via: String,
}

impl Decision {
    /// A reason that the candidate gave unasked; `via` is where.
    pub(crate) fn explained(words: &str, via: &str) -> Self {
        Self {
            decision_id: Uuid::new_v4().to_string(),
            title: "Decision rationale".to_owned(),
            rationale: words.to_owned(),
            impact_score: NEEDS_REASON,
            captured_via: format!("{via}-explain"),
            ..Self::default()
        }
    }

    /// Whether its reason is still to be asked for.
    pub(crate) fn is_open(&self) -> bool {
        self.impact_score >= NEEDS_REASON && self.rationale.trim().is_empty()
    }

    /// Which decision it is, in short.
    pub(crate) fn brief(&self) -> Value {
        json!({ "decisionId": self.decision_id, "title": self.title, "chosenOption": self.chosen_option })
    }

    /// The event. A decision that gets its reason later is told again, under the same name.
    pub(crate) fn draft(&self, now: DateTime<Utc>) -> Draft {
        let category = Some(&self.category).filter(|category| !category.is_empty());
        let data = filled(json!({
            "decisionId": self.decision_id, "title": self.title, "chosenOption": self.chosen_option,
            "context": self.context, "tradeoffs": self.tradeoffs, "rationale": self.rationale,
            "impactScore": self.impact_score, "category": category, "capturedVia": self.captured_via,
            "capturedAt": now.to_rfc3339_opts(SecondsFormat::Millis, true),
        }));
        let (source, author) =
            if self.captured_via == "mcp" { (Source::MCP, Author::Assistant) } else { (Source::TOOL, Author::Human) };
        let key = format!("decision:{}:{}", self.decision_id, self.captured_via);
        Draft { ts: now, kind: "decision_event", key, source, author, data }
    }
}
