//! Reviewers who are persons: `Authorization: Bearer <JWT>`, signed by the operator's identity provider. A token says who
//! somebody is and for which organisation; whether that organisation is there is asked of Redis.

use std::sync::Arc;

use domain::Timestamp;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use redis_scripts::Scopes;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    jwks::{Jwks, NoKeys, Pace},
    signatures::{self, ACCEPTED},
};
use crate::settings::JwtSettings;

/// Longer tokens are not looked at.
const MAX_TOKEN_BYTES: usize = 8192;

/// How far the provider's clock may be off.
const LEEWAY_S: u64 = 30;

/// A person who was signed in by the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The same for all tokens of one person.
    pub id: Uuid,
    /// What the provider calls the organisation.
    pub org: String,
    /// What the person may do.
    pub scopes: Scopes,
    /// When the token expires.
    pub expires_at: Timestamp,
}

/// Why nobody was signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    /// The token does not count. Why is nobody's business.
    Token,
    /// It cannot be checked for the moment.
    NoKeys,
}

/// Checks tokens; cheap to clone.
#[derive(Debug, Clone)]
pub struct Jwt {
    settings: Arc<JwtSettings>,
    jwks: Jwks,
}

impl Jwt {
    /// Checks as `settings` say. Keys are fetched when the first token comes.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: JwtSettings) -> anyhow::Result<Self> {
        Self::with(settings, Pace::default())
    }

    pub(super) fn with(settings: JwtSettings, pace: Pace) -> anyhow::Result<Self> {
        signatures::install();
        let jwks = Jwks::new(settings.jwks.clone(), pace)?;
        Ok(Self { settings: Arc::new(settings), jwks })
    }

    /// Reads the keys when they are in a file, so that a wrong one is found at the start. A provider that does not answer
    /// yet is no reason not to start.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub async fn check(&self) -> anyhow::Result<()> {
        self.jwks.check().await
    }

    /// Who shows this token.
    pub(super) async fn person(&self, token: &str) -> Result<Person, Denial> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Denial::Token);
        }
        let header = decode_header(token).map_err(|_| Denial::Token)?;
        let is_access_token = header.typ.as_deref().is_none_or(|typ| {
            ["JWT", "at+jwt", "application/at+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known))
        });
        // Members that must be understood: none are.
        if !is_access_token || header.crit.is_some() || !ACCEPTED.contains(&header.alg) {
            return Err(Denial::Token);
        }
        let kid = header.kid.ok_or(Denial::Token)?;
        let key = self.jwks.key(&kid).await.map_err(|NoKeys| Denial::NoKeys)?;
        let key = key.filter(|key| key.algorithm == header.alg).ok_or(Denial::Token)?;
        let token = decode::<Map<String, Value>>(token, &key.key, &self.validation(key.algorithm));
        self.person_of(&token.map_err(|_| Denial::Token)?.claims).ok_or(Denial::Token)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&self.settings.audiences);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY_S;
        validation
    }

    /// Whom the claims of a token speak of, once it was checked; `None` when they do not say.
    #[must_use]
    pub fn person_of(&self, claims: &Map<String, Value>) -> Option<Person> {
        let subject = claims.get("sub")?.as_str().filter(|subject| !subject.is_empty())?;
        let org = self.settings.org_claims.iter().find_map(|path| claim(claims, path)?.as_str());
        let expires = claims.get("exp")?;
        let expires_s = expires.as_i64().or_else(|| expires.to_string().split('.').next()?.parse().ok())?;
        Some(Person {
            id: Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{}\n{subject}", self.settings.issuer).as_bytes()),
            org: org.filter(|org| !org.is_empty())?.to_owned(),
            scopes: self.scopes(claims),
            expires_at: Timestamp::from_millis(expires_s.checked_mul(1000)?),
        })
    }

    /// Everything, unless the configured claim says `read` and does not say `write`.
    fn scopes(&self, claims: &Map<String, Value>) -> Scopes {
        let said = self.settings.scope_claim.as_deref().and_then(|path| claim(claims, path));
        let words: Vec<&str> = match said {
            Some(Value::String(text)) => text.split_whitespace().collect(),
            Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let said = Scopes::of_words(words);
        if said.read && !said.write { said } else { Scopes::ALL }
    }
}

/// A claim by its name, or by a path of names with dots between them.
fn claim<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    claim(claims.get(first)?.as_object()?, rest)
}

#[cfg(test)]
mod tests;
