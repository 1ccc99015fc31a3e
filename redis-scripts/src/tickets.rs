//! Tickets: what a browser shows once instead of a credential when it opens a socket.

use std::time::Duration;

use domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::{Error, Holder, Redis, Scopes, keys::SecretDigest, random_secret};

/// How long a ticket waits to be used.
pub const TICKET_LIFE: Duration = Duration::from_secs(30);

/// The rights that a ticket stands for: those of whoever it was given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The organisation.
    pub org: OrgId,
    /// Who got it.
    pub issuer: Issuer,
}

/// Who got a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issuer {
    /// A reviewer, by API key.
    Reviewer(Uuid),
    /// A reviewer, by a token that expires; what the token allowed goes with the ticket.
    Person {
        /// Who.
        id: Uuid,
        /// What is allowed.
        scopes: Scopes,
        /// Until when.
        expires_at: Timestamp,
    },
    /// A reviewer who is signed in with a browser.
    SignedIn {
        /// The API key or member.
        holder: Holder,
        /// Of the secret of the sign-in, with which the ticket ends.
        sign_in: SecretDigest,
    },
    /// A candidate, by candidate key.
    Candidate(Uuid),
}

impl Redis {
    /// A ticket to be shown once within [`TICKET_LIFE`].
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn issue_ticket(&self, ticket: &Ticket) -> Result<String, Error> {
        let secret = random_secret("plt_")?;
        let issuer = match &ticket.issuer {
            Issuer::Reviewer(id) => format!("r:{id}"),
            Issuer::Person { id, scopes, expires_at } => {
                format!("p:{id}:{}:{}", expires_at.millis(), scopes.words().join(" "))
            }
            Issuer::SignedIn { holder, sign_in } => format!("s:{}:{}", sign_in.as_str(), holder.stored()),
            Issuer::Candidate(id) => format!("c:{id}"),
        };
        let stored = format!("{}:{issuer}", ticket.org);
        let digest = self.digest(&secret);
        let mut connection = self.writer(digest.partition()).await?;
        redis::cmd("SET")
            .arg(digest.key("ticket"))
            .arg(stored)
            .arg("EX")
            .arg(TICKET_LIFE.as_secs())
            .query_async::<()>(&mut connection)
            .await?;
        Ok(secret)
    }

    /// What a ticket stands for; it is used up by this. `None` when there is none.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn take_ticket(&self, secret: &str) -> Result<Option<Ticket>, Error> {
        let mut stored: Option<String> = None;
        for digest in self.digests(secret) {
            let mut connection = self.connection(digest.partition()).await?;
            stored = redis::cmd("GETDEL").arg(digest.key("ticket")).query_async(&mut connection).await?;
            if stored.is_some() {
                break;
            }
        }
        let parse = |text: &str| {
            let mut parts = text.split(':');
            let org = OrgId::trusted(parts.next()?.parse().ok()?);
            let (who, given) = (parts.next()?, parts.next()?);
            let id = || given.parse().ok();
            let issuer = match who {
                "r" => Issuer::Reviewer(id()?),
                "p" => {
                    let expires_at = Timestamp::from_millis(parts.next()?.parse().ok()?);
                    Issuer::Person { id: id()?, scopes: Scopes::of_words(parts.next()?.split(' ')), expires_at }
                }
                "s" => Issuer::SignedIn { holder: Holder::parse(&mut parts)?, sign_in: SecretDigest::stored(given) },
                _ => Issuer::Candidate(id()?),
            };
            Some(Ticket { org, issuer })
        };
        stored.map(|text| parse(&text).ok_or_else(|| Error::corrupt("a ticket"))).transpose()
    }
}
