//! A session as everybody sees it: its record, and what its events add up to.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    SessionRef, Timestamp, Totals,
    signals::{Signals, Span},
};

/// How far a session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Started, without an event.
    Pending,
    /// Running.
    Active,
    /// Closed.
    Ended,
}

impl Status {
    /// The word that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Ended => "ended",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Active, Self::Ended].into_iter().find(|status| status.as_str() == word)
    }
}

/// What is recorded of a session beside its events.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionRecord {
    /// The assessment it was started for.
    pub assessment: Option<Uuid>,
    /// The candidate key that started it.
    pub candidate_key: Option<Uuid>,
    /// The candidate's name, where one was given.
    pub candidate_name: Option<String>,
    /// The service that its events come from, e.g. `claude-code`.
    pub source_service: Option<String>,
    /// When the server made it.
    pub created_at: Timestamp,
    /// When its record last changed.
    pub updated_at: Timestamp,
    /// When it ended, by the rules of fine print 2.
    pub ended_at: Option<Timestamp>,
    /// When the server learned of the end; the grace for late events runs from here.
    pub closed_at: Option<Timestamp>,
    /// Why it ended: `session_end`, `complete`, `end`, `patched`, `time_limit`, `expired`.
    pub end_reason: Option<String>,
    /// When the server closes it, where there is a time limit.
    pub deadline: Option<Timestamp>,
    /// What clients said about it, with what was promoted from `session_start` events.
    pub metadata: Map<String, Value>,
    /// What model traffic cost so far, in US dollars.
    pub total_cost_usd: Option<f64>,
    /// Counts the changes of the record.
    pub version: u64,
}

/// A session: its record and the sums of its events.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Which one.
    pub name: SessionRef,
    /// What is recorded of it.
    pub record: SessionRecord,
    /// What its events add up to.
    pub totals: Totals,
    /// The `seq` of its newest event; 0 without one.
    pub last_seq: u64,
}

impl Session {
    /// How far it has come.
    #[must_use]
    pub fn status(&self) -> Status {
        match (self.record.ended_at, self.totals.counts.events) {
            (Some(_), _) => Status::Ended,
            (None, 0) => Status::Pending,
            (None, _) => Status::Active,
        }
    }

    /// When it began.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.totals.started_at(self.record.created_at)
    }

    /// Its signals.
    #[must_use]
    pub fn signals(&self) -> Signals {
        Signals::of(&self.totals, Span { created_at: self.record.created_at, ended_at: self.record.ended_at })
    }

    /// The session object of the API (the contract's http-api §7).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let record = &self.record;
        json!({
            "id": self.name.session,
            "orgId": self.name.org,
            "assessmentId": record.assessment,
            "candidateKeyId": record.candidate_key,
            "candidateName": record.candidate_name,
            "sourceService": record.source_service,
            "startedAt": self.started_at(),
            "endedAt": record.ended_at,
            "lastActivityAt": self.totals.last_ts,
            "eventCount": self.totals.counts.events,
            "decisionFlagCount": self.totals.counts.decisions,
            "aiAttributionPct": self.signals().ai_attribution_pct_rounded(),
            "totalCostUsd": record.total_cost_usd,
            "metadata": record.metadata,
            "status": self.status().as_str(),
            "createdAt": record.created_at,
            "updatedAt": record.updated_at,
        })
    }
}
