//! The settings of the coding tools, with this tool's entries in them, and as they were before.
//!
//! What belongs to others is kept to the letter as far as JSON goes, entries that make no sense included. The bytes of
//! each file from before are kept, and put back in the end, when nobody else changed the file meanwhile; else only this
//! tool's own entries are taken out.

use crate::trouble::Trouble;
use crate::workspace::{Workspace, write_whole};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The events of Claude Code that are asked for, with the seconds that each may take.
const CLAUDE_EVENTS: [(&str, u64); 14] = [
    ("SessionStart", 5),
    ("UserPromptSubmit", 3),
    ("UserPromptExpansion", 3),
    ("PostToolUse", 5),
    ("PostToolUseFailure", 5),
    ("Stop", 5),
    ("SubagentStart", 5),
    ("SubagentStop", 5),
    ("PreCompact", 5),
    ("TaskCreated", 5),
    ("TaskCompleted", 5),
    ("ConfigChange", 5),
    ("SessionEnd", 5),
    ("Notification", 5),
];
/// Those of Cursor.
const CURSOR_EVENTS: [&str; 11] = [
    "sessionStart",
    "sessionEnd",
    "beforeSubmitPrompt",
    "afterFileEdit",
    "afterShellExecution",
    "afterMCPExecution",
    "postToolUse",
    "postToolUseFailure",
    "afterAgentResponse",
    "preCompact",
    "stop",
];
/// Names of this tool's entries among servers of MCP.
const SERVER: &str = "promptster";

/// A file as it was before, and as this tool left it.
#[derive(Debug, Serialize, Deserialize)]
struct Changed {
    path: PathBuf,
    /// In base64; `null` when there was no file.
    before: Option<String>,
    /// In base64.
    after: String,
    /// Folders that were made for it, the innermost first.
    made: Vec<PathBuf>,
}

/// What was changed: `restore.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Restore {
    files: Vec<Changed>,
}

/// A file that is about to be changed.
type Change<'a> = (PathBuf, Box<dyn Fn(Option<&str>) -> Result<String, String> + 'a>);

/// Writes the entries of all tools; the files that could not be changed, with the reason.
pub(crate) fn install(workspace: &Workspace, root: &Path, program: &Path) -> Result<Vec<String>, Trouble> {
    let mut restore: Restore = workspace.kept("restore.json").unwrap_or_default();
    let mut problems = Vec::new();
    let mut files: Vec<Change<'_>> = vec![
        (root.join(".claude/settings.local.json"), Box::new(|old| claude_settings(old, program))),
        (root.join(".cursor/hooks.json"), Box::new(|old| cursor_hooks(old, program))),
        (root.join(".mcp.json"), Box::new(|old| mcp_servers(old, program))),
        (root.join(".cursor/mcp.json"), Box::new(|old| mcp_servers(old, program))),
        (root.join(".claude/commands/explain.md"), Box::new(|old| Ok(old.unwrap_or(EXPLAIN).to_owned()))),
    ];
    if let Some(exclude) = git_exclude(root) {
        files.push((exclude, Box::new(|old| Ok(excluded(old.unwrap_or_default())))));
    }
    for (path, change) in files {
        if let Err(reason) = change_file(workspace, &mut restore, &path, &*change) {
            problems.push(format!("{}: {reason}", path.display()));
        }
    }
    Ok(problems)
}

/// Whether a tool's file holds all of this tool's entries.
pub(crate) fn is_installed(path: &Path, program: &Path) -> Result<bool, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let wanted = if path.ends_with("hooks.json") {
        cursor_hooks(Some(&text), program)?
    } else {
        claude_settings(Some(&text), program)?
    };
    let parsed = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
    Ok(parsed(&wanted)? == parsed(&text)?)
}

/// Puts every file back; the files that others changed meanwhile, of which only the own entries were taken out.
pub(crate) fn restore(workspace: &Workspace) -> Result<Vec<PathBuf>, Trouble> {
    let restore: Restore = workspace.kept("restore.json").unwrap_or_default();
    let (mut foreign, mut folders) = (Vec::new(), Vec::new());
    for Changed { path, before, after, made } in restore.files {
        let now = fs::read(&path).ok();
        let is_ours = now.as_deref().is_some_and(|now| STANDARD.encode(now) == after);
        match (is_ours, before) {
            (true, Some(before)) => write_whole(&path, &STANDARD.decode(before).map_err(io::Error::other)?)?,
            (true, None) => fs::remove_file(&path)?,
            (false, before) => {
                if let Some(now) = now.and_then(|now| String::from_utf8(now).ok()) {
                    foreign.push(path.clone());
                    take_out(&path, &now, before.is_some())?;
                }
            }
        }
        folders.extend(made);
    }
    // The innermost first, when all files are back.
    folders.sort_by_key(|folder| std::cmp::Reverse(folder.components().count()));
    for folder in folders {
        // Others may have put something into it; then it stays.
        let _ = fs::remove_dir(folder);
    }
    Ok(foreign)
}

