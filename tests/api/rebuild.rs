//! Redis loses everything, is restored from ClickHouse, and nobody can tell.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::testing::{Signer, arb_events};
use domain::{OrgId, SessionRef, Timestamp, Windows};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use redis_scripts::{Config, Redis};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{Candidate, TestApp, User, event, eventually, org_create};
use crate::playing::{arrivals, post_all, prompts, refused_for_now, seqs};
use crate::signed::{Spelling, register, sign};

pub fn now_plus(millis: i64) -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Timestamp::from_millis(i64::try_from(now).unwrap() + millis)
}

/// Uploads a bundle twice over and hands one in; what is handed in.
pub async fn hand_in(app: &TestApp, candidate: &Candidate) -> Value {
    let bytes = b"bundle".to_vec();
    let mut body = json!({});
    for _ in 0..2 {
        let asked =
            candidate.post("/v1/candidate/upload-url", json!({"sessionId": candidate.session})).await.expect(200);
        let url = asked["uploadUrl"].as_str().unwrap();
        let anonymous = app.anonymous();
        let request = anonymous.request(Method::PUT, &url[url.find("/v1/").unwrap()..]);
        anonymous.send(request.header("content-type", "application/gzip").body(bytes.clone())).await.expect(200);
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        body = json!({
            "sessionId": candidate.session, "diff": "", "bundleKey": asked["objectKey"], "fileTree": [],
            "bundleSize": bytes.len(), "bundleSha256": sha256,
        });
        candidate.post("/v1/candidate/submit-code", body.clone()).await.expect(200);
    }
    body
}

/// An organisation with everything.
struct World {
    assessments: Vec<String>,
    keys: Vec<Value>,
    running: Candidate,
    random: Candidate,
    done: Candidate,
    hired: Candidate,
    signed: Candidate,
    gone: Candidate,
    of_deleted: Candidate,
    submission: Value,
    /// The API keys of all reviewers, dead ones included.
    reviewers: Vec<User>,
}

