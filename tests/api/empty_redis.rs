//! Redis comes back empty under a server that runs, and what was due in it is done all the same once it is restored.

use domain::{OrgId, SessionRef};
use redis_scripts::keys::SessionKeys;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Candidate, TestApp, event, eventually};
use crate::playing::{arrivals, post_all, prompts, seqs};
use crate::rebuild::now_plus;

#[tokio::test]
async fn what_is_due_is_done_although_redis_lost_it() {
    let mut app = TestApp::with(&["--time-limit-grace-secs=0"]).await;
    let assessment = app.assessment_with(json!({"timeLimitMinutes": 60})).await;
    let (avocet, unused) = (app.candidate(&assessment).await, app.keys(&assessment, 1).await.remove(0));
    avocet.ingest("prompt", json!({"text": "go"})).await.expect(201);
    let name = SessionRef::new(OrgId::sample(app.org().id.parse().unwrap()), avocet.session.parse().unwrap());
    let record = SessionKeys::of(&name).record();
    app.redis_command(&format!("HSET {record} deadline {}", now_plus(9_000).millis())).await;
    let key = unused["id"].as_str().unwrap();
    app.overwrite("candidate_key", key, "expires", &now_plus(9_000).millis().to_string()).await;
    // The log learns of both with the next change.
    let path = format!("/v1/sessions/{}/metadata", avocet.session);
    app.reviewer().patch(&path, json!({"metadata": {"a": 1}})).await.expect(200);
    app.anonymous().post("/v1/candidate/consent", json!({"key": unused["key"]})).await.expect(200);
    app.all_is_written().await;
    app.stop_server();
    app.wipe_redis().await;
    app.rebuild_redis_well().await;
    app.start_server().await;
    let session = eventually("the session to be closed", async || {
        let session =
            app.reviewer().get(&format!("/v1/sessions/{}", avocet.session)).await.expect(200)["session"].clone();
        (session["status"] == "ended" && session["eventCount"] == 2).then_some(session)
    })
    .await;
    assert_eq!(session["eventCount"], 2);
    eventually("the key to expire", async || {
        let keys = app.reviewer().get(&format!("/v1/assessments/{assessment}/keys")).await.expect(200);
        let keys = keys["keys"].as_array().unwrap();
        (keys.iter().find(|found| found["id"] == key)?["status"] == "expired").then_some(())
    })
    .await;
    eventually("the results", async || {
        let stats = app.reviewer().get(&format!("/v1/assessments/{assessment}/cohort-stats")).await;
        (stats.body["cohortStats"]["sessionCount"] == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_whose_redis_comes_back_empty_takes_nothing_and_ends() {
    let mut app = TestApp::start().await;
    let avocet = app.candidate(&app.assessment().await).await;
    post_all(&avocet, &prompts(&avocet.session, 1..=3)).await;
    let mut socket = avocet.stream().await;
    app.all_is_written().await;
    app.wipe_redis().await;
    let late = event(&avocet.session, "prompt", json!({"text": "is this one lost?"}));
    socket.send(json!({"type": "batch", "events": [late]})).await;
    let anonymous = app.anonymous();
    let asked = anonymous.request(Method::GET, "/v1/org").bearer_auth(&app.org().secret).build().unwrap();
    if let Ok(reply) = reqwest::Client::builder().no_proxy().build().unwrap().execute(asked).await {
        assert_eq!(reply.status(), 503, "nobody is told that there is no such key");
    }
    assert!(!app.server_ended_well(), "it calls that no success");
    assert!(app.log().contains("promptster-server rebuild-redis"));
    while let Ok(message) = socket.read().await {
        let results = message["results"].as_array().cloned().unwrap_or_default();
        assert!(results.iter().all(|result| result["status"] == 503), "{message}");
    }

    app.rebuild_redis_well().await;
    app.start_server().await;
    avocet.post("/v1/hooks/ingest", late_again(&avocet)).await.expect(201);
    assert_eq!(seqs(&arrivals(&avocet, &avocet.session).await), [1, 2, 3, 4]);
}

fn late_again(avocet: &Candidate) -> Value {
    event(&avocet.session, "prompt", json!({"text": "again"}))
}
