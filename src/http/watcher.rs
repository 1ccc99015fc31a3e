//! Who watches: somebody with a credential, or a browser with a ticket.

use std::pin::Pin;

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};

use super::{auth::Either, credentials::authenticate_ticket, error::ApiError, query::Params};
use crate::App;

/// Whoever may open a live socket.
pub(super) struct Watcher(pub(super) Either);

impl FromRequest for Watcher {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let ticket = Params::parse(request.query_string()).get("ticket").map(str::to_owned);
        let app = request.app_data::<Data<App>>().cloned();
        let by_header = Either::from_request(request, payload);
        Box::pin(async move {
            match (ticket, app) {
                (Some(ticket), Some(app)) => Ok(Self(authenticate_ticket(&app, &ticket).await?)),
                _ => Ok(Self(by_header.await?)),
            }
        })
    }
}
