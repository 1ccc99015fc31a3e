//! Whether a Redis has all that was ever written to it, and what it does not do while it has not.

use std::time::Duration;

use domain::{Contribution, OrgId, SessionRef, Timestamp, testing};
use redis_scripts::{
    Commit, CommitPart, Config, NewSession, Redis, Wholeness,
    keys::{Partition, SessionKeys},
};
use serde_json::json;
use uuid::Uuid;

fn now() -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000)
}

#[tokio::test]
async fn marks_tell_a_whole_redis_from_one_that_lost_something() {
    let server = test_support::Redis::start();
    let redis = Redis::new(&Config::new(server.url())).unwrap();
    assert_eq!(redis.wholeness().await.unwrap(), Wholeness::Unmarked);
    redis.mark_new().await.unwrap();
    assert_eq!(redis.wholeness().await.unwrap(), Wholeness::Whole);
    redis.begin_rebuild().await.unwrap();
    redis.mark_new().await.unwrap();
    assert_eq!(redis.wholeness().await.unwrap(), Wholeness::Partial, "a restoration is ended by nobody else");
    redis.finish_rebuild().await.unwrap();
    assert_eq!(redis.wholeness().await.unwrap(), Wholeness::Whole);

    let partition = Partition::of_org(OrgId::sample(Uuid::nil()));
    let mut connection = redis.connection(partition).await.unwrap();
    redis::cmd("DEL").arg(partition.whole()).query_async::<()>(&mut connection).await.unwrap();
    assert_eq!(redis.wholeness().await.unwrap(), Wholeness::Partial, "one of many is lost");
    let whole = async |partition| redis.is_whole(partition).await.unwrap();
    let other = Partition::all().find(|other| *other != partition).unwrap();
    assert_eq!((whole(partition).await, whole(other).await), (false, true));

    let org = redis.create_org("Acme", now()).await.unwrap().0;
    assert!(!redis.lacks_any_of(&[org]).await.unwrap());
    assert!(redis.lacks_any_of(&[org, OrgId::sample(Uuid::nil())]).await.unwrap());
}

#[tokio::test]
async fn nothing_is_recorded_and_nothing_is_due_in_a_partition_that_is_not_whole() {
    let server = test_support::Redis::start();
    let redis = Redis::new(&Config::new(server.url())).unwrap();
    let name = SessionRef::new(OrgId::sample(Uuid::new_v4()), "s".parse().unwrap());
    let (committer, partition) = (Uuid::new_v4(), SessionKeys::of(&name).partition());
    let line = redis.commit_line();
    let event = testing::envelope(name.session.as_str(), "prompt", now().millis(), json!({ "text": "hi" }));
    let events = [testing::parse(&event)];
    let parts = [CommitPart::new(&name, &NewSession::default(), &events, &Contribution::default(), now())];
    let commit = Commit { partition, committer, nonce: 1, parts: &parts, now: now(), grace_ms: 0 };
    redis.schedule(&redis_scripts::Due::Deadline(name.clone()), Timestamp::from_millis(1)).await.unwrap();
    for _ in 0..2 {
        let refused = line.commit(&commit).await.unwrap_err();
        assert!(matches!(refused, redis_scripts::Error::Refused(_)), "{refused}");
        assert!(redis.session(&name).await.unwrap().is_none());
        assert!(redis.claim_due(now(), Duration::ZERO).await.unwrap().is_empty());
        redis.begin_rebuild().await.unwrap();
    }
    redis.finish_rebuild().await.unwrap();
    line.commit(&commit).await.unwrap();
    assert_eq!(redis.claim_due(now(), Duration::ZERO).await.unwrap().len(), 1);
}
