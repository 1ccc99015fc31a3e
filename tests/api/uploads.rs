//! Bundles: an address for each, what is put there, and what is handed in of it.

use std::path::{Path, PathBuf};

use redis_scripts::keys::SecretDigest;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{Candidate, RawRequest, Reply, TestApp, User, eventually, raw, wrong_fields};
use crate::playing::candidate;

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The address of a new upload: its path and its object.
pub async fn upload(candidate: &Candidate) -> (String, String) {
    let asked = candidate.post("/v1/candidate/upload-url", json!({"sessionId": candidate.session})).await.expect(200);
    let text = |name: &str| asked[name].as_str().unwrap().to_owned();
    let url = text("uploadUrl");
    let path = url[url.find("/v1/").unwrap()..].to_owned();
    assert!(path.ends_with(&text("token")) && url.starts_with("http://127.0.0.1:"));
    assert!(domain::Timestamp::parse_rfc3339(&text("expiresAt")).is_some());
    (path, text("objectKey"))
}

pub async fn put(app: &TestApp, path: &str, bytes: &[u8]) -> Reply {
    let anonymous = app.anonymous();
    let request = anonymous.request(Method::PUT, path).header("content-type", "application/gzip");
    anonymous.send(request.body(bytes.to_vec())).await
}

pub fn submission(candidate: &Candidate, key: &str, bytes: &[u8]) -> Value {
    json!({
        "sessionId": candidate.session, "diff": "--- a\n+++ b\n", "repoUrl": "", "baseSha": "", "bundleKey": key,
        "fileTree": ["a", "b/c"], "bundleSize": bytes.len(), "bundleSha256": sha256(bytes),
    })
}

pub async fn submit(user: &User, body: Value) -> Reply {
    user.post("/v1/candidate/submit-code", body).await
}

pub fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn a_bundle_is_put_and_handed_in_and_the_last_complete_one_counts() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let (path, key) = upload(&avocet).await;
    let (first, second) = (b"\x1f\x8bfirst".to_vec(), vec![7_u8; 3_000_000]);
    let reply = put(&app, &path, &first).await.expect(200);
    assert_eq!((&reply["size"], &reply["sha256"]), (&json!(first.len()), &json!(sha256(&first))));
    assert_eq!(submit(&avocet, submission(&avocet, &key, &first)).await.expect(200), json!({"ok": true}));
    assert_eq!(put(&app, &path, &second).await.expect(200)["objectKey"], json!(key));
    submit(&avocet, submission(&avocet, &key, &first)).await.refused(400, "validation_failed");
    // A large diff, then nothing where a client may have nothing.
    let mut large = submission(&avocet, &key, &second);
    large["diff"] = json!("x".repeat(15 << 20));
    submit(&avocet, large.clone()).await.expect(200);
    for field in ["diff", "repoUrl", "baseSha", "fileTree"] {
        large[field] = Value::Null;
    }
    submit(&app.api_key(&avocet.key), large).await.expect(200);
    let stored = files(&app.uploads_dir());
    assert_eq!(stored.iter().filter(|path| std::fs::read(path).unwrap() == second).count(), 1);
    assert!(stored.iter().all(|path| path.extension().unwrap() != "part"), "{stored:?}");
    assert!(stored.iter().all(|path| path.to_str().unwrap().contains(&avocet.session)));
}

#[tokio::test]
async fn overlapping_uploads_each_leave_a_whole_bundle() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let (path, key) = upload(&avocet).await;
    let bundles: Vec<Vec<u8>> = (0..8_u8).map(|number| vec![number; 400_000 + usize::from(number)]).collect();
    let replies = futures_util::future::join_all(bundles.iter().map(|bytes| put(&app, &path, bytes))).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    let mut accepted = 0;
    for bytes in &bundles {
        accepted += usize::from(submit(&avocet, submission(&avocet, &key, bytes)).await.status == 200);
    }
    assert_eq!(accepted, 1, "one of them is the last");
    for path in files(&app.uploads_dir()).iter().filter(|path| path.extension().unwrap() == "gz") {
        assert!(bundles.contains(&std::fs::read(path).unwrap()), "{path:?}");
    }
}

#[tokio::test]
async fn what_arrives_in_part_leaves_nothing() {
    let app = TestApp::with(&["--body-timeout-secs=1"]).await;
    let avocet = candidate(&app).await;
    let (path, key) = upload(&avocet).await;
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/gzip\r\ncontent-length: 100\r\nconnection: close\r\n"
    );
    // The client hangs up, then falls silent, then never begins.
    drop(raw(app.address(), format!("{head}\r\nhalf").as_bytes(), true).await);
    let silent = RawRequest::begin(app.address(), format!("{head}\r\nhalf").as_bytes()).await;
    assert_eq!(silent.end(b"").await.unwrap().status, 408);
    eventually("nothing to be left", async || files(&app.uploads_dir()).is_empty().then_some(())).await;
    let refused = submit(&avocet, submission(&avocet, &key, b"half")).await;
    assert_eq!((refused.status, wrong_fields(&refused)), (400, vec!["bundleKey".to_owned()]));
    put(&app, &path, b"whole").await.expect(200);
    submit(&avocet, submission(&avocet, &key, b"whole")).await.expect(200);
}

