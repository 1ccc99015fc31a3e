//! Small file systems in memory for the stores, so that their disk can be full without filling the machine's.

use std::path::{Path, PathBuf};

use tokio::process::Command;

/// The size of a disk that is not full, in MiB; memory is taken only as it is used.
const SIZE_MIB: u64 = 6 << 10;

/// A file system of its own under a directory; taken away with [`Disk::remove`], else by the guard.
#[derive(Debug)]
pub(crate) struct Disk {
    directory: PathBuf,
}

impl Disk {
    /// Mounts one; an error where this user may not, or this system cannot.
    pub(crate) async fn mount(directory: &Path) -> Result<Self, String> {
        std::fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let disk = Self { directory: directory.to_owned() };
        disk.call("mount", &["-t", "tmpfs", "-o", &format!("size={SIZE_MIB}m,mode=700"), "tmpfs"]).await?;
        Ok(disk)
    }

    /// Leaves no more than `left_kib` free.
    pub(crate) async fn fill(&self, left_kib: u64) -> Result<(), String> {
        let mut tries = 20;
        loop {
            let directory = self.directory.clone();
            let used = tokio::task::spawn_blocking(move || used_kib(&directory)).await;
            let used = used.map_err(|error| error.to_string())??;
            // It cannot become smaller than what is used, and that may be more by now.
            match self.resize(&format!("{}k", used + left_kib)).await {
                Err(_) if tries > 0 => tries -= 1,
                result => return result,
            }
        }
    }

    /// Gives all of it back.
    pub(crate) async fn free(&self) -> Result<(), String> {
        self.resize(&format!("{SIZE_MIB}m")).await
    }

    /// Takes it away.
    pub(crate) async fn remove(&self) {
        // The guard tries again.
        drop(self.call("umount", &["-l"]).await);
    }

    async fn resize(&self, size: &str) -> Result<(), String> {
        self.call("mount", &["-o", &format!("remount,size={size}")]).await
    }

    async fn call(&self, program: &str, args: &[&str]) -> Result<(), String> {
        let output = Command::new(program).args(args).arg(&self.directory).output().await;
        let output = output.map_err(|error| format!("cannot run {program}: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// What is used of the file system, in KiB.
fn used_kib(directory: &Path) -> Result<u64, String> {
    let output = std::process::Command::new("df").args(["-k", "--output=used"]).arg(directory).output();
    let output = output.map_err(|error| format!("cannot run df: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().nth(1).and_then(|used| used.trim().parse().ok()).ok_or_else(|| format!("df says {text:?}"))
}
