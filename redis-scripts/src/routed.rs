//! A connection that knows which partition it is for. It follows the partition to another server when it is told that it
//! moved, which is the only answer that says for certain that nothing was done; and where replicas are asked for, a
//! call on it succeeds only when they have what it wrote or found written.

use std::{sync::Arc, time::Duration};

use redis::{
    Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, RedisResult, ServerErrorKind, Value,
    aio::{ConnectionLike, MultiplexedConnection},
};

use tracing::{Instrument, field::Empty};

use crate::{Error, Redis, keys::Partition, pool::Held, routes::Node, shared::Slot};

/// Writes a key, also when Redis is full.
const CONFIRM: &str = "#!lua flags=allow-oom\nreturn redis.call('SET', KEYS[1], '')";

/// How many replicas are to have a write, and how long that may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Confirmation {
    pub(crate) replicas: usize,
    pub(crate) within: Duration,
}

/// A connection to the server of one partition. One of the pool goes back there when it and its clones are dropped,
/// unless a call on it failed.
#[derive(Debug, Clone)]
pub struct Connection {
    line: Line,
    redis: Redis,
    node: Arc<Node>,
    partition: Partition,
    confirmation: Option<Confirmation>,
}

#[derive(Debug, Clone)]
enum Line {
    Shared(Arc<Slot>, MultiplexedConnection),
    Pooled(Arc<Held>, MultiplexedConnection),
}

enum Request<'a> {
    One(&'a Cmd),
    Many(&'a Pipeline, usize, usize),
}

impl Request<'_> {
    fn n_commands(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(pipeline, ..) => pipeline.len(),
        }
    }
}

impl Connection {
    pub(crate) fn pooled(held: Held, redis: Redis, node: Arc<Node>, partition: Partition) -> Self {
        let connection = held.connection();
        Self { line: Line::Pooled(Arc::new(held), connection), redis, node, partition, confirmation: None }
    }

    pub(crate) fn shared(
        (slot, connection): (Arc<Slot>, MultiplexedConnection),
        redis: Redis,
        node: Arc<Node>,
        partition: Partition,
    ) -> Self {
        Self { line: Line::Shared(slot, connection), redis, node, partition, confirmation: None }
    }

    /// The same connection, for another partition of the same server.
    pub(crate) fn to(&self, partition: Partition) -> Self {
        Self { partition, ..self.clone() }
    }

    /// The same connection, which waits for replicas.
    pub(crate) fn confirming(self, confirmation: Option<Confirmation>) -> Self {
        Self { confirmation, ..self }
    }

    /// Whether the server takes writes.
    pub(crate) async fn probe(&mut self) -> Result<(), Error> {
        let mut write = redis::cmd("EVAL");
        write.arg(CONFIRM).arg(1).arg(self.partition.confirmed());
        Ok(write.query_async(self).await?)
    }

    async fn send(&mut self, request: &Request<'_>) -> RedisResult<Vec<Value>> {
        let span = tracing::debug_span!("ask redis", otel.kind = "client", db.system.name = "redis", commands = Empty);
        if !span.is_disabled() {
            span.record("commands", request.n_commands());
        }
        self.sent(request).instrument(span).await
    }

    async fn sent(&mut self, request: &Request<'_>) -> RedisResult<Vec<Value>> {
        let answers = self.ask(request).await;
        let Some(address) = moved_to(&answers) else { return answers };
        self.follow(&address).await?;
        self.ask(request).await
    }

    /// Goes where the partition is said to be.
    async fn follow(&mut self, address: &str) -> RedisResult<()> {
        self.redis.routes().follow(self.partition, address, &self.node);
        let confirmation = self.confirmation;
        let opened = match &self.line {
            Line::Shared(..) => self.redis.reader(self.partition).await,
            Line::Pooled(..) => self.redis.connection(self.partition).await,
        };
        *self = opened.map_err(|error| std::io::Error::other(error.to_string()))?.confirming(confirmation);
        Ok(())
    }

    async fn ask(&mut self, request: &Request<'_>) -> RedisResult<Vec<Value>> {
        let connection = match &mut self.line {
            Line::Shared(_, connection) | Line::Pooled(_, connection) => connection,
        };
        let answers = match (request, self.confirmation) {
            (Request::One(command), None) => connection.req_packed_command(command).await.map(|answer| vec![answer]),
            (Request::Many(pipeline, offset, count), None) => {
                connection.req_packed_commands(pipeline, *offset, *count).await
            }
            (request, Some(confirmation)) => confirmed(connection, self.partition, request, confirmation).await,
        };
        self.judge(&answers);
        answers
    }

