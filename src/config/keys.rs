//! How the API keys of an organisation are managed.

use clap::{Args, Subcommand, ValueEnum};
use uuid::Uuid;

use super::{LogOptions, OrgStoreOptions};

/// What can be done with API keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List those that are not revoked, the oldest first: id, how the key begins, what it allows, when it was used, its name
    List(KeysOptions),
    /// Make one; prints it this once
    Create(CreateKeyOptions),
    /// Revoke one, at once and for good; sockets that it opened are closed within seconds
    Revoke(RevokeKeyOptions),
}

/// Whose keys, and where they are kept.
#[derive(Debug, Clone, Args)]
pub struct KeysOptions {
    /// The organisation, as `org create` printed it
    #[arg(long, value_name = "ID")]
    pub org: Uuid,
    /// Print JSON, a line each
    #[arg(long)]
    pub json: bool,
    /// Where organisations are kept.
    #[command(flatten)]
    pub store: OrgStoreOptions,
    /// What is logged.
    #[command(flatten)]
    pub log: LogOptions,
}

/// How to make a key.
#[derive(Debug, Clone, Args)]
pub struct CreateKeyOptions {
    /// What the key is called, to tell it from others
    #[arg(long)]
    pub name: String,
    /// What it allows; repeat it, or separate with commas
    #[arg(long = "scope", value_name = "SCOPE", value_enum, value_delimiter = ',', default_values = ["read", "write"])]
    pub scopes: Vec<ScopeWord>,
    /// Whose, and where.
    #[command(flatten)]
    pub keys: KeysOptions,
}

/// Which key to revoke.
#[derive(Debug, Clone, Args)]
pub struct RevokeKeyOptions {
    /// The id of the key, as `keys list` prints it
    pub id: Uuid,
    /// Whose, and where.
    #[command(flatten)]
    pub keys: KeysOptions,
}

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScopeWord {
    /// Reading
    Read,
    /// Writing
    Write,
}
