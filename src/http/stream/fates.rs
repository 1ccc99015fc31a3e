//! What a candidate's WebSocket is given, and what it is answered.

use std::{rc::Rc, time::Duration};

use bytes::Bytes;
use domain::frame::id_of;
use serde_json::{Value, json};

use crate::{
    App,
    http::{
        auth::Candidate,
        error::{ApiError, Refusal},
    },
    ingest::{self, Fate, Taken},
    load::Admitted,
};

/// What is done with a member of the queue.
pub(super) enum Pending {
    /// Its bytes count as load until its fate is known.
    Event(Bytes, Rc<Admitted>),
    /// It is answered without being recorded, in its place among the others.
    Answered(Taken),
}

impl Pending {
    /// A member that is refused.
    pub(super) fn refused(event: &Bytes, refusal: Refusal) -> Self {
        let fate = Fate::Refused(Box::new(refusal.into()));
        Self::Answered(Taken { id: id_of(event), fate })
    }

    /// Bytes that wait.
    pub(super) fn n_bytes(&self) -> usize {
        match self {
            Self::Event(event, _) => event.len(),
            Self::Answered(_) => 0,
        }
    }
}

/// Takes the events of a batch; the answered members keep their places.
pub(super) async fn take(app: &App, candidate: &Candidate, batch: Vec<Pending>) -> Vec<Taken> {
    let (mut raw, mut admitted) = (Vec::new(), Vec::new());
    let mut places: Vec<Option<Taken>> = Vec::with_capacity(batch.len());
    for pending in batch {
        match pending {
            Pending::Event(event, load) => {
                raw.push(event);
                admitted.push(load);
                places.push(None);
            }
            Pending::Answered(taken) => places.push(Some(taken)),
        }
    }
    let mut taken = ingest::take(app, candidate, raw).await.into_iter();
    drop(admitted);
    places.into_iter().filter_map(|place| place.or_else(|| taken.next())).collect()
}

/// Whether it is worth waiting.
pub(super) fn is_overload(error: &ApiError) -> bool {
    matches!(error.refusal(), Refusal::Unavailable | Refusal::Overloaded)
}

/// Tells a client to wait.
pub(super) fn slow(retry_after: Duration) -> String {
    json!({ "type": "slow", "retryAfterMs": retry_after.as_millis() }).to_string()
}

/// Tells a client what became of its events.
pub(super) fn ack(taken: &[Taken]) -> String {
    let results: Vec<Value> = taken
        .iter()
        .map(|Taken { id, fate }| {
            let mut result = json!({ "id": id, "status": fate.status() });
            let Some(fields) = result.as_object_mut() else { return result };
            match fate {
                Fate::Recorded(seq) => drop(fields.insert("seq".to_owned(), json!(seq))),
                Fate::SessionEnded => drop(fields.insert("reason".to_owned(), "session_ended".into())),
                Fate::Repeated => {}
                Fate::Refused(error) => {
                    error.report("");
                    if let Value::Object(body) = error.body("") {
                        fields.extend(body);
                    }
                }
            }
            result
        })
        .collect();
    json!({ "type": "ack", "results": results }).to_string()
}
