//! The handle to ClickHouse, and how every question is asked.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::Duration;

use clickhouse::query::Query;
use clickhouse::{Client, RowOwned, RowRead};
use domain::SessionRef;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::{Config, Error};

/// The event log and what is derived from it. Cheap to clone.
#[derive(Clone)]
pub struct EventLog {
    pub(crate) config: Arc<Config>,
    /// Works in the database of the configuration.
    pub(crate) client: Client,
    /// The same connections without a database, which may not exist yet.
    pub(crate) server: Client,
    /// The newer settings of inserts that the server knows; asked once.
    pub(crate) newer_settings: Arc<OnceCell<Vec<(&'static str, &'static str)>>>,
    /// How often the log was written anew; part of every token.
    pub(crate) turn: Arc<AtomicU64>,
}

const PING_TIMEOUT: Duration = Duration::from_secs(2);
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

impl EventLog {
    /// A handle; nothing is asked yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let server = config.client();
        let client = server.clone().with_database(&config.database);
        Self { config: Arc::new(config.clone()), client, server, newer_settings: Arc::default(), turn: Arc::default() }
    }

    /// Says how often the log was written anew. What was written in an earlier turn is not taken for a repeat: ClickHouse
    /// remembers what it was given, also when it lost it.
    pub fn begin_turn(&self, turn: u64) {
        self.turn.store(turn, Ordering::Relaxed);
    }

    /// The same log, for rows whose insert may have been cut off. Nothing that is written through it is taken for a repeat: an
    /// engine notes that it knows a block before it has its rows, and when it dies in between takes the repetition for
    /// known (found by `loadtest chaos`). Rows that are there twice are collapsed by their key.
    #[must_use]
    pub fn without_memory(&self) -> Self {
        let unique = Uuid::new_v4().as_u64_pair().0 | 1;
        Self { turn: Arc::new(AtomicU64::new(unique)), ..self.clone() }
    }

    /// Whether the server answers, within two seconds.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        let asked = self.server.query("SELECT 1").fetch_one::<u8>();
        Box::pin(timeout(PING_TIMEOUT, asked)).await.map_err(|_| Error::timeout("a ping"))??;
        Ok(())
    }

    /// A question, with the limits of every question.
    pub(crate) fn question(&self, sql: &str) -> Query {
        let query = self.client.query_raw(sql).with_setting("max_execution_time", QUERY_TIMEOUT.as_secs().to_string());
        match self.config.cluster {
            // A replica that lags behind an acknowledged insert must wait for it rather than leave rows out.
            Some(_) => query.with_setting("select_sequential_consistency", "1"),
            None => query,
        }
    }

    /// A question about one session.
    pub(crate) fn question_of(&self, sql: &str, session: &SessionRef) -> Query {
        self.question(sql).param("org", session.org.uuid()).param("session", session.session.as_str())
    }
}

/// All rows of the answer, in time.
pub(crate) async fn all<T: RowOwned + RowRead>(query: Query) -> Result<Vec<T>, Error> {
    all_within(query, QUERY_TIMEOUT).await
}

/// All rows of the answer, within the limit.
pub(crate) async fn all_within<T: RowOwned + RowRead>(query: Query, limit: Duration) -> Result<Vec<T>, Error> {
    Ok(Box::pin(timeout(limit, query.fetch_all()))
        .instrument(asking())
        .await
        .map_err(|_| Error::timeout("a query"))??)
}

/// The one row of the answer, if there is one, in time.
pub(crate) async fn optional<T: RowOwned + RowRead>(query: Query) -> Result<Option<T>, Error> {
    Ok(Box::pin(timeout(QUERY_TIMEOUT, query.fetch_optional()))
        .instrument(asking())
        .await
        .map_err(|_| Error::timeout("a query"))??)
}

/// Runs a statement that gives nothing back, in time.
pub(crate) async fn execute(query: Query, limit: Duration) -> Result<(), Error> {
    Ok(Box::pin(timeout(limit, query.execute()))
        .instrument(asking())
        .await
        .map_err(|_| Error::timeout("a statement"))??)
}

/// The span of a question.
fn asking() -> Span {
    tracing::debug_span!("ask clickhouse", otel.kind = "client", db.system.name = "clickhouse")
}
