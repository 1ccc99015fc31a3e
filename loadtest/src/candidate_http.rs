//! A candidate that posts its events, one by one or in batches, each until the server has told its fate.

use std::collections::VecDeque;

use reqwest::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use crate::api::{Api, Reply, Who};
use crate::generate::Plan;
use crate::history::{History, Outcome, Recorder};
use crate::setup::{Pace, Seat};

/// Most events in one batch.
const BATCH: usize = 40;

/// Sends all events of the plan.
pub(crate) async fn run(
    api: &Api,
    seat: &Seat,
    order: &[usize],
    pace: Pace,
    in_batches: bool,
    recorder: Recorder,
) -> History {
    let candidate = Candidate { api, seat, patience: api.patience(), recorder };
    candidate.run(order, pace, in_batches).await
}

struct Candidate<'a> {
    api: &'a Api,
    seat: &'a Seat,
    patience: crate::patience::Patience,
    recorder: Recorder,
}

/// Nothing got through for too long.
struct GaveUp;

impl Candidate<'_> {
    async fn run(mut self, order: &[usize], pace: Pace, in_batches: bool) -> History {
        let mut n_sent = 0;
        let mut rest = order;
        while !rest.is_empty() {
            let size = if in_batches { rand::random_range(1..=BATCH).min(rest.len()) } else { 1 };
            let (now, later) = rest.split_at_checked(size).unwrap_or((rest, &[]));
            n_sent += now.len();
            sleep_until(pace.due(n_sent)).await;
            let sent = if in_batches { self.batch(now).await } else { self.single(now).await };
            if sent.is_err() {
                self.recorder.fault("gave up: no answer for too long".to_owned());
                break;
            }
            rest = later;
        }
        self.recorder.done()
    }

    fn event(&self, index: usize) -> Option<(Uuid, String)> {
        let sent = self.recorder.history.events.get(index)?;
        Some((sent.event.id, sent.text.to_string()))
    }

    async fn single(&mut self, indices: &[usize]) -> Result<(), GaveUp> {
        for (id, text) in indices.iter().filter_map(|index| self.event(*index)).collect::<Vec<_>>() {
            loop {
                let started = Instant::now();
                let reply = self.post("/v1/hooks/ingest", text.clone()).await;
                let Some(reply) = self.stands(reply).await? else { continue };
                let outcome = outcome(reply.status, &reply.json(), &reply.brief());
                if reply.status == 201 && reply.json().get("id").and_then(Value::as_str) != Some(&id.to_string()) {
                    self.recorder.fault(format!("the answer to {id} names another event: {}", reply.brief()));
                }
                self.recorder.answered(id, outcome, started.elapsed());
                break;
            }
        }
        Ok(())
    }

    async fn batch(&mut self, indices: &[usize]) -> Result<(), GaveUp> {
        let mut waiting: VecDeque<(Uuid, String)> = indices.iter().filter_map(|index| self.event(*index)).collect();
        while !waiting.is_empty() {
            let texts: Vec<&str> = waiting.iter().map(|(_, text)| text.as_str()).collect();
            let body = format!(r#"{{"events":[{}]}}"#, texts.join(","));
            let started = Instant::now();
            let reply = self.post("/v1/hooks/ingest/batch", body).await;
            let Some(reply) = self.stands(reply).await? else { continue };
            let answer = reply.json();
            let results = answer.get("results").and_then(Value::as_array).cloned().unwrap_or_default();
            if reply.status != 207 || results.len() != waiting.len() {
                self.recorder.fault(format!("a batch of {} is answered {}", waiting.len(), reply.brief()));
                return Err(GaveUp);
            }
            let mut again = VecDeque::new();
            let mut n_taken: u64 = 0;
            for ((id, text), result) in waiting.drain(..).zip(&results) {
                let status = result.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
                let status = status.unwrap_or_default();
                n_taken += u64::from(matches!(status, 200 | 201));
                if result.get("id").and_then(Value::as_str) != Some(&id.to_string()) {
                    self.recorder.fault(format!("the batch member {id} is answered with another id: {result}"));
                }
                if status == 429 || status >= 500 {
                    again.push_back((id, text));
                } else {
                    self.recorder.answered(id, outcome(status, result, &result.to_string()), started.elapsed());
                }
            }
            if answer.get("accepted").and_then(Value::as_u64) != Some(n_taken) {
                self.recorder.fault(format!("`accepted` is not {n_taken}: {}", reply.brief()));
            }
            if !again.is_empty() {
                self.recorder.history.reordered = true;
                self.wait(&reply).await?;
            }
            waiting = again;
        }
        Ok(())
    }

    async fn post(&self, path: &str, body: String) -> Result<Reply, String> {
        self.api.once(Method::POST, path, Who::Candidate(&self.seat.credential), Some(body)).await
    }

    /// The reply, if it is one to go by; otherwise waits for a better moment.
    async fn stands(&mut self, reply: Result<Reply, String>) -> Result<Option<Reply>, GaveUp> {
        match reply {
            Ok(reply) if reply.may_pass() => {
                if !matches!(reply.status, 429 | 503) {
                    self.recorder.fault(format!("{} answers {}", self.seat.session, reply.brief()));
                }
                self.recorder.say(&reply.brief());
                self.wait(&reply).await?;
                Ok(None)
            }
            Ok(reply) => {
                self.patience.got_through();
                Ok(Some(reply))
            }
            Err(reason) => {
                self.recorder.say(&reason);
                self.recorder.history.retries += 1;
                sleep(self.patience.failed(None).ok_or(GaveUp)?).await;
                Ok(None)
            }
        }
    }

    async fn wait(&mut self, reply: &Reply) -> Result<(), GaveUp> {
        self.recorder.history.retries += 1;
        sleep(self.patience.failed(reply.retry_after).ok_or(GaveUp)?).await;
        Ok(())
    }
}

fn outcome(status: u16, answer: &Value, brief: &str) -> Outcome {
    let refused = || Outcome::Refused { status, error: brief.to_owned() };
    match status {
        201 => Outcome::Stored { seq: answer.get("seq").and_then(Value::as_u64) },
        // Skipped because the session was over: it is not there.
        200 if answer.get("reason").is_some_and(|reason| !reason.is_null()) => refused(),
        200 => Outcome::Duplicate,
        _ => refused(),
    }
}

impl Plan {
    /// Takes the events out; the order stays.
    pub(crate) fn split(self) -> (Vec<crate::history::Sent>, Vec<usize>) {
        (self.events, self.order)
    }
}
