//! What a session came to: one row per session, derived from the log as a whole, for cohorts to compare.

use std::time::Duration;

use clickhouse::Row;
use domain::signals::Signals;
use domain::{Counts, LastTest, SessionRef, Timestamp, Totals};
use serde::Deserialize;
use uuid::Uuid;

use crate::time::column;
use crate::totals::SUM_SESSION;
use crate::{Error, EventLog, event_log};

/// What the log does not know of a session whose results are derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResultContext {
    /// The assessment in whose cohort it counts.
    pub assessment: Option<Uuid>,
    /// The key of its candidate.
    pub candidate_key: Option<Uuid>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was closed; `None` while it runs.
    pub ended_at: Option<Timestamp>,
    /// Of several results of a session the greatest version stays.
    pub version: u64,
    /// When this result was derived.
    pub derived_at: Timestamp,
}

/// The newest result of a session, as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionResult {
    /// What it was derived with.
    pub context: ResultContext,
    /// What came out.
    pub signals: Signals,
}

const DERIVE_TIMEOUT: Duration = Duration::from_secs(30);

impl EventLog {
    /// Derives the results of the session from its events as they are now. Repeatable.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn derive_results(&self, session: &SessionRef, context: &ResultContext) -> Result<(), Error> {
        let sql = include_str!("../queries/derive_results.sql").replace("{sums}", SUM_SESSION);
        let mut query = self
            .question_of(&sql, session)
            .with_setting("max_execution_time", DERIVE_TIMEOUT.as_secs().to_string())
            .param("assessment", context.assessment.unwrap_or_default())
            .param("candidate_key", context.candidate_key)
            .param("created_ms", column(context.created_at))
            .param("ended_ms", context.ended_at.map(column))
            .param("version", context.version)
            .param("derived_ms", column(context.derived_at))
            .with_setting("async_insert", "0");
        if self.config.cluster.is_some() {
            query = query.with_setting("insert_quorum", "auto");
        }
        event_log::execute(query, DERIVE_TIMEOUT).await
    }

    /// The newest result of the session; `None` before the first.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn results(&self, session: &SessionRef) -> Result<Option<SessionResult>, Error> {
        let query = self.question_of(include_str!("../queries/find_results.sql"), session);
        let row: Option<ResultRow> = event_log::optional(query).await?;
        Ok(row.map(SessionResult::from))
    }
}

#[derive(Row, Deserialize)]
struct ResultRow {
    #[serde(with = "clickhouse::serde::uuid")]
    assessment_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid::option")]
    candidate_key: Option<Uuid>,
    created_at: i64,
    started_at: i64,
    ended_at: Option<i64>,
    first_ts: Option<i64>,
    last_ts: Option<i64>,
    first_start_ts: Option<i64>,
    first_change_ts: Option<i64>,
    last_test_ts: Option<i64>,
    last_test_seq: u64,
    tests_passed_at_end: Option<bool>,
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
    duration_ms: i64,
    command_fail_rate: Option<f64>,
    verify_intensity: Option<f64>,
    manual_edit_ratio: Option<f64>,
    first_change_latency_ms: Option<i64>,
    ai_attribution_pct: Option<f64>,
    derived_at: i64,
    version: u64,
}

impl From<ResultRow> for SessionResult {
    fn from(row: ResultRow) -> Self {
        let at = Timestamp::from_millis;
        let last_test = match (row.last_test_ts, row.tests_passed_at_end) {
            (Some(ts), Some(passed)) => Some(LastTest { ts: at(ts), order: row.last_test_seq, passed }),
            _ => None,
        };
        let totals = Totals {
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
            first_ts: row.first_ts.map(at),
            last_ts: row.last_ts.map(at),
            first_start_ts: row.first_start_ts.map(at),
            first_change_ts: row.first_change_ts.map(at),
            last_test,
            unique_paths: row.unique_paths,
        };
        Self {
            context: ResultContext {
                assessment: (!row.assessment_id.is_nil()).then_some(row.assessment_id),
                candidate_key: row.candidate_key,
                created_at: at(row.created_at),
                ended_at: row.ended_at.map(at),
                version: row.version,
                derived_at: at(row.derived_at),
            },
            signals: Signals {
                started_at: at(row.started_at),
                duration_ms: row.duration_ms,
                command_fail_rate: row.command_fail_rate,
                verify_intensity: row.verify_intensity,
                manual_edit_ratio: row.manual_edit_ratio,
                first_change_latency_ms: row.first_change_latency_ms,
                ai_attribution_pct: row.ai_attribution_pct,
                tests_passed_at_end: row.tests_passed_at_end,
                totals,
            },
        }
    }
}
