//! What the model proxy does with clients that leave, providers that say nothing, and requests that are too much.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Candidate, Piece, Provider, TestApp, eventually, raw};
use crate::proxy::{
    BEGIN, JSON, MESSAGE, MESSAGES, RESPONSES, SSE, app_before, app_with, candidate, costs, refused_as_by_anthropic,
    refused_as_by_openai,
};

const SILENT: &[Piece] = &[Piece::Silence];
const FALLS_SILENT: &[Piece] = &[BEGIN, Piece::Silence];
const WRITES: &[Piece] = &[
    Piece::Text("data: {\"type\":\"response.created\",\"response\":{\"model\":\"gpt-4o-mini\",\"usage\":null}}\n\n"),
    Piece::Text("data: {\"type\":\"response.output_text.delta\",\"delta\":\"abcdefgh\"}\n\n"),
    Piece::Silence,
];

/// A request that has reached the provider and waits.
async fn asking(avocet: &Candidate, provider: &Provider, body: Value) -> tokio::task::JoinHandle<()> {
    let request = avocet.request(Method::POST, MESSAGES).json(&body);
    let asking = tokio::spawn(async move { drop(request.send().await) });
    eventually("the request to reach the provider", async || (!provider.seen().is_empty()).then_some(())).await;
    asking
}

async fn costs_become(app: &TestApp, avocet: &Candidate, expected: Value) {
    eventually("the cost to be noted", async || {
        Some(costs(app, avocet).await).filter(|(key, session)| *key == expected && *session == expected)
    })
    .await;
}

#[tokio::test]
async fn who_goes_away_before_there_is_an_answer_takes_the_request_back() {
    let mut provider = Provider::start("", SILENT).await;
    let app = app_before(&provider).await;
    let avocet = candidate(&app).await;
    asking(&avocet, &provider, json!({})).await.abort();
    provider.is_left().await;
    eventually("the refusal to be told", async || app.log().contains("client_gone").then_some(())).await;
    assert_eq!(costs(&app, &avocet).await, (Value::Null, Value::Null));
}

#[tokio::test]
async fn who_goes_away_while_the_provider_is_silent_is_noticed() {
    let mut provider = Provider::start(SSE, FALLS_SILENT).await;
    let app = app_before(&provider).await;
    let avocet = candidate(&app).await;
    let mut answer = avocet.request(Method::POST, MESSAGES).json(&json!({"stream": true})).send().await.unwrap();
    answer.chunk().await.unwrap().unwrap();
    drop(answer);
    provider.is_left().await;
    costs_become(&app, &avocet, json!(0.001_005)).await;
}

#[tokio::test]
async fn what_openai_tells_at_the_end_only_is_estimated_when_the_end_does_not_come() {
    let mut provider = Provider::start(SSE, WRITES).await;
    let app = app_before(&provider).await;
    let avocet = candidate(&app).await;
    let body = format!("{{\"input\":\"{}\"}}", "word ".repeat(800));
    let mut answer = avocet.request(Method::POST, RESPONSES).body(body.clone()).send().await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\"delta\":\"abcdefgh\"}\n\n") {
        seen.extend_from_slice(&answer.chunk().await.unwrap().unwrap());
    }
    drop(answer);
    provider.is_left().await;
    // In billionths: a token for four bytes, at 0.15 $ read and 0.60 $ written per million.
    let nano = body.len().div_ceil(4) * 150 + 2 * 600;
    let expected: f64 = format!("0.{nano:09}").parse().unwrap();
    costs_become(&app, &avocet, json!(expected)).await;
}

#[tokio::test]
async fn a_provider_that_says_nothing_for_too_long_is_let_go() {
    let mut provider = Provider::start("", SILENT).await;
    let app = app_with(&provider, &["--model-silence-secs", "1"]).await;
    let avocet = candidate(&app).await;
    refused_as_by_anthropic(&avocet.post(MESSAGES, json!({})).await, 502, "api_error");
    refused_as_by_openai(&avocet.post(RESPONSES, json!({})).await, 502, "provider_unreachable");
    provider.is_left().await;
    assert_eq!(costs(&app, &avocet).await, (Value::Null, Value::Null));
}

