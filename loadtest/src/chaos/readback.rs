//! Reads everything back after the faults, through the public API alone and through all nodes.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::candidate::complete;
use super::fleet::{Fleet, Org};
use super::history::Log;
use super::row::CompactRow;
use super::script::digest;
use super::timeline;
use crate::api::Who;

/// How long results may take after the end of all sessions: everything in Redis has to be in ClickHouse by then.
const FINAL_WITHIN: Duration = Duration::from_secs(90);

/// Everything that was read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Read {
    /// The sessions, in the order of their histories.
    pub(crate) sessions: Vec<SessionRead>,
    /// For each organisation, what each node listed before the last sessions were completed.
    pub(crate) lists: Vec<Vec<Vec<Value>>>,
    /// What each organisation was told of sessions of others: path and answer.
    pub(crate) crossings: Vec<Crossing>,
    /// How long after the end of all sessions their results were complete.
    pub(crate) final_after: Duration,
}

/// What was read of one session.
#[derive(Debug, Clone, Default)]
pub(crate) struct SessionRead {
    /// The timeline, in the order in which it was given.
    pub(crate) rows: Vec<CompactRow>,
    /// The timeline when everything was in ClickHouse, if it was another.
    pub(crate) later_rows: Option<Vec<CompactRow>>,
    /// The signals as each node told them before the last sessions were completed.
    pub(crate) signals: Vec<Value>,
    /// The signals as each node told them at the end.
    pub(crate) final_signals: Vec<Value>,
    /// The session at the end, as each node told it.
    pub(crate) final_sessions: Vec<Value>,
    /// The statistics of its cohort.
    pub(crate) cohort: Value,
    /// The events of the signed log.
    pub(crate) signed: Vec<Signed>,
    /// What could not be read, or not be done, and why.
    pub(crate) failures: Vec<String>,
}

impl SessionRead {
    /// A session that is gone must not keep the others from being read: what was acknowledged in it is then missing.
    fn take<T: Default>(&mut self, result: Result<T, String>) -> T {
        result.unwrap_or_else(|error| {
            self.failures.push(error);
            T::default()
        })
    }
}

/// A row of the signed log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    /// The event.
    pub(crate) id: Uuid,
    /// The digest of its exact text.
    pub(crate) body: u64,
    /// Whether its signature holds.
    pub(crate) verified: Option<bool>,
}

/// A look at a session of another organisation.
#[derive(Debug, Clone)]
pub(crate) struct Crossing {
    /// The session.
    pub(crate) session: String,
    /// What was asked for.
    pub(crate) path: String,
    /// The answer's status.
    pub(crate) status: u16,
}

/// Reads all sessions, completes those that still run, and reads them again.
pub(crate) async fn read_all(
    fleet: &Fleet,
    logs: &[std::sync::Arc<Log>],
    keeps_text: bool,
    say: impl Fn(String),
) -> Result<Read, String> {
    let mut read = Read::default();
    for org in &fleet.orgs {
        let mut lists = Vec::new();
        for node in 0..fleet.n_nodes() {
            lists.push(list(org, node).await?);
        }
        read.lists.push(lists);
    }
    for (index, log) in logs.iter().enumerate() {
        say(format!("reading session {} of {}", index + 1, logs.len()));
        let (org, name) = place_of(fleet, log)?;
        let page = if index % 10 == 3 { 67 } else { timeline::PAGE };
        let mut back = SessionRead::default();
        back.rows = back.take(timeline::read(org, &name, index, page, keeps_text).await);
        back.signals = back.take(from_all(org, &format!("/v1/sessions/{name}/signals")).await);
        read.sessions.push(back);
    }
    for (index, (log, back)) in logs.iter().zip(&mut read.sessions).enumerate() {
        if !log.state().is_completed {
            back.take(complete(fleet, log, index).await);
        }
    }
    say("waiting for the results".to_owned());
    let ended = Instant::now();
    let deadline = ended + FINAL_WITHIN;
    for (place, org) in fleet.orgs.iter().enumerate() {
        let n = logs.iter().filter(|log| log.state().org == place).count();
        await_cohort(org, n, deadline).await?;
    }
    for (index, (log, read)) in logs.iter().zip(&mut read.sessions).enumerate() {
        let (org, name) = place_of(fleet, log)?;
        read.final_signals = read.take(final_signals(org, &name, deadline).await);
        if index + 1 == logs.len() {
            say(format!("the results were complete after {:.1} s", ended.elapsed().as_secs_f64()));
        }
    }
    read.final_after = ended.elapsed();
    for (index, (log, read)) in logs.iter().zip(&mut read.sessions).enumerate() {
        say(format!("reading session {} of {} again", index + 1, logs.len()));
        let (org, name) = place_of(fleet, log)?;
        let later = read.take(timeline::read(org, &name, index + 1, timeline::PAGE, keeps_text).await);
        read.later_rows = (later != read.rows).then_some(later);
        read.final_sessions = read.take(from_all(org, &format!("/v1/sessions/{name}")).await);
        let path = match index % 2 {
            0 => format!("/v1/assessments/{}/cohort-stats?sessionId={name}", org.assessment),
            _ => format!("/v1/sessions/{name}/cohort-stats"),
        };
        read.cohort = read.take(get(org, index, &path).await);
        read.signed = read.take(signed_log(org, index, &name).await);
    }
    read.crossings = cross(fleet, logs).await?;
    Ok(read)
}

