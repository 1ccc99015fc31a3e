//! Who asks: the first argument of a handler says who may call it.

use std::{net::IpAddr, pin::Pin, sync::Arc};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web::Data};
use domain::{OrgId, SessionRef, Timestamp};
use redis_scripts::{CandidateKey, Holder, Scopes, keys::SecretDigest};
use tracing::Instrument;
use uuid::Uuid;

use super::{
    credentials::{Knowledge, authenticate_candidate, authenticate_reviewer},
    error::{ApiError, Refusal},
    rate::client_address,
    signed_in,
};
use crate::App;

/// Longer credentials are not looked at.
pub(super) const MAX_CREDENTIAL_BYTES: usize = 8192;

/// Somebody who reads, and perhaps writes, for an organisation.
#[derive(Debug, Clone)]
pub struct Reviewer {
    /// The organisation.
    pub org: OrgId,
    /// What is allowed.
    pub scopes: Scopes,
    /// What tells reviewers apart: the API key, the member, or the person.
    pub id: Uuid,
    /// What lets them in.
    pub by: By,
}

/// What lets a reviewer in, and ends what they opened when it ends.
#[derive(Debug, Clone)]
pub enum By {
    /// An API key.
    ApiKey,
    /// The token of a person.
    Token {
        /// When it expires.
        expires_at: Timestamp,
    },
    /// The sign-in of a browser.
    SignIn {
        /// The digest of its secret.
        digest: SecretDigest,
        /// The API key or member that it stands for.
        holder: Holder,
        /// When it ends by itself.
        expires_at: Timestamp,
    },
}

impl By {
    /// When it ends by itself; `None` when it does not.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::ApiKey => None,
            Self::Token { expires_at } | Self::SignIn { expires_at, .. } => Some(*expires_at),
        }
    }
}

/// A reviewer who may write.
#[derive(Debug, Clone)]
pub struct ReviewerWrite(pub Reviewer);

/// A candidate, by candidate key or session token.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The organisation.
    pub org: OrgId,
    /// The candidate key as it is now.
    pub key: Arc<CandidateKey>,
    /// A session token past the end of its session plus the grace. It opens nothing any more, but what still comes in
    /// with it is told that the session has ended: clients would repeat anything else for an hour.
    pub late: bool,
}

impl Candidate {
    /// The session of the key, once there is one.
    #[must_use]
    pub fn session(&self) -> Option<SessionRef> {
        self.key.session.clone().map(|session| SessionRef::new(self.org, session))
    }
}

/// A candidate who sends events: charged by events instead of by request, and heard even when late.
#[derive(Debug, Clone)]
pub struct Sender(pub Candidate);

/// A reviewer or a candidate.
#[derive(Debug, Clone)]
pub enum Either {
    /// A reviewer.
    Reviewer(Reviewer),
    /// A candidate.
    Candidate(Box<Candidate>),
}

impl Either {
    /// Whose data may be seen.
    #[must_use]
    pub fn org(&self) -> OrgId {
        match self {
            Self::Reviewer(reviewer) => reviewer.org,
            Self::Candidate(candidate) => candidate.org,
        }
    }

    /// What budgets are counted by.
    #[must_use]
    pub fn id(&self) -> Uuid {
        match self {
            Self::Reviewer(reviewer) => reviewer.id,
            Self::Candidate(candidate) => candidate.key.id,
        }
    }
}

/// Anybody, by address.
#[derive(Debug, Clone, Copy)]
pub struct Public {
    /// Where the request comes from.
    pub address: IpAddr,
}

/// Whoever the headers name: `Authorization` counts before `X-API-Key`, and both before the cookie of a browser.
async fn authenticate(request: &HttpRequest, app: &App, knowledge: Knowledge) -> Result<Either, ApiError> {
    named(request, app, knowledge).instrument(tracing::debug_span!("authenticate")).await
}

