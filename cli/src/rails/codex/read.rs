//! Reads a rollout line by line. Pure.

use crate::envelope::{Author, Data, Draft, Source};
use crate::transcript::tools::{cut, filled};
use crate::transcript::workspace_path;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Longest output kept, in bytes.
const OUTPUT_BYTES: usize = 32 * 1024;
/// Longest preview of an input, in bytes.
const PREVIEW_BYTES: usize = 400;
/// The names under which Codex runs a command.
const SHELLS: [&str; 6] = ["exec_command", "shell", "shell_command", "local_shell", "unified_exec", "container.exec"];
/// Beginnings of texts that Codex wrote in the person's name.
const INJECTED: [&str; 4] =
    ["<environment_context>", "<user_instructions>", "# AGENTS.md instructions", "<turn_aborted>"];

/// What is known of a rollout so far.
#[derive(Debug)]
pub(super) struct Reading {
    root: PathBuf,
    since: DateTime<Utc>,
    /// Codex' own name of the session; `None` before it is told, or when it works elsewhere.
    session: Option<String>,
    cwd: String,
    model: Option<String>,
    calls: HashMap<String, (DateTime<Utc>, String, Value)>,
    /// An answer that waits for its tokens.
    reply: Option<Draft>,
    number: usize,
}

impl Reading {
    /// Of a session below `root`, from `since` on.
    pub(super) fn of(root: &Path, since: DateTime<Utc>) -> Self {
        let (root, calls) = (root.to_owned(), HashMap::new());
        Self { root, since, session: None, cwd: String::new(), model: None, calls, reply: None, number: 0 }
    }

    /// Takes in a line.
    pub(super) fn add(&mut self, line: &str, drafts: &mut Vec<Draft>) {
        self.number += 1;
        let Ok(line) = serde_json::from_str::<Value>(line) else { return };
        let (Some(kind), Some(payload)) = (word(&line, "type"), line.get("payload")) else { return };
        let Some(ts) = word(&line, "timestamp").and_then(|ts| ts.parse::<DateTime<Utc>>().ok()) else { return };
        if kind == "session_meta" {
            let cwd = word(payload, "cwd").unwrap_or_default();
            if Path::new(cwd).starts_with(&self.root) {
                cwd.clone_into(&mut self.cwd);
                self.session = word(payload, "id").map(str::to_owned);
                let data = json!({ "ideSessionId": self.session, "cwd": cwd, "source": payload.get("source"),
                                   "cliVersion": payload.get("cli_version") });
                self.tell(ts, "start", ("session_start", Author::System, filled(data)), drafts);
            }
            return;
        }
        if self.session.is_none() || ts < self.since {
            return;
        }
        match kind {
            "turn_context" => self.model = word(payload, "model").map(str::to_owned),
            "event_msg" => self.event(ts, payload, drafts),
            "response_item" => self.item(ts, payload, drafts),
            "compacted" => {
                let mark = format!("compacted:{}", self.number);
                self.tell(ts, &mark, ("context_compact", Author::System, Data::new()), drafts);
            }
            _ => {}
        }
    }

    /// Tells what waits.
    pub(super) fn finish(&mut self, drafts: &mut Vec<Draft>) {
        drafts.extend(self.reply.take());
    }

