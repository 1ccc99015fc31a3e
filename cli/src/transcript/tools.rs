//! What one use of a tool turns into: the call and its answer become one event.

use super::line::Block;
use super::{files, shell};
use crate::envelope::{Author, Data};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// Longest preview of an input or a task, in bytes.
const PREVIEW_BYTES: usize = 400;
/// Longest error text, in bytes.
const ERROR_BYTES: usize = 4096;

/// A tool that the assistant called.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) input: Value,
    pub(crate) ts: DateTime<Utc>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) ts: DateTime<Utc>,
    pub(crate) text: String,
    pub(crate) is_error: bool,
    /// The tool's own result object, or a string on errors.
    pub(crate) result: Value,
}

impl Answer {
    /// The reason of a failure, without the wrapping that only the model needs.
    pub(crate) fn error(&self) -> String {
        let text = self.text.trim();
        let text = text.strip_prefix("<tool_use_error>").unwrap_or(text);
        let text = text.strip_suffix("</tool_use_error>").unwrap_or(text);
        cut(text.strip_prefix("Error: ").unwrap_or(text), ERROR_BYTES).to_owned()
    }

    /// The time that the tool took, as it says itself or else as the clock saw it.
    pub(crate) fn duration_ms(&self, call: &Call) -> Option<i64> {
        let told = ["durationMs", "totalDurationMs"].iter().find_map(|name| self.result.get(name)?.as_i64());
        told.or_else(|| Some((self.ts - call.ts).num_milliseconds())).filter(|ms| *ms >= 0)
    }
}

