//! Tickets: what a browser shows instead of a credential when it opens a socket.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::Timestamp;
use serde_json::{Value, json};

use crate::harness::{TestApp, User, shown};

async fn ticket(user: &User) -> String {
    let made = user.post("/v1/live-tickets", json!({})).await.expect(201);
    made["ticket"].as_str().unwrap().to_owned()
}

/// The status of an attempt to watch, and the code of the refusal.
async fn watch(user: &User, session: &str, ticket: &str) -> (u16, String) {
    match user.connect(&format!("/v1/sessions/{session}/live?ticket={ticket}")).await {
        Ok(mut socket) => {
            assert_eq!(socket.next().await["type"], "hello");
            socket.close().await;
            (101, String::new())
        }
        Err(refusal) => (refusal.status, refusal.code().to_owned()),
    }
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[tokio::test]
async fn a_ticket_lasts_thirty_seconds() {
    let app = TestApp::start().await;
    let before = now_ms();
    let reply = app.reviewer().post("/v1/live-tickets", json!({})).await;
    let after = now_ms();
    insta::assert_json_snapshot!("ticket", shown(&reply));
    let expires = Timestamp::parse_rfc3339(reply.body["expiresAt"].as_str().unwrap()).unwrap().millis();
    assert!((before + 30_000..=after + 30_000).contains(&expires), "{before} {after} {expires}");

    let candidate = app.candidate(&app.assessment().await).await;
    let (late, in_time) = (ticket(&app.reviewer()).await, ticket(&app.reviewer()).await);
    let digest = redis_scripts::keys::SecretDigest::of(&late).key("ticket");
    let left: i64 = app.redis_command(&format!("PTTL {digest}")).await[1..].lines().next().unwrap().parse().unwrap();
    assert!((1..=30_000).contains(&left), "{left}");
    app.redis_command(&format!("PEXPIRE {digest} 0")).await;
    assert_eq!(watch(&app.anonymous(), &candidate.session, &late).await, (401, "unauthorized".to_owned()));
    assert_eq!(watch(&app.anonymous(), &candidate.session, &in_time).await.0, 101);
}

#[tokio::test]
async fn a_ticket_is_used_once_and_carries_the_rights_of_its_owner() {
    let app = TestApp::start().await;
    let (reviewer, anonymous) = (app.reviewer(), app.anonymous());
    let assessment = app.assessment().await;
    let (candidate, other) = (app.candidate(&assessment).await, app.candidate(&assessment).await);
    let unauthorized = (401, "unauthorized".to_owned());
    let not_found = (404, "not_found".to_owned());

    for owner in [reviewer.clone(), app.read_only().await, User::clone(&candidate), app.api_key(&candidate.key)] {
        let ticket = ticket(&owner).await;
        assert_eq!(watch(&anonymous, &candidate.session, &ticket).await.0, 101);
        assert_eq!(watch(&anonymous, &candidate.session, &ticket).await, unauthorized, "a ticket is used once");
    }
    assert_eq!(watch(&anonymous, &candidate.session, &ticket(&other).await).await, not_found);
    assert_eq!(watch(&anonymous, &candidate.session, &ticket(&app.other_org().await).await).await, not_found);
    for nonsense in ["", "plt_unknown", "%00", &candidate.token, &candidate.key, &app.org().secret] {
        assert_eq!(watch(&anonymous, &candidate.session, nonsense).await, unauthorized, "{nonsense}");
    }

    let elsewhere = ticket(&reviewer).await;
    for path in ["/v1/org", "/v1/sessions", &format!("/v1/sessions/{}", candidate.session), "/v1/stream"] {
        anonymous.get(&format!("{path}?ticket={elsewhere}")).await.refused(401, "unauthorized");
    }
    anonymous.post("/v1/live-tickets", json!({})).await.refused(401, "unauthorized");
}

#[tokio::test]
async fn a_ticket_ends_with_its_owner() {
    let app = TestApp::start().await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment().await);
    let candidate = app.candidate(&assessment).await;
    let made = reviewer.post("/v1/org/api-keys", json!({"name": "short", "scopes": ["read"]})).await.expect(201);
    let id = |value: &Value| value.as_str().unwrap().to_owned();
    let reviewers = ticket(&app.bearer(&id(&made["secret"]))).await;
    let candidates = ticket(&candidate).await;
    reviewer.delete(&format!("/v1/org/api-keys/{}", id(&made["apiKey"]["id"]))).await.expect(200);
    reviewer.delete(&format!("/v1/assessments/{assessment}/keys/{}", candidate.key_id)).await.expect(200);
    for ticket in [reviewers, candidates] {
        let refused = watch(&app.anonymous(), &candidate.session, &ticket).await;
        assert_eq!(refused, (401, "unauthorized".to_owned()));
    }
}
