//! `promptster-server doctor`: an installation that is well, and each fault planted and named.

use redis_scripts::keys::Partition;
use serde_json::{Value, json};

use crate::harness::{TestApp, eventually, program};

/// What it prints with these flags besides those of the installation, and whether it calls that well.
async fn doctor(app: &TestApp, flags: &[&str]) -> (bool, Vec<Value>) {
    let mut command = program();
    command.args(["doctor", "--json", "--redis-url", &app.redis_url(), "--clickhouse-url", app.clickhouse_url()]);
    for (name, value) in [("--data-dir", app.data_dir().display().to_string()), ("--url", app.url())] {
        if !flags.contains(&name) {
            command.arg(name).arg(value);
        }
    }
    command.args(flags);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["ok"] == true, output.status.success(), "{told}");
    (output.status.success(), told["checks"].as_array().unwrap().clone())
}

/// The names of those that fare so.
fn that_are<'a>(checks: &'a [Value], state: &str) -> Vec<&'a str> {
    checks.iter().filter(|check| check["state"] == state).map(|check| check["name"].as_str().unwrap()).collect()
}

/// Expects one fault, of this name, that says this and what to do.
async fn only(app: &TestApp, flags: &[&str], name: &str, said: &str) {
    let (is_well, checks) = doctor(app, flags).await;
    assert_eq!((is_well, that_are(&checks, "fault")), (false, vec![name]), "{}", json!(checks));
    let fault = checks.iter().find(|check| check["state"] == "fault").unwrap();
    assert!(fault["found"].as_str().unwrap().contains(said), "{fault}");
    assert_ne!(fault["mend"], "", "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_planted_fault_is_found_and_named() {
    let mut app = TestApp::start().await;
    let set = async |what: &str| assert!(app.redis_command(&format!("CONFIG SET {what}")).await.starts_with("+OK"));
    set("stream-node-max-entries 1").await;
    set("maxmemory 1gb").await;
    let (is_well, checks) = doctor(&app, &[]).await;
    assert!(is_well, "{}", json!(checks));
    for name in ["redis", "redis-data", "backlog", "clickhouse", "tables", "dead-letters", "data-dir", "server"] {
        assert!(that_are(&checks, "ok").contains(&name), "{name}: {}", json!(checks));
    }

    set("appendfsync everysec").await;
    only(&app, &[], "redis-durability", "everysec").await;
    set("appendfsync always").await;
    set("maxmemory-policy allkeys-lru").await;
    only(&app, &[], "redis-eviction", "allkeys-lru").await;
    set("maxmemory-policy noeviction").await;
    set("maxmemory 1mb").await;
    only(&app, &[], "redis-memory", "MiB").await;
    set("maxmemory 1gb").await;
    set("stream-node-max-entries 100").await;
    let (is_well, checks) = doctor(&app, &[]).await;
    assert!(is_well && that_are(&checks, "warning").contains(&"redis-erasure"), "{}", json!(checks));
    set("stream-node-max-entries 1").await;

    only(&app, &["--clickhouse-database", "elsewhere"], "tables", "0001_").await;
    only(&app, &["--prices-file", "/no/such/prices"], "config", "/no/such/prices").await;
    only(&app, &["--data-dir", "/dev/null/data"], "data-dir", "no directory").await;
    let nobody = ["--mail", "smtp", "--smtp-host", "127.0.0.1", "--smtp-port", "1", "--smtp-tls", "none"];
    only(&app, &nobody, "mail", "onnect").await;
    let clickhouse = app.clickhouse_url().to_owned();
    only(&app, &["--url", &clickhouse], "server", "/v1/ready answers").await;
    let (_, checks) = doctor(&app, &["--url", "http://127.0.0.1:1"]).await;
    assert_eq!(that_are(&checks, "unknown"), ["server"]);

    app.redis_command(&format!("XADD {} * nonsense value", Partition::all().next().unwrap().stream())).await;
    eventually("the dead letter", async || {
        that_are(&doctor(&app, &[]).await.1, "fault").contains(&"dead-letters").then_some(())
    })
    .await;
    only(&app, &[], "dead-letters", "could not be written").await;
    app.kill_clickhouse();
    let (_, checks) = doctor(&app, &[]).await;
    assert!(that_are(&checks, "fault").contains(&"clickhouse"), "{}", json!(checks));
    app.kill_redis();
    let (_, checks) = doctor(&app, &[]).await;
    assert!(that_are(&checks, "fault").starts_with(&["redis", "clickhouse"]), "{}", json!(checks));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_lost_something_is_named_with_what_restores_it() {
    let mut app = TestApp::start().await;
    app.all_is_written().await;
    app.stop_server();
    app.redis_command(&format!("DEL {}", Partition::all().next().unwrap().whole())).await;
    only(&app, &[], "redis-data", "missing").await;
}
