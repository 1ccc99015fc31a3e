//! One child process: started, started again when it ends, stopped with the server.
//!
//! No child outlives the server. A child that cannot watch its parent itself gets a guard: a shell that reads from a pipe
//! whose other end the server holds. When the server is gone, however it ended, the pipe ends and the guard asks the child
//! to stop. (The kernel's own death signal, `PR_SET_PDEATHSIG`, follows the thread that started the child rather than
//! the process, and needs unsafe code or a program that not every system has.)

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::process::{self, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::backoff::Backoff;
use super::data_dir::{remove_if_there, write_private};
use super::process::{PATIENCE, terminate};

/// What is needed to run a program as a child.
pub trait Program: Send + Sync + 'static {
    /// What people call it.
    fn name(&self) -> &'static str;
    /// How it is started.
    fn command(&self) -> Command;
    /// What its command line holds and no other process' does.
    fn mark(&self) -> String;
    /// Whether it stops by itself when its parent is gone.
    fn watches_parent(&self) -> bool;
    /// How long it stays down at least when it ended by itself.
    fn rests(&self) -> Duration {
        Duration::ZERO
    }
    /// Gets what the program wrote in its last run, to put right what kept it from running.
    fn repair(&mut self, last_words: &str) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Where a child leaves traces.
#[derive(Debug, Clone)]
pub struct Traces {
    /// What it writes to its standard output and error.
    pub log: PathBuf,
    /// Its process id while it runs.
    pub pid: PathBuf,
}

/// How a child is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Condition {
    /// Its process id, while it runs.
    pub pid: Option<u32>,
    /// How often it ended without being asked to.
    pub failures: u32,
}

/// A child that is kept running until it is told to stop.
#[derive(Debug)]
pub struct Child {
    /// How it is, and every change of that.
    pub condition: watch::Receiver<Condition>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Child {
    /// Starts the program and keeps it running.
    pub fn start(program: impl Program, traces: Traces) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (report, condition) = watch::channel(Condition::default());
        let task = tokio::spawn(keep_running(program, traces, stopped, report));
        Self { condition, stop, task }
    }

    /// Asks it to stop, and kills it when it does not.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the supervisor of a child ended early");
        }
    }
}

async fn keep_running(
    mut program: impl Program,
    traces: Traces,
    mut stop: watch::Receiver<bool>,
    report: watch::Sender<Condition>,
) {
    let name = program.name();
    let mut backoff = Backoff::default();
    loop {
        let started = Instant::now();
        let log_start = traces.log.metadata().map_or(0, |metadata| metadata.len());
        match Run::start(&program, &traces) {
            Ok(mut run) => {
                report.send_modify(|condition| condition.pid = Some(run.pid));
                let ended = tokio::select! {
                    status = run.child.wait() => Some(status),
                    _ = stop.wait_for(|stop| *stop) => None,
                };
                match ended {
                    Some(status) => run.ended(name, &traces, status),
                    None => return run.stop(&traces).await,
                }
            }
            Err(error) => tracing::error!(child = name, error = format!("{error:#}"), "cannot start"),
        }
        report.send_modify(|condition| *condition = Condition { pid: None, failures: condition.failures + 1 });
        let last_words = read_from(&traces.log, log_start).unwrap_or_default();
        if let Err(error) = program.repair(&last_words).await {
            tracing::error!(child = name, error = format!("{error:#}"), "cannot repair");
        }
        tokio::select! {
            () = sleep(backoff.after(started.elapsed()).max(program.rests())) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// One life of a child.
struct Run {
    pid: u32,
    child: process::Child,
    /// The guard, and the pipe that tells it that this process lives.
    guard: Option<process::Child>,
}

impl Run {
    fn start(program: &impl Program, traces: &Traces) -> anyhow::Result<Self> {
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&traces.log)?;
        let mut command = program.command();
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // A group of its own: Ctrl-C in a terminal is for the server, which stops its children when it is done.
        let mut child = command.process_group(0).kill_on_drop(true).spawn().context("the program cannot be run")?;
        let pid = child.id().context("it ended at once")?;
        if let Err(error) = write_private(&traces.pid, &pid.to_string()) {
            child.start_kill()?;
            return Err(error).context("cannot write its process id down");
        }
        let guard = if program.watches_parent() { None } else { Some(guard(pid, &program.mark())?) };
        Ok(Self { pid, child, guard })
    }

    fn ended(self, name: &str, traces: &Traces, status: io::Result<std::process::ExitStatus>) {
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        tracing::warn!(child = name, %status, log = %traces.log.display(), "ended unexpectedly; starting it again");
        remove_if_there(&traces.pid).ok();
    }

    async fn stop(mut self, traces: &Traces) {
        // The child was not waited for yet, so that its number is still its own.
        terminate(self.pid);
        if timeout(PATIENCE, self.child.wait()).await.is_err() {
            self.child.kill().await.ok();
        }
        remove_if_there(&traces.pid).ok();
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Before its pipe closes: there is nothing to guard any more.
        if let Some(guard) = &mut self.guard {
            guard.start_kill().ok();
        }
    }
}

const GUARD: &str = r#"
read -r _
{ cat "/proc/$1/cmdline" 2>/dev/null || ps -ww -o args= -p "$1"; } | grep -qaF -e "$2" && kill -TERM "$1"
"#;

fn guard(pid: u32, mark: &str) -> io::Result<process::Child> {
    let mut command = Command::new("sh");
    command.args(["-c", GUARD, "promptster-guard", &pid.to_string(), mark]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// How much of a log is looked at.
const LAST_WORDS: u64 = 64 << 10;

fn read_from(path: &PathBuf, start: u64) -> io::Result<String> {
    let mut log = File::open(path)?;
    let end = log.metadata()?.len();
    log.seek(SeekFrom::Start(start.max(end.saturating_sub(LAST_WORDS))))?;
    let mut bytes = Vec::new();
    log.take(LAST_WORDS).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last lines of a log, for a person.
#[must_use]
pub fn last_lines(traces: &Traces, count: usize) -> String {
    let text = read_from(&traces.log, 0).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(count).collect();
    lines.into_iter().rev().map(|line| format!("  {line}\n")).collect()
}

/// How long to wait between two looks at a child that starts.
pub const LOOK_AGAIN: Duration = Duration::from_millis(50);
