//! Sessions: made, listed, read, patched.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use actors::settle_record;
use domain::{Session, SessionId, SessionRef, Status, Timestamp};
use redis_scripts::{Close, Closed, Made, NewSession, SessionQuery};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    auth::Either,
    body::Body,
    error::{ApiError, Refusal},
    fields::{AnyObject, Fields, FromFields},
    path::PathSession,
    query::{FromQuery, Page, Params, Query},
    rule::{instant, object, session_id, text},
};
use crate::{App, clock, ingest};

/// The session of the path, if whoever asks may see it; anything else answers as if it were not there.
pub(super) async fn visible(app: &App, who: &Either, id: SessionId) -> Result<Session, ApiError> {
    if let Either::Candidate(candidate) = who
        && candidate.key.session.as_ref() != Some(&id)
    {
        return Err(Refusal::NotFound.into());
    }
    let session = app.redis.session(&SessionRef::new(who.org(), id)).await?;
    session.ok_or_else(|| Refusal::NotFound.into())
}

/// Refuses reviewers who may only read.
fn may_write(who: &Either) -> Result<(), ApiError> {
    match who {
        Either::Reviewer(reviewer) if !reviewer.scopes.write => Err(Refusal::InsufficientScope.into()),
        _ => Ok(()),
    }
}

#[derive(Debug)]
pub(super) struct NewSessionBody {
    id: Option<SessionId>,
    source_service: Option<String>,
    metadata: Map<String, Value>,
}

impl FromFields for NewSessionBody {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            id: fields.optional("id", session_id()).flatten(),
            source_service: fields.optional("sourceService", text(1..=128)),
            metadata: fields.optional("metadata", object()).unwrap_or_default(),
        }
    }
}

/// `POST /v1/sessions`
pub(super) async fn create(who: Either, app: Data<App>, body: Body<NewSessionBody>) -> Result<HttpResponse, ApiError> {
    may_write(&who)?;
    let NewSessionBody { id, source_service, metadata } = body.json(&app).await?;
    let mut new = NewSession { source_service, metadata, ..NewSession::default() };
    let id = match &who {
        Either::Reviewer(_) => id.unwrap_or_else(|| Uuid::now_v7().into()),
        Either::Candidate(candidate) => {
            let own = candidate.key.session.clone();
            if candidate.key.lost_its_session() {
                return Err(Refusal::SessionDeleted.into());
            }
            let id = id.or_else(|| own.clone()).unwrap_or_else(|| Uuid::now_v7().into());
            if app.settings.require_consent_for_ingest && own.is_none() && candidate.key.consent.is_none() {
                return Err(Refusal::ConsentRequired.into());
            }
            if own.is_some_and(|own| own != id) {
                return Err(Refusal::SessionMismatch.into());
            }
            new.assessment = Some(candidate.key.assessment);
            new.candidate_key = Some(candidate.key.id);
            new.candidate_name.clone_from(&candidate.key.name);
            id
        }
    };
    let name = SessionRef::new(who.org(), id);
    match app.redis.create_session(&name, &new, clock::now()).await? {
        Made::Now => {}
        Made::Before => return Err(ApiError::from(Refusal::SessionExists).with("id", name.session.as_str())),
        Made::Deleted => return Err(Refusal::SessionDeleted.into()),
    }
    // After the session: a key must not take over one that is there.
    if let Either::Candidate(candidate) = &who
        && candidate.key.session.is_none()
    {
        ingest::bind(&app, candidate, &name.session).await?;
    }
    let session = settle_record(&app.redis, &name).await?.ok_or_else(|| ApiError::internal("session is gone"))?;
    Ok(HttpResponse::Created().json(json!({ "session": session.to_json() })))
}

pub(super) struct Listed(SessionQuery);

impl FromQuery for Listed {
    fn from_query(params: &mut Params) -> Self {
        let words = || json!({ "type": "string", "enum": ["pending", "active", "ended"] });
        let message = "must be pending, active or ended";
        let Page { limit, offset } = params.page(20, 100);
        Self(SessionQuery {
            assessment: params.uuid("assessmentId", "Of this assessment only."),
            source_service: params.text("sourceService", "From this service only, e.g. `claude-code`."),
            status: params.read("status", "Of this status only.", words, message, Status::of_word),
            offset,
            limit,
        })
    }
}

/// `GET /v1/sessions`
pub(super) async fn list(who: Either, app: Data<App>, query: Query<Listed>) -> Result<Json<Value>, ApiError> {
    let Listed(filter) = query.read()?;
    let (sessions, total) = match &who {
        Either::Candidate(candidate) => own_session(&app, candidate.session(), &filter).await?,
        Either::Reviewer(reviewer) => {
            let (ids, total) = app.redis.list_sessions(reviewer.org, &filter).await?;
            let names: Vec<_> = ids.into_iter().map(|id| SessionRef::new(reviewer.org, id)).collect();
            (app.redis.sessions(&names).await?.into_iter().flatten().collect(), total)
        }
    };
    let sessions: Vec<Value> = sessions.iter().map(Session::to_json).collect();
    Ok(Json(json!({ "sessions": sessions, "total": total, "limit": filter.limit, "offset": filter.offset })))
}

