//! The workspace of a session: what is kept in `.promptster/`, and how it is found again from anywhere inside.

use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The folder, in the root of the workspace.
pub(crate) const FOLDER: &str = ".promptster";

/// A folder in which a session runs.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    root: PathBuf,
}

/// What a workspace knows of its session: `session.json`, which editor extensions read as well.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Session {
    /// The server's address.
    pub(crate) api_url: String,
    /// The candidate key.
    pub(crate) key: String,
    /// The session's id.
    pub(crate) session_id: String,
    /// The credential for everything after the redeem.
    pub(crate) session_token: String,
    /// The candidate agreed to the disclosure.
    pub(crate) consent_accepted: bool,
    /// When the server stops taking events, RFC 3339.
    pub(crate) expires_at: Option<String>,
    /// When the session was started on this machine, RFC 3339.
    pub(crate) started_at: String,
    /// How long the candidate has, in minutes; 0 is without a limit.
    pub(crate) time_limit_minutes: u64,
    /// The title of the assessment.
    pub(crate) assessment_title: String,
    /// The task, as Markdown.
    pub(crate) task_brief: String,
    /// The repository that was cloned; empty without one.
    pub(crate) repo_url: String,
    /// The commit that the candidate started from; empty without a repository.
    pub(crate) base_sha: String,
    /// The folder of the task, relative to the workspace; empty is the workspace itself.
    pub(crate) task_root: String,
    /// The tools whose hooks were installed.
    pub(crate) tools: Vec<String>,
}

impl Workspace {
    /// The workspace with this root, whether a session runs in it or not.
    pub(crate) fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The workspace that a path lies in: the nearest folder upwards in which a session runs.
    pub(crate) fn containing(path: &Path) -> Option<Self> {
        let found = path.ancestors().find(|folder| folder.join(FOLDER).join("session.json").is_file())?;
        Some(Self::at(found))
    }

    /// Its root.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A file of its state.
    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.root.join(FOLDER).join(name)
    }

    /// The folder of the task.
    pub(crate) fn task_root(&self, session: &Session) -> PathBuf {
        if session.task_root.is_empty() { self.root.clone() } else { self.root.join(&session.task_root) }
    }

    /// Reads what is known of the session.
    pub(crate) fn session(&self) -> io::Result<Session> {
        let text = fs::read(self.state("session.json"))?;
        serde_json::from_slice(&text).map_err(io::Error::from)
    }

    /// Keeps what is known of the session; only the owner can read it.
    pub(crate) fn keep_session(&self, session: &Session) -> io::Result<()> {
        self.keep("session.json", session)
    }

    /// Writes a file of JSON into the state, whole or not at all.
    pub(crate) fn keep(&self, name: &str, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value)? + "\n";
        write_whole(&self.state(name), text.as_bytes())
    }

    /// Reads a file of JSON of the state; `None` when it is missing or makes no sense.
    pub(crate) fn kept<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(&fs::read(self.state(name)).ok()?).ok()
    }

    /// Changes a file of JSON of the state while nobody else does; a missing file begins as the default.
    pub(crate) fn change<T, R>(&self, name: &str, change: impl FnOnce(&mut T) -> R) -> io::Result<R>
    where
        T: Default + Serialize + for<'de> Deserialize<'de>,
    {
        // The file itself is replaced when it is written, so the lock is another.
        let lock = private().append(true).create(true).open(self.state(&format!("{name}.lock")))?;
        lock.lock()?;
        let mut value = self.kept(name).unwrap_or_default();
        let result = change(&mut value);
        self.keep(name, &value)?;
        Ok(result)
    }

    /// Takes the lock that the streamer holds while it runs; `None` while another has it.
    pub(crate) fn streamer_lock(&self) -> io::Result<Option<File>> {
        let file = private().append(true).create(true).open(self.state("streamer.lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

/// How files are opened that only their owner may read.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Replaces a file's content by a new file in its place: readers see the old or the new one, never a part.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder.join(format!(".{name}.{}.new", std::process::id()));
    let written = (|| {
        let mut file = private().write(true).create(true).truncate(true).open(&new)?;
        if let Ok(old) = fs::metadata(path) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)
    })();
    if written.is_err() {
        // It may not be there at all.
        drop(fs::remove_file(&new));
    }
    written
}

#[cfg(test)]
mod tests {
    use super::{Session, Workspace, write_whole};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_workspace_is_found_from_anywhere_inside() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("a/b");
        std::fs::create_dir_all(&inside).unwrap();
        assert!(Workspace::containing(&inside).is_none());
        std::fs::create_dir(folder.path().join(".promptster")).unwrap();
        let workspace = Workspace::at(folder.path());
        workspace.keep_session(&Session { session_id: "s".into(), ..Session::default() }).unwrap();
        let found = Workspace::containing(&inside).unwrap();
        assert_eq!((found.root(), found.session().unwrap().session_id.as_str()), (folder.path(), "s"));
        let mode = std::fs::metadata(workspace.state("session.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_replaced_keeps_its_mode_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn many_that_change_a_file_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".promptster")).unwrap();
        let workspace = Workspace::at(folder.path());
        std::thread::scope(|scope| {
            for n in 0..16 {
                let workspace = &workspace;
                scope.spawn(move || workspace.change("list.json", |list: &mut Vec<u32>| list.push(n)).unwrap());
            }
        });
        let mut list: Vec<u32> = workspace.kept("list.json").unwrap();
        list.sort_unstable();
        assert_eq!(list, (0..16).collect::<Vec<_>>());
    }

    #[test]
    fn one_streamer_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".promptster")).unwrap();
        let workspace = Workspace::at(folder.path());
        let held = workspace.streamer_lock().unwrap();
        assert!(held.is_some() && workspace.streamer_lock().unwrap().is_none());
        drop(held);
        assert!(workspace.streamer_lock().unwrap().is_some());
    }
}
