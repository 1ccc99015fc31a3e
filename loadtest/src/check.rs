//! Compares what was sent with what was read back. Pure: no I/O, no clock.

mod cohort;
mod signals;
#[cfg(test)]
mod tests;
mod watched;

use std::collections::{HashMap, HashSet};
use std::fmt;

use domain::{Event, Totals};
use serde::Serialize;
use uuid::Uuid;

use crate::history::{History, Outcome};
use crate::row::Row;

pub(crate) use cohort::check_cohort;
pub(crate) use signals::{Moment, check_session, check_signals, signals_of};
pub(crate) use watched::check_watcher;

/// A promise of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Promise {
    /// What is acknowledged is there.
    Lost,
    /// Everything is there once.
    Doubled,
    /// Order of arrival is the order of sending, and the timeline is sorted.
    Misordered,
    /// Nothing is there that was not sent.
    Foreign,
    /// What is there is what was sent.
    Changed,
    /// `seq` runs 1, 2, 3 …
    Seq,
    /// A good event is taken.
    Refused,
    /// Every event gets its answer.
    Unanswered,
    /// A watcher sees everything.
    Missed,
    /// A watcher sees everything once.
    SeenTwice,
    /// Signals are what a recomputation gives.
    Signals,
    /// The session object agrees with its events.
    Session,
    /// Cohort statistics are what a recomputation gives.
    Cohort,
    /// Answers and messages have the form of the contract.
    Protocol,
    /// What is acknowledged is in every answer from then on.
    Stale,
    /// Nobody sees what belongs to another organisation.
    Leaked,
    /// What does not need a part that is away goes on without it.
    Unavailable,
    /// The service answers fully soon after all its parts are back.
    Recovery,
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Violation {
    /// Which one.
    pub(crate) promise: Promise,
    /// In which session.
    pub(crate) session: String,
    /// With which event.
    pub(crate) event: Option<Uuid>,
    /// How.
    pub(crate) text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} in session {}", self.promise, self.session)?;
        if let Some(event) = self.event {
            write!(out, ", event {event}")?;
        }
        write!(out, ": {}", self.text)
    }
}

/// Collects violations of one session.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    session: &'a str,
    /// What was found so far.
    pub(crate) found: Vec<Violation>,
}

impl<'a> Findings<'a> {
    /// Nothing found yet.
    pub(crate) fn of(session: &'a str) -> Self {
        Self { session, found: Vec::new() }
    }

    /// One more.
    pub(crate) fn add(&mut self, promise: Promise, event: Option<Uuid>, text: impl Into<String>) {
        self.found.push(Violation { promise, session: self.session.to_owned(), event, text: text.into() });
    }
}

/// Folds the rows of a timeline, each with the event that was sent under its id.
pub(crate) fn recompute(history: &History, timeline: &[Row]) -> Totals {
    let events = timeline.iter().filter_map(|row| Some((row.seq, &history.sent(row.id)?.event)));
    Totals::fold::<'_>(events)
}

/// Holds the timeline of one session to what was sent and answered.
pub(crate) fn check_timeline(history: &History, timeline: &[Row]) -> Vec<Violation> {
    let mut findings = Findings::of(&history.session);
    for fault in &history.faults {
        findings.add(Promise::Protocol, None, fault);
    }
    let mut places: HashMap<Uuid, u64> = HashMap::with_capacity(timeline.len());
    for row in timeline {
        if places.insert(row.id, row.seq).is_some() {
            findings.add(Promise::Doubled, Some(row.id), "is in the timeline twice");
        }
        match history.sent(row.id) {
            None => findings.add(Promise::Foreign, Some(row.id), "was never sent"),
            Some(sent) => check_row(&history.session, &sent.event, row, &mut findings),
        }
    }
    check_answers(history, &places, &mut findings);
    check_sequence(timeline, &mut findings);
    check_order(history, &places, &mut findings);
    findings.found
}

