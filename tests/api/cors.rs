//! Browsers of other origins.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::harness::{N_IDS, ROUTES, Reply, TestApp, User, path};

const DASH: &str = "https://dash.example";
const NOWHERE: &str = "0190a0a0-0000-7000-8000-000000000000";

async fn preflight(user: &User, path: &str, origin: &str, method: &str) -> Reply {
    let user = user.with_header("origin", origin).with_header("access-control-request-method", method);
    user.with_header("access-control-request-headers", "authorization,content-type").call(Method::OPTIONS, path).await
}

/// All headers by which a server lets a page in.
fn cors_headers(reply: &Reply) -> BTreeSet<&str> {
    reply.headers.keys().map(|name| name.as_str()).filter(|name| name.starts_with("access-control-")).collect()
}

#[tokio::test]
async fn a_configured_origin_may_call_and_read_every_route_and_others_none() {
    let app = TestApp::with(&["--allowed-origin", DASH]).await;
    let anonymous = app.anonymous();
    for (method, template, _) in ROUTES {
        let path = path(template, [NOWHERE; N_IDS]);
        let answer = preflight(&anonymous, &path, DASH, method).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{method} {path}");
        assert_eq!(answer.header("access-control-allow-origin"), DASH);
        assert!(answer.header("access-control-allow-methods").split(", ").any(|allowed| allowed == *method));
        assert!(answer.header("access-control-allow-headers").contains("authorization"));
        assert_eq!((answer.header("access-control-max-age"), answer.header("vary")), ("7200", "Origin"));
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));
        assert!(!answer.header("x-request-id").is_empty());

        let refused = preflight(&anonymous, &path, "https://evil.example", method).await;
        refused.refused(403, "origin_refused");
        assert_eq!(cors_headers(&refused), BTreeSet::new());
        assert_eq!(refused.header("vary"), "Origin");
    }
    preflight(&anonymous, "/v1/nowhere", DASH, "GET").await.refused(404, "not_found");

    let of = |origin: &str| app.reviewer().with_header("origin", origin);
    for own in [DASH, &app.url()] {
        let made = of(own).post("/v1/assessments", json!({"title": "a", "role": "b", "taskBrief": "c"})).await;
        assert_eq!((made.status, made.header("access-control-allow-origin")), (201, own));
        let exposed = made.header("access-control-expose-headers");
        for name in ["x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
            assert!(exposed.split(", ").any(|shown| shown == name), "{name}");
        }
        // A refusal too is to be read by the page, and so is the head of a reply.
        let stranger = anonymous.with_header("origin", own);
        for (status, path) in [(401, "/v1/org"), (404, "/v1/nowhere"), (200, "/v1/health")] {
            let reply = stranger.get(path).await;
            assert_eq!((reply.status, reply.header("access-control-allow-origin")), (status, own));
        }
        assert_eq!(stranger.post("/v1/health", json!({})).await.header("access-control-allow-origin"), own);
        let head = stranger.call(Method::HEAD, "/v1/health").await;
        assert_eq!((head.status, head.header("access-control-allow-origin")), (200, own));
    }
    for other in ["https://evil.example", "https://dash.example.evil", "http://dash.example", "null", "*", ""] {
        let reply = of(other).get("/v1/org").await;
        assert_eq!((reply.status, cors_headers(&reply)), (200, BTreeSet::new()), "{other}");
    }
    let plain = app.reviewer().get("/v1/org").await;
    assert_eq!((cors_headers(&plain), plain.header("vary")), (BTreeSet::new(), "Origin"));
    // No preflight: a method that is not there.
    let options = anonymous.with_header("origin", DASH).call(Method::OPTIONS, "/v1/org").await;
    options.refused(405, "method_not_allowed");
    assert_eq!(options.header("allow"), "GET, HEAD, PATCH");
}
