//! Reading everything back, page by page: for whoever has to restore what was lost elsewhere.

use std::time::Duration;

use clickhouse::Row;
use clickhouse::query::Query;
use domain::{OrgId, SessionId, Timestamp};
use serde::Deserialize;
use uuid::Uuid;

use crate::{EntityRow, Error, EventLog, event_log};

/// How long one page may take: nobody waits for it.
const PAGE_TIMEOUT: Duration = Duration::from_secs(120);

/// A session of which the log holds events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedSession {
    /// Which one.
    pub session: SessionId,
    /// When its record was made.
    pub created_at: Timestamp,
}

#[derive(Row, Deserialize)]
struct OrgRow {
    #[serde(with = "clickhouse::serde::uuid")]
    org_id: Uuid,
}

#[derive(Row, Deserialize)]
struct EntityFields {
    kind: String,
    id: String,
    version: u64,
    deleted: bool,
    fields: Vec<(String, String)>,
    written_at: i64,
}

#[derive(Row, Deserialize)]
struct SessionRow {
    session_id: String,
    session_created_at: i64,
}

impl EventLog {
    /// The organisations of which there is anything, at most `limit` after `after`.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn list_orgs(&self, after: Option<OrgId>, limit: usize) -> Result<Vec<OrgId>, Error> {
        let query = self
            .patient(include_str!("../queries/list_orgs.sql"))
            .param("after", after.map(OrgId::uuid).unwrap_or_default())
            .param("limit", limit);
        let rows: Vec<OrgRow> = event_log::all_within(query, PAGE_TIMEOUT).await?;
        #[expect(clippy::disallowed_methods, reason = "they come from the store that this crate wrote")]
        let orgs = rows.into_iter().map(|row| OrgId::trusted(row.org_id)).collect();
        Ok(orgs)
    }

    /// The newest states of an organisation's entities by kind and id, at most `limit` after the kind and id `after`;
    /// two empty texts begin.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn list_entities(&self, org: OrgId, after: (&str, &str), limit: usize) -> Result<Vec<EntityRow>, Error> {
        let query = self
            .patient(include_str!("../queries/list_entities.sql"))
            .param("org", org.uuid())
            .param("kind", after.0)
            .param("id", after.1)
            .param("limit", limit);
        let rows: Vec<EntityFields> = event_log::all_within(query, PAGE_TIMEOUT).await?;
        let entity = |row: EntityFields| EntityRow {
            org,
            kind: row.kind,
            id: row.id,
            version: row.version,
            deleted: row.deleted,
            fields: row.fields,
            written_at: Timestamp::from_millis(row.written_at),
        };
        Ok(rows.into_iter().map(entity).collect())
    }

    /// The sessions of an organisation that have events, at most `limit` after `after`.
    ///
    /// # Errors
    /// When the server does not answer, or a name cannot be read any more.
    pub async fn list_logged_sessions(
        &self,
        org: OrgId,
        after: Option<&SessionId>,
        limit: usize,
    ) -> Result<Vec<LoggedSession>, Error> {
        let query = self
            .patient(include_str!("../queries/list_logged_sessions.sql"))
            .param("org", org.uuid())
            .param("after", after.map_or("", SessionId::as_str))
            .param("limit", limit);
        let rows: Vec<SessionRow> = event_log::all_within(query, PAGE_TIMEOUT).await?;
        let session = |row: SessionRow| {
            let session = row.session_id.parse().map_err(|_| Error::Decode(format!("session {:?}", row.session_id)))?;
            Ok(LoggedSession { session, created_at: Timestamp::from_millis(row.session_created_at) })
        };
        rows.into_iter().map(session).collect()
    }

    fn patient(&self, sql: &str) -> Query {
        self.question(sql).with_setting("max_execution_time", PAGE_TIMEOUT.as_secs().to_string())
    }
}
