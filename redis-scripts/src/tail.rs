//! The newest events of a session, read back from the stream: what ClickHouse may not hold yet, and what watchers get.

use bytes::Bytes;
use domain::{SessionRef, StoredEvent};

use crate::{
    Error, Redis, commit,
    keys::{Partition, SessionKeys},
    scripts,
};

/// The most stream entries that one call reads.
const MAX_ENTRIES: usize = 64;

/// From where a tail is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// From after this seq.
    Seq(u64),
    /// From after what ClickHouse is known to hold.
    Flushed,
}

/// The newest events of a session.
#[derive(Debug, Clone, Default)]
pub struct Tail {
    /// The newest seq of the session.
    pub newest: u64,
    /// ClickHouse holds everything up to here.
    pub flushed: u64,
    /// Events by seq, without a gap among them. They may stop before `newest` (read on from there), and may begin
    /// later than asked for, when the stream no longer reaches back that far.
    pub events: Vec<StoredEvent>,
}

impl Redis {
    /// Reads one piece of a session's tail.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn read_tail(&self, session: &SessionRef, from: From) -> Result<Tail, Error> {
        let keys = SessionKeys::of(session);
        let mut invocation = scripts::read_session_tail().prepare_invoke();
        invocation.key(keys.partition().stream()).key(keys.sums()).key(keys.tail());
        invocation.key(keys.partition().doubted());
        match from {
            From::Seq(seq) => invocation.arg(seq),
            From::Flushed => invocation.arg("flushed"),
        };
        invocation.arg(MAX_ENTRIES).arg(session.to_string());
        let mut connection = self.connection(keys.partition()).await?;
        let (newest, flushed, found): (u64, u64, Vec<Bytes>) = invocation.invoke_async(&mut connection).await?;
        let after = match from {
            From::Seq(seq) => seq,
            From::Flushed => flushed,
        };
        let mut events: Vec<StoredEvent> = Vec::new();
        let mut found = found.into_iter();
        while let (Some(name), Some(value)) = (found.next(), found.next()) {
            let logged = commit::decode(&String::from_utf8_lossy(&name), value)?;
            if events.last().is_some_and(|last| last.seq != logged.base) {
                // A hole: older entries were trimmed while newer ones of the same session stand. Only what follows
                // the hole is contiguous up to the end.
                events.clear();
            }
            events.extend(logged.events.into_iter().filter(|stored| stored.seq > after));
        }
        Ok(Tail { newest, flushed, events })
    }

    /// The newest seq of a session, and the seq up to which ClickHouse is known to hold all.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn positions(&self, session: &SessionRef) -> Result<(u64, u64), Error> {
        let mut connection = self.connection(Partition::of_session(session)).await?;
        let (newest, flushed): (Option<u64>, Option<u64>) = redis::cmd("HMGET")
            .arg(SessionKeys::of(session).sums())
            .arg("seq")
            .arg("flushed")
            .query_async(&mut connection)
            .await?;
        Ok((newest.unwrap_or(0), flushed.unwrap_or(0)))
    }

    /// All events of a session that ClickHouse may not hold yet, by seq.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn read_unflushed(&self, session: &SessionRef) -> Result<Vec<StoredEvent>, Error> {
        let mut tail = self.read_tail(session, From::Flushed).await?;
        let mut events: Vec<StoredEvent> = Vec::new();
        let mut last = tail.flushed;
        // What is recorded meanwhile need not be read here.
        let upto = tail.newest;
        while last < upto {
            match tail.events.first() {
                Some(first) if first.seq == last + 1 => {
                    last = tail.events.last().map_or(last, |stored| stored.seq);
                    events.append(&mut tail.events);
                }
                // Confirmed meanwhile: ClickHouse, which is read after this, has it.
                _ if tail.flushed > last => last = tail.flushed,
                // Nothing leaves the stream before it is confirmed: a hole here is a loss, which nothing may hide.
                _ => return Err(Error::corrupt(format!("session {session} lacks events after seq {last}"))),
            }
            if last < upto {
                tail = self.read_tail(session, From::Seq(last)).await?;
            }
        }
        Ok(events)
    }
}
