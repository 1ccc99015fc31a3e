//! The sums of the analytics, the test runs and the data points.

use super::*;

#[test]
fn a_gap_counts_five_minutes_at_most_and_belongs_to_the_event_that_ends_it() {
    let mut story = Story::default();
    story.at(0, "session_start", json!({})).at(60, "prompt", json!({ "text": "fix it" }));
    story.ai_change(360, "a.rs", 1, 0).command(661, "cargo test", 0).command(671, "ls", 0);
    let time = story.artifact(ArtifactKind::AnalyticsV1)["time"].clone();
    assert_eq!(time["activeMs"], 670_000);
    assert_eq!(time["activeMinutes"], 11.2);
    assert_eq!(time["idleMs"], 1_000);
    assert_eq!(time["idleGapCount"], 1);
    assert_eq!(time["longestIdleGap"]["durationMs"], 301_000);
    assert_eq!(seqs(&time["longestIdleGap"]), [3, 4]);
    let by_phase: Vec<_> =
        time["byPhase"].as_array().unwrap().iter().filter(|phase| phase["eventCount"] != 0).cloned().collect();
    let phase = |phase: &str, active_ms: i64| json!({ "phase": phase, "eventCount": 1, "activeMs": active_ms });
    let expected =
        [phase("prompting", 60_000), phase("editing", 300_000), phase("running", 10_000), phase("verifying", 300_000)];
    assert_eq!(by_phase[..4], expected);
    assert_eq!(time["byKind"][0], json!({ "kind": "command", "eventCount": 2, "activeMs": 310_000 }));
}

#[test]
fn commands_and_verifications_are_counted_by_how_they_ended() {
    let mut story = Story::default();
    story.command(0, "npm test", 1).command(1, "npm test", 0).at(2, "command", json!({ "command": "npm run build" }));
    story.command(3, "ls", 2).at(4, "test_run", json!({ "passed": 3, "failed": 0 }));
    let analytics = story.artifact(ArtifactKind::AnalyticsV1);
    assert_eq!(analytics["commands"], json!({ "count": 4, "succeeded": 1, "failed": 2, "unknown": 1 }));
    let by_class = json!([
        { "class": "test", "passed": 2, "failed": 1, "unknown": 0 },
        { "class": "build", "passed": 0, "failed": 0, "unknown": 1 },
        { "class": "lint", "passed": 0, "failed": 0, "unknown": 0 },
    ]);
    assert_eq!(analytics["verifications"], json!({ "count": 4, "byClass": by_class }));
}

#[test]
fn edits_belong_to_their_attribution_and_else_to_who_acted() {
    let mut story = Story::default();
    let mut change = |attribution: &str, author: &str| {
        let members = json!({ "actor": { "type": author }, "provenance": { "attribution": attribution } });
        story.by(0, "file_diff", json!({ "path": "a", "linesAdded": 2, "linesRemoved": 1 }), members);
    };
    change("likely_ai", "human");
    change("unknown", "ai");
    change("unknown", "human");
    change("ai_revised_by_human", "ai");
    change("unknown", "unknown");
    let edits = story.artifact(ArtifactKind::AnalyticsV1)["edits"].clone();
    let by = |author: &str, changes: u64| json!({ "author": author, "changes": changes, "linesAdded": changes * 2, "linesRemoved": changes });
    let expected = json!([
        by("ai", 2),
        by("aiRevisedByHuman", 1),
        by("human", 1),
        by("mixed", 0),
        by("system", 0),
        by("unknown", 1)
    ]);
    assert_eq!(edits, json!({ "count": 5, "byAuthor": expected }));
}

#[test]
fn prompts_have_a_mean_length_where_they_have_a_text() {
    let mut story = Story::default();
    story.at(0, "prompt", json!({ "text": "äöü" })).at(1, "prompt", json!({ "prompt": "12345678" }));
    story.at(2, "prompt", json!({ "text": 5 })).at(3, "interrupt", json!({}));
    let prompts = story.artifact(ArtifactKind::AnalyticsV1)["prompts"].clone();
    assert_eq!(prompts, json!({ "count": 3, "characters": 11, "meanCharacters": 5, "interruptCount": 1 }));
}

