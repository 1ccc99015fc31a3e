//! Who asks. Whose a secret is never changes and is remembered; whether it still counts is asked of Redis every time.

use std::{
    collections::HashMap,
    net::IpAddr,
    pin::Pin,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web::Data};
use domain::{OrgId, SessionRef, Timestamp};
use redis_scripts::{
    API_KEY_PREFIX, ApiKey, CandidateKey, Issuer, Owner, Purpose, Scopes, keys::SecretDigest, parse_candidate_key,
};
use uuid::Uuid;

use super::{
    error::{ApiError, Refusal},
    jwt::Denial,
    rate::client_address,
};
use crate::{App, clock};

/// How long finding out who asks may take. The way to Redis and its answer may take two seconds each, but a client is
/// to know within two in all that Redis is away.
const PATIENCE: Duration = Duration::from_millis(1_900);

/// Longer credentials are not looked at.
const MAX_CREDENTIAL_BYTES: usize = 8192;

/// Somebody who reads, and perhaps writes, for an organisation.
#[derive(Debug, Clone)]
pub struct Reviewer {
    /// The organisation.
    pub org: OrgId,
    /// What is allowed.
    pub scopes: Scopes,
    /// What tells reviewers apart: the API key, or the person.
    pub id: Uuid,
    /// When the token of a person expires; `None` with an API key.
    pub expires_at: Option<Timestamp>,
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
    pub key: CandidateKey,
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

/// Whose the secrets are that this node has seen. Bounded; forgotten as a whole when full, since to ask again is cheap.
#[derive(Debug, Default)]
pub struct Credentials {
    owners: RwLock<HashMap<(Purpose, SecretDigest), Owner>>,
}

const MAX_REMEMBERED: usize = 100_000;

impl Credentials {
    fn get(&self, of: &(Purpose, SecretDigest)) -> Option<Owner> {
        self.owners.read().unwrap_or_else(PoisonError::into_inner).get(of).copied()
    }

