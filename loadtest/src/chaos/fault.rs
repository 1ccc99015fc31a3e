//! What can be done to a service, by name.

use std::fmt;
use std::str::FromStr;

/// One sort of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// `kill -9` of a server node.
    KillNode,
    /// A server node is told to stop, as by a deployment.
    StopNode,
    /// A server node stands still for a while.
    PauseNode,
    /// `kill -9` of Redis, sometimes while it rewrites its log, sometimes again while it starts.
    KillRedis,
    /// Redis stands still for a while.
    PauseRedis,
    /// `kill -9` of ClickHouse.
    KillClickhouse,
    /// ClickHouse stands still for a while.
    PauseClickhouse,
    /// Two of them are killed at once.
    DoubleKill,
    /// All connections of some links are cut, several times.
    Cut,
    /// Requests are executed, their answers never arrive.
    LoseAnswers,
    /// Nothing passes in one direction of some links.
    OneWay,
    /// Some links are slow.
    Slow,
    /// ClickHouse is away for long.
    ClickhouseAway,
    /// Redis has no memory left.
    RedisMemory,
    /// The disk of Redis is full.
    RedisDisk,
    /// The disk of ClickHouse is full.
    ClickhouseDisk,
    /// The disk of Redis is slow, and Redis may be killed meanwhile.
    SlowFsync,
    /// Power fails under Redis: it is killed, and whatever of its files no fsync had confirmed is gone.
    PowerLoss,
    /// The clock of a server node jumps, and jumps back.
    Clock,
}

impl Fault {
    /// All of them.
    pub(crate) const ALL: [Self; 19] = [
        Self::KillNode,
        Self::StopNode,
        Self::PauseNode,
        Self::KillRedis,
        Self::PauseRedis,
        Self::KillClickhouse,
        Self::PauseClickhouse,
        Self::DoubleKill,
        Self::Cut,
        Self::LoseAnswers,
        Self::OneWay,
        Self::Slow,
        Self::ClickhouseAway,
        Self::RedisMemory,
        Self::RedisDisk,
        Self::ClickhouseDisk,
        Self::SlowFsync,
        Self::PowerLoss,
        Self::Clock,
    ];

    /// Its name on the command line and in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::KillNode => "kill-node",
            Self::StopNode => "stop-node",
            Self::PauseNode => "pause-node",
            Self::KillRedis => "kill-redis",
            Self::PauseRedis => "pause-redis",
            Self::KillClickhouse => "kill-clickhouse",
            Self::PauseClickhouse => "pause-clickhouse",
            Self::DoubleKill => "double-kill",
            Self::Cut => "cut",
            Self::LoseAnswers => "lose-answers",
            Self::OneWay => "one-way",
            Self::Slow => "slow",
            Self::ClickhouseAway => "clickhouse-away",
            Self::RedisMemory => "redis-memory",
            Self::RedisDisk => "redis-disk",
            Self::ClickhouseDisk => "clickhouse-disk",
            Self::SlowFsync => "slow-fsync",
            Self::PowerLoss => "power-loss",
            Self::Clock => "clock",
        }
    }

    /// Whether events must go on being acknowledged, by some node at least.
    pub(crate) fn leaves_ingest(self, n_nodes: usize) -> bool {
        match self {
            Self::KillClickhouse
            | Self::PauseClickhouse
            | Self::ClickhouseAway
            | Self::ClickhouseDisk
            | Self::Clock => true,
            Self::KillNode | Self::StopNode | Self::PauseNode => n_nodes > 1,
            _ => false,
        }
    }

    /// Whether timelines must go on being answered, by some node at least.
    pub(crate) fn leaves_reading(self, n_nodes: usize) -> bool {
        match self {
            Self::RedisMemory | Self::Clock => true,
            Self::KillNode | Self::StopNode | Self::PauseNode => n_nodes > 1,
            _ => false,
        }
    }

    /// Whether a store needs a disk of its own for it.
    pub(crate) fn needs_disk(self) -> bool {
        matches!(self, Self::RedisDisk | Self::ClickhouseDisk)
    }

    /// Whether processes must have been started with the shim for it.
    pub(crate) fn needs_shim(self) -> bool {
        matches!(self, Self::SlowFsync | Self::PowerLoss | Self::Clock)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|fault| fault.name() == text).ok_or_else(|| format!("must be one of {}", names()))
    }
}

#[cfg(test)]
mod tests {
    use super::Fault;
    use std::collections::HashSet;

    #[test]
    fn every_fault_has_a_name_of_its_own() {
        let names: HashSet<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        assert_eq!(names.len(), Fault::ALL.len());
        assert!(Fault::ALL.iter().all(|fault| fault.name().parse() == Ok(*fault)));
        assert!("earthquake".parse::<Fault>().unwrap_err().contains("kill-redis"));
    }
}
