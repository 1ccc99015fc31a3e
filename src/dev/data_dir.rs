//! The data directory: what lies where, and that one process at a time works on it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// A locked data directory; the lock goes with the process, however it ends.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the directory when it is missing, readable for its owner only, and locks it.
    ///
    /// # Errors
    /// When another process holds it, or the file system refuses.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let cannot_open = || format!("cannot open the data directory {}", path.display());
        for directory in [path.to_owned(), path.join("clickhouse"), path.join("logs")] {
            DirBuilder::new().recursive(true).mode(0o700).create(directory).with_context(cannot_open)?;
        }
        let path = path.canonicalize().with_context(cannot_open)?;
        let lock = lock(&path)?;
        Ok(Self { path, _lock: lock })
    }

    /// A directory in it, made when it is missing, by its full name.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn make(&self, name: &str) -> anyhow::Result<PathBuf> {
        let directory = self.path.join(name);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(directory)
    }

    /// A file or a directory in it, by its full name.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn lock(path: &Path) -> anyhow::Result<File> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path.join("promptster.lock"))
        .with_context(|| format!("cannot lock {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder).ok();
            bail!(
                "{} is in use by another promptster-server (process {}): stop that one, or choose another --data-dir",
                path.display(),
                holder.trim()
            );
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    file.set_len(0)?;
    file.write_all(std::process::id().to_string().as_bytes())?;
    Ok(file)
}

/// Writes a file that only its owner may read, so that a reader sees either the old content or the new one.
///
/// # Errors
/// When the file system refuses.
pub fn write_private(path: &Path, content: &str) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}.tmp", std::process::id()));
    let unfinished = PathBuf::from(unfinished);
    // A leftover of the same name could have another mode.
    remove_if_there(&unfinished)?;
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&unfinished)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}

/// Removes a file; that it is not there is no error.
///
/// # Errors
/// When the file system refuses.
pub fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_directory_is_held_once_and_the_refusal_names_the_holder() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/data");
        let held = DataDir::open(&path).unwrap();
        let refusal = DataDir::open(&path).unwrap_err().to_string();
        assert!(refusal.contains(&format!("(process {})", std::process::id())), "{refusal}");
        drop(held);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn a_private_file_is_replaced_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dev.json");
        write_private(&path, "a longer text").unwrap();
        write_private(&path, "short").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "short");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
