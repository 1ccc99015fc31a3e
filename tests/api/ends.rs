//! Every way in which a session ends, and what the key, the session and the cohort say of it.

use domain::Timestamp;
use serde_json::{Value, json};

use crate::harness::{Candidate, TestApp, event_at, eventually};
use crate::playing::{START, instant, now, post_all, session, timeline};

async fn key_of(app: &TestApp, candidate: &Candidate) -> Value {
    let keys = app.reviewer().get(&format!("/v1/assessments/{}/keys", candidate.assessment)).await.expect(200);
    let keys = keys["keys"].as_array().unwrap();
    keys.iter().find(|key| key["id"] == candidate.key_id.as_str()).unwrap().clone()
}

/// A candidate who has sent two events, a minute apart, long ago.
async fn at_work(app: &TestApp, assessment: &str) -> Candidate {
    let avocet = app.candidate(assessment).await;
    let events = [START, START + 60_000].map(|at| event_at(&avocet.session, at, "prompt", json!({"text": "a"})));
    post_all(&avocet, &events).await;
    avocet
}

#[tokio::test]
async fn each_end_has_its_time_and_its_status_and_puts_the_session_into_the_cohort() {
    let app = TestApp::with(&["--time-limit-grace-secs=0"]).await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment_with(json!({"timeLimitMinutes": 60})).await);
    let stats = format!("/v1/assessments/{assessment}/cohort-stats");
    let ends = ["session_end", "end", "complete", "patch", "time_limit", "expiry"];
    for (n_before, end) in ends.into_iter().enumerate() {
        let avocet = at_work(&app, &assessment).await;
        let before = now();
        let expected = match end {
            "session_end" => {
                post_all(&avocet, &[event_at(&avocet.session, START + 90_000, "session_end", json!({}))]).await;
                Some(Timestamp::from_millis(START + 90_000))
            }
            "end" => {
                let mut socket = avocet.stream().await;
                socket.send(json!({"type": "end", "reason": "done"})).await;
                assert_eq!(socket.closed().await, Some(1000));
                None
            }
            "complete" => {
                avocet.complete().await.expect(200);
                None
            }
            "patch" => {
                let path = format!("/v1/sessions/{}", avocet.session);
                reviewer.patch(&path, json!({"endedAt": "2031-01-01T00:00:00Z"})).await.expect(200);
                Timestamp::parse_rfc3339("2031-01-01T00:00:00Z")
            }
            "time_limit" => {
                let deadline = now().plus_millis(-5_000);
                app.move_deadline(&avocet, deadline).await;
                Some(deadline)
            }
            _ => {
                app.let_key_expire(&avocet.key_id).await;
                Some(Timestamp::from_millis(1000))
            }
        };
        let ended = eventually("the end", async || {
            let shown = session(&reviewer, &avocet.session).await;
            (shown["status"] == "ended").then_some(shown)
        })
        .await;
        let status = if end == "expiry" { "expired" } else { "completed" };
        let key = eventually("the key to follow", async || {
            let key = key_of(&app, &avocet).await;
            (key["status"] == status).then_some(key)
        })
        .await;
        let after = now();
        let of_server = |value: &Value| (before..=after).contains(&instant(value));
        match expected {
            Some(at) => assert_eq!(instant(&ended["endedAt"]), at, "{end}"),
            None => assert!(of_server(&ended["endedAt"]), "{end}: {ended}"),
        }
        if status == "completed" {
            assert!(of_server(&key["completedAt"]), "{end}: the server's time, whatever the session says: {key}");
        } else {
            assert_eq!(key["completedAt"], Value::Null);
        }
        eventually("the cohort to have it", async || {
            let cohort = reviewer.get(&stats).await.expect(200);
            (cohort["cohortStats"]["sessionCount"] == n_before + 1).then_some(())
        })
        .await;
        let signals = reviewer.get(&format!("/v1/sessions/{}/signals", avocet.session)).await.expect(200);
        let duration = signals["signals"]["durationMs"]["value"].as_i64().unwrap();
        assert_eq!(duration, (instant(&ended["endedAt"]).millis() - START).max(0), "{end}");
        assert_eq!(signals["final"], true, "{end}");

        // The first close stands, but for a reviewer, who may set another time.
        let path = format!("/v1/sessions/{}", avocet.session);
        if status == "completed" {
            post_all(&avocet, &[event_at(&avocet.session, START + 999_000, "session_end", json!({}))]).await;
            assert_eq!(avocet.complete().await.expect(200)["completedAt"], key["completedAt"], "{end}");
            assert_eq!(session(&reviewer, &avocet.session).await["endedAt"], ended["endedAt"], "{end}");
        }
        // The event that closes at an expiry is older here than all others, and so the start.
        let later = if end == "expiry" { "1970-01-01T00:05:01.000Z" } else { "2026-04-01T10:05:00.000Z" };
        let set = reviewer.patch(&path, json!({"endedAt": later})).await.expect(200);
        assert_eq!(set["session"]["endedAt"], later, "{end}");
        let key_after = key_of(&app, &avocet).await;
        assert_eq!((&key_after["status"], &key_after["completedAt"]), (&key["status"], &key["completedAt"]), "{end}");
    }
    // All have the same duration by now, for the results follow what a reviewer sets.
    eventually("the results to follow", async || {
        let cohort = reviewer.get(&stats).await.expect(200);
        (cohort["cohortStats"]["metrics"]["avgDurationMs"] == 300_000).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_closes_by_itself_says_why() {
    let app = TestApp::with(&["--time-limit-grace-secs=0"]).await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment_with(json!({"timeLimitMinutes": 60})).await);
    let over = at_work(&app, &assessment).await;
    app.move_deadline(&over, now()).await;
    let rows = eventually("the closing event", async || {
        let rows = timeline(&reviewer, &over.session).await;
        (rows.len() == 3).then_some(rows)
    })
    .await;
    let end = rows.iter().find(|row| row["kind"] == "session_end").unwrap();
    assert_eq!((&end["data"]["reason"], &end["actor"]["type"]), (&json!("time_limit"), &json!("system")));
    assert_eq!(session(&reviewer, &over.session).await["eventCount"], 3);

    // A revoked key authenticates nobody, and its session is closed when the key would have expired.
    let revoked = at_work(&app, &assessment).await;
    reviewer.delete(&format!("/v1/assessments/{assessment}/keys/{}", revoked.key_id)).await.expect(200);
    revoked.complete().await.refused(410, "key_revoked");
    assert_eq!(session(&reviewer, &revoked.session).await["endedAt"], Value::Null);
    app.let_key_expire(&revoked.key_id).await;
    let ended = eventually("the session to be closed", async || {
        let shown = session(&reviewer, &revoked.session).await;
        (shown["status"] == "ended").then_some(shown)
    })
    .await;
    assert_eq!(ended["endedAt"], "1970-01-01T00:00:01.000Z");
    let stats = format!("/v1/assessments/{assessment}/cohort-stats");
    eventually("the revoked key's finished session in the cohort", async || {
        let cohort = reviewer.get(&stats).await.expect(200);
        (cohort["cohortStats"]["sessionCount"] == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_time_limit_runs_from_redeeming_and_a_key_as_long_as_its_assessment_says() {
    let app = TestApp::start().await;
    let assessment = app.assessment_with(json!({"timeLimitMinutes": 1, "expiresInDays": 1})).await;
    let before = now();
    let avocet = app.candidate(&assessment).await;
    let after = now();
    let deadline = app.redis_command(&format!("HGET {} deadline", session_record(&app, &avocet))).await;
    let deadline: i64 = deadline.lines().nth(1).unwrap().trim().parse().unwrap();
    assert!((before.millis() + 60_000..=after.millis() + 60_000).contains(&deadline), "{deadline}");
    let key = key_of(&app, &avocet).await;
    assert_eq!(instant(&key["expiresAt"]).millis() - instant(&key["createdAt"]).millis(), 24 * 3_600_000);
    // Changed terms are those of keys and sessions that begin later.
    let change = json!({"timeLimitMinutes": 90, "expiresInDays": 2});
    app.reviewer().patch(&format!("/v1/assessments/{assessment}"), change).await.expect(200);
    let later = app.keys(&assessment, 1).await.remove(0);
    assert_eq!(instant(&later["expiresAt"]).millis() - instant(&later["createdAt"]).millis(), 2 * 24 * 3_600_000);
    assert_eq!(key_of(&app, &avocet).await["expiresAt"], key["expiresAt"]);
}

fn session_record(app: &TestApp, candidate: &Candidate) -> String {
    let org = domain::OrgId::sample(app.org().id.parse().unwrap());
    let name = domain::SessionRef::new(org, candidate.session.parse().unwrap());
    redis_scripts::keys::SessionKeys::of(&name).record()
}
