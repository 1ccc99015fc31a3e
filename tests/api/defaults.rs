//! The numbers that hold when nothing is configured.

use reqwest::{Body, Method};
use serde_json::{Value, json};

use crate::harness::{TestApp, event, raw, serve_help};
use crate::playing::{candidate, prompts, statuses};

#[test]
fn the_defaults_are_those_of_the_contract() {
    let help = serve_help();
    for (flag, default) in [
        ("--requests-per-minute", "300"),
        ("--ingest-per-minute", "1200"),
        ("--ingest-burst", "500"),
        ("--stream-per-minute", "12000"),
        ("--stream-burst", "2000"),
        ("--guesses-per-minute", "10"),
        ("--guesses-per-minute-overall", "1000"),
        ("--time-limit-grace-secs", "60"),
        ("--late-event-grace-secs", "600"),
        ("--body-bytes", "1048576"),
        ("--ingest-body-bytes", "16777216"),
        ("--model-body-bytes", "33554432"),
        ("--model-silence-secs", "300"),
        ("--upload-max-bytes", "104857600"),
        ("--body-timeout-secs", "10"),
        ("--require-consent", "true"),
        ("--require-consent-for-ingest", "false"),
    ] {
        let of_flag = help.split("\n      --").find(|part| part.starts_with(&format!("{} ", &flag[2..])));
        let of_flag = of_flag.unwrap_or_else(|| panic!("{flag} is not in the help:\n{help}"));
        assert!(of_flag.contains(&format!("[default: {default}]")), "{of_flag}");
    }
}

#[tokio::test]
async fn five_hundred_events_come_at_once_and_twelve_hundred_a_minute() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let began = std::time::Instant::now();
    let first = avocet.post("/v1/hooks/ingest/batch", json!({"events": prompts(&avocet.session, 1..=500)})).await;
    assert_eq!((first.header("x-ratelimit-limit"), first.status), ("1200", 207));
    assert_eq!(first.body["accepted"], 500);
    let second = avocet.post("/v1/hooks/ingest/batch", json!({"events": prompts(&avocet.session, 501..=1000)})).await;
    let accepted = second.body["accepted"].as_u64().unwrap();
    // Twenty a second come back while the machine takes its time.
    assert!(accepted <= 1 + 20 * (began.elapsed().as_secs() + 1), "{accepted}");
    assert!(second.header("retry-after").parse::<u64>().unwrap() >= 1);
    let statuses = statuses(&second.body["results"]);
    assert!(statuses.iter().all(|status| [201, 429].contains(status)) && statuses.len() == 500);
    // Other routes have a budget of their own.
    avocet.get("/v1/sessions").await.expect(200);
}

#[tokio::test]
async fn a_bundle_may_have_one_hundred_mebibytes() {
    const MAX: usize = 100 << 20;
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let asked = avocet.post("/v1/candidate/upload-url", json!({"sessionId": avocet.session})).await.expect(200);
    let url = asked["uploadUrl"].as_str().unwrap();
    assert!(url.starts_with("http://") && url.contains("/v1/uploads/"), "{url}");
    let put = async |length: usize| {
        let piece = vec![7_u8; 1 << 20];
        let pieces = (0..length.div_ceil(1 << 20)).map(move |nth| {
            let left = length - (nth << 20);
            Ok::<_, std::io::Error>(piece[..left.min(1 << 20)].to_vec())
        });
        let anonymous = app.anonymous();
        let request = anonymous.request(Method::PUT, &url[url.find("/v1/").unwrap()..]);
        let request = request.header("content-type", "application/gzip");
        anonymous.send(request.body(Body::wrap_stream(futures_util::stream::iter(pieces)))).await
    };
    assert_eq!(put(MAX).await.expect(200)["size"], MAX);
    let path = &url[url.find("/v1/").unwrap()..];
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/gzip\r\nContent-Length: {}\r\n\r\n",
        MAX + 1
    );
    let refused = raw(app.address(), head.as_bytes(), false).await.expect("an answer to the head alone");
    assert_eq!(refused.status, 413, "{}", refused.text);
}

#[tokio::test]
async fn what_was_acknowledged_is_counted_in_the_list_at_once() {
    let app = TestApp::start().await;
    let (reviewer, avocet) = (app.reviewer(), candidate(&app).await);
    for n in 1..=20 {
        avocet
            .post("/v1/hooks/ingest", event(&avocet.session, "decision_event", json!({"title": "a"})))
            .await
            .expect(201);
        let listed = reviewer.get("/v1/sessions").await.expect(200)["sessions"][0].clone();
        assert_eq!((&listed["eventCount"], &listed["decisionFlagCount"]), (&json!(n), &json!(n)));
        let one = reviewer.get(&format!("/v1/sessions/{}", avocet.session)).await.expect(200);
        assert_eq!((&one["eventCount"], &one["session"]), (&json!(n), &listed));
        assert_eq!((&one["status"], &listed["status"]), (&json!("active"), &json!("active")));
    }
    let all: Value = avocet.get("/v1/sessions").await.expect(200);
    assert_eq!((&all["total"], &all["sessions"][0]["eventCount"]), (&json!(1), &json!(20)));
}
