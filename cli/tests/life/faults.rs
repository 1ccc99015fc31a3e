//! What may go wrong on the way: the server dies, the disk is full, WebSockets are blocked, the network ends at the end.

use crate::candidate::Candidate;
use crate::server::{Server, Wire};
use crate::{claude, of, tool};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

fn command(n: usize) -> Value {
    tool(&format!("t{n}"), "Bash", json!({ "command": format!("echo {n}") }), json!({ "stdout": n.to_string() }))
}

/// The commands of a timeline, sorted.
fn commands(timeline: &[Value]) -> Vec<String> {
    let word = |event: &&Value| event["data"]["command"].as_str().unwrap().to_owned();
    let mut commands: Vec<_> = of(timeline, "command").iter().map(word).collect();
    commands.sort();
    commands
}

fn wanted(n: usize) -> Vec<String> {
    let mut wanted: Vec<_> = (0..n).map(|n| format!("echo {n}")).collect();
    wanted.sort();
    wanted
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_loses_nothing_that_was_captured() {
    let mut server = Server::start();
    let wire = Wire::to(&server).await;
    let (avocet, key) = (Candidate::new(), server.key().await);
    let session = avocet.start(&wire, &key).await;
    for n in 0..10 {
        avocet.hook("claude-code", command(n)).await;
    }
    server.crash();
    for n in 10..20 {
        avocet.hook("claude-code", command(n)).await;
    }
    wire.lead_to(&server);
    wire.cut();
    tokio::time::sleep(Duration::from_millis(100)).await;
    wire.mend();
    avocet.until(|status| status["waiting"] == 0).await;
    assert_eq!(commands(&server.timeline(&session).await), wanted(20));
    assert_eq!(avocet.run(&["verify"], "").await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_websockets_are_blocked_events_go_over_http() {
    let server = Server::start();
    let wire = Wire::to(&server).await;
    let (avocet, key) = (Candidate::new(), server.key().await);
    let session = avocet.start(&wire, &key).await;
    avocet.until(|status| status["waiting"] == 0).await;
    wire.block_websockets();
    for n in 0..5 {
        avocet.hook("claude-code", command(n)).await;
    }
    let status = avocet.until(|status| status["waiting"] == 0).await;
    assert_eq!(status["streamer"]["link"], "http", "{status}");
    assert_eq!(commands(&server.timeline(&session).await), wanted(5));
    assert_eq!(avocet.run(&["verify"], "").await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_disk_costs_is_told_and_the_rest_arrives() {
    let server = Server::start();
    let wire = Wire::to(&server).await;
    let (avocet, key) = (Candidate::new(), server.key().await);
    let session = avocet.start(&wire, &key).await;
    avocet.hook("claude-code", command(0)).await;
    let length = fs::metadata(avocet.state("journal.jsonl")).unwrap().len();
    let large = tool("t9", "Bash", json!({ "command": "cat large" }), json!({ "stdout": "some words ".repeat(900) }));
    let printed = avocet.hook_on_a_full_disk(length.div_ceil(512) + 1, large).await;
    assert_eq!((printed.code, printed.out.as_str(), printed.err.as_str()), (0, "", ""), "the tool is not disturbed");
    assert_eq!(fs::metadata(avocet.state("journal.jsonl")).unwrap().len(), length, "no half event stays");
    avocet.hook("claude-code", command(1)).await;
    let status = avocet.until(|status| status["waiting"] == 0).await;
    assert_eq!((&status["lost"], &status["ok"], &status["broken"]), (&json!(1), &json!(false), &json!(0)), "{status}");
    let words = avocet.run(&["status"], "").await.out;
    assert!(words.contains("LOST       1, the last at"), "{words}");
    let doctor = avocet.run(&["doctor"], "").await.out;
    assert!(doctor.contains("1 events could not be written"), "{doctor}");
    assert_eq!(commands(&server.timeline(&session).await), wanted(2));
    assert_eq!(avocet.run(&["verify"], "").await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn done_removes_nothing_before_the_server_has_it() {
    let server = Server::start();
    let wire = Wire::to(&server).await;
    let (avocet, key) = (Candidate::new(), server.key().await);
    let session = avocet.start(&wire, &key).await;
    avocet.until(|status| status["waiting"] == 0).await;
    // Two servers of MCP are asked at once: no open reason is lost.
    let call = |n: usize| {
        let arguments = json!({ "title": format!("Choice {n}"), "chosenOption": "a", "impactScore": 3 });
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                           "params": { "name": "capture_decision", "arguments": arguments } });
        format!("{call}\n")
    };
    let calls: Vec<_> = (0..8).map(call).collect();
    futures_util::future::join_all(calls.iter().map(|line| avocet.run(&["mcp"], line))).await;
    avocet.until(|status| status["waiting"] == 0).await;

    wire.cut();
    avocet.hook("claude-code", command(0)).await;
    let failed = avocet.run(&["done", "--no-input", "--wait", "1s"], "").await;
    assert_eq!(failed.code, 1);
    assert!(failed.err.contains("They are kept; run `promptster done` again"), "{}", failed.err);
    assert!(avocet.state("journal.jsonl").exists() && avocet.state("signing.key").exists());
    let abort = avocet.run(&["abort"], "").await;
    assert!(abort.code == 1 && abort.err.contains("have not been sent"), "{}", abort.err);
    avocet.hook("claude-code", command(1)).await;
    wire.mend();

    // Hooks run while it is handed in: each event is in the log, or told as too late.
    let (done, _) = tokio::join!(
        avocet.run(&["done", "--no-input", "--json"], ""),
        futures_util::future::join_all((2..12).map(|n| avocet.hook("claude-code", command(n))))
    );
    let done = done.json();
    assert_eq!(done["ok"], true, "{done}");
    assert_eq!(done["undocumented"].as_array().unwrap().len(), 8, "{done}");
    let timeline = server.timeline(&session).await;
    assert_eq!(done["events"], json!(timeline.len()), "what it counts is what the server has");
    assert!(commands(&timeline).len() >= 2);
    assert!(!avocet.root.join(".promptster").exists());
    assert_eq!(avocet.run(&["verify", &session, "--server", &server.url, "--key", &key], "").await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_process_in_the_background_done_sends_it_all() {
    let server = Server::start();
    let wire = Wire::to(&server).await;
    let (wren, key) = (Candidate::new(), server.key().await);
    let arguments = ["start", &key, "--server", &wire.url, "--workspace", ".", "--accept-tos", "--json"];
    let session = wren.run_alone(&arguments, "").await.json()["sessionId"].as_str().unwrap().to_owned();
    for n in 0..3 {
        let mut payload = command(n);
        payload["cwd"] = wren.root.to_str().unwrap().into();
        wren.run_alone(&["hook", "claude-code"], &payload.to_string()).await;
    }
    let status = wren.run_alone(&["status", "--json"], "").await.json();
    assert!(status["streamer"]["running"] == false && status["waiting"].as_u64() > Some(2), "{status}");

    let done = wren.run_alone(&["done", "--no-input", "--json", "--wait", "60s"], "").await;
    assert_eq!(done.json()["ok"], true, "{}", done.err);
    assert_eq!(commands(&server.timeline(&session).await), wanted(3));
    assert!(!wren.root.join(".promptster").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_calls_nobody() {
    let server = Server::start();
    let wire = Wire::to(&server).await;
    let (avocet, key) = (Candidate::new(), server.key().await);
    avocet.start(&wire, &key).await;
    avocet.until(|status| status["waiting"] == 0).await;
    // From now on whoever calls the server is heard.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let path = avocet.state("session.json");
    let mut state: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    state["apiUrl"] = format!("http://{}", listener.local_addr().unwrap()).into();
    fs::write(&path, state.to_string()).unwrap();
    let mut payload = claude("UserPromptSubmit", json!({ "prompt": "hello" }));
    payload["cwd"] = avocet.root.to_str().unwrap().into();
    let length = fs::metadata(avocet.state("journal.jsonl")).unwrap().len();
    avocet.run_alone(&["hook", "claude-code"], &payload.to_string()).await;
    assert!(fs::metadata(avocet.state("journal.jsonl")).unwrap().len() > length);
    let heard = tokio::time::timeout(Duration::from_millis(500), listener.accept()).await;
    assert!(heard.is_err(), "a hook called the server");
}