/// What an observation becomes: the event's kind, its author and its payload.
pub(crate) type Seen = (&'static str, Author, Data);

/// Turns a finished call into its event.
pub(crate) fn finished(call: &Call, answer: &Answer, cwd: &str) -> Seen {
    let (input, result) = (&call.input, &answer.result);
    let path = |name: &str| super::patch::workspace_path(text(input, name), cwd);
    let (kind, payload) = match call.name.as_str() {
        "Bash" | "PowerShell" => return ("command", Author::Tool, shell::command(call, answer)),
        "Write" | "Edit" | "MultiEdit" | "NotebookEdit" => {
            return files::change(call, answer, cwd).unwrap_or_else(|| other(call, answer));
        }
        "Read" | "NotebookRead" if answer.is_error => return other(call, answer),
        "Read" | "NotebookRead" => {
            let file = result.get("file");
            let of_file = |name: &str| file.and_then(|file| file.get(name)).cloned();
            let length = file.and_then(|file| file.get("content")).and_then(Value::as_str).map(str::len);
            let named = if call.name == "Read" { "file_path" } else { "notebook_path" };
            let seen = json!({ "path": path(named), "numLines": of_file("numLines"),
                               "startLine": of_file("startLine"), "totalLines": of_file("totalLines"),
                               "contentLength": length, "type": result.get("type") });
            ("file_read", seen)
        }
        "Glob" | "Grep" => ("file_search", search(call, answer, cwd)),
        "Delete" if !answer.is_error => ("file_delete", json!({ "path": path("file_path") })),
        "LS" => ("dir_list", json!({ "path": path("path") })),
        "WebFetch" | "WebSearch" => {
            let seen = json!({ "toolName": call.name, "url": input.get("url"), "query": input.get("query"),
                               "code": result.get("code"), "durationMs": answer.duration_ms(call) });
            ("web_lookup", seen)
        }
        "Agent" | "Task" => {
            let seen = json!({ "taskPreview": cut(text(input, "prompt"), PREVIEW_BYTES),
                               "description": input.get("description"), "subagentType": input.get("subagent_type"),
                               "subagentId": result.get("agentId"), "status": result.get("status"),
                               "totalTokens": result.get("totalTokens"),
                               "totalToolUseCount": result.get("totalToolUseCount"),
                               "durationMs": answer.duration_ms(call) });
            ("task_dispatch", seen)
        }
        "ExitPlanMode" => ("planning", json!({ "toolName": call.name, "plan": plan(input, result) })),
        "TodoWrite" => {
            let todos = input.get("todos");
            let count = todos.and_then(Value::as_array).map(Vec::len);
            ("planning", json!({ "toolName": call.name, "todos": todos, "itemCount": count }))
        }
        "TaskCreate" | "TaskUpdate" => {
            let task = result.get("taskId").or_else(|| result.get("task")?.get("id"));
            let seen = json!({ "toolName": call.name, "subject": input.get("subject"),
                               "description": input.get("description"), "status": input.get("status"),
                               "taskId": input.get("taskId").or(task) });
            ("planning", seen)
        }
        "TodoRead" | "TaskList" | "TaskGet" => ("planning_read", json!({ "toolName": call.name })),
        name => match name.strip_prefix("mcp__").and_then(|name| name.split_once("__")) {
            Some((server, tool)) => {
                let seen = json!({ "server": server, "tool": tool, "success": !answer.is_error,
                                   "argsPreview": preview(input), "durationMs": answer.duration_ms(call) });
                ("mcp_call", seen)
            }
            None => return other(call, answer),
        },
    };
    let mut data = filled(payload);
    if answer.is_error {
        data.insert("ok".into(), false.into());
        data.insert("error".into(), answer.error().into());
    }
    (kind, Author::Tool, data)
}

/// A call that the transcript never answers: the session was cut off, or the person stopped it.
pub(super) fn unanswered(call: &Call) -> Seen {
    let data = filled(json!({ "toolName": call.name, "inputPreview": preview(&call.input), "ok": false,
                              "error": "the transcript holds no result" }));
    ("tool_use", Author::Tool, data)
}

/// Any tool without a kind of its own, and changes and reads that failed.
fn other(call: &Call, answer: &Answer) -> Seen {
    let error = answer.is_error.then(|| answer.error());
    let data = filled(json!({ "toolName": call.name, "inputPreview": preview(&call.input), "ok": !answer.is_error,
                              "error": error, "answers": answer.result.get("answers"),
                              "durationMs": answer.duration_ms(call) }));
    ("tool_use", Author::Tool, data)
}

fn search(call: &Call, answer: &Answer, cwd: &str) -> Value {
    let result = &answer.result;
    let listed = result.get("filenames").and_then(Value::as_array).map(|files| json!(files.len()));
    let count = result.get("numMatches").or_else(|| result.get("numFiles")).cloned().or(listed);
    let at = call.input.get("path").and_then(Value::as_str);
    json!({ "toolName": call.name, "pattern": call.input.get("pattern"),
            "path": at.map(|path| super::patch::workspace_path(path, cwd)), "glob": call.input.get("glob"),
            "cwd": Some(cwd).filter(|cwd| !cwd.is_empty()), "resultsCount": count })
}

fn plan<'a>(input: &'a Value, result: &'a Value) -> Option<&'a Value> {
    result.get("plan").or_else(|| input.get("plan"))
}

/// A short look at an input: its most telling field, else the whole as JSON.
fn preview(input: &Value) -> String {
    let telling = ["file_path", "notebook_path", "command", "description", "query", "skill", "plan"];
    match telling.iter().find_map(|name| input.get(name)?.as_str()) {
        Some(field) => cut(field, PREVIEW_BYTES).to_owned(),
        None => cut(&input.to_string(), PREVIEW_BYTES).to_owned(),
    }
}

/// A field that should be text; anything else reads as empty.
pub(super) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Shortens a text to at most `bytes`, never inside a character.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// The fields of an object that have a value.
pub(crate) fn filled(object: Value) -> Data {
    match object {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Data::new(),
    }
}

/// The calls among the blocks of an assistant's message.
pub(super) fn calls(blocks: &[Block], ts: DateTime<Utc>) -> impl Iterator<Item = (String, Call)> + '_ {
    blocks.iter().filter_map(move |block| match block {
        Block::ToolUse { id, name, input } => Some((id.clone(), Call { name: name.clone(), input: input.clone(), ts })),
        _ => None,
    })
}
