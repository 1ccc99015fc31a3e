//! What a batch of entries of the stream is made of, sorted by where it goes.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use clickhouse_schema::{DeadLetter, EntityRow, LoggedEvent};
use domain::{OrgId, SessionRef, StoredEvent};
use redis_scripts::{Content, Entry, Unreadable, belongs_to_session, keys::Partition};
use uuid::Uuid;

/// The names of parts of the stream that nobody can read: the same part has the same name each time.
const UNREADABLE: Uuid = Uuid::from_u128(0x5f0e_28c1_74a9_5d1c_9b3e_0c52_66d8_1f07);

/// See the module.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) events: Vec<LoggedEvent>,
    pub(super) entities: Vec<EntityRow>,
    /// What cannot be read.
    pub(super) letters: Vec<DeadLetter>,
    /// The sessions that something of it is about.
    pub(super) touched: BTreeSet<SessionRef>,
    /// Those of them whose records it changes.
    pub(super) changed: HashSet<SessionRef>,
    /// Up to which seq it brings the sessions of each partition.
    pub(super) flushed: BTreeMap<Partition, BTreeMap<SessionRef, u64>>,
    /// The entries of each partition.
    pub(super) ids: BTreeMap<Partition, Vec<String>>,
}

impl Batch {
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut batch = Self::default();
        for entry in entries {
            batch.ids.entry(entry.partition).or_default().push(entry.id.clone());
            batch.touched.extend(entry.unreadable.iter().filter_map(|part| part.session.clone()));
            batch.letters.extend(entry.unreadable.iter().map(|part| unread_letter(entry, part)));
            match &entry.content {
                Content::Unreadable => {}
                Content::Events(parts) => {
                    for part in parts {
                        let upto = batch.flushed.entry(entry.partition).or_default();
                        let seq = upto.entry(part.session.clone()).or_default();
                        *seq = part.last_seq().max(*seq);
                        batch.touched.insert(part.session.clone());
                        batch.events.extend(part.events.iter().map(|stored| LoggedEvent {
                            stored: stored.clone(),
                            session_created_at: part.session_created_at,
                            version: entry.version(),
                        }));
                    }
                }
                Content::Entity(change) => {
                    if let (true, Ok(session)) = (belongs_to_session(&change.kind), change.id.parse()) {
                        let name = SessionRef::new(change.org, session);
                        batch.touched.insert(name.clone());
                        batch.changed.insert(name);
                    }
                    batch.entities.push(EntityRow {
                        org: change.org,
                        kind: change.kind.clone(),
                        id: change.id.clone(),
                        version: change.version,
                        deleted: false,
                        fields: change.fields.clone().into_iter().collect(),
                        written_at: entry.written_at(),
                    });
                }
            }
        }
        batch
    }

    /// Takes out what is about `erased` sessions.
    pub(super) fn forget(&mut self, erased: &HashSet<SessionRef>) {
        if erased.is_empty() {
            return;
        }
        self.events.retain(|logged| !erased.contains(&session_of(&logged.stored)));
        self.entities.retain(|entity| !is_of(entity, erased));
        let names = |gone: &SessionRef, letter: &DeadLetter| {
            gone.org == letter.org && *gone.session.as_str() == *letter.session
        };
        self.letters.retain(|letter| !erased.iter().any(|gone| names(gone, letter)));
        self.touched.retain(|session| !erased.contains(session));
    }
}

/// Bytes of the events of an entry.
pub(super) fn bytes_of(entry: &Entry) -> usize {
    match &entry.content {
        Content::Events(parts) => {
            parts.iter().flat_map(|part| &part.events).map(|stored| stored.event.raw().len()).sum()
        }
        Content::Entity(_) | Content::Unreadable => 0,
    }
}

fn unread_letter(entry: &Entry, part: &Unreadable) -> DeadLetter {
    let name = [format!("{:?} {} ", entry.partition, entry.id).as_bytes(), &part.raw].concat();
    DeadLetter {
        // Whose it is may be unknown; then it is nobody's.
        org: part.session.as_ref().map_or(OrgId::NOBODY, |session| session.org),
        session: part.session.as_ref().map(|session| session.session.to_string()).unwrap_or_default(),
        event_id: Uuid::new_v5(&UNREADABLE, &name),
        received_at: entry.written_at(),
        reason: part.reason.clone(),
        raw: part.raw.clone(),
        seq: 0,
        session_created_at: entry.written_at(),
        sig_verified: None,
        version: entry.version(),
    }
}

fn session_of(stored: &StoredEvent) -> SessionRef {
    SessionRef::new(stored.org, stored.event.session_id.clone())
}

fn is_of(entity: &EntityRow, sessions: &HashSet<SessionRef>) -> bool {
    let of_session = belongs_to_session(&entity.kind);
    of_session && entity.id.parse().is_ok_and(|id| sessions.contains(&SessionRef::new(entity.org, id)))
}