fn change_file(
    workspace: &Workspace,
    restore: &mut Restore,
    path: &Path,
    change: &dyn Fn(Option<&str>) -> Result<String, String>,
) -> Result<(), String> {
    let told = |error: io::Error| error.to_string();
    let before = match fs::read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(told(error)),
    };
    let text = before.as_deref().map(std::str::from_utf8).transpose().map_err(|_| "it is no text".to_owned())?;
    let after = change(text)?;
    if text == Some(after.as_str()) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    let made: Vec<PathBuf> = folder.ancestors().take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
    let known = restore.files.iter().position(|changed| changed.path == path);
    match known.and_then(|at| restore.files.get_mut(at)) {
        // What was there before the first change is what counts.
        Some(changed) => changed.after = STANDARD.encode(&after),
        None => restore.files.push(Changed {
            path: path.to_owned(),
            before: before.map(|bytes| STANDARD.encode(bytes)),
            after: STANDARD.encode(&after),
            made,
        }),
    }
    // First the way back, then the change.
    workspace.keep("restore.json", restore).map_err(told)?;
    fs::create_dir_all(folder).map_err(told)?;
    write_whole(path, after.as_bytes()).map_err(told)
}

/// Takes this tool's entries out of a file that others changed.
fn take_out(path: &Path, text: &str, was_there: bool) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default();
    if name == "exclude" {
        let lines: Vec<&str> = text.lines().filter(|line| !EXCLUDED.contains(line)).collect();
        return write_whole(path, (lines.join("\n") + "\n").as_bytes());
    }
    let Ok(Value::Object(mut file)) = serde_json::from_str(text) else { return Ok(()) };
    if name == "mcp.json" || name == ".mcp.json" {
        if let Some(servers) = file.get_mut("mcpServers").and_then(Value::as_object_mut) {
            servers.shift_remove(SERVER);
        }
        drop_if_empty(&mut file, "mcpServers");
    } else {
        if let Some(hooks) = file.get_mut("hooks").and_then(Value::as_object_mut) {
            for groups in hooks.values_mut() {
                remove_own(groups);
            }
            hooks.retain(|_, groups| groups.as_array().is_none_or(|groups| !groups.is_empty()));
        }
        drop_if_empty(&mut file, "hooks");
        if let Some(enabled) = file.get_mut("enabledMcpjsonServers").and_then(Value::as_array_mut) {
            enabled.retain(|name| name != SERVER);
        }
        drop_if_empty(&mut file, "enabledMcpjsonServers");
    }
    if file.is_empty() && !was_there {
        return fs::remove_file(path);
    }
    write_whole(path, printed(&Value::Object(file)).as_bytes())
}

fn drop_if_empty(file: &mut Map<String, Value>, name: &str) {
    let is_empty = file.get(name).is_some_and(|value| match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    });
    if is_empty {
        file.shift_remove(name);
    }
}

/// Whether a handler or an entry calls this tool's hook, in either form and by whatever path.
fn is_own(handler: &Value) -> bool {
    let command = handler.get("command").and_then(Value::as_str).unwrap_or_default();
    let first = handler.get("args").and_then(|args| args.get(0)).and_then(Value::as_str);
    let ends =
        |path: &str| Path::new(path.trim_matches(['"', '\''])).file_name().is_some_and(|name| name == "promptster");
    match first {
        Some(first) => first == "hook" && ends(command),
        None => command.rsplit_once(" hook ").is_some_and(|(path, _)| ends(path)),
    }
}

fn remove_own(groups: &mut Value) {
    let Some(groups) = groups.as_array_mut() else { return };
    groups.retain_mut(|group| {
        if is_own(group) {
            return false;
        }
        let Some(handlers) = group.get_mut("hooks").and_then(Value::as_array_mut) else { return true };
        let n_before = handlers.len();
        handlers.retain(|handler| !is_own(handler));
        !handlers.is_empty() || n_before == 0
    });
}

fn object(old: Option<&str>) -> Result<Map<String, Value>, String> {
    match old.map(str::trim).filter(|text| !text.is_empty()) {
        None => Ok(Map::new()),
        Some(text) => match serde_json::from_str(text) {
            Ok(Value::Object(file)) => Ok(file),
            Ok(_) => Err("it holds no JSON object; nothing was changed".to_owned()),
            Err(error) => Err(format!("it is no JSON ({error}); nothing was changed")),
        },
    }
}

