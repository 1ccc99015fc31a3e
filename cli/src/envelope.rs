//! The event as it travels: one envelope, serialised once and sent byte for byte as often as it takes.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::{Uuid, uuid};

/// The namespace of all ids that this tool derives; changing it would double every event imported before.
const NAMESPACE: Uuid = uuid!("6f0c3d2e-4b1a-5d7c-9e8f-2a6b4c8d0e1f");

/// The payload of an event.
pub(crate) type Data = Map<String, Value>;

/// An event that knows everything but the session it will belong to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Draft {
    /// When it happened.
    pub(crate) ts: DateTime<Utc>,
    /// The kind, as on the wire.
    pub(crate) kind: &'static str,
    /// What makes the event unique within its transcript; the id is derived from it.
    pub(crate) key: String,
    /// Where it was seen.
    pub(crate) source: Source,
    /// Who did it, and how sure that is.
    pub(crate) author: Author,
    /// The payload.
    pub(crate) data: Data,
}

/// Where an event was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Source {
    channel: &'static str,
    integration: &'static str,
    emitter: &'static str,
}

impl Source {
    /// A Claude Code transcript.
    pub(crate) const TRANSCRIPT: Self =
        Self { channel: "import", integration: "claude-code", emitter: "promptster-cli" };
    /// Claude Code, by its hooks.
    pub(crate) const CLAUDE_CODE: Self = Self { channel: "hook", ..Self::TRANSCRIPT };
    /// Claude Code, by what it writes down while it works.
    pub(crate) const CLAUDE_TAIL: Self = Self { channel: "worker", ..Self::TRANSCRIPT };
    /// Codex, by what it writes down while it works.
    pub(crate) const CODEX: Self = Self { integration: "codex", ..Self::CLAUDE_TAIL };
    /// The files of the workspace themselves.
    pub(crate) const FILES: Self = Self { integration: "git-watcher", ..Self::CLAUDE_TAIL };
    /// A shell in which the person types.
    pub(crate) const TERMINAL: Self = Self { channel: "terminal", integration: "terminal", ..Self::TRANSCRIPT };
    /// Cursor, by its hooks.
    pub(crate) const CURSOR: Self = Self { integration: "cursor", ..Self::CLAUDE_CODE };
    /// An assistant, by this tool's MCP server.
    pub(crate) const MCP: Self = Self { channel: "mcp", ..Self::TOOL };
    /// This tool itself; a `session_end` from here closes the session.
    pub(crate) const TOOL: Self = Self { channel: "cli", integration: "promptster", emitter: "promptster-cli" };
}

impl Source {
    /// What was seen, as on the wire.
    pub(crate) fn integration(self) -> &'static str {
        self.integration
    }
}

/// Who did something, as far as a transcript can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    /// The person at the keyboard.
    Human,
    /// The assistant, in its own words.
    Assistant,
    /// The assistant, by using a tool.
    Tool,
    /// The assistant's proposal, changed by the person before it was accepted.
    Revised,
    /// The person, as far as changed files can tell.
    Hand,
    /// The person, in a file that the assistant had changed before.
    HandOnAi,
    /// The assistant, as far as changed files can tell: one of its commands ran.
    Command,
    /// The machinery around both.
    System,
}

impl Author {
    fn actor(self) -> &'static str {
        match self {
            Self::Human | Self::Hand | Self::HandOnAi => "human",
            Self::Assistant | Self::Tool | Self::Revised | Self::Command => "ai",
            Self::System => "system",
        }
    }

    /// Whose the act is, as on the wire.
    pub(crate) fn attribution(self) -> &'static str {
        match self {
            Self::Human | Self::Hand => "likely_human",
            Self::Assistant | Self::Tool | Self::Command => "likely_ai",
            Self::Revised | Self::HandOnAi => "ai_revised_by_human",
            Self::System => "system_generated",
        }
    }

    fn provenance(self) -> Provenance {
        let confidence = match self {
            Self::Human => 0.95,
            Self::Assistant => 0.99,
            Self::Tool | Self::Revised => 0.9,
            Self::Hand => 0.7,
            Self::HandOnAi | Self::Command => 0.6,
            Self::System => 1.0,
        };
        let observability = match self {
            Self::Hand | Self::HandOnAi | Self::Command => "medium",
            _ => "high",
        };
        Provenance { attribution: self.attribution(), confidence, observability }
    }
}

