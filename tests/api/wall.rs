//! Watching all sessions of an assessment.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Candidate, Socket, TestApp, Who, eventually, stable};
use crate::playing::session;

/// The next message about this session; those about others are passed over.
async fn next_about(wall: &mut Socket, candidate: &Candidate) -> Value {
    loop {
        let message = wall.next_of("session").await;
        if message["session"]["id"] == candidate.session {
            return message;
        }
    }
}

/// The ids in the first message.
fn ids(sessions: &Value) -> Vec<&str> {
    assert_eq!(sessions["type"], "sessions", "{sessions}");
    sessions["sessions"].as_array().unwrap().iter().map(|session| session["id"].as_str().unwrap()).collect()
}

/// Until the index has the status, which the lists are made of.
async fn is_listed(app: &TestApp, candidate: &Candidate, status: &str) {
    eventually("the session in the list", async || {
        let list = app.reviewer().get(&format!("/v1/sessions?status={status}&limit=100")).await.expect(200);
        let sessions = list["sessions"].as_array().unwrap().clone();
        sessions.iter().any(|session| session["id"] == candidate.session).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_wall_shows_who_starts_works_and_ends() {
    let app = TestApp::start().await;
    let (assessment, other) = (app.assessment().await, app.assessment().await);
    let avocet = app.candidate(&assessment).await;
    avocet.ingest("prompt", json!({})).await.expect(201);
    let done = app.candidate(&assessment).await;
    done.complete().await.expect(200);
    let elsewhere = app.candidate(&other).await;
    for (candidate, status) in [(&avocet, "active"), (&done, "ended"), (&elsewhere, "pending")] {
        is_listed(&app, candidate, status).await;
    }
    let mut wall = app.reviewer().watch_wall(&assessment).await;
    let first = wall.next().await;
    assert_eq!(ids(&first), [&avocet.session]);
    assert_eq!(first["sessions"][0], session(&avocet, &avocet.session).await);

    let dunlin = app.candidate(&assessment).await;
    let started = next_about(&mut wall, &dunlin).await;
    assert_eq!(started["session"]["status"], "pending");
    insta::assert_json_snapshot!("wall_session", stable("", &started));
    elsewhere.ingest("prompt", json!({})).await.expect(201);
    dunlin.ingest("prompt", json!({})).await.expect(201);
    assert_eq!(next_about(&mut wall, &dunlin).await["session"]["status"], "active");
    let mut second = app.read_only().await.watch_wall(&assessment).await;
    assert_eq!(ids(&second.next().await), [&dunlin.session, &avocet.session], "latest start first");

    // Many changes, few messages, and the last has it all.
    let began = Instant::now();
    for _ in 0..60 {
        avocet.ingest("command", json!({"command": "npm test", "exitCode": 0})).await.expect(201);
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    let (mut n_messages, mut last) = (0, json!(null));
    while last["session"]["eventCount"] != 61 {
        last = next_about(&mut wall, &avocet).await;
        n_messages += 1;
    }
    assert!(n_messages <= 2 + began.elapsed().as_secs(), "{n_messages} messages");
    let signals = app.reviewer().get(&format!("/v1/sessions/{}/signals", avocet.session)).await.expect(200);
    assert_eq!(last["signals"], signals["signals"]);
    assert_eq!(last["session"], session(&avocet, &avocet.session).await);

    let ending = Instant::now();
    dunlin.complete().await.expect(200);
    let ended = next_about(&mut wall, &dunlin).await;
    assert_eq!((&ended["session"]["status"], ended["session"]["endedAt"].is_string()), (&json!("ended"), true));
    assert!(ending.elapsed() < Duration::from_secs(10));
    assert_eq!(next_about(&mut second, &dunlin).await["session"]["status"], "ended");
    wall.send(json!({"type": "ping"})).await;
    // Nothing of the other assessment in between.
    loop {
        let message = wall.next().await;
        if message["type"] == "pong" {
            break;
        }
        assert_eq!(message["session"]["assessmentId"], assessment, "{message}");
    }
    wall.send(json!({"type": "resume", "after": 0})).await;
    assert_eq!(wall.next_of("error").await["code"], "invalid_message");

    // Without an assessment: all of the organisation.
    let mut all = app.reviewer().connect("/v1/live").await.expect("let in");
    let shown = all.next().await;
    let mut shown = ids(&shown);
    shown.sort_unstable();
    let mut expected = [avocet.session.as_str(), elsewhere.session.as_str()];
    expected.sort_unstable();
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn the_wall_is_the_same_on_every_node_and_as_server_sent_events() {
    let app = TestApp::start().await;
    let node = app.second_node();
    let assessment = app.assessment().await;
    let mut far = app.reviewer().at(&node.url()).watch_wall(&assessment).await;
    let mut events = app.reviewer().sse_of(&format!("/v1/live?assessmentId={assessment}"), None).await;
    assert_eq!(ids(&far.next().await), [""; 0]);
    assert_eq!(events.next_of("sessions").await.1["sessions"], json!([]));
    let avocet = app.candidate(&assessment).await;
    assert_eq!(next_about(&mut far, &avocet).await["session"]["status"], "pending");
    assert_eq!(events.next_of("session").await.1["session"]["id"], avocet.session);
    avocet.ingest("prompt", json!({})).await.expect(201);
    avocet.complete().await.expect(200);
    loop {
        if next_about(&mut far, &avocet).await["session"]["status"] == "ended" {
            break;
        }
    }
    loop {
        if events.next_of("session").await.1["session"]["status"] == "ended" {
            break;
        }
    }
}

#[tokio::test]
async fn only_reviewers_of_the_organisation_see_its_wall() {
    let app = TestApp::with(&["--allowed-origin", "https://dash.example"]).await;
    let assessment = app.assessment().await;
    let avocet = app.candidate(&assessment).await;
    let path = format!("/v1/live?assessmentId={assessment}");
    assert!(crate::harness::ROUTES.contains(&("GET", "/v1/live", Who::Reviewer)));
    app.anonymous().get(&path).await.refused(401, "unauthorized");
    avocet.get(&path).await.refused(403, "reviewer_only");
    let other = app.other_org().await;
    for nothing in [&path, "/v1/live?assessmentId=0190a0a0-0000-7000-8000-000000000000"] {
        other.get(nothing).await.refused(404, "not_found");
    }
    app.reviewer().get("/v1/live?assessmentId=x").await.refused(400, "invalid_query");
    let mut theirs = other.connect("/v1/live").await.expect("let in");
    assert_eq!(ids(&theirs.next().await), [""; 0]);

    let browser = |origin: &str| app.anonymous().with_header("origin", origin);
    let ticket = async || {
        let made = app.reviewer().post("/v1/live-tickets", json!({})).await.expect(201);
        format!("{path}&ticket={}", made["ticket"].as_str().unwrap())
    };
    let with_ticket = ticket().await;
    assert!(browser("https://dash.example").connect(&with_ticket).await.is_ok());
    let again = browser("https://dash.example").connect(&with_ticket).await.err().expect("refused");
    again.refused(401, "unauthorized");
    let evil = browser("https://evil.example").connect(&ticket().await).await.err().expect("refused");
    evil.refused(403, "origin_refused");
    let candidates = avocet.post("/v1/live-tickets", json!({})).await.expect(201);
    let by_candidate = format!("{path}&ticket={}", candidates["ticket"].as_str().unwrap());
    app.anonymous().get(&by_candidate).await.refused(403, "reviewer_only");
}
