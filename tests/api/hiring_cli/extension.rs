//! The editor extension: it never signs, and its credential is the key that the candidate typed.

use domain::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::kinds::of_extension;

/// Its events, with their ids.
pub fn events(session: &str, after: i64) -> Vec<(String, String)> {
    let events = of_extension().into_iter().enumerate();
    events.map(|(nth, (kind, data))| event(session, after + i64::try_from(nth).unwrap() * 37, kind, &data)).collect()
}

pub fn event(session: &str, millis: i64, kind: &str, data: &Value) -> (String, String) {
    let id = Uuid::new_v4().to_string();
    let event = json!({
        "id": id,
        "sessionId": session,
        "ts": Timestamp::from_millis(millis),
        "kind": kind,
        "source": {"channel": "ide-extension", "integration": "vscode", "emitter": "promptster-vscode"},
        "v": 1,
        "data": data,
        "actor": {"type": "human", "role": "candidate"},
        "provenance": {
            "attribution": "likely_human", "confidence": 1, "observability": "high", "methods": ["ide-extension"],
        },
    });
    (id, event.to_string())
}
