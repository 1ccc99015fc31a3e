//! The organisation and its API keys.

use std::process::Output;

use serde_json::json;

use crate::harness::{TestApp, org_create, shown, wrong_fields};

#[tokio::test]
async fn an_operator_makes_organisations_on_the_command_line() {
    let app = TestApp::start().await;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let create = |name: &str| -> Output { org_create(&app.redis_url(), &["--name", name]) };
    let made = create("  Überall & Co  ");
    assert!(made.status.success(), "{}", text(&made.stderr));
    let printed = text(&made.stdout);
    let words: Vec<_> = printed.split_whitespace().collect();
    let secret = words.iter().find(|word| word.starts_with("psk_live_")).expect("the key is printed");
    let org = app.bearer(secret).get("/v1/org").await.expect(200);
    assert_eq!(org["org"]["name"], "Überall & Co");
    assert!(words.contains(&org["org"]["id"].as_str().unwrap()), "{printed}");
    assert!(!text(&made.stderr).contains(secret));
    for name in ["", "  ", &"x".repeat(256)] {
        let refused = create(name);
        assert!(!refused.status.success() && refused.stdout.is_empty());
        assert!(text(&refused.stderr).contains("--name"), "{}", text(&refused.stderr));
    }
    create(&"é".repeat(255)).status.success().then_some(()).unwrap();
    let unreachable = org_create("redis://:canary@127.0.0.1:1", &["--name", "Acme"]);
    assert!(!unreachable.status.success() && !text(&unreachable.stderr).contains("canary"));
}

#[tokio::test]
async fn an_organisation_reads_itself_and_nobody_else() {
    let app = TestApp::start().await;
    let org = app.reviewer().get("/v1/org").await;
    insta::assert_json_snapshot!("org", shown(&org));
    assert_eq!(org.body["org"]["id"], app.org().id);
    assert_eq!(app.read_only().await.get("/v1/org").await.body, org.body);
    assert_eq!(app.other_org().await.get("/v1/org").await.body["org"]["name"], "Other");
}

#[tokio::test]
async fn an_api_key_shows_its_secret_once_and_ends_at_once() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    let made = reviewer.post("/v1/org/api-keys", json!({"name": "  CI  ", "scopes": ["write", "read"]})).await;
    insta::assert_json_snapshot!("api_key_created", shown(&made));
    let (id, secret) = (made.body["apiKey"]["id"].as_str().unwrap(), made.body["secret"].as_str().unwrap());
    assert!(secret.starts_with("psk_live_"));
    assert!(secret.starts_with(made.body["apiKey"]["prefix"].as_str().unwrap()));
    assert!(secret.len() > made.body["apiKey"]["prefix"].as_str().unwrap().len() + 16);

    let user = app.bearer(secret);
    user.get("/v1/org").await.expect(200);
    let listed = reviewer.get("/v1/org/api-keys").await;
    insta::assert_json_snapshot!("api_keys", shown(&listed));
    assert!(!listed.text.contains(secret));
    let used = |id: &str| {
        let keys = listed.body["apiKeys"].as_array().unwrap();
        keys.iter().find(|key| key["id"] == id).unwrap()["lastUsedAt"].is_string()
    };
    assert!(used(id));

    let path = format!("/v1/org/api-keys/{id}");
    app.other_org().await.delete(&path).await.refused(404, "not_found");
    user.get("/v1/org").await.expect(200);
    insta::assert_json_snapshot!("api_key_revoked", shown(&reviewer.delete(&path).await));
    user.get("/v1/org").await.refused(401, "unauthorized");
    reviewer.delete(&path).await.refused(404, "not_found");
    let left = reviewer.get("/v1/org/api-keys").await.expect(200);
    assert_eq!(left["apiKeys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_api_key_needs_a_name_and_known_scopes() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    let wrong = async |body| {
        let reply = reviewer.post("/v1/org/api-keys", body).await;
        reply.refused(400, "validation_failed");
        wrong_fields(&reply)
    };
    assert_eq!(wrong(json!({})).await, ["name", "scopes"]);
    assert_eq!(wrong(json!({"name": " ", "scopes": []})).await, ["name", "scopes"]);
    assert_eq!(wrong(json!({"name": "a".repeat(256), "scopes": "read"})).await, ["name", "scopes"]);
    assert_eq!(wrong(json!({"name": "a", "scopes": ["admin", 5]})).await, ["scopes.0", "scopes.1"]);

    let scopes = async |scopes: &[&str]| {
        let made = reviewer.post("/v1/org/api-keys", json!({"name": "a", "scopes": scopes})).await.expect(201);
        made["apiKey"]["scopes"].clone()
    };
    assert_eq!(scopes(&["read"]).await, json!(["read"]));
    assert_eq!(scopes(&["write"]).await, json!(["write"]));
    assert_eq!(scopes(&["read", "read"]).await, json!(["read"]));
}
