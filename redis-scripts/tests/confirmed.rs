//! What is told of confirmed entries, and how they are written again, on a real Redis.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use domain::{OrgId, Timestamp};
use redis_scripts::keys::Partition;
use redis_scripts::{Config, Content, Redis, Written};
use uuid::Uuid;

const NOW: i64 = 1_790_000_000_000;

struct World {
    _server: test_support::Redis,
    redis: Redis,
    holder: Uuid,
    held: Vec<Partition>,
    orgs: Vec<OrgId>,
    partition: Partition,
}

impl World {
    /// A stream with the states of so many organisations, all in one partition.
    async fn with_entities(n: usize) -> Self {
        let server = test_support::Redis::start();
        let redis = Redis::new(&Config::new(server.url())).unwrap();
        redis.prepare_log().await.unwrap();
        let (first, _) = redis.create_org("Acme", Timestamp::from_millis(NOW)).await.unwrap();
        let partition = Partition::of_org(first);
        let holder = Uuid::new_v4();
        let held = redis.lease_partitions(holder, Duration::from_secs(60)).await.unwrap();
        for days in 1..n {
            redis.set_retention(first, Some(u32::try_from(days).unwrap())).await.unwrap();
        }
        Self { _server: server, redis, holder, held, orgs: vec![first], partition }
    }

    async fn confirm(&self, count: usize) -> Vec<String> {
        let read = self.redis.read_new(&self.held, count).await.unwrap();
        let mut ids = Vec::new();
        for entry in read {
            self.redis
                .confirm_written(self.holder, entry.partition, std::slice::from_ref(&entry.id), &[])
                .await
                .unwrap();
            if entry.partition == self.partition && matches!(entry.content, Content::Entity(_)) {
                ids.push(entry.id);
            }
        }
        ids
    }

    async fn listed(&self, from: &str, count: usize) -> (Vec<String>, Option<String>) {
        let (parts, next) = self.redis.list_confirmed(self.partition, from, count).await.unwrap();
        (parts.into_iter().map(|part| part.entry).collect(), next)
    }
}

#[tokio::test]
async fn what_is_not_confirmed_is_not_told_and_what_is_told_is_written_again_once() {
    let world = World::with_entities(9).await;
    assert_eq!(world.listed("-", 100).await, (vec![], None), "nothing is confirmed");
    let mut confirmed = world.confirm(3).await;
    assert_eq!(world.listed("-", 100).await.0, confirmed);
    // Read and on its way: neither told, nor mixed with what is written again.
    let pending = world.redis.read_new(&[world.partition], 2).await.unwrap();
    assert_eq!(world.listed("-", 100).await.0, confirmed);
    let again: Vec<&str> = confirmed.iter().map(String::as_str).collect();
    assert_eq!(world.redis.rewrite_entries(world.partition, &again).await.unwrap(), None);
    for entry in pending {
        confirmed.push(entry.id.clone());
        world.redis.confirm_written(world.holder, world.partition, &[entry.id], &[]).await.unwrap();
    }
    confirmed.extend(world.confirm(100).await);
    let (page, next) = world.listed("-", 2).await;
    assert_eq!(page, confirmed[..2]);
    assert_eq!(world.listed(&next.unwrap(), 100).await, (confirmed[2..].to_vec(), None));

    let (parts, _) = world.redis.list_confirmed(world.partition, "-", 100).await.unwrap();
    let versions: Vec<u64> = parts
        .iter()
        .filter_map(|part| match &part.what {
            Written::Entity { org, kind, version, .. } if *org == world.orgs[0] && kind == "org" => Some(*version),
            _ => None,
        })
        .collect();
    assert!(versions.len() >= 9 && versions.is_sorted(), "{versions:?}");

    let again = [confirmed[1].as_str(), confirmed[3].as_str(), "5-5"];
    assert_eq!(world.redis.rewrite_entries(world.partition, &again).await.unwrap(), Some(2), "one is gone");
    let batch = world.redis.read_pending(&[world.partition]).await.unwrap();
    assert_eq!(batch.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), again[..2]);
    // Trimming spares what is pending, and all behind it.
    world.redis.trim_log(world.partition, i64::MAX / 2).await.unwrap();
    let batch = world.redis.read_pending(&[world.partition]).await.unwrap();
    assert!(batch.iter().all(|entry| matches!(entry.content, Content::Entity(_))) && batch.len() == 2);
}

#[tokio::test]
async fn a_partition_is_compared_by_one_at_a_time_and_goes_on_where_it_ended() {
    let world = World::with_entities(1).await;
    let claim = async || world.redis.claim_comparison(world.partition, Duration::from_millis(300)).await.unwrap();
    assert_eq!(claim().await.as_deref(), Some("-"));
    assert_eq!(claim().await, None);
    world.redis.note_comparison(world.partition, Some("(7-1")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(claim().await.as_deref(), Some("(7-1"));
    world.redis.note_comparison(world.partition, None).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(claim().await.as_deref(), Some("-"));
}
