//! More than can be done: what is too much is refused at once and by name, the rest goes on, and it passes by itself.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::harness::{Candidate, RawRequest, Reply, TestApp, event, eventually};

const TOO_MUCH: &[&str] = &["--max-in-flight-bytes=1000000", "--ingest-per-minute=1000000", "--ingest-burst=100000"];

#[track_caller]
fn is_overloaded(reply: &Reply) {
    reply.refused(503, "overloaded");
    let seconds: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=4).contains(&seconds), "{seconds}");
}

/// A request of which the head has come, and none of its 900,000 bytes.
async fn holding(app: &TestApp, candidate: &Candidate) -> RawRequest {
    let head = format!(
        "POST /v1/hooks/ingest HTTP/1.1\r\nHost: a\r\nX-API-Key: {}\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 900000\r\n\r\n",
        candidate.token
    );
    let mut request = RawRequest::begin(app.address(), head.as_bytes()).await;
    request.is_taken().await;
    request
}

#[tokio::test]
async fn events_beyond_what_a_node_can_hold_are_refused_before_they_are_read() {
    let app = TestApp::with(TOO_MUCH).await;
    let assessment = app.assessment().await;
    let (avocet, dunlin) = (app.candidate(&assessment).await, app.candidate(&assessment).await);
    let large = |candidate: &Candidate| event(&candidate.session, "prompt", json!({"text": "x".repeat(200_000)}));

    let held = holding(&app, &avocet).await;
    let refused = large(&dunlin);
    is_overloaded(&dunlin.post("/v1/hooks/ingest", refused.clone()).await);
    is_overloaded(&dunlin.post("/v1/hooks/ingest/batch", json!({"events": [refused]})).await);
    // What is packed may come to anything.
    let packed = dunlin.request(reqwest::Method::POST, "/v1/hooks/ingest").header("content-encoding", "gzip").body("x");
    is_overloaded(&dunlin.send(packed).await);
    // What is small, and all that is no event, goes on.
    dunlin.ingest("prompt", json!({"text": "small"})).await.expect(201);
    dunlin.get(&format!("/v1/sessions/{}/timeline", dunlin.session)).await.expect(200);

    // A socket that is open stays open; its events are answered one by one, and it is told to wait.
    let mut socket = dunlin.stream().await;
    socket.send(json!({"type": "batch", "events": [refused.clone(), large(&dunlin)]})).await;
    let slow = socket.next().await;
    assert_eq!((&slow["type"], slow["retryAfterMs"].as_u64().is_some()), (&json!("slow"), true));
    let ack = socket.next_of("ack").await;
    let codes: Vec<_> =
        ack["results"].as_array().unwrap().iter().map(|result| (&result["status"], &result["code"])).collect();
    assert_eq!(codes, [(&json!(503), &json!("overloaded")); 2]);
    assert_eq!(ack["results"][0]["id"], refused["id"]);

    // It passes with what caused it.
    drop(held);
    let taken = eventually("room again", async || {
        Some(dunlin.post("/v1/hooks/ingest", refused.clone()).await).filter(|reply| reply.status != 503)
    });
    taken.await.expect(201);
    socket.send(json!({"type": "event", "event": refused})).await;
    assert_eq!(socket.next_of("ack").await["results"][0]["status"], 200);
}

#[tokio::test]
async fn a_redis_that_is_nearly_full_takes_no_more_events_and_all_else_goes_on() {
    let app = TestApp::with(&["--ingest-per-minute=1000000", "--ingest-burst=100000"]).await;
    let avocet = app.candidate(&app.assessment().await).await;
    avocet.ingest("prompt", json!({"text": "before"})).await.expect(201);
    let used = used_memory(&app).await;
    app.redis_command(&format!("CONFIG SET maxmemory {}", used + used / 10)).await;
    let refused = eventually("the node to notice", async || {
        Some(avocet.ingest("prompt", json!({"text": "too much"})).await).filter(|reply| reply.status != 201)
    });
    is_overloaded(&refused.await);
    let session = avocet.get(&format!("/v1/sessions/{}", avocet.session)).await.expect(200);
    assert!(session["eventCount"].as_u64().is_some_and(|count| count >= 1));
    avocet.complete().await.expect(200);
    assert!(app.log().contains("redis is nearly full"), "the operator is told");

    app.redis_command("CONFIG SET maxmemory 0").await;
    let taken = eventually("the node to notice", async || {
        Some(avocet.ingest("prompt", json!({"text": "after"})).await).filter(|reply| reply.status != 503)
    });
    taken.await.expect(201);
    assert!(app.log().contains("redis has room again"));
}

