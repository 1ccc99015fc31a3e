//! What follows from the events: signals, session objects, the signed log.

use std::collections::{HashMap, HashSet};

use domain::Totals;
use domain::signals::Signals;
use serde_json::Value;
use uuid::Uuid;

use super::super::history::SessionHistory;
use super::super::readback::SessionRead;
use super::super::script::{Planned, digest};
use crate::check::{Findings, Moment, Promise, Violation, check_session, check_signals, signals_of};

/// Holds everything derived to a recomputation from what was sent; the session's signals at its end.
pub(super) fn check(
    session: &SessionHistory,
    planned: &[Planned],
    back: &SessionRead,
    lists: &[Vec<Value>],
    found: &mut Vec<Violation>,
) -> Signals {
    let name = session.recipe.session.as_str();
    let seqs: HashMap<Uuid, u64> = back.rows.iter().map(|row| (row.id, row.seq)).collect();
    let events = planned.iter().filter_map(|planned| Some((*seqs.get(&planned.id)?, planned.event.as_ref()?)));
    let totals = Totals::fold(events);
    let moment = if session.is_completed { Moment::Ended } else { Moment::Running };
    for (node, list) in lists.iter().enumerate() {
        let listed = list.iter().filter(|listed| listed.get("id").and_then(Value::as_str) == Some(name));
        let listed: Vec<&Value> = listed.collect();
        let [one] = listed.as_slice() else {
            let mut findings = Findings::of(name);
            findings.add(Promise::Session, None, format!("node {} lists it {} times", node + 1, listed.len()));
            found.extend(findings.found);
            continue;
        };
        let signals = signals_of(&totals, one);
        found.extend(check_session(name, &signals, one, moment));
        // A session that has ended may be told live until its results are derived.
        if let Some(told) = back.signals.get(node).filter(|_| moment == Moment::Running) {
            found.extend(check_signals(name, &signals, told, moment));
        }
    }
    let final_session = |node: usize| back.final_sessions.get(node).and_then(|answer| answer.get("session"));
    let nothing = Value::Null;
    for node in 0..back.final_sessions.len().max(back.final_signals.len()) {
        let object = final_session(node).unwrap_or(&nothing);
        let signals = signals_of(&totals, object);
        found.extend(check_session(name, &signals, object, Moment::Ended));
        found.extend(check_signals(name, &signals, back.final_signals.get(node).unwrap_or(&nothing), Moment::Ended));
    }
    let mut findings = Findings::of(name);
    check_signed(planned, &seqs, back, &mut findings);
    found.extend(findings.found);
    signals_of(&totals, final_session(0).unwrap_or(&nothing))
}

/// The signed log holds every signed event that is there, to the byte, and nothing else.
fn check_signed(planned: &[Planned], seqs: &HashMap<Uuid, u64>, back: &SessionRead, findings: &mut Findings<'_>) {
    let signed = |planned: &&Planned| planned.event.as_ref().is_some_and(|event| event.signed);
    let mut due: HashMap<Uuid, &Planned> = planned
        .iter()
        .filter(signed)
        .filter(|planned| seqs.contains_key(&planned.id))
        .map(|one| (one.id, one))
        .collect();
    let mut seen = HashSet::new();
    for row in &back.signed {
        if !seen.insert(row.id) {
            findings.add(Promise::Doubled, Some(row.id), "is in the signed log twice");
            continue;
        }
        match due.remove(&row.id) {
            None => findings.add(Promise::Foreign, Some(row.id), "is in the signed log and was not signed"),
            Some(planned) if digest(&*planned.text) != row.body => {
                findings.add(Promise::Changed, Some(row.id), "has other bytes in the signed log than were sent");
            }
            Some(_) if row.verified != Some(true) => {
                findings.add(Promise::Changed, Some(row.id), format!("its signature holds: {:?}", row.verified));
            }
            Some(_) => {}
        }
    }
    for id in due.into_keys() {
        findings.add(Promise::Lost, Some(id), "was signed, is in the timeline, and is not in the signed log");
    }
}
