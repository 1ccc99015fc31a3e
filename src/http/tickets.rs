//! Tickets for browsers' sockets.

use actix_web::{HttpResponse, web::Data};
use redis_scripts::{Issuer, TICKET_LIFE, Ticket};
use serde_json::json;

use super::{
    auth::{By, Either, Reviewer},
    error::{ApiError, Refusal},
};
use crate::{App, clock};

/// `POST /v1/live-tickets`
pub(super) async fn issue(app: Data<App>, who: Either) -> Result<HttpResponse, ApiError> {
    let issuer = match &who {
        // A ticket is for watching.
        Either::Reviewer(reviewer) if !reviewer.scopes.read => return Err(Refusal::InsufficientScope.into()),
        Either::Reviewer(Reviewer { id, scopes, by, .. }) => match by {
            By::ApiKey => Issuer::Reviewer(*id),
            By::Token { expires_at } => Issuer::Person { id: *id, scopes: *scopes, expires_at: *expires_at },
            By::SignIn { digest, holder, .. } => Issuer::SignedIn { holder: *holder, sign_in: digest.clone() },
        },
        Either::Candidate(candidate) => Issuer::Candidate(candidate.key.id),
    };
    let life_ms = i64::try_from(TICKET_LIFE.as_millis()).unwrap_or_default();
    let expires_at = clock::now().plus_millis(life_ms);
    let ticket = app.redis.issue_ticket(&Ticket { org: who.org(), issuer }).await?;
    Ok(HttpResponse::Created().json(json!({"ticket": ticket, "expiresAt": expires_at})))
}
