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
        // Before the first event there is: time begins at 0 and `seq` at 1.
        let after = page.after.unwrap_or(Position { ts: Timestamp::from_millis(0), seq: 0 });
        let query = self
            .question_of(include_str!("../queries/list_timeline.sql"), session)
            .param("after_ms", column(after.ts))
            .param("after_seq", after.seq)
            .param("from_ms", page.from.map_or(0, column))
            .param("to_ms", column(page.to.unwrap_or(Timestamp::from_millis(i64::MAX))))
            .param("kinds", &page.kinds)
            .param("limit", page.limit);
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
