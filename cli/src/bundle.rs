//! What is handed in: the tracked files as they are now, packed, and their difference to the start, both without secrets.

use crate::api::Api;
use crate::git;
use crate::redact::ignore::Ignored;
use crate::sign::hex;
use crate::trouble::Trouble;
use crate::workspace::{Session, Workspace};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

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
    let submission = json!({ "sessionId": session.session_id, "diff": clean_diff(&diff, &Ignored::of(root)), "repoUrl": session.repo_url,
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
    let ignored = Ignored::of(root);
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

/// By the tar of the system, which every Linux and macOS has, from copies without secrets.
fn pack(workspace: &Workspace, files: &[String]) -> Result<Vec<u8>, Trouble> {
    let (list, packed) = (workspace.state("bundle.list"), workspace.state("bundle.tar.gz"));
    let copies = workspace.state("bundle");
    let files = copy_clean(workspace.root(), &copies, files)?;
    fs::write(&list, files.join("\0"))?;
    let mut command = Command::new("tar");
    command.arg("-czf").arg(&packed).arg("-C").arg(&copies).args(["--null", "-T"]).arg(&list);
    let output = command.stdin(Stdio::null()).env("COPYFILE_DISABLE", "1").output()?;
    fs::remove_dir_all(&copies)?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(Trouble::said(format!("the files cannot be packed: {}", told.trim())));
    }
    Ok(fs::read(&packed)?)
}

/// Copies files below another root, each text without its secrets; the files that are still there.
fn copy_clean(root: &Path, copies: &Path, files: &[String]) -> Result<Vec<String>, Trouble> {
    // What a try before this one left behind.
    match fs::remove_dir_all(copies) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir(copies)?,
    }
    let mut copied = Vec::with_capacity(files.len());
    for path in files {
        let content = match fs::read(root.join(path)) {
            Ok(content) => content,
            // The candidate may go on working meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        let copy = copies.join(path);
        fs::create_dir_all(copy.parent().unwrap_or(copies))?;
        match std::str::from_utf8(&content) {
            Ok(text) => fs::write(copy, crate::redact::text(text).as_bytes())?,
            Err(_) => fs::write(copy, &content)?,
        }
        copied.push(path.clone());
    }
    Ok(copied)
}

/// A difference without its secrets and without the files whose content is never taken.
fn clean_diff(diff: &str, ignored: &Ignored) -> String {
    const HEAD: &str = "diff --git a/";
    let mut kept = String::with_capacity(diff.len());
    let mut is_kept = true;
    for line in diff.split_inclusive('\n') {
        if let Some(names) = line.strip_prefix(HEAD) {
            let (from, to) = names.trim_end().rsplit_once(" b/").unwrap_or((names, names));
            is_kept = !ignored.covers(from) && !ignored.covers(to);
        }
        if is_kept {
            kept.push_str(line);
        }
    }
    crate::redact::text(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{clean_diff, copy_clean};
    use crate::redact::ignore::Ignored;
    use std::fs;

    /// In two parts, so that this source holds none.
    fn secret() -> String {
        format!("K = '{}{}'\n", "AKIA", "2E0A8F3B244C9986")
    }

    #[test]
    fn copies_have_no_secrets_and_the_files_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (root, copies) = (folder.path().join("work"), folder.path().join("copies"));
        fs::create_dir_all(root.join("a")).unwrap();
        fs::write(root.join("a/key.py"), secret()).unwrap();
        fs::write(root.join("b.bin"), [0xff, 0, 1]).unwrap();
        let files = ["a/key.py", "b.bin", "gone"].map(str::to_owned);
        assert_eq!(copy_clean(&root, &copies, &files).unwrap(), files[..2]);
        assert_eq!(fs::read_to_string(copies.join("a/key.py")).unwrap(), "K = '[redacted:aws-key]'\n");
        assert_eq!(fs::read(copies.join("b.bin")).unwrap(), [0xff, 0, 1]);
        assert!(fs::read_to_string(root.join("a/key.py")).unwrap().contains("AKIA"));
    }

    #[test]
    fn a_difference_leaves_out_files_that_are_never_taken() {
        let folder = tempfile::tempdir().unwrap();
        let diff = format!("diff --git a/.env b/.env\n+A=1\ndiff --git a/x.py b/x.py\n+{}", secret());
        let clean = clean_diff(&diff, &Ignored::of(folder.path()));
        assert_eq!(clean, "diff --git a/x.py b/x.py\n+K = '[redacted:aws-key]'\n");
    }
}
