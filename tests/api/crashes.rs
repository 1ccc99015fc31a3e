//! Processes die at the worst moment: what was acknowledged stays, and all goes on by itself.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Candidate, Socket, TestApp, eventually};
use crate::playing::{
    acks, arrivals, candidate, ids, prompts, refused_for_now, send_batch, seqs, timeline, watch_on_to, watch_to,
    watcher_after,
};

/// Takes acks as they come, until the connection ends; adds those that say 201 or 200 to `acknowledged`. Tells with
/// which code the server closed.
async fn hear(socket: &mut Socket, acknowledged: &mut HashMap<String, Option<u64>>) -> Option<u16> {
    loop {
        match socket.read().await {
            Ok(message) if message["type"] == "ack" => {
                note(message["results"].as_array().unwrap(), acknowledged);
            }
            Ok(_) => {}
            Err(code) => return code,
        }
    }
}

pub fn note(results: &[Value], acknowledged: &mut HashMap<String, Option<u64>>) {
    for result in results.iter().filter(|result| result["status"] == 201 || result["status"] == 200) {
        let seq = acknowledged.entry(result["id"].as_str().unwrap().to_owned()).or_default();
        *seq = seq.or(result["seq"].as_u64());
    }
}

/// Sends again what was not acknowledged, until all is.
pub async fn send_rest(avocet: &Candidate, sent: &[Value], acknowledged: &mut HashMap<String, Option<u64>>) {
    while acknowledged.len() < sent.len() {
        let rest: Vec<_> =
            sent.iter().filter(|event| !acknowledged.contains_key(event["id"].as_str().unwrap())).collect();
        let Ok(mut socket) = avocet.connect("/v1/stream").await else { continue };
        for events in rest.chunks(50) {
            socket.send(json!({"type": "batch", "events": events})).await;
            note(socket.next_of("ack").await["results"].as_array().unwrap(), acknowledged);
        }
    }
}

/// Each event once, seqs without a hole, and those that an ack named as it named them.
pub async fn check(avocet: &Candidate, sent: &[Value], acknowledged: &HashMap<String, Option<u64>>) {
    let rows = arrivals(avocet, &avocet.session).await;
    assert_eq!(seqs(&rows), (1..=u64::try_from(sent.len()).unwrap()).collect::<Vec<_>>());
    let (mut stored, mut expected) = (ids(&rows), ids(sent));
    for row in &rows {
        if let Some(seq) = acknowledged[row["id"].as_str().unwrap()] {
            assert_eq!(row["seq"], seq);
        }
    }
    stored.sort_unstable();
    expected.sort_unstable();
    assert_eq!(stored, expected);
}

#[tokio::test]
async fn the_server_may_die_while_a_candidate_streams() {
    let mut app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let sent = prompts(&avocet.session, 1..=1200);
    let mut acknowledged = HashMap::new();
    for part in sent.chunks(400) {
        let mut socket = avocet.stream().await;
        for events in part.chunks(10) {
            send_batch(&mut socket, events).await;
        }
        note(socket.next_of("ack").await["results"].as_array().unwrap(), &mut acknowledged);
        app.kill_server();
        hear(&mut socket, &mut acknowledged).await;
        app.start_server().await;
    }
    assert!(!acknowledged.is_empty());
    // A watcher that comes after the crashes sees the whole.
    let mut watcher = watcher_after(&app.reviewer(), &avocet.session, 0).await;
    send_rest(&avocet, &sent, &mut acknowledged).await;
    check(&avocet, &sent, &acknowledged).await;
    assert_eq!(watch_to(&mut watcher, 1, 1200).await, arrivals(&avocet, &avocet.session).await);
    let signals = avocet.get(&format!("/v1/sessions/{}/signals", avocet.session)).await.expect(200);
    assert_eq!((&signals["signals"]["promptCount"]["value"], &signals["atSeq"]), (&json!(1200), &json!(1200)));
}

#[tokio::test]
async fn a_server_that_stops_sends_its_clients_elsewhere() {
    let mut app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let sent = prompts(&avocet.session, 1..=400);
    let mut watcher = watcher_after(&app.reviewer(), &avocet.session, 0).await;
    let mut sse = app.reviewer().sse(&avocet.session, Some("0")).await;
    let mut socket = avocet.stream().await;
    let mut acknowledged = HashMap::new();
    for events in sent.chunks(10) {
        send_batch(&mut socket, events).await;
    }
    note(socket.next_of("ack").await["results"].as_array().unwrap(), &mut acknowledged);
    app.ask_server_to_stop();
    assert_eq!(hear(&mut socket, &mut acknowledged).await, Some(1001));
    assert_eq!(watcher.closed().await, Some(1001));
    while sse.read().await.is_some() {}
    assert!(app.server_ended_well());
    app.start_server().await;
    send_rest(&avocet, &sent, &mut acknowledged).await;
    check(&avocet, &sent, &acknowledged).await;
}