impl World {
    async fn make(app: &TestApp) -> Self {
        let reviewer = app.reviewer();
        let issue = json!({"issueTitle": "a", "language": "Go", "difficulty": "easy", "taskBrief": "# Ä",
            "skillTags": ["two words"], "setupInstructions": "make"});
        let issue = reviewer.post("/v1/issues", issue).await.expect(201)["issue"]["id"].clone();
        let criteria = json!([{"key": "fails", "title": "Fails", "signal": "promptCount", "thresholds": [9, 7, 5, 0.5]},
            {"key": "clarity", "title": "Clarity", "weight": 2.5}]);
        let rubric = reviewer.post("/v1/rubrics", json!({"name": "r", "criteria": criteria})).await.expect(201);
        let limited = app
            .assessment_with(json!({"timeLimitMinutes": 600, "allowedTools": ["claude"], "issueId": issue,
                "rubricId": rubric["rubric"]["id"]}))
            .await;
        let (free, deleted) = (app.assessment().await, app.assessment().await);
        reviewer.patch(&format!("/v1/assessments/{free}"), json!({"title": "Änderung"})).await.expect(200);
        let read_only = app.read_only().await;
        let made = reviewer.post("/v1/org/api-keys", json!({"name": "Old", "scopes": ["read", "write"]})).await;
        let made = made.expect(201);
        let revoked = app.bearer(made["secret"].as_str().unwrap());
        revoked.get("/v1/org").await.expect(200);
        reviewer.delete(&format!("/v1/org/api-keys/{}", made["apiKey"]["id"].as_str().unwrap())).await.expect(200);

        let mut keys = app.keys(&limited, 3).await;
        app.anonymous().post("/v1/candidate/consent", json!({"key": keys[1]["key"]})).await.expect(200);
        let path = format!("/v1/assessments/{limited}/keys/{}", keys[2]["id"].as_str().unwrap());
        reviewer.delete(&path).await.expect(200);
        keys.extend(app.keys(&deleted, 1).await);

        let running = app.candidate(&limited).await;
        let change = json!({"path": "src/a.rs", "linesAdded": 5, "linesRemoved": 1});
        for (kind, data) in [
            ("session_start", json!({"cwd": "/home/ä", "repoUrl": "https://example.org/r"})),
            ("prompt", json!({"text": "\"hi\" \u{2028}"})),
            ("file_diff", change.clone()),
            ("file_diff", change),
            ("command", json!({"command": "cargo test", "exitCode": 1})),
            ("test_run", json!({"passed": true})),
            ("decision_event", json!({"title": "Which way", "rationale": "this"})),
        ] {
            running.ingest(kind, data).await;
        }
        let metadata = json!({"metadata": {"level": 3, "nested": {"a": [1, null]}}});
        reviewer.patch(&format!("/v1/sessions/{}", running.session), metadata).await.expect(200);
        let random = app.candidate(&free).await;
        let mut events = arb_events(450).new_tree(&mut TestRunner::deterministic()).unwrap().current();
        for event in &mut events {
            event["sessionId"] = json!(random.session);
        }
        post_all(&random, &events).await;

        let mut ended = Vec::new();
        for n in 1..=3 {
            let candidate = app.candidate(&limited).await;
            post_all(&candidate, &prompts(&candidate.session, 1..=n * 10)).await;
            candidate.complete().await.expect(200);
            ended.push(candidate);
        }
        let (hired, done) = (ended.remove(0), ended.remove(0));
        for score in [2, 4] {
            let scores = json!([{"dimension": "clarity", "score": score, "notes": "\"hm\" \u{2028}"}]);
            reviewer.post(&format!("/v1/sessions/{}/scores", done.session), scores).await.expect(201);
        }
        let path = format!("/v1/assessments/{limited}/keys/{}", hired.key_id);
        reviewer.patch(&path, json!({"status": "hired"})).await.expect(200);
        let signed = app.candidate(&free).await;
        let mut signer = Signer::new([9; 32]);
        register(app, &signed, &signer).await;
        for event in sign(&mut signer, &signed.session, 5, Spelling::G) {
            signed.post_bytes("/v1/hooks/ingest", event.wire).await.expect(201);
        }
        let submission = hand_in(app, &running).await;
        let gone = app.candidate(&limited).await;
        post_all(&gone, &prompts(&gone.session, 1..=20)).await;
        hand_in(app, &gone).await;
        reviewer.delete(&format!("/v1/sessions/{}", gone.session)).await.expect(200);
        let of_deleted = app.candidate(&deleted).await;
        of_deleted.ingest("prompt", json!({"text": "goes on"})).await.expect(201);
        reviewer.delete(&format!("/v1/assessments/{deleted}")).await.expect(200);
        let expired = app.candidate(&free).await;
        expired.ingest("prompt", json!({"text": "too slow"})).await.expect(201);
        app.let_key_expire(&expired.key_id).await;
        reviewer.post("/v1/sessions", json!({"id": "by:reviewer", "metadata": {"a": 1}})).await.expect(201);
        reviewer.post("/v1/sessions", json!({"id": "patched"})).await.expect(201);
        reviewer.patch("/v1/sessions/patched", json!({"endedAt": now_plus(-1000)})).await.expect(200);
        eventually("the key to expire", async || {
            let reply = reviewer.get(&format!("/v1/sessions/{}", expired.session)).await.expect(200);
            (reply["session"]["status"] == "ended").then_some(())
        })
        .await;

        let reviewers = vec![reviewer, read_only, revoked, app.bearer("psk_live_unknown")];
        let assessments = vec![limited, free, deleted];
        let mut all =
            Self { assessments, keys, running, random, done, hired, signed, gone, of_deleted, submission, reviewers };
        for candidate in [&all.running, &all.done, &all.hired, &all.gone, &expired].map(Clone::clone) {
            all.keys.push(json!({"key": candidate.key, "id": candidate.key_id}));
        }
        all
    }

    fn candidates(&self) -> [&Candidate; 7] {
        [&self.running, &self.random, &self.done, &self.hired, &self.signed, &self.gone, &self.of_deleted]
    }

    /// What everybody is answered by every route that reads.
    async fn replies(&self, app: &TestApp) -> Vec<(String, u16, Value)> {
        let mut paths: Vec<String> =
            ["/v1/org", "/v1/org/api-keys", "/v1/assessments", "/v1/candidates?limit=100"].map(str::to_owned).into();
        paths.extend(["/v1/issues", "/v1/rubrics"].map(str::to_owned));
        paths.extend(["active", "ended", "pending"].map(|status| format!("/v1/sessions?status={status}")));
        paths.extend(["/v1/sessions?limit=100", "/v1/sessions?sourceService=claude-code"].map(str::to_owned));
        for id in &self.assessments {
            paths.push(format!("/v1/sessions?assessmentId={id}"));
            for what in ["", "/keys", "/cohort-stats", "/cohort-stats?include=distribution"] {
                paths.push(format!("/v1/assessments/{id}{what}"));
            }
            for session in [&self.done.session, &self.running.session] {
                paths.push(format!("/v1/assessments/{id}/cohort-stats?sessionId={session}"));
            }
        }
        let sessions = self.candidates().map(|candidate| candidate.session.clone());
        for session in sessions.iter().map(String::as_str).chain(["by:reviewer", "patched", "unknown"]) {
            for what in [
                "",
                "/timeline?limit=2000",
                "/decisions",
                "/signals",
                "/cohort-stats",
                "/recent-activity",
                "/signed-log",
                "/scores",
            ] {
                paths.push(format!("/v1/sessions/{session}{what}"));
            }
            paths.push(format!("/v1/sessions/{session}/integrity"));
        }
        let mut users: Vec<(String, User)> =
            self.reviewers.iter().enumerate().map(|(n, user)| (format!("reviewer {n}"), user.clone())).collect();
        for (n, candidate) in self.candidates().into_iter().enumerate() {
            users.push((format!("candidate {n} by token"), app.api_key(&candidate.token)));
            users.push((format!("candidate {n} by key"), app.api_key(&candidate.key)));
        }
        let mut replies = Vec::new();
        for (who, user) in users {
            let is_reader = who == "reviewer 0";
            for path in &paths {
                // All of them for one who sees all; of the others what tells whom they are taken for.
                if is_reader || path.ends_with("/org") || path.matches('/').count() == 3 {
                    let reply = user.get(path).await;
                    replies.push((format!("{who}: {path}"), reply.status, reply.body));
                }
            }
        }
        for key in &self.keys {
            let path = format!("/v1/candidate/consent?key={}", key["key"].as_str().unwrap());
            let reply = app.anonymous().get(&path).await;
            replies.push((path, reply.status, reply.body));
        }
        replies
    }
}

