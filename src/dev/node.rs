//! A server as a child: one of the nodes of `cluster`.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context;
use tokio::process::Command;

use super::child::Program;
use super::data_dir::DataDir;
use super::pepper;
use super::stores::Stores;
use crate::config;

/// A server as a child.
pub(super) struct Node {
    name: &'static str,
    program: PathBuf,
    data_dir: PathBuf,
    port: u16,
    variables: Vec<(String, OsString)>,
}

impl Node {
    /// A server on `port` that clients reach by `public_url`, with what else this process was told about serving.
    ///
    /// # Errors
    /// When it cannot be told where this program is.
    pub(super) fn prepare(
        name: &'static str,
        data_dir: &DataDir,
        port: u16,
        stores: &Stores,
        public_url: &str,
    ) -> anyhow::Result<Self> {
        let mut variables = vec![("PROMPTSTER_PUBLIC_URL".to_owned(), OsString::from(public_url))];
        // As `dev` does, unless it is told otherwise.
        variables.push(("PROMPTSTER_MAIL".to_owned(), OsString::from("file")));
        variables.extend(config::for_nodes());
        let clickhouse = &stores.clickhouse;
        // Not as arguments, because everybody can read those.
        let own = [
            ("REDIS_URL", stores.redis.urls.join(",")),
            ("PEPPER_FILE", pepper::path_in(data_dir).display().to_string()),
            ("CLICKHOUSE_URL", clickhouse.url.clone()),
            ("CLICKHOUSE_USER", clickhouse.user.clone()),
            ("CLICKHOUSE_PASSWORD", clickhouse.password.clone()),
            ("CLICKHOUSE_DATABASE", clickhouse.database.clone()),
        ];
        variables.extend(own.map(|(variable, value)| (format!("PROMPTSTER_{variable}"), value.into())));
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        Ok(Self { name, program, data_dir: data_dir.join(""), port, variables })
    }
}

impl Program for Node {
    fn name(&self) -> &'static str {
        self.name
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // The supervisor brings the tables up to date, once for all.
        command.arg0(self.mark()).arg("serve").arg("--no-migrate");
        command.arg(format!("--listen=127.0.0.1:{}", self.port)).arg("--data-dir").arg(&self.data_dir);
        for (variable, _) in
            std::env::vars_os().filter(|(variable, _)| variable.to_string_lossy().starts_with("PROMPTSTER_"))
        {
            command.env_remove(variable);
        }
        command.envs(self.variables.iter().map(|(variable, value)| (variable, value)));
        command
    }

    /// What it is called by, instead of the name of the program, which is also that of the supervisor.
    fn mark(&self) -> String {
        format!("promptster-server: {} of {}", self.name, self.data_dir.display())
    }

    fn watches_parent(&self) -> bool {
        false
    }

    async fn repair(&mut self, _last_words: &str) -> anyhow::Result<()> {
        Ok(())
    }
}