#[tokio::test]
async fn an_upload_has_its_limits() {
    let app = TestApp::with(&["--upload-max-bytes=1000"]).await;
    let avocet = candidate(&app).await;
    let (path, _) = upload(&avocet).await;
    put(&app, &path, &[1; 1000]).await.expect(200);
    put(&app, &path, &[1; 1001]).await.refused(413, "payload_too_large");
    put(&app, &path, b"").await.refused(400, "bad_request");
    let anonymous = app.anonymous();
    let chunks = (0..11).map(|_| Ok::<_, std::io::Error>(vec![1; 100]));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    let unannounced = anonymous.request(Method::PUT, &path).header("content-type", "application/gzip").body(body);
    anonymous.send(unannounced).await.refused(413, "payload_too_large");
    for kind in ["application/json", "text/plain", ""] {
        let request = anonymous.request(Method::PUT, &path).header("content-type", kind).body("x");
        anonymous.send(request).await.refused(415, "unsupported_type");
    }
    let request = anonymous.request(Method::PUT, &path).header("content-type", "application/gzip; x=y").body("x");
    anonymous.send(request).await.expect(200);
    anonymous.get(&path).await.refused(405, "method_not_allowed");
    assert_eq!(files(&app.uploads_dir()).len(), 2);
}

#[tokio::test]
async fn an_address_opens_only_what_it_was_given_for_and_only_for_a_while() {
    let app = TestApp::start().await;
    let (avocet, egret) = (candidate(&app).await, candidate(&app).await);
    let ask = async |user: &User, body: Value| user.post("/v1/candidate/upload-url", body).await;
    ask(&avocet, json!({"sessionId": egret.session})).await.refused(403, "session_mismatch");
    ask(&avocet, json!({"sessionId": "unknown"})).await.refused(403, "session_mismatch");
    assert_eq!(wrong_fields(&ask(&avocet, json!({})).await), ["sessionId"]);
    assert_eq!(wrong_fields(&ask(&avocet, json!({"sessionId": "a b"})).await), ["sessionId"]);

    let (path, key) = upload(&avocet).await;
    put(&app, &path, b"mine").await.expect(200);
    let foreign = submit(&egret, submission(&egret, &key, b"mine")).await;
    assert_eq!((foreign.status, wrong_fields(&foreign)), (400, vec!["bundleKey".to_owned()]));
    submit(&egret, submission(&avocet, &key, b"mine")).await.refused(403, "session_mismatch");

    put(&app, &format!("{path}x"), b"mine").await.refused(404, "not_found");
    let token = path.rsplit('/').next().unwrap();
    let stored = SecretDigest::of(token).key("upload");
    assert!(app.redis_command(&format!("EXISTS {stored}")).await.starts_with(":1"), "kept as a hash only");
    app.redis_command(&format!("PEXPIRE {stored} 1")).await;
    eventually("the address to expire", async || (put(&app, &path, b"late").await.status == 404).then_some(())).await;
    submit(&avocet, submission(&avocet, &key, b"mine")).await.expect(200);
    let (path, _) = upload(&avocet).await;
    app.reviewer().delete(&format!("/v1/assessments/{}/keys/{}", avocet.assessment, avocet.key_id)).await.expect(200);
    put(&app, &path, b"revoked").await.refused(404, "not_found");
}

#[tokio::test]
async fn every_wrong_field_of_a_submission_is_named() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let (path, key) = upload(&avocet).await;
    put(&app, &path, b"bundle").await.expect(200);
    let all = submit(&avocet, json!({})).await;
    assert_eq!(wrong_fields(&all), ["bundleKey", "bundleSha256", "bundleSize", "sessionId"]);
    let good = submission(&avocet, &key, b"bundle");
    for (field, value, wrong) in [
        ("bundleSha256", json!("0".repeat(64)), "bundleSha256"),
        ("bundleSha256", json!("0".repeat(63)), "bundleSha256"),
        ("bundleSize", json!(7), "bundleSize"),
        ("bundleSize", json!(0), "bundleSize"),
        ("bundleSize", json!("6"), "bundleSize"),
        ("bundleKey", json!("../../etc/passwd"), "bundleKey"),
        ("bundleKey", json!(""), "bundleKey"),
        ("fileTree", json!(["a", 7]), "fileTree.1"),
        ("fileTree", json!("a"), "fileTree"),
        ("baseSha", json!("abc"), "baseSha"),
        ("repoUrl", json!("x".repeat(2049)), "repoUrl"),
        ("diff", json!([]), "diff"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let reply = submit(&avocet, body).await;
        reply.refused(400, "validation_failed");
        assert_eq!(wrong_fields(&reply), [wrong]);
    }
    let upper = json!(sha256(b"bundle").to_uppercase());
    let mut body = good.clone();
    body["bundleSha256"] = upper;
    submit(&avocet, body).await.expect(200);
    let larger = vec![b' '; (16 << 20) + 1];
    avocet.post_bytes("/v1/candidate/submit-code", larger).await.refused(413, "payload_too_large");
}

#[tokio::test]
async fn handing_in_goes_on_until_the_grace_is_over() {
    let app = TestApp::with(&["--late-event-grace-secs=2"]).await;
    let avocet = candidate(&app).await;
    let (path, key) = upload(&avocet).await;
    avocet.complete().await.expect(200);
    put(&app, &path, b"late").await.expect(200);
    submit(&avocet, submission(&avocet, &key, b"late")).await.expect(200);
    let by_key = app.api_key(&avocet.key);
    eventually("the grace to be over", async || {
        (submit(&by_key, submission(&avocet, &key, b"late")).await.status == 409).then_some(())
    })
    .await;
    put(&app, &path, b"later").await.refused(409, "session_ended");
    submit(&by_key, submission(&avocet, &key, b"late")).await.refused(409, "session_ended");
    let ask = json!({"sessionId": avocet.session});
    by_key.post("/v1/candidate/upload-url", ask.clone()).await.refused(409, "session_ended");
    avocet.post("/v1/candidate/upload-url", ask).await.refused(401, "unauthorized");
}