#[track_caller]
fn assert_same(before: &[(String, u16, Value)], after: &[(String, u16, Value)]) {
    for (before, after) in before.iter().zip(after) {
        assert_eq!(before, after);
    }
    assert_eq!(before.len(), after.len());
}

async fn windows(app: &TestApp, candidate: &Candidate, at: Timestamp) -> Windows {
    let name = SessionRef::new(OrgId::sample(app.org().id.parse().unwrap()), candidate.session.parse().unwrap());
    Redis::new(&Config::new(app.redis_url())).unwrap().windows(&name, at).await.unwrap()
}

/// Everybody is told to come back, and nobody that what is theirs never existed.
async fn nothing_is_answered(app: &TestApp, world: &World) {
    let ready = eventually("the server to know", async || {
        Some(app.anonymous().get("/v1/ready").await).filter(|reply| reply.status == 503)
    })
    .await;
    assert_eq!(ready.body["unavailable"], json!(["redis_data"]));
    app.anonymous().get("/v1/health").await.expect(200);
    app.anonymous().get("/v1/openapi.json").await.expect(200);
    for (path, status, body) in world.replies(app).await {
        assert_eq!((status, &body["code"]), (503, &json!("unavailable")), "{path}");
    }
    refused_for_now(&world.running.ingest("prompt", json!({"text": "lost?"})).await, 503, "unavailable");
    refused_for_now(&app.anonymous().get("/v1/sessions").await, 503, "unavailable");
}

/// What goes on where it was.
async fn it_goes_on(app: &TestApp, world: &World) {
    let (running, random) = (&world.running, &world.random);
    let before = arrivals(running, &running.session).await;
    let mut repeated = before[1].clone();
    repeated["v"] = json!(1);
    running.post("/v1/hooks/ingest", repeated).await.expect(200);
    let next = u64::try_from(before.len()).unwrap() + 1;
    let mut watcher = app.reviewer().watch(&running.session, &format!("?after={}", next - 1)).await;
    running.ingest("prompt", json!({"text": "goes on"})).await.expect(201);
    assert_eq!(watcher.next_of("event").await["event"]["seq"], next);
    running.post("/v1/candidate/submit-code", world.submission.clone()).await.expect(200);
    let signals = running.get(&format!("/v1/sessions/{}/signals", running.session)).await.expect(200);
    assert_eq!(signals["signals"]["eventCount"]["value"], next);
    let rows = arrivals(random, &random.session).await;
    assert_eq!(seqs(&rows), (1..=450).collect::<Vec<_>>());

    let gone = &world.gone;
    let late = event(&gone.session, "prompt", json!({"text": "late"}));
    gone.post("/v1/hooks/ingest", late).await.refused(410, "session_deleted");
    app.reviewer().post("/v1/sessions", json!({"id": gone.session})).await.refused(410, "session_deleted");
    let again = json!({"key": world.keys[1]["key"]});
    app.anonymous().post("/v1/candidate/redeem", again).await.expect(200);
    let revoked = json!({"key": world.keys[2]["key"]});
    app.anonymous().post("/v1/candidate/redeem", revoked).await.refused(410, "key_revoked");
    running.complete().await.expect(200);
    eventually("the session in its cohort", async || {
        let path = format!("/v1/assessments/{}/cohort-stats", world.assessments[0]);
        (app.reviewer().get(&path).await.expect(200)["cohortStats"]["sessionCount"] == 4).then_some(())
    })
    .await;
}

