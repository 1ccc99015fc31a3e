//! What has to be done at some time: deadlines of sessions, expiries of keys. No timer that dies with a process: what is
//! due stands in Redis, and any node may claim it. A claim holds for a while only, so that a node that dies after it
//! leaves the work to the next; whatever is done must therefore bear being done twice.

use std::time::Duration;

use domain::{OrgId, SessionRef, Timestamp};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::{Error, Redis, connection::those_that_answered, keys::Partition, scripts};

/// The most that one call claims of one partition.
const CLAIMED_AT_ONCE: usize = 32;

/// Something that is to be done when its time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// The time limit of a session, its grace included, is over.
    Deadline(SessionRef),
    /// A candidate key expires.
    KeyExpiry {
        /// Whose key it is.
        org: OrgId,
        /// Which key.
        key: Uuid,
    },
}

impl Due {
    fn partition(&self) -> Partition {
        match self {
            Self::Deadline(session) => Partition::of_session(session),
            Self::KeyExpiry { org, .. } => Partition::of_org(*org),
        }
    }

    fn member(&self) -> String {
        match self {
            Self::Deadline(session) => format!("deadline:{session}"),
            Self::KeyExpiry { org, key } => format!("expiry:{org}:{key}"),
        }
    }

    fn parse(member: &str) -> Option<Self> {
        let (kind, name) = member.split_once(':')?;
        let (org, rest) = name.split_once(':')?;
        let org = OrgId::trusted(org.parse().ok()?);
        match kind {
            "deadline" => Some(Self::Deadline(SessionRef::new(org, rest.parse().ok()?))),
            "expiry" => Some(Self::KeyExpiry { org, key: rest.parse().ok()? }),
            _ => None,
        }
    }
}

impl Redis {
    /// Notes that something is to be done at a time; again, at another time.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn schedule(&self, due: &Due, at: Timestamp) -> Result<(), Error> {
        let mut connection = self.writer(due.partition()).await?;
        Ok(redis::cmd("ZADD")
            .arg(due.partition().due())
            .arg(at.millis())
            .arg(due.member())
            .query_async(&mut connection)
            .await?)
    }

    /// Notes that something is to be done at a time, unless it stands there already.
    pub(crate) async fn schedule_once(&self, due: &Due, at: Timestamp) -> Result<(), Error> {
        let mut connection = self.writer(due.partition()).await?;
        Ok(redis::cmd("ZADD")
            .arg(due.partition().due())
            .arg("NX")
            .arg(at.millis())
            .arg(due.member())
            .query_async(&mut connection)
            .await?)
    }

    /// Claims what is due by `now`: nobody else gets it for the time `hold`. Nothing is due in a partition that is not
    /// whole.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn claim_due(&self, now: Timestamp, hold: Duration) -> Result<Vec<Due>, Error> {
        let claimed = self.claim(Partition::due, now, hold).await?;
        let parse =
            |member: String| Due::parse(&member).ok_or_else(|| Error::corrupt(format!("due member {member:?}")));
        claimed.into_iter().map(parse).collect()
    }

    /// Claims what is due in a sorted set of every partition.
    pub(crate) async fn claim(
        &self,
        set: impl Fn(Partition) -> String,
        now: Timestamp,
        hold: Duration,
    ) -> Result<Vec<String>, Error> {
        let connections = self.connections(Partition::all()).await;
        let hold_ms = i64::try_from(hold.as_millis()).unwrap_or(i64::MAX);
        let claimed = join_all(Partition::all().map(|partition| {
            let (connection, set) = (connections.to(partition), set(partition));
            async move {
                let mut connection = connection?;
                let mut invocation = scripts::claim_due().prepare_invoke();
                invocation.key(set).key(partition.whole());
                invocation.arg(now.millis()).arg(now.plus_millis(hold_ms).millis()).arg(CLAIMED_AT_ONCE);
                let members: Vec<String> = invocation.invoke_async(&mut connection).await?;
                Ok::<_, Error>(members)
            }
        }))
        .await;
        // What is due on servers that are away waits for them; the rest does not.
        Ok(those_that_answered(claimed)?.into_iter().flatten().collect())
    }

    /// Notes that something that was due is done.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn is_done(&self, due: &Due) -> Result<(), Error> {
        let mut connection = self.connection(due.partition()).await?;
        Ok(redis::cmd("ZREM").arg(due.partition().due()).arg(due.member()).query_async(&mut connection).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_names_what_is_due() {
        let org = OrgId::sample(Uuid::new_v4());
        let deadline = Due::Deadline(SessionRef::new(org, "a:b".parse().unwrap()));
        let expiry = Due::KeyExpiry { org, key: Uuid::new_v4() };
        for due in [deadline, expiry] {
            assert_eq!(Due::parse(&due.member()), Some(due));
        }
        assert_eq!(Due::parse("dance:x:y"), None);
    }
}
