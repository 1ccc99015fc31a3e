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
        sig_verified: event.sig_verified,
    };
    // Writing to memory does not fail.
    drop(serde_json::to_writer(out, &row));
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Event, Limits};

    fn row(sig_verified: Option<bool>) -> String {
        let raw = r#" {"v":1, "id":"01234567-89AB-4def-8123-456789abcdef","sessionId":"s:1","kind":"tool_call",
            "ts":"2026-04-01T12:00:00.1239+02:00","source":"cursor","actor":{"type":"ai","role":"x"},
            "provenance":{"confidence":0.9,"methods":[]},"data":{ "b" : 1.50, "a":"\u00e4\ud800" },"extra":1}"#;
        let limits = Limits { now: Timestamp::from_millis(1_775_037_600_000), strict_kinds: true };
        let mut event = Event::parse(Bytes::from(raw), &limits).unwrap();
        event.sig_verified = sig_verified;
        let stored = StoredEvent {
            event,
            org: OrgId::sample(Uuid::from_u128(7)),
            seq: 42,
            received_at: Timestamp::from_millis(1_775_037_600_000),
        };
        let mut out = b"before:".to_vec();
        write(&stored, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_row_is_one_line_of_json_with_the_data_as_it_came() {
        let expected = concat!(
            r#"before:{"id":"01234567-89ab-4def-8123-456789abcdef","sessionId":"s:1","#,
            r#""orgId":"00000000-0000-0000-0000-000000000007","seq":42,"kind":"tool_result","#,
            r#""ts":"2026-04-01T10:00:00.123Z","data":{ "b" : 1.50, "a":"\u00e4\ud800" },"#,
            r#""source":{"channel":"hook","integration":"cursor","emitter":"unknown"},"actor":{"type":"ai"},"#,
            r#""provenance":{"attribution":"unknown","confidence":0.9,"observability":"partial"},"#,
            r#""receivedAt":"2026-04-01T10:00:00.000Z","createdAt":"2026-04-01T10:00:00.000Z","sigVerified":null}"#,
        );
        assert_eq!(row(None), expected);
    }

    #[test]
    fn a_row_says_whether_its_signature_holds() {
        assert!(row(Some(true)).ends_with(r#""sigVerified":true}"#));
        assert!(row(Some(false)).ends_with(r#""sigVerified":false}"#));
    }
}
