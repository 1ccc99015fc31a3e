use clickhouse_schema::{ResultContext, Subject};
use domain::cohort::METRICS;
use domain::signals::{Signals, Span};
use domain::testing::START_MILLIS;
use domain::{Event, OrgId, Totals};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::store::{ORG, OTHER_ORG, Store, arb_session, at, event, logged, session};

const ASSESSMENT: Uuid = Uuid::from_u128(0xa55e);

type Values = [Option<f64>; 6];

fn subject(name: &str, provisional: Option<Values>) -> Subject {
    Subject { session: name.parse().unwrap(), provisional }
}

impl Store {
    /// A session that ended with these values, in the order of the metrics.
    async fn ended(&self, org: OrgId, assessment: Uuid, name: &str, values: Values, passed: Option<bool>) {
        let number = |value: Option<f64>| value.map_or("NULL".to_owned(), |value| value.to_string());
        let passed = passed.map_or("NULL".to_owned(), |passed| passed.to_string());
        let columns = METRICS.map(|metric| metric.column).join(", ");
        let values = values.map(number).join(", ");
        self.run(&format!(
            "INSERT INTO session_results (org_id, assessment_id, session_id, ended_at, version, tests_passed_at_end, \
             {columns}) VALUES ('{org}', '{assessment}', '{name}', 1, 1, {passed}, {values})"
        ))
        .await;
    }

    async fn cohort(&self, subject: Option<Subject>, distribution: bool) -> Value {
        let stats = self.log.cohort(ORG, ASSESSMENT, subject.as_ref(), distribution).await.unwrap();
        serde_json::to_value(stats).unwrap()
    }
}

#[tokio::test]
async fn twelve_sessions_give_multiples_of_one_eleventh() {
    let store = Store::start().await;
    assert_eq!(store.cohort(Some(subject("s1", None)), true).await, Value::Null);
    for n in 1..=12 {
        let x = f64::from(n);
        let values = [
            Some(x * 1000.5 - 0.5 * x),          // 1000 to 12000
            Some(x),                             // 1 to 12
            (n > 2).then_some(1.0 / x),          // null for two
            Some(if n < 7 { 0.5 } else { 1.5 }), // ties
            None,                                // nobody
            (n == 3).then_some(180_000.0),       // one alone
        ];
        let passed = [None, Some(true), Some(false)][usize::try_from(n % 3).unwrap()];
        store.ended(ORG, ASSESSMENT, &format!("s{n}"), values, passed).await;
    }
    // None of these belongs to the cohort.
    let odd = [Some(1.0); 6];
    store.ended(OTHER_ORG, ASSESSMENT, "s99", odd, Some(true)).await;
    store.ended(ORG, Uuid::nil(), "s98", odd, Some(true)).await;
    let running = ResultContext {
        assessment: Some(ASSESSMENT),
        candidate_key: None,
        created_at: at(0),
        ended_at: None,
        version: 1,
        derived_at: at(0),
    };
    store.log.derive_results(&session("running"), &running).await.unwrap();

    let metrics = json!({
        "avgDurationMs": 6500,
        "avgPromptCount": 6.5,
        // (1/3 + 1/4 + … + 1/12) / 10
        "avgCommandFailRate": 0.160,
        "avgVerifyIntensity": 1.0,
        "avgManualEditRatio": 0.0,
        "avgFirstChangeLatencyMs": 180_000,
        "testPassRate": 33,
    });
    assert_eq!(store.cohort(None, false).await, json!({ "sessionCount": 12, "metrics": metrics }));
    let expect = async |name: &str, percentiles: Value| {
        let expected = json!({ "sessionCount": 12, "metrics": metrics, "percentiles": percentiles });
        assert_eq!(store.cohort(Some(subject(name, None)), false).await, expected, "{name}");
    };
    #[rustfmt::skip]
    let cases = [
        ("s4", json!({ "durationMs": 0.727, "promptCount": 0.727, "commandFailRate": 0.111, "verifyIntensity": 0.0,
                       "manualEditRatio": null, "firstChangeLatencyMs": null })),
        ("s7", json!({ "durationMs": 0.455, "promptCount": 0.455, "commandFailRate": 0.444, "verifyIntensity": 0.545,
                       "manualEditRatio": null, "firstChangeLatencyMs": null })),
        ("s1", json!({ "durationMs": 1.0, "promptCount": 1.0, "commandFailRate": null, "verifyIntensity": 0.0,
                       "manualEditRatio": null, "firstChangeLatencyMs": null })),
        ("s3", json!({ "durationMs": 0.818, "promptCount": 0.818, "commandFailRate": 0.0, "verifyIntensity": 0.0,
                       "manualEditRatio": null, "firstChangeLatencyMs": null })),
        // Not in the cohort, and nothing is known of it.
        ("s98", json!({ "durationMs": null, "promptCount": null, "commandFailRate": null, "verifyIntensity": null,
                        "manualEditRatio": null, "firstChangeLatencyMs": null })),
    ];
    for (name, percentiles) in cases {
        expect(name, percentiles).await;
    }

    // Running: against the twelve plus itself. A tie (verifyIntensity) is not better; n = 1 has no rank.
    let values = [Some(3500.0), Some(0.0), Some(1.0 / 12.0), Some(1.5), Some(0.5), Some(180_001.0)];
    let percentiles = json!({
        "durationMs": 0.75, "promptCount": 1.0, "commandFailRate": 0.9, "verifyIntensity": 0.5,
        "manualEditRatio": null, "firstChangeLatencyMs": 1.0,
    });
    assert_eq!(
        store.cohort(Some(subject("running", Some(values))), false).await,
        json!({ "sessionCount": 12, "metrics": metrics, "percentiles": percentiles, "provisional": true })
    );
    // A member's own row counts, not what the caller thinks.
    let member = store.cohort(Some(subject("s4", Some(values))), false).await;
    assert_eq!((&member["percentiles"]["durationMs"], &member["provisional"]), (&json!(0.727), &Value::Null));
}

