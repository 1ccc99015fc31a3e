//! Signing in: a browser shows an API key once and gets a cookie, which the dashboard's own pages send from then on. The
//! cookie is of no use to scripts (`HttpOnly`) and to other sites (`SameSite=Strict`, [`own_page`]), and ends with its API
//! key, by signing out, or after [`LIFE_MS`].

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::header::{self, HeaderValue},
    web::Data,
};
use domain::Timestamp;
use redis_scripts::{API_KEY_PREFIX, ApiKey, Owner, Purpose, SignIn, keys::Partition};
use serde_json::{Value, json};

use super::{
    auth::{MAX_CREDENTIAL_BYTES, Public, Reviewer},
    body::Body,
    credentials::{api_key_now, in_time, owner_of},
    error::{ApiError, Refusal},
    fields::{Fields, FromFields},
    org::api_key_json,
    own_page,
    rate::client_address,
    rule::text,
};
use crate::{App, clock, whole};

/// The name of the cookie.
const COOKIE: &str = "promptster_sign_in";

/// How long a sign-in lasts: a working day.
const LIFE_MS: i64 = 12 * 3_600_000;

pub(super) struct Credential(String);

impl FromFields for Credential {
    fn from_fields(fields: &mut Fields) -> Self {
        Self(fields.required("apiKey", text(1..=MAX_CREDENTIAL_BYTES)))
    }
}

/// `POST /auth/sign-in`
pub(super) async fn begin(
    _: Public,
    app: Data<App>,
    request: HttpRequest,
    body: Body<Credential>,
) -> Result<HttpResponse, ApiError> {
    own_page::check(&request, &app.settings)?;
    let address = client_address(&request, &app.settings);
    app.limits.sign_in.take_one(&address).await.map_err(|standing| {
        standing.note(&request);
        standing.refusal()
    })?;
    let Credential(secret) = body.json(&app).await?;
    let key = in_time(async {
        if !secret.starts_with(API_KEY_PREFIX) {
            return Err(Refusal::Unauthorized.into());
        }
        let owner = owner_of(&app, Purpose::Api, &secret, address).await?.ok_or(Refusal::Unauthorized)?;
        api_key_now(&app, owner).await
    })
    .await?;
    // There is no page that does without reading.
    if !key.scopes.read {
        return Err(Refusal::InsufficientScope.into());
    }
    let sign_in = SignIn { org: key.org, key: key.id, expires_at: clock::now().plus_millis(LIFE_MS) };
    let shown = shown(&app, &key, sign_in.expires_at).await?;
    // Who signs in anew in the same browser leaves nothing behind that still counts.
    if let Some(before) = secret_of(&request) {
        app.redis.end_sign_in(&before).await?;
    }
    let secret = app.redis.begin_sign_in(&sign_in).await?;
    let cookie = cookie(&request, &secret, LIFE_MS / 1000)?;
    Ok(HttpResponse::Ok().insert_header((header::SET_COOKIE, cookie)).json(shown))
}

/// `POST /auth/sign-out`
pub(super) async fn end(_: Public, app: Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    own_page::check(&request, &app.settings)?;
    if let Some(secret) = secret_of(&request) {
        app.redis.end_sign_in(&secret).await?;
    }
    let gone = cookie(&request, "", 0)?;
    Ok(HttpResponse::Ok().insert_header((header::SET_COOKIE, gone)).json(json!({ "ok": true })))
}

/// `GET /auth/me`
pub(super) async fn show(_: Reviewer, who: SignedIn, app: Data<App>) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(shown(&app, &who.key, who.expires_at).await?))
}

async fn shown(app: &App, key: &ApiKey, expires_at: Timestamp) -> Result<Value, ApiError> {
    let org = app.redis.org(key.org).await?.ok_or(Refusal::Unauthorized)?;
    Ok(json!({
        "org": { "id": org.id, "name": org.name },
        "apiKey": api_key_json(key),
        "expiresAt": expires_at,
    }))
}

/// A browser that is signed in.
pub(super) struct SignedIn {
    key: ApiKey,
    expires_at: Timestamp,
}

impl FromRequest for SignedIn {
    type Error = ApiError;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let app = request.app_data::<Data<App>>().ok_or_else(|| ApiError::internal("no App in the request"))?;
            signed_in(&request, app).await
        })
    }
}

/// Whoever the cookie of a request stands for.
///
/// # Errors
/// 401, alike for all reasons; 403 for pages of other sites; 503.
pub(super) async fn reviewer(request: &HttpRequest, app: &App) -> Result<Reviewer, ApiError> {
    let SignedIn { key, .. } = signed_in(request, app).await?;
    // Sockets and tickets ask for the API key again and again, so that it ends them as well.
    Ok(Reviewer { org: key.org, scopes: key.scopes, id: key.id, expires_at: None })
}

async fn signed_in(request: &HttpRequest, app: &App) -> Result<SignedIn, ApiError> {
    let secret = secret_of(request).ok_or(Refusal::Unauthorized)?;
    own_page::check(request, &app.settings)?;
    in_time(async {
        for digest in app.redis.digests(&secret) {
            let found = app.redis.sign_in(&digest).await?;
            let found = whole::believed(app, Partition::of_digest(&digest), found).await?;
            if let Some(SignIn { org, key, expires_at }) = found {
                let key = api_key_now(app, Owner { org, id: key }).await?;
                return Ok(SignedIn { key, expires_at });
            }
        }
        Err(Refusal::Unauthorized.into())
    })
    .await
}

/// What the cookie of a request says.
fn secret_of(request: &HttpRequest) -> Option<String> {
    let cookies = request.headers().get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, secret) = pairs.find(|(name, _)| *name == COOKIE)?;
    (1..=MAX_CREDENTIAL_BYTES).contains(&secret.len()).then(|| secret.to_owned())
}

/// The cookie for the browser: for encrypted connections only, when it came by one.
fn cookie(request: &HttpRequest, secret: &str, seconds: i64) -> Result<HeaderValue, ApiError> {
    let secure = if came_encrypted(request) { "; Secure" } else { "" };
    let text = format!("{COOKIE}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text).map_err(ApiError::internal)
}

/// Whether the browser's own connection is encrypted. Its origin tells, whatever a proxy in between says or leaves out.
fn came_encrypted(request: &HttpRequest) -> bool {
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
            cookie(&request, "psi_1", 60).unwrap().to_str().unwrap().to_owned()
        };
        let plain = "promptster_sign_in=psi_1; Path=/; Max-Age=60; HttpOnly; SameSite=Strict";
        assert_eq!(of("http://127.0.0.1:8080"), plain);
        assert_eq!(of("https://dash.example.org"), format!("{plain}; Secure"));
    }
}
