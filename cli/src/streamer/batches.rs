//! Events in batches over HTTP, where a WebSocket cannot be had.

use crate::api::Api;
use crate::envelope::Envelope;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Events in one batch, at most.
pub(super) const EVENTS: usize = 200;
/// Size at which a batch is full, in bytes.
pub(super) const BYTES: usize = 4 * 1024 * 1024;

/// What became of one event.
pub(super) enum Fate {
    /// The server has it.
    Stored,
    /// It will never take it.
    Refused(u16, String),
    /// It may take it later.
    Later,
}

/// Why a whole batch has no fate.
pub(super) enum Failure {
    /// It may work later.
    Later(String),
    /// The server lets this session in no more.
    Over(String),
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    status: u16,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

/// Posts a batch; the fates in its order.
pub(super) async fn send(api: &Api, credential: &str, batch: &[Envelope]) -> Result<Vec<Fate>, Failure> {
    #[derive(serde::Serialize)]
    struct Body<'a> {
        events: Vec<&'a RawValue>,
    }
    let body = Body { events: batch.iter().map(Envelope::raw).collect() };
    let (status, bytes) = api
        .post(credential, "/v1/hooks/ingest/batch", &body)
        .await
        .map_err(|error| Failure::Later(error.to_string()))?;
    let told = || {
        let body: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let error = body.get("error").and_then(serde_json::Value::as_str).unwrap_or("no reason given");
        format!("{error} (HTTP {status})")
    };
    match status {
        207 => {}
        401 | 403 | 404 | 410 => return Err(Failure::Over(told())),
        _ => return Err(Failure::Later(told())),
    }
    let answer: Answer = serde_json::from_slice(&bytes).map_err(|error| Failure::Later(error.to_string()))?;
    if answer.results.len() != batch.len() {
        return Err(Failure::Later("the server answers for another number of events".to_owned()));
    }
    Ok(answer.results.into_iter().map(fate).collect())
}

fn fate(row: Row) -> Fate {
    match row.status {
        200 if row.reason.as_deref() == Some("session_ended") => Fate::Refused(200, "the session had ended".to_owned()),
        200..300 => Fate::Stored,
        429 | 500.. => Fate::Later,
        status => Fate::Refused(status, row.error.unwrap_or_default()),
    }
}
