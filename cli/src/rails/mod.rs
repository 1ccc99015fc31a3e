//! The rails that run in the background, next to the hooks.

use std::path::PathBuf;

/// Where Claude Code keeps its own files.
pub(crate) fn claude_folder() -> Option<PathBuf> {
    let home = |name| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    home("CLAUDE_CONFIG_DIR").or_else(|| Some(home("HOME")?.join(".claude")))
}
