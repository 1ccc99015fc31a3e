//! Reads of a session's history: what ClickHouse may not hold yet first, then ClickHouse, merged by event id. In the
//! other order an event could move from one to the other between the two reads and be missed.

use std::collections::HashSet;

use clickhouse_schema::{EventLog, Position, TimelinePage};
use domain::{SessionRef, StoredEvent, Timestamp};
use redis_scripts::{Redis, tail::From};
use uuid::Uuid;

/// Which part of a timeline is asked for.
#[derive(Debug, Clone, Default)]
pub struct TimelineQuery {
    /// After this event, in the order of the timeline.
    pub after: Option<Uuid>,
    /// These kinds only; empty for all.
    pub kinds: Vec<String>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Not after.
    pub to: Option<Timestamp>,
    /// How many at most.
    pub limit: usize,
}

/// What was read by seq.
#[derive(Debug)]
pub struct Read {
    /// The events, without a gap.
    pub events: Vec<StoredEvent>,
    /// Whether the session had more when this was read.
    pub has_more: bool,
}

/// Why history could not be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The event to read after is not in the session.
    #[error("no such event in the session")]
    UnknownEvent,
    /// Redis gave no usable answer.
    #[error(transparent)]
    Redis(#[from] redis_scripts::Error),
    /// ClickHouse gave no usable answer.
    #[error(transparent)]
    Log(#[from] clickhouse_schema::Error),
    /// Neither store holds a part of what was acknowledged.
    #[error("a part of the log cannot be found")]
    Gap,
}

/// Reads history; cheap to clone.
#[derive(Clone)]
pub struct History {
    redis: Redis,
    log: EventLog,
}

impl History {
    /// Reads from these stores.
    #[must_use]
    pub fn new(redis: Redis, log: EventLog) -> Self {
        Self { redis, log }
    }

    /// A page of a timeline by time, then by order of arrival, and whether there is more.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn timeline(
        &self,
        session: &SessionRef,
        query: &TimelineQuery,
    ) -> Result<(Vec<StoredEvent>, bool), HistoryError> {
        let unflushed = self.redis.read_unflushed(session).await?;
        let after = match query.after {
            None => None,
            Some(id) => Some(self.position_of(session, &unflushed, id).await?),
        };
        let page =
            TimelinePage { after, kinds: query.kinds.clone(), from: query.from, to: query.to, limit: query.limit + 1 };
        let mut events = self.log.timeline(session, &page).await?;
        // Both may hold an event; without the second, the log's own order is the page.
        let known: HashSet<Uuid> = events.iter().map(|stored| stored.event.id).collect();
        let n_flushed = events.len();
        let is_new = |stored: &StoredEvent| is_on(&page, stored) && !known.contains(&stored.event.id);
        events.extend(unflushed.into_iter().filter(is_new));
        if events.len() > n_flushed {
            events.sort_by_key(|stored| (stored.event.ts, stored.seq));
        }
        let has_more = events.len() > query.limit;
        events.truncate(query.limit);
        Ok((events, has_more))
    }

    /// All events of one kind, in the order of the timeline.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn all_of_kind(&self, session: &SessionRef, kind: &str) -> Result<Vec<StoredEvent>, HistoryError> {
        let mut query = TimelineQuery { kinds: vec![kind.to_owned()], limit: 2_000, ..TimelineQuery::default() };
        let mut all = Vec::new();
        loop {
            let (mut page, has_more) = self.timeline(session, &query).await?;
            query.after = page.last().map(|stored| stored.event.id);
            all.append(&mut page);
            if !has_more {
                return Ok(all);
            }
        }
    }

    /// Shows each event of a session, in the order of the timeline, and says how many there are.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn each(&self, session: &SessionRef, mut see: impl FnMut(&StoredEvent)) -> Result<u64, HistoryError> {
        let mut n_events = 0;
        let mut query = TimelineQuery { limit: 2_000, ..TimelineQuery::default() };
        loop {
            let (page, has_more) = self.timeline(session, &query).await?;
            page.iter().for_each(&mut see);
            n_events += u64::try_from(page.len()).unwrap_or_default();
            query.after = page.last().map(|stored| stored.event.id);
            if !has_more {
                return Ok(n_events);
            }
        }
    }

    /// What `keep` makes of each event of a session, in the order of arrival.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn collect<T>(
        &self,
        session: &SessionRef,
        keep: impl Fn(StoredEvent) -> Option<T>,
    ) -> Result<Vec<T>, HistoryError> {
        let (mut kept, mut last) = (Vec::new(), 0);
        loop {
            let Read { events, has_more } = self.read_after(session, last, 2_000).await?;
            last = events.last().map_or(last, |newest| newest.seq);
            kept.extend(events.into_iter().filter_map(&keep));
            if !has_more {
                return Ok(kept);
            }
        }
    }

    /// Events by seq after `after`, at most `limit`, without a gap; none when there are none yet.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn read_after(&self, session: &SessionRef, after: u64, limit: usize) -> Result<Read, HistoryError> {
        let tail = self.redis.read_tail(session, From::Seq(after)).await?;
        if after >= tail.newest {
            return Ok(Read { events: Vec::new(), has_more: false });
        }
        let reaches_back = tail.events.first().is_some_and(|first| first.seq == after + 1);
        let mut events = if reaches_back { tail.events } else { self.log.read_after(session, after, limit).await? };
        events.truncate(limit);
        let contiguous = (after + 1..).zip(&events).take_while(|(seq, stored)| *seq == stored.seq).count();
        events.truncate(contiguous);
        let last = events.last().ok_or(HistoryError::Gap)?.seq;
        Ok(Read { events, has_more: last < tail.newest })
    }

    /// The seq of a session's newest event.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn newest(&self, session: &SessionRef) -> Result<u64, HistoryError> {
        Ok(self.redis.positions(session).await?.0)
    }

    async fn position_of(
        &self,
        session: &SessionRef,
        unflushed: &[StoredEvent],
        id: Uuid,
    ) -> Result<Position, HistoryError> {
        if let Some(stored) = unflushed.iter().find(|stored| stored.event.id == id) {
            return Ok(Position { ts: stored.event.ts, seq: stored.seq });
        }
        self.log.position_of(session, id).await?.ok_or(HistoryError::UnknownEvent)
    }
}

fn is_on(page: &TimelinePage, stored: &StoredEvent) -> bool {
    let event = &stored.event;
    page.after.is_none_or(|after| (event.ts, stored.seq) > (after.ts, after.seq))
        && (page.kinds.is_empty() || page.kinds.iter().any(|kind| kind == event.kind.as_str()))
        && page.from.is_none_or(|from| event.ts >= from)
        && page.to.is_none_or(|to| event.ts <= to)
}
