//! Where Redis and ClickHouse are.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::{PepperOptions, Secret};

/// Where Redis and ClickHouse are.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Stores")]
pub struct StoreOptions {
    /// `redis://[user:password@]host:port[/db]`
    #[arg(long, env = "PROMPTSTER_REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<Secret>,
    /// The address of ClickHouse's HTTP interface: `http://host:8123`
    #[arg(long, env = "PROMPTSTER_CLICKHOUSE_URL")]
    pub clickhouse_url: Option<String>,
    /// ClickHouse's user
    #[arg(long, env = "PROMPTSTER_CLICKHOUSE_USER", default_value = "default")]
    pub clickhouse_user: String,
    /// The user's password; the variable or the file keeps it out of the list of processes
    #[arg(long, env = "PROMPTSTER_CLICKHOUSE_PASSWORD", hide_env_values = true)]
    pub clickhouse_password: Option<Secret>,
    /// A file with the user's password
    #[arg(long, env = "PROMPTSTER_CLICKHOUSE_PASSWORD_FILE", conflicts_with = "clickhouse_password")]
    pub clickhouse_password_file: Option<PathBuf>,
    /// The database, made by the first migration
    #[arg(long, env = "PROMPTSTER_CLICKHOUSE_DATABASE", default_value = "promptster")]
    pub clickhouse_database: String,
    /// The cluster whose replicas all hold the tables [default: a single server]
    #[arg(long, env = "PROMPTSTER_CLICKHOUSE_CLUSTER")]
    pub clickhouse_cluster: Option<String>,
    /// What secrets are hashed with.
    #[command(flatten)]
    pub pepper: PepperOptions,
}

impl StoreOptions {
    /// How Redis is reached.
    ///
    /// # Errors
    /// When its address is missing, or the pepper cannot be had.
    pub fn redis(&self) -> anyhow::Result<redis_scripts::Config> {
        let url = self.redis_url.as_ref().context(missing("--redis-url", "PROMPTSTER_REDIS_URL"))?;
        Ok(redis_scripts::Config { peppers: self.pepper.peppers()?, ..redis_scripts::Config::new(url.expose()) })
    }

    /// How ClickHouse is reached.
    ///
    /// # Errors
    /// When its address is missing, or the file with the password cannot be read.
    pub fn clickhouse(&self) -> anyhow::Result<clickhouse_schema::Config> {
        let url = self.clickhouse_url.clone().context(missing("--clickhouse-url", "PROMPTSTER_CLICKHOUSE_URL"))?;
        let password = match (&self.clickhouse_password_file, &self.clickhouse_password) {
            (Some(path), _) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
            (None, Some(password)) => password.expose().to_owned(),
            (None, None) => String::new(),
        };
        Ok(clickhouse_schema::Config {
            url,
            user: self.clickhouse_user.clone(),
            password,
            database: self.clickhouse_database.clone(),
            cluster: self.clickhouse_cluster.clone(),
            ..clickhouse_schema::Config::default()
        })
    }
}

fn missing(flag: &str, variable: &str) -> String {
    format!("{flag} (or {variable}) is missing; `promptster-server dev` brings its own Redis and ClickHouse")
}
