//! The log writer: brings what the stream holds into ClickHouse, confirms it only then, and derives the results of
//! sessions that ended. Any node may do it for any partition, one at a time by lease; a crash at any point repeats the
//! same batch, which changes nothing.

mod batch;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, Context, ContextFutureSpawner, WrapFuture};
use clickhouse_schema::{DeadLetter, EventLog, LoggedEvent};
use domain::SessionRef;
use futures_util::{StreamExt, TryStreamExt, stream};
use redis_scripts::{Entry, Redis, keys::Partition};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    after_end::AfterEnd,
    clock,
    closing::{ResultsError, settle_record, settle_results},
};
use batch::Batch;

/// How long a node that gives no sign of life keeps its leases. A batch that takes longer may be written by two nodes,
/// which changes nothing; only one of them can confirm it.
const ALIVE: Duration = Duration::from_secs(5);

/// How often it gives one.
pub(crate) const SIGN_EVERY: Duration = Duration::from_millis(1_500);

/// The most entries of one partition in one batch.
const ENTRIES: usize = 32;

/// What a batch is to hold, by what entries held lately. Commits grow under load: without this, a batch of a backlog is of
/// a hundred megabytes, held several times over.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Partitions in one batch: bounds what a batch can hold in memory when there is a backlog.
const PARTITIONS_AT_ONCE: usize = 16;

/// Sessions that are brought up to date at the same time.
const SETTLED_AT_ONCE: usize = 8;

/// Confirmed entries are kept this long all the same.
const KEEP_MS: i64 = 6 * 60 * 60 * 1000;

/// How often streams are trimmed.
const TRIM_EVERY: Duration = Duration::from_secs(60);

/// How often at most the tables of ClickHouse are loaded anew because something in them cannot be read.
const MEND_EVERY: Duration = Duration::from_secs(30);

/// How often it is asked whether Redis is filling up. While it is, confirmed entries go at once.
const ASK_MEMORY_EVERY: Duration = Duration::from_secs(2);

/// The longest wait after a failure.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// See the module.
pub(crate) struct LogWriter(Arc<Writer>);

struct Writer {
    redis: Redis,
    log: EventLog,
    after: AfterEnd,
    every: Duration,
    stop: watch::Receiver<bool>,
}

/// What the writer has to see to.
struct Duties {
    /// Who this writer is to the others.
    id: Uuid,
    prepared: bool,
    held: Vec<Partition>,
    signed_at: Option<Instant>,
    trimmed_at: Instant,
    asked_memory_at: Instant,
    mended_at: Option<Instant>,
    /// Bytes of events in an entry, as lately seen.
    entry_bytes: usize,
}

impl Duties {
    /// How many entries to take of each of so many partitions.
    fn entries_of_each(&self, n_partitions: usize) -> usize {
        (BATCH_BYTES / (self.entry_bytes * n_partitions).max(1)).clamp(1, ENTRIES)
    }

    /// Learns how large entries are: quickly when they grow, slowly when they shrink.
    fn saw(&mut self, batch: &[Entry]) {
        let mean = batch.iter().map(batch::bytes_of).sum::<usize>() / batch.len().max(1);
        self.entry_bytes = mean.max((3 * self.entry_bytes + mean) / 4);
    }
}

impl LogWriter {
    /// Looks for new entries `every` so often; ends, giving its leases back, when `stop` says so.
    pub(crate) fn new(
        redis: Redis,
        log: EventLog,
        after: AfterEnd,
        every: Duration,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self(Arc::new(Writer { redis, log, after, every, stop }))
    }
}

impl Actor for LogWriter {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let writer = self.0.clone();
        async move { writer.run().await }.into_actor(self).spawn(ctx);
    }
}

impl Writer {
    async fn run(&self) {
        let mut stop = self.stop.clone();
        let mut backoff = Duration::ZERO;
        let now = Instant::now();
        let mut duties = Duties {
            id: Uuid::new_v4(),
            prepared: false,
            held: Vec::new(),
            signed_at: None,
            trimmed_at: now,
            asked_memory_at: now,
            mended_at: None,
            entry_bytes: 0,
        };
        while !*stop.borrow() {
            self.mend(&mut duties).await;
            let written = self.round(&mut duties).await;
            let wait = match written {
                // There may be more right away.
                Ok(true) => Duration::from_millis(1),
                Ok(false) => self.every,
                Err(error) => {
                    // A Redis that came back empty has no groups. A full one would not let them be made.
                    duties.prepared &= !matches!(&error, ResultsError::Redis(error) if error.is_missing_group());
                    backoff = (backoff * 2).clamp(Duration::from_millis(200), MAX_BACKOFF);
                    metrics::counter!("promptster_log_write_failures_total").increment(1);
                    tracing::warn!(%error, backoff_ms = backoff.as_millis(), "log not written; the batch is repeated");
                    backoff
                }
            };
            if wait != backoff {
                backoff = Duration::ZERO;
            }
            drop(tokio::time::timeout(wait, stop.changed()).await);
        }
        drop(self.redis.release_partitions(duties.id, &duties.held).await);
    }

