//! The limits of what candidates and their tools write: at them and one beyond.

use serde_json::json;

use crate::harness::{TestApp, put_bundle, writes};
use crate::limits::{check, find, letters};

#[tokio::test]
async fn the_limits_of_what_candidates_send() {
    let app = TestApp::start().await;
    let all = writes(&app).await;
    let public_key = "hODy2kSvK+MIedYsG8mcMUe73GGNDQvyzytAq8NNPiU=";
    check(
        find(&all, "POST", "/redeem"),
        vec![
            (json!({"key": "PST-ABCD-2345".repeat(5)}), &["key"]),
            (json!({"candidateName": letters(255)}), &[]),
            (json!({"candidateName": letters(256)}), &["candidateName"]),
            (json!({"candidateName": " "}), &[]),
            (json!({"candidateName": "\0"}), &["candidateName"]),
            (json!({"signingPubKey": public_key}), &[]),
            (json!({"signingPubKey": ""}), &[]),
            (json!({"signingPubKey": public_key.trim_end_matches('=')}), &["signingPubKey"]),
            (json!({"signingPubKey": public_key.replace('+', "-")}), &["signingPubKey"]),
            (json!({"signingPubKey": format!("{public_key}{public_key}")}), &["signingPubKey"]),
            (
                json!({"signingPubKey": "84e0f2da44af2be30879d62c1bc99c3147bbdc618d0d0bf2cf2b40abc34d3e25"}),
                &["signingPubKey"],
            ),
            (
                json!({"key": 1, "candidateName": letters(256), "signingPubKey": "x"}),
                &["candidateName", "key", "signingPubKey"],
            ),
        ],
    )
    .await;
    check(
        find(&all, "POST", "/consent"),
        vec![
            (json!({"key": "x".repeat(65)}), &["key"]),
            (json!({"disclosureHash": ""}), &[]),
            (json!({"disclosureHash": "x".repeat(257)}), &["disclosureHash"]),
            (json!({"key": null, "disclosureHash": []}), &["disclosureHash", "key"]),
        ],
    )
    .await;
    for write in
        [find(&all, "POST", "/complete"), find(&all, "POST", "/upload-url"), find(&all, "POST", "/workspace-commit")]
    {
        for session in ["", "a b", "a/b", "é", &"x".repeat(129)] {
            check(write, vec![(json!({"sessionId": session}), &["sessionId"])]).await;
        }
        let unknown = write.send_with(&json!({"sessionId": "x".repeat(128)})).await;
        write.refuses(&unknown, 403, "session_mismatch", "another session");
    }
    check(
        find(&all, "POST", "/workspace-commit"),
        vec![
            (json!({"commitSha": "a".repeat(7)}), &[]),
            (json!({"commitSha": "a".repeat(6)}), &["commitSha"]),
            (json!({"commitSha": "0123456789abcdefABCDEF".repeat(3)[..64]}), &[]),
            (json!({"commitSha": "a".repeat(65)}), &["commitSha"]),
            (json!({"commitSha": "abcdefg"}), &["commitSha"]),
            (json!({"commitSha": "é".repeat(7)}), &["commitSha"]),
        ],
    )
    .await;
    let nothing_known = json!({"os": "", "arch": "", "hostnameHash": "", "usernameHash": "", "machineIdHash": "",
        "shell": "", "cpuCount": 0, "ramBytes": u64::MAX});
    check(
        find(&all, "POST", "/device-check"),
        vec![
            (json!({"checkpoint": letters(64)}), &[]),
            (json!({"checkpoint": letters(65)}), &["checkpoint"]),
            (json!({"checkpoint": " "}), &["checkpoint"]),
            (json!({"fingerprint": nothing_known}), &[]),
            (json!({"fingerprint": {}}), &[]),
            (json!({"checkpoint": "", "fingerprint": [{}]}), &["checkpoint", "fingerprint"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_limits_of_a_submission() {
    let app = TestApp::start().await;
    let all = writes(&app).await;
    let write = find(&all, "POST", "/submit-code");
    check(
        write,
        vec![
            (json!({"repoUrl": letters(2048)}), &[]),
            (json!({"repoUrl": letters(2049)}), &["repoUrl"]),
            (json!({"baseSha": "a".repeat(7)}), &[]),
            (json!({"baseSha": "a".repeat(64)}), &[]),
            (json!({"baseSha": "a".repeat(65)}), &["baseSha"]),
            (json!({"baseSha": "xyz"}), &["baseSha"]),
            (json!({"bundleKey": "x".repeat(257)}), &["bundleKey"]),
            (json!({"bundleKey": " "}), &["bundleKey"]),
            (json!({"bundleSize": 5}), &["bundleSize"]),
            (json!({"bundleSize": 7}), &["bundleSize"]),
            (json!({"bundleSize": 0}), &["bundleSize"]),
            (json!({"bundleSize": -6}), &["bundleSize"]),
            (json!({"bundleSize": u64::MAX}), &["bundleSize"]),
            (json!({"bundleSize": 7, "bundleSha256": "0".repeat(64)}), &["bundleSha256", "bundleSize"]),
            (json!({"bundleSha256": "0".repeat(65)}), &["bundleSha256"]),
            (json!({"bundleSha256": "g".repeat(64)}), &["bundleSha256"]),
            (json!({"fileTree": ["", "x".repeat(4096), "ö/\u{1f980}", "\0"]}), &[]),
            (json!({"fileTree": ["a", "x".repeat(4097), null]}), &["fileTree.1", "fileTree.2"]),
            (json!({"diff": "\0\u{fffd}"}), &[]),
        ],
    )
    .await;
    // What was put for one session is nothing in another.
    let egret = app.candidate(&app.assessment().await).await;
    let foreign = put_bundle(&app, &egret, b"bundle").await;
    check(write, vec![(json!({"bundleKey": foreign}), &["bundleKey"])]).await;
    let mismatch = write.send_with(&json!({"sessionId": egret.session, "bundleKey": foreign})).await;
    write.refuses(&mismatch, 403, "session_mismatch", "another session");
}
