//! One try at telling a webhook, and when the next one is. A receiver that answers 2xx took it; the same happening always
//! has the same delivery id and body, so that a receiver can tell a repetition.

use domain::OrgId;
use redis_scripts::{Delivery, DeliveryStatus, Webhook};
use reqwest::header::CONTENT_TYPE;
use uuid::Uuid;

use super::{Teller, guard, signature};
use crate::{
    App, clock,
    outbox::{Next, later},
};

/// When it is tried again, as multiples of the first wait, which is a minute if nothing else is said: then after five
/// minutes, half an hour and two hours. Then it is given up.
const RETRY_AFTER: [u32; 4] = [1, 5, 30, 120];

/// Tries a delivery, if there is something left to be tried.
///
/// # Errors
/// When Redis gives no usable answer.
pub async fn attempt(app: &App, org: OrgId, id: Uuid) -> Result<Next, redis_scripts::Error> {
    let Some(mut delivery) = app.redis.delivery(org, id).await? else { return Ok(Next::Done) };
    if delivery.status != DeliveryStatus::Queued {
        return Ok(Next::Done);
    }
    // A node that died between the note of a try and the post of the next one leaves its claim, which ends sooner.
    if let Some(next) = delivery.next_attempt_at.filter(|next| clock::now() < *next) {
        return Ok(Next::At(next));
    }
    let Some(webhook) = app.redis.webhook(org, delivery.webhook).await? else { return Ok(Next::Done) };
    let told = app.teller.tell(&webhook, &delivery).await;
    delivery.last_attempt_at = Some(clock::now());
    (delivery.last_status, delivery.last_error) = match &told {
        Ok(status) => (Some(*status), None),
        Err(error) => (None, Some(error.clone())),
    };
    let again = usize::try_from(delivery.attempts).ok().and_then(|done| RETRY_AFTER.get(done));
    delivery.attempts += 1;
    let took = matches!(told, Ok(200..=299));
    let (status, outcome) = match again {
        _ if took => (DeliveryStatus::Delivered, "delivered"),
        Some(_) => (DeliveryStatus::Queued, "retried"),
        None => (DeliveryStatus::Failed, "failed"),
    };
    delivery.status = status;
    delivery.next_attempt_at =
        again.filter(|_| !took).map(|times| later(app.teller.settings.retry_after.saturating_mul(*times)));
    app.redis.note_delivery(org, &delivery).await?;
    metrics::counter!("promptster_webhook_attempts_total", "outcome" => outcome).increment(1);
    Ok(delivery.next_attempt_at.map_or(Next::Done, Next::At))
}

impl Teller {
    /// The status of the receiver's answer, or why there is none.
    async fn tell(&self, webhook: &Webhook, delivery: &Delivery) -> Result<u16, String> {
        let url =
            guard::check(&webhook.url, self.settings.allow_private).map_err(|(_, why)| format!("the URL {why}"))?;
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("X-Promptster-Event", &delivery.event)
            .header("X-Promptster-Delivery", delivery.id.to_string())
            .header("X-Promptster-Signature", signature::header(webhook, &delivery.body, clock::now()))
            .body(delivery.body.clone());
        let answer = request.send().await.map_err(|error| reason(&error))?;
        Ok(answer.status().as_u16())
    }
}

/// What went wrong, for the organisation to see: nothing about this server's network.
fn reason(error: &reqwest::Error) -> String {
    let words = if error.is_timeout() {
        "no answer within 10 s"
    } else if error.is_connect() {
        "cannot connect: the name, the address, the port or the certificate"
    } else {
        "the connection ended before there was an answer"
    };
    words.to_owned()
}
