//! Whose work a change is.

use crate::{Attribution, Author, Event};

/// Whose work a change is: by its attribution, and where that is unknown by who acted, as for `manualEditRatio`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hand {
    Ai,
    AiRevisedByHuman,
    Human,
    Mixed,
    System,
    Unknown,
}

impl Hand {
    pub(super) const ALL: [Self; 6] =
        [Self::Ai, Self::AiRevisedByHuman, Self::Human, Self::Mixed, Self::System, Self::Unknown];

    pub(crate) fn of(event: &Event) -> Self {
        match (event.provenance.attribution, event.author) {
            (Attribution::LikelyAi, _) | (Attribution::Unknown, Author::Ai) => Self::Ai,
            (Attribution::AiRevisedByHuman, _) => Self::AiRevisedByHuman,
            (Attribution::LikelyHuman, _) | (Attribution::Unknown, Author::Human) => Self::Human,
            (Attribution::Mixed, _) => Self::Mixed,
            (Attribution::SystemGenerated, _) | (Attribution::Unknown, Author::System) => Self::System,
            (Attribution::Unknown, Author::Unknown) => Self::Unknown,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ai => "ai",
            Self::AiRevisedByHuman => "aiRevisedByHuman",
            Self::Human => "human",
            Self::Mixed => "mixed",
            Self::System => "system",
            Self::Unknown => "unknown",
        }
    }
}