    fn remember(&self, of: (Purpose, SecretDigest), owner: Owner) {
        let mut owners = self.owners.write().unwrap_or_else(PoisonError::into_inner);
        if owners.len() >= MAX_REMEMBERED {
            owners.clear();
        }
        owners.insert(of, owner);
    }
}

/// Whose a secret is; `None` when nobody's. For a candidate key, which is short enough to be guessed, that counts as a
/// failure of `address`; API keys and tokens have 256 bits.
///
/// # Errors
/// 429 while too many look-ups have failed, 503 without Redis.
pub async fn owner_of(app: &App, purpose: Purpose, secret: &str, address: IpAddr) -> Result<Option<Owner>, ApiError> {
    let of = (purpose, SecretDigest::of(secret));
    if let Some(owner) = app.credentials.get(&of) {
        return Ok(Some(owner));
    }
    let guessable = purpose == Purpose::Candidate;
    if guessable {
        app.limits.may_look_up(address)?;
    }
    let owner = app.redis.owner_of(purpose, &of.1).await?;
    match owner {
        Some(owner) => app.credentials.remember(of, owner),
        None if guessable => app.limits.count_failure(address),
        None => {}
    }
    Ok(owner)
}

/// The reviewer behind an `Authorization: Bearer` value, without the word `Bearer`.
///
/// # Errors
/// 401, alike for all reasons; 429, 503.
pub async fn authenticate_reviewer(app: &App, bearer: &str, address: IpAddr) -> Result<Reviewer, ApiError> {
    in_time(async {
        if !bearer.starts_with(API_KEY_PREFIX) {
            return reviewer_by_token(app, bearer).await;
        }
        let owner = owner_of(app, Purpose::Api, bearer, address).await?.ok_or(Refusal::Unauthorized)?;
        reviewer_now(app, owner).await
    })
    .await
}

/// The reviewer whom a JWT speaks of. Its claim names an organisation by its external id, or by its own.
async fn reviewer_by_token(app: &App, token: &str) -> Result<Reviewer, ApiError> {
    let jwt = app.jwt.as_ref().ok_or(Refusal::Unauthorized)?;
    let person = jwt.person(token).await.map_err(|denial| match denial {
        Denial::Token => Refusal::Unauthorized.into(),
        Denial::NoKeys => ApiError::unavailable("no keys to check a JWT with"),
    })?;
    let of = (Purpose::ExternalOrg, SecretDigest::of(&person.org));
    let known = match app.credentials.get(&of) {
        Some(owner) => Some(owner),
        None => app.redis.owner_of(of.0, &of.1).await?.inspect(|owner| app.credentials.remember(of, *owner)),
    };
    let org = known.map(|owner| owner.org).or_else(|| Some(OrgId(person.org.parse().ok()?)));
    let org = org.ok_or(Refusal::Unauthorized)?;
    app.redis.org(org).await?.ok_or(Refusal::Unauthorized)?;
    Ok(Reviewer { org, scopes: person.scopes, id: person.id, expires_at: Some(person.expires_at) })
}

async fn reviewer_now(app: &App, owner: Owner) -> Result<Reviewer, ApiError> {
    let key = app.redis.api_key(owner.org, owner.id).await?;
    let key = key.filter(|key| key.revoked_at.is_none()).ok_or(Refusal::Unauthorized)?;
    note_use(app, &key).await;
    Ok(Reviewer { org: key.org, scopes: key.scopes, id: key.id, expires_at: None })
}

/// To the hour: more would be a write for every request.
async fn note_use(app: &App, key: &ApiKey) {
    let now = clock::now();
    let fresh = key.last_used_at.is_some_and(|used| now.millis() - used.millis() < 3_600_000);
    if !fresh && let Err(error) = app.redis.touch_api_key(key.org, key.id, now).await {
        tracing::debug!(%error, "last use of an API key not noted");
    }
}

/// The candidate behind a candidate key or a session token.
///
/// # Errors
/// 401, alike for all reasons; 429, 503.
pub async fn authenticate_candidate(app: &App, credential: &str, address: IpAddr) -> Result<Candidate, ApiError> {
    let (purpose, secret) = match parse_candidate_key(credential) {
        Some(key) => (Purpose::Candidate, key),
        None => (Purpose::Token, credential.to_owned()),
    };
    in_time(async {
        let owner = owner_of(app, purpose, &secret, address).await?.ok_or(Refusal::Unauthorized)?;
        candidate_now(app, owner, purpose).await
    })
    .await
}

async fn candidate_now(app: &App, owner: Owner, purpose: Purpose) -> Result<Candidate, ApiError> {
    let key = app.redis.candidate_key(owner.org, owner.id).await?;
    let now = clock::now();
    let key = key.filter(|key| key.authenticates(now)).ok_or(Refusal::Unauthorized)?;
    // A key of a deleted assessment goes on only if its session had begun.
    if key.session.is_none() && app.redis.assessment(owner.org, key.assessment).await?.is_none() {
        return Err(Refusal::Unauthorized.into());
    }
    let late = purpose == Purpose::Token && is_late(app, &key, now);
    Ok(Candidate { org: owner.org, key, late })
}

fn is_late(app: &App, key: &CandidateKey, now: Timestamp) -> bool {
    let grace_ms = i64::try_from(app.settings.end_grace.as_millis()).unwrap_or(i64::MAX);
    key.completed_at.is_some_and(|completed| completed.plus_millis(grace_ms) < now)
}

/// Whether whoever opened a socket would still be let in. A store that does not answer does not end a socket.
pub async fn still_valid(app: &App, who: &Either) -> bool {
    match who {
        Either::Reviewer(Reviewer { expires_at: Some(expires_at), .. }) => clock::now() < *expires_at,
        Either::Reviewer(reviewer) => match app.redis.api_key(reviewer.org, reviewer.id).await {
            Ok(key) => key.is_some_and(|key| key.revoked_at.is_none()),
            Err(_) => true,
        },
        Either::Candidate(candidate) => match app.redis.candidate_key(candidate.org, candidate.key.id).await {
            Ok(key) => key.is_some_and(|key| key.authenticates(clock::now())),
            Err(_) => true,
        },
    }
}

/// How long the token of a person still counts; `None` for other credentials, which may go at any time.
#[must_use]
pub fn time_left(who: &Either) -> Option<Duration> {
    match who {
        Either::Reviewer(reviewer) => {
            let left_ms = reviewer.expires_at?.millis().saturating_sub(clock::now().millis());
            Some(Duration::from_millis(u64::try_from(left_ms).unwrap_or_default()))
        }
        Either::Candidate(_) => None,
    }
}

/// Whoever a ticket was given to, with the rights of now; the ticket is used up.
///
/// # Errors
/// 401, alike for all reasons; 503.
pub async fn authenticate_ticket(app: &App, ticket: &str) -> Result<Either, ApiError> {
    let ticket = app.redis.take_ticket(ticket).await?.ok_or(Refusal::Unauthorized)?;
    match ticket.issuer {
        Issuer::Reviewer(id) => Ok(Either::Reviewer(reviewer_now(app, Owner { org: ticket.org, id }).await?)),
        Issuer::Person { expires_at, .. } if expires_at <= clock::now() => Err(Refusal::Unauthorized.into()),
        Issuer::Person { id, scopes, expires_at } => {
            Ok(Either::Reviewer(Reviewer { org: ticket.org, scopes, id, expires_at: Some(expires_at) }))
        }
        Issuer::Candidate(id) => {
            let candidate = candidate_now(app, Owner { org: ticket.org, id }, Purpose::Candidate).await?;
            Ok(Either::Candidate(Box::new(candidate)))
        }
    }
}

/// What `asked` answers, if it does so soon.
pub(super) async fn in_time<T>(asked: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    let late = |_| ApiError::unavailable("it took too long to find out who asks");
    tokio::time::timeout(PATIENCE, asked).await.map_err(late)?
}

/// Whoever the headers name: `Authorization` counts before `X-API-Key`.
async fn authenticate(request: &HttpRequest, app: &App) -> Result<Either, ApiError> {
    let address = client_address(request, &app.settings);
    if let Some(bearer) = header_value(request, header::AUTHORIZATION.as_str())? {
        let (scheme, credential) = bearer.split_once(' ').ok_or(Refusal::Unauthorized)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::Unauthorized.into());
        }
        return Ok(Either::Reviewer(authenticate_reviewer(app, credential.trim(), address).await?));
    }
    let credential = header_value(request, "x-api-key")?.ok_or(Refusal::Unauthorized)?;
    Ok(Either::Candidate(Box::new(authenticate_candidate(app, credential, address).await?)))
}

fn header_value<'a>(request: &'a HttpRequest, name: &str) -> Result<Option<&'a str>, ApiError> {
    let Some(value) = request.headers().get(name) else { return Ok(None) };
    match value.to_str().map(str::trim) {
        Ok(text) if (1..=MAX_CREDENTIAL_BYTES).contains(&text.len()) => Ok(Some(text)),
        _ => Err(Refusal::Unauthorized.into()),
    }
}

async fn charged(request: &HttpRequest, app: &App) -> Result<Either, ApiError> {
    let who = authenticate(request, app).await?;
    match app.limits.credential.take_one(&who.id()) {
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

    Sender = |request, app| match authenticate(&request, &app).await? {
        Either::Candidate(candidate) => Ok(Self(*candidate)),
        Either::Reviewer(_) => Err(Refusal::CandidateOnly.into()),
    };

    Public = |request, app| {
        let address = client_address(&request, &app.settings);
        match app.limits.address.take_one(&address) {
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
