//! What model traffic costs, on a real Redis: sums that many add to at once, exact and in the log.
#![expect(clippy::unwrap_used, reason = "tests")]

use domain::{OrgId, SessionRef, Timestamp};
use futures_util::future::join_all;
use redis_scripts::{Config, Content, NewCandidateKey, NewSession, Redis, keys::Partition};
use uuid::Uuid;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + millis)
}

/// The cost in the newest change of an entity that the stream has.
async fn logged(redis: &Redis, kind: &str, id: &str) -> String {
    let all: Vec<Partition> = Partition::all().collect();
    let entries = redis.read_new(&all, 100).await.unwrap();
    let costs = entries.into_iter().filter_map(|entry| match entry.content {
        Content::Entity(change) if change.kind == kind && change.id == id => change.fields.get("cost").cloned(),
        _ => None,
    });
    costs.last().unwrap()
}

#[tokio::test]
async fn costs_add_up_exactly_and_are_in_the_log() {
    let server = test_support::Redis::start();
    let redis = Redis::new(&Config::new(server.url())).unwrap();
    redis.prepare_log().await.unwrap();
    let org: OrgId = redis.create_org("Acme", at(0)).await.unwrap().0;
    let new = NewCandidateKey { email: None, name: None, org_name: None, invite: false };
    let keys = redis.create_candidate_keys(org, Uuid::now_v7(), &[new], at(1_000_000), at(0)).await.unwrap();
    let key = keys.first().unwrap().id;
    let session = SessionRef::new(org, "s".parse().unwrap());
    redis.create_session(&session, &NewSession::default(), at(0)).await.unwrap();
    join_all((0..10).map(|_| async {
        assert!(redis.add_key_cost(org, key, 100_000_001).await.unwrap());
        assert!(redis.add_session_cost(&session, 7, at(5)).await.unwrap());
    }))
    .await;
    assert_eq!(redis.candidate_key(org, key).await.unwrap().unwrap().total_cost_usd, Some(1.000_000_01));
    let record = async |session| redis.session(session).await.unwrap().map(|session| session.record);
    let now = record(&session).await.unwrap();
    assert_eq!((now.total_cost_usd, now.updated_at), (Some(0.000_000_07), at(5)));
    assert_eq!(logged(&redis, "candidate_key", &key.to_string()).await, "1.000000010");

    for _ in 0..2 {
        assert!(redis.add_session_cost(&session, u64::MAX, at(5)).await.unwrap());
        let cost = record(&session).await.unwrap().total_cost_usd;
        assert_eq!(cost, Some(9_007_199.254_740_99), "it stops where sums are no longer exact");
    }
    assert_eq!(logged(&redis, "session", "s").await, "9007199.254740991");

    assert!(!redis.add_key_cost(org, Uuid::now_v7(), 1).await.unwrap());
    let nowhere = SessionRef::new(org, "nowhere".parse().unwrap());
    assert!(!redis.add_session_cost(&nowhere, 1, at(5)).await.unwrap());
    assert!(record(&nowhere).await.is_none());
}
