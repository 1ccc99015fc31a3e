//! What an event says about a verification: its class, its end, and the counts of its tests.

use super::{
    runner::{TestCounts, counts_in},
    step::read_payload,
};
use crate::{
    CommandClass, Event, Kind,
    json::{integer, text},
};

/// A verification: a `test_run`, a `build_run`, or a command that verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) class: CommandClass,
    /// `None` when the event does not say.
    pub(super) passed: Option<bool>,
}

impl Check {
    /// What an event verifies, with the counts that it says; `None` where it verifies nothing.
    pub(super) fn of(event: &Event, counts: TestCounts) -> Option<Self> {
        let (class, passed) = match event.kind {
            Kind::TestRun => (CommandClass::Test, event.facts.test_verdict),
            Kind::BuildRun => (CommandClass::Build, verdict_of_build(event)),
            Kind::Command => {
                let succeeded = event.facts.exit_code.map(|code| code == 0);
                (event.facts.command_class?, verdict_of_command(succeeded, counts))
            }
            _ => return None,
        };
        Some(Self { class, passed })
    }
}

/// A command that failed has not passed, whatever it printed. One that succeeded, or of which the end is not known, is
/// what it printed: assistants run `npm test | tail`, which succeeds while tests fail.
fn verdict_of_command(succeeded: Option<bool>, printed: TestCounts) -> Option<bool> {
    match (succeeded, printed.failed, printed.passed) {
        (Some(false), ..) => Some(false),
        (_, Some(1..), _) => Some(false),
        (None, Some(0), Some(1..)) => Some(true),
        (succeeded, ..) => succeeded,
    }
}

/// A `test_run` says its counts; a command that tests may print them.
pub(super) fn counts_of(event: &Event) -> TestCounts {
    let is_test_command = event.facts.command_class == Some(CommandClass::Test);
    let counts = match event.kind {
        Kind::TestRun => read_payload(event, &["passed", "failed", "skipped"], |data| {
            let count = |name| u64::try_from(data.get(name).and_then(integer)?).ok();
            Some(TestCounts { passed: count("passed"), failed: count("failed"), skipped: count("skipped") })
        }),
        Kind::Command if is_test_command => read_payload(event, &["stdout", "stderr"], |data| {
            // Runners write their summaries to the one or the other.
            let printed = |name| counts_in(&data.get(name).and_then(text)?);
            printed("stdout").or_else(|| printed("stderr"))
        }),
        _ => None,
    };
    counts.flatten().unwrap_or_default()
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
