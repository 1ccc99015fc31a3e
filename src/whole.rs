//! Whether Redis holds all that ClickHouse knows of. When it came back empty, its answers say that nobody's credentials
//! ever existed; nothing that needs Redis is answered then, until it was rebuilt.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use clickhouse_schema::EventLog;
use redis_scripts::{Redis, Wholeness, keys::Partition};

use crate::{App, http::error::ApiError};

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Organisations that are looked for at once.
const ORGS_AT_ONCE: usize = 1_000;

/// What is to be done about it, in the log and on the terminal.
pub const REMEDY: &str = "Redis lacks data that ClickHouse has: `promptster-server rebuild-redis` restores it \
                          (with `dev`: `promptster-server dev --rebuild-redis`)";

/// Whether requests that need Redis are answered, as was found last.
#[derive(Debug, Default)]
pub struct Open(AtomicBool);

impl Open {
    /// Whether they are.
    #[must_use]
    pub fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, open: bool) {
        self.0.store(open, Ordering::Relaxed);
    }
}

/// Why it is not known.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// Redis gave no usable answer.
    #[error(transparent)]
    Redis(#[from] redis_scripts::Error),
    /// ClickHouse gave no usable answer.
    #[error(transparent)]
    Log(#[from] clickhouse_schema::Error),
}

/// Whether Redis is whole. One without any mark is, and is marked, when ClickHouse knows no organisation that it lacks: it
/// is new.
///
/// # Errors
/// When a store gives no usable answer.
pub async fn look(redis: &Redis, log: &EventLog) -> Result<bool, LookError> {
    match redis.wholeness().await? {
        Wholeness::Whole => return Ok(true),
        Wholeness::Partial => return Ok(false),
        Wholeness::Unmarked => {}
    }
    let mut last = None;
    loop {
        let orgs = log.list_orgs(last, ORGS_AT_ONCE).await?;
        if orgs.is_empty() {
            redis.mark_new().await?;
            return Ok(redis.wholeness().await? == Wholeness::Whole);
        }
        if redis.lacks_any_of(&orgs).await? {
            return Ok(false);
        }
        last = orgs.last().copied();
    }
}

/// Looks for the first time.
pub async fn begin(app: &App) {
    match look(&app.redis, &app.log).await {
        Ok(true) => app.open.set(true),
        Ok(false) => tracing::error!("{REMEDY}; until then requests are answered with 503"),
        Err(error) => tracing::warn!(%error, "not known yet whether Redis is whole; requests are answered with 503"),
    }
}

/// Goes on looking: answers requests from when Redis is whole, and returns when it is not any more. What runs then
/// remembers what Redis does not, and has to end.
pub async fn lost(app: &App) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if app.open.is() {
            if matches!(app.redis.wholeness().await, Ok(Wholeness::Unmarked | Wholeness::Partial)) {
                app.open.set(false);
                return;
            }
        } else if matches!(look(&app.redis, &app.log).await, Ok(true)) {
            tracing::info!("Redis is whole");
            app.open.set(true);
        }
    }
}

/// What Redis found in a partition. That there is no such thing is believed of a whole one only: elsewhere it may be lost.
///
/// # Errors
/// 503.
pub async fn believed<T>(app: &App, partition: Partition, found: Option<T>) -> Result<Option<T>, ApiError> {
    // Boxed: the way of what is there, which nearly everything is, is to take no room for it.
    if found.is_none() && !Box::pin(app.redis.is_whole(partition)).await? {
        return Err(ApiError::unavailable("Redis lost its data"));
    }
    Ok(found)
}
