//! Up to where the server has everything.

use crate::workspace::Workspace;
use serde::{Deserialize, Serialize};

/// What is settled of a journal: `cursor.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Cursor {
    /// Everything before this place of the journal has its fate, in bytes.
    pub(crate) offset: u64,
    /// The signature of the last event before it; empty at the beginning.
    pub(crate) prev_sig: String,
    /// Events that the server has.
    pub(crate) stored: u64,
    /// Events that it did not take; they are in `refused.jsonl`.
    pub(crate) refused: u64,
    /// Lines that are no events.
    pub(crate) broken: u64,
    /// When the last one was settled, RFC 3339.
    pub(crate) settled_at: String,
}

impl Cursor {
    /// The cursor of a workspace; at the beginning where nothing was sent yet.
    pub(crate) fn of(workspace: &Workspace) -> Self {
        workspace.kept("cursor.json").unwrap_or_default()
    }
}
