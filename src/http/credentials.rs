//! Whose a credential is, which never changes and is remembered; and whether it still counts, which is asked of Redis
//! every time, but for single events, where it is remembered as long as Redis promises to tell of changes. Nothing is let
//! through because a store did not answer.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use domain::{OrgId, Timestamp};
use futures_util::FutureExt;
use redis_scripts::{
    API_KEY_PREFIX, ApiKey, CandidateKey, Holder, Issuer, Owner, Purpose, Standing,
    keys::{Partition, SecretDigest},
    parse_candidate_key,
};

use super::{
    auth::{By, Candidate, Either, Reviewer},
    error::{ApiError, Refusal},
    holders,
    jwt::Denial,
};
use crate::{App, clock, whole};

/// How long finding out who asks may take. The way to Redis and its answer may take two seconds each, but a client is
/// to know within two in all that Redis is away.
const PATIENCE: Duration = Duration::from_millis(1_900);

/// Where it is known from whether a candidate's key still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowledge {
    /// Redis is asked.
    Asked,
    /// It may be remembered: what is recorded is decided in Redis once more.
    Remembered,
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
    let of = (purpose, app.redis.digest(secret));
    let known = app.credentials.get(&of);
    let result = if known.is_some() { "hit" } else { "miss" };
    metrics::counter!("promptster_credential_cache_total", "result" => result).increment(1);
    if known.is_some() {
        return Ok(known);
    }
    // Boxed: it takes much room, and is gone through once.
    Box::pin(ask_for_owner(app, of, secret, address)).await
}

async fn ask_for_owner(
    app: &App,
    of: (Purpose, SecretDigest),
    secret: &str,
    address: IpAddr,
) -> Result<Option<Owner>, ApiError> {
    let purpose = of.0;
    let guessable = purpose == Purpose::Candidate;
    if guessable {
        app.limits.failures.may_look_up(address).await?;
    }
    let mut owner = None;
    for digest in app.redis.digests(secret) {
        owner = look_up(app, purpose, &digest).await?;
        if owner.is_some() {
            break;
        }
    }
    match owner {
        None if guessable => app.limits.failures.count(address).await?,
        // Others may have failed meanwhile: a guesser who asks for many at once must not be told which was right.
        Some(_) if guessable => app.limits.failures.may_look_up(address).await?,
        _ => {}
    }
    Ok(owner.inspect(|owner| app.credentials.remember(of, *owner)))
}

async fn look_up(app: &App, purpose: Purpose, digest: &SecretDigest) -> Result<Option<Owner>, ApiError> {
    let owner = app.redis.owner_of(purpose, digest).await?;
    whole::believed(app, Partition::of_digest(digest), owner).await
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
        None => look_up(app, of.0, &of.1).await?.inspect(|owner| app.credentials.remember(of, *owner)),
    };
    let org = known.map(|owner| owner.org).or_else(|| own_id(&person.org)).ok_or(Refusal::Unauthorized)?;
    whole::believed(app, Partition::of_org(org), app.redis.org(org).await?).await?.ok_or(Refusal::Unauthorized)?;
    let by = By::Token { expires_at: person.expires_at };
    Ok(Reviewer { org, scopes: person.scopes, id: person.id, by })
}

#[expect(clippy::disallowed_methods, reason = "the token that says so was checked")]
fn own_id(text: &str) -> Option<OrgId> {
    Some(OrgId::trusted(text.parse().ok()?))
}

async fn reviewer_now(app: &App, owner: Owner) -> Result<Reviewer, ApiError> {
    let key = api_key_now(app, owner).await?;
    Ok(Reviewer { org: key.org, scopes: key.scopes, id: key.id, by: By::ApiKey })
}

