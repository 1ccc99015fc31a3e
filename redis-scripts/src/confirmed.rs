//! What the streams hold of what was confirmed as written, without its content: enough to ask ClickHouse whether it is
//! there. What is not is made pending again; from there on it is written as everything is.

use std::time::Duration;

use domain::{OrgId, SessionRef};
use redis::AsyncCommands;
use uuid::Uuid;

use crate::{
    Error, Redis, commit,
    keys::Partition,
    log_entry::version_of,
    log_stream::{CONSUMER, GROUP},
    scripts,
};

/// A part of an entry that was confirmed as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// The entry's id.
    pub entry: String,
    /// What ClickHouse has of it.
    pub what: Written,
}

/// What ClickHouse was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// Events of a session.
    Events {
        /// Whose they are.
        session: SessionRef,
        /// Their version in the log.
        version: u64,
        /// How many.
        n: u64,
    },
    /// A state of an entity.
    Entity {
        /// Whose it is.
        org: OrgId,
        /// What it is.
        kind: String,
        /// Which one.
        id: String,
        /// Its version: this one is there, or a later one.
        version: u64,
    },
}

impl Redis {
    /// Whether nobody compared the partition for the time `every`; then the caller is to do it, and nobody else. Where to
    /// begin: an id, or `-` for the beginning of the stream.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn claim_comparison(&self, partition: Partition, every: Duration) -> Result<Option<String>, Error> {
        let every_ms = u64::try_from(every.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut connection = self.connection(partition).await?;
        let mut claim = redis::cmd("SET");
        claim.arg(partition.compared()).arg("").arg("NX").arg("PX").arg(every_ms);
        let claimed: Option<String> = claim.query_async(&mut connection).await?;
        if claimed.is_none() {
            return Ok(None);
        }
        let from: Option<String> = connection.get(partition.compare_from()).await?;
        Ok(Some(from.unwrap_or_else(|| "-".to_owned())))
    }

    /// Notes where the next comparison of the partition is to begin; `None`: at the beginning of the stream.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn note_comparison(&self, partition: Partition, from: Option<&str>) -> Result<(), Error> {
        let mut connection = self.connection(partition).await?;
        let key = partition.compare_from();
        match from {
            Some(from) => Ok(connection.set(key, from).await?),
            None => Ok(connection.del(key).await?),
        }
    }

    /// What the entries from `from` on hold, at most `count` of them, and where to go on.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn list_confirmed(
        &self,
        partition: Partition,
        from: &str,
        count: usize,
    ) -> Result<(Vec<Confirmed>, Option<String>), Error> {
        let mut invocation = scripts::list_confirmed().prepare_invoke();
        invocation.key(partition.stream()).arg(GROUP).arg(from).arg(count);
        let mut connection = self.connection(partition).await?;
        let mut reply: Vec<redis::Value> = invocation.invoke_async(&mut connection).await?;
        if reply.is_empty() {
            return Err(Error::corrupt("an answer without a place to go on"));
        }
        let parts = reply.split_off(1);
        let next: Vec<String> = redis::from_redis_value(redis::Value::Array(reply)).map_err(redis::RedisError::from)?;
        let mut confirmed = Vec::with_capacity(parts.len());
        for part in parts {
            let words: Vec<String> = redis::from_redis_value(part).map_err(redis::RedisError::from)?;
            confirmed.extend(parse(&words));
        }
        Ok((confirmed, next.into_iter().next().filter(|next| !next.is_empty())))
    }

    /// Has entries that were confirmed written once more; answers how many are there still. `None` while others are
    /// pending: ask again.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer; may be repeated.
    pub async fn rewrite_entries(&self, partition: Partition, ids: &[&str]) -> Result<Option<u64>, Error> {
        let mut invocation = scripts::rewrite_entries().prepare_invoke();
        invocation.key(partition.stream()).arg(GROUP).arg(CONSUMER).arg(ids);
        let mut connection = self.connection(partition).await?;
        let pending: i64 = invocation.invoke_async(&mut connection).await?;
        Ok(u64::try_from(pending).ok())
    }
}

/// A part whose name cannot be read is a dead letter, and was written as one.
fn parse(words: &[String]) -> Option<Confirmed> {
    let what = match words {
        [entry, kind, name, n] if kind == "events" => {
            let session = commit::session_of(name)?;
            Written::Events { session, version: version_of(entry), n: n.parse().ok()? }
        }
        [_, is, kind, org, id, version] if is == "entity" => {
            let org = OrgId::trusted(org.parse::<Uuid>().ok()?);
            Written::Entity { org, kind: kind.clone(), id: id.clone(), version: version.parse().ok()? }
        }
        _ => return None,
    };
    Some(Confirmed { entry: words.first()?.clone(), what })
}
