//! `prompt_analysis_v1`: what a language model says of how a candidate asked. It is the one artifact that is not derived by
//! rules, so it stands apart from [`super::ArtifactKind`]: off unless the operator chose a model, never the same bytes for
//! sure, and it says of itself who wrote it.
//!
//! Invariants, stated as absences:
//! - No prompt is part of an instruction: what a candidate wrote travels as strings of a JSON document, which nothing in
//!   them can end.
//! - Nothing that a model says is believed that was not asked for: an answer of another shape, about another prompt, out of
//!   range or too long is refused as a whole.
//! - No candidate is judged so who was not told.
//! - No judgement without the event that it is about.

mod answer;
mod prompts;
mod question;
#[cfg(test)]
mod tests;

pub use answer::{Analysis, Disbelief};
pub use prompts::Prompts;
pub use question::Question;

use serde::Deserialize;

/// The word that is stored and shown.
pub const KIND: &str = "prompt_analysis_v1";

/// The version of what is asked and of what is made of the answer. It is raised when either changes.
pub const DERIVATION_V: u32 = 1;

/// What the version of a disclosure has in it that tells of the language model, behind a `+`.
pub const DISCLOSED_AS: &str = "judge";

/// Whether a candidate was told: the version of the disclosure that they agreed to says so. Without a consent, where none is
/// required, that is the integrator's duty.
#[must_use]
pub fn was_told(agreed_to: Option<&str>, requires_consent: bool) -> bool {
    match agreed_to {
        Some(version) => version.split('+').skip(1).any(|part| part == DISCLOSED_AS),
        None => !requires_consent,
    }
}

/// Which model wrote an analysis that was kept; `None` when it is none.
#[must_use]
pub fn model_of(data: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Written {
        model: String,
    }
    serde_json::from_str(data).ok().map(|Written { model }| model)
}
