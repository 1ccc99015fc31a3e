//! Signing in with an OpenID Connect provider: all that does not count, each by its name.

use serde_json::{Value, json};
use test_support::{
    identity::{SigningKey, message, signed_by_hmac},
    oidc::{CLIENT_ID, OidcProvider},
};

use crate::harness::{Browser, TestApp};
use crate::oidc::{add, app_with, turned_away};

async fn metrics(app: &TestApp) -> String {
    let log = app.log();
    let told = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = told.into_iter().find(|line| line["message"] == "metrics at /metrics").unwrap();
    let url = format!("http://{}/metrics", line["address"].as_str().unwrap());
    reqwest::get(url).await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn what_the_provider_says_counts_only_when_all_of_it_is_right() {
    let provider = OidcProvider::start();
    let app = app_with(&provider, &["--metrics-listen", "127.0.0.1:0"]).await;
    add(&app, "wren@example.org", &["read"]).await;
    let now_s = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let cases = [
        (json!({"nonce": "another"}), "oidc_nonce"),
        (json!({"nonce": null}), "oidc_nonce"),
        (json!({"aud": "another"}), "oidc_audience"),
        (json!({"aud": [CLIENT_ID, "another"]}), "oidc_audience"),
        (json!({"exp": now_s - 60}), "oidc_expired"),
        (json!({"exp": null}), "oidc_token"),
        (json!({"iss": "https://id.example.org"}), "oidc_issuer"),
        (json!({"email_verified": false}), "email_not_verified"),
        (json!({"email_verified": null}), "email_not_verified"),
        (json!({"email": null}), "email_not_verified"),
        (json!({"email": "dipper@example.org"}), "not_a_member"),
    ];
    for (claims, reason) in &cases {
        provider.ways().claims = claims.clone();
        let mut browser = Browser::at(&app);
        turned_away(&browser.sign_in().await, reason);
        assert_eq!(browser.cookie("promptster_sign_in"), None);
    }
    let metrics = metrics(&app).await;
    for (_, reason) in cases {
        assert!(metrics.contains(&format!("promptster_refusals_total{{code=\"{reason}\"}}")), "{reason}\n{metrics}");
    }
}

#[tokio::test]
async fn a_token_of_another_hand_does_not_count() {
    let provider = OidcProvider::start();
    let app = app_with(&provider, &[]).await;
    add(&app, "wren@example.org", &["read"]).await;
    let real = provider.ways().signs_with.jwk();
    // A key of the same name, which the provider does not have.
    provider.ways().keys = Some(json!({ "keys": [real] }));
    provider.ways().signs_with = SigningKey::new("first", "ES256");
    turned_away(&Browser::at(&app).sign_in().await, "oidc_token");
    provider.ways().signs_with = SigningKey::new("first", "RS256");
    turned_away(&Browser::at(&app).sign_in().await, "oidc_token");
    // Tokens signed with nothing, or with what everybody knows.
    let claims = json!({"iss": provider.issuer(), "aud": CLIENT_ID, "sub": "wren", "exp": 4_000_000_000_u64});
    let unsigned = format!("{}.", message(&json!({"alg": "none", "kid": "first"}), &claims));
    let by_hmac = signed_by_hmac(&message(&json!({"alg": "HS256", "kid": "first"}), &claims), CLIENT_ID.as_bytes());
    for token in [unsigned, by_hmac, "x.y.z".to_owned(), String::new()] {
        provider.ways().token = Some(token);
        turned_away(&Browser::at(&app).sign_in().await, "oidc_token");
    }
    provider.ways().token = None;
    // No keys at all.
    let app = app_with(&provider, &[]).await;
    provider.ways().keys = Some(json!({"keys": []}));
    turned_away(&Browser::at(&app).sign_in().await, "oidc_unreachable");
}

#[tokio::test]
async fn a_way_back_counts_once_in_the_browser_that_went() {
    let provider = OidcProvider::start();
    let app = app_with(&provider, &[]).await;
    add(&app, "wren@example.org", &["read"]).await;
    let mut browser = Browser::at(&app);
    let back = browser.go_to_provider("/auth/oidc/begin").await;
    let (address, _) = back.split_once('?').unwrap();
    for odd in [
        address.to_owned(),
        format!("{address}?state="),
        back.replace("state=", "state=x"),
        format!("{address}?code=x&state=%00"),
    ] {
        turned_away(&browser.open(&odd, "cross-site").await, "oidc_state");
    }
    // Another browser: one that an attacker had follow his own way back, or one that has begun for itself.
    turned_away(&Browser::at(&app).open(&back, "cross-site").await, "oidc_state");
    assert_eq!(browser.open(&back, "cross-site").await.status, 200);

    let back = browser.go_to_provider("/auth/oidc/begin").await;
    let attempt = browser.cookie("promptster_oidc").unwrap().to_owned();
    let mut victim = Browser::at(&app);
    victim.go_to_provider("/auth/oidc/begin").await;
    turned_away(&victim.open(&back, "cross-site").await, "oidc_state");

    let back = browser.go_to_provider("/auth/oidc/begin").await;
    let fresh = browser.cookie("promptster_oidc").unwrap().to_owned();
    assert_ne!(attempt, fresh);
    assert_eq!(browser.open(&back, "cross-site").await.status, 200);
    // Once more, cookie and all.
    browser.set_cookie("promptster_oidc", &fresh);
    turned_away(&browser.open(&back, "cross-site").await, "oidc_state");
    browser.get("/v1/org").await.expect(200);

    // A code that was used already, under a state that was not.
    let mut browser = Browser::at(&app);
    let first = browser.go_to_provider("/auth/oidc/begin").await;
    browser.open(&first, "cross-site").await;
    let code = |back: &str| back.split("code=").nth(1).unwrap().to_owned();
    let second = browser.go_to_provider("/auth/oidc/begin").await;
    let replayed = second.replace(&code(&second), &code(&first));
    turned_away(&browser.open(&replayed, "cross-site").await, "oidc_state");

    // A code of another provider.
    let back = browser.go_to_provider("/auth/oidc/begin").await;
    let issuer: String = form_urlencoded::byte_serialize(provider.issuer().as_bytes()).collect();
    let mixed = back.replace(&issuer, "https%3A%2F%2Fid.example.org");
    assert_ne!(mixed, back);
    turned_away(&browser.open(&mixed, "cross-site").await, "oidc_issuer");
    provider.ways().lets_in = false;
    turned_away(&browser.sign_in().await, "oidc_denied");
}

#[tokio::test]
async fn nobody_is_led_anywhere_else_and_other_sites_can_begin_nothing() {
    let provider = OidcProvider::start();
    let app = app_with(&provider, &[]).await;
    add(&app, "wren@example.org", &["read"]).await;
    for next in
        ["//evil.example", "https://evil.example", "/%5Cevil.example", "javascript:alert(1)", "/%22%3E%3Cscript%3E"]
    {
        let mut browser = Browser::at(&app);
        let back = browser.go_to_provider(&format!("/auth/oidc/begin?next={next}")).await;
        let arrived = browser.open(&back, "cross-site").await;
        assert!(arrived.text.contains(r#"content="0; url=/">"#), "{}", arrived.text);
        assert!(!arrived.text.contains("evil") && !arrived.text.contains("script"), "{}", arrived.text);
    }
    for site in ["cross-site", "same-site"] {
        let refused = Browser::at(&app).open("/auth/oidc/begin", site).await;
        refused.refused(403, "cross_site");
        assert!(!refused.headers.contains_key("set-cookie"));
    }
    for path in ["/auth/oidc/begin", "/auth/oidc/callback", "/auth/methods"] {
        app.anonymous().post(path, json!({})).await.refused(405, "method_not_allowed");
    }
    // A member who may only write sees no page.
    let only = add(&app, "dipper@example.org", &["write"]).await;
    assert!(!only.is_empty());
    provider.ways().claims = json!({"email": "dipper@example.org"});
    turned_away(&Browser::at(&app).sign_in().await, "insufficient_scope");
}

#[tokio::test]
async fn without_a_provider_there_is_no_such_way() {
    let app = TestApp::start().await;
    assert_eq!(app.anonymous().get("/auth/methods").await.expect(200), json!({"apiKey": true, "oidc": null}));
    turned_away(&Browser::at(&app).get("/auth/oidc/begin").await, "oidc_off");
    turned_away(&Browser::at(&app).open("/auth/oidc/callback?code=x&state=y", "cross-site").await, "oidc_off");
}

#[tokio::test]
async fn a_provider_that_is_not_what_it_says_is_not_asked() {
    for (changes, named) in [
        (json!({"issuer": "https://id.example.org"}), "it calls itself"),
        (json!({"token_endpoint": "http://id.example.org/token"}), "must be https"),
        (json!({"jwks_uri": null}), "jwks_uri"),
    ] {
        let provider = OidcProvider::start();
        provider.ways().description = changes;
        let app = app_with(&provider, &[]).await;
        turned_away(&Browser::at(&app).get("/auth/oidc/begin").await, "oidc_unreachable");
        assert!(app.log().contains(named), "no {named:?} in\n{}", app.log());
    }
}

#[tokio::test]
async fn tries_are_limited_by_address() {
    let provider = OidcProvider::start();
    let app = app_with(&provider, &[]).await;
    add(&app, "wren@example.org", &["read"]).await;
    let back = Browser::at(&app).go_to_provider("/auth/oidc/begin").await;
    let tries = (0..60).map(|_| {
        let mut browser = Browser::at(&app);
        let back = back.clone();
        async move { browser.open(&back, "cross-site").await }
    });
    let found = futures_util::future::join_all(tries).await;
    let limited: Vec<_> = found.iter().filter(|reply| reply.header("location").ends_with("rate_limited")).collect();
    assert!(!limited.is_empty() && limited.len() < 60);
    turned_away(limited[0], "rate_limited");
    // The same budget as of API keys.
    let tries = (0..30).map(|_| {
        let user = app.anonymous().with_header("origin", &app.url());
        async move { user.post("/auth/sign-in", json!({"apiKey": "psk_live_x"})).await.status }
    });
    let statuses = futures_util::future::join_all(tries).await;
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn nobody_gets_in_without_redis() {
    let provider = OidcProvider::start();
    let mut app = app_with(&provider, &[]).await;
    let mut browser = Browser::at(&app);
    let back = browser.go_to_provider("/auth/oidc/begin").await;
    app.kill_redis();
    for (address, site) in [("/auth/oidc/begin", "same-origin"), (back.as_str(), "cross-site")] {
        turned_away(&browser.open(address, site).await, "unavailable");
    }
    assert!(provider.asked("/token").is_empty());
}
