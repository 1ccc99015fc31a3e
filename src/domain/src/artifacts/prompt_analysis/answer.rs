//! What is believed of a model's answer: what was asked for, and nothing else.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Question, prompts::Prompt};
use crate::{Timestamp, export::is_hidden};

/// Characters of a note, and of an entry of a list.
const MAX_NOTE: usize = 200;

/// Characters of the summary.
const MAX_SUMMARY: usize = 600;

/// Strengths, and improvements.
const MAX_LISTED: usize = 5;

/// What every analysis says of itself, so that nobody who is shown one takes it for a finding of the rules.
const NOTICE: &str = "A language model wrote this about the candidate's prompts. It may be wrong, and the same prompts may \
    be judged otherwise another time. Read the prompts before you rely on it.";

/// Why an answer is not believed. Holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Disbelief {
    /// It is no JSON, or JSON of another shape.
    #[error("the answer has another shape than was asked for")]
    Shape,
    /// It judges a prompt that was not asked about, or one twice.
    #[error("the answer is about a prompt that was not asked about")]
    NotAsked,
    /// It leaves a prompt out.
    #[error("the answer leaves out a prompt that was asked about")]
    Missing,
    /// A figure is not from 1 to 5.
    #[error("the answer has a figure that is not from 1 to 5")]
    OutOfRange,
    /// A text or a list is longer than was asked for.
    #[error("the answer has a text or a list that is too long")]
    TooLong,
    /// A text that has to say something says nothing.
    #[error("the answer has a text that is empty")]
    Empty,
}

impl Disbelief {
    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shape => "shape",
            Self::NotAsked => "not_asked",
            Self::Missing => "missing",
            Self::OutOfRange => "out_of_range",
            Self::TooLong => "too_long",
            Self::Empty => "empty",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    prompts: Vec<Judged>,
    summary: String,
    strengths: Vec<String>,
    improvements: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Judged {
    number: u64,
    clarity: u64,
    context: u64,
    specificity: u64,
    note: String,
}

/// A believed answer, with what it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    count: u64,
    prompts: Vec<(Prompt, Verdict)>,
    summary: String,
    strengths: Vec<String>,
    improvements: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Verdict {
    clarity: u64,
    context: u64,
    specificity: u64,
    note: String,
}

pub(super) fn read(question: &Question, answer: &str) -> Result<Analysis, Disbelief> {
    let answer: Answer = serde_json::from_str(answer).map_err(|_| Disbelief::Shape)?;
    let n_judged = answer.prompts.len();
    let mut judged: BTreeMap<u64, Judged> = answer.prompts.into_iter().map(|one| (one.number, one)).collect();
    if judged.len() < n_judged {
        return Err(Disbelief::NotAsked);
    }
    let mut prompts = Vec::with_capacity(question.asked.len());
    for prompt in &question.asked {
        let judged = judged.remove(&prompt.number).ok_or(Disbelief::Missing)?;
        prompts.push((prompt.clone(), judged.verdict()?));
    }
    if !judged.is_empty() {
        return Err(Disbelief::NotAsked);
    }
    Ok(Analysis {
        count: question.count,
        prompts,
        summary: told(&answer.summary, MAX_SUMMARY)?,
        strengths: listed(&answer.strengths)?,
        improvements: listed(&answer.improvements)?,
    })
}

impl Judged {
    fn verdict(&self) -> Result<Verdict, Disbelief> {
        let (clarity, context, specificity) = (self.clarity, self.context, self.specificity);
        if [clarity, context, specificity].iter().any(|figure| !(1..=5).contains(figure)) {
            return Err(Disbelief::OutOfRange);
        }
        Ok(Verdict { clarity, context, specificity, note: said(&self.note, MAX_NOTE)? })
    }
}

/// A text as it is shown: in one line, and without what turns the direction of text, which a candidate may have had a model
/// repeat.
fn said(text: &str, max: usize) -> Result<String, Disbelief> {
    let plain = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let words = plain.collect::<Vec<_>>().join(" ").replace(is_hidden, "");
    if words.chars().count() > max { Err(Disbelief::TooLong) } else { Ok(words) }
}

/// One that has to say something.
fn told(text: &str, max: usize) -> Result<String, Disbelief> {
    said(text, max).and_then(|words| if words.is_empty() { Err(Disbelief::Empty) } else { Ok(words) })
}

fn listed(texts: &[String]) -> Result<Vec<String>, Disbelief> {
    if texts.len() > MAX_LISTED {
        return Err(Disbelief::TooLong);
    }
    texts.iter().map(|text| told(text, MAX_NOTE)).collect()
}

impl Analysis {
    /// The artifact's data, as it is kept and shown: written by `model`, at `at`.
    #[must_use]
    pub fn data(&self, model: &str, at: Timestamp) -> Value {
        let n_asked = u64::try_from(self.prompts.len()).unwrap_or(u64::MAX);
        let prompt = |(prompt, verdict): &(Prompt, Verdict)| {
            json!({
                "number": prompt.number,
                "clarity": verdict.clarity,
                "context": verdict.context,
                "specificity": verdict.specificity,
                "note": verdict.note,
                "cut": prompt.is_cut,
                "events": [prompt.at],
            })
        };
        json!({
            "writtenBy": "language_model",
            "notice": NOTICE,
            "model": model,
            "judgedAt": at,
            "promptCount": self.count,
            "leftOut": self.count.saturating_sub(n_asked),
            "means": {
                "clarity": self.mean(|verdict| verdict.clarity),
                "context": self.mean(|verdict| verdict.context),
                "specificity": self.mean(|verdict| verdict.specificity),
            },
            "summary": self.summary,
            "strengths": self.strengths,
            "improvements": self.improvements,
            "prompts": self.prompts.iter().map(prompt).collect::<Vec<_>>(),
        })
    }

    /// The mean of a figure with one decimal, half up: summed here, since a model counts badly.
    fn mean(&self, of: impl Fn(&Verdict) -> u64) -> Option<f64> {
        let sum: u64 = self.prompts.iter().map(|(_, verdict)| of(verdict)).sum();
        let count = u64::try_from(self.prompts.len()).ok()?;
        let tenths = (sum * 20 + count).checked_div(2 * count)?;
        u32::try_from(tenths).ok().map(|tenths| f64::from(tenths) / 10.0)
    }
}
