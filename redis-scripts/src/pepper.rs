//! Peppers: what secrets are hashed with, besides themselves. A store alone does not say what they are.

use std::{fmt, str::FromStr, sync::Arc};

use ring::hmac;

use crate::keys::SecretDigest;

/// Shorter ones could be guessed.
const MIN_BYTES: usize = 32;

/// The peppers of an installation, the newest first: new secrets are hashed with that one, and looked up by all of them,
/// and without one last. By default there is none.
#[derive(Clone, Default)]
pub struct Peppers(Arc<[hmac::Key]>);

/// Why a text holds no peppers. It never says what the text was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pepper is a line of at least {MIN_BYTES} random characters, e.g. of `openssl rand -hex 32`")]
pub struct NotPeppers;

impl FromStr for Peppers {
    type Err = NotPeppers;

    /// One pepper a line, the newest first; empty lines are passed over.
    fn from_str(text: &str) -> Result<Self, NotPeppers> {
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.is_empty() || lines.iter().any(|line| line.len() < MIN_BYTES) {
            return Err(NotPeppers);
        }
        Ok(Self(lines.iter().map(|line| hmac::Key::new(hmac::HMAC_SHA256, line.as_bytes())).collect()))
    }
}

impl Peppers {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a new secret is stored as.
    #[must_use]
    pub fn digest(&self, secret: &str) -> SecretDigest {
        self.0.first().map_or_else(|| SecretDigest::of(secret), |pepper| SecretDigest::peppered(pepper, secret))
    }

    /// What a secret may be stored as, the newest way first.
    pub(crate) fn digests(&self, secret: &str) -> impl Iterator<Item = SecretDigest> {
        let peppered = self.0.iter().map(move |pepper| SecretDigest::peppered(pepper, secret));
        peppered.chain(std::iter::once_with(move || SecretDigest::of(secret)))
    }
}

impl fmt::Debug for Peppers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peppers({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    #[test]
    fn a_secret_is_found_by_every_pepper_and_without_one() {
        let (none, old): (Peppers, Peppers) = (Peppers::default(), OLD.parse().unwrap());
        let both: Peppers = format!("{NEW}\n\n  {OLD}\r\n").parse().unwrap();
        assert!(none.is_empty() && !old.is_empty());
        assert_eq!(none.digest("s"), SecretDigest::of("s"));
        let digests: Vec<_> = both.digests("s").collect();
        assert_eq!(digests, [both.digest("s"), old.digest("s"), SecretDigest::of("s")]);
        assert_ne!(both.digest("s"), old.digest("s"));
        assert_ne!(old.digest("s"), old.digest("t"));
    }

    #[test]
    fn the_digest_is_hmac_sha_256_and_says_so() {
        // RFC 4231, test case 2 has too short a key to be a pepper; this one was made with `openssl dgst -sha256 -hmac`.
        let digest = OLD.parse::<Peppers>().unwrap().digest("what do ya want for nothing?");
        assert_eq!(digest.as_str(), "h1-137e6557c3c13a1ca5dc7e52a389a0f86be8cb4db4ae61c62396058b00acacd0");
    }

    #[test]
    fn a_short_pepper_is_refused_and_none_is_ever_printed() {
        for text in ["", "\n", "short", &format!("{OLD}\nshort")] {
            let refused = text.parse::<Peppers>().unwrap_err().to_string();
            assert!(!refused.contains("short"), "{refused}");
        }
        let printed = format!("{:?}", format!("{OLD}\n{NEW}").parse::<Peppers>().unwrap());
        assert_eq!(printed, "Peppers(2)");
    }
}