#[tokio::test]
async fn a_provider_that_falls_silent_is_let_go_and_what_was_seen_is_paid() {
    let mut provider = Provider::start(SSE, FALLS_SILENT).await;
    let app = app_with(&provider, &["--model-silence-secs", "1"]).await;
    let avocet = candidate(&app).await;
    let mut answer = avocet.request(Method::POST, MESSAGES).json(&json!({"stream": true})).send().await.unwrap();
    let end = loop {
        match answer.chunk().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    assert!(end.is_err(), "the client takes it for the whole answer");
    provider.is_left().await;
    costs_become(&app, &avocet, json!(0.001_005)).await;
}

#[tokio::test]
async fn a_request_for_a_model_may_have_32_mebibytes() {
    let provider = Provider::start(JSON, MESSAGE).await;
    let app = app_before(&provider).await;
    let avocet = candidate(&app).await;
    let send = async |n: usize| {
        let request = avocet.request(Method::POST, MESSAGES).body("x".repeat(n));
        avocet.send(request).await
    };
    assert_eq!(send(32 << 20).await.status, 200);
    assert!(provider.seen()[0].len() > 32 << 20);
    refused_as_by_anthropic(&send((32 << 20) + 1).await, 413, "request_too_large");
}

#[tokio::test]
async fn requests_for_models_have_room_of_their_own_and_keep_no_event_out() {
    let provider = Provider::start("", SILENT).await;
    let app = app_with(&provider, &["--max-in-flight-bytes", "4000"]).await;
    let avocet = candidate(&app).await;
    let waiting = asking(&avocet, &provider, json!({"input": "x".repeat(3900)})).await;
    avocet.ingest("prompt", json!({"text": "hello"})).await.expect(201);
    refused_as_by_openai(&avocet.post(RESPONSES, json!({"input": "x".repeat(100)})).await, 503, "overloaded");
    waiting.abort();
    assert_eq!(provider.seen().len(), 1);
}

#[tokio::test]
async fn whatever_is_refused_has_the_shape_of_the_provider() {
    let provider = Provider::start(JSON, MESSAGE).await;
    let mut app = app_with(&provider, &["--body-timeout-secs", "1", "--requests-per-minute", "20"]).await;
    let avocet = candidate(&app).await;
    let of = async |encoding: &str| {
        let request = avocet.request(Method::POST, RESPONSES).header("content-encoding", encoding).body("no gzip");
        avocet.send(request).await
    };
    refused_as_by_openai(&of("br").await, 415, "unsupported_encoding");
    refused_as_by_openai(&of("gzip").await, 400, "bad_request");
    let head = format!(
        "POST {RESPONSES} HTTP/1.1\r\nhost: a\r\nx-api-key: {}\r\nconnection: close\r\ncontent-length: 9\r\n\r\nhalf",
        avocet.token
    );
    let late = raw(app.address(), head.as_bytes(), false).await.unwrap();
    assert!(late.status == 408 && late.text.contains("\"code\":\"request_timeout\""), "{}", late.text);
    let gone = app.candidate(&avocet.assessment).await;
    app.reviewer().delete(&format!("/v1/sessions/{}", gone.session)).await.expect(200);
    refused_as_by_openai(&gone.post(RESPONSES, json!({})).await, 410, "session_deleted");
    let many = async || Some(avocet.post(RESPONSES, json!({})).await).filter(|reply| reply.status == 429);
    let limited = eventually("the budget of requests to be used up", many).await;
    refused_as_by_openai(&limited, 429, "rate_limited");
    assert!(!limited.header("retry-after").is_empty());
    app.kill_redis();
    refused_as_by_openai(&avocet.post(RESPONSES, json!({})).await, 503, "unavailable");
    refused_as_by_anthropic(&avocet.post(MESSAGES, json!({})).await, 503, "overloaded_error");
}
