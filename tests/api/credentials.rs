//! How a credential may be written, and which of two counts.

use reqwest::Method;

use crate::harness::{TestApp, User};
use crate::playing::candidate;

#[tokio::test]
async fn a_credential_is_read_as_people_and_tools_write_it() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let secret = &app.org().secret;
    let anonymous = app.anonymous();
    let with = |name: &str, value: &str| anonymous.with_header(name, value);
    let (lower, blank) = (avocet.key.to_lowercase(), format!("  {} ", avocet.key));
    for user in [
        with("authorization", &format!("Bearer {secret}")),
        with("authorization", &format!("bearer {secret}")),
        with("authorization", &format!("BEARER   {secret} ")),
        with("x-api-key", &avocet.key),
        with("x-api-key", &lower),
        with("x-api-key", &blank),
        with("x-api-key", &format!(" {} ", avocet.token)),
    ] {
        user.get("/v1/sessions").await.expect(200);
    }
    let denied = anonymous.get("/v1/sessions").await;
    for user in [
        with("authorization", &format!("Bearer{secret}")),
        with("authorization", &format!("Bearer {}", secret.to_uppercase())),
        with("authorization", &format!("Bearer {}", &secret[..secret.len() - 1])),
        with("authorization", &format!("Bearer {secret} {secret}")),
        with("authorization", &format!("Token {secret}")),
        with("authorization", &format!("Bearer {}", avocet.key)),
        with("authorization", ""),
        with("x-api-key", ""),
        with("x-api-key", &avocet.token.to_uppercase()),
        with("x-api-key", &avocet.key.replace('-', "")),
        with("x-api-key", &avocet.key.replace("PST", "PSE")),
        with("x-api-key", secret),
    ] {
        let reply = user.get("/v1/sessions").await;
        assert_eq!((reply.status, &reply.text), (401, &denied.text));
        assert_eq!(reply.header("www-authenticate"), "Bearer");
    }
    // No credential belongs into the address, where logs would keep it.
    for query in [format!("api_key={secret}"), format!("key={}", avocet.key), format!("access_token={}", avocet.token)]
    {
        anonymous.get(&format!("/v1/sessions?{query}")).await.refused(401, "unauthorized");
    }
}

#[tokio::test]
async fn of_both_headers_authorization_counts() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let both = |bearer: &str, key: &str| -> User {
        let user = app.anonymous().with_header("authorization", &format!("Bearer {bearer}"));
        user.with_header("x-api-key", key)
    };
    let as_reviewer = both(&app.org().secret, &avocet.key);
    as_reviewer.get("/v1/org").await.expect(200);
    as_reviewer.post("/v1/hooks/ingest", serde_json::json!({})).await.refused(403, "candidate_only");
    both(&app.org().secret, "nobody").get("/v1/org").await.expect(200);
    both("psk_live_nobody", &avocet.key).get("/v1/sessions").await.refused(401, "unauthorized");
    let head = both("x", &avocet.key).call(Method::HEAD, "/v1/sessions").await;
    assert_eq!((head.status, head.text.as_str()), (401, ""));
}
