//! The model proxy, in front of a provider of the test's own.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Candidate, MODEL_METHODS, MODEL_ROUTES, Piece, Provider, Reply, TestApp, eventually};

const OPERATORS_KEY: &str = "sk-operators-own-key";
pub const MESSAGES: &str = "/v1/proxy/anthropic/v1/messages";
pub const RESPONSES: &str = "/v1/proxy/openai/v1/responses";

pub const JSON: &str =
    "200 OK\r\ncontent-type: application/json\r\nrequest-id: req_1\r\nset-cookie: a=b\r\nx-echo: sk-operators-own-key";
pub const SSE: &str = "200 OK\r\ncontent-type: text/event-stream; charset=utf-8";

/// 1,000 tokens in and 100 out: 1,000 × 1 $ + 100 × 5 $ per million are 0.0015 $.
pub const MESSAGE: &[Piece] = &[Piece::Text(
    r#"{"type":"message","model":"claude-haiku-4-5-20251001","content":[],"usage":{"input_tokens":1000,"output_tokens":100}}"#,
)];
const RESPONSE: &[Piece] =
    &[Piece::Text(r#"{"object":"response","model":"gpt-4o-mini","usage":{"input_tokens":1000,"output_tokens":500}}"#)];
pub const BEGIN: Piece = Piece::Text(
    "data: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-haiku-4-5\",\"usage\":{\"input_tokens\":1000,\"output_tokens\":1}}}\n\n",
);
const END: Piece = Piece::Text("data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":100}}\n\n");
const STREAM: &[Piece] = &[BEGIN, Piece::Wait, END];
const ENDLESS: &[Piece] = &[BEGIN, Piece::Forever];

pub async fn app_before(provider: &Provider) -> TestApp {
    app_with(provider, &[]).await
}

pub async fn app_with(provider: &Provider, flags: &[&str]) -> TestApp {
    let url = provider.url();
    let usual = [
        "--log=info,promptster_server=trace,redis_scripts=trace",
        "--anthropic-url",
        &url,
        "--anthropic-key",
        OPERATORS_KEY,
        "--openai-url",
        &url,
        "--openai-key",
        OPERATORS_KEY,
    ];
    TestApp::with(&[&usual, flags].concat()).await
}

pub async fn candidate(app: &TestApp) -> Candidate {
    app.candidate(&app.assessment().await).await
}

/// What the key and the session have cost, as reviewers see it.
pub async fn costs(app: &TestApp, candidate: &Candidate) -> (Value, Value) {
    let reviewer = app.reviewer();
    let keys = reviewer.get(&format!("/v1/assessments/{}/keys", candidate.assessment)).await.expect(200);
    let session = reviewer.get(&format!("/v1/sessions/{}", candidate.session)).await.expect(200);
    (keys["keys"][0]["totalCostUsd"].clone(), session["session"]["totalCostUsd"].clone())
}

#[track_caller]
pub fn refused_as_by_anthropic(reply: &Reply, status: u16, kind: &str) {
    assert_eq!((reply.status, &reply.body["type"]), (status, &json!("error")), "{}", reply.text);
    assert_eq!(reply.body["error"]["type"], kind, "{}", reply.text);
    assert!(reply.body["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{}", reply.text);
}

#[track_caller]
pub fn refused_as_by_openai(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, &reply.body["error"]["code"]), (status, &json!(code)), "{}", reply.text);
    assert!(reply.body["error"]["message"].is_string() && reply.body["error"]["type"].is_string(), "{}", reply.text);
}

