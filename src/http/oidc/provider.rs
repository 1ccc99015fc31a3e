//! The provider: where it is, as it says itself, and what it is asked. Nothing is asked before somebody wants to sign in,
//! so that the server starts whether the provider is there or not.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use anyhow::ensure;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use redis_scripts::Attempt;
use reqwest::{RequestBuilder, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use url::Url;

use super::claims::{self, Claims, Expected};
use crate::{
    http::{
        error::{ApiError, Refusal},
        jwks::{Jwks, Pace},
        signatures,
    },
    settings::{JwksSource, OidcSettings, SafeUrl},
};

/// How long each answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A larger answer is refused.
const MAX_BYTES: usize = 256 * 1024;

/// What the provider says of itself is asked again after this.
const REFRESH_AFTER: Duration = Duration::from_secs(3_600);

/// A provider that did not answer is asked again after this.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Signs members in; cheap to clone.
#[derive(Debug, Clone)]
pub struct Oidc(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: OidcSettings,
    /// Where the provider leads back to.
    redirect: String,
    client: reqwest::Client,
    state: RwLock<State>,
    /// Held while the provider is asked about itself: once at a time.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    known: Option<(Arc<Known>, Instant)>,
    failed_at: Option<Instant>,
}

/// What the provider said of itself.
#[derive(Debug)]
pub(super) struct Known {
    issuer: String,
    authorization: Url,
    token: Url,
    userinfo: Option<Url>,
    keys_at: Url,
    /// Whether the secret goes into the body and not into a header.
    posts_secret: bool,
    jwks: Jwks,
}

impl Known {
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }
}

#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Deserialize)]
struct Granted {
    id_token: String,
    access_token: Option<String>,
}

/// What the token endpoint says of a code that it does not take.
#[derive(Deserialize)]
struct Denied {
    error: String,
}

impl Oidc {
    /// A provider, which leads back to the server at `public_url`. Nothing is asked yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: OidcSettings, public_url: &str) -> anyhow::Result<Self> {
        signatures::install();
        // An error means that one is there already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .timeout(ANSWER_WITHIN)
            // Codes and secrets go where the provider's own description says, nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            // A connection belongs to the thread that made it, and threads end.
            .pool_max_idle_per_host(0)
            .build()?;
        let redirect = format!("{public_url}/auth/oidc/callback");
        let (state, asking) = (RwLock::default(), tokio::sync::Mutex::default());
        Ok(Self(Arc::new(Inner { settings, redirect, client, state, asking })))
    }

    /// What people call it.
    pub(super) fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// Whether browsers reach this server by encrypted connections.
    pub(super) fn is_encrypted(&self) -> bool {
        self.0.redirect.starts_with("https://")
    }

    /// What the provider says of itself, asked for if need be. What it said before counts while it does not answer.
    ///
    /// # Errors
    /// 502 when it has never answered.
    pub(super) async fn known(&self) -> Result<Arc<Known>, ApiError> {
        let fresh = |(known, at): (Arc<Known>, Instant)| (at.elapsed() < REFRESH_AFTER).then_some(known);
        if let Some(known) = self.0.state().0.and_then(fresh) {
            return Ok(known);
        }
        let _one_at_a_time = self.0.asking.lock().await;
        let (before, failed_at) = self.0.state();
        if let Some(known) = before.clone().and_then(fresh) {
            return Ok(known);
        }
        let before = before.map(|(known, _)| known);
        let unreachable = |cause: &str| ApiError::caused(Refusal::OidcUnreachable, cause);
        if failed_at.is_some_and(|at| at.elapsed() < RETRY_AFTER) {
            return before.ok_or_else(|| unreachable("it did not answer a moment ago"));
        }
        let found = self.0.discover(before.as_deref()).await;
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        match found {
            Ok(known) => {
                let known = Arc::new(known);
                *state = State { known: Some((known.clone(), Instant::now())), failed_at: None };
                Ok(known)
            }
            Err(error) => {
                state.failed_at = Some(Instant::now());
                let error = format!("{error:#}");
                tracing::warn!(error, "the identity provider did not say what it is");
                before.ok_or_else(|| unreachable(&error))
            }
        }
    }

    /// Where a browser goes to sign in.
    pub(super) fn authorization(&self, known: &Known, state: &str, attempt: &Attempt) -> Url {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(attempt.verifier.as_bytes()));
        let mut url = known.authorization.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.0.settings.client_id)
            .append_pair("redirect_uri", &self.0.redirect)
            .append_pair("scope", "openid email")
            .append_pair("state", state)
            .append_pair("nonce", &attempt.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        url
    }

    /// The address of whoever the code was given for, if the provider vouches for it.
    ///
    /// # Errors
    /// 400 for a code that does not count, 403 by what is wrong with what the provider says, 502.
    pub(super) async fn email(&self, known: &Known, code: &str, attempt: &Attempt) -> Result<String, ApiError> {
        let granted = self.0.exchange(known, code, &attempt.verifier).await?;
        let (client_id, nonce) = (self.0.settings.client_id.as_str(), attempt.nonce.as_str());
        let expected = Expected { issuer: &known.issuer, client_id, nonce };
        let mut claims = claims::checked(&granted.id_token, &known.jwks, &expected).await?;
        if claims::lack_email(&claims)
            && let (Some(at), Some(token)) = (&known.userinfo, &granted.access_token)
        {
            let told: Claims = self.0.ask(self.0.client.get(at.clone()).bearer_auth(token)).await?;
            // About somebody else it may say what it wants.
            if claims::subject(&told).is_none() || claims::subject(&told) != claims::subject(&claims) {
                return Err(ApiError::caused(Refusal::OidcToken, "userinfo about somebody else"));
            }
            claims = told;
        }
        claims::verified_email(&claims).map(str::to_owned).ok_or_else(|| Refusal::EmailNotVerified.into())
    }
}

