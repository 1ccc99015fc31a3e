//! What the server closes by itself when its time has come.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::Timestamp;
use serde_json::{Value, json};

use crate::harness::{Candidate, TestApp, eventually};

fn seconds_ago(seconds: i64) -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Timestamp::from_millis(i64::try_from(now).unwrap() - 1000 * seconds)
}

/// The session object once the session has ended.
async fn ended(app: &TestApp, candidate: &Candidate) -> Value {
    let (reviewer, path) = (app.reviewer(), format!("/v1/sessions/{}", candidate.session));
    eventually("the session to be closed", async || {
        let session = reviewer.get(&path).await.expect(200)["session"].clone();
        (session["status"] == "ended").then_some(session)
    })
    .await
}

async fn key_status(app: &TestApp, candidate: &Candidate) -> Value {
    let keys = app.reviewer().get(&format!("/v1/assessments/{}/keys", candidate.assessment)).await.expect(200);
    let keys = keys["keys"].as_array().unwrap();
    keys.iter().find(|key| key["id"] == candidate.key_id.as_str()).unwrap()["status"].clone()
}

#[tokio::test]
async fn a_session_is_closed_when_its_time_limit_and_the_grace_are_over() {
    let app = TestApp::with(&["--time-limit-grace-secs=3000"]).await;
    let assessment = app.assessment_with(json!({"timeLimitMinutes": 60})).await;
    let (over, in_grace) = (app.candidate(&assessment).await, app.candidate(&assessment).await);
    over.ingest("prompt", json!({"text": "still at it"})).await.expect(201);
    let deadline = seconds_ago(4000);
    app.move_deadline(&in_grace, seconds_ago(1000)).await;
    app.move_deadline(&over, deadline).await;

    assert_eq!(ended(&app, &over).await["endedAt"], json!(deadline));
    eventually("the key to be completed", async || (key_status(&app, &over).await == "completed").then_some(())).await;
    let path = format!("/v1/sessions/{}/timeline?kind=session_end", over.session);
    let end = eventually("the closing event", async || {
        app.reviewer().get(&path).await.expect(200)["events"].as_array().unwrap().first().cloned()
    })
    .await;
    assert_eq!(end["data"]["reason"], "time_limit");
    over.complete().await.expect(200);
    assert_eq!(ended(&app, &over).await["endedAt"], json!(deadline), "the first close stands");
    app.anonymous().post("/v1/candidate/redeem", json!({"key": over.key})).await.refused(409, "already_completed");

    assert_eq!(key_status(&app, &in_grace).await, "redeemed");
    in_grace.ingest("prompt", json!({"text": "within the grace"})).await.expect(201);
}

#[tokio::test]
async fn a_running_session_is_closed_with_its_key() {
    let app = TestApp::with(&["--time-limit-grace-secs=0"]).await;
    let assessment = app.assessment_with(json!({"timeLimitMinutes": 60})).await;
    let expired = app.candidate(&assessment).await;
    app.let_key_expire(&expired.key_id).await;
    assert_eq!(ended(&app, &expired).await["endedAt"], "1970-01-01T00:00:01.000Z", "when the key expired");
    assert_eq!(key_status(&app, &expired).await, "expired");
    expired.ingest("prompt", json!({"text": "too late"})).await.refused(401, "unauthorized");

    let revoked = app.candidate(&assessment).await;
    let key = format!("/v1/assessments/{assessment}/keys/{}", revoked.key_id);
    app.reviewer().delete(&key).await.expect(200);
    let running = app.reviewer().get(&format!("/v1/sessions/{}", revoked.session)).await.expect(200);
    assert_eq!(running["session"]["endedAt"], Value::Null, "a revoked key's session runs on to its deadline");
    let deadline = seconds_ago(1);
    app.move_deadline(&revoked, deadline).await;
    assert_eq!(ended(&app, &revoked).await["endedAt"], json!(deadline));
}
