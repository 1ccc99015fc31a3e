//! What Cursor tells its hooks. The address of the person that it sends along is never looked at.

use super::{Seen, draft, key, prompt, test_runs, text};
use crate::envelope::{Author, Draft, Source};
use crate::transcript::tools::{Answer, Call, filled, finished};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// What Cursor wants to hear in return: never a decision, never the payload.
pub(crate) fn answer(payload: &Value) -> &'static str {
    if text(payload, "hook_event_name") == Some("beforeSubmitPrompt") { r#"{"continue":true}"# } else { "{}" }
}

/// The events of one payload; none where another hook tells the same.
pub(crate) fn read(payload: &Value, now: DateTime<Utc>) -> Vec<Draft> {
    let Some(mut seen) = seen(payload, now) else { return Vec::new() };
    let id = |name: &str| text(payload, name);
    let conversation = id("conversation_id").or_else(|| id("session_id")).unwrap_or_default();
    let model = id("model").filter(|model| *model != "default");
    let meta = filled(json!({ "ideSessionId": conversation, "generationId": id("generation_id"), "model": model }));
    seen.2.insert("meta".into(), Value::Object(meta));
    // A hook that runs for several reasons (project, user) tells the same twice within a turn.
    let mut told = payload.clone();
    if let Some(told) = told.as_object_mut() {
        told.retain(|name, _| {
            !matches!(name.as_str(), "user_email" | "transcript_path" | "workspace_roots" | "cursor_version")
        });
    }
    let key = key("cursor", conversation, id("tool_use_id"), id("generation_id"), &told.to_string(), now);
    test_runs::told(draft(Source::CURSOR, now, key, seen))
}

fn seen(payload: &Value, now: DateTime<Utc>) -> Option<Seen> {
    let (told, system) = (|name: &str| payload.get(name), Author::System);
    Some(match text(payload, "hook_event_name")? {
        "beforeSubmitPrompt" => ("prompt", Author::Human, prompt(text(payload, "prompt")?)),
        "afterFileEdit" => {
            let input = json!({ "file_path": told("file_path"), "edits": told("edits") });
            let (kind, author, mut data) = used(payload, "MultiEdit", input, Value::Null, None, now);
            data.insert("toolName".into(), "afterFileEdit".into());
            (kind, author, data)
        }
        "afterShellExecution" => shell(payload, None),
        "afterMCPExecution" => {
            let data = json!({ "tool": told("tool_name"), "server": told("url").or_else(|| told("command")),
                               "argsPreview": preview(told("tool_input")), "success": true, "durationMs": millis(payload) });
            ("mcp_call", Author::Tool, filled(data))
        }
        "postToolUse" => succeeded(payload, now)?,
        "postToolUseFailure" => failed(payload, now)?,
        "afterAgentResponse" => (
            "ai_response",
            Author::Assistant,
            filled(json!({ "text": text(payload, "text")?, "model": told("model") })),
        ),
        "stop" => {
            let count = |name: &str| told(name).filter(|count| count.is_u64());
            let data = json!({ "status": told("status"), "loopCount": told("loop_count"),
                               "inputTokens": count("input_tokens"), "outputTokens": count("output_tokens"),
                               "cacheReadTokens": count("cache_read_tokens"),
                               "cacheWriteTokens": count("cache_write_tokens") });
            ("turn_end", system, filled(data))
        }
        "subagentStop" => {
            let data =
                json!({ "subagentType": told("subagent_type"), "status": told("status"), "summary": told("summary") });
            ("subagent_stop", Author::Tool, filled(data))
        }
        "sessionStart" => {
            let data = json!({ "cursorSessionId": told("session_id"), "composerMode": told("composer_mode") });
            ("session_start", system, filled(data))
        }
        "sessionEnd" => {
            let data = json!({ "cursorSessionId": told("session_id"), "reason": told("reason"),
                               "finalStatus": told("final_status") });
            ("session_end", system, filled(data))
        }
        "preCompact" => ("context_compact", system, filled(json!({ "trigger": told("trigger") }))),
        _ => return None,
    })
}

