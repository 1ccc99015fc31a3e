//! The rules that find moments and questions, each at its threshold and on both sides of it.

use super::*;

#[test]
fn three_failures_over_two_minutes_are_a_struggle() {
    let failing = |times: &[i64]| {
        let mut story = Story::default();
        for &seconds in times {
            story.command(seconds, "npm test", 1);
        }
        story
    };
    assert_eq!(failing(&[0, 60]).moments("repeated_failures"), Vec::<Value>::new(), "two are not enough");
    assert_eq!(failing(&[0, 60, 119]).moments("repeated_failures"), Vec::<Value>::new(), "too short");
    let struggles = failing(&[0, 60, 120]).moments("repeated_failures");
    assert_eq!(struggles.len(), 1);
    assert_eq!(struggles[0]["kind"], "struggle");
    assert_eq!(struggles[0]["title"], "Tests failed 3 times in a row, and did not pass again.");
    assert_eq!(struggles[0]["durationMs"], 120_000);
    assert_eq!(struggles[0]["figures"]["resolved"], false);
    assert_eq!(seqs(&struggles[0]), [1, 2, 3]);
}

#[test]
fn a_pass_ends_a_struggle_and_is_a_breakthrough_after_two_failures() {
    let mut story = Story::default();
    story.command(0, "npm test", 1).command(10, "npm test", 0);
    assert_eq!(story.moments("failures_then_pass").len(), 0, "one failure is the ordinary course");
    story.command(100, "npm test", 1).at(110, "prompt", json!({ "text": "why" })).ai_change(120, "a.rs", 5, 0);
    story.command(200, "npm test", 1).command(210, "eslint .", 0).command(220, "ls", 0).command(300, "npx jest", 1);
    story.command(400, "npm test", 0);
    let breakthroughs = story.moments("failures_then_pass");
    assert_eq!(breakthroughs.len(), 1, "a linter that passes ends nothing");
    let figures = json!({ "class": "test", "failures": 3, "changesBetween": 1, "promptsBetween": 1, "resolved": true });
    assert_eq!(breakthroughs[0]["figures"], figures);
    assert_eq!(breakthroughs[0]["title"], "Tests passed after 3 failures in a row.");
    assert_eq!(seqs(&breakthroughs[0]), [3, 6, 9, 10]);
    let struggles = story.moments("repeated_failures");
    assert_eq!(struggles[0]["title"], "Tests failed 3 times in a row, then passed.");
    assert_eq!(struggles[0]["durationMs"], 300_000);
}

#[test]
fn runs_of_unknown_result_neither_fail_nor_pass() {
    let mut story = Story::default();
    for seconds in [0, 100, 200] {
        story.at(seconds, "command", json!({ "command": "npm test" })).at(seconds, "test_run", json!({}));
        story.at(seconds, "build_run", json!({ "note": 1 }));
    }
    assert_eq!(story.artifact(ArtifactKind::KeyMomentsV1)["moments"], json!([]));
    let mut story = Story::default();
    for seconds in [0, 100, 200] {
        story.at(seconds, "build_run", json!({ "success": false }));
    }
    story.at(300, "build_run", json!({ "exitCode": 0 }));
    assert_eq!(story.moments("failures_then_pass")[0]["title"], "Builds passed after 3 failures in a row.");
}

#[test]
fn the_longest_struggle_is_asked_about() {
    let mut story = Story::default();
    for seconds in [0, 60, 120] {
        story.command(seconds, "npm test", 1);
    }
    story.command(130, "npm test", 0);
    for seconds in [200, 300, 500] {
        story.command(seconds, "npm run build", 2);
    }
    let questions = story.questions("longest_struggle");
    assert_eq!(questions.len(), 1);
    let question = "Builds failed 3 times in a row, and did not pass again (5 minutes). What did you try, and what was \
                    the cause?";
    assert_eq!(questions[0]["question"], question);
    assert_eq!(seqs(&questions[0]), [5, 6, 7]);
}

