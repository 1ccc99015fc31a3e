//! What holds for the body of every route that takes one: how large, how deep, in what form.

use reqwest::Body;
use serde_json::Value;

use crate::harness::{Reply, TestApp, Write, gzip, writes};

/// The good body with a field that nobody asks for, so that the whole has exactly this many bytes.
fn padded(good: &Value, bytes: usize) -> Vec<u8> {
    let mut body = good.clone();
    body["padding"] = "".into();
    let rest = bytes - body.to_string().len();
    body["padding"] = "x".repeat(rest).into();
    body.to_string().into_bytes()
}

/// The good body with this text as a further member.
fn with_member(good: &Value, member: &str) -> String {
    let text = good.to_string();
    let comma = if text == "{}" { "" } else { "," };
    format!("{}{comma}{member}}}", &text[..text.len() - 1])
}

fn nested(good: &Value, depth: usize) -> String {
    let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
    with_member(good, &format!(r#""deep":{open}{close}"#))
}

/// In pieces, so that no length is announced.
fn in_pieces(bytes: &[u8]) -> Body {
    let pieces: Vec<_> = bytes.chunks(100_000).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    Body::wrap_stream(futures_util::stream::iter(pieces))
}

async fn packed(write: &Write, encoding: &str, body: Vec<u8>) -> Reply {
    write.send_as(&write.user, &[("content-encoding", encoding)], body).await
}

#[tokio::test]
async fn every_body_may_have_so_many_bytes_and_not_one_more() {
    let app = TestApp::start().await;
    for write in writes(&app).await {
        let (largest, larger) = (padded(&write.good, write.limit), padded(&write.good, write.limit + 1));
        assert_eq!((largest.len(), larger.len()), (write.limit, write.limit + 1));
        write.taken(async || write.send(largest.clone()).await, "announced").await;
        write.taken(async || write.send(in_pieces(&largest)).await, "in pieces").await;
        write.taken(async || packed(&write, "gzip", gzip(&largest)).await, "packed").await;
        write.refuses(&write.send(larger.clone()).await, 413, "payload_too_large", "announced");
        write.refuses(&write.send(in_pieces(&larger)).await, 413, "payload_too_large", "in pieces");
        write.refuses(&packed(&write, "gzip", gzip(&larger)).await, 413, "payload_too_large", "packed");
    }
}

#[tokio::test]
async fn every_body_may_nest_sixty_four_deep_and_not_deeper() {
    let app = TestApp::start().await;
    for write in writes(&app).await {
        write.accepts(&write.send(nested(&write.good, 64)).await, "64");
        if write.path.ends_with("/batch") {
            // Here it is the member that may be so deep.
            continue;
        }
        for depth in [65, 66, 127, 128, 129, 100_000] {
            let reply = write.send(nested(&write.good, depth)).await;
            write.refuses(&reply, 400, "invalid_json", &depth.to_string());
        }
        // What looks deep in a text is not.
        let text = format!(r#""deep":"{}\"{}""#, "[".repeat(100), "{".repeat(100));
        write.accepts(&write.send(with_member(&write.good, &text)).await, "brackets in a text");
    }
}

#[tokio::test]
async fn no_route_takes_what_is_no_json_or_no_object() {
    let app = TestApp::start().await;
    for write in writes(&app).await {
        let good = write.good.to_string();
        // Cut anywhere, it is no JSON any more.
        for length in (0..good.len()).step_by(5).chain([good.len() - 1]) {
            write.refuses(&write.send(good[..length].to_owned()).await, 400, "invalid_json", &good[..length]);
        }
        let member = |text: &str| with_member(&write.good, text).into_bytes();
        let broken: [(&str, Vec<u8>); 19] = [
            ("a blank", b" \r\n\t".to_vec()),
            ("a byte order mark", [b"\xef\xbb\xbf", good.as_bytes()].concat()),
            ("UTF-16", good.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            ("a zero byte after it", [good.as_bytes(), b"\0"].concat()),
            ("two of them", format!("{good}{good}").into_bytes()),
            ("a comment", format!("/* */{good}").into_bytes()),
            ("a form", b"key=PST-ABCD-2345&sessionId=a".to_vec()),
            ("a comma at the end", member(r#""a":1,"#)),
            ("single quotes", member("'a':1")),
            ("a name without quotes", member("a:1")),
            ("NaN", member(r#""a":NaN"#)),
            ("Infinity", member(r#""a":-Infinity"#)),
            ("a plus sign", member(r#""a":+1"#)),
            ("a leading zero", member(r#""a":01"#)),
            ("a number without digits", member(r#""a":1."#)),
            ("an unknown escape", member(r#""a":"\x""#)),
            ("a line break in a text", member("\"a\":\"\n\"")),
            ("bytes that are not UTF-8", [&member(r#""a":""#)[..good.len() + 3], b"\xff\xfe\"}"].concat()),
            ("half a surrogate pair in CESU-8", [&member(r#""a":""#)[..good.len() + 3], b"\xed\xa0\x80\"}"].concat()),
        ];
        for (what, body) in broken {
            write.refuses(&write.send(body).await, 400, "invalid_json", what);
        }
        for other in ["[]", "null", "5", "-0.0", "true", "\"text\"", &format!("[{good}]")] {
            write.refuses(&write.send(other.to_owned()).await, 400, "validation_failed", other);
        }
        write.accepts(&write.send(format!("\r\n\t {good} \n")).await, "blanks around it");
    }
}

#[tokio::test]
async fn odd_json_is_taken_where_nobody_asks_for_it() {
    let app = TestApp::start().await;
    for write in writes(&app).await {
        for (what, member) in [
            ("a name given twice", r#""x":1,"x":{"x":[],"x":null}"#),
            ("a large integer", r#""x":123456789012345678901234567890"#),
            ("a long fraction", r#""x":0.1234567890123456789012345678901234567890e-300"#),
            ("minus zero", r#""x":-0"#),
            ("U+0000", r#""x":"\u0000""#),
            ("a name of U+0000", r#""\u0000":1"#),
            ("a name of nothing", r#""":1"#),
            ("names that JavaScript knows", r#""__proto__":{"a":1},"constructor":null"#),
            ("a pair of surrogates", r#""x":"\ud83e\udd80""#),
            ("what is no character", "\"x\":\"\u{ffff}\u{fdd0}\""),
        ] {
            write.accepts(&write.send(with_member(&write.good, member)).await, what);
        }
        // No double holds the one and no text the other; events are kept as they come.
        let is_event = write.path.starts_with("/v1/hooks");
        for (what, member) in [("1e999", r#""x":1e999"#), ("half a pair of surrogates", r#""x":"\ud800""#)] {
            let reply = write.send(with_member(&write.good, member)).await;
            if is_event { write.accepts(&reply, what) } else { write.refuses(&reply, 400, "invalid_json", what) }
        }
    }
}

#[tokio::test]
async fn whatever_content_type_a_client_names_it_is_json() {
    let app = TestApp::start().await;
    for write in writes(&app).await {
        let good = write.good.to_string();
        write.accepts(&write.send_as(&write.user, &[], good.clone()).await, "none");
        for kind in [
            "application/json; charset=utf-8",
            "Application/JSON",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/octet-stream",
            "nonsense",
            "",
        ] {
            let reply = write.send_as(&write.user, &[("content-type", kind)], good.clone()).await;
            write.accepts(&reply, kind);
            assert_eq!(reply.header("content-type"), "application/json", "{write}");
        }
    }
}

#[tokio::test]
async fn every_route_unpacks_gzip_and_nothing_else() {
    let app = TestApp::start().await;
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 400_000, "{}", bomb.len());
    for write in writes(&app).await {
        let good = write.good.to_string().into_bytes();
        for encoding in ["gzip", "GZip", " gzip "] {
            write.accepts(&packed(&write, encoding, gzip(&good)).await, encoding);
        }
        // Members that follow each other are one file.
        let (first, second) = good.split_at(good.len() / 2);
        write.accepts(&packed(&write, "gzip", [gzip(first), gzip(second)].concat()).await, "two members");
        write.accepts(&packed(&write, "identity", good.clone()).await, "identity");
        for encoding in ["br", "deflate", "zstd", "compress", "x-gzip2", "gzip, br", "br, gzip", "gzip, gzip", "", ","]
        {
            write.refuses(&packed(&write, encoding, gzip(&good)).await, 415, "unsupported_encoding", encoding);
        }
        let twice =
            write.send_as(&write.user, &[("content-encoding", "gzip"), ("content-encoding", "gzip")], gzip(&good));
        write.refuses(&twice.await, 415, "unsupported_encoding", "twice");
        write.refuses(&packed(&write, "gzip", bomb.clone()).await, 413, "payload_too_large", "a bomb");
        let whole = gzip(&good);
        let mut spoilt = whole.clone();
        *spoilt.last_mut().unwrap() ^= 1;
        for (what, broken) in [
            ("plain", good.clone()),
            ("nothing", Vec::new()),
            ("the head alone", whole[..10].to_vec()),
            ("cut", whole[..whole.len() - 9].to_vec()),
            ("a wrong length", spoilt),
            ("not UTF-8", gzip(b"{\"a\":\"\xff\"}")),
            ("nothing in it", gzip(b"")),
        ] {
            let reply = packed(&write, "gzip", broken).await;
            assert_eq!(reply.status, 400, "{write}, {what}: {}", reply.text);
        }
    }
}

#[tokio::test]
async fn a_body_is_looked_at_after_the_credential() {
    let app = TestApp::start().await;
    let candidate = app.candidate(&app.assessment().await).await;
    let denied = app.anonymous().get("/v1/org").await;
    for write in writes(&app).await.iter().filter(|write| !write.is_public) {
        let larger = padded(&write.good, write.limit + 1);
        for (headers, body) in [
            (&[][..], write.good.to_string().into_bytes()),
            (&[], larger.clone()),
            (&[], b"{".to_vec()),
            (&[("content-encoding", "br")], b"x".to_vec()),
            (&[("content-encoding", "gzip")], b"x".to_vec()),
        ] {
            let reply = write.send_as(&app.anonymous(), headers, body.clone()).await;
            assert_eq!((reply.status, &reply.text), (401, &denied.text), "{write}");
            let unknown = write.send_as(&app.api_key("nobody"), headers, body.clone()).await;
            assert_eq!((unknown.status, &unknown.text), (401, &denied.text), "{write}");
            let is_for_candidates = write.path.starts_with("/v1/candidate") || write.path.starts_with("/v1/hooks");
            if is_for_candidates {
                let reply = write.send_as(&app.reviewer(), headers, body).await;
                write.refuses(&reply, 403, "candidate_only", "as a reviewer");
            } else if !write.path.starts_with("/v1/sessions") {
                let reply = write.send_as(&candidate, headers, body).await;
                write.refuses(&reply, 403, "reviewer_only", "as a candidate");
            }
        }
    }
}
