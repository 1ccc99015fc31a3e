//! A backup is taken while candidates stream, and restored into other, empty stores, by the commands of `docs/backup.md`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::harness::{Candidate, TestApp, User};

const DOCUMENT: &str = include_str!("../../docs/backup.md");
const CANDIDATES: usize = 4;
const BEFORE: usize = 40;

/// The commands under a heading.
fn commands(heading: &str) -> &'static str {
    let (_, chapter) = DOCUMENT.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, block) = chapter.split_once("```sh\n").unwrap();
    block.split_once("```").unwrap().0
}

/// Runs them as somebody who types them would, one after the other, until one fails.
async fn run(commands: &str, app: &TestApp, backup: &Path) {
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", commands]);
    shell.env("REDIS_URL", app.redis_url()).env("REDIS_DIR", app.redis_dir()).env("CLICKHOUSE_URL", app.clickhouse_url());
    shell.env("CLICKHOUSE_BACKUPS", app.clickhouse_dir().join("backups")).env("DATA_DIR", app.data_dir());
    let output = shell.env("BACKUP", backup).output().await.unwrap();
    let told = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&told));
}

/// All events of a session, in the order of their arrival.
async fn rows(reviewer: &User, session: &str) -> Vec<Value> {
    let mut rows: Vec<Value> = Vec::new();
    loop {
        let after = rows.last().map(|row| format!("&after={}", row["id"].as_str().unwrap())).unwrap_or_default();
        let page = reviewer.get(&format!("/v1/sessions/{session}/timeline?limit=500{after}")).await.expect(200);
        let page = page["events"].as_array().unwrap();
        if page.is_empty() {
            rows.sort_by_key(|row| row["seq"].as_u64());
            return rows;
        }
        rows.extend(page.iter().cloned());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_under_load_gives_the_same_timelines_on_empty_stores() {
    let budgets = ["--ingest-per-minute", "1000000", "--ingest-burst", "1000000"];
    let origin = TestApp::with(&budgets).await;
    let assessment = origin.assessment().await;
    let mut candidates = Vec::new();
    for _ in 0..CANDIDATES {
        candidates.push(Arc::new(origin.candidate(&assessment).await));
    }
    for candidate in &candidates {
        for n in 0..BEFORE {
            candidate.ingest("command", json!({"command": format!("echo {n}"), "exitCode": n % 3})).await.expect(201);
        }
    }
    let stop = Arc::new(AtomicBool::new(false));
    let streaming = candidates.iter().map(|candidate| {
        let (candidate, stop): (Arc<Candidate>, _) = (Arc::clone(candidate), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut n = 0;
            while !stop.load(Ordering::SeqCst) {
                candidate.ingest("prompt", json!({"text": format!("während {n}")})).await.expect(201);
                n += 1;
            }
        })
    });
    let streaming: Vec<_> = streaming.collect();
    let mut acknowledged = Vec::new();
    for candidate in &candidates {
        acknowledged.push(rows(&origin.reviewer(), &candidate.session).await);
    }
    let backup = tempfile::tempdir().unwrap();
    run(commands("Taking a backup"), &origin, &backup.path().join("new")).await;
    stop.store(true, Ordering::SeqCst);
    for task in streaming {
        task.await.unwrap();
    }
    let mut all = Vec::new();
    for candidate in &candidates {
        all.push(rows(&origin.reviewer(), &candidate.session).await);
    }
    drop(candidates);
    let secret = origin.org().secret.clone();
    drop(origin);

    let mut other = TestApp::with(&["--reconcile-every-secs", "1"]).await;
    other.stop_server();
    let drop_all = "curl --fail-with-body -sS \"$CLICKHOUSE_URL\" --data-binary 'DROP DATABASE promptster SYNC'";
    run(drop_all, &other, backup.path()).await;
    other.kill_redis();
    for entry in std::fs::read_dir(other.redis_dir()).unwrap().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => std::fs::remove_dir_all(path).unwrap(),
            false if path.extension().is_some_and(|ending| ending == "conf" || ending == "log") => {}
            false => std::fs::remove_file(path).unwrap(),
        }
    }
    run(commands("Restoring"), &other, &backup.path().join("new")).await;
    other.restart_redis();
    other.start_server().await;
    let reviewer = other.bearer(&secret);
    for (acknowledged, all) in acknowledged.iter().zip(&all) {
        let session = acknowledged[0]["sessionId"].as_str().unwrap();
        let restored = loop {
            let rows = rows(&reviewer, session).await;
            let whole = rows.iter().zip(1..).all(|(row, seq)| row["seq"] == json!(seq));
            if whole && rows.len() >= acknowledged.len() {
                break rows;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        assert_eq!(restored[..acknowledged.len()], acknowledged[..], "all that was there before the backup began");
        assert_eq!(restored[..], all[..restored.len()], "what came meanwhile is there in its place or not at all");
        let signals = reviewer.get(&format!("/v1/sessions/{session}/signals")).await.expect(200);
        let commands = restored.iter().filter(|row| row["kind"] == "command").count();
        assert_eq!(signals["signals"]["commandCount"]["value"], json!(commands), "{signals}");
    }
}
