//! A candidate of the run: session after session, through one of three doors, on whatever node answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::Utc;
use domain::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::fleet::Fleet;
use super::history::{Log, Outcome};
use super::post::{Flight, Poster};
use super::script::{Intent, Planned, Recipe, Script, altered};
use super::stream;
use crate::api::Who;

/// How far a candidate that was held up may be behind and still catch up.
const CATCH_UP: Duration = Duration::from_secs(1);
/// Of the sendings whose fate is not known, the share that is left at that.
const LEFT: f64 = 0.15;

/// How a candidate sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// One event in each call.
    Single,
    /// Batches.
    Batch,
    /// A WebSocket.
    Stream,
}

/// What all candidates are told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    /// How often each sends an event.
    pub(crate) every: Duration,
    /// How many events a session has at least and at most.
    pub(crate) session_events: (u32, u32),
}

/// One candidate in one session.
pub(crate) struct Candidate {
    /// What it does.
    pub(crate) poster: Poster,
    /// Its random choices.
    pub(crate) rng: StdRng,
    /// The node that it uses.
    pub(crate) node: usize,
    script: Script,
    left: u32,
    due: Instant,
    every: Duration,
}

/// Lives through sessions until the run ends.
pub(crate) async fn live(fleet: Arc<Fleet>, number: usize, work: Work) {
    let n_orgs = fleet.orgs.len().max(1);
    let (org, pair) = (number % n_orgs, number / n_orgs);
    let door = match pair % 3 {
        0 => Door::Single,
        1 => Door::Batch,
        _ => Door::Stream,
    };
    let mut life: u64 = 0;
    while fleet.is_sending() {
        let salt = u64::try_from(number).unwrap_or_default() << 32 | life;
        let mut rng = StdRng::seed_from_u64(fleet.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ salt);
        // Those of a pair have the same ids, and every other time the same session.
        let ids = fleet.seed ^ (u64::try_from(pair).unwrap_or_default() << 32 | life);
        let twin = life.is_multiple_of(2).then(|| format!("twin-{pair}-{life}"));
        life += 1;
        let mut candidate = match begin(&fleet, org, door, twin, ids, work, &mut rng).await {
            Ok(candidate) => candidate,
            Err(error) => {
                fleet.failed(error);
                sleep(Duration::from_millis(500)).await;
                continue;
            }
        };
        candidate.run(door).await;
        let log = Arc::clone(&candidate.poster.log);
        if (fleet.is_sending() || candidate.rng.random_bool(0.5))
            && let Err(error) = complete(&fleet, &log, candidate.node).await
        {
            fleet.failed(error);
        }
        log.done();
    }
}

async fn begin(
    fleet: &Arc<Fleet>,
    org: usize,
    door: Door,
    twin: Option<String>,
    ids: u64,
    work: Work,
    rng: &mut StdRng,
) -> Result<Candidate, String> {
    let owner = fleet.org(org)?;
    let node = rng.random_range(0..fleet.n_nodes());
    let key = owner.key(node).await?;
    let start_ms = Timestamp::from(Utc::now()).plus_millis(-30 * 60 * 1000).millis();
    let is_signed = twin.is_none();
    let mut recipe =
        Recipe { seed: rng.random(), ids, session: String::new(), start_ms, is_signed, elsewhere: "nowhere".into() };
    // A session of another organisation, if there is one yet.
    if let Some(other) = fleet.all().iter().rev().find(|log| log.state().org != org) {
        recipe.elsewhere.clone_from(&other.state().recipe.session);
    }
    let mut credential = key.clone();
    match twin {
        // The first event of a key makes the session, under a name that the client chooses.
        Some(name) => recipe.session = name,
        None => {
            let body = json!({ "key": key });
            owner.insist(node, Method::POST, "/v1/candidate/consent", Who::Public, Some(&body), 200).await?;
            let body = json!({ "key": key, "signingPubKey": recipe.public_key() });
            let reply = owner.insist(node, Method::POST, "/v1/candidate/redeem", Who::Public, Some(&body), 200).await?;
            let answer = reply.json();
            let text = |name| answer.get(name).and_then(Value::as_str).map(str::to_owned);
            let missing = || format!("redeem answers {}", reply.brief());
            recipe.session = text("sessionId").ok_or_else(missing)?;
            credential = text("sessionToken").ok_or_else(missing)?;
        }
    }
    // The same session cannot be elsewhere: of twins, one would be right.
    if recipe.elsewhere == recipe.session {
        "nowhere".clone_into(&mut recipe.elsewhere);
    }
    let script = Script::of(&recipe);
    let name = match door {
        Door::Single => "HTTP",
        Door::Batch => "HTTP batch",
        Door::Stream => "WebSocket",
    };
    let log = Arc::new(Log::new(fleet.epoch, org, name, recipe, key));
    fleet.begun(&log);
    let left = rng.random_range(work.session_events.0..=work.session_events.1);
    let poster = Poster { fleet: Arc::clone(fleet), log, org, credential: credential.into() };
    let rng = StdRng::seed_from_u64(rng.random());
    Ok(Candidate { poster, rng, node, script, left, due: Instant::now(), every: work.every })
}

