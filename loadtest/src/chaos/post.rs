//! One call of ingest, and what it says about each of its events.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use super::fleet::Fleet;
use super::history::{Log, Outcome, Try};
use crate::api::{Reply, Who};

/// An event that is being sent.
#[derive(Debug, Clone)]
pub(crate) struct Flight {
    /// Its place in the history.
    pub(crate) event: u32,
    /// Its id.
    pub(crate) id: Uuid,
    /// Its text.
    pub(crate) text: Arc<str>,
}

/// Who posts.
#[derive(Debug, Clone)]
pub(crate) struct Poster {
    /// What all share.
    pub(crate) fleet: Arc<Fleet>,
    /// The session.
    pub(crate) log: Arc<Log>,
    /// The place of its organisation.
    pub(crate) org: usize,
    /// What it sends along.
    pub(crate) credential: Arc<str>,
}

impl Poster {
    /// Posts one event to a node.
    pub(crate) async fn one(&self, node: usize, flight: &Flight, is_altered: bool) -> Outcome {
        let start_us = self.log.now_us();
        let reply = self.call(node, "/v1/hooks/ingest", flight.text.to_string()).await;
        let outcome = match &reply {
            Ok(reply) => {
                let answer = reply.json();
                if reply.status == 201 && !names(&answer, flight.id) {
                    self.log.fault(format!("the answer to {} names another event: {}", flight.id, reply.brief()));
                }
                self.judge(reply.status, &answer, &reply.brief())
            }
            Err(_) => Outcome::Unknown,
        };
        self.note(self.fleet.lane(), start_us, std::iter::once((flight, outcome)), is_altered);
        outcome
    }

    /// Posts a batch to a node.
    pub(crate) async fn batch(&self, node: usize, flights: &[Flight]) -> Vec<Outcome> {
        let texts: Vec<&str> = flights.iter().map(|flight| &*flight.text).collect();
        let body = format!(r#"{{"events":[{}]}}"#, texts.join(","));
        let start_us = self.log.now_us();
        let reply = self.call(node, "/v1/hooks/ingest/batch", body).await;
        let outcomes = match &reply {
            Ok(reply) if reply.status == 207 => self.members(flights, reply),
            Ok(reply) => vec![self.judge(reply.status, &reply.json(), &reply.brief()); flights.len()],
            Err(_) => vec![Outcome::Unknown; flights.len()],
        };
        self.note(self.fleet.lane(), start_us, flights.iter().zip(outcomes.iter().copied()), false);
        outcomes
    }

    fn members(&self, flights: &[Flight], reply: &Reply) -> Vec<Outcome> {
        let answer = reply.json();
        let results = answer.get("results").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if results.len() != flights.len() {
            self.log.fault(format!("a batch of {} is answered {}", flights.len(), reply.brief()));
            return vec![Outcome::Unknown; flights.len()];
        }
        let status = |result: &Value| result.get("status").and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok());
        let n_taken = results.iter().filter(|result| matches!(status(result), Some(200 | 201))).count();
        if answer.get("accepted").and_then(Value::as_u64) != u64::try_from(n_taken).ok() {
            self.log.fault(format!("`accepted` is not {n_taken}: {}", reply.brief()));
        }
        let judged = flights.iter().zip(results).map(|(flight, result)| {
            if !names(result, flight.id) {
                self.log.fault(format!("the batch member {} is answered with another id: {result}", flight.id));
            }
            self.judge(status(result).unwrap_or_default(), result, &result.to_string())
        });
        judged.collect()
    }

    async fn call(&self, node: usize, path: &str, body: String) -> Result<Reply, String> {
        let api = self.fleet.org(self.org)?.api(node);
        api.once(Method::POST, path, Who::Candidate(&self.credential), Some(body)).await
    }

    /// What a status says about an event.
    pub(crate) fn judge(&self, status: u16, answer: &Value, brief: &str) -> Outcome {
        match status {
            201 => Outcome::Stored { seq: answer.get("seq").and_then(Value::as_u64) },
            200 if answer.get("reason").is_none_or(Value::is_null) => Outcome::Duplicate,
            429 => Outcome::Limited,
            408 | 503 => Outcome::Unknown,
            500.. | ..200 => {
                self.log.fault(format!("an event is answered {brief}"));
                Outcome::Unknown
            }
            _ => Outcome::Refused { status },
        }
    }

    /// Writes down what one call told.
    pub(crate) fn note<'a>(
        &self,
        lane: u32,
        start_us: u64,
        outcomes: impl Iterator<Item = (&'a Flight, Outcome)>,
        is_altered: bool,
    ) {
        let end_us = self.log.now_us();
        for (flight, outcome) in outcomes {
            if matches!(outcome, Outcome::Stored { .. }) {
                self.fleet.n_stored.fetch_add(1, Ordering::Relaxed);
            }
            self.log.tried(Try { event: flight.event, lane, start_us, end_us, is_altered, outcome });
        }
    }
}

fn names(answer: &Value, id: Uuid) -> bool {
    answer.get("id").and_then(Value::as_str).and_then(|text| text.parse().ok()) == Some(id)
}
