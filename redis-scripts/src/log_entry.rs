//! What an entry of the write-ahead stream holds, as far as it can be read.

use bytes::Bytes;
use domain::{OrgId, SessionRef, Timestamp};
use redis::streams::StreamId;

use crate::{
    Fields,
    commit::{self, LoggedEvents},
    keys::Partition,
};

/// A change of an entity: its whole state afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityChange {
    /// Whose it is.
    pub org: OrgId,
    /// What it is.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// Counts its changes.
    pub version: u64,
    /// All its fields.
    pub fields: Fields,
}

/// What an entry of the stream holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// Events of one or more sessions.
    Events(Vec<LoggedEvents>),
    /// A change of an entity.
    Entity(EntityChange),
    /// Nothing that can be read.
    Unreadable,
}

/// A part of an entry that cannot be read. It is kept for people to look at, and holds nobody up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Whose it is, as far as that can be read.
    pub session: Option<SessionRef>,
    /// What is wrong with it.
    pub reason: String,
    /// Its bytes.
    pub raw: Bytes,
}

/// One entry of the stream.
#[derive(Debug, Clone)]
pub struct Entry {
    /// In whose stream it stands.
    pub partition: Partition,
    /// Its id in that stream.
    pub id: String,
    /// What it holds.
    pub content: Content,
    /// What of it cannot be read.
    pub unreadable: Vec<Unreadable>,
}

impl Entry {
    /// A number that grows with the id: milliseconds × 2²⁰ + sequence.
    #[must_use]
    pub fn version(&self) -> u64 {
        version_of(&self.id)
    }

    /// When it was written, by the clock of Redis.
    #[must_use]
    pub fn written_at(&self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(self.version() >> 20).unwrap_or(i64::MAX))
    }
}

/// See [`Entry::version`].
pub(crate) fn version_of(id: &str) -> u64 {
    let mut parts = id.split('-').map(|part| part.parse::<u64>().unwrap_or(0));
    let millis = parts.next().unwrap_or(0);
    (millis << 20) | (parts.next().unwrap_or(0) & 0xf_ffff)
}

/// Reads an entry. What cannot be read of it does not keep the rest from being read.
pub(crate) fn content_of(item: &StreamId) -> (Content, Vec<Unreadable>) {
    if item.map.is_empty() {
        // Trimmed while it was pending: a loss, which nothing may hide.
        return (Content::Unreadable, vec![unreadable(item, "the entry is empty: what it held is lost")]);
    }
    if item.map.contains_key("kind") {
        return match entity_of(item) {
            Some(change) => (Content::Entity(change), Vec::new()),
            None => (Content::Unreadable, vec![unreadable(item, "no change of an entity")]),
        };
    }
    let (mut parts, mut wrong) = (Vec::with_capacity(item.map.len()), Vec::new());
    for name in item.map.keys() {
        let value: Bytes = item.get(name).unwrap_or_default();
        match commit::decode(name, value.clone()) {
            Ok(part) => parts.push(part),
            Err(error) => {
                wrong.push(Unreadable { session: commit::session_of(name), reason: error.to_string(), raw: value })
            }
        }
    }
    // The order within the entry is of no interest, but it must be the same each time.
    parts.sort_by(|one, other| (&one.session, one.base).cmp(&(&other.session, other.base)));
    wrong.sort_by(|one, other| (&one.session, &one.raw).cmp(&(&other.session, &other.raw)));
    (Content::Events(parts), wrong)
}

/// The whole of an entry of which nothing can be read: its fields, a line each.
fn unreadable(item: &StreamId, reason: &str) -> Unreadable {
    let mut fields: Vec<Vec<u8>> = item
        .map
        .keys()
        .map(|name| [name.as_bytes(), b" = ", &item.get::<Bytes>(name).unwrap_or_default()].concat())
        .collect();
    fields.sort();
    Unreadable { session: None, reason: reason.to_owned(), raw: fields.join(&b'\n').into() }
}

fn entity_of(item: &StreamId) -> Option<EntityChange> {
    let text = |field: &str| item.get::<String>(field);
    let flat: Vec<String> = serde_json::from_str(&text("state")?).ok()?;
    let mut fields = Fields::new();
    let mut flat = flat.into_iter();
    while let (Some(field), Some(value)) = (flat.next(), flat.next()) {
        fields.insert(field, value);
    }
    let version = fields.get("v").and_then(|version| version.parse().ok()).unwrap_or(0);
    let org = OrgId::trusted(text("org")?.parse().ok()?);
    Some(EntityChange { org, kind: text("kind")?, id: text("id")?, version, fields })
}
