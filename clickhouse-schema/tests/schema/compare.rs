//! Whether the log holds what it was given.

use clickhouse_schema::{EntityRow, GivenEntity, GivenEvents};
use domain::{OrgId, SessionRef};

use crate::store::{ORG, OTHER_ORG, Store, at, letter, logged, prompt, session};

fn given(org: OrgId, id: &str, version: u64, n: u64) -> GivenEvents {
    GivenEvents { session: SessionRef::new(org, id.parse().unwrap()), version, n }
}

#[tokio::test]
async fn what_is_missing_is_told_from_what_is_there_refused_or_somebody_elses() {
    let store = Store::start().await;
    assert!(store.log.missing_events(&[]).await.unwrap().is_empty());
    let of_version = |org: OrgId, id: &str, n: i64, version: u64| {
        let mut events = logged(org, &(0..n).map(|millis| prompt(id, millis)).collect::<Vec<_>>());
        events.iter_mut().for_each(|event| event.version = version);
        events
    };
    let events = of_version(ORG, "s", 5, 7);
    store.log.append_events(&events).await.unwrap();
    // The same again, as a batch of another shape.
    store.log.append_events(&events[1..]).await.unwrap();
    store.log.append_events(&of_version(OTHER_ORG, "s", 2, 9)).await.unwrap();
    let mut refused = letter(ORG, "s", b"{}");
    (refused.version, refused.seq) = (11, 6);
    let mut unread = letter(ORG, "t", b"x");
    (unread.version, unread.seq) = (12, 0);
    store.log.append_dead_letters(&[refused, unread]).await.unwrap();
    let asked = [
        (given(ORG, "s", 7, 5), 0),
        (given(ORG, "s", 7, 6), 1),
        (given(ORG, "s", 8, 3), 3),
        (given(ORG, "s", 9, 2), 2),
        (given(OTHER_ORG, "s", 9, 2), 0),
        (given(ORG, "s", 11, 2), 1),
        (given(ORG, "t", 12, 400), 0),
        (given(ORG, "unknown", 7, 1), 1),
    ];
    let (asked, expected): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    assert_eq!(store.log.missing_events(&asked).await.unwrap(), expected);
    // Behind the back of everybody.
    let one = events[2].stored.event.id;
    store.run(&format!("DELETE FROM events WHERE event_id = '{one}'")).await;
    assert_eq!(store.log.missing_events(&[given(ORG, "s", 7, 5)]).await.unwrap(), [1]);
    store.log.erase_session(&session("s")).await.unwrap();
    assert_eq!(store.log.missing_events(&asked[..2]).await.unwrap(), [5, 6]);
}

#[tokio::test]
async fn an_entity_is_there_in_this_state_or_a_later_one() {
    let store = Store::start().await;
    let row = |version| EntityRow {
        org: ORG,
        kind: "assessment".into(),
        id: "a'b".into(),
        version,
        deleted: false,
        fields: vec![("v".to_owned(), version.to_string())],
        written_at: at(1),
    };
    store.log.append_entities(&[row(2)]).await.unwrap();
    store.log.append_entities(&[row(3)]).await.unwrap();
    let given = |org, kind: &str, version| GivenEntity { org, kind: kind.into(), id: "a'b".into(), version };
    let asked = [
        (given(ORG, "assessment", 1), false),
        (given(ORG, "assessment", 3), false),
        (given(ORG, "assessment", 4), true),
        (given(ORG, "session", 1), true),
        (given(OTHER_ORG, "assessment", 1), true),
    ];
    let (asked, expected): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    assert_eq!(store.log.missing_entities(&asked).await.unwrap(), expected);
    assert!(store.log.missing_entities(&[]).await.unwrap().is_empty());
}
