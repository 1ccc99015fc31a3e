//! Which runner ran the tests, and the counts that its last summary line prints.

use crate::verification::shell::Commands;

/// How much of the end of an output is read: a summary stands in the last lines, an output may have megabytes.
const OUTPUT_TAIL: usize = 16 * 1024;

/// What a summary says; `None` where it does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TestCounts {
    pub(super) passed: Option<u64>,
    pub(super) failed: Option<u64>,
    pub(super) skipped: Option<u64>,
}

/// Programs by whose name a runner is known, as words of the command line. The first that stands in it wins, so
/// wrappers (`npm test`, `make test`), which hide the runner, stand last.
const RUNNERS: [&str; 26] = [
    "pytest",
    "unittest",
    "jest",
    "vitest",
    "mocha",
    "ava",
    "tox",
    "nox",
    "rspec",
    "phpunit",
    "ctest",
    "cypress",
    "playwright",
    "nextest",
    "cargo",
    "go",
    "dotnet",
    "swift",
    "deno",
    "rake",
    "mvn",
    "gradle",
    "make",
    "npm",
    "pnpm",
    "yarn",
];

/// The runner of a command line; `None` where none of the known ones stands in it.
pub(super) fn runner_of(command: &str) -> Option<&'static str> {
    let words: Vec<Vec<String>> = Commands::of(command).collect();
    let named = |runner: &&&str| words.iter().flatten().any(|word| base_name(word) == **runner);
    RUNNERS.iter().find(named).copied()
}

/// `./node_modules/.bin/jest@29` is `jest`, `gradlew` is `gradle`.
fn base_name(word: &str) -> &str {
    let name = word.rsplit('/').next().unwrap_or_default();
    match name.split('@').next().unwrap_or_default() {
        "gradlew" => "gradle",
        "mvnw" => "mvn",
        name => name,
    }
}

/// The counts of the last line of an output that is a summary. Several summaries in one output, as `cargo test` prints
/// one per binary, are added up where they follow the same pattern.
pub(super) fn counts_in(output: &str) -> Option<TestCounts> {
    let lines: Vec<&str> = tail(output).lines().filter(|line| line.len() <= 400).collect();
    let cargo: Vec<TestCounts> = lines.iter().filter_map(|line| cargo_summary(line)).collect();
    if !cargo.is_empty() {
        return Some(cargo.into_iter().fold(TestCounts::default(), TestCounts::plus));
    }
    lines
        .iter()
        .rev()
        .find_map(|line| jest_summary(line).or_else(|| pytest_summary(line)))
        .or_else(|| mocha_summary(&lines))
}

fn tail(output: &str) -> &str {
    let mut start = output.len().saturating_sub(OUTPUT_TAIL);
    while !output.is_char_boundary(start) {
        start += 1;
    }
    output.get(start..).unwrap_or_default()
}

/// `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out`.
fn cargo_summary(line: &str) -> Option<TestCounts> {
    let (_, rest) = line.split_once("test result: ")?;
    counts(rest)
}

/// `Tests:       1 failed, 4 passed, 5 total` (jest), `Tests  1 failed | 4 passed (5)` (vitest),
/// `Summary [ 0.1s] 5 tests run: 5 passed, 0 skipped` (nextest).
fn jest_summary(line: &str) -> Option<TestCounts> {
    let line = line.trim_start();
    let of_tests = line.strip_prefix("Tests");
    counts(of_tests.or_else(|| line.strip_prefix("Summary")?.split_once("run:").map(|(_, rest)| rest))?)
}

/// `=== 1 failed, 4 passed, 2 skipped in 0.12s ===`, also without the rules (`-q`).
fn pytest_summary(line: &str) -> Option<TestCounts> {
    let line = line.trim_matches(['=', ' ', '\r']);
    let (results, took) = line.rsplit_once(" in ")?;
    let seconds = took.split(' ').next()?.strip_suffix('s')?;
    let takes_time = seconds.parse::<f64>().is_ok();
    let is_list = results.starts_with(|first: char| first.is_ascii_digit());
    if takes_time && is_list { counts(results) } else { None }
}

