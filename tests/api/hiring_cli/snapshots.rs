//! Snapshots of the work: an address is asked for, an archive is put there, and then it is handed in.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::client::{Cli, typed};
use super::go::hex;
use crate::harness::{RawRequest, TestApp, User};

/// Files of the workspace, as a gzip of a tar.
fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    for (path, text) in files {
        let mut header = [0_u8; 512];
        let size = format!("{:011o}\0", text.len());
        let fields =
            [(0, *path), (100, "0000644\0"), (124, &size), (136, "00000000000\0"), (148, "        "), (156, "0")];
        for (place, field) in fields.into_iter().chain([(257, "ustar\x0000")]) {
            header[place..place + field.len()].copy_from_slice(field.as_bytes());
        }
        let sum: u32 = header.iter().copied().map(u32::from).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        gzip.write_all(&header).unwrap();
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.write_all(&vec![0; text.len().next_multiple_of(512) - text.len()]).unwrap();
    }
    gzip.write_all(&[0; 1024]).unwrap();
    gzip.finish().unwrap()
}

async fn grant(cli: &Cli) -> (String, String) {
    let granted = cli.shared.post("/v1/candidate/upload-url", json!({"sessionId": cli.session})).await.expect(200);
    typed(&granted, "uploadUrl token objectKey expiresAt", "", "");
    let text = |name: &str| granted[name].as_str().unwrap().to_owned();
    assert!(text("uploadUrl").starts_with("http://"), "an absolute address: {granted}");
    (text("uploadUrl"), text("objectKey"))
}

/// A snapshot whose process ends while it sends, before it has handed anything in; the request, still open.
pub async fn abandoned(app: &TestApp, cli: &Cli) -> RawRequest {
    // Of the first address nothing is made at all.
    grant(cli).await;
    let (url, _) = grant(cli).await;
    let path = url.strip_prefix(&app.url()).expect("the address is on this server");
    let bytes = archive(&[("main.go", "package main\n")]);
    let length = bytes.len();
    let head =
        format!("PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/gzip\r\nContent-Length: {length}\r\n\r\n");
    let half = bytes.get(..length / 2).unwrap();
    RawRequest::begin(app.address(), &[head.as_bytes(), half].concat()).await
}

/// A snapshot to its end.
pub async fn whole(cli: &Cli, text: &str, file_tree: Value) {
    let (url, object_key) = grant(cli).await;
    let bytes = archive(&[("main.go", text), ("docs/a.md", "# A\n")]);
    let (size, sha256) = (bytes.len(), hex(Sha256::digest(&bytes).as_slice()));
    let anybody = User::new(url);
    let put = anybody.request(Method::PUT, "").header("content-type", "application/gzip").body(bytes);
    let reply = anybody.send(put).await;
    assert!((200..300).contains(&reply.status), "{}", reply.text);
    let submission = json!({
        "sessionId": cli.session, "diff": format!("+{text}<&>"), "repoUrl": "", "baseSha": "", "bundleKey": object_key,
        "fileTree": file_tree, "bundleSize": size, "bundleSha256": sha256,
    });
    // The client in the field sends no version here.
    let reply = cli.hooks.post("/v1/candidate/submit-code", submission).await;
    assert!(reply.status < 300, "{}", reply.text);
}
