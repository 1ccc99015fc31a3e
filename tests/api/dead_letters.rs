//! What nobody can read stands in nobody's way, and is kept for people to look at.

use domain::{OrgId, SessionRef};
use redis_scripts::keys::SessionKeys;
use serde_json::{Value, json};

use crate::harness::{TestApp, eventually};

/// What `promptster-server dead-letters …` prints.
fn dead_letters(app: &TestApp, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_promptster-server"));
    command.arg("dead-letters").args(arguments);
    command.args(["--redis-url", &app.redis_url(), "--clickhouse-url", app.clickhouse_url()]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn listed(app: &TestApp) -> Vec<Value> {
    let lines = dead_letters(app, &["list", "--json"]);
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_nobody_can_read_holds_nobody_up_and_becomes_a_dead_letter() {
    let app = TestApp::start().await;
    let assessment = app.assessment().await;
    let (avocet, dunlin) = (app.candidate(&assessment).await, app.candidate(&assessment).await);
    avocet.ingest("prompt", json!({"text": "before"})).await.expect(201);
    let org = OrgId::sample(app.org().id.parse().unwrap());
    let session = SessionRef::new(org, avocet.session.parse().unwrap());
    let stream = SessionKeys::of(&session).partition().stream();
    for entry in [
        "nonsense value".to_owned(),
        "kind session org nobody id x state []".to_owned(),
        format!("\"7 1000 {}:{}\" cut", org, dunlin.session),
    ] {
        let added = app.redis_command(&format!("XADD {stream} * {entry}")).await;
        assert!(added.starts_with('$'), "{added}");
    }
    avocet.ingest("prompt", json!({"text": "after"})).await.expect(201);
    avocet.complete().await;
    dunlin.ingest("prompt", json!({"text": "another"})).await.expect(201);

    let letters =
        eventually("three dead letters", async || Some(listed(&app)).filter(|letters| letters.len() == 3)).await;
    let of_dunlin: Vec<_> = letters.iter().filter(|letter| letter["sessionId"] == json!(dunlin.session)).collect();
    assert_eq!(
        (of_dunlin.len(), &of_dunlin[0]["orgId"]),
        (1, &json!(app.org().id)),
        "whose it is is told where it can be"
    );
    let id =
        letters.iter().find(|letter| letter["reason"].as_str().unwrap().contains("entity")).unwrap()["eventId"].clone();
    let shown = dead_letters(&app, &["show", id.as_str().unwrap()]);
    assert!(shown.contains("kind = session"), "{shown}");
    assert!(dead_letters(&app, &["replay"]).contains("Written: 0. Staying: 3."));
    // Behind it everything went on.
    let path = format!("/v1/sessions/{}/cohort-stats", avocet.session);
    let stats = eventually("the results behind the broken entries", async || {
        Some(app.reviewer().get(&path).await.expect(200)).filter(|stats| stats["cohortStats"]["sessionCount"] == 1)
    });
    assert_eq!(stats.await["cohortStats"]["metrics"]["avgPromptCount"], 2.0);
}
