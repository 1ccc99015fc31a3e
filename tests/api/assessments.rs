//! Assessments: made, listed, read, changed, deleted.

use serde_json::{Value, json};

use crate::harness::{TestApp, User, shown, wrong_fields};

fn body(fields: Value) -> Value {
    let mut body = json!({"title": "Fix the parser", "role": "Engineer", "taskBrief": "# Fix it"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn an_assessment_has_all_its_fields_and_defaults() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    insta::assert_json_snapshot!("assessments_none", shown(&reviewer.get("/v1/assessments").await));
    let least = reviewer.post("/v1/assessments", body(json!({}))).await;
    insta::assert_json_snapshot!("assessment_least", shown(&least));
    assert_eq!(least.body["assessment"]["orgId"], app.org().id);
    let most = json!({
        "title": "  Fix the parser  ", "role": "\tEngineer\n", "taskBrief": "  # Kept as it is\n",
        "repoUrl": "git@git.example:a/b.git", "timeLimitMinutes": 90, "expiresInDays": 30, "tokenBudgetUsd": 2.5,
        "allowedTools": ["claude", "cursor"], "unknown": {"dropped": true}, "id": "mine", "createdAt": "2020",
    });
    let most = reviewer.post("/v1/assessments", most).await;
    insta::assert_json_snapshot!("assessment_most", shown(&most));
    assert!(most.text.contains("\"timeLimitMinutes\":90,"), "an integer has no decimal point: {}", most.text);

    let id = most.body["assessment"]["id"].as_str().unwrap();
    let read = reviewer.get(&format!("/v1/assessments/{id}")).await;
    insta::assert_json_snapshot!("assessment_read", shown(&read));
    let listed = reviewer.get("/v1/assessments").await.expect(200);
    let ids: Vec<_> = listed["assessments"].as_array().unwrap().iter().map(|each| &each["id"]).collect();
    assert_eq!(ids, [&least.body["assessment"]["id"], &most.body["assessment"]["id"]], "oldest first");
    assert_eq!(listed["assessments"][1], read.body["assessment"], "the list shows what the detail shows");
    assert_eq!(app.other_org().await.get("/v1/assessments").await.body, json!({"assessments": []}));
}

#[tokio::test]
async fn each_field_has_its_limits() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    let long = |n: usize| "é".repeat(n);
    let good = [
        json!({"title": long(255), "role": long(255)}),
        json!({"title": format!("  {}  ", long(255))}),
        json!({"taskBrief": "x".repeat(65_536)}),
        json!({"repoUrl": "https://git.example/a/b"}),
        json!({"repoUrl": "http://git.example:3000/a/b.git"}),
        json!({"repoUrl": "ssh://git@git.example/a/b"}),
        json!({"timeLimitMinutes": 1, "expiresInDays": 1, "tokenBudgetUsd": 0.01}),
        json!({"timeLimitMinutes": 10_080, "expiresInDays": 365, "tokenBudgetUsd": 1000}),
        json!({"repoUrl": null, "timeLimitMinutes": null, "expiresInDays": null, "tokenBudgetUsd": null,
            "allowedTools": null, "issueId": null, "rubricId": null}),
        json!({"allowedTools": ["codex"]}),
    ];
    for fields in good {
        let reply = reviewer.post("/v1/assessments", body(fields.clone())).await;
        assert_eq!(reply.status, 201, "{fields}: {}", reply.text);
    }
    let bad = [
        ("title", vec![json!(""), json!(" \n"), json!(long(256)), json!(5), json!(null), json!(["a"]), json!("a\0b")]),
        ("role", vec![json!(""), json!(long(256)), json!(true), json!(null)]),
        ("taskBrief", vec![json!(""), json!("x".repeat(65_537)), json!(long(32_769)), json!({}), json!(null)]),
        (
            "repoUrl",
            vec![
                json!("a/b"),
                json!("ftp://git.example/a"),
                json!("file:///etc/passwd"),
                json!("javascript:x"),
                json!("--upload-pack=x"),
                json!("https://"),
                json!("https://git.example/a b"),
                json!(1),
            ],
        ),
        (
            "timeLimitMinutes",
            vec![json!(0), json!(-1), json!(10_081), json!(1.5), json!("60"), json!(u64::MAX), json!([])],
        ),
        ("expiresInDays", vec![json!(0), json!(366), json!(7.5), json!("7")]),
        ("tokenBudgetUsd", vec![json!(0), json!(-0.5), json!(1000.01), json!("5")]),
        ("allowedTools", vec![json!(["vim"]), json!("claude"), json!(["claude", null])]),
        ("issueId", vec![json!("no-uuid"), json!(7)]),
        ("rubricId", vec![json!("no-uuid"), json!(7)]),
    ];
    for (field, values) in bad {
        for value in values {
            let reply = reviewer.post("/v1/assessments", body(json!({field: value}))).await;
            assert_eq!(reply.status, 400, "{field}: {value} gave {}", reply.text);
            let wrong = wrong_fields(&reply);
            assert!(wrong.len() == 1 && wrong[0].starts_with(field), "{field}: {value} gave {}", reply.text);
        }
    }
    let made = reviewer.get("/v1/assessments").await.expect(200);
    assert_eq!(made["assessments"].as_array().unwrap().len(), 10, "nothing was made of what was refused");
}

#[tokio::test]
async fn a_refusal_names_every_wrong_field_at_once() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    let all_wrong = json!({"title": "", "role": 5, "repoUrl": "x", "timeLimitMinutes": 0, "expiresInDays": 400,
        "tokenBudgetUsd": 0, "allowedTools": ["claude", "vim"]});
    insta::assert_json_snapshot!("assessment_all_wrong", shown(&reviewer.post("/v1/assessments", all_wrong).await));
    insta::assert_json_snapshot!("assessment_empty", shown(&reviewer.post("/v1/assessments", json!({})).await));
    let unknown = "0190a0a0-0000-7000-8000-000000000000";
    let no_issue = reviewer.post("/v1/assessments", json!({"title": "a", "role": "b", "issueId": unknown})).await;
    no_issue.refused(400, "issue_not_found");
    reviewer.post("/v1/assessments", body(json!({"rubricId": unknown}))).await.refused(400, "rubric_not_found");
}