#[tokio::test]
async fn an_event_that_would_be_answered_too_late_is_refused_at_once_and_can_be_sent_again() {
    let app = TestApp::with(&["--ingest-per-minute=1000000", "--ingest-burst=100000"]).await;
    let avocet = app.candidate(&app.assessment().await).await;
    avocet.ingest("prompt", json!({"text": "before"})).await.expect(201);
    // Nothing is written for a while; what only reads goes on, like finding out who asks.
    app.redis_command("CLIENT PAUSE 5000 WRITE").await;
    let events: Vec<Value> = (0..40).map(|n| event(&avocet.session, "prompt", json!({"n": n}))).collect();
    let posts = events.iter().zip(0..).map(|(event, place)| {
        let avocet = &avocet;
        async move {
            tokio::time::sleep(Duration::from_millis(100 * place)).await;
            avocet.post("/v1/hooks/ingest", event.clone()).await
        }
    });
    let in_a_batch = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let event = event(&avocet.session, "prompt", json!({"text": "in a batch"}));
        avocet.post("/v1/hooks/ingest/batch", json!({ "events": [event] })).await
    };
    let (replies, in_a_batch) = tokio::join!(futures_util::future::join_all(posts), in_a_batch);
    assert_eq!((in_a_batch.status, &in_a_batch.body["results"][0]["status"]), (207, &json!(503)));
    assert!((1..=4).contains(&in_a_batch.header("retry-after").parse().unwrap()), "a batch is told when to come again");
    let overloaded: Vec<&Reply> = replies.iter().filter(|reply| reply.body["code"] == "overloaded").collect();
    assert!(!overloaded.is_empty(), "everything waited");
    overloaded.into_iter().for_each(is_overloaded);
    for reply in &replies {
        assert!(matches!(reply.status, 201 | 503), "{}", reply.text);
    }
    let batch = json!({ "events": events });
    let again = eventually("everything to be taken", async || {
        let reply = avocet.post("/v1/hooks/ingest/batch", batch.clone()).await;
        Some(reply).filter(|reply| reply.body["accepted"] == 40)
    });
    again.await.expect(207);
    let session = avocet.get(&format!("/v1/sessions/{}", avocet.session)).await.expect(200);
    // The one of the batch may have been written as well.
    assert!([41, 42].contains(&session["eventCount"].as_u64().unwrap()), "each of them once: {session}");
}

/// Bytes that Redis uses.
async fn used_memory(app: &TestApp) -> u64 {
    let told = app.redis_command("INFO memory").await;
    told.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn a_full_redis_makes_room_by_itself_as_soon_as_the_log_has_what_it_held() {
    let mut app = TestApp::with(&["--ingest-per-minute=1000000", "--ingest-burst=100000"]).await;
    let avocet = app.candidate(&app.assessment().await).await;
    app.kill_clickhouse();
    let before = used_memory(&app).await;
    for _ in 0..24 {
        avocet.ingest("prompt", json!({"text": "x".repeat(1_000_000)})).await.expect(201);
    }
    let used = used_memory(&app).await;
    assert!(used > before + 20_000_000, "{before} {used}");
    // Fuller than it may be: from here on Redis itself refuses whatever needs memory.
    app.redis_command(&format!("CONFIG SET maxmemory {}", used - 1_000_000)).await;
    let refused = eventually("a refusal", async || {
        Some(avocet.ingest("prompt", json!({"text": "too much"})).await).filter(|reply| reply.status != 201)
    });
    assert_eq!(refused.await.status, 503);
    // What only reads goes on.
    assert_eq!(avocet.get(&format!("/v1/sessions/{}", avocet.session)).await.expect(200)["eventCount"], 24);
    let mut watcher = app.reviewer().watch(&avocet.session, "?after=22").await;
    assert_eq!(watcher.next_of("event").await["event"]["seq"], 23);

    // Not even a server that starts now needs what Redis refuses.
    app.restart_clickhouse();
    app.restart_server().await;
    let taken = eventually("room", async || {
        Some(avocet.ingest("prompt", json!({"text": "after"})).await).filter(|reply| reply.status != 503)
    });
    taken.await.expect(201);
    let path = format!("/v1/sessions/{}/timeline?limit=100", avocet.session);
    let timeline = avocet.get(&path).await.expect(200);
    assert_eq!(timeline["events"].as_array().unwrap().len(), 25, "nothing is lost on the way");
}

/// Reads to the end; whether that was a clean one.
async fn ends_cleanly(mut stream: tokio::net::TcpStream) -> bool {
    let mut read = vec![0; 1 << 20];
    loop {
        match stream.read(&mut read).await {
            Ok(0) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

#[tokio::test]
async fn a_watcher_that_reads_nothing_is_let_go_and_disturbs_nobody() {
    let app = TestApp::start().await;
    let avocet = app.candidate(&app.assessment().await).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(app.address()).await.unwrap();
    let head = format!(
        "GET /v1/sessions/{}/live?after=0 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nAccept: text/event-stream\r\n\r\n",
        avocet.session,
        app.org().secret
    );
    deaf.write_all(head.as_bytes()).await.unwrap();
    let mut awake = app.reviewer().watch(&avocet.session, "?after=0").await;
    for n in 0..24 {
        avocet.ingest("prompt", json!({"n": n, "text": "x".repeat(1_000_000)})).await.expect(201);
        let row: Value = awake.next_of("event").await;
        assert_eq!(row["event"]["data"]["n"], n);
    }
    // Longer than the kernel lets what was sent go unread.
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(!ends_cleanly(deaf).await, "the server is still waiting for a peer that reads nothing");
    avocet.ingest("prompt", json!({"text": "undisturbed"})).await.expect(201);
    assert_eq!(awake.next_of("event").await["event"]["seq"], 25);
}
