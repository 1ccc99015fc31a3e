//! Browsers of other origins: which may read replies, and what they may send. Credentials travel in headers that a page
//! sets itself, so cookies and the like are never asked for, and only origins of [`origin`] are ever named.

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    guard::GuardContext,
    http::header::{self, HeaderMap, HeaderValue},
    middleware::Next,
    web::Data,
};

use super::{
    error::{ApiError, Refusal},
    origin,
};
use crate::App;

/// What clients send beyond what every page may.
const HEADERS: &str = "authorization, content-encoding, content-type, last-event-id, x-api-key, x-request-id";

/// What pages may read beyond what every page may.
const EXPOSED: &str = "retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-request-id";

/// How long a browser may remember the answer to a preflight: two hours, the longest that browsers take.
const MAX_AGE: &str = "7200";

/// Names the origin of a request in its reply, if it may read that.
pub(super) async fn cors<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let origin = allowed_origin(request.request());
    let mut reply = next.call(request).await?;
    let headers = reply.headers_mut();
    // Also without an origin: caches must not give the reply to a page that has one.
    vary(headers);
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
    Ok(reply)
}

fn vary(headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}

/// The origin of a request, if it is one that may read replies.
fn allowed_origin(request: &HttpRequest) -> Option<HeaderValue> {
    let origin = request.headers().get(header::ORIGIN)?;
    let app = request.app_data::<Data<App>>()?;
    origin::check(request, &app.settings).is_ok().then(|| origin.clone())
}

/// Whether it is the question of a browser, and not somebody who tries methods.
pub(super) fn is_preflight(request: &GuardContext<'_>) -> bool {
    let headers = request.head().headers();
    headers.contains_key(header::ORIGIN) && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Answers a browser that asks what it may send to a path with these methods.
///
/// # Errors
/// 403 for other origins.
pub(super) fn preflight(request: &HttpRequest, methods: &str) -> Result<HttpResponse, ApiError> {
    if allowed_origin(request).is_none() {
        return Err(Refusal::OriginRefused.into());
    }
    let reply = HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, methods))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE))
        .finish();
    Ok(reply)
}