    /// Writes what there is, a batch for each group of partitions; answers whether there was anything.
    async fn round(&self, duties: &mut Duties) -> Result<bool, ResultsError> {
        if !duties.prepared {
            self.redis.prepare_log().await?;
            duties.prepared = true;
        }
        self.sign(duties).await?;
        let mut wrote = false;
        for partitions in duties.held.clone().chunks(PARTITIONS_AT_ONCE) {
            let mut batch = self.redis.read_pending(partitions).await?;
            // What is pending was tried before, and nobody knows how that ended.
            let log = if batch.is_empty() { self.log.clone() } else { self.log.without_memory() };
            if batch.is_empty() {
                batch = self.redis.read_new(partitions, duties.entries_of_each(partitions.len())).await?;
            }
            if !batch.is_empty() {
                wrote = true;
                duties.saw(&batch);
                self.write(&log, duties.id, &batch).await?;
                self.sign(duties).await?;
            }
        }
        self.trim(duties).await?;
        Ok(wrote)
    }

    /// Sees to what ClickHouse cannot read: has it load its tables anew, and everything that is in the streams written once
    /// more, since some of it may have been lost.
    async fn mend(&self, duties: &mut Duties) {
        if duties.mended_at.is_some_and(|at| at.elapsed() < MEND_EVERY) || !self.log.take_damage() {
            return;
        }
        duties.mended_at = Some(Instant::now());
        metrics::counter!("promptster_log_mended_total").increment(1);
        tracing::error!(
            "clickhouse cannot read something that it stored; its tables are loaded anew and the log is written once more"
        );
        // First of all: parts that are set aside are missing from then on.
        if let Err(error) = self.redis.doubt_log().await {
            tracing::error!(%error, "it could not be noted that clickhouse may lack something");
        }
        if let Err(error) = self.log.reload().await {
            tracing::error!(%error, "the tables could not be loaded anew; tried again");
        }
        match write_anew(&self.redis).await {
            Ok(n_entries) => tracing::info!(n_entries, "the log is written once more"),
            Err(error) => tracing::error!(%error, "the log could not be rewound"),
        }
    }

    /// Takes confirmed entries out of the streams: old ones, and when Redis is filling up all of them.
    async fn trim(&self, duties: &mut Duties) -> Result<(), ResultsError> {
        let mut keep_ms = KEEP_MS;
        if duties.asked_memory_at.elapsed() > ASK_MEMORY_EVERY {
            duties.asked_memory_at = Instant::now();
            if self.redis.memory().await?.is_filling() {
                keep_ms = 0;
            }
        }
        if keep_ms > 0 && duties.trimmed_at.elapsed() <= TRIM_EVERY {
            return Ok(());
        }
        duties.trimmed_at = Instant::now();
        for partition in &duties.held {
            self.redis.trim_log(*partition, clock::now().millis() - keep_ms).await?;
        }
        Ok(())
    }

    /// Gives a sign of life when one is due, and learns which partitions are this node's.
    async fn sign(&self, duties: &mut Duties) -> Result<(), ResultsError> {
        if duties.signed_at.is_none_or(|at| at.elapsed() >= SIGN_EVERY) {
            self.log.begin_turn(self.redis.log_turn().await?);
            let leased = self.redis.lease_partitions(duties.id, ALIVE).await;
            if leased.is_err() && duties.signed_at.is_none_or(|at| at.elapsed() > 2 * ALIVE) {
                // Nobody waits for the old sign any more. Of a cluster, the part that has to take it may be the one that
                // is away; another name has its sign elsewhere.
                duties.id = Uuid::new_v4();
            }
            duties.held = leased?;
            duties.signed_at = Some(Instant::now());
        }
        Ok(())
    }

