//! Methods and paths: `HEAD` on every route that answers `GET`, slashes, and heads of requests that nobody should send.

use reqwest::Method;
use serde_json::json;

use crate::harness::{ROUTES, TestApp, User, path, raw};
use crate::playing::candidate;

#[tokio::test]
async fn head_is_what_get_is_without_the_body() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    avocet.ingest("prompt", json!({"text": "a"})).await.expect(201);
    let keys = app.reviewer().get("/v1/org/api-keys").await.expect(200);
    let api_key = keys["apiKeys"][0]["id"].as_str().unwrap();
    let made = app.reviewer().post("/v1/org/webhooks", json!({"url": "https://a.example/"})).await.expect(201);
    let webhook = made["webhook"]["id"].as_str().unwrap();
    let users = [app.reviewer(), User::clone(&avocet), app.anonymous()];
    for (_, template, _) in ROUTES.iter().filter(|(method, ..)| *method == "GET") {
        let path = path(
            template,
            [&avocet.assessment, &avocet.key_id, &avocet.session, api_key, api_key, webhook, api_key, api_key],
        );
        let is_stream = path.ends_with("/live") || path.ends_with("/stream");
        for user in &users {
            let head = user.call(Method::HEAD, &path).await;
            assert_eq!(head.text, "", "{path}");
            if is_stream {
                assert_eq!((head.status, head.header("allow")), (405, "GET"), "{path}");
                continue;
            }
            let get = user.get(&path).await;
            assert_eq!(head.status, get.status, "{path}");
            assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
            // What is written while it is read has no length before it is written.
            let is_streamed = path.ends_with("/export") && get.status == 200;
            let length = if is_streamed { String::new() } else { get.text.len().to_string() };
            assert_eq!(head.header("content-length"), length, "{path}");
            assert!(!head.header("x-request-id").is_empty() && !head.header("x-ratelimit-reset").is_empty(), "{path}");
        }
    }
}

#[tokio::test]
async fn repeated_slashes_are_one_on_every_route_and_one_at_the_end_is_another_path() {
    let app = TestApp::start().await;
    let (avocet, anonymous, reviewer) = (candidate(&app).await, app.anonymous(), app.reviewer());
    for (method, template, _) in ROUTES.iter().filter(|(_, template, _)| !template.ends_with("/live")) {
        let id = &avocet.key_id;
        let path = path(template, [&avocet.assessment, id, &avocet.session, id, id, id, id, id]);
        let method: Method = method.parse().unwrap();
        let plain = anonymous.call(method.clone(), &path).await;
        for slashed in [format!("/{path}"), path.replace('/', "//"), path.replacen("/v1/", "///v1////", 1)] {
            let reply = anonymous.call(method.clone(), &slashed).await;
            assert_eq!((reply.status, &reply.text), (plain.status, &plain.text), "{method} {slashed}");
        }
        for other in [format!("{path}/"), format!("{path}//"), path.replacen("/v1", "/V1", 1)] {
            let reply = reviewer.call(method.clone(), &other).await;
            assert_eq!((reply.status, reply.code()), (404, "not_found"), "{method} {other}");
        }
    }
    let sessions = reviewer.get("//v1//sessions?limit=1&status=pending//").await;
    sessions.refused(400, "invalid_query");
    assert_eq!(reviewer.get("//v1//sessions?sourceService=a//b").await.expect(200)["total"], 0);
}

#[tokio::test]
async fn odd_heads_are_refused_and_the_server_goes_on() {
    let app = TestApp::start().await;
    let secret = &app.org().secret;
    let post = |head: &str, body: &str| {
        format!("POST /v1/assessments HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {secret}\r\n{head}\r\n{body}")
    };
    let get = |line: &str| format!("GET {line}\r\nHost: a\r\nConnection: close\r\n\r\n");
    for request in [
        post("Content-Length: 2\r\nContent-Length: 3\r\n", "{}x"),
        post("Content-Length: -1\r\n", "{}"),
        post("Content-Length: 0x2\r\n", "{}"),
        post("Content-Length: 99999999999999999999999\r\n", "{}"),
        post("Transfer-Encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\n{}"),
        post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding: gzip\r\n", "{}"),
        get("/v1/health HTTP/1.1\r\nBad Header: x"),
        get("/v1/health HTTP/1.1\r\nx: a\0b"),
        get("/v1/health\u{1f980} HTTP/1.1"),
        get(&format!("/{} HTTP/1.1", "a".repeat(200_000))),
        get(&format!("/v1/health HTTP/1.1\r\nx: {}", "a".repeat(200_000))),
    ] {
        let reply = raw(app.address(), request.as_bytes(), true).await;
        let shown = format!("{request:.120}");
        assert!(reply.is_none_or(|reply| (400..500).contains(&reply.status)), "{shown}");
    }
    // What follows on one connection is answered one by one.
    let two = format!("GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n{}", get("/v1/nowhere HTTP/1.1"));
    let both = raw(app.address(), two.as_bytes(), false).await.expect("an answer");
    assert_eq!(both.text.matches("HTTP/1.1 ").count(), 2, "{}", both.text);
    assert!(both.text.starts_with("HTTP/1.1 200") && both.text.contains("HTTP/1.1 404"));
    assert_eq!(app.reviewer().get("/v1/assessments").await.body, json!({"assessments": []}));
}