#[tokio::test]
async fn redis_may_die_while_a_candidate_streams() {
    let mut app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let sent = prompts(&avocet.session, 1..=600);
    let watcher = watcher_after(&app.reviewer(), &avocet.session, 0).await;
    let mut acknowledged = HashMap::new();
    for part in sent.chunks(300) {
        let mut socket = avocet.stream().await;
        for events in part.chunks(10) {
            send_batch(&mut socket, events).await;
        }
        note(socket.next_of("ack").await["results"].as_array().unwrap(), &mut acknowledged);
        app.kill_redis();
        // No durable place, no 201: neither by HTTP nor by WebSocket.
        let refused = avocet.ingest("prompt", json!({})).await;
        refused_for_now(&refused, 503, "unavailable");
        let n_answered = acknowledged.len();
        send_batch(&mut socket, &part[..1]).await;
        let is_503 = |result: &Value| result["status"] == 503;
        loop {
            let Ok(message) = socket.read().await else { break };
            if message["type"] == "ack" {
                let results = message["results"].as_array().unwrap();
                note(results, &mut acknowledged);
                if results.iter().any(is_503) {
                    assert_eq!(socket.next_of("slow").await["type"], "slow");
                    break;
                }
            }
        }
        assert!(acknowledged.len() >= n_answered);
        let ready = app.anonymous().get("/v1/ready").await;
        assert_eq!(ready.status, 503, "{}", ready.text);
        app.restart_redis();
        app.ready().await;
    }
    send_rest(&avocet, &sent, &mut acknowledged).await;
    check(&avocet, &sent, &acknowledged).await;
    let seen = watch_on_to(watcher, &app.reviewer(), &avocet.session, 600).await;
    assert_eq!(seen, arrivals(&avocet, &avocet.session).await);
}

#[tokio::test]
async fn without_clickhouse_events_are_taken_and_watched_and_history_is_complete_afterwards() {
    let mut app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let sent = prompts(&avocet.session, 1..=600);
    let mut socket = avocet.stream().await;
    send_batch(&mut socket, &sent[..200]).await;
    acks(&mut socket, 200).await;
    let path = format!("/v1/sessions/{}/timeline", avocet.session);
    assert_eq!(timeline(&avocet, &avocet.session).await.len(), 200);

    app.kill_clickhouse();
    let mut watcher = watcher_after(&app.reviewer(), &avocet.session, 200).await;
    send_batch(&mut socket, &sent[200..500]).await;
    acks(&mut socket, 300).await;
    avocet.post("/v1/hooks/ingest", sent[500].clone()).await.expect(201);
    assert_eq!(watch_to(&mut watcher, 201, 501).await.len(), 301);
    refused_for_now(&avocet.get(&path).await, 503, "unavailable");
    refused_for_now(&avocet.get(&format!("/v1/sessions/{}/decisions", avocet.session)).await, 503, "unavailable");
    refused_for_now(&avocet.get(&format!("/v1/sessions/{}/cohort-stats", avocet.session)).await, 503, "unavailable");
    let signals = avocet.get(&format!("/v1/sessions/{}/signals", avocet.session)).await.expect(200);
    assert_eq!(signals["signals"]["eventCount"]["value"], 501);
    let ready = app.anonymous().get("/v1/ready").await;
    assert_eq!(ready.status, 503, "{}", ready.text);
    // Long enough for the writer to have failed more than once.
    tokio::time::sleep(Duration::from_millis(500)).await;
    avocet.post("/v1/hooks/ingest", sent[501].clone()).await.expect(201);

    app.restart_clickhouse();
    app.ready().await;
    send_batch(&mut socket, &sent[502..]).await;
    acks(&mut socket, 98).await;
    let rows = eventually("the whole timeline", async || {
        let page = avocet.get(&format!("{path}?limit=2000")).await;
        (page.status == 200).then(|| page.body["events"].as_array().unwrap().clone())
    });
    assert_eq!(ids(&rows.await), ids(&sent));
    avocet.complete().await.expect(200);
    eventually("the whole session in the cohort", async || {
        let stats = avocet.get(&format!("/v1/sessions/{}/cohort-stats", avocet.session)).await.body;
        (stats["cohortStats"]["metrics"]["avgPromptCount"] == 600.0).then_some(())
    })
    .await;
}
