//! What kind of thing happened.

use std::fmt;

/// The kind of an event: one of those with rules, or any other word that a client sends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A person asked an assistant for something.
    Prompt,
    /// An assistant answered.
    AiResponse,
    /// A command line ran.
    Command,
    /// A file changed.
    FileDiff,
    /// A file came to be.
    FileCreate,
    /// A file was removed.
    FileDelete,
    /// A test suite ran, reported as such.
    TestRun,
    /// A build ran, reported as such.
    BuildRun,
    /// Something was done with git.
    GitAction,
    /// A decision was recorded, with its reasons.
    DecisionEvent,
    /// A tool or the assessment began.
    SessionStart,
    /// A tool or the assessment ended.
    SessionEnd,
    /// An assistant used a tool that has no kind of its own.
    ToolUse,
    /// What a tool gave back; `tool_call` is its alias.
    ToolResult,
    /// A plan was made or changed.
    Planning,
    /// A mark in the session.
    Checkpoint,
    /// A tool of an MCP server was called.
    McpCall,
    /// Any other word: kept as it is.
    Other(Box<str>),
}

impl Kind {
    /// Reads a kind; aliases become what they stand for. `None` unless the word matches `[A-Za-z][A-Za-z0-9_]{0,63}`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let kind = match word {
            "prompt" => Self::Prompt,
            "ai_response" => Self::AiResponse,
            "command" => Self::Command,
            "file_diff" => Self::FileDiff,
            "file_create" => Self::FileCreate,
            "file_delete" => Self::FileDelete,
            "test_run" => Self::TestRun,
            "build_run" => Self::BuildRun,
            "git_action" => Self::GitAction,
            "decision_event" => Self::DecisionEvent,
            "session_start" => Self::SessionStart,
            "session_end" => Self::SessionEnd,
            "tool_use" => Self::ToolUse,
            "tool_result" | "tool_call" => Self::ToolResult,
            "planning" => Self::Planning,
            "checkpoint" => Self::Checkpoint,
            "mcp_call" => Self::McpCall,
            other => {
                let mut bytes = other.bytes();
                let legal = bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
                    && other.len() <= 64
                    && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                return legal.then(|| Self::Other(other.into()));
            }
        };
        Some(kind)
    }

    /// The word that is stored and shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Prompt => "prompt",
            Self::AiResponse => "ai_response",
            Self::Command => "command",
            Self::FileDiff => "file_diff",
            Self::FileCreate => "file_create",
            Self::FileDelete => "file_delete",
            Self::TestRun => "test_run",
            Self::BuildRun => "build_run",
            Self::GitAction => "git_action",
            Self::DecisionEvent => "decision_event",
            Self::SessionStart => "session_start",
            Self::SessionEnd => "session_end",
            Self::ToolUse => "tool_use",
            Self::ToolResult => "tool_result",
            Self::Planning => "planning",
            Self::Checkpoint => "checkpoint",
            Self::McpCall => "mcp_call",
            Self::Other(word) => word,
        }
    }

    /// Whether the event changed a file.
    #[must_use]
    pub fn is_file_change(&self) -> bool {
        matches!(self, Self::FileDiff | Self::FileCreate | Self::FileDelete)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_legal_word_survives_and_aliases_are_normalised() {
        for word in ["prompt", "mcp_call", "windowUsage", "editor_focus", "a"] {
            assert_eq!(Kind::parse(word).map(|kind| kind.as_str().to_owned()).as_deref(), Some(word));
        }
        assert_eq!(Kind::parse("tool_call"), Some(Kind::ToolResult));
        for bad in ["", "9a", "_a", "a-b", &"k".repeat(65)] {
            assert_eq!(Kind::parse(bad), None, "{bad}");
        }
    }
}
