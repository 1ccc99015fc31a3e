//! Whether a command line verifies something: runs tests, a build, a linter or a type checker.

pub(crate) mod shell;
mod table;
#[cfg(test)]
mod tests;

use serde::Serialize;
use shell::Commands;
use table::{PACKAGE_MANAGERS, PREFIXES, RUNNERS, SCRIPT_RUNS_TOOLS, SHELLS, TOOLS, valued_options};

/// How a command verifies. The order is the order of precedence within one command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CommandClass {
    /// It runs tests.
    Test,
    /// It builds.
    Build,
    /// It lints or checks types.
    Lint,
}

impl CommandClass {
    /// The word that is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Build => "build",
            Self::Lint => "lint",
        }
    }
}

/// The class of a command line, `None` when it verifies nothing (fine print 7–8). Takes linear time.
#[must_use]
pub fn classify(command: &str) -> Option<CommandClass> {
    Commands::of(command)
        .filter_map(|words| match look_through(&words)? {
            // Once only: a shell in a shell in a shell is not worth the recursion.
            Found::Script(script) => Commands::of(script).filter_map(|words| look_through(&words)?.class()).min(),
            found => found.class(),
        })
        .min()
}

/// What a command turns out to be behind its prefixes and runners.
enum Found<'a> {
    Class(CommandClass),
    /// A command line that a shell is given with `-c`.
    Script(&'a str),
}

impl Found<'_> {
    fn class(self) -> Option<CommandClass> {
        match self {
            Self::Class(class) => Some(class),
            Self::Script(_) => None,
        }
    }
}

/// Takes prefixes and runners off until the program stands first. A loop, because a command line may be long.
fn look_through(words: &[String]) -> Option<Found<'_>> {
    let mut words = words;
    loop {
        let (first, rest) = words.split_first()?;
        let program = base_name(first);
        words = if is_keyword(first) || is_assignment(first) {
            rest
        } else if PREFIXES.contains(&program) {
            behind_prefix(program, rest)?
        } else if SHELLS.contains(&program) {
            return script_of(rest).map(Found::Script);
        } else if is_python(program) {
            module_of(rest)?
        } else if PACKAGE_MANAGERS.contains(&program) {
            match behind_package_manager(program, rest)? {
                Behind::Script(name) => return class_of_script(name).map(Found::Class),
                Behind::Tool(tool) => tool,
            }
        } else if let Some((_, subcommand)) = RUNNERS.iter().find(|(runner, _)| *runner == program) {
            behind_runner(program, subcommand, rest)?
        } else {
            return class_of_tool(program, rest).map(Found::Class);
        };
    }
}

/// The name of a program without its folder, `.exe`, a wrapper's `w` and a version (`jest@29`).
fn base_name(word: &str) -> &str {
    let name = word.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = name.len().checked_sub(4).and_then(|at| name.split_at_checked(at));
    let name = stem.filter(|(_, end)| end.eq_ignore_ascii_case(".exe")).map_or(name, |(stem, _)| stem);
    match name.split('@').next().unwrap_or_default() {
        "gradlew" => "gradle",
        "mvnw" => "mvn",
        name => name,
    }
}

/// Words of the shell's grammar that stand before a command.
fn is_keyword(word: &str) -> bool {
    matches!(word, "!" | "{" | "}" | "if" | "then" | "elif" | "else" | "while" | "until" | "do")
}

fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else { return false };
    let name = name.strip_suffix('+').unwrap_or(name);
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_python(program: &str) -> bool {
    program
        .strip_prefix("python")
        .is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

/// The words from the first one on that is no option.
fn after_options<'a>(program: &str, words: &'a [String]) -> &'a [String] {
    let mut words = words;
    while let Some((option, rest)) = words.split_first() {
        words = match option.as_str() {
            "--" => return rest,
            option if option.starts_with('-') && takes_value(program, option) => rest.get(1..).unwrap_or_default(),
            option if option.starts_with(['-', '+']) => rest,
            _ => break,
        };
    }
    words
}

/// Whether the next word belongs to the option: named in the table, or `-Hu` where `-u` is.
fn takes_value(program: &str, option: &str) -> bool {
    let valued = valued_options(program);
    let is_valued = |letter: &str| valued.iter().any(|valued| valued.strip_prefix('-') == Some(letter));
    let letters = option.strip_prefix('-').filter(|letters| letters.len() == 2 && !letters.starts_with('-'));
    let pair = letters.and_then(|letters| letters.split_at_checked(1));
    valued.contains(&option) || pair.is_some_and(|(first, second)| !is_valued(first) && is_valued(second))
}

