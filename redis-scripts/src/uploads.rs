//! What candidates hand in: permissions to upload a bundle, the bundles that were uploaded, and the newest submission.
//! Only what they are is kept here; their bytes are elsewhere.

use domain::{OrgId, SessionRef, Timestamp};
use redis::ScriptInvocation;
use uuid::Uuid;

use crate::{
    Entity, Error, Fields, Redis,
    entity::session_entity,
    keys::{Partition, SessionKeys},
    random_secret, scripts,
    stored::{number, required, required_instant},
};

const PURPOSE: &str = "upload";

/// The objects that are noted of one session. Every change writes all of them to the log, so there is a bound.
const MAX_OBJECTS: usize = 256;

/// The permission to upload one bundle, as often as one likes. It names the candidate key and not the session: when
/// the session is erased, the key has none any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadGrant {
    /// The organisation.
    pub org: OrgId,
    /// The candidate key.
    pub key: Uuid,
    /// The object that is uploaded.
    pub object: Uuid,
}

/// A bundle that was uploaded completely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
    /// How many bytes.
    pub size: u64,
    /// When the last of them came.
    pub at: Timestamp,
}

/// What a candidate handed in, but for its bulk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// When.
    pub at: Timestamp,
    /// The object that holds the bundle.
    pub object: Uuid,
    /// The bundle's SHA-256, lower-case hex.
    pub sha256: String,
    /// The bundle's size in bytes.
    pub size: u64,
    /// The repository; may be empty.
    pub repo_url: String,
    /// The commit that the diff begins at; may be empty.
    pub base_sha: String,
    /// Where the diff and the list of files are kept.
    pub document: String,
    /// The size of the diff in bytes.
    pub diff_bytes: usize,
    /// How many files the list has.
    pub n_files: usize,
}

/// Whether something was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It was.
    Yes,
    /// Its session was erased.
    Deleted,
    /// Its session ended, and the grace is over.
    Ended,
}

fn entity(session: &SessionRef) -> Entity<'static> {
    session_entity(session, "submission", SessionKeys::submission)
}

fn uploads_entity(session: &SessionRef) -> Entity<'static> {
    session_entity(session, "uploads", SessionKeys::uploads)
}

