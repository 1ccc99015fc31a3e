//! The hiring client and the editor extension, played from the contract of their wire alone, from `start` to the
//! reviewer who reads what came of it.

mod client;
mod extension;
mod go;
mod kinds;
mod snapshots;

use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::Method;
use serde_json::{Value, json};

use self::client::{Cli, post_in_threes, printable, strings, typed};
use self::go::{Keys, Spelling};
use self::kinds::{Actor, by_human, emitted, forty};
use crate::harness::TestApp;
use crate::playing::{ids, timeline};

#[tokio::test]
async fn a_whole_assessment_of_a_client_that_signs_as_javascript_spells() {
    whole_assessment(Spelling::J).await;
}

#[tokio::test]
async fn a_whole_assessment_of_a_client_that_signs_as_go_spells() {
    whole_assessment(Spelling::G).await;
}

async fn whole_assessment(spelling: Spelling) {
    let app = TestApp::start().await;
    let mut cli = start(&app, spelling).await;
    let commit = json!({"sessionId": cli.session, "commitSha": "3f9a1bc"});
    cli.shared.post("/v1/candidate/workspace-commit", commit).await.expect(200);
    check_device(&cli, "start").await;
    let mut sent = work(&app, &mut cli).await;
    sent.push(explain(&mut cli).await);
    let abandoned = snapshots::abandoned(&app, &cli).await;
    snapshots::whole(&cli, "package main\n", Value::Null).await;
    drop(abandoned);
    // A check of the device is an event, too.
    status(&cli, sent.len() + 1, "active").await;
    check_device(&cli, "done").await;
    snapshots::whole(&cli, "package main // done\n", json!(["main.go", "docs/a.md"])).await;
    complete(&app, &cli).await;
    sent.extend(after_completion(&app, &mut cli).await);
    verify(&app, &cli).await;
    review(&app, &cli, &sent).await;
}

/// `doctor`, then `start KEY`.
async fn start(app: &TestApp, spelling: Spelling) -> Cli {
    let assessment = app.assessment_with(json!({"timeLimitMinutes": 60})).await;
    let key = app.keys(&assessment, 1).await.remove(0);
    // As the candidate typed it.
    let typed_key = key["key"].as_str().unwrap().to_lowercase();
    let anonymous = app.anonymous().with_header("x-promptster-cli-version", "dev").at(&format!("{}/", app.url()));
    anonymous.get("/v1/health").await.expect(200);
    printable(&anonymous.get("/v1/cli/version-check").await, 404);
    printable(&anonymous.post("/v1/candidate/redeem", json!({"key": typed_key})).await, 403);

    let consent = format!("/v1/candidate/consent?key={typed_key}");
    let shown = anonymous.get(&consent).await.expect(200);
    typed(&shown, "disclosureHash", "", "alreadyConfirmed");
    typed(&shown["disclosure"], "version tosUrl", "", "");
    for list in ["captures", "doesNotCapture", "evaluated", "dataUse"] {
        assert!(strings(&shown["disclosure"][list]), "{list}");
    }
    assert_eq!(shown["alreadyConfirmed"], false);
    let give = |hash: Value| anonymous.post("/v1/candidate/consent", json!({"key": typed_key, "disclosureHash": hash}));
    printable(&give(json!("0".repeat(64))).await, 409);
    assert_eq!(anonymous.get(&consent).await.expect(200)["alreadyConfirmed"], false);
    for _ in 0..2 {
        give(shown["disclosureHash"].clone()).await.expect(200);
    }
    assert_eq!(anonymous.get(&consent).await.expect(200)["alreadyConfirmed"], true);

    // The first answer is lost; the second redeem comes with another pair of keys.
    let redeem =
        |keys: &Keys| anonymous.post("/v1/candidate/redeem", json!({"key": typed_key, "signingPubKey": keys.public()}));
    let lost = redeem(&Keys::fresh()).await.expect(200);
    let keys = Keys::fresh();
    let redeemed = redeem(&keys).await.expect(200);
    assert_eq!(redeemed["sessionId"], lost["sessionId"]);
    let words = "sessionId sessionToken assessmentId assessmentTitle orgName taskBrief repoUrl repoCommit repoSubdir \
                 setupInstructions issueId expiresAt authMode hostingLane hostedLaunchUrl expectedTreeSha";
    typed(&redeemed, words, "timeLimitMinutes", "tosAccepted");
    assert!(redeemed["brief"].is_null() || redeemed["brief"].is_object());
    assert!(strings(&redeemed["allowedTools"]));
    assert_eq!(redeemed["timeLimitMinutes"], 60);
    assert_eq!(redeemed["assessmentId"], json!(assessment));
    let expires = domain::Timestamp::parse_rfc3339(redeemed["expiresAt"].as_str().unwrap()).unwrap();
    assert!(expires.millis() > now() + 60 * 60_000, "the local state outlives the time limit");
    Cli::new(app, spelling, keys, &typed_key, &redeemed)
}

