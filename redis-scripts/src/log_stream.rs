//! The write-ahead stream as its one reader sees it: the log writer, which brings it into ClickHouse.
//!
//! Every partition has one consumer group with one consumer, whoever plays it: the node that holds the partition's
//! lease. New entries are read only when none is pending, so the pending list *is* the frozen batch: after a crash
//! the next holder reads the very same entries in the same order.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use domain::SessionRef;
use futures_util::future::{join_all, try_join_all};
use redis::{
    AsyncCommands, RedisResult,
    streams::{StreamInfoGroupsReply, StreamReadOptions, StreamReadReply},
};
use uuid::Uuid;

use crate::{
    Error, Redis,
    connection::those_that_answered,
    keys::{Partition, SessionKeys},
    log_entry::{Entry, content_of},
    scripts,
};

pub(crate) const GROUP: &str = "log-writer";
pub(crate) const CONSUMER: &str = "holder-of-the-lease";

/// The newest stream entries of a session that stay in its index after ClickHouse has them, so that watchers who fall
/// behind a little are served from Redis.
const KEPT_ENTRIES: usize = 256;

/// How long a doubt lasts when nothing comes of it: many times what writing a stream once more takes.
const DOUBTED_FOR_S: u64 = 3_600;

impl Redis {
    /// Makes the consumer group of every partition; what stands in a stream already is read from its beginning.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn prepare_log(&self) -> Result<(), Error> {
        for partition in Partition::all() {
            let mut connection = self.connection(partition).await?;
            // Asked first: a full Redis refuses to make even a group that is there.
            let known: RedisResult<StreamInfoGroupsReply> = connection.xinfo_groups(partition.stream()).await;
            if known.is_ok_and(|known| known.groups.iter().any(|group| group.name == GROUP)) {
                continue;
            }
            let made: RedisResult<()> = connection.xgroup_create_mkstream(partition.stream(), GROUP, "0").await;
            if let Err(error) = made
                && error.code() != Some("BUSYGROUP")
            {
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Says that `holder` lives, for the next `ttl`, and takes the leases that are free or whose holder gave no sign of
    /// life; answers which partitions it holds now. To be called again well within `ttl`.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn lease_partitions(&self, holder: Uuid, ttl: Duration) -> Result<Vec<Partition>, Error> {
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let mut sign = scripts::sign_of_life().prepare_invoke();
        sign.key(Partition::writer_alive(holder)).arg(ttl_ms);
        let _: i64 = sign.invoke_async(&mut self.connection(Partition::of_writer(holder)).await?).await?;
        let connections = self.writable(Partition::all()).await;
        let holders = join_all(Partition::all().map(|partition| {
            let connection = connections.to(partition);
            async move {
                let mut connection = connection?;
                let found: Option<String> = connection.get(partition.writer_lease()).await?;
                Ok::<_, Error>((partition, found))
            }
        }))
        .await;
        let mut living = HashMap::new();
        let mut held = Vec::new();
        // Partitions of a server that is away, or takes no writes, are not held; the others go on.
        for (partition, found) in those_that_answered(holders)? {
            let lives = match found.as_deref().map(str::parse::<Uuid>) {
                Some(Ok(found)) if found == holder => {
                    held.push(partition);
                    continue;
                }
                Some(Ok(found)) => match living.get(&found) {
                    Some(lives) => *lives,
                    None => {
                        // A sign that cannot be read cannot be given either: that holder has stopped too.
                        let lives = match self.is_alive(found).await {
                            Err(Error::Unavailable(_)) => false,
                            lives => lives?,
                        };
                        living.insert(found, lives);
                        lives
                    }
                },
                Some(Err(_)) | None => false,
            };
            if !lives && self.hand_lease(partition, found.as_deref(), Some(holder)).await? {
                held.push(partition);
            }
        }
        Ok(held)
    }

    async fn is_alive(&self, writer: Uuid) -> Result<bool, Error> {
        let mut connection = self.connection(Partition::of_writer(writer)).await?;
        Ok(connection.exists(Partition::writer_alive(writer)).await?)
    }

    /// Whether a log writer lives on this Redis: one that holds a partition and gave a sign of life lately.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn has_living_writer(&self) -> Result<bool, Error> {
        let mut holders = HashSet::new();
        for partition in Partition::all() {
            let mut connection = self.connection(partition).await?;
            let holder: Option<String> = connection.get(partition.writer_lease()).await?;
            holders.extend(holder.and_then(|holder| holder.parse::<Uuid>().ok()));
        }
        for holder in holders {
            if self.is_alive(holder).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gives the leases back, so that another node need not wait for the sign of life to run out.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn release_partitions(&self, holder: Uuid, partitions: &[Partition]) -> Result<(), Error> {
        let name = holder.to_string();
        try_join_all(partitions.iter().map(|partition| self.hand_lease(*partition, Some(&name), None))).await?;
        Ok(())
    }

    /// Gives a lease to `to` if `from` still has it; answers whether it was done.
    async fn hand_lease(&self, partition: Partition, from: Option<&str>, to: Option<Uuid>) -> Result<bool, Error> {
        let mut invocation = scripts::hand_lease().prepare_invoke();
        invocation.key(partition.writer_lease()).arg(from.unwrap_or_default());
        invocation.arg(to.map(|to| to.to_string()).unwrap_or_default());
        let mut connection = self.connection(partition).await?;
        let handed: i64 = invocation.invoke_async(&mut connection).await?;
        Ok(handed == 1)
    }

    /// The entries of these partitions that were read before and not confirmed: a batch that is to be written again.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn read_pending(&self, partitions: &[Partition]) -> Result<Vec<Entry>, Error> {
        self.read_group(partitions, "0", None).await
    }

    /// New entries of these partitions, at most `count` of each. To be asked only when nothing is pending.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn read_new(&self, partitions: &[Partition], count: usize) -> Result<Vec<Entry>, Error> {
        self.read_group(partitions, ">", Some(count)).await
    }

