//! The tools that verify, split by class, and what may stand before them.

use super::CommandClass;

/// The tools of one class.
pub(super) struct Tools {
    pub(super) class: CommandClass,
    /// Programs that verify whatever their arguments are.
    pub(super) programs: &'static [&'static str],
    /// Programs of which the first word behind the options says what they do.
    pub(super) subcommands: &'static [(&'static str, &'static [&'static str])],
    /// Programs that take any number of targets.
    pub(super) targets: &'static [(&'static str, &'static [&'static str])],
    /// How the names of package scripts begin.
    pub(super) scripts: &'static [&'static str],
}

/// All classes in their order of precedence.
#[rustfmt::skip]
pub(super) const TOOLS: [Tools; 3] = [
    Tools {
        class: CommandClass::Test,
        programs: &[
            "pytest", "unittest", "jest", "vitest", "mocha", "ava", "tox", "nox", "rspec", "phpunit", "ctest", "cypress",
        ],
        subcommands: &[
            ("go", &["test"]),
            ("cargo", &["test", "nextest"]),
            ("dotnet", &["test"]),
            ("swift", &["test"]),
            ("deno", &["test"]),
            ("playwright", &["test"]),
        ],
        targets: &[
            ("rake", &["test"]),
            ("mvn", &["test", "verify", "check"]),
            ("gradle", &["test", "verify", "check"]),
            ("make", &["test", "check"]),
        ],
        scripts: &["test"],
    },
    Tools {
        class: CommandClass::Build,
        programs: &[],
        subcommands: &[
            ("go", &["build"]),
            ("cargo", &["build"]),
            ("dotnet", &["build"]),
            ("swift", &["build"]),
        ],
        targets: &[
            ("mvn", &["compile", "package", "install"]),
            ("gradle", &["build", "assemble"]),
            ("make", &["build", "all"]),
        ],
        scripts: &["build"],
    },
    Tools {
        class: CommandClass::Lint,
        programs: &[
            "eslint", "biome", "ruff", "mypy", "pyright", "flake8", "pylint", "tsc", "golangci-lint", "pre-commit",
        ],
        subcommands: &[
            ("go", &["vet"]),
            ("cargo", &["clippy", "check", "fmt --check"]),
        ],
        targets: &[("make", &["lint"])],
        scripts: &["lint", "typecheck"],
    },
];

/// Programs that run the command behind them.
pub(super) const PREFIXES: [&str; 5] = ["sudo", "time", "env", "nice", "command"];

/// Programs that take a command line with `-c`.
pub(super) const SHELLS: [&str; 4] = ["bash", "sh", "zsh", "dash"];

/// Programs that run a tool, with the subcommand that does so.
pub(super) const RUNNERS: [(&str, &str); 6] =
    [("npx", ""), ("bunx", ""), ("uv", "run"), ("poetry", "run"), ("pipenv", "run"), ("bundle", "exec")];

/// Programs that run a package's scripts.
pub(super) const PACKAGE_MANAGERS: [&str; 4] = ["npm", "pnpm", "yarn", "bun"];

/// Those of them that run an installed tool where no script has its name.
pub(super) const SCRIPT_RUNS_TOOLS: [&str; 3] = ["pnpm", "yarn", "bun"];

/// The options of a program that take the next word as their value, where they may stand before what it runs.
#[rustfmt::skip]
pub(super) fn valued_options(program: &str) -> &'static [&'static str] {
    match program {
        "sudo" => &[
            "-u", "--user", "-g", "--group", "-h", "--host", "-p", "--prompt", "-C", "--close-from", "-D", "--chdir",
            "-R", "--chroot", "-r", "--role", "-t", "--type", "-T", "--command-timeout", "-U", "--other-user",
        ],
        "time" => &["-f", "--format", "-o", "--output"],
        "env" => &["-u", "--unset", "-C", "--chdir", "-S", "--split-string"],
        "nice" => &["-n", "--adjustment"],
        "python" => &["-W", "-X"],
        "npx" | "bunx" => &["-p", "--package", "-c", "--call", "-w", "--workspace"],
        "npm" | "pnpm" | "yarn" | "bun" => &[
            "-w", "--workspace", "--prefix", "-C", "--dir", "-F", "--filter", "--cwd", "--package", "--loglevel",
        ],
        "uv" => &[
            "--with", "--with-editable", "--with-requirements", "--extra", "--group", "--only-group", "--no-group", "-p",
            "--python", "--directory", "--project", "--package", "--env-file", "--index", "--index-url", "-i",
        ],
        "poetry" => &["-C", "--directory", "-P", "--project"],
        "go" => &["-C"],
        "cargo" => &["-C", "-Z", "--config", "--color", "--manifest-path"],
        "swift" => &["-C", "--package-path"],
        "make" => &["-C", "--directory", "-f", "--file", "-I", "--include-dir", "-o", "-W"],
        "mvn" => &[
            "-f", "--file", "-pl", "--projects", "-P", "--activate-profiles", "-rf", "--resume-from", "-s", "--settings",
            "-T", "--threads", "-l", "--log-file", "-D", "--define",
        ],
        "gradle" => &[
            "-x", "--exclude-task", "--tests", "-p", "--project-dir", "-b", "--build-file", "-c", "--settings-file", "-g",
            "--gradle-user-home", "-I", "--init-script",
        ],
        "rake" => &["-f", "--rakefile", "-C", "--directory", "-I", "--libdir", "-r", "--require"],
        _ => &[],
    }
}
