//! What `dev` and `cluster` take: everything about serving, and the children.

use std::path::PathBuf;

use clap::Args;

use super::{HttpOptions, LimitOptions, LogOptions, SessionOptions};

/// How to run with embedded stores.
#[derive(Debug, Clone, Args)]
pub struct DevOptions {
    /// The address and the browser's side.
    #[command(flatten)]
    pub http: HttpOptions,
    /// Restore Redis from ClickHouse before serving, after Redis' data was lost
    #[arg(long, env = "PROMPTSTER_REBUILD_REDIS", help_heading = "Embedded stores")]
    pub rebuild_redis: bool,
    /// The two children.
    #[command(flatten)]
    pub children: ChildOptions,
    /// Times and rules of sessions.
    #[command(flatten)]
    pub sessions: SessionOptions,
    /// How much may come in.
    #[command(flatten)]
    pub limits: LimitOptions,
    /// What is logged.
    #[command(flatten)]
    pub log: LogOptions,
}

/// The two children.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Embedded stores")]
pub struct ChildOptions {
    /// The program redis-server, 7.0 or newer
    #[arg(long, env = "PROMPTSTER_REDIS_SERVER", value_name = "PROGRAM", default_value = "redis-server")]
    pub redis_server: PathBuf,
    /// Redis' port on 127.0.0.1; of `cluster` the first of twelve in a row [default: free ones]
    #[arg(long, env = "PROMPTSTER_REDIS_PORT", value_name = "PORT")]
    pub redis_port: Option<u16>,
    /// What Redis may hold in memory; beyond it new events are refused, nothing is forgotten
    #[arg(long, env = "PROMPTSTER_REDIS_MAX_MEMORY_BYTES", value_name = "BYTES", default_value_t = 1 << 30)]
    pub redis_max_memory_bytes: u64,
    /// The program embedded-clickhouse [default: the one beside promptster-server]
    #[arg(long, env = "PROMPTSTER_EMBEDDED_CLICKHOUSE", value_name = "PROGRAM")]
    pub embedded_clickhouse: Option<PathBuf>,
    /// The libchdb shared library [default: where dev/install-libchdb puts it]
    #[arg(long, env = "PROMPTSTER_LIBCHDB", value_name = "FILE")]
    pub libchdb: Option<PathBuf>,
    /// ClickHouse's port on 127.0.0.1 [default: a free one]
    #[arg(long, env = "PROMPTSTER_CLICKHOUSE_PORT", value_name = "PORT")]
    pub clickhouse_port: Option<u16>,
    /// What ClickHouse may hold in memory
    #[arg(long, env = "PROMPTSTER_CLICKHOUSE_MAX_MEMORY_BYTES", value_name = "BYTES", default_value_t = 2 << 30)]
    pub clickhouse_max_memory_bytes: u64,
}
