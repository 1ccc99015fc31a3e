//! Signing in with an OpenID Connect provider: the whole way, and what ends it.

use serde_json::{Value, json};
use test_support::{
    identity::SigningKey,
    oidc::{CLIENT_ID, Mood, OidcProvider},
};

use crate::harness::{Browser, Reply, TestApp, eventually};

/// A server that knows this provider, with these flags besides.
pub async fn app_with(provider: &OidcProvider, flags: &[&str]) -> TestApp {
    let issuer = provider.issuer();
    TestApp::with(&[&["--oidc-issuer", &issuer, "--oidc-client-id", CLIENT_ID], flags].concat()).await
}

/// Makes an address a member; answers the path of the member.
pub async fn add(app: &TestApp, email: &str, scopes: &[&str]) -> String {
    let made = app.reviewer().post("/v1/org/members", json!({"email": email, "scopes": scopes})).await.expect(201);
    format!("/v1/org/members/{}", made["member"]["id"].as_str().unwrap())
}

/// Fails unless the browser was led to the sign-in page for this reason, and has no sign-in.
#[track_caller]
pub fn turned_away(reply: &Reply, reason: &str) {
    let (status, to) = (reply.status, reply.header("location"));
    assert_eq!((status, to), (303, format!("/sign-in?reason={reason}").as_str()), "{}", reply.text);
    assert!(!reply.headers.contains_key("set-cookie"), "{:?}", reply.headers);
}

