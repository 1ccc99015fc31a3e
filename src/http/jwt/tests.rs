//! Tokens and key sets, good and bad, against a real server of keys.

use std::{slice, time::Duration};

use serde_json::json;
use test_support::identity::{KeyServer, SigningKey, message, signed_by_hmac};

use super::*;
use crate::{clock, settings::JwksSource};

const ISSUER: &str = "https://id.example.org";

fn settings(server: &KeyServer) -> JwtSettings {
    JwtSettings {
        jwks: server.url().parse().unwrap(),
        issuer: ISSUER.to_owned(),
        audiences: vec!["promptster".to_owned(), "other".to_owned()],
        org_claims: vec!["org_id".to_owned(), "o.id".to_owned()],
        scope_claim: Some("https://example.org/scope".to_owned()),
    }
}

fn now_s() -> i64 {
    clock::now().millis() / 1000
}

/// Claims that count, but for what is changed in them; `null` takes a claim away.
fn claims(changes: Value) -> Value {
    let mut claims =
        json!({"iss": ISSUER, "aud": "promptster", "sub": "avocet", "exp": now_s() + 60, "org_id": "acme"});
    let (Value::Object(claims), Value::Object(changes)) = (&mut claims, changes) else { panic!("objects") };
    claims.extend(changes);
    claims.retain(|_, value| !value.is_null());
    json!(claims)
}

/// A pace that lets everything happen at once, or nothing.
fn pace(refetch_every: Duration) -> Pace {
    Pace { refetch_every, retry_every: Duration::ZERO, ..Pace::default() }
}

async fn check(jwt: &Jwt, token: &str, expected: Result<(), Denial>, what: &str) {
    assert_eq!(jwt.person(token).await.map(|_| ()), expected, "{what}");
}

#[actix_web::test]
async fn good_tokens_of_each_algorithm_count() {
    let keys = ["RS256", "ES256", "EdDSA"].map(|algorithm| SigningKey::new(algorithm, algorithm));
    let server = KeyServer::start(&keys.each_ref());
    let jwt = Jwt::new(settings(&server)).unwrap();
    for key in &keys {
        let person = jwt.person(&key.token(&claims(json!({})))).await.unwrap();
        assert_eq!((person.org.as_str(), person.scopes), ("acme", Scopes::ALL));
        assert_eq!(person.id, jwt.person(&key.token(&claims(json!({"jti": 1})))).await.unwrap().id);
        assert_ne!(person.id, jwt.person(&key.token(&claims(json!({"sub": "dunlin"})))).await.unwrap().id);
    }
    let [rsa, ..] = &keys;
    let read = async |changes: Value| jwt.person(&rsa.token(&claims(changes))).await.unwrap();
    assert_eq!(read(json!({"org_id": null, "o": {"id": "of o"}})).await.org, "of o");
    assert_eq!(read(json!({"aud": ["x", "other"]})).await.org, "acme");
    let scopes = async |said: Value| read(json!({"https://example.org/scope": said})).await.scopes;
    assert!(!scopes(json!("read")).await.write && !scopes(json!(["x", "read"])).await.write);
    assert!(scopes(json!("read write")).await.write && scopes(json!("openid")).await.write);
    let soon = read(json!({"exp": now_s() - 20, "nbf": now_s() + 20})).await;
    assert_eq!(soon.expires_at.millis() % 1000, 0, "within the leeway");
    assert_eq!(server.n_asked(), 1);
}

