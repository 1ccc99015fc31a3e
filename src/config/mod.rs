//! What the operator can choose: every flag has a variable of the same name (`--redis-url`, `PROMPTSTER_REDIS_URL`).
//!
//! `promptster-server --help` prints this folder; there is no other reference.

mod derive;
mod dev;
mod edge;
mod forward;
mod http;
mod import;
mod judge;
mod jwt;
mod keys;
mod letters;
mod log;
mod mail;
mod members;
mod oidc;
mod pepper;
mod proxy;
mod secret;
mod shown;
mod stores;
mod traces;
mod webhooks;

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, builder::Resettable};

pub use derive::{DeriveOptions, Since};
pub use dev::{ChildOptions, DevOptions};
pub use edge::{settings, uploads};
pub use forward::for_nodes;
pub use http::{HttpOptions, LimitOptions, SessionOptions};
pub use import::ImportOptions;
pub use judge::JudgeOptions;
pub use jwt::JwtOptions;
pub use keys::{CreateKeyOptions, KeysCommand, KeysOptions, RevokeKeyOptions, ScopeWord};
pub use letters::{LettersCommand, LettersOptions};
#[cfg(feature = "otel")]
pub(crate) use log::Beside;
pub use log::{LogFormat, LogOptions};
pub use mail::{MailOptions, MailWay, TlsWay};
pub use members::{AddMemberOptions, MembersCommand, MembersOptions, RemoveMemberOptions};
pub use oidc::OidcOptions;
pub use pepper::PepperOptions;
pub use proxy::ProxyOptions;
pub use secret::Secret;
pub use shown::{ConfigCommand, effective, table, unknown};
pub use stores::{ReplicationOptions, StoreOptions};
pub use traces::TraceOptions;
pub use webhooks::WebhookOptions;

