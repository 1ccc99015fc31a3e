//! A server that is told to stop: what it has begun it finishes, and nobody is left waiting.

use serde_json::json;

use crate::harness::{RawRequest, TestApp, event};

#[tokio::test]
async fn a_stopping_server_finishes_requests_closes_sockets_and_loses_nothing() {
    let mut app = TestApp::start().await;
    let candidate = app.candidate(&app.assessment().await).await;
    let mut stream = candidate.stream().await;
    let mut watcher = app.reviewer().watch(&candidate.session, "?after=live").await;
    watcher.next_of("hello").await;
    stream.send(json!({"type": "event", "event": event(&candidate.session, "prompt", json!({"text": "a"}))})).await;
    assert_eq!(stream.next_of("ack").await["results"][0]["status"], 201);
    let mut sse = candidate.sse(&candidate.session, Some("0")).await;
    sse.next_of("event").await;

    let body = event(&candidate.session, "prompt", json!({"text": "in flight"})).to_string();
    let head = format!(
        "POST /v1/hooks/ingest HTTP/1.1\r\nHost: a\r\nX-API-Key: {}\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        candidate.token,
        body.len()
    );
    let mut in_flight = RawRequest::begin(app.address(), head.as_bytes()).await;
    in_flight.is_taken().await;
    app.ask_server_to_stop();
    assert_eq!(stream.closed().await, Some(1001), "reconnect at once elsewhere");
    assert_eq!(watcher.closed().await, Some(1001));
    while sse.read().await.is_some() {}
    let reply = in_flight.end(body.as_bytes()).await.expect("an answer");
    assert_eq!(reply.status, 201, "{}", reply.text);
    assert!(app.server_ended_well());

    app.start_server().await;
    let timeline = candidate.get(&format!("/v1/sessions/{}/timeline", candidate.session)).await.expect(200);
    let texts: Vec<_> = timeline["events"].as_array().unwrap().iter().map(|event| &event["data"]["text"]).collect();
    assert_eq!(texts, ["a", "in flight"]);
}
