//! Any text as a candidate key, and as the id of a session: what is read is in the one form that is stored.
#![no_main]

use domain::SessionId;
use libfuzzer_sys::fuzz_target;
use redis_scripts::parse_candidate_key;

fuzz_target!(|text: &str| {
    if let Some(key) = parse_candidate_key(text) {
        assert_eq!(parse_candidate_key(&key).as_ref(), Some(&key));
        assert_eq!(parse_candidate_key(&key.to_lowercase()), Some(key.clone()));
        assert!(key.len() == 13 && key.starts_with("PST-") && key.is_ascii(), "{key}");
    }
    if let Ok(id) = text.parse::<SessionId>() {
        assert_eq!(id.as_str(), text);
        assert!(!text.is_empty() && text.len() <= 128 && text.bytes().all(|byte| byte > b' ' && byte < 127));
    }
});
