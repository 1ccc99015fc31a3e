//! The description of the API by itself. That it is true is tested everywhere: the harness holds every reply against
//! it (`harness/described.rs`).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{MODEL_METHODS, MODEL_ROUTES, ROUTES, TestApp, User, Who, described, faults, request_faults};

#[tokio::test]
async fn the_server_describes_itself_and_nobody_has_to_be_known_for_that() {
    let app = TestApp::start().await;
    let shown = app.anonymous().get("/v1/openapi.json").await;
    assert_eq!((shown.status, shown.header("content-type")), (200, "application/json"));
    assert_eq!(&shown.body, described());
    assert_eq!(shown.body["openapi"], "3.1.0");
}

/// Paths with every placeholder alike: its name is no matter.
fn plain(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[test]
fn the_table_of_the_access_tests_and_the_document_have_the_same_routes() {
    let models = MODEL_ROUTES.iter().flat_map(|path| MODEL_METHODS.map(|method| (method, *path)));
    let routes = ROUTES.iter().map(|(method, path, _)| (*method, *path)).chain(models);
    let tested: BTreeSet<String> = routes.map(|(method, path)| format!("{method} {}", plain(path))).collect();
    let paths = described()["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, operations)| {
        let methods = operations.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {}", method.to_uppercase(), plain(path)))
    });
    assert_eq!(tested, operations.collect());
}

#[test]
fn the_document_says_who_may_call_a_route() {
    for (method, path, who) in ROUTES {
        let (_, operations) =
            described()["paths"].as_object().unwrap().iter().find(|(known, _)| plain(known) == plain(path)).unwrap();
        let operation = &operations[method.to_lowercase()];
        let named: BTreeSet<&str> = operation["security"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|way| way.as_object().unwrap().keys())
            .map(String::as_str)
            .filter(|way| *way != "ticket")
            .collect();
        let expected: &[&str] = match who {
            Who::Anybody => &[],
            Who::Reviewer | Who::Writer => &["reviewer"],
            Who::Candidate => &["candidate"],
            Who::Either | Who::EitherWrites => &["candidate", "reviewer"],
        };
        // A socket of the wall is for reviewers, by header or ticket; candidates are told so.
        let expected = if *path == "/v1/live" { &["candidate", "reviewer"] } else { expected };
        // Whoever may call it as a reviewer may do so signed in with a browser.
        let signed_in = expected.contains(&"reviewer").then_some("signIn");
        assert_eq!(named, expected.iter().copied().chain(signed_in).collect(), "{method} {path}");
    }
}

/// The schema of the body that a route takes.
fn taken(method: &str, path: &str) -> &'static Value {
    let schema = &described()["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"];
    assert!(!schema.is_null(), "{method} {path} takes no body");
    schema
}

/// The schema of what a route answers.
fn answered(method: &str, path: &str, status: u16) -> &'static Value {
    let response = &described()["paths"][path][method]["responses"][status.to_string()];
    assert!(!response.is_null(), "{method} {path} {status} is not described");
    &response["content"]["application/json"]["schema"]
}

#[test]
fn the_published_examples_fit_the_schemas() {
    let examples: Value = serde_json::from_str(include_str!("published_examples.json")).unwrap();
    let mut n = 0;
    for example in examples.as_array().unwrap() {
        let text = |name: &str| example[name].as_str().unwrap();
        let (method, path) = text("route").split_once(' ').unwrap();
        let method = &method.to_lowercase();
        let (name, body) = (text("name"), &example["body"]);
        let found = match example["status"].as_u64() {
            Some(status) => faults(name, answered(method, path, u16::try_from(status).unwrap()), body),
            None => request_faults(name, taken(method, path), body),
        };
        assert!(found.is_empty(), "{name}: {found:#?}");
        n += 1;
    }
    assert!(n >= 20, "{n} examples");
}

#[test]
fn what_breaks_the_published_rules_fits_no_schema() {
    let create = taken("post", "/v1/assessments");
    for bad in [
        json!({}),
        json!({"title": "", "role": "a", "taskBrief": "b"}),
        json!({"title": "a", "role": "b"}),
        json!({"title": "a", "role": "b", "taskBrief": null}),
        json!({"title": "a", "role": "b", "taskBrief": "c", "timeLimitMinutes": 10_081}),
        json!({"title": "a", "role": "b", "taskBrief": "c", "allowedTools": ["emacs"]}),
    ] {
        assert!(!request_faults("create", create, &bad).is_empty(), "{bad}");
    }
    let reply = answered("get", "/v1/org", 200);
    let unknown = json!({"org": {"id": "0190a0a0-0000-7000-8000-000000000000", "name": "a", "createdAt": "2026-04-01T10:15:00.000Z", "secret": 1}});
    assert!(!faults("org", reply, &unknown).is_empty(), "members that are not named are found");
}

async fn file(user: &User, path: &str) -> (String, String) {
    let reply = user.get(path).await;
    assert_eq!(reply.status, 200, "{path}");
    (reply.header("content-type").to_owned(), reply.text)
}

#[tokio::test]
async fn the_reference_for_people_comes_from_this_server_alone() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    let page = anonymous.get("/docs").await;
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"), "{policy}");
    assert!(!page.text.contains("http:") && !page.text.contains("https:"), "{}", page.text);
    let sources = page.text.split(['"']).filter(|part| part.starts_with("/docs/")).map(str::to_owned);
    let sources: Vec<String> = sources.collect();
    assert!(sources.len() >= 4, "{sources:?}");
    for source in sources {
        let (kind, text) = file(&anonymous, &source).await;
        let expected = match source.rsplit('.').next().unwrap() {
            "css" => "text/css",
            "js" => "text/javascript",
            _ => "image/png",
        };
        assert!(kind.starts_with(expected) && !text.is_empty(), "{source}: {kind}");
    }
    for nothing in ["/docs/index.html", "/docs/swagger-initializer.js", "/docs/x"] {
        assert_eq!(anonymous.get(nothing).await.status, 404, "{nothing}");
    }
}
