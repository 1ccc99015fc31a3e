use super::*;
use crate::generate::Generator;
use crate::watcher::Seen;
use domain::OrgId;
use serde_json::{Value, json};

/// What an honest server shows of these events, in the order of arrival.
fn rows(history: &History) -> Vec<Row> {
    let rows = history.events.iter().zip(1..).map(|(sent, seq)| {
        let stored = domain::StoredEvent {
            event: sent.event.clone(),
            org: OrgId::sample(Uuid::from_u128(1)),
            seq,
            received_at: domain::Timestamp::from_millis(1_775_037_600_000),
        };
        let mut text = Vec::new();
        domain::row::write(&stored, &mut text);
        Row::parse(std::str::from_utf8(&text).unwrap()).unwrap()
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.sort_by_key(|row| (row.text("ts").to_owned(), row.seq));
    rows
}

fn good() -> (History, Vec<Row>) {
    let plan = Generator::new(7, "s-1", 1_775_037_600_000).plan(60).unwrap();
    let mut history = History::new("s-1".to_owned(), plan.events);
    for (index, seq) in (0..history.events.len()).zip(1..) {
        let id = history.events[index].event.id;
        history.answers.push((id, Outcome::Stored { seq: Some(seq) }));
    }
    history.answers.push((history.events[3].event.id, Outcome::Duplicate));
    let rows = rows(&history);
    (history, rows)
}

fn promises(violations: &[Violation]) -> Vec<Promise> {
    violations.iter().map(|violation| violation.promise).collect()
}

fn seen(rows: &[Row]) -> Seen {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.seq);
    Seen { name: "w".into(), session: "s-1".into(), is_sse: false, rows, faults: Vec::new(), connections: 1, resets: 0 }
}

#[test]
fn an_honest_timeline_has_no_violations() {
    let (history, rows) = good();
    assert_eq!(check_timeline(&history, &rows), []);
    assert_eq!(check_watcher(&seen(&rows), &rows), []);
}

#[test]
fn a_loss_is_found() {
    let (history, mut rows) = good();
    let lost = rows.iter().position(|row| row.seq == 60).unwrap();
    let id = rows.remove(lost).id;
    let found = check_timeline(&history, &rows);
    assert_eq!(promises(&found), [Promise::Lost]);
    assert_eq!(found[0].event, Some(id));

    let (history, mut rows) = good();
    rows.remove(20);
    assert_eq!(promises(&check_timeline(&history, &rows)), [Promise::Lost, Promise::Seq], "and the hole it leaves");
}

#[test]
fn an_event_without_an_answer_may_be_there_or_not_but_is_told() {
    let (mut history, mut rows) = good();
    let last = rows.iter().position(|row| row.seq == 60).unwrap();
    let id = rows[last].id;
    history.answers.retain(|(answered, _)| *answered != id);
    assert_eq!(promises(&check_timeline(&history, &rows)), [Promise::Unanswered]);
    rows.remove(last);
    assert_eq!(promises(&check_timeline(&history, &rows)), [Promise::Unanswered]);
}

#[test]
fn a_double_is_found() {
    let (history, mut rows) = good();
    let mut again = rows.last().unwrap().clone();
    again.seq = 61;
    rows.push(again);
    let found = check_timeline(&history, &rows);
    assert!(promises(&found).contains(&Promise::Doubled), "{found:?}");

    let (mut history, rows) = good();
    history.answers.push((rows[5].id, Outcome::Stored { seq: None }));
    assert_eq!(promises(&check_timeline(&history, &rows)), [Promise::Doubled], "acknowledged as new twice");
}

#[test]
fn a_swap_is_found() {
    let (mut history, mut rows) = good();
    history.answers.iter_mut().for_each(|(_, outcome)| *outcome = Outcome::Stored { seq: None });
    history.answers.pop();
    let places = [30, 31].map(|seq| rows.iter().position(|row| row.seq == seq).unwrap());
    (rows[places[0]].seq, rows[places[1]].seq) = (31, 30);
    rows.sort_by_key(|row| (row.text("ts").to_owned(), row.seq));
    assert_eq!(promises(&check_timeline(&history, &rows)), [Promise::Misordered], "of arrival");
    history.reordered = true;
    assert_eq!(promises(&check_timeline(&history, &rows)), [Promise::Misordered], "by the order of answers");

    let (history, mut rows) = good();
    let place = (0..59).find(|place| rows[*place].text("ts") != rows[place + 1].text("ts")).unwrap();
    rows.swap(place, place + 1);
    assert!(promises(&check_timeline(&history, &rows)).contains(&Promise::Misordered), "of the timeline");
}

#[test]
fn a_seq_that_is_not_the_acknowledged_one_is_found() {
    let (mut history, rows) = good();
    history.answers[7].1 = Outcome::Stored { seq: Some(9) };
    assert_eq!(promises(&check_timeline(&history, &rows)), [Promise::Seq]);
}

#[test]
fn a_changed_byte_is_found() {
    let (history, mut rows) = good();
    let mut data = rows[9].data.to_string();
    data.insert(1, ' ');
    rows[9].data = data.into();
    let found = check_timeline(&history, &rows);
    assert_eq!((promises(&found), found[0].event), (vec![Promise::Changed], Some(rows[9].id)), "even a space");
    rows[10].whole["kind"] = json!("other");
    assert_eq!(promises(&check_timeline(&history, &rows)), [Promise::Changed, Promise::Changed]);
}

#[test]
fn a_foreign_row_is_found() {
    let (history, mut rows) = good();
    let mut foreign = rows.last().unwrap().clone();
    (foreign.id, foreign.seq) = (Uuid::from_u128(5), 61);
    rows.push(foreign);
    let found = check_timeline(&history, &rows);
    assert_eq!((promises(&found), found[0].event), (vec![Promise::Foreign], Some(Uuid::from_u128(5))));
}

#[test]
fn a_refusal_is_told_and_a_refused_event_must_not_be_there() {
    let (mut history, rows) = good();
    history.answers[11].1 = Outcome::Refused { status: 400, error: "no".into() };
    assert_eq!(promises(&check_timeline(&history, &rows)), [Promise::Refused, Promise::Foreign]);
}

#[test]
fn what_a_watcher_missed_or_saw_twice_is_found() {
    let (_, rows) = good();
    let found = |change: &dyn Fn(&mut Vec<Row>)| {
        let mut seen = seen(&rows);
        change(&mut seen.rows);
        promises(&check_watcher(&seen, &rows))
    };
    assert_eq!(found(&|rows| drop(rows.remove(4))), [Promise::Missed]);
    assert_eq!(found(&|rows| rows.truncate(57)), [Promise::Missed; 3]);
    assert_eq!(found(&|rows| rows.push(rows[8].clone())), [Promise::SeenTwice]);
    assert_eq!(found(&|rows| rows.swap(4, 5)), [Promise::Misordered]);
    assert_eq!(found(&|rows| rows[3].data = "{}".into()), [Promise::Changed]);
    assert_eq!(found(&|rows| rows[3].whole["receivedAt"] = Value::Null), [Promise::Changed]);
    assert_eq!(found(&|rows| rows[59].id = Uuid::from_u128(5)), [Promise::Foreign, Promise::Missed]);
}

#[test]
fn only_in_server_sent_events_a_line_break_may_become_a_blank() {
    let (_, mut rows) = good();
    rows[7].data = "{\n \"a\":\r\n1 }".into();
    let mut seen = seen(&rows);
    let place = seen.rows.iter().position(|row| row.id == rows[7].id).unwrap();
    seen.rows[place].data = "{  \"a\":  1 }".into();
    assert_eq!(promises(&check_watcher(&seen, &rows)), [Promise::Changed]);
    seen.is_sse = true;
    assert_eq!(check_watcher(&seen, &rows), []);
    seen.rows[place].data = "{ \"a\": 1 }".into();
    assert_eq!(promises(&check_watcher(&seen, &rows)), [Promise::Changed]);
}

#[test]
fn a_signal_that_is_off_in_the_last_digit_is_found() {
    let (history, rows) = good();
    let totals = recompute(&history, &rows);
    let session = json!({ "createdAt": "2026-04-01T00:00:00.000Z", "endedAt": "2026-04-01T12:00:00.000Z" });
    let signals = signals_of(&totals, &session);
    let mut reply =
        json!({ "sessionId": "s-1", "final": true, "atSeq": 60, "signals": signals.to_json(), "windows": {} });
    assert_eq!(check_signals("s-1", &signals, &reply, Moment::Ended), []);
    assert_eq!(promises(&check_signals("s-1", &signals, &reply, Moment::Running)), [Promise::Signals]);
    let value = reply["signals"]["commandFailRate"]["value"].as_f64().unwrap();
    reply["signals"]["commandFailRate"]["value"] = json!(value + 0.0001);
    reply["signals"].as_object_mut().unwrap().remove("promptCount");
    reply["signals"]["mood"] = json!({ "value": 1 });
    assert_eq!(promises(&check_signals("s-1", &signals, &reply, Moment::Ended)), [Promise::Signals; 3]);
}

#[test]
fn a_session_that_counts_wrongly_is_found() {
    let (history, rows) = good();
    let mut session =
        json!({ "createdAt": "2026-04-01T00:00:00.000Z", "endedAt": null, "status": "active", "id": "s-1" });
    let signals = signals_of(&recompute(&history, &rows), &session);
    session["eventCount"] = json!(60);
    session["decisionFlagCount"] = json!(signals.totals.counts.decisions);
    session["aiAttributionPct"] = signals.ai_attribution_pct_rounded();
    session["startedAt"] = json!(signals.started_at);
    session["lastActivityAt"] = json!(signals.totals.last_ts);
    assert_eq!(check_session("s-1", &signals, &session, Moment::Running), []);
    assert_eq!(promises(&check_session("s-1", &signals, &session, Moment::Ended)), [Promise::Session; 2]);
    session["eventCount"] = json!(61);
    assert_eq!(promises(&check_session("s-1", &signals, &session, Moment::Running)), [Promise::Session]);
}

#[test]
fn a_percentile_that_is_off_is_found() {
    let sessions: Vec<_> = (1..=12)
        .map(|minutes| {
            json!({ "createdAt": "2026-04-01T10:00:00Z",
        "endedAt": format!("2026-04-01T10:{minutes:02}:00Z") })
        })
        .collect();
    let signals: Vec<_> = sessions.iter().map(|session| signals_of(&Totals::default(), session)).collect();
    let replies: Vec<Value> = (0..12).map(|better| json!({ "cohortStats": {
        "sessionCount": 12,
        "metrics": { "avgDurationMs": 390_000, "avgPromptCount": 0.0, "avgCommandFailRate": 0.0, "avgVerifyIntensity": 0.0,
            "avgManualEditRatio": 0.0, "avgFirstChangeLatencyMs": null, "testPassRate": 0 },
        "percentiles": { "durationMs": (f64::from(11 - better) / 11.0 * 1000.0).round() / 1000.0, "promptCount": 0.0,
            "commandFailRate": null, "verifyIntensity": null, "manualEditRatio": null, "firstChangeLatencyMs": null },
    }})).collect();
    let check = |replies: &[Value]| {
        let all: Vec<_> = signals.iter().zip(replies).map(|(signals, reply)| ("s", signals.clone(), reply)).collect();
        promises(&check_cohort(&all))
    };
    assert_eq!(check(&replies), []);
    let mut wrong = replies.clone();
    wrong[4]["cohortStats"]["percentiles"]["durationMs"] = json!(0.637);
    wrong[5]["cohortStats"]["sessionCount"] = json!(11);
    wrong[6]["cohortStats"]["metrics"]["avgDurationMs"] = json!(390_002);
    wrong[7]["cohortStats"]["metrics"]["testPassRate"] = json!(8);
    assert_eq!(check(&wrong), [Promise::Cohort; 4]);
}
