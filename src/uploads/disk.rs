//! Uploads in a directory: `<dir>/<org>/<session>/`. A file gets its name when all of it is on the disk.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use domain::SessionRef;
use redis_scripts::Bundle;
use sha2::{Digest, Sha256};
use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncWriteExt, BufWriter},
};
use uuid::Uuid;

use super::bundle_name;
use crate::clock;

/// Bytes that are written at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// See the module.
#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
}

/// A bundle of which not everything has come. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Incoming {
    file: BufWriter<File>,
    unfinished: Unfinished,
    digest: Sha256,
    n_bytes: u64,
}

/// A file without its name yet; removed when dropped.
#[derive(Debug)]
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // It is not there when it got its name, or when the session was erased meanwhile.
        std::fs::remove_file(&self.0).ok();
    }
}

impl Incoming {
    /// How many bytes have come.
    #[must_use]
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// When they cannot be written.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.n_bytes = self.n_bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.file.write_all(bytes).await
    }
}

impl Disk {
    /// Uploads below `root`, which need not be there yet.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) async fn begin(&self, session: &SessionRef) -> io::Result<Incoming> {
        let directory = self.directory(session);
        make_private(&directory).await?;
        let unfinished = Unfinished(directory.join(format!("{}.part", Uuid::new_v4())));
        let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&unfinished.0).await?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(Incoming { file, unfinished, digest: Sha256::new(), n_bytes: 0 })
    }

    pub(super) async fn keep(&self, session: &SessionRef, object: Uuid, incoming: Incoming) -> io::Result<Bundle> {
        let Incoming { file, unfinished, digest, n_bytes } = incoming;
        let sha256 = hex(&digest.finalize());
        self.finish(session, file, &unfinished, &bundle_name(object, &sha256)).await?;
        Ok(Bundle { sha256, size: n_bytes, at: clock::now() })
    }

    pub(super) async fn keep_text(&self, session: &SessionRef, name: &str, text: &[u8]) -> io::Result<()> {
        let Incoming { mut file, unfinished, .. } = self.begin(session).await?;
        file.write_all(text).await?;
        self.finish(session, file, &unfinished, name).await
    }

    /// Brings everything to the disk, then gives the file its name, then brings that to the disk.
    async fn finish(
        &self,
        session: &SessionRef,
        mut file: BufWriter<File>,
        unfinished: &Unfinished,
        name: &str,
    ) -> io::Result<()> {
        file.flush().await?;
        file.get_ref().sync_all().await?;
        let directory = self.directory(session);
        fs::rename(&unfinished.0, directory.join(name)).await?;
        File::open(directory).await?.sync_all().await
    }

    pub(super) async fn prune(&self, session: &SessionRef, except: &[String], age: Duration) -> io::Result<()> {
        let Some(before) = SystemTime::now().checked_sub(age) else { return Ok(()) };
        let mut entries = match fs::read_dir(self.directory(session)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        while let Some(entry) = entries.next_entry().await? {
            let is_kept = entry.file_name().to_str().is_some_and(|name| except.iter().any(|kept| kept == name));
            if !is_kept && entry.metadata().await?.modified()? < before {
                fs::remove_file(entry.path()).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn erase(&self, session: &SessionRef) -> io::Result<()> {
        match fs::remove_dir_all(self.directory(session)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Ids are chosen by clients. A UUID in its usual form is a safe name; for any other id, which may be `..` or differ
    /// from another in case only, its hash stands.
    fn directory(&self, session: &SessionRef) -> PathBuf {
        let id = session.session.as_str();
        let is_plain = id.parse::<Uuid>().is_ok_and(|uuid| uuid.to_string() == id);
        let name = if is_plain { id.to_owned() } else { format!("x-{}", hex(&Sha256::digest(id.as_bytes()))) };
        self.root.join(session.org.to_string()).join(name)
    }
}

async fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(directory).await
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut hex, byte| {
        hex.push_str(&format!("{byte:02x}"));
        hex
    })
}

#[cfg(test)]
mod tests {
    use domain::OrgId;

    use super::{super::document_name, *};

    fn session(id: &str) -> SessionRef {
        SessionRef::new(OrgId::sample(Uuid::nil()), id.parse().unwrap())
    }

    fn names(directory: &Path) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_bundle_has_its_name_when_it_is_complete_and_leaves_nothing_when_it_is_not() {
        let root = tempfile::tempdir().unwrap();
        let disk = Disk::new(root.path().join("a/uploads"));
        let (session, object) = (session(&Uuid::new_v4().to_string()), Uuid::new_v4());
        let directory = disk.directory(&session);
        let mut abandoned = disk.begin(&session).await.unwrap();
        abandoned.write(b"half").await.unwrap();
        let mut incoming = disk.begin(&session).await.unwrap();
        incoming.write(b"ab").await.unwrap();
        incoming.write(b"c").await.unwrap();
        assert_eq!((incoming.n_bytes(), names(&directory).len()), (3, 2));
        let bundle = disk.keep(&session, object, incoming).await.unwrap();
        drop(abandoned);
        assert_eq!(bundle.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!((bundle.size, names(&directory)), (3, vec![bundle_name(object, &bundle.sha256)]));
        assert_eq!(std::fs::read(directory.join(bundle_name(object, &bundle.sha256))).unwrap(), b"abc");
    }

    #[tokio::test]
    async fn what_is_old_goes_but_for_what_is_kept_and_a_session_goes_as_a_whole() {
        let root = tempfile::tempdir().unwrap();
        let disk = Disk::new(root.path().to_owned());
        let (one, other) = (session(".."), session("..."));
        for session in [&one, &other] {
            disk.keep_text(session, "kept.json", b"{}").await.unwrap();
            disk.keep_text(session, &document_name(Uuid::nil()), b"{}").await.unwrap();
        }
        disk.prune(&one, &[], Duration::from_secs(60)).await.unwrap();
        assert_eq!(names(&disk.directory(&one)).len(), 2);
        tokio::time::sleep(Duration::from_millis(20)).await;
        disk.prune(&one, &["kept.json".to_owned()], Duration::from_millis(1)).await.unwrap();
        assert_eq!(names(&disk.directory(&one)), ["kept.json"]);
        disk.erase(&one).await.unwrap();
        disk.erase(&one).await.unwrap();
        disk.prune(&one, &[], Duration::ZERO).await.unwrap();
        assert_eq!(names(&disk.directory(&other)).len(), 2);
        assert_eq!(names(&root.path().join(Uuid::nil().to_string())).len(), 1);
    }

    #[test]
    fn no_session_leaves_the_directory_or_shares_one() {
        let disk = Disk::new("/uploads".into());
        let org = Path::new("/uploads/00000000-0000-0000-0000-000000000000");
        let mut directories = std::collections::HashSet::new();
        for id in ["..", ".", "a", "A", "0190a0a0-0000-7000-8000-00000000000a", "0190A0A0-0000-7000-8000-00000000000A"]
        {
            let directory = disk.directory(&session(id));
            assert_eq!(directory.parent(), Some(org), "{id}");
            assert!(directories.insert(directory.to_str().unwrap().to_lowercase()), "{id}");
        }
        assert!(directories.iter().any(|name| name.ends_with("/0190a0a0-0000-7000-8000-00000000000a")));
    }
}
