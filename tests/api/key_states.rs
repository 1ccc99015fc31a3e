//! What each route answers to a candidate key in each state.

use serde_json::{Value, json};

use crate::harness::{Candidate, Reply, TestApp, event};
use crate::playing::now;

/// `200`, or the status and the code of a refusal.
fn fate(reply: &Reply) -> String {
    if reply.status < 300 { reply.status.to_string() } else { format!("{} {}", reply.status, reply.code()) }
}

/// Asks every route that takes a key what it makes of this one; the key in the body first, then as a credential.
async fn ask_all(app: &TestApp, key: &str, session: &str) -> [String; 11] {
    let (anonymous, user) = (app.anonymous(), app.api_key(key));
    let ask = async |path: &str, body: Value| anonymous.post(&format!("/v1/candidate/{path}"), body).await;
    let own = async |path: &str, body: Value| user.post(&format!("/v1/{path}"), body).await;
    let replies = [
        anonymous.get(&format!("/v1/candidate/consent?key={key}")).await,
        ask("consent", json!({"key": key})).await,
        ask("redeem", json!({"key": key})).await,
        user.get("/v1/sessions").await,
        own("live-tickets", json!({})).await,
        own("hooks/ingest", event(session, "prompt", json!({}))).await,
        own("candidate/device-check", json!({"checkpoint": "start", "fingerprint": {}})).await,
        own("candidate/workspace-commit", json!({"sessionId": session, "commitSha": "3f9a1bc"})).await,
        own("candidate/upload-url", json!({"sessionId": session})).await,
        own("sessions", json!({"id": session})).await,
        ask("complete", json!({"sessionId": session, "key": key})).await,
    ];
    replies.each_ref().map(fate)
}

#[tokio::test]
async fn each_state_of_a_key_has_its_answer_on_every_route() {
    let app = TestApp::start().await;
    let (reviewer, assessment, deleted) = (app.reviewer(), app.assessment().await, app.assessment().await);
    let keys = format!("/v1/assessments/{assessment}/keys");
    let unused = async |of: &str| -> (String, String) {
        let key = app.keys(of, 1).await.remove(0);
        (key["id"].as_str().unwrap().to_owned(), key["key"].as_str().unwrap().to_owned())
    };
    let started = async || -> Candidate { app.candidate(&assessment).await };
    let revoke = async |id: &str| reviewer.delete(&format!("{keys}/{id}")).await.expect(200);

    let running = started().await;
    let [completed, hired, expired_at_work, revoked_at_work, erased] =
        [started().await, started().await, started().await, started().await, started().await];
    completed.complete().await.expect(200);
    hired.complete().await.expect(200);
    reviewer.patch(&format!("{keys}/{}", hired.key_id), json!({"status": "hired"})).await.expect(200);
    app.let_key_expire(&expired_at_work.key_id).await;
    revoke(&revoked_at_work.key_id).await;
    reviewer.delete(&format!("/v1/sessions/{}", erased.session)).await.expect(200);
    let (expired, revoked, of_deleted) = (unused(&assessment).await, unused(&assessment).await, unused(&deleted).await);
    app.let_key_expire(&expired.0).await;
    revoke(&revoked.0).await;
    let goes_on = app.candidate(&deleted).await;
    reviewer.delete(&format!("/v1/assessments/{deleted}")).await.expect(200);

    let denied = "401 unauthorized";
    let dead = |why| [why, why, why, denied, denied, denied, denied, denied, denied, denied, why];
    let ended =
        ["200", "200", "409 already_completed", "200", "201", "201", "200", "200", "200", "409 session_exists", "200"];
    let at_work = ["200", "200", "200", "200", "201", "201", "200", "200", "200", "409 session_exists", "200"];
    let gone = "410 session_deleted";
    for (state, key, session, expected) in [
        ("completed", &completed.key, completed.session.as_str(), ended),
        ("hired", &hired.key, &hired.session, ended),
        ("expired before its use", &expired.1, "own-1", dead("410 key_expired")),
        ("expired at work", &expired_at_work.key, &expired_at_work.session, dead("410 key_expired")),
        ("revoked before its use", &revoked.1, "own-2", dead("410 key_revoked")),
        ("revoked at work", &revoked_at_work.key, &revoked_at_work.session, dead("410 key_revoked")),
        ("running", &running.key, &running.session, at_work),
        ("running, its assessment deleted", &goes_on.key, &goes_on.session, at_work),
        (
            "its session erased",
            &erased.key,
            &erased.session,
            ["200", "200", gone, "200", "201", gone, gone, gone, gone, gone, gone],
        ),
    ] {
        assert_eq!(ask_all(&app, key, session).await, expected, "{state}");
    }
    let nobody = "404 key_not_found";
    assert_eq!(ask_all(&app, "PST-ABCD-2345", "own-3").await, dead(nobody), "unknown");
    let [_, _, redeem, rest @ .., complete] = ask_all(&app, &of_deleted.1, "own-4").await;
    assert_eq!((redeem.as_str(), complete.as_str()), ("410 key_revoked", "403 session_mismatch"));
    assert!(rest.iter().all(|fate| fate == denied), "{rest:?}");
    for token in [&expired_at_work.token, &revoked_at_work.token] {
        app.api_key(token).get("/v1/sessions").await.refused(401, "unauthorized");
    }
    app.api_key(&goes_on.token).get(&format!("/v1/assessments/{deleted}")).await.expect(200);
}

