//! An event that is true: validated, with its exact bytes.

use std::ops::Range;

use bytes::Bytes;
use uuid::Uuid;

use crate::{
    Author, Facts, Kind, OrgId, Provenance, SessionId, Source, Timestamp,
    json::{Members, text},
};

/// The fields of a `session_start` that become metadata of its session.
const PROMOTED: [&str; 4] = ["cwd", "assessmentId", "candidateName", "repoUrl"];

/// The characters that such a field may have; a longer one is left out.
const MAX_PROMOTED: usize = 4096;

/// One validated event. Made by [`Event::parse`] only.
#[derive(Debug, Clone)]
pub struct Event {
    /// The idempotency key: the same id in the same session is stored once, for ever.
    pub id: Uuid,
    /// The session it belongs to.
    pub session_id: SessionId,
    /// When it happened, by the client's clock.
    pub ts: Timestamp,
    /// What happened.
    pub kind: Kind,
    /// Where it came from.
    pub source: Source,
    /// Who acted.
    pub author: Author,
    /// How it is attributed.
    pub provenance: Provenance,
    /// What the signals need of the payload.
    pub facts: Facts,
    /// Whether it carries a signature.
    pub signed: bool,
    /// Whether its signature holds; `None` for an unsigned event, where no key was registered, and until
    /// [`Event::check_signature`].
    pub sig_verified: Option<bool>,
    pub(crate) raw: Bytes,
    pub(crate) data: Range<usize>,
}

impl Event {
    /// The exact bytes that were received; signatures cover them.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The `data` object as it was received, a part of [`Event::raw`].
    #[must_use]
    pub fn data(&self) -> &str {
        let bytes = self.raw.get(self.data.clone()).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or("{}")
    }

    /// Whether this event closes its session: a `session_end` that does not come from an editor tool.
    #[must_use]
    pub fn closes_session(&self) -> bool {
        self.kind == Kind::SessionEnd && !self.source.is_editor_tool()
    }

    /// What a `session_start` says of its session, to be kept in the session's metadata: names and values.
    #[must_use]
    pub fn promoted(&self) -> Vec<(&'static str, String)> {
        if self.kind != Kind::SessionStart {
            return Vec::new();
        }
        let Ok(data) = serde_json::from_str(self.data()) else { return Vec::new() };
        let Some(members) = Members::of(data, &PROMOTED) else { return Vec::new() };
        let short_text = |name| members.get(name).and_then(text).filter(|text| text.chars().count() <= MAX_PROMOTED);
        PROMOTED.into_iter().filter_map(|name| Some((name, short_text(name)?))).collect()
    }
}

/// An event as the log holds it: with what the server added.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// What the client sent.
    pub event: Event,
    /// Whose it is.
    pub org: OrgId,
    /// The order of arrival in its session: 1, 2, 3 …
    pub seq: u64,
    /// When the server took it.
    pub received_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{envelope, parse};

    #[test]
    fn a_session_start_says_where_and_for_whom() {
        let data = json!({
            "repoUrl": "https://example.org/x", "cwd": "/home/ä", "assessmentId": 7, "candidateName": "x".repeat(4097),
            "honeypotToken": "y",
        });
        let promoted = parse(&envelope("s", "session_start", 0, data.clone())).promoted();
        assert_eq!(promoted, [("cwd", "/home/ä".to_owned()), ("repoUrl", "https://example.org/x".to_owned())]);
        for kind in ["session_end", "decision_event", "prompt"] {
            assert_eq!(parse(&envelope("s", kind, 0, data.clone())).promoted(), []);
        }
        let longest = json!({ "candidateName": "ä".repeat(4096), "cwd": null });
        assert_eq!(parse(&envelope("s", "session_start", 0, longest)).promoted().len(), 1);
    }

    #[test]
    fn a_session_end_closes_unless_an_editor_tool_sent_it() {
        let closes = |kind: &str, source: serde_json::Value| {
            let mut event = envelope("s", kind, 0, json!({}));
            event["source"] = source;
            parse(&event).closes_session()
        };
        for integration in ["claude-code", "cursor", "codex", "vscode"] {
            assert!(!closes("session_end", json!(integration)), "{integration}");
            assert!(!closes("session_end", json!({ "channel": "api", "integration": integration })), "{integration}");
        }
        for source in [json!("cli"), json!("terminal"), json!({}), json!({ "integration": "own", "emitter": "vscode" })]
        {
            assert!(closes("session_end", source.clone()), "{source}");
            assert!(!closes("session_start", source));
        }
    }
}
