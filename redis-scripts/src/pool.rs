//! The pool: connections that a lasting runtime drives, checked before use only after a rest.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use deadpool_redis::Manager as Inner;
use redis::{
    AsyncConnectionConfig, Cmd, IntoConnectionInfo, Pipeline, RedisError, RedisFuture, RedisResult, Value,
    aio::{ConnectionLike, MultiplexedConnection},
};

use crate::lasting::LastingRuntime;

/// A connection that was used within this time is given out unchecked: a check is a round trip of its own, and a
/// broken connection is found by the next call as well.
const FRESH: Duration = Duration::from_secs(1);

pub(crate) type Pool = managed::Pool<Manager>;

/// Opens connections, and checks those that have rested.
#[derive(Debug)]
pub(crate) struct Manager {
    inner: std::sync::Arc<Inner>,
    runtime: LastingRuntime,
}

impl Manager {
    pub(crate) fn new(
        url: impl IntoConnectionInfo,
        config: AsyncConnectionConfig,
        runtime: LastingRuntime,
    ) -> RedisResult<Self> {
        Ok(Self { inner: Inner::new_with_config(url, config)?.into(), runtime })
    }
}

/// One slot: the connection, and whether a call on it failed.
#[derive(Debug)]
pub(crate) struct Slot {
    connection: MultiplexedConnection,
    broken: bool,
}

impl managed::Manager for Manager {
    type Type = Slot;
    type Error = RedisError;

    async fn create(&self) -> RedisResult<Slot> {
        let inner = self.inner.clone();
        let opened = self.runtime.run(async move { inner.create().await }).await;
        let connection = opened.map_err(|error| std::io::Error::other(error.to_string()))??;
        Ok(Slot { connection, broken: false })
    }

    async fn recycle(&self, slot: &mut Slot, metrics: &Metrics) -> RecycleResult<RedisError> {
        if slot.broken {
            return Err(RecycleError::message("a call on it failed"));
        }
        if metrics.last_used() < FRESH {
            return Ok(());
        }
        self.inner.recycle(&mut slot.connection, metrics).await
    }
}

/// A connection of the pool; goes back when dropped, unless a call on it failed.
#[derive(Debug)]
pub struct Connection(managed::Object<Manager>);

impl From<managed::Object<Manager>> for Connection {
    fn from(slot: managed::Object<Manager>) -> Self {
        Self(slot)
    }
}

impl Deref for Connection {
    type Target = MultiplexedConnection;

    fn deref(&self) -> &MultiplexedConnection {
        &self.0.connection
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut MultiplexedConnection {
        &mut self.0.connection
    }
}

/// Whether the connection is of no use after this: anything but an answer of Redis itself.
fn breaks(error: &RedisError) -> bool {
    error.is_io_error() || error.is_timeout() || error.is_connection_dropped() || error.is_unrecoverable_error()
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let slot = &mut *self.0;
            let answer = slot.connection.req_packed_command(command).await;
            slot.broken |= answer.as_ref().is_err_and(breaks);
            answer
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let slot = &mut *self.0;
            let answer = slot.connection.req_packed_commands(pipeline, offset, count).await;
            slot.broken |= answer.as_ref().is_err_and(breaks);
            answer
        })
    }

    fn get_db(&self) -> i64 {
        self.0.connection.get_db()
    }
}
