//! For how long sessions are kept: by the API and on the command line, and that it is done.

use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{Candidate, TestApp, eventually, program, wrong_fields};

const ORG: &str = "/v1/org";

/// `org retention` for an organisation with these arguments.
fn retention(app: &TestApp, org: &str, arguments: &[&str]) -> Output {
    let mut command = program();
    command.args(["org", "retention", "--redis-url", &app.redis_url(), "--org", org]).args(arguments);
    command.output().unwrap()
}

async fn days(app: &TestApp) -> Value {
    app.reviewer().get(ORG).await.expect(200)["org"]["retentionDays"].clone()
}

#[tokio::test]
async fn an_organisation_says_for_how_long_its_sessions_are_kept() {
    let app = TestApp::start().await;
    let (reviewer, other) = (app.reviewer(), app.other_org().await);
    let before = reviewer.get(ORG).await.expect(200);
    assert_eq!(before["org"]["retentionDays"], Value::Null);
    for number in [1, 3650, 180] {
        let changed = reviewer.patch(ORG, json!({"retentionDays": number})).await.expect(200);
        let mut expected = before.clone();
        expected["org"]["retentionDays"] = json!(number);
        assert_eq!((&changed, &reviewer.get(ORG).await.body), (&expected, &expected));
    }
    assert_eq!(other.get(ORG).await.expect(200)["org"]["retentionDays"], Value::Null);

    app.read_only().await.patch(ORG, json!({"retentionDays": 1})).await.refused(403, "insufficient_scope");
    app.anonymous().patch(ORG, json!({"retentionDays": 1})).await.refused(401, "unauthorized");
    assert_eq!(days(&app).await, json!(180));

    // Somebody who is signed in with a browser, on a page of the server's own.
    let page = app.anonymous().with_header("origin", &app.url()).with_header("sec-fetch-site", "same-origin");
    let signed_in = page.post("/auth/sign-in", json!({"apiKey": app.org().secret})).await;
    let page = page.with_header("cookie", signed_in.header("set-cookie").split(';').next().unwrap());
    let changed = page.patch(ORG, json!({"retentionDays": null})).await.expect(200);
    assert_eq!((&changed, days(&app).await), (&before, Value::Null));
    let elsewhere = page.with_header("origin", "https://elsewhere.example");
    elsewhere.patch(ORG, json!({"retentionDays": 1})).await.refused(403, "origin_refused");
}

#[tokio::test]
async fn a_wrong_number_of_days_is_refused_by_its_field_and_changes_nothing() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    reviewer.patch(ORG, json!({"retentionDays": 30})).await.expect(200);
    for (wrong, code) in [
        (json!({}), "required"),
        (json!({"name": "Another"}), "required"),
        (json!({"retentiondays": 7}), "required"),
        (json!({"retentionDays": 0}), "out_of_range"),
        (json!({"retentionDays": -1}), "out_of_range"),
        (json!({"retentionDays": 3651}), "out_of_range"),
        (json!({"retentionDays": 1e300}), "out_of_range"),
        (json!({"retentionDays": 1.5}), "invalid_type"),
        (json!({"retentionDays": "30"}), "invalid_type"),
        (json!({"retentionDays": [30]}), "invalid_type"),
        (json!({"retentionDays": false}), "invalid_type"),
    ] {
        let reply = reviewer.patch(ORG, wrong.clone()).await;
        reply.refused(400, "validation_failed");
        assert_eq!(
            (wrong_fields(&reply), &reply.body["details"][0]["code"]),
            (vec!["retentionDays".to_owned()], &json!(code)),
            "{wrong}"
        );
    }
    assert_eq!(days(&app).await, json!(30));
}

#[tokio::test]
async fn the_command_line_has_the_same_limits_and_says_the_same() {
    let app = TestApp::start().await;
    let org = app.org().id.as_str();
    assert!(!retention(&app, "0190a0a0-0000-7000-8000-000000000000", &["--days=30"]).status.success());
    for (arguments, expected) in
        [(["--days=1"], json!(1)), (["--days=3650"], json!(3650)), (["--for-ever"], Value::Null)]
    {
        assert!(retention(&app, org, &arguments).status.success(), "{arguments:?}");
        assert_eq!(days(&app).await, expected);
    }
    for wrong in ["--days=0", "--days=3651", "--days=soon"] {
        let refused = retention(&app, org, &[wrong]);
        assert!(!refused.status.success() && String::from_utf8(refused.stderr).unwrap().contains("--days"), "{wrong}");
    }
    assert_eq!(days(&app).await, Value::Null);
}

/// Sets the days, and looks what is left of a session that ended so long ago, a fresh one, and one that runs.
async fn what_is_too_old_goes(set: impl AsyncFnOnce(&TestApp)) {
    let mut app = TestApp::start().await;
    let assessment = app.assessment().await;
    let (older, old) = (app.candidate(&assessment).await, app.candidate(&assessment).await);
    let (fresh, running) = (app.candidate(&assessment).await, app.candidate(&assessment).await);
    for candidate in [&older, &old, &fresh, &running] {
        candidate.ingest("prompt", json!({"text": "kept?"})).await.expect(201);
    }
    for done in [&older, &old, &fresh] {
        done.complete().await.expect(200);
    }
    app.let_end_be_long_ago(&older, 31).await;
    app.let_end_be_long_ago(&old, 29).await;
    set(&app).await;
    app.restart_server().await;
    let of = |candidate: &Candidate| format!("/v1/sessions/{}", candidate.session);
    let reviewer = app.reviewer();
    eventually("the older session to go", async || (reviewer.get(&of(&older)).await.status == 404).then_some(())).await;
    for kept in [&old, &fresh, &running] {
        reviewer.get(&of(kept)).await.expect(200);
    }
    older.ingest("prompt", json!({"text": "late"})).await.refused(410, "session_deleted");
}

#[tokio::test]
async fn sessions_are_kept_as_long_as_the_operator_says() {
    what_is_too_old_goes(async |app| {
        assert!(retention(app, &app.org().id, &["--days=30"]).status.success());
    })
    .await;
}

#[tokio::test]
async fn sessions_are_kept_as_long_as_their_organisation_says() {
    what_is_too_old_goes(async |app| {
        app.reviewer().patch(ORG, json!({"retentionDays": 30})).await.expect(200);
    })
    .await;
}
