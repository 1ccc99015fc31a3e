//! Signing in with an OpenID Connect provider, by authorization code and PKCE: a browser goes to the provider and comes
//! back with a code, for which the provider tells this server alone who that is. Whoever that is has to be a member of an
//! organisation here. Nothing of what went wrong leaves here but its name.

mod claims;
mod next;
mod provider;

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::header::{self, ContentType},
    web::Data,
};
use redis_scripts::{ATTEMPT_LIFE, Attempt, Holder, Member, SignIn, Standing, random_secret};
use serde_json::json;

pub use provider::Oidc;

use super::{
    auth::Public,
    cookies,
    error::{ApiError, Refusal},
    members::note_sign_in,
    own_page,
    query::Params,
    server::RequestId,
    sign_in::{LIFE_MS, MAX_STANDINGS, take_try},
    signed_in,
};
use crate::{App, clock, whole};

/// `GET /auth/methods`: the ways to sign in.
pub(super) async fn methods(_: Public, app: Data<App>) -> HttpResponse {
    let oidc = app.oidc.as_ref().map(|oidc| json!({ "name": oidc.name(), "begin": "/auth/oidc/begin" }));
    HttpResponse::Ok().json(json!({ "apiKey": true, "oidc": oidc }))
}

/// `GET /auth/oidc/begin?next=/…`: leads to the provider.
///
/// # Errors
/// 403 for pages of other sites. All else leads to the sign-in page.
pub(super) async fn begin(_: Public, app: Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    own_page::check(&request, &app.settings)?;
    Ok(departure(&app, &request).await.unwrap_or_else(|error| refused(&request, &error)))
}

async fn departure(app: &App, request: &HttpRequest) -> Result<HttpResponse, ApiError> {
    take_try(app, request).await?;
    let oidc = app.oidc.as_ref().ok_or(Refusal::OidcOff)?;
    let browser = random_secret("")?;
    let before = signed_in::before(request, app).await?;
    let attempt = Attempt {
        browser: app.redis.digest(&browser).as_str().to_owned(),
        nonce: random_secret("")?,
        verifier: random_secret("")?,
        next: next::page(Params::parse(request.query_string()).get("next")).to_owned(),
        before: before.map(|before| before.digest.as_str().to_owned()),
    };
    let known = oidc.known().await?;
    let state = app.redis.begin_attempt(&attempt).await?;
    let url = oidc.authorization(&known, &state, &attempt);
    let cookie = cookies::attempt(&browser, ATTEMPT_LIFE.as_secs(), oidc.is_encrypted())?;
    Ok(HttpResponse::SeeOther()
        .insert_header((header::LOCATION, String::from(url)))
        .insert_header((header::SET_COOKIE, cookie))
        .finish())
}

/// `GET /auth/oidc/callback`: whoever comes back from the provider.
pub(super) async fn callback(_: Public, app: Data<App>, request: HttpRequest) -> HttpResponse {
    arrival(&app, &request).await.unwrap_or_else(|error| refused(&request, &error))
}

async fn arrival(app: &App, request: &HttpRequest) -> Result<HttpResponse, ApiError> {
    take_try(app, request).await?;
    let oidc = app.oidc.as_ref().ok_or(Refusal::OidcOff)?;
    let told = Params::parse(request.query_string());
    let browser = cookies::attempt_of(request).ok_or(Refusal::OidcState)?;
    let state = told.get("state").ok_or(Refusal::OidcState)?;
    let attempt = app.redis.take_attempt(state).await?.ok_or(Refusal::OidcState)?;
    if !app.redis.has_digest(&browser, &attempt.browser) {
        return Err(Refusal::OidcState.into());
    }
    if let Some(error) = told.get("error") {
        return Err(ApiError::caused(Refusal::OidcDenied, error));
    }
    let code = told.get("code").ok_or(Refusal::OidcDenied)?;
    let known = oidc.known().await?;
    // Of a provider that says who it is: another one must not be able to send its codes here (RFC 9207).
    if told.get("iss").is_some_and(|issuer| issuer != known.issuer()) {
        return Err(Refusal::OidcIssuer.into());
    }
    let email = oidc.email(&known, code, &attempt).await?;
    let sign_in = sign_in_of(app, &email).await?;
    app.redis.end_sign_in_before(&attempt).await?;
    let secret = app.redis.begin_sign_in(&sign_in).await?;
    if let Some(standing) = sign_in.standings.first() {
        note_sign_in(app, *standing).await;
    }
    // The browser sends the cookie of a sign-in for no page to which another site led, which a redirect from here still
    // counts as. So this page moves on by itself.
    Ok(HttpResponse::Ok()
        .insert_header(ContentType::html())
        .append_header((header::SET_COOKIE, cookies::sign_in(&secret, LIFE_MS / 1000, oidc.is_encrypted())?))
        .append_header((header::SET_COOKIE, cookies::attempt("", 0, oidc.is_encrypted())?))
        .body(next::moving_on(&attempt.next)))
}

/// A sign-in for all organisations that have a member with this address. It begins with the one where the member was last.
async fn sign_in_of(app: &App, email: &str) -> Result<SignIn, ApiError> {
    let members = app.redis.members_by_email(email).await?;
    let found = (!members.is_empty()).then_some(members);
    let mut members = whole::believed(app, Member::found_in(email), found).await?.ok_or(Refusal::NotAMember)?;
    members.retain(|member| member.scopes.read);
    members.sort_by_key(|member| std::cmp::Reverse((member.last_sign_in_at, member.id)));
    let standing = |member: &Member| Standing { org: member.org, holder: Holder::Member(member.id) };
    let standings: Vec<_> = members.iter().take(MAX_STANDINGS).map(standing).collect();
    if standings.is_empty() {
        // There is no page that does without reading.
        return Err(Refusal::InsufficientScope.into());
    }
    Ok(SignIn { standings, expires_at: clock::now().plus_millis(LIFE_MS) })
}

/// Leads to the sign-in page, which says in words what the name of the refusal means.
fn refused(request: &HttpRequest, error: &ApiError) -> HttpResponse {
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    error.report(&id);
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, format!("/sign-in?reason={}", error.refusal().code())))
        .finish()
}
