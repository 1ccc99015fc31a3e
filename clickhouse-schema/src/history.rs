//! Reading events back: exactly as they were received, through the same parser.

use bytes::Bytes;
use clickhouse::Row;
use domain::{Event, Limits, OrgId, SessionRef, StoredEvent, Timestamp};
use serde::Deserialize;
use uuid::Uuid;

use crate::time::column;
use crate::{Error, EventLog, event_log};

/// A place in a session's timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// By time,
    pub ts: Timestamp,
    /// then by order of arrival.
    pub seq: u64,
}

/// Which part of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelinePage {
    /// Only what comes after it.
    pub after: Option<Position>,
    /// Only these kinds; all when empty.
    pub kinds: Vec<String>,
    /// Only from this instant on.
    pub from: Option<Timestamp>,
    /// Only until this instant, which is included.
    pub to: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

#[derive(Row, Deserialize)]
struct EventRow {
    raw: Bytes,
    seq: u64,
    received_at: i64,
    sig_verified: Option<bool>,
}

impl EventLog {
    /// The session's events after `after_seq`, in order of arrival.
    ///
    /// # Errors
    /// When the server does not answer, or a stored event cannot be read any more.
    pub async fn read_after(
        &self,
        session: &SessionRef,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, Error> {
        let query = self
            .question_of(include_str!("../queries/list_events_after.sql"), session)
            .param("after", after_seq)
            .param("limit", limit);
        rebuild(event_log::all(query).await?, session.org)
    }

    /// A page of the session's timeline, by time and then by order of arrival.
    ///
    /// # Errors
    /// When the server does not answer, or a stored event cannot be read any more.
    pub async fn timeline(&self, session: &SessionRef, page: &TimelinePage) -> Result<Vec<StoredEvent>, Error> {
        let sql = include_str!("../queries/list_timeline.sql").replace("{conditions}", &conditions(page));
        let mut query = self.question_of(&sql, session).param("limit", page.limit);
        if let Some(after) = page.after {
            query = query.param("after_ms", column(after.ts)).param("after_seq", after.seq);
        }
        if let Some(from) = page.from {
            query = query.param("from_ms", column(from));
        }
        if let Some(to) = page.to {
            query = query.param("to_ms", column(to));
        }
        if !page.kinds.is_empty() {
            query = query.param("kinds", &page.kinds);
        }
        rebuild(event_log::all(query).await?, session.org)
    }

    /// Where in the session's timeline the event stands; `None` when the log does not hold it.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn position_of(&self, session: &SessionRef, event: Uuid) -> Result<Option<Position>, Error> {
        let query = self.question_of(include_str!("../queries/find_position.sql"), session).param("event", event);
        let found: Option<(i64, u64)> = event_log::optional(query).await?;
        Ok(found.map(|(ts, seq)| Position { ts: Timestamp::from_millis(ts), seq }))
    }
}

/// The conditions of a page, each only where it excludes something: ClickHouse takes longer to weigh one than to read.
fn conditions(page: &TimelinePage) -> String {
    let after = "AND (ts, seq) > (fromUnixTimestamp64Milli({after_ms:Int64}, 'UTC'), {after_seq:UInt64}) ";
    let from = "AND ts >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') ";
    let to = "AND ts <= fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC') ";
    let kinds = "AND has({kinds:Array(String)}, kind) ";
    let asked = [page.after.is_some(), page.from.is_some(), page.to.is_some(), !page.kinds.is_empty()];
    [after, from, to, kinds]
        .into_iter()
        .zip(asked)
        .filter_map(|(condition, is_asked)| is_asked.then_some(condition))
        .collect()
}

/// An event that was true once stays so: no rule that depends on the time or on a switch is asked again.
fn rebuild(rows: Vec<EventRow>, org: OrgId) -> Result<Vec<StoredEvent>, Error> {
    let limits = Limits { now: Timestamp::from_millis(i64::MAX), strict_kinds: false };
    let rebuild_one = |row: EventRow| {
        let mut event = Event::parse(row.raw, &limits)
            .map_err(|error| Error::Decode(format!("stored event {:?} at seq {}: {error}", error.id, row.seq)))?;
        event.sig_verified = row.sig_verified;
        Ok(StoredEvent { event, org, seq: row.seq, received_at: Timestamp::from_millis(row.received_at) })
    };
    rows.into_iter().map(rebuild_one).collect()
}
