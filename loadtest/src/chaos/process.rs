//! A child process and its supervisor: what is killed, or ends by itself, is started again after a short pause.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How long a supervisor waits before it starts what ended, in milliseconds.
const PAUSE_MS: std::ops::Range<u64> = 100..700;

/// What is started.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    /// What people call it.
    pub(crate) name: String,
    /// The program.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) args: Vec<OsString>,
    /// Variables of its environment.
    pub(crate) env: Vec<(String, OsString)>,
    /// Gets what it writes, of all its lives.
    pub(crate) log: PathBuf,
    /// Holds its process id while it runs.
    pub(crate) pid_file: PathBuf,
}

/// A process that is kept running until the value ends; then its whole group is killed.
#[derive(Debug)]
pub(crate) struct Process {
    shared: Arc<Shared>,
    supervisor: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    spec: Spec,
    group: Mutex<Option<Pid>>,
    /// The number of the life that runs; 0 when none does.
    life: watch::Sender<u64>,
    /// Whether it must not be started.
    held: watch::Sender<bool>,
    /// How often it ended without having been killed here.
    ended_by_itself: AtomicU64,
    killed: AtomicU64,
}

impl Process {
    /// Starts it, and keeps it running.
    pub(crate) fn start(spec: Spec) -> Result<Self, String> {
        let shared = Arc::new(Shared {
            spec,
            group: Mutex::default(),
            life: watch::Sender::new(1),
            held: watch::Sender::default(),
            ended_by_itself: AtomicU64::default(),
            killed: AtomicU64::default(),
        });
        let child = shared.spawn()?;
        let supervisor = tokio::spawn(supervise(Arc::clone(&shared), child));
        Ok(Self { shared, supervisor })
    }

    /// What people call it.
    pub(crate) fn name(&self) -> &str {
        &self.shared.spec.name
    }

    /// How often it ended without having been killed here.
    pub(crate) fn n_ended_by_itself(&self) -> u64 {
        self.shared.ended_by_itself.load(Ordering::Relaxed)
    }

    /// Sends a signal to all of its group.
    pub(crate) fn signal(&self, signal: Signal) {
        self.shared.signal(signal);
    }

    /// Kills it at once, and waits until it is gone. The supervisor starts it again.
    pub(crate) async fn kill(&self) {
        self.end(Signal::KILL).await;
    }

    /// Asks it to end, and waits until it has; kills it after `patience`. The supervisor starts it again.
    pub(crate) async fn stop(&self, patience: Duration) {
        if tokio::time::timeout(patience, self.end(Signal::TERM)).await.is_err() {
            self.end(Signal::KILL).await;
        }
    }

    async fn end(&self, signal: Signal) {
        let mut life = self.shared.life.subscribe();
        let now = *life.borrow_and_update();
        if now != 0 {
            self.shared.killed.fetch_add(1, Ordering::Relaxed);
            self.signal(signal);
            let _ = life.wait_for(|life| *life != now).await;
        }
    }

    /// From now on it is not started, or it is again.
    pub(crate) fn hold(&self, is_held: bool) {
        self.shared.held.send_replace(is_held);
    }

    /// Waits until it runs.
    pub(crate) async fn running(&self) {
        let _ = self.shared.life.subscribe().wait_for(|life| *life != 0).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.supervisor.abort();
        self.shared.signal(Signal::KILL);
        drop(fs::remove_file(&self.shared.spec.pid_file));
    }
}

impl Shared {
    fn spawn(&self) -> Result<Child, String> {
        let Spec { name, program, args, env, log, pid_file } = &self.spec;
        let wrong = |error: std::io::Error| format!("cannot start {name}: {error}");
        let log = OpenOptions::new().create(true).append(true).open(log).map_err(wrong)?;
        let mut command = Command::new(program);
        command.args(args).envs(env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(wrong)?).stderr(log);
        // A group of its own: Ctrl-C is for this program alone, and signals reach what the child starts.
        let child = command.process_group(0).kill_on_drop(true).spawn().map_err(wrong)?;
        let pid = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        *self.group.lock().unwrap_or_else(PoisonError::into_inner) = pid;
        let pid = pid.map(|pid| pid.as_raw_nonzero().to_string()).unwrap_or_default();
        fs::write(pid_file, pid).map_err(wrong)?;
        Ok(child)
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = *self.group.lock().unwrap_or_else(PoisonError::into_inner) {
            // One that is gone already needs no signal.
            let _ = kill_process_group(group, signal);
        }
    }

    fn note(&self, status: std::io::Result<ExitStatus>) {
        let text = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        if let Ok(mut log) = OpenOptions::new().append(true).open(&self.spec.log) {
            use std::io::Write;
            // The log is for people; without this line it is only less clear.
            drop(writeln!(log, "---- {} ended: {text}", self.spec.name));
        }
    }
}

async fn supervise(shared: Arc<Shared>, mut child: Child) {
    let mut held = shared.held.subscribe();
    // A life begins where it is told to others, the first one with the value: who kills it then counts.
    let (mut n_lives, mut n_killed) = (1, 0);
    loop {
        let status = child.wait().await;
        *shared.group.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if shared.killed.load(Ordering::Relaxed) == n_killed {
            shared.ended_by_itself.fetch_add(1, Ordering::Relaxed);
        }
        shared.note(status);
        shared.life.send_replace(0);
        loop {
            sleep(Duration::from_millis(rand::random_range(PAUSE_MS))).await;
            if held.wait_for(|held| !held).await.is_err() {
                return;
            }
            if let Ok(next) = shared.spawn() {
                child = next;
                break;
            }
        }
        n_lives += 1;
        n_killed = shared.killed.load(Ordering::Relaxed);
        shared.life.send_replace(n_lives);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(directory: &std::path::Path, seconds: &str) -> Process {
        let spec = Spec {
            name: "sleeper".into(),
            program: "sleep".into(),
            args: vec![seconds.into()],
            env: Vec::new(),
            log: directory.join("log"),
            pid_file: directory.join("pid"),
        };
        Process::start(spec).unwrap()
    }

    fn is_there(pid: &str) -> bool {
        // A dead one that nobody waited for yet has no command line.
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
    }

    #[tokio::test]
    async fn what_is_killed_comes_back_and_nothing_outlives_the_value() {
        let directory = tempfile::tempdir().unwrap();
        let process = sleeper(directory.path(), "300");
        let pid = || fs::read_to_string(directory.path().join("pid")).unwrap();
        let first = pid();
        process.kill().await;
        assert!(!is_there(&first));
        process.running().await;
        let second = pid();
        assert_ne!(second, first);
        // Just after its start a process has no command line yet.
        while !is_there(&second) {
            sleep(Duration::from_millis(5)).await;
        }
        process.hold(true);
        process.stop(Duration::from_secs(5)).await;
        sleep(Duration::from_millis(900)).await;
        assert!(!is_there(&second) && pid() == second, "it is held");
        process.hold(false);
        process.running().await;
        let third = pid();
        assert_eq!(process.n_ended_by_itself(), 0);
        drop(process);
        for _ in 0..200 {
            if !is_there(&third) {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("it is still there");
    }

    #[tokio::test]
    async fn what_ends_by_itself_is_started_again_and_counted() {
        let directory = tempfile::tempdir().unwrap();
        let process = sleeper(directory.path(), "0");
        while process.n_ended_by_itself() < 2 {
            sleep(Duration::from_millis(20)).await;
        }
        assert!(fs::read_to_string(directory.path().join("log")).unwrap().contains("sleeper ended: exit status: 0"));
    }
}
