//! The coding tools: whether they call the hooks, and whether these work.

use super::{Check, State};
use crate::hooks_files::is_installed;
use crate::rails::claude_folder;
use crate::trouble::Trouble;
use crate::workspace::{Session, Workspace};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A hook that takes longer than this is felt.
const SLOW: Duration = Duration::from_millis(250);
/// How often the hook is run to see how long it takes.
const RUNS: usize = 5;
const AGAIN: &str = "`promptster start <KEY>` in the workspace writes them again";

/// Looks at all of it.
pub(super) fn checks(workspace: &Workspace, session: &Session) -> Result<Vec<Check>, Trouble> {
    let root = workspace.task_root(session);
    let program = std::env::current_exe()?;
    let mut checks = Vec::new();
    for (name, file, tool) in [
        ("claude-hooks", ".claude/settings.local.json", "Claude Code"),
        ("cursor-hooks", ".cursor/hooks.json", "Cursor"),
    ] {
        checks.push(installed(name, &root.join(file), &program, tool));
    }
    checks.push(enabled(&root));
    checks.push(trusted(&root));
    checks.push(hook_runs(&program, &root)?);
    checks.extend(complaints(workspace));
    Ok(checks)
}

fn installed(name: &'static str, path: &Path, program: &Path, tool: &str) -> Check {
    let file = path.display();
    if !path.exists() {
        return Check::fault(name, format!("{file} is missing, so {tool} tells nothing"), AGAIN);
    }
    match is_installed(path, program) {
        Ok(true) => Check::ok(name, format!("{tool} calls the hooks by {file}")),
        Ok(false) => Check::fault(name, format!("{file} lacks hooks of this tool"), AGAIN),
        // The entry of somebody else: it is theirs to mend.
        Err(reason) => {
            let mend = format!("mend that entry in {file}, then run `promptster start <KEY>` again");
            Check::fault(name, format!("{tool} ignores the file, for {reason}"), mend)
        }
    }
}

/// Switches that turn all hooks off.
fn enabled(root: &Path) -> Check {
    let user = claude_folder().map(|folder| folder.join("settings.json"));
    let project = [root.join(".claude/settings.json"), root.join(".claude/settings.local.json")];
    let is_off =
        |path: &PathBuf| read(path).is_some_and(|file| file.get("disableAllHooks") == Some(&Value::Bool(true)));
    match user.into_iter().chain(project).find(is_off) {
        None => Check::ok("hooks-enabled", "no setting of Claude Code turns hooks off"),
        Some(path) => Check::fault(
            "hooks-enabled",
            format!("{} turns all hooks of Claude Code off", path.display()),
            "take \"disableAllHooks\" out of it",
        ),
    }
}

/// Claude Code runs no hook before the person trusts the folder; that trust holds for what is below it.
fn trusted(root: &Path) -> Check {
    let name = "hooks-trusted";
    let home = std::env::var_os("CLAUDE_CONFIG_DIR").or_else(|| std::env::var_os("HOME")).map(PathBuf::from);
    let Some(file) = home.and_then(|home| read(&home.join(".claude.json"))) else {
        return Check::new(name, State::Unknown, "Claude Code was not used on this machine yet", "");
    };
    let accepted = |folder: &Path| {
        file.get("projects")?.get(folder.to_str()?)?.get("hasTrustDialogAccepted").and_then(Value::as_bool)
    };
    match root.ancestors().find_map(|folder| accepted(folder).filter(|accepted| *accepted)) {
        Some(_) => Check::ok(name, "Claude Code trusts the folder, so it runs hooks"),
        None => Check::fault(
            name,
            format!("Claude Code does not trust {} yet, and runs no hooks there", root.display()),
            "run `claude` in the folder and agree that it may trust it",
        ),
    }
}

/// Runs the hook as the tools do, with a payload that says nothing.
fn hook_runs(program: &Path, root: &Path) -> Result<Check, Trouble> {
    let mut times = Vec::with_capacity(RUNS);
    let payload = serde_json::json!({ "hook_event_name": "Doctor", "session_id": "doctor", "cwd": root }).to_string();
    for _ in 0..RUNS {
        let started = Instant::now();
        let mut command = Command::new(program);
        command.args(["hook", "claude-code"]).current_dir(root).env(crate::streamer::NO_BACKGROUND, "1");
        let mut hook = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        if let Some(mut input) = hook.stdin.take() {
            // A hook that reads nothing is told by how it ends.
            let _ = input.write_all(payload.as_bytes());
        }
        let output = hook.wait_with_output()?;
        times.push(started.elapsed());
        if !output.status.success() || !output.stdout.is_empty() {
            let told = String::from_utf8_lossy(&output.stderr);
            return Ok(Check::fault(
                "hook-runs",
                format!("{} hook ends with {}: {}", program.display(), output.status, told.trim()),
                "install promptster again",
            ));
        }
    }
    times.sort_unstable();
    let median = times.get(RUNS / 2).copied().unwrap_or_default();
    let found = format!("a hook takes {:.1} ms (median of {RUNS})", median.as_secs_f64() * 1000.0);
    Ok(match median > SLOW {
        false => Check::ok("hook-runs", found),
        true => Check::new("hook-runs", State::Warning, found, "the machine is busy, or its disk is slow"),
    })
}

/// What hooks wrote down when something went wrong.
fn complaints(workspace: &Workspace) -> Option<Check> {
    let text = fs::read_to_string(workspace.state("hook-errors.log")).ok()?;
    let last = text.lines().last()?;
    let found = format!("{} complaints of hooks, the last: {last}", text.lines().count());
    Some(Check::new("hook-errors", State::Warning, found, ""))
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
