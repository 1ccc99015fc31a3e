//! The artifacts of sessions as they were derived, so that nobody has to read all events of one to see them.

use clickhouse::Row;
use domain::{OrgId, SessionRef, Timestamp, artifacts::prompt_analysis};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::column;
use crate::token::{Content, Token};
use crate::{Error, EventLog, event_log};

/// The artifacts of a session, and what they were derived from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptArtifacts {
    /// The version of the rules.
    pub derivation_v: u32,
    /// The newest event that they know.
    pub last_seq: u64,
    /// The end of the session that they know.
    pub ended_at: Timestamp,
    /// Each kind with its data, as JSON.
    pub data: Vec<(String, String)>,
}

/// One of them, on its way into the table.
struct ArtifactRow<'a> {
    org: OrgId,
    session: &'a str,
    kept: &'a KeptArtifacts,
    kind: &'a str,
    data: &'a str,
    version: u64,
}

#[derive(Row, Serialize)]
pub(crate) struct ArtifactColumns<'a> {
    #[serde(with = "clickhouse::serde::uuid")]
    org_id: Uuid,
    session_id: &'a str,
    kind: &'a str,
    derivation_v: u32,
    last_seq: u64,
    ended_at: i64,
    data: &'a str,
    version: u64,
}

#[derive(Row, Deserialize)]
struct FoundArtifact {
    kind: String,
    derivation_v: u32,
    last_seq: u64,
    ended_at: i64,
    data: String,
    version: u64,
}

impl<'a> From<&'a ArtifactRow<'_>> for ArtifactColumns<'a> {
    fn from(row: &'a ArtifactRow<'_>) -> Self {
        Self {
            org_id: row.org.uuid(),
            session_id: row.session,
            kind: row.kind,
            derivation_v: row.kept.derivation_v,
            last_seq: row.kept.last_seq,
            ended_at: column(row.kept.ended_at),
            data: row.data,
            version: row.version,
        }
    }
}

impl Content for ArtifactRow<'_> {
    fn feed(&self, token: &mut Token) {
        token.bytes(self.org.as_bytes());
        token.text(self.session);
        token.text(self.kind);
        token.text(self.data);
        token.number(self.kept.derivation_v.into());
        token.number(self.kept.last_seq);
        token.bytes(&self.kept.ended_at.millis().to_le_bytes());
        token.number(self.version);
    }
}

impl EventLog {
    /// Keeps the artifacts of a session, all at once or none; those of the greatest `version` count.
    ///
    /// # Errors
    /// When the server does not answer or refuses; may be repeated.
    pub async fn keep_artifacts(&self, session: &SessionRef, kept: &KeptArtifacts, version: u64) -> Result<(), Error> {
        let (org, session) = (session.org, session.session.as_str());
        let row = |(kind, data)| ArtifactRow { org, session, kept, kind, data, version };
        let rows: Vec<ArtifactRow<'_>> =
            kept.data.iter().map(|(kind, data)| row((kind.as_str(), data.as_str()))).collect();
        self.insert::<ArtifactColumns<'static>, _>("artifacts", &rows.iter().collect::<Vec<_>>()).await
    }

    /// The newest artifacts of a session that rules derive; `None` before the first.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn artifacts(&self, session: &SessionRef) -> Result<Option<KeptArtifacts>, Error> {
        let query = self.question_of(include_str!("../queries/list_artifacts.sql"), session);
        let query = query.param("apart", prompt_analysis::KIND);
        let rows: Vec<FoundArtifact> = event_log::all(query).await?;
        let Some(newest) = rows.first() else { return Ok(None) };
        let (version, derivation_v, last_seq) = (newest.version, newest.derivation_v, newest.last_seq);
        let ended_at = Timestamp::from_millis(newest.ended_at);
        let of_it = rows.into_iter().filter(|row| row.version == version);
        let data = of_it.map(|row| (row.kind, row.data)).collect();
        Ok(Some(KeptArtifacts { derivation_v, last_seq, ended_at, data }))
    }

    /// The newest artifact of one kind of a session, alone in its data; `None` when there is none.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn artifact(&self, session: &SessionRef, kind: &str) -> Result<Option<KeptArtifacts>, Error> {
        let query = self.question_of(include_str!("../queries/find_artifact.sql"), session).param("kind", kind);
        let found: Option<FoundArtifact> = event_log::optional(query).await?;
        Ok(found.map(|row| KeptArtifacts {
            derivation_v: row.derivation_v,
            last_seq: row.last_seq,
            ended_at: Timestamp::from_millis(row.ended_at),
            data: vec![(row.kind, row.data)],
        }))
    }
}
