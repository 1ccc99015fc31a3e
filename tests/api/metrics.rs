//! `/metrics`, as Prometheus reads it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::harness::{TestApp, eventually};

/// Where the server says that its metrics are.
pub fn metrics_url(app: &TestApp) -> String {
    let log = app.log();
    let told = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let line = told.into_iter().find(|line| line["message"] == "metrics at /metrics").unwrap();
    format!("http://{}/metrics", line["address"].as_str().unwrap())
}

/// The text format, checked line by line: the samples, each with its labels in its name.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let (mut helped, mut typed, mut samples) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(helped.insert(name) && !help.is_empty(), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(typed.insert(name, kind).is_none(), "{line}");
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let family = name.split('{').next().unwrap();
            let of_histogram = ["_bucket", "_sum", "_count"]
                .iter()
                .filter_map(|end| family.strip_suffix(end))
                .find(|family| typed.get(family).is_some_and(|kind| *kind == "histogram"));
            let family = of_histogram.unwrap_or(family);
            assert!(typed.contains_key(family) && helped.contains(family), "{line}: neither typed nor explained");
            assert_eq!(name.contains('{'), name.ends_with('}'), "{line}");
            assert!(samples.insert(name.to_owned(), value.parse().unwrap()).is_none(), "twice: {line}");
        }
    }
    samples
}

async fn scrape(url: &str) -> String {
    let reply = reqwest::get(url).await.unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    reply.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_reads_what_a_node_does_and_no_id() {
    let mut app = TestApp::with(&["--metrics-listen", "127.0.0.1:0"]).await;
    let url = metrics_url(&app);
    let assessment = app.assessment().await;
    let avocet = app.candidate(&assessment).await;
    for text in ["one", "two"] {
        avocet.ingest("prompt", json!({ "text": text })).await.expect(201);
    }
    app.reviewer().get("/v1/sessions?limit=x").await.refused(400, "invalid_query");
    app.anonymous().get("/v1/no/such/route").await.refused(404, "not_found");
    let _watcher = app.reviewer().watch(&avocet.session, "").await;
    let samples = parse(&scrape(&url).await);
    assert_eq!(samples[r#"promptster_events_total{outcome="recorded"}"#], 2.0);
    assert_eq!(samples[r#"promptster_refusals_total{code="not_found"}"#], 1.0);
    assert_eq!(samples[r#"promptster_refusals_total{code="invalid_query"}"#], 1.0);
    assert_eq!(samples[r#"promptster_requests_total{method="GET",route="none",status="404"}"#], 1.0);
    assert!(samples[r#"promptster_credential_cache_total{result="hit"}"#] >= 1.0);
    let ingest = r#"promptster_request_seconds_bucket{method="POST",route="/v1/hooks/ingest",le="+Inf"}"#;
    assert_eq!(samples[ingest], 2.0, "{samples:#?}");
    assert!(samples["promptster_commit_seconds_count"] >= 2.0, "{samples:#?}");
    assert_eq!((samples["promptster_connections"], samples["promptster_watchers"]), (1.0, 1.0));
    assert_eq!(samples["promptster_dead_letters_total"], 0.0, "there before the first");
    let known: BTreeSet<&str> = promptster_server::measures::list::ALL.iter().map(|measure| measure.name).collect();
    for name in samples.keys() {
        let family = name.split('{').next().unwrap();
        let part = ["_bucket", "_sum", "_count"].iter().find_map(|end| family.strip_suffix(end));
        assert!(known.contains(family) || part.is_some_and(|family| known.contains(family)), "{name} is not listed");
        assert!(![&assessment, &avocet.session, &app.org().id].iter().any(|id| name.contains(*id)), "{name} has an id");
    }

    // A log that nobody takes away shows, and is gone when somebody does.
    let now = async |name: &str| parse(&scrape(&url).await)[name];
    app.kill_clickhouse();
    avocet.ingest("prompt", json!({"text": "three"})).await.expect(201);
    eventually("the age of the backlog", async || {
        let down = now(r#"promptster_store_up{store="clickhouse"}"#).await == 0.0;
        let waits = now("promptster_backlog_entries").await >= 1.0 && now("promptster_backlog_age_seconds").await > 1.0;
        (down && waits).then_some(())
    })
    .await;
    assert_eq!(now(r#"promptster_store_up{store="redis"}"#).await, 1.0);
    app.restart_clickhouse();
    eventually("the backlog to be gone", async || {
        (now("promptster_backlog_entries").await == 0.0 && now("promptster_backlog_age_seconds").await == 0.0)
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_api_does_not_show_metrics_and_their_listener_shows_nothing_else() {
    let app = TestApp::with(&["--metrics-listen", "127.0.0.1:0"]).await;
    app.anonymous().get("/metrics").await.refused(404, "not_found");
    let other = metrics_url(&app).replace("/metrics", "/v1/health");
    assert_eq!(reqwest::get(other).await.unwrap().status(), 404);
    let taken = metrics_url(&app).replace("http://", "").replace("/metrics", "");
    let ended = app.serve_to_its_end(&app.redis_url(), app.clickhouse_url(), &["--metrics-listen", &taken]).await;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success() && said.contains("--metrics-listen"), "{said}");
}
