//! `promptster-server import`: what one server exported, another takes in.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{Candidate, TestApp, eventually, program};
use crate::playing::{START, arrivals, post_all};

/// Runs it on an organisation of `app`; whether it ended well, and what it said.
async fn import(app: &TestApp, flags: &[&str], files: &[&Path]) -> (bool, String) {
    let mut command = program();
    command.args(["import", "--redis-url", &app.redis_url(), "--clickhouse-url", app.clickhouse_url()]);
    if !flags.contains(&"--org") {
        command.args(["--org", &app.org().id]);
    }
    command.args(flags).args(files);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout) + &text(output.stderr))
}

/// A session with several kinds that arrived against the order of their times, and has ended.
async fn played(app: &TestApp) -> Candidate {
    let wren = app.candidate(&app.assessment().await).await;
    let kinds = [
        ("prompt", json!({"text": "größe\u{2028}\n"})),
        ("file_diff", json!({"path": "src/a.rs", "linesAdded": 3, "linesRemoved": 1})),
        ("command", json!({"command": "cargo test", "exitCode": 1})),
        ("decision_event", json!({"title": "Which way", "chosenOption": "this"})),
        ("command", json!({"command": "cargo test", "exitCode": 0})),
    ];
    let event = |n: usize| {
        let (kind, data) = &kinds[n % kinds.len()];
        let at = START + 600_000 - i64::try_from(n).unwrap() * 1_000;
        crate::harness::event_at(&wren.session, at, kind, data.clone())
    };
    post_all(&wren, &(0..450).map(event).collect::<Vec<_>>()).await;
    wren.complete().await.expect(200);
    wren
}

async fn export(app: &TestApp, of: &Candidate, folder: &Path) -> PathBuf {
    let path = folder.join("session.ndjson");
    let reply = app.reviewer().get(&format!("/v1/sessions/{}/export", of.session)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    std::fs::write(&path, &reply.text).unwrap();
    path
}

/// What there is to see of a session, but for what is of one server alone.
async fn seen(app: &TestApp, session: &str) -> Value {
    let reviewer = app.reviewer();
    let mut rows = arrivals(&reviewer, session).await;
    for row in &mut rows {
        let row = row.as_object_mut().unwrap();
        for own in ["receivedAt", "createdAt", "orgId"] {
            row.remove(own);
        }
    }
    let read = async |what: &str| reviewer.get(&format!("/v1/sessions/{session}{what}")).await.expect(200);
    let artifacts = read("/artifacts").await["artifacts"].clone();
    let artifacts: Vec<_> = artifacts.as_array().unwrap().iter().map(|one| json!([one["kind"], one["data"]])).collect();
    let session = read("").await["session"].clone();
    let session: Vec<_> = ["startedAt", "endedAt", "eventCount", "candidateName", "sourceService", "status"]
        .map(|name| session[name].clone())
        .into();
    json!([rows, read("/signals").await["signals"], artifacts, session])
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_shows_the_same_session() {
    let (from, to) = (TestApp::start().await, TestApp::start().await);
    let folder = tempfile::tempdir().unwrap();
    let wren = played(&from).await;
    let file = export(&from, &wren, folder.path()).await;
    let assessment = to.assessment().await;

    // As if the first try had been cut off.
    let whole = std::fs::read_to_string(&file).unwrap();
    let half = folder.path().join("half.ndjson");
    let mut lines: Vec<_> = whole.lines().take(201).map(str::to_owned).collect();
    lines[0] = lines[0].replacen(r#""endedAt":""#, r#""endedAtOnce":""#, 1);
    lines.push(r#"{"type":"end","eventCount":200}"#.to_owned());
    std::fs::write(&half, lines.join("\n")).unwrap();
    let flags = ["--assessment", &assessment];
    let (well, said) = import(&to, &flags, &[&half]).await;
    assert!(well && said.contains("200 events imported, 0 were there"), "{said}");
    let (well, said) = import(&to, &flags, &[&file]).await;
    assert!(well && said.contains("250 events imported, 200 were there"), "{said}");

    to.all_is_written().await;
    assert_eq!(seen(&to, &wren.session).await, seen(&from, &wren.session).await);
    eventually("its place in the cohort", async || {
        let stats = to.reviewer().get(&format!("/v1/assessments/{assessment}/cohort-stats")).await;
        (stats.body["cohortStats"]["sessionCount"] == 1).then_some(())
    })
    .await;
    let (well, said) = import(&to, &flags, &[&file]).await;
    assert!(well && said.contains("0 events imported, 450 were there"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_whole_or_not_the_same_is_refused_and_nothing_written() {
    let (from, to) = (TestApp::start().await, TestApp::start().await);
    let folder = tempfile::tempdir().unwrap();
    let wren = played(&from).await;
    let file = export(&from, &wren, folder.path()).await;
    let lines: Vec<_> = std::fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect();
    let cut = lines.len() - 1;
    let without = |n: usize| [&lines[..n], &lines[n + 1..]].concat();
    let with = |n: usize, from: &str, to: &str| {
        let mut changed = lines.clone();
        assert!(changed[n].contains(from), "{}", changed[n]);
        changed[n] = changed[n].replacen(from, to, 1);
        changed
    };
    for (changed, named) in [
        (lines[..cut].to_vec(), "broken off"),
        (without(7), "line 8: seq 7 is missing"),
        (without(0), "no export"),
        (vec!["nonsense".to_owned()], "line 1"),
        (Vec::new(), "empty"),
        (with(0, r#""exportV":1"#, r#""exportV":2"#), "exportV is 2"),
        (with(3, &wren.session, "another"), "line 4: an event of another session"),
        (with(5, r#""kind":"#, r#""kin":"#), r#"["kind"]"#),
        (with(cut, r#""eventCount":450"#, r#""eventCount":451"#), "ends with 451"),
    ] {
        let broken = folder.path().join("broken.ndjson");
        std::fs::write(&broken, changed.join("\n")).unwrap();
        let (well, said) = import(&to, &[], &[&broken]).await;
        assert!(!well && said.contains(named) && said.contains("broken.ndjson"), "{named}: {said}");
    }
    let nobody = uuid::Uuid::new_v4().to_string();
    for (flags, named) in [(["--assessment", &nobody], "no assessment"), (["--org", &nobody], "no organisation")] {
        let (well, said) = import(&to, &flags, &[&file]).await;
        assert!(!well && said.contains(named), "{said}");
    }
    to.reviewer().get(&format!("/v1/sessions/{}", wren.session)).await.expect(404);
    // Where the candidate worked, the session is the candidate's.
    let (well, said) = import(&from, &[], &[&file]).await;
    assert!(!well && said.contains("another one"), "{said}");
    assert_eq!(arrivals(&from.reviewer(), &wren.session).await.len(), 450);
}
