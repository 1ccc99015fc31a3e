//! Artifacts that are kept: what they are served from, and `promptster-server derive`, which makes them anew.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::harness::{TestApp, event_at, eventually, program};
use crate::playing::{START, post_all, prompts};

/// What `derive` prints with these flags; it has to end well.
async fn derive(app: &TestApp, flags: &[&str]) -> String {
    let (well, printed, said) = try_to_derive(app, flags).await;
    assert!(well, "{printed}{said}");
    printed
}

async fn try_to_derive(app: &TestApp, flags: &[&str]) -> (bool, String, String) {
    let mut command = program();
    command.args(["derive", "--redis-url", &app.redis_url(), "--clickhouse-url", app.clickhouse_url()]).args(flags);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

async fn sql(app: &TestApp, statement: &str) -> String {
    let reply = app.anonymous().at(app.clickhouse_url()).post_bytes("/?database=promptster", statement).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.text
}

/// Every artifact that is kept: by session and kind, its bytes.
async fn kept(app: &TestApp) -> BTreeMap<(String, String), String> {
    let rows = sql(app, "SELECT session_id, kind, data FROM artifacts FINAL FORMAT JSONCompactEachRow").await;
    let row = |line: &str| {
        let [session, kind, data]: [String; 3] = serde_json::from_str(line).unwrap();
        ((session, kind), data)
    };
    rows.lines().map(row).collect()
}

/// Puts other data in the place of what is kept of a session's first artifact, by rules of the version `rules`.
async fn forge(app: &TestApp, rules: &str) {
    let row = format!("org_id, session_id, kind, {rules}, last_seq, ended_at, '{{\"forged\":true}}', version + 1");
    sql(app, &format!("INSERT INTO artifacts SELECT {row} FROM artifacts FINAL")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_served_while_it_is_of_the_same_events_and_rules() {
    let app = TestApp::start().await;
    let candidate = app.candidate(&app.assessment().await).await;
    post_all(&candidate, &prompts(&candidate.session, 1..=3)).await;
    let path = format!("/v1/sessions/{}/artifacts", candidate.session);
    candidate.complete().await.expect(200);
    let shown = async || app.reviewer().get(&path).await.expect(200);
    let data = async || shown().await["artifacts"][0]["data"].clone();
    let first = shown().await;
    let all_are_kept = async |n_events: u64| {
        eventually("the artifacts to be kept", async || {
            let kept = kept(&app).await;
            let analytics = kept.get(&(candidate.session.clone(), "analytics_v1".to_owned()))?;
            let analytics: Value = serde_json::from_str(analytics).unwrap();
            (kept.len() == 6 && analytics["eventCount"] == n_events).then_some(())
        })
        .await;
    };
    all_are_kept(3).await;
    assert_eq!(shown().await, first, "derived and kept are the same bytes");

    forge(&app, "derivation_v").await;
    assert_eq!(data().await, json!({"forged": true}), "what is kept is served, and no event read");
    let (well, printed, said) = try_to_derive(&app, &[]).await;
    assert!(well && printed.contains("changed 1") && said.contains("other than before"), "{printed}{said}");
    assert_eq!(shown().await, first);

    forge(&app, "toUInt32(999)").await;
    assert_eq!(shown().await, first, "of other rules: derived when asked for");
    all_are_kept(3).await;
    // A late event, within the grace.
    candidate.ingest("prompt", json!({"text": "late"})).await.expect(201);
    assert_eq!(data().await["eventCount"], 4);
    all_are_kept(4).await;
    assert!(derive(&app, &[]).await.contains("sessions 1: new 0, unchanged 1, changed 0, failed 0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_derived_can_be_said_and_what_cannot_is_named() {
    let mut app = TestApp::start().await;
    let assessment = app.assessment().await;
    let (done, running) = (app.candidate(&assessment).await, app.candidate(&assessment).await);
    for candidate in [&done, &running] {
        post_all(candidate, &prompts(&candidate.session, 1..=3)).await;
    }
    done.complete().await.expect(200);
    app.all_is_written().await;
    let org = app.org().id.clone();
    assert!(derive(&app, &["--org", &org]).await.contains("sessions 1:"));
    assert!(derive(&app, &["--since", "1h"]).await.contains("sessions 1:"));
    assert!(derive(&app, &["--since", "2999-01-01T00:00:00Z"]).await.contains("sessions 0:"));
    assert!(derive(&app, &["--org", &org, "--session", &done.session]).await.contains("sessions 1:"));
    for (flags, named) in [
        (vec!["--org", &org, "--session", &running.session], "the session runs"),
        (vec!["--org", &org, "--session", "nobody"], "there is no session"),
        (vec!["--session", &done.session], "--org"),
        (vec!["--since", "yesterday"], "--since"),
    ] {
        let (well, _, said) = try_to_derive(&app, &flags).await;
        assert!(!well && said.contains(named), "{flags:?}: {said}");
    }
    app.kill_clickhouse();
    let (well, _, said) = try_to_derive(&app, &[]).await;
    assert!(!well && said.contains("ClickHouse"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_derived_is_named_and_holds_no_other_up() {
    let app = TestApp::start().await;
    let assessment = app.assessment().await;
    let (well, ill, other) =
        (app.candidate(&assessment).await, app.candidate(&assessment).await, app.candidate(&assessment).await);
    for candidate in [&well, &ill, &other] {
        post_all(candidate, &prompts(&candidate.session, 1..=3)).await;
        candidate.complete().await.expect(200);
    }
    eventually("the artifacts to be kept", async || (kept(&app).await.len() == 18).then_some(())).await;
    let before = kept(&app).await;
    sql(&app, "TRUNCATE TABLE artifacts").await;
    // What a disk or a hand may do: a later version of an event that is none.
    let damaged = format!(
        "INSERT INTO events SELECT * REPLACE ('no event' AS raw, version + 1 AS version) FROM events FINAL \
         WHERE session_id = '{}' AND seq = 2",
        ill.session
    );
    sql(&app, &damaged).await;
    let (ended_well, printed, said) = try_to_derive(&app, &[]).await;
    assert!(!ended_well && printed.contains("sessions 3: new 2, unchanged 0, changed 0, failed 1"), "{printed}{said}");
    assert!(said.contains(&ill.session) && said.contains("1 sessions could not be derived"), "{said}");
    assert!(!said.contains(&well.session) && !said.contains(&other.session), "{said}");
    let expected: BTreeMap<_, _> = before.into_iter().filter(|((session, _), _)| *session != ill.session).collect();
    assert_eq!(kept(&app).await, expected);
}

/// A short session, each a little other than the others.
fn session_of(session: &str, number: i64) -> Vec<Value> {
    let at = |second: i64, kind: &str, data: Value| event_at(session, START + (number + second) * 1_000, kind, data);
    let exit = number % 2;
    let mut events = vec![
        at(0, "prompt", json!({"text": format!("make test {number} pass")})),
        at(20, "file_diff", json!({"path": "src/a.rs", "linesAdded": 3 + number % 90, "linesRemoved": 1})),
        at(40, "command", json!({"command": "cargo test", "exitCode": exit})),
        at(60 + number % 500, "file_diff", json!({"path": format!("src/{}.rs", number % 7), "linesAdded": 2})),
        at(600, "decision_event", json!({"title": "Which way", "chosenOption": "this", "impactScore": 4})),
        at(700, "command", json!({"command": "cargo test", "exitCode": 0})),
    ];
    events.push(at(760, "session_end", json!({})));
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sessions_derived_twice_give_the_same_bytes() {
    let mut app = TestApp::with(&["--ingest-per-minute=1000000", "--ingest-burst=100000"]).await;
    let assessment = app.assessment().await;
    let mut keys = Vec::new();
    while keys.len() < 1_000 {
        keys.extend(app.keys(&assessment, 50).await);
    }
    let numbered: Vec<(i64, Value)> = (0..).zip(keys).collect();
    let play = async |(number, key): (i64, Value)| {
        let key = key["key"].as_str().unwrap().to_owned();
        app.anonymous().post("/v1/candidate/consent", json!({"key": key})).await.expect(200);
        let session = format!("session-{number}");
        let events = session_of(&session, number);
        post_all(&app.api_key(&key), &events).await;
        (session, events.iter().map(|event| event["id"].clone()).collect())
    };
    let of_sessions: BTreeMap<String, Vec<Value>> =
        stream::iter(numbered.into_iter().map(play)).buffer_unordered(16).collect().await;
    app.all_is_written().await;

    let first = derive(&app, &["--since", "1d"]).await;
    assert!(first.contains("sessions 1000:") && first.contains("changed 0, failed 0"), "{first}");
    let before = kept(&app).await;
    assert_eq!(before.len(), 6_000);
    // Without what is kept, and without a server that would make it as well: all of it is written anew.
    app.stop_server();
    sql(&app, "TRUNCATE TABLE artifacts").await;
    let second = derive(&app, &[]).await;
    assert!(second.contains("sessions 1000: new 1000, unchanged 0, changed 0, failed 0"), "{second}");
    assert_eq!(kept(&app).await, before, "byte for byte");

    let summaries = before.iter().filter(|((_, kind), _)| kind == "candidate_summary");
    let mut n_sentences = 0;
    for ((session, _), data) in summaries {
        let summary: Value = serde_json::from_str(data).unwrap();
        for sentence in summary["sentences"].as_array().unwrap() {
            let events = sentence["events"].as_array().unwrap();
            let are_its_own = events.iter().all(|event| of_sessions[session].contains(&event["id"]));
            assert!(!events.is_empty() && are_its_own, "{session}: {sentence}");
            n_sentences += 1;
        }
    }
    assert!(n_sentences >= 1_000, "{n_sentences}");
    let seen: std::collections::BTreeSet<&String> = before.values().collect();
    assert!(seen.len() > 1_000, "they differ from session to session: {}", seen.len());
}
