//! The log writer: brings what the stream holds into ClickHouse, confirms it only then, and derives the results of
//! sessions that ended. Any node may do it for any partition, one at a time by lease; a crash at any point repeats the
//! same batch, which changes nothing.

mod batch;
mod duties;
mod settling;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, Context, ContextFutureSpawner, WrapFuture};
use clickhouse_schema::{DeadLetter, EventLog, LoggedEvent};
use domain::SessionRef;
use futures_util::{StreamExt, TryStreamExt, stream};
use redis_scripts::{Entry, Redis};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    after_end::AfterEnd,
    clock,
    closing::{ResultsError, settle_record, settle_results},
};
use batch::Batch;
use duties::{Duties, Round, most_of_one};
use settling::Settling;

/// How long a node that gives no sign of life keeps its leases. A batch that takes longer may be written by two nodes,
/// which changes nothing; only one of them can confirm it.
const ALIVE: Duration = Duration::from_secs(5);

/// How often it gives one.
pub(crate) const SIGN_EVERY: Duration = Duration::from_millis(1_500);

/// How long it takes from one round to the next while each takes all there is. A round costs about the same whether it writes
/// ten events or a thousand: an insert, which becomes a part to be merged, a confirmation for each partition, a look at each
/// session.
const PACE: Duration = Duration::from_millis(500);

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
        let mut duties = Duties::begin(Instant::now());
        while !*stop.borrow() {
            self.mend(&mut duties).await;
            let began = Instant::now();
            let written = self.round(&mut duties).await;
            let wait = match written {
                // It yields all the same.
                Ok(Round::More) => Duration::from_millis(1),
                Ok(Round::All) => PACE.saturating_sub(began.elapsed()),
                Ok(Round::Nothing) => self.every,
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
        let put_off = duties.settling.all();
        if let Err(error) = self.settle_all(&mut duties.settling, put_off, |_| 0).await {
            tracing::info!(%error, "not every session could be brought up to date; the next event of each does it");
        }
        drop(self.redis.release_partitions(duties.id, &duties.held).await);
    }

    /// Writes what there is, a batch for each group of partitions.
    async fn round(&self, duties: &mut Duties) -> Result<Round, ResultsError> {
        if !duties.prepared {
            self.redis.prepare_log().await?;
            duties.prepared = true;
        }
        self.sign(duties).await?;
        let mut round = Round::Nothing;
        for partitions in duties.held.clone().chunks(duties.partitions_at_once()) {
            let mut batch = self.redis.read_pending(partitions).await?;
            // What is pending was tried before, and nobody knows how that ended.
            let is_new = batch.is_empty();
            let log = if is_new { self.log.clone() } else { self.log.without_memory() };
            let of_each = duties.entries_of_each(partitions.len());
            if is_new {
                batch = self.redis.read_new(partitions, of_each).await?;
            }
            if !batch.is_empty() {
                let leaves_some = !is_new || most_of_one(&batch) >= of_each;
                round = round.max(if leaves_some { Round::More } else { Round::All });
                duties.saw(&batch);
                self.write(&log, duties, &batch).await?;
                self.sign(duties).await?;
            }
        }
        let overdue = duties.settling.overdue(Instant::now());
        self.settle_all(&mut duties.settling, overdue, |_| 0).await?;
        self.trim(duties).await?;
        Ok(round)
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

    async fn write(&self, log: &EventLog, duties: &mut Duties, entries: &[Entry]) -> Result<(), ResultsError> {
        let mut batch = Batch::of(entries);
        // Of a session that was erased nothing is written any more; what was written before goes with it.
        let erased = self.redis.erased_among(&batch.touched).await?;
        batch.forget(&erased);
        let Batch { events, entities, letters, touched, changed, flushed, ids } = batch;
        Self::write_letters(log, letters).await?;
        // Whoever reads the log finds no event before the record of its session.
        if !entities.is_empty() {
            log.append_entities(&entities).await?;
        }
        Self::write_events(log, &events).await?;
        let written = |session: &SessionRef| flushed.values().find_map(|upto| upto.get(session)).copied().unwrap_or(0);
        let due = duties.settling.now(touched, &changed, Instant::now());
        self.settle_all(&mut duties.settling, due, written).await?;
        for (partition, ids) in ids {
            let flushed = flushed.get(&partition).into_iter().flatten();
            let flushed: Vec<(SessionRef, u64)> = flushed.map(|(session, seq)| (session.clone(), *seq)).collect();
            if !self.redis.confirm_written(duties.id, partition, &ids, &flushed).await? {
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

    /// Settles these sessions, of which this batch brought each up to the seq that `written` says.
    async fn settle_all(
        &self,
        settling: &mut Settling,
        sessions: Vec<SessionRef>,
        written: impl Fn(&SessionRef) -> u64,
    ) -> Result<(), ResultsError> {
        let settled = stream::iter(sessions).map(|name| {
            let written = written(&name);
            async move { self.settle(&name, written).await.map(|goes_on| (name, goes_on)) }
        });
        let settled: Vec<_> = settled.buffer_unordered(SETTLED_AT_ONCE).try_collect().await?;
        let now = Instant::now();
        for (name, goes_on) in settled {
            settling.is_settled(name, goes_on, now);
        }
        Ok(())
    }

    /// Brings what follows a session up to date: index and key, and the results if it has ended; answers whether it goes on.
    /// This batch brought it up to the seq `written`.
    async fn settle(&self, name: &SessionRef, written: u64) -> Result<bool, ResultsError> {
        let Some(session) = settle_record(&self.redis, name).await? else { return Ok(false) };
        if session.record.ended_at.is_none() {
            return Ok(true);
        }
        // While events of it are still to be written its results would be those of a part. The batch that brings the
        // last of them comes here again.
        let (newest, confirmed) = self.redis.positions(name).await?;
        if newest > written.max(confirmed) {
            return Ok(false);
        }
        settle_results(&self.redis, &self.log, &session).await?;
        self.after.want(name);
        Ok(false)
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