#[actix_web::test]
async fn everything_else_is_denied_alike() {
    let (rsa, other) = (SigningKey::new("k", "RS256"), SigningKey::new("k", "EdDSA"));
    let server = KeyServer::start(&[&rsa]);
    let jwt = Jwt::new(settings(&server)).unwrap();
    let header = |algorithm: &str| json!({"alg": algorithm, "typ": "JWT", "kid": "k"});
    let good = rsa.token(&claims(json!({})));
    check(&jwt, &good, Ok(()), "good").await;
    let unsigned = message(&header("none"), &claims(json!({})));
    let hmac = message(&header("HS256"), &claims(json!({})));
    let jwk = rsa.jwk().to_string();
    let mut denied = vec![
        ("nothing", String::new()),
        ("no token", "a.b.c".to_owned()),
        ("two parts", good.rsplit_once('.').unwrap().0.to_owned()),
        ("four parts", format!("{good}.x")),
        ("none", format!("{unsigned}.")),
        ("none with a signature", format!("{unsigned}.{}", good.rsplit('.').next().unwrap())),
        ("HMAC with the public key", signed_by_hmac(&hmac, &rsa.public())),
        ("HMAC with the key set", signed_by_hmac(&hmac, jwk.as_bytes())),
        ("another key", other.token_with(&header("RS256"), &claims(json!({})))),
        ("another algorithm", other.token(&claims(json!({})))),
        ("RS512", rsa.token_with(&header("RS512"), &claims(json!({})))),
        ("no kid", rsa.token_with(&json!({"alg": "RS256"}), &claims(json!({})))),
        ("its own key", other.token_with(&json!({"alg": "EdDSA", "kid": "k", "jwk": other.jwk()}), &claims(json!({})))),
        ("critical", rsa.token_with(&json!({"alg": "RS256", "kid": "k", "crit": ["x"]}), &claims(json!({})))),
        ("typ", rsa.token_with(&json!({"alg": "RS256", "kid": "k", "typ": "logout+jwt"}), &claims(json!({})))),
        ("claims that are a list", rsa.token(&json!([1]))),
        ("changed", good.replacen('.', ".e", 1)),
        ("100 kB", rsa.token(&claims(json!({"pad": "x".repeat(100_000)})))),
    ];
    for kid in ["../../../../etc/passwd", "/dev/zero", "http://127.0.0.1/x", "K", "k\0", "' or 1=1", ""] {
        denied.push((kid, rsa.token_with(&json!({"alg": "RS256", "kid": kid}), &claims(json!({})))));
    }
    for (what, changes) in [
        ("wrong iss", json!({"iss": "https://evil.example.org"})),
        ("no iss", json!({"iss": null})),
        ("wrong aud", json!({"aud": "somebody"})),
        ("no aud", json!({"aud": null})),
        ("empty aud", json!({"aud": []})),
        ("expired", json!({"exp": now_s() - 31})),
        ("no exp", json!({"exp": null})),
        ("exp as text", json!({"exp": "9999999999"})),
        ("negative exp", json!({"exp": -1})),
        ("exp beyond time", json!({"exp": u64::MAX})),
        ("nbf in the future", json!({"nbf": now_s() + 40})),
        ("nbf as text", json!({"nbf": "soon"})),
        ("no sub", json!({"sub": null})),
        ("empty sub", json!({"sub": ""})),
        ("no org", json!({"org_id": null})),
        ("empty org", json!({"org_id": ""})),
        ("org as a number", json!({"org_id": 7})),
    ] {
        denied.push((what, rsa.token(&claims(changes))));
    }
    for (what, token) in &denied {
        check(&jwt, token, Err(Denial::Token), what).await;
    }
    check(&jwt, &good, Ok(()), "good still").await;
}

#[actix_web::test]
async fn unknown_keys_make_it_ask_once_a_minute_whoever_comes() {
    let (known, new) = (SigningKey::new("old", "EdDSA"), SigningKey::new("new", "ES256"));
    let server = KeyServer::start(&[&known]);
    let jwt = Jwt::new(settings(&server)).unwrap();
    check(&jwt, &known.token(&claims(json!({}))), Ok(()), "known").await;
    assert_eq!(server.n_asked(), 1);
    let flood = (0..200).map(|number| {
        let header = json!({"alg": "EdDSA", "kid": format!("unknown-{number}")});
        let (jwt, token) = (jwt.clone(), known.token_with(&header, &claims(json!({}))));
        async move { check(&jwt, &token, Err(Denial::Token), "unknown").await }
    });
    futures_util::future::join_all(flood).await;
    assert_eq!(server.n_asked(), 2);
    server.serve(&[&known, &new]);
    check(&jwt, &new.token(&claims(json!({}))), Err(Denial::Token), "the minute is not over").await;
    assert_eq!(server.n_asked(), 2);
}

