//! Redeeming: how a candidate's session begins.

use std::collections::HashSet;

use domain::Timestamp;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Reply, TestApp, shown, wrong_fields};

async fn redeem(app: &TestApp, body: Value) -> Reply {
    app.anonymous().post("/v1/candidate/redeem", body).await
}

/// A key whose candidate has consented.
async fn consented(app: &TestApp, assessment: &str) -> Value {
    let key = app.keys(assessment, 1).await.remove(0);
    app.anonymous().post("/v1/candidate/consent", json!({"key": key["key"]})).await.expect(200);
    key
}

#[tokio::test]
async fn the_answer_is_what_clients_decode() {
    let app = TestApp::start().await;
    let whole =
        json!({"repoUrl": "https://git.example/a", "timeLimitMinutes": 90, "allowedTools": ["claude", "codex"]});
    let assessment = app.assessment_with(whole).await;
    let key = consented(&app, &assessment).await;
    let reply = redeem(&app, json!({"key": key["key"], "candidateName": "Avocet"})).await;
    insta::assert_json_snapshot!("redeem", shown(&reply));
    assert!(reply.text.contains("\"timeLimitMinutes\":90,"), "an integer has no decimal point: {}", reply.text);
    assert_eq!(reply.header("content-type"), "application/json");
    let body = &reply.body;
    assert_eq!((&body["assessmentId"], &body["orgName"]), (&json!(assessment), &json!("Acme")));

    let listed = app.reviewer().get(&format!("/v1/assessments/{assessment}/keys")).await.expect(200);
    let after = &listed["keys"][0];
    assert_eq!((&after["status"], &after["sessionId"]), (&json!("redeemed"), &body["sessionId"]));
    assert!(after["redeemedAt"].is_string());
    assert_eq!(after["candidateName"], "Avocet");
    let session =
        app.reviewer().get(&format!("/v1/sessions/{}", body["sessionId"].as_str().unwrap())).await.expect(200);
    assert_eq!((&session["session"]["candidateKeyId"], &session["status"]), (&key["id"], &json!("pending")));

    let for_labs = json!({"count": 1, "orgName": " Acme Labs "});
    let for_labs = app.reviewer().post(&format!("/v1/assessments/{assessment}/keys"), for_labs).await.expect(201);
    let labs = &for_labs["keys"][0]["key"];
    app.anonymous().post("/v1/candidate/consent", json!({"key": labs})).await.expect(200);
    assert_eq!(redeem(&app, json!({"key": labs})).await.body["orgName"], "Acme Labs");

    let plain = consented(&app, &app.assessment().await).await;
    let plain = redeem(&app, json!({"key": plain["key"]})).await;
    insta::assert_json_snapshot!("redeem_plain", shown(&plain));
}

#[tokio::test]
async fn a_clients_state_outlives_its_work() {
    let app = TestApp::start().await;
    let hour = 3_600_000;
    let terms = json!({"timeLimitMinutes": 10_080, "expiresInDays": 1});
    let key = consented(&app, &app.assessment_with(terms).await).await;
    let before = Timestamp::parse_rfc3339(key["createdAt"].as_str().unwrap()).unwrap();
    let long = redeem(&app, json!({"key": key["key"]})).await.expect(200);
    let expires = Timestamp::parse_rfc3339(long["expiresAt"].as_str().unwrap()).unwrap();
    assert!(expires >= before.plus_millis((7 * 24 + 24) * hour), "{expires:?}");

    let key = consented(&app, &app.assessment_with(json!({"expiresInDays": 30})).await).await;
    let short = redeem(&app, json!({"key": key["key"]})).await.expect(200);
    assert_eq!(short["expiresAt"], key["expiresAt"], "what expires later anyway stays as it is");
}

#[tokio::test]
async fn redeeming_again_returns_to_the_same_session_and_every_token_opens_it() {
    let app = TestApp::start().await;
    let key = consented(&app, &app.assessment().await).await;
    let typed = key["key"].as_str().unwrap();
    let pubkeys = ["hODy2kSvK+MIedYsG8mcMUe73GGNDQvyzytAq8NNPiU=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="];
    let first = redeem(&app, json!({"key": typed, "signingPubKey": pubkeys[0]})).await.expect(200);
    let second = redeem(&app, json!({"key": typed.to_lowercase(), "signingPubKey": pubkeys[1]})).await.expect(200);
    let third = redeem(&app, json!({"key": format!("  {typed} "), "candidateName": null})).await.expect(200);
    let path = format!("/v1/sessions/{}", first["sessionId"].as_str().unwrap());
    let mut tokens = HashSet::new();
    for redeemed in [&first, &second, &third] {
        assert_eq!(redeemed["sessionId"], first["sessionId"]);
        let token = redeemed["sessionToken"].as_str().unwrap();
        assert!(token.len() >= 32 && tokens.insert(token), "{token}");
        app.api_key(token).get(&path).await.expect(200);
    }
    app.api_key(typed).get(&path).await.expect(200);
    app.api_key(&typed.to_lowercase()).get(&path).await.expect(200);
}

