//! How the sessions of an assessment compare, held to a computation by hand.

use serde_json::{Value, json};

use crate::harness::{Candidate, TestApp, event_at, shown};
use crate::playing::{START, post_all};

/// What a candidate does: minutes, prompts, commands and how many of them fail, changes and how many of them by hand,
/// checks, seconds to the first change.
#[derive(Clone, Copy)]
struct Plan {
    minutes: i64,
    prompts: u32,
    commands: u32,
    failures: u32,
    changes: u32,
    by_hand: u32,
    checks: u32,
    first_change: i64,
    passes: bool,
}

/// The values of the six metrics, in the order in which they are printed.
impl Plan {
    fn values(self) -> [Option<f64>; 6] {
        let ratio = |part: u32, whole: u32| (whole > 0).then(|| f64::from(part) / f64::from(whole));
        // A check is a test command, too.
        let n_commands = self.commands + self.checks;
        [
            Some(float(self.minutes * 60_000)),
            Some(f64::from(self.prompts)),
            ratio(self.failures + if self.passes { 0 } else { self.checks }, n_commands),
            ratio(self.checks, self.changes),
            ratio(self.by_hand, self.changes),
            (self.changes > 0).then(|| float(self.first_change * 1000)),
        ]
    }

    fn events(self, session: &str) -> Vec<Value> {
        let at = |seconds: i64, kind: &str, data: Value| event_at(session, START + seconds * 1000, kind, data);
        let mut events = vec![at(0, "session_start", json!({}))];
        events.extend((0..self.prompts).map(|_| at(1, "prompt", json!({}))));
        let exit = |number: u32| if number < self.failures { 1 } else { 0 };
        events.extend((0..self.commands).map(|n| at(2, "command", json!({"command": "ls", "exitCode": exit(n)}))));
        events.extend((0..self.changes).map(|number| {
            let mut change = at(self.first_change, "file_diff", json!({"path": "a.rs"}));
            let author = if number < self.by_hand { "likely_human" } else { "likely_ai" };
            change["provenance"] = json!({"attribution": author});
            change
        }));
        let code = if self.passes { 0 } else { 1 };
        let check = json!({"command": "cargo test", "exitCode": code});
        events.extend((0..self.checks).map(|_| at(3, "command", check.clone())));
        events
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "small numbers")]
fn float(number: i64) -> f64 {
    number as f64
}

