//! Erasing a session: all of it is gone when the answer is given, and nothing else is.

use serde_json::{Value, json};

use crate::harness::{Candidate, TestApp, User, event, eventually};
use crate::playing::{candidate, post_all, prompts, session};

/// Every key of Redis that has the id in its name.
async fn redis_keys(app: &TestApp, id: &str) -> Vec<String> {
    let answer = app.redis_command(&format!("KEYS *{id}*")).await;
    answer.lines().filter(|line| line.contains(id)).map(str::to_owned).collect()
}

/// Every entry of every stream that mentions the id.
async fn stream_entries(app: &TestApp, id: &str) -> usize {
    let mut found = 0;
    for partition in redis_scripts::keys::Partition::all() {
        let answer = app.redis_command(&format!("XRANGE {} - +", partition.stream())).await;
        found += answer.matches(&format!(":{id}")).count();
    }
    found
}

async fn rows(app: &TestApp, condition: &str, table: &str) -> u64 {
    let query = format!("SELECT count() FROM {table} WHERE {condition}");
    let engine = app.anonymous().at(app.clickhouse_url());
    let reply = engine.post_bytes("/?database=promptster", query).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.text.trim().parse().unwrap()
}

async fn upload(app: &TestApp, candidate: &Candidate) -> String {
    let asked = candidate.post("/v1/candidate/upload-url", json!({"sessionId": candidate.session})).await.expect(200);
    let url = asked["uploadUrl"].as_str().unwrap();
    let path = url[url.find("/v1/").unwrap()..].to_owned();
    put(app, &path, 200).await;
    path
}

async fn put(app: &TestApp, path: &str, status: u16) {
    let anonymous = app.anonymous();
    let request = anonymous.request(reqwest::Method::PUT, path).header("content-type", "application/gzip");
    anonymous.send(request.body("bundle")).await.expect(status);
}

const READS: [&str; 9] =
    ["", "/timeline", "/decisions", "/signals", "/cohort-stats", "/recent-activity", "/signed-log", "/scores", "/live"];

#[tokio::test]
async fn an_erased_session_is_gone_everywhere_and_stays_gone() {
    let app = TestApp::start().await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment().await);
    let (gone, kept) = (app.candidate(&assessment).await, app.candidate(&assessment).await);
    let other_org = app.other_org().await;
    other_org.post("/v1/sessions", json!({"id": gone.session, "metadata": {"a": 1}})).await.expect(201);
    for candidate in [&gone, &kept] {
        post_all(candidate, &prompts(&candidate.session, 1..=400)).await;
        upload(&app, candidate).await;
        let scores = json!([{"dimension": "clarity", "score": 4, "notes": "well said"}]);
        reviewer.post(&format!("/v1/sessions/{}/scores", candidate.session), scores).await.expect(201);
    }
    let abandoned = upload(&app, &gone).await;
    for candidate in [&gone, &kept] {
        candidate.complete().await.expect(200);
    }
    let results = format!("session_id = '{}'", gone.session);
    eventually("the results", async || (rows(&app, &results, "session_results").await > 0).then_some(())).await;
    eventually("the artifacts", async || (rows(&app, &results, "artifacts").await > 0).then_some(())).await;
    // Written last, so that some of it is on its way when the session goes.
    post_all(&gone, &prompts(&gone.session, 401..=450)).await;
    let path = |candidate: &Candidate, what: &str| format!("/v1/sessions/{}{what}", candidate.session);
    let others = async || {
        let mut seen = Vec::new();
        for what in ["", "/timeline?limit=2000", "/signals", "/scores"] {
            seen.push(reviewer.get(&path(&kept, what)).await.text);
            seen.push(other_org.get(&path(&gone, what)).await.text);
        }
        seen
    };
    let before = others().await;

    assert_eq!(reviewer.delete(&path(&gone, "")).await.expect(200), json!({"ok": true, "id": gone.session}));
    let keys = redis_keys(&app, &gone.session).await;
    let own: Vec<_> = keys.iter().filter(|key| key.contains(&app.org().id)).collect();
    assert!(own.len() == 1 && own[0].contains(":x:"), "{keys:?}");
    let mine = format!("org_id = '{}'", app.org().id);
    for table in ["events", "session_results", "artifacts", "dead_letters"] {
        assert_eq!(rows(&app, &format!("{mine} AND {results}"), table).await, 0, "{table}");
    }
    let states = format!("{mine} AND id = '{}'", gone.session);
    assert_eq!(rows(&app, &states, "entities").await, 1, "the tombstone");
    assert_eq!(rows(&app, &format!("{states} AND kind = 'tombstone'"), "entities").await, 1);
    let uploads = app.uploads_dir().join(&app.org().id);
    assert_eq!(std::fs::read_dir(&uploads).unwrap().count(), 1);
    assert_eq!(stream_entries(&app, &format!("{}:{}", app.org().id, gone.session)).await, 0);
    for what in READS {
        reviewer.get(&path(&gone, what)).await.refused(404, "not_found");
        gone.get(&path(&gone, what)).await.refused(404, "not_found");
    }
    assert_eq!(others().await, before, "others lose nothing");
    let list = reviewer.get("/v1/sessions").await.expect(200);
    assert_eq!((&list["total"], &list["sessions"][0]["id"]), (&json!(1), &json!(kept.session)));
    let listed = reviewer.get(&format!("/v1/assessments/{assessment}/keys")).await.expect(200);
    let key = listed["keys"].as_array().unwrap().iter().find(|key| key["id"] == gone.key_id.as_str()).unwrap();
    assert_eq!((&key["sessionId"], &key["status"]), (&Value::Null, &json!("completed")));

    nothing_comes_back(&app, &gone, &abandoned).await;
    assert_eq!(redis_keys(&app, &gone.session).await.len(), keys.len());
    assert_eq!(rows(&app, &format!("{mine} AND {results}"), "events").await, 0);
    assert_eq!(others().await, before);
}

