//! A server that starts: it waits for stores that are away, and not for what no waiting mends.

use std::time::{Duration, Instant};

use crate::harness::{TestApp, eventually};

/// How often a line of the log says this.
fn said(app: &TestApp, what: &str) -> usize {
    app.log().matches(what).count()
}

async fn waits_for(app: &TestApp, stores: &[&str]) {
    let anonymous = app.anonymous();
    eventually("the server to say what it waits for", async || {
        let reply = anonymous.try_get("/v1/ready").await?;
        reply.refused(503, "not_ready");
        assert_ne!(reply.header("retry-after"), "");
        (reply.body["unavailable"] == serde_json::json!(stores)).then_some(())
    })
    .await;
    anonymous.get("/v1/health").await.expect(200);
}

#[tokio::test]
async fn a_server_that_starts_before_its_stores_waits_and_says_for_what() {
    let mut app = TestApp::start().await;
    let (assessment, reviewer) = (app.assessment().await, app.reviewer());
    app.stop_server();
    app.kill_clickhouse();
    app.kill_redis();
    app.begin_server();
    waits_for(&app, &["redis", "clickhouse"]).await;
    app.restart_redis();
    waits_for(&app, &["clickhouse"]).await;
    reviewer.get("/v1/assessments").await.refused(503, "unavailable");
    app.restart_clickhouse();
    let anonymous = app.anonymous();
    let is_ready = async || anonymous.try_get("/v1/ready").await.filter(|reply| reply.status == 200).map(drop);
    eventually("the server to be ready", is_ready).await;
    reviewer.get(&format!("/v1/assessments/{assessment}")).await.expect(200);
    assert_eq!((said(&app, "waiting for ClickHouse"), said(&app, "ClickHouse answers")), (1, 1), "{}", app.log());
}

#[tokio::test]
async fn a_server_that_starts_before_redis_answers_when_redis_does() {
    let mut app = TestApp::start().await;
    let assessment = app.assessment().await;
    app.stop_server();
    app.kill_redis();
    app.launch_server();
    waits_for(&app, &["redis"]).await;
    app.restart_redis();
    app.ready().await;
    app.reviewer().get(&format!("/v1/assessments/{assessment}")).await.expect(200);
}

#[tokio::test]
async fn a_server_that_waits_can_be_stopped() {
    let mut app = TestApp::start().await;
    app.stop_server();
    app.kill_clickhouse();
    app.begin_server();
    waits_for(&app, &["clickhouse"]).await;
    let asked = Instant::now();
    app.ask_server_to_stop();
    assert!(app.server_ended_well(), "{}", app.log());
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!(said(&app, "stopped before it served"), 1);
}

#[tokio::test]
async fn a_server_gives_up_in_time_and_at_once_what_no_waiting_mends() {
    let mut app = TestApp::start().await;
    let (redis, clickhouse) = (app.redis_url(), app.clickhouse_url().to_owned());
    app.stop_server();
    // Well below the minute that a store that is away is waited for.
    let at_once = Duration::from_secs(20);
    let stranger = ["--clickhouse-user=nobody", "--clickhouse-password=wrong"];
    let host = redis.trim_start_matches("redis://");
    for (redis, clickhouse, flags, why) in [
        (redis.as_str(), clickhouse.as_str(), &stranger[..], "Authentication failed"),
        (&redis, "https://127.0.0.1:1", &[], "is not an address like"),
        (&redis, "127.0.0.1:8123", &[], "is not an address like"),
        (&format!("redis://:wrong@{host}"), &clickhouse, &[], "cannot use the Redis"),
        ("nonsense", &clickhouse, &[], "Redis URL did not parse"),
    ] {
        assert!(ends(&app, (redis, clickhouse), flags, why).await < at_once, "{redis} {clickhouse}");
    }
    let engine = app.anonymous().at(&clickhouse);
    let drifted = "INSERT INTO promptster.schema_migrations VALUES (1, '0001_create_events', 'another', 0)";
    assert_eq!(engine.post_bytes("/", drifted.to_owned()).await.status, 200);
    let why = "a released migration must not be changed";
    assert!(ends(&app, (&redis, &clickhouse), &[], why).await < at_once);

    app.kill_clickhouse();
    let why = "--store-wait-secs says how long";
    let took = ends(&app, (&redis, &clickhouse), &["--store-wait-secs=1"], why).await;
    assert!(took >= Duration::from_secs(1) && took < at_once, "{took:?}");
}

/// A server of its own has to fail and say why; how long that takes.
async fn ends(app: &TestApp, (redis, clickhouse): (&str, &str), flags: &[&str], why: &str) -> Duration {
    let begun = Instant::now();
    let output = app.serve_to_its_end(redis, clickhouse, flags).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(why), "{said}");
    begun.elapsed()
}
