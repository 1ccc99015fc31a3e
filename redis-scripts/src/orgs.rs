//! Organisations.

use domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::{
    API_KEY_PREFIX, ApiKey, Error, Redis, Scopes,
    indexed::org_entity,
    keys::SecretDigest,
    random_secret,
    secrets::{Owner, Purpose},
    stored::{millis, required, required_instant},
};

/// How many characters of a secret are shown to tell keys apart: the prefix and eight of 64.
const SHOWN: usize = API_KEY_PREFIX.len() + 8;

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Org {
    /// Which one.
    pub id: OrgId,
    /// What it is called.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Redis {
    /// Makes an organisation with its first API key, and answers both; the secret is not stored and cannot be shown
    /// again.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn create_org(&self, name: &str, now: Timestamp) -> Result<(OrgId, String), Error> {
        let org = OrgId::trusted(Uuid::now_v7());
        let entity = org_entity(org, "org", org.uuid());
        self.create_entity(&entity, &[("name", name.to_owned()), ("created", millis(now))], &[], now).await?;
        let (_, secret) = self.new_api_key(org, "first key", Scopes::ALL, now).await?;
        Ok((org, secret))
    }

    /// Makes an identity provider's name for an organisation known, once and for ever; `false` when it is taken.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn name_org(&self, org: OrgId, external_id: &str) -> Result<bool, Error> {
        let owner = Owner { org, id: org.uuid() };
        self.claim_secret(Purpose::ExternalOrg, &SecretDigest::of(external_id), owner, None).await
    }

    /// Makes an API key, and answers it with its secret, which is not stored and cannot be shown again.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn new_api_key(
        &self,
        org: OrgId,
        name: &str,
        scopes: Scopes,
        now: Timestamp,
    ) -> Result<(ApiKey, String), Error> {
        let secret = random_secret(API_KEY_PREFIX)?;
        let key = ApiKey {
            id: Uuid::now_v7(),
            org,
            name: name.to_owned(),
            prefix: secret.chars().take(SHOWN).collect(),
            scopes,
            created_at: now,
            last_used_at: None,
            revoked_at: None,
        };
        self.create_api_key(&key, &SecretDigest::of(&secret)).await?;
        Ok((key, secret))
    }

    /// An organisation.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn org(&self, org: OrgId) -> Result<Option<Org>, Error> {
        let fields = self.read_entity(&org_entity(org, "org", org.uuid()).key).await?;
        let read = |fields| {
            Ok(Org { id: org, name: required(&fields, "name")?, created_at: required_instant(&fields, "created")? })
        };
        fields.map(read).transpose()
    }
}
