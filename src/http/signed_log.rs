//! What was signed in a session: the log for whoever verifies it, and the report on its chain.

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Data, Json},
};
use domain::{
    Session, StoredEvent,
    signature::{Chain, ChainReport, Claim, Link, PublicKey, SigCheck},
};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    auth::{Either, Reviewer},
    error::ApiError,
    path::PathSession,
    sessions::visible,
};
use crate::App;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignedLog<'a> {
    session_id: &'a str,
    signing_pubkey: &'a str,
    events: Vec<Row<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    id: Uuid,
    ts: String,
    payload: &'a RawValue,
    sig: String,
    prev_sig: String,
    event_hash: String,
    sig_verified: Option<bool>,
}

/// `GET /v1/sessions/{id}/signed-log`
pub(super) async fn signed_log(who: Either, app: Data<App>, id: PathSession) -> Result<HttpResponse, ApiError> {
    let session = visible(&app, &who, id.0).await?;
    let pubkeys = pubkeys(&app, &session).await?;
    let signed = |stored: StoredEvent| stored.event.signed.then_some(stored);
    let signed = app.actors.history.collect(&session.name, signed).await?;
    // Where spellings differ the hash takes a check of the signature.
    let body = web::block(move || write(session.name.session.as_str(), &pubkeys, &signed));
    let body = body.await.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(body))
}

/// `GET /v1/sessions/{id}/integrity`
pub(super) async fn integrity(
    reviewer: Reviewer,
    app: Data<App>,
    id: PathSession,
) -> Result<Json<ChainReport>, ApiError> {
    let session = visible(&app, &Either::Reviewer(reviewer), id.0).await?;
    let links = app.actors.history.collect(&session.name, |stored| Link::of(&stored)).await?;
    Ok(Json(Chain::of(&links).report))
}

/// The public keys that the candidate of the session registered, newest last.
async fn pubkeys(app: &App, session: &Session) -> Result<Vec<String>, ApiError> {
    let Some(id) = session.record.candidate_key else { return Ok(Vec::new()) };
    let key = app.redis.candidate_key(session.name.org, id).await?;
    Ok(key.map(|key| key.pubkeys).unwrap_or_default())
}

/// Writes the log, its events in the order in which they were signed.
fn write(session_id: &str, pubkeys: &[String], signed: &[StoredEvent]) -> serde_json::Result<Vec<u8>> {
    let keys: Vec<_> = pubkeys.iter().map(|key| PublicKey::of_base64(key)).collect();
    let links: Vec<_> = signed.iter().filter_map(Link::of).collect();
    let in_order = Chain::of(&links).order.into_iter().filter_map(|place| signed.get(place));
    let log = SignedLog {
        session_id,
        signing_pubkey: pubkeys.last().map(String::as_str).unwrap_or_default(),
        events: in_order.filter_map(|stored| row(stored, &keys)).collect(),
    };
    serde_json::to_vec(&log)
}

fn row<'a>(StoredEvent { event, .. }: &'a StoredEvent, keys: &[PublicKey]) -> Option<Row<'a>> {
    let Claim { ts, sig, prev_sig, .. } = Claim::of(event)?;
    Some(Row {
        id: event.id,
        ts,
        payload: serde_json::from_slice(event.raw()).ok()?,
        sig,
        prev_sig: prev_sig.unwrap_or_default(),
        event_hash: SigCheck::event_hash(event, keys).unwrap_or_default(),
        sig_verified: event.sig_verified,
    })
}
