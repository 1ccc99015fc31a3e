//! The reconciler: compares what the streams still hold with what ClickHouse has, and has written again what is missing. A
//! power cut, a table that was dropped or a backup that was restored may take away what was confirmed; while the stream
//! has it, nothing is lost. Any node may do it, for one partition at a time; a crash leaves nothing undone that the next
//! comparison does not find.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use actix::{Actor, Context, ContextFutureSpawner, WrapFuture};
use clickhouse_schema::{EventLog, GivenEntity, GivenEvents};
use domain::SessionRef;
use redis_scripts::{Confirmed, Redis, Written, belongs_to_session, keys::Partition};
use tokio::sync::watch;

use crate::{closing::ResultsError, log_writer::SIGN_EVERY};

/// Entries that one call of Redis looks at: as it does nothing else meanwhile, and an entry may be large.
const ENTRIES_AT_ONCE: usize = 32;

/// Parts of entries that ClickHouse is asked about at once.
const PARTS_AT_ONCE: usize = 256;

/// Entries of a partition that are looked at in one go; the next one goes on where this one ended.
const ENTRIES_A_GO: usize = 2_048;

/// Entries that are written again as one batch.
const REWRITTEN_AT_ONCE: usize = 32;

/// How long it is waited for the log writer to have nothing on its way, and how often it is looked.
const TRIES: u32 = 200;
const TRY_EVERY: Duration = Duration::from_millis(50);

/// Entries that are remembered as written again.
const REMEMBERED: usize = 10_000;

/// See the module.
pub(crate) struct Reconciler(Arc<Comparison>);

struct Comparison {
    redis: Redis,
    log: EventLog,
    every: Duration,
    stop: watch::Receiver<bool>,
}

/// Entries that were written again already. What is missing then once more is not written a third time: something is
/// wrong with it that writing does not mend.
type Rewritten = BTreeSet<(Partition, String)>;

impl Reconciler {
    /// Compares every partition once in the time `every`; ends when `stop` says so.
    pub(crate) fn new(redis: Redis, log: EventLog, every: Duration, stop: watch::Receiver<bool>) -> Self {
        Self(Arc::new(Comparison { redis, log, every, stop }))
    }
}

impl Actor for Reconciler {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let comparison = self.0.clone();
        async move { comparison.run().await }.into_actor(self).spawn(ctx);
    }
}

impl Comparison {
    async fn run(&self) {
        let mut stop = self.stop.clone();
        let mut rewritten = Rewritten::new();
        let pause = self.every / u32::from(redis_scripts::keys::PARTITIONS);
        loop {
            for partition in Partition::all() {
                drop(tokio::time::timeout(pause, stop.changed()).await);
                if *stop.borrow() {
                    return;
                }
                if let Err(error) = self.compare(partition, &mut rewritten).await {
                    tracing::warn!(%error, partition = partition.index(), "not compared; done when its turn comes again");
                }
            }
        }
    }

    /// Looks at the next entries of a partition, unless somebody did not long ago.
    async fn compare(&self, partition: Partition, rewritten: &mut Rewritten) -> Result<(), ResultsError> {
        let Some(mut from) = self.redis.claim_comparison(partition, self.every).await? else { return Ok(()) };
        let (mut n_entries, mut parts) = (0, Vec::new());
        let next = loop {
            let (more, next) = self.redis.list_confirmed(partition, &from, ENTRIES_AT_ONCE).await?;
            parts.extend(more);
            n_entries += ENTRIES_AT_ONCE;
            let is_last = next.is_none() || n_entries >= ENTRIES_A_GO;
            if is_last || parts.len() >= PARTS_AT_ONCE {
                self.mend(partition, &std::mem::take(&mut parts), rewritten).await?;
            }
            match next {
                Some(next) if !is_last => from = next,
                next => break next,
            }
        };
        Ok(self.redis.note_comparison(partition, next.as_deref()).await?)
    }

