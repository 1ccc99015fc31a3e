//! What follows when a session's record changed: its key is finished when it ended, and its organisation's index is
//! brought up to date. Done at once by whoever changed it, and again by the log writer, so that a crash in between is
//! repaired; every step may be repeated.

use clickhouse_schema::{EventLog, ResultContext};
use domain::{Session, SessionRef};
use redis_scripts::{Error, KeyEnd, Outgoing, Redis, UnsettledSession};

use crate::clock;

/// Why the followers of a record could not be brought up to date.
pub type SettleError = Error;

/// Why results could not be brought up to date; may be repeated.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// Redis gave no usable answer.
    #[error(transparent)]
    Redis(#[from] redis_scripts::Error),
    /// ClickHouse gave no usable answer.
    #[error(transparent)]
    Log(#[from] clickhouse_schema::Error),
}

/// Finishes the key of an ended session and indexes the session. Answers the session, if there is one.
///
/// # Errors
/// [`SettleError`] when Redis gives no usable answer; may be repeated.
pub async fn settle_record(redis: &Redis, name: &SessionRef) -> Result<Option<Session>, SettleError> {
    let Some(session) = redis.session(name).await? else { return Ok(None) };
    if let (Some(key), Some(closed_at)) = (session.record.candidate_key, session.record.closed_at) {
        let expired = session.record.end_reason.as_deref() == Some("expired");
        let end = if expired { KeyEnd::Expired } else { KeyEnd::Completed };
        redis.finish_key(name.org, key, end, closed_at).await?;
    }
    redis.index_session(&session).await?;
    Ok(Some(session))
}

/// Derives the results of an ended session of which the log holds everything.
///
/// # Errors
/// [`ResultsError`] when a store gives no usable answer; may be repeated.
pub async fn settle_results(redis: &Redis, log: &EventLog, session: &Session) -> Result<(), ResultsError> {
    let name = &session.name;
    log.derive_results(name, &result_context(session)).await?;
    // Before it counts as settled, so that a crash in between does not keep it from anybody; to be told twice is told once.
    redis.post(&Outgoing::Completed(name.clone()), clock::now()).await?;
    if let Some(assessment) = session.record.assessment {
        let settled = UnsettledSession { assessment, session: name.session.clone() };
        redis.settle_session(name.org, &settled).await?;
    }
    redis.forget_seen_later(name).await?;
    if !redis.erased_among([name]).await?.is_empty() {
        // Erased since it was read: whichever of the two comes last takes the results away.
        log.erase_session(name).await?;
    }
    Ok(())
}

fn result_context(session: &Session) -> ResultContext {
    let record = &session.record;
    let now = clock::now();
    ResultContext {
        assessment: record.assessment,
        candidate_key: record.candidate_key,
        created_at: record.created_at,
        ended_at: record.ended_at,
        // Derived later means derived from more; a tie cannot matter, since one writer at a time derives a session.
        version: u64::try_from(now.millis()).unwrap_or(0),
        derived_at: now,
    }
}
