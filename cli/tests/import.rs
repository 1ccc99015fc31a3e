//! Drives the real binary against a small server that the test starts.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod peer;

use peer::{Manners, Peer};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/session.jsonl");
/// Events of the fixture, with the two that frame it.
const FIXTURE_EVENTS: u64 = 26;

async fn promptster(arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_promptster"));
    command.args(arguments).env_remove("PROMPTSTER_API_URL").env_remove("PROMPTSTER_KEY");
    command.stdin(Stdio::null()).output().await.unwrap()
}

/// Imports, as fast as it goes unless further arguments say otherwise; the exit code and the report.
async fn import(peer: &Peer, transcript: &Path, more: &[&str]) -> (i32, Value) {
    let mut arguments = vec!["import", transcript.to_str().unwrap(), "--server", &peer.url];
    arguments.extend(["--key", "pst-ab12-cd34", "--json"]);
    arguments.extend(more);
    if !more.contains(&"--speed") {
        arguments.extend(["--speed", "0"]);
    }
    let output = promptster(&arguments).await;
    let report = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), report.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))))
}

/// A transcript of `n` prompts, a second apart.
fn prompts(n: usize) -> (TempDir, PathBuf) {
    let mut text = String::new();
    for n in 0..n {
        let (minute, second) = (n / 60, n % 60);
        writeln!(
            text,
            r#"{{"type":"user","uuid":"u{n}","sessionId":"s","timestamp":"2026-01-01T00:{minute:02}:{second:02}Z","message":{{"content":"prompt {n}"}}}}"#
        )
        .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompts.jsonl");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

/// The texts of all prompts stored, in the order of their storing.
fn stored_prompts(peer: &Peer) -> Vec<String> {
    let seen = peer.seen();
    let event = |id: &String| serde_json::from_str::<Value>(&seen.stored[id]).unwrap();
    let texts = seen.order.iter().map(|id| event(id)["data"]["text"].as_str().map(str::to_owned));
    texts.flatten().collect()
}

fn expected_prompts(n: usize) -> Vec<String> {
    (0..n).map(|n| format!("prompt {n}")).collect()
}

#[tokio::test]
async fn a_session_is_imported_whole_and_closed() {
    let peer = Peer::start(Manners::default()).await;
    let (code, report) = import(&peer, Path::new(FIXTURE), &[]).await;
    assert_eq!((code, &report["ok"], &report["closed"]), (0, &json!(true), &json!(true)));
    assert_eq!((&report["events"], &report["recorded"]), (&json!(FIXTURE_EVENTS), &json!(FIXTURE_EVENTS)));
    assert_eq!(report["brokenLines"][0]["line"], 22);
    assert_eq!(report["timelineUrl"], format!("{}/v1/sessions/session-1/timeline", peer.url));
    let seen = peer.seen();
    assert_eq!((&seen.credentials, &seen.faults), (&vec!["token-1".to_owned()], &Vec::new()));
    let last: Value = serde_json::from_str(&seen.stored[seen.order.last().unwrap()]).unwrap();
    assert_eq!((&last["kind"], &last["source"]["channel"]), (&json!("session_end"), &json!("cli")));
    assert_eq!(last["sessionId"], "session-1");
}

#[tokio::test]
async fn importing_twice_doubles_nothing() {
    let peer = Peer::start(Manners::default()).await;
    import(&peer, Path::new(FIXTURE), &["--keep-open"]).await;
    let (code, report) = import(&peer, Path::new(FIXTURE), &["--keep-open"]).await;
    // Open, the last call may still be answered, and the end is left out.
    assert_eq!((code, &report["recorded"], &report["alreadyThere"]), (0, &json!(0), &json!(FIXTURE_EVENTS - 2)));
    assert_eq!((&report["closed"], peer.seen().faults.len()), (&json!(false), 0));
}

#[tokio::test]
async fn no_more_is_in_flight_than_the_window_allows_and_acks_may_cover_several_frames() {
    let peer = Peer::start(Manners { window: 20, max_batch: 6, ack_every: 13, ..Manners::default() }).await;
    let (_folder, path) = prompts(300);
    let (code, report) = import(&peer, &path, &[]).await;
    assert_eq!((code, &report["recorded"]), (0, &json!(302)));
    assert_eq!(stored_prompts(&peer), expected_prompts(300));
    let seen = peer.seen();
    assert!(seen.most_in_flight <= 20, "{}", seen.most_in_flight);
    assert!(seen.largest_batch <= 6 && seen.n_frames > 50, "{seen:?}");
    assert_eq!((&seen.faults, seen.n_resent), (&Vec::new(), 0));
}

#[tokio::test]
async fn a_cut_connection_loses_nothing_and_keeps_the_order() {
    let cuts = vec![1, 40, 90];
    let peer = Peer::start(Manners { window: 64, ack_every: 25, cuts, ..Manners::default() }).await;
    let (_folder, path) = prompts(200);
    let (code, report) = import(&peer, &path, &[]).await;
    assert_eq!((code, &report["ok"], &report["connections"]), (0, &json!(true), &json!(4)));
    assert_eq!(stored_prompts(&peer), expected_prompts(200));
    let (recorded, already_there) = (report["recorded"].as_u64().unwrap(), report["alreadyThere"].as_u64().unwrap());
    assert_eq!(recorded + already_there, 202);
    assert!(already_there > 0, "what was stored without an answer has to be sent again");
    assert_eq!(peer.seen().faults, Vec::<String>::new(), "and byte for byte");
}

#[tokio::test]
async fn a_slow_server_is_given_its_pause() {
    let slow = Some(Duration::from_millis(600));
    let peer = Peer::start(Manners { window: 10, max_batch: 5, slow, ..Manners::default() }).await;
    let (_folder, path) = prompts(60);
    let began = Instant::now();
    let (code, report) = import(&peer, &path, &[]).await;
    assert_eq!((code, &report["recorded"]), (0, &json!(62)));
    assert!(began.elapsed() >= Duration::from_millis(600));
    assert_eq!(peer.seen().faults, Vec::<String>::new());
}

#[tokio::test]
async fn an_event_answered_not_yet_is_sent_again() {
    for status in [429, 503] {
        let peer = Peer::start(Manners { first_status: Some(status), ..Manners::default() }).await;
        let (code, report) = import(&peer, Path::new(FIXTURE), &[]).await;
        assert_eq!((code, &report["recorded"], &report["refused"]), (0, &json!(FIXTURE_EVENTS), &json!(0)), "{status}");
    }
}

#[tokio::test]
async fn a_refused_event_is_reported_and_fails_the_import() {
    let peer = Peer::start(Manners { refuse: Some(("prompt", 400)), ..Manners::default() }).await;
    let (code, report) = import(&peer, Path::new(FIXTURE), &[]).await;
    assert_eq!((code, &report["ok"], &report["refused"]), (1, &json!(false), &json!(2)));
    assert_eq!(report["recorded"], FIXTURE_EVENTS - 2);
    let refused = &report["refusedEvents"][0];
    assert_eq!(
        (&refused["kind"], &refused["status"], &refused["error"]),
        (&json!("prompt"), &json!(400), &json!("Not this one"))
    );
}

#[tokio::test]
async fn a_final_close_ends_the_import_and_others_are_tried_again_until_patience_ends() {
    for (code, told) in [(1008, "not allowed"), (4001, "expired or was revoked"), (4002, "was deleted")] {
        let peer = Peer::start(Manners { close_with: Some(code), ..Manners::default() }).await;
        let (exit, report) = import(&peer, Path::new(FIXTURE), &[]).await;
        assert_eq!((exit, peer.seen().credentials.len()), (1, 1));
        assert!(report["error"].as_str().unwrap().contains(told), "{report}");
    }
    let peer = Peer::start(Manners { close_with: Some(1013), ..Manners::default() }).await;
    let (exit, report) = import(&peer, Path::new(FIXTURE), &["--give-up-after", "1s"]).await;
    assert!(exit == 1 && peer.seen().credentials.len() > 2, "{report}");
    assert!(report["error"].as_str().unwrap().contains("gave up after 1 s"), "{report}");
}

#[tokio::test]
async fn nothing_is_sent_without_consent() {
    let peer = Peer::start(Manners { already_confirmed: false, ..Manners::default() }).await;
    let (code, report) = import(&peer, Path::new(FIXTURE), &[]).await;
    assert_eq!((code, peer.seen().calls.len()), (1, 1));
    assert_eq!(peer.seen().credentials.len(), 0);
    assert!(report["error"].as_str().unwrap().contains("--accept-tos"));

    let (code, _) = import(&peer, Path::new(FIXTURE), &["--accept-tos"]).await;
    let calls = peer.seen().calls.split_off(2);
    assert_eq!((code, calls.len()), (0, 2));
    let consent = json!({ "key": "PST-AB12-CD34", "disclosureHash": "h1" });
    assert_eq!(calls[0], ("POST /v1/candidate/consent".to_owned(), consent));
    assert_eq!(calls[1], ("POST /v1/candidate/redeem".to_owned(), json!({ "key": "PST-AB12-CD34" })));
}

#[tokio::test]
async fn the_recorded_pace_is_kept() {
    let peer = Peer::start(Manners::default()).await;
    let (_folder, path) = prompts(11);
    let began = Instant::now();
    let (code, report) = import(&peer, &path, &["--speed", "10"]).await;
    assert_eq!((code, &report["recorded"]), (0, &json!(13)));
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(5), "{took:?}");
    // On a busy machine what is due one after the other may go together.
    assert!(peer.seen().n_frames >= 3, "what is due later is sent later");
}

#[tokio::test]
async fn a_person_is_told_what_happened_and_what_to_do_next() {
    let peer = Peer::start(Manners { refuse: Some(("interrupt", 413)), ..Manners::default() }).await;
    let arguments = ["import", FIXTURE, "--server", &peer.url, "--key", "PST-AB12-CD34", "--speed", "0"];
    let output = promptster(&arguments).await;
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    for part in [
        "Session session-1 (Shop)",
        "command 4",
        "25 recorded, 0 already there, 1 refused",
        "refused: interrupt",
        "line 22:",
        &format!("curl -H 'Authorization: Bearer psk_live_...' {}/v1/sessions/session-1/timeline", peer.url),
    ] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
}

#[tokio::test]
async fn wrong_usage_and_wrong_files_are_told_apart() {
    let peer = Peer::start(Manners::default()).await;
    let with_key = |key: &'static str| ["import", FIXTURE, "--server", &peer.url, "--key", key];
    let wrong_key = promptster(&with_key("hello")).await;
    assert_eq!(wrong_key.status.code(), Some(2));
    let unknown = promptster(&with_key("PST-NONE-NONE")).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("No such key (HTTP 404)"));

    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.jsonl");
    std::fs::write(&empty, "").unwrap();
    let (code, report) = import(&peer, &empty, &[]).await;
    assert!(code == 1 && report["error"].as_str().unwrap().ends_with("the transcript is empty"), "{report}");
    let (code, report) = import(&peer, &folder.path().join("absent.jsonl"), &[]).await;
    assert!(code == 1 && report["error"].as_str().unwrap().contains("absent.jsonl cannot be read"), "{report}");
    assert_eq!(peer.seen().calls.len(), 1, "a file of no use costs no key");
}