fn place_of<'a>(fleet: &'a Fleet, log: &Log) -> Result<(&'a Org, String), String> {
    let state = log.state();
    Ok((fleet.org(state.org)?, state.recipe.session.clone()))
}

async fn get(org: &Org, node: usize, path: &str) -> Result<Value, String> {
    Ok(org.insist(node, Method::GET, path, Who::Reviewer, None, 200).await?.json())
}

/// The answers of all nodes.
async fn from_all(org: &Org, path: &str) -> Result<Vec<Value>, String> {
    let mut answers = Vec::with_capacity(org.apis.len());
    for node in 0..org.apis.len() {
        answers.push(org.ask(node, path).await?);
    }
    Ok(answers)
}

async fn list(org: &Org, node: usize) -> Result<Vec<Value>, String> {
    let mut sessions = Vec::new();
    loop {
        let path = format!("/v1/sessions?assessmentId={}&limit=100&offset={}", org.assessment, sessions.len());
        let mut answer = org.ask(node, &path).await?;
        let page = answer.get_mut("sessions").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
        let is_last = page.is_empty();
        sessions.extend(page);
        let total = answer.get("total").and_then(Value::as_u64).and_then(|total| usize::try_from(total).ok());
        if is_last || sessions.len() >= total.unwrap_or_default() {
            return Ok(sessions);
        }
    }
}

async fn await_cohort(org: &Org, n: usize, deadline: Instant) -> Result<(), String> {
    loop {
        let stats = get(org, 0, &format!("/v1/assessments/{}/cohort-stats", org.assessment)).await?;
        let count = stats.pointer("/cohortStats/sessionCount").and_then(Value::as_u64);
        // The check says it if it never comes.
        if count.and_then(|count| usize::try_from(count).ok()) >= Some(n) || Instant::now() > deadline {
            return Ok(());
        }
        sleep(Duration::from_millis(500)).await;
    }
}

async fn final_signals(org: &Org, session: &str, deadline: Instant) -> Result<Vec<Value>, String> {
    loop {
        let signals = from_all(org, &format!("/v1/sessions/{session}/signals")).await?;
        if signals.iter().all(|signals| signals.get("final") == Some(&Value::Bool(true))) || Instant::now() > deadline {
            return Ok(signals);
        }
        sleep(Duration::from_millis(500)).await;
    }
}

async fn signed_log(org: &Org, node: usize, session: &str) -> Result<Vec<Signed>, String> {
    #[derive(Deserialize)]
    struct SignedLog<'a> {
        #[serde(borrow)]
        events: Vec<Row<'a>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Row<'a> {
        id: Uuid,
        #[serde(borrow)]
        payload: &'a RawValue,
        sig_verified: Option<bool>,
    }
    let path = format!("/v1/sessions/{session}/signed-log");
    let reply = org.insist(node, Method::GET, &path, Who::Reviewer, None, 200).await?;
    let log: SignedLog<'_> = serde_json::from_slice(&reply.body)
        .map_err(|error| format!("not a signed log ({error}): {}", reply.brief()))?;
    let row = |row: &Row<'_>| Signed { id: row.id, body: digest(row.payload.get()), verified: row.sig_verified };
    Ok(log.events.iter().map(row).collect())
}

/// Looks at some sessions with the key of another organisation that has no session of that name.
async fn cross(fleet: &Fleet, logs: &[std::sync::Arc<Log>]) -> Result<Vec<Crossing>, String> {
    let mut owners: HashMap<String, Vec<usize>> = HashMap::new();
    for log in logs {
        let state = log.state();
        owners.entry(state.recipe.session.clone()).or_default().push(state.org);
    }
    let mut crossings = Vec::new();
    for (index, (session, owners)) in owners.iter().enumerate().take(60) {
        let Some(stranger) = (0..fleet.orgs.len()).find(|org| !owners.contains(org)) else { continue };
        for part in ["", "/timeline", "/signals", "/signed-log", "/cohort-stats", "/integrity"] {
            let path = format!("/v1/sessions/{session}{part}");
            let api = fleet.org(stranger)?.api(index);
            let reply = api.once(Method::GET, &path, Who::Reviewer, None).await?;
            crossings.push(Crossing { session: session.clone(), path, status: reply.status });
        }
    }
    Ok(crossings)
}
