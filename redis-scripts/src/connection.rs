//! How Redis is reached: a pool for short questions, and connections of their own for the commit path.

use std::time::Duration;

use deadpool_redis::{Runtime, Timeouts};
use redis::{AsyncConnectionConfig, Client, aio::MultiplexedConnection};

use crate::{Error, Peppers, keys::SecretDigest, lasting::LastingRuntime, pool};

pub use pool::Connection;

/// Where Redis is and how long it may take.
#[derive(Debug, Clone)]
pub struct Config {
    /// `redis://[user:password@]host:port[/db]`.
    pub url: String,
    /// Connections of the pool.
    pub pool_size: usize,
    /// How long any call may take, the way to a connection included.
    pub timeout: Duration,
    /// What secrets are hashed with.
    pub peppers: Peppers,
}

impl Config {
    /// The defaults for a server at `url`: 64 connections, 2 s, no pepper.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), pool_size: 64, timeout: Duration::from_secs(2), peppers: Peppers::default() }
    }
}

/// A handle to Redis; cheap to clone.
#[derive(Debug, Clone)]
pub struct Redis {
    pool: pool::Pool,
    client: Client,
    timeout: Duration,
    runtime: LastingRuntime,
    peppers: Peppers,
}

impl Redis {
    /// What a new secret is stored as.
    #[must_use]
    pub fn digest(&self, secret: &str) -> SecretDigest {
        self.peppers.digest(secret)
    }

    /// What a secret may be stored as, the newest way first: peppers come and go, secrets stay as they were stored.
    pub fn digests(&self, secret: &str) -> impl Iterator<Item = SecretDigest> {
        self.peppers.digests(secret)
    }

    /// Prepares the pool; connects on first use.
    ///
    /// # Errors
    /// When the address cannot be understood, or no thread can be started.
    pub fn new(config: &Config) -> Result<Self, Error> {
        let refused = |error: &dyn std::fmt::Display| Error::Refused(error.to_string());
        let client = Client::open(config.url.as_str()).map_err(|error| refused(&error))?;
        let runtime = LastingRuntime::start().map_err(|error| refused(&error))?;
        let manager = pool::Manager::new(config.url.as_str(), connection_config(config.timeout), runtime.clone())
            .map_err(|error| refused(&error))?;
        let pool = pool::Pool::builder(manager)
            .max_size(config.pool_size)
            .timeouts(Timeouts {
                wait: Some(config.timeout),
                create: Some(config.timeout),
                recycle: Some(config.timeout),
            })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| refused(&error))?;
        Ok(Self { pool, client, timeout: config.timeout, runtime, peppers: config.peppers.clone() })
    }

    /// A connection of the pool, for calls that do not block.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none can be had in time.
    pub async fn connection(&self) -> Result<Connection, Error> {
        Ok(self.pool.get().await?.into())
    }

    /// A new connection that nobody else uses: for a committer, or for blocking reads with `response_timeout` above
    /// the longest block.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis cannot be reached in time.
    pub async fn dedicated(&self, response_timeout: Duration) -> Result<MultiplexedConnection, Error> {
        let config = connection_config(self.timeout).set_response_timeout(Some(response_timeout));
        let client = self.client.clone();
        let connect = async move { client.get_multiplexed_async_connection_with_config(&config).await };
        Ok(self.runtime.run(connect).await??)
    }

    /// A connection that receives what is published.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis cannot be reached in time.
    pub async fn subscriber(&self) -> Result<redis::aio::PubSub, Error> {
        let client = self.client.clone();
        let connect = self.runtime.run(async move { client.get_async_pubsub().await });
        match tokio::time::timeout(self.timeout, connect).await {
            Ok(subscriber) => Ok(subscriber??),
            Err(_) => Err(Error::Unavailable("connecting took too long".into())),
        }
    }

    /// Whether Redis answers.
    ///
    /// # Errors
    /// [`Error`] when it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        let mut connection = self.connection().await?;
        Ok(redis::cmd("PING").query_async(&mut connection).await?)
    }
}

/// The memory of Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Bytes that it uses.
    pub used: u64,
    /// Bytes that it may use; 0 when it may use all there are.
    pub limit: u64,
}

impl Memory {
    /// Used from here on, in per cent, it is time to make room.
    pub const FILLING: u64 = 70;

    /// How much of it is used, in per cent; 0 without a limit.
    #[must_use]
    pub fn percent(&self) -> u64 {
        self.used.saturating_mul(100).checked_div(self.limit).unwrap_or(0)
    }

    /// Whether it is time to make room.
    #[must_use]
    pub fn is_filling(&self) -> bool {
        self.percent() >= Self::FILLING
    }
}

impl Redis {
    /// How full Redis is.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn memory(&self) -> Result<Memory, Error> {
        let mut connection = self.connection().await?;
        let told: String = redis::cmd("INFO").arg("memory").query_async(&mut connection).await?;
        let number = |name: &str| {
            let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|number| number.trim().parse().ok()).ok_or_else(|| Error::corrupt(format!("no {name}")))
        };
        Ok(Memory { used: number("used_memory")?, limit: number("maxmemory")? })
    }
}

fn connection_config(timeout: Duration) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(timeout)).set_response_timeout(Some(timeout))
}
