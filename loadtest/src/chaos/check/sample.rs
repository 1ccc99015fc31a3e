//! A history as a run would write it, and what an honest server shows of it: for tests, without any process.

use std::collections::BTreeMap;

use domain::cohort::METRICS;
use domain::signals::Signals;
use domain::{OrgId, StoredEvent, Timestamp, Totals};
use serde_json::{Value, json};
use uuid::Uuid;

use super::History;
use crate::chaos::history::{Outcome, Sent, SessionHistory, Try};
use crate::chaos::readback::{Crossing, Read, SessionRead, Signed};
use crate::chaos::row::CompactRow;
use crate::chaos::script::{Intent, Planned, Recipe, Script, digest};
use crate::chaos::watcher::Seen;
use crate::check::signals_of;

const START_MS: i64 = 1_775_037_600_000;
const N_NODES: usize = 2;

fn recipe(org: usize, name: &str, seed: u64) -> Recipe {
    let is_signed = !name.starts_with("twin");
    let (seed, ids) = (seed + 100 * u64::try_from(org).unwrap(), seed);
    Recipe { seed, ids, session: name.into(), start_ms: START_MS, is_signed, elsewhere: "elsewhere".into() }
}

/// Makes the history of one session, and tells which events an honest server has stored, in which order.
struct Play {
    history: SessionHistory,
    stored: Vec<Planned>,
    now_us: u64,
    lane: u32,
}

impl Play {
    fn of(org: usize, name: &str, seed: u64) -> Self {
        let history = SessionHistory {
            org,
            door: "HTTP",
            recipe: recipe(org, name, seed),
            key: "key".into(),
            events: Vec::new(),
            tries: Vec::new(),
            faults: Vec::new(),
            is_completed: seed.is_multiple_of(2),
        };
        Self { history, stored: Vec::new(), now_us: 1000, lane: 0 }
    }

    fn tried(&mut self, event: usize, outcome: Outcome, is_altered: bool) {
        let start_us = self.now_us;
        self.now_us += 10;
        let event = u32::try_from(event).unwrap();
        let one = Try { event, lane: self.lane, start_us, end_us: self.now_us, is_altered, outcome };
        self.history.tries.push(one);
    }

    /// Sends `n` events, some of which meet with a fault on their way.
    fn send(mut self, n: usize) -> Self {
        let mut script = Script::of(&self.history.recipe);
        for event in 0..n {
            let planned = script.next().unwrap();
            let Planned { id, intent, .. } = planned;
            self.history.events.push(Sent { id, body: digest(&*planned.text), intent });
            // Batches of four.
            self.lane += u32::from(event % 4 == 0);
            self.now_us += 5;
            let stored = Outcome::Stored { seq: Some(u64::try_from(self.stored.len()).unwrap() + 1) };
            match (intent, event % 10) {
                (Intent::Invalid(status), _) => {
                    self.tried(event, Outcome::Refused { status }, false);
                    continue;
                }
                // Neither acknowledged nor stored.
                (Intent::Plain, 3) => {
                    self.tried(event, Outcome::Unknown, false);
                    continue;
                }
                // Stored, and left without an answer.
                (Intent::Plain, 4) => self.tried(event, Outcome::Unknown, false),
                // Stored, without an answer at first.
                (Intent::Plain, 5) => {
                    self.tried(event, Outcome::Unknown, false);
                    self.tried(event, Outcome::Duplicate, false);
                }
                (Intent::Plain, 6) => {
                    self.tried(event, Outcome::Limited, false);
                    self.tried(event, stored, false);
                }
                (Intent::Twice, _) => {
                    self.tried(event, stored, false);
                    self.tried(event, Outcome::Duplicate, false);
                }
                (Intent::Altered, _) => {
                    self.tried(event, stored, false);
                    self.tried(event, Outcome::Duplicate, true);
                }
                (Intent::Plain, _) => self.tried(event, stored, false),
            }
            self.stored.push(planned);
        }
        self
    }

    fn rows(&self, org: OrgId) -> Vec<CompactRow> {
        let rows = self.stored.iter().zip(1..).map(|(planned, seq)| {
            let received_at = Timestamp::from_millis(START_MS);
            let event = planned.event.clone().unwrap();
            let mut text = Vec::new();
            domain::row::write(&StoredEvent { event, org, seq, received_at }, &mut text);
            CompactRow::of(std::str::from_utf8(&text).unwrap(), true).unwrap()
        });
        let mut rows: Vec<CompactRow> = rows.collect();
        rows.sort_by_key(|row| (row.ts_ms, row.seq));
        rows
    }

    fn signed(&self) -> Vec<Signed> {
        let signed = self.stored.iter().filter(|planned| planned.event.as_ref().unwrap().signed);
        signed.map(|planned| Signed { id: planned.id, body: digest(&*planned.text), verified: Some(true) }).collect()
    }

