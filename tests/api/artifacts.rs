//! What is derived of a session (http-api.md §7): of one that has ended, the same each time, each with its evidence.

use serde_json::{Value, json};

use crate::harness::TestApp;

/// The ids that stand under `events` anywhere in an artifact.
fn evidence<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if name == "events" {
                    let events = member.as_array().into_iter().flatten();
                    found.extend(events.filter_map(|event| event["id"].as_str()));
                }
                evidence(member, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| evidence(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn artifacts_are_there_when_the_session_has_ended_and_point_at_its_events() {
    let app = TestApp::start().await;
    let candidate = app.candidate(&app.assessment().await).await;
    let path = |what: &str| format!("/v1/sessions/{}/{what}", candidate.session);
    let mut ids = Vec::new();
    for (kind, data) in [
        ("prompt", json!({"text": "make the tests pass"})),
        ("file_diff", json!({"path": "src/a.rs", "linesAdded": 12, "linesRemoved": 3})),
        ("command", json!({"command": "cargo test", "exitCode": 101})),
        ("command", json!({"command": "cargo test", "exitCode": 0})),
    ] {
        let sent = candidate.ingest(kind, data).await.expect(201);
        ids.push(sent["id"].as_str().unwrap().to_owned());
    }
    let reviewer = app.reviewer();
    assert_eq!(reviewer.get(&path("artifacts")).await.expect(200), json!({"artifacts": []}), "it runs");
    assert_eq!(reviewer.get(&path("analytics")).await.expect(200)["analytics"], Value::Null);

    candidate.complete().await.expect(200);
    let first = reviewer.get(&path("artifacts")).await.expect(200);
    assert_eq!(reviewer.get(&path("artifacts")).await.expect(200), first, "the same each time");
    assert_eq!(candidate.get(&path("artifacts")).await.expect(200), first, "the candidate sees its own");
    let artifacts = first["artifacts"].as_array().unwrap();
    let kinds: Vec<_> = artifacts.iter().map(|artifact| artifact["kind"].as_str().unwrap()).collect();
    let summary = "candidate_summary";
    let all =
        ["analytics_v1", "data_points_v1", "key_moments_v1", "test_results_v1", "interview_followups_v1", summary];
    assert_eq!(kinds, all);
    let mut named = Vec::new();
    evidence(&first, &mut named);
    assert!(!named.is_empty());
    for id in named {
        assert!(ids.iter().any(|known| known == id), "{id} is no event of the session");
    }
    let analytics = reviewer.get(&path("analytics")).await.expect(200);
    assert_eq!((&analytics["analytics"], &analytics["kind"]), (&artifacts[0]["data"], &json!("analytics_v1")));
    assert_eq!(analytics["analytics"]["eventCount"], 4);
}