/// `5 passing (12ms)`, `1 failing`, `2 pending`, each on a line of its own.
fn mocha_summary(lines: &[&str]) -> Option<TestCounts> {
    let said = |word: &str| {
        lines.iter().rev().find_map(|line| {
            let (number, rest) = line.trim().split_once(' ')?;
            (rest == word || rest.starts_with(&format!("{word} ("))).then(|| number.parse().ok())?
        })
    };
    let passed: Option<u64> = said("passing");
    passed.map(|passed| TestCounts {
        passed: Some(passed),
        failed: said("failing").or(Some(0)),
        skipped: said("pending").or(Some(0)),
    })
}

/// The numbers before `passed`, `failed` and their like. What a summary leaves out is none: pytest does not print
/// `0 failed`.
fn counts(text: &str) -> Option<TestCounts> {
    let (mut passed, mut failed, mut skipped, mut found) = (0u64, 0u64, 0u64, false);
    let mut before = "";
    for word in text.split([' ', ',', ';', '|', '(', ')', ':', '\t', '\r']).filter(|word| !word.is_empty()) {
        let sum = match word {
            "passed" | "xpassed" => Some(&mut passed),
            "failed" | "error" | "errors" => Some(&mut failed),
            "skipped" | "ignored" | "todo" | "xfailed" => Some(&mut skipped),
            _ => None,
        };
        if let (Some(sum), Ok(number)) = (sum, before.parse::<u32>()) {
            *sum += u64::from(number);
            found = true;
        }
        before = word;
    }
    found.then_some(TestCounts { passed: Some(passed), failed: Some(failed), skipped: Some(skipped) })
}

impl TestCounts {
    fn plus(self, other: Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| Some(one.unwrap_or(0) + other.unwrap_or(0));
        Self {
            passed: sum(self.passed, other.passed),
            failed: sum(self.failed, other.failed),
            skipped: sum(self.skipped, other.skipped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(output: &str, passed: u64, failed: u64, skipped: u64) {
        let expected = TestCounts { passed: Some(passed), failed: Some(failed), skipped: Some(skipped) };
        assert_eq!(counts_in(output), Some(expected), "{output}");
    }

    #[test]
    fn summaries_of_the_common_runners_are_read() {
        check("F..\n=== 1 failed, 4 passed, 2 skipped in 0.12s ===\n", 4, 1, 2);
        check("....   [100%]\n4 passed in 0.01s", 4, 0, 0);
        check("2 passed, 1 warning, 3 errors in 1.00s", 2, 3, 0);
        check("test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s", 5, 0, 1);
        check(
            "test result: ok. 5 passed; 0 failed; 0 ignored\n\ntest result: FAILED. 1 passed; 2 failed; 3 ignored",
            6,
            2,
            3,
        );
        check("Test Suites: 1 failed, 1 total\nTests:       1 failed, 4 passed, 5 total\nTime: 1 s", 4, 1, 0);
        check(" Test Files  1 passed (1)\n      Tests  1 failed | 4 passed | 1 skipped (6)\n", 4, 1, 1);
        check("     Summary [   0.116s] 127 tests run: 126 passed, 1 failed, 3 skipped", 126, 1, 3);
        check("  5 passing (12ms)\n  1 failing\n\n  1) adds", 5, 1, 0);
    }

    #[test]
    fn what_is_no_summary_says_nothing() {
        for output in ["", "ok", "I passed 3 exams in 2020", "3 failed attempts in a row", "passed", "Tests", "in 1s"] {
            assert_eq!(counts_in(output), None, "{output}");
        }
        assert_eq!(counts_in(&format!("3 passed in 1s\n{}", "ä".repeat(OUTPUT_TAIL))), None, "only the end is read");
    }

    #[test]
    fn the_runner_is_a_word_of_the_command_line() {
        let runners = [
            ("cd app && npx jest@29 --ci", Some("jest")),
            ("npm test", Some("npm")),
            ("uv run pytest -x | tail -5", Some("pytest")),
            ("cargo nextest run", Some("nextest")),
            ("./gradlew test", Some("gradle")),
            ("python -m unittest", Some("unittest")),
            ("./run-tests.sh", None),
            ("", None),
        ];
        for (command, runner) in runners {
            assert_eq!(runner_of(command), runner, "{command}");
        }
    }
}
