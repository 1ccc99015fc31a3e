//! What Claude Code tells its hooks.

use super::{Seen, draft, key, prompt, test_runs, text};
use crate::envelope::{Author, Draft, Source};
use crate::transcript::tools::{Answer, Call, filled, finished};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

/// The server of this tool's own MCP server: what it is asked it records itself.
const OWN_TOOLS: &str = "mcp__promptster__";

/// The events of one payload; none where it says nothing new.
pub(crate) fn read(payload: &Value, now: DateTime<Utc>) -> Vec<Draft> {
    // Cursor runs the hooks of Claude Code's settings as well, next to its own.
    if payload.get("cursor_version").is_some() {
        return Vec::new();
    }
    let session = text(payload, "session_id").unwrap_or_default();
    let Some((mut seen, name)) = seen(payload, now) else { return Vec::new() };
    let meta = filled(json!({ "ideSessionId": text(payload, "session_id"), "cwd": text(payload, "cwd"),
                              "agentId": payload.get("agent_id"), "permissionMode": payload.get("permission_mode") }));
    seen.2.insert("meta".into(), Value::Object(meta));
    if text(payload, "agent_id").is_some() {
        seen.2.insert("sidechain".into(), true.into());
    }
    let key = key("claude", session, name, text(payload, "prompt_id"), &payload.to_string(), now);
    test_runs::told(draft(Source::CLAUDE_CODE, now, key, seen))
}

/// The reason that a person gave with `/explain`, when this payload is one.
pub(crate) fn explanation(payload: &Value) -> Option<&str> {
    let is_explain = text(payload, "hook_event_name") == Some("UserPromptExpansion")
        && text(payload, "command_name").is_some_and(|name| name.trim_start_matches('/') == "explain");
    if is_explain { text(payload, "command_args").map(str::trim).filter(|words| !words.is_empty()) } else { None }
}

fn seen(payload: &Value, now: DateTime<Utc>) -> Option<(Seen, Option<&str>)> {
    let (told, system) = (|name: &str| payload.get(name), Author::System);
    let seen = match text(payload, "hook_event_name")? {
        "PostToolUse" => return tool(payload, false, now),
        "PostToolUseFailure" => return tool(payload, true, now),
        "UserPromptSubmit" => ("prompt", Author::Human, prompt(text(payload, "prompt")?)),
        "SessionStart" => {
            let data = json!({ "ideSessionId": told("session_id"), "source": told("source"), "model": told("model"),
                               "cwd": told("cwd") });
            ("session_start", system, filled(data))
        }
        "SessionEnd" => {
            ("session_end", system, filled(json!({ "ideSessionId": told("session_id"), "reason": told("reason") })))
        }
        "Stop" => {
            let words = text(payload, "last_assistant_message")?;
            ("ai_response", Author::Assistant, filled(json!({ "text": words, "stopReason": told("stop_reason") })))
        }
        "SubagentStart" => {
            let data = json!({ "subagentId": told("agent_id"), "subagentType": told("agent_type") });
            ("subagent_start", Author::Tool, filled(data))
        }
        "SubagentStop" => {
            let data = json!({ "subagentId": told("agent_id"), "subagentType": told("agent_type"),
                               "summary": told("last_assistant_message") });
            ("subagent_stop", Author::Tool, filled(data))
        }
        "PreCompact" => ("context_compact", system, filled(json!({ "trigger": told("trigger") }))),
        "TaskCreated" | "TaskCompleted" => {
            let status = if text(payload, "hook_event_name") == Some("TaskCreated") { "created" } else { "completed" };
            let data = json!({ "taskId": told("task_id"), "subject": told("task_subject"),
                               "description": told("task_description"), "status": status });
            ("planning", Author::Tool, filled(data))
        }
        "ConfigChange" => {
            ("config_change", system, filled(json!({ "source": told("source"), "path": told("file_path") })))
        }
        _ => return None,
    };
    Some((seen, None))
}

fn tool(payload: &Value, is_error: bool, now: DateTime<Utc>) -> Option<(Seen, Option<&str>)> {
    let name = text(payload, "tool_name").filter(|name| !name.starts_with(OWN_TOOLS))?;
    let result = payload.get("tool_response").cloned().unwrap_or_default();
    let error = text(payload, "error").unwrap_or_default();
    let answer_text = if is_error { error } else { result.as_str().unwrap_or_default() };
    // How long it took is told at its end, so that is how long ago it began.
    let took = payload.get("duration_ms").and_then(Value::as_i64);
    let call = Call {
        name: name.to_owned(),
        input: payload.get("tool_input").cloned().unwrap_or_default(),
        ts: now - TimeDelta::try_milliseconds(took.unwrap_or(0)).unwrap_or_default(),
    };
    let answer = Answer { ts: now, text: answer_text.to_owned(), is_error, result };
    let root = std::env::var("CLAUDE_PROJECT_DIR").ok();
    let cwd = root.as_deref().or_else(|| text(payload, "cwd")).unwrap_or_default();
    let (kind, author, mut data) = finished(&call, &answer, cwd);
    if took.is_none() && answer.result.get("durationMs").is_none() {
        // Nobody said how long it took, and the difference of two equal times is no measurement.
        data.remove("durationMs");
    }
    if payload.get("is_interrupt").and_then(Value::as_bool) == Some(true) {
        data.insert("interrupted".into(), true.into());
    }
    Some(((kind, author, data), text(payload, "tool_use_id")))
}
