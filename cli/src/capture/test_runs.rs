//! Test runs: where a command's output says how many tests passed and failed, the counts are added to the command.
//!
//! Signals count a command whose text runs tests as a test run already, so a second event would count it twice. Only
//! where the text alone does not say it (`./check.sh`, `just unit`) a `test_run` is told next to the command, under an id
//! that is derived from the same act. What cannot be counted stays a command.

use crate::envelope::{Data, Draft};
use domain::verification::classify;
use serde_json::Value;

/// What a runner said at the end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// The fields of a command that its test run has as well.
const SHARED: [&str; 9] =
    ["command", "exitCode", "durationMs", "suite", "passed", "failed", "skipped", "meta", "sidechain"];

/// A command with its counts, followed by the test run that its text does not show; any other event as it is.
pub(crate) fn told(mut draft: Draft) -> Vec<Draft> {
    if draft.kind != "command" || draft.data.contains_key("suite") {
        return vec![draft];
    }
    let word = |name: &str| draft.data.get(name).and_then(Value::as_str).unwrap_or_default();
    let output = format!("{}\n{}\n{}", word("stdout"), word("stderr"), word("error"));
    let Some((suite, Counts { passed, failed, skipped })) = count(word("command"), &plain(&output)) else {
        return vec![draft];
    };
    let is_shown = classify(word("command")).is_some();
    draft.data.insert("suite".into(), suite.into());
    for (name, count) in [("passed", passed), ("failed", failed), ("skipped", skipped)] {
        draft.data.insert(name.into(), count.into());
    }
    if is_shown {
        return vec![draft];
    }
    let shared = |name: &&str| Some(((*name).to_owned(), draft.data.get(*name)?.clone()));
    let data: Data = SHARED.iter().filter_map(shared).collect();
    let run = Draft { kind: "test_run", data, ..draft.clone() };
    vec![draft, run]
}

/// The runner and its counts; both the command and the output have to speak of it.
fn count(command: &str, output: &str) -> Option<(&'static str, Counts)> {
    let speaks = |words: &[&str]| words.iter().any(|word| command.contains(word));
    let script = ["npm ", "pnpm ", "yarn ", "bun ", "npx ", "make ", "just ", "task ", "./"];
    if speaks(&["cargo test", "cargo nextest", "cargo t"]) || (speaks(&script) && output.contains("test result: ")) {
        return cargo(output).or_else(|| nextest(output)).map(|counts| ("cargo", counts));
    }
    if speaks(&["pytest", "py.test", "tox", "nox"]) || output.contains(" test session starts ") {
        return pytest(output).map(|counts| ("pytest", counts));
    }
    if speaks(&["go test", "gotestsum"]) {
        return go(output).map(|counts| ("go", counts));
    }
    if speaks(&["rspec"]) {
        return rspec(output).map(|counts| ("rspec", counts));
    }
    if speaks(&["jest", "vitest", "mocha", "npm ", "pnpm ", "yarn ", "bun ", "make ", "node --test"]) {
        return javascript(output);
    }
    None
}

/// `test result: ok. 5 passed; 1 failed; 2 ignored; …`, once for each binary.
fn cargo(output: &str) -> Option<Counts> {
    let results = output.lines().filter_map(|line| line.trim().strip_prefix("test result: "));
    sum(results.map(|line| Counts {
        passed: before(line, "passed").unwrap_or(0),
        failed: before(line, "failed").unwrap_or(0),
        skipped: before(line, "ignored").unwrap_or(0),
    }))
}

/// `Summary [ 0.2s] 12 tests run: 11 passed, 1 failed, 3 skipped`.
fn nextest(output: &str) -> Option<Counts> {
    let line = output.lines().rev().find(|line| line.contains("Summary [") && line.contains("run:"))?;
    counts(line, "passed", &["failed", "timed out"], &["skipped"])
}

/// `==== 1 failed, 4 passed, 2 skipped in 0.12s ====`; with `-q` without the bars.
fn pytest(output: &str) -> Option<Counts> {
    let line = output.lines().rev().find(|line| {
        line.contains(" in ") && ["passed", "failed", "error"].iter().any(|word| before(line, word).is_some())
    })?;
    counts(line, "passed", &["failed", "error", "errors"], &["skipped", "xfailed"])
}

