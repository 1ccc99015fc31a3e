//! How much waits in Redis to leave it: events for ClickHouse, and messages for the outside.

use futures_util::future::join_all;
use redis::{
    AsyncCommands, RedisResult,
    streams::{StreamInfoGroupsReply, StreamPendingReply, StreamRangeReply},
};

use crate::{Error, Redis, connection::those_that_answered, keys::Partition, log_stream::GROUP};

/// What waits, in all partitions.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Stream entries, a commit each, of which it is not confirmed that ClickHouse has them. Where Redis cannot tell how
    /// many of a partition nobody has read yet, they count as one.
    pub entries: u64,
    /// When the oldest of them was recorded, in milliseconds since 1970 by the clock of Redis.
    pub oldest_ms: Option<i64>,
    /// Invitations and messages to webhooks that have not left yet, those included that are not due yet.
    pub outgoing: u64,
}

impl Backlog {
    fn and(self, other: Self) -> Self {
        Self {
            entries: self.entries.saturating_add(other.entries),
            oldest_ms: self.oldest_ms.into_iter().chain(other.oldest_ms).min(),
            outgoing: self.outgoing.saturating_add(other.outgoing),
        }
    }
}

impl Redis {
    /// What waits. Partitions whose server is away are not counted while others answer.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        let asked = join_all(Partition::all().map(|partition| self.backlog_of(partition))).await;
        Ok(those_that_answered(asked)?.into_iter().fold(Backlog::default(), Backlog::and))
    }

    async fn backlog_of(&self, partition: Partition) -> Result<Backlog, Error> {
        let mut connection = self.connection(partition).await?;
        let outgoing: u64 = connection.zcard(partition.outbox()).await?;
        let known: RedisResult<StreamInfoGroupsReply> = connection.xinfo_groups(partition.stream()).await;
        let known = match known {
            Ok(known) => known,
            // Nobody has made the stream yet.
            Err(error) if error.code() == Some("ERR") => return Ok(Backlog { outgoing, ..Backlog::default() }),
            Err(error) => return Err(error.into()),
        };
        let Some(group) = known.groups.into_iter().find(|group| group.name == GROUP) else {
            return Ok(Backlog { outgoing, ..Backlog::default() });
        };
        let pending = match group.pending {
            0 => StreamPendingReply::Empty,
            _ => connection.xpending(partition.stream(), GROUP).await?,
        };
        let mut oldest = match &pending {
            StreamPendingReply::Data(data) => milliseconds(&data.start_id),
            _ => None,
        };
        let mut unread = group.lag;
        // What was read is older than what was not.
        if oldest.is_none() && unread != Some(0) {
            let after = format!("({}", group.last_delivered_id);
            let first: StreamRangeReply = connection.xrange_count(partition.stream(), after, "+", 1).await?;
            oldest = first.ids.first().and_then(|entry| milliseconds(&entry.id));
            unread = unread.or(Some(first.ids.len()));
        }
        let entries = pending.count().saturating_add(unread.unwrap_or(1));
        Ok(Backlog { entries: u64::try_from(entries).unwrap_or(u64::MAX), oldest_ms: oldest, outgoing })
    }
}

/// The time in the id of a stream entry.
fn milliseconds(id: &str) -> Option<i64> {
    id.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_all_partitions_counts_and_the_rest_is_added_up() {
        let one = Backlog { entries: 2, oldest_ms: Some(20), outgoing: 1 };
        let other = Backlog { entries: 3, oldest_ms: Some(10), outgoing: 0 };
        assert_eq!(one.and(other), Backlog { entries: 5, oldest_ms: Some(10), outgoing: 1 });
        assert_eq!(one.and(Backlog::default()), one);
        assert_eq!([milliseconds("1526919030474-55"), milliseconds("-")], [Some(1_526_919_030_474), None]);
    }
}
