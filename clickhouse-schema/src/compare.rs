//! Whether the log holds what it was given, asked by names and numbers alone.

use std::collections::{BTreeSet, HashMap};

use clickhouse::Row;
use domain::{OrgId, SessionRef};
use serde::Deserialize;
use uuid::Uuid;

use crate::{Error, EventLog, event_log};

/// Events of one entry of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenEvents {
    /// Whose they are.
    pub session: SessionRef,
    /// As of [`crate::LoggedEvent`]: the same for all of an entry.
    pub version: u64,
    /// How many.
    pub n: u64,
}

/// A state of an entity that the log was given, or an earlier one than it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenEntity {
    /// Whose it is.
    pub org: OrgId,
    /// What it is.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// The version of the state.
    pub version: u64,
}

#[derive(Row, Deserialize)]
struct WrittenRow {
    #[serde(with = "clickhouse::serde::uuid")]
    org_id: Uuid,
    session_id: String,
    entry_version: u64,
    written: u64,
}

#[derive(Row, Deserialize)]
struct EntityVersionRow {
    #[serde(with = "clickhouse::serde::uuid")]
    org_id: Uuid,
    kind: String,
    id: String,
    newest: u64,
}

impl EventLog {
    /// Of how many events of each the log holds neither the event nor a dead letter, in the order given.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn missing_events(&self, given: &[GivenEvents]) -> Result<Vec<u64>, Error> {
        if given.is_empty() {
            return Ok(Vec::new());
        }
        let sessions: BTreeSet<&SessionRef> = given.iter().map(|given| &given.session).collect();
        let versions: BTreeSet<u64> = given.iter().map(|given| given.version).collect();
        let query = self
            .question(include_str!("../queries/count_written.sql"))
            .param("orgs", sessions.iter().map(|session| session.org.uuid()).collect::<Vec<_>>())
            .param("sessions", sessions.iter().map(|session| session.session.as_str()).collect::<Vec<_>>())
            .param("versions", versions.into_iter().collect::<Vec<_>>());
        let rows: Vec<WrittenRow> = event_log::all(query).await?;
        let mut written: HashMap<(Uuid, &str, u64), u64> = HashMap::new();
        for row in &rows {
            let n = written.entry((row.org_id, row.session_id.as_str(), row.entry_version)).or_default();
            *n = n.saturating_add(row.written);
        }
        let lacks = |given: &GivenEvents| {
            let name = (given.session.org.uuid(), given.session.session.as_str(), given.version);
            given.n.saturating_sub(written.get(&name).copied().unwrap_or(0))
        };
        Ok(given.iter().map(lacks).collect())
    }

    /// Whether the log holds neither the state of each nor a later one, in the order given.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn missing_entities(&self, given: &[GivenEntity]) -> Result<Vec<bool>, Error> {
        if given.is_empty() {
            return Ok(Vec::new());
        }
        let query = self
            .question(include_str!("../queries/list_entity_versions.sql"))
            .param("orgs", given.iter().map(|given| given.org.uuid()).collect::<Vec<_>>())
            .param("kinds", given.iter().map(|given| given.kind.as_str()).collect::<Vec<_>>())
            .param("ids", given.iter().map(|given| given.id.as_str()).collect::<Vec<_>>());
        let rows: Vec<EntityVersionRow> = event_log::all(query).await?;
        let newest: HashMap<(Uuid, &str, &str), u64> =
            rows.iter().map(|row| ((row.org_id, row.kind.as_str(), row.id.as_str()), row.newest)).collect();
        let lacks = |given: &GivenEntity| {
            let known = newest.get(&(given.org.uuid(), given.kind.as_str(), given.id.as_str()));
            known.is_none_or(|newest| *newest < given.version)
        };
        Ok(given.iter().map(lacks).collect())
    }
}
