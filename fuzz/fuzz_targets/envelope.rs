//! Any bytes as an event: read or refused by name, never a panic; what is read is shown as JSON with its bytes unchanged,
//! read again the same, and added up in any order.
#![no_main]

use bytes::Bytes;
use domain::{Contribution, Event, Limits, OrgId, StoredEvent, Timestamp, row};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use uuid::Uuid;

const NOW: i64 = 1_775_037_600_000;

fuzz_target!(|bytes: &[u8]| {
    let raw = Bytes::copy_from_slice(bytes);
    let limits = Limits { now: Timestamp::from_millis(NOW), strict_kinds: false };
    let event = match Event::parse(raw.clone(), &limits) {
        Ok(event) => event,
        Err(error) => {
            assert!(!error.details.is_empty(), "a refusal without a reason");
            return;
        }
    };
    assert_eq!(event.raw(), &raw);
    let again = Event::parse(raw, &limits).expect("what was read is read again");
    assert_eq!((again.id, again.ts, &again.kind), (event.id, event.ts, &event.kind));

    let received_at = Timestamp::from_millis(NOW);
    let mut one = Contribution::of(&event, 1, received_at);
    let mut other = Contribution::of(&event, 2, received_at);
    let (first, second) = (one.clone(), other.clone());
    one.add(&second);
    other.add(&first);
    assert_eq!(format!("{one:?}"), format!("{other:?}"), "sums depend on the order");

    let mut shown = Vec::new();
    row::write(&StoredEvent { event, org: OrgId::trusted(Uuid::nil()), seq: 1, received_at }, &mut shown);
    // Numbers beyond every double are passed on as they came, which no `Value` holds.
    assert!(serde_json::from_slice::<&serde_json::value::RawValue>(&shown).is_ok(), "a row that is no JSON");
    if let Ok(row) = serde_json::from_slice::<Value>(&shown) {
        assert_eq!(row["seq"], 1);
    }
});
