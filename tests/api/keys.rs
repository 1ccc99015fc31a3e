//! Candidate keys, as reviewers see them.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::harness::{TestApp, shown, wrong_fields};

fn field<'a>(keys: &'a Value, name: &str) -> Vec<&'a Value> {
    keys["keys"].as_array().unwrap().iter().map(|key| &key[name]).collect()
}

#[tokio::test]
async fn keys_are_made_with_emails_and_names_in_their_places() {
    let app = TestApp::start().await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment_with(json!({"expiresInDays": 3})).await);
    let path = format!("/v1/assessments/{assessment}/keys");
    insta::assert_json_snapshot!("keys_none", shown(&reviewer.get(&path).await));
    let made = reviewer.post(&path, json!({"count": 1, "unknown": 1})).await;
    insta::assert_json_snapshot!("key_created", shown(&made));
    let key = &made.body["keys"][0];
    assert_eq!((&key["assessmentId"], &key["orgId"]), (&json!(assessment), &json!(app.org().id)));
    let millis = |name: &str| domain::Timestamp::parse_rfc3339(key[name].as_str().unwrap()).unwrap().millis();
    assert_eq!(millis("expiresAt") - millis("createdAt"), 3 * 24 * 3_600_000);

    let invited = json!({"count": 2, "orgName": "Acme Labs",
        "candidateEmails": ["avocet@marsh.example", "first.last+tag@sub.example.org"], "candidateNames": [" Avocet ", "Bo"]});
    let invited = reviewer.post(&path, invited).await.expect(201);
    assert_eq!(field(&invited, "candidateEmail"), ["avocet@marsh.example", "first.last+tag@sub.example.org"]);
    assert_eq!(field(&invited, "candidateName"), ["Avocet", "Bo"]);
    let named = reviewer.post(&path, json!({"count": 2, "candidateNames": ["Cy", "Di"]})).await.expect(201);
    assert_eq!(field(&named, "candidateName"), ["Cy", "Di"]);
    assert_eq!(field(&named, "candidateEmail"), [&Value::Null, &Value::Null]);

    let listed = reviewer.get(&path).await.expect(200);
    let made: Vec<_> = [&made.body, &invited, &named].into_iter().flat_map(|made| field(made, "id")).collect();
    assert_eq!(field(&listed, "id"), made, "oldest first, and of one request in the order of the answer");
    assert_eq!(listed["keys"][1], invited["keys"][0], "the list shows what the creation showed");
}

#[tokio::test]
async fn keys_are_drawn_from_an_unambiguous_alphabet_and_none_twice() {
    let app = TestApp::start().await;
    let assessment = app.assessment().await;
    let mut seen = HashSet::new();
    for key in app.keys(&assessment, 50).await.into_iter().chain(app.keys(&assessment, 50).await) {
        let key = key["key"].as_str().unwrap().to_owned();
        let parts: Vec<_> = key.split('-').collect();
        assert!(matches!(parts[..], ["PST", first, second] if first.len() == 4 && second.len() == 4), "{key}");
        let clear = |c: char| (c.is_ascii_uppercase() || c.is_ascii_digit()) && !"0O1IL".contains(c);
        assert!(parts[1..].concat().chars().all(clear), "{key}");
        assert!(seen.insert(key));
    }
    assert_eq!(seen.len(), 100);
}

#[tokio::test]
async fn a_wrong_count_address_or_name_makes_no_key() {
    let app = TestApp::start().await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment().await);
    let path = format!("/v1/assessments/{assessment}/keys");
    let rows = [
        (json!({}), vec!["count"]),
        (json!({"count": 0}), vec!["count"]),
        (json!({"count": 51}), vec!["count"]),
        (json!({"count": -1}), vec!["count"]),
        (json!({"count": 1.5}), vec!["count"]),
        (json!({"count": "2"}), vec!["count"]),
        (json!({"count": 2, "candidateEmails": ["a@b.example"]}), vec!["candidateEmails"]),
        (json!({"count": 1, "candidateEmails": []}), vec!["candidateEmails"]),
        (json!({"count": 1, "candidateEmails": ["a@b.example", "c@d.example"]}), vec!["candidateEmails"]),
        (
            json!({"count": 3, "candidateEmails": ["a@b.example", "none", 7]}),
            vec!["candidateEmails.1", "candidateEmails.2"],
        ),
        (json!({"count": 1, "candidateEmails": "a@b.example"}), vec!["candidateEmails"]),
        (json!({"count": 1, "candidateEmails": ["a@b.example\nBcc: c@d.example"]}), vec!["candidateEmails.0"]),
        (json!({"count": 2, "candidateNames": ["Avocet"]}), vec!["candidateNames"]),
        (json!({"count": 1, "candidateEmails": ["a@b.example"], "candidateNames": ["A", "B"]}), vec!["candidateNames"]),
        (json!({"count": 1, "candidateNames": [7]}), vec!["candidateNames.0"]),
        (json!({"count": 1, "orgName": 7}), vec!["orgName"]),
        (json!({"count": 0, "candidateEmails": ["none"], "orgName": 7}), vec!["candidateEmails.0", "count", "orgName"]),
    ];
    for (body, expected) in rows {
        let reply = reviewer.post(&path, body.clone()).await;
        reply.refused(400, "validation_failed");
        assert_eq!(wrong_fields(&reply), expected, "{body}: {}", reply.text);
    }
    assert_eq!(reviewer.get(&path).await.body, json!({"keys": []}));
    assert_eq!(reviewer.post(&path, json!({"count": 50})).await.expect(201)["keys"].as_array().unwrap().len(), 50);
}

