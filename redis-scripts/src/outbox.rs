//! What is to leave the server: it stands in Redis until it is seen to, and any node may claim it. A claim holds for a
//! while, and is renewed by whoever works on it; what a node that dies leaves behind is claimed by the next.

use std::time::Duration;

use domain::{OrgId, Timestamp};
use uuid::Uuid;

use crate::{Error, Redis, keys::Partition};

/// Something that is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outgoing {
    /// The invitation that goes with a candidate key.
    Invitation {
        /// Whose key it is.
        org: OrgId,
        /// Which key.
        key: Uuid,
    },
}

impl Outgoing {
    fn partition(&self) -> Partition {
        match self {
            Self::Invitation { org, .. } => Partition::of_org(*org),
        }
    }

    fn member(&self) -> String {
        match self {
            Self::Invitation { org, key } => format!("invitation:{org}:{key}"),
        }
    }

    fn parse(member: &str) -> Option<Self> {
        let (kind, name) = member.split_once(':')?;
        let (org, rest) = name.split_once(':')?;
        let org = OrgId::trusted(org.parse().ok()?);
        match kind {
            "invitation" => Some(Self::Invitation { org, key: rest.parse().ok()? }),
            _ => None,
        }
    }
}

impl Redis {
    /// Notes that something is to be sent at a time; again, at another time.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn post(&self, outgoing: &Outgoing, at: Timestamp) -> Result<(), Error> {
        let mut connection = self.writer(outgoing.partition()).await?;
        let mut add = redis::cmd("ZADD");
        add.arg(outgoing.partition().outbox()).arg(at.millis()).arg(outgoing.member());
        Ok(add.query_async(&mut connection).await?)
    }

    /// Claims what is to be sent by `now`: nobody else gets it for the time `hold`, unless it is posted for an earlier one.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn claim_outgoing(&self, now: Timestamp, hold: Duration) -> Result<Vec<Outgoing>, Error> {
        let claimed = self.claim(Partition::outbox, now, hold).await?;
        let parse =
            |member: String| Outgoing::parse(&member).ok_or_else(|| Error::corrupt(format!("outgoing {member:?}")));
        claimed.into_iter().map(parse).collect()
    }

    /// Notes that nothing is left to be sent of it.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn is_seen_to(&self, outgoing: &Outgoing) -> Result<(), Error> {
        let mut connection = self.connection(outgoing.partition()).await?;
        let mut remove = redis::cmd("ZREM");
        remove.arg(outgoing.partition().outbox()).arg(outgoing.member());
        Ok(remove.query_async(&mut connection).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_names_what_is_to_be_sent() {
        let invitation = Outgoing::Invitation { org: OrgId::sample(Uuid::new_v4()), key: Uuid::new_v4() };
        assert_eq!(Outgoing::parse(&invitation.member()), Some(invitation));
        assert_eq!(Outgoing::parse("pigeon:x:y"), None);
    }
}
