//! Organisations.

use domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::{
    API_KEY_PREFIX, ApiKey, Entity, Error, Redis, Scopes,
    indexed::org_entity,
    keys::SecretDigest,
    random_secret,
    secrets::{Owner, Purpose},
    stored::{millis, number, required, required_instant},
};

/// How many characters of a secret are shown to tell keys apart: the prefix and eight of 64.
const SHOWN: usize = API_KEY_PREFIX.len() + 8;

/// The fields that note an organisation's external ids begin with this; the digest follows.
pub(crate) const EXTERNAL: &str = "external:";

/// The field that says for how many days sessions are kept.
const RETENTION: &str = "retention_days";

pub(crate) fn entity(org: OrgId) -> Entity<'static> {
    org_entity(org, "org", org.uuid())
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Org {
    /// Which one.
    pub id: OrgId,
    /// What it is called.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// For how many days after their end its sessions are kept; `None`: for ever.
    pub retention_days: Option<u32>,
}

impl Redis {
    /// Says for how many days after their end the sessions of an organisation are kept; `None`: for ever. `false` when
    /// there is no such organisation.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn set_retention(&self, org: OrgId, days: Option<u32>) -> Result<bool, Error> {
        let set: Vec<_> = days.map(|days| (RETENTION, days.to_string())).into_iter().collect();
        let unset: &[&str] = if days.is_some() { &[] } else { &[RETENTION] };
        self.write_entity(&entity(org), Some(true), &set, unset).await
    }

    /// Makes an organisation with its first API key, and answers both; the secret is not stored and cannot be shown
    /// again.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn create_org(&self, name: &str, now: Timestamp) -> Result<(OrgId, String), Error> {
        let org = OrgId::trusted(Uuid::now_v7());
        self.create_entity(&entity(org), &[("name", name.to_owned()), ("created", millis(now))], &[], now).await?;
        let (_, secret) = self.new_api_key(org, "first key", Scopes::ALL, now).await?;
        Ok((org, secret))
    }

    /// Makes an identity provider's name for an organisation known, once and for ever; `false` when it is
    /// another's. What a crash left undone, the same call does.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn name_org(&self, org: OrgId, external_id: &str) -> Result<bool, Error> {
        let (owner, digest) = (Owner { org, id: org.uuid() }, SecretDigest::of(external_id));
        // The look-up first: what the organisation notes is its own for certain.
        if !self.claim_secret(Purpose::ExternalOrg, &digest, owner, None).await?
            && self.owner_of(Purpose::ExternalOrg, &digest).await? != Some(owner)
        {
            return Ok(false);
        }
        let field = format!("{EXTERNAL}{}", digest.as_str());
        let noted = self.write_entity(&entity(org), Some(true), &[(&field, "1".to_owned())], &[]).await?;
        if noted { Ok(true) } else { Err(Error::corrupt("an organisation vanished")) }
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
        self.create_api_key(&key, &self.digest(&secret)).await?;
        Ok((key, secret))
    }

    /// An organisation.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn org(&self, org: OrgId) -> Result<Option<Org>, Error> {
        let fields = self.read_entity(&entity(org)).await?;
        let read = |fields| {
            Ok(Org {
                id: org,
                name: required(&fields, "name")?,
                created_at: required_instant(&fields, "created")?,
                retention_days: number(&fields, RETENTION)?,
            })
        };
        fields.map(read).transpose()
    }
}
