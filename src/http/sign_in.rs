//! Signing in: a browser shows an API key once and gets a cookie, which the dashboard's own pages send from then on. The
//! cookie is of no use to scripts (`HttpOnly`) and to other sites (`SameSite=Strict`, [`own_page`]), and ends with what it
//! stands for, by signing out, or after [`LIFE_MS`].

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use redis_scripts::{API_KEY_PREFIX, Holder, Purpose, SignIn, Standing};
use serde_json::json;

use super::{
    auth::{MAX_CREDENTIAL_BYTES, Public},
    body::Body,
    cookies,
    credentials::{api_key_now, in_time, owner_of},
    error::{ApiError, Refusal},
    fields::{Fields, FromFields},
    own_page,
    rate::client_address,
    rule::{boolean, text},
    signed_in::{self, SignedIn, shown},
};
use crate::{App, clock};

/// How long a sign-in lasts: a working day.
pub(super) const LIFE_MS: i64 = 12 * 3_600_000;

/// More organisations than these a sign-in does not hold; what is beyond is left out.
pub(super) const MAX_STANDINGS: usize = 50;

pub(super) struct Credential {
    secret: String,
    /// Beside what the browser is signed in to already, and not instead of it.
    add: bool,
}

impl FromFields for Credential {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            secret: fields.required("apiKey", text(1..=MAX_CREDENTIAL_BYTES)),
            add: fields.optional("add", boolean()).unwrap_or_default(),
        }
    }
}

/// Takes a try to sign in from the budget of the address.
///
/// # Errors
/// 429, 503.
pub(super) async fn take_try(app: &App, request: &HttpRequest) -> Result<(), ApiError> {
    let address = client_address(request, &app.settings);
    app.limits.sign_in.take_one(&address).await.map(drop).map_err(|left| {
        left.note(request);
        left.refusal()
    })
}

/// `POST /auth/sign-in`
pub(super) async fn begin(
    _: Public,
    app: Data<App>,
    request: HttpRequest,
    body: Body<Credential>,
) -> Result<HttpResponse, ApiError> {
    own_page::check(&request, &app.settings)?;
    take_try(&app, &request).await?;
    let Credential { secret, add } = body.json(&app).await?;
    let key = in_time(async {
        if !secret.starts_with(API_KEY_PREFIX) {
            return Err(Refusal::Unauthorized.into());
        }
        let address = client_address(&request, &app.settings);
        let owner = owner_of(&app, Purpose::Api, &secret, address).await?.ok_or(Refusal::Unauthorized)?;
        api_key_now(&app, owner).await
    })
    .await?;
    // There is no page that does without reading.
    if !key.scopes.read {
        return Err(Refusal::InsufficientScope.into());
    }
    let before = signed_in::before(&request, &app).await?;
    let standing = Standing { org: key.org, holder: Holder::ApiKey(key.id) };
    let now = clock::now();
    let mut sign_in = SignIn { standings: vec![standing], expires_at: now.plus_millis(LIFE_MS) };
    if let Some(SignedIn { sign_in: held, .. }) = before.as_ref().filter(|_| add) {
        let others = held.standings.iter().filter(|other| other.org != standing.org);
        sign_in.standings.extend(others.take(MAX_STANDINGS - 1));
        sign_in.expires_at = held.expires_at;
    }
    let body = shown(&app, &sign_in).await?;
    // Always with a secret of its own, so that nobody who knew the one before has what was added. And who signs in anew in
    // the same browser leaves nothing behind that still counts.
    if let Some(before) = before {
        app.redis.end_sign_in(&before.digest).await?;
    }
    let secret = app.redis.begin_sign_in(&sign_in).await?;
    let seconds = sign_in.expires_at.millis().saturating_sub(now.millis()) / 1000;
    let cookie = cookies::sign_in(&secret, seconds, cookies::came_encrypted(&request))?;
    Ok(HttpResponse::Ok().insert_header((header::SET_COOKIE, cookie)).json(body))
}

/// `POST /auth/sign-out`: for all organisations of the sign-in. Sockets that it opened are closed within seconds.
pub(super) async fn end(_: Public, app: Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    own_page::check(&request, &app.settings)?;
    if let Some(secret) = cookies::secret_of(&request) {
        for digest in app.redis.digests(&secret) {
            app.redis.end_sign_in(&digest).await?;
        }
    }
    let gone = cookies::sign_in("", 0, cookies::came_encrypted(&request))?;
    Ok(HttpResponse::Ok().insert_header((header::SET_COOKIE, gone)).json(json!({ "ok": true })))
}