/// A candidate's list holds its own session only.
async fn own_session(
    app: &App,
    name: Option<SessionRef>,
    filter: &SessionQuery,
) -> Result<(Vec<Session>, u64), ApiError> {
    let Some(name) = name else { return Ok((Vec::new(), 0)) };
    let session = app.redis.session(&name).await?.filter(|session| {
        filter.assessment.is_none_or(|id| session.record.assessment == Some(id))
            && filter.status.is_none_or(|status| session.status() == status)
            && (filter.source_service.is_none() || session.record.source_service == filter.source_service)
    });
    let total = u64::from(session.is_some());
    Ok((session.into_iter().filter(|_| filter.offset == 0).collect(), total))
}

/// `GET /v1/sessions/{id}`: real clients read `eventCount` and `status` at the top.
pub(super) async fn get(who: Either, app: Data<App>, id: PathSession) -> Result<Json<Value>, ApiError> {
    let session = visible(&app, &who, id.0).await?;
    Ok(Json(json!({
        "session": session.to_json(),
        "eventCount": session.totals.counts.events,
        "status": session.status().as_str(),
    })))
}

#[derive(Debug)]
pub(super) struct Patch {
    ended_at: Option<Timestamp>,
    metadata: Option<Map<String, Value>>,
}

impl FromFields for Patch {
    fn from_fields(fields: &mut Fields) -> Self {
        let never_null = "must be a time: a session cannot be opened again";
        Self {
            ended_at: fields.never_null("endedAt", never_null, instant()).flatten(),
            metadata: fields.optional("metadata", object()),
        }
    }
}

/// `PATCH /v1/sessions/{id}`
pub(super) async fn patch(
    who: Either,
    app: Data<App>,
    id: PathSession,
    body: Body<Patch>,
) -> Result<Json<Value>, ApiError> {
    may_write(&who)?;
    let Patch { ended_at, metadata } = body.json(&app).await?;
    let name = visible(&app, &who, id.0).await?.name;
    if let Some(metadata) = metadata {
        change_metadata(&app, &name, |_| metadata.clone()).await?;
    }
    if let Some(ended_at) = ended_at {
        let close = Close { ended_at, now: clock::now(), reason: "patched", overwrite: true };
        if app.redis.close_session(&name, &close).await? == Closed::Missing {
            return Err(Refusal::NotFound.into());
        }
    }
    settled(&app, &name).await
}

/// `PATCH /v1/sessions/{id}/metadata`: the body is a merge patch (RFC 7396).
pub(super) async fn patch_metadata(
    who: Either,
    app: Data<App>,
    id: PathSession,
    body: Body<AnyObject>,
) -> Result<Json<Value>, ApiError> {
    may_write(&who)?;
    let AnyObject(patch) = body.json(&app).await?;
    let name = visible(&app, &who, id.0).await?.name;
    change_metadata(&app, &name, |mut metadata| {
        merge(&mut metadata, &patch);
        metadata
    })
    .await?;
    settled(&app, &name).await
}

async fn settled(app: &App, name: &SessionRef) -> Result<Json<Value>, ApiError> {
    let session = settle_record(&app.redis, name).await?.ok_or(Refusal::NotFound)?;
    Ok(Json(json!({ "session": session.to_json() })))
}

/// How long a change of metadata is tried against those of others.
const CHANGED_WITHIN: Duration = Duration::from_secs(5);

/// Changes the metadata of a session; starts over when somebody else changed the record meanwhile, after a moment that
/// differs from theirs.
async fn change_metadata(
    app: &App,
    name: &SessionRef,
    change: impl Fn(Map<String, Value>) -> Map<String, Value>,
) -> Result<(), ApiError> {
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < CHANGED_WITHIN {
        let session = app.redis.session(name).await?.ok_or(Refusal::NotFound)?;
        let version = session.record.version;
        let metadata = change(session.record.metadata);
        if app.redis.set_metadata(name, version, &metadata, clock::now()).await? {
            return Ok(());
        }
        let moment = u64::from(Uuid::new_v4().as_bytes()[0] % 16);
        tokio::time::sleep(Duration::from_millis(moment)).await;
    }
    Err(Refusal::Conflict.into())
}

/// RFC 7396, section 2.
fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.shift_remove(name);
            }
            Value::Object(inner) => {
                let slot = target.entry(name).or_insert_with(|| Value::Object(Map::new()));
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Value::Object(slot) = slot {
                    merge(slot, inner);
                }
            }
            value => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: Value, patch: Value, expected: Value) {
        let (Value::Object(mut target), Value::Object(patch)) = (target, patch) else { panic!("objects") };
        merge(&mut target, &patch);
        assert_eq!(Value::Object(target), expected);
    }

    #[test]
    fn a_merge_patch_does_what_the_examples_of_rfc_7396_say() {
        check(json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"}));
        check(json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"}));
        check(json!({"a":"b"}), json!({"a":null}), json!({}));
        check(json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"}));
        check(json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}}));
        check(json!({"a":"foo"}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}}));
    }
}
