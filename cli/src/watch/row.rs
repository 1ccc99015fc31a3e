//! An event in a line.

use crate::plain::plain;
use serde_json::Value;

/// What a line is about, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// The candidate says something.
    Human,
    /// The model does.
    Model,
    /// Something changed.
    Change,
    /// It worked.
    Good,
    /// It failed.
    Bad,
    /// A decision.
    Decision,
    /// All else.
    Quiet,
}

/// An event as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Its place in the log.
    pub(super) seq: u64,
    /// When it happened, RFC 3339.
    pub(super) ts: String,
    /// Its kind.
    pub(super) kind: String,
    /// What happened, on one line, safe for a terminal.
    pub(super) text: String,
    /// What it is about.
    pub(super) tone: Tone,
}

impl Row {
    /// Of a row of the timeline.
    pub(super) fn of(event: &Value) -> Self {
        let word = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let data = event.get("data").unwrap_or(&Value::Null);
        let kind = word("kind");
        let (text, tone) = told(kind, data);
        Self {
            seq: event.get("seq").and_then(Value::as_u64).unwrap_or_default(),
            ts: plain(word("ts")),
            kind: plain(kind),
            text: plain(&text),
            tone,
        }
    }
}

/// What happened, in words, before it is made safe.
fn told(kind: &str, data: &Value) -> (String, Tone) {
    let word = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| data.get(name).and_then(Value::as_i64);
    let first = |names: &[&str]| names.iter().map(|name| word(name)).find(|text| !text.is_empty()).unwrap_or_default();
    match kind {
        "prompt" => (first(&["text", "prompt"]).to_owned(), Tone::Human),
        "ai_response" => (first(&["lastAssistantMessage", "text"]).to_owned(), Tone::Model),
        "command" => {
            let (code, tone) = match number("exitCode") {
                None => (String::new(), Tone::Quiet),
                Some(0) => ("  → 0".to_owned(), Tone::Good),
                Some(code) => (format!("  → {code}"), Tone::Bad),
            };
            (format!("$ {}{code}", word("command")), tone)
        }
        "file_diff" | "file_create" => {
            let (added, removed) = (number("linesAdded").unwrap_or(0), number("linesRemoved").unwrap_or(0));
            let path = first(&["path"]);
            let path = if path.is_empty() { "(no path)" } else { path };
            (format!("{path}  +{added} −{removed}"), Tone::Change)
        }
        "file_delete" => (format!("{}  deleted", word("path")), Tone::Change),
        "test_run" => {
            let (passed, failed) = (number("passed").unwrap_or(0), number("failed").unwrap_or(0));
            let tone = if failed > 0 { Tone::Bad } else { Tone::Good };
            (format!("{}  {passed} passed, {failed} failed", word("suite")).trim_start().to_owned(), tone)
        }
        "decision_event" => {
            let (title, chosen) = (word("title"), first(&["chosenOption", "rationale"]));
            (if chosen.is_empty() { title.to_owned() } else { format!("{title}: {chosen}") }, Tone::Decision)
        }
        "tool_call" | "tool_use" | "tool_result" | "tool_intent" | "mcp_call" => {
            let failed = data.get("ok").and_then(Value::as_bool) == Some(false);
            let told = first(&["error", "inputPreview", "argsPreview", "resultPreview"]);
            let text = format!("{} {told}", first(&["toolName", "tool"]));
            (text.trim().to_owned(), if failed { Tone::Bad } else { Tone::Quiet })
        }
        _ => {
            let names =
                ["path", "pattern", "query", "url", "label", "summary", "action", "subject", "reason", "subKind"];
            (first(&names).to_owned(), Tone::Quiet)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Tone};
    use serde_json::json;

    #[test]
    fn what_happened_is_told_on_one_safe_line() {
        let row = |kind: &str, data: serde_json::Value| {
            let row = Row::of(&json!({ "seq": 7, "ts": "2026-01-01T00:00:00Z", "kind": kind, "data": data }));
            (row.text, row.tone)
        };
        let expect = |text: &str, tone| (text.to_owned(), tone);
        assert_eq!(row("prompt", json!({ "text": "fix\nit\u{1b}[2J" })), expect("fix⏎it␛[2J", Tone::Human));
        assert_eq!(row("command", json!({ "command": "make", "exitCode": 2 })), expect("$ make  → 2", Tone::Bad));
        assert_eq!(row("command", json!({ "command": "ls", "exitCode": null })), expect("$ ls", Tone::Quiet));
        assert_eq!(row("file_diff", json!({ "path": "", "linesAdded": 3 })), expect("(no path)  +3 −0", Tone::Change));
        assert_eq!(row("test_run", json!({ "passed": 3, "failed": 1 })), expect("3 passed, 1 failed", Tone::Bad));
        assert_eq!(row("something_new", json!({ "n": 1 })), expect("", Tone::Quiet));
        assert_eq!(Row::of(&json!({ "kind": 3 })).text, "");
    }
}
