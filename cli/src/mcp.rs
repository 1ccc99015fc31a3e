//! The command `mcp`: an MCP server over standard input and output, for the assistant to record decisions.
//!
//! The protocol is JSON-RPC, one message per line; four methods are all that a server of two tools needs, so they are
//! answered here by hand.

use crate::decision::Decision;
use crate::status::{self, Fares, time_left};
use crate::{capture, streamer};
use chrono::Utc;
use serde_json::{Value, json};
use std::io::{self, BufRead, Write};
use uuid::Uuid;

/// The decisions that wait for their reasons, in the workspace's state.
pub(crate) const OPEN_DECISIONS: &str = "open-decisions.json";
/// The versions of the protocol that are spoken, the newest first.
const VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// Longest message, in bytes.
const MESSAGE_BYTES: u64 = 4 * 1024 * 1024;

/// Serve the assistant's tools `capture_decision` and `session_status` (started by the coding tool).
#[derive(Debug, clap::Args)]
pub(crate) struct Mcp {}

impl Mcp {
    /// Answers until the input ends.
    pub(crate) fn run(&self) -> io::Result<()> {
        let mut input = io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let n_read = io::Read::take(&mut input, MESSAGE_BYTES).read_until(b'\n', &mut line)?;
            if n_read == 0 {
                return Ok(());
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            let answer = match serde_json::from_slice(&line) {
                Ok(message) => answer(&message),
                Err(error) => Some(failure(&Value::Null, -32700, &format!("no JSON: {error}"))),
            };
            if let Some(answer) = answer {
                let mut output = io::stdout().lock();
                writeln!(output, "{answer}")?;
                output.flush()?;
            }
        }
    }
}

