//! The public keys of the identity provider: fetched when they are needed, kept when the provider does not answer, and
//! never longer than a day. Which keys there are is the provider's word alone; nothing in a token leads anywhere.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use anyhow::Context;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use serde_json::Value;

use crate::settings::JwksSource;

/// A larger answer is refused: providers have a few keys of at most a kilobyte.
const MAX_BYTES: usize = 256 * 1024;

/// More keys than this are not looked at.
const MAX_KEYS: usize = 100;

/// How long the provider may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// When the keys are fetched and forgotten.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// At most this often because of a key that is not known, whoever asks.
    pub(super) refetch_every: Duration,
    /// At most this often while there are no keys at all.
    pub(super) retry_every: Duration,
    /// Keys of this age are fetched again, so that one that was withdrawn does not count for long.
    pub(super) refresh_after: Duration,
    /// Keys of this age do not count any more.
    pub(super) forget_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            refetch_every: Duration::from_secs(60),
            retry_every: Duration::from_secs(5),
            refresh_after: Duration::from_secs(15 * 60),
            forget_after: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// A key, and the one algorithm that it is for.
#[derive(Debug)]
pub struct PublicKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// Keys by their ids.
pub type KeySet = HashMap<String, Arc<PublicKey>>;

/// No keys are known, and none can be had.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoKeys;

/// The keys of one provider; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Jwks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    source: JwksSource,
    client: reqwest::Client,
    pace: Pace,
    state: RwLock<State>,
    /// Held while the keys are fetched: one fetch at a time.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    keys: Option<(Arc<KeySet>, Instant)>,
    /// The last attempt that counts for the pace. The first fetch does not, if it succeeds.
    asked_at: Option<Instant>,
}

impl Jwks {
    /// The keys at `source`; nothing is fetched yet.
    pub(super) fn new(source: JwksSource, pace: Pace) -> Result<Self, reqwest::Error> {
        // An error means that a provider is there already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .timeout(FETCH_TIMEOUT)
            // The keys are where the operator said, nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            // A connection belongs to the thread that made it, and threads end.
            .pool_max_idle_per_host(0)
            .build()?;
        let (state, fetching) = (RwLock::default(), tokio::sync::Mutex::default());
        Ok(Self(Arc::new(Shared { source, client, pace, state, fetching })))
    }

    /// See [`super::jwt::Jwt::check`].
    pub(super) async fn check(&self) -> anyhow::Result<()> {
        if let JwksSource::File(path) = &self.0.source {
            self.0.fetch().await.with_context(|| format!("cannot use the keys in {}", path.display()))?;
        }
        Ok(())
    }

    /// The key of this name, fetched if need be and allowed.
    pub(super) async fn key(&self, kid: &str) -> Result<Option<Arc<PublicKey>>, NoKeys> {
        if let Some((keys, age)) = self.0.current()
            && let Some(key) = keys.get(kid)
        {
            if age > self.0.pace.refresh_after && self.0.may_ask() {
                drop(self.fetch_aside());
            }
            return Ok(Some(key.clone()));
        }
        if self.0.may_ask() || self.0.fetching.try_lock().is_err() {
            // Whoever waits for it may give up; the fetch goes on.
            drop(self.fetch_aside().await);
        }
        let (keys, _) = self.0.current().ok_or(NoKeys)?;
        Ok(keys.get(kid).cloned())
    }

    /// Fetches in a task of its own, which ends within [`FETCH_TIMEOUT`].
    fn fetch_aside(&self) -> tokio::task::JoinHandle<()> {
        let shared = self.0.clone();
        tokio::spawn(async move { shared.refresh().await })
    }
}

impl Shared {
    /// The keys that count, and their age.
    fn current(&self) -> Option<(Arc<KeySet>, Duration)> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let (keys, fetched_at) = state.keys.as_ref()?;
        let age = fetched_at.elapsed();
        (age < self.pace.forget_after).then(|| (keys.clone(), age))
    }

    fn may_ask(&self) -> bool {
        let pause = if self.current().is_some() { self.pace.refetch_every } else { self.pace.retry_every };
        let asked_at = self.state.read().unwrap_or_else(PoisonError::into_inner).asked_at;
        asked_at.is_none_or(|at| at.elapsed() >= pause)
    }

    async fn refresh(&self) {
        let _one_at_a_time = self.fetching.lock().await;
        if !self.may_ask() {
            return;
        }
        let is_first = self.current().is_none();
        let fetched = self.fetch().await;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if fetched.is_err() || !is_first {
            state.asked_at = Some(Instant::now());
        }
        match fetched {
            Ok(keys) => state.keys = Some((Arc::new(keys), Instant::now())),
            Err(error) => {
                tracing::warn!(error = %format!("{error:#}"), "the keys of the identity provider not fetched")
            }
        }
    }

    async fn fetch(&self) -> anyhow::Result<KeySet> {
        let text = match &self.source {
            JwksSource::File(path) => {
                let size = tokio::fs::metadata(path).await?.len();
                anyhow::ensure!(usize::try_from(size).is_ok_and(|size| size <= MAX_BYTES), "the file is too large");
                tokio::fs::read(path).await?
            }
            JwksSource::Url(url) => {
                let mut response = self.client.get(url.clone()).send().await?;
                anyhow::ensure!(response.status() == reqwest::StatusCode::OK, "status {}", response.status());
                let mut text = Vec::new();
                while let Some(chunk) = response.chunk().await? {
                    anyhow::ensure!(text.len() + chunk.len() <= MAX_BYTES, "the answer is too large");
                    text.extend_from_slice(&chunk);
                }
                text
            }
        };
        parse(&text)
    }
}

/// The keys of a set that can be used here; others, of other algorithms or uses, are passed over.
///
/// # Errors
/// When it is no set of keys, or none of them can be used.
pub fn parse(text: &[u8]) -> anyhow::Result<KeySet> {
    let set: Value = serde_json::from_slice(text)?;
    let Some(Value::Array(keys)) = set.get("keys") else { anyhow::bail!("no array `keys`") };
    let keys: KeySet = keys.iter().take(MAX_KEYS).filter_map(usable).collect();
    anyhow::ensure!(!keys.is_empty(), "no key of RS256, ES256 or EdDSA with a `kid`");
    Ok(keys)
}

fn usable(key: &Value) -> Option<(String, Arc<PublicKey>)> {
    let jwk: Jwk = serde_json::from_value(key.clone()).ok()?;
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        _ => return None,
    };
    let signs = jwk.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let is_for_it = jwk.common.key_algorithm.is_none_or(|named| named.to_string() == format!("{algorithm:?}"));
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    (signs && is_for_it).then_some((jwk.common.key_id?, Arc::new(PublicKey { algorithm, key })))
}