/// Tells what machine this is; what is not known is empty.
async fn check_device(cli: &Cli, checkpoint: &str) {
    let hash = "5e".repeat(32);
    let fingerprint = json!({
        "os": "linux", "arch": "amd64", "hostnameHash": hash, "usernameHash": hash, "machineIdHash": "", "shell": "zsh",
        "cpuCount": 8, "ramBytes": u64::MAX,
    });
    let body = json!({"checkpoint": checkpoint, "fingerprint": fingerprint});
    cli.shared.post("/v1/candidate/device-check", body).await.expect(200);
}

/// The events of the hooks, the watchers and the shell, and those of the extension; the ids of all.
async fn work(app: &TestApp, cli: &mut Cli) -> Vec<String> {
    let mut interrupted = Vec::new();
    let mut posts = Vec::new();
    for event in forty() {
        // A prompt that redirects names the interruption before it.
        let interrupts = event.kind == "interrupt";
        let post = cli.sign(event, &interrupted);
        interrupted = if interrupts { vec![post.0.clone()] } else { Vec::new() };
        posts.push(post);
    }
    assert_eq!(posts.len(), 40);
    let mut sent: Vec<_> = posts.iter().map(|(id, _)| id.clone()).collect();
    // 27 and 40 have no common divisor: each event once, far from its neighbours. Some are posted again, at once or later.
    let mut arrival: Vec<_> = (0..40).map(|nth| posts[nth * 27 % 40].clone()).collect();
    arrival.insert(4, arrival[3].clone());
    arrival.insert(30, arrival[9].clone());
    arrival.push(arrival[0].clone());
    post_in_threes(&cli.hooks, &arrival).await;

    let extension = app.api_key(&cli.key);
    let mut events = extension::events(&cli.session, now());
    sent.extend(events.iter().map(|(id, _)| id.clone()));
    events.push(events[2].clone());
    post_in_threes(&extension, &events).await;
    sent
}

/// `explain`: what happened lately becomes the context of a decision.
async fn explain(cli: &mut Cli) -> String {
    let lately = cli.shared.get(&format!("/v1/sessions/{}/recent-activity?minutes=20", cli.session)).await.expect(200);
    typed(&lately, "summary", "periodMinutes eventCount", "");
    typed(&lately["recentActivity"], "", "promptCount", "");
    assert!(strings(&lately["recentActivity"]["filesChanged"]) && strings(&lately["recentActivity"]["commands"]));
    assert!(lately["eventCount"].as_u64() > Some(0), "{lately}");
    let decision = json!({
        "decisionId": uuid::Uuid::new_v4(), "title": "Decision rationale", "context": lately["summary"],
        "impactScore": 3, "chosenOption": "", "tradeoffs": "", "rationale": "A table is simpler than a <parser> & faster",
        "capturedVia": "cli-explain", "capturedAt": domain::Timestamp::from_millis(now()), "triggerEventId": "",
        "triggerKind": "", "categoryHint": "", "instructionVersion": "1", "rationalePromptedTTY": true,
        "severity": "", "description": "", "flagReason": "",
    });
    let (id, bytes) = cli.sign(emitted("cli", "decision_event", decision, Actor::Human, by_human()), &[]);
    cli.shared.post_bytes("/v1/hooks/ingest", bytes).await.expect(201);
    id
}

/// What `status` shows.
async fn status(cli: &Cli, events: usize, status: &str) {
    let shown = cli.shared.get(&format!("/v1/sessions/{}", cli.session)).await.expect(200);
    assert_eq!((&shown["eventCount"], &shown["status"]), (&json!(events), &json!(status)));
}

