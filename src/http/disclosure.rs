//! What candidates are told before anything is captured.

use redis_scripts::keys::SecretDigest;
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::Settings;

/// The text; whoever changes it changes its version too.
const TEXT: &str = include_str!("disclosure.json");

/// A disclosure as it is shown, and the hash by which a client says what it has shown.
pub(super) struct Disclosure {
    pub(super) shown: Value,
    pub(super) version: String,
    pub(super) hash: String,
}

/// The disclosure of this server.
pub(super) fn current(settings: &Settings) -> Result<Disclosure, ApiError> {
    let mut shown: Map<String, Value> = serde_json::from_str(TEXT).map_err(ApiError::internal)?;
    shown.insert("tosUrl".to_owned(), settings.tos_url.as_str().into());
    let version = shown.get("version").and_then(Value::as_str).unwrap_or_default().to_owned();
    let shown = Value::Object(shown);
    // A plain SHA-256 of what is shown, in hex: a type for secrets happens to do just that.
    let hash = SecretDigest::of(&shown.to_string()).as_str().to_owned();
    Ok(Disclosure { shown, version, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disclosure_says_all_that_clients_show_and_its_hash_depends_on_it() {
        let disclosure = current(&Settings::default()).unwrap();
        for list in ["captures", "doesNotCapture", "evaluated", "dataUse"] {
            let lines = disclosure.shown[list].as_array().unwrap();
            assert!(!lines.is_empty() && lines.iter().all(Value::is_string), "{list}");
        }
        assert!(!disclosure.version.is_empty());
        let other = Settings { tos_url: "https://terms.example".into(), ..Settings::default() };
        assert_ne!(current(&other).unwrap().hash, disclosure.hash);
    }
}
