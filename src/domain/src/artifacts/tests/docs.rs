//! One session as real clients record it, and the examples of `docs/artifacts.md`, which it has to give.

use std::fmt::Write;

use super::*;

const DOCS: &str = include_str!("../../../../../docs/artifacts.md");

/// A candidate and Claude Code look for a cent: hooks, a transcript watcher, the terminal and `explain`.
fn session() -> Story {
    let hook = |attribution: &str| {
        let author = if attribution == "likely_human" { "human" } else { "ai" };
        json!({ "source": "claude-code", "actor": { "type": author },
                "provenance": { "attribution": attribution, "confidence": 0.9, "observability": "high" } })
    };
    let (prompted, assistant) = (hook("likely_human"), hook("likely_ai"));
    let terminal = json!({ "source": "terminal", "actor": { "type": "human" },
                           "provenance": { "attribution": "likely_human", "confidence": 0.8 } });
    let prompt = |text: &str| json!({ "text": text, "promptLengthChars": text.len() });
    let edit = |path: &str, added: u32, removed: u32| json!({ "path": path, "attribution": "likely_ai", "linesAdded": added, "linesRemoved": removed });
    let pytest = |exit_code: i64, stdout: &str| json!({ "command": "uv run pytest -q", "exitCode": exit_code, "stdout": stdout, "stderr": "" });
    let answer = |input: u64, output: u64| {
        json!({ "lastAssistantMessage": "Done.", "usageScope": "request", "model": "claude-sonnet-4-5",
                "inputTokens": input, "outputTokens": output, "cacheReadTokens": 12_000 })
    };
    let mut story = Story::default();
    story
        .by(0, "session_start", json!({ "editorVersion": "promptster-cli" }), json!({ "source": "cli" }))
        .by(95, "prompt", prompt("Invoice totals are off by a cent. Run the tests first."), prompted.clone())
        .by(101, "tool_intent", json!({ "toolName": "Bash", "inputPreview": "uv run pytest -q" }), assistant.clone())
        .by(104, "command", pytest(1, "F....\n1 failed, 4 passed in 0.05s\n"), assistant.clone())
        .by(110, "file_read", json!({ "path": "invoices/totals.py", "numLines": 60 }), assistant.clone())
        .by(150, "file_diff", edit("invoices/totals.py", 64, 3), assistant.clone())
        .by(158, "command", pytest(1, "FF...\n2 failed, 3 passed in 0.06s\n"), assistant.clone())
        .by(166, "ai_response", answer(2_400, 610), assistant.clone())
        .by(420, "interrupt", json!({ "variant": "user", "subtype": "action" }), prompted.clone())
        .by(455, "prompt", prompt("No. Round half up, per line, in one helper."), prompted.clone())
        .by(490, "file_diff", edit("invoices/totals.py", 22, 40), assistant.clone())
        .by(499, "command", pytest(1, "F....\n1 failed, 4 passed in 0.05s\n"), assistant.clone())
        .by(530, "command", json!({ "command": "uv add babel", "exitCode": 0, "stdout": "" }), assistant.clone())
        .by(990, "file_diff", json!({ "path": "invoices/totals.py", "linesAdded": 2, "linesRemoved": 2 }), human())
        .by(1004, "command", json!({ "command": "uv run pytest -q", "exitCode": 0, "human": true }), terminal)
        .by(1040, "ai_response", answer(3_100, 240), assistant.clone())
        .by(1100, "file_create", json!({ "path": "invoices/export.py", "linesAdded": 58 }), assistant)
        .by(
            2100,
            "decision_event",
            json!({ "title": "Decision rationale", "context": "Edited totals.py", "rationale": "The accountant adds lines." }),
            json!({ "source": "cli", "actor": { "type": "human" } }),
        );
    story
}

/// The examples of the documentation: the JSON behind each `<!-- example: kind -->`.
fn examples() -> Vec<(ArtifactKind, Value)> {
    let example = |part: &str| {
        let (kind, rest) = part.split_once(" -->").unwrap();
        let (_, rest) = rest.split_once("```json\n").unwrap();
        let (json, _) = rest.split_once("```").unwrap();
        (ArtifactKind::of_word(kind).unwrap(), serde_json::from_str(json).unwrap())
    };
    DOCS.split("<!-- example: ").skip(1).map(example).collect()
}

