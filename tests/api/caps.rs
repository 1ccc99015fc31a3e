//! How many connections, sockets and watchers anybody may have: the next one is refused by name, the others go on.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Reply, Socket, TestApp, User, event, eventually};

#[track_caller]
fn too_many(refused: Result<Socket, Reply>, code: &str, limit: &str) {
    let reply = refused.err().expect("refused");
    reply.refused(429, code);
    assert_eq!(reply.body["limit"], limit, "{}", reply.text);
    assert!(reply.header("retry-after").parse::<u64>().unwrap() >= 1);
}

/// Opens a socket as soon as there is a place.
async fn opens(user: &User, path: &str) -> Socket {
    eventually("a place", async || user.connect(path).await.ok()).await
}

#[tokio::test]
async fn a_candidate_key_streams_on_so_many_sockets() {
    let app = TestApp::with(&["--max-streams-per-key=2"]).await;
    let assessment = app.assessment().await;
    let (avocet, dunlin) = (app.candidate(&assessment).await, app.candidate(&assessment).await);
    let (first, mut second) = (avocet.stream().await, avocet.stream().await);
    too_many(avocet.connect("/v1/stream").await, "too_many_streams", "key");
    // The key itself and its token are one.
    too_many(app.api_key(&avocet.key).connect("/v1/stream").await, "too_many_streams", "key");
    dunlin.stream().await;
    second.send(json!({"type": "event", "event": event(&avocet.session, "prompt", json!({}))})).await;
    assert_eq!(second.next_of("ack").await["results"][0]["status"], 201, "those that are open go on");
    drop(first);
    opens(&avocet, "/v1/stream").await;
}

#[tokio::test]
async fn watchers_are_limited_by_session_and_by_credential_however_they_watch() {
    let app = TestApp::with(&["--max-watchers-per-session=2", "--max-watchers-per-credential=3"]).await;
    let assessment = app.assessment().await;
    let (avocet, dunlin) = (app.candidate(&assessment).await, app.candidate(&assessment).await);
    let (reviewer, other) = (app.reviewer(), app.read_only().await);
    let path = format!("/v1/sessions/{}/live", avocet.session);
    let (socket, _stream) = (reviewer.watch(&avocet.session, "").await, reviewer.sse(&avocet.session, None).await);
    too_many(other.connect(&path).await, "too_many_watchers", "session");
    let event_stream = other.request(reqwest::Method::GET, &path).header("accept", "text/event-stream");
    other.send(event_stream).await.refused(429, "too_many_watchers");
    too_many(avocet.connect(&path).await, "too_many_watchers", "session");

    let _wall = reviewer.watch_wall(&assessment).await;
    let elsewhere = format!("/v1/sessions/{}/live", dunlin.session);
    too_many(reviewer.connect(&elsewhere).await, "too_many_watchers", "credential");
    too_many(reviewer.connect("/v1/live").await, "too_many_watchers", "credential");
    let ticket = reviewer.post("/v1/live-tickets", json!({})).await.expect(201);
    let by_ticket = format!("{elsewhere}?ticket={}", ticket["ticket"].as_str().unwrap());
    too_many(app.anonymous().connect(&by_ticket).await, "too_many_watchers", "credential");
    other.watch(&dunlin.session, "").await;
    drop(socket);
    opens(&reviewer, &elsewhere).await;
}

#[tokio::test]
async fn an_organisation_leaves_room_for_the_others() {
    // Half of what a worker takes is for the others, whatever the other limits say.
    let app = TestApp::with(&["--max-connections=12", "--trust-forwarded-for"]).await;
    let avocet = app.candidate(&app.assessment().await).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(app.reviewer().watch(&avocet.session, "").await);
        held.push(avocet.stream().await);
    }
    too_many(app.reviewer().connect("/v1/live").await, "too_many_watchers", "organisation");
    too_many(avocet.connect("/v1/stream").await, "too_many_streams", "organisation");
    let other = app.other_org().await;
    let mut theirs = Vec::new();
    for _ in 0..6 {
        theirs.push(other.connect("/v1/live").await.expect("there is room for the others"));
    }
    // While there is little room, connections do not stay for a request that may never come.
    let reply = other.get("/v1/org").await;
    assert_eq!((reply.status, reply.header("connection")), (200, "close"));
    drop((held, theirs));
    let reply = eventually("room", async || {
        Some(other.get("/v1/org").await).filter(|reply| reply.header("connection") != "close")
    });
    assert_eq!(reply.await.status, 200);
    opens(&app.reviewer(), "/v1/live").await;
}

/// A connection on which nothing is said; `None` when the server closes it at once.
async fn idle(app: &TestApp) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(app.address()).await.ok()?;
    let is_open = timeout(Duration::from_millis(300), stream.read_u8()).await.is_err();
    is_open.then_some(stream)
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_more_are_closed_at_once() {
    let app = TestApp::with(&["--max-connections-per-address=8"]).await;
    let mut held = Vec::new();
    let refused = loop {
        match idle(&app).await {
            Some(stream) => held.push(stream),
            None => break held.len(),
        }
        assert!(held.len() <= 8);
    };
    assert!((1..=8).contains(&refused), "those of the test itself count as well: {refused}");
    assert!(idle(&app).await.is_none());
    // Those that are open go on.
    let mut first = held.remove(0);
    first.write_all(b"GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert_eq!(first.read_u8().await.unwrap(), b'H');
    drop((first, held));
    eventually("places", async || idle(&app).await).await;
    app.reviewer().get("/v1/org").await.expect(200);
}
