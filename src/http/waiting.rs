//! What a node answers while it waits for its stores: that it lives, and what it waits for.

use std::net::TcpListener;

use actix_web::{
    HttpResponse, HttpServer,
    dev::Server,
    http::KeepAlive,
    middleware,
    web::{self, Data},
};
use clickhouse_schema::EventLog;
use redis_scripts::Redis;

use super::{
    error::{ApiError, Refusal},
    health::health,
    server::finish,
};
use crate::settings::Rate;

struct Stores {
    redis: Redis,
    log: EventLog,
}

/// A server on `listener` that knows two routes and refuses the others; every reply has the headers that replies have,
/// with `rate` for what may be asked. It stops when its handle says so.
///
/// # Errors
/// When the listener cannot be used.
pub fn server(redis: &Redis, log: &EventLog, listener: TcpListener, rate: Rate) -> std::io::Result<Server> {
    let stores = Data::new(Stores { redis: redis.clone(), log: log.clone() });
    let server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(stores.clone())
            .app_data(Data::new(rate))
            .wrap(middleware::from_fn(finish))
            .route("/v1/health", web::get().to(health))
            .route("/v1/ready", web::get().to(ready))
            .default_service(web::to(refuse))
    });
    // No connection stays, so that none has to be waited for.
    Ok(server.workers(1).keep_alive(KeepAlive::Disabled).shutdown_timeout(1).disable_signals().listen(listener)?.run())
}

async fn ready(stores: Data<Stores>) -> Result<HttpResponse, ApiError> {
    let (redis, log) = tokio::join!(stores.redis.ping(), stores.log.ping());
    let parts = [("redis", redis.is_ok()), ("clickhouse", log.is_ok())];
    let mut away: Vec<_> = parts.iter().filter(|(_, answers)| !answers).map(|(part, _)| *part).collect();
    if away.is_empty() {
        // The tables are being brought up to date.
        away.push("server");
    }
    Err(ApiError::from(Refusal::NotReady).with("unavailable", away))
}

async fn refuse() -> Result<HttpResponse, ApiError> {
    Err(ApiError::unavailable("waiting for ClickHouse"))
}
