//! Session records: made once, closed once, patched; and read together with the sums of their events.

use domain::{LastTest, Session, SessionRecord, SessionRef, Timestamp, Totals};
use futures_util::future::try_join_all;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    Entity, Error, Fields, Redis,
    keys::{Partition, SessionKeys},
    scripts,
};

/// The fields under which values promoted from `session_start` events are stored begin with this.
pub(crate) const PROMOTED: &str = "m:";

/// How long the ids of an ended session are kept: a day, many times any grace and any client's patience.
pub(crate) const SEEN_KEPT_SECS: u64 = 24 * 60 * 60;

/// What a session is made of.
#[derive(Debug, Clone, Default)]
pub struct NewSession {
    /// The assessment it is started for.
    pub assessment: Option<Uuid>,
    /// The candidate key that starts it.
    pub candidate_key: Option<Uuid>,
    /// The candidate's name.
    pub candidate_name: Option<String>,
    /// The service that its events come from.
    pub source_service: Option<String>,
    /// What the client says about it.
    pub metadata: Map<String, Value>,
    /// When the server is to close it.
    pub deadline: Option<Timestamp>,
}

impl NewSession {
    /// The fields of its record.
    pub(crate) fn fields(&self, now: Timestamp) -> Vec<(&'static str, String)> {
        let mut fields = vec![("created", now.millis().to_string()), ("updated", now.millis().to_string())];
        let mut put = |field, value: Option<String>| fields.extend(value.map(|value| (field, value)));
        put("assessment", self.assessment.map(|id| id.to_string()));
        put("key", self.candidate_key.map(|id| id.to_string()));
        put("name", self.candidate_name.clone());
        put("source", self.source_service.clone());
        put("deadline", self.deadline.map(|at| at.millis().to_string()));
        put("meta", (!self.metadata.is_empty()).then(|| Value::Object(self.metadata.clone()).to_string()));
        fields
    }
}

/// How a session is to be closed.
#[derive(Debug, Clone)]
pub struct Close {
    /// When it ended.
    pub ended_at: Timestamp,
    /// The server's time.
    pub now: Timestamp,
    /// Why, see [`SessionRecord::end_reason`].
    pub reason: &'static str,
    /// Whether an end that stands may be overwritten (a reviewer's `PATCH endedAt`).
    pub overwrite: bool,
}

/// What closing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// There is no such session.
    Missing,
    /// It was closed before; that end stands.
    Before(Timestamp),
    /// It is closed now.
    Now(Timestamp),
}

/// What making a session did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It is there now.
    Now,
    /// One of that name was there before.
    Before,
    /// One of that name was erased; there will be none again.
    Deleted,
}

/// Names the session's record as an entity.
pub(crate) fn entity(session: &SessionRef) -> Entity<'static> {
    let keys = SessionKeys::of(session);
    Entity {
        org: session.org,
        kind: "session",
        id: session.session.to_string(),
        key: keys.record(),
        partition: keys.partition(),
    }
}

impl Redis {
    /// Makes a session, unless one of that name exists or was erased (nothing changes then).
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn create_session(&self, session: &SessionRef, new: &NewSession, now: Timestamp) -> Result<Made, Error> {
        let mut invocation = scripts::write_entity().prepare_invoke();
        entity(session).name_in(&mut invocation);
        let fields = new.fields(now);
        invocation.key(SessionKeys::of(session).tombstone()).arg("absent").arg(fields.len());
        for (field, value) in fields {
            invocation.arg(field).arg(value);
        }
        let mut connection = self.writer(Partition::of_session(session)).await?;
        let written: i64 = invocation.invoke_async(&mut connection).await?;
        Ok(match written {
            1 => Made::Now,
            0 => Made::Before,
            _ => Made::Deleted,
        })
    }

