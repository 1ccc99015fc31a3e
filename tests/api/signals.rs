//! The signals of a session, held to the plain definition.

use clickhouse_schema::{Config, EventLog};
use domain::signals::{Signals, Span};
use domain::testing::arb_events;
use domain::{OrgId, SessionRef, Totals};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::harness::{Candidate, TestApp, event, eventually, shown};
use crate::playing::{candidate, events_of, instant, post_all, session, timeline};

async fn signals(avocet: &Candidate) -> Value {
    avocet.get(&format!("/v1/sessions/{}/signals", avocet.session)).await.expect(200)
}

/// What the timeline's events add up to, and the signals that this makes.
async fn folded(avocet: &Candidate) -> (Totals, Value) {
    let events = events_of(&timeline(avocet, &avocet.session).await);
    let totals = Totals::fold(events.iter().map(|(seq, event)| (*seq, event)));
    let session = session(avocet, &avocet.session).await;
    let ended_at = session["endedAt"].is_string().then(|| instant(&session["endedAt"]));
    let span = Span { created_at: instant(&session["createdAt"]), ended_at };
    let signals = Signals::of(&totals, span).to_json();
    (totals, signals)
}

#[tokio::test]
async fn redis_clickhouse_and_a_plain_fold_agree_on_random_sessions() {
    let app = TestApp::start().await;
    let log = EventLog::new(&log_config(&app));
    let assessment = app.assessment().await;
    let mut random = TestRunner::deterministic();
    for n_events in [1, 3, 20, 60, 150, 400] {
        let avocet = app.candidate(&assessment).await;
        let mut events = arb_events(n_events).new_tree(&mut random).unwrap().current();
        for event in &mut events {
            event["sessionId"] = json!(avocet.session);
        }
        // In several batches and by both doors, some of it twice: only the set counts.
        let mut socket = avocet.stream().await;
        for (number, part) in events.chunks(17).enumerate() {
            if number % 2 == 0 {
                post_all(&avocet, part).await;
            } else {
                socket.send(json!({"type": "batch", "events": part})).await;
                socket.next_of("ack").await;
            }
            avocet.post("/v1/hooks/ingest", part[0].clone()).await.expect(200);
        }
        let name = SessionRef::new(OrgId::sample(app.org().id.parse().unwrap()), avocet.session.parse().unwrap());
        let (totals, expected) = folded(&avocet).await;
        let shown = signals(&avocet).await;
        assert_eq!(shown["signals"], expected);
        assert_eq!((&shown["atSeq"], &shown["sessionId"]), (&json!(n_events), &json!(avocet.session)));
        let ended = session(&avocet, &avocet.session).await["status"] == "ended";
        assert_eq!(shown["final"], ended);
        eventually("ClickHouse to have all", async || {
            let flushed = log.totals(&name).await.unwrap();
            (flushed.counts.events == u64::try_from(n_events).unwrap()).then_some(())
        })
        .await;
        assert_eq!(log.totals(&name).await.unwrap(), totals);
        assert_eq!(signals(&avocet).await["signals"], expected);
        avocet.complete().await.expect(200);
        let shown = signals(&avocet).await;
        assert_eq!((&shown["signals"], &shown["final"]), (&folded(&avocet).await.1, &json!(true)));
    }
}

fn log_config(app: &TestApp) -> Config {
    Config { url: app.clickhouse_url().to_owned(), ..Config::default() }
}

#[tokio::test]
async fn signals_come_with_confidence_counts_and_the_windows_of_the_last_minutes() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    insta::assert_json_snapshot!(
        "signals_none",
        shown(&avocet.get(&format!("/v1/sessions/{}/signals", avocet.session)).await)
    );
    let minutes_ago = |minutes: i64, mut event: Value| {
        event["ts"] = json!(instant(&event["ts"]).plus_millis(-minutes * 60_000));
        event
    };
    let command =
        |exit: i64| event(&avocet.session, "command", json!({"command": "cd app && npm test", "exitCode": exit}));
    let mut change = event(&avocet.session, "file_diff", json!({"path": "a.rs", "linesAdded": 3}));
    change["provenance"] = json!({"attribution": "mixed"});
    let prompt = || event(&avocet.session, "prompt", json!({}));
    post_all(
        &avocet,
        &[
            minutes_ago(60, prompt()),
            minutes_ago(10, prompt()),
            minutes_ago(10, command(1)),
            prompt(),
            command(0),
            command(1),
            minutes_ago(9, change.clone()),
        ],
    )
    .await;
    let shown = signals(&avocet).await;
    let value = |name: &str| (shown["signals"][name]["value"].clone(), shown["signals"][name]["confidence"].clone());
    assert_eq!(value("promptCount"), (json!(3), json!("high")));
    assert_eq!(value("commandFailRate"), (json!(0.6667), json!("moderate")));
    assert_eq!(value("verifyIntensity"), (json!(3.0), json!("moderate")));
    assert_eq!(value("aiAttributionPct"), (json!(50.0), json!("moderate")));
    assert_eq!(value("manualEditRatio"), (json!(0.0), json!("moderate")));
    assert_eq!(value("testsPassedAtEnd").1, "high");
    let counts = json!({"commandFailCount": 2, "commandCount": 3});
    assert_eq!(shown["signals"]["commandFailRate"]["counts"], counts);
    let expected = json!({"promptCount": 1, "commandCount": 2, "commandFailRate": 0.5, "fileChangeCount": 0, "verifyIntensity": null});
    assert_eq!(shown["windows"]["5m"], expected);
    let expected = json!({"promptCount": 2, "commandCount": 3, "commandFailRate": 0.6667, "fileChangeCount": 1, "verifyIntensity": 3.0});
    assert_eq!(shown["windows"]["15m"], expected);
}
