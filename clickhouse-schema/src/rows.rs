//! What is written, and the rows that it becomes.

use bytes::Bytes;
use clickhouse::Row;
use domain::{OrgId, StoredEvent, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use crate::time::column;

/// An event on its way into the log.
#[derive(Debug, Clone)]
pub struct LoggedEvent {
    /// The event, with what the server added.
    pub stored: StoredEvent,
    /// When its session was created, by the server's clock: the month of it is the event's partition for ever.
    pub session_created_at: Timestamp,
    /// The order of arrival (from the stream's id): of two arrivals of one id, the smaller version stays.
    pub version: u64,
}

/// One state of an entity; of its states the greatest version is the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityRow {
    /// Whose it is.
    pub org: OrgId,
    /// What it is: `session`, `assessment`, `apiKey` …
    pub kind: String,
    /// Which one.
    pub id: String,
    /// Counts its states.
    pub version: u64,
    /// Whether it is gone.
    pub deleted: bool,
    /// Its fields.
    pub fields: Vec<(String, String)>,
    /// When the state came to be.
    pub written_at: Timestamp,
}

/// An event that was refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Whose it is.
    pub org: OrgId,
    /// Its session, as far as it could be read.
    pub session: String,
    /// Its id; all zeros when it could not be read.
    pub event_id: Uuid,
    /// When the server took it.
    pub received_at: Timestamp,
    /// Why it was refused.
    pub reason: String,
    /// The bytes as they were received.
    pub raw: Bytes,
}

#[derive(Row, Serialize)]
pub(crate) struct EventColumns<'a> {
    #[serde(with = "clickhouse::serde::uuid")]
    org_id: Uuid,
    session_id: &'a str,
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: Uuid,
    seq: u64,
    ts: i64,
    received_at: i64,
    session_created_at: i64,
    kind: &'a str,
    channel: &'a str,
    integration: &'a str,
    emitter: &'a str,
    author: &'a str,
    attribution: &'a str,
    confidence: f64,
    observability: &'a str,
    command_class: &'a str,
    exit_code: Option<i64>,
    path: &'a str,
    lines_added: u32,
    lines_removed: u32,
    test_verdict: Option<bool>,
    sig_verified: Option<bool>,
    version: u64,
    raw: &'a Bytes,
}

impl<'a> From<&'a LoggedEvent> for EventColumns<'a> {
    fn from(logged: &'a LoggedEvent) -> Self {
        let stored = &logged.stored;
        let event = &stored.event;
        let facts = &event.facts;
        Self {
            org_id: stored.org.uuid(),
            session_id: event.session_id.as_str(),
            event_id: event.id,
            seq: stored.seq,
            ts: column(event.ts),
            received_at: column(stored.received_at),
            session_created_at: column(logged.session_created_at),
            kind: event.kind.as_str(),
            channel: event.source.channel.as_str(),
            integration: &event.source.integration,
            emitter: &event.source.emitter,
            author: event.author.as_str(),
            attribution: event.provenance.attribution.as_str(),
            confidence: event.provenance.confidence,
            observability: event.provenance.observability.as_str(),
            command_class: facts.command_class.map_or("", domain::CommandClass::as_str),
            exit_code: facts.exit_code,
            path: facts.path.as_deref().unwrap_or_default(),
            lines_added: facts.lines_added,
            lines_removed: facts.lines_removed,
            test_verdict: facts.test_verdict,
            sig_verified: event.sig_verified,
            // The table keeps the greatest version, the log the earliest arrival.
            version: u64::MAX - logged.version,
            raw: event.raw(),
        }
    }
}

#[derive(Row, Serialize)]
pub(crate) struct EntityColumns<'a> {
    #[serde(with = "clickhouse::serde::uuid")]
    org_id: Uuid,
    kind: &'a str,
    id: &'a str,
    version: u64,
    deleted: bool,
    fields: &'a [(String, String)],
    written_at: i64,
}

impl<'a> From<&'a EntityRow> for EntityColumns<'a> {
    fn from(entity: &'a EntityRow) -> Self {
        Self {
            org_id: entity.org.uuid(),
            kind: &entity.kind,
            id: &entity.id,
            version: entity.version,
            deleted: entity.deleted,
            fields: &entity.fields,
            written_at: column(entity.written_at),
        }
    }
}

#[derive(Row, Serialize)]
pub(crate) struct DeadLetterColumns<'a> {
    #[serde(with = "clickhouse::serde::uuid")]
    org_id: Uuid,
    session_id: &'a str,
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: Uuid,
    received_at: i64,
    reason: &'a str,
    raw: &'a Bytes,
}

impl<'a> From<&'a DeadLetter> for DeadLetterColumns<'a> {
    fn from(letter: &'a DeadLetter) -> Self {
        Self {
            org_id: letter.org.uuid(),
            session_id: &letter.session,
            event_id: letter.event_id,
            received_at: column(letter.received_at),
            reason: &letter.reason,
            raw: &letter.raw,
        }
    }
}