#[test]
fn an_error_is_recovered_from_by_the_same_command_line() {
    let mut story = Story::default();
    story.command(0, "npm test", 1).command(10, "npm test ", 1).command(20, "npm test -- a", 0);
    story.command(30, "npm test", 0).command(40, "tsc", 2).command(45, "make", 1).command(145, "tsc", 0);
    let errors = story.artifact(ArtifactKind::AnalyticsV1)["errors"].clone();
    assert_eq!(errors["errorCount"], 3);
    assert_eq!(errors["recoveredCount"], 2);
    assert_eq!(errors["unresolvedCount"], 1);
    assert_eq!(errors["medianRecoveryMs"], 30_000, "the lower of 30 s and 105 s");
    assert_eq!(errors["longestRecovery"]["durationMs"], 105_000);
    assert_eq!(seqs(&errors["longestRecovery"]), [5, 7]);
}

#[test]
fn tokens_are_not_counted_twice_and_cost_is_what_events_say() {
    let mut story = Story::default();
    let answer = |data: Value, source: &str| (data, json!({ "source": source }));
    let (turn, hook) = answer(json!({ "inputTokens": 100, "outputTokens": 10, "totalCost": 0.1 }), "claude-code");
    let (request, _) = answer(json!({ "inputTokens": 60, "usageScope": "request", "totalCost": 0.2 }), "claude-code");
    let (codex, codex_source) = answer(json!({ "inputTokens": 5, "outputTokens": 7 }), "codex");
    let (imported, own) = answer(json!({ "usage": { "inputTokens": 1, "cacheReadTokens": 9 } }), "own");
    let (wrong, _) = answer(json!({ "inputTokens": -1, "outputTokens": "7", "totalCost": -4 }), "own");
    story.by(0, "ai_response", turn, hook.clone()).by(1, "ai_response", request.clone(), hook.clone());
    story.by(2, "subagent_usage", request, hook).by(3, "ai_response", codex, codex_source);
    story.by(4, "ai_response", imported, own.clone()).by(5, "ai_response", wrong, own.clone());
    story.by(6, "prompt", json!({ "inputTokens": 1000 }), own);
    let expected = json!({
        "inputTokens": 126, "outputTokens": 7, "cacheReadTokens": 9, "cacheWriteTokens": null,
        "reportedCostUsd": 0.5, "reportingEventCount": 4,
    });
    assert_eq!(story.artifact(ArtifactKind::AnalyticsV1)["usage"], expected);
    let points = story.artifact(ArtifactKind::DataPointsV1);
    let point = |name: &str| points["points"].as_array().unwrap().iter().find(|point| point["name"] == name).unwrap();
    assert_eq!(seqs(point("inputTokens")), [2, 3, 4, 5]);
    assert_eq!(seqs(point("reportedCostUsd")), [1, 2, 3]);
}

#[test]
fn test_runs_have_a_runner_counts_and_a_trend() {
    let mut story = Story::default();
    let run = |command: &str, exit_code: Option<i64>, stdout: &str| json!({ "command": command, "exitCode": exit_code, "stdout": stdout });
    story.at(0, "command", run("pytest -q", Some(1), "2 failed, 3 passed in 0.10s"));
    story.at(1, "command", run("pytest -q", Some(1), "1 failed, 4 passed in 0.10s"));
    story.at(2, "command", run("pytest -q", Some(1), "1 failed, 4 passed in 0.10s"));
    story.at(3, "command", run("pytest -q", Some(1), "3 failed, 4 passed in 0.10s"));
    story.at(4, "command", run("pytest -q", None, ""));
    story.at(5, "command", run("npm test", Some(1), ""));
    story.at(6, "test_run", json!({ "suite": "unit", "passed": 5, "failed": 0, "skipped": 1 }));
    story.at(7, "command", run("npm test", Some(0), ""));
    story.at(8, "command", run("npm test", Some(1), ""));
    let results = story.artifact(ArtifactKind::TestResultsV1);
    let column = |name: &str| {
        let runs = results["runs"].as_array().unwrap();
        runs.iter().map(|run| run[name].clone()).collect::<Vec<_>>()
    };
    let trends = ["first", "better", "same", "worse", "unknown", "unknown", "better", "same", "worse"];
    assert_eq!(column("trend"), trends);
    assert_eq!(column("failed")[..5], [json!(2), json!(1), json!(1), json!(3), Value::Null]);
    assert_eq!(column("runner")[3..7], [json!("pytest"), json!("pytest"), json!("npm"), Value::Null]);
    assert_eq!(column("skipped")[6], 1);
    assert_eq!(column("command")[6..8], [Value::Null, json!("npm test")]);
    assert_eq!(
        (&results["runCount"], &results["passedCount"], &results["failedCount"]),
        (&json!(9), &json!(2), &json!(6))
    );
    assert_eq!((&results["unknownCount"], &results["lastResult"]), (&json!(1), &json!("failed")));
}

