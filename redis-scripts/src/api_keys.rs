//! API keys of an organisation. Of the secret only the digest is stored; whether a key counts is its record's word.

use domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::{
    Entity, Error, Fields, Redis,
    indexed::org_entity,
    keys::{OrgKeys, SecretDigest},
    secrets::{Owner, Purpose},
    stored::{instant, millis, required, required_instant, words},
};

/// How the secret of an API key begins.
pub const API_KEY_PREFIX: &str = "psk_live_";

/// What an API key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes {
    /// Reading.
    pub read: bool,
    /// Writing.
    pub write: bool,
}

impl Scopes {
    /// Everything.
    pub const ALL: Self = Self { read: true, write: true };

    /// The words that are stored and shown.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        [(self.read, "read"), (self.write, "write")].into_iter().filter_map(|(on, word)| on.then_some(word)).collect()
    }

    /// Reads the words; unknown ones allow nothing.
    #[must_use]
    pub fn of_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        words.into_iter().fold(Self { read: false, write: false }, |scopes, word| Self {
            read: scopes.read || word == "read",
            write: scopes.write || word == "write",
        })
    }
}

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Which one.
    pub id: Uuid,
    /// Whose.
    pub org: OrgId,
    /// What it is called.
    pub name: String,
    /// How its secret begins, to tell keys apart.
    pub prefix: String,
    /// What it allows.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was used, to the hour.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

fn entity(org: OrgId, id: Uuid) -> Entity<'static> {
    org_entity(org, "api_key", id)
}

impl Redis {
    /// Stores a new API key with the digest of its secret.
    pub(crate) async fn create_api_key(&self, key: &ApiKey, digest: &SecretDigest) -> Result<(), Error> {
        // The look-up first: without its record it opens nothing, and a failed call leaves no key that works.
        self.claim_secret(Purpose::Api, digest, Owner { org: key.org, id: key.id }, None).await?;
        let fields = [
            ("name", key.name.clone()),
            ("prefix", key.prefix.clone()),
            ("scopes", key.scopes.words().join(" ")),
            ("created", millis(key.created_at)),
            ("digest", digest.as_str().to_owned()),
        ];
        let indexes = [OrgKeys::of(key.org).index("api_keys")];
        self.create_entity(&entity(key.org, key.id), &fields, &indexes, key.created_at).await?;
        Ok(())
    }

    /// An API key, revoked or not.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn api_key(&self, org: OrgId, id: Uuid) -> Result<Option<ApiKey>, Error> {
        let fields = self.read_entity(&entity(org, id)).await?;
        fields.map(|fields| api_key_of(org, id, &fields)).transpose()
    }

    /// The API keys that are not revoked, oldest first.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn list_api_keys(&self, org: OrgId) -> Result<Vec<ApiKey>, Error> {
        let found = self.read_index(org, "api_key", &OrgKeys::of(org).index("api_keys")).await?;
        let keys = found.iter().map(|(id, fields)| api_key_of(org, *id, fields)).collect::<Result<Vec<_>, _>>()?;
        Ok(keys.into_iter().filter(|key| key.revoked_at.is_none()).collect())
    }

    /// Revokes an API key; `false` when there is none that is not revoked yet.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn revoke_api_key(&self, org: OrgId, id: Uuid, now: Timestamp) -> Result<bool, Error> {
        match self.api_key(org, id).await? {
            Some(key) if key.revoked_at.is_none() => {
                self.write_entity(&entity(org, id), Some(true), &[("revoked", millis(now))], &[]).await
            }
            _ => Ok(false),
        }
    }

    /// Notes that an API key was used.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn touch_api_key(&self, org: OrgId, id: Uuid, now: Timestamp) -> Result<(), Error> {
        self.write_entity(&entity(org, id), Some(true), &[("used", millis(now))], &[]).await?;
        Ok(())
    }
}

fn api_key_of(org: OrgId, id: Uuid, fields: &Fields) -> Result<ApiKey, Error> {
    Ok(ApiKey {
        id,
        org,
        name: required(fields, "name")?,
        prefix: required(fields, "prefix")?,
        scopes: Scopes::of_words(words(fields, "scopes")),
        created_at: required_instant(fields, "created")?,
        last_used_at: instant(fields, "used")?,
        revoked_at: instant(fields, "revoked")?,
    })
}
