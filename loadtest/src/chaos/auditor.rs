//! Reads while the faults go on: whatever was acknowledged before a request must be in its answer, and each organisation
//! must see its own sessions alone.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::Method;
use serde_json::Value;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::fleet::{Fleet, Org};
use super::history::Log;
use super::timeline;
use crate::api::Who;
use crate::check::{Promise, Violation};
use crate::socket;

/// What was found while the run went on.
#[derive(Debug, Default, Clone)]
pub(crate) struct Audit {
    /// Timelines that were read.
    pub(crate) n_reads: u64,
    /// What was wrong.
    pub(crate) found: Vec<Violation>,
}

/// Reads until the run ends.
pub(crate) async fn live(fleet: Arc<Fleet>) -> Audit {
    let mut audit = Audit::default();
    while fleet.is_sending() {
        sleep(Duration::from_millis(rand::random_range(100..400))).await;
        let all = fleet.all();
        // The newest sessions are those that something happens in.
        let recent = all.len().min(40);
        let Some(log) = all.iter().rev().nth(rand::random_range(0..recent.max(1))) else { continue };
        let place = log.state().org;
        let Ok(org) = fleet.org(place) else { continue };
        if rand::random_bool(0.15) {
            look_across(&fleet, org, place, log, &mut audit).await;
        } else {
            read(org, log, &mut audit).await;
        }
    }
    audit
}

/// A node that stands still must not hold up those who could ask another one.
const PULSE: Duration = Duration::from_secs(1);

/// Reads a little, again and again, and counts how often that is answered.
pub(crate) async fn pulse(fleet: Arc<Fleet>) {
    while fleet.is_sending() {
        sleep(Duration::from_millis(150)).await;
        let Some(log) = fleet.all().pop() else { continue };
        let (place, session) = {
            let state = log.state();
            (state.org, state.recipe.session.clone())
        };
        let Ok(org) = fleet.org(place) else { continue };
        let api = org.api(rand::random_range(0..org.apis.len()));
        let path = format!("/v1/sessions/{session}/timeline?limit=1");
        let reply = timeout(PULSE, api.once(Method::GET, &path, Who::Reviewer, None)).await;
        // The newest session may not have its first event yet.
        if matches!(reply, Ok(Ok(reply)) if matches!(reply.status, 200 | 404)) {
            fleet.n_read.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn read(org: &Org, log: &Log, audit: &mut Audit) {
    let (session, acknowledged) = {
        let state = log.state();
        let ok = state.tries.iter().filter(|one| one.outcome.is_ok());
        let id = |event: u32| usize::try_from(event).ok().and_then(|event| state.events.get(event));
        let ids: HashSet<Uuid> = ok.filter_map(|one| id(one.event).map(|sent| sent.id)).collect();
        (state.recipe.session.clone(), ids)
    };
    if acknowledged.is_empty() {
        return;
    }
    let page = if rand::random_bool(0.3) { 97 } else { timeline::PAGE };
    let asked_us = log.now_us();
    // A history that cannot be read now is no violation: that is said, with 503.
    let Ok(rows) = timeline::read(org, &session, rand::random_range(0..org.apis.len()), page, false).await else {
        return;
    };
    audit.n_reads += 1;
    let shown: HashSet<Uuid> = rows.iter().map(|row| row.id).collect();
    let missing: Vec<&Uuid> = acknowledged.iter().filter(|id| !shown.contains(id)).collect();
    if let Some(first) = missing.first() {
        audit.found.push(Violation {
            promise: Promise::Stale,
            session: session.clone(),
            event: Some(**first),
            text: format!(
                "{} acknowledged events were not in a timeline asked for at {:.3} s",
                missing.len(),
                std::time::Duration::from_micros(asked_us).as_secs_f64()
            ),
        });
    }
}

/// What another organisation is told of a session.
async fn look_across(fleet: &Fleet, own: &Org, place: usize, log: &Log, audit: &mut Audit) {
    let session = log.state().recipe.session.clone();
    let is_shared = |other: &Arc<Log>| {
        let state = other.state();
        state.org != place && state.recipe.session == session
    };
    if fleet.orgs.len() < 2 || fleet.all().iter().any(is_shared) {
        return;
    }
    let Ok(other) = fleet.org(place + 1).or(fleet.org(0)) else { return };
    let node = rand::random_range(0..other.apis.len());
    for path in ["", "/timeline", "/signals", "/live", "/signed-log"] {
        let path = format!("/v1/sessions/{session}{path}");
        let Ok(reply) = other.api(node).once(Method::GET, &path, Who::Reviewer, None).await else { continue };
        // Another candidate may begin the twin of this session meanwhile.
        if !reply.may_pass() && reply.status != 404 && !fleet.all().iter().any(is_shared) {
            leaked(audit, &session, format!("{path} of organisation {} is answered {}", own.id, reply.brief()));
        }
    }
}

fn leaked(audit: &mut Audit, session: &str, text: String) {
    audit.found.push(Violation { promise: Promise::Leaked, session: session.to_owned(), event: None, text });
}

/// Watches the wall of an organisation: the organisations that the sessions on it say they belong to.
pub(crate) async fn watch_wall(fleet: Arc<Fleet>, place: usize) -> BTreeSet<String> {
    let mut owners = BTreeSet::new();
    let mut node = place;
    let mut phase = fleet.phase.subscribe();
    while fleet.is_sending() {
        node += 1;
        let Ok(org) = fleet.org(place) else { break };
        let api = org.api(node);
        let (url, authorization) = (api.socket_url("/v1/live"), api.authorization());
        let opening = socket::open(&url, "authorization", &authorization);
        let Ok(Ok(mut socket)) = timeout(Duration::from_secs(5), opening).await else {
            sleep(Duration::from_millis(300)).await;
            continue;
        };
        loop {
            let incoming = tokio::select! {
                incoming = timeout(socket::SILENCE, socket.next()) => incoming,
                _ = phase.changed() => break,
            };
            match incoming.map(socket::text_of) {
                Ok(Ok(Some(text))) => collect_owners(&text, &mut owners),
                Ok(Ok(None)) => {}
                Ok(Err(_)) | Err(_) => break,
            }
        }
    }
    owners
}

fn collect_owners(text: &str, owners: &mut BTreeSet<String>) {
    let Ok(message) = serde_json::from_str::<Value>(text) else { return };
    let many = message.get("sessions").and_then(Value::as_array).into_iter().flatten();
    for session in many.chain(message.get("session")) {
        // On the first message a session may stand inside of a member beside its signals.
        let org = session.get("orgId").or_else(|| session.pointer("/session/orgId"));
        owners.extend(org.and_then(Value::as_str).map(str::to_owned));
    }
}
