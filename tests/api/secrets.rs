//! What nobody is shown: secrets in the log, the inside of the server in a refusal.

use serde_json::json;

use crate::harness::{Reply, TestApp, eventually, shown};

#[tokio::test]
async fn the_log_holds_no_secret_and_no_word_of_a_candidate() {
    let levels = "--log=info,promptster_server=trace,actors=trace,redis_scripts=trace,clickhouse_schema=trace";
    let app = TestApp::with(&[levels]).await;
    let reviewer = app.reviewer();
    let assessment = app.assessment_with(json!({"taskBrief": "canary-brief"})).await;
    let keys = format!("/v1/assessments/{assessment}/keys");
    let named = json!({"count": 1, "candidateEmails": ["canary-mail@b.example"], "candidateNames": ["Canary-Name"]});
    reviewer.post(&keys, named).await.expect(201);
    let api_key = reviewer.post("/v1/org/api-keys", json!({"name": "a", "scopes": ["read"]})).await.expect(201);
    let candidate = app.candidate(&assessment).await;
    app.anonymous().get(&format!("/v1/candidate/consent?key={}", candidate.key)).await.expect(200);
    app.anonymous().get(&format!("/v1/nowhere?key={}", candidate.key)).await.refused(404, "not_found");
    app.api_key("canary-token").get("/v1/sessions").await.refused(401, "unauthorized");
    app.bearer("psk_live_canary").get("/v1/sessions").await.refused(401, "unauthorized");
    candidate.ingest("prompt", json!({"text": "canary-prompt"})).await.expect(201);
    candidate
        .ingest("command", json!({"command": 5, "stdout": "canary-output"}))
        .await
        .refused(400, "validation_failed");
    let ticket = reviewer.post("/v1/live-tickets", json!({})).await.expect(201);
    let ticket = ticket["ticket"].as_str().unwrap();
    let live = format!("/v1/sessions/{}/live?ticket={ticket}", candidate.session);
    app.anonymous().connect(&live).await.unwrap().close().await;
    let mut stream = candidate.stream().await;
    stream.send_text("canary-frame").await;
    assert_eq!(stream.next_of("error").await["type"], "error");
    stream.close().await;
    candidate.complete().await.expect(200);
    app.other_org().await.get("/v1/org").await.expect(200);

    let log = app.log();
    assert!(log.contains("serving"));
    let secrets = [&app.org().secret, api_key["secret"].as_str().unwrap(), &candidate.key, &candidate.token, ticket];
    for secret in secrets.into_iter().chain(["canary", "Canary", "psk_live_"]) {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "the log holds {secret}");
    }
}

#[tokio::test]
async fn a_fault_shows_its_number_and_the_log_has_its_cause() {
    let app = TestApp::start().await;
    let (reviewer, id) = (app.reviewer(), app.assessment().await);
    app.overwrite("assessment", &id, "created", "broken-canary").await;
    let asked = reviewer.with_header("x-request-id", "fault-1");
    let fault = asked.get(&format!("/v1/assessments/{id}")).await;
    fault.refused(500, "internal");
    insta::assert_json_snapshot!("internal", shown(&fault));
    assert_eq!((fault.body["requestId"].as_str(), fault.header("x-request-id")), (Some("fault-1"), "fault-1"));
    assert!(!fault.text.contains("canary") && !fault.header("x-ratelimit-limit").is_empty());
    let line =
        eventually("the log line", async || app.log().lines().find(|line| line.contains("fault-1")).map(str::to_owned));
    assert!(line.await.contains("broken-canary"), "the log has the cause");
}

#[tokio::test]
async fn without_redis_every_route_says_to_come_back_and_tells_nothing_else() {
    let mut app = TestApp::start().await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment().await);
    let candidate = app.candidate(&assessment).await;
    app.kill_redis();
    let away = |reply: &Reply| {
        reply.refused(503, "unavailable");
        assert_ne!(reply.header("retry-after"), "");
        assert!(!reply.header("x-ratelimit-limit").is_empty() && !reply.header("x-request-id").is_empty());
        assert_eq!(reply.body.as_object().unwrap().len(), 2, "{}", reply.text);
    };
    let first = reviewer.get("/v1/org").await;
    insta::assert_json_snapshot!("unavailable", shown(&first));
    away(&first);
    away(&reviewer.post("/v1/assessments", json!({"title": "a", "role": "b", "taskBrief": "c"})).await);
    away(&candidate.get("/v1/sessions").await);
    away(&candidate.ingest("prompt", json!({"text": "a"})).await);
    away(&candidate.complete().await);
    away(&app.anonymous().post("/v1/candidate/redeem", json!({"key": candidate.key})).await);
    app.anonymous().get("/v1/health").await.expect(200);
    app.restart_redis();
    app.ready().await;
    candidate.ingest("prompt", json!({"text": "b"})).await.expect(201);
    reviewer.get(&format!("/v1/assessments/{assessment}")).await.expect(200);
}

#[tokio::test]
async fn all_that_was_made_is_there_after_a_crash_of_the_server() {
    let mut app = TestApp::start().await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment().await);
    let candidate = app.candidate(&assessment).await;
    let before = reviewer.get(&format!("/v1/assessments/{assessment}/keys")).await;
    app.kill_server();
    app.start_server().await;
    assert_eq!(reviewer.get(&format!("/v1/assessments/{assessment}/keys")).await.body, before.body);
    candidate.ingest("prompt", json!({"text": "on"})).await.expect(201);
    let completed = candidate.complete().await.expect(200);
    app.restart_server().await;
    assert_eq!(candidate.complete().await.expect(200), completed);
}
