//! The server's messages, read tolerantly.

use super::outbox::Limits;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// A message of the server.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(super) enum Message {
    /// The first: what the server allows.
    Hello {
        #[serde(default = "default_window")]
        window: usize,
        #[serde(default = "default_batch")]
        max_batch: usize,
        #[serde(default = "default_frame_bytes")]
        max_frame_bytes: usize,
    },
    /// The fate of events.
    Ack {
        #[serde(default)]
        results: Vec<Fate>,
    },
    /// Stop sending for a while.
    Slow {
        #[serde(default)]
        retry_after_ms: u64,
    },
    /// The session is over.
    Closing {
        #[serde(default)]
        reason: Option<String>,
    },
    /// A frame was not understood.
    Error {
        #[serde(default)]
        error: Option<String>,
        #[serde(default)]
        code: Option<String>,
    },
    /// Anything that a later server may say.
    #[serde(other)]
    Unknown,
}

/// The fate of one event.
#[derive(Debug, Deserialize)]
pub(super) struct Fate {
    #[serde(default)]
    pub(super) id: Value,
    pub(super) status: u16,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    details: Option<Vec<Detail>>,
}

#[derive(Debug, Deserialize)]
struct Detail {
    #[serde(default)]
    path: Vec<Value>,
    #[serde(default)]
    message: String,
}

/// What an event's fate means for the sender.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Recorded,
    AlreadyThere,
    Retry,
    Refused(String),
}

impl Fate {
    /// The event's id; servers echo what they could read of it.
    pub(super) fn id(&self) -> Option<Uuid> {
        self.id.as_str()?.parse().ok()
    }

    pub(super) fn verdict(&self) -> Verdict {
        match self.status {
            201 => Verdict::Recorded,
            // Skipped because the session was over: it is not there, and never will be.
            200 if self.reason.as_deref() == Some("session_ended") => {
                Verdict::Refused("the session had ended".to_owned())
            }
            200 => Verdict::AlreadyThere,
            429 | 500.. => Verdict::Retry,
            status => Verdict::Refused(self.text().unwrap_or_else(|| format!("status {status}"))),
        }
    }

    fn text(&self) -> Option<String> {
        let error = self.error.clone().or_else(|| self.reason.clone())?;
        let details: Vec<String> = self.details.iter().flatten().map(Detail::text).collect();
        Some(if details.is_empty() { error } else { format!("{error} ({})", details.join("; ")) })
    }
}

impl Detail {
    fn text(&self) -> String {
        let path: Vec<String> =
            self.path.iter().map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned)).collect();
        format!("{}: {}", path.join("."), self.message)
    }
}

impl Message {
    /// The limits that a `hello` sets.
    pub(super) fn limits(&self) -> Option<Limits> {
        match self {
            Self::Hello { window, max_batch, max_frame_bytes } => {
                Some(Limits { window: (*window).max(1), batch: (*max_batch).max(1), frame_bytes: *max_frame_bytes })
            }
            _ => None,
        }
    }
}

const fn default_window() -> usize {
    64
}

const fn default_batch() -> usize {
    1
}

const fn default_frame_bytes() -> usize {
    1024 * 1024
}

#[cfg(test)]
mod tests {
    use super::{Fate, Message, Verdict};
    use serde_json::json;

    fn verdict(fate: serde_json::Value) -> Verdict {
        serde_json::from_value::<Fate>(fate).unwrap().verdict()
    }

    #[test]
    fn every_status_has_a_meaning() {
        assert_eq!(verdict(json!({ "id": "x", "status": 201, "seq": 4 })), Verdict::Recorded);
        assert_eq!(verdict(json!({ "id": "x", "status": 200 })), Verdict::AlreadyThere);
        assert_eq!(verdict(json!({ "id": "x", "status": 429, "error": "slow" })), Verdict::Retry);
        assert_eq!(verdict(json!({ "id": "x", "status": 503 })), Verdict::Retry);
        let ended = json!({ "id": "x", "status": 200, "skipped": true, "reason": "session_ended" });
        assert_eq!(verdict(ended), Verdict::Refused("the session had ended".into()));
        assert_eq!(verdict(json!({ "id": null, "status": 410 })), Verdict::Refused("status 410".into()));
    }

    #[test]
    fn a_refusal_names_the_fields_that_are_wrong() {
        let details = json!([{ "path": ["data", "edits", 0], "message": "must be a string", "code": "type" }]);
        let fate = json!({ "id": "x", "status": 400, "error": "Invalid event", "details": details });
        assert_eq!(verdict(fate), Verdict::Refused("Invalid event (data.edits.0: must be a string)".into()));
    }

    #[test]
    fn a_message_of_a_later_server_is_no_error() {
        let message: Message = serde_json::from_str(r#"{"type":"weather","is":"fine"}"#).unwrap();
        assert!(matches!(message, Message::Unknown));
        let hello: Message = serde_json::from_str(r#"{"type":"hello","sessionId":"s","window":0}"#).unwrap();
        assert_eq!(hello.limits().map(|limits| (limits.window, limits.batch)), Some((1, 1)));
    }
}
