//! Taking events: the one way behind both doors. HTTP and WebSocket differ in how bytes arrive and how fates are
//! written down; what happens in between is here.

use std::sync::Arc;

use actors::{CommitError, Receipt, RecordError};
use bytes::Bytes;
use domain::{Detail, Event, Limits, MAX_JSON_DEPTH, SessionId, SessionRef, exceeds_depth};
use redis_scripts::{Bound, NewSession, RedeemRefusal, Refusal as Refused};
use serde_json::json;
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    App, clock,
    http::{
        auth::Candidate,
        error::{ApiError, Refusal},
    },
    signed,
};

/// The most events in one batch, by HTTP and by WebSocket.
pub const MAX_BATCH: usize = 500;

/// What became of an event.
#[derive(Debug)]
pub enum Fate {
    /// It is recorded, with this seq: 201.
    Recorded(u64),
    /// It had been recorded before: 200.
    Repeated,
    /// Its session had ended too long ago; clients would repeat any refusal for an hour: 200.
    SessionEnded,
    /// It was refused, or nothing is known of it.
    Refused(Box<ApiError>),
}

/// An event and what became of it.
#[derive(Debug)]
pub struct Taken {
    /// Its id, where it could be read.
    pub id: Option<Uuid>,
    /// What became of it.
    pub fate: Fate,
}

impl Fate {
    fn refused(error: impl Into<ApiError>) -> Self {
        Self::Refused(Box::new(error.into()))
    }

    /// When to send it again, in seconds, where it is refused for the moment only.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Refused(error) => error.retry_after_s(),
            Self::Recorded(_) | Self::Repeated | Self::SessionEnded => None,
        }
    }

    /// What it is called in the metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Recorded(_) => "recorded",
            Self::Repeated => "repeated",
            Self::SessionEnded => "session_ended",
            Self::Refused(error) => error.refusal().code(),
        }
    }

    /// The status of this event alone.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Recorded(_) => 201,
            Self::Repeated | Self::SessionEnded => 200,
            Self::Refused(error) => error.refusal().status().as_u16(),
        }
    }
}

/// Takes events of one candidate, in order; answers in the same order, when every fate is known.
pub async fn take(app: &App, candidate: &Candidate, raw: Vec<Bytes>) -> Vec<Taken> {
    let limits = Limits { now: clock::now(), strict_kinds: app.settings.strict_kinds };
    let mut taken = Vec::with_capacity(raw.len());
    let (mut events, mut places) = (Vec::new(), Vec::new());
    let mut own = candidate.key.session.clone();
    for bytes in raw {
        if exceeds_depth(&bytes, MAX_JSON_DEPTH) {
            taken.push(Taken { id: None, fate: Fate::refused(Refusal::InvalidJson) });
            continue;
        }
        match Event::parse(bytes, &limits) {
            Err(error) => {
                let fate = Fate::refused(refusal_of(error.details));
                taken.push(Taken { id: error.id, fate });
            }
            Ok(event) => {
                // The first event of a key that was never redeemed names its session.
                let session = own.get_or_insert_with(|| event.session_id.clone());
                if *session != event.session_id {
                    taken.push(Taken { id: Some(event.id), fate: Fate::refused(Refusal::SessionMismatch) });
                    continue;
                }
                places.push(taken.len());
                taken.push(Taken { id: Some(event.id), fate: Fate::refused(Refusal::Internal) });
                events.push(event);
            }
        }
    }
    if let Some(session) = own.filter(|_| !events.is_empty()) {
        let span = tracing::debug_span!("record", events = events.len());
        let events = signed::check(app, candidate, events).await;
        let fates = record(app, candidate, session, events).instrument(span).await;
        for (place, fate) in places.into_iter().zip(fates) {
            if let Some(taken) = taken.get_mut(place) {
                taken.fate = fate;
            }
        }
    }
    count(&taken);
    taken
}

/// Counts events by what became of them: mostly the same of all.
fn count(taken: &[Taken]) {
    for same in taken.chunk_by(|one, next| one.fate.name() == next.fate.name()) {
        let Some(first) = same.first() else { continue };
        let n = u64::try_from(same.len()).unwrap_or_default();
        metrics::counter!("promptster_events_total", "outcome" => first.fate.name()).increment(n);
    }
}

