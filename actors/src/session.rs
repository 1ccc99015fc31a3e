//! One session on this node: takes events, coalesces what waits, and has it committed. It is a cache of nothing: the
//! truth is in Redis, another node may have an actor of the same session, and this one may go at any time.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, ResponseFuture, WrapFuture};
use domain::{Contribution, Event, SessionRef, Timestamp};
use redis_scripts::{MAX_COMMIT_EVENTS, NewSession, Outcome, Redis, Refusal};
use tokio::sync::oneshot;

use crate::{
    clock,
    closing::settle_record,
    committer::{CommitError, CommitSession, Committer},
    merge::{Fate, Merge},
};

/// Events that may wait at one session. Each caller awaits its answer, so this many are only reached by very many
/// callers at once; beyond it they are told to come back.
const MAX_WAITING_EVENTS: usize = 8 * MAX_COMMIT_EVENTS;

/// Bytes of raw events that may wait at one session, an event of the largest legal size always among them.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// How long the first of those that wait may have waited: whoever came after it would hear too late.
const MAX_WAIT: Duration = Duration::from_millis(1_500);

/// What became of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It is recorded, with this seq.
    Recorded(u64),
    /// It had been recorded before.
    Repeated,
    /// It was not taken.
    Refused(Refusal),
}

/// Why events have no receipts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Too much waits at this session already, or for too long. Nothing was recorded.
    #[error("too many events of this session wait")]
    Busy,
    /// The commit failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Records events of this session, in order. Answers when they are durable.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<Receipt>, RecordError>")]
pub(crate) struct Record {
    pub(crate) events: Vec<Event>,
    /// What the session's record is made of, if there is none yet.
    pub(crate) new: Arc<NewSession>,
}

/// See the module.
pub(crate) struct Session {
    name: SessionRef,
    redis: Redis,
    committer: Addr<Committer>,
    waiting: VecDeque<Waiting>,
    n_waiting: usize,
    n_waiting_bytes: usize,
    in_flight: bool,
    /// The smallest time of any event seen here; `None` before the first commit.
    indexed_from: Option<Timestamp>,
}

struct Waiting {
    since: Instant,
    record: Record,
    reply: Reply,
}

impl Session {
    pub(crate) fn new(name: SessionRef, redis: Redis, committer: Addr<Committer>) -> Self {
        Self {
            name,
            redis,
            committer,
            waiting: VecDeque::new(),
            n_waiting: 0,
            n_waiting_bytes: 0,
            in_flight: false,
            indexed_from: None,
        }
    }

    /// Takes as many callers as fit into one commit, at least one.
    fn next_callers(&mut self) -> Vec<Waiting> {
        let (mut callers, mut n_events) = (Vec::new(), 0);
        while let Some(next) = self.waiting.front() {
            n_events += next.record.events.len();
            if !callers.is_empty() && n_events > MAX_COMMIT_EVENTS {
                break;
            }
            callers.extend(self.waiting.pop_front());
        }
        callers
    }

    fn commit_next(&mut self, ctx: &mut Context<Self>) {
        if self.in_flight {
            return;
        }
        let callers = self.next_callers();
        let Some(new) = callers.first().map(|caller| caller.record.new.clone()) else { return };
        self.in_flight = true;
        let mut merged = Vec::new();
        let mut replies = Vec::new();
        for Waiting { record, reply, .. } in callers {
            self.n_waiting -= record.events.len();
            self.n_waiting_bytes -= bytes_of(&record.events);
            replies.push((record.events.len(), reply));
            merged.extend(record.events);
        }
        let (name, redis, committer) = (self.name.clone(), self.redis.clone(), self.committer.clone());
        let indexed_from = self.indexed_from;
        let done = async move {
            let mut merge = Merge::of(merged);
            let result = commit(&name, &new, &committer, &mut merge).await;
            let mut indexed = None;
            if let Ok(Some(committed)) = &result {
                indexed = index(&redis, &name, committed, indexed_from).await;
            }
            answer(replies, result.map(|_| ()), &merge);
            indexed
        };
        ctx.spawn(done.into_actor(self).map(|indexed, session, ctx| {
            session.in_flight = false;
            session.indexed_from = indexed.or(session.indexed_from);
            session.commit_next(ctx);
        }));
    }
}

