//! Budgets: who asks too often is told when to come back.

use serde_json::json;

use crate::harness::{Reply, TestApp, shown};

fn left(reply: &Reply) -> &str {
    reply.header("x-ratelimit-remaining")
}

fn must_wait(reply: &Reply) {
    reply.refused(429, "rate_limited");
    let seconds: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn each_credential_has_a_budget_of_its_own() {
    let app = TestApp::with(&["--requests-per-minute=2"]).await;
    let read_only = app.read_only().await;
    let reviewer = app.reviewer();
    let second = reviewer.get("/v1/org").await;
    assert_eq!((second.status, left(&second), second.header("x-ratelimit-limit")), (200, "0", "2"));
    let refused = reviewer.get("/v1/org").await;
    must_wait(&refused);
    assert_eq!(left(&refused), "0");
    insta::assert_json_snapshot!("rate_limited", shown(&refused));
    must_wait(&reviewer.post("/v1/assessments", json!({})).await);
    assert_eq!(reviewer.get("/v1/nowhere").await.status, 404);

    let first = read_only.get("/v1/org").await;
    assert_eq!((first.status, left(&first)), (200, "1"));
    app.other_org().await.get("/v1/org").await.expect(200);
    app.anonymous().get("/v1/health").await.expect(200);
    app.anonymous().get("/v1/ready").await.expect(200);
}

#[tokio::test]
async fn public_routes_have_a_budget_by_address() {
    let app = TestApp::with(&["--public-requests-per-minute=3", "--trust-forwarded-for"]).await;
    let key = app.keys(&app.assessment().await, 1).await.remove(0);
    let from = |address: &str| app.anonymous().with_header("x-forwarded-for", address);
    let (path, body) =
        (format!("/v1/candidate/consent?key={}", key["key"].as_str().unwrap()), json!({"key": key["key"]}));
    let near = from("203.0.113.7");
    assert_eq!(left(&near.get(&path).await), "2");
    assert_eq!(left(&near.post("/v1/candidate/consent", body.clone()).await), "1");
    let redeemed = near.post("/v1/candidate/redeem", body.clone()).await;
    assert_eq!(left(&redeemed), "0");
    must_wait(&near.get(&path).await);
    must_wait(&near.post("/v1/candidate/redeem", body.clone()).await);
    must_wait(&from("198.51.100.1, 203.0.113.7").get(&path).await);
    from("203.0.113.7, 198.51.100.1").get(&path).await.expect(200);
    let token = redeemed.body["sessionToken"].as_str().unwrap();
    app.api_key(token).with_header("x-forwarded-for", "203.0.113.7").get("/v1/sessions").await.expect(200);
}

#[tokio::test]
async fn guessing_is_stopped_and_succeeding_never_counts() {
    let app = TestApp::with(&["--guesses-per-minute=3", "--trust-forwarded-for"]).await;
    let keys = app.keys(&app.assessment().await, 3).await;
    let from = |address: &str| app.anonymous().with_header("x-forwarded-for", address);
    let redeem = async |address: &str, key: &str| from(address).post("/v1/candidate/redeem", json!({"key": key})).await;
    let (good, unseen) = (keys[0]["key"].as_str().unwrap(), keys[1]["key"].as_str().unwrap());
    for _ in 0..10 {
        redeem("203.0.113.7", good).await.refused(403, "consent_required");
    }
    redeem("203.0.113.7", "PST-ABCD-2345").await.refused(404, "key_not_found");
    from("203.0.113.7").get("/v1/candidate/consent?key=PST-ABCD-2346").await.refused(404, "key_not_found");
    let by_header = from("203.0.113.7").with_header("x-api-key", "PST-ABCD-2347");
    by_header.get("/v1/sessions").await.refused(401, "unauthorized");
    must_wait(&redeem("203.0.113.7", "PST-ABCD-2348").await);
    must_wait(&redeem("203.0.113.7", unseen).await);
    must_wait(&from("203.0.113.7").with_header("x-api-key", "PST-ABCD-2349").get("/v1/sessions").await);
    redeem("203.0.113.8", unseen).await.refused(403, "consent_required");
    redeem("203.0.113.8", "PST-ABCD-2345").await.refused(404, "key_not_found");
}

#[tokio::test]
async fn guessing_from_everywhere_is_stopped_too() {
    let app = TestApp::with(&["--guesses-per-minute-overall=2", "--trust-forwarded-for"]).await;
    let guess = async |address: &str| {
        let guesser = app.anonymous().with_header("x-forwarded-for", address);
        guesser.post("/v1/candidate/redeem", json!({"key": "PST-ABCD-2345"})).await
    };
    guess("203.0.113.1").await.refused(404, "key_not_found");
    guess("203.0.113.2").await.refused(404, "key_not_found");
    must_wait(&guess("203.0.113.3").await);
}