#[tokio::test]
async fn a_change_replaces_the_given_fields_by_the_same_rules() {
    let app = TestApp::start().await;
    let (reviewer, id) = (app.reviewer(), app.assessment_with(json!({"timeLimitMinutes": 60})).await);
    let path = format!("/v1/assessments/{id}");
    let before = reviewer.get(&path).await.expect(200)["assessment"].clone();
    let changed = reviewer.patch(&path, json!({"title": " New ", "expiresInDays": 14, "orgId": "x", "odd": 1})).await;
    insta::assert_json_snapshot!("assessment_changed", shown(&changed));
    let after = &changed.body["assessment"];
    assert_eq!((&after["createdAt"], &after["id"]), (&before["createdAt"], &before["id"]));
    assert!(after["updatedAt"].as_str() >= before["updatedAt"].as_str());

    let wrong = reviewer.patch(&path, json!({"title": null, "expiresInDays": 0})).await;
    wrong.refused(400, "validation_failed");
    assert_eq!(wrong_fields(&wrong), ["expiresInDays", "title"]);
    let unlimited = reviewer.patch(&path, json!({"timeLimitMinutes": null})).await.expect(200);
    assert_eq!(unlimited["assessment"]["timeLimitMinutes"], Value::Null);
    let same = reviewer.patch(&path, json!({})).await.expect(200);
    assert_eq!((&same["assessment"]["title"], &same["assessment"]["expiresInDays"]), (&json!("New"), &json!(14)));
}

