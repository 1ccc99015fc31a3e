//! Members of an organisation: by the API and on the command line.

use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{TestApp, program};

const MEMBERS: &str = "/v1/org/members";

#[tokio::test]
async fn members_are_added_listed_changed_and_removed() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    let own_key = reviewer.get("/v1/org/api-keys").await.expect(200)["apiKeys"][0]["id"].clone();
    let made =
        reviewer.post(MEMBERS, json!({"email": " Wren@Example.org ", "scopes": ["write", "read"]})).await.expect(201);
    let wren = &made["member"];
    assert_eq!(
        (&wren["email"], &wren["scopes"], &wren["createdBy"], &wren["lastSignInAt"]),
        (&json!("Wren@Example.org"), &json!(["read", "write"]), &own_key, &Value::Null)
    );
    let again = json!({"email": "wren@example.ORG", "scopes": ["read"]});
    reviewer.post(MEMBERS, again.clone()).await.refused(409, "member_exists");
    // The same person may be a member elsewhere.
    let other = app.other_org().await;
    other.post(MEMBERS, again.clone()).await.expect(201);
    let plover = reviewer.post(MEMBERS, json!({"email": "plover@example.org", "scopes": ["read"]})).await.expect(201);

    let path = format!("{MEMBERS}/{}", wren["id"].as_str().unwrap());
    let changed = reviewer.patch(&path, json!({"scopes": ["read"]})).await.expect(200);
    assert_eq!((&changed["member"]["scopes"], &changed["member"]["id"]), (&json!(["read"]), &wren["id"]));
    let listed = reviewer.get(MEMBERS).await.expect(200);
    assert_eq!(listed["members"], json!([changed["member"], plover["member"]]));

    for outsider in [&other, &app.read_only().await] {
        let status = if std::ptr::eq(outsider, &other) { 404 } else { 403 };
        assert_eq!(outsider.patch(&path, json!({"scopes": ["write"]})).await.status, status);
        assert_eq!(outsider.delete(&path).await.status, status);
    }
    reviewer.delete(&path).await.expect(200);
    reviewer.delete(&path).await.refused(404, "not_found");
    reviewer.patch(&path, json!({"scopes": ["read"]})).await.refused(404, "not_found");
    assert_eq!(reviewer.get(MEMBERS).await.expect(200)["members"], json!([plover["member"]]));
    // Another member than before, under the same address.
    let back = reviewer.post(MEMBERS, again).await.expect(201);
    assert_ne!(back["member"]["id"], wren["id"]);
    assert_eq!(other.get(MEMBERS).await.expect(200)["members"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_wrong_member_is_refused_by_field() {
    let app = TestApp::start().await;
    for (body, field) in [
        (json!({"scopes": ["read"]}), "email"),
        (json!({"email": "wren", "scopes": ["read"]}), "email"),
        (json!({"email": 7, "scopes": ["read"]}), "email"),
        (json!({"email": "wren@example.org"}), "scopes"),
        (json!({"email": "wren@example.org", "scopes": []}), "scopes"),
        (json!({"email": "wren@example.org", "scopes": ["admin"]}), "scopes"),
    ] {
        let reply = app.reviewer().post(MEMBERS, body.clone()).await;
        reply.refused(400, "validation_failed");
        assert_eq!(reply.body["details"][0]["path"][0], field, "{body}");
    }
    assert_eq!(app.reviewer().get(MEMBERS).await.expect(200)["members"], json!([]));
}

/// Twenty at once: one of them is the one who added the member.
#[tokio::test]
async fn an_address_is_added_once_however_many_try_at_once() {
    let app = TestApp::start().await;
    let tries = (0..20).map(|_| {
        let reviewer = app.reviewer();
        async move { reviewer.post(MEMBERS, json!({"email": "wren@example.org", "scopes": ["read"]})).await.status }
    });
    let mut found = futures_util::future::join_all(tries).await;
    found.sort_unstable();
    assert_eq!((found[0], &found[1..]), (201, &[409; 19][..]));
    assert_eq!(app.reviewer().get(MEMBERS).await.expect(200)["members"].as_array().unwrap().len(), 1);
}

fn members(app: &TestApp, arguments: &[&str]) -> (bool, String, String) {
    let mut command = program();
    command.args(["org", "members"]).args(arguments).args(["--redis-url", &app.redis_url()]);
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.success(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[tokio::test]
async fn an_operator_lists_adds_and_removes_members() {
    let app = TestApp::start().await;
    let org = app.org().id.as_str();
    let (fine, printed, said) = members(&app, &["list", "--org", org]);
    assert!(fine && printed.is_empty() && said.contains("org members add"), "{said}");
    let (fine, id, said) = members(&app, &["add", "wren@example.org", "--scope", "read", "--org", org]);
    assert!(fine, "{said}");
    let id = id.trim();
    let listed = app.reviewer().get(MEMBERS).await.expect(200);
    let shown = &listed["members"][0];
    assert_eq!((&shown["id"], &shown["createdBy"], &shown["scopes"]), (&json!(id), &Value::Null, &json!(["read"])));
    let (_, printed, _) = members(&app, &["list", "--org", org, "--json"]);
    assert_eq!(&serde_json::from_str::<Value>(&printed).unwrap(), shown);
    let (_, printed, _) = members(&app, &["list", "--org", org]);
    assert!(
        printed.contains(id) && printed.contains("never signed in") && printed.contains("wren@example.org"),
        "{printed}"
    );

    let (fine, _, said) = members(&app, &["add", "WREN@example.org", "--org", org]);
    assert!(!fine && said.contains("member of organisation"), "{said}");
    let (fine, _, said) = members(&app, &["add", "wren", "--org", org]);
    assert!(!fine && said.contains("not an e-mail address"), "{said}");
    let nobody = uuid::Uuid::from_u128(7).to_string();
    let (fine, _, said) = members(&app, &["add", "plover@example.org", "--org", &nobody]);
    assert!(!fine && said.contains("there is no organisation"), "{said}");

    let (fine, _, said) = members(&app, &["remove", id, "--org", org]);
    assert!(fine, "{said}");
    let (again, _, said) = members(&app, &["remove", id, "--org", org]);
    assert!(!again && said.contains("has no member"), "{said}");
    assert_eq!(app.reviewer().get(MEMBERS).await.expect(200)["members"], json!([]));
}

#[tokio::test]
async fn members_live_in_a_cluster_as_well() {
    let app = TestApp::on_cluster().await;
    for n in 0..8 {
        let member = json!({"email": format!("wren-{n}@example.org"), "scopes": ["read"]});
        let made = app.reviewer().post(MEMBERS, member.clone()).await.expect(201);
        app.reviewer().post(MEMBERS, member).await.refused(409, "member_exists");
        let path = format!("{MEMBERS}/{}", made["member"]["id"].as_str().unwrap());
        app.reviewer().patch(&path, json!({"scopes": ["read", "write"]})).await.expect(200);
        if n % 2 == 0 {
            app.reviewer().delete(&path).await.expect(200);
        }
    }
    assert_eq!(app.reviewer().get(MEMBERS).await.expect(200)["members"].as_array().unwrap().len(), 4);
}
