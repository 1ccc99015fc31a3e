//! Who watches: somebody with a credential, or a browser with a ticket.

use std::pin::Pin;

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use redis_scripts::Issuer;

use super::{
    auth::{Candidate, Either, Reviewer},
    error::{ApiError, Refusal},
    query::Query,
};
use crate::{App, clock};

/// Whoever may open a live socket.
pub(super) struct Watcher(pub(super) Either);

impl FromRequest for Watcher {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let ticket = Query::parse(request.query_string()).get("ticket").map(str::to_owned);
        let app = request.app_data::<Data<App>>().cloned();
        let by_header = Either::from_request(request, payload);
        Box::pin(async move {
            match (ticket, app) {
                (Some(ticket), Some(app)) => Ok(Self(by_ticket(&app, &ticket).await?)),
                _ => Ok(Self(by_header.await?)),
            }
        })
    }
}

/// The one whom the ticket was given to, if it would still be let in. The ticket is used up.
async fn by_ticket(app: &App, ticket: &str) -> Result<Either, ApiError> {
    let ticket = app.redis.take_ticket(ticket).await?.ok_or(Refusal::Unauthorized)?;
    match ticket.issuer {
        Issuer::Reviewer(id) => {
            let key = app.redis.api_key(ticket.org, id).await?.filter(|key| key.revoked_at.is_none());
            let key = key.ok_or(Refusal::Unauthorized)?;
            Ok(Either::Reviewer(Reviewer { org: key.org, scopes: key.scopes, key_id: key.id }))
        }
        Issuer::Candidate(id) => {
            let key = app.redis.candidate_key(ticket.org, id).await?;
            let key = key.filter(|key| key.authenticates(clock::now())).ok_or(Refusal::Unauthorized)?;
            Ok(Either::Candidate(Box::new(Candidate { org: ticket.org, key, late: false })))
        }
    }
}