/// An API key that counts.
///
/// # Errors
/// 401 when it was revoked, 503.
pub(super) async fn api_key_now(app: &App, owner: Owner) -> Result<ApiKey, ApiError> {
    let key = app.redis.api_key(owner.org, owner.id).await?;
    let key = whole::believed(app, Partition::of_org(owner.org), key).await?;
    let key = key.filter(|key| key.revoked_at.is_none()).ok_or(Refusal::Unauthorized)?;
    note_use(app, &key).await;
    Ok(key)
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
pub async fn authenticate_candidate(
    app: &App,
    credential: &str,
    address: IpAddr,
    knowledge: Knowledge,
) -> Result<Candidate, ApiError> {
    let (purpose, secret) = match parse_candidate_key(credential) {
        Some(key) => (Purpose::Candidate, key),
        None => (Purpose::Token, credential.to_owned()),
    };
    in_time(async {
        let owner = owner_of(app, purpose, &secret, address).await?.ok_or(Refusal::Unauthorized)?;
        candidate_now(app, owner, purpose, knowledge).await
    })
    .await
}

async fn candidate_now(app: &App, owner: Owner, purpose: Purpose, knowledge: Knowledge) -> Result<Candidate, ApiError> {
    let key = match knowledge {
        Knowledge::Asked => app.redis.candidate_key(owner.org, owner.id).await?.map(Arc::new),
        Knowledge::Remembered => remembered_key(app, owner).await?,
    };
    let key = whole::believed(app, Partition::of_org(owner.org), key).await?;
    let now = clock::now();
    let key = key.filter(|key| key.authenticates(now)).ok_or(Refusal::Unauthorized)?;
    // A key of a deleted assessment goes on only if its session had begun.
    if key.session.is_none() && Box::pin(app.redis.assessment(owner.org, key.assessment)).await?.is_none() {
        return Err(Refusal::Unauthorized.into());
    }
    let late = purpose == Purpose::Token && is_late(app, &key, now);
    Ok(Candidate { org: owner.org, key, late })
}

async fn remembered_key(app: &App, owner: Owner) -> Result<Option<Arc<CandidateKey>>, ApiError> {
    let (key, was_remembered) = app.redis.remembered_candidate_key(owner.org, owner.id).await?;
    let result = if was_remembered { "hit" } else { "miss" };
    metrics::counter!("promptster_candidate_key_cache_total", "result" => result).increment(1);
    Ok(key)
}

fn is_late(app: &App, key: &CandidateKey, now: Timestamp) -> bool {
    let grace_ms = i64::try_from(app.settings.end_grace.as_millis()).unwrap_or(i64::MAX);
    key.completed_at.is_some_and(|completed| completed.plus_millis(grace_ms) < now)
}

/// Whether whoever opened a socket would still be let in. A store that does not answer does not end a socket.
pub async fn still_valid(app: &App, who: &Either) -> bool {
    match who {
        Either::Reviewer(Reviewer { by, .. }) if by.expires_at().is_some_and(|at| at <= clock::now()) => false,
        Either::Reviewer(reviewer) => match &reviewer.by {
            By::Token { .. } => true,
            By::ApiKey => holders::may_watch(app, reviewer.org, Holder::ApiKey(reviewer.id)).await,
            By::SignIn { digest, holder, .. } => holders::still_stand(app, reviewer.org, *holder, digest).await,
        },
        Either::Candidate(candidate) => match app.redis.candidate_key(candidate.org, candidate.key.id).await {
            Ok(Some(key)) => key.authenticates(clock::now()),
            Ok(None) => is_lost(app, Partition::of_org(candidate.org)).await,
            Err(_) => true,
        },
    }
}

/// Whether what is not there may be lost.
pub(super) async fn is_lost(app: &App, partition: Partition) -> bool {
    whole::believed(app, partition, None::<()>).await.is_err()
}

/// How long what lets somebody in counts at most; `None` where that has no end of its own. All may go at any time.
#[must_use]
pub fn time_left(who: &Either) -> Option<Duration> {
    match who {
        Either::Reviewer(reviewer) => {
            let left_ms = reviewer.by.expires_at()?.millis().saturating_sub(clock::now().millis());
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
            Ok(Either::Reviewer(Reviewer { org: ticket.org, scopes, id, by: By::Token { expires_at } }))
        }
        Issuer::SignedIn { holder, sign_in } => {
            let standing = Standing { org: ticket.org, holder };
            Ok(Either::Reviewer(holders::found(app, &sign_in, standing).await?))
        }
        Issuer::Candidate(id) => {
            let candidate =
                candidate_now(app, Owner { org: ticket.org, id }, Purpose::Candidate, Knowledge::Asked).await?;
            Ok(Either::Candidate(Box::new(candidate)))
        }
    }
}

/// What `asked` answers, if it does so soon.
pub(super) fn in_time<T>(
    asked: impl Future<Output = Result<T, ApiError>>,
) -> impl Future<Output = Result<T, ApiError>> {
    let late = |_| ApiError::unavailable("it took too long to find out who asks");
    // No async function: it would hold `asked` twice, as its argument and within the timeout.
    tokio::time::timeout(PATIENCE, asked).map(move |answer| answer.map_err(late)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of what a function of an `App` and two more gives back, before it is polled.
    fn size<'a, A, B, F: Future>(_: fn(&'a App, A, B) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn an_event_takes_little_room_on_its_way() {
        // Each is allocated and moved for every request: sixteen thousand bytes of it were a tenth of the time of an event.
        let asked = |app, credential, address| authenticate_candidate(app, credential, address, Knowledge::Remembered);
        let sizes = [size(asked), size(crate::ingest::take)];
        assert!(sizes.iter().all(|size| *size <= 4_096), "{sizes:?}");
    }
}
