//! From bytes to an [`Event`]: every doubt ends here, and every field that is wrong is named at once.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    Attribution, Author, Channel, Event, Kind, Observability, Provenance, SessionId, Source, Timestamp,
    json::{self, Members},
    payload,
};

#[cfg(test)]
mod tests;

/// What the parser must be told: the rules that are configured, and the time.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The server's time; an event more than 24 h ahead of it is refused.
    pub now: Timestamp,
    /// Refuse kinds without rules of their own (`unknown_kind`).
    pub strict_kinds: bool,
}

/// How far ahead of the server's clock an event may be: 24 h.
const MAX_AHEAD_MS: i64 = 24 * 60 * 60 * 1000;

/// A step on the way to a field: a name or an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PathPart {
    /// A member of an object.
    Key(Box<str>),
    /// An element of an array.
    Index(usize),
}

impl From<&str> for PathPart {
    fn from(key: &str) -> Self {
        Self::Key(key.into())
    }
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// Where it stands.
    pub path: Vec<PathPart>,
    /// What is wrong, for a person.
    pub message: String,
    /// What is wrong, for a program.
    pub code: &'static str,
}

impl Detail {
    /// Says that the field at `path` is wrong.
    #[must_use]
    pub fn new(path: &[&str], code: &'static str, message: impl Into<String>) -> Self {
        Self { path: path.iter().map(|part| PathPart::from(*part)).collect(), message: message.into(), code }
    }
}

/// Why bytes are not an event: all the fields that are wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} field(s) are wrong", details.len())]
pub struct ParseError {
    /// The id, where it could be read, so that an answer can name the event.
    pub id: Option<Uuid>,
    /// Never empty.
    pub details: Vec<Detail>,
}

/// The members of the envelope that are read; the others travel along in the raw text.
const ENVELOPE: [&str; 10] = ["id", "sessionId", "ts", "kind", "source", "actor", "provenance", "v", "data", "sig"];

/// What is wrong with bytes that hold no object.
fn why_no_object(raw: &[u8]) -> Detail {
    match serde_json::from_slice::<&RawValue>(raw) {
        Err(error) => Detail::new(&[], "invalid_json", format!("is not JSON: {error}")),
        Ok(_) => Detail::new(&[], "invalid_type", "must be an object"),
    }
}

impl Event {
    /// Reads one envelope (the contract's events-and-signals §1–2).
    ///
    /// # Errors
    /// Every field that is missing, of the wrong type or out of range, all at once.
    pub fn parse(raw: Bytes, limits: &Limits) -> Result<Self, ParseError> {
        let known = std::str::from_utf8(&raw).ok().and_then(|text| Members::of_text(text, &ENVELOPE));
        let envelope = known.ok_or_else(|| ParseError { id: None, details: vec![why_no_object(&raw)] })?;
        let mut check = Check::default();
        if let Some(name) = envelope.repeated {
            check.add(&[name], "duplicate_field", "must be there once only");
        }
        let id = check.uuid(envelope.get("id"));
        let session_id = check.session_id(envelope.get("sessionId"));
        let ts = check.ts(envelope.get("ts"), limits.now);
        let kind = check.kind(envelope.get("kind"), limits.strict_kinds);
        let source = check.source(envelope.get("source"));
        let author = check.author(envelope.get("actor"));
        let provenance = check.provenance(envelope.get("provenance"));
        check.version(envelope.get("v"));
        let data = check.data(envelope.get("data"));
        let facts = match (&kind, data) {
            (Some(kind), Some(data)) => payload::read(kind, data, &mut check.details),
            _ => None,
        };
        match (id, session_id, ts, kind, source, data, facts) {
            (Some(id), Some(session_id), Some(ts), Some(kind), Some(source), Some(data), Some(facts))
                if check.details.is_empty() =>
            {
                let start = data.get().as_ptr().addr() - raw.as_ptr().addr();
                let data = start..start + data.get().len();
                let signed = envelope.get("sig").is_some_and(|sig| sig.get() != "\"\"");
                let (sig_verified, raw) = (None, raw.clone());
                Ok(Self {
                    id,
                    session_id,
                    ts,
                    kind,
                    source,
                    author,
                    provenance,
                    facts,
                    signed,
                    sig_verified,
                    data,
                    raw,
                })
            }
            _ => Err(ParseError { id, details: check.details }),
        }
    }
}

/// Collects what is wrong while the fields are read.
#[derive(Default)]
struct Check {
    details: Vec<Detail>,
}

impl Check {
    fn add(&mut self, path: &[&str], code: &'static str, message: impl Into<String>) {
        self.details.push(Detail::new(path, code, message));
    }

    /// Adds what is wrong, in place of a value.
    fn wrong<T>(&mut self, path: &[&str], code: &'static str, message: impl Into<String>) -> Option<T> {
        self.add(path, code, message);
        None
    }

