//! Sends the stories: what is past at once, what is to come when it is due.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::try_join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::story::{Act, tell};
use super::style::{Candidate, DONE, NEXT, NOW};
use super::tasks::{self, FIELDS, WINDOW};
use crate::api::{Api, Who};
use crate::setup;

/// Events in one call.
const BATCH: usize = 100;

/// What there is on the server.
#[derive(Debug)]
pub(super) struct Stage {
    /// The assessments, by title.
    assessments: Map<String, Value>,
    /// Whose work is not done: the key, by session.
    at_work: Mutex<BTreeMap<String, String>>,
}

/// A candidate who has begun.
struct Begun {
    session: String,
    key: String,
    token: String,
    started: DateTime<Utc>,
    ids: StdRng,
}

/// Makes what is not there yet, with all who are done.
pub(super) async fn prepare(api: &Api, seed: u64, say: impl Fn(String)) -> Result<Stage, String> {
    let there = api.get("/v1/assessments").await?.json();
    let there: Vec<&Value> = there.get("assessments").and_then(Value::as_array).into_iter().flatten().collect();
    let mut stage = Stage { assessments: Map::new(), at_work: Mutex::default() };
    let mut rubric = None;
    let mut is_new = false;
    for task in [&WINDOW, &FIELDS] {
        let found = there.iter().find(|one| one.get("title").is_some_and(|title| title == task.title));
        let id = match found.and_then(|one| one.get("id")) {
            Some(id) => id.clone(),
            None => {
                is_new = true;
                if rubric.is_none() {
                    rubric = Some(create(api, "/v1/rubrics", &tasks::rubric(), "/rubric/id").await?);
                }
                let body = task.assessment(rubric.as_ref().and_then(Value::as_str).unwrap_or_default());
                create(api, "/v1/assessments", &body, "/assessment/id").await?
            }
        };
        say(format!("assessment {:?}", task.title));
        stage.assessments.insert(task.title.to_owned(), id);
    }
    if is_new {
        for (candidate, seed) in DONE.iter().zip(seed..) {
            let started = Utc::now() - TimeDelta::minutes(candidate.minutes_ago.into());
            let mut begun = begin(api, &stage, candidate, started, seed).await?;
            let acts = tell(candidate, seed);
            let n = acts.len();
            for acts in acts.chunks(BATCH) {
                send(api, &mut begun, acts).await?;
            }
            complete(api, &begun.session, &begun.key).await?;
            say(format!("{:<8} {n:>3} events, done {} ago", candidate.name, ago(candidate.minutes_ago)));
        }
    }
    Ok(stage)
}

/// Candidates who work now, each followed by the next one; ends only when something fails.
pub(super) async fn go_on(api: &Api, stage: &Stage, seed: u64) -> Result<(), String> {
    let next = Cell::new(0);
    let one_after_the_other = NOW.iter().zip(seed..).map(async |(first, seed)| -> Result<(), String> {
        let mut candidate = *first;
        let mut seed = seed.wrapping_add(1000);
        loop {
            work(api, stage, &candidate, seed).await?;
            // Whoever comes next has just begun.
            candidate.name = NEXT.iter().cycle().nth(next.replace(next.get() + 1)).unwrap_or(&first.name);
            (candidate.minutes_ago, seed) = (0, seed.wrapping_add(1000));
        }
    });
    try_join_all(one_after_the_other).await.map(|_| ())
}

/// Ends those who are at work, as if they handed in what they have.
pub(super) async fn end(api: &Api, stage: &Stage) -> Result<(), String> {
    let left = std::mem::take(&mut *stage.at_work());
    for (session, key) in left {
        complete(api, &session, &key).await?;
    }
    Ok(())
}

