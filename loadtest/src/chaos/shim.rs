//! Slow disks and jumping clocks: a small C library, compiled at run time where there is a compiler, that is loaded into
//! the processes of a run before the system's own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tokio::process::Command;

const SOURCE: &str = include_str!("shim.c");

/// The compiled library.
#[derive(Debug, Clone)]
pub(crate) struct Shim {
    directory: PathBuf,
}

impl Shim {
    /// Compiles it into `directory`; an error where that does not work.
    pub(crate) async fn compile(directory: &Path) -> Result<Self, String> {
        let source = directory.join("shim.c");
        std::fs::write(&source, SOURCE).map_err(|error| format!("{}: {error}", source.display()))?;
        let shim = Self { directory: directory.to_owned() };
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(shim.library())
            .arg(&source)
            .arg("-ldl")
            .output()
            .await
            .map_err(|error| format!("cannot run cc: {error}"))?;
        if output.status.success() {
            return Ok(shim);
        }
        Err(format!("cc: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }

    fn library(&self) -> PathBuf {
        self.directory.join("shim.so")
    }

    /// The variables that load it into the process `name`.
    pub(crate) fn env(&self, name: &str) -> Vec<(String, OsString)> {
        vec![
            ("LD_PRELOAD".to_owned(), self.library().into()),
            ("CHAOS_FSYNC_MS".to_owned(), self.directory.join(format!("{name}.fsync-ms")).into()),
            ("CHAOS_CLOCK_MS".to_owned(), self.directory.join(format!("{name}.clock-ms")).into()),
        ]
    }

    /// Makes each fsync of the process `name` take so much longer.
    pub(crate) fn slow_fsync(&self, name: &str, millis: u64) -> Result<(), String> {
        self.say(name, "fsync-ms", &millis.to_string())
    }

    /// Puts the wall clock of the process `name` off.
    pub(crate) fn set_clock(&self, name: &str, off_by_millis: i64) -> Result<(), String> {
        self.say(name, "clock-ms", &off_by_millis.to_string())
    }

    fn say(&self, name: &str, what: &str, number: &str) -> Result<(), String> {
        // By another name first, so that nobody reads half of it.
        let (path, new) =
            (self.directory.join(format!("{name}.{what}")), self.directory.join(format!("{name}.{what}~")));
        std::fs::write(&new, number).map_err(|error| format!("{}: {error}", new.display()))?;
        std::fs::rename(&new, &path).map_err(|error| format!("{}: {error}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    #[tokio::test]
    async fn clocks_jump_and_disks_are_slow() {
        let directory = tempfile::tempdir().unwrap();
        let shim = Shim::compile(directory.path()).await.unwrap();
        let date = async || {
            let output = Command::new("date").arg("+%s").envs(shim.env("date")).output().await.unwrap();
            String::from_utf8(output.stdout).unwrap().trim().parse::<i64>().unwrap()
        };
        let now = || i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
        assert!((date().await - now()).abs() <= 2);
        shim.set_clock("date", -3_600_500).unwrap();
        assert!((date().await - now() + 3600).abs() <= 2);

        let file = directory.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let sync = async || {
            let started = Instant::now();
            let status = Command::new("sync").arg("-d").arg(&file).envs(shim.env("sync")).status().await.unwrap();
            assert!(status.success());
            started.elapsed()
        };
        shim.slow_fsync("sync", 700).unwrap();
        assert!(sync().await >= Duration::from_millis(700));
    }
}
