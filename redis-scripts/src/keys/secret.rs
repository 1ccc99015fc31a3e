//! Secrets, which are never stored, and budgets: keys by digest or id.

use std::net::IpAddr;

use ring::hmac;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Partition;

/// What is stored and looked up instead of a secret: its SHA-256 in lower-case hex, or behind `h1-` its HMAC-SHA-256 with
/// a pepper.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretDigest(String);

impl SecretDigest {
    /// The digest of a text without a pepper: of what is no secret, and of secrets of installations that have none.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(hex("", &Sha256::digest(secret.as_bytes())))
    }

    /// The digest of a secret with a pepper.
    pub(crate) fn peppered(pepper: &hmac::Key, secret: &str) -> Self {
        Self(hex("h1-", hmac::sign(pepper, secret.as_bytes()).as_ref()))
    }

    /// A digest that was stored.
    pub(crate) fn stored(hex: &str) -> Self {
        Self(hex.to_owned())
    }

    /// The digest as hex.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition of its look-up keys.
    #[must_use]
    pub fn partition(&self) -> Partition {
        Partition::of_digest(self)
    }

    /// The look-up key of this secret for one `purpose` (`api`, `candidate`, `token`, `ticket`, `upload`, `sign_in`,
    /// `attempt`, `member`).
    #[must_use]
    pub fn key(&self, purpose: &str) -> String {
        Partition::of_digest(self).key(format_args!("{purpose}:{}", self.0))
    }
}

/// In one piece: it is done for every request.
fn hex(prefix: &str, bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(prefix.len() + 2 * bytes.len());
    hex.push_str(prefix);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    hex.extend(digits.filter_map(|digit| char::from_digit(digit.into(), 16)));
    hex
}

/// The key of a budget, in a partition that follows from whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BudgetKey {
    partition: Partition,
    key: String,
}

impl BudgetKey {
    /// The budget of somebody with an id, for one `purpose`.
    #[must_use]
    pub fn of_id(purpose: &str, id: Uuid) -> Self {
        let partition = Partition::of(&[id.as_bytes()]);
        Self { partition, key: partition.key(format_args!("budget:{purpose}:{id}")) }
    }

    /// The budget of an address, which is kept as a hash.
    #[must_use]
    pub fn of_address(purpose: &str, address: IpAddr) -> Self {
        let mut hash = SecretDigest::of(&address.to_string()).0;
        hash.truncate(32);
        let partition = Partition::of(&[hash.as_bytes()]);
        Self { partition, key: partition.key(format_args!("budget:{purpose}:{hash}")) }
    }

    /// The budget that everybody shares.
    #[must_use]
    pub fn of_all(purpose: &str) -> Self {
        let partition = Partition::of(&[purpose.as_bytes()]);
        Self { partition, key: partition.key(format_args!("budget:{purpose}")) }
    }

    /// Its partition.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// Hash: how much is used, and what nodes hold.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.key
    }
}