/// Tries every way by which a session comes into being.
async fn nothing_comes_back(app: &TestApp, gone: &Candidate, upload_path: &str) {
    let reviewer = app.reviewer();
    let late = event(&gone.session, "prompt", json!({"text": "late"}));
    for user in [User::clone(gone), app.api_key(&gone.key)] {
        user.post("/v1/hooks/ingest", late.clone()).await.refused(410, "session_deleted");
        let elsewhere = event("another-session", "prompt", json!({"text": "late"}));
        user.post("/v1/hooks/ingest", elsewhere).await.refused(410, "session_deleted");
        let check = json!({"checkpoint": "done", "fingerprint": {}});
        user.post("/v1/candidate/device-check", check).await.refused(410, "session_deleted");
        let body = json!({"sessionId": gone.session});
        user.post("/v1/candidate/upload-url", body).await.refused(410, "session_deleted");
        user.post("/v1/sessions", json!({"id": gone.session})).await.refused(410, "session_deleted");
    }
    let batch = gone.post("/v1/hooks/ingest/batch", json!({"events": [late]})).await.expect(207);
    assert_eq!(batch["results"][0]["status"], 410);
    gone.complete().await.refused(410, "session_deleted");
    put(app, upload_path, 404).await;
    reviewer.post("/v1/sessions", json!({"id": gone.session})).await.refused(410, "session_deleted");
    let path = format!("/v1/sessions/{}", gone.session);
    reviewer.patch(&path, json!({"metadata": {}})).await.refused(404, "not_found");
    reviewer.delete(&path).await.refused(404, "not_found");
    reviewer.get("/v1/sessions/another-session").await.refused(404, "not_found");
}

