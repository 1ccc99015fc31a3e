use domain::{SessionRecord, Totals};

use super::*;

const OURS: Uuid = Uuid::from_u128(1);

fn session(name: &str, assessment: u128, started_at: i64, events: u64) -> Session {
    let at = Timestamp::from_millis(started_at);
    let record = SessionRecord {
        assessment: Some(Uuid::from_u128(assessment)),
        candidate_key: None,
        candidate_name: None,
        source_service: None,
        created_at: at,
        updated_at: at,
        ended_at: None,
        closed_at: None,
        end_reason: None,
        deadline: None,
        metadata: serde_json::Map::new(),
        total_cost_usd: None,
        version: 1,
    };
    let mut totals = Totals::default();
    totals.counts.events = events;
    Session {
        name: SessionRef::new(OrgId::sample(Uuid::nil()), name.parse().unwrap()),
        record,
        totals,
        last_seq: events,
    }
}

fn ended(mut session: Session, at: i64) -> Session {
    session.record.ended_at = Some(Timestamp::from_millis(at));
    session.record.closed_at = Some(Timestamp::from_millis(at));
    session
}

fn wall() -> Wall {
    Wall::new(OrgId::sample(Uuid::nil()), Some(OURS), Timestamp::from_millis(1_000))
}

fn tell(wall: &Wall, sessions: &[Session], is_tick: bool) {
    let names = wall.take_marked(is_tick);
    let mut all: Vec<_> = names.into_iter().map(|name| name.session).collect();
    all.extend(sessions.iter().map(|session| session.name.session.clone()));
    all.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    all.dedup();
    let find = |name: &SessionId| sessions.iter().find(|session| session.name.session == *name).cloned();
    let read = all.into_iter().filter_map(|name| find(&name).map(|session| (name, Some(session)))).collect();
    wall.show(read, is_tick);
}

fn changes(wall: &Wall, mut version: u64) -> Vec<(String, u64)> {
    let mut changes = Vec::new();
    while let Some((next, text)) = wall.after(version) {
        let message: Value = serde_json::from_slice(&text).unwrap();
        let session = &message["session"];
        changes.push((session["id"].as_str().unwrap().to_owned(), session["eventCount"].as_u64().unwrap()));
        version = next;
    }
    changes
}

#[test]
fn a_change_is_shown_once_a_second_and_a_turn_at_once() {
    let wall = wall();
    tell(&wall, &[session("a", 1, 2_000, 0)], false);
    let (version, _) = wall.sessions_message();
    tell(&wall, &[session("a", 1, 2_000, 1)], false);
    assert_eq!(changes(&wall, version), [("a".to_owned(), 1)], "pending to active is a turn");
    let (version, _) = wall.sessions_message();
    for events in 2..10 {
        tell(&wall, &[session("a", 1, 2_000, events)], false);
    }
    tell(&wall, &[session("a", 1, 2_000, 10)], true);
    assert_eq!(changes(&wall, version), [], "the second of the turn is not over");
    assert_eq!(wall.take_marked(true).len(), 1, "it stays marked");
    wall.show(vec![("a".parse().unwrap(), Some(session("a", 1, 2_000, 10)))], true);
    assert_eq!(changes(&wall, version), [("a".to_owned(), 10)]);
    let (version, _) = wall.sessions_message();
    tell(&wall, &[session("a", 1, 2_000, 10)], true);
    assert_eq!(changes(&wall, version), [], "nothing changed");
    tell(&wall, &[ended(session("a", 1, 2_000, 11), 3_000)], false);
    assert_eq!(changes(&wall, version), [("a".to_owned(), 11)]);
}

#[test]
fn a_slow_watcher_finds_the_newest_state_of_each_session_once() {
    let wall = wall();
    let (version, _) = wall.sessions_message();
    for events in 0..5 {
        tell(&wall, &[session("a", 1, 2_000, events), session("b", 1, 2_001, events)], true);
    }
    tell(&wall, &[ended(session("b", 1, 2_001, 9), 3_000)], false);
    assert_eq!(changes(&wall, version), [("a".to_owned(), 4), ("b".to_owned(), 9)]);
}

#[test]
fn what_does_not_belong_on_it_is_neither_shown_nor_read_again() {
    let wall = wall();
    let before = ended(session("before", 1, 500, 1), 999);
    let short = ended(session("short", 1, 1_500, 1), 1_600);
    tell(&wall, &[session("other", 2, 2_000, 1), before, short], false);
    assert_eq!(changes(&wall, 0), [("short".to_owned(), 1)]);
    for name in ["other", "before"] {
        assert!(!wall.mark(&name.parse().unwrap(), true));
    }
    assert!(wall.mark(&"short".parse().unwrap(), true));
    assert_eq!(wall.take_marked(false).len(), 1);
    wall.show(vec![("short".parse().unwrap(), None)], false);
    assert_eq!(changes(&wall, 0), [], "erased");
}

#[test]
fn of_too_many_sessions_those_that_started_last_are_shown() {
    let wall = wall();
    let sessions: Vec<_> = (0..600).map(|n| session(&format!("s-{n}"), 1, 2_000 + n, 1)).collect();
    tell(&wall, &sessions, true);
    let (_, text) = wall.sessions_message();
    let message: Value = serde_json::from_slice(&text).unwrap();
    let shown = message["sessions"].as_array().unwrap();
    assert_eq!((shown.len(), &shown[0]["id"], &shown[499]["id"]), (500, &json!("s-599"), &json!("s-100")));
    let running: Vec<SessionId> = (101..700).map(|n| format!("s-{n}").parse().unwrap()).collect();
    wall.mark_differences(&running);
    assert_eq!(wall.take_marked(true).len(), 101, "s-100 is gone, and a hundred are new");
}
