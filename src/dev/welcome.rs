//! What is printed when everything runs.

use std::path::Path;

use anyhow::Context;

use super::files::DevFile;

/// The address, the API key, and commands that work as printed.
///
/// # Errors
/// When the place of this program cannot be told.
pub(super) fn text(file: &DevFile, data_dir: &Path) -> anyhow::Result<String> {
    let here = std::env::current_dir().unwrap_or_default();
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let promptster = program.with_file_name("promptster");
    let promptster = promptster.strip_prefix(&here).unwrap_or(&promptster);
    Ok(TEXT
        .replace("{url}", &file.url)
        .replace("{api_key}", &file.api_key)
        .replace("{data_dir}", &data_dir.display().to_string())
        .replace("{promptster}", &promptster.display().to_string()))
}

const TEXT: &str = include_str!("welcome.txt");
