//! What every reply has, whatever it says.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::harness::{N_IDS, ROUTES, Reply, TestApp, path, shown};

const NOWHERE: &str = "0190a0a0-0000-7000-8000-000000000000";

/// What every reply carries.
fn has_its_headers(reply: &Reply, what: &str) {
    assert!(!reply.header("x-request-id").is_empty(), "{what}: no x-request-id");
    for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
        assert!(reply.header(name).parse::<u64>().is_ok(), "{what}: {name} is {:?}", reply.header(name));
    }
    let reset: i64 = reply.header("x-ratelimit-reset").parse().unwrap();
    assert!(reset > 1_700_000_000, "{what}: x-ratelimit-reset is unix seconds, not {reset}");
    if reply.status >= 400 {
        assert_eq!(reply.header("content-type"), "application/json", "{what}");
        assert!(reply.body["error"].is_string() && reply.body["code"].is_string(), "{what}: {}", reply.text);
    }
}

#[tokio::test]
async fn every_reply_has_a_request_id_and_says_what_is_left_of_the_budget() {
    let app = TestApp::with(&["--requests-per-minute=300", "--public-requests-per-minute=301"]).await;
    let (reviewer, anonymous) = (app.reviewer(), app.anonymous());
    let candidate = app.candidate(&app.assessment().await).await;
    let bad_encoding = reviewer.request(Method::POST, "/v1/assessments").header("content-encoding", "br").body("x");
    let replies = [
        (200, reviewer.get("/v1/org").await),
        (200, anonymous.get("/v1/health").await),
        (200, anonymous.get("/v1/ready").await),
        (201, reviewer.post("/v1/live-tickets", json!({})).await),
        (201, candidate.ingest("prompt", json!({"text": "a"})).await),
        (207, candidate.post("/v1/hooks/ingest/batch", json!({"events": [{}]})).await),
        (400, reviewer.post("/v1/assessments", json!({})).await),
        (400, reviewer.post_bytes("/v1/assessments", "{").await),
        (401, anonymous.get("/v1/org").await),
        (401, anonymous.get("/v1/stream").await),
        (403, candidate.get("/v1/org").await),
        (404, reviewer.get("/v1/assessments/none").await),
        (404, anonymous.get("/v1/nowhere").await),
        (404, anonymous.get("/nowhere").await),
        (404, anonymous.post("/v1/candidate/redeem", json!({"key": "PST-ABCD-2345"})).await),
        (405, anonymous.post("/v1/health", json!({})).await),
        (413, reviewer.post_bytes("/v1/assessments", vec![b' '; (1 << 20) + 1]).await),
        (415, reviewer.send(bad_encoding).await),
    ];
    for (status, reply) in &replies {
        assert_eq!(reply.status, *status, "{}", reply.text);
        has_its_headers(reply, &status.to_string());
    }
    let sent: BTreeSet<_> = replies.iter().map(|(_, reply)| reply.header("x-request-id")).collect();
    assert_eq!(sent.len(), replies.len(), "each reply has an id of its own");
    assert!(sent.iter().all(|id| Uuid::parse_str(id).is_ok()));

    let limit = |reply: &Reply| reply.header("x-ratelimit-limit").to_owned();
    assert_eq!(limit(&reviewer.get("/v1/org").await), "300");
    assert_eq!(limit(&anonymous.get("/v1/candidate/consent?key=x").await), "301");
    let event = candidate.ingest("prompt", json!({"text": "a"})).await;
    assert_eq!(limit(&event), "1200", "events have a budget of their own");
}

#[tokio::test]
async fn a_sane_request_id_is_echoed_and_any_other_replaced() {
    let app = TestApp::start().await;
    let echo = async |id: &str| {
        let user = app.anonymous().with_header("x-request-id", id);
        for path in ["/v1/health", "/v1/nowhere", "/v1/org"] {
            let reply = user.get(path).await;
            if reply.header("x-request-id") != id {
                assert!(Uuid::parse_str(reply.header("x-request-id")).is_ok(), "{path} {id}");
                return false;
            }
        }
        true
    };
    for sane in ["1", "a.B_c-9", &"x".repeat(128), &Uuid::new_v4().to_string()] {
        assert!(echo(sane).await, "{sane}");
    }
    for odd in ["", " ", "a b", "a/b", "é", "<script>", &"x".repeat(129), "a\tb"] {
        assert!(!echo(odd).await, "{odd}");
    }
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_refused_in_the_common_shape() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    let mut methods: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (method, template, _) in ROUTES {
        methods.entry(template).or_default().insert(method);
    }
    for (template, allowed) in methods {
        for wrong in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if allowed.contains(wrong) {
                continue;
            }
            let reply = anonymous.call(wrong.parse().unwrap(), &path(template, [NOWHERE; N_IDS])).await;
            assert_eq!((reply.status, reply.code()), (405, "method_not_allowed"), "{wrong} {template}");
            has_its_headers(&reply, template);
            let named: BTreeSet<_> = reply.header("allow").split(", ").filter(|method| *method != "HEAD").collect();
            assert_eq!(named, allowed, "{template}");
        }
    }
    insta::assert_json_snapshot!("wrong_method", shown(&anonymous.delete("/v1/org").await));
    insta::assert_json_snapshot!("unknown_path", shown(&anonymous.get("/v1/nowhere").await));
    for path in [
        "/nowhere",
        "/sessions",
        "/sessions/a/b",
        "/assets/none.js",
        "/index.html",
        "/auth/nowhere",
        "/v1",
        "/v2/health",
        "/v1/health/deep",
        "/v1/orgs",
        "/favicon.ico",
        "/v1/cli/version-check",
        "/%2e%2e/etc/passwd",
        "/v1/%00",
        "/v1/%ff",
    ] {
        let reply = app.reviewer().get(path).await;
        assert_eq!((reply.status, reply.code()), (404, "not_found"), "{path}");
        has_its_headers(&reply, path);
    }
}

#[tokio::test]
async fn slashes_collapse_and_head_is_get_without_a_body() {
    let app = TestApp::start().await;
    let key = app.keys(&app.assessment().await, 1).await.remove(0);
    let anonymous = app.anonymous();
    for path in ["//v1/health", "/v1//health", "///v1///health"] {
        assert_eq!(anonymous.get(path).await.expect(200)["ok"], true, "{path}");
    }
    let consent = json!({"key": key["key"]});
    anonymous.post("//v1/candidate/consent", consent.clone()).await.expect(200);
    anonymous.post("//v1/candidate/redeem", consent).await.expect(200);
    let get = anonymous.get("/v1/health").await;
    let head = anonymous.call(Method::HEAD, "/v1/health").await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), get.text.len().to_string());
    let version = anonymous.with_header("x-promptster-cli-version", "dev").get("/v1/health").await;
    assert_eq!(version.text, get.text, "the header of the CLI is never needed and never in the way");
}