    async fn write(&self, log: &EventLog, id: Uuid, entries: &[Entry]) -> Result<(), ResultsError> {
        let mut batch = Batch::of(entries);
        // Of a session that was erased nothing is written any more; what was written before goes with it.
        let erased = self.redis.erased_among(&batch.touched).await?;
        batch.forget(&erased);
        let Batch { events, entities, letters, touched, flushed, ids } = batch;
        Self::write_letters(log, letters).await?;
        // Whoever reads the log finds no event before the record of its session.
        if !entities.is_empty() {
            log.append_entities(&entities).await?;
        }
        Self::write_events(log, &events).await?;
        let written = |session: &SessionRef| flushed.values().find_map(|upto| upto.get(session)).copied().unwrap_or(0);
        stream::iter(&touched)
            .map(Ok)
            .try_for_each_concurrent(SETTLED_AT_ONCE, |session| self.settle(session, written(session)))
            .await?;
        for (partition, ids) in ids {
            let flushed = flushed.get(&partition).into_iter().flatten();
            let flushed: Vec<(SessionRef, u64)> = flushed.map(|(session, seq)| (session.clone(), *seq)).collect();
            if !self.redis.confirm_written(id, partition, &ids, &flushed).await? {
                tracing::info!(partition = partition.index(), "lease lost; another node confirms");
            }
        }
        metrics::counter!("promptster_log_events_written_total").increment(u64::try_from(events.len()).unwrap_or(0));
        Ok(())
    }

    /// Writes events; what ClickHouse refuses by itself goes to the dead letters, visibly, and holds nobody up.
    async fn write_events(log: &EventLog, events: &[LoggedEvent]) -> Result<(), ResultsError> {
        if events.is_empty() {
            return Ok(());
        }
        let refused = log.append_events_isolating(events).await?;
        let letter = |(place, reason): (usize, String)| Some(DeadLetter::of(events.get(place)?, reason));
        Self::write_letters(log, refused.into_iter().filter_map(letter).collect()).await
    }

    /// Keeps what could not be written, or not even be read, for people to look at.
    async fn write_letters(log: &EventLog, letters: Vec<DeadLetter>) -> Result<(), ResultsError> {
        for letter in &letters {
            tracing::error!(event.id = %letter.event_id, letter.reason, "dead letter");
            metrics::counter!("promptster_dead_letters_total").increment(1);
        }
        if !letters.is_empty() {
            log.append_dead_letters(&letters).await?;
        }
        Ok(())
    }

    /// Brings what follows a session up to date: index and key, and the results if it has ended. This batch brought it
    /// up to the seq `written`.
    async fn settle(&self, name: &SessionRef, written: u64) -> Result<(), ResultsError> {
        let Some(session) = settle_record(&self.redis, name).await? else { return Ok(()) };
        if session.record.ended_at.is_none() {
            return Ok(());
        }
        // While events of it are still to be written its results would be those of a part. The batch that brings the
        // last of them comes here again.
        let (newest, confirmed) = self.redis.positions(name).await?;
        if newest > written.max(confirmed) {
            return Ok(());
        }
        settle_results(&self.redis, &self.log, &session).await?;
        self.after.want(name);
        Ok(())
    }
}

/// Has everything that is in the streams written to ClickHouse once more, which may lack what it confirmed, as after a backup
/// of it was restored; until that is done, timelines take it from the streams. Any process may ask for it, whether nodes
/// run or not. Answers how many entries that are; writing again what is there changes nothing.
///
/// # Errors
/// When Redis gives no usable answer; may be repeated.
pub async fn rewrite_log(redis: &Redis) -> Result<u64, redis_scripts::Error> {
    redis.prepare_log().await?;
    redis.doubt_log().await?;
    write_anew(redis).await
}

/// Has everything that is in the streams written anew; answers how many entries that are.
async fn write_anew(redis: &Redis) -> Result<u64, redis_scripts::Error> {
    redis.begin_log_turn().await?;
    // Every node asks for the turn with each sign of life. One that wrote in the old turn what it reads anew would be told
    // that it had written it before.
    tokio::time::sleep(2 * SIGN_EVERY).await;
    redis.rewind_log().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duties(entry_bytes: usize) -> Duties {
        let now = Instant::now();
        Duties {
            id: Uuid::nil(),
            prepared: true,
            held: Vec::new(),
            signed_at: None,
            trimmed_at: now,
            asked_memory_at: now,
            mended_at: None,
            entry_bytes,
        }
    }

    #[test]
    fn a_batch_holds_about_as_much_whatever_entries_hold() {
        assert_eq!(duties(0).entries_of_each(16), ENTRIES);
        assert_eq!(duties(1_000).entries_of_each(16), ENTRIES);
        assert_eq!(duties(200_000).entries_of_each(16), 2);
        assert_eq!(duties(8 * 1024 * 1024).entries_of_each(16), 1, "there is always progress");
        assert_eq!(duties(200_000).entries_of_each(1), ENTRIES);
    }
}
