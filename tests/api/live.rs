//! Watching one session by WebSocket.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Socket, TestApp, User, event, stable};
use crate::playing::{
    acks, arrivals, candidate, post_all, prompts, send_batch, seq, seqs, session, watch_to, watcher_after,
};

/// The messages up to the first of this type, which comes last.
async fn until(socket: &mut Socket, kind: &str) -> Vec<Value> {
    let mut messages = Vec::new();
    loop {
        let message = socket.next().await;
        let is_last = message["type"] == kind;
        messages.push(message);
        if is_last {
            return messages;
        }
    }
}

fn types(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_watcher_resumes_where_it_wants_and_sees_the_rows_of_the_timeline() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    post_all(&avocet, &prompts(&avocet.session, 1..=3)).await;
    let rows = arrivals(&avocet, &avocet.session).await;

    let mut socket = app.reviewer().watch(&avocet.session, "").await;
    let hello = socket.next().await;
    assert_eq!((&hello["session"], &hello["lastSeq"]), (&session(&avocet, &avocet.session).await, &json!(3)));
    insta::assert_json_snapshot!("live_hello", stable("", &hello));
    socket.send(json!({"type": "resume", "after": 0})).await;
    assert_eq!(socket.next().await, json!({"type": "replay", "from": 1, "to": 3}));
    let expected: Vec<_> = rows.iter().map(|row| json!({"type": "event", "event": row})).collect();
    for row in &expected {
        assert_eq!(socket.next().await, *row);
    }
    assert_eq!(socket.next().await, json!({"type": "live", "lastSeq": 3}));
    assert_eq!(socket.next().await, json!({"type": "presence", "watchers": 1}));
    // Again, and in the middle.
    socket.send(json!({"type": "resume", "after": 2})).await;
    let again = until(&mut socket, "live").await;
    assert_eq!(
        again,
        [json!({"type": "replay", "from": 3, "to": 3}), expected[2].clone(), json!({"type": "live", "lastSeq": 3})]
    );

    let mut at_head = watcher_after(&app.reviewer(), &avocet.session, 3).await;
    assert_eq!(at_head.next().await, json!({"type": "live", "lastSeq": 3}));
    assert_eq!(at_head.next().await, json!({"type": "presence", "watchers": 2}));
    assert_eq!(socket.next_of("presence").await["watchers"], 2);
    let mut beyond = watcher_after(&avocet, &avocet.session, 4).await;
    assert_eq!(beyond.next().await, json!({"type": "reset", "reason": "unknown_position"}));
    beyond.send(json!({"type": "resume", "after": 3})).await;
    assert_eq!(beyond.next().await["type"], "live");
    let mut by_query = app.reviewer().watch(&avocet.session, "?after=1").await;
    assert_eq!(types(&until(&mut by_query, "live").await), ["hello", "replay", "event", "event", "live"]);
    let refused = app.reviewer().connect(&format!("/v1/sessions/{}/live?after=soon", avocet.session)).await.err();
    refused.unwrap().refused(400, "invalid_query");

    // New events only: at once when asked for, and for who says nothing within a second.
    let mut live = app.reviewer().watch(&avocet.session, "?after=live").await;
    let mut silent = app.reviewer().watch(&avocet.session, "").await;
    assert_eq!((live.next().await["lastSeq"].clone(), silent.next().await["lastSeq"].clone()), (json!(3), json!(3)));
    avocet.ingest("command", json!({"command": "npm test", "exitCode": 0})).await.expect(201);
    for socket in [&mut live, &mut silent, &mut at_head, &mut beyond, &mut by_query, &mut socket] {
        let row = socket.next_of("event").await["event"].clone();
        assert_eq!(row, arrivals(&avocet, &avocet.session).await[3]);
    }
    // Candidates are not told who watches.
    avocet.ingest("prompt", json!({})).await.expect(201);
    let heard = until(&mut beyond, "event").await;
    assert!(!types(&heard).contains(&"presence"), "{heard:?}");
}

