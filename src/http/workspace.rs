//! What a candidate's tools say of the machine and the workspace.

use actix_web::{HttpResponse, web::Data};
use domain::{SessionId, SessionRef};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    auth::Candidate,
    body::Body,
    error::{ApiError, Refusal},
    fields::{Fields, FromFields},
    rule::{hex, object, session_id, text},
};
use crate::{
    App, clock,
    ingest::{self, Fate},
};

/// The name under which the commit stands in the session's metadata.
const COMMIT: &str = "workspaceCommit";

pub(super) struct DeviceCheck {
    checkpoint: String,
    fingerprint: Map<String, Value>,
}

impl FromFields for DeviceCheck {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            checkpoint: fields.required("checkpoint", text(1..=64)),
            fingerprint: fields.required("fingerprint", object()),
        }
    }
}

/// `POST /v1/candidate/device-check`: a `checkpoint` event, the same one for the same report.
pub(super) async fn check_device(
    app: Data<App>,
    who: Candidate,
    body: Body<DeviceCheck>,
) -> Result<HttpResponse, ApiError> {
    let DeviceCheck { checkpoint, fingerprint } = body.json(&app).await?;
    let session = own_session(&who)?.session;
    let fingerprint = Value::Object(fingerprint);
    let id = Uuid::new_v5(&who.key.id, format!("device-check\n{session}\n{checkpoint}\n{fingerprint}").as_bytes());
    let event = json!({
        "id": id,
        "sessionId": session,
        "ts": clock::now(),
        "kind": "checkpoint",
        "source": { "channel": "api", "integration": "promptster", "emitter": "promptster-server" },
        "actor": { "type": "system" },
        "v": 1,
        "data": { "label": checkpoint, "trigger": "device-check", "fingerprint": fingerprint },
    });
    match ingest::take(&app, &who, vec![event.to_string().into()]).await.pop().map(|taken| taken.fate) {
        Some(Fate::Recorded(_) | Fate::Repeated) => Ok(HttpResponse::Ok().json(json!({"ok": true}))),
        Some(Fate::SessionEnded) => {
            Ok(HttpResponse::Ok().json(json!({"ok": true, "skipped": true, "reason": "session_ended"})))
        }
        Some(Fate::Refused(error)) => Err(*error),
        None => Err(ApiError::internal("an event without a fate")),
    }
}

pub(super) struct WorkspaceCommit {
    session: Option<SessionId>,
    sha: String,
}

impl FromFields for WorkspaceCommit {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { session: fields.required("sessionId", session_id()), sha: fields.required("commitSha", hex(7..=64)) }
    }
}

/// `POST /v1/candidate/workspace-commit`: the last one counts.
pub(super) async fn note_commit(
    app: Data<App>,
    who: Candidate,
    body: Body<WorkspaceCommit>,
) -> Result<HttpResponse, ApiError> {
    let WorkspaceCommit { session, sha } = body.json(&app).await?;
    let name = named_session(&who, session.as_ref())?;
    if !app.redis.promote(&name, COMMIT, &sha, clock::now()).await? {
        return Err(Refusal::SessionDeleted.into());
    }
    Ok(HttpResponse::Ok().json(json!({"ok": true})))
}

/// The candidate's session.
pub(super) fn own_session(who: &Candidate) -> Result<SessionRef, ApiError> {
    let missing = if who.key.lost_its_session() { Refusal::SessionDeleted } else { Refusal::NotRedeemed };
    who.session().ok_or_else(|| missing.into())
}

/// The candidate's session, which the body has to name.
pub(super) fn named_session(who: &Candidate, named: Option<&SessionId>) -> Result<SessionRef, ApiError> {
    let own = own_session(who)?;
    if named == Some(&own.session) { Ok(own) } else { Err(Refusal::SessionMismatch.into()) }
}
