//! What is known of the watched session. Pure: messages in, lines out.

use super::shown::{one_line, shown};
use serde_json::Value;
use std::collections::VecDeque;

/// Most events that are kept for scrolling.
const EVENTS: usize = 5_000;
/// Longest text of a detail, in bytes.
const DETAIL_BYTES: usize = 64 * 1024;

/// An event on the board.
#[derive(Debug)]
pub(super) struct Row {
    /// The time of day, UTC.
    pub(super) time: String,
    /// Its kind.
    pub(super) kind: String,
    /// Whose it is.
    pub(super) author: Author,
    /// What it says, in a line.
    pub(super) text: String,
    event: Value,
}

/// Whose an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    Human,
    Ai,
    Other,
}

/// The board.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// The session as the server tells it.
    pub(super) session: Value,
    /// Its signals as the server tells them.
    pub(super) signals: Value,
    /// The events, the oldest first.
    pub(super) rows: VecDeque<Row>,
    /// The greatest place of an event that is here.
    pub(super) last_seq: u64,
    /// Others who watch.
    pub(super) watchers: u64,
    /// How the connection is.
    pub(super) link: String,
}

impl Board {
    /// Takes in a message of the server.
    pub(super) fn take(&mut self, message: &Value) {
        let part = |name: &str| message.get(name).cloned().unwrap_or_default();
        match message.get("type").and_then(Value::as_str).unwrap_or_default() {
            "hello" => {
                self.session = part("session");
                self.signals = part("signals");
            }
            "event" => self.add(part("event")),
            "signals" => self.signals = part("signals"),
            "session" => self.session = part("session"),
            "presence" => self.watchers = message.get("watchers").and_then(Value::as_u64).unwrap_or(0),
            _ => {}
        }
    }

    fn add(&mut self, event: Value) {
        let seq = event.get("seq").and_then(Value::as_u64).unwrap_or(0);
        // A connection that came back may tell an event again.
        if seq <= self.last_seq {
            return;
        }
        self.last_seq = seq;
        if self.rows.len() >= EVENTS {
            self.rows.pop_front();
        }
        let word = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let author = match word("/actor/type") {
            "human" => Author::Human,
            "ai" => Author::Ai,
            _ => Author::Other,
        };
        let time = word("/ts").split_once('T').map_or("", |(_, time)| time).get(..8).unwrap_or_default().to_owned();
        let (kind, text) = (shown(word("/kind")), one_line(&summary(&event)));
        self.rows.push_back(Row { time: shown(&time), kind, author, text, event });
    }

    /// Who and what is watched, in a line.
    pub(super) fn title(&self) -> String {
        let word = |path: &str| self.session.pointer(path).and_then(Value::as_str);
        let name = word("/candidateName").or(word("/metadata/candidateName")).unwrap_or("a candidate");
        let (id, status) = (word("/id").unwrap_or_default(), word("/status").unwrap_or("unknown"));
        format!("{} · {} · {}", shown(name), shown(status), shown(id))
    }

    /// The signals that are worth a look, each with its value.
    pub(super) fn signals(&self) -> Vec<(&'static str, String)> {
        let value = |name: &str| {
            let signal = self.signals.get(name)?;
            let value = signal.get("value").unwrap_or(signal);
            Some(value.clone()).filter(|value| !value.is_null())
        };
        let count = |name: &str| value(name).map_or_else(|| "–".to_owned(), |value| one_line(&plain(&value)));
        let share = |name: &str, scale: f64| {
            let number = value(name).and_then(|value| value.as_f64());
            number.map_or_else(|| "–".to_owned(), |number| format!("{:.0} %", number * scale))
        };
        let duration = value("durationMs").and_then(|value| value.as_u64()).unwrap_or(0) / 1000;
        vec![
            ("time", format!("{}:{:02}:{:02}", duration / 3600, duration / 60 % 60, duration % 60)),
            ("prompts", count("promptCount")),
            ("commands", count("commandCount")),
            ("failed", share("commandFailRate", 100.0)),
            ("tests", count("testRunCount")),
            ("passed", count("testsPassedAtEnd")),
            ("changes", count("fileChangeCount")),
            ("by hand", share("manualEditRatio", 100.0)),
            ("by AI", share("aiAttributionPct", 1.0)),
            ("decisions", count("decisionFlagCount")),
        ]
    }

