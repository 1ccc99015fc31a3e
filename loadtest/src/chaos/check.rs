//! Compares what was sent and answered with what was read and seen. A pure function: no I/O, no clock.

mod derived;
mod fates;
mod order;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
mod watched;

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::auditor::Audit;
use super::history::SessionHistory;
use super::readback::{Read, SessionRead};
use super::row::CompactRow;
use super::script::{Planned, Script, digest};
use super::watcher::Seen;
use crate::check::{Findings, Promise, Violation};

pub(crate) use watched::check_seen;

/// Everything that clients did and saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// The ids of the organisations.
    pub(crate) orgs: Vec<String>,
    /// The sessions.
    pub(crate) sessions: Vec<SessionHistory>,
    /// What watchers saw.
    pub(crate) seen: Vec<Seen>,
    /// For each organisation, to whom the sessions on its wall said they belong.
    pub(crate) walls: Vec<BTreeSet<String>>,
    /// What was read while the faults went on.
    pub(crate) audit: Audit,
    /// What candidates asked for in vain before they had a session, or at its end.
    pub(crate) failures: Vec<String>,
}

/// How violations name a session: the name alone may be that of others.
pub(crate) fn label(session: &SessionHistory) -> String {
    format!("{} of organisation {}", session.recipe.session, session.org + 1)
}

/// Every promise that was broken.
pub(crate) fn check(history: &History, read: &Read) -> Vec<Violation> {
    let mut found = history.audit.found.clone();
    found.extend(history.failures.iter().map(|text| Violation {
        promise: Promise::Protocol,
        session: "none".to_owned(),
        event: None,
        text: text.clone(),
    }));
    let mut ended = Vec::new();
    for (session, back) in history.sessions.iter().zip(&read.sessions) {
        let (mut violations, signals) = check_session(history, session, back, read);
        ended.push((session, signals, &back.cohort));
        for violation in &mut violations {
            violation.session = label(session);
        }
        found.extend(violations);
    }
    for place in 0..history.orgs.len() {
        let cohort = ended.iter().filter(|(session, _, _)| session.org == place);
        let cohort: Vec<_> = cohort
            .map(|(session, signals, reply)| (session.recipe.session.as_str(), signals.clone(), *reply))
            .collect();
        found.extend(crate::check::check_cohort(&cohort));
    }
    found.extend(check_strangers(history, read));
    found
}

fn check_session(
    history: &History,
    session: &SessionHistory,
    back: &SessionRead,
    read: &Read,
) -> (Vec<Violation>, domain::signals::Signals) {
    let name = session.recipe.session.as_str();
    let mut findings = Findings::of(name);
    for fault in &session.faults {
        findings.add(Promise::Protocol, None, format!("{}: {fault}", session.door));
    }
    for failure in &back.failures {
        findings.add(Promise::Protocol, None, failure);
    }
    let planned = remake(session, &mut findings);
    let org = history.orgs.get(session.org).map_or("", String::as_str);
    check_events(session, &planned, &back.rows, org, &mut findings);
    if let Some(later) = &back.later_rows {
        findings.add(Promise::Changed, None, difference(&back.rows, later));
        fates::check_rows(session, &planned, later, org, &mut findings);
    }
    for seen in history.seen.iter().filter(|seen| seen.org == session.org && seen.session == name) {
        check_seen(seen, &back.rows, &mut findings);
    }
    let mut found = findings.found;
    let listed = read.lists.get(session.org).map(Vec::as_slice).unwrap_or_default();
    let signals = derived::check(session, &planned, back, listed, &mut found);
    (found, signals)
}

/// Holds a timeline to what was sent and answered: every event and its fate, and the order of all.
pub(crate) fn check_events(
    session: &SessionHistory,
    planned: &[Planned],
    rows: &[CompactRow],
    org: &str,
    findings: &mut Findings<'_>,
) {
    fates::check_rows(session, planned, rows, org, findings);
    fates::check_tries(session, rows, findings);
    order::check_sequence(rows, findings);
    order::check_order(session, rows, findings);
}

/// The events of a session, made anew.
fn remake(session: &SessionHistory, findings: &mut Findings<'_>) -> Vec<Planned> {
    let mut script = Script::of(&session.recipe);
    let mut planned: Vec<Planned> = Vec::with_capacity(session.events.len());
    let mut sent = session.events.iter().peekable();
    // Some of a script may never have been sent: the probe sends only what must be taken.
    for _ in 0..session.events.len() * 2 + 1000 {
        let (Some(wanted), Ok(made)) = (sent.peek(), script.next()) else { break };
        if made.id == wanted.id && digest(&*made.text) == wanted.body {
            planned.push(made);
            sent.next();
        }
    }
    if let Some(wanted) = sent.next() {
        findings.add(Promise::Protocol, Some(wanted.id), "this event cannot be made anew: a fault of this program");
    }
    planned
}

/// The first difference between two readings of a timeline.
fn difference(one: &[CompactRow], other: &[CompactRow]) -> String {
    let place = one.iter().zip(other).position(|(one, other)| one != other).unwrap_or(one.len().min(other.len()));
    let row = |rows: &[CompactRow]| {
        rows.get(place).map_or("nothing".to_owned(), |row| format!("event {} with seq {}", row.id, row.seq))
    };
    let lengths = format!("{} and {} rows", one.len(), other.len());
    format!("the timeline was another when read again ({lengths}): at {place} first {}, then {}", row(one), row(other))
}

/// What one organisation was shown of another.
fn check_strangers(history: &History, read: &Read) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut add = |session: &str, text: String| {
        found.push(Violation { promise: Promise::Leaked, session: session.to_owned(), event: None, text });
    };
    for crossing in read.crossings.iter().filter(|crossing| crossing.status != 404) {
        add(&crossing.session, format!("{} is answered {} to a stranger", crossing.path, crossing.status));
    }
    for (own, wall) in history.orgs.iter().zip(&history.walls) {
        for other in wall.iter().filter(|other| *other != own) {
            add("of a wall", format!("organisation {own} was shown one of {other}"));
        }
    }
    let mut names: HashMap<usize, BTreeSet<&str>> = HashMap::new();
    for session in &history.sessions {
        names.entry(session.org).or_default().insert(&session.recipe.session);
    }
    for (place, (own, lists)) in history.orgs.iter().zip(&read.lists).enumerate() {
        for session in lists.iter().flatten() {
            let text = |name| session.get(name).and_then(Value::as_str).unwrap_or_default();
            let is_known = names.get(&place).is_some_and(|names| names.contains(text("id")));
            if text("orgId") != own || !is_known {
                add(text("id"), format!("organisation {own} is listed a session that is not its own"));
            }
        }
    }
    found
}