fn length<T>(all: &[T]) -> f64 {
    f64::from(u32::try_from(all.len()).unwrap())
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// For each metric: its name, that of its average, whether less is better.
const METRICS: [(&str, &str, bool); 6] = [
    ("durationMs", "avgDurationMs", true),
    ("promptCount", "avgPromptCount", true),
    ("commandFailRate", "avgCommandFailRate", true),
    ("verifyIntensity", "avgVerifyIntensity", false),
    ("manualEditRatio", "avgManualEditRatio", true),
    ("firstChangeLatencyMs", "avgFirstChangeLatencyMs", false),
];

/// The percentiles of `own` among `others`.
fn percentiles(own: Plan, others: &[Plan]) -> Value {
    let mut expected = json!({});
    for (number, (name, _, less_is_better)) in METRICS.iter().enumerate() {
        let others: Vec<f64> = others.iter().filter_map(|plan| plan.values()[number]).collect();
        let percentile = own.values()[number].filter(|_| !others.is_empty()).map(|own| {
            let beaten = others.iter().filter(|other| if *less_is_better { own < **other } else { own > **other });
            rounded(length(&beaten.collect::<Vec<_>>()) / length(&others))
        });
        expected[*name] = json!(percentile);
    }
    expected
}

fn averages(plans: &[Plan]) -> Value {
    let mut expected = json!({});
    for (number, (_, name, _)) in METRICS.iter().enumerate() {
        let values: Vec<f64> = plans.iter().filter_map(|plan| plan.values()[number]).collect();
        let average = values.iter().sum::<f64>() / length(&values);
        expected[*name] = if name.ends_with("Ms") { json!(average.round()) } else { json!(rounded(average)) };
    }
    let passed: Vec<_> = plans.iter().filter(|plan| plan.passes && plan.checks > 0).collect();
    expected["testPassRate"] = json!((100.0 * length(&passed) / length(plans)).round());
    expected
}

/// Numbers are equal whether they are printed with a point or without.
fn same(given: &Value, expected: &Value) -> bool {
    match (given, expected) {
        (Value::Object(given), Value::Object(expected)) => {
            given.len() == expected.len()
                && given.iter().all(|(name, value)| expected.get(name).is_some_and(|expected| same(value, expected)))
        }
        (Value::Number(given), Value::Number(expected)) => given.as_f64() == expected.as_f64(),
        (given, expected) => given == expected,
    }
}

#[track_caller]
fn assert_same(given: &Value, expected: &Value) {
    assert!(same(given, expected), "given    {given}\nexpected {expected}");
}

/// Twelve candidates: all different where it matters, with ties, and one who changed nothing.
fn plans() -> Vec<Plan> {
    let plan = |n: u32| Plan {
        minutes: i64::from(20 + n * 7 % 12),
        prompts: 3 + n * 5 % 12,
        commands: 4 + n % 3,
        failures: n % 4,
        changes: if n == 11 { 0 } else { 1 + n % 5 },
        by_hand: if n == 11 { 0 } else { n % 2 },
        checks: n % 4,
        first_change: i64::from(30 + n * 11 % 12),
        passes: !n.is_multiple_of(3),
    };
    (0..12).map(plan).collect()
}

async fn play(app: &TestApp, assessment: &str, plan: Plan) -> Candidate {
    let avocet = app.candidate(assessment).await;
    post_all(&avocet, &plan.events(&avocet.session)).await;
    avocet
}

/// Ends the session after the planned minutes; the routes of an end take turns.
async fn finish(app: &TestApp, avocet: &Candidate, plan: Plan, number: usize) {
    let end = START + plan.minutes * 60_000;
    if number.is_multiple_of(2) {
        post_all(avocet, &[event_at(&avocet.session, end, "session_end", json!({}))]).await;
        avocet.complete().await.expect(200);
    } else {
        let ended_at = domain::Timestamp::from_millis(end);
        app.reviewer()
            .patch(&format!("/v1/sessions/{}", avocet.session), json!({"endedAt": ended_at}))
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn twelve_sessions_give_the_percentiles_that_are_computed_by_hand() {
    let app = TestApp::start().await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment().await);
    let of_all = format!("/v1/assessments/{assessment}/cohort-stats");
    insta::assert_json_snapshot!("cohort_none", shown(&reviewer.get(&of_all).await));
    let plans = plans();
    let mut candidates = Vec::new();
    for (number, plan) in plans.iter().enumerate() {
        let avocet = play(&app, &assessment, *plan).await;
        finish(&app, &avocet, *plan, number).await;
        // Right after its end the session is in the cohort.
        let own = avocet.get(&format!("/v1/sessions/{}/cohort-stats", avocet.session)).await.expect(200)["cohortStats"]
            .clone();
        assert_eq!(own["sessionCount"], number + 1);
        if number == 0 {
            assert_eq!(own.get("percentiles"), None, "one is compared with nobody");
        } else {
            assert_same(&own["percentiles"], &percentiles(*plan, &plans[..number]));
        }
        assert_eq!(own.get("provisional"), None);
        candidates.push(avocet);
    }
    let whole = reviewer.get(&of_all).await;
    insta::assert_json_snapshot!("cohort", shown(&whole));
    assert_same(&whole.body["cohortStats"]["metrics"], &averages(&plans));
    let mut shares = Vec::new();
    for (number, avocet) in candidates.iter().enumerate() {
        let others: Vec<_> =
            plans.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, plan)| *plan).collect();
        let asked = reviewer.get(&format!("{of_all}?sessionId={}", avocet.session)).await.expect(200);
        assert_same(&asked["cohortStats"]["percentiles"], &percentiles(plans[number], &others));
        let own = avocet.get(&format!("/v1/sessions/{}/cohort-stats", avocet.session)).await.expect(200);
        assert_eq!(own, asked);
        shares.push(asked["cohortStats"]["percentiles"]["durationMs"].as_f64().unwrap());
    }
    // All durations differ: the multiples of 1/11, 0.727 and 0.455 among them.
    shares.sort_by(f64::total_cmp);
    let elevenths: Vec<_> = (0..12).map(|number| rounded(f64::from(number) / 11.0)).collect();
    assert_eq!(shares, elevenths);
    assert!(shares.contains(&0.727) && shares.contains(&0.455));
    let nothing_changed = reviewer.get(&format!("{of_all}?sessionId={}", candidates[11].session)).await.expect(200);
    assert_eq!(nothing_changed["cohortStats"]["percentiles"]["verifyIntensity"], Value::Null);

    // Hired and revoked stay; a running session is compared with the cohort without belonging to it.
    let keys = format!("/v1/assessments/{assessment}/keys");
    reviewer.patch(&format!("{keys}/{}", candidates[0].key_id), json!({"status": "hired"})).await.expect(200);
    reviewer.delete(&format!("{keys}/{}", candidates[1].key_id)).await.expect(200);
    let running = Plan { minutes: 0, prompts: 5, ..plans[4] };
    let egret = play(&app, &assessment, running).await;
    let provisional =
        egret.get(&format!("/v1/sessions/{}/cohort-stats", egret.session)).await.expect(200)["cohortStats"].clone();
    assert_eq!((&provisional["provisional"], &provisional["sessionCount"]), (&json!(true), &json!(12)));
    assert_eq!(provisional["metrics"], whole.body["cohortStats"]["metrics"]);
    let expected = percentiles(running, &plans);
    for name in ["promptCount", "commandFailRate", "verifyIntensity", "manualEditRatio", "firstChangeLatencyMs"] {
        assert_same(&provisional["percentiles"][name], &expected[name]);
    }

    let spread = reviewer.get(&format!("{of_all}?distribution=true")).await;
    insta::assert_json_snapshot!("cohort_distribution", shown(&spread));
    let durations = &spread.body["cohortStats"]["distribution"]["durationMs"];
    assert_eq!((durations["min"].as_f64(), durations["max"].as_f64()), (Some(1_200_000.0), Some(1_860_000.0)));
    assert_eq!(durations["p50"].as_f64(), Some(1_530_000.0));
    let bins = durations["histogram"].as_array().unwrap();
    let counted: u64 = bins.iter().map(|bin| bin["count"].as_u64().unwrap()).sum();
    assert_eq!((bins.len(), counted), (10, 12));
}