#[test]
fn git_takes_back_what_was_not_committed() {
    let mut story = Story::default();
    story.command(0, "git checkout -- .", 0);
    assert_eq!(story.moments("reverted_by_git").len(), 0, "there was nothing to take back");
    story.ai_change(10, "a.rs", 5, 0).command(20, "git commit -am x", 0).command(30, "git checkout .", 0);
    assert_eq!(story.moments("reverted_by_git").len(), 0, "it was committed");
    story.ai_change(40, "a.rs", 5, 0).ai_change(50, "b.rs", 5, 0).command(60, "git reset --hard", 128);
    assert_eq!(story.moments("reverted_by_git").len(), 0, "git failed");
    story.command(70, "git reset --hard", 0).command(80, "git reset --hard", 0);
    let reverted = story.moments("reverted_by_git");
    assert_eq!(reverted.len(), 1, "once only");
    assert_eq!(reverted[0]["figures"], json!({ "uncommittedChanges": 2 }));
    assert_eq!(seqs(&reverted[0]), [5, 6, 8]);
    assert_eq!(seqs(&story.questions("work_taken_back")[0]), [5, 6, 8]);
}

#[test]
fn a_commit_of_the_session_can_be_reverted() {
    let mut story = Story::default();
    story.command(0, "git revert HEAD", 0).command(10, "git commit -m x", 0).at(
        70,
        "git_action",
        json!({ "action": "revert" }),
    );
    let reverted = story.moments("commit_reverted");
    assert_eq!(reverted.len(), 1);
    assert_eq!(reverted[0]["title"], "git revert ran 60 s after a commit of this session.");
    assert_eq!(seqs(&reverted[0]), [2, 3]);
}

#[test]
fn half_of_a_file_removed_is_a_rewrite() {
    let rewritten = |added: u32, removed: u32| {
        let mut story = Story::default();
        story.ai_change(0, "a.rs", added, 0).ai_change(60, "b.rs", 0, 99).ai_change(90, "a.rs", 30, removed);
        story.moments("rewritten").len()
    };
    assert_eq!(rewritten(40, 20), 1);
    assert_eq!(rewritten(41, 20), 0, "less than half");
    assert_eq!(rewritten(20, 19), 0, "too few lines");
    assert_eq!(rewritten(19, 20), 0, "the session had put too little into it");

    let mut story = Story::default();
    story.ai_change(0, "a.rs", 30, 0).at(5, "file_delete", json!({ "path": "a.rs" }));
    story.at(6, "file_delete", json!({ "path": "a.rs" }));
    let rewritten = story.moments("rewritten");
    assert_eq!(rewritten.len(), 1);
    let title = "A file that the session had put 30 lines into was deleted: 30 lines removed.";
    assert_eq!(rewritten[0]["title"], title);
    assert_eq!(seqs(&rewritten[0]), [1, 2]);
}

#[test]
fn an_interruption_and_a_prompt_soon_after_redirect() {
    let redirected = |seconds| {
        let mut story = Story::default();
        story.at(0, "interrupt", json!({})).at(seconds, "prompt", json!({ "text": "no, the other file" }));
        story.at(seconds, "prompt", json!({}));
        story.moments("interrupted_and_redirected").len()
    };
    assert_eq!(redirected(120), 1);
    assert_eq!(redirected(121), 0);
}

#[test]
fn fifty_lines_and_a_pass_are_a_large_change_verified() {
    let verified = |path: &str, lines: u32, exit_code: i64| {
        let mut story = Story::default();
        story.ai_change(0, path, lines, 1).command(60, "cargo test", exit_code);
        story.moments("large_change_verified")
    };
    assert_eq!(verified("a.rs", 48, 0).len(), 0);
    assert_eq!(verified("README.md", 490, 0).len(), 0, "nothing verifies a text");
    assert_eq!(verified("a.rs", 49, 1).len(), 0, "it did not pass");
    let moments = verified("a.rs", 49, 0);
    assert_eq!(moments[0]["title"], "A test run passed after 1 change of 50 lines.");
    assert_eq!(moments[0]["figures"], json!({ "class": "test", "changes": 1, "lines": 50, "aiLines": 50 }));
    assert_eq!(seqs(&moments[0]), [1, 2]);
}

