//! Candidate keys, as reviewers see them.

use actix_web::{HttpResponse, web::Data};
use domain::Timestamp;
use redis_scripts::{Assessment, CandidateKey, Invitation, KeyStatus, NewCandidateKey};
use serde_json::{Value, json};

use super::{
    auth::{Reviewer, ReviewerWrite},
    body::Body,
    error::{ApiError, Refusal},
    fields::{Fields, FromFields},
    path::{PathId, PathKey},
    rule::{email, integer, list, one_of, text},
};
use crate::{App, clock};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const MAX_KEYS: usize = 50;

pub(super) struct NewKeys(Vec<NewCandidateKey>);

impl FromFields for NewKeys {
    fn from_fields(fields: &mut Fields) -> Self {
        let count = usize::try_from(fields.required("count", integer(1..=50))).unwrap_or_default();
        let emails = fields.optional("candidateEmails", list(0..=MAX_KEYS, email()));
        let names = fields.optional("candidateNames", list(0..=MAX_KEYS, text(1..=255)));
        let org_name = fields.optional("orgName", text(0..=255)).filter(|name| !name.is_empty());
        if emails.as_ref().is_some_and(|emails| emails.len() != count) {
            fields.wrong("candidateEmails", "invalid_length", "must have `count` entries");
        }
        if names.as_ref().is_some_and(|names| names.len() != count) {
            fields.wrong("candidateNames", "invalid_length", "must have as many entries as there are keys");
        }
        let (mut emails, mut names) = (emails.into_iter().flatten(), names.into_iter().flatten());
        let keys = (0..count.min(MAX_KEYS)).map(|_| NewCandidateKey {
            email: emails.next(),
            name: names.next(),
            org_name: org_name.clone(),
            invite: false,
        });
        Self(keys.collect())
    }
}

/// `POST /v1/assessments/{id}/keys`
pub(super) async fn create(
    app: Data<App>,
    who: ReviewerWrite,
    id: PathId,
    body: Body<NewKeys>,
) -> Result<HttpResponse, ApiError> {
    let assessment = assessment(&app, &who.0, id).await?;
    let NewKeys(mut new) = body.json(&app).await?;
    for key in &mut new {
        key.invite = key.email.is_some() && app.mailer.is_some();
    }
    let now = clock::now();
    let expires_at = now.plus_millis(assessment.terms.expires_in_days.saturating_mul(DAY_MS));
    let keys = app.redis.create_candidate_keys(who.0.org, assessment.id, &new, expires_at, now).await?;
    Ok(HttpResponse::Created().json(json!({"keys": keys_json(&keys, now)})))
}

/// `GET /v1/assessments/{id}/keys`
pub(super) async fn list_all(app: Data<App>, who: Reviewer, id: PathId) -> Result<HttpResponse, ApiError> {
    let assessment = assessment(&app, &who, id).await?;
    let keys = app.redis.list_candidate_keys(who.org, assessment.id).await?;
    Ok(HttpResponse::Ok().json(json!({"keys": keys_json(&keys, clock::now())})))
}

pub(super) struct Mark(&'static str);

impl FromFields for Mark {
    fn from_fields(fields: &mut Fields) -> Self {
        Self(fields.required("status", one_of(&["hired", "completed"])))
    }
}

/// `PATCH /v1/assessments/{id}/keys/{keyId}`
pub(super) async fn mark(
    app: Data<App>,
    who: ReviewerWrite,
    path: PathKey,
    body: Body<Mark>,
) -> Result<HttpResponse, ApiError> {
    let key = living_key(&app, &who.0, path).await?;
    let mark = body.json(&app).await?;
    let now = clock::now();
    let hired_at = match (key.status(now), mark.0) {
        (KeyStatus::Completed, "hired") => Some(now),
        (KeyStatus::Hired, "completed") => None,
        _ => return Err(Refusal::InvalidTransition.into()),
    };
    app.redis.mark_hired(key.org, key.id, hired_at).await?;
    let key = CandidateKey { hired_at, ..key };
    Ok(HttpResponse::Ok().json(json!({"key": key_json(&key, now)})))
}

/// `DELETE /v1/assessments/{id}/keys/{keyId}`
pub(super) async fn revoke(app: Data<App>, who: ReviewerWrite, path: PathKey) -> Result<HttpResponse, ApiError> {
    let key = living_key(&app, &who.0, path).await?;
    app.redis.revoke_candidate_key(key.org, key.id, clock::now()).await?;
    Ok(HttpResponse::Ok().json(json!({"ok": true, "id": key.id})))
}

async fn assessment(app: &App, who: &Reviewer, id: PathId) -> Result<Assessment, ApiError> {
    app.redis.assessment(who.org, id.0).await?.ok_or_else(|| Refusal::NotFound.into())
}

/// The key of the path, if it is of that assessment and not revoked.
async fn living_key(app: &App, who: &Reviewer, path: PathKey) -> Result<CandidateKey, ApiError> {
    let assessment = assessment(app, who, path.assessment).await?;
    let key = app.redis.candidate_key(who.org, path.key).await?;
    key.filter(|key| key.assessment == assessment.id && key.revoked_at.is_none())
        .ok_or_else(|| Refusal::NotFound.into())
}

fn keys_json(keys: &[CandidateKey], now: Timestamp) -> Vec<Value> {
    keys.iter().map(|key| key_json(key, now)).collect()
}

pub(super) fn key_json(key: &CandidateKey, now: Timestamp) -> Value {
    json!({
        "id": key.id,
        "key": key.key,
        "assessmentId": key.assessment,
        "orgId": key.org,
        "candidateEmail": key.email,
        "candidateName": key.name,
        "status": key.status(now).as_str(),
        "sessionId": key.session,
        "expiresAt": key.expires_at,
        "redeemedAt": key.redeemed_at,
        "completedAt": key.completed_at,
        "totalCostUsd": key.total_cost_usd,
        "createdAt": key.created_at,
        "inviteStatus": Invitation::shown(key.invitation),
    })
}
