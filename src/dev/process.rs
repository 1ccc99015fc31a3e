//! Processes by number: whether one is ours, and how it is stopped.
//!
//! A number alone names nobody, because numbers are used again. A process is ours when its command line holds the full
//! name of a file in our data directory.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::data_dir::remove_if_there;

/// How long a child may take to stop before it is killed.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Asks a process to stop.
pub fn terminate(pid: u32) {
    signal(pid, Signal::TERM);
}

fn signal(pid: u32, signal: Signal) {
    // A process that is gone already has done what it was asked to.
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        kill_process(pid, signal).ok();
    }
}

/// Stops the process of an earlier run that `pid_file` names, if it still runs and `mark` stands in its command line.
///
/// # Errors
/// When the file cannot be removed.
pub async fn stop_leftover(pid_file: &Path, mark: &str) -> anyhow::Result<()> {
    let pid = fs::read_to_string(pid_file).ok().and_then(|content| content.trim().parse::<u32>().ok());
    if let Some(pid) = pid.filter(|pid| is_ours(*pid, mark)) {
        tracing::warn!(pid, "stopping a process that an earlier run left behind");
        terminate(pid);
        let asked = Instant::now();
        while is_ours(pid, mark) {
            if asked.elapsed() > PATIENCE {
                signal(pid, Signal::KILL);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(remove_if_there(pid_file)?)
}

/// Whether a process runs and has `mark` in its command line. A dead one that nobody waited for has none.
#[must_use]
pub fn is_ours(pid: u32, mark: &str) -> bool {
    command_line(pid).is_some_and(|line| line.contains(mark))
}

fn command_line(pid: u32) -> Option<String> {
    if Path::new("/proc/self").exists() {
        return Some(String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).ok()?).into_owned());
    }
    let output = Command::new("ps").args(["-ww", "-o", "args=", "-p", &pid.to_string()]).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn only_a_process_with_our_mark_is_stopped() {
        let directory = tempfile::tempdir().unwrap();
        let pid_file = directory.path().join("child.pid");
        let mut child = Command::new("sleep").arg("300.25").spawn().unwrap();
        // The command line is that of this program until the child has become another one.
        while !is_ours(child.id(), "300.25") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }

        fs::write(&pid_file, child.id().to_string()).unwrap();
        stop_leftover(&pid_file, "somebody else's").await.unwrap();
        assert!(is_ours(child.id(), "300.25"));
        assert!(!pid_file.exists());

        fs::write(&pid_file, child.id().to_string()).unwrap();
        stop_leftover(&pid_file, "300.25").await.unwrap();
        assert!(!is_ours(child.id(), "300.25"));
        child.wait().unwrap();
    }
}
