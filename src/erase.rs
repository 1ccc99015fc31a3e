//! Erasing a session everywhere: first the tombstone, so that nothing new comes and nobody sees it any more; then, once
//! the log holds all that the stream does, the stream, the log, the uploads and the keys. Each step may be repeated,
//! and an erasure that was interrupted goes on when it is asked for again.

use std::time::Duration;

use domain::SessionRef;
use redis_scripts::Erasure;
use tokio::time::Instant;

use crate::{
    App, clock,
    http::error::{ApiError, Refusal},
};

/// How long the log may take to catch up: many times what it takes when all is well.
const CATCHES_UP_WITHIN: Duration = Duration::from_secs(10);

/// How often it is asked whether it has.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Erases a session; nothing of it is left when this returns.
///
/// # Errors
/// 404 when there is none; 503 when a store did not do its part in time.
pub async fn session(app: &App, name: &SessionRef) -> Result<(), ApiError> {
    let erasure = app.redis.begin_erasure(name, clock::now()).await?.ok_or(Refusal::NotFound)?;
    erase_entries(app, &erasure).await?;
    app.log.erase_session(name).await?;
    app.uploads.erase(name).await.map_err(ApiError::unavailable)?;
    app.redis.erase_keys(&erasure, clock::now()).await?;
    app.redis.finish_erasure(&erasure).await?;
    tracing::info!(org.id = %name.org, session.id = %name.session, "session erased");
    Ok(())
}

/// Waits until the log holds everything: what is taken out of the stream earlier would be missing for other sessions
/// that share its entries.
async fn erase_entries(app: &App, erasure: &Erasure) -> Result<(), ApiError> {
    let until = Instant::now() + CATCHES_UP_WITHIN;
    while !app.redis.erase_entries(erasure).await? {
        if Instant::now() >= until {
            return Err(ApiError::unavailable("the log has not caught up"));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(())
}
