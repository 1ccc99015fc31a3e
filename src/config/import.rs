//! Which sessions to take in.

use std::path::PathBuf;

use clap::Args;
use uuid::Uuid;

use super::{LogOptions, StoreOptions};

/// Which sessions to take in, and where.
#[derive(Debug, Clone, Args)]
pub struct ImportOptions {
    /// Files that `GET /v1/sessions/{id}/export?format=ndjson` answered, one session each
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The organisation that gets them
    #[arg(long, value_name = "ID")]
    pub org: Uuid,
    /// The assessment in whose cohort they count
    #[arg(long, value_name = "ID")]
    pub assessment: Option<Uuid>,
    /// Redis and ClickHouse.
    #[command(flatten)]
    pub stores: StoreOptions,
    /// Where a running `dev` keeps its data, whose stores are taken when none are named
    #[arg(long, env = "PROMPTSTER_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// What is logged.
    #[command(flatten)]
    pub log: LogOptions,
}
