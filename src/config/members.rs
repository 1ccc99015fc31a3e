//! How the members of an organisation are managed.

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{LogOptions, OrgStoreOptions, ScopeWord};

/// What can be done with members.
#[derive(Debug, Subcommand)]
pub enum MembersCommand {
    /// List them, the oldest first: id, what the member may do, when the member signed in, the address
    List(MembersOptions),
    /// Add one, by the e-mail address that the identity provider vouches for
    Add(AddMemberOptions),
    /// Remove one, at once and for good; sockets that the member opened are closed within seconds
    Remove(RemoveMemberOptions),
}

/// Whose members, and where they are kept.
#[derive(Debug, Clone, Args)]
pub struct MembersOptions {
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

/// Whom to add.
#[derive(Debug, Clone, Args)]
pub struct AddMemberOptions {
    /// The address; upper and lower case are no difference
    pub email: String,
    /// What the member may do; repeat it, or separate with commas
    #[arg(long = "scope", value_name = "SCOPE", value_enum, value_delimiter = ',', default_values = ["read", "write"])]
    pub scopes: Vec<ScopeWord>,
    /// Whose, and where.
    #[command(flatten)]
    pub members: MembersOptions,
}

/// Whom to remove.
#[derive(Debug, Clone, Args)]
pub struct RemoveMemberOptions {
    /// The id of the member, as `org members list` prints it
    pub id: Uuid,
    /// Whose, and where.
    #[command(flatten)]
    pub members: MembersOptions,
}
