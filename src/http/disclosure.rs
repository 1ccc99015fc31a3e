//! What candidates are told before anything is captured.

use redis_scripts::keys::SecretDigest;
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::Settings;

/// The text; whoever changes it changes its version too.
const TEXT: &str = include_str!("disclosure.json");

/// What is said besides where calls of models are recorded, and what is not true then.
const OF_MODEL_CALLS: &str = "Prompts that any tool sends to AI models through this server's addresses, and the answers, \
    whatever the tool itself reports; also what a tool asks there by itself, and what is asked from outside the workspace";
const NOT_OUTSIDE: &str = "Files, commands and AI conversations outside the assessment's workspace";
const NOT_OUTSIDE_BUT_MODEL_CALLS: &str = "Files and commands outside the assessment's workspace, and AI conversations \
    outside it that do not go through this server";

/// A disclosure as it is shown, and the hash by which a client says what it has shown.
pub(super) struct Disclosure {
    pub(super) shown: Value,
    pub(super) version: String,
    pub(super) hash: String,
}

/// The disclosure of this server.
pub(super) fn current(settings: &Settings) -> Result<Disclosure, ApiError> {
    let mut shown: Map<String, Value> = serde_json::from_str(TEXT).map_err(ApiError::internal)?;
    if settings.proxy.records_calls {
        tell_of_model_calls(&mut shown);
    }
    shown.insert("tosUrl".to_owned(), settings.tos_url.as_str().into());
    let version = shown.get("version").and_then(Value::as_str).unwrap_or_default().to_owned();
    let shown = Value::Object(shown);
    // A plain SHA-256 of what is shown, in hex: a type for secrets happens to do just that.
    let hash = SecretDigest::of(&shown.to_string()).as_str().to_owned();
    Ok(Disclosure { shown, version, hash })
}

/// Says that calls of models are recorded; it is another version then.
fn tell_of_model_calls(shown: &mut Map<String, Value>) {
    for (list, lines) in shown.iter_mut() {
        match (list.as_str(), lines) {
            ("version", Value::String(version)) => version.push_str("+model-calls"),
            ("captures", Value::Array(lines)) => lines.insert(1.min(lines.len()), OF_MODEL_CALLS.into()),
            ("doesNotCapture", Value::Array(lines)) => {
                for line in lines.iter_mut().filter(|line| *line == NOT_OUTSIDE) {
                    *line = NOT_OUTSIDE_BUT_MODEL_CALLS.into();
                }
            }
            _ => {}
        }
    }
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

    #[test]
    fn where_calls_of_models_are_recorded_it_says_so_and_nothing_else() {
        let mut settings = Settings::default();
        let (before, text) = (current(&settings).unwrap(), |disclosure: &Disclosure| disclosure.shown.to_string());
        settings.proxy.records_calls = true;
        let after = current(&settings).unwrap();
        assert!(text(&before).contains(NOT_OUTSIDE) && !text(&before).contains(OF_MODEL_CALLS));
        assert!(text(&after).contains(OF_MODEL_CALLS) && text(&after).contains(NOT_OUTSIDE_BUT_MODEL_CALLS));
        assert!(!text(&after).contains(NOT_OUTSIDE));
        assert_ne!((&after.version, &after.hash), (&before.version, &before.hash));
    }
}