    /// All that an event says, line by line.
    pub(super) fn detail(&self, index: usize) -> Vec<String> {
        let Some(row) = self.rows.get(index) else { return Vec::new() };
        let mut lines = Vec::new();
        for (name, value) in row.event.get("data").and_then(Value::as_object).into_iter().flatten() {
            let text = plain(value);
            let text = text.get(..text.floor_char_boundary(DETAIL_BYTES)).unwrap_or(&text);
            let name = shown(name);
            if text.contains('\n') {
                lines.push(format!("{name}:"));
                lines.extend(text.lines().map(|line| format!("  {}", shown(line.trim_end_matches('\r')))));
            } else {
                lines.push(format!("{name}: {}", shown(text)));
            }
        }
        lines
    }
}

/// What an event is about.
fn summary(event: &Value) -> String {
    let data = event.get("data").unwrap_or(&Value::Null);
    let word = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| data.get(name).and_then(Value::as_i64);
    match event.get("kind").and_then(Value::as_str).unwrap_or_default() {
        "command" | "test_run" => {
            let end = number("exitCode").map_or_else(String::new, |code| format!("[{code}] "));
            let tests =
                number("passed").map(|passed| format!("  ({passed} passed, {} failed)", number("failed").unwrap_or(0)));
            format!("{end}{}{}", word("command"), tests.unwrap_or_default())
        }
        "file_diff" | "file_create" | "file_delete" => {
            let (added, removed) = (number("linesAdded").unwrap_or(0), number("linesRemoved").unwrap_or(0));
            format!("{}  +{added} -{removed}", word("path"))
        }
        "decision_event" => {
            let why = Some(word("rationale")).filter(|why| !why.is_empty()).unwrap_or("no reason given");
            let parts = [word("title"), word("chosenOption"), why];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
        }
        _ => {
            let names = [
                "text",
                "lastAssistantMessage",
                "path",
                "pattern",
                "query",
                "url",
                "tool",
                "toolName",
                "summary",
                "label",
            ];
            names.into_iter().map(word).find(|text| !text.is_empty()).unwrap_or_default().to_owned()
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{Author, Board};
    use serde_json::{Value, json};

    fn event(seq: u64, kind: &str, data: Value) -> Value {
        json!({ "type": "event", "event": { "seq": seq, "kind": kind, "ts": "2026-01-01T10:20:30.123Z", "data": data,
                                            "actor": { "type": "ai" } } })
    }

    #[test]
    fn events_are_told_once_and_in_a_line() {
        let mut board = Board::default();
        board.take(&event(1, "command", json!({ "command": "pytest", "exitCode": 1, "passed": 2, "failed": 1 })));
        board.take(&event(1, "command", json!({ "command": "pytest" })));
        board.take(&event(2, "file_diff", json!({ "path": "a.py", "linesAdded": 3, "linesRemoved": 1 })));
        let rows: Vec<_> = board.rows.iter().map(|row| (row.time.as_str(), row.text.as_str())).collect();
        assert_eq!(rows, [("10:20:30", "[1] pytest  (2 passed, 1 failed)"), ("10:20:30", "a.py  +3 -1")]);
        assert_eq!(board.rows[0].author, Author::Ai);
    }

    #[test]
    fn what_a_candidate_writes_moves_no_cursor_wherever_it_stands() {
        let evil = "\u{1b}[2J\u{202e}x";
        let mut board = Board::default();
        let session = json!({ "id": evil, "candidateName": evil, "status": evil });
        board.take(&json!({ "type": "hello", "session": session, "signals": { "promptCount": evil } }));
        let mut hostile = event(1, evil, json!({ evil: format!("{evil}\n{evil}"), "text": evil }));
        hostile["event"]["ts"] = format!("T{evil}{evil}").into();
        board.take(&hostile);
        let row = &board.rows[0];
        let mut texts = vec![board.title(), row.time.clone(), row.kind.clone(), row.text.clone()];
        texts.extend(board.detail(0));
        texts.extend(board.signals().into_iter().map(|(_, value)| value));
        for text in texts {
            assert!(!text.contains(['\u{1b}', '\u{202e}', '\n']), "{text:?}");
        }
    }
}