#[tokio::test]
async fn a_key_that_was_not_redeemed_has_no_session_yet() {
    let app = TestApp::start().await;
    let assessment = app.assessment().await;
    let key = app.keys(&assessment, 1).await.remove(0)["key"].clone();
    let (anonymous, user) = (app.anonymous(), app.api_key(key.as_str().unwrap()));
    let redeem = async || anonymous.post("/v1/candidate/redeem", json!({"key": key})).await;
    redeem().await.refused(403, "consent_required");
    anonymous
        .post("/v1/candidate/complete", json!({"sessionId": "x", "key": key}))
        .await
        .refused(403, "session_mismatch");
    let session = json!({"sessionId": "x", "commitSha": "3f9a1bc", "checkpoint": "start", "fingerprint": {},
        "bundleKey": "x/y", "bundleSize": 1, "bundleSha256": "0".repeat(64)});
    for path in ["device-check", "workspace-commit", "upload-url", "submit-code"] {
        user.post(&format!("/v1/candidate/{path}"), session.clone()).await.refused(409, "not_redeemed");
    }
    assert_eq!(user.get("/v1/sessions").await.expect(200)["sessions"], json!([]));
    user.get("/v1/sessions/x").await.refused(404, "not_found");
    user.get(&format!("/v1/assessments/{assessment}")).await.expect(200);
    anonymous.post("/v1/candidate/consent", json!({"key": key})).await.expect(200);
    redeem().await.expect(200);
    user.post("/v1/hooks/ingest", event("x", "prompt", json!({}))).await.refused(403, "session_mismatch");
}

#[tokio::test]
async fn consent_is_recorded_with_its_time_and_version_and_once() {
    let app = TestApp::start().await;
    let key = app.keys(&app.assessment().await, 1).await.remove(0);
    let stored = async |field: &str| {
        let org = domain::OrgId::sample(app.org().id.parse().unwrap());
        let name = redis_scripts::keys::OrgKeys::of(org).entity("candidate_key", key["id"].as_str().unwrap());
        let answer = app.redis_command(&format!("HGET {name} {field}")).await;
        answer.lines().nth(1).filter(|line| !line.starts_with('+')).map(|line| line.trim().to_owned())
    };
    assert_eq!(stored("consent_at").await, None);
    let shown = app.anonymous().get(&format!("/v1/candidate/consent?key={}", key["key"].as_str().unwrap())).await;
    let shown = shown.expect(200);
    let outdated = json!({"key": key["key"], "disclosureHash": "x"});
    app.anonymous().post("/v1/candidate/consent", outdated).await.refused(409, "disclosure_outdated");
    assert_eq!(stored("consent_at").await, None, "a refused one is not recorded");
    let before = now().millis();
    app.anonymous().post("/v1/candidate/consent", json!({"key": key["key"]})).await.expect(200);
    let at: i64 = stored("consent_at").await.unwrap().parse().unwrap();
    assert!((before..=now().millis()).contains(&at), "{at}");
    assert_eq!(stored("consent_version").await.as_deref(), shown["disclosure"]["version"].as_str());
    assert_eq!(stored("consent_hash").await.as_deref(), shown["disclosureHash"].as_str());
    app.anonymous().post("/v1/candidate/consent", json!({"key": key["key"]})).await.expect(200);
    assert_eq!(stored("consent_at").await, Some(at.to_string()), "the first stays");
}

#[tokio::test]
async fn every_token_of_a_session_lives_until_its_end_and_the_grace_and_its_key_on() {
    let app = TestApp::with(&["--late-event-grace-secs=2"]).await;
    let avocet = app.candidate(&app.assessment().await).await;
    let mut tokens = vec![avocet.token.clone()];
    for _ in 0..3 {
        let again = app.anonymous().post("/v1/candidate/redeem", json!({"key": avocet.key})).await.expect(200);
        tokens.push(again["sessionToken"].as_str().unwrap().to_owned());
    }
    let own = format!("/v1/sessions/{}", avocet.session);
    let completed = avocet.complete().await.expect(200);
    let ended = domain::Timestamp::parse_rfc3339(completed["completedAt"].as_str().unwrap()).unwrap();
    for token in &tokens {
        let reply = app.api_key(token).get(&own).await;
        // The machine may be slow; within the grace it must be let in.
        assert!(reply.status == 200 || now() > ended.plus_millis(2_000), "{}", reply.text);
    }
    crate::harness::eventually("the grace to pass", async || (avocet.get(&own).await.status == 401).then_some(()))
        .await;
    assert!(now() >= ended.plus_millis(2_000), "not before");
    for token in &tokens {
        app.api_key(token).get(&own).await.refused(401, "unauthorized");
        let late = app.api_key(token).post("/v1/hooks/ingest", event(&avocet.session, "prompt", json!({}))).await;
        assert_eq!(late.expect(200)["reason"], "session_ended");
    }
    assert_eq!(app.api_key(&avocet.key).get(&own).await.expect(200)["status"], "ended");
}
