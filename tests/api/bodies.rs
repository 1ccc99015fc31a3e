//! Bodies that are too large, too deep, too slow, broken, or packed.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use reqwest::{Body, Method};
use serde_json::{Value, json};

use crate::harness::{Reply, TestApp, User, event, raw, shown};

const MIB: usize = 1 << 20;

/// A good assessment whose body has exactly this many bytes, thanks to a field that is dropped.
fn padded(bytes: usize) -> Vec<u8> {
    let with = |padding: usize| {
        json!({"title": "a", "role": "b", "taskBrief": "c", "padding": "x".repeat(padding)}).to_string()
    };
    with(bytes - with(0).len()).into_bytes()
}

/// A good assessment with a field that is dropped and nested so that the whole is this deep.
fn nested(depth: usize) -> String {
    let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
    format!(r#"{{"title": "a", "role": "b", "taskBrief": "c", "deep": {open}{close}}}"#)
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

async fn post_encoded(user: &User, path: &str, encoding: &str, body: Vec<u8>) -> Reply {
    user.send(user.request(Method::POST, path).header("content-encoding", encoding).body(body)).await
}

#[tokio::test]
async fn a_body_has_its_limits_in_size_and_depth() {
    let app = TestApp::start().await;
    let (reviewer, candidate) = (app.reviewer(), app.candidate(&app.assessment().await).await);
    reviewer.post_bytes("/v1/assessments", padded(MIB)).await.expect(201);
    let too_large = reviewer.post_bytes("/v1/assessments", padded(MIB + 1)).await;
    insta::assert_json_snapshot!("body_too_large", shown(&too_large));
    let chunks =
        padded(MIB + 1).chunks(100_000).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>();
    let unannounced = Body::wrap_stream(futures_util::stream::iter(chunks));
    let unannounced = reviewer.request(Method::POST, "/v1/assessments").body(unannounced);
    reviewer.send(unannounced).await.refused(413, "payload_too_large");
    app.anonymous().post_bytes("/v1/candidate/redeem", padded(MIB + 1)).await.refused(413, "payload_too_large");
    app.anonymous().post_bytes("/v1/assessments", padded(MIB + 1)).await.refused(401, "unauthorized");

    let whole_file = event(&candidate.session, "file_create", json!({"path": "a", "content": "x".repeat(15 * MIB)}));
    candidate.post("/v1/hooks/ingest", whole_file).await.expect(201);
    let larger = vec![b' '; 16 * MIB + 1];
    candidate.post_bytes("/v1/hooks/ingest", larger.clone()).await.refused(413, "payload_too_large");
    candidate.post_bytes("/v1/hooks/ingest/batch", larger).await.refused(413, "payload_too_large");

    reviewer.post_bytes("/v1/assessments", nested(64)).await.expect(201);
    for depth in [65, 1000, 200_000] {
        reviewer.post_bytes("/v1/assessments", nested(depth)).await.refused(400, "invalid_json");
    }
    candidate.post_bytes("/v1/hooks/ingest", "[".repeat(8 * MIB)).await.refused(400, "invalid_json");
    app.anonymous().get("/v1/health").await.expect(200);
}

#[tokio::test]
async fn what_is_not_json_is_refused_as_such() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    insta::assert_json_snapshot!("body_not_json", shown(&reviewer.post_bytes("/v1/assessments", "{\"title\":").await));
    let broken: [&[u8]; 11] = [
        b"",
        b" ",
        b"nul",
        b"{} {}",
        b"{,}",
        b"{\"a\":NaN}",
        b"{'a':1}",
        b"{\"a\":1e999}",
        b"{\"title\":\"\xff\xfe\"}",
        b"{\"title\":\"\\ud800\"}",
        b"\0",
    ];
    for body in broken {
        let reply = reviewer.post_bytes("/v1/assessments", body).await;
        assert_eq!((reply.status, reply.code()), (400, "invalid_json"), "{:?}", String::from_utf8_lossy(body));
    }
    for body in ["[]", "null", "5", "\"text\"", "[{\"title\":\"a\"}]"] {
        for path in [
            "/v1/assessments",
            "/v1/org/api-keys",
            "/v1/candidate/redeem",
            "/v1/candidate/complete",
            "/v1/candidate/consent",
        ] {
            let reply = reviewer.post_bytes(path, body).await;
            assert_eq!((reply.status, reply.code()), (400, "validation_failed"), "{path} {body}: {}", reply.text);
        }
    }
    assert_eq!(reviewer.get("/v1/assessments").await.body, json!({"assessments": []}));
}

#[tokio::test]
async fn gzip_is_unpacked_within_the_limit_and_nothing_else_is() {
    let app = TestApp::start().await;
    let candidate = app.candidate(&app.assessment().await).await;
    let post = async |encoding: &str, body: Vec<u8>| post_encoded(&candidate, "/v1/hooks/ingest", encoding, body).await;
    let one = || event(&candidate.session, "prompt", json!({"text": "packed"})).to_string().into_bytes();
    post("gzip", gzip(&one())).await.expect(201);
    post("GZIP", gzip(&one())).await.expect(201);
    post("identity", one()).await.expect(201);
    let batch = json!({"events": [serde_json::from_slice::<Value>(&one()).unwrap()]}).to_string();
    post_encoded(&candidate, "/v1/hooks/ingest/batch", "gzip", gzip(batch.as_bytes())).await.expect(207);

    for encoding in ["br", "deflate", "zstd", "compress", "x-odd", "gzip, br", "gzip, gzip"] {
        for path in ["/v1/hooks/ingest", "/v1/hooks/ingest/batch", "/v1/candidate/complete"] {
            let reply = post_encoded(&candidate, path, encoding, one()).await;
            assert_eq!(
                (reply.status, reply.code()),
                (415, "unsupported_encoding"),
                "{path} {encoding}: {}",
                reply.text
            );
        }
    }
    insta::assert_json_snapshot!("body_brotli", shown(&post("br", one()).await));
    let bomb = gzip(&vec![b' '; 64 * MIB]);
    assert!(bomb.len() < 100_000);
    post("gzip", bomb).await.refused(413, "payload_too_large");
    let cut = gzip(&one());
    for broken in [one(), Vec::new(), cut[..cut.len() - 9].to_vec()] {
        assert_eq!(post("gzip", broken).await.status, 400);
    }
    let count = candidate.get(&format!("/v1/sessions/{}", candidate.session)).await.expect(200);
    assert_eq!(count["eventCount"], 4);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let app = TestApp::with(&["--body-timeout-secs=1"]).await;
    let head = |length: usize| {
        let secret = &app.org().secret;
        format!(
            "POST /v1/assessments HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {secret}\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let slow = raw(app.address(), format!("{}{{\"title\":", head(100)).as_bytes(), false).await.expect("an answer");
    assert_eq!(slow.status, 408, "{}", slow.text);
    assert!(slow.text.contains("\"code\":\"request_timeout\""), "{}", slow.text);

    // Whoever hangs up in mid-body may get an answer or none, and leaves nothing behind.
    let cut = raw(app.address(), format!("{}{{\"title\":\"a\"}}", head(100)).as_bytes(), true).await;
    assert!(cut.is_none_or(|reply| reply.status == 400 || reply.status == 408));
    for nonsense in [&b"\x16\x03\x01\x02\x00\x01"[..], b"GET /v1/health HTTP/9.9\r\n\r\n", b"GET  \r\n\r\n"] {
        let reply = raw(app.address(), nonsense, true).await;
        assert!(reply.is_none_or(|reply| (400..=505).contains(&reply.status)));
    }
    assert_eq!(app.reviewer().get("/v1/assessments").await.body, json!({"assessments": []}));
}
