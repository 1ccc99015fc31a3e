//! A reviewer's terminal: signing in, and a session watched through a wire that is cut.

use crate::server::{Server, Wire};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

fn promptster(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_promptster"));
    command.args(arguments).env("HOME", home).kill_on_drop(true);
    for name in ["PROMPTSTER_API_KEY", "PROMPTSTER_SERVER", "XDG_CONFIG_HOME"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How it ended, and what it printed on both.
async fn ended(mut process: Child, input: &str) -> (bool, String) {
    // One that does not read may be over by now.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes()).await;
    let output = timeout(PATIENCE, process.wait_with_output()).await.unwrap().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

async fn seqs(lines: &mut Lines<BufReader<ChildStdout>>, n: usize) -> Vec<u64> {
    let mut found = Vec::new();
    while found.len() < n {
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let event: Value = serde_json::from_str(&line).unwrap();
        found.push(event["seq"].as_u64().unwrap());
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewer_watches_without_gap_or_repeat_until_the_key_is_revoked() {
    let server = Server::start();
    let wire = Wire::to(&server).await;
    let home = tempfile::tempdir().unwrap();
    let made = server.post("/v1/org/api-keys", json!({ "name": "watcher", "scopes": ["read"] })).await;
    let secret = made["secret"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();

    let (ok, told) = ended(promptster(home.path(), &["watch", "s1"]).spawn().unwrap(), "").await;
    assert!(!ok && told.contains("promptster login"), "{told}");
    let login = ["login", "--server", &wire.url];
    let (ok, told) = ended(promptster(home.path(), &login).spawn().unwrap(), "psk_live_wrong\n").await;
    assert!(!ok && told.contains("does not know this key"), "{told}");
    let (ok, told) = ended(promptster(home.path(), &login).spawn().unwrap(), &format!("{secret}\n")).await;
    assert!(ok && !told.contains(&secret), "{told}");
    let (ok, told) = ended(promptster(home.path(), &["watch", "nowhere"]).spawn().unwrap(), "").await;
    assert!(!ok && told.contains("no such session"), "{told}");
    let other = ["watch", "s1", "--server", "http://127.0.0.1:9"];
    let (ok, told) = ended(promptster(home.path(), &other).spawn().unwrap(), "").await;
    assert!(!ok && told.contains("no key for that server"), "a key is shown to its own server only: {told}");

    let key = server.key().await;
    server.post("/v1/candidate/consent", json!({ "key": key })).await;
    let session = server.post("/v1/candidate/redeem", json!({ "key": key })).await["sessionId"].clone();
    let session = session.as_str().unwrap();
    let send = async |text: &str| {
        let event = json!({ "id": uuid::Uuid::new_v4(), "sessionId": session, "ts": "2026-01-01T00:00:00Z", "kind": "prompt",
                            "source": {}, "v": 1, "data": { "text": text } });
        server.hook(&key, &event).await;
    };
    for text in ["one", "two", "three"] {
        send(text).await;
    }
    let mut watching = promptster(home.path(), &["watch", session, "--json", "--last", "2"]).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    assert_eq!(seqs(&mut lines, 2).await, [2, 3], "the last two of those that were there");
    send("four").await;
    assert_eq!(seqs(&mut lines, 1).await, [4]);
    wire.cut();
    for text in ["five", "six"] {
        send(text).await;
    }
    wire.mend();
    send("seven").await;
    assert_eq!(seqs(&mut lines, 3).await, [5, 6, 7], "what was missed comes once, in order");

    let id = made["apiKey"]["id"].as_str().unwrap_or_else(|| panic!("{made}"));
    server.delete(&format!("/v1/org/api-keys/{id}")).await;
    assert!(timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().is_none());
    let mut told = String::new();
    watching.stderr.take().unwrap().read_to_string(&mut told).await.unwrap();
    assert!(!watching.wait().await.unwrap().success() && told.contains("revoked"), "{told}");
}
