//! What ClickHouse confirmed and lost comes back from the streams, and what was erased does not.

use serde_json::json;

use crate::harness::{TestApp, eventually};
use crate::playing::{candidate, post_all, prompts, timeline};

async fn sql(app: &TestApp, statement: &str) -> String {
    let reply = app.anonymous().at(app.clickhouse_url()).post_bytes("/?database=promptster", statement).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.text.trim().to_owned()
}

async fn rows(app: &TestApp, session: &str) -> String {
    sql(app, &format!("SELECT count() FROM events_once WHERE session_id = '{session}'")).await
}

#[tokio::test]
async fn rows_that_vanished_from_clickhouse_come_back_as_they_were() {
    let app = TestApp::with(&["--reconcile-every-secs=1"]).await;
    let (avocet, dunlin) = (candidate(&app).await, candidate(&app).await);
    for of in [&avocet, &dunlin] {
        post_all(of, &prompts(&of.session, 1..=300)).await;
        for number in 0..5 {
            of.ingest("prompt", json!({"alone": number})).await.expect(201);
        }
    }
    avocet.complete().await.expect(200);
    app.all_is_written().await;
    let path = |what: &str| format!("/v1/sessions/{}{what}", avocet.session);
    let before = (timeline(&avocet, &avocet.session).await, timeline(&dunlin, &dunlin.session).await);
    let cohort = async || app.reviewer().get(&path("/cohort-stats")).await.expect(200);
    eventually("the results", async || (cohort().await["cohortStats"]["sessionCount"] == 1).then_some(())).await;

    // One of many that were written together, one that was written alone, all of another session, and a state.
    sql(&app, &format!("DELETE FROM events WHERE session_id = '{}' AND seq IN (7, 303)", avocet.session)).await;
    sql(&app, &format!("DELETE FROM events WHERE session_id = '{}'", dunlin.session)).await;
    sql(&app, &format!("DELETE FROM entities WHERE kind = 'session' AND id = '{}'", dunlin.session)).await;
    assert_eq!(rows(&app, &dunlin.session).await, "0", "it is gone");
    eventually("all of it to come back", async || {
        let state = format!("SELECT count() FROM entities FINAL WHERE kind = 'session' AND id = '{}'", dunlin.session);
        let found = (rows(&app, &avocet.session).await, rows(&app, &dunlin.session).await, sql(&app, &state).await);
        (found.0 == before.0.len().to_string() && found.1 == "305" && found.2 == "1").then_some(())
    })
    .await;
    assert_eq!((timeline(&avocet, &avocet.session).await, timeline(&dunlin, &dunlin.session).await), before);
    assert!(app.log().contains("clickhouse lacks what it confirmed"), "the operator is told");
    assert!(!app.log().contains("missing still"), "{}", app.log());
    app.all_is_written().await;
    // Nothing is missing any more, and nothing is written again.
    let told = app.log().matches("clickhouse lacks").count();
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    assert_eq!(app.log().matches("clickhouse lacks").count(), told);
}

#[tokio::test]
async fn what_is_erased_while_it_is_written_again_stays_erased() {
    let app = TestApp::with(&["--reconcile-every-secs=1"]).await;
    let assessment = app.assessment().await;
    let mut all = Vec::new();
    for _ in 0..8 {
        let of = app.candidate(&assessment).await;
        post_all(&of, &prompts(&of.session, 1..=50)).await;
        all.push(of);
    }
    app.all_is_written().await;
    sql(&app, "DELETE FROM events WHERE 1").await;
    // Erased at different moments of the comparison that finds them missing, and of what it has written again.
    let (erased, kept) = all.split_at(6);
    for of in erased {
        tokio::time::sleep(std::time::Duration::from_millis(900)).await;
        let path = format!("/v1/sessions/{}", of.session);
        eventually("the erasure", async || {
            let status = app.reviewer().delete(&path).await.status;
            assert!([200, 404, 503].contains(&status), "{status}");
            (status != 503).then_some(())
        })
        .await;
    }
    for of in kept {
        eventually("the others to come back", async || (rows(&app, &of.session).await == "50").then_some(())).await;
    }
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    for of in erased {
        assert_eq!(rows(&app, &of.session).await, "0");
        of.ingest("prompt", json!({"text": "late"})).await.refused(410, "session_deleted");
    }
}
