//! Webhooks of the reviewer's organisation.

use actix_web::{HttpResponse, web::Data};
use redis_scripts::{Delivery, Webhook, random_secret};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    auth::{Reviewer, ReviewerWrite},
    body::Body,
    error::{ApiError, Refusal},
    fields::{Fields, FromFields},
    path::PathId,
    rule::{list, one_of, text, webhook_url},
};
use crate::{
    App, clock,
    webhooks::{EVENTS, TEST, guard},
};

/// How many an organisation may have: each happening is told to all of them.
const MAX_WEBHOOKS: usize = 20;

/// How long a secret still counts after another one took its place.
const BOTH_COUNT_MS: i64 = 24 * 60 * 60 * 1_000;

pub(super) struct NewWebhook {
    url: String,
    events: Vec<&'static str>,
    secret: Option<String>,
}

impl FromFields for NewWebhook {
    fn from_fields(fields: &mut Fields) -> Self {
        let events = fields.optional("events", list(1..=EVENTS.len(), one_of(&EVENTS)));
        Self {
            url: fields.required("url", webhook_url()),
            events: events.unwrap_or_else(|| EVENTS.to_vec()),
            secret: fields.optional("secret", text(16..=255)),
        }
    }
}

/// `GET /v1/org/webhooks`
pub(super) async fn list_all(app: Data<App>, who: Reviewer) -> Result<HttpResponse, ApiError> {
    let webhooks: Vec<_> = app.redis.list_webhooks(who.org).await?.iter().map(webhook_json).collect();
    Ok(HttpResponse::Ok().json(json!({"webhooks": webhooks})))
}

/// `POST /v1/org/webhooks`
pub(super) async fn create(
    app: Data<App>,
    who: ReviewerWrite,
    body: Body<NewWebhook>,
) -> Result<HttpResponse, ApiError> {
    let new = body.json(&app).await?;
    if let Err((code, message)) = guard::check(&new.url, app.settings.webhooks.allow_private) {
        return Err(ApiError::invalid(vec![domain::Detail::new(&["url"], code, message)]));
    }
    if app.redis.list_webhooks(who.0.org).await?.len() >= MAX_WEBHOOKS {
        return Err(Refusal::TooManyWebhooks.into());
    }
    let webhook = Webhook {
        id: Uuid::now_v7(),
        org: who.0.org,
        url: new.url,
        events: new.events.into_iter().map(str::to_owned).collect(),
        secret: new.secret.map_or_else(new_secret, Ok)?,
        previous: None,
        created_at: clock::now(),
    };
    app.redis.create_webhook(&webhook).await?;
    Ok(HttpResponse::Created().json(json!({"webhook": webhook_json(&webhook), "secret": webhook.secret})))
}

/// `DELETE /v1/org/webhooks/{id}`
pub(super) async fn delete(app: Data<App>, who: ReviewerWrite, id: PathId) -> Result<HttpResponse, ApiError> {
    if !app.redis.delete_webhook(who.0.org, id.0, clock::now()).await? {
        return Err(Refusal::NotFound.into());
    }
    Ok(HttpResponse::Ok().json(json!({"ok": true, "id": id.0})))
}

/// `POST /v1/org/webhooks/{id}/test`
pub(super) async fn test(app: Data<App>, who: ReviewerWrite, id: PathId) -> Result<HttpResponse, ApiError> {
    let webhook = find(&app, &who.0, id).await?;
    let now = clock::now();
    let body = json!({"event": TEST, "webhookId": webhook.id, "sentAt": now});
    let delivery = Delivery::new(webhook.id, TEST, &Uuid::now_v7().to_string(), body.to_string(), now);
    app.redis.add_delivery(webhook.org, &delivery).await?;
    Ok(HttpResponse::Accepted().json(json!({"delivery": delivery_json(&delivery)})))
}

/// `POST /v1/org/webhooks/{id}/rotate-secret`
pub(super) async fn rotate(app: Data<App>, who: ReviewerWrite, id: PathId) -> Result<HttpResponse, ApiError> {
    let webhook = find(&app, &who.0, id).await?;
    let (secret, until) = (new_secret()?, clock::now().plus_millis(BOTH_COUNT_MS));
    if !app.redis.rotate_webhook(&webhook, &secret, until).await? {
        return Err(Refusal::NotFound.into());
    }
    let shown = json!({"webhook": webhook_json(&webhook), "secret": secret, "previousSecretUntil": until});
    Ok(HttpResponse::Ok().json(shown))
}

/// `GET /v1/org/webhooks/{id}/deliveries`
pub(super) async fn deliveries(app: Data<App>, who: Reviewer, id: PathId) -> Result<HttpResponse, ApiError> {
    let webhook = find(&app, &who, id).await?;
    let deliveries = app.redis.list_deliveries(webhook.org, webhook.id).await?;
    let shown: Vec<_> = deliveries.iter().map(delivery_json).collect();
    Ok(HttpResponse::Ok().json(json!({"deliveries": shown})))
}

async fn find(app: &App, who: &Reviewer, id: PathId) -> Result<Webhook, ApiError> {
    app.redis.webhook(who.org, id.0).await?.ok_or_else(|| Refusal::NotFound.into())
}

fn new_secret() -> Result<String, ApiError> {
    Ok(random_secret("whsec_")?)
}

fn webhook_json(webhook: &Webhook) -> Value {
    json!({
        "id": webhook.id,
        "url": webhook.url,
        "events": webhook.events,
        "enabled": true,
        "createdAt": webhook.created_at,
    })
}

fn delivery_json(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "event": delivery.event,
        "status": delivery.status.as_str(),
        "attempts": delivery.attempts,
        "createdAt": delivery.created_at,
        "lastAttemptAt": delivery.last_attempt_at,
        "lastStatus": delivery.last_status,
        "lastError": delivery.last_error,
        "nextAttemptAt": delivery.next_attempt_at,
    })
}