    fn event(&mut self, ts: DateTime<Utc>, payload: &Value, drafts: &mut Vec<Draft>) {
        let mark = format!("line:{}", self.number);
        match word(payload, "type").unwrap_or_default() {
            "user_message" => {
                self.finish(drafts);
                let text = word(payload, "message").unwrap_or_default().trim();
                if !text.is_empty() && !INJECTED.iter().any(|beginning| text.starts_with(beginning)) {
                    let data = json!({ "text": text, "tokenCount": text.chars().count().div_ceil(4) });
                    self.tell(ts, &mark, ("prompt", Author::Human, filled(data)), drafts);
                }
            }
            "agent_message" => {
                self.finish(drafts);
                let mut told = Vec::new();
                let data = json!({ "text": word(payload, "message"), "model": self.model });
                self.tell(ts, &mark, ("ai_response", Author::Assistant, filled(data)), &mut told);
                self.reply = told.pop();
            }
            "token_count" => {
                let usage = payload.pointer("/info/last_token_usage");
                if let (Some(reply), Some(usage)) = (&mut self.reply, usage) {
                    let count = |name: &str| usage.get(name).and_then(Value::as_u64);
                    let cached = count("cached_input_tokens");
                    // Codex counts what it had cached among the input.
                    let input = count("input_tokens").map(|all| all.saturating_sub(cached.unwrap_or(0)));
                    let usage = json!({ "inputTokens": input, "outputTokens": count("output_tokens"),
                                        "cacheReadTokens": cached, "reasoningTokens": count("reasoning_output_tokens") });
                    reply.data.insert("usage".into(), Value::Object(filled(usage)));
                    reply.data.insert("usageScope".into(), "request".into());
                    self.finish(drafts);
                }
            }
            "patch_apply_end" if payload.get("success") != Some(&Value::Bool(false)) => self.patch(ts, payload, drafts),
            "exec_command_end" => self.ended(ts, payload, drafts),
            "turn_aborted" => {
                let data = json!({ "variant": payload.get("reason"), "subtype": "generation" });
                self.tell(ts, &mark, ("interrupt", Author::Human, filled(data)), drafts);
            }
            _ => {}
        }
    }

    fn item(&mut self, ts: DateTime<Utc>, payload: &Value, drafts: &mut Vec<Draft>) {
        let id = word(payload, "call_id").unwrap_or_default();
        match word(payload, "type").unwrap_or_default() {
            "function_call" | "custom_tool_call" | "local_shell_call" => {
                let name = word(payload, "name").unwrap_or("local_shell");
                let name = name.strip_prefix("functions.").unwrap_or(name);
                let input = ["arguments", "input", "action"].iter().find_map(|name| payload.get(*name));
                self.calls.insert(id.to_owned(), (ts, name.to_owned(), unfolded(input)));
            }
            "function_call_output" | "custom_tool_call_output" => {
                let Some((began, name, input)) = self.calls.remove(id) else { return };
                let output = payload.get("output").map(plain).unwrap_or_default();
                let took = (ts - began).num_milliseconds();
                if let Some(seen) = used(&name, &input, &output, took) {
                    self.tell(ts, id, seen, drafts);
                }
            }
            "web_search_call" => {
                let mark = format!("line:{}", self.number);
                let query = payload.pointer("/action/query");
                let data = filled(json!({ "toolName": "web_search", "query": query }));
                self.tell(ts, &mark, ("web_lookup", Author::Tool, data), drafts);
            }
            _ => {}
        }
    }

    fn patch(&self, ts: DateTime<Utc>, payload: &Value, drafts: &mut Vec<Draft>) {
        let id = word(payload, "call_id").unwrap_or_default();
        for (path, change) in payload.get("changes").and_then(Value::as_object).into_iter().flatten() {
            let path = workspace_path(path, &self.cwd);
            let content = word(change, "content");
            let (kind, data) = match word(change, "type").unwrap_or_default() {
                "add" => {
                    let lines = content.map(|content| content.lines().count());
                    let data = json!({ "path": path, "content": content, "linesAdded": lines,
                                       "sizeBytes": content.map(str::len) });
                    ("file_create", data)
                }
                "delete" => ("file_delete", json!({ "path": path })),
                _ => {
                    let diff = word(change, "unified_diff").unwrap_or_default();
                    let count = |mark: char, head: &str| {
                        diff.lines().filter(|line| line.starts_with(mark) && !line.starts_with(head)).count()
                    };
                    let data = json!({ "path": path, "diff": diff, "linesAdded": count('+', "+++"),
                                       "linesRemoved": count('-', "---"), "movePath": change.get("move_path"),
                                       "toolName": "apply_patch", "attribution": "likely_ai" });
                    ("file_diff", data)
                }
            };
            self.tell(ts, &format!("{id}:{path}"), (kind, Author::Tool, filled(data)), drafts);
        }
    }

