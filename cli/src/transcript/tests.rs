//! The fixture is a session with a bit of everything; a person who reads it should agree with what is told here.

use super::{ReadError, read};
use crate::envelope::{Author, Draft};
use serde_json::{Value, json};

const SESSION: &str = include_str!("../../tests/fixtures/session.jsonl");

fn told() -> Vec<Draft> {
    read(SESSION, false).unwrap().drafts
}

fn data(kind: &str, nth: usize) -> Value {
    let drafts = told();
    let draft = drafts.iter().filter(|draft| draft.kind == kind).nth(nth).unwrap();
    Value::Object(draft.data.clone())
}

#[test]
fn a_session_is_told_in_the_order_in_which_it_happened() {
    let kinds: Vec<&str> = told().iter().map(|draft| draft.kind).collect();
    assert_eq!(
        kinds,
        [
            "session_start",
            "tool_intent",
            "prompt",
            "ai_response",
            "file_search",
            "file_read",
            "planning",
            "file_diff",
            "file_create",
            "command",
            "tool_use",
            "file_diff",
            "command",
            "file_search",
            "task_dispatch",
            "web_lookup",
            "mcp_call",
            "context_compact",
            "command",
            "interrupt",
            "prompt",
            "planning",
            "command",
            "ai_response",
            "tool_use",
            "session_end",
        ]
    );
    assert!(told().is_sorted_by_key(|draft| draft.ts));
}

#[test]
fn a_session_begins_and_ends_with_its_transcript() {
    let drafts = told();
    let (first, last) = (drafts.first().unwrap(), drafts.last().unwrap());
    assert_eq!(first.ts.to_rfc3339(), "2026-03-02T09:00:00+00:00");
    assert_eq!(last.ts.to_rfc3339(), "2026-03-02T09:00:53+00:00");
    assert_eq!(
        data("session_start", 0),
        json!({ "cwd": "/home/dev/shop", "gitBranch": "main", "cliVersion": "2.1.14", "model": "claude-opus-4-5",
                "ideSessionId": "5b0c4c1e-8a55-4f57-9d0e-0c6f3a1b2d3e" })
    );
    let open = read(SESSION, true).unwrap().drafts;
    assert_eq!(open.last().map(|draft| draft.kind), Some("ai_response"), "the open call may still be answered");
}

#[test]
fn lines_of_one_message_are_one_reply_with_the_greatest_usage() {
    let usage = json!({ "inputTokens": 3, "outputTokens": 31, "cacheReadTokens": 2000, "cacheWriteTokens": 100 });
    let text = "I'll look at the basket first.\n\nBoth at once.";
    assert_eq!(data("ai_response", 0), json!({ "text": text, "model": "claude-opus-4-5", "usage": usage }));
    let reply = told().into_iter().find(|draft| draft.kind == "ai_response").unwrap();
    assert_eq!(reply.ts.to_rfc3339(), "2026-03-02T09:00:03.700+00:00");
}

#[test]
fn a_command_has_its_exit_code_or_the_reason_for_having_none() {
    let ended = |nth| {
        let data = data("command", nth);
        (data["command"].clone(), data["exitCode"].clone(), data["durationMs"].clone())
    };
    assert_eq!(ended(0), (json!("python -m pytest -q"), json!(1), json!(1250)));
    assert_eq!(ended(1), (json!("python -m pytest -q"), json!(0), json!(1000)));
    assert_eq!(ended(2), (json!("git push --force"), Value::Null, json!(2000)));
    assert_eq!(data("command", 2)["error"], "The user doesn't want to proceed with this tool use.");
}

#[test]
fn a_change_is_counted_and_a_failed_one_is_none() {
    let change = data("file_diff", 0);
    assert_eq!(
        (&change["path"], &change["linesAdded"], &change["linesRemoved"]),
        (&json!("src/basket.py"), &json!(2), &json!(1))
    );
    assert!(
        change["diff"].as_str().unwrap().starts_with("--- a/src/basket.py\n+++ b/src/basket.py\n@@ -1,2 +1,3 @@\n")
    );
    let authors: Vec<Author> = told().iter().filter(|d| d.kind == "file_diff").map(|d| d.author).collect();
    assert_eq!(authors, [Author::Tool, Author::Revised]);
    let failed = data("tool_use", 0);
    assert_eq!((&failed["toolName"], &failed["ok"]), (&json!("Edit"), &json!(false)));
    assert_eq!(failed["error"], "String to replace not found in file.");
}

#[test]
fn every_tool_has_the_fields_that_its_kind_promises() {
    let has = |kind: &str, nth, expected: Value| {
        let data = data(kind, nth);
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(data.get(name), Some(value), "{kind}.{name} of {data}");
        }
    };
    has("tool_intent", 0, json!({ "toolName": "SlashCommand", "inputPreview": "/model opus" }));
    has("file_search", 0, json!({ "toolName": "Grep", "pattern": "class Basket", "path": "src", "resultsCount": 1 }));
    has("file_read", 0, json!({ "path": "src/basket.py", "numLines": 2, "contentLength": 23 }));
    has("planning", 0, json!({ "toolName": "TodoWrite", "itemCount": 2 }));
    has("planning", 1, json!({ "toolName": "ExitPlanMode", "plan": "1. Commit" }));
    has("file_search", 1, json!({ "sidechain": true, "resultsCount": 2 }));
    has("task_dispatch", 0, json!({ "taskPreview": "Find every caller of Basket.", "subagentType": "Explore" }));
    has("task_dispatch", 0, json!({ "durationMs": 1400, "totalTokens": 900 }));
    has("web_lookup", 0, json!({ "toolName": "WebSearch", "query": "python decimal rounding" }));
    has("mcp_call", 0, json!({ "server": "tickets", "tool": "get_issue", "success": true, "durationMs": 300 }));
    has("context_compact", 0, json!({ "trigger": "auto", "preTokens": 155_000 }));
    has("interrupt", 0, json!({ "subtype": "action" }));
    has("prompt", 1, json!({ "text": "Never push. Just\n\ncommit.", "tokenCount": 7 }));
    has("tool_use", 1, json!({ "toolName": "Skill", "inputPreview": "review", "ok": false }));
}

#[test]
fn a_broken_line_is_counted_and_not_fatal() {
    let broken = read(SESSION, false).unwrap().broken;
    assert_eq!(broken.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [22]);
}

#[test]
fn a_repeated_line_is_told_once_and_ids_do_not_change() {
    let twice = format!("{SESSION}{SESSION}");
    assert_eq!(read(&twice, false).unwrap().drafts, told());
    let ids = || told().iter().map(|draft| draft.seal("s").unwrap().id).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(ids(), ids());
    assert_eq!(ids().len(), told().len());
}

#[test]
fn a_file_that_tells_nothing_is_a_clear_error() {
    assert_eq!(read("\n \n", false).unwrap_err(), ReadError::Empty);
    assert!(matches!(read("hello\nworld", false).unwrap_err(), ReadError::Unreadable(2, 1, _)));
    assert_eq!(read(r#"{"type":"summary"}"#, false).unwrap_err(), ReadError::Silent);
    let idle = r#"{"type":"system","timestamp":"2026-01-01T00:00:00Z"}"#;
    assert_eq!(read(idle, false).unwrap_err(), ReadError::Silent);
}
