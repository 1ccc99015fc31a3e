//! What the stores hold of secrets, and what is said while a store hangs.

use std::time::{Duration, Instant};

use redis_scripts::{Peppers, keys::SecretDigest};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::{TestApp, event, eventually, program};
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
            // Its time has passed since.
            "+none" => continue,
            other => panic!("{key} is {other:?}"),
        };
        dump.push_str(&app.redis_command(&read).await);
    }
    dump
}

#[tokio::test]
async fn secrets_are_stored_as_hashes_alone() {
    let app = TestApp::start().await;
    let (reviewer, avocet) = (app.reviewer(), candidate(&app).await);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let made = reviewer.post("/v1/org/api-keys", json!({"name": "a", "scopes": ["read"]})).await.expect(201);
    let api_key = text(&made["secret"]);
    let ticket = text(&reviewer.post("/v1/live-tickets", json!({})).await.expect(201)["ticket"]);
    let asked = avocet.post("/v1/candidate/upload-url", json!({"sessionId": avocet.session})).await.expect(200);
    let upload = text(&asked["token"]);
    for (secret, purpose) in [
        (&app.org().secret, "api"),
        (&api_key, "api"),
        (&avocet.token, "token"),
        (&ticket, "ticket"),
        (&upload, "upload"),
    ] {
        let digest = SecretDigest::of(secret).key(purpose);
        assert!(app.redis_command(&format!("EXISTS {digest}")).await.starts_with(":1"), "{purpose} by its hash");
        // 256 bits, for there is no salt.
        assert!(secret.len() >= 43, "{purpose}");
    }
    let dump = redis_dump(&app).await;
    assert!(dump.contains(&app.org().id) && dump.contains(&avocet.session), "the dump is one");
    for secret in [&app.org().secret, &api_key, &avocet.token, &ticket, &upload] {
        assert!(!dump.contains(secret.as_str()), "{secret} is in Redis");
    }
    let engine = app.anonymous().at(app.clickhouse_url());
    let rows = eventually("the log of entities", async || {
        let query = "SELECT toString(tuple(*)) FROM promptster.entities FORMAT TSV".to_owned();
        Some(engine.post_bytes("/", query).await.text).filter(|rows| rows.contains(&avocet.session))
    })
    .await;
    for secret in [&app.org().secret, &api_key, &avocet.token, &ticket, &upload] {
        assert!(!rows.contains(secret.as_str()), "{secret} is in ClickHouse");
    }
    // The prefix, by which people tell keys apart, gives nothing away.
    assert!(made["apiKey"]["prefix"].as_str().unwrap().len() + 32 <= api_key.len());
}

const OLD_PEPPER: &str = "d3b07384d113edec49eaa6238ad5ff00aaaa";
const NEW_PEPPER: &str = "c157a79031e1c40f85931829bc5fc552bbbb";

