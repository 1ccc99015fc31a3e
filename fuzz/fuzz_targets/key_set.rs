//! Any bytes as the answer of an identity provider: its keys, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use promptster_server::http::jwks;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(keys) = jwks::parse(bytes) {
        assert!((1..=100).contains(&keys.len()));
    }
});