#[actix_web::test]
async fn a_new_key_counts_when_it_is_seen_and_a_withdrawn_one_no_longer() {
    let (old, new) = (SigningKey::new("old", "RS256"), SigningKey::new("new", "EdDSA"));
    let server = KeyServer::start(&[&old]);
    let jwt = Jwt::with(settings(&server), pace(Duration::ZERO)).unwrap();
    check(&jwt, &old.token(&claims(json!({}))), Ok(()), "old").await;
    server.serve(&[&new]);
    check(&jwt, &new.token(&claims(json!({}))), Ok(()), "new").await;
    check(&jwt, &old.token(&claims(json!({}))), Err(Denial::Token), "withdrawn").await;
    // Also when nobody shows an unknown one.
    let jwt = Jwt::with(settings(&server), Pace { refresh_after: Duration::ZERO, ..pace(Duration::ZERO) }).unwrap();
    check(&jwt, &new.token(&claims(json!({}))), Ok(()), "new").await;
    server.serve(&[&old]);
    for _ in 0..200 {
        if jwt.person(&new.token(&claims(json!({})))).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a withdrawn key still counts");
}

#[actix_web::test]
async fn the_last_good_keys_stay_while_the_provider_is_away_but_not_for_ever() {
    let key = SigningKey::new("k", "EdDSA");
    let server = KeyServer::start(&[&key]);
    let token = key.token(&claims(json!({})));
    let unknown = key.token_with(&json!({"alg": "EdDSA", "kid": "x"}), &claims(json!({})));
    server.set_down(true);
    let jwt = Jwt::with(settings(&server), pace(Duration::ZERO)).unwrap();
    check(&jwt, &token, Err(Denial::NoKeys), "no keys yet").await;
    check(&jwt, "nonsense", Err(Denial::Token), "which no key could help").await;
    server.set_down(false);
    check(&jwt, &token, Ok(()), "up").await;
    server.set_down(true);
    check(&jwt, &unknown, Err(Denial::Token), "down, unknown").await;
    for bad in ["", "{}", "[]", r#"{"keys":[]}"#, &json!({"keys": [{"kty": "oct", "k": "AA", "kid": "k"}]}).to_string()]
    {
        server.set_down(false);
        server.serve_text(bad);
        check(&jwt, &unknown, Err(Denial::Token), bad).await;
        check(&jwt, &token, Ok(()), bad).await;
    }
    server.serve_text(vec![b' '; 300_000]);
    check(&jwt, &unknown, Err(Denial::Token), "too large").await;
    check(&jwt, &token, Ok(()), "last good").await;

    server.serve(slice::from_ref(&&key));
    let short = Pace { forget_after: Duration::from_millis(300), ..pace(Duration::from_secs(60)) };
    let jwt = Jwt::with(settings(&server), short).unwrap();
    check(&jwt, &token, Ok(()), "fresh").await;
    server.set_down(true);
    tokio::time::sleep(Duration::from_millis(350)).await;
    check(&jwt, &token, Err(Denial::NoKeys), "too old").await;
}

#[actix_web::test]
async fn keys_can_come_from_a_file_which_is_read_at_the_start() {
    let key = SigningKey::new("k", "ES256");
    let server = KeyServer::start(&[]);
    let file = tempfile::NamedTempFile::new().unwrap();
    let settings = JwtSettings { jwks: JwksSource::File(file.path().to_owned()), ..settings(&server) };
    let jwt = Jwt::new(settings).unwrap();
    assert!(jwt.check().await.is_err(), "an empty file");
    let hidden = json!({"kty": "RSA", "kid": "e", "use": "enc", "n": "AQ", "e": "AQAB"});
    std::fs::write(file.path(), json!({"keys": [hidden, {"kty": "new"}, key.jwk()]}).to_string()).unwrap();
    jwt.check().await.unwrap();
    check(&jwt, &key.token(&claims(json!({}))), Ok(()), "in the file").await;
    let encrypting = key.token_with(&json!({"alg": "RS256", "kid": "e"}), &claims(json!({})));
    check(&jwt, &encrypting, Err(Denial::Token), "a key for something else").await;
    assert_eq!(server.n_asked(), 0);
}