#[tokio::test]
async fn a_member_signs_in_with_the_provider() {
    let provider = OidcProvider::start();
    let app = app_with(&provider, &["--oidc-name", "Rookery"]).await;
    let member = add(&app, "Wren@Example.org", &["read", "write"]).await;
    let methods = app.anonymous().get("/auth/methods").await.expect(200);
    assert_eq!(methods, json!({"apiKey": true, "oidc": {"name": "Rookery", "begin": "/auth/oidc/begin"}}));
    assert!(provider.asked("/.well-known/openid-configuration").is_empty(), "asked before anybody signs in");

    let mut browser = Browser::at(&app);
    let gone = browser.get("/auth/oidc/begin?next=/sessions/s-1%3Fat%3D3%26x%3D1").await;
    let (url, cookie) = (gone.header("location"), gone.header("set-cookie"));
    for part in
        ["response_type=code", "scope=openid+email", "code_challenge_method=S256", "prompt=login", "state=", "nonce="]
    {
        assert!(url.contains(part), "no {part} in {url}");
    }
    let attributes: Vec<_> = cookie.split("; ").skip(1).collect();
    assert_eq!(attributes, ["Path=/auth/oidc", "Max-Age=600", "HttpOnly", "SameSite=Lax"]);
    let back = browser.open(url, "cross-site").await.header("location").to_owned();
    let kept = app.redis_command("KEYS *attempt:*").await;
    let key = kept.lines().find(|line| line.contains("attempt:")).unwrap();
    let left = app.redis_command(&format!("TTL {key}")).await;
    let left: i64 = left[1..].lines().next().unwrap().parse().unwrap();
    assert!((1..=600).contains(&left), "{left}");
    let state = back.split("state=").nth(1).unwrap().split('&').next().unwrap();
    assert!(!kept.contains(state), "the state itself is not kept");

    let arrived = browser.open(&back, "cross-site").await;
    assert_eq!((arrived.status, arrived.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(arrived.text.contains(r#"content="0; url=/sessions/s-1?at=3&amp;x=1""#), "{}", arrived.text);
    assert!(arrived.header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!((arrived.header("cache-control"), arrived.header("referrer-policy")), ("no-store", "no-referrer"));
    let cookies: Vec<_> = arrived.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(cookies[0].starts_with("promptster_sign_in=psi_"), "{cookies:?}");
    assert!(cookies[0].ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"), "{cookies:?}");
    assert_eq!(cookies[1], "promptster_oidc=; Path=/auth/oidc; Max-Age=0; HttpOnly; SameSite=Lax");

    let pages = browser.pages(&app);
    let me = pages.get("/auth/me").await.expect(200);
    assert_eq!(
        (&me["org"]["name"], &me["apiKey"], &me["member"]["email"]),
        (&json!("Acme"), &Value::Null, &json!("Wren@Example.org"))
    );
    assert_eq!(me["organisations"], json!([me["org"]]));
    assert!(member.ends_with(me["member"]["id"].as_str().unwrap()) && me["member"]["lastSignInAt"].is_string());
    let made = pages.post("/v1/assessments", json!({"title": "a", "role": "b", "taskBrief": "c"})).await.expect(201);
    pages.delete(&format!("/v1/assessments/{}", made["assessment"]["id"].as_str().unwrap())).await.expect(200);
    let key =
        pages.post("/v1/org/members", json!({"email": "dipper@example.org", "scopes": ["read"]})).await.expect(201);
    assert_eq!(key["member"]["createdBy"], me["member"]["id"]);

    // Whoever signs in anew in the same browser leaves nothing behind that still counts.
    browser.sign_in().await;
    pages.get("/v1/org").await.refused(401, "unauthorized");
    browser.pages(&app).get("/v1/org").await.expect(200);
    browser.post("/auth/sign-out", json!({})).await.expect(200);
    assert_eq!(browser.cookie("promptster_sign_in"), None);
    for line in [app.log(), app.redis_command("KEYS *").await] {
        assert!(!line.contains("psi_") && !line.contains("code-0"), "{line}");
    }
}

#[tokio::test]
async fn every_kind_of_key_of_client_and_of_address_is_understood() {
    let provider = OidcProvider::start();
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "s3cr:t +/\n").unwrap();
    let app = app_with(&provider, &["--oidc-client-secret-file", secret.to_str().unwrap()]).await;
    add(&app, "wren@example.org", &["read"]).await;
    add(&app, "plover@example.org", &["read"]).await;
    provider.ways().secret = Some("s3cr%3At+%2B%2F");
    for algorithm in ["ES256", "RS256"] {
        provider.ways().signs_with = SigningKey::new(algorithm, algorithm);
        let mut browser = Browser::at(&app);
        assert_eq!(browser.sign_in().await.status, 200, "{algorithm}");
        provider.ways().keys = None;
    }
    // Nobody but the token endpoint sees the secret, and not in its body where a header will do.
    assert!(provider.asked("/token").iter().all(|body| !body.contains("s3cr") && !body.contains("client_id")));

    provider.ways().claims =
        json!({"email": "PLOVER@example.org", "email_verified": "true", "aud": [CLIENT_ID, "x"], "azp": CLIENT_ID});
    let mut browser = Browser::at(&app);
    browser.sign_in().await;
    assert_eq!(browser.get("/auth/me").await.expect(200)["member"]["email"], "plover@example.org");
    assert!(!app.log().contains("s3cr"));
}

#[tokio::test]
async fn what_the_token_does_not_say_userinfo_does() {
    let provider = OidcProvider::start();
    provider.ways().claims = json!({"email": null, "email_verified": null});
    provider.ways().userinfo = json!({"sub": "wren", "email": "wren@example.org", "email_verified": true});
    // A provider that wants the secret in the body.
    provider.ways().description = json!({"token_endpoint_auth_methods_supported": ["client_secret_post"]});
    provider.ways().secret = Some("hush");
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "hush").unwrap();
    let app = app_with(&provider, &["--oidc-client-secret-file", secret.to_str().unwrap()]).await;
    add(&app, "wren@example.org", &["read"]).await;
    assert_eq!(Browser::at(&app).sign_in().await.status, 200);
    provider.ways().userinfo = json!({"sub": "plover", "email": "wren@example.org", "email_verified": true});
    turned_away(&Browser::at(&app).sign_in().await, "oidc_token");
    provider.ways().userinfo = json!({"sub": "wren", "email": "wren@example.org"});
    turned_away(&Browser::at(&app).sign_in().await, "email_not_verified");
}

#[tokio::test]
async fn keys_are_fetched_again_when_the_provider_has_others() {
    let provider = OidcProvider::start();
    let app = app_with(&provider, &[]).await;
    add(&app, "wren@example.org", &["read"]).await;
    assert_eq!(Browser::at(&app).sign_in().await.status, 200);
    assert_eq!(Browser::at(&app).sign_in().await.status, 200);
    assert_eq!((provider.asked("/jwks").len(), provider.asked("/.well-known/openid-configuration").len()), (1, 1));
    provider.ways().signs_with = SigningKey::new("second", "ES256");
    assert_eq!(Browser::at(&app).sign_in().await.status, 200);
    assert_eq!(provider.asked("/jwks").len(), 2);
    // A key that nobody knows does not make it ask for each token.
    let known = json!({"keys": [provider.ways().signs_with.jwk()]});
    provider.ways().keys = Some(known);
    provider.ways().signs_with = SigningKey::new("third", "ES256");
    for _ in 0..3 {
        turned_away(&Browser::at(&app).sign_in().await, "oidc_token");
    }
    assert!(provider.asked("/jwks").len() <= 3);
}

#[tokio::test]
async fn a_provider_that_is_away_or_says_nothing_keeps_nobody_waiting_and_nothing_from_starting() {
    let provider = OidcProvider::start();
    provider.ways().mood = Mood::Away;
    let app = app_with(&provider, &[]).await;
    add(&app, "wren@example.org", &["read"]).await;
    turned_away(&Browser::at(&app).get("/auth/oidc/begin").await, "oidc_unreachable");
    // An API key does all the same.
    Browser::at(&app).post("/auth/sign-in", json!({"apiKey": app.org().secret})).await.expect(200);
    provider.ways().mood = Mood::Well;
    let mut browser = Browser::at(&app);
    let back = eventually("the provider to be asked again", async || {
        let gone = browser.get("/auth/oidc/begin").await;
        let to = gone.header("location").to_owned();
        if !to.starts_with("http") {
            tokio::time::sleep(std::time::Duration::from_secs(3)).await;
            return None;
        }
        Some(browser.open(&to, "cross-site").await.header("location").to_owned())
    })
    .await;
    for mood in [Mood::Silent, Mood::Away] {
        provider.ways().mood = mood;
        let state = "oidc_unreachable";
        turned_away(&browser.open(&back, "cross-site").await, if mood == Mood::Silent { state } else { "oidc_state" });
    }
    provider.ways().mood = Mood::Well;
    assert_eq!(browser.sign_in().await.status, 200);
    // What it said of itself is remembered.
    provider.ways().mood = Mood::Away;
    assert_eq!(browser.get("/auth/oidc/begin").await.status, 303);
    assert!(browser.get("/auth/oidc/begin").await.header("location").starts_with("http"));
}

#[tokio::test]
async fn who_is_removed_or_may_less_is_so_at_once_also_on_open_sockets() {
    let provider = OidcProvider::start();
    let app = app_with(&provider, &[]).await;
    let candidate = app.candidate(&app.assessment().await).await;
    let member = add(&app, "wren@example.org", &["read", "write"]).await;
    let mut browser = Browser::at(&app);
    browser.sign_in().await;
    let pages = browser.pages(&app);
    let new = json!({"title": "a", "role": "b", "taskBrief": "c"});
    pages.post("/v1/assessments", new.clone()).await.expect(201);

    app.reviewer().patch(&member, json!({"scopes": ["read"]})).await.expect(200);
    pages.post("/v1/assessments", new).await.refused(403, "insufficient_scope");
    assert_eq!(pages.get("/auth/me").await.expect(200)["member"]["scopes"], json!(["read"]));

    let ticket = pages.post("/v1/live-tickets", json!({})).await.expect(201);
    let unused = pages.post("/v1/live-tickets", json!({})).await.expect(201);
    let of = |ticket: &Value| format!("?ticket={}", ticket["ticket"].as_str().unwrap());
    let mut by_ticket = app.anonymous().watch(&candidate.session, &of(&ticket)).await;
    let mut by_cookie = pages.watch(&candidate.session, "").await;
    let mut events = pages.sse(&candidate.session, None).await;
    events.next_of("hello").await;
    let mut other = app.reviewer().watch(&candidate.session, "").await;
    // Without reading there is nothing to watch.
    app.reviewer().patch(&member, json!({"scopes": ["write"]})).await.expect(200);
    pages.get("/v1/org").await.refused(403, "insufficient_scope");
    assert_eq!((by_ticket.closed().await, by_cookie.closed().await), (Some(4001), Some(4001)));
    while events.read().await.is_some() {}
    app.reviewer().patch(&member, json!({"scopes": ["read"]})).await.expect(200);
    let mut again = pages.watch(&candidate.session, "").await;

    app.reviewer().delete(&member).await.expect(200);
    for path in ["/v1/org", "/auth/me"] {
        pages.get(path).await.refused(401, "unauthorized");
    }
    let path = format!("/v1/sessions/{}/live{}", candidate.session, of(&unused));
    app.anonymous().connect(&path).await.err().unwrap().refused(401, "unauthorized");
    assert_eq!(again.closed().await, Some(4001));
    turned_away(&Browser::at(&app).sign_in().await, "not_a_member");
    // Whom that does not concern goes on.
    other.next_of("hello").await;
    candidate.ingest("prompt", json!({"text": "still here"})).await.expect(201);
    other.next_of("event").await;
}

#[tokio::test]
async fn signing_out_closes_the_sockets_of_that_sign_in() {
    let app = TestApp::start().await;
    let candidate = app.candidate(&app.assessment().await).await;
    let (mut browser, mut other) = (Browser::at(&app), Browser::at(&app));
    for browser in [&mut browser, &mut other] {
        browser.post("/auth/sign-in", json!({"apiKey": app.org().secret})).await.expect(200);
    }
    let mut socket = browser.pages(&app).watch(&candidate.session, "").await;
    let mut others = other.pages(&app).watch(&candidate.session, "").await;
    let mut keys = app.reviewer().watch(&candidate.session, "").await;
    let ticket = browser.pages(&app).post("/v1/live-tickets", json!({})).await.expect(201);
    browser.post("/auth/sign-out", json!({})).await.expect(200);
    let path = format!("/v1/sessions/{}/live?ticket={}", candidate.session, ticket["ticket"].as_str().unwrap());
    app.anonymous().connect(&path).await.err().unwrap().refused(401, "unauthorized");
    assert_eq!(socket.closed().await, Some(4001));
    candidate.ingest("prompt", json!({"text": "still here"})).await.expect(201);
    others.next_of("event").await;
    keys.next_of("event").await;
}