    async fn read_group(
        &self,
        partitions: &[Partition],
        after: &str,
        count: Option<usize>,
    ) -> Result<Vec<Entry>, Error> {
        // A server of its own answers for all of them in one call; in a cluster no call spans slots.
        let alone = if self.is_cluster() { 1 } else { partitions.len().max(1) };
        let parts = partitions.chunks(alone).map(|part| self.read_streams(part, after, count));
        let found = try_join_all(parts).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn read_streams(
        &self,
        partitions: &[Partition],
        after: &str,
        count: Option<usize>,
    ) -> Result<Vec<Entry>, Error> {
        let Some(first) = partitions.first() else { return Ok(Vec::new()) };
        let streams: Vec<String> = partitions.iter().map(|partition| partition.stream()).collect();
        let afters = vec![after; streams.len()];
        let options = StreamReadOptions::default().group(GROUP, CONSUMER);
        let options = if let Some(count) = count { options.count(count) } else { options };
        let mut connection = self.connection(*first).await?;
        let reply: Option<StreamReadReply> = connection.xread_options(&streams, &afters, &options).await?;
        let mut entries = Vec::new();
        for stream in reply.map(|reply| reply.keys).unwrap_or_default() {
            let position = streams.iter().position(|name| *name == stream.key);
            let partition = position.and_then(|position| partitions.get(position)).copied();
            let partition = partition.ok_or_else(|| Error::corrupt(format!("an answer for {}", stream.key)))?;
            for item in stream.ids {
                let (content, unreadable) = content_of(&item);
                entries.push(Entry { partition, content, unreadable, id: item.id });
            }
        }
        Ok(entries)
    }

    /// Confirms that ClickHouse holds these entries of one partition, and up to which seq it holds each session.
    /// `false` when `holder` does not hold the lease any more: somebody else will confirm.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn confirm_written(
        &self,
        holder: Uuid,
        partition: Partition,
        ids: &[String],
        flushed: &[(SessionRef, u64)],
    ) -> Result<bool, Error> {
        let mut invocation = scripts::confirm_written().prepare_invoke();
        invocation.key(partition.stream()).key(partition.writer_lease()).key(partition.doubted());
        invocation.arg(holder.to_string()).arg(GROUP).arg(KEPT_ENTRIES).arg(ids.len());
        for id in ids {
            invocation.arg(id);
        }
        for (session, seq) in flushed {
            let keys = SessionKeys::of(session);
            invocation.key(keys.sums()).key(keys.tail()).arg(*seq);
        }
        let mut connection = self.connection(partition).await?;
        let confirmed: i64 = invocation.invoke_async(&mut connection).await?;
        Ok(confirmed == 1)
    }

    /// How often everything that is in the streams was to be written anew.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn log_turn(&self) -> Result<u64, Error> {
        let mut connection = self.connection(Partition::LOG_TURN).await?;
        let turn: Option<u64> = connection.get(Partition::log_turn()).await?;
        Ok(turn.unwrap_or(0))
    }

    /// Begins a turn in which everything that is in the streams is to be written anew. Every writer has to know of it
    /// before the streams are [rewound](Redis::rewind_log).
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer; may be repeated.
    pub async fn begin_log_turn(&self) -> Result<(), Error> {
        let mut connection = self.writer(Partition::LOG_TURN).await?;
        Ok(connection.incr(Partition::log_turn(), 1).await?)
    }

    /// Notes that ClickHouse may lack what it confirmed: until the streams are written once more, what is read counts as
    /// [unflushed](Redis::read_unflushed) as far back as the tails of sessions reach.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer; may be repeated.
    pub async fn doubt_log(&self) -> Result<(), Error> {
        for partition in Partition::all() {
            let mut connection = self.connection(partition).await?;
            let mut invocation = scripts::mark_doubted().prepare_invoke();
            invocation.key(partition.stream()).key(partition.doubted()).arg(DOUBTED_FOR_S);
            let _: i64 = invocation.invoke_async(&mut connection).await?;
        }
        Ok(())
    }

    /// Has everything that is in the streams written to ClickHouse once more, by whoever holds their leases; answers how
    /// many entries that are. Writing them again changes nothing where they are there.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer; may be repeated.
    pub async fn rewind_log(&self) -> Result<u64, Error> {
        let mut n_entries = 0;
        for partition in Partition::all() {
            let mut connection = self.connection(partition).await?;
            let mut invocation = scripts::rewind_log().prepare_invoke();
            invocation.key(partition.stream()).key(partition.doubted()).arg(GROUP);
            let n: u64 = invocation.invoke_async(&mut connection).await?;
            n_entries += n;
        }
        Ok(n_entries)
    }

    /// Removes entries that ClickHouse has confirmed and that are older than `before_ms`.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn trim_log(&self, partition: Partition, before_ms: i64) -> Result<u64, Error> {
        let mut invocation = scripts::trim_stream().prepare_invoke();
        invocation.key(partition.stream()).arg(GROUP).arg(before_ms.max(0));
        let mut connection = self.connection(partition).await?;
        Ok(invocation.invoke_async(&mut connection).await?)
    }
}
