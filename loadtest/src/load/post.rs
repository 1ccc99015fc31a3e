//! Candidates over HTTP: every call is sent when it is due, whether earlier ones were answered or not.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::player::{Door, Flight, Player};
use super::run::Crowd;
use crate::api::{Reply, Who};
use crate::chaos::history::Outcome;

/// Most events in one batch.
const BATCH: usize = 40;
/// How long a batch waits for more.
const LINGER: Duration = Duration::from_millis(200);

/// Sends what becomes due until no more does, and waits for all answers.
pub(crate) async fn run(crowd: Arc<Crowd>, player: Arc<Player>, mut dues: mpsc::UnboundedReceiver<Instant>) {
    let mut calls = JoinSet::new();
    while let Some(due) = dues.recv().await {
        let mut all = vec![due];
        if player.door == Door::Batch {
            let end = due + LINGER;
            while all.len() < BATCH
                && let Ok(Some(due)) = timeout_at(end, dues.recv()).await
            {
                all.push(due);
            }
        }
        // Room for calls is this program's own limit, not the server's.
        let Ok(room) = Arc::clone(&crowd.room).try_acquire_owned() else {
            crowd.meter.failed(NO_ROOM, u64::try_from(all.len()).unwrap_or_default());
            continue;
        };
        // A batch is due when it is full, or when it has waited for long enough.
        let batch_due = match (player.door, all.last()) {
            (Door::Batch, Some(last)) if all.len() == BATCH => *last,
            (Door::Batch, _) => due + LINGER,
            (Door::Single | Door::Socket, _) => due,
        };
        let flights: Vec<Flight> = all.into_iter().map(|_| player.next(batch_due)).collect();
        let (crowd, player) = (Arc::clone(&crowd), Arc::clone(&player));
        calls.spawn(async move {
            post(&crowd, &player, &flights).await;
            drop(room);
        });
        while calls.try_join_next().is_some() {}
    }
    while calls.join_next().await.is_some() {}
    player.log.done();
}

/// Why an event was not even sent.
pub(crate) const NO_ROOM: &str = "not sent: too many calls without an answer";

/// Room for so many calls at once.
pub(crate) fn room(n: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(n))
}

async fn post(crowd: &Crowd, player: &Player, flights: &[Flight]) {
    let lane = crowd.lane();
    let texts: Vec<&str> = flights.iter().map(|flight| &*flight.text).collect();
    let (path, body) = match player.door {
        Door::Batch => ("/v1/hooks/ingest/batch", format!(r#"{{"events":[{}]}}"#, texts.join(","))),
        Door::Single | Door::Socket => ("/v1/hooks/ingest", texts.concat()),
    };
    let api = crowd.org.api(player.node);
    let reply = api.once(Method::POST, path, Who::Candidate(&player.seat.credential), Some(body)).await;
    let settle = |flight: &Flight, outcome, why: &str| player.settle(&crowd.meter, lane, flight, outcome, why);
    match &reply {
        Err(error) => {
            let why = format!("{}: no answer, {}", player.door.name(), kind_of(error));
            flights.iter().for_each(|flight| settle(flight, Outcome::Unknown, &why));
        }
        Ok(reply) if reply.status == 207 && player.door == Door::Batch => members(crowd, player, lane, flights, reply),
        Ok(reply) => {
            let answer = reply.json();
            let outcome = judge(reply.status, &answer);
            let why = refusal(player.door, reply.status, &answer, reply.retry_after.is_some());
            flights.iter().for_each(|flight| settle(flight, outcome, &why));
        }
    }
}

fn members(crowd: &Crowd, player: &Player, lane: u32, flights: &[Flight], reply: &Reply) {
    let answer = reply.json();
    let results = answer.get("results").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if results.len() != flights.len() {
        player.log.fault(format!("a batch of {} is answered {}", flights.len(), reply.brief()));
    }
    for (place, flight) in flights.iter().enumerate() {
        let result = results.get(place).unwrap_or(&Value::Null);
        let status = status_of(result);
        let why = refusal(Door::Batch, status, result, reply.retry_after.is_some() || is_wait_told(result));
        player.settle(&crowd.meter, lane, flight, judge(status, result), &why);
    }
}

/// Whether a member of an answer says itself how long to wait.
fn is_wait_told(result: &Value) -> bool {
    result.get("retryAfterMs").is_some() || result.get("retryAfter").is_some()
}

/// The status of one member.
pub(crate) fn status_of(result: &Value) -> u16 {
    result.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok()).unwrap_or_default()
}

/// What a status says about an event.
pub(crate) fn judge(status: u16, answer: &Value) -> Outcome {
    match status {
        201 => Outcome::Stored { seq: answer.get("seq").and_then(Value::as_u64) },
        200 if answer.get("reason").is_none_or(Value::is_null) => Outcome::Duplicate,
        429 => Outcome::Limited,
        408 | 500.. | ..200 => Outcome::Unknown,
        _ => Outcome::Refused { status },
    }
}

/// The name of a refusal.
pub(crate) fn refusal(door: Door, status: u16, answer: &Value, says_when: bool) -> String {
    let code = answer.get("code").and_then(Value::as_str).unwrap_or("without a code");
    let when = if says_when { "" } else { ", without a time to wait" };
    format!("{}: {status} {code}{when}", door.name())
}

/// Whether a name of [`refusal`] is one that overload may have: come back later, and when.
pub(crate) fn is_overload(why: &str) -> bool {
    let told = [": 429 ", ": 503 "].iter().any(|status| why.contains(status)) && !why.contains("without");
    told || why == NO_ROOM || why.contains(super::socket::HELD_BACK)
}

/// Few words for what went wrong with a call.
fn kind_of(error: &str) -> &'static str {
    ["timed out", "refused", "reset", "closed"].into_iter().find(|word| error.contains(word)).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_says_when_to_come_back_counts_as_overload() {
        let named = |status, code: Value, says_when| is_overload(&refusal(Door::Single, status, &code, says_when));
        assert!(
            named(503, json!({ "code": "overloaded" }), true) && named(429, json!({ "code": "rate_limited" }), true)
        );
        assert!(!named(503, json!({ "code": "overloaded" }), false), "without Retry-After");
        assert!(!named(500, json!({ "code": "internal" }), true) && !named(400, json!({ "code": "x" }), true));
        assert!(!named(503, Value::Null, true), "without a code");
        assert!(!is_overload("HTTP: no answer, timed out"));
    }
}
