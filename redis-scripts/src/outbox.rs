//! What is to leave the server: it stands in Redis until it is seen to, and any node may claim it. A claim holds for a
//! while, and is renewed by whoever works on it; what a node that dies leaves behind is claimed by the next.

use std::time::Duration;

use domain::{OrgId, SessionRef, Timestamp};
use uuid::Uuid;

use crate::{Error, Redis, keys::Partition};

/// Something that is to be sent, or of which somebody is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// The invitation that goes with a candidate key.
    Invitation {
        /// Whose key it is.
        org: OrgId,
        /// Which key.
        key: Uuid,
    },
    /// A candidate key got its session: webhooks are to be told.
    Redeemed {
        /// Whose key it is.
        org: OrgId,
        /// Which key.
        key: Uuid,
    },
    /// A session ended, and its results are derived: webhooks are to be told.
    Completed(SessionRef),
    /// What a webhook is told.
    Delivery {
        /// Whose webhook it is.
        org: OrgId,
        /// Which delivery.
        id: Uuid,
    },
}

impl Outgoing {
    fn partition(&self) -> Partition {
        match self {
            Self::Invitation { org, .. } | Self::Redeemed { org, .. } | Self::Delivery { org, .. } => {
                Partition::of_org(*org)
            }
            Self::Completed(session) => Partition::of_org(session.org),
        }
    }

    pub(crate) fn member(&self) -> String {
        match self {
            Self::Invitation { org, key } => format!("invitation:{org}:{key}"),
            Self::Redeemed { org, key } => format!("redeemed:{org}:{key}"),
            Self::Completed(session) => format!("completed:{session}"),
            Self::Delivery { org, id } => format!("delivery:{org}:{id}"),
        }
    }

    fn parse(member: &str) -> Option<Self> {
        let (kind, name) = member.split_once(':')?;
        let (org, rest) = name.split_once(':')?;
        let org = OrgId::trusted(org.parse().ok()?);
        match kind {
            "invitation" => Some(Self::Invitation { org, key: rest.parse().ok()? }),
            "redeemed" => Some(Self::Redeemed { org, key: rest.parse().ok()? }),
            "completed" => Some(Self::Completed(SessionRef::new(org, rest.parse().ok()?))),
            "delivery" => Some(Self::Delivery { org, id: rest.parse().ok()? }),
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
        let (org, id) = (OrgId::sample(Uuid::new_v4()), Uuid::new_v4());
        let completed = Outgoing::Completed(SessionRef::new(org, "a:b".parse().unwrap()));
        let others = [
            Outgoing::Invitation { org, key: id },
            Outgoing::Redeemed { org, key: id },
            Outgoing::Delivery { org, id },
        ];
        for outgoing in others.into_iter().chain([completed]) {
            assert_eq!(Outgoing::parse(&outgoing.member()), Some(outgoing));
        }
        assert_eq!(Outgoing::parse("pigeon:x:y"), None);
    }
}
