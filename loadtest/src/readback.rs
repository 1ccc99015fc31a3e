//! Reads what the server holds, through the API.

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::api::{Api, Who};
use crate::row::Row;
use crate::setup::Seat;

/// The rows of one page of a timeline.
pub(crate) const PAGE: usize = 2000;
/// How long results may take after the end of a session.
const FINAL_WITHIN: Duration = Duration::from_secs(60);

/// What the server holds of one session.
#[derive(Debug)]
pub(crate) struct ReadBack {
    /// The timeline, in the order in which it was given.
    pub(crate) timeline: Vec<Row>,
    /// The signals while the session ran.
    pub(crate) signals: Value,
    /// The session while it ran, from the list.
    pub(crate) session: Value,
    /// The signals after `complete`.
    pub(crate) final_signals: Value,
    /// The answer of `GET …/sessions/:id` after `complete`.
    pub(crate) final_session: Value,
    /// The answer of the cohort's statistics for this session.
    pub(crate) cohort: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    events: Vec<Box<RawValue>>,
    has_more: bool,
}

/// The whole timeline, page by page.
pub(crate) async fn timeline(api: &Api, session: &str, page_size: usize) -> Result<Vec<Row>, String> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let after = rows.last().map(|row| format!("&after={}", row.id)).unwrap_or_default();
        let reply = api.get(&format!("/v1/sessions/{session}/timeline?limit={page_size}{after}")).await?;
        let page: Page = serde_json::from_slice(&reply.body).map_err(|error| format!("not a timeline: {error}"))?;
        let n_new = page.events.len();
        for event in page.events {
            rows.push(Row::parse(event.get())?);
        }
        if !page.has_more || n_new == 0 {
            return Ok(rows);
        }
    }
}

/// Reads all sessions while they run, completes them, and reads them again.
pub(crate) async fn read_all(
    api: &Api,
    assessment: &str,
    seats: &[Seat],
    say: impl Fn(String),
) -> Result<Vec<ReadBack>, String> {
    let n = seats.len();
    let listed = list(api, assessment).await?;
    let mut all = Vec::with_capacity(n);
    for (index, seat) in seats.iter().enumerate() {
        say(format!("reading session {} of {n}", index + 1));
        // Some are read in small pages, so that `after` has something to do.
        let page_size = if index % 10 == 3 { 67 } else { PAGE };
        let timeline = timeline(api, &seat.session, page_size).await?;
        let signals = api.get(&format!("/v1/sessions/{}/signals", seat.session)).await?.json();
        let session = listed.iter().find(|session| session.get("id").and_then(Value::as_str) == Some(&seat.session));
        let session = session.cloned().unwrap_or_default();
        let (final_signals, final_session, cohort) = (Value::Null, Value::Null, Value::Null);
        all.push(ReadBack { timeline, signals, session, final_signals, final_session, cohort });
    }
    for (index, seat) in seats.iter().enumerate() {
        say(format!("completing session {} of {n}", index + 1));
        let body = json!({ "sessionId": seat.session, "key": seat.key });
        api.insist(Method::POST, "/v1/candidate/complete", Who::Public, Some(&body), 200).await?;
    }
    await_cohort(api, assessment, n).await?;
    for (index, (seat, read)) in seats.iter().zip(&mut all).enumerate() {
        say(format!("reading session {} of {n} again", index + 1));
        read.final_signals = final_signals(api, &seat.session).await?;
        read.final_session = api.get(&format!("/v1/sessions/{}", seat.session)).await?.json();
        let path = match index % 2 {
            0 => format!("/v1/assessments/{assessment}/cohort-stats?sessionId={}", seat.session),
            _ => format!("/v1/sessions/{}/cohort-stats", seat.session),
        };
        read.cohort = api.get(&path).await?.json();
    }
    Ok(all)
}

async fn list(api: &Api, assessment: &str) -> Result<Vec<Value>, String> {
    let mut sessions = Vec::new();
    loop {
        let path = format!("/v1/sessions?assessmentId={assessment}&limit=100&offset={}", sessions.len());
        let mut answer = api.get(&path).await?.json();
        let page = answer.get_mut("sessions").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
        if page.is_empty() {
            return Ok(sessions);
        }
        sessions.extend(page);
        let total = answer.get("total").and_then(Value::as_u64).and_then(|total| usize::try_from(total).ok());
        if sessions.len() >= total.unwrap_or_default() {
            return Ok(sessions);
        }
    }
}

async fn final_signals(api: &Api, session: &str) -> Result<Value, String> {
    let deadline = Instant::now() + FINAL_WITHIN;
    loop {
        let signals = api.get(&format!("/v1/sessions/{session}/signals")).await?.json();
        if signals.get("final") == Some(&Value::Bool(true)) || Instant::now() > deadline {
            return Ok(signals);
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Waits until the cohort has all sessions; the check says it if it never does.
async fn await_cohort(api: &Api, assessment: &str, n: usize) -> Result<(), String> {
    let deadline = Instant::now() + FINAL_WITHIN;
    loop {
        let stats = api.get(&format!("/v1/assessments/{assessment}/cohort-stats")).await?.json();
        let count = stats.pointer("/cohortStats/sessionCount").and_then(Value::as_u64);
        if count.is_some_and(|count| usize::try_from(count).is_ok_and(|count| count >= n)) || Instant::now() > deadline
        {
            return Ok(());
        }
        sleep(Duration::from_secs(1)).await;
    }
}
