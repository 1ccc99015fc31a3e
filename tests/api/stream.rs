//! Events by WebSocket.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::harness::{Socket, TestApp, event, shown, stable};
use crate::playing::{acks, arrivals, candidate, ids, prompts, send_batch, seqs, session, statuses, timeline};

#[tokio::test]
async fn every_event_has_its_ack_in_the_order_of_sending() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let mut socket = avocet.stream().await;
    insta::assert_json_snapshot!("stream_hello", stable("", &socket.hello));
    assert_eq!(socket.hello["sessionId"], json!(avocet.session));

    let sent = prompts(&avocet.session, 1..=7);
    socket.send(json!({"type": "event", "event": sent[0]})).await;
    assert_eq!(acks(&mut socket, 1).await, [json!({"id": sent[0]["id"], "status": 201, "seq": 1})]);
    let mut wrong = event(&avocet.session, "command", json!({}));
    wrong["ts"] = json!("noon");
    let batch =
        [&sent[1..4], &[sent[0].clone(), sent[2].clone(), wrong, json!(7), event("other", "prompt", json!({}))]];
    send_batch(&mut socket, &batch.concat()).await;
    let results = acks(&mut socket, 8).await;
    assert_eq!(statuses(&json!(results)), [201, 201, 201, 200, 200, 400, 400, 403]);
    assert_eq!(
        results.iter().map(|result| result["seq"].as_u64()).take(5).collect::<Vec<_>>(),
        [Some(2), Some(3), Some(4), None, None]
    );
    insta::assert_json_snapshot!("stream_refused", stable("", &json!(results[5..])));
    send_batch(&mut socket, &[]).await;

    // One message may come in several frames, between which pings are answered.
    let text = json!({"type": "event", "event": sent[4]}).to_string();
    let (first, rest) = text.split_at(20);
    let (middle, last) = rest.split_at(30);
    socket.send_frame(Message::Frame(Frame::message(first.to_owned(), OpCode::Data(Data::Text), false))).await;
    socket.send_frame(Message::Frame(Frame::message(middle.to_owned(), OpCode::Data(Data::Continue), false))).await;
    socket.send_frame(Message::Ping("still there?".into())).await;
    socket.send_frame(Message::Frame(Frame::message(last.to_owned(), OpCode::Data(Data::Continue), true))).await;
    let mut results = Vec::new();
    while results.is_empty() {
        results = socket.next_of("ack").await["results"].as_array().unwrap().clone();
    }
    assert_eq!(results, [json!({"id": sent[4]["id"], "status": 201, "seq": 5})]);

    // Lost without a word, connected again: what was not acknowledged is sent again, with some that was.
    drop(socket);
    let mut socket = avocet.stream().await;
    assert_eq!(socket.hello["lastSeq"], 5);
    send_batch(&mut socket, &sent[3..]).await;
    assert_eq!(statuses(&json!(acks(&mut socket, 4).await)), [200, 200, 201, 201]);
    let rows = arrivals(&avocet, &avocet.session).await;
    assert_eq!((ids(&rows), seqs(&rows)), (ids(&sent), (1..=7).collect()));
    socket.close().await;
}

