//! Merged, replaced, refused, and put back.

use super::{claude_settings, cursor_hooks, install, is_installed, restore};
use crate::workspace::Workspace;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const PROGRAM: &str = "/opt/my tools/promptster";

#[test]
fn foreign_entries_stay_and_own_ones_are_replaced() {
    let old = json!({ "model": "x", "hooks": { "Stop": [{ "hooks": [{ "type": "command", "command": "say done" }] }],
                      "PostToolUse": [{ "matcher": "Edit", "hooks": [{ "type": "command", "command": "/a/promptster hook post-tool-use" }] }],
                      "Odd": 7 } });
    let new: Value =
        serde_json::from_str(&claude_settings(Some(&old.to_string()), Path::new(PROGRAM)).unwrap()).unwrap();
    assert_eq!((&new["model"], &new["hooks"]["Odd"]), (&json!("x"), &json!(7)));
    assert_eq!(new["hooks"]["Stop"][0], old["hooks"]["Stop"][0]);
    assert_eq!(new["hooks"]["Stop"][1]["hooks"][0]["args"], json!(["hook", "claude-code"]));
    assert_eq!(new["hooks"]["PostToolUse"].as_array().unwrap().len(), 1);
    let again = claude_settings(Some(&new.to_string()), Path::new(PROGRAM)).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), new);
}

#[test]
fn a_file_that_cursor_would_ignore_is_not_touched() {
    for broken in [r#"{"hooks":{"stop":[{"command":"x","type":""}]}}"#, r#"{"hooks":{"stop":{}}}"#, "[]", "{"] {
        assert!(cursor_hooks(Some(broken), Path::new(PROGRAM)).is_err(), "{broken}");
    }
    let new: Value = serde_json::from_str(&cursor_hooks(None, Path::new(PROGRAM)).unwrap()).unwrap();
    assert_eq!(new["hooks"]["stop"], json!([{ "command": "'/opt/my tools/promptster' hook cursor", "timeout": 5 }]));
}

fn tree(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.ends_with(".promptster") {
                continue;
            }
            let name = path.strip_prefix(root).unwrap().display().to_string();
            all.push((name, if path.is_dir() { Vec::new() } else { fs::read(&path).unwrap() }));
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    all.sort();
    all
}

fn repository() -> (tempfile::TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    crate::git::run(folder.path(), &["init", "-q"]).unwrap();
    fs::create_dir_all(folder.path().join(".promptster")).unwrap();
    let workspace = Workspace::at(folder.path());
    (folder, workspace)
}

#[test]
fn everything_is_put_back_byte_for_byte() {
    let (folder, workspace) = repository();
    let root = folder.path();
    fs::create_dir(root.join(".claude")).unwrap();
    // Neither the order nor the blanks are what this tool would write.
    fs::write(root.join(".claude/settings.local.json"), "{ \"b\":1,\n\t\"a\": {\"hooks\" :[]}}").unwrap();
    fs::write(root.join(".mcp.json"), "{\"mcpServers\":{\"mine\":{\"command\":\"x\"}}}").unwrap();
    let before = tree(root);
    assert_eq!(install(&workspace, root, Path::new(PROGRAM)).unwrap(), Vec::<String>::new());
    assert_eq!(install(&workspace, root, Path::new("/other/promptster")).unwrap(), Vec::<String>::new());
    assert!(tree(root) != before);
    assert_eq!(is_installed(&root.join(".claude/settings.local.json"), Path::new("/other/promptster")), Ok(true));
    assert_eq!(is_installed(&root.join(".cursor/hooks.json"), Path::new(PROGRAM)), Ok(false));
    assert_eq!(restore(&workspace).unwrap(), Vec::<std::path::PathBuf>::new());
    assert!(tree(root) == before, "a file is not as it was");
}

#[test]
fn what_others_added_meanwhile_stays() {
    let (folder, workspace) = repository();
    let root = folder.path();
    install(&workspace, root, Path::new(PROGRAM)).unwrap();
    let path = root.join(".claude/settings.local.json");
    let mut settings: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    settings["permissions"] = json!({ "allow": ["Bash(ls)"] });
    fs::write(&path, settings.to_string()).unwrap();
    assert_eq!(restore(&workspace).unwrap(), std::slice::from_ref(&path));
    let left: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(left, json!({ "permissions": { "allow": ["Bash(ls)"] } }));
    assert!(!root.join(".cursor").exists());
}