/// The whole command line. Without a command it serves, as `serve` does.
#[derive(Debug, Parser)]
#[command(name = "promptster-server", version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What `serve` takes.
    #[command(flatten)]
    pub serve: ServeOptions,
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Cli {
    /// Reads the arguments and the variables of this process; ends it when they are wrong, or ask for help.
    #[must_use]
    pub fn read() -> Self {
        let matches = without_empty_variables(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// Takes a variable that is set to nothing as one that is not set: that is how compose files pass on what is missing.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &clap::Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| if is_empty(&arg) { arg.env(Resettable::Reset) } else { arg })
        .mut_subcommands(without_empty_variables)
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve with the Redis and the ClickHouse of --redis-url and --clickhouse-url (the default)
    Serve(Box<ServeOptions>),
    /// Start Redis and ClickHouse as child processes, keep them running, and serve
    Dev(Box<DevOptions>),
    /// Try out many nodes on one machine: a Redis Cluster of three masters and three replicas, one ClickHouse, three servers
    /// and a small balancer in front of them, all of it below `<data-dir>/cluster`
    Cluster(Box<DevOptions>),
    /// Create organisations, and say who is a member of them
    #[command(subcommand)]
    Org(OrgCommand),
    /// List, make and revoke the API keys of an organisation
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Check the configuration, or print all there is to configure
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at the stores, this machine and the node as `serve` with the same settings would; names what is wrong and what to
    /// do about it, and changes nothing. Without stores, those of the `dev` that runs on --data-dir
    Doctor(Box<DoctorOptions>),
    /// Bring the tables of ClickHouse up to this version
    Migrate(MigrateOptions),
    /// Derive the artifacts of sessions that have ended anew from their events, and keep them. The same events give the same
    /// bytes; needed only where a newer version has other rules, and even there they are derived when somebody asks. With
    /// --judge a language model judges the prompts as well, of sessions that it has not judged
    Derive(Box<DeriveOptions>),
    /// Look at events that could not be written to the log, and write them once more
    #[command(subcommand)]
    DeadLetters(LettersCommand),
    /// Take in sessions that were exported as NDJSON, from this server or another: their events are recorded anew, in their
    /// order and under their ids, and what follows from them is derived. May be repeated
    Import(ImportOptions),
    /// Restore Redis from ClickHouse after Redis' data was lost; stop the servers first. Harmless when nothing was lost, and
    /// when it is interrupted and run again
    RebuildRedis(RebuildOptions),
    /// Have everything that the streams of Redis hold written to ClickHouse once more, after a backup of ClickHouse was
    /// restored or its disk lost something. Harmless where nothing is missing; nodes may run or not
    RewriteLog(RewriteOptions),
    /// Print the version
    Version,
}

/// What can be done with organisations.
#[derive(Debug, Subcommand)]
pub enum OrgCommand {
    /// Create an organisation; prints its id and its first API key, which is shown this once
    Create(CreateOrgOptions),
    /// Make an API key that may read and write, for an organisation that has none left; prints it this once
    NewKey(NewKeyOptions),
    /// List, add and remove those who sign in to the dashboard with the identity provider
    #[command(subcommand)]
    Members(MembersCommand),
    /// Say for how many days after their end the sessions of an organisation are kept; then they are deleted for good
    Retention(RetentionOptions),
}

/// Where organisations are kept, for those who work on them beside the servers.
#[derive(Debug, Clone, Args)]
pub struct OrgStoreOptions {
    /// `redis://[user:password@]host:port[/db]`, or several, as --redis-url of `serve` [default: the Redis of the `dev`
    /// that runs on --data-dir]
    #[arg(long, env = "PROMPTSTER_REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<Secret>,
    /// Replicas, and whether there is a cluster.
    #[command(flatten)]
    pub replication: ReplicationOptions,
    /// Where a running `dev` keeps its data
    #[arg(long, env = "PROMPTSTER_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// What keys are hashed with; that of a running `dev` is known.
    #[command(flatten)]
    pub pepper: PepperOptions,
}

/// How long sessions are kept.
#[derive(Debug, Clone, Args)]
pub struct RetentionOptions {
    /// The organisation
    #[arg(long, value_name = "ID")]
    pub org: uuid::Uuid,
    /// Days after the end of a session, 3650 at most
    #[arg(long, conflicts_with = "for_ever", required_unless_present = "for_ever", value_parser = clap::value_parser!(u32).range(domain::RETENTION_DAYS))]
    pub days: Option<u32>,
    /// Keep them until they are deleted one by one
    #[arg(long)]
    pub for_ever: bool,
    /// Where organisations are kept.
    #[command(flatten)]
    pub store: OrgStoreOptions,
    /// What is logged.
    #[command(flatten)]
    pub log: LogOptions,
}

/// How to serve.
#[derive(Debug, Clone, Args)]
pub struct ServeOptions {
    /// The address and the browser's side.
    #[command(flatten)]
    pub http: HttpOptions,
    /// Redis and ClickHouse.
    #[command(flatten)]
    pub stores: StoreOptions,
    /// Do not bring the tables of ClickHouse up to this version before serving
    #[arg(long, env = "PROMPTSTER_NO_MIGRATE", help_heading = "Stores")]
    pub no_migrate: bool,
    /// How long the start waits for a ClickHouse that does not answer
    #[arg(
        long,
        env = "PROMPTSTER_STORE_WAIT_SECS",
        value_name = "SECONDS",
        default_value_t = 60,
        help_heading = "Stores"
    )]
    pub store_wait_secs: u64,
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

/// What to look at.
#[derive(Debug, Clone, Args)]
pub struct DoctorOptions {
    /// Print one JSON object: `{"ok": …, "checks": [{"name", "state", "found", "mend"}]}`
    #[arg(long)]
    pub json: bool,
    /// The address of the node [default: --listen]
    #[arg(long)]
    pub url: Option<String>,
    /// What it serves with.
    #[command(flatten)]
    pub serve: ServeOptions,
}

/// How to create an organisation.
#[derive(Debug, Clone, Args)]
pub struct CreateOrgOptions {
    /// The organisation's name
    #[arg(long)]
    pub name: String,
    /// What the identity provider calls the organisation in its tokens, e.g. `org_2x…`
    #[arg(long, value_name = "ID")]
    pub external_id: Option<String>,
    /// Print JSON: `{"orgId": …, "apiKey": …}`
    #[arg(long)]
    pub json: bool,
    /// Where organisations are kept.
    #[command(flatten)]
    pub store: OrgStoreOptions,
    /// What is logged.
    #[command(flatten)]
    pub log: LogOptions,
}

/// How to make an API key.
#[derive(Debug, Clone, Args)]
pub struct NewKeyOptions {
    /// The organisation
    #[arg(long, value_name = "ID")]
    pub org: uuid::Uuid,
    /// What the key is called
    #[arg(long, default_value = "made by the operator")]
    pub name: String,
    /// Where organisations are kept.
    #[command(flatten)]
    pub store: OrgStoreOptions,
    /// What is logged.
    #[command(flatten)]
    pub log: LogOptions,
}

/// How to migrate.
#[derive(Debug, Clone, Args)]
pub struct MigrateOptions {
    /// Change nothing; fail when there is something to do
    #[arg(long)]
    pub check: bool,
    /// ClickHouse; Redis has no tables.
    #[command(flatten)]
    pub stores: StoreOptions,
    /// What is logged.
    #[command(flatten)]
    pub log: LogOptions,
}

/// Which log to write once more.
#[derive(Debug, Clone, Args)]
pub struct RewriteOptions {
    /// Where the streams are.
    #[command(flatten)]
    pub store: OrgStoreOptions,
    /// What is logged.
    #[command(flatten)]
    pub log: LogOptions,
}

/// How to restore Redis.
#[derive(Debug, Clone, Args)]
pub struct RebuildOptions {
    /// Redis, and the ClickHouse that it is restored from.
    #[command(flatten)]
    pub stores: StoreOptions,
    /// The --data-dir of the servers: the uploads of sessions whose deletion was interrupted are removed there
    #[arg(long, env = "PROMPTSTER_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// What is logged.
    #[command(flatten)]
    pub log: LogOptions,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Cli, Command};

    #[test]
    fn every_flag_has_the_variable_of_its_name() {
        let mut command = Cli::command();
        command.build();
        for name in ["serve", "dev", "cluster", "migrate", "rebuild-redis"] {
            let subcommand = command.find_subcommand(name).unwrap();
            let options = subcommand.get_arguments().filter(|arg| !["help", "check"].contains(&arg.get_id().as_str()));
            for option in options {
                let flag = option.get_long().unwrap();
                let variable = option.get_env().unwrap_or_else(|| panic!("--{flag} has no variable"));
                assert_eq!(variable.to_str().unwrap(), format!("PROMPTSTER_{}", flag.to_uppercase().replace('-', "_")));
            }
        }
    }

    #[test]
    fn without_a_command_it_serves() {
        let cli =
            Cli::try_parse_from(["promptster-server", "--redis-url", "redis://r", "--clickhouse-url", "http://c"]);
        let cli = cli.unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.serve.stores.clickhouse_url.as_deref(), Some("http://c"));
    }

    #[test]
    fn no_secret_is_printed() {
        let pepper = "hush".repeat(8);
        let flags = ["--redis-url", "redis://:hush@r", "--clickhouse-password", "hush", "--pepper", &pepper];
        let cli = Cli::try_parse_from(["promptster-server", "serve"].into_iter().chain(flags)).unwrap();
        let Some(Command::Serve(options)) = cli.command else { panic!("not serve") };
        let printed = format!("{options:?} {:?}", options.stores.redis().unwrap().peppers);
        assert!(!printed.contains("hush") && printed.contains("Peppers(1)"), "{printed}");
        let short = Cli::try_parse_from(["promptster-server", "--redis-url", "redis://r", "--pepper", "hush"]).unwrap();
        let refused = format!("{:#}", short.serve.stores.redis().unwrap_err());
        assert!(refused.contains("32 random characters") && !refused.contains("hush"), "{refused}");
    }
}
