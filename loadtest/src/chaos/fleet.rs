//! What all clients of a run share: the organisations with their nodes, the sessions, and when to stop.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::history::Log;
use crate::api::{Api, Reply, Who};
use crate::setup;

/// How long one call may take.
const CALL: Duration = Duration::from_secs(5);
/// How long nothing may get through before a client gives up; the longest fault takes less.
const GIVE_UP_AFTER: Duration = Duration::from_secs(90);

/// One organisation.
#[derive(Debug)]
pub(crate) struct Org {
    /// Its id.
    pub(crate) id: String,
    /// Its one assessment.
    pub(crate) assessment: String,
    /// Its reviewer, at each node.
    pub(crate) apis: Vec<Arc<Api>>,
    keys: Mutex<Vec<String>>,
    n_given_up: AtomicU32,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Candidates send.
    Sending,
    /// Candidates come to an end.
    Ending,
}

/// What all clients share.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// The beginning of the run.
    pub(crate) epoch: Instant,
    /// Everything random follows from it.
    pub(crate) seed: u64,
    /// The organisations.
    pub(crate) orgs: Vec<Org>,
    /// All sessions so far.
    pub(crate) sessions: Mutex<Vec<Arc<Log>>>,
    /// How far the run is.
    pub(crate) phase: watch::Sender<Phase>,
    /// Answers that said that an event is stored, for the progress and for what must go on during a fault.
    pub(crate) n_stored: AtomicU64,
    /// Answers to readers, for the same.
    pub(crate) n_read: AtomicU64,
    lanes: AtomicU32,
    failures: Mutex<Vec<String>>,
}

impl Org {
    /// An organisation with `n_keys` candidate keys.
    pub(crate) async fn prepare(
        credentials: &super::stack::Credentials,
        fronts: &[u16],
        n_keys: usize,
    ) -> Result<Self, String> {
        let api = |port: &u16| {
            let server = format!("http://127.0.0.1:{port}");
            Api::with_timeout(&server, &credentials.api_key, GIVE_UP_AFTER, CALL).map(Arc::new)
        };
        let apis: Vec<Arc<Api>> = fronts.iter().map(api).collect::<Result<_, _>>()?;
        let first = apis.first().ok_or("there are no nodes")?;
        let assessment = setup::create_assessment(first).await?;
        let keys = Mutex::new(setup::create_all_keys(first, &assessment, n_keys).await?);
        Ok(Self { id: credentials.org_id.clone(), assessment, apis, keys, n_given_up: AtomicU32::default() })
    }

    /// One with the assessment that it has, at these nodes.
    pub(crate) fn of(id: String, assessment: String, apis: Vec<Arc<Api>>) -> Self {
        Self { id, assessment, apis, keys: Mutex::default(), n_given_up: AtomicU32::default() }
    }

    /// The reviewer at a node.
    pub(crate) fn api(&self, node: usize) -> &Arc<Api> {
        let n = self.apis.len().max(1);
        // There is at least one node.
        self.apis.get(node % n).or(self.apis.first()).unwrap_or_else(|| unreachable!("an organisation without nodes"))
    }

    /// How long to insist: shorter once that was in vain several times. What is broken for good must not keep the report
    /// waiting for hours.
    fn patience(&self) -> Duration {
        match self.n_given_up.load(Ordering::Relaxed) {
            0..3 => GIVE_UP_AFTER,
            3..20 => Duration::from_secs(3),
            _ => Duration::ZERO,
        }
    }

    /// Calls, each time another node, until there is an answer that stands; an error when it is not `expected`.
    pub(crate) async fn insist(
        &self,
        node: usize,
        method: Method,
        path: &str,
        who: Who<'_>,
        body: Option<&Value>,
        expected: u16,
    ) -> Result<Reply, String> {
        let deadline = Instant::now() + self.patience();
        let mut node = node;
        loop {
            let reason = match self.api(node).once(method.clone(), path, who, body.map(Value::to_string)).await {
                Ok(reply) if reply.status == expected => return Ok(reply),
                Ok(reply) if reply.may_pass() => reply.brief(),
                Ok(reply) => return Err(format!("{method} {path} at node {}: {}", node + 1, reply.brief())),
                Err(reason) => reason,
            };
            if Instant::now() > deadline {
                self.n_given_up.fetch_add(1, Ordering::Relaxed);
                return Err(format!("{method} {path}: gave up, {reason}"));
            }
            node = (node + 1) % self.apis.len().max(1);
            sleep(Duration::from_millis(rand::random_range(50..400))).await;
        }
    }

    /// Asks one node until there is an answer that stands.
    pub(crate) async fn ask(&self, node: usize, path: &str) -> Result<Value, String> {
        let reply = timeout(self.patience() + CALL, self.api(node).get(path)).await;
        let reply = reply.unwrap_or_else(|_| Err(format!("GET {path} at node {}: gave up", node + 1)));
        if reply.as_ref().is_err_and(|reason| reason.contains("gave up")) {
            self.n_given_up.fetch_add(1, Ordering::Relaxed);
        }
        reply.map(|reply| reply.json())
    }

    /// A candidate key that nobody has used; a new one where none is left.
    pub(crate) async fn key(&self, node: usize) -> Result<String, String> {
        if let Some(key) = self.keys.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(key);
        }
        let path = format!("/v1/assessments/{}/keys", self.assessment);
        let body = json!({ "count": 1 });
        // A call whose fate is not known may leave a key that nobody uses.
        let reply = self.insist(node, Method::POST, &path, Who::Reviewer, Some(&body), 201).await?;
        let key = reply.json().pointer("/keys/0/key").and_then(Value::as_str).map(str::to_owned);
        key.ok_or_else(|| format!("no key: {}", reply.brief()))
    }
}

impl Fleet {
    /// Of these organisations.
    pub(crate) fn new(seed: u64, orgs: Vec<Org>) -> Self {
        Self {
            epoch: Instant::now(),
            seed,
            orgs,
            sessions: Mutex::default(),
            phase: watch::Sender::new(Phase::Sending),
            n_stored: AtomicU64::default(),
            n_read: AtomicU64::default(),
            lanes: AtomicU32::default(),
            failures: Mutex::default(),
        }
    }

    /// Whether candidates go on.
    pub(crate) fn is_sending(&self) -> bool {
        *self.phase.borrow() == Phase::Sending
    }

    /// How many nodes there are.
    pub(crate) fn n_nodes(&self) -> usize {
        self.orgs.first().map_or(1, |org| org.apis.len())
    }

    /// The organisation at a place.
    pub(crate) fn org(&self, place: usize) -> Result<&Org, String> {
        self.orgs.get(place).ok_or_else(|| format!("there is no organisation {place}"))
    }

    /// A number for a call or a connection.
    pub(crate) fn lane(&self) -> u32 {
        self.lanes.fetch_add(1, Ordering::Relaxed)
    }

    /// Something that a candidate must be given was refused.
    pub(crate) fn failed(&self, text: String) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        // The first ones tell enough.
        if failures.len() < 50 {
            failures.push(text);
        }
    }

    /// What was refused so far.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A session has begun.
    pub(crate) fn begun(&self, log: &Arc<Log>) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(log));
    }

    /// All sessions so far.
    pub(crate) fn all(&self) -> Vec<Arc<Log>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
