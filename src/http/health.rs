//! Whether the server lives, and whether it can work.

use actix_web::{HttpResponse, web::Data};
use serde_json::json;

use super::error::{ApiError, Refusal};
use crate::App;

/// `GET /v1/health`
pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({"ok": true, "version": env!("CARGO_PKG_VERSION")}))
}

/// `GET /v1/ready`
pub(super) async fn ready(app: Data<App>) -> Result<HttpResponse, ApiError> {
    if app.stopping.has_begun() {
        return Err(ApiError::from(Refusal::NotReady).with("unavailable", ["server"]));
    }
    let (redis, log) = tokio::join!(app.redis.ping(), app.log.ping());
    // A Redis that is away is not said to have lost anything.
    let is_whole = app.open.is() || redis.is_err();
    let parts = [("redis", redis.is_ok()), ("redis_data", is_whole), ("clickhouse", log.is_ok())];
    let away: Vec<_> = parts.iter().filter(|(_, answers)| !answers).map(|(part, _)| *part).collect();
    if away.is_empty() {
        return Ok(HttpResponse::Ok().json(json!({"ok": true, "redis": true, "clickhouse": true})));
    }
    Err(ApiError::from(Refusal::NotReady).with("unavailable", away))
}
