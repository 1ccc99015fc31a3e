//! Webhooks are told of each happening once, by the schedule, and lead nowhere they must not (http-api.md §9).

use std::time::Duration;

use domain::{OrgId, Timestamp};
use redis_scripts::{Config, Outgoing, Redis};
use ring::hmac;
use serde_json::{Value, json};
use test_support::{Received, Receiver};

use crate::harness::{TestApp, User, eventually};

const EAGER: [&str; 2] = ["--webhook-allow-private", "--webhook-retry-secs=1"];

/// A webhook that leads to the receiver; its id and its secret.
async fn webhook(user: &User, receiver: &Receiver, more: Value) -> (String, String) {
    let mut body = json!({"url": receiver.url()});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = user.post("/v1/org/webhooks", body).await.expect(201);
    (made["webhook"]["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

async fn received(receiver: &Receiver, n: usize) -> Vec<Received> {
    eventually(&format!("{n} requests"), async || Some(receiver.received()).filter(|all| all.len() >= n)).await
}

async fn deliveries(user: &User, webhook: &str) -> Vec<Value> {
    let listed = user.get(&format!("/v1/org/webhooks/{webhook}/deliveries")).await.expect(200);
    listed["deliveries"].as_array().unwrap().clone()
}

/// The secrets, of those given, that a request is signed with, as docs/api.md says how to find out.
fn signed_with<'a>(request: &Received, secrets: &[&'a str]) -> Vec<&'a str> {
    let header = &request.headers["x-promptster-signature"];
    let (t, signatures) = header.strip_prefix("t=").unwrap().split_once(',').unwrap();
    let is_signed_with = |secret: &&str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, format!("{t}.{}", request.body).as_bytes());
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        signatures.split(',').any(|signature| signature == format!("v1={hex}"))
    };
    secrets.iter().copied().filter(is_signed_with).collect()
}

#[tokio::test]
async fn a_receiver_that_fails_and_then_works_gets_each_happening_by_the_schedule() {
    let mut app = TestApp::with(&EAGER).await;
    let reviewer = app.reviewer();
    let receiver = Receiver::start(&["500 Oops", "302 Found\r\nlocation: /elsewhere"]);
    let (id, secret) = webhook(&reviewer, &receiver, json!({})).await;
    let candidate = app.candidate(&app.assessment().await).await;
    received(&receiver, 1).await;
    // What waits survives.
    app.kill_server();
    app.start_server().await;
    let tries = received(&receiver, 3).await;
    let [first, second, third] = &tries[..] else { panic!("{tries:?}") };
    assert!(second.at - first.at >= Duration::from_secs(1), "after one");
    assert!(third.at - second.at >= Duration::from_secs(5), "after five");
    for request in &tries {
        assert_eq!(signed_with(request, &[&secret]), [secret.as_str()]);
        assert_eq!(request.headers["x-promptster-event"], "assessment.key.redeemed");
        assert_eq!(request.headers["x-promptster-delivery"], first.headers["x-promptster-delivery"]);
        assert_eq!(request.body, first.body);
    }
    let body: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!((&body["event"], &body["key"]), (&json!("assessment.key.redeemed"), &json!(candidate.key)));
    assert_eq!(body["assessmentId"], candidate.assessment);
    assert!(body["redeemedAt"].is_string() && body["candidateEmail"].is_null());

    candidate.ingest("prompt", json!({"text": "hi"})).await.expect(201);
    candidate.complete().await.expect(200);
    candidate.complete().await.expect(200);
    let all = received(&receiver, 4).await;
    let body: Value = serde_json::from_str(&all[3].body).unwrap();
    assert_eq!((&body["event"], &body["sessionId"]), (&json!("session.completed"), &json!(candidate.session)));
    assert_eq!((&body["candidateKey"], &body["artifactsReady"]), (&json!(candidate.key), &json!(true)));
    assert!(body["completedAt"].is_string());

    let told = deliveries(&reviewer, &id).await;
    let shown: Vec<_> = told.iter().map(|one| (&one["event"], &one["status"], &one["attempts"])).collect();
    let (delivered, completed, redeemed) =
        (json!("delivered"), json!("session.completed"), json!("assessment.key.redeemed"));
    assert_eq!(shown, [(&completed, &delivered, &json!(1)), (&redeemed, &delivered, &json!(3))]);
    assert_eq!((&told[1]["lastStatus"], &told[1]["nextAttemptAt"]), (&json!(200), &Value::Null));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(receiver.received().len(), 4, "nothing twice");
}

