//! The artifact `candidate_summary`: the session in a few sentences. A sentence says figures and no judgement; one
//! that rests on no event says that nothing was recorded.

use serde_json::{Value, json};

use super::{
    Derivation,
    evidence::{Evidence, with_evidence},
    hand::Hand,
    moment::counted,
    times::{IDLE_AFTER_MS, minutes},
};
use crate::signals::Signals;

type Sentence = (String, Evidence);

pub(super) fn of(derivation: &Derivation, signals: &Signals) -> Value {
    let sentences = if derivation.tally.all.count() == 0 {
        vec![nothing("events")]
    } else {
        let always = [
            time(derivation, signals),
            prompts(derivation),
            changes(derivation, signals),
            commands(derivation),
            tests(derivation),
            decisions(derivation),
        ];
        let where_found = [struggle(derivation), taken_back(derivation), unverified(derivation), usage(derivation)];
        always.into_iter().chain(where_found.into_iter().flatten()).collect()
    };
    let text = sentences.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(" ");
    let print = |(text, evidence): &Sentence| with_evidence(json!({ "text": text }), evidence);
    json!({ "text": text, "sentences": sentences.iter().map(print).collect::<Vec<_>>() })
}

fn nothing(of: &str) -> Sentence {
    (format!("No {of} were recorded."), Evidence::default())
}

fn time(derivation: &Derivation, signals: &Signals) -> Sentence {
    let (lasted, active) = (minutes(signals.duration_ms), minutes(derivation.times.active_ms()));
    let pauses = counted(derivation.times.idle_ends().count(), "pause", "pauses");
    let cut = minutes(IDLE_AFTER_MS);
    let text =
        format!("The session lasted {lasted} minutes, {active} of them active, with {pauses} of over {cut} minutes.");
    (text, derivation.times.ends())
}

fn prompts(derivation: &Derivation) -> Sentence {
    let tally = &derivation.tally;
    if tally.prompts.count() == 0 {
        return nothing("prompts");
    }
    let prompts = counted(tally.prompts.count(), "prompt was", "prompts were");
    let length = tally.mean_prompt_characters();
    let length = length.map_or_else(String::new, |mean| format!(", with a mean of {mean} characters"));
    (format!("{prompts} recorded{length}."), tally.prompts.clone())
}

fn changes(derivation: &Derivation, signals: &Signals) -> Sentence {
    let tally = &derivation.tally;
    if tally.changes.count() == 0 {
        return nothing("file changes");
    }
    let changes = counted(tally.changes.count(), "change", "changes");
    let files = counted(signals.totals.unique_paths, "file", "files");
    let by = |hand, name| {
        let edits = tally.edits_of(hand)?;
        let lines = counted(edits.lines_added + edits.lines_removed, "line", "lines");
        Some(format!("{lines} {name}"))
    };
    let hands = [
        by(Hand::Ai, "by the assistant"),
        by(Hand::AiRevisedByHuman, "by the assistant and revised by hand"),
        by(Hand::Human, "by hand"),
        by(Hand::Mixed, "by both"),
        by(Hand::System, "by tools"),
        by(Hand::Unknown, "by an unknown author"),
    ];
    let hands = hands.into_iter().flatten().collect::<Vec<_>>().join(", ");
    (format!("{changes} touched {files}: {hands}."), tally.changes.clone())
}

fn commands(derivation: &Derivation) -> Sentence {
    let (tally, recovery) = (&derivation.tally, &derivation.recovery);
    if tally.commands.count() == 0 {
        return nothing("commands");
    }
    let ran = counted(tally.commands.count(), "command", "commands");
    let failed = tally.failed_commands.count();
    let recovered = recovery.recoveries.count();
    let errors = counted(recovery.errors.count(), "error", "errors");
    let recovered = if failed == 0 { String::new() } else { format!(": {errors}, {recovered} recovered from") };
    (format!("{ran} ran, {failed} of them failed{recovered}."), tally.commands.clone())
}

fn tests(derivation: &Derivation) -> Sentence {
    let tests = &derivation.tests;
    if tests.runs.count() == 0 {
        return nothing("test runs");
    }
    let ran = counted(tests.runs.count(), "time", "times");
    let (passed, failed) = (tests.passed.count(), tests.failed.count());
    let last = match tests.last_verdict {
        Some((_, true)) => "the last result was a pass",
        Some((_, false)) => "the last result was a failure",
        None => "no result is known",
    };
    (format!("Tests ran {ran}: {passed} passed, {failed} failed; {last}."), tests.runs.clone())
}

fn decisions(derivation: &Derivation) -> Sentence {
    let (decisions, tally) = (&derivation.decisions, &derivation.tally);
    if tally.decisions.count() == 0 {
        return nothing("decisions");
    }
    let recorded = counted(tally.decisions.count(), "decision was", "decisions were");
    let without = decisions.without_reason.found();
    (format!("{recorded} recorded, {without} of them without a reason."), tally.decisions.clone())
}

fn struggle(derivation: &Derivation) -> Option<Sentence> {
    let struggle = derivation.stretches.struggles.kept().first()?;
    let title = struggle.title.trim_end_matches('.');
    let text = format!("{title}, over {} minutes.", minutes(struggle.duration_ms()));
    Some((text, struggle.evidence.clone()))
}

fn taken_back(derivation: &Derivation) -> Option<Sentence> {
    let pivots = &derivation.pivots;
    let pivot = pivots.reverted.kept().first().or_else(|| pivots.rewritten.kept().first())?;
    Some((pivot.title.clone(), pivot.evidence.clone()))
}

fn unverified(derivation: &Derivation) -> Option<Sentence> {
    let pending = &derivation.work.pending;
    let changes = counted(pending.changes.count(), "change", "changes");
    let text = format!("No verification came after the last {changes} of {} lines.", pending.lines);
    (pending.changes.count() > 0).then(|| (text, pending.changes.clone()))
}

fn usage(derivation: &Derivation) -> Option<Sentence> {
    let usage = &derivation.usage;
    let [input, output, ..] = usage.totals().tokens;
    let (input, output) = input.zip(output)?;
    let reporting = usage.reporting();
    Some((format!("The assistant reported {input} tokens in and {output} tokens out."), reporting))
}
