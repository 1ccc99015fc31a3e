//! What the stores hold of secrets, and what is said while a store hangs.

use std::time::{Duration, Instant};

use redis_scripts::keys::SecretDigest;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::{TestApp, event, eventually};
use crate::playing::{candidate, timeline};

/// Everything that Redis holds, as text.
async fn redis_dump(app: &TestApp) -> String {
    let mut dump = app.redis_command("KEYS *").await;
    let keys: Vec<String> = dump.lines().filter(|line| !line.starts_with(['$', '*', '+'])).map(str::to_owned).collect();
    for key in keys {
        let kind = app.redis_command(&format!("TYPE {key}")).await;
        let read = match kind.lines().next().unwrap_or_default().trim() {
            "+string" => format!("GET {key}"),
            "+hash" => format!("HGETALL {key}"),
            "+set" => format!("SMEMBERS {key}"),
            "+zset" => format!("ZRANGE {key} 0 -1 WITHSCORES"),
            "+list" => format!("LRANGE {key} 0 -1"),
            "+stream" => format!("XRANGE {key} - +"),
            other => panic!("{key} is {other:?}"),
        };
        dump.push_str(&app.redis_command(&read).await);
    }
    dump
}

#[tokio::test]
async fn secrets_are_stored_as_hashes_alone() {
    let app = TestApp::start().await;
    let (reviewer, ada) = (app.reviewer(), candidate(&app).await);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let made = reviewer.post("/v1/org/api-keys", json!({"name": "a", "scopes": ["read"]})).await.expect(201);
    let api_key = text(&made["secret"]);
    let ticket = text(&reviewer.post("/v1/live-tickets", json!({})).await.expect(201)["ticket"]);
    let asked = ada.post("/v1/candidate/upload-url", json!({"sessionId": ada.session})).await.expect(200);
    let upload = text(&asked["token"]);
    for (secret, purpose) in
        [(&app.org().secret, "api"), (&api_key, "api"), (&ada.token, "token"), (&ticket, "ticket"), (&upload, "upload")]
    {
        let digest = SecretDigest::of(secret).key(purpose);
        assert!(app.redis_command(&format!("EXISTS {digest}")).await.starts_with(":1"), "{purpose} by its hash");
        // 256 bits, for there is no salt.
        assert!(secret.len() >= 43, "{purpose}");
    }
    let dump = redis_dump(&app).await;
    assert!(dump.contains(&app.org().id) && dump.contains(&ada.session), "the dump is one");
    for secret in [&app.org().secret, &api_key, &ada.token, &ticket, &upload] {
        assert!(!dump.contains(secret.as_str()), "{secret} is in Redis");
    }
    let engine = app.anonymous().at(app.clickhouse_url());
    let rows = eventually("the log of entities", async || {
        let query = "SELECT toString(tuple(*)) FROM promptster.entities FORMAT TSV".to_owned();
        Some(engine.post_bytes("/", query).await.text).filter(|rows| rows.contains(&ada.session))
    })
    .await;
    for secret in [&app.org().secret, &api_key, &ada.token, &ticket, &upload] {
        assert!(!rows.contains(secret.as_str()), "{secret} is in ClickHouse");
    }
    // The prefix, by which people tell keys apart, gives nothing away.
    assert!(made["apiKey"]["prefix"].as_str().unwrap().len() + 32 <= api_key.len());
}

#[tokio::test]
async fn while_redis_hangs_an_event_is_refused_within_two_seconds_and_may_come_again() {
    let app = TestApp::start().await;
    let ada = candidate(&app).await;
    let sent = event(&ada.session, "prompt", json!({"text": "once"}));
    ada.ingest("prompt", json!({})).await.expect(201);
    let info = app.redis_command("INFO server").await;
    let pid = info.lines().find_map(|line| line.strip_prefix("process_id:")).unwrap().trim().parse().unwrap();
    let pid = Pid::from_raw(pid).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    for _ in 0..2 {
        let asked = Instant::now();
        let reply = ada.post("/v1/hooks/ingest", sent.clone()).await;
        let waited = asked.elapsed();
        reply.refused(503, "unavailable");
        assert!(reply.header("retry-after").parse::<u64>().unwrap() >= 1);
        // Two, and what a busy machine takes besides; hooks give up after three.
        assert!(waited < Duration::from_millis(2_900), "{waited:?}");
    }
    kill_process(pid, Signal::CONT).unwrap();
    let again = eventually("Redis to answer", async || {
        let reply = ada.post("/v1/hooks/ingest", sent.clone()).await;
        (reply.status < 300).then_some(reply)
    })
    .await;
    assert!(again.body["ok"] == true, "{}", again.text);
    let rows = timeline(&ada, &ada.session).await;
    assert_eq!(rows.iter().filter(|row| row["id"] == sent["id"]).count(), 1);
}
