//! A line of commits: the way of all committers of one thread to each server. While a group of commits is on its way, those
//! that come form the next one: they travel together, and Redis waits for its disk once for all of them. An idle line
//! sends at once. Its connections are driven by the thread of its committers, so that no other is woken on the way.
//!
//! Nothing is repeated here. A commit that has no answer may have taken effect; the same call, repeated under its nonce,
//! learns its fate.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redis::{Arg, Cmd, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value, aio::MultiplexedConnection};
use tokio::sync::oneshot;

use crate::{
    Error, Redis,
    keys::Partition,
    routed::{Confirmation, breaks, confirming, doubt, tells_of_change},
    routes::Node,
};

/// The most commits in one group, and the most bytes of them, a single larger one aside: whoever comes next waits for all.
const GROUP_COMMITS: usize = 128;
const GROUP_BYTES: usize = 2 * 1024 * 1024;

/// Groups on their way at once: while Redis waits for its disk for one, the next is there already.
const IN_FLIGHT: usize = 2;

/// See the module. Cheap to clone; to be used on the runtime that drives it, which is the first on which anything is sent.
#[derive(Debug, Clone)]
pub struct CommitLine(Arc<Servers>);

#[derive(Debug)]
struct Servers {
    redis: Redis,
    // Not a tokio lock: it is held for a look-up only, never across an await.
    known: Mutex<Vec<Arc<Line>>>,
}

/// The way to one server.
#[derive(Debug)]
struct Line {
    node: Arc<Node>,
    confirmation: Option<Confirmation>,
    // Not a tokio lock: it is held to put in and take out only, never across an await.
    queue: Mutex<Queue>,
    connection: tokio::sync::Mutex<Option<MultiplexedConnection>>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    in_flight: usize,
}

#[derive(Debug)]
struct Waiting {
    command: Cmd,
    n_bytes: usize,
    partition: Partition,
    reply: Reply,
}

type Reply = oneshot::Sender<Result<Value, Failure>>;

/// Why a call has no answer that counts.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// The partition is at this address; nothing was done.
    Moved(String),
    /// The server does not know the script; nothing was done.
    NoScript,
    /// Anything else.
    Other {
        error: Error,
        /// Whether it says that partitions may be elsewhere now, or soon.
        tells_of_change: bool,
    },
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        match (error.kind(), error.redirect_node()) {
            (ErrorKind::Server(ServerErrorKind::Moved), Some((address, _))) => Self::Moved(address.to_owned()),
            (ErrorKind::Server(ServerErrorKind::NoScript), _) => Self::NoScript,
            _ => Self::Other { tells_of_change: breaks(&error) || tells_of_change(&error), error: error.into() },
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other { tells_of_change: true, error }
    }
}

fn unanswered(why: &str) -> Failure {
    Error::Unavailable(why.to_owned()).into()
}

impl CommitLine {
    pub(crate) fn new(redis: Redis) -> Self {
        Self(Arc::new(Servers { redis, known: Mutex::default() }))
    }

    pub(crate) fn redis(&self) -> &Redis {
        &self.0.redis
    }

    /// Sends a call that changes something in `partition` to `node`, together with those of others. Where replicas are to
    /// confirm, it has succeeded when they did.
    ///
    /// # Errors
    /// [`Failure`], of this call or of the whole group.
    pub(crate) async fn send(&self, node: &Arc<Node>, partition: Partition, command: Cmd) -> Result<Value, Failure> {
        let line = self.line(node);
        let (reply, answer) = oneshot::channel();
        if line.put(Waiting { n_bytes: bytes_of(&command), command, partition, reply }) {
            tokio::spawn(line.send_groups());
        }
        answer.await.unwrap_or_else(|_| Err(unanswered("its line was closed")))
    }