/// The end of `done`, run again because its first answer was lost.
async fn complete(app: &TestApp, cli: &Cli) {
    let anonymous = app.anonymous().at(&format!("{}/", app.url()));
    let complete = || anonymous.post("/v1/candidate/complete", json!({"sessionId": cli.session, "key": cli.key}));
    let first = complete().await.expect(200);
    typed(&first, "completedAt", "", "ok");
    assert_eq!(first["ok"], true);
    assert_eq!(complete().await.expect(200)["completedAt"], first["completedAt"]);
}

/// A hook that was still under way, and the last flush of the extension.
async fn after_completion(app: &TestApp, cli: &mut Cli) -> [String; 2] {
    let command = json!({"command": "promptster done", "exitCode": 0, "stdout": "", "stderr": "", "durationMs": 1000, "human": true});
    let (hook, bytes) = cli.sign(emitted("terminal", "command", command, Actor::Human, by_human()), &[]);
    cli.hooks.post_bytes("/v1/hooks/ingest", bytes).await.expect(201);
    let data = json!({"subKind": "file_close", "filePath": "a.go", "dwellMs": 1200});
    let (flushed, bytes) = extension::event(&cli.session, now(), "editor_focus", &data);
    app.api_key(&cli.key).post_bytes("/v1/hooks/ingest", bytes).await.expect(201);
    [hook, flushed]
}

/// `verify`, with the token and with the key.
async fn verify(app: &TestApp, cli: &Cli) {
    for user in [&cli.shared, &app.api_key(&cli.key)] {
        let log = user.call(Method::GET, &format!("/v1/sessions/{}/signed-log", cli.session)).await.expect(200);
        assert_eq!(cli.verify(&log).len(), 42, "forty, a decision and a late one");
    }
    let report = app.reviewer().get(&format!("/v1/sessions/{}/integrity", cli.session)).await.expect(200);
    let expected = json!({"signed": 42, "verified": 42, "broken": [], "complete": true, "gaps": 0, "forks": 0});
    assert_eq!(report, expected);
}

/// The reviewer finds every event once, the decision, the signals and the cohort.
async fn review(app: &TestApp, cli: &Cli, sent: &[String]) {
    let reviewer = app.reviewer();
    let rows = timeline(&reviewer, &cli.session).await;
    let (checks, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row["kind"] == "checkpoint");
    assert_eq!(checks.len(), 2, "one check of the device at the start, one at the end");
    let (mut read, mut expected) = (ids(&rows), sent.iter().map(String::as_str).collect::<Vec<_>>());
    read.sort_unstable();
    expected.sort_unstable();
    assert_eq!(read, expected);
    status(cli, sent.len() + checks.len(), "ended").await;
    let verdicts = |verdict: Value| rows.iter().filter(|row| row["sigVerified"] == verdict).count();
    assert_eq!((verdicts(json!(true)), verdicts(Value::Null)), (42, 11), "the extension does not sign");
    let read = async |what: &str| reviewer.get(&format!("/v1/sessions/{}/{what}", cli.session)).await.expect(200);
    let decisions = read("decisions").await;
    let rationales: Vec<_> =
        decisions["decisions"].as_array().unwrap().iter().map(|row| &row["data"]["rationale"]).collect();
    assert_eq!(rationales, ["A table is simpler than a <parser> & faster"]);
    let signals = read("signals").await;
    assert_eq!(signals["final"], true, "{signals}");
    let value = |name: &str| &signals["signals"][name]["value"];
    assert_eq!(value("eventCount"), &json!(55));
    // What was posted twice counts once; the late command counts, too.
    let counted =
        ["promptCount", "commandCount", "commandFailCount", "testRunCount", "fileChangeCount", "decisionFlagCount"];
    assert_eq!(counted.map(value), [3, 6, 1, 3, 8, 1].map(|n| json!(n)).each_ref(), "{signals}");
    let cohort = read("cohort-stats").await;
    assert_eq!(cohort["cohortStats"]["sessionCount"], 1, "{cohort}");
    assert_eq!(cohort["cohortStats"]["metrics"]["avgPromptCount"], 3.0, "{cohort}");
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
