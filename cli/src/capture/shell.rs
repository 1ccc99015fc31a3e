//! What a person types in a shell that calls the hook (`promptster shell-hook`).

use super::complain;
use crate::envelope::{Author, Draft, Source};
use crate::streamer;
use crate::transcript::tools::filled;
use crate::workspace::Workspace;
use chrono::Utc;
use serde_json::{Value, json};

/// A command that was typed, and how it ended.
#[derive(Debug, clap::Args)]
pub(crate) struct Typed {
    /// Its exit code.
    #[arg(long, value_name = "CODE", hide = true)]
    exit: Option<i64>,

    /// How long it took, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS", hide = true)]
    took: Option<u64>,

    /// Names it among all that this shell runs.
    #[arg(long, value_name = "NAME", hide = true)]
    mark: Option<String>,

    /// Its text.
    #[arg(last = true, hide = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

impl Typed {
    /// Records it, where the shell is in a workspace.
    pub(crate) fn record(&self) {
        let Some(workspace) = std::env::current_dir().ok().and_then(|folder| Workspace::containing(&folder)) else {
            return;
        };
        let Ok(session) = workspace.session() else { return };
        let Some(draft) = self.draft() else { return };
        let drafts = super::test_runs::told(draft);
        if let Err(error) = super::record(&workspace, &session, drafts) {
            complain(&workspace, &error.to_string());
        }
        if let Err(error) = streamer::ensure(&workspace) {
            complain(&workspace, &format!("the streamer cannot be started: {error}"));
        }
    }

    fn draft(&self) -> Option<Draft> {
        let command = self.command.join(" ");
        // In the manner of a shell's history: what begins with a blank is private.
        if command.trim().is_empty() || command.starts_with(' ') {
            return None;
        }
        let mut data = filled(json!({ "command": command, "human": true, "durationMs": self.took }));
        data.insert("exitCode".into(), self.exit.map_or(Value::Null, Value::from));
        let now = Utc::now();
        let key = self
            .mark
            .as_ref()
            .map_or_else(|| format!("shell:{}", now.timestamp_micros()), |mark| format!("shell:{mark}"));
        Some(Draft { ts: now, kind: "command", key, source: Source::TERMINAL, author: Author::Human, data })
    }
}

#[cfg(test)]
mod tests {
    use super::Typed;

    fn typed(command: &str) -> Typed {
        Typed { exit: Some(2), took: Some(15), mark: Some("7:1".into()), command: vec![command.into()] }
    }

    #[test]
    fn a_command_has_its_end_and_a_private_one_is_none() {
        let draft = typed("ls -la").draft().unwrap();
        let expected = serde_json::json!({ "command": "ls -la", "human": true, "durationMs": 15, "exitCode": 2 });
        assert_eq!(serde_json::Value::Object(draft.data), expected);
        assert!(typed(" ls").draft().is_none() && typed("").draft().is_none());
    }
}