    /// Versions that tell the end of a command tell its exit code for sure.
    fn ended(&mut self, ts: DateTime<Utc>, payload: &Value, drafts: &mut Vec<Draft>) {
        let id = word(payload, "call_id").unwrap_or_default();
        let known = self.calls.remove(id);
        let command = payload.get("command").map(command_line);
        let command = command.or_else(|| known.as_ref().map(|(_, _, input)| of_input(input)));
        let Some(command) = command else { return };
        let output = ["aggregated_output", "formatted_output", "stdout"].iter().find_map(|name| word(payload, name));
        let took = known.map(|(began, ..)| (ts - began).num_milliseconds());
        let mut data = filled(json!({ "command": command, "stdout": output.map(|text| cut(text, OUTPUT_BYTES)),
                                      "durationMs": took }));
        data.insert("exitCode".into(), payload.get("exit_code").cloned().unwrap_or_default());
        self.tell(ts, id, ("command", Author::Tool, data), drafts);
    }

    fn tell(&self, ts: DateTime<Utc>, mark: &str, seen: (&'static str, Author, Data), drafts: &mut Vec<Draft>) {
        let (kind, author, mut data) = seen;
        let session = self.session.as_deref().unwrap_or_default();
        if ts < self.since {
            return;
        }
        data.insert("meta".into(), Value::Object(filled(json!({ "ideSessionId": session, "cwd": self.cwd }))));
        let key = format!("codex:{session}:{mark}");
        drafts.push(Draft { ts, kind, key, source: Source::CODEX, author, data });
    }
}

/// The event of a call; `None` where another line tells it.
fn used(name: &str, input: &Value, output: &str, took: i64) -> Option<(&'static str, Author, Data)> {
    let preview = || cut(&input.to_string(), PREVIEW_BYTES).to_owned();
    let (kind, data) = match name {
        shell if SHELLS.contains(&shell) => {
            let (code, text) = ending(output);
            let mut data = filled(json!({ "command": of_input(input), "stdout": cut(&text, OUTPUT_BYTES),
                                          "durationMs": took }));
            // A command that was handed to the background has no end yet.
            data.insert("exitCode".into(), json!(code));
            return Some(("command", Author::Tool, data));
        }
        "apply_patch" | "write_stdin" => return None,
        "update_plan" => (
            "planning",
            json!({ "toolName": name, "todos": input.get("plan"), "explanation": input.get("explanation") }),
        ),
        name => match name.strip_prefix("mcp__").unwrap_or(name).split_once("__") {
            Some(("promptster", _)) => return None,
            Some((server, tool)) => {
                ("mcp_call", json!({ "server": server, "tool": tool, "argsPreview": preview(), "durationMs": took }))
            }
            None => ("tool_use", json!({ "toolName": name, "inputPreview": preview(), "durationMs": took })),
        },
    };
    Some((kind, Author::Tool, filled(data)))
}

/// The exit code that an output tells, in one of the ways of its versions, and what the command printed.
fn ending(output: &str) -> (Option<i64>, String) {
    if let Ok(Value::Object(told)) = serde_json::from_str::<Value>(output) {
        let text = told.get("output").and_then(Value::as_str).unwrap_or_default().to_owned();
        return (told.get("metadata").and_then(|told| told.get("exit_code")?.as_i64()), text);
    }
    let Some((head, text)) = output.split_once("Output:\n") else { return (None, output.to_owned()) };
    let lower = head.to_ascii_lowercase();
    let code = ["exited with code ", "exit code: ", "exit code "].iter().find_map(|words| {
        let (_, rest) = lower.split_once(words)?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    });
    (code, text.to_owned())
}

fn of_input(input: &Value) -> String {
    ["command", "cmd"].iter().find_map(|name| input.get(*name)).map(command_line).unwrap_or_default()
}

/// A command as a person would have typed it: `["bash", "-lc", "ls"]` is `ls`.
fn command_line(command: &Value) -> String {
    match command {
        Value::String(text) => text.clone(),
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            match words.as_slice() {
                [_, "-lc" | "-c", script] => (*script).to_owned(),
                words => words.join(" "),
            }
        }
        _ => String::new(),
    }
}

fn word<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

/// Some arguments are JSON as text.
fn unfolded(value: Option<&Value>) -> Value {
    match value {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
        Some(value) => value.clone(),
        None => Value::Null,
    }
}

fn plain(output: &Value) -> String {
    match output {
        Value::String(text) => text.clone(),
        other => other.get("content").and_then(Value::as_str).map_or_else(|| other.to_string(), str::to_owned),
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
