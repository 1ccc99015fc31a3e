//! The committer of one partition: while one commit is in flight, what arrives forms the next. So single events of
//! many sessions share a call and its fsync, and an idle partition commits at once.

use std::{
    collections::{HashSet, VecDeque},
    time::{Duration, Instant},
};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, ResponseFuture, WrapFuture};
use redis_scripts::{Commit, CommitLine, CommitPart, Error, MAX_COMMIT_EVENTS, Outcome, keys::Partition};
use tokio::sync::oneshot;
use tracing::Instrument;
use uuid::Uuid;

use crate::clock;

/// The most bytes that one commit takes, a single larger part aside: one stream entry has to hold them.
const MAX_COMMIT_BYTES: usize = 8 * 1024 * 1024;

/// The most sessions in one commit: Lua unpacks their arguments on its stack.
const MAX_COMMIT_SESSIONS: usize = 128;

/// How long a commit is repeated while its fate is not known. Hooks give up after 3 s.
const GIVE_UP_AFTER: Duration = Duration::from_secs(2);

/// How long the first of those that wait may have waited: whoever came after it would hear too late.
const MAX_WAIT: Duration = Duration::from_millis(1_500);

/// One part waits for the commit in flight and one is being built, for each of the sessions that can be at work; whoever
/// sends awaits the answer, so the senders themselves bound the queue.
const CAPACITY: usize = 1024;

/// Why a part has no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Redis gave no answer in time: whether it was recorded is not known. The same ids may be sent again.
    #[error("the write could not be confirmed in time")]
    Unknown,
    /// Redis refused to write, e.g. because its memory is full. Nothing was recorded.
    #[error("the store refuses to write")]
    Refused,
    /// What came before waits for too long already. Nothing was recorded.
    #[error("too much waits to be written")]
    Behind,
}

/// Commits one session's events. Answers when they are durable.
#[derive(Debug, Message)]
#[rtype(result = "Result<Outcome, CommitError>")]
pub(crate) struct CommitSession(pub(crate) CommitPart);

/// See the module.
pub(crate) struct Committer {
    line: CommitLine,
    partition: Partition,
    grace_ms: i64,
    id: Uuid,
    nonce: u64,
    queue: VecDeque<Queued>,
    in_flight: bool,
}

struct Queued {
    since: Instant,
    part: CommitPart,
    reply: oneshot::Sender<Result<Outcome, CommitError>>,
}

impl Committer {
    pub(crate) fn new(line: CommitLine, partition: Partition, grace_ms: i64) -> Self {
        Self { line, partition, grace_ms, id: Uuid::new_v4(), nonce: 0, queue: VecDeque::new(), in_flight: false }
    }

    /// Takes what waits, as far as one commit may hold it: each session once, since the script reads all sessions
    /// before it writes any.
    fn next_batch(&mut self) -> Vec<Queued> {
        let (mut batch, mut left) = (Vec::new(), VecDeque::new());
        let (mut n_events, mut n_bytes) = (0, 0);
        let mut sessions = HashSet::new();
        for queued in self.queue.drain(..) {
            let fits = batch.is_empty()
                || (n_events + queued.part.n_events() <= MAX_COMMIT_EVENTS
                    && n_bytes + queued.part.n_bytes() <= MAX_COMMIT_BYTES
                    && batch.len() < MAX_COMMIT_SESSIONS);
            // Once something of a session is left for later, everything later of that session is too.
            if fits && sessions.insert(queued.part.session().clone()) {
                n_events += queued.part.n_events();
                n_bytes += queued.part.n_bytes();
                batch.push(queued);
            } else {
                sessions.insert(queued.part.session().clone());
                left.push_back(queued);
            }
        }
        self.queue = left;
        batch
    }

    fn commit_next(&mut self, ctx: &mut Context<Self>) {
        if self.in_flight || self.queue.is_empty() {
            return;
        }
        let batch = self.next_batch();
        self.in_flight = true;
        self.nonce += 1;
        let call = Call {
            line: self.line.clone(),
            partition: self.partition,
            committer: self.id,
            nonce: self.nonce,
            grace_ms: self.grace_ms,
        };
        let waited = metrics::histogram!("promptster_commit_queue_seconds");
        for queued in &batch {
            waited.record(queued.since.elapsed().as_secs_f64());
        }
        let done = async move {
            let (parts, replies): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|queued| (queued.part, queued.reply)).unzip();
            let span = tracing::debug_span!("commit", sessions = parts.len());
            (call.run(&parts).instrument(span).await, replies)
        };
        ctx.spawn(done.into_actor(self).map(|(outcomes, replies), committer, ctx| {
            committer.in_flight = false;
            // A receiver that is gone has given up; what was recorded stays recorded.
            match outcomes {
                Ok(outcomes) => {
                    for (reply, outcome) in replies.into_iter().zip(outcomes) {
                        drop(reply.send(Ok(outcome)));
                    }
                }
                Err(error) => {
                    for reply in replies {
                        drop(reply.send(Err(error.clone())));
                    }
                }
            }
            committer.commit_next(ctx);
        }));
    }
}

/// One commit, repeated under the same nonce until its fate is known or the time is up.
struct Call {
    line: CommitLine,
    partition: Partition,
    committer: Uuid,
    nonce: u64,
    grace_ms: i64,
}

impl Call {
    async fn run(&self, parts: &[CommitPart]) -> Result<Vec<Outcome>, CommitError> {
        let started = Instant::now();
        metrics::histogram!("promptster_commit_sessions").record(f64::from(u32::try_from(parts.len()).unwrap_or(0)));
        loop {
            match self.attempt(parts).await {
                Ok(outcomes) => {
                    metrics::histogram!("promptster_commit_seconds").record(started.elapsed().as_secs_f64());
                    return Ok(outcomes);
                }
                Err(Error::Unavailable(cause)) => {
                    if started.elapsed() >= GIVE_UP_AFTER {
                        tracing::warn!(partition = self.partition.index(), cause, "commit not confirmed in time");
                        return Err(CommitError::Unknown);
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => {
                    tracing::error!(partition = self.partition.index(), %error, "commit refused");
                    return Err(CommitError::Refused);
                }
            }
        }
    }

    async fn attempt(&self, parts: &[CommitPart]) -> Result<Vec<Outcome>, Error> {
        let commit = Commit {
            partition: self.partition,
            committer: self.committer,
            nonce: self.nonce,
            parts,
            now: clock::now(),
            grace_ms: self.grace_ms,
        };
        self.line.commit(&commit).await
    }
}

impl Actor for Committer {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(CAPACITY);
    }
}

impl Handler<CommitSession> for Committer {
    type Result = ResponseFuture<Result<Outcome, CommitError>>;

    fn handle(&mut self, CommitSession(part): CommitSession, ctx: &mut Self::Context) -> Self::Result {
        if self.queue.front().is_some_and(|first| first.since.elapsed() > MAX_WAIT) {
            return Box::pin(async { Err(CommitError::Behind) });
        }
        let (reply, outcome) = oneshot::channel();
        self.queue.push_back(Queued { since: Instant::now(), part, reply });
        self.commit_next(ctx);
        Box::pin(async move { outcome.await.unwrap_or(Err(CommitError::Unknown)) })
    }
}
