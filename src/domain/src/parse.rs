//! From bytes to an [`Event`]: every doubt ends here, and every field that is wrong is named at once.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    Attribution, Author, Channel, Event, Kind, Observability, Provenance, SessionId, Source, Timestamp, payload,
};

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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEvent<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    session_id: Option<&'a RawValue>,
    #[serde(borrow)]
    ts: Option<&'a RawValue>,
    #[serde(borrow)]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    actor: Option<&'a RawValue>,
    #[serde(borrow)]
    provenance: Option<&'a RawValue>,
    #[serde(borrow)]
    v: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    sig: Option<&'a RawValue>,
}

impl Event {
    /// Reads one envelope (the contract's events-and-signals §1–2).
    ///
    /// # Errors
    /// Every field that is missing, of the wrong type or out of range, all at once.
    pub fn parse(raw: Bytes, limits: &Limits) -> Result<Self, ParseError> {
        let envelope: RawEvent<'_> = match serde_json::from_slice(&raw) {
            Ok(envelope) => envelope,
            Err(error) => {
                let code = if error.is_data() { "invalid_type" } else { "invalid_json" };
                let message = if error.is_data() {
                    format!("is not an event object: {error}")
                } else {
                    format!("is not JSON: {error}")
                };
                return Err(ParseError { id: None, details: vec![Detail::new(&[], code, message)] });
            }
        };
        let mut check = Check::default();
        let id = check.uuid(envelope.id);
        let session_id = check.session_id(envelope.session_id);
        let ts = check.ts(envelope.ts, limits.now);
        let kind = check.kind(envelope.kind, limits.strict_kinds);
        let source = check.source(envelope.source);
        let author = check.author(envelope.actor);
        let provenance = check.provenance(envelope.provenance);
        check.version(envelope.v);
        let data = check.object("data", envelope.data);
        let facts = match (&kind, data) {
            (Some(kind), Some(data)) => payload::read(kind, data, &author, &mut check.details),
            _ => None,
        };
        match (id, session_id, ts, kind, source, data, facts) {
            (Some(id), Some(session_id), Some(ts), Some(kind), Some(source), Some(data), Some(facts))
                if check.details.is_empty() =>
            {
                let start = data.get().as_ptr().addr() - raw.as_ptr().addr();
                let data = start..start + data.get().len();
                let signed = envelope.sig.is_some_and(|sig| sig.get() != "null");
                Ok(Self { id, session_id, ts, kind, source, author, provenance, facts, signed, data, raw: raw.clone() })
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
    fn wrong<T>(&mut self, path: &[&str], code: &'static str, message: impl Into<String>) -> Option<T> {
        self.details.push(Detail::new(path, code, message));
        None
    }

    fn required<'a>(&mut self, name: &str, value: Option<&'a RawValue>) -> Option<&'a RawValue> {
        value.or_else(|| self.wrong(&[name], "required", "is required"))
    }

    fn text(&mut self, path: &[&str], value: &RawValue) -> Option<String> {
        match serde_json::from_str(value.get()) {
            Ok(text) => Some(text),
            Err(_) => self.wrong(path, "invalid_type", "must be a string"),
        }
    }

    fn uuid(&mut self, value: Option<&RawValue>) -> Option<Uuid> {
        let value = self.required("id", value)?;
        let text = self.text(&["id"], value)?;
        Uuid::try_parse(&text).ok().or_else(|| self.wrong(&["id"], "invalid_uuid", "must be a UUID"))
    }

    fn session_id(&mut self, value: Option<&RawValue>) -> Option<SessionId> {
        let value = self.required("sessionId", value)?;
        let text = self.text(&["sessionId"], value)?;
        text.parse()
            .or_else(|error| self.wrong(&["sessionId"], "invalid_session_id", format!("{error}")).ok_or(()))
            .ok()
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
        match serde_json::from_str::<f64>(value.get()) {
            Ok(1.0) => {}
            Ok(_) => drop(self.wrong::<()>(&["v"], "unsupported_version", "must be 1")),
            Err(_) => drop(self.wrong::<()>(&["v"], "invalid_type", "must be the integer 1")),
        }
    }

    fn object<'a>(&mut self, name: &str, value: Option<&'a RawValue>) -> Option<&'a RawValue> {
        let value = self.required(name, value)?;
        if value.get().starts_with('{') {
            Some(value)
        } else {
            self.wrong(&[name], "invalid_type", "must be an object")
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
        #[derive(Deserialize)]
        struct RawSource<'a> {
            #[serde(borrow)]
            channel: Option<&'a RawValue>,
            #[serde(borrow)]
            integration: Option<&'a RawValue>,
            #[serde(borrow)]
            emitter: Option<&'a RawValue>,
        }
        let value = self.required("source", value)?;
        if value.get().starts_with('"') {
            return Some(Source::of_string(&self.word(&["source"], Some(value))?));
        }
        let Ok(raw) = serde_json::from_str::<RawSource<'_>>(value.get()) else {
            return self.wrong(&["source"], "invalid_type", "must be an object or a string");
        };
        let unknown = || "unknown".to_owned();
        let channel = self.word(&["source", "channel"], raw.channel).map(|word| Channel::of_word(&word));
        let integration = self.word(&["source", "integration"], raw.integration).unwrap_or_else(unknown);
        let emitter = self.word(&["source", "emitter"], raw.emitter).unwrap_or_else(unknown);
        Some(Source { channel: channel.unwrap_or_default(), integration: integration.into(), emitter: emitter.into() })
    }

    fn author(&mut self, value: Option<&RawValue>) -> Author {
        #[derive(Deserialize)]
        struct RawAuthor<'a> {
            #[serde(borrow, rename = "type")]
            kind: Option<&'a RawValue>,
        }
        let Some(value) = value else { return Author::Unknown };
        match serde_json::from_str::<RawAuthor<'_>>(value.get()) {
            Ok(raw) => self.word(&["actor", "type"], raw.kind).map(|word| Author::of_word(&word)).unwrap_or_default(),
            Err(_) => self.wrong(&["actor"], "invalid_type", "must be an object").unwrap_or_default(),
        }
    }

    fn provenance(&mut self, value: Option<&RawValue>) -> Provenance {
        #[derive(Deserialize)]
        struct RawProvenance<'a> {
            #[serde(borrow)]
            attribution: Option<&'a RawValue>,
            #[serde(borrow)]
            confidence: Option<&'a RawValue>,
            #[serde(borrow)]
            observability: Option<&'a RawValue>,
        }
        let default = Provenance::default();
        let Some(value) = value else { return default };
        let Ok(raw) = serde_json::from_str::<RawProvenance<'_>>(value.get()) else {
            self.details.push(Detail::new(&["provenance"], "invalid_type", "must be an object"));
            return default;
        };
        let attribution = self.word(&["provenance", "attribution"], raw.attribution);
        let observability = self.word(&["provenance", "observability"], raw.observability);
        let confidence = raw.confidence.and_then(|value| match serde_json::from_str::<f64>(value.get()) {
            Ok(confidence) if (0.0..=1.0).contains(&confidence) => Some(confidence),
            Ok(_) => self.wrong(&["provenance", "confidence"], "out_of_range", "must be from 0 to 1"),
            Err(_) => self.wrong(&["provenance", "confidence"], "invalid_type", "must be a number"),
        });
        Provenance {
            attribution: attribution.map_or(default.attribution, |word| Attribution::of_word(&word)),
            confidence: confidence.unwrap_or(default.confidence),
            observability: observability.map_or(default.observability, |word| Observability::of_word(&word)),
        }
    }
}
