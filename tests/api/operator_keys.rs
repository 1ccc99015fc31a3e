//! `promptster-server keys`: API keys of an organisation, on the command line.

use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{TestApp, program};

fn keys(app: &TestApp, arguments: &[&str]) -> (bool, String, String) {
    let mut command = program();
    command.arg("keys").args(arguments).args(["--redis-url", &app.redis_url()]);
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.success(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[tokio::test]
async fn an_operator_lists_makes_and_revokes_api_keys() {
    let app = TestApp::start().await;
    let org = app.org().id.as_str();
    let (fine, made, said) = keys(&app, &["create", "--org", org, "--name", " CI ", "--scope", "read", "--json"]);
    assert!(fine, "{said}");
    let made: Value = serde_json::from_str(&made).unwrap();
    let (id, secret) = (made["apiKey"]["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    assert_eq!((&made["apiKey"]["name"], &made["apiKey"]["scopes"]), (&json!("CI"), &json!(["read"])));
    let reader = app.bearer(secret);
    reader.get("/v1/org").await.expect(200);
    reader.post("/v1/assessments", json!({})).await.refused(403, "insufficient_scope");

    let (_, listed, _) = keys(&app, &["list", "--org", org, "--json"]);
    let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown = listed.iter().find(|key| key["id"] == id).unwrap();
    assert_eq!((listed.len(), shown["lastUsedAt"].is_string()), (2, true));
    let (_, text, _) = keys(&app, &["list", "--org", org]);
    assert!(text.contains(id) && text.contains("CI") && !text.contains(secret), "{text}");

    let (fine, _, said) = keys(&app, &["revoke", id, "--org", org]);
    assert!(fine, "{said}");
    reader.get("/v1/org").await.refused(401, "unauthorized");
    let (again, _, said) = keys(&app, &["revoke", id, "--org", org]);
    assert!(!again && said.contains("no API key"), "{said}");
    let (fine, secret, _) = keys(&app, &["create", "--org", org, "--name", "both"]);
    assert!(fine);
    app.bearer(secret.trim()).post("/v1/org/api-keys", json!({"name": "x", "scopes": ["read"]})).await.expect(201);
}

#[tokio::test]
async fn no_key_is_made_for_nobody_or_revoked_for_another() {
    let app = TestApp::start().await;
    let nobody = uuid::Uuid::from_u128(7).to_string();
    for arguments in [&["list"][..], &["create", "--name", "x"]] {
        let (fine, printed, said) = keys(&app, &[arguments, &["--org", &nobody]].concat());
        assert!(!fine && printed.is_empty() && said.contains("there is no organisation"), "{said}");
    }
    let (fine, _, said) = keys(&app, &["create", "--org", &app.org().id, "--name", " "]);
    assert!(!fine && said.contains("--name"), "{said}");
    let other = app.other_org().await;
    let theirs = other.get("/v1/org/api-keys").await.expect(200)["apiKeys"][0]["id"].as_str().unwrap().to_owned();
    let (fine, _, said) = keys(&app, &["revoke", &theirs, "--org", &app.org().id]);
    assert!(!fine && said.contains("no API key"), "{said}");
    other.get("/v1/org").await.expect(200);
}
