//! Where Redis and ClickHouse are.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;
use url::Url;

use super::{PepperOptions, Secret};

/// Where Redis and ClickHouse are.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Stores")]
pub struct StoreOptions {
    /// `redis://[user:password@]host:port[/db]`; several nodes of a Redis Cluster, separated by commas, from which the others
    /// are learnt
    #[arg(long, env = "PROMPTSTER_REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<Secret>,
    /// Replicas, and whether there is a cluster.
    #[command(flatten)]
    pub replication: ReplicationOptions,
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

/// Replicas, and whether there is a cluster.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Stores")]
pub struct ReplicationOptions {
    /// --redis-url names a node of a Redis Cluster; goes without saying when it names several
    #[arg(long, env = "PROMPTSTER_REDIS_CLUSTER")]
    pub redis_cluster: bool,
    /// How many replicas of a Redis master must have a write before it is acknowledged [default: 1 with a Redis Cluster,
    /// else 0]
    #[arg(long, env = "PROMPTSTER_REDIS_REPLICAS", value_name = "REPLICAS")]
    pub redis_replicas: Option<usize>,
}

impl ReplicationOptions {
    /// How the Redis at `urls` is reached.
    ///
    /// # Errors
    /// When it cannot be a cluster.
    pub fn config(&self, urls: &str) -> anyhow::Result<redis_scripts::Config> {
        let mut config = redis_scripts::Config::new(urls);
        if self.redis_cluster && !config.cluster {
            (config.cluster, config.replicas) = (true, 1);
        }
        let numbered =
            |url: &&String| url.rsplit('/').next().is_some_and(|last| last.parse::<u32>().is_ok_and(|n| n > 0));
        ensure!(
            !config.cluster || !config.urls.iter().any(|url| numbered(&url)),
            "--redis-url (PROMPTSTER_REDIS_URL): a Redis Cluster has one database only, leave the number out"
        );
        config.replicas = self.redis_replicas.unwrap_or(config.replicas);
        Ok(config)
    }
}

impl StoreOptions {
    /// How Redis is reached.
    ///
    /// # Errors
    /// When its address is missing, or the pepper cannot be had.
    pub fn redis(&self) -> anyhow::Result<redis_scripts::Config> {
        let url = self.redis_url.as_ref().context(missing("--redis-url", "PROMPTSTER_REDIS_URL"))?;
        Ok(redis_scripts::Config { peppers: self.pepper.peppers()?, ..self.replication.config(url.expose())? })
    }

    /// How ClickHouse is reached.
    ///
    /// # Errors
    /// When its address is missing or cannot be used, or the file with the password cannot be read.
    pub fn clickhouse(&self) -> anyhow::Result<clickhouse_schema::Config> {
        let url = self.clickhouse_url.clone().context(missing("--clickhouse-url", "PROMPTSTER_CLICKHOUSE_URL"))?;
        check_http(&url)?;
        let password = match (&self.clickhouse_password_file, &self.clickhouse_password) {
            (Some(path), _) => Secret::in_file(path)?.expose().to_owned(),
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

/// Whether it is an address that can be asked: found at the start, and not taken for a server that is away.
fn check_http(address: &str) -> anyhow::Result<()> {
    let named = Url::parse(address).is_ok_and(|url| url.scheme() == "http" && url.has_host());
    ensure!(named, "--clickhouse-url is not an address like http://host:8123");
    Ok(())
}

fn missing(flag: &str, variable: &str) -> String {
    format!("{flag} (or {variable}) is missing; `promptster-server dev` brings its own Redis and ClickHouse")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_one_of_several_addresses_or_one_that_is_said_to_be() {
        let config = |urls: &str, redis_cluster, redis_replicas| {
            let config = ReplicationOptions { redis_cluster, redis_replicas }.config(urls)?;
            Ok::<_, anyhow::Error>((config.urls.len(), config.cluster, config.replicas))
        };
        assert_eq!(config("redis://a:1/3", false, None).unwrap(), (1, false, 0));
        assert_eq!(config("redis://a:1", false, Some(2)).unwrap(), (1, false, 2));
        assert_eq!(config("redis://a:1", true, None).unwrap(), (1, true, 1));
        assert_eq!(config("redis://a:1,redis://b:2", false, None).unwrap(), (2, true, 1));
        assert_eq!(config("redis://a:1,redis://b:2/0", true, Some(0)).unwrap(), (2, true, 0));
        let refused = config("redis://a:1/3", true, None).unwrap_err().to_string();
        assert!(refused.contains("--redis-url"), "{refused}");
    }
}
