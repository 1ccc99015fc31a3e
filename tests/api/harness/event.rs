//! Events as clients send them.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// An event of now with a fresh id.
pub fn event(session: &str, kind: &str, data: Value) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    event_at(session, i64::try_from(now).unwrap(), kind, data)
}

/// An event with a fresh id and the time `millis` after 1970.
pub fn event_at(session: &str, millis: i64, kind: &str, data: Value) -> Value {
    json!({
        "id": Uuid::new_v4(),
        "sessionId": session,
        "ts": Timestamp::from_millis(millis),
        "kind": kind,
        "source": {"channel": "cli", "integration": "test", "emitter": "tests/api"},
        "v": 1,
        "data": data,
    })
}
