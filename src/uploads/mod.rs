//! Where the bytes are that candidates hand in. Everything of one session lies together, so that it can go together.

mod disk;

use std::{io, path::PathBuf, time::Duration};

use domain::SessionRef;
use redis_scripts::Bundle;
use uuid::Uuid;

pub use disk::{Disk, Incoming};

/// How uploads are kept.
#[derive(Debug, Clone)]
pub struct UploadSettings {
    /// The directory for them, made when the first one comes.
    pub dir: PathBuf,
    /// Bytes of a bundle.
    pub max_bytes: u64,
}

impl Default for UploadSettings {
    fn default() -> Self {
        Self { dir: PathBuf::from("data/uploads"), max_bytes: 100 << 20 }
    }
}

/// The places where uploads can be.
#[derive(Debug)]
pub enum Uploads {
    /// A directory of this machine.
    Disk(Disk),
}

/// The name of the bundle that was uploaded as `object` and has this SHA-256. Another upload of the same object has
/// another name, unless it is the same: no reader ever finds other bytes than those it knows of.
#[must_use]
pub fn bundle_name(object: Uuid, sha256: &str) -> String {
    format!("{object}-{sha256}.tar.gz")
}

/// The name of what was handed in together with a bundle.
#[must_use]
pub fn document_name(id: Uuid) -> String {
    format!("submission-{id}.json")
}

impl Uploads {
    /// Uploads as they are configured.
    #[must_use]
    pub fn new(settings: &UploadSettings) -> Self {
        Self::Disk(Disk::new(settings.dir.clone()))
    }

    /// Begins to take a bundle; nothing of it is seen before [`Uploads::keep`].
    ///
    /// # Errors
    /// When the place refuses.
    pub async fn begin(&self, session: &SessionRef) -> io::Result<Incoming> {
        match self {
            Self::Disk(disk) => disk.begin(session).await,
        }
    }

    /// Keeps a bundle of which everything has come, as `object`; answers what it is.
    ///
    /// # Errors
    /// When the place refuses; nothing is kept then.
    pub async fn keep(&self, session: &SessionRef, object: Uuid, incoming: Incoming) -> io::Result<Bundle> {
        match self {
            Self::Disk(disk) => disk.keep(session, object, incoming).await,
        }
    }

    /// Keeps a text under a name.
    ///
    /// # Errors
    /// When the place refuses; nothing is kept then.
    pub async fn keep_text(&self, session: &SessionRef, name: &str, text: &[u8]) -> io::Result<()> {
        match self {
            Self::Disk(disk) => disk.keep_text(session, name, text).await,
        }
    }

    /// Removes what is older than `age`, but for the names in `except`.
    ///
    /// # Errors
    /// When the place refuses.
    pub async fn prune(&self, session: &SessionRef, except: &[String], age: Duration) -> io::Result<()> {
        match self {
            Self::Disk(disk) => disk.prune(session, except, age).await,
        }
    }

    /// Removes everything of a session.
    ///
    /// # Errors
    /// When the place refuses; some of it may be gone then.
    pub async fn erase(&self, session: &SessionRef) -> io::Result<()> {
        match self {
            Self::Disk(disk) => disk.erase(session).await,
        }
    }
}
