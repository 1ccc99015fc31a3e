//! Redis as a child: its configuration, and its repair after a crash of the machine.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::process::Command;

use super::child::Program;
use super::data_dir::{DataDir, write_private};
use crate::config::Secret;

/// How long a member of a cluster stays down after it ended by itself: longer than a failover takes, as a machine would
/// that has to boot. Otherwise a master that is killed would be back before anybody missed it, which is quicker, but
/// shows nothing.
const MEMBER_RESTS: Duration = Duration::from_millis(4_500);

/// What makes a Redis a member of a cluster.
#[derive(Debug, Clone, Copy)]
pub struct Membership {
    /// The port on which members talk to each other.
    pub bus_port: u16,
}

/// Redis as a child.
pub struct RedisServer {
    name: &'static str,
    is_member: bool,
    program: PathBuf,
    config: PathBuf,
    directory: PathBuf,
    repair_tried: bool,
}

impl RedisServer {
    /// Writes the configuration of a Redis on `port` that wants `password`; `name` is also that of its directory.
    ///
    /// # Errors
    /// When the program is missing or too old, or the configuration cannot be written.
    pub fn prepare(
        (name, program): (&'static str, &Path),
        data_dir: &DataDir,
        port: u16,
        password: &Secret,
        max_memory: u64,
        membership: Option<Membership>,
    ) -> anyhow::Result<Self> {
        check_version(program)?;
        let directory = data_dir.make(name)?;
        let config = directory.join("redis.conf");
        let (quoted, password) = (quote(&directory.to_string_lossy()), password.expose());
        let content = format!(
            "# Written at every start of `promptster-server`.
bind 127.0.0.1
protected-mode yes
port {port}
requirepass {password}
dir {quoted}
daemonize no
# The command line must go on naming this file: a leftover is known by it.
set-proc-title no

# What was acknowledged is on the disk.
appendonly yes
appendfsync always
no-appendfsync-on-rewrite no
aof-load-truncated yes
save \"\"

# An entry that is removed is gone from memory, and from the file when that is rewritten.
stream-node-max-entries 1

# Never forget anything to make room.
maxmemory {max_memory}
maxmemory-policy noeviction
{}",
            membership.map_or_else(String::new, |membership| membership.settings(password))
        );
        write_private(&config, &content).with_context(|| format!("cannot write {}", config.display()))?;
        Ok(Self {
            name,
            is_member: membership.is_some(),
            program: program.to_owned(),
            config,
            directory,
            repair_tried: false,
        })
    }

    /// The tool of the same installation.
    fn check_aof(&self) -> PathBuf {
        self.program.with_file_name("redis-check-aof")
    }

    /// Keeps a copy of the append-only files, then cuts off what cannot be read.
    async fn cut_damaged_tail(&self) -> anyhow::Result<()> {
        let files = self.directory.join("appendonlydir");
        let copy = self.directory.join(format!("appendonlydir.damaged-{}", crate::clock::now().millis()));
        let (from, to) = (files.clone(), copy.clone());
        tokio::task::spawn_blocking(move || copy_files(&from, &to))
            .await?
            .with_context(|| format!("cannot copy {} before repairing it", files.display()))?;

        let mut check = std::process::Command::new(self.check_aof());
        check.arg("--fix").arg(files.join("appendonly.aof.manifest"));
        let output =
            tokio::task::spawn_blocking(move || answer_yes(check)).await?.context("cannot run redis-check-aof")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let copy = copy.display().to_string();
        ensure!(output.status.success(), "redis-check-aof gave up; the damaged files are also in {copy}: {said}");
        tracing::warn!(copy, said, "cut a damaged tail off Redis' append-only file");
        Ok(())
    }
}

impl Membership {
    fn settings(self, password: &str) -> String {
        format!(
            "
cluster-enabled yes
cluster-config-file nodes.conf
cluster-port {}
cluster-node-timeout 2000
# The rest goes on while one part has no master.
cluster-require-full-coverage no
masterauth {password}

# A master that no replica follows takes nothing that could be lost with it. A replica that comes back is taken at once.
min-replicas-to-write 1
min-replicas-max-lag 10
repl-diskless-sync-delay 0
",
            self.bus_port
        )
    }
}

impl Program for RedisServer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(&self.config);
        command
    }

    fn mark(&self) -> String {
        self.config.to_string_lossy().into_owned()
    }

    fn watches_parent(&self) -> bool {
        false
    }

    fn rests(&self) -> Duration {
        if self.is_member { MEMBER_RESTS } else { Duration::ZERO }
    }

    /// Some file systems leave zeros at the end of a file when the power fails; Redis then refuses to start.
    async fn repair(&mut self, last_words: &str) -> anyhow::Result<()> {
        // Once is enough: what it does not cure, it would not cure again.
        if self.repair_tried || !last_words.contains("redis-check-aof --fix") {
            return Ok(());
        }
        self.repair_tried = true;
        self.cut_damaged_tail().await
    }
}

fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

fn answer_yes(mut command: std::process::Command) -> std::io::Result<std::process::Output> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    if let Some(mut questions) = child.stdin.take() {
        // It does not ask when there is nothing to cut.
        questions.write_all(b"y\n").ok();
    }
    child.wait_with_output()
}

/// The oldest Redis whose scripts and streams can do what is asked of them.
const OLDEST: u32 = 7;

fn check_version(program: &Path) -> anyhow::Result<()> {
    let name = program.display();
    let output = std::process::Command::new(program)
        .arg("--version")
        .output()
        .with_context(|| format!("cannot run {name}: dev/setup installs Redis, or name it with --redis-server"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match major_version(&text) {
        Some(version) if version >= OLDEST => Ok(()),
        _ => bail!("{name} must be Redis {OLDEST} or newer, but says: {}", text.trim()),
    }
}

fn major_version(text: &str) -> Option<u32> {
    let (_, version) = text.split_once(" v=")?;
    version.split('.').next()?.parse().ok()
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_paths_quoted() {
        assert_eq!(major_version("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64"), Some(7));
        assert_eq!(major_version("Valkey server"), None);
        assert_eq!(quote(r#"/a b/"c\d"#), r#""/a b/\"c\\d""#);
    }
}
