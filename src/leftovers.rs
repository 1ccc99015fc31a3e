//! What an erasure leaves in the files of the stores, and how it goes. ClickHouse removes the parts that a deletion replaced
//! by itself; Redis rewrites its append-only file when it is told to.

use std::time::Duration;

use crate::App;

/// How often it is looked whether something was erased.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The shortest time between two rewrites: what is erased meanwhile goes with the next. A rewrite writes all that Redis
/// holds.
const REST: Duration = Duration::from_secs(60);

/// How long a rewrite may take before this node looks again what became of it.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Sees to it, for ever.
pub async fn remove(app: &App) {
    let mut is_told = false;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if !is_told {
            is_told = tell(app).await;
        }
        match app.redis.rewrite_files(PATIENCE).await {
            Ok(0) => {}
            Ok(n) => {
                metrics::counter!("promptster_files_rewritten_total").increment(u64::try_from(n).unwrap_or(0));
                tracing::info!(n, "redis' append-only files are rewritten: what was erased is not in them any more");
                tokio::time::sleep(REST).await;
            }
            Err(error) => tracing::warn!(%error, "redis' append-only files could not be rewritten; tried again"),
        }
    }
}

/// Tells the operator when Redis keeps erased entries for longer; answers whether that is known.
async fn tell(app: &App) -> bool {
    match app.redis.lets_go_of_entries().await {
        Ok(Some(false)) => tracing::warn!(
            "redis keeps the bytes of erased events for up to six hours; with `stream-node-max-entries 1` it does not"
        ),
        Ok(_) => {}
        Err(_) => return false,
    }
    true
}
