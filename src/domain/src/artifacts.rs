//! The artifacts of a session: what a reviewer is shown of it, derived from its events by named rules.
//!
//! Invariants, stated as absences:
//! - No model, no clock, no randomness: the same events give the same bytes. What a model says stands apart, in
//!   [`prompt_analysis`].
//! - No guess: what events do not say is `null` or `unknown`.
//! - No sentence, figure or moment without the events that it rests on.
//! - No memory that grows with what strangers chose: every list and every map has a stated bound, except 8 bytes for
//!   each recovery from an error.
//!
//! `docs/artifacts.md` describes each artifact and each rule.

mod analytics;
mod check;
mod counts;
mod data_points;
mod decisions;
mod evidence;
mod followups;
mod git;
pub(crate) mod hand;
mod key_moments;
mod moment;
mod phase;
mod pivots;
pub mod prompt_analysis;
mod recovery;
mod remembered;
mod runner;
mod step;
mod stretches;
mod summary;
mod test_runs;
#[cfg(test)]
mod tests;
mod times;
mod usage;
mod work;

use serde::Serialize;
use serde_json::Value;

use self::{
    counts::Tally, decisions::Decisions, pivots::Pivots, recovery::Recovery, step::Step, stretches::Stretches,
    test_runs::TestRuns, times::Times, usage::Usage, work::Work,
};
use crate::{StoredEvent, signals::Signals};

/// The version of the rules. It is raised whenever the same events would give other artifacts, so that stored ones can
/// be told from those that today's rules would give.
pub const DERIVATION_V: u32 = 1;

/// The artifacts that every session has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// Times, counts, edits, tests, errors, tokens.
    AnalyticsV1,
    /// One flat list of named figures.
    DataPointsV1,
    /// Breakthroughs, pivots, struggles and verifications.
    KeyMomentsV1,
    /// Each run of the tests.
    TestResultsV1,
    /// Questions for an interview, from evidence.
    InterviewFollowupsV1,
    /// The session in a few sentences of figures.
    CandidateSummary,
}

impl ArtifactKind {
    /// All kinds in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::AnalyticsV1,
        Self::DataPointsV1,
        Self::KeyMomentsV1,
        Self::TestResultsV1,
        Self::InterviewFollowupsV1,
        Self::CandidateSummary,
    ];

    /// The word that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AnalyticsV1 => "analytics_v1",
            Self::DataPointsV1 => "data_points_v1",
            Self::KeyMomentsV1 => "key_moments_v1",
            Self::TestResultsV1 => "test_results_v1",
            Self::InterviewFollowupsV1 => "interview_followups_v1",
            Self::CandidateSummary => "candidate_summary",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// One artifact.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Which one.
    pub kind: ArtifactKind,
    /// The version of the rules that made it.
    pub derivation_v: u32,
    /// What it says; an object whose members always stand in the same order.
    pub data: Value,
}

/// Derives all artifacts of a session, in the order of [`ArtifactKind::ALL`]. The events have to come in the order of
/// the timeline, by `ts` and then `seq`, each once; the signals are those of the same events.
#[must_use]
pub fn derive<'a>(events: impl IntoIterator<Item = &'a StoredEvent>, signals: &Signals) -> Vec<Artifact> {
    let mut derivation = Derivation::default();
    events.into_iter().for_each(|stored| derivation.add(stored));
    derivation.finish(signals)
}

/// A derivation under way: for events that come in pages, each seen once and not kept.
#[derive(Debug, Default)]
pub struct Derivation {
    times: Times,
    tally: Tally,
    tests: TestRuns,
    recovery: Recovery,
    usage: Usage,
    stretches: Stretches,
    work: Work,
    pivots: Pivots,
    decisions: Decisions,
}

impl Derivation {
    /// Takes in the next event of the timeline.
    pub fn add(&mut self, stored: &StoredEvent) {
        let step = Step::of(stored);
        self.times.add(&step);
        self.tally.add(&step);
        self.tests.add(&step);
        self.recovery.add(&step);
        self.usage.add(&step);
        self.stretches.add(&step);
        self.work.add(&step);
        self.pivots.add(&step);
        self.decisions.add(&step);
    }

    /// The artifacts, in the order of [`ArtifactKind::ALL`]. What the signals say is taken from them, so that an
    /// artifact never differs from `GET …/signals`.
    #[must_use]
    pub fn finish(mut self, signals: &Signals) -> Vec<Artifact> {
        self.stretches.finish();
        self.decisions.finish();
        let artifact = |kind| {
            let data = match kind {
                ArtifactKind::AnalyticsV1 => analytics::of(&self, signals),
                ArtifactKind::DataPointsV1 => data_points::of(&self, signals),
                ArtifactKind::KeyMomentsV1 => key_moments::of(&self),
                ArtifactKind::TestResultsV1 => self.tests.to_json(signals),
                ArtifactKind::InterviewFollowupsV1 => followups::of(&self),
                ArtifactKind::CandidateSummary => summary::of(&self, signals),
            };
            Artifact { kind, derivation_v: DERIVATION_V, data }
        };
        ArtifactKind::ALL.map(artifact).into()
    }
}
