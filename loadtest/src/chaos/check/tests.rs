use serde_json::json;

use super::sample::{honest, tally};
use super::*;
use crate::chaos::history::Outcome;

/// What is found after a change.
fn found(change: impl FnOnce(&mut History, &mut Read)) -> Vec<(String, usize)> {
    let (mut history, mut read) = honest();
    change(&mut history, &mut read);
    tally(&check(&history, &read)).into_iter().collect()
}

fn only(promise: Promise, n: usize) -> Vec<(String, usize)> {
    vec![(format!("{promise:?}"), n)]
}

/// The place of an event of a session with these outcomes, and what else is asked of it.
fn event(history: &History, session: usize, wanted: &[&str]) -> u32 {
    let session = &history.sessions[session];
    let outcomes = |event: u32| -> Vec<String> {
        let tries = session.tries.iter().filter(|one| one.event == event && !one.is_altered);
        tries.map(|one| format!("{:?}", one.outcome).split(' ').next().unwrap().to_owned()).collect()
    };
    (0..u32::try_from(session.events.len()).unwrap()).find(|event| outcomes(*event) == wanted).unwrap()
}

#[test]
fn an_honest_server_has_no_violations() {
    let (history, read) = honest();
    assert_eq!(check(&history, &read), []);
    let outcomes: BTreeSet<String> = history.sessions[0].tries.iter().map(|one| format!("{:?}", one.outcome)).collect();
    for word in ["Duplicate", "Limited", "Unknown", "Refused { status: 400 }", "Stored { seq: Some(2) }"] {
        assert!(outcomes.contains(word), "{word}");
    }
    let rows: Vec<_> = read.sessions[1].rows.iter().map(|row| row.id).collect();
    let left = |event: u32| &history.sessions[1].events[usize::try_from(event).unwrap()].id;
    let n_left = (0..90).filter(|event| *event % 10 == 4 && rows.contains(left(*event))).count();
    assert!(n_left > 3, "some were stored without an answer: {n_left}");
    assert!(read.sessions.iter().filter(|back| back.signed.len() > 5).count() == 4);
}

#[test]
fn an_acknowledgement_as_new_that_comes_twice_is_found() {
    let twice = |history: &mut History, _: &mut Read| {
        let session = &mut history.sessions[1];
        let one = session.tries.iter().find(|one| matches!(one.outcome, Outcome::Stored { .. })).copied().unwrap();
        session.tries.push(one);
    };
    assert!(found(twice).contains(&("Doubled".into(), 1)));
}

#[test]
fn a_repeat_that_was_never_heard_of_before_is_found() {
    let early = |history: &mut History, _: &mut Read| {
        let event = event(history, 1, &["Unknown", "Duplicate"]);
        history.sessions[1].tries.retain(|one| one.event != event || one.outcome == Outcome::Duplicate);
    };
    assert_eq!(found(early), only(Promise::Protocol, 1));
}

#[test]
fn a_good_event_that_is_refused_is_found() {
    let refused = |history: &mut History, _: &mut Read| {
        let event = event(history, 1, &["Unknown"]);
        let one = history.sessions[1].tries.iter_mut().find(|one| one.event == event).unwrap();
        one.outcome = Outcome::Refused { status: 413 };
    };
    let found = found(refused);
    assert!(found.contains(&("Refused".into(), 1)), "{found:?}");
}

#[test]
fn other_content_under_a_known_id_must_be_a_repeat() {
    let stored = |history: &mut History, _: &mut Read| {
        let tries = history.sessions.iter_mut().flat_map(|session| &mut session.tries);
        tries.filter(|one| one.is_altered).take(1).for_each(|one| one.outcome = Outcome::Refused { status: 409 });
    };
    assert_eq!(found(stored), only(Promise::Protocol, 1));
}

#[test]
fn a_seq_that_is_not_the_acknowledged_one_is_found() {
    let other = |history: &mut History, _: &mut Read| {
        let event = event(history, 1, &["Stored"]);
        let one = history.sessions[1].tries.iter_mut().find(|one| one.event == event).unwrap();
        one.outcome = Outcome::Stored { seq: Some(400) };
    };
    assert_eq!(found(other), only(Promise::Seq, 1));
}

#[test]
fn a_timeline_that_is_another_later_is_found() {
    let later = |_: &mut History, read: &mut Read| {
        let back = &mut read.sessions[1];
        let mut rows = back.rows.clone();
        rows[4].whole += 1;
        back.later_rows = Some(rows);
    };
    assert_eq!(found(later), only(Promise::Changed, 1));
}

#[test]
fn a_watcher_that_was_not_sent_the_end_is_found() {
    assert_eq!(found(|history, _| drop(history.seen[1].rows.pop())), only(Promise::Missed, 1));
    assert_eq!(found(|history, _| history.seen[1].rows.swap(3, 4)).len(), 2, "a gap and a step back");
}

#[test]
fn what_a_stranger_is_shown_is_found() {
    assert_eq!(found(|_, read| read.crossings[0].status = 200), only(Promise::Leaked, 1));
    assert_eq!(found(|history, _| history.walls[0] = history.orgs.iter().cloned().collect()), only(Promise::Leaked, 1));
    let listed = |_: &mut History, read: &mut Read| {
        let stranger = read.lists[1][0][1].clone();
        read.lists[0][1].push(stranger);
    };
    assert_eq!(found(listed), only(Promise::Leaked, 1));
}

#[test]
fn a_session_that_is_not_listed_or_counts_wrongly_is_found() {
    assert_eq!(found(|_, read| drop(read.lists[0][1].pop())), only(Promise::Session, 1));
    assert_eq!(found(|_, read| read.lists[0][0][0]["eventCount"] = json!(7)), only(Promise::Session, 1));
    assert_eq!(
        found(|_, read| read.sessions[2].cohort["cohortStats"]["sessionCount"] = json!(2)),
        only(Promise::Cohort, 1)
    );
}

#[test]
fn a_signed_log_that_lacks_or_changes_something_is_found() {
    let n_signed = honest().1.sessions[1].signed.len();
    assert_eq!(found(|_, read| read.sessions[1].signed.truncate(n_signed - 1)), only(Promise::Lost, 1));
    assert_eq!(found(|_, read| read.sessions[1].signed[0].body += 1), only(Promise::Changed, 1));
    assert_eq!(found(|_, read| read.sessions[1].signed[0].verified = None), only(Promise::Changed, 1));
}
