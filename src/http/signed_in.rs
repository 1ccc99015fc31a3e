//! A browser that is signed in: whom its cookie stands for, now and otherwise, and turning from one to another.

use std::pin::Pin;

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, web::Data};
use redis_scripts::{Org, SignIn, Standing, keys::SecretDigest};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    auth::{Public, Reviewer},
    body::Body,
    cookies::secret_of,
    credentials::in_time,
    error::{ApiError, Refusal},
    fields::{Fields, FromFields},
    holders::{self, Held, held_now},
    members::{member_json, note_sign_in},
    org::api_key_json,
    own_page,
    rule::uuid,
};
use crate::{App, whole};

/// A browser that is signed in.
pub(super) struct SignedIn {
    pub(super) digest: SecretDigest,
    pub(super) sign_in: SignIn,
}

impl FromRequest for SignedIn {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let app = request.app_data::<Data<App>>().ok_or_else(|| ApiError::internal("no App in the request"))?;
            in_time(signed_in(&request, app)).await
        })
    }
}

/// Whoever the cookie of a request stands for.
///
/// # Errors
/// 401, alike for all reasons; 403 for pages of other sites; 503.
pub(super) async fn reviewer(request: &HttpRequest, app: &App) -> Result<Reviewer, ApiError> {
    in_time(async {
        let SignedIn { digest, sign_in } = signed_in(request, app).await?;
        // Sockets and tickets ask again and again, so that what ends it ends them as well.
        let standing = current(&sign_in)?;
        Box::pin(holders::reviewer(app, digest, &sign_in, standing)).await
    })
    .await
}

/// The standing that requests are for.
fn current(sign_in: &SignIn) -> Result<Standing, ApiError> {
    sign_in.standings.first().copied().ok_or_else(|| Refusal::Unauthorized.into())
}

async fn signed_in(request: &HttpRequest, app: &App) -> Result<SignedIn, ApiError> {
    let secret = secret_of(request).ok_or(Refusal::Unauthorized)?;
    own_page::check(request, &app.settings)?;
    for digest in app.redis.digests(&secret) {
        let found = app.redis.sign_in(&digest).await?;
        if let Some(sign_in) = whole::believed(app, digest.partition(), found).await? {
            return Ok(SignedIn { digest, sign_in });
        }
    }
    Err(Refusal::Unauthorized.into())
}

/// The sign-in of a browser, where it has one.
///
/// # Errors
/// 503.
pub(super) async fn before(request: &HttpRequest, app: &App) -> Result<Option<SignedIn>, ApiError> {
    match in_time(signed_in(request, app)).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.refusal() == Refusal::Unauthorized => Ok(None),
        Err(error) => Err(error),
    }
}

/// `GET /auth/me`
pub(super) async fn show(_: Reviewer, who: SignedIn, app: Data<App>) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(shown(&app, &who.sign_in).await?))
}

/// A sign-in as it is shown: what it stands for now, and what else it can be turned to.
///
/// # Errors
/// 401 when what it stands for now has gone; 503.
pub(super) async fn shown(app: &App, sign_in: &SignIn) -> Result<Value, ApiError> {
    let (org, held) = named(app, current(sign_in)?).await?;
    let mut organisations = vec![org_json(&org)];
    for standing in sign_in.standings.iter().skip(1) {
        match named(app, *standing).await {
            Ok((org, held)) if held.scopes().read => organisations.push(org_json(&org)),
            Ok(_) => {}
            // What has gone is offered no more.
            Err(error) if error.refusal() == Refusal::Unauthorized => {}
            Err(error) => return Err(error),
        }
    }
    let (key, member) = match &held {
        Held::ApiKey(key) => (Some(api_key_json(key)), None),
        Held::Member(member) => (None, Some(member_json(member))),
    };
    Ok(json!({
        "org": org_json(&org),
        "apiKey": key,
        "member": member,
        "organisations": organisations,
        "expiresAt": sign_in.expires_at,
    }))
}

async fn named(app: &App, standing: Standing) -> Result<(Org, Held), ApiError> {
    let held = held_now(app, standing).await?;
    Ok((app.redis.org(standing.org).await?.ok_or(Refusal::Unauthorized)?, held))
}

fn org_json(org: &Org) -> Value {
    json!({ "id": org.id, "name": org.name })
}

pub(super) struct Switch(Uuid);

impl FromFields for Switch {
    fn from_fields(fields: &mut Fields) -> Self {
        Self(fields.required("orgId", uuid()))
    }
}

/// `POST /auth/switch`: requests are for another organisation of the sign-in from now on. Sockets that are open stay
/// with the organisation that they were opened for.
pub(super) async fn switch(
    _: Public,
    app: Data<App>,
    who: SignedIn,
    body: Body<Switch>,
) -> Result<HttpResponse, ApiError> {
    let SignedIn { digest, mut sign_in } = who;
    let Switch(org) = body.json(&app).await?;
    let is_it = |standing: &Standing| standing.org.uuid() == org;
    let at = sign_in.standings.iter().position(is_it).ok_or(Refusal::NotYourOrg)?;
    sign_in.standings.swap(0, at);
    let standing = current(&sign_in)?;
    let held = held_now(&app, standing).await.map_err(|error| match error.refusal() {
        Refusal::Unauthorized => Refusal::NotYourOrg.into(),
        _ => error,
    })?;
    if !held.scopes().read {
        return Err(Refusal::InsufficientScope.into());
    }
    if !app.redis.change_sign_in(&digest, &sign_in).await? {
        return Err(Refusal::Unauthorized.into());
    }
    note_sign_in(&app, standing).await;
    Ok(HttpResponse::Ok().json(shown(&app, &sign_in).await?))
}
