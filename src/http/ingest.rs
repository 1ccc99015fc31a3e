//! Events by HTTP: one, or up to 500 at once.

use std::time::{Duration, Instant};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Data},
};
use bytes::Bytes;
use domain::{
    Detail,
    batch::{BatchError, members},
    frame::id_of,
};
use serde_json::{Value, json};

use super::{
    auth::{Candidate, Sender},
    body::RawBody,
    error::{ApiError, Refusal},
    rate::Standing,
    server::RequestId,
};
use crate::{
    App,
    ingest::{self, Fate, MAX_BATCH, Taken},
};

/// How long events may take, once it is known who sends them and their bytes are here: hooks give up after three seconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// `POST /v1/hooks/ingest`
pub(super) async fn one(
    Sender(candidate): Sender,
    app: Data<App>,
    request: HttpRequest,
    body: RawBody,
) -> Result<HttpResponse, ApiError> {
    let asked = Instant::now();
    let (granted, standing) = charge(&app, &candidate, &request, 1).await;
    let left = PATIENCE.saturating_sub(asked.elapsed());
    if granted == 0 {
        return Err(standing.refusal());
    }
    let limit = app.settings.bodies.ingest_bytes;
    let _admitted = app.load.admit(body.weight(limit))?;
    let event = body.bytes(&app, limit).await?;
    let taken = take(&app, &candidate, vec![event], left).await.pop();
    let Some(Taken { id, fate }) = taken else { return Err(ApiError::internal("an event without a fate")) };
    match fate {
        Fate::Recorded(_) => Ok(HttpResponse::Created().json(json!({ "ok": true, "id": id }))),
        Fate::Repeated => Ok(HttpResponse::Ok().json(json!({ "ok": true, "skipped": true }))),
        Fate::SessionEnded => {
            Ok(HttpResponse::Ok().json(json!({ "ok": true, "skipped": true, "reason": "session_ended" })))
        }
        Fate::Refused(error) => Err(*error),
    }
}

/// `POST /v1/hooks/ingest/batch`
pub(super) async fn batch(
    Sender(candidate): Sender,
    app: Data<App>,
    request: HttpRequest,
    request_id: web::ReqData<RequestId>,
    body: RawBody,
) -> Result<HttpResponse, ApiError> {
    let limit = app.settings.bodies.ingest_bytes;
    let _admitted = app.load.admit(body.weight(limit))?;
    let body = body.bytes(&app, limit).await?;
    let mut events = members_of(&body)?;
    let (asked, asked_at) = (events.len(), Instant::now());
    let (granted, standing) = charge(&app, &candidate, &request, asked).await;
    let beyond = events.split_off(granted.min(asked));
    let taken = take(&app, &candidate, events, PATIENCE.saturating_sub(asked_at.elapsed())).await;
    let limited = beyond
        .iter()
        .map(|member| Taken { id: id_of(member), fate: Fate::Refused(Box::new(Refusal::RateLimited.into())) });
    let results: Vec<Value> = taken
        .iter()
        .chain(&limited.collect::<Vec<_>>())
        .enumerate()
        .map(|(index, taken)| member_result(index, taken, &request_id))
        .collect();
    let accepted = taken.iter().filter(|taken| taken.fate.status() < 300).count();
    let mut reply = HttpResponse::MultiStatus();
    let again = taken.iter().filter_map(|taken| taken.fate.retry_after_s());
    if let Some(seconds) = again.chain((granted < asked).then(|| standing.retry_after_s())).max() {
        reply.insert_header((header::RETRY_AFTER, seconds));
    }
    let answer = json!({ "ok": true, "accepted": accepted, "rejected": asked - accepted, "results": results });
    Ok(reply.json(answer))
}

/// Takes events; each is refused with 503 when it is not known in time what became of it. They may be sent again.
async fn take(app: &App, candidate: &Candidate, events: Vec<Bytes>, within: Duration) -> Vec<Taken> {
    let sent = events.clone();
    let taken = tokio::time::timeout(within, ingest::take(app, candidate, events)).await;
    taken.unwrap_or_else(|_| {
        let late = || ApiError::unavailable("it took too long to record events");
        sent.iter().map(|event| Taken { id: id_of(event), fate: Fate::Refused(Box::new(late())) }).collect()
    })
}

/// Takes events from the budget of the key, and notes its standing for the headers of the reply. Answers how many were
/// granted.
async fn charge(app: &App, candidate: &Candidate, request: &HttpRequest, n_events: usize) -> (usize, Standing) {
    let asked = u32::try_from(n_events).unwrap_or(u32::MAX);
    let (granted, standing) = app.limits.ingest.take(&candidate.key.id, asked).await;
    standing.note(request);
    (usize::try_from(granted).unwrap_or(usize::MAX), standing)
}

/// The members of a batch; a body that is none is refused as a whole.
fn members_of(body: &Bytes) -> Result<Vec<Bytes>, ApiError> {
    let wrong = |path: &[&str], code, message: &str| ApiError::invalid(vec![Detail::new(path, code, message)]);
    members(body, MAX_BATCH).map_err(|error| match error {
        BatchError::InvalidJson => Refusal::InvalidJson.into(),
        BatchError::NotAnObject => wrong(&[], "invalid_type", "must be an object"),
        BatchError::GivenTwice => wrong(&["events"], "duplicate_field", "must be given once"),
        BatchError::Missing => wrong(&["events"], "required", "is required"),
        BatchError::NotAnArray => wrong(&["events"], "invalid_type", "must be an array"),
        BatchError::TooLarge => Refusal::BatchTooLarge.into(),
    })
}

fn member_result(index: usize, taken: &Taken, request_id: &RequestId) -> Value {
    let mut result = json!({ "index": index, "id": taken.id, "status": taken.fate.status() });
    let Some(fields) = result.as_object_mut() else { return result };
    match &taken.fate {
        Fate::Refused(error) => {
            error.report(&request_id.0);
            if let Value::Object(body) = error.body(&request_id.0) {
                fields.extend(body);
            }
        }
        Fate::SessionEnded => {
            fields.insert("reason".to_owned(), "session_ended".into());
        }
        Fate::Recorded(_) | Fate::Repeated => {}
    }
    result
}
