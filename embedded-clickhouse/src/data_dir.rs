//! The data directory, held by one process at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A locked data directory; the lock goes with the process, however it ends.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody else holds it.
    #[error("data directory {0} is in use by another process")]
    InUse(PathBuf),
    /// The file system refuses.
    #[error("cannot open data directory {0}: {1}")]
    Io(PathBuf, io::Error),
}

impl DataDir {
    /// Creates the directory when it is missing, and locks it.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Io(path.to_owned(), error);
        fs::create_dir_all(path).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        let lock_path = path.join("embedded-clickhouse.lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(lock_path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path)),
            Err(TryLockError::Error(error)) => Err(OpenError::Io(path, error)),
        }
    }

    /// The directory, without symbolic links in it.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Writes a file so that a reader sees either nothing or all of it.
pub fn write_atomically(path: &Path, content: &str) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}.tmp", std::process::id()));
    let unfinished = PathBuf::from(unfinished);
    File::create(&unfinished)?.write_all(content.as_bytes())?;
    fs::rename(unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_held_once() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let held = DataDir::open(&path).unwrap();
        assert!(matches!(DataDir::open(&path), Err(OpenError::InUse(_))));
        drop(held);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn an_atomic_write_leaves_one_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("port");
        write_atomically(&path, "1").unwrap();
        write_atomically(&path, "127.0.0.1:2").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "127.0.0.1:2");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
