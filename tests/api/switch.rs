//! A sign-in that stands for several organisations.

use serde_json::{Value, json};
use test_support::oidc::OidcProvider;

use crate::harness::{Browser, TestApp, User, org_create};
use crate::oidc::{add, app_with};

/// Another organisation: its id, and somebody who may do everything there.
fn another(app: &TestApp, name: &str) -> (String, String, User) {
    let made = org_create(&app.redis_url(), &["--json", "--name", name]);
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("orgId"), text("apiKey"), app.bearer(&text("apiKey")))
}

async fn names(browser: &mut Browser) -> (Value, Vec<String>) {
    let me = browser.get("/auth/me").await.expect(200);
    let mut all: Vec<String> =
        me["organisations"].as_array().unwrap().iter().map(|org| org["name"].as_str().unwrap().to_owned()).collect();
    all.sort();
    (me["org"]["name"].clone(), all)
}

#[tokio::test]
async fn a_member_of_several_organisations_turns_from_one_to_another() {
    let provider = OidcProvider::start();
    let app = app_with(&provider, &[]).await;
    add(&app, "wren@example.org", &["read", "write"]).await;
    let (beta, _, admin) = another(&app, "Beta");
    let (gamma, _, stranger) = another(&app, "Gamma");
    let there = json!({"email": "wren@example.org", "scopes": ["read"]});
    let there = admin.post("/v1/org/members", there).await.expect(201);
    let mut browser = Browser::at(&app);
    browser.sign_in().await;
    let (_, all) = names(&mut browser).await;
    assert_eq!(all, ["Acme", "Beta"]);
    browser.post("/auth/switch", json!({"orgId": app.org().id})).await.expect(200);
    browser.post("/v1/assessments", json!({"title": "a", "role": "b", "taskBrief": "c"})).await.expect(201);

    let turned = browser.post("/auth/switch", json!({ "orgId": beta })).await.expect(200);
    assert_eq!((&turned["org"]["name"], &turned["member"]["id"]), (&json!("Beta"), &there["member"]["id"]));
    assert_eq!(browser.get("/v1/org").await.expect(200)["org"]["name"], "Beta");
    assert_eq!(browser.get("/v1/assessments").await.expect(200)["assessments"], json!([]));
    // What is allowed there is what counts there.
    let refused = browser.post("/v1/assessments", json!({})).await;
    refused.refused(403, "insufficient_scope");

    for nowhere in [gamma.as_str(), "0190a0a0-0000-7000-8000-000000000000"] {
        browser.post("/auth/switch", json!({ "orgId": nowhere })).await.refused(403, "not_your_organisation");
    }
    stranger.post("/v1/org/members", json!({"email": "wren@example.org", "scopes": ["read"]})).await.expect(201);
    browser.post("/auth/switch", json!({ "orgId": gamma })).await.refused(403, "not_your_organisation");
    for body in [json!({}), json!({"orgId": "x"}), json!({"orgId": null})] {
        let reply = browser.post("/auth/switch", body).await;
        reply.refused(400, "validation_failed");
        assert_eq!(reply.body["details"][0]["path"], json!(["orgId"]));
    }
    assert_eq!(names(&mut browser).await.0, "Beta");
    // Who signs in next begins where the member was last.
    let mut next = Browser::at(&app);
    next.sign_in().await;
    assert_eq!(names(&mut next).await, (json!("Beta"), ["Acme", "Beta", "Gamma"].map(str::to_owned).to_vec()));

    admin.delete(&format!("/v1/org/members/{}", there["member"]["id"].as_str().unwrap())).await.expect(200);
    browser.get("/v1/org").await.refused(401, "unauthorized");
    browser.post("/auth/switch", json!({ "orgId": beta })).await.refused(403, "not_your_organisation");
    browser.post("/auth/switch", json!({ "orgId": app.org().id })).await.expect(200);
    assert_eq!(names(&mut browser).await, (json!("Acme"), vec!["Acme".to_owned()]));
}

