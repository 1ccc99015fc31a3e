//! The timeline row: how a stored event is shown, live and in history alike.

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{Author, OrgId, Provenance, Source, StoredEvent, Timestamp};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    id: Uuid,
    session_id: &'a str,
    org_id: OrgId,
    seq: u64,
    kind: &'a str,
    ts: Timestamp,
    data: &'a RawValue,
    source: &'a Source,
    actor: Actor,
    provenance: &'a Provenance,
    received_at: Timestamp,
    created_at: Timestamp,
    sig_verified: Option<bool>,
}

#[derive(Serialize)]
struct Actor {
    #[serde(rename = "type")]
    author: Author,
}

/// Writes the row of `stored` to `out` as one JSON object. `data` is copied byte for byte from what was received.
pub fn write(stored: &StoredEvent, out: &mut Vec<u8>) {
    let event = &stored.event;
    // `data` was cut out of a document that parsed, so it is a JSON value itself.
    let Ok(data) = serde_json::from_str::<&RawValue>(event.data()) else { return };
    let row = Row {
        id: event.id,
        session_id: event.session_id.as_str(),
        org_id: stored.org,
        seq: stored.seq,
        kind: event.kind.as_str(),
        ts: event.ts,
        data,
        source: &event.source,
        actor: Actor { author: event.author },
        provenance: &event.provenance,
        received_at: stored.received_at,
        created_at: stored.received_at,
        sig_verified: stored.sig_verified,
    };
    // Writing to memory does not fail.
    drop(serde_json::to_writer(out, &row));
}