/// The name in the table of tools; `None` for a tool whose use another hook tells.
fn known_as(tool: &str) -> Option<&str> {
    match tool {
        "Shell" | "Write" | "StrReplace" | "ApplyPatch" | "TabWrite" => None,
        mcp if mcp.starts_with("MCP:") => None,
        "TabRead" => Some("Read"),
        other => Some(other),
    }
}

fn succeeded(payload: &Value, now: DateTime<Utc>) -> Option<Seen> {
    let name = known_as(text(payload, "tool_name")?)?;
    Some(used(payload, name, input(payload), output(payload), None, now))
}

/// A failure is told here only, whatever the tool.
fn failed(payload: &Value, now: DateTime<Utc>) -> Option<Seen> {
    let (name, error) = (text(payload, "tool_name")?, text(payload, "error_message").unwrap_or("failed"));
    if name == "Shell" {
        return Some(shell(payload, Some(error)));
    }
    let name = match name {
        "StrReplace" | "ApplyPatch" => "Edit",
        other => other,
    };
    Some(used(payload, name, input(payload), Value::Null, Some(error), now))
}

fn used(payload: &Value, name: &str, input: Value, result: Value, error: Option<&str>, now: DateTime<Utc>) -> Seen {
    let mut input = input;
    if let Some(fields) = input.as_object_mut() {
        // The same things by other names.
        for (theirs, ours) in [("path", "file_path"), ("target_file", "file_path"), ("search_term", "query")] {
            if let (Some(value), false) = (fields.get(theirs).cloned(), fields.contains_key(ours)) {
                fields.insert(ours.to_owned(), value);
            }
        }
    }
    let root = payload.get("workspace_roots").and_then(|roots| roots.get(0)).and_then(Value::as_str);
    let (call, answer) = (
        Call { name: name.to_owned(), input, ts: now },
        Answer { ts: now, text: error.unwrap_or_default().to_owned(), is_error: error.is_some(), result },
    );
    let (kind, author, mut data) = finished(&call, &answer, root.unwrap_or_default());
    match millis(payload) {
        Some(ms) => data.insert("durationMs".into(), ms.into()),
        None => data.remove("durationMs"),
    };
    (kind, author, data)
}

/// Cursor tells no exit code: it is null, unless a failure names it.
fn shell(payload: &Value, error: Option<&str>) -> Seen {
    let from_input = payload.get("tool_input").and_then(|input| text(input, "command"));
    let command = text(payload, "command").or(from_input).unwrap_or_default();
    let mut data = filled(json!({ "command": command, "stdout": text(payload, "output"), "error": error,
                                  "durationMs": millis(payload) }));
    data.insert("exitCode".into(), json!(error.and_then(exit_code)));
    ("command", Author::Tool, data)
}

fn exit_code(error: &str) -> Option<i64> {
    let lower = error.to_ascii_lowercase();
    let at = ["exit code ", "exit code: ", "exited with code "]
        .iter()
        .find_map(|words| Some(lower.find(words)? + words.len()))?;
    let digits = lower.get(at..)?;
    digits.get(..digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len()))?.parse().ok()
}

/// Durations are fractions of milliseconds.
fn millis(payload: &Value) -> Option<u64> {
    let number: serde_json::Number =
        payload.get("duration").or_else(|| payload.get("duration_ms"))?.as_number()?.clone();
    number.as_u64().or_else(|| number.to_string().split('.').next()?.parse().ok())
}

/// Some payloads hold JSON as text.
fn unfolded(value: Option<&Value>) -> Value {
    match value {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
        Some(value) => value.clone(),
        None => Value::Null,
    }
}

fn input(payload: &Value) -> Value {
    unfolded(payload.get("tool_input"))
}

fn output(payload: &Value) -> Value {
    unfolded(payload.get("tool_output"))
}

fn preview(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(crate::transcript::tools::cut(&text, 400).to_owned())
}
