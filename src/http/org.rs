//! The reviewer's organisation and its API keys.

use actix_web::{HttpResponse, web::Data};
use domain::RETENTION_DAYS;
use redis_scripts::{ApiKey, Org, Scopes};
use serde_json::{Value, json};

use super::{
    auth::{Reviewer, ReviewerWrite},
    body::Body,
    error::{ApiError, Refusal},
    fields::{Fields, FromFields},
    path::PathId,
    rule::{integer, list, one_of, text},
};
use crate::{App, clock};

/// `GET /v1/org`
pub(super) async fn show(app: Data<App>, who: Reviewer) -> Result<HttpResponse, ApiError> {
    let org = app.redis.org(who.org).await?.ok_or(Refusal::NotFound)?;
    Ok(HttpResponse::Ok().json(json!({ "org": org_json(&org) })))
}

pub(super) struct ChangedOrg {
    retention_days: Option<u32>,
}

impl FromFields for ChangedOrg {
    fn from_fields(fields: &mut Fields) -> Self {
        let days = fields.required_or_null("retentionDays", integer(RETENTION_DAYS));
        Self { retention_days: days.and_then(|days| u32::try_from(days).ok()) }
    }
}

/// `PATCH /v1/org`
pub(super) async fn change(
    app: Data<App>,
    who: ReviewerWrite,
    body: Body<ChangedOrg>,
) -> Result<HttpResponse, ApiError> {
    let org = who.0.org;
    let ChangedOrg { retention_days } = body.json(&app).await?;
    if !app.redis.set_retention(org, retention_days).await? {
        return Err(Refusal::NotFound.into());
    }
    tracing::info!(org.id = %org, by = %who.0.id, retention_days, "it is said for how long sessions are kept");
    let org = app.redis.org(org).await?.ok_or(Refusal::NotFound)?;
    Ok(HttpResponse::Ok().json(json!({ "org": org_json(&org) })))
}

fn org_json(org: &Org) -> Value {
    json!({
        "id": org.id,
        "name": org.name,
        "createdAt": org.created_at,
        "retentionDays": org.retention_days,
    })
}

/// `GET /v1/org/api-keys`
pub(super) async fn list_api_keys(app: Data<App>, who: Reviewer) -> Result<HttpResponse, ApiError> {
    let keys: Vec<_> = app.redis.list_api_keys(who.org).await?.iter().map(api_key_json).collect();
    Ok(HttpResponse::Ok().json(json!({"apiKeys": keys})))
}

pub(super) struct NewApiKey {
    name: String,
    scopes: Scopes,
}

impl FromFields for NewApiKey {
    fn from_fields(fields: &mut Fields) -> Self {
        let scopes = fields.required("scopes", list(1..=2, one_of(&["read", "write"])));
        Self { name: fields.required("name", text(1..=255)), scopes: Scopes::of_words(scopes) }
    }
}

/// `POST /v1/org/api-keys`
pub(super) async fn create_api_key(
    app: Data<App>,
    who: ReviewerWrite,
    body: Body<NewApiKey>,
) -> Result<HttpResponse, ApiError> {
    let new = body.json(&app).await?;
    let (key, secret) = app.redis.new_api_key(who.0.org, &new.name, new.scopes, clock::now()).await?;
    Ok(HttpResponse::Created().json(json!({"apiKey": api_key_json(&key), "secret": secret})))
}

/// `DELETE /v1/org/api-keys/{id}`
pub(super) async fn revoke_api_key(app: Data<App>, who: ReviewerWrite, id: PathId) -> Result<HttpResponse, ApiError> {
    if !app.redis.revoke_api_key(who.0.org, id.0, clock::now()).await? {
        return Err(Refusal::NotFound.into());
    }
    Ok(HttpResponse::Ok().json(json!({"ok": true, "id": id.0})))
}

/// An API key as it is shown: all of it but the secret.
pub(crate) fn api_key_json(key: &ApiKey) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": key.scopes.words(),
        "createdAt": key.created_at,
        "lastUsedAt": key.last_used_at,
    })
}
