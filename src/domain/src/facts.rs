//! What the signals and the log's typed columns need to know of an event's payload.

use crate::CommandClass;

/// The payload's facts, read once at the door. Everything derived later (contributions, columns, recomputations in
/// SQL) starts from these and never reads the payload again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The command line of a `command`.
    pub command: Option<Box<str>>,
    /// Whether that command line verifies something, and how.
    pub command_class: Option<CommandClass>,
    /// How the command ended; `None` when it is not known.
    pub exit_code: Option<i64>,
    /// The file of a change; `None` when absent or empty.
    pub path: Option<Box<str>>,
    /// Lines added by a change, at most [`Facts::MAX_LINES`].
    pub lines_added: u32,
    /// Lines removed by a change, at most [`Facts::MAX_LINES`].
    pub lines_removed: u32,
    /// What the event says about the tests: `Some(true)` passed, `Some(false)` did not, `None` says nothing.
    pub test_verdict: Option<bool>,
}

impl Facts {
    /// Line counts above this are held here, so that no sum of a session can overflow.
    pub const MAX_LINES: u32 = 1_000_000_000;
}
