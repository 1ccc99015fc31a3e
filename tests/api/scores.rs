//! Scores: what reviewers give, what follows from signals, and the figure they come to.

use serde_json::{Value, json};

use crate::harness::{Candidate, TestApp, User, wrong_fields};
use crate::playing::candidate;

fn path(candidate: &Candidate) -> String {
    format!("/v1/sessions/{}/scores", candidate.session)
}

async fn shown(user: &User, of: &Candidate) -> Value {
    user.get(&path(of)).await.expect(200)
}

/// Dimension, score and source of each, in order.
fn told(shown: &Value) -> Vec<(&str, i64, &str)> {
    let all = shown["scores"].as_array().unwrap().iter();
    all.map(|one| (one["dimension"].as_str().unwrap(), one["score"].as_i64().unwrap(), one["source"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_reviewer_has_one_score_for_each_dimension_and_each_reviewer_their_own() {
    let app = TestApp::start().await;
    let (siskin, bunting, avocet) =
        (app.reviewer(), app.reviewer_with(&["read", "write"]).await, candidate(&app).await);
    assert_eq!(shown(&siskin, &avocet).await, json!({"scores": [], "prompterScore": null}));
    let first = json!([{"dimension": " depth ", "score": 2, "notes": "so so"}, {"dimension": "clarity", "score": 5}]);
    let given = siskin.post(&path(&avocet), first).await.expect(201);
    assert_eq!(told(&given), [("depth", 2, "reviewer"), ("clarity", 5, "reviewer")]);
    let clear = &given["scores"][1];
    assert_eq!((&clear["notes"], &clear["evidence"]), (&Value::Null, &Value::Null));
    assert_eq!(clear["createdAt"], clear["updatedAt"]);
    bunting.post(&path(&avocet), json!([{"dimension": "depth", "score": 5}])).await.expect(201);
    let again =
        siskin.post(&path(&avocet), json!([{"dimension": "depth", "score": 3, "notes": "on reflection"}])).await;
    let again = again.expect(201);
    assert_eq!(again["scores"][0]["createdAt"], given["scores"][0]["createdAt"]);

    let all = shown(&siskin, &avocet).await;
    assert_eq!(told(&all), [("clarity", 5, "reviewer"), ("depth", 3, "reviewer"), ("depth", 5, "reviewer")]);
    assert_eq!((&all["scores"][1], &all["scores"][1]["notes"]), (&again["scores"][0], &json!("on reflection")));
    assert_ne!(all["scores"][1]["reviewerId"], all["scores"][2]["reviewerId"]);
    // Clarity 5, depth (3 + 5) ÷ 2.
    assert_eq!(all["prompterScore"], json!(4.5));
    assert_eq!(shown(&avocet, &avocet).await, all, "candidates read their own");

    let (stranger, other) = (candidate(&app).await, app.other_org().await);
    stranger.get(&path(&avocet)).await.refused(404, "not_found");
    other.get(&path(&avocet)).await.refused(404, "not_found");
    other.post(&path(&avocet), json!([{"dimension": "a", "score": 1}])).await.refused(404, "not_found");
    avocet.post(&path(&avocet), json!([{"dimension": "a", "score": 5}])).await.refused(403, "reviewer_only");
}

#[tokio::test]
async fn what_is_wrong_with_scores_is_named_and_nothing_of_them_is_kept() {
    let app = TestApp::start().await;
    let (reviewer, avocet) = (app.reviewer(), candidate(&app).await);
    let good = json!({"dimension": "a", "score": 1});
    let many: Vec<_> = (0..21).map(|n| json!({"dimension": format!("d{n}"), "score": 1})).collect();
    for (body, wrong) in [
        (json!([good, {"dimension": "b", "score": 6}]), vec!["1.score"]),
        (
            json!([{"dimension": "", "score": 0}, {"score": 1.5, "dimension": 7}]),
            vec!["0.dimension", "0.score", "1.dimension", "1.score"],
        ),
        (json!([{}]), vec!["0.dimension", "0.score"]),
        (json!([good, {"dimension": " a", "score": 2}]), vec!["1.dimension"]),
        (json!([{"dimension": "a", "score": 1, "notes": "x".repeat(4097)}]), vec!["0.notes"]),
        (json!([7]), vec!["0"]),
        (json!([]), vec![""]),
        (json!(many), vec![""]),
        (good.clone(), vec![""]),
    ] {
        let reply = reviewer.post(&path(&avocet), body.clone()).await;
        reply.refused(400, "validation_failed");
        assert_eq!(wrong_fields(&reply), wrong, "{body}");
    }
    reviewer.post_bytes(&path(&avocet), "[").await.refused(400, "invalid_json");
    assert_eq!(shown(&reviewer, &avocet).await["scores"], json!([]));

    let page = |n: usize| (0..20).map(|m| json!({"dimension": format!("{n}-{m}"), "score": 1})).collect::<Vec<_>>();
    for n in 0..12 {
        reviewer.post(&path(&avocet), json!(page(n))).await.expect(201);
    }
    reviewer.post(&path(&avocet), json!(page(12))).await.refused(409, "too_many_scores");
    reviewer.post(&path(&avocet), json!(page(3))).await.expect(201);
    reviewer.post(&path(&avocet), json!(&page(12)[..16])).await.expect(201);
    assert_eq!(shown(&reviewer, &avocet).await["scores"].as_array().unwrap().len(), 256);
}

#[tokio::test]
async fn the_signals_of_a_session_that_ended_are_scored_with_what_they_were_scored_by() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    let criteria = json!([
        {"key": "verifies", "title": "Verifies", "weight": 3, "signal": "verifyIntensity", "thresholds": [0.1, 0.25, 0.5, 1]},
        {"key": "fails", "title": "Fails", "signal": "commandFailRate", "thresholds": [0.9, 0.6, 0.4, 0.1]},
        {"key": "tests", "title": "Passes", "signal": "testsPassedAtEnd", "thresholds": [0.25, 0.5, 0.75, 1]},
        {"key": "quick", "title": "Decides", "signal": "decisionFlagCount"},
        {"key": "clarity", "title": "Clarity", "weight": 2},
    ]);
    let rubric = reviewer.post("/v1/rubrics", json!({"name": "r", "criteria": criteria})).await.expect(201);
    let rubric = rubric["rubric"]["id"].as_str().unwrap().to_owned();
    let assessment = app.assessment_with(json!({"rubricId": rubric})).await;
    let (avocet, idle) = (app.candidate(&assessment).await, app.candidate(&assessment).await);
    for _ in 0..3 {
        avocet.ingest("file_diff", json!({"path": "a.rs", "linesAdded": 1})).await.expect(201);
    }
    for (command, code) in [("ls", 1), ("cargo test", 0)] {
        avocet.ingest("command", json!({"command": command, "exitCode": code})).await.expect(201);
    }
    reviewer.post(&path(&avocet), json!([{"dimension": "clarity", "score": 2}])).await.expect(201);
    let running = shown(&reviewer, &avocet).await;
    assert_eq!((told(&running), &running["prompterScore"]), (vec![("clarity", 2, "reviewer")], &json!(2)));

    avocet.complete().await.expect(200);
    let ended = shown(&reviewer, &avocet).await;
    // A third reaches 0.25, a half reaches 0.6 from above and not 0.4, and the test passed.
    let expected =
        [("verifies", 3, "signal"), ("fails", 3, "signal"), ("tests", 5, "signal"), ("clarity", 2, "reviewer")];
    assert_eq!(told(&ended), expected);
    let evidence = json!({"signal": "verifyIntensity", "value": 0.3333, "confidence": "moderate", "thresholds": [0.1, 0.25, 0.5, 1]});
    assert_eq!(ended["scores"][0]["evidence"], evidence);
    assert_eq!(ended["scores"][2]["evidence"]["value"], json!(true));
    assert_eq!(ended["prompterScore"], json!(3)); // (3 · 3 + 3 + 5 + 2 · 2) ÷ 7
    assert_eq!(shown(&reviewer, &avocet).await, ended, "asked again, it is the same");

    // A reviewer's word stands before a signal's.
    reviewer.post(&path(&avocet), json!([{"dimension": "tests", "score": 1}])).await.expect(201);
    assert_eq!(shown(&reviewer, &avocet).await["prompterScore"], json!(2.43)); // (9 + 3 + 1 + 4) ÷ 7
    reviewer.delete(&format!("/v1/rubrics/{rubric}")).await.expect(200);
    assert_eq!(shown(&reviewer, &avocet).await["scores"].as_array().unwrap().len(), 5);

    // What has no value has no score.
    idle.complete().await.expect(200);
    assert_eq!(shown(&reviewer, &idle).await, json!({"scores": [], "prompterScore": null}));
}
