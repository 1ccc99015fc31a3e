//! Reviewers who are signed in by an identity provider.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use test_support::identity::{KeyServer, SigningKey};

use crate::harness::{TestApp, User, org_create};

const ISSUER: &str = "https://id.example.org";

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn claims(changes: Value) -> Value {
    let mut claims = json!({"iss": ISSUER, "aud": "promptster", "sub": "avocet", "exp": now_s() + 600});
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    claims
}

async fn app_with(server: &KeyServer) -> TestApp {
    let jwks = server.url();
    let flags = ["--jwks", &jwks, "--jwt-issuer", ISSUER, "--jwt-audience", "promptster", "--jwt-scope-claim", "scope"];
    TestApp::with(&flags).await
}

#[tokio::test]
async fn a_person_works_for_the_organisation_that_the_token_names() {
    let keys = ["RS256", "ES256", "EdDSA"].map(|algorithm| SigningKey::new(algorithm, algorithm));
    let server = KeyServer::start(&keys.each_ref());
    let app = app_with(&server).await;
    let made = org_create(&app.redis_url(), &["--json", "--name", "Clerked", "--external-id", "org_2x"]);
    let clerked: Value = serde_json::from_slice(&made.stdout).unwrap();
    let again = org_create(&app.redis_url(), &["--json", "--name", "Clerked", "--external-id", "org_2x"]);
    assert!(!again.status.success() && again.stdout.is_empty());
    for key in &keys {
        let of = async |changes: Value| app.bearer(&key.token(&claims(changes))).get("/v1/org").await;
        assert_eq!(of(json!({"org_id": "org_2x"})).await.expect(200)["org"]["id"], clerked["orgId"]);
        assert_eq!(of(json!({"o": {"id": app.org().id}})).await.expect(200)["org"]["id"], app.org().id);
        for nobody in ["org_3x", "0190a0a0-0000-7000-8000-000000000000", "Clerked"] {
            of(json!({"org_id": nobody})).await.refused(401, "unauthorized");
        }
    }
    let [rsa, ..] = &keys;
    let person = |changes: Value| {
        let mut claims = claims(changes);
        claims["org_id"] = json!(app.org().id);
        app.bearer(&rsa.token(&claims))
    };
    let assessment = json!({"title": "a", "role": "b", "taskBrief": "c"});
    person(json!({})).post("/v1/assessments", assessment.clone()).await.expect(201);
    let reader = person(json!({"scope": "read"}));
    assert_eq!(reader.get("/v1/assessments").await.expect(200)["assessments"].as_array().unwrap().len(), 1);
    reader.post("/v1/assessments", assessment).await.refused(403, "insufficient_scope");

    let denied = app.anonymous().get("/v1/org").await;
    let strangers = [
        person(json!({"exp": now_s() - 60})),
        person(json!({"aud": "other"})),
        person(json!({"iss": "https://evil.example.org"})),
        app.bearer(&rsa.token(&claims(json!({"pad": "x".repeat(10_000), "org_id": app.org().id})))),
        app.bearer(&rsa.token_with(&json!({"alg": "RS256", "kid": "../k"}), &claims(json!({})))),
    ];
    for stranger in strangers {
        let reply = stranger.get("/v1/org").await;
        assert_eq!((reply.status, &reply.text), (401, &denied.text));
    }
    let huge = app.bearer(&rsa.token(&claims(json!({"pad": "x".repeat(100_000)})))).get("/v1/org").await;
    assert_eq!(huge.status, 431, "larger than the head of a request may be");
    assert!(!app.log().contains("eyJ"), "no token in the log");
    assert_eq!(server.n_asked(), 2, "the first fetch, and one for the unknown kid");
}

#[tokio::test]
async fn without_any_key_it_says_that_it_cannot_know() {
    let (key, server) = (SigningKey::new("k", "EdDSA"), KeyServer::start(&[]));
    server.set_down(true);
    let app = app_with(&server).await;
    let person = app.bearer(&key.token(&claims(json!({"org_id": app.org().id}))));
    let reply = person.get("/v1/org").await;
    reply.refused(503, "unavailable");
    assert!(!reply.header("retry-after").is_empty());
    app.reviewer().get("/v1/org").await.expect(200);
    // It asks again after a few seconds.
    server.serve(&[&key]);
    server.set_down(false);
    crate::harness::eventually("the keys", async || Some(person.get("/v1/org").await).filter(|it| it.status == 200))
        .await;
}

#[tokio::test]
async fn a_socket_closes_when_the_token_expires_also_when_it_came_by_ticket() {
    let key = SigningKey::new("k", "ES256");
    let server = KeyServer::start(&[&key]);
    let app = app_with(&server).await;
    let avocet = app.candidate(&app.assessment().await).await;
    let until = |seconds: u64| -> User {
        app.bearer(&key.token(&claims(json!({"org_id": app.org().id, "exp": now_s() + seconds}))))
    };
    let mut lasting = until(600).watch(&avocet.session, "?after=live").await;
    let person = until(4);
    let ticket =
        async || person.post("/v1/live-tickets", json!({})).await.expect(201)["ticket"].as_str().unwrap().to_owned();
    let (by_ticket, late) = (format!("?after=live&ticket={}", ticket().await), ticket().await);
    let mut short =
        [person.watch(&avocet.session, "?after=live").await, app.anonymous().watch(&avocet.session, &by_ticket).await];
    for socket in &mut short {
        assert_eq!(socket.next().await["type"], "hello");
        assert_eq!(socket.closed().await, Some(4001));
    }
    let path = format!("/v1/sessions/{}/live?ticket={late}", avocet.session);
    app.anonymous().connect(&path).await.err().expect("refused").refused(401, "unauthorized");
    tokio::time::sleep(Duration::from_millis(100)).await;
    lasting.send(json!({"type": "ping"})).await;
    lasting.next_of("pong").await;
}