    /// The session object, and its signals: before its end, or after.
    fn object(&self, org: OrgId, is_ended: bool) -> (Value, Signals, Value) {
        let totals = Totals::fold(
            self.stored.iter().map(|planned| planned.event.as_ref().unwrap()).zip(1..).map(|(e, s)| (s, e)),
        );
        let mut object = json!({
            "createdAt": "2026-04-01T09:00:00.000Z",
            "endedAt": is_ended.then_some("2026-04-01T23:00:00.000Z"),
        });
        let signals = signals_of(&totals, &object);
        let counts = &signals.totals.counts;
        let more = json!({
            "id": self.history.recipe.session,
            "orgId": org.to_string(),
            "status": if is_ended { "ended" } else { "active" },
            "eventCount": counts.events,
            "decisionFlagCount": counts.decisions,
            "aiAttributionPct": signals.ai_attribution_pct_rounded(),
            "startedAt": signals.started_at,
            "lastActivityAt": signals.totals.last_ts,
        });
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let told = json!({
            "sessionId": self.history.recipe.session, "final": is_ended, "atSeq": counts.events,
            "signals": signals.to_json(), "windows": {},
        });
        (object, signals, told)
    }

    fn read(&self, org: OrgId) -> SessionRead {
        let (ended, _, final_signals) = self.object(org, true);
        let (_, _, signals) = self.object(org, self.history.is_completed);
        SessionRead {
            rows: self.rows(org),
            later_rows: None,
            signals: vec![signals; N_NODES],
            final_signals: vec![final_signals; N_NODES],
            final_sessions: vec![json!({ "session": ended }); N_NODES],
            cohort: Value::Null,
            signed: self.signed(),
            failures: Vec::new(),
        }
    }
}

/// The statistics of a cohort of these sessions for one of them.
fn cohort(all: &[Signals], own: &Signals) -> Value {
    let mut percentiles = serde_json::Map::new();
    let mut metrics = serde_json::Map::new();
    for metric in METRICS {
        let column: Vec<f64> = all.iter().filter_map(|signals| metric.value_of(signals)).collect();
        let percentile = metric.value_of(own).and_then(|value| metric.percentile(value, &column));
        percentiles.insert(metric.name.into(), json!(percentile));
        let n = f64::from(u32::try_from(column.len()).unwrap());
        metrics.insert(metric.average.into(), json!(column.iter().sum::<f64>() / n));
    }
    let n = all.len();
    let passed = all.iter().filter(|signals| signals.tests_passed_at_end == Some(true)).count();
    metrics.insert("testPassRate".into(), json!((passed * 200 + n) / (2 * n)));
    json!({ "cohortStats": { "sessionCount": n, "metrics": metrics, "percentiles": percentiles } })
}

fn seen(play: &Play, rows: &[CompactRow], from: u64) -> Seen {
    let mut rows: Vec<CompactRow> = rows.iter().filter(|row| row.seq > from).cloned().collect();
    rows.sort_by_key(|row| row.seq);
    let must_reach = rows.last().unwrap().seq;
    let SessionHistory { org, recipe, .. } = &play.history;
    let (session, name) = (recipe.session.clone(), format!("watcher from {from}"));
    Seen { org: *org, session, name, from, rows, must_reach, faults: Vec::new(), connections: 2, resets: 1 }
}

/// Two organisations with three sessions each, of which one has the name and the ids of a session of the other.
pub(crate) fn honest() -> (History, Read) {
    let orgs: Vec<OrgId> = (1..=2).map(|n| OrgId::sample(Uuid::from_u128(n))).collect();
    let mut history = History { orgs: orgs.iter().map(ToString::to_string).collect(), ..History::default() };
    let mut read = Read::default();
    for (place, org) in orgs.iter().enumerate() {
        let own = format!("s-{place}");
        let plays = [("twin", 1), (own.as_str(), 2), (&format!("watched-{place}"), 3)];
        let plays: Vec<Play> = plays.iter().map(|(name, seed)| Play::of(place, name, *seed).send(90)).collect();
        let signals: Vec<Signals> = plays.iter().map(|play| play.object(*org, true).1).collect();
        let mut listed = Vec::new();
        for (play, own) in plays.iter().zip(&signals) {
            let mut back = play.read(*org);
            back.cohort = cohort(&signals, own);
            listed.push(play.object(*org, play.history.is_completed).0);
            if play.history.recipe.session.starts_with("watched") {
                history.seen.extend([0, 20].map(|from| seen(play, &back.rows, from)));
            }
            read.sessions.push(back);
            history.sessions.push(play.history.clone());
        }
        read.lists.push(vec![listed; N_NODES]);
        history.walls.push([org.to_string()].into());
        read.crossings.push(Crossing { session: own, path: "/signals".into(), status: 404 });
    }
    (history, read)
}

/// How often each promise was broken, by its name.
pub(crate) fn tally(found: &[crate::check::Violation]) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for violation in found {
        *tally.entry(format!("{:?}", violation.promise)).or_default() += 1;
    }
    tally
}