#[tokio::test]
async fn a_request_goes_through_with_the_operators_key_and_its_cost_is_counted() {
    let provider = Provider::start(JSON, MESSAGE).await;
    let app = app_before(&provider).await;
    let avocet = candidate(&app).await;
    let request = avocet
        .request(Method::POST, &format!("/{MESSAGES}?beta=true%20"))
        .bearer_auth(&avocet.token)
        .header("anthropic-version", "2023-06-01")
        .header("x-forwarded-for", "192.0.2.1")
        .header("cookie", "a=b")
        .header("x-stray", format!("has {} in it", avocet.token))
        .json(&json!({"model": "claude-haiku-4-5", "max_tokens": 4}));
    let reply = avocet.send(request).await;
    assert_eq!((reply.status, reply.header("request-id")), (200, "req_1"), "{}", reply.text);
    assert_eq!(reply.body["usage"]["output_tokens"], 100);
    assert!(!reply.headers.contains_key("set-cookie") && !reply.headers.contains_key("x-echo"));
    assert!(!reply.header("x-request-id").is_empty());

    let seen = provider.seen().remove(0);
    assert!(seen.starts_with("POST /v1/messages?beta=true%20 HTTP/1.1\r\n"), "{seen}");
    assert!(seen.ends_with(r#"{"model":"claude-haiku-4-5","max_tokens":4}"#), "{seen}");
    let seen = seen.to_lowercase();
    for sent in ["x-api-key: sk-operators-own-key", "anthropic-version: 2023-06-01", "accept-encoding: identity"] {
        assert!(seen.contains(&format!("{sent}\r\n")), "{sent}: {seen}");
    }
    for kept in [&avocet.token.to_lowercase(), "authorization", "cookie", "forwarded", "x-stray"] {
        assert!(!seen.contains(kept), "{kept}: {seen}");
    }
    assert_eq!(costs(&app, &avocet).await, (json!(0.0015), json!(0.0015)));
    let log = app.log();
    assert!(!log.contains(OPERATORS_KEY) && !log.contains(&avocet.token));
}

#[tokio::test]
async fn token_and_key_open_it_in_either_header_and_every_method_goes_through() {
    let provider = Provider::start(JSON, RESPONSE).await;
    let app = app_before(&provider).await;
    let avocet = candidate(&app).await;
    let foreign = app.bearer("sk-the-clients-own").with_header("x-api-key", &avocet.token);
    for user in [
        app.bearer(&avocet.token),
        app.api_key(&avocet.token),
        app.bearer(&avocet.key),
        app.api_key(&avocet.key),
        foreign,
    ] {
        user.post(RESPONSES, json!({"input": "ping"})).await.expect(200);
    }
    let seen = provider.seen();
    assert!(seen.iter().all(|seen| seen.contains("authorization: Bearer sk-operators-own-key\r\n")), "{seen:?}");
    assert!(seen.iter().all(|seen| !seen.contains("sk-the-clients-own") && !seen.contains("x-api-key")), "{seen:?}");
    // 1,000 × 0.15 $ + 500 × 0.6 $ per million, five times.
    assert_eq!(costs(&app, &avocet).await, (json!(0.00225), json!(0.00225)));
    for route in MODEL_ROUTES {
        for method in MODEL_METHODS.into_iter().chain(["HEAD"]) {
            let path = route.replace("{tail}", "v1/models/a%20b");
            assert_eq!(avocet.call(method.parse().unwrap(), &path).await.status, 200, "{method} {path}");
            let seen = provider.seen().pop().unwrap();
            assert!(seen.starts_with(&format!("{method} /v1/models/a%20b HTTP/1.1\r\n")), "{seen}");
        }
    }
}

#[tokio::test]
async fn a_stream_comes_through_piece_by_piece() {
    let provider = Provider::start(SSE, STREAM).await;
    let app = app_before(&provider).await;
    let avocet = candidate(&app).await;
    let mut answer = avocet.request(Method::POST, MESSAGES).json(&json!({"stream": true})).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream; charset=utf-8");
    let first = answer.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"data: {\"type\":\"message_start\"") && first.ends_with(b"\n\n"));
    provider.go_on();
    let mut rest = Vec::new();
    while let Some(chunk) = answer.chunk().await.unwrap() {
        rest.extend_from_slice(&chunk);
    }
    assert!(rest.starts_with(b"data: {\"type\":\"message_delta\""));
    assert_eq!(costs(&app, &avocet).await, (json!(0.0015), json!(0.0015)));
}

#[tokio::test]
async fn who_goes_away_pays_for_what_was_seen_and_the_provider_is_left_too() {
    let mut provider = Provider::start(SSE, ENDLESS).await;
    let app = app_before(&provider).await;
    let avocet = candidate(&app).await;
    let mut answer = avocet.request(Method::POST, MESSAGES).json(&json!({"stream": true})).send().await.unwrap();
    answer.chunk().await.unwrap().unwrap();
    drop(answer);
    provider.is_left().await;
    let expected = json!(0.001_005);
    eventually("the cost to be noted", async || {
        Some(costs(&app, &avocet).await).filter(|(key, session)| *key == expected && *session == expected)
    })
    .await;
}