/// One candidate at work, until the end of the story.
async fn work(api: &Api, stage: &Stage, candidate: &Candidate, seed: u64) -> Result<(), String> {
    let started = Utc::now() - TimeDelta::minutes(candidate.minutes_ago.into());
    let mut begun = begin(api, stage, candidate, started, seed).await?;
    stage.at_work().insert(begun.session.clone(), begun.key.clone());
    let acts = tell(candidate, seed);
    let past = acts.iter().take_while(|act| begun.at(act) <= Utc::now()).count();
    let (past, to_come) = acts.split_at(past);
    for acts in past.chunks(BATCH) {
        send(api, &mut begun, acts).await?;
    }
    for act in to_come {
        tokio::time::sleep((begun.at(act) - Utc::now()).to_std().unwrap_or_default()).await;
        send(api, &mut begun, std::slice::from_ref(act)).await?;
    }
    stage.at_work().remove(&begun.session);
    complete(api, &begun.session, &begun.key).await
}

impl Stage {
    fn at_work(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Begun {
    fn at(&self, act: &Act) -> DateTime<Utc> {
        self.started + TimeDelta::milliseconds(act.at_ms)
    }

    fn event(&mut self, act: &Act) -> Value {
        let (actor, source, provenance) = act.by.members();
        let id = uuid::Builder::from_random_bytes(self.ids.random()).into_uuid();
        let mut event = json!({ "id": id, "sessionId": self.session, "ts": self.at(act).to_rfc3339(), "kind": act.kind,
            "source": source, "actor": actor, "v": 1, "data": act.data });
        if let (Some(event), Some(provenance)) = (event.as_object_mut(), provenance) {
            event.insert("provenance".to_owned(), provenance);
        }
        event
    }
}

async fn begin(
    api: &Api,
    stage: &Stage,
    candidate: &Candidate,
    started: DateTime<Utc>,
    seed: u64,
) -> Result<Begun, String> {
    let assessment = stage.assessments.get(candidate.task.title).and_then(Value::as_str).unwrap_or_default();
    let body = json!({ "count": 1, "candidateNames": [candidate.name] });
    let key = create(api, &format!("/v1/assessments/{assessment}/keys"), &body, "/keys/0/key").await?;
    let seat = setup::begin(api, key.as_str().unwrap_or_default().to_owned(), false).await?;
    let ids = StdRng::seed_from_u64(seed ^ 0x1D5);
    Ok(Begun { session: seat.session, key: seat.key, token: seat.credential, started, ids })
}

/// Sends events, again and again until they are recorded: as one they go alone, as more in a batch.
async fn send(api: &Api, begun: &mut Begun, acts: &[Act]) -> Result<(), String> {
    let events: Vec<Value> = acts.iter().map(|act| begun.event(act)).collect();
    let (path, body) = match events.as_slice() {
        [event] => ("/v1/hooks/ingest", event.to_string()),
        events => ("/v1/hooks/ingest/batch", json!({ "events": events }).to_string()),
    };
    let mut patience = api.patience();
    loop {
        let sent = api.once(Method::POST, path, Who::Candidate(&begun.token), Some(body.clone())).await;
        let (reason, asked) = match sent {
            // What is there already was recorded by an earlier try whose answer was lost.
            Ok(reply) if matches!(reply.status, 200 | 201) => return Ok(()),
            Ok(reply) if reply.status == 207 => match reply.json().get("rejected").and_then(Value::as_u64) {
                Some(0) => return Ok(()),
                _ => (reply.brief(), reply.retry_after),
            },
            Ok(reply) if reply.may_pass() => (reply.brief(), reply.retry_after),
            Ok(reply) => return Err(format!("{path}: {}", reply.brief())),
            Err(reason) => (reason, None),
        };
        match patience.failed(asked) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return Err(format!("{path}: gave up, {reason}")),
        }
    }
}

async fn complete(api: &Api, session: &str, key: &str) -> Result<(), String> {
    let body = json!({ "sessionId": session, "key": key });
    api.insist(Method::POST, "/v1/candidate/complete", Who::Public, Some(&body), 200).await.map(|_| ())
}

async fn create(api: &Api, path: &str, body: &Value, id: &str) -> Result<Value, String> {
    let answer = api.insist(Method::POST, path, Who::Reviewer, Some(body), 201).await?.json();
    answer.pointer(id).cloned().ok_or_else(|| format!("{path}: the answer has no {id}"))
}

fn ago(minutes: u32) -> String {
    match minutes {
        0..=119 => format!("{minutes} minutes"),
        120..=2879 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / (24 * 60)),
    }
}
