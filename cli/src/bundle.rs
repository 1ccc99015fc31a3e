//! What is handed in: the tracked files as they are now, packed, and their difference to the start.

use crate::git;
use crate::sign::hex;
use crate::trouble::Trouble;
use crate::workspace::{Session, Workspace};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::api::Api;

/// Largest file that goes along, in bytes.
const FILE_BYTES: u64 = 5 * 1024 * 1024;
/// Most that goes along, in bytes.
const ALL_BYTES: u64 = 100 * 1024 * 1024;
/// Folders that are built, not written.
const BUILT: [&str; 8] = ["node_modules", "target", "dist", "build", ".next", "__pycache__", ".venv", "vendor"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    upload_url: String,
    object_key: String,
}

/// Packs and hands in what is in the workspace; how many files. A workspace without a repository has none.
pub(crate) async fn hand_in(api: &Api, workspace: &Workspace, session: &Session) -> Result<usize, Trouble> {
    let root = workspace.root();
    let files = files(root, session);
    if files.is_empty() {
        return Ok(0);
    }
    let bytes = pack(workspace, &files)?;
    let diff = git::run(root, &["diff", "--no-color", "--no-ext-diff", &session.base_sha]).unwrap_or_default();
    let token = &session.session_token;
    let (status, body) =
        api.post(token, "/v1/candidate/upload-url", &json!({ "sessionId": session.session_id })).await?;
    let refused = |what: &str, status: u16, body: &[u8]| {
        Trouble::said(format!("{what} was refused: HTTP {status}: {}", String::from_utf8_lossy(body)))
    };
    if status != 200 {
        return Err(refused("the upload", status, &body));
    }
    let place: Place = serde_json::from_slice(&body)?;
    let (sha, size) = (hex(&Sha256::digest(&bytes)), bytes.len());
    let (status, body) = api.put(&place.upload_url, bytes).await?;
    if !(200..300).contains(&status) {
        return Err(refused("the upload", status, &body));
    }
    let submission = json!({ "sessionId": session.session_id, "diff": crate::redact::text(&diff), "repoUrl": session.repo_url,
                             "baseSha": session.base_sha, "bundleKey": place.object_key, "fileTree": files,
                             "bundleSize": size, "bundleSha256": sha });
    let (status, body) = api.post(token, "/v1/candidate/submit-code", &submission).await?;
    if status >= 300 { Err(refused("the code", status, &body)) } else { Ok(files.len()) }
}

/// The files that go along: tracked or new, none that git ignores, none too large.
fn files(root: &Path, session: &Session) -> Vec<String> {
    if session.base_sha.is_empty() {
        return Vec::new();
    }
    let listed = git::run(root, &["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).unwrap_or_default();
    let ignored = crate::redact::ignore::Ignored::of(root);
    let mut left = ALL_BYTES;
    let mut files: Vec<String> = listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    files.dedup();
    files.retain(|path| {
        let size = fs::symlink_metadata(root.join(path)).ok().filter(fs::Metadata::is_file).map(|file| file.len());
        let is_built = path.split('/').any(|part| BUILT.contains(&part));
        let Some(size) = size.filter(|size| *size <= FILE_BYTES.min(left) && !is_built && !ignored.covers(path)) else {
            return false;
        };
        left -= size;
        true
    });
    files
}

/// By the tar of the system, which every Linux and macOS has.
fn pack(workspace: &Workspace, files: &[String]) -> Result<Vec<u8>, Trouble> {
    let (list, packed) = (workspace.state("bundle.list"), workspace.state("bundle.tar.gz"));
    fs::write(&list, files.join("\0"))?;
    let mut command = Command::new("tar");
    command.arg("-czf").arg(&packed).arg("-C").arg(workspace.root()).args(["--null", "-T"]).arg(&list);
    let output = command.stdin(Stdio::null()).env("COPYFILE_DISABLE", "1").output()?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(Trouble::said(format!("the files cannot be packed: {}", told.trim())));
    }
    Ok(fs::read(&packed)?)
}
