//! The sums of a session, computed anew from the log.

use clickhouse::Row;
use domain::{Counts, LastTest, SessionRef, Timestamp, Totals};
use serde::Deserialize;

use crate::{Error, EventLog, event_log};

/// The one definition of the sums in SQL; the results of a session are derived from it too.
pub(crate) const SUM_SESSION: &str = include_str!("../queries/sum_session.sql");

#[derive(Row, Deserialize)]
struct SumsRow {
    event_count: u64,
    prompt_count: u64,
    command_count: u64,
    command_failures: u64,
    verifications: u64,
    test_runs: u64,
    change_count: u64,
    manual_changes: u64,
    decisions: u64,
    attributed_changes: u64,
    attributed_weight: u64,
    ai_weight_doubled: u64,
    unique_paths: u64,
    first_ts: Option<i64>,
    last_ts: Option<i64>,
    first_start_ts: Option<i64>,
    first_change_ts: Option<i64>,
    last_test: (i64, u64, bool),
}

impl EventLog {
    /// The sums of the session, computed from its events.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn totals(&self, session: &SessionRef) -> Result<Totals, Error> {
        let row: Option<SumsRow> = event_log::optional(self.question_of(SUM_SESSION, session)).await?;
        Ok(row.map(Totals::from).unwrap_or_default())
    }
}

impl From<SumsRow> for Totals {
    fn from(row: SumsRow) -> Self {
        let (ts, order, passed) = row.last_test;
        Self {
            counts: Counts {
                events: row.event_count,
                prompts: row.prompt_count,
                commands: row.command_count,
                command_failures: row.command_failures,
                verifications: row.verifications,
                test_runs: row.test_runs,
                changes: row.change_count,
                manual_changes: row.manual_changes,
                decisions: row.decisions,
                attributed_changes: row.attributed_changes,
                attributed_weight: row.attributed_weight,
                ai_weight_doubled: row.ai_weight_doubled,
            },
            first_ts: row.first_ts.map(Timestamp::from_millis),
            last_ts: row.last_ts.map(Timestamp::from_millis),
            first_start_ts: row.first_start_ts.map(Timestamp::from_millis),
            first_change_ts: row.first_change_ts.map(Timestamp::from_millis),
            last_test: (order > 0).then(|| LastTest { ts: Timestamp::from_millis(ts), order, passed }),
            unique_paths: row.unique_paths,
        }
    }
}
