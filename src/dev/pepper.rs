//! The pepper of an installation with embedded stores: made at the first start, kept beside them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use redis_scripts::{Peppers, random_secret};

use super::data_dir::{DataDir, write_private};

const FILE: &str = "pepper";

/// The pepper of this data directory, made if there is none.
///
/// # Errors
/// When the file cannot be used, or the operating system has no randomness.
pub fn of(data_dir: &DataDir) -> anyhow::Result<Peppers> {
    let path = path_in(data_dir);
    if !path.exists() {
        let made = random_secret("")? + "\n";
        write_private(&path, &made).with_context(|| format!("cannot write {}", path.display()))?;
    }
    read(path)
}

/// Where it is kept.
pub(super) fn path_in(data_dir: &DataDir) -> PathBuf {
    data_dir.join(FILE)
}

/// The pepper that a `dev` keeps in this directory; none where none has run.
///
/// # Errors
/// When the file cannot be used.
pub fn kept_in(data_dir: &Path) -> anyhow::Result<Peppers> {
    let path = data_dir.join(FILE);
    if path.exists() { read(path) } else { Ok(Peppers::default()) }
}

fn read(path: PathBuf) -> anyhow::Result<Peppers> {
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    text.parse().with_context(|| format!("no pepper in {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_made_once_and_only_its_owner_reads_it() {
        let parent = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(parent.path()).unwrap();
        assert!(kept_in(parent.path()).unwrap().is_empty());
        let made = of(&data_dir).unwrap();
        for again in [of(&data_dir).unwrap(), kept_in(parent.path()).unwrap()] {
            assert_eq!(again.digest("s"), made.digest("s"));
        }
        let mode = std::fs::metadata(data_dir.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        write_private(&data_dir.join(FILE), "spoilt").unwrap();
        let refused = format!("{:#}", of(&data_dir).unwrap_err());
        assert!(!refused.contains("spoilt"), "{refused}");
    }
}
