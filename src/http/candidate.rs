//! The candidate's way in and out: consent, redeem, complete. No credential but the key in the body.

use std::net::IpAddr;

use actix_web::{HttpResponse, web::Data};
use domain::{SessionId, SessionRef, Timestamp};
use redis_scripts::{
    Assessment, CandidateKey, Close, Closed, Consent, KeyEnd, KeyStatus, Purpose, Redeem, RedeemRefusal, Redeemed,
    keys::Partition, parse_candidate_key,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    auth::Public,
    body::Body,
    credentials::{in_time, owner_of},
    disclosure,
    error::{ApiError, Refusal},
    fields::{Fields, FromFields},
    query::{FromQuery, Params, Query},
    rule::{session_id, signing_pubkey, text},
};
use crate::{App, clock, whole};

const HOUR_MS: i64 = 3_600_000;

pub(super) struct WhoseConsent(Option<String>);

impl FromQuery for WhoseConsent {
    fn from_query(params: &mut Params) -> Self {
        Self(params.text("key", "The candidate key."))
    }
}

/// `GET /v1/candidate/consent`
pub(super) async fn show_consent(
    app: Data<App>,
    public: Public,
    query: Query<WhoseConsent>,
) -> Result<HttpResponse, ApiError> {
    let WhoseConsent(key) = query.read()?;
    let key = find_key(&app, &key.unwrap_or_default(), public.address).await?;
    refuse_dead(&key, clock::now())?;
    let disclosure = disclosure::current(&app.settings)?;
    let confirmed = key.consent.is_some_and(|consent| consent.hash == disclosure.hash);
    Ok(HttpResponse::Ok().json(json!({
        "alreadyConfirmed": confirmed,
        "disclosure": disclosure.shown,
        "disclosureHash": disclosure.hash,
    })))
}

pub(super) struct ConsentBody {
    key: String,
    disclosure_hash: Option<String>,
}

impl FromFields for ConsentBody {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            key: fields.required("key", text(0..=64)),
            disclosure_hash: fields.optional("disclosureHash", text(0..=256)).filter(|hash| !hash.is_empty()),
        }
    }
}

/// `POST /v1/candidate/consent`
pub(super) async fn give_consent(
    app: Data<App>,
    public: Public,
    body: Body<ConsentBody>,
) -> Result<HttpResponse, ApiError> {
    let asked = body.json(&app).await?;
    let key = find_key(&app, &asked.key, public.address).await?;
    let now = clock::now();
    refuse_dead(&key, now)?;
    let disclosure = disclosure::current(&app.settings)?;
    if asked.disclosure_hash.is_some_and(|hash| hash != disclosure.hash) {
        return Err(Refusal::DisclosureOutdated.into());
    }
    // Repeating it keeps the time of the first.
    if key.consent.is_none_or(|consent| consent.hash != disclosure.hash) {
        let consent = Consent { at: now, version: disclosure.version, hash: disclosure.hash };
        app.redis.record_consent(key.org, key.id, &consent).await?;
    }
    Ok(HttpResponse::Ok().json(json!({"ok": true})))
}

pub(super) struct RedeemBody {
    key: String,
    name: Option<String>,
    pubkey: Option<String>,
}

impl FromFields for RedeemBody {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            key: fields.required("key", text(0..=64)),
            name: fields.optional("candidateName", text(0..=255)).filter(|name| !name.is_empty()),
            pubkey: fields.optional("signingPubKey", signing_pubkey()).filter(|pubkey| !pubkey.is_empty()),
        }
    }
}

/// `POST /v1/candidate/redeem`
pub(super) async fn redeem(app: Data<App>, public: Public, body: Body<RedeemBody>) -> Result<HttpResponse, ApiError> {
    let asked = body.json(&app).await?;
    let key = find_key(&app, &asked.key, public.address).await?;
    let now = clock::now();
    let redeem = Redeem {
        session: SessionId::from(Uuid::now_v7()),
        pubkey: asked.pubkey,
        name: asked.name,
        require_consent: app.settings.require_consent,
    };
    let key = match app.redis.redeem_key(&key, &redeem, now).await? {
        Redeemed::Started(key) | Redeemed::Again(key) => *key,
        Redeemed::Refused(refusal) => return Err(refusal.into()),
    };
    let assessment = app.redis.assessment_even_deleted(key.org, key.assessment).await?;
    let assessment = assessment.ok_or_else(|| ApiError::internal("a key without assessment"))?;
    let session = app.redis.ensure_session(&key, Some(&assessment), now).await?.ok_or(Refusal::SessionDeleted)?;
    Ok(HttpResponse::Ok().json(redeem_reply(&app, &key, &assessment, &session, now).await?))
}

