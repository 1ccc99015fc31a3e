//! What happened, for all webhooks that want to know of it: a delivery for each, once.

use domain::{OrgId, SessionRef};
use redis_scripts::Delivery;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{KEY_REDEEMED, SESSION_COMPLETED};
use crate::{App, clock, outbox::Next};

/// A candidate key got its session.
///
/// # Errors
/// When Redis gives no usable answer.
pub async fn redeemed(app: &App, org: OrgId, id: Uuid) -> Result<Next, redis_scripts::Error> {
    let Some(key) = app.redis.candidate_key(org, id).await? else { return Ok(Next::Done) };
    let body = json!({
        "event": KEY_REDEEMED,
        "key": key.key,
        "assessmentId": key.assessment,
        "candidateEmail": key.email,
        "redeemedAt": key.redeemed_at,
    });
    announce(app, org, KEY_REDEEMED, &id.to_string(), &body).await
}

/// A session ended, and its results are derived.
///
/// # Errors
/// When Redis gives no usable answer.
pub async fn completed(app: &App, name: &SessionRef) -> Result<Next, redis_scripts::Error> {
    let Some(session) = app.redis.session(name).await? else { return Ok(Next::Done) };
    let key = match session.record.candidate_key {
        Some(id) => app.redis.candidate_key(name.org, id).await?.map(|key| key.key),
        None => None,
    };
    let body = json!({
        "event": SESSION_COMPLETED,
        "sessionId": name.session,
        "assessmentId": session.record.assessment,
        "candidateKey": key,
        "completedAt": session.record.ended_at,
        "artifactsReady": true,
    });
    announce(app, name.org, SESSION_COMPLETED, name.session.as_str(), &body).await
}

async fn announce(app: &App, org: OrgId, event: &str, name: &str, body: &Value) -> Result<Next, redis_scripts::Error> {
    for webhook in app.redis.list_webhooks(org).await? {
        if webhook.events.iter().any(|wanted| wanted == event) {
            let delivery = Delivery::new(webhook.id, event, name, body.to_string(), clock::now());
            app.redis.add_delivery(org, &delivery).await?;
        }
    }
    Ok(Next::Done)
}
