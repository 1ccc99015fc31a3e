//! Who is asked what a candidate's prompts are like. What is asked and what is believed of the answer is `domain`'s business
//! (`artifacts::prompt_analysis`); how a question travels is that of whoever implements [`Judge`].

use std::{fmt, sync::Arc};

use domain::artifacts::prompt_analysis::Question;
use futures_util::future::BoxFuture;

/// A language model that can be asked.
pub trait Judge: fmt::Debug + Send + Sync {
    /// The name of the model, which stands in every analysis that it wrote.
    fn model(&self) -> &str;

    /// What it answers, word for word, whatever that is worth. Ends in time by itself.
    fn ask<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Result<String, NoAnswer>>;
}

/// Why there is no answer. Holds nothing of the question, of an answer or of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody is there, or the connection broke.
    #[error("the model cannot be reached")]
    Unreachable,
    /// It took too long.
    #[error("the model did not answer in time")]
    Slow,
    /// It wants to be asked later, and said so again and again, or later than one waits.
    #[error("the model is asked too often")]
    Busy,
    /// It does not take the question, with this status: credential, model or size.
    #[error("the model refuses the question with the status {0}")]
    Refused(u16),
    /// It failed with this status, again and again.
    #[error("the model fails with the status {0}")]
    Failed(u16),
    /// The answer is larger than any good one.
    #[error("the answer is too large")]
    TooLarge,
    /// The answer has not the shape of answers, or was cut off.
    #[error("the answer cannot be read")]
    Unreadable,
}

impl NoAnswer {
    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Slow => "slow",
            Self::Busy => "busy",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::TooLarge => "too_large",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The judge of an installation, and of whom it may be asked.
#[derive(Debug, Clone)]
pub struct Judging {
    /// Who is asked.
    pub judge: Arc<dyn Judge>,
    /// Whether candidates have to have agreed to a disclosure; of those who need not, nothing is known.
    pub requires_consent: bool,
}