#[tokio::test]
async fn errors_of_the_provider_come_through_and_cost_nothing() {
    const HEAD: &str = "529 Overloaded\r\ncontent-type: application/json\r\nretry-after: 7";
    const BODY: &[Piece] =
        &[Piece::Text(r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#)];
    let provider = Provider::start(HEAD, BODY).await;
    let app = app_before(&provider).await;
    let avocet = candidate(&app).await;
    let reply = avocet.post(MESSAGES, json!({})).await;
    assert_eq!((reply.status, reply.header("retry-after")), (529, "7"));
    refused_as_by_anthropic(&reply, 529, "overloaded_error");
    assert_eq!(costs(&app, &avocet).await, (Value::Null, Value::Null));
}

#[tokio::test]
async fn a_provider_that_is_gone_is_a_502() {
    let provider = Provider::start(JSON, MESSAGE).await;
    let app = app_before(&provider).await;
    let avocet = candidate(&app).await;
    drop(provider);
    refused_as_by_anthropic(&avocet.post(MESSAGES, json!({})).await, 502, "api_error");
    refused_as_by_openai(&avocet.post(RESPONSES, json!({})).await, 502, "provider_unreachable");
    assert!(!app.log().contains(OPERATORS_KEY));
}

#[tokio::test]
async fn without_a_key_of_the_operator_there_is_no_proxy() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let refused = avocet.post(MESSAGES, json!({})).await;
    refused_as_by_anthropic(&refused, 404, "not_found_error");
    assert!(refused.body["error"]["message"].as_str().unwrap().contains("no key"), "{}", refused.text);
    refused_as_by_openai(&avocet.post(RESPONSES, json!({})).await, 404, "no_provider_key");
}

#[tokio::test]
async fn whoever_is_no_candidate_at_work_is_refused_in_the_shape_of_the_provider() {
    let provider = Provider::start(JSON, MESSAGE).await;
    let app = app_before(&provider).await;
    let avocet = candidate(&app).await;
    let unused = app.keys(&avocet.assessment, 1).await.remove(0);
    let strangers = [app.anonymous(), app.reviewer(), app.api_key("nonsense"), app.bearer("PST-ABCD-2345")];
    for stranger in strangers {
        let refused = stranger.post(MESSAGES, json!({})).await;
        refused_as_by_anthropic(&refused, 401, "authentication_error");
        refused_as_by_openai(&stranger.post(RESPONSES, json!({})).await, 401, "unauthorized");
    }
    let early = app.api_key(unused["key"].as_str().unwrap());
    refused_as_by_openai(&early.post(RESPONSES, json!({})).await, 409, "not_redeemed");
    for outside in ["..%2f..%2fadmin", "v1/..%5cadmin"] {
        refused_as_by_openai(&avocet.post(&format!("/v1/proxy/openai/{outside}"), json!({})).await, 404, "not_found");
    }
    avocet.complete().await.expect(200);
    let ended = avocet.post(RESPONSES, json!({})).await;
    refused_as_by_openai(&ended, 409, "session_ended");
    assert_eq!(ended.header("x-should-retry"), "false");
    assert_eq!(provider.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn a_spent_budget_refuses_the_next_request_also_when_redis_was_lost() {
    let provider = Provider::start(JSON, MESSAGE).await;
    let mut app = app_before(&provider).await;
    let avocet = app.candidate(&app.assessment_with(json!({"tokenBudgetUsd": 0.003})).await).await;
    for _ in 0..2 {
        avocet.post(MESSAGES, json!({})).await.expect(200);
    }
    refused_as_by_anthropic(&avocet.post(MESSAGES, json!({})).await, 402, "billing_error");
    refused_as_by_openai(&avocet.post(RESPONSES, json!({})).await, 402, "budget_spent");
    assert_eq!(provider.seen().len(), 2);
    assert_eq!(costs(&app, &avocet).await, (json!(0.003), json!(0.003)));

    app.all_is_written().await;
    app.stop_server();
    app.wipe_redis().await;
    app.rebuild_redis_well().await;
    app.start_server().await;
    refused_as_by_openai(&avocet.post(RESPONSES, json!({})).await, 402, "budget_spent");
    assert_eq!(costs(&app, &avocet).await, (json!(0.003), json!(0.003)));
}

#[tokio::test]
async fn prices_and_keys_come_from_files_and_what_is_unknown_is_dear() {
    let provider = Provider::start(JSON, MESSAGE).await;
    let directory = tempfile::tempdir().unwrap();
    let (prices, key) = (directory.path().join("prices.json"), directory.path().join("key"));
    let table = json!({"anthropic": {"a": {"input": 2, "output": 0}, "b": {"input": 1, "output": 10}}, "openai": {"c": {"input": 1, "output": 1}}});
    std::fs::write(&prices, table.to_string()).unwrap();
    std::fs::write(&key, format!("{OPERATORS_KEY}\n")).unwrap();
    let (url, prices, key) = (provider.url(), prices.to_str().unwrap(), key.to_str().unwrap());
    let flags = ["--anthropic-url", &url, "--anthropic-key-file", key, "--prices-file", prices];
    let app = TestApp::with(&flags).await;
    let avocet = candidate(&app).await;
    avocet.post(MESSAGES, json!({})).await.expect(200);
    assert!(provider.seen()[0].contains("x-api-key: sk-operators-own-key\r\n"));
    assert_eq!(costs(&app, &avocet).await, (json!(0.003), json!(0.003)));
    assert!(app.log().contains("a model without a price"));
    refused_as_by_openai(&avocet.post(RESPONSES, json!({})).await, 404, "no_provider_key");
}
