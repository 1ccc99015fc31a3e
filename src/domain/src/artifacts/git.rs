//! What a command line does to work that is not committed: keeps it or takes it back.

use crate::verification::shell::Commands;

/// What git did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GitAct {
    /// The work is kept: nothing before it is uncommitted any more.
    Commit,
    /// Changes that were not committed were taken back.
    TakeBack,
    /// A commit was taken back by another one.
    RevertCommit,
}

/// The last such act of a command line.
pub(super) fn act_of_command(command: &str) -> Option<GitAct> {
    // Most command lines do not speak of git; cutting them up costs more than looking.
    if !command.contains("git") {
        return None;
    }
    Commands::of(command).filter_map(|words| act_of_words(&words)).last()
}

/// The act that a `git_action` names.
pub(super) fn act_of_word(word: &str) -> Option<GitAct> {
    match word {
        "commit" => Some(GitAct::Commit),
        "restore" => Some(GitAct::TakeBack),
        "revert" => Some(GitAct::RevertCommit),
        _ => None,
    }
}

fn act_of_words(words: &[String]) -> Option<GitAct> {
    let (program, mut rest) = words.split_first()?;
    if program.rsplit('/').next() != Some("git") {
        return None;
    }
    // `git -C folder`, `git -c name=value`.
    while let Some((option, behind)) = rest.split_first().filter(|(option, _)| option.starts_with('-')) {
        rest = if matches!(option.as_str(), "-C" | "-c") { behind.get(1..).unwrap_or_default() } else { behind };
    }
    let (subcommand, options) = rest.split_first()?;
    let has = |wanted: &[&str]| options.iter().any(|option| wanted.contains(&option.as_str()));
    // `git stash` is left out: as often as not the work comes back with `git stash pop`.
    let takes_back = match subcommand.as_str() {
        "commit" => return Some(GitAct::Commit),
        "restore" => !has(&["--staged", "-S"]) || has(&["--worktree", "-W"]),
        "checkout" => has(&["--", "."]),
        "reset" => has(&["--hard"]),
        "revert" => return (!has(&["--abort", "--quit", "--continue"])).then_some(GitAct::RevertCommit),
        _ => false,
    };
    takes_back.then_some(GitAct::TakeBack)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_work_back_is_told_from_what_looks_like_it() {
        let takes_back = [
            "git restore src/a.rs",
            "git restore -S -W .",
            "cd app && git checkout -- a.py",
            "git checkout .",
            "git -C app reset --hard HEAD~1",
            "git commit -am x; git reset --hard",
        ];
        for command in takes_back {
            assert_eq!(act_of_command(command), Some(GitAct::TakeBack), "{command}");
        }
        let nothing = [
            "git restore --staged a",
            "git checkout main",
            "git checkout -b x",
            "git reset",
            "git stash",
            "git stash list",
            "git revert --abort",
            "echo git reset --hard",
            "git",
            "git -C",
            "",
        ];
        for command in nothing {
            assert_eq!(act_of_command(command), None, "{command}");
        }
        assert_eq!(act_of_command("git add . && git commit -m x"), Some(GitAct::Commit));
        assert_eq!(act_of_command("/usr/bin/git revert --no-edit HEAD"), Some(GitAct::RevertCommit));
        assert_eq!(act_of_word("commit"), Some(GitAct::Commit));
    }
}
