//! The command `hook`: called by a coding tool at every step, so it costs next to nothing and never stands in the way.
//!
//! Reads the payload from standard input, appends what it says to the journal, makes sure that a streamer runs, and
//! ends with 0 whatever happens. No network is touched.

use crate::capture::{self, claude, complain, cursor, shell};
use crate::decision::Decision;
use crate::workspace::{Session, Workspace};
use crate::{rails, streamer};
use chrono::Utc;
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Longest payload that is read, in bytes.
const PAYLOAD_BYTES: u64 = 16 * 1024 * 1024;

/// Record what a coding tool just did (called by the tool itself).
#[derive(Debug, clap::Args)]
pub(crate) struct Hook {
    /// The tool that calls.
    #[arg(value_enum)]
    tool: Tool,

    /// What was typed, where a shell calls.
    #[command(flatten)]
    typed: shell::Typed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Tool {
    ClaudeCode,
    Cursor,
    Shell,
}

impl Hook {
    /// Does it all; what goes wrong is written to a file in the workspace, and nowhere else.
    pub(crate) fn run(&self) {
        if self.tool == Tool::Shell {
            return self.typed.record();
        }
        let mut bytes = Vec::new();
        // A payload that cannot be read to its end is taken as far as it goes, which then is no JSON.
        let _ = io::stdin().lock().take(PAYLOAD_BYTES).read_to_end(&mut bytes);
        let payload: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let mut answer = match self.tool {
            Tool::Cursor => cursor::answer(&payload).to_owned(),
            Tool::ClaudeCode | Tool::Shell => String::new(),
        };
        if let Some((workspace, session)) = self.session(&payload) {
            match self.record(&workspace, &session, &payload) {
                Ok(Some(told)) => answer = told,
                Ok(None) => {}
                Err(error) => complain(&workspace, &error.to_string()),
            }
            if payload.is_null() {
                complain(&workspace, &format!("a payload of {} bytes is no JSON", bytes.len()));
            }
            if let Err(error) = streamer::ensure(&workspace) {
                complain(&workspace, &format!("the streamer cannot be started: {error}"));
            }
        }
        if !answer.is_empty() {
            // The tool may be gone; nobody is left to be told.
            let _ = writeln!(io::stdout(), "{answer}");
        }
    }

    fn record(&self, workspace: &Workspace, session: &Session, payload: &Value) -> io::Result<Option<String>> {
        let now = Utc::now();
        if self.tool == Tool::ClaudeCode
            && let Some(words) = claude::explanation(payload)
        {
            let decision = Decision::explained(words, "claude-code");
            capture::record(workspace, session, vec![decision.draft(now)])?;
            let told = json!({ "decision": "block", "reason": "Recorded. Reviewers will see it next to your code." });
            return Ok(Some(told.to_string()));
        }
        let drafts = match self.tool {
            Tool::ClaudeCode => claude::read(payload, now),
            Tool::Cursor => cursor::read(payload, now),
            Tool::Shell => Vec::new(),
        };
        let transcript = payload.get("transcript_path").and_then(Value::as_str).map(Path::new);
        let is_reply = self.tool == Tool::ClaudeCode && drafts.iter().any(|draft| draft.kind == "ai_response");
        if is_reply && transcript.is_some_and(Path::is_file) {
            return rails::leave_reply(workspace, session, drafts).map(|()| None);
        }
        capture::record(workspace, session, drafts).map(|_| None)
    }

    /// The session that the call belongs to: where the tool works, not where the process happens to be.
    fn session(&self, payload: &Value) -> Option<(Workspace, Session)> {
        let path = |value: Option<&Value>| value.and_then(Value::as_str).map(PathBuf::from);
        let variable = |name| std::env::var_os(name).map(PathBuf::from);
        let places = [
            variable("CLAUDE_PROJECT_DIR").filter(|_| self.tool == Tool::ClaudeCode),
            path(payload.get("workspace_roots").and_then(|roots| roots.get(0))),
            path(payload.get("cwd")),
            std::env::current_dir().ok(),
        ];
        let workspace = places.into_iter().flatten().find_map(|place| Workspace::containing(&place))?;
        let session = workspace.session().ok()?;
        Some((workspace, session))
    }
}