fn member<'a>(file: &'a mut Map<String, Value>, name: &str) -> Result<&'a mut Map<String, Value>, String> {
    let value = file.entry(name).or_insert_with(|| json!({}));
    value.as_object_mut().ok_or_else(|| format!("its {name:?} is no object; nothing was changed"))
}

fn list<'a>(file: &'a mut Map<String, Value>, name: &str) -> Result<&'a mut Vec<Value>, String> {
    let value = file.entry(name).or_insert_with(|| json!([]));
    value.as_array_mut().ok_or_else(|| format!("its {name:?} is no list; nothing was changed"))
}

fn claude_settings(old: Option<&str>, program: &Path) -> Result<String, String> {
    let mut file = object(old)?;
    let hooks = member(&mut file, "hooks")?;
    for (event, timeout) in CLAUDE_EVENTS {
        if let Some(groups) = hooks.get_mut(event) {
            remove_own(groups);
        }
        let handler =
            json!({ "type": "command", "command": program, "args": ["hook", "claude-code"], "timeout": timeout });
        let group = match event {
            "UserPromptExpansion" => json!({ "matcher": "explain", "hooks": [handler] }),
            "PostToolUse" | "PostToolUseFailure" => json!({ "matcher": "*", "hooks": [handler] }),
            _ => json!({ "hooks": [handler] }),
        };
        list(hooks, event)?.push(group);
    }
    let enabled = list(&mut file, "enabledMcpjsonServers")?;
    if !enabled.iter().any(|name| name == SERVER) {
        enabled.push(SERVER.into());
    }
    Ok(printed(&Value::Object(file)))
}

fn cursor_hooks(old: Option<&str>, program: &Path) -> Result<String, String> {
    let mut file = object(old)?;
    file.entry("version").or_insert(json!(1));
    let hooks = member(&mut file, "hooks")?;
    // One entry that is no entry costs all of them: Cursor takes the file whole or not at all.
    for (event, entries) in hooks.iter() {
        let entries = entries.as_array().ok_or_else(|| {
            format!("its entry {event:?} is no list, so Cursor ignores the file; nothing was changed")
        })?;
        let is_broken = |entry: &&Value| {
            let has = |name: &str| entry.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
            !has("command") && !has("prompt") || entry.get("type").is_some_and(|kind| kind == "")
        };
        if let Some(broken) = entries.iter().find(is_broken) {
            return Err(format!(
                "its entry {event:?} holds {broken}, for which Cursor ignores the file; nothing was changed"
            ));
        }
    }
    let command = format!("{} hook cursor", quoted(program));
    for event in CURSOR_EVENTS {
        if let Some(entries) = hooks.get_mut(event) {
            remove_own(entries);
        }
        list(hooks, event)?.push(json!({ "command": command, "timeout": 5 }));
    }
    Ok(printed(&Value::Object(file)))
}

fn mcp_servers(old: Option<&str>, program: &Path) -> Result<String, String> {
    let mut file = object(old)?;
    member(&mut file, "mcpServers")?.insert(SERVER.to_owned(), json!({ "command": program, "args": ["mcp"] }));
    Ok(printed(&Value::Object(file)))
}

/// A path as a word of a shell.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c));
    if is_plain { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

fn printed(value: &Value) -> String {
    format!("{value:#}\n")
}

/// The lines that keep this tool's files out of the candidate's diff.
const EXCLUDED: [&str; 6] = [
    "/.promptster/",
    "/.claude/settings.local.json",
    "/.claude/commands/explain.md",
    "/.cursor/hooks.json",
    "/.cursor/mcp.json",
    "/.mcp.json",
];

fn excluded(old: &str) -> String {
    let missing = EXCLUDED.iter().filter(|line| !old.lines().any(|known| known == **line));
    let mut text = old.to_owned();
    for (n, line) in missing.enumerate() {
        if n == 0 && !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// Where git is told what not to see, on this machine only; `None` outside of a repository.
fn git_exclude(root: &Path) -> Option<PathBuf> {
    let path = crate::git::run(root, &["rev-parse", "--git-path", "info/exclude"]).ok()?;
    Some(root.join(path.trim())).filter(|path| !path.as_os_str().is_empty())
}

/// For versions of Claude Code that do not know the hook that records an explanation at once.
const EXPLAIN: &str = "---\ndescription: Tell the reviewers why you decided as you did\nargument-hint: <why>\n\
disable-model-invocation: true\nallowed-tools: Bash(promptster explain *)\n---\nRecord this explanation word for word, by \
running `promptster explain --quiet -- \"<text>\"`, and do nothing else:\n\n$ARGUMENTS\n";

#[cfg(test)]
mod tests;
