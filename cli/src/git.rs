//! The few things that git is asked, by its own program.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs git in a folder; what it printed, or why it failed.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments).stdin(Stdio::null());
    // Nobody is there to type a password.
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0");
    let output = command.output().map_err(|error| format!("git cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let verb = arguments.first().copied().unwrap_or_default();
    Err(if told.is_empty() { format!("git {verb} failed") } else { told })
}

/// The commit that is checked out; `None` without one.
pub(crate) fn head(folder: &Path) -> Option<String> {
    run(folder, &["rev-parse", "HEAD"]).ok().map(|sha| sha.trim().to_owned())
}

/// Fetches one commit of a repository into an empty folder and checks it out.
///
/// Both names are the server's: behind `--` neither can be an option, some of which run programs (`--upload-pack`).
pub(crate) fn fetch(url: &str, commit: &str, folder: &Path) -> Result<(), String> {
    run(folder, &["init", "--quiet"])?;
    run(folder, &["remote", "add", "--", "origin", url])?;
    let wanted = if commit.is_empty() { "HEAD" } else { commit };
    run(folder, &["fetch", "--quiet", "--depth", "1", "--", "origin", wanted])?;
    run(folder, &["checkout", "--quiet", "--detach", "FETCH_HEAD"]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::{fetch, head, run};

    #[test]
    fn a_commit_is_fetched_and_what_looks_like_an_option_runs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (origin, mark) = (folder.path().join("origin"), folder.path().join("mark"));
        std::fs::create_dir(&origin).unwrap();
        run(&origin, &["init", "--quiet"]).unwrap();
        let author = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        let commit = ["commit", "--quiet", "--allow-empty", "--message", "one"];
        run(&origin, &[&author[..], &commit[..]].concat()).unwrap();
        let sha = head(&origin).unwrap();
        let url = origin.to_str().unwrap();
        for (name, wanted) in [("newest", ""), ("named", sha.as_str())] {
            let clone = folder.path().join(name);
            std::fs::create_dir(&clone).unwrap();
            fetch(url, wanted, &clone).unwrap();
            assert_eq!(head(&clone), Some(sha.clone()));
        }
        let option = format!("--upload-pack=touch {};git-upload-pack", mark.display());
        for (name, url, wanted) in [("commit", url, option.as_str()), ("url", option.as_str(), "")] {
            let clone = folder.path().join(name);
            std::fs::create_dir(&clone).unwrap();
            assert!(fetch(url, wanted, &clone).is_err(), "{name}");
        }
        assert!(!mark.exists());
    }
}