/// With `-v` each test says its end; without it there is nothing to count.
fn go(output: &str) -> Option<Counts> {
    let ends = |mark: &str| output.lines().filter(|line| line.trim_start().starts_with(mark)).count();
    let number = |mark| u64::try_from(ends(mark)).unwrap_or(u64::MAX);
    let counts = Counts { passed: number("--- PASS:"), failed: number("--- FAIL:"), skipped: number("--- SKIP:") };
    (counts != Counts::default()).then_some(counts)
}

/// `12 examples, 1 failure, 2 pending`.
fn rspec(output: &str) -> Option<Counts> {
    let line =
        output.lines().rev().find(|line| before(line, "examples").or_else(|| before(line, "example")).is_some())?;
    let all = before(line, "examples").or_else(|| before(line, "example"))?;
    let failed = before(line, "failures").or_else(|| before(line, "failure")).unwrap_or(0);
    let skipped = before(line, "pending").unwrap_or(0);
    Some(Counts { passed: all.saturating_sub(failed).saturating_sub(skipped), failed, skipped })
}

fn javascript(output: &str) -> Option<(&'static str, Counts)> {
    let line = |starts: &str| output.lines().rev().find(|line| line.trim_start().starts_with(starts));
    // Jest: `Tests:       1 failed, 2 skipped, 7 passed, 10 total`.
    if let Some(line) = line("Tests:") {
        return counts(line, "passed", &["failed"], &["skipped", "todo"]).map(|counts| ("jest", counts));
    }
    // Vitest: `Tests  1 failed | 7 passed (8)`.
    if let Some(line) = line("Tests  ") {
        return counts(line, "passed", &["failed"], &["skipped", "todo"]).map(|counts| ("vitest", counts));
    }
    // Mocha: `  7 passing (20ms)` and `  1 failing` on lines of their own.
    let said = |word: &str| output.lines().rev().find_map(|line| before(line, word));
    if said("passing").is_some() || said("failing").is_some() {
        let number = |word| said(word).unwrap_or(0);
        let counts = Counts { passed: number("passing"), failed: number("failing"), skipped: number("pending") };
        return Some(("mocha", counts));
    }
    // Node: `# pass 7`, `# fail 1`, `# skipped 0`; with marks instead of `#` in a terminal.
    let named = |name: &str| {
        let is_it = |line: &&str| line.trim_start_matches(['#', 'ℹ', ' ']).starts_with(&format!("{name} "));
        output.lines().rev().find(is_it)?.split_whitespace().last()?.parse().ok()
    };
    let counts = Counts { passed: named("pass")?, failed: named("fail")?, skipped: named("skipped").unwrap_or(0) };
    Some(("node", counts))
}

fn counts(line: &str, passed: &str, failed: &[&str], skipped: &[&str]) -> Option<Counts> {
    let total = |words: &[&str]| words.iter().filter_map(|word| before(line, word)).reduce(|a, b| a + b);
    let (passed, failed) = (before(line, passed), total(failed));
    passed.or(failed)?;
    Some(Counts { passed: passed.unwrap_or(0), failed: failed.unwrap_or(0), skipped: total(skipped).unwrap_or(0) })
}

fn sum(all: impl Iterator<Item = Counts>) -> Option<Counts> {
    all.reduce(|a, b| Counts {
        passed: a.passed + b.passed,
        failed: a.failed + b.failed,
        skipped: a.skipped + b.skipped,
    })
}

/// The number that stands before a word.
fn before(line: &str, word: &str) -> Option<u64> {
    let words: Vec<&str> =
        line.split(|c: char| c.is_whitespace() || ",;|()=".contains(c)).filter(|w| !w.is_empty()).collect();
    let needle: Vec<&str> = word.split(' ').collect();
    let at = words.windows(needle.len()).position(|window| window == needle)?;
    words.get(at.checked_sub(1)?)?.parse().ok()
}

