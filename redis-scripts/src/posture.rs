//! How the servers of Redis are set up: whether what they acknowledge is on their disk, and stays.

use crate::{Connection, Error, Redis};

/// How one server is set up. What it does not tell, as services do that manage Redis for others, is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posture {
    /// The port that it listens on, by which those of a cluster are told apart.
    pub port: u16,
    /// Its version, e.g. `7.2.4`.
    pub version: String,
    /// Whether it writes an append-only file at all.
    pub appends: bool,
    /// When that file is on the disk: `always`, `everysec` or `no`.
    pub fsync: Option<String>,
    /// Whether the last write to it, and the last time that it was rewritten, went well.
    pub writes_well: bool,
    /// What it forgets to make room, `noeviction` for nothing.
    pub eviction: Option<String>,
    /// Entries of a stream that are kept together; with more than one, one that was removed may stay in memory.
    pub node_entries: Option<u64>,
    /// What its clock shows, in milliseconds since 1970.
    pub clock_ms: i64,
}

impl Redis {
    /// How each server is set up. Masters that are away are left out while others answer.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn postures(&self) -> Result<Vec<Posture>, Error> {
        self.ask_each_server(async |mut connection| {
            let told: String = redis::cmd("INFO").arg("everything").query_async(&mut connection).await?;
            let (seconds, micros): (i64, i64) = redis::cmd("TIME").query_async(&mut connection).await?;
            let line = |name: &str| {
                told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(|value| value.trim())
            };
            let named = |name: &str| line(name).ok_or_else(|| Error::corrupt(format!("no {name}")));
            let is_well = |name: &str| line(name).is_none_or(|status| status == "ok");
            Ok(Posture {
                port: named("tcp_port")?.parse().unwrap_or_default(),
                version: named("redis_version")?.to_owned(),
                appends: named("aof_enabled")? == "1",
                fsync: setting(&mut connection, "appendfsync").await?,
                writes_well: is_well("aof_last_write_status") && is_well("aof_last_bgrewrite_status"),
                eviction: line("maxmemory_policy").map(str::to_owned),
                node_entries: setting(&mut connection, "stream-node-max-entries").await?.and_then(|n| n.parse().ok()),
                clock_ms: seconds.saturating_mul(1_000).saturating_add(micros / 1_000),
            })
        })
        .await
    }
}

/// A setting of the server; `None` where it may not be asked for.
async fn setting(connection: &mut Connection, name: &str) -> Result<Option<String>, Error> {
    let told: Result<Vec<String>, _> = redis::cmd("CONFIG").arg("GET").arg(name).query_async(connection).await;
    match told {
        Ok(told) => Ok(told.into_iter().nth(1)),
        // Renamed, or forbidden to this user.
        Err(error) if error.code().is_some() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
