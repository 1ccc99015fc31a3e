//! Waiting for ClickHouse at the start. A node that comes up before its stores, as happens when a whole site starts, says
//! what it waits for instead of failing; what no waiting mends ends it at once.

use std::{net::TcpListener, pin::pin, time::Duration};

use anyhow::{Context, bail};
use clickhouse_schema::{Error, EventLog};
use redis_scripts::Redis;
use tokio::time::Instant;

use crate::{http::waiting, settings::Rate};

/// The pause between two tries.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// How long the waiting server has to answer those that it has let in already, when nobody new comes in.
const GIVES_WAY_IN: Duration = Duration::from_millis(100);

/// How long `dev` waits, whose stores were asked before.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What cannot be done.
const MIGRATING: &str = "cannot bring the tables of ClickHouse up to date";

/// Fails when Redis refuses the credentials of its address. One that does not answer is waited for later, by all that
/// needs it.
///
/// # Errors
/// See above.
pub async fn admitted(redis: &Redis) -> anyhow::Result<()> {
    match redis.ping().await {
        Err(error @ redis_scripts::Error::Denied(_)) => Err(error).context("cannot use the Redis of --redis-url"),
        _ => Ok(()),
    }
}

/// Brings the tables up to date; tells how many migrations were applied. Waits for a ClickHouse that does not answer, for
/// the time `patience`, and answers on `listener` meanwhile that this node lives and is not ready; `rate` is what its
/// replies say may be asked.
///
/// # Errors
/// When ClickHouse refuses for good, or does not answer in time.
pub async fn migrate(
    redis: &Redis,
    log: &EventLog,
    listener: &TcpListener,
    rate: Rate,
    patience: Duration,
) -> anyhow::Result<usize> {
    let started = Instant::now();
    match attempt(log).await {
        Err(error) if error.may_pass() => tracing::warn!(%error, ?patience, "waiting for ClickHouse"),
        outcome => return outcome.context(MIGRATING),
    }
    // The socket is the same one: whoever connects while one server gives way to the other is answered by the other.
    let server = waiting::server(redis, log, listener.try_clone()?, rate)?;
    let handle = server.handle();
    let mut server = pin!(server);
    let outcome = tokio::select! {
        outcome = attempts(log, started + patience) => outcome,
        ended = &mut server => {
            ended?;
            bail!("the server ended by itself");
        }
    };
    let give_way = async {
        handle.pause().await;
        tokio::time::sleep(GIVES_WAY_IN).await;
        handle.stop(true).await;
    };
    tokio::join!(give_way, server).1?;
    let applied = outcome.context(MIGRATING)?;
    tracing::info!(waited_ms = started.elapsed().as_millis(), "ClickHouse answers");
    Ok(applied)
}

async fn attempts(log: &EventLog, until: Instant) -> anyhow::Result<usize> {
    loop {
        match attempt(log).await {
            Err(error) if error.may_pass() && Instant::now() < until => tokio::time::sleep(AGAIN_AFTER).await,
            Err(error) if error.may_pass() => {
                return Err(error)
                    .context("ClickHouse did not answer in time; --store-wait-secs says how long to wait");
            }
            outcome => return Ok(outcome?),
        }
    }
}

/// Asked whether it answers first: a migration may take long, and is not to be cut off.
async fn attempt(log: &EventLog) -> Result<usize, Error> {
    log.ping().await?;
    log.migrate().await
}
