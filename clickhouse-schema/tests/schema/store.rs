//! An engine with an event log, and events to put into it.

use clickhouse_schema::{Config, EventLog, LoggedEvent};
use domain::testing::{START_MILLIS, envelope, parse};
use domain::{OrgId, SessionRef, StoredEvent, Timestamp};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use test_support::ClickHouse;
use uuid::Uuid;

/// The organisation of most tests.
pub(crate) const ORG: OrgId = OrgId::sample(Uuid::from_u128(0xa));
/// Another organisation, which must never see anything.
pub(crate) const OTHER_ORG: OrgId = OrgId::sample(Uuid::from_u128(0xb));

/// An engine with a migrated event log.
pub(crate) struct Store {
    pub(crate) engine: ClickHouse,
    pub(crate) config: Config,
    pub(crate) log: EventLog,
    pub(crate) sql: clickhouse::Client,
}

impl Store {
    pub(crate) async fn start() -> Self {
        let engine = ClickHouse::start();
        let config = Config { url: engine.url().to_owned(), durable_inserts: false, ..Config::default() };
        let log = EventLog::new(&config);
        log.migrate().await.unwrap();
        let sql = clickhouse::Client::default().with_url(engine.url()).with_database(&config.database);
        Self { engine, config, log, sql }
    }

    pub(crate) async fn run(&self, statement: &str) {
        self.sql.query_raw(statement).execute().await.unwrap();
    }

    /// The number that the query gives.
    pub(crate) async fn number(&self, query: &str) -> u64 {
        self.sql.query_raw(query).fetch_one().await.unwrap()
    }
}

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn session(name: &str) -> SessionRef {
    SessionRef::new(ORG, name.parse().unwrap())
}

/// An event of `kind` so many milliseconds after the start.
pub(crate) fn event(session: &str, kind: &str, millis: i64, data: Value) -> Value {
    envelope(session, kind, START_MILLIS + millis, data)
}

pub(crate) fn prompt(session: &str, millis: i64) -> Value {
    event(session, "prompt", millis, json!({ "text": "hello" }))
}

/// The events as the log takes them: in order of arrival from 1 on.
pub(crate) fn logged(org: OrgId, envelopes: &[Value]) -> Vec<LoggedEvent> {
    let log_one = |(value, seq): (&Value, u64)| {
        let mut event = parse(value);
        event.sig_verified = [None, Some(true), Some(false)][usize::try_from(seq % 3).unwrap()];
        LoggedEvent {
            stored: StoredEvent { event, org, seq, received_at: at(START_MILLIS + 1) },
            session_created_at: at(START_MILLIS),
            version: seq,
        }
    };
    envelopes.iter().zip(1..).map(log_one).collect()
}

/// Random events of a session of that name.
pub(crate) fn arb_session(runner: &mut TestRunner, name: &str) -> Vec<Value> {
    let mut events = domain::testing::arb_events(0..60).new_tree(runner).unwrap().current();
    for event in &mut events {
        event["sessionId"] = json!(name);
    }
    events
}

pub(crate) fn seqs(events: &[StoredEvent]) -> Vec<u64> {
    events.iter().map(|stored| stored.seq).collect()
}
