//! Keeping no session longer than its organisation wants: those that ended long enough ago are erased as if somebody had
//! asked for it. Every node looks; an erasure may be done by two of them.

use std::time::Duration;

use domain::{OrgId, SessionRef, Status, Timestamp};
use redis_scripts::SessionQuery;

use crate::{
    App, clock, erase,
    http::error::{ApiError, Refusal},
};

/// How often it is looked for sessions whose time is over.
const LOOK_EVERY: Duration = Duration::from_secs(10 * 60);

/// Organisations and sessions that are looked at in one go.
const AT_ONCE: usize = 500;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Looks, for ever: the first time soon after the start.
pub async fn keep(app: &App) {
    tokio::time::sleep(Duration::from_secs(5)).await;
    loop {
        if app.open.is()
            && let Err(error) = look(app).await
        {
            error.report("");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Erases what no organisation wants to keep any longer.
///
/// # Errors
/// 503 when a store gives no usable answer; what was erased before stays so.
async fn look(app: &App) -> Result<(), ApiError> {
    let mut last = None;
    loop {
        let orgs = app.log.list_orgs(last, AT_ONCE).await?;
        let Some(newest) = orgs.last() else { return Ok(()) };
        last = Some(*newest);
        for org in orgs {
            let days = app.redis.org(org).await?.and_then(|org| org.retention_days);
            if let Some(days) = days {
                erase_older(app, org, clock::now().plus_millis(-DAY_MS.saturating_mul(days.into()))).await?;
            }
        }
    }
}

/// Erases the sessions of an organisation that ended before an instant.
async fn erase_older(app: &App, org: OrgId, before: Timestamp) -> Result<(), ApiError> {
    // By start, the oldest last; erased ones leave the list, so that those that stay are passed over by their number.
    let mut kept = 0;
    loop {
        let limit = u64::try_from(AT_ONCE).unwrap_or(u64::MAX);
        let query = SessionQuery { status: Some(Status::Ended), offset: kept, limit, ..SessionQuery::default() };
        let (ids, _) = app.redis.list_sessions(org, &query).await?;
        if ids.is_empty() {
            return Ok(());
        }
        let names: Vec<SessionRef> = ids.into_iter().map(|id| SessionRef::new(org, id)).collect();
        for (name, session) in names.iter().zip(app.redis.sessions(&names).await?) {
            // From when the server knew of the end: the end itself may be said by the client, and lie anywhere.
            let closed_at = session.and_then(|session| session.record.closed_at);
            if closed_at.is_none_or(|closed| closed >= before) {
                kept += 1;
                continue;
            }
            match erase::session(app, name).await {
                Ok(()) => tracing::info!(org.id = %org, session.id = %name.session, "its time is over"),
                Err(error) if error.refusal() == Refusal::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
}
