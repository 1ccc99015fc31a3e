//! Uploads: a candidate asks for an address, and puts a bundle there. The address is the credential; a bundle counts
//! when all of it has come, and of several the last.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Payload},
};
use domain::{SessionId, SessionRef};
use futures_util::StreamExt;
use redis_scripts::{Bundle, Kept, UploadGrant};
use serde_json::json;
use uuid::Uuid;

use super::{
    auth::Candidate,
    body::Body,
    error::{ApiError, Refusal},
    fields::{Fields, FromFields},
    path::PathToken,
    rate::client_address,
    rule::session_id,
    workspace::named_session,
};
use crate::{App, clock, uploads::Incoming};

/// How long an address can be used: three times what real clients try for.
const GRANT_LIFE_MS: i64 = 15 * 60 * 1000;

/// How long a bundle may take to arrive, twice what real clients wait.
const ARRIVES_WITHIN: Duration = Duration::from_secs(600);

pub(super) struct Asked(Option<SessionId>);

impl FromFields for Asked {
    fn from_fields(fields: &mut Fields) -> Self {
        Self(fields.required("sessionId", session_id()))
    }
}

/// `POST /v1/candidate/upload-url`
pub(super) async fn grant(app: Data<App>, who: Candidate, body: Body<Asked>) -> Result<HttpResponse, ApiError> {
    let Asked(session) = body.json(&app).await?;
    let name = named_session(&who, session.as_ref())?;
    let now = clock::now();
    let session = app.redis.session(&name).await?.ok_or(Refusal::SessionDeleted)?;
    if session.record.closed_at.is_some_and(|closed| closed.plus_millis(grace_ms(&app)) < now) {
        return Err(Refusal::SessionEnded.into());
    }
    let grant = UploadGrant { org: who.org, key: who.key.id, object: Uuid::now_v7() };
    let expires_at = now.plus_millis(GRANT_LIFE_MS);
    let token = app.redis.grant_upload(&grant, expires_at).await?;
    Ok(HttpResponse::Ok().json(json!({
        "uploadUrl": format!("{}/v1/uploads/{token}", app.settings.public_url),
        "token": token,
        "objectKey": object_key(&name, grant.object),
        "expiresAt": expires_at,
    })))
}

/// The name that a client calls an object by.
fn object_key(session: &SessionRef, object: Uuid) -> String {
    format!("{}/{object}.tar.gz", session.session)
}

/// The object of this session that a client calls so.
pub(super) fn object_of(session: &SessionRef, key: &str) -> Option<Uuid> {
    let object = key.rsplit('/').next()?.strip_suffix(".tar.gz")?.parse().ok()?;
    (object_key(session, object) == key).then_some(object)
}

pub(super) fn grace_ms(app: &App) -> i64 {
    i64::try_from(app.settings.end_grace.as_millis()).unwrap_or(i64::MAX)
}

/// `PUT /v1/uploads/{token}`
pub(super) async fn receive(
    app: Data<App>,
    token: PathToken,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let (name, object) = granted(&app, &token.0, &request).await?;
    refuse_head(&app, &request)?;
    let incoming = app.uploads.begin(&name).await.map_err(ApiError::unavailable)?;
    let taken = Box::pin(tokio::time::timeout(ARRIVES_WITHIN, take(&app, payload, incoming))).await;
    let incoming = taken.map_err(|_| ApiError::from(Refusal::BodyTimeout))??;
    let bundle = app.uploads.keep(&name, object, incoming).await.map_err(ApiError::unavailable)?;
    note(&app, &name, object, &bundle).await?;
    Ok(HttpResponse::Ok().json(json!({
        "ok": true,
        "objectKey": object_key(&name, object),
        "size": bundle.size,
        "sha256": bundle.sha256,
    })))
}

/// Whose bundle the address is for. Whoever has one is charged by candidate key: many candidates may share an address,
/// and what is refused for good is lost.
async fn granted(app: &App, token: &str, request: &HttpRequest) -> Result<(SessionRef, Uuid), ApiError> {
    let found = app.redis.upload_grant(token).await?;
    let charged = match &found {
        Some(grant) => app.limits.credential.take_one(&grant.key).await,
        None => app.limits.address.take_one(&client_address(request, &app.settings)).await,
    };
    let standing = charged.map_err(|standing| {
        standing.note(request);
        standing.refusal()
    })?;
    standing.note(request);
    let grant = found.ok_or(Refusal::NotFound)?;
    let key = app.redis.candidate_key(grant.org, grant.key).await?;
    let key = key.filter(|key| key.authenticates(clock::now())).ok_or(Refusal::NotFound)?;
    let session = key.session.ok_or(Refusal::NotFound)?;
    Ok((SessionRef::new(grant.org, session), grant.object))
}

/// Refuses what the head tells already.
fn refuse_head(app: &App, request: &HttpRequest) -> Result<(), ApiError> {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let kind = text(header::CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !["application/gzip", "application/x-gzip"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return Err(Refusal::UnsupportedType.into());
    }
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        // Which bytes were meant to be kept would not be clear.
        return Err(Refusal::UnsupportedType.into());
    }
    let announced = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > app.settings.uploads.max_bytes) {
        return Err(Refusal::PayloadTooLarge.into());
    }
    Ok(())
}

async fn take(app: &App, mut payload: Payload, mut incoming: Incoming) -> Result<Incoming, ApiError> {
    loop {
        let next = tokio::time::timeout(app.settings.bodies.timeout, payload.next()).await;
        let Some(chunk) = next.map_err(|_| ApiError::from(Refusal::BodyTimeout))? else { break };
        incoming
            .write(&chunk.map_err(|_| ApiError::from(Refusal::BadRequest))?)
            .await
            .map_err(ApiError::unavailable)?;
        if incoming.n_bytes() > app.settings.uploads.max_bytes {
            return Err(Refusal::PayloadTooLarge.into());
        }
    }
    if incoming.n_bytes() == 0 { Err(Refusal::BadRequest.into()) } else { Ok(incoming) }
}

async fn note(app: &App, name: &SessionRef, object: Uuid, bundle: &Bundle) -> Result<(), ApiError> {
    match app.redis.note_upload(name, object, bundle, grace_ms(app)).await? {
        Kept::Yes => Ok(()),
        Kept::Ended => Err(Refusal::SessionEnded.into()),
        Kept::Deleted => {
            // Erased while it came: nothing of the session may be left.
            app.uploads.erase(name).await.map_err(ApiError::unavailable)?;
            Err(Refusal::SessionDeleted.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::OrgId;

    use super::*;

    #[test]
    fn an_object_is_known_by_its_key_in_its_own_session_only() {
        let name = |id: &str| SessionRef::new(OrgId::sample(Uuid::nil()), id.parse().unwrap());
        let object = Uuid::new_v4();
        let key = object_key(&name("s:1"), object);
        assert_eq!(object_of(&name("s:1"), &key), Some(object));
        assert_eq!(object_of(&name("s:2"), &key), None);
        for bad in ["", "s:1/", "s:1/x.tar.gz", &key.to_uppercase(), &key.replace(".tar.gz", ""), &format!("/{key}")] {
            assert_eq!(object_of(&name("s:1"), bad), None, "{bad}");
        }
    }
}
