//! Completing: how a candidate hands in.

use serde_json::json;

use crate::harness::{TestApp, eventually, shown, wrong_fields};

#[tokio::test]
async fn completing_ends_the_session_once_and_answers_the_same_again() {
    let app = TestApp::start().await;
    let assessment = app.assessment().await;
    let candidate = app.candidate(&assessment).await;
    candidate.ingest("prompt", json!({"text": "go"})).await.expect(201);
    let first = candidate.complete().await;
    insta::assert_json_snapshot!("complete", shown(&first));
    assert_eq!(candidate.complete().await.text, first.text);
    let typed = json!({"sessionId": candidate.session, "key": format!(" {} ", candidate.key.to_lowercase())});
    assert_eq!(app.anonymous().post("/v1/candidate/complete", typed).await.text, first.text);

    let session = app.reviewer().get(&format!("/v1/sessions/{}", candidate.session)).await.expect(200);
    assert_eq!((&session["status"], &session["session"]["status"]), (&json!("ended"), &json!("ended")));
    let ended_at = session["session"]["endedAt"].clone();
    assert!(ended_at.is_string());
    let keys = app.reviewer().get(&format!("/v1/assessments/{assessment}/keys")).await.expect(200);
    assert_eq!(
        (&keys["keys"][0]["status"], &keys["keys"][0]["completedAt"]),
        (&json!("completed"), &first.body["completedAt"])
    );

    let late = candidate.ingest("prompt", json!({"text": "still on its way"})).await;
    late.expect(201);
    candidate.complete().await.expect(200);
    let session = app.reviewer().get(&format!("/v1/sessions/{}", candidate.session)).await.expect(200);
    assert_eq!(session["session"]["endedAt"], ended_at, "the first close stands");
}

#[tokio::test]
async fn completing_needs_the_key_and_its_session() {
    let app = TestApp::start().await;
    let assessment = app.assessment().await;
    let (candidate, other) = (app.candidate(&assessment).await, app.candidate(&assessment).await);
    let complete = async |body| app.anonymous().post("/v1/candidate/complete", body).await;
    let unknown = complete(json!({"sessionId": candidate.session, "key": "PST-ABCD-2345"})).await;
    insta::assert_json_snapshot!("complete_unknown_key", shown(&unknown));
    complete(json!({"sessionId": candidate.session, "key": "nonsense"})).await.refused(404, "key_not_found");
    let mismatch = complete(json!({"sessionId": other.session, "key": candidate.key})).await;
    insta::assert_json_snapshot!("complete_mismatch", shown(&mismatch));
    complete(json!({"sessionId": "no-such", "key": candidate.key})).await.refused(403, "session_mismatch");
    let unused = app.keys(&assessment, 1).await.remove(0);
    complete(json!({"sessionId": candidate.session, "key": unused["key"]})).await.refused(403, "session_mismatch");
    for (body, wrong) in [
        (json!({}), vec!["key", "sessionId"]),
        (json!({"key": candidate.key, "sessionId": 7}), vec!["sessionId"]),
        (json!({"key": candidate.key, "sessionId": "a b"}), vec!["sessionId"]),
        (json!({"key": null, "sessionId": candidate.session}), vec!["key"]),
    ] {
        let reply = complete(body).await;
        reply.refused(400, "validation_failed");
        assert_eq!(wrong_fields(&reply), wrong);
    }
    for candidate in [&candidate, &other] {
        let session = candidate.get(&format!("/v1/sessions/{}", candidate.session)).await.expect(200);
        assert_eq!(session["session"]["endedAt"], json!(null), "a refused completion ends nothing");
    }
}

#[tokio::test]
async fn fifty_simultaneous_completions_agree() {
    let app = TestApp::start().await;
    let candidate = app.candidate(&app.assessment().await).await;
    let replies = futures_util::future::join_all((0..50).map(|_| candidate.complete())).await;
    let first = replies[0].clone().expect(200);
    assert!(replies.iter().all(|reply| reply.status == 200 && reply.body == first), "{replies:?}");
}

#[tokio::test]
async fn a_token_outlives_its_session_by_the_grace_only() {
    let app = TestApp::with(&["--late-event-grace-secs=0"]).await;
    let candidate = app.candidate(&app.assessment().await).await;
    let completed = candidate.complete().await.expect(200);
    eventually("the token to open nothing any more", async || {
        (candidate.get("/v1/sessions").await.status == 401).then_some(())
    })
    .await;
    let late = candidate.ingest("prompt", json!({"text": "too late"})).await.expect(200);
    assert_eq!(late, json!({"ok": true, "skipped": true, "reason": "session_ended"}));
    assert_eq!(candidate.complete().await.expect(200), completed, "to complete again is always answered alike");
}

#[tokio::test]
async fn whoever_closes_the_session_completes_the_key() {
    let app = TestApp::start().await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment().await);
    let (patched, by_event) = (app.candidate(&assessment).await, app.candidate(&assessment).await);
    let ended_at = "2030-01-02T03:04:05.678Z";
    let path = format!("/v1/sessions/{}", patched.session);
    reviewer.patch(&path, json!({"endedAt": ended_at})).await.expect(200);
    by_event.ingest("session_end", json!({"reason": "done"})).await.expect(201);
    for candidate in [&patched, &by_event] {
        let keys = reviewer.get(&format!("/v1/assessments/{assessment}/keys")).await.expect(200);
        let keys = keys["keys"].as_array().unwrap();
        let key = keys.iter().find(|key| key["id"] == candidate.key_id.as_str()).unwrap();
        assert_eq!(key["status"], "completed");
        assert_eq!(candidate.complete().await.expect(200)["completedAt"], key["completedAt"]);
        let redeem = json!({"key": candidate.key});
        app.anonymous().post("/v1/candidate/redeem", redeem).await.refused(409, "already_completed");
    }
    let session = reviewer.get(&path).await.expect(200);
    assert_eq!(session["session"]["endedAt"], ended_at, "a completion after the close moves nothing");
}
