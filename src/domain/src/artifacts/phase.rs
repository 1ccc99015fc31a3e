//! The phase that an event belongs to.

use super::step::Step;
use crate::Kind;

/// What a person who follows the session would say is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Exploring,
    Planning,
    Prompting,
    Assistant,
    Editing,
    Running,
    Verifying,
    Other,
}

impl Phase {
    pub(super) const ALL: [Self; 8] = [
        Self::Exploring,
        Self::Planning,
        Self::Prompting,
        Self::Assistant,
        Self::Editing,
        Self::Running,
        Self::Verifying,
        Self::Other,
    ];

    /// The phase of an event, by its kind; a command that verifies is verifying.
    #[rustfmt::skip]
    pub(super) fn of(step: &Step<'_>) -> Self {
        if step.check.is_some() {
            return Self::Verifying;
        }
        match &step.event.kind {
            Kind::Prompt => Self::Prompting,
            Kind::AiResponse | Kind::ToolUse | Kind::ToolResult | Kind::McpCall => Self::Assistant,
            Kind::Command | Kind::GitAction => Self::Running,
            Kind::FileDiff | Kind::FileCreate | Kind::FileDelete => Self::Editing,
            Kind::Planning | Kind::DecisionEvent => Self::Planning,
            Kind::TestRun | Kind::BuildRun => Self::Verifying,
            Kind::SessionStart | Kind::SessionEnd | Kind::Checkpoint => Self::Other,
            Kind::Other(word) => match &**word {
                "file_read" | "file_search" | "dir_list" | "web_lookup" | "editor_focus" => Self::Exploring,
                "planning_read" | "plan_decision" => Self::Planning,
                "interrupt" => Self::Prompting,
                "tool_intent" | "subagent_usage" | "task_dispatch" | "subagent_start" | "subagent_stop"
                | "context_compact" => Self::Assistant,
                "editor_edit" => Self::Editing,
                _ => Self::Other,
            },
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Exploring => "exploring",
            Self::Planning => "planning",
            Self::Prompting => "prompting",
            Self::Assistant => "assistant",
            Self::Editing => "editing",
            Self::Running => "running",
            Self::Verifying => "verifying",
            Self::Other => "other",
        }
    }
}
