//! What has to be asked of the stores, or of this node, before it can be told.

use std::time::Duration;

use crate::{App, clock};

/// How often they are asked; Prometheus comes every 15 s or less often.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// Asks the stores, for ever, where somebody reads the metrics.
pub async fn keep(app: &App) {
    if !super::are_read() {
        return std::future::pending().await;
    }
    loop {
        let in_flight = app.load.in_flight_bytes();
        metrics::gauge!("promptster_in_flight_bytes").set(number(u64::try_from(in_flight).unwrap_or(u64::MAX)));
        tokio::join!(ask_redis(app), ask_clickhouse(app));
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn ask_redis(app: &App) {
    let (backlog, memory) = tokio::join!(app.redis.backlog(), app.redis.memory());
    is_up("redis", backlog.is_ok() && memory.is_ok());
    // What is not known any more stays as it was last: `promptster_store_up` tells.
    if let Ok(backlog) = backlog {
        let age_ms = backlog.oldest_ms.map_or(0, |oldest| clock::now().millis().saturating_sub(oldest).max(0));
        let age = Duration::from_millis(u64::try_from(age_ms).unwrap_or_default());
        metrics::gauge!("promptster_backlog_entries").set(number(backlog.entries));
        metrics::gauge!("promptster_backlog_age_seconds").set(age.as_secs_f64());
        metrics::gauge!("promptster_outgoing").set(number(backlog.outgoing));
    }
    if let Ok(memory) = memory {
        metrics::gauge!("promptster_redis_used_bytes").set(number(memory.used));
        metrics::gauge!("promptster_redis_limit_bytes").set(number(memory.limit));
    }
}

async fn ask_clickhouse(app: &App) {
    let orgs = app.log.orgs_with_dead_letters().await;
    is_up("clickhouse", orgs.is_ok());
    if let Ok(orgs) = orgs {
        metrics::gauge!("promptster_orgs_with_dead_letters").set(number(u64::try_from(orgs.len()).unwrap_or(u64::MAX)));
    }
}

fn is_up(store: &'static str, is: bool) {
    metrics::gauge!("promptster_store_up", "store" => store).set(if is { 1.0 } else { 0.0 });
}

/// Beyond 2^53, a hundred thousand times what fits into a machine, it is rounded.
#[expect(clippy::as_conversions, reason = "there is no other way from u64 to f64")]
fn number(value: u64) -> f64 {
    value as f64
}
