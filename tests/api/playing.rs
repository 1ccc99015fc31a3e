//! What tests of sessions do again and again: send, watch to the end, read back.

use domain::testing::parse;
use domain::{Event, Timestamp};
use serde_json::{Value, json};

use crate::harness::{Candidate, Reply, Socket, TestApp, User, event_at};

/// 2026-04-01T10:00:00Z
pub const START: i64 = domain::testing::START_MILLIS;

/// Prompts of a session, one a second from [`START`] on, numbered from 1.
pub fn prompts(session: &str, numbers: std::ops::RangeInclusive<u64>) -> Vec<Value> {
    let prompt = |number: u64| {
        let millis = START + i64::try_from(number).unwrap() * 1000;
        event_at(session, millis, "prompt", json!({"text": format!("prompt {number}"), "number": number}))
    };
    numbers.map(prompt).collect()
}

/// A candidate with an assessment of its own.
pub async fn candidate(app: &TestApp) -> Candidate {
    app.candidate(&app.assessment().await).await
}

/// Posts events, one request for each 500, and expects that each is recorded.
pub async fn post_all(user: &User, events: &[Value]) {
    for events in events.chunks(500) {
        let reply = user.post("/v1/hooks/ingest/batch", json!({"events": events})).await.expect(207);
        let statuses = statuses(&reply["results"]);
        assert!(statuses.iter().all(|status| *status == 201), "{reply}");
    }
}

/// The `status` of each result.
pub fn statuses(results: &Value) -> Vec<u64> {
    results.as_array().unwrap().iter().map(|result| result["status"].as_u64().unwrap()).collect()
}

/// The whole timeline, page by page.
pub async fn timeline(user: &User, session: &str) -> Vec<Value> {
    let mut rows: Vec<Value> = Vec::new();
    loop {
        let after = rows.last().map(|row| format!("&after={}", row["id"].as_str().unwrap())).unwrap_or_default();
        let page = user.get(&format!("/v1/sessions/{session}/timeline?limit=2000{after}")).await.expect(200);
        rows.extend(page["events"].as_array().unwrap().iter().cloned());
        if page["hasMore"] == false {
            return rows;
        }
    }
}

/// The whole timeline in the order of arrival.
pub async fn arrivals(user: &User, session: &str) -> Vec<Value> {
    let mut rows = timeline(user, session).await;
    rows.sort_by_key(seq);
    rows
}

pub fn seq(row: &Value) -> u64 {
    row["seq"].as_u64().unwrap()
}

pub fn seqs(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(seq).collect()
}

pub fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

/// The session object.
pub async fn session(user: &User, id: &str) -> Value {
    user.get(&format!("/v1/sessions/{id}")).await.expect(200)["session"].clone()
}

/// Sends events in one frame.
pub async fn send_batch(socket: &mut Socket, events: &[Value]) {
    socket.send(json!({"type": "batch", "events": events})).await;
}

/// The next `n` results, out of as many acks as it takes; nothing else may come between them.
pub async fn acks(socket: &mut Socket, n: usize) -> Vec<Value> {
    let mut results = Vec::new();
    while results.len() < n {
        let message = socket.next().await;
        assert_eq!(message["type"], "ack", "{message}");
        results.extend(message["results"].as_array().unwrap().iter().cloned());
    }
    assert_eq!(results.len(), n);
    results
}

/// The rows of the `event` messages up to this seq, which must follow each other without gap or repeat.
pub async fn watch_to(socket: &mut Socket, from: u64, to: u64) -> Vec<Value> {
    let mut rows: Vec<Value> = Vec::new();
    while from + u64::try_from(rows.len()).unwrap() <= to {
        let message = socket.next().await;
        assert_ne!(message["type"], "reset", "{message}");
        if message["type"] == "event" {
            assert_eq!(seq(&message["event"]), from + u64::try_from(rows.len()).unwrap());
            rows.push(message["event"].clone());
        }
    }
    rows
}

/// The same from seq 1 on, by a watcher that asks for the rest when it is told that it fell behind, as after an outage.
pub async fn watch_on_to(mut socket: Socket, user: &User, session: &str, to: u64) -> Vec<Value> {
    let mut rows: Vec<Value> = Vec::new();
    while u64::try_from(rows.len()).unwrap() < to {
        let message = socket.next().await;
        if message["type"] == "reset" {
            socket = watcher_after(user, session, u64::try_from(rows.len()).unwrap()).await;
        } else if message["type"] == "event" {
            assert_eq!(seq(&message["event"]), u64::try_from(rows.len()).unwrap() + 1);
            rows.push(message["event"].clone());
        }
    }
    rows
}

/// A watcher that has read `hello` and asked for everything after `after`.
pub async fn watcher_after(user: &User, session: &str, after: u64) -> Socket {
    let mut socket = user.watch(session, "").await;
    assert_eq!(socket.next().await["type"], "hello");
    socket.send(json!({"type": "resume", "after": after})).await;
    socket
}

/// The events of timeline rows.
pub fn events_of(rows: &[Value]) -> Vec<(u64, Event)> {
    let event = |row: &Value| {
        let mut envelope = row.clone();
        envelope["v"] = json!(1);
        (seq(row), parse(&envelope))
    };
    rows.iter().map(event).collect()
}

/// The time of this machine, which is that of the server.
pub fn now() -> Timestamp {
    let millis = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    Timestamp::from_millis(i64::try_from(millis).unwrap())
}

pub fn instant(value: &Value) -> Timestamp {
    Timestamp::parse_rfc3339(value.as_str().unwrap()).unwrap_or_else(|| panic!("{value} is no time"))
}

/// A refusal that says when to come back.
#[track_caller]
pub fn refused_for_now(reply: &Reply, status: u16, code: &str) {
    reply.refused(status, code);
    assert!(reply.header("retry-after").parse::<u64>().unwrap() >= 1);
}
