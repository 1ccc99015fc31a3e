//! Slow disks, disks that forget and jumping clocks: a small C library, compiled at run time where there is a compiler, that is loaded into
//! the processes of a run before the system's own.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
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
        let synced = shim.synced();
        std::fs::create_dir_all(&synced).map_err(|error| format!("{}: {error}", synced.display()))?;
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

    fn synced(&self) -> PathBuf {
        self.directory.join("synced")
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
            ("CHAOS_SYNCED".to_owned(), self.synced().into()),
        ]
    }

    /// Makes each fsync of the process `name` take so much longer.
    pub(crate) fn slow_fsync(&self, name: &str, millis: u64) -> Result<(), String> {
        self.say(name, "fsync-ms", &millis.to_string())
    }

    /// Cuts every file under a directory back to what had surely reached the disk, as the loss of power would, and
    /// tells how many bytes that were. The processes must have ended.
    pub(crate) fn forget(&self, directory: &Path) -> Result<u64, String> {
        let wrong = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
        let mut lost = 0;
        for entry in std::fs::read_dir(directory).map_err(|error| wrong(directory, error))? {
            let path = entry.map_err(|error| wrong(directory, error))?.path();
            let data = path.symlink_metadata().map_err(|error| wrong(&path, error))?;
            if data.is_dir() {
                lost += self.forget(&path)?;
            } else if let Ok(synced) = std::fs::read_to_string(self.synced().join(data.ino().to_string()))
                && let Some(surplus) =
                    synced.trim().parse::<u64>().ok().and_then(|synced| data.len().checked_sub(synced))
            {
                lost += surplus;
                let file = std::fs::OpenOptions::new().write(true).open(&path).map_err(|error| wrong(&path, error))?;
                file.set_len(data.len() - surplus).map_err(|error| wrong(&path, error))?;
            }
        }
        Ok(lost)
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

    #[tokio::test]
    async fn what_was_not_synced_is_forgotten_and_the_rest_is_not() {
        use std::io::Write;
        let directory = tempfile::tempdir().unwrap();
        let shim = Shim::compile(directory.path()).await.unwrap();
        let data = directory.path().join("data");
        std::fs::create_dir_all(data.join("within")).unwrap();
        let file = data.join("within/file");
        std::fs::write(&file, "on the disk").unwrap();
        std::fs::write(data.join("never-synced"), "unknown").unwrap();
        let status = Command::new("sync").arg("-d").arg(&file).envs(shim.env("sync")).status().await.unwrap();
        assert!(status.success());
        let mut open = std::fs::OpenOptions::new().append(true).open(&file).unwrap();
        open.write_all(b", and more").unwrap();
        assert_eq!(shim.forget(&data), Ok(10));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "on the disk");
        assert_eq!(std::fs::read_to_string(data.join("never-synced")).unwrap(), "unknown", "nothing is known of it");
        assert_eq!(shim.forget(&data), Ok(0));
    }
}
