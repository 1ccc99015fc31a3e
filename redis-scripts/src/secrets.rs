//! Secrets: what is stored of one is whose it is, under its digest, and that never changes. Whether it still counts is
//! asked of the entity that it belongs to.

use domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::{Error, Redis, keys::SecretDigest};

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A reviewer's API key.
    Api,
    /// A candidate key.
    Candidate,
    /// What `redeem` gives for a candidate key.
    Token,
    /// No secret: what an identity provider calls an organisation.
    ExternalOrg,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Candidate => "candidate",
            Self::Token => "token",
            Self::ExternalOrg => "external_org",
        }
    }
}

/// Whose a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The organisation.
    pub org: OrgId,
    /// The API key or candidate key; of an external id the organisation once more.
    pub id: Uuid,
}

impl Redis {
    /// Whose the secret with this digest is; `None` when nobody's.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn owner_of(&self, purpose: Purpose, digest: &SecretDigest) -> Result<Option<Owner>, Error> {
        let mut connection = self.reader(digest.partition()).await?;
        let stored: Option<String> =
            redis::cmd("GET").arg(digest.key(purpose.as_str())).query_async(&mut connection).await?;
        let parse = |text: &str| {
            let (org, id) = text.split_once(':')?;
            Some(Owner { org: OrgId::trusted(org.parse().ok()?), id: id.parse().ok()? })
        };
        stored.map(|text| parse(&text).ok_or_else(|| Error::corrupt("the owner of a secret"))).transpose()
    }

    /// Says whose a secret is, once; `false` when it is taken. With `until`, it is forgotten then.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub(crate) async fn claim_secret(
        &self,
        purpose: Purpose,
        digest: &SecretDigest,
        owner: Owner,
        until: Option<Timestamp>,
    ) -> Result<bool, Error> {
        let mut claim = redis::cmd("SET");
        claim.arg(digest.key(purpose.as_str())).arg(format!("{}:{}", owner.org, owner.id)).arg("NX");
        if let Some(until) = until {
            claim.arg("PXAT").arg(until.millis());
        }
        let mut connection = self.writer(digest.partition()).await?;
        let claimed: Option<String> = claim.query_async(&mut connection).await?;
        Ok(claimed.is_some())
    }
}