#[tokio::test]
async fn with_a_pepper_no_store_alone_says_what_a_secret_is_and_older_secrets_go_on_working() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pepper");
    let has = |peppers: &str| std::fs::write(&file, peppers).unwrap();
    has(OLD_PEPPER);
    // The first key of the organisation is made without it.
    let mut app = TestApp::with(&["--pepper-file", file.to_str().unwrap()]).await;
    let avocet = candidate(&app).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let made = app.reviewer().post("/v1/org/api-keys", json!({"name": "a", "scopes": ["read"]})).await.expect(201);
    let api_key = text(&made["secret"]);
    let ticket = text(&app.reviewer().post("/v1/live-tickets", json!({})).await.expect(201)["ticket"]);
    let asked = avocet.post("/v1/candidate/upload-url", json!({"sessionId": avocet.session})).await.expect(200);
    let upload = text(&asked["token"]);
    let pepper: Peppers = OLD_PEPPER.parse().unwrap();
    let known = [
        (&avocet.key, "candidate"),
        (&api_key, "api"),
        (&avocet.token, "token"),
        (&ticket, "ticket"),
        (&upload, "upload"),
    ];
    for (secret, purpose) in known {
        let exists = async |key: String| app.redis_command(&format!("EXISTS {key}")).await.starts_with(":1");
        assert!(exists(pepper.digest(secret).key(purpose)).await, "{purpose} by its hash with the pepper");
        assert!(!exists(SecretDigest::of(secret).key(purpose)).await, "{purpose} by its hash alone");
    }
    let live = format!("/v1/sessions/{}/live?ticket={ticket}", avocet.session);
    assert!(app.anonymous().connect(&live).await.is_ok(), "a ticket opens");
    let dump = redis_dump(&app).await;
    assert!(!dump.contains(OLD_PEPPER) && !app.log().contains(OLD_PEPPER));

    let works = async |app: &TestApp, credential: &str, status: u16| {
        let user = if credential.starts_with("psk_") { app.bearer(credential) } else { app.api_key(credential) };
        assert_eq!(user.get("/v1/sessions").await.status, status, "{}", credential.get(..8).unwrap());
    };
    let (first, token, key) = (app.org().secret.clone(), avocet.token.clone(), avocet.key.clone());
    has(&format!("{NEW_PEPPER}\n{OLD_PEPPER}\n"));
    app.restart_server().await;
    for credential in [&first, &api_key, &token, &key] {
        works(&app, credential, 200).await;
    }
    // Lost: what was made with it is lost with it. What can be read back is made anew by a rebuild.
    has(NEW_PEPPER);
    app.restart_server().await;
    for (credential, status) in [(&first, 200), (&api_key, 401), (&token, 401), (&key, 401)] {
        works(&app, credential, status).await;
    }
    app.all_is_written().await;
    app.stop_server();
    app.rebuild_redis_well().await;
    app.start_server().await;
    for (credential, status) in [(&first, 200), (&api_key, 401), (&token, 401), (&key, 200)] {
        works(&app, credential, status).await;
    }
    // Who has no key left gets one from the operator.
    let new_key = |org: &str| {
        let mut command = program();
        command.args(["org", "new-key", "--org", org, "--redis-url", &app.redis_url()]);
        command.arg("--pepper-file").arg(&file).output().unwrap()
    };
    let made = String::from_utf8(new_key(&app.org().id).stdout).unwrap();
    works(&app, made.trim(), 200).await;
    assert!(!new_key(&uuid::Uuid::nil().to_string()).status.success(), "an organisation that does not exist");
    has(OLD_PEPPER);
    app.restart_server().await;
    works(&app, made.trim(), 401).await;
    for credential in [&first, &api_key, &token, &key] {
        works(&app, credential, 200).await;
    }
}

#[tokio::test]
async fn while_redis_hangs_an_event_is_refused_within_two_seconds_and_may_come_again() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let sent = event(&avocet.session, "prompt", json!({"text": "once"}));
    avocet.ingest("prompt", json!({})).await.expect(201);
    let info = app.redis_command("INFO server").await;
    let pid = info.lines().find_map(|line| line.strip_prefix("process_id:")).unwrap().trim().parse().unwrap();
    let pid = Pid::from_raw(pid).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    for _ in 0..2 {
        let asked = Instant::now();
        let reply = avocet.post("/v1/hooks/ingest", sent.clone()).await;
        let waited = asked.elapsed();
        reply.refused(503, "unavailable");
        assert!(reply.header("retry-after").parse::<u64>().unwrap() >= 1);
        // Two, and what a busy machine takes besides; hooks give up after three.
        assert!(waited < Duration::from_millis(2_900), "{waited:?}");
    }
    kill_process(pid, Signal::CONT).unwrap();
    let again = eventually("Redis to answer", async || {
        let reply = avocet.post("/v1/hooks/ingest", sent.clone()).await;
        (reply.status < 300).then_some(reply)
    })
    .await;
    assert!(again.body["ok"] == true, "{}", again.text);
    let rows = timeline(&avocet, &avocet.session).await;
    assert_eq!(rows.iter().filter(|row| row["id"] == sent["id"]).count(), 1);
}
