//! On a Redis Cluster: every call finds its server, also after that has changed, and what was acknowledged is still there.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::HashSet;
use std::time::{Duration, Instant};

use domain::{Contribution, Event, OrgId, SessionRef, Timestamp, testing};
use futures_util::StreamExt;
use redis_scripts::{
    Commit, CommitLine, CommitPart, Config, Due, Error, NewCandidateKey, NewSession, Outcome, Redis, SessionQuery,
    Wholeness,
    keys::{OrgKeys, Partition, SessionKeys, parse_wake},
    tail::From,
};
use serde_json::json;
use test_support::RedisCluster;
use uuid::Uuid;

fn now() -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000)
}

/// A commit of one session, as a committer repeats it.
struct Writing {
    line: CommitLine,
    name: SessionRef,
    committer: Uuid,
    nonce: u64,
}

impl Writing {
    fn new(redis: &Redis, name: &SessionRef) -> Self {
        Self { line: redis.commit_line(), name: name.clone(), committer: Uuid::new_v4(), nonce: 0 }
    }

    async fn commit(&mut self, event: &Event) -> Result<Outcome, Error> {
        self.nonce += 1;
        self.repeat(event).await
    }

    async fn repeat(&self, event: &Event) -> Result<Outcome, Error> {
        let partition = SessionKeys::of(&self.name).partition();
        let sum = Contribution::of(event, 0, now());
        let parts = [CommitPart::new(&self.name, &NewSession::default(), std::slice::from_ref(event), &sum, now())];
        let (committer, nonce) = (self.committer, self.nonce);
        let commit = Commit { partition, committer, nonce, parts: &parts, now: now(), grace_ms: 0 };
        Ok(self.line.commit(&commit).await?.remove(0))
    }

