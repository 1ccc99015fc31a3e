//! The cookies of browsers: one that stands for a sign-in, and one that lasts while somebody is away to sign in.

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderValue},
};

use super::{auth::MAX_CREDENTIAL_BYTES, error::ApiError};

/// The name of the cookie that stands for a sign-in.
const SIGN_IN: &str = "promptster_sign_in";

/// The name of the cookie that tells the browser that went to the provider.
const ATTEMPT: &str = "promptster_oidc";

/// What the cookie of a request says of a sign-in.
pub(super) fn secret_of(request: &HttpRequest) -> Option<String> {
    value_of(request, SIGN_IN)
}

/// What the cookie of a request says of an attempt to sign in.
pub(super) fn attempt_of(request: &HttpRequest) -> Option<String> {
    value_of(request, ATTEMPT)
}

fn value_of(request: &HttpRequest, wanted: &str) -> Option<String> {
    let cookies = request.headers().get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, secret) = pairs.find(|(name, _)| *name == wanted)?;
    (1..=MAX_CREDENTIAL_BYTES).contains(&secret.len()).then(|| secret.to_owned())
}

/// The cookie of a sign-in: for encrypted connections only, when it came by one, and for no other site.
pub(super) fn sign_in(secret: &str, seconds: i64, is_encrypted: bool) -> Result<HeaderValue, ApiError> {
    cookie(&format!("{SIGN_IN}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict"), is_encrypted)
}

/// The cookie of an attempt. `Lax`, since it is the provider's page that leads back here.
pub(super) fn attempt(secret: &str, seconds: u64, is_encrypted: bool) -> Result<HeaderValue, ApiError> {
    cookie(&format!("{ATTEMPT}={secret}; Path=/auth/oidc; Max-Age={seconds}; HttpOnly; SameSite=Lax"), is_encrypted)
}

fn cookie(text: &str, is_encrypted: bool) -> Result<HeaderValue, ApiError> {
    let secure = if is_encrypted { "; Secure" } else { "" };
    HeaderValue::try_from(format!("{text}{secure}")).map_err(ApiError::internal)
}

/// Whether the browser's own connection is encrypted. Its origin tells, whatever a proxy in between says or leaves out.
pub(super) fn came_encrypted(request: &HttpRequest) -> bool {
    let origin = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    origin.map_or_else(|| request.connection_info().scheme() == "https", |origin| origin.starts_with("https://"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let of = |cookies: &str| secret_of(&TestRequest::get().insert_header(("cookie", cookies)).to_http_request());
        assert_eq!(of("a=b; promptster_sign_in=psi_1; c=d").as_deref(), Some("psi_1"));
        assert_eq!(of("x_promptster_sign_in=psi_1; promptster_sign_in="), None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn the_cookie_is_for_encrypted_connections_only_when_it_came_by_one() {
        let of = |origin: &str| {
            let request = TestRequest::post().insert_header(("origin", origin)).to_http_request();
            sign_in("psi_1", 60, came_encrypted(&request)).unwrap().to_str().unwrap().to_owned()
        };
        let plain = "promptster_sign_in=psi_1; Path=/; Max-Age=60; HttpOnly; SameSite=Strict";
        assert_eq!(of("http://127.0.0.1:8080"), plain);
        assert_eq!(of("https://dash.example.org"), format!("{plain}; Secure"));
    }
}
