//! The pool: connections that a lasting runtime drives, checked before use only after a rest.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use deadpool_redis::Manager as Inner;
use redis::{AsyncConnectionConfig, IntoConnectionInfo, RedisError, RedisResult, aio::MultiplexedConnection};

use crate::lasting::LastingRuntime;

/// A connection that was used within this time is given out unchecked: a check is a round trip of its own, and a
/// broken connection is found by the next call as well.
const FRESH: Duration = Duration::from_secs(1);

pub(crate) type Pool = managed::Pool<Manager>;

/// A connection that goes back to its pool when dropped.
pub(crate) type Held = managed::Object<Manager>;

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
    broken: AtomicBool,
}

impl Slot {
    pub(crate) fn connection(&self) -> MultiplexedConnection {
        self.connection.clone()
    }

    /// Keeps it from being given out again.
    pub(crate) fn is_broken(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }
}

impl managed::Manager for Manager {
    type Type = Slot;
    type Error = RedisError;

    async fn create(&self) -> RedisResult<Slot> {
        let inner = self.inner.clone();
        let opened = self.runtime.run(async move { inner.create().await }).await;
        let connection = opened.map_err(|error| std::io::Error::other(error.to_string()))??;
        Ok(Slot { connection, broken: AtomicBool::new(false) })
    }

    async fn recycle(&self, slot: &mut Slot, metrics: &Metrics) -> RecycleResult<RedisError> {
        if *slot.broken.get_mut() {
            return Err(RecycleError::message("a call on it failed"));
        }
        if metrics.last_used() < FRESH {
            return Ok(());
        }
        self.inner.recycle(&mut slot.connection, metrics).await
    }
}
