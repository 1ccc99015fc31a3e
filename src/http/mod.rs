//! The route table, and nothing else. Who may call a route is said by its handler's first argument; bodies are limited
//! to 1 MiB but for those of ingest.

pub mod auth;
pub mod body;
pub mod error;
pub mod fields;
mod health;
pub mod query;
pub mod rate;
pub mod resource;
pub mod server;

use actix_web::web::ServiceConfig;
use resource::at;

/// Every route of the server.
#[rustfmt::skip]
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(at("/v1/health").get(health::health))
        .service(at("/v1/ready").get(health::ready));
    // Ingest and streaming.
    // Sessions and what is read of them.
}
