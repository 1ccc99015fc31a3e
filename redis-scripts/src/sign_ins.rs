//! Sign-ins: what a browser holds in a cookie instead of an API key. A sign-in is bound to its API key, whose record says
//! whether it still counts; it is nothing that lasts, and whoever loses one signs in again.

use domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::{Error, Redis, keys::SecretDigest, random_secret};

const PURPOSE: &str = "sign_in";

/// A browser's right to act with an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignIn {
    /// The organisation.
    pub org: OrgId,
    /// The API key.
    pub key: Uuid,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

impl Redis {
    /// Begins a sign-in; answers its secret, of which only the digest is kept.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn begin_sign_in(&self, sign_in: &SignIn) -> Result<String, Error> {
        let secret = random_secret("psi_")?;
        let digest = self.digest(&secret);
        let mut connection = self.writer(digest.partition()).await?;
        redis::cmd("SET")
            .arg(digest.key(PURPOSE))
            .arg(format!("{}:{}:{}", sign_in.org, sign_in.key, sign_in.expires_at.millis()))
            .arg("PXAT")
            .arg(sign_in.expires_at.millis())
            .query_async::<()>(&mut connection)
            .await?;
        Ok(secret)
    }

    /// The sign-in whose secret has this digest; `None` when there is none, or no more.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn sign_in(&self, digest: &SecretDigest) -> Result<Option<SignIn>, Error> {
        let mut connection = self.reader(digest.partition()).await?;
        let stored: Option<String> = redis::cmd("GET").arg(digest.key(PURPOSE)).query_async(&mut connection).await?;
        let parse = |text: &str| {
            let mut parts = text.split(':');
            let org = OrgId::trusted(parts.next()?.parse().ok()?);
            let key = parts.next()?.parse().ok()?;
            Some(SignIn { org, key, expires_at: Timestamp::from_millis(parts.next()?.parse().ok()?) })
        };
        stored.map(|text| parse(&text).ok_or_else(|| Error::corrupt("a sign-in"))).transpose()
    }

    /// Ends a sign-in. Does nothing when there is none.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer: the sign-in may go on then.
    pub async fn end_sign_in(&self, secret: &str) -> Result<(), Error> {
        for digest in self.digests(secret) {
            let mut connection = self.writer(digest.partition()).await?;
            redis::cmd("DEL").arg(digest.key(PURPOSE)).query_async::<()>(&mut connection).await?;
        }
        Ok(())
    }
}