/// Events come from candidates, most of all: the other ways are boxed, so that they take no room in every request.
async fn named(request: &HttpRequest, app: &App, knowledge: Knowledge) -> Result<Either, ApiError> {
    let address = client_address(request, &app.settings);
    if let Some(bearer) = header_value(request, header::AUTHORIZATION.as_str())? {
        let (scheme, credential) = bearer.split_once(' ').ok_or(Refusal::Unauthorized)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::Unauthorized.into());
        }
        return Ok(Either::Reviewer(Box::pin(authenticate_reviewer(app, credential.trim(), address)).await?));
    }
    let Some(credential) = header_value(request, "x-api-key")? else {
        return Ok(Either::Reviewer(Box::pin(signed_in::reviewer(request, app)).await?));
    };
    Ok(Either::Candidate(Box::new(authenticate_candidate(app, credential, address, knowledge).await?)))
}

fn header_value<'a>(request: &'a HttpRequest, name: &str) -> Result<Option<&'a str>, ApiError> {
    let Some(value) = request.headers().get(name) else { return Ok(None) };
    match value.to_str().map(str::trim) {
        Ok(text) if (1..=MAX_CREDENTIAL_BYTES).contains(&text.len()) => Ok(Some(text)),
        _ => Err(Refusal::Unauthorized.into()),
    }
}

async fn charged(request: &HttpRequest, app: &App) -> Result<Either, ApiError> {
    let who = authenticate(request, app, Knowledge::Asked).await?;
    match app.limits.credential.take_one(&who.id()).await {
        Ok(standing) => standing.note(request),
        Err(standing) => {
            standing.note(request);
            return Err(standing.refusal());
        }
    }
    match &who {
        Either::Candidate(candidate) if candidate.late => Err(Refusal::Unauthorized.into()),
        _ => Ok(who),
    }
}

fn app_of(request: &HttpRequest) -> Result<Data<App>, ApiError> {
    request.app_data::<Data<App>>().cloned().ok_or_else(|| ApiError::internal("no App in the request"))
}

/// Declares extractors: the type, and how it comes from a request.
macro_rules! extractors {
    ($($name:ty = |$request:ident, $app:ident| $body:expr;)*) => {$(
        impl FromRequest for $name {
            type Error = ApiError;
            type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let $request = request.clone();
                Box::pin(async move {
                    let $app = app_of(&$request)?;
                    $body
                })
            }
        }
    )*};
}

extractors! {
    // Whether a reviewer may write is asked by the handlers that write.
    Either = |request, app| match charged(&request, &app).await? {
        Either::Reviewer(reviewer) if !reviewer.scopes.read && request.method().is_safe() => {
            Err(Refusal::InsufficientScope.into())
        }
        who => Ok(who),
    };

    Reviewer = |request, app| match charged(&request, &app).await? {
        Either::Reviewer(reviewer) if reviewer.scopes.read => Ok(reviewer),
        Either::Reviewer(_) => Err(Refusal::InsufficientScope.into()),
        Either::Candidate(_) => Err(Refusal::ReviewerOnly.into()),
    };

    ReviewerWrite = |request, app| match charged(&request, &app).await? {
        Either::Reviewer(reviewer) if reviewer.scopes.write => Ok(Self(reviewer)),
        Either::Reviewer(_) => Err(Refusal::InsufficientScope.into()),
        Either::Candidate(_) => Err(Refusal::ReviewerOnly.into()),
    };

    Candidate = |request, app| match charged(&request, &app).await? {
        Either::Candidate(candidate) => Ok(*candidate),
        Either::Reviewer(_) => Err(Refusal::CandidateOnly.into()),
    };

    Sender = |request, app| {
        let _asked = app.load.ask()?;
        match authenticate(&request, &app, Knowledge::Remembered).await? {
            Either::Candidate(candidate) => Ok(Self(*candidate)),
            Either::Reviewer(_) => Err(Refusal::CandidateOnly.into()),
        }
    };

    Public = |request, app| {
        let address = client_address(&request, &app.settings);
        match app.limits.address.take_one(&address).await {
            Ok(standing) => {
                standing.note(&request);
                Ok(Self { address })
            }
            Err(standing) => {
                standing.note(&request);
                Err(standing.refusal())
            }
        }
    };
}
