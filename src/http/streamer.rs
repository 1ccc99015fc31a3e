//! Who streams: a candidate, by header, or by subprotocol where headers cannot be set.

use std::pin::Pin;

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web::Data};

use super::{
    auth::{Candidate, Sender},
    credentials::{Knowledge, authenticate_candidate},
    error::ApiError,
    origin,
    rate::client_address,
};
use crate::App;

/// Whoever may open a socket to stream events in.
pub(super) struct Streamer(pub(super) Candidate);

impl FromRequest for Streamer {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let as_everywhere = Sender::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let Some(app) = request.app_data::<Data<App>>() else {
                return Err(ApiError::internal("no App in the request"));
            };
            origin::check(&request, &app.settings)?;
            match credential_of(&request) {
                Some(credential) => {
                    let address = client_address(&request, &app.settings);
                    Ok(Self(authenticate_candidate(app, &credential, address, Knowledge::Asked).await?))
                }
                // Nobody, or a reviewer: refused as everywhere.
                None => Ok(Self(as_everywhere.await?.0)),
            }
        })
    }
}

fn credential_of(request: &HttpRequest) -> Option<String> {
    if let Some(key) = request.headers().get("x-api-key") {
        return key.to_str().ok().map(|key| key.trim().to_owned());
    }
    let protocols = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let mut words = protocols.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    words.find_map(|word| word.trim().strip_prefix("key.").map(str::to_owned))
}