#[tokio::test]
async fn another_api_key_adds_its_organisation_when_that_is_asked_for() {
    let app = TestApp::start().await;
    let (beta, secret, admin) = another(&app, "Beta");
    let mut browser = Browser::at(&app);
    let first = browser.post("/auth/sign-in", json!({"apiKey": app.org().secret, "add": true})).await.expect(200);
    let old = browser.pages(&app);
    let added = browser.post("/auth/sign-in", json!({"apiKey": secret, "add": true})).await;
    let seconds: i64 =
        added.header("set-cookie").split("Max-Age=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
    assert!((43_000..=43_200).contains(&seconds), "{seconds}");
    let added = added.expect(200);
    // It ends when the first would have, and whoever knew its secret has nothing of what was added.
    assert_eq!(added["expiresAt"], first["expiresAt"]);
    old.get("/v1/org").await.refused(401, "unauthorized");
    assert_eq!(names(&mut browser).await, (json!("Beta"), vec!["Acme".to_owned(), "Beta".to_owned()]));
    browser.post("/auth/switch", json!({"orgId": app.org().id})).await.expect(200);
    assert_eq!(names(&mut browser).await.0, "Acme");

    // The same organisation once more is there once, with the newer key.
    let made = admin.post("/v1/org/api-keys", json!({"name": "newer", "scopes": ["read"]})).await.expect(201);
    browser.post("/auth/sign-in", json!({"apiKey": made["secret"], "add": true})).await.expect(200);
    let me = browser.get("/auth/me").await.expect(200);
    assert_eq!((&me["apiKey"]["name"], me["organisations"].as_array().unwrap().len()), (&json!("newer"), 2));
    admin.delete(&format!("/v1/org/api-keys/{}", made["apiKey"]["id"].as_str().unwrap())).await.expect(200);
    browser.post("/auth/switch", json!({"orgId": app.org().id})).await.expect(200);
    browser.post("/auth/switch", json!({ "orgId": beta })).await.refused(403, "not_your_organisation");
    assert_eq!(names(&mut browser).await.1, ["Acme"]);

    let wrong = browser.post("/auth/sign-in", json!({"apiKey": app.org().secret, "add": "yes"})).await;
    wrong.refused(400, "validation_failed");
    // Without that word there is one.
    browser.post("/auth/sign-in", json!({"apiKey": secret})).await.expect(200);
    assert_eq!(names(&mut browser).await, (json!("Beta"), vec!["Beta".to_owned()]));
}

#[tokio::test]
async fn sockets_stay_with_the_organisation_that_they_were_opened_for_and_other_sites_turn_nothing() {
    let app = TestApp::start().await;
    let candidate = app.candidate(&app.assessment().await).await;
    let (beta, secret, _) = another(&app, "Beta");
    let mut browser = Browser::at(&app);
    browser.post("/auth/sign-in", json!({ "apiKey": secret })).await.expect(200);
    browser.post("/auth/sign-in", json!({"apiKey": app.org().secret, "add": true})).await.expect(200);
    let mut socket = browser.pages(&app).watch(&candidate.session, "").await;
    let pages = browser.pages(&app);
    for (header, value, code) in
        [("origin", "https://evil.example", "origin_refused"), ("sec-fetch-site", "cross-site", "cross_site")]
    {
        pages.with_header(header, value).post("/auth/switch", json!({ "orgId": beta })).await.refused(403, code);
    }
    app.anonymous().post("/auth/switch", json!({ "orgId": beta })).await.refused(401, "unauthorized");
    browser.post("/auth/switch", json!({ "orgId": beta })).await.expect(200);
    browser.get(&format!("/v1/sessions/{}", candidate.session)).await.refused(404, "not_found");
    candidate.ingest("prompt", json!({"text": "still here"})).await.expect(201);
    socket.next_of("event").await;
}