/// Without the colours of a terminal.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = after.find(|c: char| c.is_ascii_alphabetic()).map_or(after.len(), |end| end + 1);
        rest = after.get(end..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::{Counts, count, told};
    use crate::envelope::{Author, Draft, Source};
    use serde_json::json;

    fn counted(command: &str, output: &str) -> Option<(&'static str, [u64; 3])> {
        let (suite, Counts { passed, failed, skipped }) = count(command, &super::plain(output))?;
        Some((suite, [passed, failed, skipped]))
    }

    #[test]
    fn the_common_runners_are_read() {
        let cargo = "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.0s\n\
                     test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured";
        assert_eq!(counted("cargo test", cargo), Some(("cargo", [7, 3, 1])));
        let nextest = "     Summary [   0.012s] 12 tests run: 11 passed, 1 failed, 3 skipped";
        assert_eq!(counted("cargo nextest run", nextest), Some(("cargo", [11, 1, 3])));
        let pytest = "\u{1b}[31m==== \u{1b}[1m1 failed\u{1b}[0m, \u{1b}[32m4 passed\u{1b}[0m, 2 skipped in 0.12s ====";
        assert_eq!(counted("python -m pytest -q", pytest), Some(("pytest", [4, 1, 2])));
        assert_eq!(counted("pytest -q", "3 passed in 0.01s"), Some(("pytest", [3, 0, 0])));
        let jest = "Test Suites: 1 failed, 1 total\nTests:       1 failed, 2 skipped, 7 passed, 10 total\nTime: 1 s";
        assert_eq!(counted("npm test", jest), Some(("jest", [7, 1, 2])));
        let vitest = " Test Files  1 passed (1)\n      Tests  1 failed | 7 passed (8)\n";
        assert_eq!(counted("npx vitest run", vitest), Some(("vitest", [7, 1, 0])));
        assert_eq!(counted("npx mocha", "  7 passing (20ms)\n  1 failing\n"), Some(("mocha", [7, 1, 0])));
        let node = "# tests 8\n# pass 7\n# fail 1\n# skipped 0";
        assert_eq!(counted("node --test", node), Some(("node", [7, 1, 0])));
        let go = "=== RUN a\n--- PASS: a (0.0s)\n    --- FAIL: a/b (0.0s)\n--- SKIP: c (0s)\nok";
        assert_eq!(counted("go test -v ./...", go), Some(("go", [1, 1, 1])));
        assert_eq!(counted("bundle exec rspec", "12 examples, 1 failure, 2 pending"), Some(("rspec", [9, 1, 2])));
    }

    #[test]
    fn what_says_no_number_is_no_test_run() {
        assert_eq!(counted("go test ./...", "ok  \tpkg\t0.1s"), None);
        assert_eq!(counted("echo '3 passed in 1s'", "3 passed in 1s"), None);
        assert_eq!(counted("cargo test", "error[E0425]: cannot find value"), None);
        assert_eq!(counted("npm install", "added 12 packages"), None);
    }

    fn of(command: &str, stdout: &str) -> Vec<Draft> {
        let data = json!({ "command": command, "stdout": stdout, "exitCode": 1 });
        let serde_json::Value::Object(data) = data else { unreachable!() };
        let ts = "2026-01-01T00:00:00Z".parse().unwrap();
        let (source, author) = (Source::CLAUDE_CODE, Author::Tool);
        told(Draft { ts, kind: "command", key: "k".into(), source, author, data })
    }

    #[test]
    fn a_command_that_shows_its_tests_is_one_event_with_counts() {
        let drafts = of("pytest", "2 failed, 1 passed in 0.2s");
        let expected = json!({ "command": "pytest", "stdout": "2 failed, 1 passed in 0.2s", "exitCode": 1,
                               "suite": "pytest", "passed": 1, "failed": 2, "skipped": 0 });
        assert_eq!(drafts.len(), 1);
        assert_eq!((drafts[0].kind, serde_json::Value::Object(drafts[0].data.clone())), ("command", expected));
    }

    #[test]
    fn tests_behind_a_script_are_a_command_and_a_test_run_with_ids_of_their_own() {
        let drafts = of("./check.sh", "test result: ok. 5 passed; 0 failed; 0 ignored");
        assert_eq!(drafts.iter().map(|draft| draft.kind).collect::<Vec<_>>(), ["command", "test_run"]);
        let id = |n: usize| drafts[n].seal("s").unwrap().id;
        assert_ne!(id(0), id(1));
        assert_eq!((&drafts[1].data["passed"], drafts[1].data.get("stdout")), (&json!(5), None));
        assert_eq!(told(drafts[0].clone()).len(), 1, "once is enough");
    }
}