    /// Has written again what ClickHouse lacks of these parts.
    async fn mend(
        &self,
        partition: Partition,
        parts: &[Confirmed],
        rewritten: &mut Rewritten,
    ) -> Result<(), ResultsError> {
        let mut missing = self.missing(parts).await?;
        if missing.is_empty() {
            return Ok(());
        }
        // Asked last: what was erased since it was listed is missing with good reason. Whatever is erased from here on
        // waits until nothing of it is pending, and the log writer drops it.
        let sessions: BTreeSet<SessionRef> = missing.iter().filter_map(|(part, _)| session_of(part)).collect();
        let erased = self.redis.erased_among(&sessions).await?;
        missing.retain(|(part, _)| session_of(part).is_none_or(|session| !erased.contains(&session)));
        if rewritten.len() > REMEMBERED {
            rewritten.clear();
        }
        let mut entries = BTreeSet::new();
        let mut n_events = 0;
        for (part, n) in missing {
            if rewritten.contains(&(partition, part.entry.clone())) {
                metrics::counter!("promptster_log_unreconciled_total").increment(1);
                tracing::error!(entry = part.entry, partition = partition.index(), "written again, and missing still");
            } else {
                n_events += n;
                entries.insert(part.entry.as_str());
            }
        }
        if entries.is_empty() {
            return Ok(());
        }
        metrics::counter!("promptster_log_reconciled_events_total").increment(n_events);
        metrics::counter!("promptster_log_reconciled_entries_total")
            .increment(u64::try_from(entries.len()).unwrap_or(u64::MAX));
        tracing::error!(
            partition = partition.index(),
            n_entries = entries.len(),
            n_events,
            "clickhouse lacks what it confirmed; it is written again"
        );
        // What ClickHouse was given once it takes for a repeat, also when it lost it. Every node asks for the turn with
        // each sign of life.
        self.redis.begin_log_turn().await?;
        tokio::time::sleep(2 * SIGN_EVERY).await;
        let entries: Vec<&str> = entries.into_iter().collect();
        for entries in entries.chunks(REWRITTEN_AT_ONCE) {
            if self.rewrite(partition, entries).await? {
                rewritten.extend(entries.iter().map(|entry| (partition, (*entry).to_owned())));
            }
        }
        Ok(())
    }

    /// The parts of which something is missing, and how many events that are.
    async fn missing<'a>(&self, parts: &'a [Confirmed]) -> Result<Vec<(&'a Confirmed, u64)>, ResultsError> {
        let (mut events, mut entities) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
        for part in parts {
            match &part.what {
                Written::Events { session, version, n } => {
                    events.0.push(part);
                    events.1.push(GivenEvents { session: session.clone(), version: *version, n: *n });
                }
                Written::Entity { org, kind, id, version } => {
                    entities.0.push(part);
                    let (kind, id) = (kind.clone(), id.clone());
                    entities.1.push(GivenEntity { org: *org, kind, id, version: *version });
                }
            }
        }
        let lacking = self.log.missing_events(&events.1).await?;
        let unknown = self.log.missing_entities(&entities.1).await?;
        let events = events.0.into_iter().zip(lacking).filter(|(_, n)| *n > 0);
        let entities = entities.0.into_iter().zip(unknown).filter(|(_, is_missing)| *is_missing);
        Ok(events.chain(entities.map(|(part, _)| (part, 0))).collect())
    }

    /// Makes entries pending again; `false` when the log writer always had something on its way.
    async fn rewrite(&self, partition: Partition, entries: &[&str]) -> Result<bool, ResultsError> {
        for _ in 0..TRIES {
            if self.redis.rewrite_entries(partition, entries).await?.is_some() {
                return Ok(true);
            }
            tokio::time::sleep(TRY_EVERY).await;
        }
        tracing::warn!(partition = partition.index(), "what is missing is written again when its turn comes again");
        Ok(false)
    }
}

/// Whose a part is, if it goes with a session.
fn session_of(part: &Confirmed) -> Option<SessionRef> {
    match &part.what {
        Written::Events { session, .. } => Some(session.clone()),
        Written::Entity { org, kind, id, .. } if belongs_to_session(kind) => {
            Some(SessionRef::new(*org, id.parse().ok()?))
        }
        Written::Entity { .. } => None,
    }
}
