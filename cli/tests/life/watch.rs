//! A reviewer logs in and watches.

use crate::candidate::Candidate;
use crate::server::{Server, Wire};
use crate::tool;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewer_logs_in_and_sees_what_was_and_what_comes() {
    let server = Server::start();
    let wire = Wire::to(&server).await;
    let (ada, key) = (Candidate::new(), server.key().await);
    let session = ada.start(&wire, &key).await;
    ada.hook("claude-code", tool("t1", "Bash", json!({ "command": "echo before" }), json!({ "stdout": "" }))).await;
    ada.until(|status| status["waiting"] == 0).await;

    let reviewer = Candidate::new();
    let refused = reviewer.run(&["watch", &session], "").await;
    assert!(refused.code == 1 && refused.err.contains("promptster login"), "{}", refused.err);
    let refused = reviewer.run(&["login", "--server", &wire.url], "psk_live_wrong\n").await;
    assert!(refused.code == 1 && refused.err.contains("does not take this key"), "{}", refused.err);
    let known = reviewer.home().join(".config/promptster/login.json");
    assert!(!known.exists());
    let told = reviewer.run(&["login", "--server", &wire.url, "--json"], &format!("{}\n", server.api_key)).await;
    assert_eq!(told.json()["ok"], true, "{}", told.err);
    assert_eq!(std::fs::metadata(&known).unwrap().permissions().mode() & 0o777, 0o600);
    let refused = reviewer.run(&["watch", "no-such-session", "--json"], "").await;
    assert!(refused.code == 1 && refused.err.contains("cannot be watched"), "{}", refused.err);

    let mut command = Command::new(env!("CARGO_BIN_EXE_promptster"));
    command.args(["watch", &session, "--json"]).env("HOME", reviewer.home()).env_remove("XDG_CONFIG_HOME");
    let mut watching = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut commands = Vec::new();
    let mut seqs = Vec::new();
    while commands.len() < 2 {
        let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await.unwrap().unwrap().unwrap();
        let message: Value = serde_json::from_str(&line).unwrap();
        if message["type"] != "event" {
            continue;
        }
        seqs.push(message["event"]["seq"].as_u64().unwrap());
        if message["event"]["kind"] == "command" {
            commands.push(message["event"]["data"]["command"].as_str().unwrap().to_owned());
            if commands.len() == 1 {
                // The connection goes, and comes back where it was.
                wire.cut();
                tokio::time::sleep(Duration::from_millis(200)).await;
                wire.mend();
                let next = tool("t2", "Bash", json!({ "command": "echo after" }), json!({ "stdout": "" }));
                ada.hook("claude-code", next).await;
            }
        }
    }
    assert_eq!(commands, ["echo before", "echo after"]);
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
    let told = reviewer.run(&["login", "--remove"], "").await;
    assert!(told.code == 0 && !known.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn called_with_nothing_it_shows_what_there_is() {
    let nobody = Candidate::new();
    let printed = nobody.run(&[], "").await;
    assert!(printed.code == 2 && printed.err.contains("doctor") && printed.err.contains("watch"), "{}", printed.err);
    let version = nobody.run(&["version"], "").await;
    assert_eq!(version.out, format!("promptster {}\n", env!("CARGO_PKG_VERSION")));
}
