//! Submissions: what a candidate hands in, again and again; the last complete one counts.

use std::time::Duration;

use actix_web::{HttpResponse, web::Data};
use domain::{SessionId, SessionRef};
use redis_scripts::{Kept, Submission};
use serde_json::json;
use uuid::Uuid;

use super::{
    auth::Candidate,
    body::Body,
    error::{ApiError, Refusal},
    fields::{Fields, FromFields},
    rule::{MAX_SAFE_INTEGER, hex, integer, list, or_empty, session_id, text, verbatim},
    uploads::{grace_ms, object_of},
    workspace::named_session,
};
use crate::{
    App, clock,
    uploads::{bundle_name, document_name},
};

/// Bundles and submissions that were replaced are kept so long, for requests that overlap.
const REPLACED_KEPT: Duration = Duration::from_secs(60 * 60);

/// The files that a list may name.
const MAX_FILES: usize = 200_000;

pub(super) struct Handed {
    session: Option<SessionId>,
    diff: String,
    repo_url: String,
    base_sha: String,
    bundle_key: String,
    file_tree: Vec<String>,
    bundle_size: i64,
    bundle_sha256: String,
}

impl FromFields for Handed {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            session: fields.required("sessionId", session_id()),
            diff: fields.optional("diff", verbatim(usize::MAX)).unwrap_or_default(),
            repo_url: fields.optional("repoUrl", text(0..=2048)).unwrap_or_default(),
            // A workspace without a commit has none.
            base_sha: fields.optional("baseSha", or_empty(hex(7..=64))).unwrap_or_default(),
            bundle_key: fields.required("bundleKey", text(1..=256)),
            // A client without files writes `null`.
            file_tree: fields.optional("fileTree", list(0..=MAX_FILES, verbatim(4096))).unwrap_or_default(),
            bundle_size: fields.required("bundleSize", integer(1..=MAX_SAFE_INTEGER)),
            bundle_sha256: fields.required("bundleSha256", hex(64..=64)),
        }
    }
}

/// `POST /v1/candidate/submit-code`
pub(super) async fn submit(app: Data<App>, who: Candidate, body: Body<Handed>) -> Result<HttpResponse, ApiError> {
    let handed = body.json_within(&app, app.settings.bodies.ingest_bytes).await?;
    let name = named_session(&who, handed.session.as_ref())?;
    let object = matching_bundle(&app, &name, &handed).await?;
    let submission = keep(&app, &name, object, handed).await?;
    match app.redis.save_submission(&name, &submission, grace_ms(&app)).await? {
        Kept::Yes => {}
        Kept::Ended => return Err(Refusal::SessionEnded.into()),
        Kept::Deleted => {
            // Erased meanwhile: nothing of the session may be left.
            app.uploads.erase(&name).await.map_err(ApiError::unavailable)?;
            return Err(Refusal::SessionDeleted.into());
        }
    }
    if let Err(error) = forget_replaced(&app, &name).await {
        error.report("");
    }
    Ok(HttpResponse::Ok().json(json!({"ok": true})))
}

/// The object that was uploaded, if it is what the client says it is.
async fn matching_bundle(app: &App, name: &SessionRef, handed: &Handed) -> Result<Uuid, ApiError> {
    let wrong = |field: &str, code, message: &str| domain::Detail::new(&[field], code, message.to_owned());
    let object = object_of(name, &handed.bundle_key);
    let uploads = app.redis.uploads(name).await?;
    let Some((object, bundle)) = uploads.into_iter().find(|(known, _)| Some(*known) == object) else {
        let detail = wrong("bundleKey", "unknown_upload", "must be the objectKey of a finished upload of this session");
        return Err(ApiError::invalid(vec![detail]));
    };
    let mut details = Vec::new();
    if u64::try_from(handed.bundle_size) != Ok(bundle.size) {
        details.push(wrong("bundleSize", "size_mismatch", "is not the size of what was uploaded"));
    }
    if handed.bundle_sha256 != bundle.sha256 {
        details.push(wrong("bundleSha256", "checksum_mismatch", "is not the SHA-256 of what was uploaded"));
    }
    if details.is_empty() { Ok(object) } else { Err(ApiError::invalid(details)) }
}

/// Keeps the bulk of it beside the bundle; what is left is small.
async fn keep(app: &App, name: &SessionRef, object: Uuid, handed: Handed) -> Result<Submission, ApiError> {
    let document = document_name(Uuid::now_v7());
    let text = json!({ "diff": handed.diff, "fileTree": handed.file_tree }).to_string();
    app.uploads.keep_text(name, &document, text.as_bytes()).await.map_err(ApiError::unavailable)?;
    Ok(Submission {
        at: clock::now(),
        object,
        sha256: handed.bundle_sha256,
        size: handed.bundle_size.unsigned_abs(),
        repo_url: handed.repo_url,
        base_sha: handed.base_sha,
        document,
        diff_bytes: handed.diff.len(),
        n_files: handed.file_tree.len(),
    })
}

/// Removes what was replaced long enough ago.
async fn forget_replaced(app: &App, name: &SessionRef) -> Result<(), ApiError> {
    let Some(current) = app.redis.submission(name).await? else { return Ok(()) };
    let age_ms = i64::try_from(REPLACED_KEPT.as_millis()).unwrap_or(i64::MAX);
    let uploads = app.redis.uploads(name).await?.into_iter();
    let old = |(object, bundle): (Uuid, redis_scripts::Bundle)| {
        (object != current.object && bundle.at.plus_millis(age_ms) < clock::now()).then_some(object)
    };
    app.redis.forget_uploads(name, &uploads.filter_map(old).collect::<Vec<_>>()).await?;
    let kept = [bundle_name(current.object, &current.sha256), current.document];
    app.uploads.prune(name, &kept, REPLACED_KEPT).await.map_err(ApiError::unavailable)
}
