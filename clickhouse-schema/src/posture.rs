//! How the server of the log fares, for those who look after it.

use clickhouse::Row;
use serde::Deserialize;

use crate::{Error, EventLog, event_log};

/// How the server fares that was asked; with several replicas, one of them.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct LogPosture {
    /// Its version, e.g. `25.8.2.29`.
    pub version: String,
    /// What its clock shows, in milliseconds since 1970.
    pub clock_ms: i64,
    /// Bytes that are free on its fullest disk.
    pub free_bytes: u64,
    /// Deletions that were tried, failed, and are tried again.
    pub failing_mutations: u64,
    /// Parts of tables that could not be read and were set aside.
    pub broken_parts: u64,
}

impl EventLog {
    /// How the server fares.
    ///
    /// # Errors
    /// When it does not answer, or may not tell.
    pub async fn posture(&self) -> Result<LogPosture, Error> {
        let query = self.server.query_raw(include_str!("../queries/posture.sql"));
        let found = event_log::optional(query.param("database", &self.config.database)).await?;
        found.ok_or_else(|| Error::timeout("a query"))
    }
}