    /// Puts one value among those that are promoted into a session's metadata; a later one replaces it. `false` when
    /// there is no such session.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn promote(&self, session: &SessionRef, name: &str, value: &str, now: Timestamp) -> Result<bool, Error> {
        let field = format!("{PROMOTED}{name}");
        let set = [(field.as_str(), value.to_owned()), ("updated", now.millis().to_string())];
        self.write_entity(&entity(session), Some(true), &set, &[]).await
    }

    /// Closes a session, once; wakes those who watch it.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn close_session(&self, session: &SessionRef, close: &Close) -> Result<Closed, Error> {
        let mut invocation = scripts::close_session().prepare_invoke();
        entity(session).name_in(&mut invocation);
        invocation
            .arg(close.ended_at.millis())
            .arg(close.now.millis())
            .arg(close.reason)
            .arg(i32::from(close.overwrite))
            .arg(SessionKeys::of(session).partition().wake_channel());
        let mut connection = self.writer(Partition::of_session(session)).await?;
        let (outcome, ended_at): (i64, i64) = invocation.invoke_async(&mut connection).await?;
        let ended_at = Timestamp::from_millis(ended_at);
        match outcome {
            0 => Ok(Closed::Missing),
            1 => Ok(Closed::Before(ended_at)),
            2 => Ok(Closed::Now(ended_at)),
            other => Err(Error::corrupt(format!("close_session answered {other}"))),
        }
    }

    /// Lets go of the ids that were seen in a session that ended: once the grace for late events is over, none is taken
    /// any more, and within this time every client has given up.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn forget_seen_later(&self, session: &SessionRef) -> Result<(), Error> {
        let mut connection = self.connection(Partition::of_session(session)).await?;
        let seen = SessionKeys::of(session).seen();
        Ok(redis::cmd("EXPIRE").arg(seen).arg(SEEN_KEPT_SECS).query_async(&mut connection).await?)
    }

    /// Replaces the metadata if the record still has `version`; wakes those who watch. `false`: it changed meanwhile,
    /// read it again.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn set_metadata(
        &self,
        session: &SessionRef,
        version: u64,
        metadata: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let mut invocation = scripts::set_metadata().prepare_invoke();
        entity(session).name_in(&mut invocation);
        invocation
            .arg(version)
            .arg(Value::Object(metadata.clone()).to_string())
            .arg(now.millis())
            .arg(SessionKeys::of(session).partition().wake_channel());
        let mut connection = self.writer(Partition::of_session(session)).await?;
        let written: i64 = invocation.invoke_async(&mut connection).await?;
        Ok(written == 1)
    }

    /// A session with the sums of its events; `None` when there is none of that name.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn session(&self, session: &SessionRef) -> Result<Option<Session>, Error> {
        Ok(self.sessions(std::slice::from_ref(session)).await?.pop().flatten())
    }

    /// Many sessions, in order.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn sessions(&self, sessions: &[SessionRef]) -> Result<Vec<Option<Session>>, Error> {
        let connections = self.connections(sessions.iter().map(Partition::of_session)).await;
        // One call each, all at once on one connection to each server: they share the round trip, and each stays in its
        // own slot.
        try_join_all(sessions.iter().map(|session| {
            let connection = connections.to(Partition::of_session(session));
            async move {
                let mut connection = connection?;
                let keys = SessionKeys::of(session);
                let (record, sums, files): (Fields, Fields, u64) = redis::pipe()
                    .cmd("HGETALL")
                    .arg(keys.record())
                    .cmd("HGETALL")
                    .arg(keys.sums())
                    .cmd("SCARD")
                    .arg(keys.files())
                    .query_async(&mut connection)
                    .await?;
                if record.is_empty() {
                    return Ok(None);
                }
                Ok(Some(Session {
                    name: session.clone(),
                    record: record_of(&record)?,
                    totals: totals_of(&sums, files)?,
                    last_seq: number(&sums, "seq")?.unwrap_or(0),
                }))
            }
        }))
        .await
    }
}

fn number<T: std::str::FromStr>(fields: &Fields, field: &str) -> Result<Option<T>, Error> {
    let parse = |text: &String| text.parse().map_err(|_| Error::corrupt(format!("{field} is {text:?}")));
    fields.get(field).map(parse).transpose()
}

fn instant(fields: &Fields, field: &str) -> Result<Option<Timestamp>, Error> {
    Ok(number(fields, field)?.map(Timestamp::from_millis))
}

/// Reads a session's record from the fields of its hash.
pub(crate) fn record_of(fields: &Fields) -> Result<SessionRecord, Error> {
    let created_at = instant(fields, "created")?.ok_or_else(|| Error::corrupt("a session without creation time"))?;
    let mut metadata = match fields.get("meta").map(|text| serde_json::from_str(text)) {
        None => Map::new(),
        Some(Ok(metadata)) => metadata,
        Some(Err(_)) => return Err(Error::corrupt("metadata that is not an object")),
    };
    for (field, value) in fields {
        if let Some(name) = field.strip_prefix(PROMOTED) {
            metadata.entry(name).or_insert_with(|| Value::String(value.clone()));
        }
    }
    Ok(SessionRecord {
        assessment: number(fields, "assessment")?,
        candidate_key: number(fields, "key")?,
        candidate_name: fields.get("name").cloned(),
        source_service: fields.get("source").cloned(),
        created_at,
        updated_at: instant(fields, "updated")?.unwrap_or(created_at),
        ended_at: instant(fields, "ended")?,
        closed_at: instant(fields, "closed")?,
        end_reason: fields.get("reason").cloned(),
        deadline: instant(fields, "deadline")?,
        metadata,
        total_cost_usd: number(fields, "cost")?,
        version: number(fields, "v")?.unwrap_or(0),
    })
}

/// Reads a session's sums from the fields of its hash; `files` is the size of the set of files.
pub(crate) fn totals_of(fields: &Fields, files: u64) -> Result<Totals, Error> {
    let mut totals = Totals {
        first_ts: instant(fields, "first_ts")?,
        last_ts: instant(fields, "last_ts")?,
        first_start_ts: instant(fields, "first_start_ts")?,
        first_change_ts: instant(fields, "first_change_ts")?,
        unique_paths: files,
        ..Totals::default()
    };
    for name in domain::Counts::FIELDS {
        totals.counts.set(name, number(fields, name)?.unwrap_or(0));
    }
    if let Some(ts) = instant(fields, "test_ts")? {
        let order = number(fields, "test_seq")?.unwrap_or(0);
        let passed = fields.get("test_passed").is_some_and(|passed| passed == "1");
        totals.last_test = Some(LastTest { ts, order, passed });
    }
    Ok(totals)
}