#[test]
fn tests_over_time_are_counted_in_slices_of_ten_minutes() {
    let mut story = Story::default();
    story.command(0, "npm test", 1).command(599, "npm test", 0).command(1200, "npm test", 0);
    let slices = json!([
        { "from": "2026-04-01T10:00:00.000Z", "to": "2026-04-01T10:10:00.000Z", "passed": 1, "failed": 1, "unknown": 0 },
        { "from": "2026-04-01T10:20:00.000Z", "to": "2026-04-01T10:30:00.000Z", "passed": 1, "failed": 0, "unknown": 0 },
    ]);
    assert_eq!(story.artifact(ArtifactKind::AnalyticsV1)["testsOverTime"], slices);
}

#[test]
fn what_a_run_prints_counts_where_its_end_says_nothing_of_the_tests() {
    let result = |exit_code: Option<i64>, stdout: &str| {
        let mut story = Story::default();
        let data = json!({ "command": "npm test 2>&1 | tail", "exitCode": exit_code, "stdout": stdout });
        story.at(0, "command", data);
        let results = story.artifact(ArtifactKind::TestResultsV1);
        (results["lastResult"].clone(), results["testsPassedAtEnd"].clone())
    };
    let (green, red) = ("Tests: 2 passed, 2 total", "Tests: 1 failed, 1 passed, 2 total");
    assert_eq!(result(Some(0), red), (json!("failed"), json!(true)), "the signal goes by the exit code");
    assert_eq!(result(Some(1), green), (json!("failed"), json!(false)), "a threshold of coverage, perhaps");
    assert_eq!(result(Some(0), green), (json!("passed"), json!(true)));
    assert_eq!(result(None, green), (json!("passed"), Value::Null));
    assert_eq!(result(None, red), (json!("failed"), Value::Null));
    assert_eq!(result(None, "Tests: 3 skipped"), (Value::Null, Value::Null));
}

#[test]
fn of_two_runs_with_as_many_failures_the_one_with_more_passes_is_better() {
    let trend = |passed_before: u32, passed: u32| {
        let mut story = Story::default();
        story.at(0, "test_run", json!({ "passed": passed_before, "failed": 1 }));
        story.at(1, "test_run", json!({ "passed": passed, "failed": 1 }));
        story.artifact(ArtifactKind::TestResultsV1)["runs"][1]["trend"].clone()
    };
    assert_eq!((trend(3, 4), trend(4, 4), trend(5, 4)), (json!("better"), json!("same"), json!("worse")));
}

#[test]
fn a_command_that_verifies_is_no_running_and_a_human_without_attribution_edits_by_hand() {
    let mut story = Story::default();
    story.command(0, "ls", 0).command(10, "cargo clippy", 0);
    story.by(20, "file_diff", json!({ "path": "a" }), json!({ "actor": { "type": "human" } }));
    let analytics = story.artifact(ArtifactKind::AnalyticsV1);
    let phase = |name: &str| {
        let phases = analytics["time"]["byPhase"].as_array().unwrap();
        phases.iter().find(|phase| phase["phase"] == name).unwrap()["eventCount"].clone()
    };
    assert_eq!((phase("running"), phase("verifying"), phase("editing")), (json!(1), json!(1), json!(1)));
    assert_eq!(analytics["edits"]["byAuthor"][2]["changes"], 1);
}
