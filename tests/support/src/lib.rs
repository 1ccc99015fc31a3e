//! For tests only: real stores, each in a process and a directory of its own, gone with the value that stands for it.
#![expect(clippy::expect_used, reason = "a test that cannot have its store says so and fails")]

mod clickhouse;
pub mod identity;
mod mail;
pub mod oidc;
mod receiver;
mod redis;
mod redis_cluster;

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use clickhouse::ClickHouse;
pub use mail::MailServer;
pub use receiver::{Received, Receiver};
pub use redis::Redis;
pub use redis_cluster::RedisCluster;

/// How long a store may take to start on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(240);

/// A child process that does not outlive the value.
struct Process(Child);

impl Process {
    /// Whether it still runs.
    fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Ends it at once, as a power cut would.
    fn kill(&mut self) {
        // Both fail only when it is gone already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A directory in memory where there is such a thing: tests of durability here are about processes, not about disks.
fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a temporary directory")
}

/// Waits until `is_ready`; `false` when `process` ended or the time is up.
fn wait_until(process: &mut Process, mut is_ready: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while started.elapsed() < START_TIMEOUT && process.is_running() {
        if is_ready() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}
