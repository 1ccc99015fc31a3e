//! What is printed when everything runs.

use std::path::Path;

use anyhow::Context;

use super::files::DevFile;

/// The address, the API key, and commands that work as printed, in any shell.
///
/// # Errors
/// When the place of this program cannot be told.
pub(super) fn text(file: &DevFile, data_dir: &Path) -> anyhow::Result<String> {
    Ok(include_str!("welcome.txt")
        .replace("{url}", &file.url)
        .replace("{api_key}", &file.api_key)
        .replace("{data_dir}", &word(&data_dir.to_string_lossy()))
        .replace("{promptster}", &word(&beside("promptster")?)))
}

/// The same for many nodes, with the `processes` that there are, and how to hurt them.
///
/// # Errors
/// When the place of this program cannot be told.
pub(super) fn of_cluster(file: &DevFile, data_dir: &Path, processes: &str) -> anyhow::Result<String> {
    let data_dir_word = word(&data_dir.to_string_lossy());
    let pid_of = |name: &str| file.pids.children.get(name).copied().flatten().unwrap_or_default().to_string();
    let cluster = include_str!("welcome_cluster.txt")
        .replace("{processes}", processes)
        .replace("{data_dir}", &data_dir_word)
        .replace("{loadtest}", &word(&beside("loadtest")?))
        .replace("{master}", &pid_of("redis-1"))
        .replace("{node}", &pid_of("node-2"));
    Ok(text(file, data_dir)? + &cluster)
}

fn beside(program: &str) -> anyhow::Result<String> {
    let here = std::env::current_dir().unwrap_or_default();
    let this = std::env::current_exe().context("cannot tell where this program is")?;
    let path = this.with_file_name(program);
    Ok(path.strip_prefix(&here).unwrap_or(&path).to_string_lossy().into_owned())
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