fn behind_prefix<'a>(prefix: &str, rest: &'a [String]) -> Option<&'a [String]> {
    // `command -v pytest` only says where it is.
    let asks = prefix == "command" && rest.first().is_some_and(|option| option == "-v" || option == "-V");
    (!asks).then(|| after_options(prefix, rest))
}

/// The command line of `bash -c "…"`, also as `-lc` or `-euo pipefail -c`.
fn script_of(words: &[String]) -> Option<&str> {
    let mut words = words.iter();
    while let Some(option) = words.next() {
        let letters = option.strip_prefix('-').filter(|letters| !letters.starts_with('-'));
        match letters {
            Some(letters) if letters.contains('c') => return words.next().map(String::as_str),
            Some(letters) if letters.ends_with('o') => drop(words.next()),
            Some(_) => {}
            None if option.starts_with('-') => {}
            None => return None,
        }
    }
    None
}

/// The module and its arguments of `python -m module`.
fn module_of(words: &[String]) -> Option<&[String]> {
    let mut words = words;
    loop {
        let (option, rest) = words.split_first()?;
        words = match option.as_str() {
            "-m" => return Some(rest),
            "-c" => return None,
            option if takes_value("python", option) => rest.get(1..)?,
            option if option.starts_with('-') => rest,
            _ => return None,
        };
    }
}

/// Behind a runner, which runs what follows its subcommand (`uv run`) or what follows at once (`npx`).
fn behind_runner<'a>(runner: &str, subcommand: &str, rest: &'a [String]) -> Option<&'a [String]> {
    let words = after_options(runner, rest);
    if subcommand.is_empty() {
        return Some(words);
    }
    let (first, rest) = words.split_first()?;
    (first == subcommand).then(|| after_options(runner, rest))
}

enum Behind<'a> {
    Script(&'a str),
    Tool(&'a [String]),
}

/// Behind npm and its like stands a script of the package or a tool that it installed.
fn behind_package_manager<'a>(manager: &str, rest: &'a [String]) -> Option<Behind<'a>> {
    let mut words = after_options(manager, rest);
    if manager == "yarn" && words.first().is_some_and(|word| word == "workspace") {
        words = words.get(2..)?;
    }
    let (first, rest) = words.split_first()?;
    let words = match first.as_str() {
        "t" if matches!(manager, "npm" | "pnpm") => return Some(Behind::Script("test")),
        "exec" | "dlx" | "x" => return Some(Behind::Tool(after_options(manager, rest))),
        "run" | "run-script" => after_options(manager, rest),
        _ => words,
    };
    let script = words.first()?;
    let is_tool = class_of_script(script).is_none() && SCRIPT_RUNS_TOOLS.contains(&manager);
    Some(if is_tool { Behind::Tool(words) } else { Behind::Script(script) })
}

/// The class of a package's script: `test:unit` and `test-e2e` are tests.
fn class_of_script(name: &str) -> Option<CommandClass> {
    let name = name.split(':').next().unwrap_or_default();
    TOOLS.iter().find(|tools| tools.scripts.iter().any(|script| name.starts_with(script))).map(|tools| tools.class)
}

fn class_of_tool(program: &str, rest: &[String]) -> Option<CommandClass> {
    let verifies = |tools: &&table::Tools| {
        tools.programs.contains(&program)
            || tools.subcommands.iter().any(|(tool, names)| *tool == program && has_subcommand(program, names, rest))
            || tools.targets.iter().any(|(tool, names)| *tool == program && has_target(program, names, rest))
    };
    TOOLS.iter().find(verifies).map(|tools| tools.class)
}

/// Whether the first word behind the options is one of `names`; `fmt --check` stands for `fmt` with that option.
fn has_subcommand(program: &str, names: &[&str], rest: &[String]) -> bool {
    let Some((subcommand, rest)) = after_options(program, rest).split_first() else { return false };
    names.iter().any(|name| match name.split_once(' ') {
        Some((name, option)) => subcommand == name && rest.iter().any(|word| word == option),
        None => subcommand == name,
    })
}

/// Whether any target is one of `names`: `mvn clean verify`, `make -j4 lint test`, `gradle :app:test`.
fn has_target(program: &str, names: &[&str], rest: &[String]) -> bool {
    let mut words = after_options(program, rest);
    while let Some((target, rest)) = words.split_first() {
        let target = match program {
            "gradle" => target.rsplit(':').next(),
            "rake" => target.split(':').next(),
            _ => Some(target.as_str()),
        };
        if target.is_some_and(|target| names.contains(&target)) {
            return true;
        }
        words = after_options(program, rest);
    }
    false
}