#[tokio::test]
async fn who_asks_for_a_cohort_names_a_session_of_it() {
    let app = TestApp::start().await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment().await);
    let path = format!("/v1/assessments/{assessment}/cohort-stats");
    let plan = plans()[3];
    let egret = play(&app, &assessment, plan).await;
    let own = format!("/v1/sessions/{}/cohort-stats", egret.session);
    insta::assert_json_snapshot!("cohort_of_one_running", shown(&egret.get(&own).await));
    let elsewhere = app.candidate(&app.assessment().await).await;
    for session in [elsewhere.session.as_str(), "no-such", "a%20b"] {
        reviewer.get(&format!("{path}?sessionId={session}")).await.refused(404, "not_found");
    }
    for bad in ["/v1/assessments/7/cohort-stats", "/v1/assessments/00000000-0000-4000-8000-000000000000/cohort-stats"] {
        reviewer.get(bad).await.refused(404, "not_found");
    }
    app.other_org().await.get(&path).await.refused(404, "not_found");
    egret.get(&path).await.refused(403, "reviewer_only");
    reviewer.get(&format!("{path}?distribution=maybe")).await.refused(400, "invalid_query");
    reviewer.post("/v1/sessions", json!({"id": "free"})).await.expect(201);
    let free = reviewer.get("/v1/sessions/free/cohort-stats").await.expect(200);
    assert_eq!(free, json!({"cohortStats": null}), "without an assessment there is no cohort");

    // Provisional: one in the cohort is enough to be compared with.
    let dunlin = play(&app, &assessment, plans()[5]).await;
    finish(&app, &dunlin, plans()[5], 0).await;
    let stats = egret.get(&own).await;
    insta::assert_json_snapshot!("cohort_provisional", shown(&stats));
    assert_eq!(stats.body["cohortStats"]["sessionCount"], 1);
    let alone = dunlin.get(&format!("/v1/sessions/{}/cohort-stats", dunlin.session)).await.expect(200);
    assert_eq!(alone["cohortStats"].get("percentiles"), None);
    let spread = reviewer.get(&format!("{path}?distribution=true")).await.expect(200);
    assert_eq!(spread["cohortStats"]["distribution"]["durationMs"]["histogram"].as_array().unwrap().len(), 1);
}
