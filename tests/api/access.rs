//! Who may do what, on every route.

use std::collections::HashSet;

use reqwest::{Method, header::HeaderName};
use serde_json::{Value, json};

use crate::harness::{Candidate, N_IDS, ROUTES, Reply, TestApp, User, Who, path};

const NOWHERE: &str = "0190a0a0-0000-7000-8000-000000000000";

async fn call(user: &User, method: &str, path: &str) -> Reply {
    let request = user.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
    user.send(if method == "GET" || method == "DELETE" { request } else { request.json(&json!({})) }).await
}

/// The ids of what the organisation of a user has besides candidates: an API key, a member, a webhook, an issue and a
/// rubric.
async fn own_ids(user: &User) -> [String; 5] {
    let keys = user.get("/v1/org/api-keys").await.expect(200);
    let member =
        user.post("/v1/org/members", json!({"email": "wren@example.org", "scopes": ["read"]})).await.expect(201);
    let webhook = user.post("/v1/org/webhooks", json!({"url": "https://a.example/"})).await.expect(201);
    let issue = json!({"issueTitle": "a", "language": "Go", "difficulty": "easy", "taskBrief": "b"});
    let issue = user.post("/v1/issues", issue).await.expect(201);
    let rubric = json!({"name": "a", "criteria": [{"key": "a", "title": "b"}]});
    let rubric = user.post("/v1/rubrics", rubric).await.expect(201);
    let (key, member) = (&keys["apiKeys"][0]["id"], &member["member"]["id"]);
    [key, member, &webhook["webhook"]["id"], &issue["issue"]["id"], &rubric["rubric"]["id"]]
        .map(|id| id.as_str().unwrap().to_owned())
}

fn ids<'a>(candidate: &'a Candidate, [api_key, member, webhook, issue, rubric]: &'a [String; 5]) -> [&'a str; N_IDS] {
    [&candidate.assessment, &candidate.key_id, &candidate.session, api_key, member, webhook, issue, rubric]
}

#[tokio::test]
async fn whoever_is_unknown_is_refused_alike_for_all_reasons() {
    let app = TestApp::start().await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment().await);
    let (candidate, expired) = (app.candidate(&assessment).await, app.candidate(&assessment).await);
    let revoked = app.candidate(&assessment).await;
    let api_key =
        reviewer.post("/v1/org/api-keys", json!({"name": "a", "scopes": ["read", "write"]})).await.expect(201);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    app.let_key_expire(&expired.key_id).await;
    let keys = format!("/v1/assessments/{assessment}/keys");
    reviewer.delete(&format!("{keys}/{}", revoked.key_id)).await.expect(200);
    reviewer.delete(&format!("/v1/org/api-keys/{}", text(&api_key["apiKey"]["id"]))).await.expect(200);
    let unused_expired = app.keys(&assessment, 1).await.remove(0);
    app.let_key_expire(unused_expired["id"].as_str().unwrap()).await;

    let anonymous = app.anonymous();
    let bearer = |credential: &str| anonymous.with_header("authorization", credential);
    let secret = &app.org().secret;
    let mut strangers = vec![
        anonymous.clone(),
        bearer("Bearer"),
        bearer("Bearer psk_live_"),
        bearer(&format!("Bearer {secret}x")),
        bearer(&format!("Basic {secret}")),
        bearer(secret),
        bearer("Bearer eyJhbGciOiJub25lIn0.eyJvcmdfaWQiOiJ4In0."),
        bearer(&format!("Bearer {}", candidate.token)),
        bearer(&format!("Bearer {}", "x".repeat(9000))),
        app.bearer(&text(&api_key["secret"])),
        app.api_key(secret),
    ];
    for credential in [&expired.key, &expired.token, &revoked.key, &revoked.token, &text(&unused_expired["key"])] {
        strangers.push(app.api_key(credential));
    }
    strangers.extend(["PST-ABCD-2345", "pst-abcd-2345", "x", "nonsense token", "' or 1=1"].map(|key| app.api_key(key)));
    let expected = anonymous.get("/v1/org").await;
    expected.refused(401, "unauthorized");
    for (index, stranger) in strangers.iter().enumerate() {
        for path in ["/v1/org", "/v1/sessions", "/v1/stream"] {
            let reply = stranger.get(path).await;
            assert_eq!((reply.status, &reply.text), (401, &expected.text), "stranger {index} at {path}");
        }
    }
    let own_ids = own_ids(&reviewer).await;
    for (method, template, who) in ROUTES.iter().filter(|(_, _, who)| *who != Who::Anybody) {
        let reply = call(&anonymous, method, &path(template, ids(&candidate, &own_ids))).await;
        assert_eq!((reply.status, &reply.text), (401, &expected.text), "{method} {template} {who:?}");
    }
}

