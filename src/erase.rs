//! Erasing a session everywhere: first the tombstone, so that nothing new comes and nobody sees it any more; then, once
//! the log holds all that the stream does, the stream, the log, the uploads and the keys. Each step may be repeated, and
//! an erasure that was interrupted goes on when it is asked for again, and by itself.

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

/// How long an erasure has before it counts as interrupted: longer than a request waits for one.
const INTERRUPTED_AFTER_MS: i64 = 30_000;

/// How often interrupted erasures are looked for, and how long a node has for each.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const HOLD: Duration = Duration::from_secs(60);

/// Finishes erasures that were interrupted, on whichever node, for ever.
pub async fn finish_interrupted(app: &App) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let found = app.redis.claim_erasures(clock::now(), HOLD).await;
        for name in found.unwrap_or_default() {
            match session(app, &name).await {
                Ok(()) => {
                    tracing::info!(org.id = %name.org, session.id = %name.session, "an interrupted erasure is done")
                }
                Err(error) if error.refusal() == Refusal::NotFound => {}
                Err(error) => error.report(""),
            }
        }
    }
}

/// Erases a session; nothing of it is left when this returns.
///
/// # Errors
/// 404 when there is none; 503 when a store did not do its part in time.
pub async fn session(app: &App, name: &SessionRef) -> Result<(), ApiError> {
    let now = clock::now();
    app.redis.note_erasure(name, now.plus_millis(INTERRUPTED_AFTER_MS)).await?;
    let Some(erasure) = app.redis.begin_erasure(name, now).await? else {
        app.redis.forget_erasure(name).await?;
        return Err(Refusal::NotFound.into());
    };
    erase_entries(app, &erasure).await?;
    app.log.erase_session(name).await?;
    app.uploads.erase(name).await.map_err(ApiError::unavailable)?;
    app.redis.erase_keys(&erasure, clock::now()).await?;
    app.redis.finish_erasure(&erasure).await?;
    app.redis.forget_erasure(name).await?;
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
