//! What candidates are told before anything is captured.

use domain::artifacts::prompt_analysis::DISCLOSED_AS;
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

/// What is said besides where a language model judges prompts.
const IS_JUDGED: &str = "What a language model says of your prompts when the session has ended: how clear and specific they are, and how \
    much context they give. It is marked as such, and may be wrong";
const IS_SENT: &str = "The texts of your prompts, and nothing else of your session, are sent to that language model when the session has \
    ended; whoever runs this server has chosen the model and where it runs";

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
    if settings.judge.is_some() {
        tell_of_judge(&mut shown);
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

/// Says that a language model judges prompts; it is another version then, by which the analyst knows who was told.
fn tell_of_judge(shown: &mut Map<String, Value>) {
    for (list, lines) in shown.iter_mut() {
        match (list.as_str(), lines) {
            ("version", Value::String(version)) => version.extend(["+", DISCLOSED_AS]),
            ("evaluated", Value::Array(lines)) => lines.insert(1.min(lines.len()), IS_JUDGED.into()),
            ("dataUse", Value::Array(lines)) => lines.insert(1.min(lines.len()), IS_SENT.into()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::artifacts::prompt_analysis::was_told;
    use serde_json::json;

    use super::*;
    use crate::settings::JudgeSettings;

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
    fn where_a_language_model_judges_prompts_it_says_so_and_who_agreed_was_told() {
        let mut settings = Settings::default();
        settings.proxy.records_calls = true;
        let before = current(&settings).unwrap();
        settings.judge = Some(JudgeSettings {
            url: "https://models.example.org".into(),
            model: "wren-1".into(),
            key: None,
            timeout: Duration::from_secs(1),
        });
        let after = current(&settings).unwrap();
        let lines = |disclosure: &Disclosure, list: &str| disclosure.shown[list].as_array().unwrap().clone();
        for (list, line) in [("evaluated", IS_JUDGED), ("dataUse", IS_SENT)] {
            assert!(lines(&after, list).contains(&json!(line)) && !lines(&before, list).contains(&json!(line)));
            assert_eq!(lines(&after, list).len(), lines(&before, list).len() + 1);
        }
        assert!(was_told(Some(&after.version), true) && !was_told(Some(&before.version), true));
        assert_ne!(after.hash, before.hash);
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
