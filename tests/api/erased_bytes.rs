//! What was erased is off the disk: no file of Redis, of ClickHouse or of the server holds a byte of it, packed or not.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use domain::testing::Signer;
use domain::{OrgId, SessionRef};
use redis_scripts::keys::{Partition, SessionKeys};
use serde_json::{Value, json};

use crate::harness::{Candidate, TestApp, event, eventually, files_with};
use crate::playing::{post_all, prompts, send_batch};
use crate::uploads::{put, submission, submit, upload};

/// Stands in everything that the session holds, and nowhere else.
const CANARY: &str = "canary-5d1c9e0b7a";

/// What was promised, without the time that ClickHouse keeps replaced parts, which [`shorten`] takes away. It tidies up a
/// table the later the longer nothing else has gone on there.
const WITHIN: Duration = Duration::from_secs(180);

async fn sql(app: &TestApp, statement: &str) -> String {
    let reply = app.anonymous().at(app.clickhouse_url()).post_bytes("/?database=promptster", statement).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.text
}

/// Lets ClickHouse remove replaced parts after a second instead of eight minutes.
async fn shorten(app: &TestApp) {
    for table in ["events", "entities", "session_results", "artifacts", "dead_letters"] {
        sql(app, &format!("ALTER TABLE {table} MODIFY SETTING old_parts_lifetime = 1")).await;
    }
}

fn found(app: &TestApp) -> Vec<PathBuf> {
    app.directories().iter().flat_map(|directory| files_with(directory, CANARY)).collect()
}