/// What a commit changed that others must learn of.
struct Committed {
    created: bool,
    closed: bool,
    sum: Contribution,
}

/// Commits what `merge` holds; repeats without those that had been recorded before, until none of them is left.
async fn commit(
    name: &SessionRef,
    new: &NewSession,
    committer: &Addr<Committer>,
    merge: &mut Merge,
) -> Result<Option<Committed>, RefusalOr<RecordError>> {
    while let Some((part, sum)) = merge.part(name, new, clock::now()) {
        let outcome = committer.send(CommitSession(part)).await.unwrap_or(Err(CommitError::Unknown));
        match outcome.map_err(|error| RefusalOr::Error(error.into()))? {
            Outcome::Recorded { base, created, closed } => {
                merge.recorded(base);
                return Ok(Some(Committed { created, closed, sum }));
            }
            Outcome::Repeated(repeated) => merge.drop_repeated(&repeated),
            Outcome::Refused(refusal) => return Err(RefusalOr::Refusal(refusal)),
        }
    }
    Ok(None)
}

/// A session's events are refused as a whole, or have no answer at all.
enum RefusalOr<E> {
    Refusal(Refusal),
    Error(E),
}

/// Brings the organisation's index up to date where this commit changed what it holds. What fails here is done again
/// by the log writer; the events are durable already.
async fn index(
    redis: &Redis,
    name: &SessionRef,
    committed: &Committed,
    indexed_from: Option<Timestamp>,
) -> Option<Timestamp> {
    let first = committed.sum.first_ts?;
    let starts_earlier = indexed_from.is_none_or(|from| first < from);
    if !(committed.created || committed.closed || starts_earlier || committed.sum.first_start_ts.is_some()) {
        return indexed_from;
    }
    match settle_record(redis, name).await {
        Ok(_) => Some(indexed_from.map_or(first, |from| from.min(first))),
        Err(error) => {
            tracing::warn!(session.id = %name.session, %error, "session not indexed; the log writer will");
            indexed_from
        }
    }
}

/// Where a caller waits for its receipts.
type Reply = oneshot::Sender<Result<Vec<Receipt>, RecordError>>;

fn answer(replies: Vec<(usize, Reply)>, result: Result<(), RefusalOr<RecordError>>, merge: &Merge) {
    let mut fates = merge.fates();
    for (n_events, reply) in replies {
        let receipts = fates.by_ref().take(n_events).map(|fate| match (fate, &result) {
            (Fate::Recorded(seq), _) => Ok(Receipt::Recorded(seq)),
            (Fate::Repeated, _) => Ok(Receipt::Repeated),
            (_, Err(RefusalOr::Refusal(refusal))) => Ok(Receipt::Refused(*refusal)),
            (_, Err(RefusalOr::Error(error))) => Err(error.clone()),
            (_, Ok(())) => Err(CommitError::Unknown.into()),
        });
        // A caller that is gone has given up; what was recorded stays recorded.
        drop(reply.send(receipts.collect()));
    }
}

fn bytes_of(events: &[Event]) -> usize {
    events.iter().map(|event| event.raw().len()).sum()
}

impl Actor for Session {
    type Context = Context<Self>;
}

impl Handler<Record> for Session {
    type Result = ResponseFuture<Result<Vec<Receipt>, RecordError>>;

    fn handle(&mut self, record: Record, ctx: &mut Self::Context) -> Self::Result {
        let (n_events, n_bytes) = (record.events.len(), bytes_of(&record.events));
        let full = self.n_waiting + n_events > MAX_WAITING_EVENTS || self.n_waiting_bytes + n_bytes > MAX_WAITING_BYTES;
        let late = self.waiting.front().is_some_and(|first| first.since.elapsed() > MAX_WAIT);
        if late || (full && self.n_waiting > 0) {
            return Box::pin(async { Err(RecordError::Busy) });
        }
        self.n_waiting += n_events;
        self.n_waiting_bytes += n_bytes;
        let (reply, receipts) = oneshot::channel();
        self.waiting.push_back(Waiting { since: Instant::now(), record, reply });
        self.commit_next(ctx);
        Box::pin(async move { receipts.await.unwrap_or(Err(CommitError::Unknown.into())) })
    }
}
