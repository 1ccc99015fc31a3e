//! What every request can reach.

use clickhouse_schema::EventLog;
use redis_scripts::Redis;

use crate::{
    http::{auth::Credentials, rate::Limits},
    settings::Settings,
};

/// What every request can reach; one for the whole process, shared as `web::Data<App>`.
pub struct App {
    /// The truth of now.
    pub redis: Redis,
    /// The history.
    pub log: EventLog,
    /// What the operator chose.
    pub settings: Settings,
    /// What is left of every budget.
    pub limits: Limits,
    /// Whose credential is whose, as far as it can never change.
    pub credentials: Credentials,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(redis: Redis, log: EventLog, settings: Settings) -> Self {
        let limits = Limits::new(&settings.rates);
        Self { redis, log, settings, limits, credentials: Credentials::default() }
    }
}