    fn required<'a>(&mut self, name: &str, value: Option<&'a RawValue>) -> Option<&'a RawValue> {
        value.or_else(|| self.wrong(&[name], "required", "is required"))
    }

    fn text(&mut self, path: &[&str], value: &RawValue) -> Option<String> {
        json::text(value).or_else(|| self.wrong(path, "invalid_type", "must be a string"))
    }

    fn uuid(&mut self, value: Option<&RawValue>) -> Option<Uuid> {
        let value = self.required("id", value)?;
        let text = self.text(&["id"], value)?;
        Uuid::try_parse(&text).ok().or_else(|| self.wrong(&["id"], "invalid_uuid", "must be a UUID"))
    }

    fn session_id(&mut self, value: Option<&RawValue>) -> Option<SessionId> {
        let value = self.required("sessionId", value)?;
        match self.text(&["sessionId"], value)?.parse::<SessionId>() {
            Ok(session_id) => Some(session_id),
            Err(error) => self.wrong(&["sessionId"], "invalid_session_id", error.to_string()),
        }
    }

    fn ts(&mut self, value: Option<&RawValue>, now: Timestamp) -> Option<Timestamp> {
        let value = self.required("ts", value)?;
        let text = self.text(&["ts"], value)?;
        let Some(ts) = Timestamp::parse_rfc3339(&text) else {
            return self.wrong(&["ts"], "invalid_timestamp", "must be an RFC 3339 time with an offset, from 1970 on");
        };
        if ts > now.plus_millis(MAX_AHEAD_MS) {
            return self.wrong(&["ts"], "too_far_ahead", "must not be more than 24 hours in the future");
        }
        Some(ts)
    }

    fn kind(&mut self, value: Option<&RawValue>, strict: bool) -> Option<Kind> {
        let value = self.required("kind", value)?;
        let text = self.text(&["kind"], value)?;
        match Kind::parse(&text) {
            Some(Kind::Other(_)) if strict => self.wrong(&["kind"], "unknown_kind", "is not a kind of the list"),
            Some(kind) => Some(kind),
            None => self.wrong(&["kind"], "invalid_kind", "must match [A-Za-z][A-Za-z0-9_]{0,63}"),
        }
    }

    fn version(&mut self, value: Option<&RawValue>) {
        let Some(value) = self.required("v", value) else { return };
        match json::integer(value) {
            Some(1) => {}
            Some(_) => self.add(&["v"], "unsupported_version", "must be 1"),
            None => self.add(&["v"], "invalid_type", "must be the integer 1"),
        }
    }

    fn data<'a>(&mut self, value: Option<&'a RawValue>) -> Option<&'a RawValue> {
        let value = self.required("data", value)?;
        if value.get().starts_with('{') {
            Some(value)
        } else {
            self.wrong(&["data"], "invalid_type", "must be an object")
        }
    }

    /// A member that is a word of at most 128 characters; absent and `null` read as `None`.
    fn word(&mut self, path: &[&str], value: Option<&RawValue>) -> Option<String> {
        let text = self.text(path, value?)?;
        if text.chars().count() > 128 {
            return self.wrong(path, "too_long", "must have at most 128 characters");
        }
        Some(text)
    }

    fn source(&mut self, value: Option<&RawValue>) -> Option<Source> {
        let value = self.required("source", value)?;
        if json::is_text(value) {
            return Some(Source::of_string(&self.word(&["source"], Some(value))?));
        }
        let Some(source) = Members::of(value, &["channel", "integration", "emitter"]) else {
            return self.wrong(&["source"], "invalid_type", "must be an object or a string");
        };
        let mut word = |name| self.word(&["source", name], source.get(name));
        let channel = word("channel").map_or_else(Channel::default, |word| Channel::of_word(&word));
        let integration = word("integration").map_or_else(|| "unknown".into(), Into::into);
        let emitter = word("emitter").map_or_else(|| "unknown".into(), Into::into);
        Some(Source { channel, integration, emitter })
    }

    fn author(&mut self, value: Option<&RawValue>) -> Author {
        let Some(value) = value else { return Author::default() };
        let Some(author) = Members::of(value, &["type"]) else {
            return self.wrong(&["actor"], "invalid_type", "must be an object").unwrap_or_default();
        };
        self.word(&["actor", "type"], author.get("type")).map(|word| Author::of_word(&word)).unwrap_or_default()
    }

    fn provenance(&mut self, value: Option<&RawValue>) -> Provenance {
        let default = Provenance::default();
        let Some(value) = value else { return default };
        let Some(provenance) = Members::of(value, &["attribution", "confidence", "observability"]) else {
            return self.wrong(&["provenance"], "invalid_type", "must be an object").unwrap_or(default);
        };
        let mut word = |name| self.word(&["provenance", name], provenance.get(name));
        let attribution = word("attribution").map_or(default.attribution, |word| Attribution::of_word(&word));
        let observability = word("observability").map_or(default.observability, |word| Observability::of_word(&word));
        let confidence = self.confidence(provenance.get("confidence")).unwrap_or(default.confidence);
        Provenance { attribution, confidence, observability }
    }

    fn confidence(&mut self, value: Option<&RawValue>) -> Option<f64> {
        match json::number(value?) {
            Some(confidence) if (0.0..=1.0).contains(&confidence) => Some(confidence),
            Some(_) => self.wrong(&["provenance", "confidence"], "out_of_range", "must be from 0 to 1"),
            None => self.wrong(&["provenance", "confidence"], "invalid_type", "must be a number"),
        }
    }
}
