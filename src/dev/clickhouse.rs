//! ClickHouse as a child: `embedded-clickhouse`, which stands beside this program.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use tokio::process::Command;

use super::child::Program;
use super::data_dir::DataDir;
use crate::config::{ChildOptions, Secret};

/// The one user of the embedded ClickHouse.
pub const USER: &str = "promptster";

/// ClickHouse as a child.
pub struct EmbeddedClickHouse {
    program: PathBuf,
    directory: PathBuf,
    libchdb: Option<PathBuf>,
    port: u16,
    password: Secret,
    max_memory: u64,
}

impl EmbeddedClickHouse {
    /// A ClickHouse on `port` that wants `password`.
    ///
    /// # Errors
    /// When the program is missing.
    pub fn prepare(options: &ChildOptions, data_dir: &DataDir, port: u16, password: &Secret) -> anyhow::Result<Self> {
        let program = match &options.embedded_clickhouse {
            Some(program) => program.clone(),
            None => std::env::current_exe()
                .context("cannot tell where this program is")?
                .with_file_name("embedded-clickhouse"),
        };
        ensure!(
            program.is_file(),
            "{} is missing: `cargo build -p embedded-clickhouse` makes it, or name it with --embedded-clickhouse",
            program.display()
        );
        Ok(Self {
            program,
            directory: data_dir.join("clickhouse"),
            libchdb: options.libchdb.clone(),
            port,
            password: password.clone(),
            max_memory: options.clickhouse_max_memory_bytes,
        })
    }
}

impl Program for EmbeddedClickHouse {
    fn name(&self) -> &'static str {
        "clickhouse"
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--path")
            .arg(&self.directory)
            .arg(format!("--listen=127.0.0.1:{}", self.port))
            .arg(format!("--user={USER}"))
            .arg(format!("--max-memory-bytes={}", self.max_memory))
            .arg(format!("--parent-pid={}", std::process::id()))
            // Not an argument, because everybody can read those.
            .env("EMBEDDED_CLICKHOUSE_PASSWORD", self.password.expose());
        if let Some(library) = &self.libchdb {
            command.arg("--lib").arg(library);
        }
        command
    }

    fn mark(&self) -> String {
        self.directory.to_string_lossy().into_owned()
    }

    fn watches_parent(&self) -> bool {
        true
    }

    async fn repair(&mut self, _last_words: &str) -> anyhow::Result<()> {
        Ok(())
    }
}