#[tokio::test]
async fn a_deleted_assessment_is_gone_but_running_sessions_go_on() {
    let app = TestApp::start().await;
    let (reviewer, id) = (app.reviewer(), app.assessment().await);
    let (path, kept) = (format!("/v1/assessments/{id}"), app.assessment().await);
    let (candidate, unused) = (app.candidate(&id).await, app.keys(&id, 1).await.remove(0));
    insta::assert_json_snapshot!("assessment_deleted", shown(&reviewer.delete(&path).await));

    for reply in [
        reviewer.get(&path).await,
        reviewer.delete(&path).await,
        reviewer.patch(&path, json!({"title": "a"})).await,
        reviewer.get(&format!("{path}/keys")).await,
        reviewer.post(&format!("{path}/keys"), json!({"count": 1})).await,
        reviewer.delete(&format!("{path}/keys/{}", unused["id"].as_str().unwrap())).await,
    ] {
        reply.refused(404, "not_found");
    }
    assert_eq!(ids(&reviewer).await, [kept]);
    let redeem = json!({"key": unused["key"]});
    app.anonymous().post("/v1/candidate/redeem", redeem).await.refused(410, "key_revoked");
    app.api_key(unused["key"].as_str().unwrap()).get(&path).await.refused(401, "unauthorized");

    candidate.ingest("prompt", json!({"text": "still here"})).await.expect(201);
    assert_eq!(candidate.get(&path).await.expect(200)["assessment"]["id"], json!(id));
    let again = app.anonymous().post("/v1/candidate/redeem", json!({"key": candidate.key})).await.expect(200);
    assert_eq!(again["sessionId"], json!(candidate.session));
    candidate.complete().await.expect(200);
}

async fn ids(reviewer: &User) -> Vec<String> {
    let listed = reviewer.get("/v1/assessments").await.expect(200);
    listed["assessments"].as_array().unwrap().iter().map(|each| each["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_candidate_reads_its_own_assessment_and_no_other() {
    let app = TestApp::start().await;
    let (own, other) = (app.assessment().await, app.assessment().await);
    let candidate = app.candidate(&own).await;
    let read = candidate.get(&format!("/v1/assessments/{own}")).await.expect(200);
    assert_eq!(read, app.reviewer().get(&format!("/v1/assessments/{own}")).await.body);
    let with_key = app.api_key(&candidate.key);
    assert_eq!(with_key.get(&format!("/v1/assessments/{own}")).await.body, read);
    let unused = app.keys(&own, 1).await.remove(0);
    let unused = app.api_key(unused["key"].as_str().unwrap());
    assert_eq!(unused.get(&format!("/v1/assessments/{}", own.to_uppercase())).await.body, read);
    let refused = candidate.get(&format!("/v1/assessments/{other}")).await;
    refused.refused(404, "not_found");
    let nothing = candidate.get("/v1/assessments/0190a0a0-0000-7000-8000-000000000000").await;
    assert_eq!(refused.text, nothing.text);
}

#[tokio::test]
async fn what_is_written_comes_back_letter_by_letter() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    for text in [
        "Größe — 日本語",
        "\u{1f980}\u{200d}\u{1f525}",
        "a\u{301} is not \u{e1}",
        "\u{202e}abc\u{feff}x",
        "<b>&amp;\"'\\</b>",
        "%00%20+",
    ] {
        let brief = format!("  {text}\r\n\t\u{2028}");
        let made = reviewer.post("/v1/assessments", json!({"title": text, "role": text, "taskBrief": brief})).await;
        let made = made.expect(201)["assessment"].clone();
        let read = reviewer.get(&format!("/v1/assessments/{}", made["id"].as_str().unwrap())).await.expect(200);
        for shown in [&made, &read["assessment"]] {
            assert_eq!(
                (&shown["title"], &shown["role"], &shown["taskBrief"]),
                (&json!(text), &json!(text), &json!(brief))
            );
        }
    }
}
