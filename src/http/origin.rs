//! Where a browser may connect from: only from the server's own pages and from configured ones.

use actix_web::{HttpRequest, http::header};

use super::error::{ApiError, Refusal};
use crate::settings::Settings;

/// Refuses a browser that connects from a foreign page. Programs send no `Origin`.
///
/// # Errors
/// 403 `origin_refused`.
pub(super) fn check(request: &HttpRequest, settings: &Settings) -> Result<(), ApiError> {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if is_allowed(origin, host, settings) { Ok(()) } else { Err(Refusal::OriginRefused.into()) }
}

fn is_allowed(origin: &str, host: &str, settings: &Settings) -> bool {
    let same = |other: &str| origin.eq_ignore_ascii_case(other.trim_end_matches('/'));
    let own = origin.split_once("://").is_some_and(|(_, named)| !host.is_empty() && named.eq_ignore_ascii_case(host));
    own || same(&settings.public_url) || settings.allowed_origins.iter().any(|allowed| same(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_and_configured_origins_connect() {
        let settings = Settings { allowed_origins: vec!["https://dash.example.org".to_owned()], ..Settings::default() };
        let check =
            |origin, expected| assert_eq!(is_allowed(origin, "api.example.org", &settings), expected, "{origin}");
        check("https://api.example.org", true);
        check("https://dash.example.org", true);
        check("http://127.0.0.1:8080", true);
        check("https://evil.example.org", false);
        check("https://api.example.org.evil.com", false);
        check("null", false);
        check("", false);
    }
}