#[tokio::test]
async fn a_key_says_how_far_it_has_come() {
    let app = TestApp::start().await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment().await);
    let path = format!("/v1/assessments/{assessment}/keys");
    let (_pending, expired) = (app.keys(&assessment, 1).await, app.keys(&assessment, 1).await.remove(0));
    app.let_key_expire(expired["id"].as_str().unwrap()).await;
    let running = app.candidate(&assessment).await;
    let completed = app.candidate(&assessment).await;
    completed.complete().await.expect(200);
    let hired = app.candidate(&assessment).await;
    hired.complete().await.expect(200);

    let mark =
        async |key: &str, status: Value| reviewer.patch(&format!("{path}/{key}"), json!({"status": status})).await;
    insta::assert_json_snapshot!("key_hired", shown(&mark(&hired.key_id, json!("hired")).await));
    let listed = reviewer.get(&path).await;
    assert_eq!(field(&listed.body, "status"), ["pending", "expired", "redeemed", "completed", "hired"]);
    assert_eq!(listed.body["keys"][2]["sessionId"], json!(running.session));
    insta::assert_json_snapshot!("keys_of_every_status", shown(&listed));

    let pending = listed.body["keys"][0]["id"].as_str().unwrap();
    for key in [pending, expired["id"].as_str().unwrap(), &running.key_id] {
        mark(key, json!("hired")).await.refused(409, "invalid_transition");
        mark(key, json!("completed")).await.refused(409, "invalid_transition");
    }
    mark(&hired.key_id, json!("hired")).await.refused(409, "invalid_transition");
    mark(&completed.key_id, json!("completed")).await.refused(409, "invalid_transition");
    for word in [json!("pending"), json!("Hired"), json!(""), json!(7), json!(null)] {
        let reply = mark(&completed.key_id, word).await;
        reply.refused(400, "validation_failed");
        assert_eq!(wrong_fields(&reply), ["status"]);
    }
    let back = mark(&hired.key_id, json!("completed")).await.expect(200);
    assert_eq!(back["key"]["status"], "completed");
    assert_eq!(back["key"]["completedAt"], listed.body["keys"][4]["completedAt"]);
}

#[tokio::test]
async fn a_revoked_key_opens_nothing_from_that_moment() {
    let app = TestApp::start().await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment().await);
    let path = format!("/v1/assessments/{assessment}/keys");
    let (candidate, unused) = (app.candidate(&assessment).await, app.keys(&assessment, 1).await.remove(0));
    let own = format!("/v1/sessions/{}", candidate.session);
    candidate.get(&own).await.expect(200);
    let with_key = app.api_key(&candidate.key);
    with_key.get(&own).await.expect(200);

    let elsewhere = format!("/v1/assessments/{}/keys/{}", app.assessment().await, candidate.key_id);
    reviewer.delete(&elsewhere).await.refused(404, "not_found");
    candidate.get(&own).await.expect(200);
    insta::assert_json_snapshot!("key_revoked", shown(&reviewer.delete(&format!("{path}/{}", candidate.key_id)).await));
    candidate.get(&own).await.refused(401, "unauthorized");
    with_key.get(&own).await.refused(401, "unauthorized");
    candidate.ingest("prompt", json!({"text": "too late"})).await.refused(401, "unauthorized");
    assert_eq!(candidate.connect("/v1/stream").await.err().expect("a refusal").status, 401);
    let anonymous = app.anonymous();
    anonymous.post("/v1/candidate/redeem", json!({"key": candidate.key})).await.refused(410, "key_revoked");
    candidate.complete().await.refused(410, "key_revoked");

    let unused_id = unused["id"].as_str().unwrap();
    reviewer.delete(&format!("{path}/{unused_id}")).await.expect(200);
    anonymous.post("/v1/candidate/redeem", json!({"key": unused["key"]})).await.refused(410, "key_revoked");
    for gone in [unused_id, &candidate.key_id, "0190a0a0-0000-7000-8000-000000000000", "no-uuid"] {
        reviewer.delete(&format!("{path}/{gone}")).await.refused(404, "not_found");
        let mark = reviewer.patch(&format!("{path}/{gone}"), json!({"status": "hired"})).await;
        mark.refused(404, "not_found");
    }
    assert_eq!(reviewer.get(&path).await.body, json!({"keys": []}));
}
