//! Any text as the claims of a token whose signature holds: whom it speaks of, or nobody.
#![no_main]

use std::sync::OnceLock;

use domain::Timestamp;
use libfuzzer_sys::fuzz_target;
use promptster_server::http::jwt::Jwt;
use promptster_server::settings::{JwksSource, JwtSettings};
use serde_json::{Map, Value};

fn jwt() -> &'static Jwt {
    static JWT: OnceLock<Jwt> = OnceLock::new();
    JWT.get_or_init(|| {
        Jwt::new(JwtSettings {
            // Never read: nobody asks for a key.
            jwks: JwksSource::File("jwks.json".into()),
            issuer: "https://issuer.example".into(),
            audiences: vec!["promptster".into()],
            org_claims: vec!["org_id".into(), "https://example.com/org".into(), "a.b.c".into()],
            scope_claim: Some("scope".into()),
        })
        .unwrap()
    })
}

fuzz_target!(|text: &str| {
    let Ok(claims) = serde_json::from_str::<Map<String, Value>>(text) else { return };
    let Some(person) = jwt().person_of(&claims) else { return };
    assert!(!person.org.is_empty() && claims["sub"].as_str().is_some_and(|subject| !subject.is_empty()));
    // Whole seconds, as far as there are any.
    let latest = Timestamp::from_millis(i64::MAX);
    assert!(person.expires_at.millis() % 1000 == 0 || person.expires_at == latest);
    assert_eq!(jwt().person_of(&claims), Some(person));
});