/// Where `actual` is not what the example shows. An example may leave out elements of a list, but no member of an
/// object, and nothing may stand in another order.
fn differs(example: &Value, actual: &Value, path: &str) -> Option<String> {
    match (example, actual) {
        (Value::Object(example), Value::Object(actual)) => {
            if !example.keys().eq(actual.keys()) {
                let keys = |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<Vec<_>>();
                return Some(format!("{path}: members {:?}, not {:?}", keys(example), keys(actual)));
            }
            example.iter().find_map(|(name, value)| differs(value, &actual[name], &format!("{path}.{name}")))
        }
        (Value::Array(example), Value::Array(actual)) => {
            let mut rest = actual.iter();
            let missing = example.iter().find(|wanted| !rest.any(|one| differs(wanted, one, path).is_none()));
            missing.map(|missing| format!("{path}: no such element: {missing}"))
        }
        _ => (example != actual).then(|| format!("{path}: {example}, not {actual}")),
    }
}

#[test]
fn the_examples_of_the_documentation_are_true() {
    let session = session();
    let mut wrong = String::new();
    let examples = examples();
    assert_eq!(examples.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), ArtifactKind::ALL);
    for (kind, example) in examples {
        let actual = session.artifact(kind);
        if let Some(difference) = differs(&example, &actual, kind.as_str()) {
            writeln!(wrong, "{difference}\n{actual}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(DOCS.contains(&format!("`derivationV` is {DERIVATION_V}.")), "the version");
}

#[test]
fn the_documentation_names_every_rule_that_finds_something() {
    let rules = [
        "failures_then_pass",
        "repeated_failures",
        "reverted_by_git",
        "commit_reverted",
        "rewritten",
        "interrupted_and_redirected",
        "large_change_verified",
        "verified_at_end",
        "longest_struggle",
        "work_taken_back",
        "unverified_ai_change",
        "undocumented_decision",
        "dependency_added",
        "plan_decided",
        "decision_without_reason",
    ];
    for rule in rules {
        assert!(DOCS.contains(&format!("`{rule}`")), "{rule}");
    }
}

#[test]
fn the_realistic_session_reads_as_it_went() {
    let story = session();
    let rules: Vec<_> = story.artifact(ArtifactKind::KeyMomentsV1)["moments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|moment| {
            (moment["kind"].as_str().unwrap().to_owned(), moment["rule"].as_str().unwrap().to_owned(), seqs(moment))
        })
        .collect();
    let expected = [
        ("breakthrough", "failures_then_pass", vec![4, 7, 12, 15]),
        ("struggle", "repeated_failures", vec![4, 7, 12, 15]),
        ("pivot", "rewritten", vec![6, 11]),
        ("pivot", "interrupted_and_redirected", vec![9, 10]),
    ];
    assert_eq!(rules, expected.map(|(kind, rule, seqs)| (kind.to_owned(), rule.to_owned(), seqs)));
    let questions = story.artifact(ArtifactKind::InterviewFollowupsV1);
    let asked: Vec<_> = questions["questions"].as_array().unwrap().iter().map(|one| one["rule"].clone()).collect();
    assert_eq!(asked, ["longest_struggle", "work_taken_back", "unverified_ai_change", "undocumented_decision"]);
}

/// The files that hold thresholds.
const SOURCES: [&str; 11] = [
    include_str!("../decisions.rs"),
    include_str!("../evidence.rs"),
    include_str!("../followups.rs"),
    include_str!("../moment.rs"),
    include_str!("../pivots.rs"),
    include_str!("../remembered.rs"),
    include_str!("../runner.rs"),
    include_str!("../stretches.rs"),
    include_str!("../test_runs.rs"),
    include_str!("../times.rs"),
    include_str!("../usage.rs"),
];

#[test]
fn the_documentation_states_the_thresholds_of_the_code() {
    let (_, table) = DOCS.split_once("## Thresholds").unwrap();
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(rows.len() > 15);
    let sources = SOURCES.concat() + include_str!("../work.rs");
    for row in rows {
        let mut cells = row.split('`').skip(1).step_by(2);
        let (name, value) = (cells.next().unwrap(), cells.next().unwrap());
        let is_true = sources
            .lines()
            .any(|line| line.contains(&format!("const {name}: ")) && line.ends_with(&format!(" = {value};")));
        assert!(is_true, "{name} is not {value}");
    }
}
