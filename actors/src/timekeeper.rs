//! Does what is due: closes sessions whose time limit is over, and brings expired keys to their end. Every node has
//! one; what is due is claimed by one of them at a time, and everything done here bears being done twice.

use std::{sync::Arc, time::Duration};

use actix::{Actor, Context, ContextFutureSpawner, WrapFuture};
use bytes::Bytes;
use domain::{Event, Limits, Session, SessionRef, Timestamp};
use redis_scripts::{Close, Due, KeyEnd, NewSession, Redis};
use serde_json::json;
use tokio::sync::watch;
use uuid::Uuid;

use crate::{Sessions, clock, closing::settle_record};

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);

/// How long a claim holds: many times what the work takes.
const HOLD: Duration = Duration::from_secs(30);

/// The namespace of the ids of events that the server itself records: the same close is the same event each time.
const CLOSINGS: Uuid = Uuid::from_u128(0x3c5e_9c44_5d0f_5a0c_8f13_7d1a_90b2_44e6);

/// Why something due was not done. It is tried again when the claim is over.
#[derive(Debug, thiserror::Error)]
enum DueError {
    #[error(transparent)]
    Redis(#[from] redis_scripts::Error),
    #[error(transparent)]
    Record(#[from] crate::RecordError),
    #[error("the server's own event is not valid: {0}")]
    Event(#[from] domain::ParseError),
}

/// What is left to do with something due.
enum Done {
    /// Nothing.
    All,
    /// It is not due before then.
    Until(Timestamp),
}

/// See the module.
pub(crate) struct Timekeeper(Arc<Keeper>);

struct Keeper {
    redis: Redis,
    sessions: Sessions,
    close_grace_ms: i64,
    stop: watch::Receiver<bool>,
}

impl Timekeeper {
    /// `close_grace_ms`: how long after its deadline a session is closed.
    pub(crate) fn new(redis: Redis, sessions: Sessions, close_grace_ms: i64, stop: watch::Receiver<bool>) -> Self {
        Self(Arc::new(Keeper { redis, sessions, close_grace_ms, stop }))
    }
}

impl Actor for Timekeeper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let keeper = self.0.clone();
        async move { keeper.run().await }.into_actor(self).spawn(ctx);
    }
}

impl Keeper {
    async fn run(&self) {
        let mut stop = self.stop.clone();
        while !*stop.borrow() {
            match self.redis.claim_due(clock::now(), HOLD).await {
                Ok(due) => {
                    for due in due {
                        self.see_to(&due).await;
                    }
                }
                Err(error) => tracing::warn!(%error, "what is due could not be claimed"),
            }
            drop(tokio::time::timeout(EVERY, stop.changed()).await);
        }
    }

    async fn see_to(&self, due: &Due) {
        let done = match due {
            Due::Deadline(session) => self.deadline(session).await,
            Due::KeyExpiry { org, key } => self.expiry(*org, *key).await,
        };
        let noted = match done {
            Ok(Done::All) => self.redis.is_done(due).await,
            Ok(Done::Until(at)) => self.redis.schedule(due, at).await,
            Err(error) => return tracing::warn!(?due, %error, "not done yet; tried again when the claim is over"),
        };
        if let Err(error) = noted {
            tracing::warn!(?due, %error, "done, but not noted; it will be done again");
        }
    }

    /// Closes a session whose time limit and grace are over.
    async fn deadline(&self, name: &SessionRef) -> Result<Done, DueError> {
        let Some(session) = self.redis.session(name).await? else { return Ok(Done::All) };
        let (Some(deadline), None) = (session.record.deadline, session.record.ended_at) else { return Ok(Done::All) };
        let close_at = deadline.plus_millis(self.close_grace_ms);
        if clock::now() < close_at {
            return Ok(Done::Until(close_at));
        }
        // A session whose key was revoked does not count as completed.
        let revoked = match session.record.candidate_key {
            Some(key) => self.redis.candidate_key(name.org, key).await?.is_some_and(|key| key.revoked_at.is_some()),
            None => false,
        };
        let reason = if revoked { "expired" } else { "time_limit" };
        self.close(&session, deadline, reason).await?;
        Ok(Done::All)
    }

    /// Brings an expired key to its end, and a session that runs on it.
    async fn expiry(&self, org: domain::OrgId, id: Uuid) -> Result<Done, DueError> {
        let Some(key) = self.redis.candidate_key(org, id).await? else { return Ok(Done::All) };
        if key.completed_at.is_some() || key.expired_at.is_some() {
            return Ok(Done::All);
        }
        let now = clock::now();
        if now < key.expires_at {
            return Ok(Done::Until(key.expires_at));
        }
        if let Some(session) = key.session {
            let name = SessionRef::new(org, session);
            if let Some(session) = self.redis.session(&name).await?
                && session.record.ended_at.is_none()
            {
                self.close(&session, key.expires_at, "expired").await?;
            }
        }
        // For a key without a session; one with a session was finished with it.
        self.redis.finish_key(org, id, KeyEnd::Expired, now).await?;
        Ok(Done::All)
    }

    /// Closes a session, and records that it was the server that did.
    async fn close(&self, session: &Session, ended_at: Timestamp, reason: &'static str) -> Result<(), DueError> {
        let now = clock::now();
        let close = Close { ended_at, now, reason, overwrite: false };
        self.redis.close_session(&session.name, &close).await?;
        settle_record(&self.redis, &session.name).await?;
        let event = closing_event(&session.name, ended_at, reason, now)?;
        let new = NewSession { candidate_key: session.record.candidate_key, ..NewSession::default() };
        self.sessions.record(&session.name, Arc::new(new), vec![event]).await?;
        metrics::counter!("promptster_sessions_closed_total", "reason" => reason).increment(1);
        Ok(())
    }
}

/// The `session_end` of a session that the server closed.
fn closing_event(
    name: &SessionRef,
    ended_at: Timestamp,
    reason: &str,
    now: Timestamp,
) -> Result<Event, domain::ParseError> {
    let event = json!({
        "id": Uuid::new_v5(&CLOSINGS, name.to_string().as_bytes()),
        "sessionId": name.session,
        "ts": ended_at,
        "kind": "session_end",
        "source": { "channel": "worker", "integration": "promptster", "emitter": "promptster-server" },
        "actor": { "type": "system" },
        "v": 1,
        "data": { "reason": reason },
    });
    Event::parse(Bytes::from(event.to_string()), &Limits { now, strict_kinds: false })
}