/// Records events of the candidate's own session.
async fn record(app: &App, candidate: &Candidate, session: SessionId, events: Vec<Event>) -> Vec<Fate> {
    let n_events = events.len();
    let all = |error: ApiError| (0..n_events).map(|_| Fate::refused(error.clone())).collect();
    let new = match new_session(app, candidate, &session).await {
        Ok(new) => new,
        Err(error) => return all(error),
    };
    let name = SessionRef::new(candidate.org, session);
    match app.actors.sessions.record(&name, Arc::new(new), events).await {
        Ok(receipts) => receipts.into_iter().map(fate_of).collect(),
        Err(RecordError::Busy | RecordError::Commit(CommitError::Behind)) => all(Refusal::Overloaded.into()),
        Err(error @ RecordError::Commit(_)) => all(ApiError::unavailable(error)),
    }
}

/// What the session's record is made of, if it has none yet; redeems a key that was never redeemed.
async fn new_session(app: &App, candidate: &Candidate, session: &SessionId) -> Result<NewSession, ApiError> {
    if candidate.key.session.is_none() {
        // Boxed: once for each session, and it takes much room.
        Box::pin(bind(app, candidate, session)).await?;
    }
    Ok(NewSession {
        assessment: Some(candidate.key.assessment),
        candidate_key: Some(candidate.key.id),
        candidate_name: candidate.key.name.clone(),
        ..NewSession::default()
    })
}

/// Redeems a key that was never redeemed: `session` becomes its session.
///
/// # Errors
/// The refusals of redeeming; 403 when the session is another's.
pub async fn bind(app: &App, candidate: &Candidate, session: &SessionId) -> Result<(), ApiError> {
    let require_consent = app.settings.require_consent_for_ingest;
    match app.redis.bind_session(&candidate.key, session, require_consent, clock::now()).await? {
        Bound::Own(_) => Ok(()),
        Bound::Mismatch => Err(Refusal::SessionMismatch.into()),
        Bound::Deleted => Err(Refusal::SessionDeleted.into()),
        Bound::Refused(RedeemRefusal::ConsentRequired) => Err(Refusal::ConsentRequired.into()),
        // Expired, revoked, completed: the credential opens nothing, for whatever reason.
        Bound::Refused(_) => Err(Refusal::Unauthorized.into()),
    }
}

/// Closes the candidate's session by posting a `session_end`, as the command line does. May be repeated: the event is
/// the same each time.
///
/// # Errors
/// 503 when it is not known whether it is closed.
pub async fn end(app: &App, candidate: &Candidate, reason: Option<&str>) -> Result<(), ApiError> {
    let key = app.redis.candidate_key(candidate.org, candidate.key.id).await?;
    let Some(session) = key.and_then(|key| key.session) else { return Ok(()) };
    let event = json!({
        "id": Uuid::new_v5(&candidate.key.id, session.as_str().as_bytes()),
        "sessionId": session,
        "ts": clock::now(),
        "kind": "session_end",
        "source": { "channel": "cli", "integration": "unknown", "emitter": "promptster-server" },
        "actor": { "type": "system" },
        "v": 1,
        "data": { "reason": reason },
    });
    match take(app, candidate, vec![event.to_string().into()]).await.pop().map(|taken| taken.fate) {
        Some(Fate::Refused(error)) => Err(*error),
        Some(Fate::Recorded(_) | Fate::Repeated | Fate::SessionEnded) | None => Ok(()),
    }
}

fn fate_of(receipt: Receipt) -> Fate {
    match receipt {
        Receipt::Recorded(seq) => Fate::Recorded(seq),
        Receipt::Repeated => Fate::Repeated,
        Receipt::Refused(Refused::Ended) => Fate::SessionEnded,
        Receipt::Refused(Refused::Deleted) => Fate::refused(Refusal::SessionDeleted),
        Receipt::Refused(Refused::Mismatch) => Fate::refused(Refusal::SessionMismatch),
    }
}

/// A whole that is not JSON has a name of its own; fields that are wrong are named one by one.
fn refusal_of(details: Vec<Detail>) -> ApiError {
    if details.iter().any(|detail| detail.code == "invalid_json" && detail.path.is_empty()) {
        return Refusal::InvalidJson.into();
    }
    ApiError::invalid(details)
}
