//! Each fault that can be planted is found and named.

use crate::candidate::Candidate;
use crate::claude;
use crate::server::{Server, Wire};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The faults that are found, by name, with what was said of them.
async fn faults(avocet: &Candidate) -> Vec<(String, String)> {
    let printed = avocet.run_alone(&["doctor", "--json"], "").await;
    let told = printed.json();
    let checks = told["checks"].as_array().unwrap_or_else(|| panic!("{told} {}", printed.err));
    let is_fault = |check: &&Value| check["state"] == "fault";
    let text = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    let faults: Vec<_> =
        checks.iter().filter(is_fault).map(|check| (text(check, "name"), text(check, "found"))).collect();
    assert_eq!((printed.code == 0, &told["ok"]), (faults.is_empty(), &faults.is_empty().into()), "{told}");
    faults
}

/// That one fault, and no other, is found.
async fn only(avocet: &Candidate, name: &str, words: &str) {
    let faults = faults(avocet).await;
    assert!(faults.len() == 1 && faults[0].0 == name && faults[0].1.contains(words), "{name}: {faults:?}");
}

fn edit(path: &Path, change: impl Fn(&mut Value)) -> Vec<u8> {
    let before = fs::read(path).unwrap();
    let mut value = serde_json::from_slice(&before).unwrap();
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
    before
}

/// A server whose clock is wrong.
async fn out_of_time() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: application/json\r\n\
                          Content-Length: 2\r\nConnection: close\r\n\r\n{}";
            // An answer that comes before its request is none.
            if stream.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0) {
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn every_planted_fault_is_found_and_named() {
    let server = Server::start();
    let wire = Wire::to(&server).await;
    let (avocet, key) = (Candidate::new(), server.key().await);
    avocet.start(&wire, &key).await;
    avocet.until(|status| status["waiting"] == 0 && status["streamer"]["link"] == "connected").await;
    assert_eq!(faults(&avocet).await, []);

    let settings = avocet.root.join(".claude/settings.local.json");
    let before = edit(&settings, |file| drop(file["hooks"].as_object_mut().unwrap().remove("Stop")));
    only(&avocet, "claude-hooks", "lacks hooks of this tool").await;
    fs::write(&settings, "{ no json").unwrap();
    only(&avocet, "claude-hooks", "it is no JSON").await;
    fs::write(&settings, before).unwrap();
    let before = edit(&settings, |file| file["disableAllHooks"] = true.into());
    only(&avocet, "hooks-enabled", "turns all hooks of Claude Code off").await;
    fs::write(&settings, before).unwrap();

    let hooks = avocet.root.join(".cursor/hooks.json");
    let broken = json!({ "command": "their-tool", "type": "" });
    let before = edit(&hooks, |file| file["hooks"]["stop"].as_array_mut().unwrap().push(broken.clone()));
    only(&avocet, "cursor-hooks", "their-tool").await;
    fs::remove_file(&hooks).unwrap();
    only(&avocet, "cursor-hooks", "is missing").await;
    fs::write(&hooks, before).unwrap();

    let trust = |accepted: bool| {
        let projects = json!({ "projects": { avocet.root.to_str().unwrap(): { "hasTrustDialogAccepted": accepted } } });
        fs::write(avocet.home().join(".claude.json"), projects.to_string()).unwrap();
    };
    trust(false);
    only(&avocet, "hooks-trusted", "does not trust").await;
    trust(true);

    let session = avocet.state("session.json");
    let before = edit(&session, |file| file["expiresAt"] = "2026-01-01T00:00:00Z".into());
    only(&avocet, "key", "expired at 2026-01-01T00:00:00Z").await;
    fs::write(&session, &before).unwrap();
    edit(&session, |file| file["sessionToken"] = "pst_sess_wrong".into());
    only(&avocet, "key", "does not take the key").await;
    fs::write(&session, &before).unwrap();
    let url = out_of_time().await;
    edit(&session, |file| file["apiUrl"] = url.as_str().into());
    only(&avocet, "clock", "ahead of the server's").await;
    fs::write(&session, before).unwrap();

    let lost = fs::read(avocet.state("lost")).unwrap();
    fs::write(avocet.state("lost"), "2 2026-01-01T00:00:00Z").unwrap();
    only(&avocet, "kept", "2 events could not be written").await;
    fs::write(avocet.state("lost"), lost).unwrap();

    let pid = avocet.run(&["status", "--json"], "").await.json()["streamer"]["pid"].to_string();
    assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    let mut stop = claude("Stop", json!({ "last_assistant_message": "Done." }));
    stop["cwd"] = avocet.root.to_str().unwrap().into();
    avocet.run_alone(&["hook", "claude-code"], &stop.to_string()).await;
    let journal = fs::read_to_string(avocet.state("journal.jsonl")).unwrap();
    let last: Value = serde_json::from_str(journal.lines().last().unwrap()).unwrap();
    let old = journal.replace(last["ts"].as_str().unwrap(), "2026-01-01T00:00:00.000Z");
    fs::write(avocet.state("journal.jsonl"), old).unwrap();
    only(&avocet, "arriving", "1 events wait").await;

    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    let names = |faults: Vec<(String, String)>| faults.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(faults(&avocet).await), ["streamer", "arriving"]);
    wire.cut();
    assert_eq!(names(faults(&avocet).await), ["streamer", "server", "arriving"]);
    let printed = avocet.run_alone(&["doctor"], "").await;
    assert!(printed.out.contains("FAULT    server") && printed.out.ends_with("3 faults.\n"), "{}", printed.out);
    wire.mend();
    avocet.until(|status| status["waiting"] == 0).await;
    assert_eq!(faults(&avocet).await, []);
}
