//! What is printed when everything runs.

use std::path::Path;

use anyhow::Context;

use super::files::DevFile;

/// The address, the API key, and commands that work as printed, in any shell.
///
/// # Errors
/// When the place of this program cannot be told.
pub(super) fn text(file: &DevFile, data_dir: &Path) -> anyhow::Result<String> {
    let here = std::env::current_dir().unwrap_or_default();
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let promptster = program.with_file_name("promptster");
    let promptster = promptster.strip_prefix(&here).unwrap_or(&promptster);
    Ok(include_str!("welcome.txt")
        .replace("{url}", &file.url)
        .replace("{api_key}", &file.api_key)
        .replace("{data_dir}", &word(&data_dir.to_string_lossy()))
        .replace("{promptster}", &word(&promptster.to_string_lossy())))
}

/// One word of a shell.
fn word(text: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "/._-+:@".contains(character);
    if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn a_path_is_one_word() {
        assert_eq!(word("target/debug/promptster"), "target/debug/promptster");
        assert_eq!(word("it's here/data"), r"'it'\''s here/data'");
    }
}
