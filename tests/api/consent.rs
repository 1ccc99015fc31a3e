//! Consent, before anything is captured.

use serde_json::{Value, json};

use crate::harness::{Reply, TestApp, shown, wrong_fields};

async fn show(app: &TestApp, key: &str) -> Reply {
    app.anonymous().get(&format!("/v1/candidate/consent?key={key}")).await
}

async fn give(app: &TestApp, body: Value) -> Reply {
    app.anonymous().post("/v1/candidate/consent", body).await
}

#[tokio::test]
async fn consent_is_shown_given_and_remembered() {
    let app = TestApp::with(&["--tos-url=https://terms.example/1"]).await;
    let key = app.keys(&app.assessment().await, 1).await[0]["key"].as_str().unwrap().to_owned();
    let before = show(&app, &key).await;
    insta::assert_json_snapshot!("consent", shown(&before));
    let disclosure = &before.body["disclosure"];
    for list in ["captures", "doesNotCapture", "evaluated", "dataUse"] {
        let lines = disclosure[list].as_array().unwrap();
        assert!(!lines.is_empty() && lines.iter().all(Value::is_string), "{list}");
    }
    let hash = before.body["disclosureHash"].as_str().unwrap();

    let other = json!({"key": key, "disclosureHash": "0".repeat(64)});
    insta::assert_json_snapshot!("consent_outdated", shown(&give(&app, other).await));
    assert_eq!(show(&app, &key).await.body["alreadyConfirmed"], false, "a refused consent is not recorded");
    app.anonymous().post("/v1/candidate/redeem", json!({"key": key})).await.refused(403, "consent_required");

    let right = json!({"key": key, "disclosureHash": hash});
    insta::assert_json_snapshot!("consent_given", shown(&give(&app, right.clone()).await));
    assert_eq!(show(&app, &key).await.body["alreadyConfirmed"], true);
    for again in [right, json!({"key": key}), json!({"key": key, "disclosureHash": null})] {
        assert_eq!(give(&app, again).await.expect(200), json!({"ok": true}));
    }
    give(&app, json!({"key": key, "disclosureHash": "other"})).await.refused(409, "disclosure_outdated");
    assert_eq!(show(&app, &key).await.body["alreadyConfirmed"], true, "consent once given stays");
    app.anonymous().post("/v1/candidate/redeem", json!({"key": key})).await.expect(200);
}

#[tokio::test]
async fn a_key_is_read_as_people_type_it_and_an_unknown_one_is_not_found() {
    let app = TestApp::start().await;
    let keys = app.keys(&app.assessment().await, 2).await;
    let key = keys[0]["key"].as_str().unwrap();
    show(&app, &key.to_lowercase()).await.expect(200);
    show(&app, &format!("%20{key}%20")).await.expect(200);
    give(&app, json!({"key": format!(" {} ", key.to_lowercase())})).await.expect(200);
    assert_eq!(show(&app, key).await.body["alreadyConfirmed"], true);
    assert_eq!(show(&app, keys[1]["key"].as_str().unwrap()).await.body["alreadyConfirmed"], false);

    insta::assert_json_snapshot!("consent_unknown_key", shown(&show(&app, "PST-ABCD-2345").await));
    for unknown in ["PST-0000-0000", "nonsense", "", "PST-ABCD-234", "%00", "%ff%fe", "PST-ABCD-2345%27%22"] {
        show(&app, unknown).await.refused(404, "key_not_found");
    }
    app.anonymous().get("/v1/candidate/consent").await.refused(404, "key_not_found");
    for unknown in ["PST-ABCD-2345", "nonsense"] {
        give(&app, json!({"key": unknown})).await.refused(404, "key_not_found");
    }
    for (body, wrong) in
        [(json!({}), "key"), (json!({"key": 5}), "key"), (json!({"key": key, "disclosureHash": 5}), "disclosureHash")]
    {
        let reply = give(&app, body).await;
        reply.refused(400, "validation_failed");
        assert_eq!(wrong_fields(&reply), [wrong]);
    }
}
