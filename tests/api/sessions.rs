//! Sessions: made, listed, read, changed, ended.

use serde_json::{Value, json};

use crate::harness::{TestApp, User, event_at, eventually, shown, wrong_fields};
use crate::playing::{START, candidate, post_all, session};

async fn list(user: &User, query: &str) -> Value {
    user.get(&format!("/v1/sessions{query}")).await.expect(200)
}

fn listed(list: &Value) -> Vec<&str> {
    list["sessions"].as_array().unwrap().iter().map(|session| session["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn sessions_are_made_by_reviewers_and_candidates() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    let body = json!({"id": "my:session.1", "sourceService": "own-tool", "metadata": {"level": {"a": [1]}}, "more": 1});
    insta::assert_json_snapshot!("session_created", shown(&reviewer.post("/v1/sessions", body.clone()).await));
    let again = reviewer.post("/v1/sessions", body.clone()).await;
    insta::assert_json_snapshot!("session_exists", shown(&again));
    insta::assert_json_snapshot!("session_get", shown(&reviewer.get("/v1/sessions/my:session.1").await));
    let other = app.other_org().await;
    other.get("/v1/sessions/my:session.1").await.refused(404, "not_found");
    other.post("/v1/sessions", body).await.expect(201);
    let made = reviewer.post("/v1/sessions", json!({})).await.expect(201);
    assert_eq!(made["session"]["id"].as_str().unwrap().len(), 36);
    let wrong = reviewer.post("/v1/sessions", json!({"id": "a b", "sourceService": "", "metadata": []})).await;
    wrong.refused(400, "validation_failed");
    assert_eq!(wrong_fields(&wrong), ["id", "metadata", "sourceService"]);
    app.read_only().await.post("/v1/sessions", json!({})).await.refused(403, "insufficient_scope");

    // A candidate's session is the one of its key, with its assessment.
    let assessment = app.assessment().await;
    let key = app.keys(&assessment, 1).await.remove(0);
    let avocet = app.api_key(key["key"].as_str().unwrap());
    assert_eq!(list(&avocet, "").await["total"], 0);
    let made = avocet.post("/v1/sessions", json!({"id": "avocet-1"})).await.expect(201);
    assert_eq!(
        (&made["session"]["assessmentId"], &made["session"]["candidateKeyId"]),
        (&json!(assessment), &key["id"])
    );
    assert_eq!(made["session"]["status"], "pending");
    avocet.post("/v1/sessions", json!({"id": "avocet-2"})).await.refused(403, "session_mismatch");
    let exists = avocet.post("/v1/sessions", json!({})).await;
    exists.refused(409, "session_exists");
    assert_eq!(exists.body["id"], "avocet-1");
    avocet.get("/v1/sessions/my:session.1").await.refused(404, "not_found");
    assert_eq!(listed(&list(&avocet, "").await), ["avocet-1"]);
    assert_eq!(list(&avocet, "?offset=1").await["sessions"], json!([]));
    assert_eq!(list(&avocet, "?status=ended").await["total"], 0);
    let keys = reviewer.get(&format!("/v1/assessments/{assessment}/keys")).await.expect(200);
    assert_eq!((&keys["keys"][0]["status"], &keys["keys"][0]["sessionId"]), (&json!("redeemed"), &json!("avocet-1")));
}

#[tokio::test]
async fn lists_are_filtered_paged_and_sorted_by_the_latest_start() {
    let app = TestApp::start().await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment().await);
    insta::assert_json_snapshot!("sessions_none", shown(&reviewer.get("/v1/sessions").await));
    let mut sessions = Vec::new();
    for number in 0..5 {
        let avocet = app.candidate(&assessment).await;
        let mut event = event_at(&avocet.session, START - number * 60_000, "prompt", json!({}));
        event["source"] = json!(if number % 2 == 0 { "claude-code" } else { "codex" });
        post_all(&avocet, &[event]).await;
        sessions.push(avocet);
    }
    let by_start: Vec<_> = sessions.iter().map(|avocet| avocet.session.as_str()).collect();
    reviewer.post("/v1/sessions", json!({"id": "manual", "sourceService": "own"})).await.expect(201);
    sessions[1].complete().await.expect(200);

    assert_eq!(listed(&list(&reviewer, "?limit=100").await), [&["manual"], &by_start[..]].concat());
    let page = list(&reviewer, "?limit=2&offset=2").await;
    assert_eq!((listed(&page), &page["total"]), (by_start[1..3].to_vec(), &json!(6)));
    assert_eq!((&page["limit"], &page["offset"]), (&json!(2), &json!(2)));
    let filtered = async |query: &str| {
        let found = list(&reviewer, query).await;
        assert_eq!(found["total"], listed(&found).len(), "{query}");
        listed(&found).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(filtered(&format!("?assessmentId={assessment}")).await, by_start);
    assert_eq!(filtered("?status=ended").await, [by_start[1]]);
    assert_eq!(filtered("?status=pending").await, ["manual"]);
    assert_eq!(filtered("?status=active").await, [by_start[0], by_start[2], by_start[3], by_start[4]]);
    assert_eq!(filtered("?sourceService=codex").await, [by_start[1], by_start[3]]);
    assert_eq!(filtered(&format!("?sourceService=codex&status=active&assessmentId={assessment}")).await, [by_start[3]]);
    assert_eq!(filtered("?sourceService=nobody").await, [""; 0]);
    for (query, limit, offset) in
        [("?limit=0", 1, 0), ("?limit=-5&offset=-1", 1, 0), ("?limit=101", 100, 0), ("", 20, 0)]
    {
        let page = list(&reviewer, query).await;
        assert_eq!((&page["limit"], &page["offset"]), (&json!(limit), &json!(offset)), "{query}");
    }
    for query in ["?limit=ten", "?offset=1.5", "?limit=99999999999999999999", "?status=done", "?assessmentId=7"] {
        reviewer.get(&format!("/v1/sessions{query}")).await.refused(400, "invalid_query");
    }
    assert_eq!(list(&app.other_org().await, "").await["total"], 0);

    // A late start moves the session in the list: startedAt is that of the earliest session_start.
    post_all(&sessions[4], &[event_at(by_start[4], START + 1, "session_start", json!({}))]).await;
    assert_eq!(listed(&list(&reviewer, "?limit=3").await), ["manual", by_start[4], by_start[0]]);
}

#[tokio::test]
async fn the_start_is_that_of_the_earliest_session_start_and_the_first_end_stands() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let at = |seconds: i64| domain::Timestamp::from_millis(START + seconds * 1000).to_string();
    let post = async |seconds: i64, kind: &str, data: Value| {
        post_all(&avocet, &[event_at(&avocet.session, START + seconds * 1000, kind, data)]).await;
        session(&avocet, &avocet.session).await
    };
    let fresh = session(&avocet, &avocet.session).await;
    assert_eq!((&fresh["status"], &fresh["startedAt"]), (&json!("pending"), &fresh["createdAt"]));
    assert_eq!((&fresh["endedAt"], &fresh["lastActivityAt"]), (&Value::Null, &Value::Null));
    assert_eq!(post(10, "prompt", json!({})).await["startedAt"], at(10));
    assert_eq!(post(5, "prompt", json!({})).await["startedAt"], at(5));
    assert_eq!(post(8, "session_start", json!({"cwd": "/first", "candidateName": "Avocet"})).await["startedAt"], at(8));
    let earlier = json!({"cwd": "/second", "repoUrl": "https://example.org/x", "assessmentId": "another"});
    let merged = post(7, "session_start", earlier).await;
    assert_eq!((&merged["startedAt"], &merged["lastActivityAt"]), (&json!(at(7)), &json!(at(10))));
    let metadata = json!({"cwd": "/first", "candidateName": "Avocet", "repoUrl": "https://example.org/x", "assessmentId": "another"});
    assert_eq!((&merged["metadata"], &merged["assessmentId"]), (&metadata, &json!(avocet.assessment)));

    // An editor's session_end is a mark; any other closes.
    let mut mark = event_at(&avocet.session, START + 20_000, "session_end", json!({}));
    for tool in ["claude-code", "cursor", "codex", "vscode"] {
        mark["id"] = json!(uuid_of(tool));
        mark["source"] = json!(tool);
        avocet.post("/v1/hooks/ingest", mark.clone()).await.expect(201);
        assert_eq!(session(&avocet, &avocet.session).await["status"], "active");
    }
    let reply = avocet.get(&format!("/v1/sessions/{}", avocet.session)).await.expect(200);
    assert_eq!((&reply["eventCount"], &reply["status"]), (&json!(8), &json!("active")));
    let ended = post(30, "session_end", json!({})).await;
    assert_eq!((&ended["status"], &ended["endedAt"]), (&json!("ended"), &json!(at(30))));
    post(40, "session_end", json!({})).await;
    avocet.complete().await.expect(200);
    let still = session(&app.reviewer(), &avocet.session).await;
    assert_eq!((&still["endedAt"], &still["eventCount"]), (&json!(at(30)), &json!(10)));
    let keys = app.reviewer().get(&format!("/v1/assessments/{}/keys", avocet.assessment)).await.expect(200);
    assert_eq!(keys["keys"][0]["status"], "completed");

    // A reviewer may set another end, even before the start: no duration is below 0.
    let patched = app.reviewer().patch(&format!("/v1/sessions/{}", avocet.session), json!({"endedAt": at(0)})).await;
    assert_eq!(patched.expect(200)["session"]["endedAt"], at(0));
    let signals = app.reviewer().get(&format!("/v1/sessions/{}/signals", avocet.session)).await.expect(200);
    assert_eq!((&signals["signals"]["durationMs"]["value"], &signals["final"]), (&json!(0), &json!(true)));
}

fn uuid_of(name: &str) -> String {
    format!("00000000-0000-4000-8000-{:0>12}", name.len() * 7919 + usize::from(name.as_bytes()[1]))
}

#[tokio::test]
async fn changes_replace_or_merge_and_an_end_completes_the_key() {
    let app = TestApp::start().await;
    let (avocet, reviewer) = (candidate(&app).await, app.reviewer());
    let path = format!("/v1/sessions/{}", avocet.session);
    let set = reviewer.patch(&path, json!({"metadata": {"a": {"b": 1, "c": [1, {"d": null}]}, "e": null}})).await;
    assert_eq!(set.expect(200)["session"]["metadata"], json!({"a": {"b": 1, "c": [1, {"d": null}]}, "e": null}));
    let merge = json!({"a": {"b": null, "f": {"g": null, "h": 2}}, "c": [null]});
    let merged = reviewer.patch(&format!("{path}/metadata"), merge).await.expect(200);
    let expected = json!({"a": {"c": [1, {"d": null}], "f": {"h": 2}}, "e": null, "c": [null]});
    assert_eq!(merged["session"]["metadata"], expected);
    assert_eq!(merged["session"], session(&avocet, &avocet.session).await);
    let replaced = avocet.patch(&path, json!({"metadata": {"x": "y"}, "unknown": 1})).await.expect(200);
    assert_eq!(
        (&replaced["session"]["metadata"], &replaced["session"]["status"]),
        (&json!({"x": "y"}), &json!("pending"))
    );
    reviewer.patch(&format!("{path}/metadata"), json!([])).await.refused(400, "validation_failed");
    for (body, field) in [
        (json!({"endedAt": null}), "endedAt"),
        (json!({"endedAt": "noon"}), "endedAt"),
        (json!({"metadata": 1}), "metadata"),
    ] {
        let refused = reviewer.patch(&path, body).await;
        refused.refused(400, "validation_failed");
        assert_eq!(wrong_fields(&refused), [field]);
    }
    app.read_only().await.patch(&path, json!({})).await.refused(403, "insufficient_scope");
    for stranger in [app.other_org().await, (*candidate(&app).await).clone()] {
        stranger.patch(&path, json!({"metadata": {}})).await.refused(404, "not_found");
        stranger.patch(&format!("{path}/metadata"), json!({})).await.refused(404, "not_found");
        stranger.get(&path).await.refused(404, "not_found");
    }
    // Many who merge at once do not lose each other's members.
    let merges = (0..8).map(|number| {
        let (reviewer, path) = (&reviewer, &path);
        async move { reviewer.patch(&format!("{path}/metadata"), json!({(format!("m{number}")): number})).await.status }
    });
    let statuses = futures_util::future::join_all(merges).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(session(&avocet, &avocet.session).await["metadata"].as_object().unwrap().len(), 9);

    let end = "2026-04-01T12:00:00.5+02:00";
    let patch = json!({"endedAt": end, "metadata": {"x": "y"}});
    insta::assert_json_snapshot!("session_patched", shown(&reviewer.patch(&path, patch).await));
    let ended = session(&reviewer, &avocet.session).await;
    assert_eq!((&ended["endedAt"], &ended["status"]), (&json!("2026-04-01T10:00:00.500Z"), &json!("ended")));
    let keys = reviewer.get(&format!("/v1/assessments/{}/keys", avocet.assessment)).await.expect(200);
    assert_eq!(keys["keys"][0]["status"], "completed");
    assert!(keys["keys"][0]["completedAt"].is_string());
    eventually("the list to follow", async || {
        let ended = list(&reviewer, "?status=ended").await;
        (listed(&ended) == [avocet.session.as_str()]).then_some(())
    })
    .await;
    let again = avocet.complete().await;
    assert_eq!(again.expect(200)["completedAt"], keys["keys"][0]["completedAt"]);
    for id in ["no-such", "00000000-0000-4000-8000-000000000000", "a%20b"] {
        reviewer.get(&format!("/v1/sessions/{id}")).await.refused(404, "not_found");
    }
}
