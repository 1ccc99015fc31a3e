//! Prepares a run over REST: an assessment, keys, consents, sessions.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::{Api, Who};

/// Most keys that one call makes.
const KEYS_PER_CALL: usize = 50;

/// One candidate's place.
#[derive(Debug)]
pub(crate) struct Seat {
    /// Its session.
    pub(crate) session: String,
    /// Its candidate key.
    pub(crate) key: String,
    /// What it sends along: the key, or the session's token.
    pub(crate) credential: String,
}

/// When to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The beginning.
    pub(crate) start: Instant,
    /// The time between two events.
    pub(crate) per_event: Duration,
}

impl Pace {
    /// When the event with that number is due.
    pub(crate) fn due(&self, n: usize) -> Instant {
        self.start + self.per_event.saturating_mul(u32::try_from(n).unwrap_or(u32::MAX))
    }
}

/// Makes an assessment and `n` running sessions of it.
pub(crate) async fn prepare(api: &Api, n: usize, say: impl Fn(String)) -> Result<(String, Vec<Seat>), String> {
    let assessment = create_assessment(api).await?;
    let keys = create_all_keys(api, &assessment, n).await?;
    let mut seats = Vec::with_capacity(n);
    for (index, key) in keys.into_iter().enumerate() {
        say(format!("candidate {} of {n} begins", index + 1));
        seats.push(begin(api, key, index.is_multiple_of(3)).await?);
    }
    Ok((assessment, seats))
}

/// Makes an assessment without a time limit.
pub(crate) async fn create_assessment(api: &Api) -> Result<String, String> {
    let body = json!({ "title": "Load test", "role": "Engineer", "taskBrief": "Generated events; nothing to see." });
    let reply = api.insist(Method::POST, "/v1/assessments", Who::Reviewer, Some(&body), 201).await?;
    text_at(&reply.json(), "/assessment/id").ok_or_else(|| format!("an assessment without id: {}", reply.brief()))
}

/// Makes `n` candidate keys, in as many calls as it takes.
pub(crate) async fn create_all_keys(api: &Api, assessment: &str, n: usize) -> Result<Vec<String>, String> {
    let mut keys = Vec::new();
    while keys.len() < n {
        keys.extend(create_keys(api, assessment, (n - keys.len()).min(KEYS_PER_CALL)).await?);
    }
    Ok(keys)
}

async fn create_keys(api: &Api, assessment: &str, count: usize) -> Result<Vec<String>, String> {
    let path = format!("/v1/assessments/{assessment}/keys");
    let reply = api.insist(Method::POST, &path, Who::Reviewer, Some(&json!({ "count": count })), 201).await?;
    let answer = reply.json();
    let keys: Vec<String> = answer
        .get("keys")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|key| text_at(key, "/key"))
        .collect();
    if keys.len() == count { Ok(keys) } else { Err(format!("{} keys in place of {count}", keys.len())) }
}

/// Consents and redeems.
pub(crate) async fn begin(api: &Api, key: String, with_key: bool) -> Result<Seat, String> {
    let body = json!({ "key": key });
    api.insist(Method::POST, "/v1/candidate/consent", Who::Public, Some(&body), 200).await?;
    let reply = api.insist(Method::POST, "/v1/candidate/redeem", Who::Public, Some(&body), 200).await?;
    let answer = reply.json();
    match (text_at(&answer, "/sessionId"), text_at(&answer, "/sessionToken")) {
        (Some(session), Some(token)) => {
            Ok(Seat { session, credential: if with_key { key.clone() } else { token }, key })
        }
        _ => Err(format!("redeem answers {}", reply.brief())),
    }
}

fn text_at(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}
