//! The command `shell-hook`: prints what makes a shell tell what is typed, for those who want that.

/// Print the code that lets a shell record what you type in the workspace (opt-in).
///
/// Put `eval "$(promptster shell-hook bash)"` into ~/.bashrc, or the same with `zsh` into ~/.zshrc. Only commands typed
/// inside of a workspace are recorded, with their exit codes, never their output. One that begins with a blank is not.
#[derive(Debug, clap::Args)]
pub(crate) struct ShellHook {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
}

impl ShellHook {
    /// Prints it.
    pub(crate) fn run(&self) {
        let program =
            std::env::current_exe().map_or_else(|_| "promptster".to_owned(), |path| path.display().to_string());
        let text = match self.shell {
            Shell::Bash => include_str!("shell_hook/bash.sh"),
            Shell::Zsh => include_str!("shell_hook/zsh.sh"),
        };
        print!("{}", text.replace("@PROGRAM@", &program.replace('\'', r"'\''")));
    }
}