#[derive(Serialize)]
struct Actor {
    r#type: &'static str,
}

#[derive(Serialize)]
struct Provenance {
    attribution: &'static str,
    confidence: f64,
    observability: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    id: Uuid,
    session_id: &'a str,
    ts: &'a str,
    kind: &'a str,
    source: Source,
    actor: Actor,
    provenance: Provenance,
    v: u8,
    data: &'a Data,
}

impl Draft {
    /// The id in a session: the same draft in the same session always has the same.
    pub(crate) fn id(&self, session_id: &str) -> Uuid {
        Uuid::new_v5(&NAMESPACE, format!("{}:{}:{session_id}", self.key, self.kind).as_bytes())
    }

    /// Puts the event into a session.
    pub(crate) fn seal(&self, session_id: &str) -> Result<Envelope, serde_json::Error> {
        let id = self.id(session_id);
        let wire = Wire {
            id,
            session_id,
            ts: &self.ts.to_rfc3339_opts(SecondsFormat::Millis, true),
            kind: self.kind,
            source: self.source,
            actor: Actor { r#type: self.author.actor() },
            provenance: self.author.provenance(),
            v: 1,
            data: &self.data,
        };
        Ok(Envelope { id, ts: self.ts, kind: self.kind, raw: serde_json::value::to_raw_value(&wire)? })
    }
}

/// An event ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    /// The idempotency key.
    pub(crate) id: Uuid,
    /// When it happened.
    pub(crate) ts: DateTime<Utc>,
    /// The kind, for reports.
    pub(crate) kind: &'static str,
    raw: Box<RawValue>,
}

impl Envelope {
    /// An event whose text is known already.
    pub(crate) fn of_record(id: Uuid, raw: Box<RawValue>) -> Self {
        Self { id, ts: DateTime::UNIX_EPOCH, kind: "", raw }
    }

    /// The exact text, as JSON.
    pub(crate) fn raw(&self) -> &RawValue {
        &self.raw
    }

    /// The exact text that is sent.
    pub(crate) fn text(&self) -> &str {
        self.raw.get()
    }
}

#[cfg(test)]
mod tests {
    use super::{Author, Data, Draft, Source};
    use serde_json::{Value, json};

    fn draft() -> Draft {
        let mut data = Data::new();
        data.insert("text".into(), "hello".into());
        Draft {
            ts: "2026-01-21T06:20:30.8619Z".parse().unwrap(),
            kind: "prompt",
            key: "claude:s:u".into(),
            source: Source::TRANSCRIPT,
            author: Author::Human,
            data,
        }
    }

    #[test]
    fn an_envelope_has_every_field_of_the_contract() {
        let envelope = draft().seal("target").unwrap();
        let wire: Value = serde_json::from_str(envelope.text()).unwrap();
        assert_eq!(
            wire,
            json!({
                "id": envelope.id, "sessionId": "target", "ts": "2026-01-21T06:20:30.861Z", "kind": "prompt",
                "source": { "channel": "import", "integration": "claude-code", "emitter": "promptster-cli" },
                "actor": { "type": "human" },
                "provenance": { "attribution": "likely_human", "confidence": 0.95, "observability": "high" },
                "v": 1, "data": { "text": "hello" }
            })
        );
    }

    #[test]
    fn the_id_depends_on_the_key_the_kind_and_the_session_only() {
        let id = |change: fn(&mut Draft), session: &str| {
            let mut draft = draft();
            change(&mut draft);
            draft.seal(session).unwrap().id
        };
        let first = id(|_| (), "target");
        assert_eq!(first, id(|d| d.data.clear(), "target"));
        assert_ne!(first, id(|_| (), "another"));
        assert_ne!(first, id(|d| d.kind = "interrupt", "target"));
        assert_ne!(first, id(|d| d.key.push('x'), "target"));
    }
}