    /// Draws the consequences of an answer for those who come after.
    fn judge(&self, answers: &RedisResult<Vec<Value>>) {
        if answers.as_ref().is_err_and(breaks) {
            match &self.line {
                Line::Shared(slot, _) => slot.is_broken(),
                Line::Pooled(held, _) => held.is_broken(),
            }
        }
        if errors_in(answers).any(|error| breaks(&error) || tells_of_change(&error)) {
            self.redis.routes().doubt();
        }
    }
}

/// Sends a request with a small write and the wait for replicas behind it, all in one. `WAIT` asks for what its own
/// connection wrote; the small write makes that include what the request only found there, e.g. a duplicate.
async fn confirmed(
    connection: &mut MultiplexedConnection,
    partition: Partition,
    request: &Request<'_>,
    confirmation: Confirmation,
) -> RedisResult<Vec<Value>> {
    let (mut pipeline, offset, count) = match request {
        Request::One(command) => {
            let mut pipeline = redis::pipe();
            pipeline.add_command((*command).clone());
            (pipeline, 0, 1)
        }
        Request::Many(pipeline, offset, count) => ((*pipeline).clone(), *offset, *count),
    };
    confirming(&mut pipeline, partition, confirmation);
    let mut answers = connection.req_packed_commands(&pipeline, offset, count + 2).await?;
    let waited = answers.split_off(answers.len().saturating_sub(2));
    if answers.iter().any(|answer| matches!(answer, Value::ServerError(_))) {
        return Ok(answers);
    }
    match doubt(&waited, confirmation) {
        Some(doubt) => Err(doubt),
        None => Ok(answers),
    }
}

/// Puts a small write and the wait for replicas behind what a pipeline holds.
pub(crate) fn confirming(pipeline: &mut Pipeline, partition: Partition, confirmation: Confirmation) {
    pipeline.cmd("EVAL").arg(CONFIRM).arg(1).arg(partition.confirmed());
    pipeline.cmd("WAIT").arg(confirmation.replicas).arg(confirmation.within.as_millis().to_string());
}

/// Why what stands before those two is not confirmed, by their answers: it may have taken effect, but would not survive
/// the loss of its server. `None` when it is.
pub(crate) fn doubt(answers: &[Value], Confirmation { replicas, .. }: Confirmation) -> Option<RedisError> {
    let unconfirmed = |detail| RedisError::from((ErrorKind::Client, "not confirmed by replicas", detail));
    match answers {
        [Value::ServerError(error), _] | [_, Value::ServerError(error)] => Some(unconfirmed(error.to_string())),
        [_, Value::Int(n)] if usize::try_from(*n).is_ok_and(|n| n >= replicas) => None,
        answers => Some(unconfirmed(format!("{:?} of {replicas} replicas have it", answers.last()))),
    }
}

fn errors_in(answers: &RedisResult<Vec<Value>>) -> impl Iterator<Item = RedisError> {
    let failed = answers.as_ref().err().cloned();
    let told = answers.as_ref().map(Vec::as_slice).unwrap_or_default().iter();
    failed.into_iter().chain(told.filter_map(|answer| match answer {
        Value::ServerError(error) => Some(error.clone().into()),
        _ => None,
    }))
}

/// The address to which the partition moved, when that is the answer to the whole request: then nothing of it was done.
fn moved_to(answers: &RedisResult<Vec<Value>>) -> Option<String> {
    let is_whole = answers.as_ref().map_or(true, |answers| {
        answers.iter().all(|answer| matches!(answer, Value::ServerError(error) if error.code() == "MOVED"))
    });
    let first = errors_in(answers).next().filter(|_| is_whole)?;
    let (address, _) = first.redirect_node().filter(|_| first.kind() == ErrorKind::Server(ServerErrorKind::Moved))?;
    Some(address.to_owned())
}

/// Whether the connection is of no use after this: anything but an answer of Redis itself.
pub(crate) fn breaks(error: &RedisError) -> bool {
    error.is_io_error() || error.is_timeout() || error.is_connection_dropped() || error.is_unrecoverable_error()
}

/// Whether an answer says that partitions are elsewhere now, or will be.
pub(crate) fn tells_of_change(error: &RedisError) -> bool {
    use ServerErrorKind::{Ask, ClusterDown, MasterDown, Moved, ReadOnly, TryAgain};
    matches!(error.kind(), ErrorKind::Server(Moved | Ask | TryAgain | ClusterDown | MasterDown | ReadOnly))
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move { Ok(self.send(&Request::One(command)).await?.pop().unwrap_or(Value::Nil)) })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move { self.send(&Request::Many(pipeline, offset, count)).await })
    }

    fn get_db(&self) -> i64 {
        match &self.line {
            Line::Shared(_, connection) | Line::Pooled(_, connection) => connection.get_db(),
        }
    }
}
