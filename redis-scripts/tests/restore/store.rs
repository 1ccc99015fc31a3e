//! A Redis that is filled, and one that is filled from the log of the first.
use std::collections::BTreeMap;

use domain::{SessionRef, StoredEvent, Timestamp};
use redis_scripts::{Config, Content, EntityChange, Redis, Restored, keys::Partition};

pub(crate) struct Store {
    pub(crate) server: test_support::Redis,
    pub(crate) redis: Redis,
}

impl Store {
    pub(crate) async fn start() -> Self {
        let server = test_support::Redis::start();
        let redis = Redis::new(&Config::new(server.url())).unwrap();
        redis.prepare_log().await.unwrap();
        redis.mark_new().await.unwrap();
        Self { server, redis }
    }

    /// Every key with its sorted content, but for the streams and what belongs to commits.
    pub(crate) async fn content(&self) -> BTreeMap<String, Vec<String>> {
        let client = redis::Client::open(self.server.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let names: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
        let mut content = BTreeMap::new();
        for name in names {
            if name.ends_with(":log") || ["log:", "commit:", "t:"].iter().any(|what| name[6..].starts_with(what)) {
                continue;
            }
            let kind: String = redis::cmd("TYPE").arg(&name).query_async(&mut connection).await.unwrap();
            let mut read = match kind.as_str() {
                "string" => redis::cmd("GET"),
                "hash" => redis::cmd("HGETALL"),
                "set" => redis::cmd("SMEMBERS"),
                "zset" => redis::cmd("ZRANGE"),
                other => panic!("{name} is a {other}"),
            };
            read.arg(&name);
            if kind == "zset" {
                read.arg(0).arg(-1).arg("WITHSCORES");
            }
            let mut values: Vec<Vec<u8>> = match kind.as_str() {
                "string" => vec![read.query_async(&mut connection).await.unwrap()],
                _ => read.query_async(&mut connection).await.unwrap(),
            };
            if kind == "set" {
                values.sort();
            }
            let mut values: Vec<String> = values.iter().map(|value| value.escape_ascii().to_string()).collect();
            if kind != "set" && values.len() > 1 {
                values = values.chunks(2).map(|pair| pair.join(" ")).filter(|pair| !pair.contains("flushed")).collect();
                values.sort();
            }
            content.insert(name, values);
        }
        content
    }

    /// Plays the log writer: the newest state of each entity, and all events by session.
    pub(crate) async fn drain(
        &self,
    ) -> (BTreeMap<(String, String), EntityChange>, BTreeMap<SessionRef, Vec<StoredEvent>>) {
        let all: Vec<Partition> = Partition::all().collect();
        let (mut entities, mut events) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new());
        for entry in self.redis.read_new(&all, 100_000).await.unwrap() {
            assert_eq!(entry.unreadable, []);
            match entry.content {
                Content::Unreadable => panic!("an entry that cannot be read"),
                Content::Entity(change) => drop(entities.insert((change.kind.clone(), change.id.clone()), change)),
                Content::Events(parts) => {
                    for part in parts {
                        events.entry(part.session).or_default().extend(part.events);
                    }
                }
            }
        }
        (entities, events)
    }

    pub(crate) async fn restore_entities(&self, entities: &BTreeMap<(String, String), EntityChange>) {
        for change in entities.values().filter(|change| change.kind == "tombstone") {
            let name = SessionRef::new(change.org, change.id.parse().unwrap());
            self.redis.restore_tombstone(&name).await.unwrap();
        }
        for change in entities.values().filter(|change| change.kind != "tombstone") {
            let restored = self.redis.restore_entity(change).await.unwrap();
            assert_eq!(restored, Restored::Here { conflicts: Vec::new() }, "{change:?}");
        }
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap())
}

pub(crate) fn assert_same(one: &BTreeMap<String, Vec<String>>, other: &BTreeMap<String, Vec<String>>) {
    for key in one.keys().chain(other.keys()) {
        assert_eq!(one.get(key), other.get(key), "{key}");
    }
}
