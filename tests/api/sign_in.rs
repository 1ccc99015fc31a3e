//! Signing in with a browser: an API key becomes a cookie, which only the server's own pages can use.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Reply, TestApp, User};

/// A page of the server's own, as browsers send for it.
fn page(app: &TestApp) -> User {
    app.anonymous().with_header("origin", &app.url()).with_header("sec-fetch-site", "same-origin")
}

async fn sign_in(app: &TestApp, secret: &str) -> Reply {
    page(app).post("/auth/sign-in", json!({ "apiKey": secret })).await
}

/// What the reply has a browser send from then on.
fn cookie(reply: &Reply) -> String {
    reply.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// A page that is signed in with this API key.
async fn signed_in(app: &TestApp, secret: &str) -> User {
    let reply = sign_in(app, secret).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    page(app).with_header("cookie", &cookie(&reply))
}

#[tokio::test]
async fn a_browser_signs_in_works_and_signs_out() {
    let app = TestApp::start().await;
    let candidate = app.candidate(&app.assessment().await).await;
    let reply = sign_in(&app, &app.org().secret).await;
    let attributes: Vec<_> = reply.header("set-cookie").split("; ").skip(1).collect();
    assert_eq!(attributes, ["Path=/", "Max-Age=43200", "HttpOnly", "SameSite=Strict"]);
    assert_eq!(reply.body["org"], json!({"id": app.org().id, "name": "Acme"}));
    assert!(!reply.text.contains(&app.org().secret));
    let encrypted = app.anonymous().with_header("origin", &app.url().replace("http:", "https:"));
    let encrypted = encrypted.post("/auth/sign-in", json!({"apiKey": app.org().secret})).await;
    assert!(encrypted.header("set-cookie").ends_with("; SameSite=Strict; Secure"));

    let browser = page(&app).with_header("cookie", &format!("other=1; {}", cookie(&reply)));
    let me = browser.get("/auth/me").await;
    assert_eq!(
        (me.status, &me.body["org"], &me.body["expiresAt"]),
        (200, &reply.body["org"], &reply.body["expiresAt"])
    );
    browser.get("/v1/org").await.expect(200);
    let made = browser.post("/v1/assessments", json!({"title": "a", "role": "b", "taskBrief": "c"})).await.expect(201);
    let path = format!("/v1/assessments/{}", made["assessment"]["id"].as_str().unwrap());
    browser.patch(&path, json!({"title": "d"})).await.expect(200);
    browser.delete(&path).await.expect(200);

    let ticket = browser.post("/v1/live-tickets", json!({})).await.expect(201);
    let ticket = format!("?ticket={}", ticket["ticket"].as_str().unwrap());
    assert_eq!(page(&app).watch(&candidate.session, &ticket).await.next().await["type"], "hello");
    assert_eq!(browser.watch(&candidate.session, "").await.next().await["type"], "hello");
    let mut events = browser.sse(&candidate.session, None).await;
    events.next_of("hello").await;

    // A credential that a program names counts before the cookie.
    let other = app.other_org().await.get("/v1/org").await;
    let both = browser.with_header("x-api-key", &candidate.token).get("/v1/org").await;
    both.refused(403, "reviewer_only");
    assert_eq!(other.body["org"]["name"], "Other");

    let out = browser.post("/auth/sign-out", json!({})).await;
    assert_eq!(
        (out.status, out.header("set-cookie")),
        (200, "promptster_sign_in=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict",)
    );
    for path in ["/auth/me", "/v1/org"] {
        browser.get(path).await.refused(401, "unauthorized");
    }
    browser.post("/auth/sign-out", json!({})).await.expect(200);
    page(&app).post("/auth/sign-out", json!({})).await.expect(200);
}

#[tokio::test]
async fn only_an_api_key_that_counts_and_reads_signs_in() {
    let app = TestApp::start().await;
    let candidate = app.candidate(&app.assessment().await).await;
    for wrong in [&format!("{}x", app.org().secret), "psk_live_", &candidate.token, &candidate.key, "ey.ey.ey"] {
        let reply = sign_in(&app, wrong).await;
        reply.refused(401, "unauthorized");
        assert!(!reply.headers.contains_key("set-cookie"));
    }
    let made = app.reviewer().post("/v1/org/api-keys", json!({"name": "a", "scopes": ["write"]})).await.expect(201);
    sign_in(&app, made["secret"].as_str().unwrap()).await.refused(403, "insufficient_scope");
    for body in [json!({}), json!({"apiKey": 7}), json!({"apiKey": ""}), json!({"apiKey": "x".repeat(8193)})] {
        let reply = page(&app).post("/auth/sign-in", body).await;
        reply.refused(400, "validation_failed");
        assert_eq!(reply.body["details"][0]["path"], json!(["apiKey"]));
    }
    for odd in ["psi_", "psi_nonsense", &"x".repeat(9000), ""] {
        let browser = page(&app).with_header("cookie", &format!("promptster_sign_in={odd}"));
        browser.get("/v1/org").await.refused(401, "unauthorized");
        browser.get("/auth/me").await.refused(401, "unauthorized");
    }

    let read = app.reviewer().post("/v1/org/api-keys", json!({"name": "a", "scopes": ["read"]})).await.expect(201);
    let reader = signed_in(&app, read["secret"].as_str().unwrap()).await;
    reader.get("/v1/assessments").await.expect(200);
    reader.post("/v1/assessments", json!({})).await.refused(403, "insufficient_scope");
}

#[tokio::test]
async fn a_sign_in_ends_with_its_key_with_its_time_and_with_the_next_one() {
    let app = TestApp::start().await;
    let made =
        app.reviewer().post("/v1/org/api-keys", json!({"name": "a", "scopes": ["read", "write"]})).await.expect(201);
    let secret = made["secret"].as_str().unwrap();
    let (first, second) = (signed_in(&app, secret).await, signed_in(&app, secret).await);
    let other_node = app.second_node();
    // Its pages come from there as well.
    let elsewhere = second.at(&other_node.url()).with_header("origin", &other_node.url());
    elsewhere.get("/v1/org").await.expect(200);

    // In the same browser there is one sign-in at a time.
    let again = first.post("/auth/sign-in", json!({ "apiKey": secret })).await;
    first.get("/v1/org").await.refused(401, "unauthorized");
    let again = page(&app).with_header("cookie", &cookie(&again));
    again.get("/v1/org").await.expect(200);

    let kept = app.redis_command("KEYS *sign_in:*").await;
    let keys: Vec<_> = kept.lines().filter(|line| line.contains("sign_in:")).collect();
    assert_eq!(keys.len(), 2, "{kept}");
    for key in &keys {
        let left = app.redis_command(&format!("PTTL {key}")).await;
        let left: i64 = left[1..].lines().next().unwrap().parse().unwrap();
        assert!((43_000_000..=43_200_000).contains(&left), "{left}");
    }
    let everything = format!("{kept}{}", app.redis_command(&format!("GET {}", keys[0])).await);
    assert!(!everything.contains("psi_") && !everything.contains("psk_"), "{everything}");

    app.reviewer().delete(&format!("/v1/org/api-keys/{}", made["apiKey"]["id"].as_str().unwrap())).await.expect(200);
    for browser in [&again, &second, &elsewhere] {
        browser.get("/v1/org").await.refused(401, "unauthorized");
        browser.get("/auth/me").await.refused(401, "unauthorized");
    }

    let late = signed_in(&app, &app.org().secret).await;
    late.get("/v1/org").await.expect(200);
    for key in app.redis_command("KEYS *sign_in:*").await.lines().filter(|line| line.contains("sign_in:")) {
        app.redis_command(&format!("PEXPIRE {key} 0")).await;
    }
    late.get("/v1/org").await.refused(401, "unauthorized");
}

#[tokio::test]
async fn pages_of_other_sites_can_do_nothing_with_a_sign_in() {
    let app = TestApp::start().await;
    let candidate = app.candidate(&app.assessment().await).await;
    let reply = sign_in(&app, &app.org().secret).await;
    let browser = || app.anonymous().with_header("cookie", &cookie(&reply));
    let own = app.url();
    let new = json!({"title": "a", "role": "b", "taskBrief": "c"});

    for origin in ["https://evil.example", "null", ""] {
        let evil = browser().with_header("origin", origin);
        evil.post("/v1/assessments", new.clone()).await.refused(403, "origin_refused");
        evil.post("/auth/sign-out", json!({})).await.refused(403, "origin_refused");
        evil.post("/v1/live-tickets", json!({})).await.refused(403, "origin_refused");
        evil.get("/v1/org").await.refused(403, "origin_refused");
        let watched = evil.connect(&format!("/v1/sessions/{}/live", candidate.session)).await;
        watched.err().unwrap().refused(403, "origin_refused");
    }
    for site in ["cross-site", "same-site", "nonsense"] {
        let evil = browser().with_header("origin", &own).with_header("sec-fetch-site", site);
        for method in [Method::DELETE, Method::PATCH, Method::GET] {
            let path = "/v1/assessments/0190a0a0-0000-7000-8000-000000000000";
            evil.call(method, path).await.refused(403, "cross_site");
        }
        evil.post("/v1/assessments", new.clone()).await.refused(403, "cross_site");
        evil.post("/auth/sign-in", json!({"apiKey": app.org().secret})).await.refused(403, "cross_site");
        evil.post("/auth/sign-out", json!({})).await.refused(403, "cross_site");
        evil.get("/v1/org").await.refused(403, "cross_site");
    }
    // Nothing says where it comes from: enough to read, as for an address that somebody typed, and not to change.
    let bare = browser();
    bare.get("/v1/org").await.expect(200);
    bare.with_header("sec-fetch-site", "none").get("/v1/org").await.expect(200);
    bare.post("/v1/assessments", new.clone()).await.refused(403, "cross_site");
    bare.with_header("sec-fetch-site", "none").post("/v1/assessments", new.clone()).await.refused(403, "cross_site");
    app.anonymous().post("/auth/sign-in", json!({"apiKey": app.org().secret})).await.refused(403, "cross_site");
    // An older browser names its origin only.
    browser().with_header("origin", &own).post("/v1/assessments", new.clone()).await.expect(201);
    // Programs name their credential and no page.
    app.reviewer().with_header("sec-fetch-site", "cross-site").post("/v1/assessments", new).await.expect(201);
    // No page of another site may read what comes back, whatever it may ask.
    let shown = browser().with_header("origin", &own).get("/v1/org").await;
    assert!(!shown.headers.contains_key("access-control-allow-credentials"));
}

#[tokio::test]
async fn tries_to_sign_in_are_limited_by_address() {
    let app = TestApp::with(&["--trust-forwarded-for"]).await;
    let from = |address: &str| page(&app).with_header("x-forwarded-for", address);
    let right = json!({"apiKey": app.org().secret});
    // All at once, so that a slow machine lets no more flow in than a few.
    let tries = (0..60).map(|n| {
        let key = if n % 2 == 0 { json!({"apiKey": "psk_live_x"}) } else { right.clone() };
        let user = from("203.0.113.7");
        async move { user.post("/auth/sign-in", key).await }
    });
    let (refused, heard): (Vec<_>, Vec<_>) =
        futures_util::future::join_all(tries).await.into_iter().partition(|reply| reply.status == 429);
    assert!(heard.len() >= 30 && !refused.is_empty(), "{} of 60 were heard", heard.len());
    for reply in refused {
        reply.refused(429, "rate_limited");
        let seconds: u64 = reply.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&seconds) && reply.header("x-ratelimit-limit") == "30", "{seconds}");
    }
    from("203.0.113.8").post("/auth/sign-in", right).await.expect(200);
}

#[tokio::test]
async fn refused_browsers_are_counted_by_name_and_fail_closed_without_redis() {
    let mut app = TestApp::with(&["--metrics-listen", "127.0.0.1:0"]).await;
    let browser = signed_in(&app, &app.org().secret).await;
    browser.with_header("sec-fetch-site", "cross-site").get("/v1/org").await.refused(403, "cross_site");
    let log = app.log();
    let told = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let line = told.into_iter().find(|line| line["message"] == "metrics at /metrics").unwrap();
    let url = format!("http://{}/metrics", line["address"].as_str().unwrap());
    let metrics = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(metrics.contains(r#"promptster_refusals_total{code="cross_site"} 1"#), "{metrics}");

    app.kill_redis();
    browser.get("/v1/org").await.refused(503, "unavailable");
    browser.get("/auth/me").await.refused(503, "unavailable");
    assert!(browser.get("/settings").await.header("content-type").starts_with("text/html"));
}
