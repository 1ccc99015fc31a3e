//! Issues: an organisation's own, the shared catalogue, and what an assessment takes from them.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Candidate, Reply, TestApp, User, wrong_fields};

const SHARED: &str = "0190a0a0-0000-7000-8000-0000000000aa";

fn issue(fields: Value) -> Value {
    let mut body =
        json!({"issueTitle": "Fix it", "language": "Go", "difficulty": "easy", "taskBrief": "# The issue's"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

async fn made(user: &User, fields: Value) -> Value {
    user.post("/v1/issues", issue(fields)).await.expect(201)["issue"].clone()
}

fn id(issue: &Value) -> String {
    issue["id"].as_str().unwrap().to_owned()
}

fn whole() -> Value {
    json!({
        "source": "github", "repoUrl": "https://git.example/acme/parser", "repoSlug": "acme/parser",
        "repoSubdir": "crates/parser", "issueNumber": 7, "issueUrl": "https://git.example/acme/parser/issues/7",
        "issueBody": "It breaks.", "skillTags": ["parsing", "error messages"], "estimatedMinutes": 45,
        "brokenSha": "ABCDEF0123", "referenceSha": "fedcba9876", "setupInstructions": "make setup",
    })
}

async fn assessment(app: &TestApp, fields: Value) -> Reply {
    let mut body = json!({"title": "a", "role": "b"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    app.reviewer().post("/v1/assessments", body).await
}

/// A server with this text as its catalogue.
async fn with_catalogue(issues: &Value) -> (TestApp, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("issues.json");
    std::fs::write(&file, issues.to_string()).unwrap();
    (TestApp::with(&["--issues-file", file.to_str().unwrap()]).await, directory)
}

#[tokio::test]
async fn an_issue_is_made_read_changed_and_deleted_by_its_organisation_alone() {
    let app = TestApp::start().await;
    let (reviewer, other) = (app.reviewer(), app.other_org().await);
    let least = made(&reviewer, json!({"odd": 1, "id": SHARED, "isCustom": false})).await;
    assert_ne!(least["id"], SHARED);
    assert_eq!(
        (&least["isCustom"], &least["status"], &least["skillTags"]),
        (&json!(true), &json!("active"), &json!([]))
    );
    for absent in ["source", "repoUrl", "repoSubdir", "issueNumber", "brokenSha", "referenceSha", "setupInstructions"] {
        assert_eq!(least[absent], Value::Null, "{absent}");
    }
    let most = made(&reviewer, whole()).await;
    assert_eq!((&most["brokenSha"], &most["referenceSha"]), (&json!("abcdef0123"), &json!("fedcba9876")));
    let path = format!("/v1/issues/{}", id(&most));
    assert_eq!(reviewer.get(&path).await.expect(200), json!({ "issue": most }));

    let change = json!({"difficulty": "hard", "referenceSha": null});
    let changed = reviewer.patch(&path, change.clone()).await.expect(200)["issue"].clone();
    assert_eq!((&changed["difficulty"], &changed["referenceSha"]), (&json!("hard"), &Value::Null));
    assert_eq!((&changed["issueBody"], &changed["createdAt"]), (&most["issueBody"], &most["createdAt"]));

    for reply in [other.get(&path).await, other.patch(&path, change).await, other.delete(&path).await] {
        reply.refused(404, "not_found");
    }
    assert_eq!(other.get("/v1/issues").await.expect(200)["total"], 0);
    assert_eq!(reviewer.delete(&path).await.expect(200), json!({"ok": true, "id": most["id"]}));
    for reply in [reviewer.get(&path).await, reviewer.patch(&path, json!({})).await, reviewer.delete(&path).await] {
        reply.refused(404, "not_found");
    }
    assert_eq!(reviewer.get("/v1/issues").await.expect(200)["issues"], json!([least]));
}

#[tokio::test]
async fn what_is_wrong_with_an_issue_is_named() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    assert_eq!(
        wrong_fields(&reviewer.post("/v1/issues", json!({})).await),
        ["difficulty", "issueTitle", "language", "taskBrief"]
    );
    for (field, values) in [
        ("difficulty", vec![json!("trivial"), json!(1)]),
        ("status", vec![json!("gone")]),
        ("issueUrl", vec![json!("ftp://a.example"), json!("javascript:x"), json!("a")]),
        ("repoSubdir", vec![json!("../up"), json!("/etc"), json!("a//b"), json!("a/."), json!("a\\b"), json!("C:")]),
        ("brokenSha", vec![json!("xyz"), json!("abc")]),
        ("issueNumber", vec![json!(0), json!("7")]),
        ("estimatedMinutes", vec![json!(0), json!(10_081)]),
        ("skillTags", vec![json!([""]), json!(vec!["a"; 21])]),
        ("taskBrief", vec![json!(" "), json!("x".repeat(65_537))]),
        ("issueBody", vec![json!("x".repeat(65_537))]),
    ] {
        for value in values {
            let reply = reviewer.post("/v1/issues", issue(json!({field: value}))).await;
            reply.refused(400, "validation_failed");
            let wrong = wrong_fields(&reply);
            assert!(wrong.len() == 1 && wrong[0].starts_with(field), "{field}: {value} gave {}", reply.text);
        }
    }
    assert_eq!(
        wrong_fields(&reviewer.get("/v1/issues?status=gone&difficulty=x&limit=y").await),
        ["difficulty", "limit", "status"]
    );
}

#[tokio::test]
async fn a_list_holds_own_issues_and_shared_ones_by_page_and_filter() {
    let mut shared = issue(json!({"id": SHARED, "issueTitle": "shared", "language": "Rust"}));
    let mut archived = shared.clone();
    archived["id"] = json!("0190a0a0-0000-7000-8000-0000000000ab");
    archived["status"] = json!("archived");
    shared["referenceSha"] = json!("abcdef0");
    let (app, _directory) = with_catalogue(&json!([shared, archived])).await;
    let reviewer = app.reviewer();
    for n in 0..3 {
        let (language, difficulty) = if n == 1 { ("rust", "hard") } else { ("Go", "easy") };
        made(&reviewer, json!({"issueTitle": format!("own {n}"), "language": language, "difficulty": difficulty}))
            .await;
    }
    let titles = async |query: &str| -> (Vec<String>, u64) {
        let listed = reviewer.get(&format!("/v1/issues{query}")).await.expect(200);
        let titles =
            listed["issues"].as_array().unwrap().iter().map(|one| one["issueTitle"].as_str().unwrap().to_owned());
        (titles.collect(), listed["total"].as_u64().unwrap())
    };
    let named = |titles: &[&str]| titles.iter().map(|title| (*title).to_owned()).collect::<Vec<_>>();
    assert_eq!(titles("").await, (named(&["own 0", "own 1", "own 2", "shared"]), 4));
    assert_eq!(titles("?limit=2&offset=1").await, (named(&["own 1", "own 2"]), 4));
    assert_eq!(titles("?offset=9").await, (vec![], 4));
    assert_eq!(titles("?language=RUST").await, (named(&["own 1", "shared"]), 2));
    assert_eq!(titles("?language=Rust&difficulty=hard").await, (named(&["own 1"]), 1));
    assert_eq!(titles("?status=archived").await, (named(&["shared"]), 1));
    let clamped = reviewer.get("/v1/issues?limit=99").await.expect(200);
    assert_eq!((&clamped["limit"], &clamped["offset"]), (&json!(50), &json!(0)));

    let path = format!("/v1/issues/{SHARED}");
    for user in [reviewer.clone(), app.other_org().await] {
        let read = user.get(&path).await.expect(200)["issue"].clone();
        assert_eq!((&read["isCustom"], &read["referenceSha"]), (&json!(false), &json!("abcdef0")));
        user.patch(&path, json!({})).await.refused(403, "shared_issue");
        user.delete(&path).await.refused(403, "shared_issue");
    }
    let made = assessment(&app, json!({"issueId": SHARED})).await.expect(201);
    assert_eq!(made["assessment"]["taskBrief"], "# The issue's");
}

#[tokio::test]
async fn an_assessment_takes_its_task_from_its_issue_and_keeps_it() {
    let app = TestApp::start().await;
    let (reviewer, issue) = (app.reviewer(), made(&app.reviewer(), whole()).await);
    let own = json!({"issueId": issue["id"], "taskBrief": "# Own", "repoUrl": "git@git.example:own.git"});
    let own = assessment(&app, own).await.expect(201)["assessment"].clone();
    assert_eq!((&own["taskBrief"], &own["repoUrl"]), (&issue["taskBrief"], &json!("git@git.example:own.git")));
    let made = assessment(&app, json!({"issueId": issue["id"]})).await.expect(201)["assessment"].clone();
    assert_eq!((&made["taskBrief"], &made["repoUrl"]), (&issue["taskBrief"], &issue["repoUrl"]));
    let path = format!("/v1/assessments/{}", id(&made));
    assert_eq!(reviewer.get(&path).await.expect(200)["assessment"]["issue"], issue);
    let listed = reviewer.get("/v1/assessments").await.expect(200);
    assert_eq!(listed["assessments"][1]["issue"], issue);

    // What becomes of the issue is not seen by those who have it as their task.
    let issue_path = format!("/v1/issues/{}", id(&issue));
    reviewer.patch(&issue_path, json!({"taskBrief": "# New", "brokenSha": "1111111"})).await.expect(200);
    reviewer.delete(&issue_path).await.expect(200);
    let changed =
        reviewer.patch(&path, json!({"title": "c", "taskBrief": "# Mine", "repoUrl": null})).await.expect(200);
    assert_eq!(
        (&changed["assessment"]["taskBrief"], &changed["assessment"]["repoUrl"]),
        (&issue["taskBrief"], &issue["repoUrl"])
    );
    let key = app.keys(&id(&made), 1).await.remove(0);
    let anonymous = app.anonymous();
    anonymous.post("/v1/candidate/consent", json!({"key": key["key"]})).await.expect(200);
    let redeemed = anonymous.post("/v1/candidate/redeem", json!({"key": key["key"]})).await.expect(200);
    for (name, expected) in [
        ("issueId", &issue["id"]),
        ("taskBrief", &issue["taskBrief"]),
        ("repoUrl", &issue["repoUrl"]),
        ("repoCommit", &issue["brokenSha"]),
        ("repoSubdir", &issue["repoSubdir"]),
        ("setupInstructions", &issue["setupInstructions"]),
    ] {
        assert_eq!(&redeemed[name], expected, "{name}");
    }

    let next = made_with_repo(&reviewer, "https://git.example/next").await;
    let moved = reviewer.patch(&path, json!({"issueId": next["id"]})).await.expect(200)["assessment"].clone();
    assert_eq!((&moved["issueId"], &moved["repoUrl"]), (&next["id"], &next["repoUrl"]));
    let alone = reviewer.patch(&path, json!({"issueId": null})).await.expect(200)["assessment"].clone();
    assert_eq!(
        (&alone["issueId"], &alone["taskBrief"], &alone["repoUrl"]),
        (&Value::Null, &next["taskBrief"], &next["repoUrl"])
    );
}

async fn made_with_repo(user: &User, repo: &str) -> Value {
    made(user, json!({"taskBrief": "# Next", "repoUrl": repo})).await
}

#[tokio::test]
async fn an_issue_that_is_not_there_is_named() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    let foreign = made(&app.other_org().await, json!({})).await;
    let deleted = made(&reviewer, json!({})).await;
    reviewer.delete(&format!("/v1/issues/{}", id(&deleted))).await.expect(200);
    let existing = app.assessment().await;
    for unknown in [json!(SHARED), foreign["id"].clone(), deleted["id"].clone()] {
        let patched = reviewer.patch(&format!("/v1/assessments/{existing}"), json!({"issueId": unknown})).await;
        for reply in [assessment(&app, json!({"issueId": unknown})).await, patched] {
            reply.refused(400, "issue_not_found");
            assert_eq!(wrong_fields(&reply), ["issueId"]);
        }
    }
}

#[tokio::test]
async fn a_candidate_reads_the_issue_of_its_assessment_and_not_what_solves_it() {
    let app = TestApp::start().await;
    let (issue, other) = (made(&app.reviewer(), whole()).await, made(&app.reviewer(), json!({})).await);
    let of_issue = id(&assessment(&app, json!({"issueId": issue["id"]})).await.expect(201)["assessment"]);
    let (avocet, stranger): (Candidate, Candidate) =
        (app.candidate(&of_issue).await, app.candidate(&app.assessment().await).await);
    let path = format!("/v1/issues/{}", id(&issue));
    let read = avocet.get(&path).await;
    assert!(!read.text.contains("referenceSha") && !read.text.contains("fedcba9876"), "{}", read.text);
    let read = read.expect(200)["issue"].clone();
    assert_eq!((&read["brokenSha"], &read["taskBrief"]), (&issue["brokenSha"], &issue["taskBrief"]));
    let own = avocet.get(&format!("/v1/assessments/{of_issue}")).await;
    assert!(!own.text.contains("fedcba9876"), "{}", own.text);
    assert_eq!(own.body["assessment"]["issue"], read);
    stranger.get(&path).await.refused(404, "not_found");
    avocet.get(&format!("/v1/issues/{}", id(&other))).await.refused(404, "not_found");
    app.reviewer().delete(&path).await.expect(200);
    assert_eq!(avocet.get(&path).await.expect(200)["issue"], read);
}

#[tokio::test]
async fn a_wrong_catalogue_keeps_the_server_from_starting_and_the_example_does_not() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/issues.json");
    let app = TestApp::with(&["--issues-file", example.to_str().unwrap()]).await;
    assert_eq!(app.reviewer().get("/v1/issues").await.expect(200)["total"], 6);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("wrong.json");
    std::fs::write(&file, json!([issue(json!({"id": SHARED, "difficulty": "trivial"}))]).to_string()).unwrap();
    let flags = ["--issues-file", file.to_str().unwrap()];
    let output = app.serve_to_its_end(&app.redis_url(), app.clickhouse_url(), &flags).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("entry 1: `difficulty`") && said.contains("wrong.json"),
        "{said}"
    );
}
