//! What a candidate's tools report, the list of all candidates, and what happened lately.

use serde_json::{Value, json};

use crate::harness::{Candidate, TestApp, User, event, shown, wrong_fields};
use crate::playing::{candidate, post_all, session, timeline};

const DEVICE_CHECK: &str = "/v1/candidate/device-check";
const WORKSPACE_COMMIT: &str = "/v1/candidate/workspace-commit";

fn fingerprint(shell: &str) -> Value {
    json!({"os": "linux", "arch": "amd64", "machineIdHash": "", "shell": shell, "cpuCount": 8, "ramBytes": u64::MAX})
}

#[tokio::test]
async fn a_device_check_is_a_checkpoint_of_the_session_and_a_repeat_is_none() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    for (checkpoint, shell) in [("start", "zsh"), ("start", "zsh"), ("start", "bash"), ("done", "zsh")] {
        let report = json!({"checkpoint": checkpoint, "fingerprint": fingerprint(shell), "extra": 1});
        assert_eq!(avocet.post(DEVICE_CHECK, report).await.expect(200), json!({"ok": true}));
    }
    let rows = timeline(&app.reviewer(), &avocet.session).await;
    assert_eq!(rows.len(), 3);
    let start = rows.iter().find(|row| row["data"]["label"] == "start").unwrap();
    assert_eq!((&start["kind"], &start["data"]["trigger"]), (&json!("checkpoint"), &json!("device-check")));
    assert_eq!(start["data"]["fingerprint"]["ramBytes"], u64::MAX);
    assert_eq!(start["source"]["channel"], "api");
    assert_eq!(start["source"]["emitter"], "promptster-server");

    for (body, wrong) in [
        (json!({}), vec!["checkpoint", "fingerprint"]),
        (json!({"checkpoint": "", "fingerprint": []}), vec!["checkpoint", "fingerprint"]),
        (json!({"checkpoint": "x".repeat(65), "fingerprint": {}}), vec!["checkpoint"]),
        (json!({"checkpoint": 1, "fingerprint": null}), vec!["checkpoint", "fingerprint"]),
    ] {
        let reply = avocet.post(DEVICE_CHECK, body).await;
        reply.refused(400, "validation_failed");
        assert_eq!(wrong_fields(&reply), wrong);
    }
    avocet.post(DEVICE_CHECK, json!({"checkpoint": "x".repeat(64), "fingerprint": {}})).await.expect(200);
    let unused = app.keys(&avocet.assessment, 1).await.remove(0);
    let unused = app.api_key(unused["key"].as_str().unwrap());
    let early = unused.post(DEVICE_CHECK, json!({"checkpoint": "start", "fingerprint": {}})).await;
    early.refused(409, "not_redeemed");
    assert_eq!(app.reviewer().get("/v1/sessions").await.expect(200)["total"], 1);
}

#[tokio::test]
async fn the_commit_of_the_workspace_stands_in_the_metadata() {
    let app = TestApp::start().await;
    let (avocet, egret) = (candidate(&app).await, candidate(&app).await);
    let note = async |user: &User, session: &str, sha: &str| {
        user.post(WORKSPACE_COMMIT, json!({"sessionId": session, "commitSha": sha})).await
    };
    for sha in ["abcdef0", &"A".repeat(64)] {
        assert_eq!(note(&avocet, &avocet.session, sha).await.expect(200), json!({"ok": true}));
    }
    assert_eq!(session(&avocet, &avocet.session).await["metadata"], json!({"workspaceCommit": "a".repeat(64)}));
    for bad in ["abcdef", &"a".repeat(65), "abcdefg", ""] {
        let reply = note(&avocet, &avocet.session, bad).await;
        assert_eq!((reply.status, wrong_fields(&reply)), (400, vec!["commitSha".to_owned()]));
    }
    let empty = avocet.post(WORKSPACE_COMMIT, json!({"sessionId": 7})).await;
    assert_eq!(wrong_fields(&empty), ["commitSha", "sessionId"]);
    note(&egret, &avocet.session, "abcdef0").await.refused(403, "session_mismatch");
    note(&app.api_key(&avocet.key), "unknown", "abcdef0").await.refused(403, "session_mismatch");
    assert_eq!(session(&egret, &egret.session).await["metadata"], json!({}));
}