#[tokio::test]
async fn frames_that_say_nothing_are_answered_and_ten_in_a_row_close_the_socket() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let mut socket = avocet.stream().await;
    let too_deep = format!(r#"{{"type":"event","event":{}1{}}}"#, "[".repeat(66), "]".repeat(66));
    let too_many = json!({"type": "batch", "events": vec![json!({}); 501]}).to_string();
    let bad: [(Message, &str); 9] = [
        (Message::text("{"), "invalid_json"),
        (Message::text(""), "invalid_json"),
        (Message::text(too_deep), "invalid_json"),
        (Message::text("[]"), "invalid_message"),
        (Message::text(r#"{"type":"dance"}"#), "invalid_message"),
        (Message::text(r#"{"type":"event"}"#), "invalid_message"),
        (Message::text(r#"{"type":"batch","events":{}}"#), "invalid_message"),
        (Message::text(too_many), "batch_too_large"),
        (Message::binary(b"{\"type\":\"end\"}".to_vec()), "unsupported_frame"),
    ];
    for (frame, code) in bad {
        let shown_frame = format!("{frame:?}");
        socket.send_frame(frame).await;
        let answer = socket.next().await;
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!(code)), "{shown_frame:.80}");
        assert!(answer["error"].as_str().is_some_and(|sentence| !sentence.is_empty()));
    }
    // What is too deep for an event but not for a frame is the event's fault.
    let deep = format!(r#"{{"type":"event","event":{}1{}}}"#, "[".repeat(65), "]".repeat(65));
    socket.send_text(&deep).await;
    let answer = socket.next().await;
    assert_eq!((&answer["type"], &answer["results"][0]["code"]), (&json!("ack"), &json!("invalid_json")));
    // Nine in a row, then one that is understood: the count begins anew.
    socket.send(json!({"type": "event", "event": event(&avocet.session, "prompt", json!({}))})).await;
    acks(&mut socket, 1).await;
    for _ in 0..10 {
        socket.send_text("?").await;
    }
    for _ in 0..10 {
        assert_eq!(socket.next().await["type"], "error");
    }
    assert_eq!(socket.closed().await, Some(1008));
    assert_eq!(session(&avocet, &avocet.session).await["eventCount"], 1);
}

#[tokio::test]
async fn a_stream_is_opened_with_a_candidates_credential_only() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let refusal = async |user: crate::harness::User| user.connect("/v1/stream").await.err().expect("refused");
    refusal(app.anonymous()).await.refused(401, "unauthorized");
    refusal(app.api_key("nobody")).await.refused(401, "unauthorized");
    refusal(app.reviewer()).await.refused(403, "candidate_only");
    let by_protocol = |credential: &str| {
        app.anonymous().with_header("sec-websocket-protocol", &format!("promptster.v1, key.{credential}"))
    };
    refusal(by_protocol("nobody")).await.refused(401, "unauthorized");
    refusal(avocet.with_header("origin", "https://evil.example")).await.refused(403, "origin_refused");

    for credential in [&avocet.key, &avocet.token] {
        let mut socket = by_protocol(credential).connect("/v1/stream").await.expect("let in");
        assert_eq!(socket.headers["sec-websocket-protocol"], "promptster.v1");
        assert_eq!(socket.next().await["sessionId"], json!(avocet.session));
    }
    assert!(avocet.with_header("origin", &app.url()).connect("/v1/stream").await.is_ok());
    let plain = avocet.get("/v1/stream").await;
    assert_eq!(plain.status, 400, "{}", plain.text);

    // A key that was never redeemed has no session until its first event.
    let key = app.keys(&avocet.assessment, 1).await.remove(0);
    let tool = app.api_key(key["key"].as_str().unwrap());
    let mut socket = tool.connect("/v1/stream").await.expect("let in");
    assert_eq!(socket.next().await["sessionId"], Value::Null);
    let first = [event("own-session", "prompt", json!({})), event("another", "prompt", json!({}))];
    send_batch(&mut socket, &first).await;
    assert_eq!(statuses(&json!(acks(&mut socket, 2).await)), [201, 403]);
    socket.send(json!({"type": "event", "event": event("own-session", "prompt", json!({}))})).await;
    assert_eq!(acks(&mut socket, 1).await[0]["seq"], 2);
    let path = format!("/v1/assessments/{}/keys/{}", avocet.assessment, key["id"].as_str().unwrap());
    app.reviewer().delete(&path).await.expect(200);
    refusal(tool).await.refused(401, "unauthorized");
}

#[tokio::test]
async fn a_client_that_ignores_the_window_is_slowed_and_loses_nothing() {
    let app = TestApp::with(&["--stream-per-minute", "1000000", "--stream-burst", "1000000"]).await;
    let avocet = candidate(&app).await;
    let mut socket = avocet.stream().await;
    let sent = prompts(&avocet.session, 1..=3000);
    for event in &sent[..1500] {
        socket.send(json!({"type": "event", "event": event})).await;
    }
    for events in sent[1500..].chunks(500) {
        send_batch(&mut socket, events).await;
    }
    let results = acks(&mut socket, 3000).await;
    assert_eq!(ids(&results), ids(&sent));
    assert!(statuses(&json!(results)).iter().all(|status| *status == 201));
    assert_eq!(seqs(&results), (1..=3000).collect::<Vec<_>>());
    assert_eq!(ids(&timeline(&avocet, &avocet.session).await), ids(&sent));
}

#[tokio::test]
async fn beyond_the_budget_the_client_is_told_to_slow_down_and_each_event_is_answered() {
    let app = TestApp::with(&["--stream-per-minute", "1", "--stream-burst", "5"]).await;
    let avocet = candidate(&app).await;
    let mut socket = avocet.stream().await;
    let sent = prompts(&avocet.session, 1..=8);
    send_batch(&mut socket, &sent).await;
    let (mut waits, mut results) = (Vec::new(), Vec::new());
    while results.len() < 8 {
        let message = socket.next().await;
        match message["type"].as_str() {
            Some("slow") => waits.push(message["retryAfterMs"].as_u64().unwrap()),
            Some("ack") => results.extend(message["results"].as_array().unwrap().clone()),
            _ => panic!("{message}"),
        }
    }
    assert!(!waits.is_empty() && waits.iter().all(|wait| *wait > 0), "{waits:?}");
    assert_eq!(statuses(&json!(results)), [201, 201, 201, 201, 201, 429, 429, 429]);
    assert_eq!((ids(&results), &results[7]["code"]), (ids(&sent), &json!("rate_limited")));
    // The budget of the other door is another one.
    avocet.ingest("prompt", json!({})).await.expect(201);
    assert_eq!(session(&avocet, &avocet.session).await["eventCount"], 6);
}

/// Says `end` and reads to the close frame: the messages before it.
async fn end(socket: &mut Socket) -> Vec<Value> {
    socket.send(json!({"type": "end", "reason": "all done"})).await;
    let mut messages = Vec::new();
    loop {
        match socket.read().await {
            Ok(message) => messages.push(message),
            Err(code) => {
                assert_eq!(code, Some(1000));
                return messages;
            }
        }
    }
}

#[tokio::test]
async fn end_closes_the_session_after_the_last_ack_as_a_session_end_does() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let mut socket = avocet.stream().await;
    let sent = prompts(&avocet.session, 1..=400);
    send_batch(&mut socket, &sent).await;
    let messages = end(&mut socket).await;
    let (acks, closing) = messages.split_at(messages.len() - 1);
    let acknowledged = acks.iter().map(|ack| ack["results"].as_array().unwrap().len()).sum::<usize>();
    assert_eq!((acknowledged, &closing[0]["type"]), (400, &json!("closing")));
    assert!(closing[0]["reason"].is_string());

    let ended = session(&app.reviewer(), &avocet.session).await;
    assert_eq!((&ended["status"], &ended["eventCount"]), (&json!("ended"), &json!(401)));
    let rows = timeline(&app.reviewer(), &avocet.session).await;
    let last = rows.last().unwrap();
    assert_eq!((&last["kind"], &last["source"]["channel"]), (&json!("session_end"), &json!("cli")));
    assert_eq!((&last["data"]["reason"], &last["ts"]), (&json!("all done"), &ended["endedAt"]));
    let keys = app.reviewer().get(&format!("/v1/assessments/{}/keys", avocet.assessment)).await.expect(200);
    assert_eq!(keys["keys"][0]["status"], "completed");

    // A client that did not hear of it says it again.
    let mut socket = avocet.stream().await;
    let messages = end(&mut socket).await;
    assert_eq!(messages.last().unwrap()["type"], "closing");
    let again = session(&app.reviewer(), &avocet.session).await;
    assert_eq!((&again["endedAt"], &again["eventCount"]), (&ended["endedAt"], &json!(401)));

    // Without a session there is nothing to end.
    let key = app.keys(&avocet.assessment, 1).await.remove(0);
    let mut socket = app.api_key(key["key"].as_str().unwrap()).connect("/v1/stream").await.expect("let in");
    socket.next_of("hello").await;
    assert_eq!(end(&mut socket).await.last().unwrap()["type"], "closing");
}

#[tokio::test]
async fn a_revoked_credential_closes_the_sockets_that_it_opened() {
    let app = TestApp::start().await;
    let (avocet, dunlin) = (candidate(&app).await, candidate(&app).await);
    let made = app.reviewer().post("/v1/org/api-keys", json!({"name": "Egret", "scopes": ["read"]})).await.expect(201);
    let egret = app.bearer(made["secret"].as_str().unwrap());
    let mut stream = avocet.stream().await;
    let (mut own, mut eves) = (avocet.watch(&avocet.session, "").await, egret.watch(&dunlin.session, "").await);
    let (mut bobs, mut rest) = (dunlin.stream().await, app.reviewer().watch(&dunlin.session, "?after=live").await);
    let key = format!("/v1/assessments/{}/keys/{}", avocet.assessment, avocet.key_id);
    app.reviewer().delete(&key).await.expect(200);
    let key = format!("/v1/org/api-keys/{}", made["apiKey"]["id"].as_str().unwrap());
    app.reviewer().delete(&key).await.expect(200);

    // The credential is looked at with each ping of the server.
    assert_eq!(stream.next().await["type"], "closing");
    assert_eq!((stream.closed().await, own.closed().await, eves.closed().await), (Some(4001), Some(4001), Some(4001)));
    bobs.send(json!({"type": "event", "event": event(&dunlin.session, "prompt", json!({}))})).await;
    acks(&mut bobs, 1).await;
    rest.next_of("event").await;
    let refused = egret.connect(&format!("/v1/sessions/{}/live", dunlin.session)).await.err().expect("refused");
    insta::assert_json_snapshot!("live_refused", shown(&refused));
}