#[tokio::test]
async fn after_redis_lost_everything_it_is_restored_and_nobody_can_tell() {
    let mut app = TestApp::start().await;
    let named = org_create(&app.redis_url(), &["--name", "Named", "--external-id", "org_2x"]);
    assert!(named.status.success());
    let world = World::make(&app).await;
    // The last use of credentials is noted with the first of these.
    world.replies(&app).await;
    app.all_is_written().await;
    let before = world.replies(&app).await;
    let count = |wanted: u16| before.iter().filter(|(_, status, _)| *status == wanted).count();
    assert!(count(200) > 120 && count(401) > 20 && count(404) > 20 && count(503) == 0, "{before:?}");
    let (at, running) = (now_plus(0), &world.running);
    let windows_before = windows(&app, running, at).await;
    assert!(windows_before.last(Windows::WIDEST_MS, at).prompts > 0);

    app.stop_server();
    app.wipe_redis().await;
    app.launch_server();
    nothing_is_answered(&app, &world).await;
    assert!(app.log().contains("promptster-server rebuild-redis"), "the log names the command");

    // Killed in the middle: there is something, and nobody takes it for all.
    let empty = app.redis_content().await.len();
    let mut killed = app.begin_to_rebuild_redis();
    eventually("something to be restored", async || {
        assert!(killed.try_wait().unwrap().is_none(), "it ended before it could be killed");
        let size = app.redis_command("DBSIZE").await;
        let size: usize = size.lines().next().unwrap().trim_start_matches(':').parse().unwrap();
        (size > empty + 2 * 64 + 30).then_some(())
    })
    .await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    nothing_is_answered(&app, &world).await;

    // The server that waits for it need not be started again.
    let said = app.rebuild_redis_well().await;
    assert!(said.contains("Redis is whole: organisations 2,") && said.contains("Not restored"), "{said}");
    app.ready().await;
    assert_same(&before, &world.replies(&app).await);
    assert_eq!(windows(&app, running, at).await, windows_before);
    let taken = org_create(&app.redis_url(), &["--name", "Thief", "--external-id", "org_2x"]);
    assert!(!taken.status.success());

    let refused = app.rebuild_redis().await;
    let refusal = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && refusal.contains("a server works on this Redis"), "{refusal}");

    app.all_is_written().await;
    app.stop_server();
    let content = app.redis_content().await;
    app.rebuild_redis_well().await;
    let again = app.redis_content().await;
    for (name, value) in &content {
        assert_eq!(again.get(name), Some(value), "{name}");
    }
    assert_eq!(content.len(), again.len());
    app.start_server().await;
    assert_same(&before, &world.replies(&app).await);
    it_goes_on(&app, &world).await;
}

#[tokio::test]
async fn a_deletion_that_the_loss_interrupted_is_finished() {
    let mut app = TestApp::start().await;
    let assessment = app.assessment().await;
    let (gone, kept) = (app.candidate(&assessment).await, app.candidate(&assessment).await);
    for candidate in [&gone, &kept] {
        post_all(candidate, &prompts(&candidate.session, 1..=3)).await;
        hand_in(&app, candidate).await;
    }
    app.all_is_written().await;
    // The tombstone, as the first step of a deletion leaves it, and then nothing.
    let name = SessionRef::new(OrgId::sample(app.org().id.parse().unwrap()), gone.session.parse().unwrap());
    let redis = Redis::new(&Config::new(app.redis_url())).unwrap();
    redis.begin_erasure(&name, now_plus(0)).await.unwrap().unwrap();
    app.all_is_written().await;
    app.stop_server();
    app.wipe_redis().await;
    let said = app.rebuild_redis_well().await;
    assert!(said.contains("Deletions that were interrupted: 1, finished."), "{said}");
    app.start_server().await;
    let reviewer = app.reviewer();
    reviewer.get(&format!("/v1/sessions/{}", gone.session)).await.refused(404, "not_found");
    gone.ingest("prompt", json!({"text": "late"})).await.refused(410, "session_deleted");
    let count = async |table: &str, column: &str| {
        let query = format!("SELECT count() FROM {table} WHERE {column} = '{}' AND kind != 'tombstone'", gone.session);
        let engine = app.anonymous().at(app.clickhouse_url());
        engine.post_bytes("/?database=promptster", query).await.text.trim().to_owned()
    };
    assert_eq!((count("events", "session_id").await, count("entities", "id").await), ("0".to_owned(), "0".to_owned()));
    let uploads: Vec<_> = std::fs::read_dir(app.uploads_dir().join(&app.org().id)).unwrap().collect();
    assert_eq!(uploads.len(), 1, "those of the other");
    let keys = reviewer.get(&format!("/v1/assessments/{assessment}/keys")).await.expect(200);
    let sessions: Vec<&Value> = keys["keys"].as_array().unwrap().iter().map(|key| &key["sessionId"]).collect();
    assert_eq!(sessions, [&Value::Null, &json!(kept.session)]);
    assert_eq!(arrivals(&kept, &kept.session).await.len(), 3);
}