#[tokio::test]
async fn all_candidates_are_listed_newest_first_with_the_title_of_their_assessment() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    insta::assert_json_snapshot!("candidates_none", shown(&reviewer.get("/v1/candidates").await));
    let first = app.assessment_with(json!({"title": "First"})).await;
    let second = app.assessment_with(json!({"title": "Second"})).await;
    let mut ids: Vec<Value> = app.keys(&first, 2).await.iter().map(|key| key["id"].clone()).collect();
    ids.extend(app.keys(&second, 1).await.iter().map(|key| key["id"].clone()));
    ids.reverse();
    let list = async |query: &str| reviewer.get(&format!("/v1/candidates{query}")).await.expect(200);
    let listed = |page: &Value| -> Vec<Value> {
        page["candidates"].as_array().unwrap().iter().map(|key| key["id"].clone()).collect()
    };
    let all = list("").await;
    assert_eq!(
        (listed(&all), &all["total"], &all["limit"], &all["offset"]),
        (ids.clone(), &json!(3), &json!(50), &json!(0))
    );
    assert_eq!(
        (&all["candidates"][0]["assessmentTitle"], &all["candidates"][2]["assessmentTitle"]),
        (&json!("Second"), &json!("First"))
    );
    assert_eq!(all["candidates"][0]["assessmentId"], json!(second));
    let of_assessment = reviewer.get(&format!("/v1/assessments/{second}/keys")).await.expect(200);
    for (name, value) in of_assessment["keys"][0].as_object().unwrap() {
        assert_eq!(&all["candidates"][0][name], value, "{name}");
    }
    let page = list("?limit=1&offset=1").await;
    assert_eq!((listed(&page), &page["total"]), (ids[1..2].to_vec(), &json!(3)));
    for (query, limit) in [("?limit=0", 1), ("?limit=201", 200), ("?limit=-1", 1)] {
        assert_eq!(list(query).await["limit"], limit, "{query}");
    }
    reviewer.get("/v1/candidates?limit=ten").await.refused(400, "invalid_query");
    reviewer.get("/v1/candidates?offset=1.5").await.refused(400, "invalid_query");

    reviewer.delete(&format!("/v1/assessments/{first}/keys/{}", ids[1].as_str().unwrap())).await.expect(200);
    let left = list("").await;
    assert_eq!((listed(&left), &left["total"]), (vec![ids[0].clone(), ids[2].clone()], &json!(2)));
    reviewer.delete(&format!("/v1/assessments/{second}")).await.expect(200);
    assert_eq!(listed(&list("").await), [ids[2].clone()]);
    assert_eq!(app.other_org().await.get("/v1/candidates").await.expect(200)["total"], 0);
}

async fn recent(user: &User, candidate: &Candidate, query: &str) -> Value {
    user.get(&format!("/v1/sessions/{}/recent-activity{query}", candidate.session)).await.expect(200)
}

#[tokio::test]
async fn recent_activity_tells_what_happened_lately() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let nothing = recent(&avocet, &avocet, "").await;
    assert_eq!(
        nothing,
        json!({
            "summary": "Nothing happened in the last 20 minutes.",
            "recentActivity": {"filesChanged": [], "commands": [], "promptCount": 0},
            "periodMinutes": 20,
            "eventCount": 0,
        })
    );
    let aged = |minutes: i64, kind: &str, data: Value| {
        let mut event = event(&avocet.session, kind, data);
        let now = domain::Timestamp::parse_rfc3339(event["ts"].as_str().unwrap()).unwrap();
        event["ts"] = json!(now.plus_millis(-minutes * 60_000));
        event
    };
    // All of it is old: what counts is the time before the last event.
    post_all(&avocet, &[aged(300, "prompt", json!({"text": "a"})), aged(290, "command", json!({"command": "ls"}))])
        .await;
    let old = recent(&avocet, &avocet, "").await;
    assert_eq!((&old["eventCount"], &old["recentActivity"]["commands"]), (&json!(2), &json!(["ls"])));
    assert_eq!(old["summary"], "0 files changed, 1 command run and 1 prompt in the last 20 minutes of activity.");
    assert_eq!(recent(&avocet, &avocet, "?minutes=5").await["eventCount"], 1);

    let diff = |path: &str| json!({"path": path, "linesAdded": 1, "linesRemoved": 0});
    post_all(
        &avocet,
        &[
            aged(30, "file_diff", diff("old.rs")),
            aged(10, "file_diff", diff("a.rs")),
            aged(9, "file_diff", diff("b.rs")),
            aged(8, "file_diff", diff("a.rs")),
            aged(7, "command", json!({"command": "cargo test", "exitCode": 0})),
            aged(2, "prompt", json!({"text": "go on"})),
        ],
    )
    .await;
    let now = recent(&avocet, &avocet, "").await;
    assert_eq!(now["summary"], "2 files changed, 1 command run and 1 prompt in the last 20 minutes.");
    assert_eq!(
        now["recentActivity"],
        json!({"filesChanged": ["a.rs", "b.rs"], "commands": ["cargo test"], "promptCount": 1})
    );
    assert_eq!((&now["eventCount"], &now["periodMinutes"]), (&json!(5), &json!(20)));
    assert_eq!(recent(&app.reviewer(), &avocet, "?minutes=60").await["eventCount"], 6);
    for (query, minutes) in [("?minutes=0", 1), ("?minutes=61", 60), ("?minutes=-9", 1)] {
        assert_eq!(recent(&avocet, &avocet, query).await["periodMinutes"], minutes, "{query}");
    }
    let path = format!("/v1/sessions/{}/recent-activity?minutes=soon", avocet.session);
    avocet.get(&path).await.refused(400, "invalid_query");
}