#[tokio::test]
async fn what_changes_beside_the_events_is_told_too() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let path = format!("/v1/sessions/{}", avocet.session);
    let mut socket = app.reviewer().watch(&avocet.session, "?after=live").await;
    assert_eq!(socket.next().await["session"]["status"], "pending");
    avocet.ingest("prompt", json!({})).await.expect(201);
    let started = socket.next_of("session").await;
    assert_eq!(started["session"]["status"], "active");
    app.reviewer().patch(&format!("{path}/metadata"), json!({"level": "senior"})).await.expect(200);
    let changed = socket.next_of("session").await;
    assert_eq!(changed, json!({"type": "session", "session": session(&avocet, &avocet.session).await}));
    assert_eq!(changed["session"]["metadata"]["level"], "senior");

    let mut stream = avocet.stream().await;
    let changes = |n: u64| event(&avocet.session, "file_diff", json!({"path": format!("{n}.rs"), "linesAdded": n}));
    let sent: Vec<_> = (1..=1000).map(changes).collect();
    for events in sent.chunks(50) {
        send_batch(&mut stream, events).await;
        acks(&mut stream, 50).await;
    }
    let (mut n_signals, mut last) = (0, 0);
    while last < 1001 {
        let message = socket.next().await;
        if message["type"] == "signals" {
            n_signals += 1;
            assert!(seq_of(&message) >= last);
            last = seq_of(&message);
            if last == 1001 {
                assert_eq!(message["signals"], signals(&app, &avocet.session).await);
                assert_eq!(message["signals"]["uniqueFilesTouched"]["value"], 1000);
            }
        }
    }
    assert!(n_signals < 500, "{n_signals} for 1000 events");

    avocet.complete().await.expect(200);
    let ended = socket.next_of("session").await;
    assert_eq!(
        (&ended["session"]["status"], &ended["session"]),
        (&json!("ended"), &session(&app.reviewer(), &avocet.session).await)
    );
    // The end is the end of the duration too.
    let mut late = app.reviewer().watch(&avocet.session, "?after=live").await;
    assert_eq!(late.next().await["signals"], signals(&app, &avocet.session).await);

    socket.send(json!({"type": "ping"})).await;
    insta::assert_json_snapshot!("live_pong", stable("", &socket.next_of("pong").await));
    for (frame, code) in [
        (Message::text("?"), "invalid_message"),
        (Message::text(r#"{"type":"resume"}"#), "invalid_message"),
        (Message::binary(vec![1]), "unsupported_frame"),
    ] {
        socket.send_frame(frame).await;
        assert_eq!(socket.next_of("error").await["code"], code);
    }
    drop(late);
    loop {
        if socket.next_of("presence").await["watchers"] == 1 {
            break;
        }
    }
}

fn seq_of(signals: &Value) -> u64 {
    signals["atSeq"].as_u64().unwrap()
}

async fn signals(app: &TestApp, session: &str) -> Value {
    app.reviewer().get(&format!("/v1/sessions/{session}/signals")).await.expect(200)["signals"].clone()
}

#[tokio::test]
async fn watchers_that_come_at_any_moment_see_each_event_once_and_in_order() {
    const N: u64 = 1_200;
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let mut stream = avocet.stream().await;
    let reviewer = app.reviewer();
    let watch = async |number: u64| {
        tokio::time::sleep(Duration::from_millis(number * 90)).await;
        if number.is_multiple_of(3) {
            let mut sse = reviewer.sse(&avocet.session, Some("0")).await;
            let mut rows = Vec::new();
            while rows.len() < usize::try_from(N).unwrap() {
                rows.push(sse.next_of("event").await.1["event"].clone());
            }
            assert_eq!(seqs(&rows), (1..=N).collect::<Vec<_>>());
            return rows;
        }
        // Half way it loses its connection.
        let half = N / 2 + number * 10;
        let mut socket = watcher_after(&reviewer, &avocet.session, 0).await;
        let mut rows = watch_to(&mut socket, 1, half).await;
        drop(socket);
        let mut socket = watcher_after(&reviewer, &avocet.session, half).await;
        rows.extend(watch_to(&mut socket, half + 1, N).await);
        rows
    };
    let send = async {
        let sent = prompts(&avocet.session, 1..=N);
        for (number, events) in sent.chunks(20).enumerate() {
            send_batch(&mut stream, events).await;
            acks(&mut stream, 20).await;
            if number % 4 == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    let (seen, ()) = tokio::join!(futures_util::future::join_all((0..12).map(watch)), send);
    let rows = arrivals(&avocet, &avocet.session).await;
    assert_eq!(seqs(&rows), (1..=N).collect::<Vec<_>>());
    for (number, seen) in seen.into_iter().enumerate() {
        assert!(seen == rows, "watcher {number} has seen other rows than the timeline holds");
    }
}

#[tokio::test]
async fn a_watcher_that_does_not_read_is_reset_and_disturbs_nobody() {
    let app = TestApp::with(&["--stream-per-minute", "1000000", "--stream-burst", "1000000"]).await;
    let avocet = candidate(&app).await;
    let mut stream = avocet.stream().await;
    let mut lazy = watcher_after(&app.reviewer(), &avocet.session, 0).await;
    lazy.next_of("live").await;
    let mut eager = watcher_after(&avocet, &avocet.session, 0).await;
    let padding = "x".repeat(64 * 1024);
    let sent: Vec<_> = (0..400).map(|_| event(&avocet.session, "prompt", json!({"text": padding}))).collect();
    let (first, rest) = sent.split_at(1);
    send_batch(&mut stream, first).await;
    assert_eq!(seq(&lazy.next_of("event").await["event"]), 1);
    let send = async {
        acks(&mut stream, 1).await;
        for events in rest.chunks(9) {
            send_batch(&mut stream, events).await;
            acks(&mut stream, events.len()).await;
        }
    };
    let (seen, ()) = tokio::join!(watch_to(&mut eager, 1, 400), send);
    assert_eq!(seen.len(), 400);
    // Who falls behind for less than two seconds is given what it missed.
    tokio::time::sleep(Duration::from_secs(3)).await;
    // It finds what the kernel held for it, in order, and then that it has to begin again.
    let mut last = 1;
    let reset = loop {
        let message = lazy.next().await;
        match message["type"].as_str() {
            Some("event") => {
                assert_eq!(seq(&message["event"]), last + 1);
                last += 1;
            }
            Some("reset") => break message,
            _ => {}
        }
    };
    assert_eq!(reset["reason"], "too_slow");
    assert!(last < 400);
    lazy.send(json!({"type": "resume", "after": last})).await;
    assert_eq!(watch_to(&mut lazy, last + 1, 400).await.len(), usize::try_from(400 - last).unwrap());
}

#[tokio::test]
async fn who_may_not_see_a_session_does_not_learn_that_it_is_there() {
    let app = TestApp::with(&["--allowed-origin", "https://dash.example"]).await;
    let (avocet, dunlin) = (candidate(&app).await, candidate(&app).await);
    let path = format!("/v1/sessions/{}/live", avocet.session);
    let open = async |user: &User, path: &str| user.connect(path).await;
    let refused = async |user: &User, path: &str| open(user, path).await.err().expect("refused");
    refused(&app.anonymous(), &path).await.refused(401, "unauthorized");
    for stranger in [app.other_org().await, (*dunlin).clone()] {
        refused(&stranger, &path).await.refused(404, "not_found");
        stranger.get(&path).await.refused(404, "not_found");
    }
    refused(&app.reviewer(), "/v1/sessions/no-such/live").await.refused(404, "not_found");
    assert!(open(&app.read_only().await, &path).await.is_ok());
    assert!(open(&app.api_key(&avocet.key), &path).await.is_ok());

    // Browsers come with an origin, and with a ticket in the address.
    let browser = |origin: &str| app.anonymous().with_header("origin", origin);
    for (issuer, sees_dunlin) in [(app.reviewer(), true), ((*avocet).clone(), false)] {
        let ticket = async || {
            issuer.post("/v1/live-tickets", json!({})).await.expect(201)["ticket"].as_str().unwrap().to_owned()
        };
        let with_ticket = format!("{path}?after=live&ticket={}", ticket().await);
        assert!(open(&browser("https://dash.example"), &with_ticket).await.is_ok());
        refused(&browser("https://dash.example"), &with_ticket).await.refused(401, "unauthorized");
        let evil = format!("{path}?ticket={}", ticket().await);
        refused(&browser("https://evil.example"), &evil).await.refused(403, "origin_refused");
        refused(&browser("null"), &format!("{path}?ticket={}", ticket().await)).await.refused(403, "origin_refused");
        let own = format!("{path}?ticket={}", ticket().await);
        assert!(open(&browser(&app.url()), &own).await.is_ok());
        let bobs =
            open(&app.anonymous(), &format!("/v1/sessions/{}/live?ticket={}", dunlin.session, ticket().await)).await;
        assert_eq!(bobs.is_ok(), sees_dunlin);
        let events = app.anonymous().get(&format!("{path}?ticket={}x", ticket().await)).await;
        events.refused(401, "unauthorized");
    }
}