impl Inner {
    fn state(&self) -> (Option<(Arc<Known>, Instant)>, Option<Instant>) {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        (state.known.clone(), state.failed_at)
    }

    async fn discover(&self, before: Option<&Known>) -> anyhow::Result<Known> {
        let issuer = self.settings.issuer.0.as_str().trim_end_matches('/');
        let request = self.client.get(format!("{issuer}/.well-known/openid-configuration"));
        let found: Discovered = read(request.send().await?).await?;
        ensure!(found.issuer.trim_end_matches('/') == issuer, "it calls itself {:?}", found.issuer);
        let url = |text: &str| match text.parse() {
            Ok(SafeUrl(url)) => Ok(url),
            Err(wrong) => Err(anyhow::anyhow!("its address {text:?}: {wrong}")),
        };
        let keys_at = url(&found.jwks_uri)?;
        // The keys that are known stay so.
        let jwks = match before.filter(|before| before.keys_at == keys_at) {
            Some(before) => before.jwks.clone(),
            None => Jwks::new(JwksSource::Url(keys_at.clone()), Pace::default())?,
        };
        let supports = |method| found.token_endpoint_auth_methods_supported.iter().any(|known| known == method);
        Ok(Known {
            authorization: url(&found.authorization_endpoint)?,
            token: url(&found.token_endpoint)?,
            userinfo: found.userinfo_endpoint.as_deref().map(url).transpose()?,
            posts_secret: supports("client_secret_post") && !supports("client_secret_basic"),
            issuer: found.issuer,
            keys_at,
            jwks,
        })
    }

    async fn exchange(&self, known: &Known, code: &str, verifier: &str) -> Result<Granted, ApiError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("code_verifier", verifier);
        let mut request = self.client.post(known.token.clone());
        match &self.settings.client_secret {
            Some(secret) if !known.posts_secret => {
                let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                request = request.basic_auth(encoded(&self.settings.client_id), Some(encoded(secret.expose())));
            }
            secret => {
                form.append_pair("client_id", &self.settings.client_id);
                if let Some(secret) = secret {
                    form.append_pair("client_secret", secret.expose());
                }
            }
        }
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish());
        self.ask(request).await
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ApiError> {
        let unreachable = |cause: String| ApiError::caused(Refusal::OidcUnreachable, cause);
        let request = request.header(header::ACCEPT, "application/json");
        let response = request.send().await.map_err(|error| unreachable(error.to_string()))?;
        let status = response.status();
        if status != StatusCode::BAD_REQUEST {
            return read(response).await.map_err(|error| unreachable(format!("{error:#}")));
        }
        let denied = body(response).await.ok().and_then(|text| serde_json::from_slice::<Denied>(&text).ok());
        match denied {
            Some(Denied { error }) if error == "invalid_grant" => Err(Refusal::OidcState.into()),
            Some(Denied { error }) => {
                Err(unreachable(format!("it says {:?}", error.chars().take(80).collect::<String>())))
            }
            None => Err(unreachable(format!("status {status}"))),
        }
    }
}

async fn read<T: DeserializeOwned>(response: reqwest::Response) -> anyhow::Result<T> {
    ensure!(response.status() == StatusCode::OK, "status {}", response.status());
    Ok(serde_json::from_slice(&body(response).await?)?)
}

async fn body(mut response: reqwest::Response) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        ensure!(text.len() + chunk.len() <= MAX_BYTES, "the answer is too large");
        text.extend_from_slice(&chunk);
    }
    Ok(text)
}
