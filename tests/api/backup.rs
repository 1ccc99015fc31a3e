//! A backup that is taken under load by the commands of `docs/backup.md`, and restored by them on an empty machine.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};
use test_support::{ClickHouse, Redis};

use crate::harness::{Candidate, PROGRAM, TestApp, event, eventually};
use crate::playing::{arrivals, post_all, prompts, seqs, session, statuses};
use crate::rebuild::hand_in;

/// What has no limits that a load would meet.
const UNBOUNDED: [&str; 2] = ["--ingest-per-minute=100000000", "--ingest-burst=100000000"];

/// The commands below a heading of the page, one text for each block.
fn commands(heading: &str) -> Vec<String> {
    let page = include_str!("../../docs/backup.md");
    let (_, after) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = after.split("\n## ").next().unwrap();
    section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

/// Runs commands as somebody would who has set these variables.
fn run(commands: &str, variables: &[(&str, &str)]) {
    let mut shell = Command::new("bash");
    let programs = Path::new(PROGRAM).parent().unwrap().display();
    shell.env("PATH", format!("{programs}:{}", std::env::var("PATH").unwrap()));
    let output = shell.args(["-euo", "pipefail", "-c", commands]).envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{commands}\n{}", String::from_utf8_lossy(&output.stderr));
}

fn count(rows: &[Value]) -> u64 {
    u64::try_from(rows.len()).unwrap()
}

/// A candidate who sends batches until it is told to stop, and how many events were acknowledged.
struct AtWork {
    candidate: Candidate,
    acknowledged: Arc<AtomicU64>,
    work: tokio::task::JoinHandle<()>,
}

impl AtWork {
    async fn begin(app: &TestApp, assessment: &str, stop: &Arc<AtomicBool>) -> Self {
        let candidate = app.candidate(assessment).await;
        let (acknowledged, stop, sender) = (Arc::new(AtomicU64::new(0)), stop.clone(), candidate.clone());
        let counter = acknowledged.clone();
        let work = tokio::spawn(async move {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                let made = |k| event(&sender.session, "prompt", json!({"text": "x".repeat(300), "number": n * 10 + k}));
                let events: Vec<Value> = (0..10).map(made).collect();
                let reply = sender.post("/v1/hooks/ingest/batch", json!({"events": events})).await.expect(207);
                assert!(statuses(&reply["results"]).iter().all(|status| *status == 201), "{reply}");
                n += 1;
                counter.fetch_add(10, Ordering::Relaxed);
            }
        });
        Self { candidate, acknowledged, work }
    }
}

/// What reviewers see of a session that has ended.
async fn shown(app: &TestApp, candidate: &Candidate) -> Vec<Value> {
    let reviewer = app.reviewer();
    let mut shown = vec![json!(arrivals(&reviewer, &candidate.session).await)];
    for what in ["", "/signals", "/artifacts", "/decisions", "/integrity"] {
        shown.push(reviewer.get(&format!("/v1/sessions/{}{what}", candidate.session)).await.expect(200));
    }
    shown.push(reviewer.get(&format!("/v1/assessments/{}/keys", candidate.assessment)).await.expect(200));
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_restored_elsewhere_serves_the_same() {
    let app = TestApp::with(&UNBOUNDED).await;
    let assessment = app.assessment().await;
    let done = app.candidate(&assessment).await;
    post_all(&done, &prompts(&done.session, 1..=700)).await;
    hand_in(&app, &done).await;
    done.complete().await.expect(200);
    app.all_is_written().await;
    let before = shown(&app, &done).await;
    let crowd = app.assessment().await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut at_work = Vec::new();
    for _ in 0..4 {
        at_work.push(AtWork::begin(&app, &crowd, &stop).await);
    }
    let busy = async || at_work.iter().all(|one| one.acknowledged.load(Ordering::Relaxed) >= 100).then_some(());
    eventually("everybody to be at work", busy).await;

    let safe = tempfile::tempdir().unwrap();
    let backup = safe.path().join("2026-04-01");
    let acknowledged: Vec<u64> = at_work.iter().map(|one| one.acknowledged.load(Ordering::Relaxed)).collect();
    let (redis, clickhouse) = (app.redis_url(), app.clickhouse_url().to_owned());
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (folder, backups, data) = (text(&backup), text(&app.clickhouse_dir().join("backups")), text(&app.data_dir()));
    tokio::task::spawn_blocking(move || {
        let variables = [
            ("BACKUP", folder.as_str()),
            ("CLICKHOUSE_URL", clickhouse.as_str()),
            ("CLICKHOUSE_BACKUPS", backups.as_str()),
            ("REDIS_URL", redis.as_str()),
            ("DATA_DIR", data.as_str()),
        ];
        commands("Take a backup").iter().for_each(|block| run(block, &variables));
    })
    .await
    .unwrap();
    let after = |one: &AtWork, before: &u64| one.acknowledged.load(Ordering::Relaxed) > before + 20;
    let went_on = async || at_work.iter().zip(&acknowledged).all(|(one, before)| after(one, before)).then_some(());
    eventually("the work to go on after the backup", went_on).await;
    stop.store(true, Ordering::Relaxed);
    let mut known = Vec::new();
    for one in at_work {
        one.work.await.unwrap();
        let rows = arrivals(&app.reviewer(), &one.candidate.session).await;
        assert_eq!(count(&rows), one.acknowledged.load(Ordering::Relaxed));
        known.push((one.candidate, rows));
    }
    let org = app.org().clone();
    drop(app);

    let directory = tempfile::tempdir().unwrap();
    let (folder, data) = (text(&backup), text(&directory.path().join("data")));
    let [files, log, rest]: [String; 3] = commands("Restore").try_into().unwrap();
    let redis = Redis::start_on(|dir| {
        run(&files, &[("BACKUP", &folder), ("REDIS_DIR", dir.to_str().unwrap()), ("DATA_DIR", &data)]);
    });
    let clickhouse = ClickHouse::start();
    let backups = text(&clickhouse.data_dir().join("backups"));
    let variables =
        [("BACKUP", folder.as_str()), ("CLICKHOUSE_URL", clickhouse.url()), ("CLICKHOUSE_BACKUPS", backups.as_str())];
    run(&log, &variables);
    run(&rest, &[("REDIS_URL", &redis.url())]);
    // What the page says is enough, without what would mend it sooner or later.
    let flags = [&UNBOUNDED[..], &["--reconcile-every-secs=86400"]].concat();
    let app = TestApp::moved(redis, clickhouse, directory, org, &flags).await;

    assert_eq!(shown(&app, &done).await, before, "what had ended is the same to the letter");
    for ((candidate, rows), at_least) in known.into_iter().zip(acknowledged) {
        let restored = eventually("the log to have what the streams have", async || {
            let rows = arrivals(&app.reviewer(), &candidate.session).await;
            let counted = session(&app.reviewer(), &candidate.session).await["eventCount"].as_u64().unwrap();
            (count(&rows) == counted).then_some(rows)
        })
        .await;
        assert!(count(&restored) >= at_least, "{} of {at_least} acknowledged before", restored.len());
        assert_eq!(restored[..], rows[..restored.len()], "the same events in the same order under the same numbers");
        let user = app.api_key(&candidate.token);
        let next = event(&candidate.session, "prompt", json!({"text": "and on"}));
        user.post("/v1/hooks/ingest", next).await.expect(201);
        let seqs = seqs(&arrivals(&app.reviewer(), &candidate.session).await);
        assert_eq!(seqs, (1..=count(&restored) + 1).collect::<Vec<_>>());
    }
}