impl Redis {
    /// Gives a permission to upload, which ends at `until`; answers its secret.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn grant_upload(&self, grant: &UploadGrant, until: Timestamp) -> Result<String, Error> {
        let secret = random_secret("put_")?;
        let digest = self.digest(&secret);
        let mut connection = self.writer(digest.partition()).await?;
        redis::cmd("SET")
            .arg(digest.key(PURPOSE))
            .arg(format!("{}:{}:{}", grant.org, grant.key, grant.object))
            .arg("PXAT")
            .arg(until.millis())
            .query_async::<()>(&mut connection)
            .await?;
        Ok(secret)
    }

    /// What a secret permits; `None` when nothing, or no more.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn upload_grant(&self, secret: &str) -> Result<Option<UploadGrant>, Error> {
        let mut stored: Option<String> = None;
        for digest in self.digests(secret) {
            let mut connection = self.connection(digest.partition()).await?;
            stored = redis::cmd("GET").arg(digest.key(PURPOSE)).query_async(&mut connection).await?;
            if stored.is_some() {
                break;
            }
        }
        let parse = |text: &str| {
            let mut ids = text.split(':').map(|id| id.parse::<Uuid>().ok());
            Some(UploadGrant { org: OrgId::trusted(ids.next()??), key: ids.next()??, object: ids.next()?? })
        };
        stored.map(|text| parse(&text).ok_or_else(|| Error::corrupt("a permission to upload"))).transpose()
    }

    /// Notes that a bundle was uploaded. Of several of one object the last counts; of more than 256 objects the oldest is
    /// forgotten.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn note_upload(
        &self,
        session: &SessionRef,
        object: Uuid,
        bundle: &Bundle,
        grace_ms: i64,
    ) -> Result<Kept, Error> {
        let keys = SessionKeys::of(session);
        let mut invocation = scripts::note_upload().prepare_invoke();
        uploads_entity(session).name_in(&mut invocation);
        invocation.key(keys.record()).key(keys.tombstone());
        let noted = format!("{}:{}:{}", bundle.sha256, bundle.size, bundle.at.millis());
        invocation.arg(object.to_string()).arg(noted).arg(bundle.at.millis()).arg(grace_ms).arg(MAX_OBJECTS);
        self.keep(keys.partition(), &invocation).await
    }

    /// The bundles of a session that were uploaded, by object.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn uploads(&self, session: &SessionRef) -> Result<Vec<(Uuid, Bundle)>, Error> {
        let mut fields = self.read_entity(&uploads_entity(session)).await?.unwrap_or_default();
        fields.remove("v");
        let parse = |object: &str, noted: &str| {
            let mut parts = noted.split(':');
            let sha256 = parts.next()?.to_owned();
            let size = parts.next()?.parse().ok()?;
            let at = Timestamp::from_millis(parts.next()?.parse().ok()?);
            Some((object.parse().ok()?, Bundle { sha256, size, at }))
        };
        let corrupt = || Error::corrupt("an upload");
        fields.iter().map(|(object, noted)| parse(object, noted).ok_or_else(corrupt)).collect()
    }

    /// Forgets bundles of a session.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn forget_uploads(&self, session: &SessionRef, objects: &[Uuid]) -> Result<(), Error> {
        if objects.is_empty() {
            return Ok(());
        }
        let objects: Vec<String> = objects.iter().map(Uuid::to_string).collect();
        let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
        self.write_entity(&uploads_entity(session), Some(true), &[], &objects).await?;
        Ok(())
    }

    /// Keeps what was handed in, instead of what was handed in before.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn save_submission(
        &self,
        session: &SessionRef,
        submission: &Submission,
        grace_ms: i64,
    ) -> Result<Kept, Error> {
        let keys = SessionKeys::of(session);
        let mut invocation = scripts::save_submission().prepare_invoke();
        entity(session).name_in(&mut invocation);
        invocation.key(keys.record()).key(keys.tombstone());
        invocation.arg(submission.at.millis()).arg(grace_ms);
        for (field, value) in [
            ("at", submission.at.millis().to_string()),
            ("object", submission.object.to_string()),
            ("sha256", submission.sha256.clone()),
            ("size", submission.size.to_string()),
            ("repo", submission.repo_url.clone()),
            ("base", submission.base_sha.clone()),
            ("document", submission.document.clone()),
            ("diff_bytes", submission.diff_bytes.to_string()),
            ("files", submission.n_files.to_string()),
        ] {
            invocation.arg(field).arg(value);
        }
        self.keep(keys.partition(), &invocation).await
    }

    async fn keep(&self, partition: Partition, invocation: &ScriptInvocation<'_>) -> Result<Kept, Error> {
        let mut connection = self.writer(partition).await?;
        let kept: String = invocation.invoke_async(&mut connection).await?;
        match kept.as_str() {
            "kept" => Ok(Kept::Yes),
            "deleted" => Ok(Kept::Deleted),
            "ended" => Ok(Kept::Ended),
            other => Err(Error::corrupt(format!("a script answered {other:?}"))),
        }
    }

    /// What was handed in last; `None` when nothing was.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn submission(&self, session: &SessionRef) -> Result<Option<Submission>, Error> {
        let fields = self.read_entity(&entity(session)).await?;
        fields.map(|fields| submission_of(&fields)).transpose()
    }
}

fn submission_of(fields: &Fields) -> Result<Submission, Error> {
    let text = |field: &str| fields.get(field).cloned().unwrap_or_default();
    Ok(Submission {
        at: required_instant(fields, "at")?,
        object: required(fields, "object")?,
        sha256: required(fields, "sha256")?,
        size: required(fields, "size")?,
        repo_url: text("repo"),
        base_sha: text("base"),
        document: required(fields, "document")?,
        diff_bytes: number(fields, "diff_bytes")?.unwrap_or(0),
        n_files: number(fields, "files")?.unwrap_or(0),
    })
}
