//! Who asks for a model: a candidate, by either of the headers that model clients send. A refusal has the shape of the
//! provider, so finding out is no extractor's business.

use std::{
    convert::Infallible,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header};

use crate::{
    App,
    http::{
        auth::Candidate,
        body::RawBody,
        credentials::{Knowledge, authenticate_candidate},
        error::{ApiError, Refusal},
        rate::client_address,
        server::RequestId,
    },
};

/// Longer credentials are not looked at.
const MAX_CREDENTIAL_BYTES: usize = 256;

/// A request for a provider, of whom nothing is known yet.
pub struct ModelCall {
    pub(super) request: HttpRequest,
    pub(super) body: RawBody,
}

impl FromRequest for ModelCall {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let Ok(body) = RawBody::from_request(request, payload).into_inner();
        ready(Ok(Self { request: request.clone(), body }))
    }
}

impl ModelCall {
    pub(super) fn request_id(&self) -> String {
        self.request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default()
    }

    /// The candidate, charged for a request; and the credentials that were given, which go nowhere.
    ///
    /// # Errors
    /// 401, 429, 503.
    pub(super) async fn candidate(&self, app: &App) -> Result<(Candidate, Vec<String>), ApiError> {
        let credentials = credentials(&self.request);
        let address = client_address(&self.request, &app.settings);
        let mut found = Err(Refusal::Unauthorized.into());
        for credential in credentials.iter().filter(|credential| credential.len() <= MAX_CREDENTIAL_BYTES) {
            found = Box::pin(authenticate_candidate(app, credential, address, Knowledge::Asked)).await;
            // A client that has a key of its own sends that in one header and ours in the other.
            if !found.as_ref().is_err_and(|error| error.refusal() == Refusal::Unauthorized) {
                break;
            }
        }
        let candidate = found?;
        match app.limits.credential.take_one(&candidate.key.id).await {
            Ok(standing) => standing.note(&self.request),
            Err(standing) => {
                standing.note(&self.request);
                return Err(standing.refusal());
            }
        }
        Ok((candidate, credentials))
    }
}

/// All that was sent to prove who asks.
fn credentials(request: &HttpRequest) -> Vec<String> {
    let texts = |name: &str| request.headers().get_all(name).filter_map(|value| value.to_str().ok());
    let bearers = texts(header::AUTHORIZATION.as_str()).filter_map(|text| {
        let (scheme, credential) = text.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(credential)
    });
    let mut found: Vec<String> = Vec::new();
    for credential in bearers.chain(texts("x-api-key")).map(str::trim).filter(|credential| !credential.is_empty()) {
        // Two are enough for every client, and no way to guess faster.
        if found.len() < 2 && !found.iter().any(|known| known == credential) {
            found.push(credential.to_owned());
        }
    }
    found
}