#[tokio::test]
async fn each_route_refuses_those_it_is_not_for() {
    let app = TestApp::start().await;
    let candidate = app.candidate(&app.assessment().await).await;
    let (reviewer, read_only) = (app.reviewer(), app.read_only().await);
    let own_ids = own_ids(&reviewer).await;
    for (method, template, who) in ROUTES {
        let path = path(template, ids(&candidate, &own_ids));
        let refusals = match who {
            Who::Reviewer => {
                vec![(User::clone(&candidate), "reviewer_only"), (app.api_key(&candidate.key), "reviewer_only")]
            }
            Who::Writer => vec![(User::clone(&candidate), "reviewer_only"), (read_only.clone(), "insufficient_scope")],
            Who::Candidate => vec![(reviewer.clone(), "candidate_only"), (read_only.clone(), "candidate_only")],
            Who::EitherWrites => vec![(read_only.clone(), "insufficient_scope")],
            Who::Anybody | Who::Either => vec![],
        };
        for (user, code) in refusals {
            let reply = call(&user, method, &path).await;
            assert_eq!((reply.status, reply.code()), (403, code), "{method} {path}");
        }
    }
    for (method, template, who) in ROUTES.iter().filter(|(method, ..)| *method == "GET") {
        let may = matches!(who, Who::Reviewer | Who::Either) && !template.ends_with("/live");
        if may {
            let path = path(template, ids(&candidate, &own_ids));
            assert_eq!(call(&read_only, method, &path).await.status, 200, "{path}");
        }
    }
    read_only.post("/v1/live-tickets", json!({})).await.expect(201);
    let untouched = reviewer.get(&format!("/v1/assessments/{}", candidate.assessment)).await.expect(200);
    assert_eq!(untouched["assessment"]["createdAt"], untouched["assessment"]["updatedAt"]);
}

#[tokio::test]
async fn a_key_that_may_only_write_reads_nothing() {
    let app = TestApp::start().await;
    let candidate = app.candidate(&app.assessment().await).await;
    let (reviewer, writer) = (app.reviewer(), app.reviewer_with(&["write"]).await);
    let own_ids = own_ids(&reviewer).await;
    for (method, template, who) in ROUTES.iter().filter(|(method, ..)| *method == "GET") {
        if matches!(who, Who::Reviewer | Who::Either) {
            let reply = call(&writer, method, &path(template, ids(&candidate, &own_ids))).await;
            assert_eq!((reply.status, reply.code()), (403, "insufficient_scope"), "{method} {template}");
        }
    }
    writer.post("/v1/live-tickets", json!({})).await.refused(403, "insufficient_scope");
    let made = json!({"title": "a", "role": "b", "taskBrief": "c"});
    writer.post("/v1/assessments", made).await.expect(201);
    writer.post("/v1/sessions", json!({})).await.expect(201);
}

/// All but `connection`, which tells whether the body, unread, had arrived together with the head.
fn header_names(reply: &Reply) -> HashSet<&str> {
    reply.headers.keys().map(HeaderName::as_str).filter(|name| *name != "connection").collect()
}

#[tokio::test]
async fn what_belongs_to_others_answers_as_if_it_were_not_there() {
    let app = TestApp::start().await;
    let assessment = app.assessment().await;
    let (theirs, own) = (app.candidate(&assessment).await, app.candidate(&app.assessment().await).await);
    theirs.ingest("prompt", json!({"text": "mine alone"})).await.expect(201);
    let own_ids = own_ids(&app.reviewer()).await;
    let other_org = app.other_org().await;
    let with_id = || ROUTES.iter().filter(|(_, template, _)| template.contains('{'));
    for (method, template, who) in with_id() {
        let mut outsiders = vec![&other_org];
        if matches!(who, Who::Either | Who::EitherWrites) {
            outsiders.push(&own);
        }
        for outsider in outsiders {
            let foreign = call(outsider, method, &path(template, ids(&theirs, &own_ids))).await;
            let nothing = call(outsider, method, &path(template, [NOWHERE; N_IDS])).await;
            foreign.refused(404, "not_found");
            assert_eq!(foreign.text, nothing.text, "{method} {template}");
            assert_eq!(header_names(&foreign), header_names(&nothing), "{method} {template}");
        }
    }
    for (method, template, _) in with_id() {
        for odd in ["no-uuid", "%00", "%20", "..%2f..", "0190a0a0000070008000", "{}", &"x".repeat(129), "%F0%9F%98%80"]
        {
            let reply = call(&app.reviewer(), method, &path(template, [odd; N_IDS])).await;
            assert_eq!((reply.status, reply.code()), (404, "not_found"), "{method} {template} {odd}: {}", reply.text);
        }
    }
    let sessions = app.reviewer().get("/v1/sessions").await.expect(200);
    assert_eq!(sessions["total"], 2);
    assert_eq!(other_org.get("/v1/sessions").await.expect(200)["total"], 0);
    let own_list = own.get("/v1/sessions").await.expect(200);
    assert_eq!((&own_list["total"], &own_list["sessions"][0]["id"]), (&json!(1), &json!(own.session)));
}
