//! What Redis is looked at for: that it answers, keeps what it acknowledges, has room, is whole, and is emptied.

use redis_scripts::{Backlog, Config, Memory, Posture, Redis, Wholeness};

use super::{Check, clock};
use crate::{clock as here, whole};

/// How old the oldest entry of the streams may be that ClickHouse does not have.
const BACKLOG_MS: i64 = 60_000;

pub(super) async fn checks(config: Config) -> Vec<Check> {
    let redis = match Redis::new(&config) {
        Ok(redis) => redis,
        Err(error) => return vec![Check::fault("redis", error.to_string(), "correct --redis-url")],
    };
    let before = here::now().millis();
    let postures = match redis.postures().await {
        Ok(postures) => postures,
        Err(error) => {
            let mend = "start it, or correct --redis-url; without it no event is taken";
            return vec![Check::fault("redis", error.to_string(), mend)];
        }
    };
    let after = here::now().millis();
    let versions: Vec<_> = postures.iter().map(|posture| posture.version.as_str()).collect();
    let mut checks = vec![Check::ok("redis", format!("answers; version {}", versions.join(", ")))];
    for posture in &postures {
        checks.extend(durability(posture));
        checks.push(eviction(posture));
        checks.push(clock("redis-clock", posture.clock_ms, before, after));
    }
    checks.extend(redis.memory().await.map(memory));
    match redis.wholeness().await {
        Ok(Wholeness::Whole) => checks.push(Check::ok("redis-data", "whole")),
        Ok(Wholeness::Unmarked) => checks.push(Check::warning(
            "redis-data",
            "nothing was ever kept in it",
            "a node marks it as new when it starts, unless ClickHouse has a log",
        )),
        Ok(Wholeness::Partial) => checks.push(Check::fault("redis-data", "something is missing", whole::REMEDY)),
        Err(error) => {
            checks.push(Check::fault("redis-data", error.to_string(), "some masters of the cluster are away"))
        }
    }
    checks.extend(redis.backlog().await.map(|found| backlog(found, after)));
    checks
}

fn durability(posture: &Posture) -> Vec<Check> {
    let (name, port) = ("redis-durability", posture.port);
    let mut checks = vec![match posture.fsync.as_deref() {
        _ if !posture.appends => Check::fault(
            name,
            format!("port {port} writes no append-only file"),
            "CONFIG SET appendonly yes, and the same in redis.conf",
        ),
        Some("always") => Check::ok(name, format!("port {port}: acknowledged is on the disk")),
        None => Check::new(
            name,
            super::State::Unknown,
            format!("port {port} does not tell its settings"),
            "see to it that `appendfsync` is `always`",
        ),
        Some(other) => Check::fault(
            name,
            format!("port {port}: appendfsync is {other}: a power cut costs what was acknowledged"),
            "CONFIG SET appendfsync always, and the same in redis.conf",
        ),
    }];
    if !posture.writes_well {
        checks.push(Check::fault(
            name,
            format!("port {port} could not write its append-only file"),
            "look at its disk and its log",
        ));
    }
    if posture.node_entries.is_some_and(|entries| entries != 1) {
        let mend = "CONFIG SET stream-node-max-entries 1, and the same in redis.conf";
        checks.push(Check::warning(
            "redis-erasure",
            format!("port {port}: deleted events may stay in memory and on the disk"),
            mend,
        ));
    }
    checks
}

fn eviction(posture: &Posture) -> Check {
    let (name, port) = ("redis-eviction", posture.port);
    match posture.eviction.as_deref() {
        None | Some("noeviction") => Check::ok(name, format!("port {port} forgets nothing to make room")),
        Some(policy) => Check::fault(
            name,
            format!("port {port}: maxmemory-policy is {policy}: what is acknowledged may be forgotten"),
            "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf",
        ),
    }
}

fn memory(memory: Memory) -> Check {
    let name = "redis-memory";
    let used = memory.used >> 20;
    match memory.limit {
        0 => Check::warning(
            name,
            format!("{used} MiB, without a limit: a full machine ends the process"),
            "set maxmemory to what the machine can spare",
        ),
        limit if memory.is_filling() => Check::fault(
            name,
            format!("{used} of {} MiB ({} %)", limit >> 20, memory.percent()),
            "raise maxmemory; look at backlog: what waits for ClickHouse stays in memory",
        ),
        limit => Check::ok(name, format!("{used} of {} MiB", limit >> 20)),
    }
}

fn backlog(backlog: Backlog, now_ms: i64) -> Check {
    let name = "backlog";
    let age_ms = backlog.oldest_ms.map_or(0, |oldest| now_ms.saturating_sub(oldest));
    let waiting = format!("{} commits wait for ClickHouse", backlog.entries);
    if age_ms > BACKLOG_MS {
        let mend =
            "see whether a node runs, and whether ClickHouse takes what it is given (its disk, the node's warnings)";
        return Check::fault(name, format!("{waiting}, the oldest for {} s", age_ms / 1_000), mend);
    }
    Check::ok(name, format!("{waiting}; {} invitations and messages to webhooks are to go out", backlog.outgoing))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn posture() -> Posture {
        Posture {
            port: 6379,
            version: "7.2.4".into(),
            appends: true,
            fsync: Some("always".into()),
            writes_well: true,
            eviction: Some("noeviction".into()),
            node_entries: Some(1),
            clock_ms: 0,
        }
    }

    #[test]
    fn a_redis_that_may_lose_something_is_a_fault() {
        assert!(durability(&posture()).iter().chain([&eviction(&posture())]).all(|check| check.state == State::Ok));
        for broken in [
            Posture { appends: false, ..posture() },
            Posture { fsync: Some("everysec".into()), ..posture() },
            Posture { writes_well: false, ..posture() },
        ] {
            assert!(durability(&broken).iter().any(|check| check.state == State::Fault), "{broken:?}");
        }
        let untold = Posture { fsync: None, node_entries: None, ..posture() };
        assert_eq!(durability(&untold).iter().map(|check| check.state).collect::<Vec<_>>(), [State::Unknown]);
        let packed = Posture { node_entries: Some(100), ..posture() };
        assert_eq!(durability(&packed)[1].state, State::Warning);
        assert_eq!(eviction(&Posture { eviction: Some("allkeys-lru".into()), ..posture() }).state, State::Fault);
    }

    #[test]
    fn room_and_delay_are_judged() {
        let of = |used, limit| memory(Memory { used, limit }).state;
        assert_eq!([of(1, 0), of(69, 100), of(70, 100)], [State::Warning, State::Ok, State::Fault]);
        let of = |oldest_ms| backlog(Backlog { entries: 1, oldest_ms, outgoing: 0 }, 100_000).state;
        assert_eq!([of(None), of(Some(40_000)), of(Some(39_999))], [State::Ok, State::Ok, State::Fault]);
    }
}
