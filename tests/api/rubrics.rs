//! Rubrics: made, listed, read, changed, deleted, and named by assessments.

use serde_json::{Value, json};

use crate::harness::{TestApp, wrong_fields};

fn rubric(criteria: Value) -> Value {
    json!({"name": "Backend", "criteria": criteria})
}

fn id(rubric: &Value) -> String {
    rubric["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_rubric_is_made_read_changed_and_deleted_by_its_organisation_alone() {
    let app = TestApp::start().await;
    let (reviewer, other) = (app.reviewer(), app.other_org().await);
    let criteria = json!([
        {"key": "clarity", "title": " Clarity "},
        {"key": "verifies", "title": "Verifies", "description": "How often", "weight": 2.5, "signal": "verifyIntensity",
         "thresholds": [0.1, 0.2, 0.5, 1], "odd": 1},
        {"key": "fails", "title": "Fails", "signal": "commandFailRate", "thresholds": [0.5, 0.3, 0.2, 0.1]},
    ]);
    let made = reviewer.post("/v1/rubrics", rubric(criteria)).await.expect(201)["rubric"].clone();
    let first = json!({"key": "clarity", "title": "Clarity", "description": null, "weight": 1, "signal": null,
        "thresholds": null});
    assert_eq!((&made["name"], &made["criteria"][0]), (&json!("Backend"), &first));
    let second = json!({"key": "verifies", "title": "Verifies", "description": "How often", "weight": 2.5,
        "signal": "verifyIntensity", "thresholds": [0.1, 0.2, 0.5, 1]});
    assert_eq!(made["criteria"][1], second);
    let path = format!("/v1/rubrics/{}", id(&made));
    assert_eq!(reviewer.get(&path).await.expect(200), json!({ "rubric": made }));

    let renamed = reviewer.patch(&path, json!({"name": "Frontend"})).await.expect(200)["rubric"].clone();
    assert_eq!((&renamed["name"], &renamed["criteria"]), (&json!("Frontend"), &made["criteria"]));
    let fewer = reviewer.patch(&path, json!({"criteria": [{"key": "only", "title": "One"}]})).await.expect(200);
    assert_eq!(fewer["rubric"]["criteria"].as_array().unwrap().len(), 1);
    for reply in [
        other.get(&path).await,
        other.patch(&path, json!({"name": "x"})).await,
        other.delete(&path).await,
        reviewer.get("/v1/rubrics/0190a0a0-0000-7000-8000-000000000000").await,
    ] {
        reply.refused(404, "not_found");
    }
    let again = reviewer.post("/v1/rubrics", rubric(json!([first, second]))).await.expect(201)["rubric"].clone();
    let page = reviewer.get("/v1/rubrics?limit=1&offset=1").await.expect(200);
    assert_eq!(page, json!({"rubrics": [again], "total": 2, "limit": 1, "offset": 1}));
    assert_eq!(other.get("/v1/rubrics").await.expect(200)["rubrics"], json!([]));
    assert_eq!(reviewer.delete(&path).await.expect(200), json!({"ok": true, "id": made["id"]}));
    for reply in [reviewer.get(&path).await, reviewer.patch(&path, json!({})).await, reviewer.delete(&path).await] {
        reply.refused(404, "not_found");
    }
    assert_eq!(reviewer.get("/v1/rubrics").await.expect(200)["total"], 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_rubric_is_named_to_the_criterion() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    let with = |fields: Value| {
        let mut criterion = json!({"key": "b", "title": "c"});
        criterion.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        rubric(json!([{"key": "a", "title": "a"}, criterion]))
    };
    let signal = "verifyIntensity";
    for (body, wrong) in [
        (json!({}), vec!["criteria", "name"]),
        (rubric(json!([])), vec!["criteria"]),
        (rubric(json!(vec![json!({"key": "a", "title": "a"}); 21])), vec!["criteria"]),
        (rubric(json!([7, {}])), vec!["criteria.0", "criteria.1.key", "criteria.1.title"]),
        (with(json!({"key": "a"})), vec!["criteria.1.key"]),
        (with(json!({"title": null, "weight": 0})), vec!["criteria.1.title", "criteria.1.weight"]),
        (with(json!({"weight": 100.5})), vec!["criteria.1.weight"]),
        (with(json!({"signal": "lastActivityAt"})), vec!["criteria.1.signal"]),
        (with(json!({"signal": "mood", "thresholds": [1, 2, 3]})), vec!["criteria.1.signal", "criteria.1.thresholds"]),
        (with(json!({"signal": signal, "thresholds": [1, 2, 2, 3]})), vec!["criteria.1.thresholds"]),
        (with(json!({"signal": signal, "thresholds": [1, 3, 2, 4]})), vec!["criteria.1.thresholds"]),
        (with(json!({"signal": signal, "thresholds": [1, 2, 3, "4"]})), vec!["criteria.1.thresholds"]),
        (with(json!({"thresholds": [1, 2, 3, 4]})), vec!["criteria.1.signal"]),
    ] {
        let reply = reviewer.post("/v1/rubrics", body.clone()).await;
        reply.refused(400, "validation_failed");
        assert_eq!(wrong_fields(&reply), wrong, "{body}");
    }
    assert_eq!(reviewer.get("/v1/rubrics").await.expect(200)["total"], 0);
    reviewer.post("/v1/rubrics", with(json!({"signal": signal, "thresholds": null}))).await.expect(201);
}

#[tokio::test]
async fn an_assessment_names_a_rubric_of_its_organisation_and_keeps_a_deleted_one() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    let criteria = json!([{"key": "a", "title": "a"}]);
    let made = reviewer.post("/v1/rubrics", rubric(criteria.clone())).await.expect(201)["rubric"].clone();
    let foreign = app.other_org().await.post("/v1/rubrics", rubric(criteria)).await.expect(201)["rubric"].clone();
    let path = format!("/v1/assessments/{}", app.assessment_with(json!({"rubricId": made["id"]})).await);
    reviewer.delete(&format!("/v1/rubrics/{}", id(&made))).await.expect(200);
    let renamed = reviewer.patch(&path, json!({"title": "new"})).await.expect(200);
    assert_eq!(renamed["assessment"]["rubricId"], made["id"]);
    let bare = format!("/v1/assessments/{}", app.assessment().await);
    for unknown in [&foreign["id"], &made["id"], &json!("0190a0a0-0000-7000-8000-000000000000")] {
        let reply = reviewer.patch(&bare, json!({"rubricId": unknown})).await;
        reply.refused(400, "rubric_not_found");
        assert_eq!(wrong_fields(&reply), ["rubricId"]);
    }
}
