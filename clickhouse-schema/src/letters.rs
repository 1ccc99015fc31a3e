//! Dead letters: what ClickHouse refused or nobody could read, kept for people to look at and to write again.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use clickhouse::Row;
use domain::{Event, Limits, OrgId, StoredEvent, Timestamp};
use serde::Deserialize;
use uuid::Uuid;

use crate::{DeadLetter, Error, EventLog, LoggedEvent, event_log};

/// A mutation rewrites the parts that hold one of the letters.
const MUTATION_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Row, Deserialize)]
struct LetterRow {
    session_id: String,
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: Uuid,
    received_at: i64,
    reason: String,
    raw: Bytes,
    seq: u64,
    session_created_at: i64,
    sig_verified: Option<bool>,
    version: u64,
}

#[derive(Row, Deserialize)]
struct OrgRow {
    #[serde(with = "clickhouse::serde::uuid")]
    org_id: Uuid,
}

impl DeadLetter {
    /// The letter of an event that was refused for this reason.
    #[must_use]
    pub fn of(logged: &LoggedEvent, reason: String) -> Self {
        let stored = &logged.stored;
        Self {
            org: stored.org,
            session: stored.event.session_id.to_string(),
            event_id: stored.event.id,
            received_at: stored.received_at,
            reason,
            raw: stored.event.raw().clone(),
            seq: stored.seq,
            session_created_at: logged.session_created_at,
            sig_verified: stored.event.sig_verified,
            version: logged.version,
        }
    }

    /// The event that it was, to be written once more.
    ///
    /// # Errors
    /// Why it cannot be read as one.
    pub fn to_event(&self) -> Result<LoggedEvent, String> {
        if self.seq == 0 {
            return Err("it was never read as an event".to_owned());
        }
        let limits = Limits { now: Timestamp::from_millis(i64::MAX), strict_kinds: false };
        let mut event = Event::parse(self.raw.clone(), &limits).map_err(|error| error.to_string())?;
        event.sig_verified = self.sig_verified;
        let stored = StoredEvent { event, org: self.org, seq: self.seq, received_at: self.received_at };
        Ok(LoggedEvent { stored, session_created_at: self.session_created_at, version: self.version })
    }
}

impl EventLog {
    /// The organisations that have dead letters.
    ///
    /// # Errors
    /// When the server does not answer.
    #[expect(clippy::disallowed_methods, reason = "the organisations read here are those that were written here")]
    pub async fn orgs_with_dead_letters(&self) -> Result<Vec<OrgId>, Error> {
        let query = self.question(include_str!("../queries/list_orgs_with_dead_letters.sql"));
        let rows: Vec<OrgRow> = event_log::all(query).await?;
        Ok(rows.into_iter().map(|row| OrgId::trusted(row.org_id)).collect())
    }

    /// Dead letters of an organisation, the oldest first: those of `events`, or of all when that is empty.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn dead_letters(&self, org: OrgId, events: &[Uuid], limit: usize) -> Result<Vec<DeadLetter>, Error> {
        let query = self
            .question(include_str!("../queries/list_dead_letters.sql"))
            .param("org", org.uuid())
            .param("events", events)
            .param("limit", limit);
        let rows: Vec<LetterRow> = event_log::all(query).await?;
        let letter = |row: LetterRow| DeadLetter {
            org,
            session: row.session_id,
            event_id: row.event_id,
            received_at: Timestamp::from_millis(row.received_at),
            reason: row.reason,
            raw: row.raw,
            seq: row.seq,
            session_created_at: Timestamp::from_millis(row.session_created_at),
            sig_verified: row.sig_verified,
            version: row.version,
        };
        Ok(rows.into_iter().map(letter).collect())
    }

    /// Removes letters that were written as events after all. May be repeated.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn remove_dead_letters(&self, letters: &[&DeadLetter]) -> Result<(), Error> {
        let mut sessions: BTreeMap<(OrgId, &str), Vec<Uuid>> = BTreeMap::new();
        for letter in letters {
            sessions.entry((letter.org, letter.session.as_str())).or_default().push(letter.event_id);
        }
        for ((org, session), events) in sessions {
            let question = self
                .question(include_str!("../queries/delete_dead_letters.sql"))
                .param("org", org.uuid())
                .param("session", session)
                .param("events", events)
                .with_setting("max_execution_time", MUTATION_TIMEOUT.as_secs().to_string());
            event_log::execute(question, MUTATION_TIMEOUT).await?;
        }
        Ok(())
    }
}
