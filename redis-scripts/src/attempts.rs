//! Attempts to sign in with an identity provider: what the browser that comes back from there is compared with. One
//! counts for ten minutes, in the browser that began it, and once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Error, Redis, keys::SecretDigest, random_secret};

const PURPOSE: &str = "attempt";

/// How long a browser may be away at the provider's.
pub const ATTEMPT_LIFE: Duration = Duration::from_secs(600);

/// What is kept of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The digest of what the browser holds in a cookie.
    pub browser: String,
    /// What the provider's token has to repeat.
    pub nonce: String,
    /// What proves to the provider that the one who fetches the token is the one who asked (PKCE).
    pub verifier: String,
    /// The page that was asked for.
    pub next: String,
    /// The digest of the sign-in that the browser had, which ends when there is another.
    pub before: Option<String>,
}

impl Redis {
    /// Keeps an attempt for [`ATTEMPT_LIFE`]; answers its `state`, of which only the digest is kept.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn begin_attempt(&self, attempt: &Attempt) -> Result<String, Error> {
        let state = random_secret("")?;
        let digest = self.digest(&state);
        let text = serde_json::to_string(attempt).map_err(|error| Error::corrupt(error.to_string()))?;
        let mut connection = self.writer(digest.partition()).await?;
        redis::cmd("SET")
            .arg(digest.key(PURPOSE))
            .arg(text)
            .arg("EX")
            .arg(ATTEMPT_LIFE.as_secs())
            .query_async::<()>(&mut connection)
            .await?;
        Ok(state)
    }

    /// The attempt with this `state`; it is used up by this. `None` when there is none.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn take_attempt(&self, state: &str) -> Result<Option<Attempt>, Error> {
        for digest in self.digests(state) {
            let mut connection = self.connection(digest.partition()).await?;
            let stored: Option<String> =
                redis::cmd("GETDEL").arg(digest.key(PURPOSE)).query_async(&mut connection).await?;
            if let Some(text) = stored {
                return serde_json::from_str(&text).map(Some).map_err(|_| Error::corrupt("an attempt to sign in"));
            }
        }
        Ok(None)
    }

    /// Whether a text is the one with this digest, whichever pepper that was made with.
    #[must_use]
    pub fn has_digest(&self, text: &str, digest: &str) -> bool {
        self.digests(text).any(|known| known.as_str() == digest)
    }

    /// Ends the sign-in whose digest was kept.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer: the sign-in may go on then.
    pub async fn end_sign_in_before(&self, attempt: &Attempt) -> Result<(), Error> {
        match &attempt.before {
            Some(digest) => self.end_sign_in(&SecretDigest::stored(digest)).await,
            None => Ok(()),
        }
    }
}
