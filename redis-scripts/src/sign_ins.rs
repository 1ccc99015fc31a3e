//! Sign-ins: what a browser holds in a cookie instead of a credential. A sign-in names API keys or members, whose records
//! say whether they still count; it is nothing that lasts, and whoever loses one signs in again.

use domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::{Error, Redis, keys::SecretDigest, random_secret};

const PURPOSE: &str = "sign_in";

/// Whom a sign-in stands for in an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Whoever has this API key.
    ApiKey(Uuid),
    /// This member.
    Member(Uuid),
}

impl Holder {
    /// Which API key or member.
    #[must_use]
    pub fn id(self) -> Uuid {
        match self {
            Self::ApiKey(id) | Self::Member(id) => id,
        }
    }

    /// How it is stored: a letter, and the id.
    pub(crate) fn stored(self) -> String {
        match self {
            Self::ApiKey(id) => format!("k:{id}"),
            Self::Member(id) => format!("m:{id}"),
        }
    }

    pub(crate) fn parse<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        match (parts.next()?, parts.next()?.parse().ok()?) {
            ("k", id) => Some(Self::ApiKey(id)),
            ("m", id) => Some(Self::Member(id)),
            _ => None,
        }
    }
}

/// What a sign-in is for one organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The organisation.
    pub org: OrgId,
    /// By whose right.
    pub holder: Holder,
}

/// A browser's right to act with API keys, or as a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// What it is, one for each organisation; the first is the one that requests are for.
    pub standings: Vec<Standing>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

impl SignIn {
    fn stored(&self) -> String {
        let standing = |standing: &Standing| format!("{}:{}", standing.org, standing.holder.stored());
        let standings: Vec<String> = self.standings.iter().map(standing).collect();
        format!("{} {}", self.expires_at.millis(), standings.join(" "))
    }

    fn parse(text: &str) -> Option<Self> {
        let Some((expires_at, standings)) = text.split_once(' ') else { return Self::parse_of_key(text) };
        let standing = |text: &str| {
            let mut parts = text.split(':');
            let org = OrgId::trusted(parts.next()?.parse().ok()?);
            Some(Standing { org, holder: Holder::parse(&mut parts)? })
        };
        let standings = standings.split(' ').map(standing).collect::<Option<Vec<_>>>()?;
        Some(Self { standings, expires_at: Timestamp::from_millis(expires_at.parse().ok()?) })
    }

    /// As it was written before there were members: who was signed in then stays so.
    fn parse_of_key(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let org = OrgId::trusted(parts.next()?.parse().ok()?);
        let holder = Holder::ApiKey(parts.next()?.parse().ok()?);
        let expires_at = Timestamp::from_millis(parts.next()?.parse().ok()?);
        Some(Self { standings: vec![Standing { org, holder }], expires_at })
    }
}

impl Redis {
    /// Begins a sign-in; answers its secret, of which only the digest is kept.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn begin_sign_in(&self, sign_in: &SignIn) -> Result<String, Error> {
        let secret = random_secret("psi_")?;
        self.set_sign_in(&self.digest(&secret), sign_in, "NX").await?;
        Ok(secret)
    }

    /// Puts another one in the place of the sign-in with this digest; `false` when it ended meanwhile.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn change_sign_in(&self, digest: &SecretDigest, sign_in: &SignIn) -> Result<bool, Error> {
        self.set_sign_in(digest, sign_in, "XX").await
    }

    async fn set_sign_in(&self, digest: &SecretDigest, sign_in: &SignIn, only_if: &str) -> Result<bool, Error> {
        let mut connection = self.writer(digest.partition()).await?;
        let set: Option<String> = redis::cmd("SET")
            .arg(digest.key(PURPOSE))
            .arg(sign_in.stored())
            .arg(only_if)
            .arg("PXAT")
            .arg(sign_in.expires_at.millis())
            .query_async(&mut connection)
            .await?;
        Ok(set.is_some())
    }

    /// The sign-in whose secret has this digest; `None` when there is none, or no more.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn sign_in(&self, digest: &SecretDigest) -> Result<Option<SignIn>, Error> {
        let mut connection = self.reader(digest.partition()).await?;
        let stored: Option<String> = redis::cmd("GET").arg(digest.key(PURPOSE)).query_async(&mut connection).await?;
        stored.map(|text| SignIn::parse(&text).ok_or_else(|| Error::corrupt("a sign-in"))).transpose()
    }

    /// Ends a sign-in. Does nothing when there is none.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer: the sign-in may go on then.
    pub async fn end_sign_in(&self, digest: &SecretDigest) -> Result<(), Error> {
        let mut connection = self.writer(digest.partition()).await?;
        redis::cmd("DEL").arg(digest.key(PURPOSE)).query_async::<()>(&mut connection).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_is_read_as_it_was_stored_and_nothing_else_is() {
        let standing = |holder| Standing { org: OrgId::sample(Uuid::now_v7()), holder };
        let standings = vec![standing(Holder::Member(Uuid::now_v7())), standing(Holder::ApiKey(Uuid::now_v7()))];
        let sign_in = SignIn { standings, expires_at: Timestamp::from_millis(1_790_000_000_000) };
        assert_eq!(SignIn::parse(&sign_in.stored()), Some(sign_in));
        for odd in
            ["", "1", "1 ", "x o:k:i", "1 0190a0a0-0000-7000-8000-000000000000:x:0190a0a0-0000-7000-8000-000000000000"]
        {
            assert_eq!(SignIn::parse(odd), None, "{odd}");
        }
    }
}