/// As a node leaves it that dies after it noted a try and before it posted the next one.
#[tokio::test]
async fn a_claim_that_ends_early_does_not_bring_a_try_forward() {
    let app = TestApp::with(&["--webhook-allow-private", "--webhook-retry-secs=3"]).await;
    let reviewer = app.reviewer();
    let receiver = Receiver::start(&["500 Oops"]);
    let (id, _) = webhook(&reviewer, &receiver, json!({})).await;
    reviewer.post(&format!("/v1/org/webhooks/{id}/test"), json!({})).await.expect(202);
    let tried = eventually("a try is noted", async || {
        deliveries(&reviewer, &id).await.pop().filter(|one| one["attempts"] == 1)
    })
    .await;
    let org = OrgId::sample(app.org().id.parse().unwrap());
    let outgoing = Outgoing::Delivery { org, id: tried["id"].as_str().unwrap().parse().unwrap() };
    let redis = Redis::new(&Config::new(app.redis_url())).unwrap();
    redis.post(&outgoing, Timestamp::from_millis(0)).await.unwrap();
    let tries = received(&receiver, 2).await;
    assert!(tries[1].at - tries[0].at >= Duration::from_secs(3), "{:?}", tries[1].at - tries[0].at);
}

#[tokio::test]
async fn a_webhook_hears_what_it_asked_for_and_the_button_and_is_signed_with_both_secrets_for_a_while() {
    let app = TestApp::with(&EAGER).await;
    let reviewer = app.reviewer();
    let receiver = Receiver::start(&[]);
    let more = json!({"events": ["session.completed"], "secret": "a secret of my own"});
    let (id, secret) = webhook(&reviewer, &receiver, more).await;
    assert_eq!(secret, "a secret of my own");
    app.candidate(&app.assessment().await).await;
    let asked = reviewer.post(&format!("/v1/org/webhooks/{id}/test"), json!({})).await.expect(202);
    let tests = received(&receiver, 1).await;
    assert_eq!(tests[0].headers["x-promptster-event"], "webhook.test", "not of the key");
    assert_eq!(tests[0].headers["x-promptster-delivery"], asked["delivery"]["id"].as_str().unwrap());

    let rotated = reviewer.post(&format!("/v1/org/webhooks/{id}/rotate-secret"), json!({})).await.expect(200);
    let new = rotated["secret"].as_str().unwrap();
    assert!(new.starts_with("whsec_") && rotated["previousSecretUntil"].is_string());
    reviewer.post(&format!("/v1/org/webhooks/{id}/test"), json!({})).await.expect(202);
    let tests = received(&receiver, 2).await;
    assert_eq!(signed_with(&tests[1], &[new, &secret, "another"]), [new, &secret]);

    let listed = reviewer.get("/v1/org/webhooks").await.expect(200);
    assert_eq!((&listed["webhooks"][0]["id"], listed["webhooks"][0].get("secret")), (&json!(id), None));
    reviewer.delete(&format!("/v1/org/webhooks/{id}")).await.expect(200);
    reviewer.delete(&format!("/v1/org/webhooks/{id}")).await.refused(404, "not_found");
    assert_eq!(reviewer.get("/v1/org/webhooks").await.expect(200), json!({"webhooks": []}));
}

#[tokio::test]
async fn a_webhook_leads_to_no_private_place_and_there_are_not_too_many() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    for (url, code) in [
        ("http://a.example/", "invalid_url"),
        ("https://u:p@a.example/", "invalid_url"),
        ("nowhere", "invalid_url"),
        ("https://127.0.0.1/", "private_address"),
        ("https://169.254.169.254/latest/meta-data", "private_address"),
        ("https://[::ffff:10.0.0.1]/", "private_address"),
        ("https://localhost:6379/", "private_address"),
    ] {
        let reply = reviewer.post("/v1/org/webhooks", json!({"url": url})).await;
        reply.refused(400, "validation_failed");
        assert_eq!(
            (&reply.body["details"][0]["path"], &reply.body["details"][0]["code"]),
            (&json!(["url"]), &json!(code))
        );
    }
    for _ in 0..20 {
        reviewer.post("/v1/org/webhooks", json!({"url": "https://a.example/"})).await.expect(201);
    }
    reviewer.post("/v1/org/webhooks", json!({"url": "https://a.example/"})).await.refused(409, "too_many_webhooks");
}
