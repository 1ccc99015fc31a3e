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
pub(crate) fn fetch(url: &str, commit: &str, folder: &Path) -> Result<(), String> {
    run(folder, &["init", "--quiet"])?;
    run(folder, &["remote", "add", "origin", url])?;
    let wanted = if commit.is_empty() { "HEAD" } else { commit };
    run(folder, &["fetch", "--quiet", "--depth", "1", "origin", wanted])?;
    run(folder, &["checkout", "--quiet", "--detach", "FETCH_HEAD"]).map(drop)
}
