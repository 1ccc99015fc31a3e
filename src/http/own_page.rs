//! Whether a request comes from a page of this server: what a cookie authorises, another page must not be able to ask for.

use actix_web::{HttpRequest, http::header};

use super::{
    error::{ApiError, Refusal},
    origin,
};
use crate::settings::Settings;

/// Refuses what a page of another site has a browser send. What changes something has to prove where it comes from.
///
/// # Errors
/// 403 `cross_site`, `origin_refused`.
pub(super) fn check(request: &HttpRequest, settings: &Settings) -> Result<(), ApiError> {
    origin::check(request, settings)?;
    let site = request.headers().get("sec-fetch-site").map(|site| site.to_str().unwrap_or_default());
    let is_safe = request.method().is_safe();
    let is_own = match site {
        Some("same-origin") => true,
        // Somebody typed the address, or opened a file of ours anew.
        Some("none") => is_safe,
        Some(_) => false,
        // Older browsers name the origin of what changes something.
        None => is_safe || request.headers().contains_key(header::ORIGIN),
    };
    if is_own { Ok(()) } else { Err(Refusal::CrossSite.into()) }
}
