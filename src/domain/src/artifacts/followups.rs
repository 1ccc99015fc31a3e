//! The artifact `interview_followups_v1`: questions that the record raises and cannot answer.

use serde_json::{Map, Value, json};

use super::{
    Derivation,
    evidence::{Evidence, with_evidence},
    moment::{Moment, figures},
    step::Mark,
    times::minutes,
    work::LARGE_CHANGE_LINES,
};

/// Questions on decisions without a reason: 3 at most, or an interview is about nothing else.
const MAX_DECISION_QUESTIONS: usize = 3;

struct Question {
    rule: &'static str,
    question: String,
    from: Mark,
    to: Mark,
    figures: Map<String, Value>,
    evidence: Evidence,
}

pub(super) fn of(derivation: &Derivation) -> Value {
    let questions = longest_struggle(derivation)
        .into_iter()
        .chain(work_taken_back(derivation))
        .chain(unverified_ai_change(derivation))
        .chain(undocumented_decisions(derivation));
    json!({ "questions": questions.map(|question| question.to_json()).collect::<Vec<_>>() })
}

/// Rule `longest_struggle`: the struggle with the longest span.
fn longest_struggle(derivation: &Derivation) -> Option<Question> {
    let struggle = derivation.stretches.struggles.kept().first()?;
    let title = struggle.title.trim_end_matches('.');
    let spent = minutes(struggle.duration_ms());
    let question = format!("{title} ({spent} minutes). What did you try, and what was the cause?");
    Some(Question::of(struggle, "longest_struggle", question))
}

/// Rule `work_taken_back`: the weightiest work taken back by git, else the largest rewrite.
fn work_taken_back(derivation: &Derivation) -> Option<Question> {
    let pivots = &derivation.pivots;
    let pivot = pivots.reverted.kept().first().or_else(|| pivots.rewritten.kept().first())?;
    let question = format!("{} What was wrong with the first version, and how did you see it?", pivot.title);
    Some(Question::of(pivot, "work_taken_back", question))
}

/// Rule `unverified_ai_change`: at least as many lines as make a change large, written by an assistant after the last
/// verification.
fn unverified_ai_change(derivation: &Derivation) -> Option<Question> {
    let pending = &derivation.work.pending;
    let (from, to) = pending.span()?;
    (pending.ai_lines >= LARGE_CHANGE_LINES).then(|| Question {
        rule: "unverified_ai_change",
        question: format!(
            "{} lines written by the assistant were not followed by any test, build or lint run. How do you know that \
             they are right?",
            pending.ai_lines
        ),
        from,
        to,
        figures: figures(json!({ "aiLines": pending.ai_lines, "largeFrom": LARGE_CHANGE_LINES })),
        evidence: pending.ai_changes.clone(),
    })
}

/// Rule `undocumented_decision`: a plan or a dependency with no reasons recorded around it, or a decision recorded
/// without one.
fn undocumented_decisions(derivation: &Derivation) -> impl Iterator<Item = Question> {
    let decisions = &derivation.decisions;
    let moments = decisions.undocumented.kept().iter().chain(decisions.without_reason.kept());
    moments.take(MAX_DECISION_QUESTIONS).map(|moment| {
        let question = format!("{} Why, and what else did you consider?", moment.title);
        Question::of(moment, "undocumented_decision", question)
    })
}

impl Question {
    fn of(moment: &Moment, rule: &'static str, question: String) -> Self {
        let mut figures = figures(json!({ "found": moment.rule }));
        figures.extend(moment.figures.clone());
        Self { rule, question, from: moment.from, to: moment.to, figures, evidence: moment.evidence.clone() }
    }

    fn to_json(&self) -> Value {
        let question = json!({
            "rule": self.rule,
            "question": self.question,
            "from": self.from.ts,
            "to": self.to.ts,
            "figures": self.figures,
        });
        with_evidence(question, &self.evidence)
    }
}
