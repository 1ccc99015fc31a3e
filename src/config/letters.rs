//! How dead letters are looked at and written again.

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{LogOptions, StoreOptions};

/// What can be done with dead letters.
#[derive(Debug, Subcommand)]
pub enum LettersCommand {
    /// List them, a line each
    List(LettersOptions),
    /// Print one of them: why it is one, and its bytes
    Show(LettersOptions),
    /// Write them as the events that they were, and remove those that are written
    Replay(LettersOptions),
}

/// Which dead letters, and where.
#[derive(Debug, Clone, Args)]
pub struct LettersOptions {
    /// The ids of the events [default: all]
    pub events: Vec<Uuid>,
    /// Those of this organisation only
    #[arg(long, value_name = "ID")]
    pub org: Option<Uuid>,
    /// Print JSON, a line each
    #[arg(long)]
    pub json: bool,
    /// Redis and ClickHouse.
    #[command(flatten)]
    pub stores: StoreOptions,
    /// What is logged.
    #[command(flatten)]
    pub log: LogOptions,
}
