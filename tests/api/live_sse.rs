//! The live feed as Server-Sent Events, and on more than one node.

use serde_json::{Value, json};

use crate::harness::{TestApp, event};
use crate::playing::{acks, arrivals, candidate, post_all, prompts, send_batch, seq, seqs, watch_to, watcher_after};

#[tokio::test]
async fn server_sent_events_tell_the_same_and_go_on_after_the_last_id() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let mut sent = prompts(&avocet.session, 1..=3);
    sent[1]["data"] = json!({"text": "two\nlines\r\nand \u{2028}"});
    post_all(&avocet, &sent).await;
    let rows = arrivals(&avocet, &avocet.session).await;

    let mut sse = app.reviewer().sse(&avocet.session, Some("1")).await;
    let mut heard = Vec::new();
    loop {
        let (id, kind, data) = sse.next().await;
        assert_eq!(data["type"], json!(kind));
        assert_eq!(id, if kind == "event" { seq(&data["event"]).to_string() } else { String::new() });
        heard.push((kind.clone(), data));
        if kind == "live" {
            break;
        }
    }
    let kinds: Vec<_> = heard.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["hello", "replay", "event", "event", "live"]);
    let seen: Vec<Value> = heard[2..4].iter().map(|(_, data)| data["event"].clone()).collect();
    assert_eq!(seen, rows[1..]);

    // JSON as a client may write it, over several lines.
    let raw = serde_json::to_string_pretty(&event(&avocet.session, "prompt", json!({"a": {"b": [1, 2]}}))).unwrap();
    let raw = raw.replace('\n', "\r\n");
    avocet.post_bytes("/v1/hooks/ingest", raw).await.expect(201);
    let (id, data) = sse.next_of("event").await;
    assert_eq!((id.as_str(), &data["event"]["data"]), ("4", &json!({"a": {"b": [1, 2]}})));
    let mut live = avocet.sse(&avocet.session, None).await;
    assert_eq!(live.next().await.1, "hello");
    avocet.ingest("prompt", json!({})).await.expect(201);
    assert_eq!(live.next_of("event").await.0, "5", "without a last id only new events come");
    let text = app.reviewer().sse(&avocet.session, Some("9")).await.next_of("reset").await.1;
    assert_eq!(text, json!({"type": "reset", "reason": "unknown_position"}));

    let mut over = app.reviewer().sse(&avocet.session, Some("9")).await;
    while over.read().await.is_some() {}
    app.reviewer().patch(&format!("/v1/sessions/{}/metadata", avocet.session), json!({"x": 1})).await.expect(200);
    assert_eq!(live.next_of("session").await.1["session"]["metadata"]["x"], 1);
    let path = format!("/v1/sessions/{}/live?after=5", avocet.session);
    app.anonymous().get(&path).await.refused(401, "unauthorized");
    app.other_org().await.get(&path).await.refused(404, "not_found");
    let foreign = app.reviewer().with_header("origin", "https://evil.example").get(&path).await;
    foreign.refused(403, "origin_refused");
}

#[tokio::test]
async fn a_session_is_the_same_on_every_node() {
    let app = TestApp::start().await;
    let node = app.second_node();
    let avocet = candidate(&app).await;
    let there = avocet.at(&node.url());
    let mut watchers = Vec::new();
    for user in [app.reviewer(), app.reviewer().at(&node.url()), (*avocet).clone(), there.clone()] {
        watchers.push(watcher_after(&user, &avocet.session, 0).await);
    }
    // Half of it comes in here, half there, and all of it twice.
    let sent = prompts(&avocet.session, 1..=400);
    let mut streams = [avocet.stream().await, there.connect("/v1/stream").await.expect("let in")];
    streams[1].next_of("hello").await;
    let [here, other] = &mut streams;
    let send = async |socket: &mut crate::harness::Socket, reversed: bool| {
        let mut chunks: Vec<_> = sent.chunks(10).collect();
        if reversed {
            chunks.reverse();
        }
        let mut results = Vec::new();
        for events in chunks {
            send_batch(socket, events).await;
            results.extend(acks(socket, events.len()).await);
        }
        results
    };
    let (mut first, second) = tokio::join!(send(here, false), send(other, true));
    first.extend(second);
    let mut recorded: Vec<_> = first.iter().filter(|result| result["status"] == 201).map(seq).collect();
    recorded.sort_unstable();
    assert_eq!(recorded, (1..=400).collect::<Vec<_>>());
    assert!(first.iter().all(|result| result["status"] == 201 || result["status"] == 200));
    let rows = arrivals(&there, &avocet.session).await;
    assert_eq!((seqs(&rows), rows.len()), ((1..=400).collect(), 400));
    for watcher in &mut watchers {
        assert_eq!(watch_to(watcher, 1, 400).await, rows);
    }
    // Reviewers hear of those who watch at the other node: here, that one of four goes.
    watchers.truncate(3);
    for watcher in &mut watchers[..2] {
        while watcher.next_of("presence").await["watchers"] != 3 {}
    }
    // What one node changes, those who watch at the other hear.
    there.patch(&format!("/v1/sessions/{}/metadata", avocet.session), json!({"from": "there"})).await.expect(200);
    while watchers[0].next_of("session").await["session"]["metadata"]["from"] != "there" {}
    avocet.complete().await.expect(200);
    while watchers[1].next_of("session").await["session"]["status"] != "ended" {}
}
