//! One event as the rules see it: who acted, in which phase, and what it says about a verification.

use serde_json::value::RawValue;

use super::evidence::EventRef;
use crate::{
    Attribution, Author, CommandClass, Event, Kind, StoredEvent, Timestamp,
    json::{Members, integer},
};

/// An event on its way through the rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    pub(super) event: &'a Event,
    pub(super) at: EventRef,
    pub(super) check: Option<Check>,
}

/// A verification: a `test_run`, a `build_run`, or a command that verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) class: CommandClass,
    /// `None` when the event does not say.
    pub(super) passed: Option<bool>,
}

/// An instant of the session with the event that marks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) ts: Timestamp,
    pub(super) at: EventRef,
}

impl<'a> Step<'a> {
    pub(super) fn of(stored: &'a StoredEvent) -> Self {
        let event = &stored.event;
        Self { event, at: EventRef { id: event.id, seq: stored.seq }, check: check(event) }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { ts: self.event.ts, at: self.at }
    }

    /// Reads members of the payload; `None` where they cannot be read.
    pub(super) fn read<T>(&self, wanted: &[&'static str], read: impl FnOnce(&Members<'_>) -> T) -> Option<T> {
        read_payload(self.event, wanted, read)
    }

    /// Whether a command is known to have failed.
    pub(super) fn failed(&self) -> bool {
        self.event.facts.exit_code.is_some_and(|code| code != 0)
    }

    /// Lines added and removed by a change.
    pub(super) fn lines(&self) -> u64 {
        u64::from(self.event.facts.lines_added) + u64::from(self.event.facts.lines_removed)
    }
}

impl Mark {
    /// Milliseconds to a later mark, never below 0.
    pub(super) fn millis_to(&self, later: &Self) -> i64 {
        (later.ts.millis() - self.ts.millis()).max(0)
    }
}

fn read_payload<T>(event: &Event, wanted: &[&'static str], read: impl FnOnce(&Members<'_>) -> T) -> Option<T> {
    let data: &RawValue = serde_json::from_str(event.data()).ok()?;
    Some(read(&Members::of(data, wanted)?))
}

fn check(event: &Event) -> Option<Check> {
    let (class, passed) = match event.kind {
        Kind::TestRun => (CommandClass::Test, event.facts.test_verdict),
        Kind::BuildRun => (CommandClass::Build, verdict_of_build(event)),
        Kind::Command => (event.facts.command_class?, event.facts.exit_code.map(|code| code == 0)),
        _ => return None,
    };
    Some(Check { class, passed })
}

/// A `build_run` has no prescribed payload: an exit code or a plain `success` is believed, anything else says nothing.
fn verdict_of_build(event: &Event) -> Option<bool> {
    read_payload(event, &["exitCode", "success"], |data| {
        let by_exit_code = data.get("exitCode").and_then(integer).map(|code| code == 0);
        by_exit_code.or_else(|| match data.get("success")?.get() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        })
    })?
}

/// Whose work a change is: by its attribution, and where that is unknown by who acted, as for `manualEditRatio`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hand {
    Ai,
    AiRevisedByHuman,
    Human,
    Mixed,
    System,
    Unknown,
}

impl Hand {
    pub(super) const ALL: [Self; 6] =
        [Self::Ai, Self::AiRevisedByHuman, Self::Human, Self::Mixed, Self::System, Self::Unknown];

    pub(super) fn of(event: &Event) -> Self {
        match (event.provenance.attribution, event.author) {
            (Attribution::LikelyAi, _) | (Attribution::Unknown, Author::Ai) => Self::Ai,
            (Attribution::AiRevisedByHuman, _) => Self::AiRevisedByHuman,
            (Attribution::LikelyHuman, _) | (Attribution::Unknown, Author::Human) => Self::Human,
            (Attribution::Mixed, _) => Self::Mixed,
            (Attribution::SystemGenerated, _) | (Attribution::Unknown, Author::System) => Self::System,
            (Attribution::Unknown, Author::Unknown) => Self::Unknown,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ai => "ai",
            Self::AiRevisedByHuman => "aiRevisedByHuman",
            Self::Human => "human",
            Self::Mixed => "mixed",
            Self::System => "system",
            Self::Unknown => "unknown",
        }
    }
}

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
