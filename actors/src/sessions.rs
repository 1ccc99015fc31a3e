//! The sessions at work on this node: a shared map, not an actor, so that nothing queues behind it.

use std::{
    collections::HashMap,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use actix::{Actor, Addr, MailboxError};
use domain::{Event, SessionRef};
use redis_scripts::{
    NewSession, Redis,
    keys::{Partition, SessionKeys},
};

use crate::{
    Receipt, RecordError,
    arbiters::Arbiters,
    committer::{CommitError, Committer},
    session::{Record, Session},
};

/// How long a caller waits for the fate of its events: the committer's own limit and a little.
const ANSWER_WITHIN: Duration = Duration::from_millis(2_600);

/// A session that took nothing for this long is forgotten; its actor ends when its queue is empty.
const FORGET_AFTER: Duration = Duration::from_secs(300);

/// Handle to the sessions of this node; cheap to clone.
#[derive(Clone)]
pub struct Sessions(Arc<Shared>);

struct Shared {
    redis: Redis,
    arbiters: Arc<Arbiters>,
    committers: Vec<Addr<Committer>>,
    started: Instant,
    // Not a tokio lock: it is held for a look-up only, never across an await.
    map: RwLock<HashMap<SessionRef, Known>>,
}

struct Known {
    addr: Addr<Session>,
    last_used_secs: AtomicU64,
}

/// How late an event may be that is recorded beside a node: ten years, in milliseconds.
const ANY_TIME_MS: i64 = 10 * 365 * 24 * 3_600_000;

impl Sessions {
    /// Sessions of a process that is no node, such as a command. They take what comes after the end as well.
    #[must_use]
    pub fn alone(redis: Redis) -> Self {
        Self::start(redis, Arc::new(Arbiters::start(1)), ANY_TIME_MS)
    }

    pub(crate) fn start(redis: Redis, arbiters: Arc<Arbiters>, grace_ms: i64) -> Self {
        let lines: Vec<_> = (0..arbiters.n_partitioned()).map(|_| redis.commit_line()).collect();
        let of_partitions = Partition::all().zip(lines.iter().cycle());
        let committers = of_partitions
            .map(|(partition, line)| {
                let line = line.clone();
                Committer::start_in_arbiter(&arbiters.of_partition(partition.index()), move |_| {
                    Committer::new(line, partition, grace_ms)
                })
            })
            .collect();
        Self(Arc::new(Shared { redis, arbiters, committers, started: Instant::now(), map: RwLock::default() }))
    }

    /// Records events of one session, in order; answers when they are durable. `new` is what the session's record is
    /// made of if there is none yet.
    ///
    /// # Errors
    /// [`RecordError`]: [`CommitError::Unknown`] means that nothing is known of any of them; the same ids may be sent
    /// again.
    pub async fn record(
        &self,
        session: &SessionRef,
        new: Arc<NewSession>,
        events: Vec<Event>,
    ) -> Result<Vec<Receipt>, RecordError> {
        let sent = self.get_or_start(session).send(Record { events, new }).timeout(ANSWER_WITHIN).await;
        match sent {
            Ok(receipts) => receipts,
            Err(MailboxError::Closed | MailboxError::Timeout) => Err(CommitError::Unknown.into()),
        }
    }

    fn get_or_start(&self, session: &SessionRef) -> Addr<Session> {
        let now = self.0.started.elapsed().as_secs();
        let usable = |known: &Known| {
            known.last_used_secs.store(now, Ordering::Relaxed);
            // A session that panicked is replaced: its queue is lost, its callers hear "unknown".
            known.addr.connected().then(|| known.addr.clone())
        };
        let map = self.0.map.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(addr) = map.get(session).and_then(usable) {
            return addr;
        }
        drop(map);
        let mut map = self.0.map.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(addr) = map.get(session).and_then(usable) {
            return addr;
        }
        let addr = self.start_session(session);
        map.insert(session.clone(), Known { addr: addr.clone(), last_used_secs: AtomicU64::new(now) });
        metrics::gauge!("promptster_sessions_at_work").set(f64::from(u32::try_from(map.len()).unwrap_or(u32::MAX)));
        addr
    }

    fn start_session(&self, session: &SessionRef) -> Addr<Session> {
        let partition = SessionKeys::of(session).partition();
        let (name, redis) = (session.clone(), self.0.redis.clone());
        // There is a committer for every partition, so this finds one.
        let committer = self.0.committers.get(partition.index()).or(self.0.committers.first()).cloned();
        let arbiter = self.0.arbiters.of_partition(partition.index());
        let committer = committer.unwrap_or_else(|| {
            let line = redis.commit_line();
            Committer::start_in_arbiter(&arbiter, move |_| Committer::new(line, partition, 0))
        });
        Session::start_in_arbiter(&arbiter, move |_| Session::new(name, redis, committer))
    }

    /// Forgets sessions that took nothing for a while.
    pub(crate) fn forget_idle(&self) {
        let oldest = self.0.started.elapsed().saturating_sub(FORGET_AFTER).as_secs();
        let mut map = self.0.map.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        map.retain(|_, known| known.addr.connected() && known.last_used_secs.load(Ordering::Relaxed) >= oldest);
        metrics::gauge!("promptster_sessions_at_work").set(f64::from(u32::try_from(map.len()).unwrap_or(u32::MAX)));
    }
}