#[tokio::test]
async fn a_cohort_of_one_has_no_percentiles_but_ranks_a_running_session() {
    let store = Store::start().await;
    store.ended(ORG, ASSESSMENT, "s1", [Some(10.0), Some(2.0), None, None, None, None], Some(true)).await;
    let alone = store.cohort(Some(subject("s1", None)), false).await;
    assert_eq!(alone.get("percentiles"), None);
    assert_eq!(alone["metrics"]["testPassRate"], json!(100));
    assert_eq!(alone["metrics"]["avgFirstChangeLatencyMs"], Value::Null);
    assert_eq!(alone["metrics"]["avgVerifyIntensity"], json!(0.0));
    let running = [Some(9.0), Some(2.0), None, Some(1.0), None, None];
    let provisional = store.cohort(Some(subject("s2", Some(running))), false).await;
    assert_eq!(provisional["provisional"], json!(true));
    assert_eq!(provisional["sessionCount"], json!(1));
    assert_eq!(
        provisional["percentiles"],
        json!({ "durationMs": 1.0, "promptCount": 0.0, "commandFailRate": null, "verifyIntensity": null,
                "manualEditRatio": null, "firstChangeLatencyMs": null })
    );
}

#[tokio::test]
async fn a_distribution_has_linear_quantiles_and_ten_bins() {
    let store = Store::start().await;
    for n in 0..=10u32 {
        let x = f64::from(n * n);
        store.ended(ORG, ASSESSMENT, &format!("s{n}"), [Some(x), Some(7.0), None, None, None, None], None).await;
    }
    let stats = store.cohort(None, true).await;
    let bin = |n: u32, count: u32| json!({ "lo": f64::from(n) * 10.0, "hi": f64::from(n + 1) * 10.0, "count": count });
    // 0 1 4 9 | 16 | 25 | 36 | 49 | – | 64 | – | 81 | 100
    let counts = [4, 1, 1, 1, 1, 0, 1, 0, 1, 1];
    let histogram: Vec<Value> = (0..).zip(counts).map(|(n, count)| bin(n, count)).collect();
    assert_eq!(
        stats["distribution"],
        json!({
            "durationMs": { "min": 0.0, "p10": 1.0, "p25": 6.5, "p50": 25.0, "p75": 56.5, "p90": 81.0, "max": 100.0,
                            "histogram": histogram },
            "promptCount": { "min": 7.0, "p10": 7.0, "p25": 7.0, "p50": 7.0, "p75": 7.0, "p90": 7.0, "max": 7.0,
                             "histogram": [{ "lo": 7.0, "hi": 7.0, "count": 11 }] },
            "commandFailRate": null, "verifyIntensity": null, "manualEditRatio": null, "firstChangeLatencyMs": null,
        })
    );
}

#[tokio::test]
async fn cohorts_of_random_sessions_are_those_of_the_plain_definition() {
    let store = Store::start().await;
    let mut runner = TestRunner::default();
    let mut values: Vec<Values> = Vec::new();
    for number in 0..25i64 {
        let name = format!("s{number}");
        let mut envelopes = arb_session(&mut runner, &name);
        envelopes.push(event(&name, "session_start", 0, json!({})));
        let events = logged(ORG, &envelopes);
        store.log.append_events(&events).await.unwrap();
        let created_at = at(START_MILLIS);
        let ended_at = Some(at(START_MILLIS + (number % 9) * 1_000_000));
        let context = ResultContext {
            assessment: Some(ASSESSMENT),
            candidate_key: None,
            created_at,
            ended_at,
            version: 1,
            derived_at: at(START_MILLIS),
        };
        store.log.derive_results(&session(&name), &context).await.unwrap();
        let events: Vec<(u64, &Event)> = events.iter().map(|one| (one.stored.seq, &one.stored.event)).collect();
        let signals = Signals::of(&Totals::fold(events), Span { created_at, ended_at });
        values.push(METRICS.map(|metric| metric.value_of(&signals)));
    }
    let column = |metric: usize| values.iter().filter_map(|row| row[metric]).collect::<Vec<f64>>();
    for (number, own) in values.iter().enumerate() {
        // As a member, and as if it ran: then its twin in the cohort is one more to compare with.
        let name = format!("s{number}");
        let as_member = store.cohort(Some(subject(&name, None)), false).await;
        let as_stranger = store.cohort(Some(subject("stranger", Some(*own))), false).await;
        for (index, metric) in METRICS.iter().enumerate() {
            let mut cohort = column(index);
            let expected = own[index].and_then(|value| metric.percentile(value, &cohort));
            assert_eq!(as_member["percentiles"][metric.name], json!(expected), "{name} {}", metric.name);
            cohort.extend(own[index]);
            let expected = own[index].and_then(|value| metric.percentile(value, &cohort));
            assert_eq!(as_stranger["percentiles"][metric.name], json!(expected), "{name} {}", metric.name);
        }
    }
    let stats = store.cohort(None, true).await;
    for (index, metric) in METRICS.iter().enumerate() {
        let mut sorted = column(index);
        sorted.sort_by(f64::total_cmp);
        let spread = &stats["distribution"][metric.name];
        assert_eq!(spread["min"], json!(sorted[0]));
        assert_eq!(spread["max"], json!(sorted[sorted.len() - 1]));
        let counts = spread["histogram"].as_array().unwrap().iter().map(|bin| bin["count"].as_u64().unwrap());
        assert_eq!(usize::try_from(counts.sum::<u64>()), Ok(sorted.len()), "{}", metric.name);
    }
}