/// Completes a session, as often as it takes.
pub(crate) async fn complete(fleet: &Fleet, log: &Log, node: usize) -> Result<(), String> {
    let (org, body) = {
        let mut state = log.state();
        state.is_completed = true;
        (state.org, json!({ "sessionId": state.recipe.session, "key": state.key }))
    };
    let path = "/v1/candidate/complete";
    fleet.org(org)?.insist(node, Method::POST, path, Who::Public, Some(&body), 200).await.map(|_| ())
}

impl Candidate {
    async fn run(&mut self, door: Door) {
        // The first event may be what makes the session: the others wait until it is there.
        if let Some((planned, flight)) = self.next() {
            self.settle(planned, &flight, false).await;
        }
        match door {
            Door::Stream => stream::run(self).await,
            Door::Batch => {
                while self.goes_on() {
                    let n = self.rng.random_range(1..=40);
                    self.wait(n).await;
                    self.batch(n).await;
                }
            }
            Door::Single => {
                while self.goes_on() {
                    self.wait(1).await;
                    if let Some((planned, flight)) = self.next() {
                        self.settle(planned, &flight, true).await;
                    }
                }
            }
        }
    }

    /// Whether there is more to send.
    pub(crate) fn goes_on(&self) -> bool {
        self.left > 0 && self.poster.fleet.is_sending()
    }

    /// The next event, written down in the history.
    pub(crate) fn next(&mut self) -> Option<(Planned, Flight)> {
        self.left = self.left.checked_sub(1)?;
        match self.script.next() {
            Ok(planned) => {
                let event = self.poster.log.plan(&planned);
                let flight = Flight { event, id: planned.id, text: Arc::clone(&planned.text) };
                Some((planned, flight))
            }
            Err(error) => {
                self.poster.log.fault(error);
                None
            }
        }
    }

    /// When the next event is due.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// `n` events are sent now: the next ones are due later.
    pub(crate) fn spent(&mut self, n: u32) {
        let earliest = Instant::now().checked_sub(CATCH_UP).unwrap_or_else(Instant::now);
        self.due = self.due.max(earliest) + self.every.saturating_mul(n);
    }

    async fn wait(&mut self, n: u32) {
        self.spent(n);
        sleep_until(self.due).await;
    }

    /// Sends one event until its fate is known; where it `may_be_left`, perhaps leaves it before.
    async fn settle(&mut self, planned: Planned, flight: &Flight, may_be_left: bool) {
        if planned.intent == Intent::Twice {
            let other = self.another_node();
            let (one, two) =
                tokio::join!(self.poster.one(self.node, flight, false), self.poster.one(other, flight, false));
            if one.is_final() || two.is_final() {
                return;
            }
        }
        let mut outcome = self.poster.one(self.node, flight, false).await;
        while !outcome.is_final() {
            if may_be_left && self.leaves(outcome) {
                return;
            }
            self.move_on().await;
            outcome = self.poster.one(self.node, flight, false).await;
        }
        if planned.intent == Intent::Altered && outcome.is_ok() {
            self.alter(flight).await;
        }
    }

    /// Sends other content under the id of an event that was acknowledged.
    async fn alter(&mut self, flight: &Flight) {
        let (node, text) = (self.another_node(), altered(&flight.text).into());
        self.poster.one(node, &Flight { text, ..flight.clone() }, true).await;
    }

    async fn batch(&mut self, n: u32) {
        let mut waiting: Vec<(Planned, Flight)> = (0..n).map_while(|_| self.next()).collect();
        let mut is_first = true;
        while !waiting.is_empty() {
            let flights: Vec<Flight> = waiting.iter().map(|(_, flight)| flight.clone()).collect();
            let twice = waiting.iter().any(|(planned, _)| planned.intent == Intent::Twice);
            let outcomes = if is_first && twice {
                let other = self.another_node();
                let poster = &self.poster;
                let again: Vec<Flight> = waiting
                    .iter()
                    .filter(|(planned, _)| planned.intent == Intent::Twice)
                    .map(|(_, flight)| flight.clone())
                    .collect();
                tokio::join!(poster.batch(self.node, &flights), poster.batch(other, &again)).0
            } else {
                self.poster.batch(self.node, &flights).await
            };
            is_first = false;
            let mut rest = Vec::new();
            for ((planned, flight), outcome) in waiting.into_iter().zip(outcomes) {
                if outcome.is_ok() && planned.intent == Intent::Altered {
                    self.alter(&flight).await;
                }
                if !outcome.is_final() && !self.leaves(outcome) {
                    rest.push((planned, flight));
                }
            }
            if !rest.is_empty() {
                self.move_on().await;
            }
            waiting = rest;
        }
    }

    /// Whether an event is left as it is: never sent again, its fate never known.
    pub(crate) fn leaves(&mut self, outcome: Outcome) -> bool {
        outcome == Outcome::Unknown && self.rng.random_bool(LEFT)
    }

    /// Any other node.
    pub(crate) fn another_node(&mut self) -> usize {
        let n = self.poster.fleet.n_nodes();
        if n < 2 { self.node } else { (self.node + self.rng.random_range(1..n)) % n }
    }

    /// Waits a moment, then tries elsewhere.
    pub(crate) async fn move_on(&mut self) {
        self.node = self.another_node();
        self.poster.log.node.store(self.node, Ordering::Relaxed);
        sleep(Duration::from_millis(self.rng.random_range(30..300))).await;
    }
}
