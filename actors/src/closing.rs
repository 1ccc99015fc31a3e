//! What follows when a session's record changed: its key is finished when it ended, and its organisation's index is
//! brought up to date. Done at once by whoever changed it, and again by the log writer, so that a crash in between is
//! repaired; every step may be repeated.

use domain::{Session, SessionRef};
use redis_scripts::{Error, KeyEnd, Redis};

/// Why the followers of a record could not be brought up to date.
pub type SettleError = Error;

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