/// Waits until no file holds a byte of it.
async fn leaves_the_disk(app: &TestApp) {
    let asked = Instant::now();
    loop {
        let left = found(app);
        if left.is_empty() {
            return;
        }
        assert!(asked.elapsed() < WITHIN, "still there after {:?}: {left:#?}", asked.elapsed());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// An event with the canary in every text that a client may choose.
fn marked(session: &str, number: usize) -> Value {
    let data = json!({"path": format!("src/{CANARY}.rs"), "diff": format!("+{CANARY} {number}"), "linesAdded": 1});
    let mut event = event(session, "file_diff", data);
    event["source"]["emitter"] = json!(CANARY);
    event["source"]["integration"] = json!(CANARY);
    event
}

/// Fills a session through every door.
async fn fill(app: &TestApp, of: &Candidate) {
    let mut signer = Signer::new([7; 32]);
    let data = json!({"text": CANARY});
    let mut signed = event(&of.session, "prompt", data.clone());
    signed["source"] = json!("claude-code");
    signer.chain(&mut signed, &data.to_string());
    of.post("/v1/hooks/ingest", signed).await.expect(201);
    post_all(of, &(0..200).map(|number| marked(&of.session, number)).collect::<Vec<_>>()).await;
    let mut socket = of.stream().await;
    send_batch(&mut socket, &[marked(&of.session, 200)]).await;
    assert_eq!(socket.next_of("ack").await["results"][0]["status"], 201);
    let path = format!("/v1/sessions/{}/metadata", of.session);
    app.reviewer().patch(&path, json!({"metadata": {"note": CANARY}})).await.expect(200);

    let scores = json!([{"dimension": CANARY, "score": 3, "notes": format!("Why: {CANARY}")}]);
    app.reviewer().post(&format!("/v1/sessions/{}/scores", of.session), scores).await.expect(201);

    let bundle = format!("a bundle with the {CANARY}");
    let (path, key) = upload(of).await;
    put(app, &path, bundle.as_bytes()).await.expect(200);
    let mut handed_in = submission(of, &key, bundle.as_bytes());
    handed_in["diff"] = json!(format!("+{CANARY}"));
    handed_in["repoUrl"] = json!(format!("https://example.org/{CANARY}"));
    submit(of, handed_in).await.expect(200);
    // What nobody can read of it becomes a dead letter.
    let session = name(app, &of.session);
    let stream = SessionKeys::of(&session).partition().stream();
    app.redis_command(&format!("XADD {stream} * \"7 1000 {session}\" {CANARY}")).await;
    of.complete().await.expect(200);
}

fn name(app: &TestApp, session: &str) -> SessionRef {
    SessionRef::new(OrgId::sample(app.org().id.parse().unwrap()), session.parse().unwrap())
}

/// The id of a session whose changes stand in the same stream, so that Redis may pack them together.
fn neighbour(app: &TestApp, of: &Candidate) -> String {
    let partition = Partition::of_session(&name(app, &of.session));
    (0..).map(|n| format!("neighbour-{n}")).find(|id| Partition::of_session(&name(app, id)) == partition).unwrap()
}

/// What others see of what is theirs, to the byte.
async fn seen(app: &TestApp, of: &Candidate) -> Vec<String> {
    let mut seen = Vec::new();
    for what in ["", "/timeline?limit=2000", "/signals", "/signed-log", "/cohort-stats", "/scores"] {
        let reply = app.reviewer().get(&format!("/v1/sessions/{}{what}", of.session)).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        seen.push(reply.text);
    }
    // As the log holds them, with nothing in between.
    let rows = format!(
        "SELECT hex(raw), seq, received_at, version, sig_verified FROM events_once WHERE session_id = '{}' ORDER BY seq",
        of.session
    );
    seen.push(sql(app, &rows).await);
    seen
}

#[tokio::test]
async fn no_file_holds_a_byte_of_what_was_erased_and_others_lose_none() {
    let app = TestApp::start().await;
    shorten(&app).await;
    let assessments = (app.assessment().await, app.assessment().await);
    let (gone, kept) = (app.candidate(&assessments.0).await, app.candidate(&assessments.1).await);
    post_all(&kept, &prompts(&kept.session, 1..=300)).await;
    kept.complete().await.expect(200);
    let scores = json!([{"dimension": "clarity", "score": 4, "notes": "kept"}]);
    app.reviewer().post(&format!("/v1/sessions/{}/scores", kept.session), scores).await.expect(201);
    let neighbour = neighbour(&app, &gone);
    let change = async |number: u32| {
        let path = format!("/v1/sessions/{neighbour}");
        app.reviewer().patch(&path, json!({"metadata": {"number": number}})).await.expect(200);
    };
    app.reviewer().post("/v1/sessions", json!({"id": neighbour})).await.expect(201);
    gone.ingest("prompt", json!({"text": CANARY})).await.expect(201);
    change(1).await;
    fill(&app, &gone).await;
    change(2).await;
    app.all_is_written().await;
    // Merged once, so that what it was merged of is there as well.
    for table in ["events", "entities", "session_results", "artifacts", "dead_letters"] {
        sql(&app, &format!("OPTIMIZE TABLE {table} FINAL")).await;
    }
    let before = seen(&app, &kept).await;
    let holding = found(&app);
    let places = ["appendonlydir", "/store/", "/uploads/"];
    for place in places {
        assert!(holding.iter().any(|path| path.to_str().unwrap().contains(place)), "{place}: {holding:?}");
    }
    for (table, condition) in [
        ("events", format!("path LIKE '%{CANARY}%' AND emitter = '{CANARY}' AND position(raw, '{CANARY}') > 0")),
        ("dead_letters", format!("position(raw, '{CANARY}') > 0")),
        ("entities", format!("kind = 'session' AND position(toString(fields), '{CANARY}') > 0")),
        ("entities", format!("kind = 'submission' AND position(toString(fields), '{CANARY}') > 0")),
        ("entities", format!("kind = 'scores' AND position(toString(fields), '{CANARY}') > 0")),
    ] {
        let count = sql(&app, &format!("SELECT count() FROM {table} WHERE {condition}")).await;
        assert_ne!(count.trim(), "0", "nothing of it is in {table}: {condition}");
    }

    // The last of it is on its way when it goes.
    post_all(&gone, &(300..320).map(|number| marked(&gone.session, number)).collect::<Vec<_>>()).await;
    let asked = Instant::now();
    app.reviewer().delete(&format!("/v1/sessions/{}", gone.session)).await.expect(200);
    let answered = asked.elapsed();
    // Late repeats bring nothing back, not even to a log.
    gone.post("/v1/hooks/ingest", marked(&gone.session, 1)).await.refused(410, "session_deleted");
    leaves_the_disk(&app).await;
    println!("answered after {answered:?}, off the disk after {:?}", asked.elapsed());
    assert_eq!(seen(&app, &kept).await, before, "others lose nothing");
    let neighbours = app.reviewer().get(&format!("/v1/sessions/{neighbour}")).await.expect(200);
    assert_eq!(neighbours["session"]["metadata"], json!({"number": 2}));
    eventually("the rewrite to be told", async || app.log().contains("what was erased is not in them").then_some(()))
        .await;
}

#[tokio::test]
async fn what_an_organisation_no_longer_wants_leaves_the_disk_too() {
    let mut app = TestApp::start().await;
    shorten(&app).await;
    let old = app.candidate(&app.assessment().await).await;
    fill(&app, &old).await;
    app.all_is_written().await;
    assert!(!found(&app).is_empty());
    app.let_end_be_long_ago(&old, 31).await;
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_promptster-server"));
    command.args(["org", "retention", "--redis-url", &app.redis_url(), "--org", &app.org().id, "--days=30"]);
    assert!(command.output().unwrap().status.success());
    app.restart_server().await;
    let path = format!("/v1/sessions/{}", old.session);
    eventually("its end", async || (app.reviewer().get(&path).await.status == 404).then_some(())).await;
    leaves_the_disk(&app).await;
}