    /// Repeats the commit of an event until it is confirmed, as a committer and its client would; how long that took.
    async fn insist(&mut self, event: &Event) -> Duration {
        let started = Instant::now();
        self.nonce += 1;
        loop {
            match self.repeat(event).await {
                Ok(Outcome::Recorded { .. }) => return started.elapsed(),
                Ok(other) => panic!("{other:?}"),
                Err(Error::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(other) => panic!("{other}"),
            }
            assert!(started.elapsed() < Duration::from_secs(30), "never confirmed");
        }
    }
}

fn prompt(name: &SessionRef) -> Event {
    testing::parse(&testing::envelope(name.session.as_str(), "prompt", now().millis(), json!({ "text": "hi" })))
}

async fn ids(redis: &Redis, name: &SessionRef) -> Vec<Uuid> {
    let tail = redis.read_tail(name, From::Seq(0)).await.unwrap();
    tail.events.iter().map(|stored| stored.event.id).collect()
}

#[tokio::test]
async fn what_spans_partitions_reaches_every_server() {
    let cluster = RedisCluster::start();
    let redis = Redis::new(&Config::new(cluster.urls())).unwrap();
    redis.ping().await.unwrap();
    redis.load_scripts().await.unwrap();
    assert!(redis.memory().await.unwrap().used > 0);
    assert_eq!(redis.wholeness().await.unwrap(), Wholeness::Unmarked);
    redis.mark_new().await.unwrap();
    assert_eq!(redis.wholeness().await.unwrap(), Wholeness::Whole);
    let masters: Vec<usize> = Partition::all().map(|partition| cluster.master_of(&partition.whole())).collect();
    assert!((0..3).all(|number| masters.contains(&number)), "the partitions are spread: {masters:?}");

    // Three servers, and a subscriber at any one of them hears of all.
    let mut subscriber = redis.subscriber().await.unwrap();
    for partition in Partition::all() {
        subscriber.subscribe(partition.wake_channel()).await.unwrap();
    }
    let (org, secret) = redis.create_org("Acme", now()).await.unwrap();
    assert!(secret.starts_with("psk_live_"));
    let names: Vec<SessionRef> = (0..24).map(|n| SessionRef::new(org, format!("s{n}").parse().unwrap())).collect();
    for name in &names {
        let outcome = Writing::new(&redis, name).commit(&prompt(name)).await.unwrap();
        assert!(matches!(outcome, Outcome::Recorded { base: 0, created: true, .. }), "{outcome:?}");
        redis.reindex_session(name).await.unwrap();
    }
    let mut woken = HashSet::new();
    let mut messages = subscriber.on_message();
    while woken.len() < names.len() {
        let message = tokio::time::timeout(Duration::from_secs(5), messages.next()).await.unwrap().unwrap();
        let payload: String = message.get_payload().unwrap();
        woken.extend(parse_wake(&payload).map(|woken| woken.session));
    }
    let found = redis.sessions(&names).await.unwrap();
    assert!(found.iter().zip(&names).all(|(found, name)| found.as_ref().is_some_and(|found| found.name == *name)));
    let query = SessionQuery { limit: 100, ..SessionQuery::default() };
    assert_eq!(redis.list_sessions(org, &query).await.unwrap().1, 24);

    let new = NewCandidateKey { email: None, name: None, org_name: None, invite: false };
    let keys = redis.create_candidate_keys(org, Uuid::new_v4(), &[new], now(), now()).await.unwrap();
    let due = redis.claim_due(now(), Duration::from_secs(30)).await.unwrap();
    assert_eq!(due, [Due::KeyExpiry { org, key: keys[0].id }]);

    redis.prepare_log().await.unwrap();
    let writer = Uuid::new_v4();
    let held = redis.lease_partitions(writer, Duration::from_secs(5)).await.unwrap();
    assert_eq!(held.len(), 64);
    let entries = redis.read_new(&held, 100).await.unwrap();
    let n_logged = entries.iter().filter(|entry| entry.partition == OrgKeys::of(org).partition()).count();
    assert!(entries.len() > 24 && n_logged >= 3, "{} entries, {n_logged} of the organisation", entries.len());
    assert_eq!(redis.read_pending(&held).await.unwrap().len(), entries.len());
    for entry in &entries {
        assert!(redis.confirm_written(writer, entry.partition, std::slice::from_ref(&entry.id), &[]).await.unwrap());
    }
    assert!(redis.read_pending(&held).await.unwrap().is_empty());
    assert_eq!(redis.erased_among(&names).await.unwrap().len(), 0);
    assert!(redis.begin_erasure(&names[0], now()).await.unwrap().is_some());
    assert_eq!(redis.erased_among(&names).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_acknowledged_event_survives_its_master_and_the_way_to_the_next_is_found() {
    let mut cluster = RedisCluster::start();
    let redis = Redis::new(&Config::new(cluster.urls())).unwrap();
    redis.mark_new().await.unwrap();
    let name = SessionRef::new(OrgId::sample(Uuid::new_v4()), "s".parse().unwrap());
    let tag = SessionKeys::of(&name).record();
    let mut writing = Writing::new(&redis, &name);
    let mut acknowledged = Vec::new();
    for _ in 0..50 {
        let event = prompt(&name);
        writing.commit(&event).await.unwrap();
        acknowledged.push(event.id);
    }
    // A connection that was opened before stays with the deposed master and is told to go elsewhere.
    let (master, replica) = (cluster.master_of(&tag), cluster.replica_of(cluster.master_of(&tag)));
    cluster.kill(master);
    let killed = Instant::now();
    let started = tokio::task::spawn_blocking(move || {
        while !cluster.is_master(replica) {
            std::thread::sleep(Duration::from_millis(20));
        }
        cluster.restart(master);
        cluster
    });
    let event = prompt(&name);
    let waited = writing.insist(&event).await;
    acknowledged.push(event.id);
    let cluster = started.await.unwrap();
    println!("a commit after {waited:?}; the master was killed {:?} ago", killed.elapsed());
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    assert_eq!(ids(&redis, &name).await, acknowledged);
    assert_eq!(cluster.master_of(&tag), replica);
    // The other partitions of the same server were learnt with it.
    for partition in Partition::all() {
        assert!(redis.is_whole(partition).await.unwrap());
    }
}

#[tokio::test]
async fn who_is_told_that_a_partition_moved_follows_it_at_once() {
    let cluster = RedisCluster::start();
    let redis = Redis::new(&Config::new(cluster.urls())).unwrap();
    redis.mark_new().await.unwrap();
    let name = SessionRef::new(OrgId::sample(Uuid::new_v4()), "s".parse().unwrap());
    let partition = SessionKeys::of(&name).partition();
    let (mut one, mut other) = (redis.writer(partition).await.unwrap(), redis.writer(partition).await.unwrap());
    let mut writing = Writing::new(&redis, &name);
    writing.commit(&prompt(&name)).await.unwrap();
    let mut another = redis.connection(partition).await.unwrap();
    cluster.promote(cluster.replica_of(cluster.master_of(&partition.whole())));
    // No error in between: a server that says "moved" has done nothing, and so may be taken at its word.
    let mut count = redis::cmd("INCR");
    count.arg(partition.confirmed().replace("confirmed", "counter"));
    assert_eq!(count.query_async::<i64>(&mut one).await.unwrap(), 1);
    assert_eq!(count.query_async::<i64>(&mut other).await.unwrap(), 2);
    let mut both = redis::pipe();
    both.add_command(count.clone()).add_command(count);
    assert_eq!(both.query_async::<(i64, i64)>(&mut another).await.unwrap(), (3, 4));
    // The line of commits, which is open to the server that had the partition, alike.
    assert!(matches!(writing.commit(&prompt(&name)).await.unwrap(), Outcome::Recorded { base: 1, .. }));
    assert_eq!(redis.wholeness().await.unwrap(), Wholeness::Whole);
}

#[tokio::test]
async fn what_no_replica_has_is_not_acknowledged_not_even_as_a_repetition() {
    let cluster = RedisCluster::start();
    let redis = Redis::new(&Config::new(cluster.urls())).unwrap();
    redis.mark_new().await.unwrap();
    let name = SessionRef::new(OrgId::sample(Uuid::new_v4()), "s".parse().unwrap());
    let (first, second) = (prompt(&name), prompt(&name));
    let mut writing = Writing::new(&redis, &name);
    writing.commit(&first).await.unwrap();

    let master = cluster.master_of(&SessionKeys::of(&name).record());
    let replica = cluster.replica_of(master);
    cluster.pause(replica, true);
    let refused = |outcome: Result<Outcome, Error>| match outcome {
        Err(Error::Unavailable(cause)) => assert!(cause.contains("replicas"), "{cause}"),
        other => panic!("{other:?}"),
    };
    refused(writing.commit(&second).await);
    // It is on the master's disk. Whoever finds it there must not say so yet: the same call, and another's duplicate.
    refused(writing.repeat(&second).await);
    refused(Writing::new(&redis, &name).commit(&second).await);
    // Entities alike.
    let scheduled = redis.schedule(&Due::Deadline(name.clone()), now()).await;
    assert!(matches!(scheduled, Err(Error::Unavailable(_))), "{scheduled:?}");
    // Reading goes on.
    assert_eq!(ids(&redis, &name).await, [first.id, second.id]);

    cluster.pause(replica, false);
    let waited = Instant::now();
    let outcome = loop {
        match writing.repeat(&second).await {
            Err(Error::Unavailable(_)) if waited.elapsed() < Duration::from_secs(20) => {}
            outcome => break outcome.unwrap(),
        }
    };
    assert!(matches!(outcome, Outcome::Recorded { base: 1, .. }), "the first answer again: {outcome:?}");
    let mut another = Writing::new(&redis, &name);
    assert_eq!(another.commit(&second).await.unwrap(), Outcome::Repeated(vec![true]));
}

#[tokio::test]
async fn a_master_that_takes_no_writes_holds_up_nobody_else() {
    let mut cluster = RedisCluster::start();
    let redis = Redis::new(&Config::new(cluster.urls())).unwrap();
    redis.mark_new().await.unwrap();
    redis.prepare_log().await.unwrap();
    let owners: Vec<usize> = Partition::all().map(|partition| cluster.master_of(&partition.whole())).collect();
    let alone = owners[0];
    let its_own = |partition: &Partition| owners[partition.index()] == alone;
    let due = |partition: Partition| {
        let name = (0..).map(|n| SessionRef::new(OrgId::sample(Uuid::nil()), format!("s{n}").parse().unwrap()));
        Due::Deadline(name.into_iter().find(|name| Partition::of_session(name) == partition).unwrap())
    };
    for partition in Partition::all() {
        redis.schedule(&due(partition), now()).await.unwrap();
    }
    cluster.kill(cluster.replica_of(alone));

    let writer = |is_there: bool| {
        let mut ids = std::iter::repeat_with(Uuid::new_v4);
        ids.find(|id| its_own(&Partition::of_writer(*id)) == is_there).unwrap()
    };
    // The server sees at once that the connection of its replica has ended.
    let held = redis.lease_partitions(writer(false), Duration::from_secs(5)).await.unwrap();
    let others = Partition::all().filter(|partition| !its_own(partition)).collect::<Vec<_>>();
    assert_eq!(held, others);
    redis.read_new(&held, 10).await.unwrap();
    let refused = redis.lease_partitions(writer(true), Duration::from_secs(5)).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "its sign of life cannot be written: {refused:?}");
    assert_eq!(redis.claim_due(now(), Duration::from_secs(30)).await.unwrap().len(), others.len());
    redis.ping().await.unwrap();
    redis.memory().await.unwrap();
    let name = SessionRef::new(OrgId::sample(Uuid::nil()), "any".parse().unwrap());
    redis.session(&name).await.unwrap();
}

#[tokio::test]
async fn without_a_wish_for_replicas_a_master_alone_is_enough() {
    let cluster = RedisCluster::start();
    let redis = Redis::new(&Config { replicas: 0, ..Config::new(cluster.urls()) }).unwrap();
    redis.mark_new().await.unwrap();
    let name = SessionRef::new(OrgId::sample(Uuid::new_v4()), "s".parse().unwrap());
    cluster.pause(cluster.replica_of(cluster.master_of(&SessionKeys::of(&name).record())), true);
    let outcome = Writing::new(&redis, &name).commit(&prompt(&name)).await.unwrap();
    assert!(matches!(outcome, Outcome::Recorded { base: 0, .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_cluster_that_is_not_there_fails_within_the_timeout() {
    let redis = Redis::new(&Config::new("redis://127.0.0.1:1,redis://127.0.0.1:2")).unwrap();
    let started = Instant::now();
    assert!(matches!(redis.ping().await, Err(Error::Unavailable(_))));
    assert!(matches!(redis.memory().await, Err(Error::Unavailable(_))));
    assert!(matches!(redis.wholeness().await, Err(Error::Unavailable(_))));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}
