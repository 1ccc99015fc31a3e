//! One organisation: what was erased first, then its entities by kind, each session with its events.

use std::collections::BTreeMap;

use clickhouse_schema::{EntityRow, EventLog, LoggedSession};
use domain::{OrgId, SessionId, SessionRef};
use futures_util::{StreamExt, TryStreamExt, stream};
use redis_scripts::{EntityChange, Fields, NewSession, Redis, Restored};

use super::progress::Progress;
use crate::uploads::Uploads;

/// Entities of one page: a single one may have a megabyte of metadata.
const ENTITIES_AT_ONCE: usize = 200;
/// Sessions of one page.
const SESSIONS_AT_ONCE: usize = 500;
/// Entities that are written at the same time.
const ENTITIES_IN_FLIGHT: usize = 16;
/// Sessions that are summed up at the same time.
const SESSIONS_IN_FLIGHT: usize = 4;

const TOMBSTONE: &str = "tombstone";

/// Puts back what belongs to an organisation.
pub(super) struct Restorer<'a> {
    pub(super) redis: &'a Redis,
    pub(super) log: &'a EventLog,
    pub(super) uploads: &'a Uploads,
    pub(super) progress: &'a Progress,
}

/// Sessions of which something is left although they were erased, with their records where they are left.
type Leftovers = BTreeMap<SessionRef, Fields>;

impl Restorer<'_> {
    pub(super) async fn org(&self, org: OrgId) -> anyhow::Result<()> {
        self.tombstones(org).await?;
        let mut leftovers = Leftovers::new();
        self.entities(org, &mut leftovers).await?;
        self.sessions_without_record(org, &mut leftovers).await?;
        for (name, record) in &leftovers {
            self.finish_erasure(name, record).await?;
        }
        Ok(())
    }

    /// Before everything else, so that nothing of an erased session comes back even for a moment.
    async fn tombstones(&self, org: OrgId) -> anyhow::Result<()> {
        let mut last = String::new();
        loop {
            let mut page = self.log.list_entities(org, (TOMBSTONE, &last), ENTITIES_AT_ONCE).await?;
            page.retain(|row| row.kind == TOMBSTONE);
            let Some(newest) = page.last() else { return Ok(()) };
            last.clone_from(&newest.id);
            stream::iter(page.iter().map(anyhow::Ok))
                .try_for_each_concurrent(ENTITIES_IN_FLIGHT, |row| async move {
                    self.redis.restore_tombstone(&SessionRef::new(org, row.id.parse()?)).await?;
                    self.progress.entity_done();
                    Ok(())
                })
                .await?;
        }
    }

    /// By kind, in the order of the alphabet: assessments are there before the keys that ask for them, and keys before the
    /// sessions that finish them.
    async fn entities(&self, org: OrgId, leftovers: &mut Leftovers) -> anyhow::Result<()> {
        let mut last = (String::new(), String::new());
        loop {
            let page = self.log.list_entities(org, (&last.0, &last.1), ENTITIES_AT_ONCE).await?;
            let Some(newest) = page.last() else { return Ok(()) };
            last = (newest.kind.clone(), newest.id.clone());
            let rows = page.into_iter().filter(|row| row.kind != TOMBSTONE && !row.deleted);
            let changes: Vec<EntityChange> = rows.map(change_of).collect();
            for of_kind in changes.chunk_by(|one, other| one.kind == other.kind) {
                let is_session = of_kind.first().is_some_and(|change| change.kind == "session");
                let in_flight = if is_session { SESSIONS_IN_FLIGHT } else { ENTITIES_IN_FLIGHT };
                let restored = stream::iter(of_kind.iter().map(|change| Box::pin(self.entity(change))))
                    .buffer_unordered(in_flight)
                    .try_collect::<Vec<_>>()
                    .await?;
                for (name, record) in restored.into_iter().flatten() {
                    leftovers.entry(name).or_default().extend(record);
                }
            }
        }
    }

    /// Restores an entity, or answers the erased session of which it is left.
    async fn entity(&self, change: &EntityChange) -> anyhow::Result<Option<(SessionRef, Fields)>> {
        match self.redis.restore_entity(change).await? {
            Restored::Released => return Ok(None),
            Restored::Erased => {
                let name = SessionRef::new(change.org, change.id.parse()?);
                let record = if change.kind == "session" { change.fields.clone() } else { Fields::new() };
                return Ok(Some((name, record)));
            }
            Restored::Here { conflicts } => {
                for purpose in conflicts {
                    tracing::warn!(org.id = %change.org, kind = change.kind, id = change.id, ?purpose,
                        "a secret or an external id belongs to somebody else by now, and stays theirs");
                }
            }
        }
        if change.kind == "session" {
            self.session(&SessionRef::new(change.org, change.id.parse()?)).await?;
        }
        self.progress.entity_done();
        Ok(None)
    }

    /// Events whose session has no record: the loss came between the two. The record is made anew, with what events say.
    async fn sessions_without_record(&self, org: OrgId, leftovers: &mut Leftovers) -> anyhow::Result<()> {
        let mut last: Option<SessionId> = None;
        loop {
            let page = self.log.list_logged_sessions(org, last.as_ref(), SESSIONS_AT_ONCE).await?;
            let Some(newest) = page.last() else { return Ok(()) };
            last = Some(newest.session.clone());
            let names: Vec<SessionRef> =
                page.iter().map(|logged| SessionRef::new(org, logged.session.clone())).collect();
            let found = self.redis.sessions(&names).await?;
            let erased = self.redis.erased_among(&names).await?;
            for ((name, LoggedSession { created_at, .. }), found) in names.iter().zip(&page).zip(found) {
                if erased.contains(name) {
                    leftovers.entry(name.clone()).or_default();
                } else if found.is_none() {
                    tracing::warn!(org.id = %org, session.id = %name.session, "a session had no record");
                    self.redis.create_session(name, &NewSession::default(), *created_at).await?;
                    self.session(name).await?;
                }
            }
        }
    }

    /// The tombstone was written and the rest was not done: ClickHouse still holds rows of the session.
    async fn finish_erasure(&self, name: &SessionRef, record: &Fields) -> anyhow::Result<()> {
        self.log.erase_session(name).await?;
        self.uploads.erase(name).await?;
        self.redis.forget_erased_session(name, record).await?;
        self.progress.erasure_finished();
        Ok(())
    }
}

fn change_of(row: EntityRow) -> EntityChange {
    let fields = row.fields.into_iter().collect();
    EntityChange { org: row.org, kind: row.kind, id: row.id, version: row.version, fields }
}
