//! What is due is done, once, whichever of two nodes does it.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use actors::{Options, Running};
use clickhouse_schema::EventLog;
use domain::{OrgId, Session, SessionRef, Timestamp};
use redis_scripts::{Config, Due, KeyStatus, NewCandidateKey, NewSession, Redis};
use uuid::Uuid;

fn now() -> Timestamp {
    Timestamp::from(chrono::Utc::now())
}

/// Two nodes on one Redis. ClickHouse is away, which disturbs nothing here.
fn nodes(redis: &Redis) -> [Running; 2] {
    let log = EventLog::new(&clickhouse_schema::Config {
        url: "http://127.0.0.1:9".to_owned(),
        ..clickhouse_schema::Config::default()
    });
    let options = Options { threads: 1, close_grace: Duration::ZERO, ..Options::default() };
    [Running::start(redis, &log, &options), Running::start(redis, &log, &options)]
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "waited for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn ended(redis: &Redis, name: &SessionRef) -> Session {
    until("the end of the session", async || {
        redis.session(name).await.unwrap().filter(|session| session.record.ended_at.is_some() && session.last_seq == 1)
    })
    .await
}

#[actix::test]
async fn a_session_past_its_deadline_is_closed_once_and_says_why() {
    let server = test_support::Redis::start();
    let redis = Redis::new(&Config::new(server.url())).unwrap();
    redis.mark_new().await.unwrap();
    let nodes = nodes(&redis);
    let name = SessionRef::new(OrgId::sample(Uuid::new_v4()), "s".parse().unwrap());
    let deadline = now().plus_millis(300);
    let new = NewSession { deadline: Some(deadline), ..NewSession::default() };
    redis.create_session(&name, &new, now()).await.unwrap();
    redis.schedule(&Due::Deadline(name.clone()), deadline).await.unwrap();

    let session = ended(&redis, &name).await;
    assert!(now() >= deadline);
    assert_eq!(session.record.ended_at, Some(deadline));
    assert_eq!(session.record.end_reason.as_deref(), Some("time_limit"));
    let events = redis.read_unflushed(&name).await.unwrap();
    assert_eq!(events.iter().map(|stored| stored.event.data()).collect::<Vec<_>>(), [r#"{"reason":"time_limit"}"#]);
    until("nothing being due", async || {
        redis.claim_due(now().plus_millis(1_000_000), Duration::ZERO).await.unwrap().is_empty().then_some(())
    })
    .await;
    for node in nodes {
        node.stop().await;
    }
}

#[actix::test]
async fn an_expired_key_takes_its_running_session_with_it() {
    let server = test_support::Redis::start();
    let redis = Redis::new(&Config::new(server.url())).unwrap();
    redis.mark_new().await.unwrap();
    let (org, assessment) = (OrgId::sample(Uuid::new_v4()), Uuid::new_v4());
    let new = NewCandidateKey { email: None, name: None, org_name: None, invite: false };
    let expires_at = now().plus_millis(1_500);
    let keys = redis.create_candidate_keys(org, assessment, &[new.clone(), new], expires_at, now()).await.unwrap();
    let [running, unused] = keys.as_slice() else { panic!("two keys") };
    let name = SessionRef::new(org, "s".parse().unwrap());
    redis.bind_session(running, &name.session, false, now()).await.unwrap();
    let nodes = nodes(&redis);

    let session = ended(&redis, &name).await;
    assert_eq!(session.record.ended_at, Some(expires_at));
    assert_eq!(session.record.end_reason.as_deref(), Some("expired"));
    for key in [running, unused] {
        let key = until("the end of the key", async || {
            redis.candidate_key(org, key.id).await.unwrap().filter(|key| key.expired_at.is_some())
        })
        .await;
        assert_eq!(key.status(now()), KeyStatus::Expired);
        assert_eq!(key.completed_at, None);
    }
    for node in nodes {
        node.stop().await;
    }
}