#[tokio::test]
async fn of_fifty_simultaneous_redemptions_one_starts_the_session() {
    let app = TestApp::start().await;
    let assessment = app.assessment().await;
    let key = consented(&app, &assessment).await;
    let replies = join_all((0..50).map(|_| redeem(&app, json!({"key": key["key"]})))).await;
    let redeemed: Vec<_> = replies.into_iter().map(|reply| reply.expect(200)).collect();
    let sessions: HashSet<_> = redeemed.iter().map(|body| body["sessionId"].as_str().unwrap()).collect();
    let tokens: HashSet<_> = redeemed.iter().map(|body| body["sessionToken"].as_str().unwrap()).collect();
    assert_eq!((sessions.len(), tokens.len()), (1, 50));
    let listed = app.reviewer().get(&format!("/v1/sessions?assessmentId={assessment}")).await.expect(200);
    assert_eq!((&listed["total"], listed["sessions"].as_array().unwrap().len()), (&json!(1), 1));
    for token in tokens {
        let own = app.api_key(token).get("/v1/sessions").await.expect(200);
        assert_eq!(own["sessions"][0]["id"], listed["sessions"][0]["id"]);
    }
}

#[tokio::test]
async fn a_key_that_cannot_begin_says_why() {
    let app = TestApp::start().await;
    let assessment = app.assessment().await;
    let path = format!("/v1/assessments/{assessment}/keys");
    let unconsented = app.keys(&assessment, 1).await.remove(0);
    insta::assert_json_snapshot!(
        "redeem_without_consent",
        shown(&redeem(&app, json!({"key": unconsented["key"]})).await)
    );
    let still = app.reviewer().get(&path).await.expect(200);
    assert_eq!(still["keys"][0]["status"], "pending", "a refused redemption leaves no trace");

    insta::assert_json_snapshot!("redeem_unknown", shown(&redeem(&app, json!({"key": "PST-ABCD-2345"})).await));
    for unknown in ["", "nonsense", "PST-ABCD-23456", "psk_live_x"] {
        redeem(&app, json!({"key": unknown})).await.refused(404, "key_not_found");
    }
    let expired = consented(&app, &assessment).await;
    app.let_key_expire(expired["id"].as_str().unwrap()).await;
    insta::assert_json_snapshot!("redeem_expired", shown(&redeem(&app, json!({"key": expired["key"]})).await));
    let revoked = consented(&app, &assessment).await;
    app.reviewer().delete(&format!("{path}/{}", revoked["id"].as_str().unwrap())).await.expect(200);
    insta::assert_json_snapshot!("redeem_revoked", shown(&redeem(&app, json!({"key": revoked["key"]})).await));
    let completed = app.candidate(&assessment).await;
    completed.complete().await.expect(200);
    app.let_key_expire(&completed.key_id).await;
    insta::assert_json_snapshot!("redeem_completed", shown(&redeem(&app, json!({"key": completed.key})).await));

    let overdue = app.candidate(&assessment).await;
    app.let_key_expire(&overdue.key_id).await;
    redeem(&app, json!({"key": overdue.key})).await.refused(410, "key_expired");
    let listed = app.reviewer().get(&path).await.expect(200);
    let status = |id: &str| {
        let keys = listed["keys"].as_array().unwrap();
        keys.iter().find(|key| key["id"] == id).unwrap()["status"].clone()
    };
    assert_eq!((status(&completed.key_id), status(&overdue.key_id)), (json!("completed"), json!("expired")));

    for (body, wrong) in [
        (json!({}), vec!["key"]),
        (json!({"key": 7, "candidateName": 7, "signingPubKey": 7}), vec!["candidateName", "key", "signingPubKey"]),
        (json!({"key": unconsented["key"], "signingPubKey": "c2hvcnQ="}), vec!["signingPubKey"]),
        (json!({"key": unconsented["key"], "signingPubKey": "!"}), vec!["signingPubKey"]),
    ] {
        let reply = redeem(&app, body).await;
        reply.refused(400, "validation_failed");
        assert_eq!(wrong_fields(&reply), wrong);
    }
}

#[tokio::test]
async fn an_operator_can_do_without_consent() {
    let app = TestApp::with(&["--require-consent=false"]).await;
    let key = app.keys(&app.assessment().await, 1).await.remove(0);
    let redeemed = redeem(&app, json!({"key": key["key"]})).await.expect(200);
    assert_eq!(redeemed["tosAccepted"], false);
    app.anonymous().post("/v1/candidate/consent", json!({"key": key["key"]})).await.expect(200);
    assert_eq!(redeem(&app, json!({"key": key["key"]})).await.expect(200)["tosAccepted"], true);
}