fn check_row(session: &str, event: &Event, row: &Row, findings: &mut Findings<'_>) {
    let ts = event.ts.to_string();
    let members = [("sessionId", session), ("kind", event.kind.as_str()), ("ts", ts.as_str())];
    for (name, expected) in members.into_iter().filter(|(name, expected)| row.text(name) != *expected) {
        findings.add(Promise::Changed, Some(row.id), format!("{name} is {}, not {expected}", row.text(name)));
    }
    if *row.data != *event.data() {
        findings.add(
            Promise::Changed,
            Some(row.id),
            format!("data is {}, not {}", brief(&row.data), brief(event.data())),
        );
    }
}

fn check_answers(history: &History, places: &HashMap<Uuid, u64>, findings: &mut Findings<'_>) {
    let mut stored = HashSet::new();
    let mut answered = HashSet::new();
    let acknowledged = history.acknowledged();
    for (id, outcome) in &history.answers {
        answered.insert(*id);
        match outcome {
            Outcome::Stored { seq } => {
                if !stored.insert(*id) {
                    findings.add(Promise::Doubled, Some(*id), "was acknowledged as new twice");
                }
                if let (Some(seq), Some(place)) = (seq, places.get(id))
                    && seq != place
                {
                    findings.add(Promise::Seq, Some(*id), format!("acknowledged with seq {seq}, shown with {place}"));
                }
            }
            Outcome::Duplicate => {}
            Outcome::Refused { status, error } => {
                findings.add(Promise::Refused, Some(*id), format!("{status} {error}"));
                if places.contains_key(id) && !acknowledged.contains(id) {
                    findings.add(Promise::Foreign, Some(*id), "was refused and is there all the same");
                }
            }
        }
    }
    for id in acknowledged.iter().filter(|id| !places.contains_key(id)) {
        findings.add(Promise::Lost, Some(*id), "was acknowledged and is not in the timeline");
    }
    for id in history.events.iter().map(|sent| sent.event.id).filter(|id| !answered.contains(id)) {
        findings.add(Promise::Unanswered, Some(id), "never got an answer");
    }
}

fn check_sequence(timeline: &[Row], findings: &mut Findings<'_>) {
    let mut seqs: Vec<(u64, Uuid)> = timeline.iter().map(|row| (row.seq, row.id)).collect();
    seqs.sort_unstable();
    for ((seq, id), expected) in seqs.iter().zip(1..) {
        if *seq != expected {
            findings.add(Promise::Seq, Some(*id), format!("has seq {seq} where {expected} is next"));
            break;
        }
    }
    for (one, next) in timeline.iter().zip(timeline.iter().skip(1)) {
        if (one.text("ts"), one.seq) >= (next.text("ts"), next.seq) {
            let places = format!("({}, {}) after ({}, {})", next.text("ts"), next.seq, one.text("ts"), one.seq);
            findings.add(Promise::Misordered, Some(next.id), format!("stands at {places} in the timeline"));
        }
    }
}

/// A sender that goes one by one finds its events in the order in which it sent them. Where single events were put off,
/// only those that were acknowledged as new tell their order.
fn check_order(history: &History, places: &HashMap<Uuid, u64>, findings: &mut Findings<'_>) {
    let sent = || history.events.iter().map(|sent| sent.event.id);
    let acknowledged =
        || history.answers.iter().filter(|(_, is)| matches!(is, Outcome::Stored { .. })).map(|(id, _)| *id);
    let order: Vec<Uuid> = if history.reordered { acknowledged().collect() } else { sent().collect() };
    let mut highest = 0;
    for (id, seq) in order.into_iter().filter_map(|id| Some((id, *places.get(&id)?))) {
        if seq < highest {
            findings.add(Promise::Misordered, Some(id), format!("has seq {seq}, an earlier one {highest}"));
        }
        highest = highest.max(seq);
    }
}

fn brief(text: &str) -> String {
    let start: String = text.chars().take(120).collect();
    format!("{start} ({} bytes)", text.len())
}