#[test]
fn the_end_is_verified_when_a_pass_has_the_last_word() {
    let mut story = Story::default();
    story.command(0, "cargo test", 0);
    assert_eq!(story.moments("verified_at_end").len(), 0, "nothing was changed");
    story.ai_change(10, "a.rs", 1, 0).command(20, "cargo test", 0);
    assert_eq!(seqs(&story.moments("verified_at_end")[0]), [2, 3]);
    story.command(30, "cargo clippy", 1);
    assert_eq!(story.moments("verified_at_end").len(), 0, "a failure had the last word");
    story.command(40, "cargo clippy", 0).ai_change(50, "a.rs", 1, 0);
    assert_eq!(story.moments("verified_at_end").len(), 0, "a change came after");
}

#[test]
fn fifty_lines_of_an_assistant_without_a_verification_are_asked_about() {
    let mut story = Story::default();
    story.ai_change(0, "a.rs", 90, 0).command(5, "cargo build", 1).ai_change(10, "a.rs", 49, 0);
    story.by(20, "file_diff", json!({ "path": "a.rs", "linesAdded": 50 }), human());
    assert_eq!(story.questions("unverified_ai_change").len(), 0, "49 lines are the assistant's");
    story.ai_change(30, "b.rs", 1, 0);
    let questions = story.questions("unverified_ai_change");
    assert_eq!(questions[0]["figures"], json!({ "aiLines": 50, "largeFrom": 50 }));
    assert_eq!(seqs(&questions[0]), [3, 5]);
}

#[test]
fn a_dependency_without_a_reason_within_twenty_minutes_is_asked_about() {
    let asked = |add_at: i64, reasons: &[(i64, &str)]| {
        let mut story = Story::default();
        for &(seconds, rationale) in reasons.iter().filter(|(seconds, _)| *seconds < add_at) {
            story.at(seconds, "decision_event", json!({ "context": "c", "rationale": rationale }));
        }
        story.command(add_at, "npm install zod", 0);
        for &(seconds, rationale) in reasons.iter().filter(|(seconds, _)| *seconds >= add_at) {
            story.at(seconds, "decision_event", json!({ "context": "c", "rationale": rationale }));
        }
        let questions = story.questions("undocumented_decision");
        questions.iter().map(|one| one["figures"]["found"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(asked(0, &[]), ["dependency_added"]);
    assert_eq!(asked(0, &[(1200, "types")]), Vec::<String>::new());
    assert_eq!(asked(0, &[(1201, "types")]), ["dependency_added"]);
    assert_eq!(asked(1300, &[(100, "types")]), Vec::<String>::new());
    assert_eq!(asked(1300, &[(99, "types")]), ["dependency_added"]);
    assert_eq!(asked(0, &[(10, " ")]), ["dependency_added", "decision_without_reason"]);
}

#[test]
fn a_plan_without_a_reason_is_asked_about_and_three_questions_are_enough() {
    let mut story = Story::default();
    for seconds in 0..5 {
        story.at(seconds, "plan_decision", json!({}));
    }
    let questions = story.questions("undocumented_decision");
    assert_eq!(questions.len(), 3);
    assert_eq!(questions[0]["question"], "A plan was decided on. Why, and what else did you consider?");
    assert_eq!(questions.iter().flat_map(seqs).collect::<Vec<_>>(), [1, 2, 3], "the earliest");
}

#[test]
fn of_many_moments_the_weightiest_are_listed_and_all_are_counted() {
    let mut story = Story::default();
    for hour in 0..25 {
        for failure in 0..3 {
            story.command(hour * 3600 + failure * (60 + hour), "npm test", 1);
        }
        story.command(hour * 3600 + 600, "npm test", 0);
    }
    let moments = story.artifact(ArtifactKind::KeyMomentsV1);
    assert_eq!(moments["counts"]["struggle"], 25);
    assert_eq!(moments["counts"]["breakthrough"], 25);
    assert_eq!(moments["leftOut"], 10);
    assert_eq!(story.moments("repeated_failures").len(), 20);
    let starts: Vec<_> = moments["moments"].as_array().unwrap().iter().map(|one| one["from"].clone()).collect();
    assert!(starts.is_sorted_by_key(|start| start.as_str().unwrap().to_owned()), "in timeline order");
}
