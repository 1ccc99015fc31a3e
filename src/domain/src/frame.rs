//! What clients may say on the WebSockets: a candidate's tool on its own, and a watcher on its.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{MAX_JSON_DEPTH, exceeds_depth};

/// A frame that was understood.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// Events, each the very bytes that were received.
    Events(Vec<Bytes>),
    /// The session ends, for this reason.
    End(Option<String>),
}

/// Why a frame was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameError {
    /// Its name.
    pub code: &'static str,
    /// For a person.
    pub message: &'static str,
}

impl FrameError {
    /// It is no text.
    pub const UNSUPPORTED: Self = Self { code: "unsupported_frame", message: "messages are text frames of JSON" };
    /// The client said `end` before.
    pub const AFTER_END: Self = Self { code: "session_ended", message: "nothing is taken after `end`" };
    const BATCH_TOO_LARGE: Self = Self { code: "batch_too_large", message: "a batch holds at most 500 events" };
    const INVALID_JSON: Self = Self { code: "invalid_json", message: "the frame is not JSON, or nests too deeply" };
    const INVALID_MESSAGE: Self = Self {
        code: "invalid_message",
        message: "a message is an object with a type: event (with event), batch (with events) or end",
    };
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    events: Option<Vec<&'a RawValue>>,
    reason: Option<String>,
}

impl Frame {
    /// Reads a frame; its events are parts of `text`, not copies.
    ///
    /// # Errors
    /// [`FrameError`] when it is none, or holds more than `max_batch` events.
    pub fn parse(text: &Bytes, max_batch: usize) -> Result<Self, FrameError> {
        // The levels of the frame come on top of what an event may have.
        if exceeds_depth(text, MAX_JSON_DEPTH + 2) {
            return Err(FrameError::INVALID_JSON);
        }
        let raw: Raw<'_> = serde_json::from_slice(text)
            .map_err(|error| if error.is_data() { FrameError::INVALID_MESSAGE } else { FrameError::INVALID_JSON })?;
        let part = |value: &RawValue| text.slice_ref(value.get().as_bytes());
        match (raw.kind, raw.event, raw.events) {
            ("event", Some(event), None) => Ok(Self::Events(vec![part(event)])),
            ("batch", None, Some(events)) if events.len() > max_batch => Err(FrameError::BATCH_TOO_LARGE),
            ("batch", None, Some(events)) => Ok(Self::Events(events.into_iter().map(part).collect())),
            ("end", None, None) => Ok(Self::End(raw.reason)),
            _ => Err(FrameError::INVALID_MESSAGE),
        }
    }
}

/// What a watcher may say on its WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Asked {
    /// To go on after this seq.
    Resume {
        /// The seq.
        after: u64,
    },
    /// For a sign of life.
    Ping,
}

impl Asked {
    /// Reads a message; nothing where it is none of this protocol.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// The id of an event that is not parsed any further.
#[must_use]
pub fn id_of(event: &[u8]) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct WithId {
        id: Uuid,
    }
    serde_json::from_slice::<WithId>(event).ok().map(|event| event.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Frame, &str>) {
        let parsed = Frame::parse(&Bytes::from(text.to_owned()), 2).map_err(|error| error.code);
        assert_eq!(parsed, expected, "{text}");
    }

    #[test]
    fn a_frame_is_an_event_a_batch_or_the_end_and_anything_else_is_named() {
        let events = |events: &[&'static str]| Ok(Frame::Events(events.iter().map(|e| Bytes::from(*e)).collect()));
        check(r#"{"type":"event","event":{"a": 1.50}}"#, events(&[r#"{"a": 1.50}"#]));
        check(r#"{"events":[ {} , 7],"type":"batch"}"#, events(&["{}", "7"]));
        check(r#"{"type":"batch","events":[]}"#, events(&[]));
        check(r#"{"type":"end","reason":"done"}"#, Ok(Frame::End(Some("done".to_owned()))));
        check(r#"{"type":"end"}"#, Ok(Frame::End(None)));
        check(r#"{"type":"end","reason":7}"#, Err("invalid_message"));
        check(r#"{"type":"batch","events":[1,2,3]}"#, Err("batch_too_large"));
        check(r#"{"type":"event"}"#, Err("invalid_message"));
        check(r#"{"type":"dance"}"#, Err("invalid_message"));
        check(r#"["event"]"#, Err("invalid_message"));
        check("{", Err("invalid_json"));
        check(&format!(r#"{{"type":"event","event":{}}}"#, "[".repeat(99)), Err("invalid_json"));
    }

    #[test]
    fn a_watcher_asks_to_resume_or_for_a_sign_of_life() {
        assert_eq!(Asked::parse(r#"{"type":"resume","after":7}"#), Some(Asked::Resume { after: 7 }));
        assert_eq!(Asked::parse(r#"{"type":"ping"}"#), Some(Asked::Ping));
        for wrong in ["", "7", "{}", r#"{"type":"resume"}"#, r#"{"type":"resume","after":-1}"#, r#"{"type":"Ping"}"#] {
            assert_eq!(Asked::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_id_is_found_where_there_is_one() {
        let id = Uuid::new_v4();
        assert_eq!(id_of(format!(r#"{{"id":"{id}","x":[1]}}"#).as_bytes()), Some(id));
        assert_eq!(id_of(b"7"), None);
    }
}
