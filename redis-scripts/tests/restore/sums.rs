//! What is counted of events, and which ids are known.
use domain::{Contribution, Event, OrgId, SessionRef, StoredEvent, testing};
use proptest::{strategy::ValueTree, test_runner::TestRunner};
use redis_scripts::{Commit, CommitPart, NewSession, Redis, keys::SessionKeys};
use serde_json::json;
use uuid::Uuid;

use crate::store::{Store, assert_same, now};

pub(crate) fn stored(name: &SessionRef, seq: u64, kind: &str, data: serde_json::Value) -> StoredEvent {
    let event = testing::parse(&testing::envelope(name.session.as_str(), kind, now().millis(), data));
    StoredEvent { event, org: name.org, seq, received_at: now() }
}

async fn record(redis: &Redis, name: &SessionRef, events: &[Event]) {
    let (committer, partition) = (Uuid::new_v4(), SessionKeys::of(name).partition());
    let line = redis.commit_line();
    for (nonce, events) in (1..).zip(events.chunks(7)) {
        let received_at = now();
        let mut sum = Contribution::default();
        for (order, event) in (0..).zip(events) {
            sum.add(&Contribution::of(event, order, received_at));
        }
        let parts = [CommitPart::new(name, &NewSession::default(), events, &sum, received_at)];
        let commit = Commit { partition, committer, nonce, parts: &parts, now: received_at, grace_ms: 600_000 };
        line.commit(&commit).await.unwrap();
    }
}

#[tokio::test]
async fn sums_are_restored_field_by_field_whatever_the_pages() {
    let (before, after) = (Store::start().await, Store::start().await);
    let org = OrgId::sample(Uuid::new_v4());
    let mut runner = TestRunner::deterministic();
    let shift = now().millis() - testing::START_MILLIS;
    for round in 0..12 {
        let name = SessionRef::new(org, format!("r-{round}").parse().unwrap());
        let envelopes = proptest::strategy::Strategy::new_tree(&testing::arb_events(1..80), &mut runner).unwrap();
        let events: Vec<Event> = envelopes
            .current()
            .into_iter()
            .map(|mut envelope| {
                envelope["sessionId"] = json!(name.session);
                let mut event = testing::parse(&envelope);
                // Half of the sessions are of now, so that their windows count.
                if round % 2 == 0 {
                    let ts = event.ts.plus_millis(shift);
                    envelope["ts"] = json!(ts);
                    event = testing::parse(&envelope);
                }
                event
            })
            .collect();
        record(&before.redis, &name, &events).await;
    }
    let (entities, logged) = before.drain().await;
    assert_eq!(logged.len(), 12);
    after.restore_entities(&entities).await;
    for (name, events) in &logged {
        let closed_at = before.redis.session(name).await.unwrap().unwrap().record.closed_at;
        // Interrupted before the end, then again in other pages.
        let mut sums = after.redis.begin_sums(name, closed_at, now());
        sums.add(&events[..events.len() / 2]).await.unwrap();
        drop(sums);
        for _ in 0..2 {
            let is_there = after.redis.positions(name).await.unwrap().0 > 0;
            let mut sums = after.redis.begin_sums(name, closed_at, now());
            for page in events.chunks(11) {
                sums.add(page).await.unwrap();
            }
            assert_eq!(sums.last_seq(), u64::try_from(events.len()).unwrap());
            assert_eq!(sums.finish().await.unwrap(), !is_there);
        }
        let newest = events.last().unwrap().seq;
        assert_eq!(after.redis.positions(name).await.unwrap(), (newest, newest));
    }
    let expected = before.content().await;
    assert!(expected.keys().any(|key| key.contains(":w:")) && expected.keys().any(|key| key.contains(":f:")));
    let sums = after.content().await;
    assert_same(&sums, &expected);
}

#[tokio::test]
async fn the_ids_of_a_session_that_ended_long_ago_are_not_kept() {
    let store = Store::start().await;
    let name = SessionRef::new(OrgId::sample(Uuid::new_v4()), "s".parse().unwrap());
    for (hours, is_kept, expires) in [(None, true, false), (Some(23), true, true), (Some(25), false, false)] {
        let name = SessionRef::new(name.org, format!("s{}", hours.unwrap_or(0)).parse().unwrap());
        let closed_at = hours.map(|hours| now().plus_millis(-hours * 3_600_000));
        let mut sums = store.redis.begin_sums(&name, closed_at, now());
        sums.add(&[stored(&name, 1, "prompt", json!({ "text": "hi" }))]).await.unwrap();
        assert!(sums.finish().await.unwrap());
        let mut connection = store.redis.connection(SessionKeys::of(&name).partition()).await.unwrap();
        let ttl: i64 = redis::cmd("TTL").arg(SessionKeys::of(&name).seen()).query_async(&mut connection).await.unwrap();
        assert_eq!((ttl != -2, ttl > 0), (is_kept, expires), "{ttl}");
    }
}