async fn redeem_reply(
    app: &App,
    key: &CandidateKey,
    assessment: &Assessment,
    session: &SessionRef,
    now: Timestamp,
) -> Result<Value, ApiError> {
    let terms = &assessment.terms;
    // Clients wipe their state when this passes: never before the work can be done and handed in.
    let limit_ms = terms.time_limit_minutes.unwrap_or(0).saturating_mul(60_000);
    let expires_at = key.expires_at.max(now.plus_millis(limit_ms.saturating_add(24 * HOUR_MS)));
    // The token outlives the grace by an hour, so that clients that still send are told that the session has ended.
    let grace_ms = i64::try_from(app.settings.end_grace.as_millis()).unwrap_or(HOUR_MS);
    let token = app.redis.issue_token(key, expires_at.plus_millis(grace_ms.saturating_add(HOUR_MS)), now).await?;
    let org_name = match &key.org_name {
        Some(name) => Some(name.clone()),
        None => app.redis.org(key.org).await?.map(|org| org.name),
    };
    Ok(json!({
        "sessionId": session.session,
        "sessionToken": token,
        "assessmentId": assessment.id,
        "assessmentTitle": terms.title,
        "orgName": org_name,
        "taskBrief": terms.task_brief,
        "brief": null,
        "repoUrl": terms.repo_url,
        "repoCommit": terms.repo_commit,
        "repoSubdir": terms.repo_subdir,
        "setupInstructions": terms.setup_instructions,
        "timeLimitMinutes": terms.time_limit_minutes,
        "issueId": terms.issue,
        "expiresAt": expires_at,
        "tosAccepted": key.consent.is_some(),
        "allowedTools": terms.allowed_tools,
        "authMode": "",
    }))
}

#[derive(Debug)]
pub(super) struct CompleteBody {
    session: Option<SessionId>,
    key: String,
}

impl FromFields for CompleteBody {
    fn from_fields(fields: &mut Fields) -> Self {
        Self { session: fields.required("sessionId", session_id()), key: fields.required("key", text(0..=64)) }
    }
}

/// `POST /v1/candidate/complete`
pub(super) async fn complete(
    app: Data<App>,
    public: Public,
    body: Body<CompleteBody>,
) -> Result<HttpResponse, ApiError> {
    let asked = body.json(&app).await?;
    let key = find_key(&app, &asked.key, public.address).await?;
    let now = clock::now();
    refuse_dead(&key, now)?;
    if key.lost_its_session() {
        return Err(Refusal::SessionDeleted.into());
    }
    if key.session != asked.session {
        return Err(Refusal::SessionMismatch.into());
    }
    let key = complete_key(&app, &key, now).await?;
    let completed_at = key.completed_at.ok_or(Refusal::KeyExpired)?;
    Ok(HttpResponse::Ok().json(json!({"ok": true, "completedAt": completed_at})))
}

/// Closes the session, then finishes the key, then indexes: whatever a crash leaves undone, the same call does again.
async fn complete_key(app: &App, key: &CandidateKey, now: Timestamp) -> Result<CandidateKey, ApiError> {
    let session =
        key.session.clone().map(|session| SessionRef::new(key.org, session)).ok_or(Refusal::SessionMismatch)?;
    let close = Close { ended_at: now, now, reason: "complete", overwrite: false };
    if app.redis.close_session(&session, &close).await? == Closed::Missing {
        let assessment = app.redis.assessment_even_deleted(key.org, key.assessment).await?;
        app.redis.ensure_session(key, assessment.as_ref(), now).await?.ok_or(Refusal::SessionDeleted)?;
        app.redis.close_session(&session, &close).await?;
    }
    let key = app.redis.finish_key(key.org, key.id, KeyEnd::Completed, now).await?.ok_or(Refusal::KeyNotFound)?;
    app.redis.reindex_session(&session).await?;
    Ok(key)
}

/// The key that a candidate typed.
async fn find_key(app: &App, typed: &str, address: IpAddr) -> Result<CandidateKey, ApiError> {
    let Some(key) = parse_candidate_key(typed) else {
        app.limits.failures.may_look_up(address).await?;
        app.limits.failures.count(address).await?;
        return Err(Refusal::KeyNotFound.into());
    };
    in_time(async {
        let owner = owner_of(app, Purpose::Candidate, &key, address).await?.ok_or(Refusal::KeyNotFound)?;
        let key = app.redis.candidate_key(owner.org, owner.id).await?;
        let key = whole::believed(app, Partition::of_org(owner.org), key).await?;
        key.ok_or_else(|| Refusal::KeyNotFound.into())
    })
    .await
}

fn refuse_dead(key: &CandidateKey, now: Timestamp) -> Result<(), ApiError> {
    match key.status(now) {
        _ if key.revoked_at.is_some() => Err(Refusal::KeyRevoked.into()),
        KeyStatus::Expired => Err(Refusal::KeyExpired.into()),
        _ => Ok(()),
    }
}

impl From<RedeemRefusal> for ApiError {
    fn from(refusal: RedeemRefusal) -> Self {
        match refusal {
            RedeemRefusal::Missing => Refusal::KeyNotFound.into(),
            RedeemRefusal::Revoked => Refusal::KeyRevoked.into(),
            RedeemRefusal::Completed => Refusal::AlreadyCompleted.into(),
            RedeemRefusal::Expired => Refusal::KeyExpired.into(),
            RedeemRefusal::ConsentRequired => Refusal::ConsentRequired.into(),
            RedeemRefusal::TooManyPubkeys => Self::rate_limited(3_600),
        }
    }
}