#[tokio::test]
async fn a_running_session_can_be_erased_and_whoever_watches_is_told() {
    let app = TestApp::start().await;
    let (reviewer, avocet) = (app.reviewer(), candidate(&app).await);
    avocet.ingest("prompt", json!({"text": "go"})).await.expect(201);
    let mut socket = reviewer.watch(&avocet.session, "?after=0").await;
    socket.next_of("event").await;
    let mut waiting = avocet.watch(&avocet.session, "?after=99").await;
    waiting.next_of("reset").await;
    let mut events = reviewer.sse(&avocet.session, None).await;
    events.next_of("hello").await;
    reviewer.delete(&format!("/v1/sessions/{}", avocet.session)).await.expect(200);
    assert_eq!(socket.closed().await, Some(4002));
    assert_eq!(waiting.closed().await, Some(4002));
    while events.read().await.is_some() {}
    let redeem = json!({"key": avocet.key});
    app.anonymous().post("/v1/candidate/redeem", redeem).await.refused(410, "session_deleted");
    avocet.ingest("prompt", json!({"text": "go on"})).await.refused(410, "session_deleted");
    let keys = reviewer.get(&format!("/v1/assessments/{}/keys", avocet.assessment)).await.expect(200);
    assert_eq!((&keys["keys"][0]["sessionId"], &keys["keys"][0]["status"]), (&Value::Null, &json!("redeemed")));
}

#[tokio::test]
async fn an_erasure_without_clickhouse_is_finished_when_asked_again() {
    let mut app = TestApp::start().await;
    let (reviewer, avocet, egret) = (app.reviewer(), candidate(&app).await, candidate(&app).await);
    post_all(&avocet, &prompts(&avocet.session, 1..=3)).await;
    app.kill_clickhouse();
    avocet.ingest("prompt", json!({"text": "not in the log yet"})).await.expect(201);
    egret.ingest("prompt", json!({"text": "of somebody else"})).await.expect(201);
    let path = format!("/v1/sessions/{}", avocet.session);
    reviewer.delete(&path).await.refused(503, "unavailable");
    reviewer.get(&path).await.refused(404, "not_found");
    avocet.ingest("prompt", json!({"text": "late"})).await.refused(410, "session_deleted");
    app.restart_clickhouse();
    eventually("the erasure", async || (reviewer.delete(&path).await.status == 200).then_some(())).await;
    assert_eq!(redis_keys(&app, &avocet.session).await.len(), 1);
    assert_eq!(rows(&app, &format!("session_id = '{}'", avocet.session), "events").await, 0);
    assert_eq!(session(&reviewer, &egret.session).await["eventCount"], 1);
    let timeline = reviewer.get(&format!("/v1/sessions/{}/timeline", egret.session)).await.expect(200);
    assert_eq!(timeline["events"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_interrupted_erasure_goes_on_by_itself() {
    let mut app = TestApp::start().await;
    let gone = app.candidate(&app.assessment().await).await;
    gone.ingest("prompt", json!({"text": "canary-of-an-interrupted-erasure"})).await.expect(201);
    let written = format!("session_id = '{}'", gone.session);
    eventually("the log to hold it", async || (rows(&app, &written, "events").await == 1).then_some(())).await;
    app.kill_clickhouse();
    let path = format!("/v1/sessions/{}", gone.session);
    let refused = app.reviewer().delete(&path).await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    // Whoever asked does not ask again, and the node that was asked is gone.
    app.kill_server();
    app.restart_clickhouse();
    assert_eq!(rows(&app, &written, "events").await, 1, "it was interrupted");
    app.start_server().await;
    eventually("the erasure to go on", async || (rows(&app, &written, "events").await == 0).then_some(())).await;
    eventually("its keys to go", async || {
        let left = redis_keys(&app, &gone.session).await;
        (left.len() <= 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn only_reviewers_who_may_write_erase_and_only_what_is_theirs() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let path = format!("/v1/sessions/{}", avocet.session);
    avocet.delete(&path).await.refused(403, "reviewer_only");
    app.read_only().await.delete(&path).await.refused(403, "insufficient_scope");
    app.other_org().await.delete(&path).await.refused(404, "not_found");
    app.reviewer().delete("/v1/sessions/unknown").await.refused(404, "not_found");
    avocet.ingest("prompt", json!({"text": "still here"})).await.expect(201);
    let deletes = (0..5).map(|_| app.reviewer()).map(|user| {
        let path = path.clone();
        async move { user.delete(&path).await.status }
    });
    let statuses = futures_util::future::join_all(deletes).await;
    assert!(statuses.contains(&200) && statuses.iter().all(|status| [200, 404].contains(status)), "{statuses:?}");
}