    fn line(&self, node: &Arc<Node>) -> Arc<Line> {
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = known.iter().find(|line| Arc::ptr_eq(&line.node, node)) {
            return line.clone();
        }
        // Servers that nobody else knows of have left the cluster.
        known.retain(|line| Arc::strong_count(&line.node) > 1);
        let line = Arc::new(Line {
            node: node.clone(),
            confirmation: self.0.redis.confirmation(),
            queue: Mutex::default(),
            connection: tokio::sync::Mutex::default(),
        });
        known.push(line.clone());
        line
    }
}

fn bytes_of(command: &Cmd) -> usize {
    command.args_iter().map(|arg| if let Arg::Simple(bytes) = arg { bytes.len() } else { 0 }).sum()
}

/// Calls, a partition of theirs, and where their answers go.
type Group = (Pipeline, Partition, Vec<Reply>);

impl Line {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what waits, as far as a group may hold it; notes that nobody sends any more when nothing does.
    fn next_group(&self) -> Option<Group> {
        let mut queue = self.lock();
        let (mut pipeline, mut replies, mut n_bytes) = (redis::pipe(), Vec::new(), 0);
        let mut partition = None;
        while let Some(next) = queue.waiting.front() {
            n_bytes += next.n_bytes;
            if !replies.is_empty() && (replies.len() == GROUP_COMMITS || n_bytes > GROUP_BYTES) {
                break;
            }
            let Some(Waiting { command, partition: of, reply, .. }) = queue.waiting.pop_front() else { break };
            pipeline.add_command(command);
            replies.push(reply);
            partition = Some(of);
        }
        match partition {
            Some(partition) => Some((pipeline, partition, replies)),
            None => {
                queue.in_flight -= 1;
                None
            }
        }
    }

    /// Puts a call into the queue. Whether nobody sends who will take it.
    fn put(&self, waiting: Waiting) -> bool {
        let mut queue = self.lock();
        queue.waiting.push_back(waiting);
        let is_idle = queue.in_flight < IN_FLIGHT;
        queue.in_flight += usize::from(is_idle);
        is_idle
    }

    /// Sends group after group, until nothing waits.
    async fn send_groups(self: Arc<Self>) {
        while let Some((pipeline, partition, replies)) = self.next_group() {
            match self.ask(partition, pipeline).await {
                Ok(answers) if answers.len() == replies.len() => {
                    for (reply, answer) in replies.into_iter().zip(answers) {
                        // Whoever is gone has given up; what was recorded stays recorded.
                        drop(reply.send(answer));
                    }
                }
                answers => {
                    let failure = answers.err().unwrap_or_else(|| unanswered("answers are missing"));
                    for reply in replies {
                        drop(reply.send(Err(failure.clone())));
                    }
                }
            }
        }
    }

    /// The answers to a group, each on its own.
    async fn ask(&self, partition: Partition, mut pipeline: Pipeline) -> Result<Vec<Result<Value, Failure>>, Failure> {
        let n_commits = pipeline.len();
        if let Some(confirmation) = self.confirmation {
            confirming(&mut pipeline, partition, confirmation);
        }
        let mut connection = self.connection().await?;
        let asked = connection.send_packed_commands(&pipeline, 0, pipeline.len()).await;
        if asked.as_ref().is_err_and(breaks) {
            *self.connection.lock().await = None;
        }
        let mut answers = asked?;
        let waited = answers.split_off(n_commits.min(answers.len()));
        let doubt = self.confirmation.and_then(|confirmation| doubt(&waited, confirmation));
        let judged = answers.into_iter().map(|answer| match (answer, &doubt) {
            (Value::ServerError(error), _) => Err(RedisError::from(error).into()),
            (_, Some(doubt)) => Err(doubt.clone().into()),
            (answer, None) => Ok(answer),
        });
        Ok(judged.collect())
    }

    async fn connection(&self) -> Result<MultiplexedConnection, Error> {
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        Ok(connection.insert(self.node.open_here().await?).clone())
    }
}
