//! Candidate keys that are remembered while Redis promises to tell of their changes.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use domain::{OrgId, Timestamp};
use redis_scripts::{CandidateKey, Config, KeyEnd, NewCandidateKey, Redis, keys::Partition};
use uuid::Uuid;

/// How soon what another node changes must be known here; it takes as long as a message.
const SOON: Duration = Duration::from_secs(1);

fn now() -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000)
}

/// A Redis with an organisation, and two nodes that use it.
struct World {
    _server: test_support::Redis,
    redis: Redis,
    other: Redis,
    org: OrgId,
}

impl World {
    async fn new() -> Self {
        let server = test_support::Redis::start();
        let [redis, other] = [(); 2].map(|()| Redis::new(&Config::new(server.url())).unwrap());
        redis.load_scripts().await.unwrap();
        let (org, _) = redis.create_org("Acme", now()).await.unwrap();
        Self { _server: server, redis, other, org }
    }

    async fn key(&self) -> CandidateKey {
        let new = [NewCandidateKey { email: None, name: None, org_name: None, invite: false }];
        let expires_at = now().plus_millis(3_600_000);
        self.redis.create_candidate_keys(self.org, Uuid::now_v7(), &new, expires_at, now()).await.unwrap().remove(0)
    }

    /// The key as it is known, and whether it was remembered.
    async fn known(&self, key: &CandidateKey) -> (Option<Arc<CandidateKey>>, bool) {
        self.redis.remembered_candidate_key(self.org, key.id).await.unwrap()
    }

    async fn is_revoked(&self, key: &CandidateKey) -> bool {
        self.known(key).await.0.is_none_or(|key| key.revoked_at.is_some())
    }

    async fn becomes_revoked(&self, key: &CandidateKey) {
        let asked = Instant::now();
        while !self.is_revoked(key).await {
            assert!(asked.elapsed() < SOON, "what another node changed is not known here");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Cuts the connection on which Redis tells of changes.
    async fn cut_the_telling_connection(&self) {
        let mut connection = self.other.connection(Partition::of_org(self.org)).await.unwrap();
        let clients: String = redis::cmd("CLIENT").arg("LIST").query_async(&mut connection).await.unwrap();
        let field =
            |client: &str, name: &str| client.split(' ').find_map(|field| field.strip_prefix(name).map(str::to_owned));
        let telling = clients.lines().find(|client| field(client, "flags=").is_some_and(|flags| flags.contains('t')));
        self.tell_redis(&["CLIENT", "KILL", "ID", &field(telling.unwrap(), "id=").unwrap()]).await;
    }

    async fn tell_redis(&self, words: &[&str]) {
        let mut connection = self.other.connection(Partition::of_org(self.org)).await.unwrap();
        let mut command = redis::cmd(words.first().unwrap());
        let () = command.arg(words.get(1..).unwrap()).query_async(&mut connection).await.unwrap();
    }
}

#[tokio::test]
async fn a_key_is_remembered_until_another_node_changes_it() {
    let world = World::new().await;
    let key = world.key().await;
    assert_eq!(world.known(&key).await, (Some(Arc::new(key.clone())), false));
    for _ in 0..3 {
        assert_eq!(world.known(&key).await, (Some(Arc::new(key.clone())), true));
    }
    assert!(world.other.revoke_candidate_key(world.org, key.id, now()).await.unwrap());
    world.becomes_revoked(&key).await;
    let (again, was_remembered) = world.known(&key).await;
    assert!(was_remembered && again.unwrap().revoked_at.is_some(), "the new one is remembered as well");

    assert_eq!(world.redis.remembered_candidate_key(world.org, Uuid::now_v7()).await.unwrap(), (None, false));
    world.tell_redis(&["FLUSHALL"]).await;
    let asked = Instant::now();
    while world.known(&key).await != (None, false) {
        assert!(asked.elapsed() < SOON, "what is gone is remembered");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_a_node_changes_itself_counts_there_at_once() {
    let world = Arc::new(World::new().await);
    for round in 0..100 {
        let key = Arc::new(world.key().await);
        let done = Arc::new(AtomicBool::new(false));
        let askers: Vec<_> = (0..3)
            .map(|_| {
                let (world, key, done) = (world.clone(), key.clone(), done.clone());
                tokio::spawn(async move {
                    while !done.load(Ordering::Relaxed) {
                        world.known(&key).await;
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        world.known(&key).await;
        if round % 2 == 0 {
            world.redis.revoke_candidate_key(world.org, key.id, now()).await.unwrap();
            assert!(world.is_revoked(&key).await);
        } else {
            world.redis.finish_key(world.org, key.id, KeyEnd::Completed, now()).await.unwrap();
            assert!(world.known(&key).await.0.unwrap().completed_at.is_some());
        }
        done.store(true, Ordering::Relaxed);
        for asker in askers {
            asker.await.unwrap();
        }
    }
}

#[tokio::test]
async fn nothing_is_remembered_when_the_connection_is_gone() {
    let world = World::new().await;
    for _ in 0..5 {
        let key = world.key().await;
        world.known(&key).await;
        assert!(world.known(&key).await.1);
        world.cut_the_telling_connection().await;
        world.other.revoke_candidate_key(world.org, key.id, now()).await.unwrap();
        world.becomes_revoked(&key).await;
        world.known(&key).await;
        assert!(world.known(&key).await.1, "it is remembered again, on another connection");
    }
}

#[tokio::test]
async fn a_redis_that_says_nothing_is_not_believed_for_long() {
    let world = World::new().await;
    let key = world.key().await;
    world.known(&key).await;
    world.tell_redis(&["CLIENT", "PAUSE", "1700", "ALL"]).await;
    let paused = Instant::now();
    assert!(world.known(&key).await.1, "for a moment it is");
    // Somebody asks all the time: that alone must not keep it alive.
    while paused.elapsed() < Duration::from_millis(1_300) {
        tokio::time::timeout(Duration::from_millis(20), world.known(&key)).await.ok();
    }
    let (found, was_remembered) = world.known(&key).await;
    assert!(found.is_some() && !was_remembered, "it was asked for");
    assert!(paused.elapsed() >= Duration::from_millis(1_600), "by a Redis that had come back");
    assert!(world.known(&key).await.1);
}

#[tokio::test]
async fn a_server_that_makes_no_promise_is_asked_every_time() {
    let world = World::new().await;
    world.tell_redis(&["ACL", "SETUSER", "default", "-client|tracking"]).await;
    let key = world.key().await;
    for _ in 0..3 {
        assert_eq!(world.known(&key).await, (Some(Arc::new(key.clone())), false));
    }
    world.other.revoke_candidate_key(world.org, key.id, now()).await.unwrap();
    assert!(world.is_revoked(&key).await);
}