/// The answer to a message; `None` to one that wants none.
fn answer(message: &Value) -> Option<Value> {
    let id = message.get("id")?;
    let Some(method) = message.get("method").and_then(Value::as_str) else {
        // An answer to a question that was never asked.
        let is_answer = message.get("result").is_some() || message.get("error").is_some();
        return (!is_answer).then(|| failure(id, -32600, "no method"));
    };
    let parameters = message.get("params").unwrap_or(&Value::Null);
    let result = match method {
        "initialize" => initialized(parameters),
        "ping" => json!({}),
        "tools/list" => json!({ "tools": tools() }),
        "tools/call" => {
            let arguments = parameters.get("arguments").unwrap_or(&Value::Null);
            let outcome = match parameters.get("name").and_then(Value::as_str) {
                Some("capture_decision") => capture_decision(arguments),
                Some("session_status") => session_status(),
                name => return Some(failure(id, -32602, &format!("no tool {:?}", name.unwrap_or_default()))),
            };
            let (text, is_error) = match outcome {
                Ok(text) => (text, false),
                Err(text) => (text, true),
            };
            json!({ "content": [{ "type": "text", "text": text }], "isError": is_error })
        }
        _ => return Some(failure(id, -32601, &format!("no method {method:?}"))),
    };
    Some(json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

fn failure(id: &Value, code: i32, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

fn initialized(parameters: &Value) -> Value {
    let asked = parameters.get("protocolVersion").and_then(Value::as_str).unwrap_or_default();
    let version = VERSIONS.into_iter().find(|version| *version == asked).unwrap_or(VERSIONS[0]);
    json!({
        "protocolVersion": version,
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "promptster", "version": env!("CARGO_PKG_VERSION") },
        "instructions": "Call capture_decision when the person decides between real alternatives (architecture, \
                         libraries, data model, scope). Give the person's own reasons, never invented ones: leave \
                         rationale out when none was given.",
    })
}

fn tools() -> Value {
    let text = |told: &str| json!({ "type": "string", "description": told });
    json!([
        {
            "name": "capture_decision",
            "description": "Record a decision that the person made, for the reviewers of this assessment.",
            "inputSchema": {
                "type": "object",
                "properties": {
                    "title": text("What was decided about, in a few words"),
                    "chosenOption": text("What was chosen"),
                    "context": text("What was going on"),
                    "tradeoffs": text("What was weighed against what"),
                    "rationale": text("Why, in the person's own words; left out when none were given"),
                    "impactScore": { "type": "integer", "minimum": 1, "maximum": 5,
                                     "description": "How much depends on it: 1 a detail, 5 the architecture" },
                    "category": text("Such as architecture, library, data-model, testing, scope"),
                },
                "required": ["title", "chosenOption", "impactScore"],
            },
        },
        {
            "name": "session_status",
            "description": "Say whether the assessment is captured, and how much time is left.",
            "inputSchema": { "type": "object", "properties": {} },
        },
    ])
}

fn decision_of(arguments: &Value) -> Result<Decision, String> {
    let text = |name: &str| match arguments.get(name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(format!("{name} must be a text")),
    };
    let decision = Decision {
        decision_id: Uuid::new_v4().to_string(),
        title: text("title")?,
        chosen_option: text("chosenOption")?,
        context: text("context")?,
        tradeoffs: text("tradeoffs")?,
        rationale: text("rationale")?,
        impact_score: arguments
            .get("impactScore")
            .and_then(Value::as_u64)
            .and_then(|score| u8::try_from(score).ok())
            .filter(|score| (1..=5).contains(score))
            .ok_or("impactScore must be a whole number from 1 to 5")?,
        category: text("category")?,
        captured_via: "mcp".to_owned(),
    };
    for (name, value) in [("title", &decision.title), ("chosenOption", &decision.chosen_option)] {
        if value.trim().is_empty() {
            return Err(format!("{name} must not be empty"));
        }
    }
    Ok(decision)
}

fn capture_decision(arguments: &Value) -> Result<String, String> {
    let decision = decision_of(arguments)?;
    let told = |error: &dyn ToString| error.to_string();
    let (workspace, session) = status::here().map_err(|error| told(&error))?;
    capture::record(&workspace, &session, vec![decision.draft(Utc::now())]).map_err(|error| told(&error))?;
    let is_open = decision.is_open();
    if is_open {
        // Each coding tool has a server of its own, and they may be called at once.
        let add = |open: &mut Vec<Decision>| open.push(decision);
        workspace.change(OPEN_DECISIONS, add).map_err(|error| told(&error))?;
    }
    streamer::ensure(&workspace).map_err(|error| told(&error))?;
    let more = if is_open { " It has no reason yet; the person is asked for it at the end." } else { "" };
    Ok(format!("Recorded.{more}"))
}

fn session_status() -> Result<String, String> {
    let (workspace, session) = status::here().map_err(|error| error.to_string())?;
    let fares = Fares::of(&workspace).map_err(|error| error.to_string())?;
    let time = time_left(&session, Utc::now());
    Ok(format!(
        "{}: {} events stored, {} waiting; time: {time}",
        session.assessment_title, fares.cursor.stored, fares.waiting
    ))
}

#[cfg(test)]
mod tests {
    use super::{answer, decision_of};
    use serde_json::json;

    #[test]
    fn a_client_is_greeted_in_its_version_or_in_the_newest() {
        let greet = |version: &str| {
            let message =
                json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "protocolVersion": version } });
            answer(&message).unwrap()["result"]["protocolVersion"].clone()
        };
        assert_eq!([greet("2024-11-05"), greet("2099-01-01")], [json!("2024-11-05"), json!("2025-11-25")]);
    }

    #[test]
    fn what_is_not_known_is_refused_and_what_wants_no_answer_gets_none() {
        let code = |message: serde_json::Value| answer(&message).map(|answer| answer["error"]["code"].clone());
        assert_eq!(code(json!({ "id": 1, "method": "resources/list" })), Some(json!(-32601)));
        assert_eq!(code(json!({ "id": 1, "method": "tools/call", "params": { "name": "x" } })), Some(json!(-32602)));
        assert_eq!(code(json!({ "id": 1 })), Some(json!(-32600)));
        assert_eq!(code(json!({ "id": 1, "result": {} })), None);
        assert_eq!(code(json!({ "method": "notifications/initialized" })), None);
    }

    #[test]
    fn a_decision_names_the_field_that_is_wrong() {
        let wrong = |arguments| decision_of(&arguments).unwrap_err();
        assert_eq!(wrong(json!({ "title": 1 })), "title must be a text");
        assert_eq!(
            wrong(json!({ "title": "a", "chosenOption": "b", "impactScore": 6 })),
            "impactScore must be a whole number from 1 to 5"
        );
        assert_eq!(wrong(json!({ "title": "a", "impactScore": 3 })), "chosenOption must not be empty");
        let decision = decision_of(&json!({ "title": "a", "chosenOption": "b", "impactScore": 3 })).unwrap();
        assert!(decision.is_open());
    }
}
