//! How the sessions of an assessment compare: ClickHouse computes, this asks and prints.

use clickhouse::Row;
use clickhouse::query::Query;
use domain::cohort::{Better, METRICS};
use domain::signals::rounded;
use domain::{OrgId, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{Error, EventLog, event_log};

/// The session that is to be ranked.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// Which one.
    pub session: SessionId,
    /// Its values in the order of [`METRICS`], for when it is not in the cohort itself: it is then ranked against the
    /// cohort plus itself.
    pub provisional: Option<[Option<f64>; 6]>,
}

/// How the sessions of an assessment compare, in the contract's words.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CohortStats {
    /// Sessions in the cohort.
    pub session_count: u64,
    /// Averages over the cohort, and the share of sessions whose tests passed.
    pub metrics: Map<String, Value>,
    /// How many of the others the subject is better than; left out without a subject or without others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentiles: Option<Map<String, Value>>,
    /// How the values spread; left out when it was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Map<String, Value>>,
    /// Whether the subject is not in the cohort itself; left out when it is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
}

#[derive(Debug, Row, Deserialize)]
struct MetricRow {
    sessions: u64,
    passed: u64,
    average: Option<f64>,
    with_value: u64,
    is_member: bool,
    own_value: Option<f64>,
    beaten: u64,
}

#[derive(Debug, Row, Deserialize)]
struct SpreadRow {
    metric: u32,
    least: f64,
    most: f64,
    quantiles: Vec<f64>,
    histogram: Vec<(f64, f64, u64)>,
}

impl EventLog {
    /// Compares the ended sessions of the assessment; `None` when there is none.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn cohort(
        &self,
        org: OrgId,
        assessment: Uuid,
        subject: Option<&Subject>,
        distribution: bool,
    ) -> Result<Option<CohortStats>, Error> {
        let given = subject.and_then(|subject| subject.provisional);
        let query = self
            .question_about_cohort(include_str!("../queries/compare_cohort.sql"), org, assessment)
            // No session has the empty id.
            .param("subject", subject.map_or("", |subject| subject.session.as_str()))
            .param("less_is_better", METRICS.map(|metric| metric.better == Better::Less).to_vec())
            .param("given", given.unwrap_or_default().map(|value| value.map(f64::to_bits)).to_vec());
        let rows: Vec<MetricRow> = event_log::all(query).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let mut stats = CohortStats {
            session_count: first.sessions,
            metrics: averages(&rows),
            percentiles: None,
            distribution: None,
            provisional: given.is_some() && !first.is_member,
        };
        if subject.is_some() && (stats.provisional || first.sessions >= 2) {
            stats.percentiles = Some(percentiles(&rows, stats.provisional));
        }
        if distribution {
            let sql = include_str!("../queries/distribute_cohort.sql");
            let rows = event_log::all(self.question_about_cohort(sql, org, assessment)).await?;
            stats.distribution = Some(spreads(&rows));
        }
        Ok(Some(stats))
    }

    /// The columns are those of the table of metrics, in its order; nothing else enters the text.
    fn question_about_cohort(&self, sql: &str, org: OrgId, assessment: Uuid) -> Query {
        let columns = METRICS.map(|metric| format!("toFloat64({})", metric.column)).join(", ");
        self.question(&sql.replace("{values}", &columns)).param("org", org.uuid()).param("assessment", assessment)
    }
}

fn averages(rows: &[MetricRow]) -> Map<String, Value> {
    let mut metrics = Map::new();
    for (metric, row) in METRICS.iter().zip(rows) {
        let average = match row.average {
            Some(average) if metric.whole_average => json!(whole(average)),
            None if metric.whole_average => Value::Null,
            average => rounded(Some(average.unwrap_or_default()), 3),
        };
        metrics.insert(metric.average.to_owned(), average);
    }
    let (passed, sessions) = rows.first().map_or((0, 1), |row| (row.passed, row.sessions.max(1)));
    // Half rounds up: the percentage is never negative.
    metrics.insert("testPassRate".to_owned(), json!((200 * passed + sessions) / (2 * sessions)));
    metrics
}

fn percentiles(rows: &[MetricRow], provisional: bool) -> Map<String, Value> {
    let percentile = |row: &MetricRow| {
        row.own_value?;
        // The others with a value: a provisional subject is not among the cohort's rows.
        let others = if provisional { row.with_value } else { row.with_value.saturating_sub(1) };
        share(row.beaten, others)
    };
    METRICS.iter().zip(rows).map(|(metric, row)| (metric.name.to_owned(), rounded(percentile(row), 3))).collect()
}

fn spreads(rows: &[SpreadRow]) -> Map<String, Value> {
    let print = |row: &SpreadRow| {
        let bin = |(lo, hi, count): &(f64, f64, u64)| json!({ "lo": lo, "hi": hi, "count": count });
        let [p10, p25, p50, p75, p90] = row.quantiles.as_slice() else { return Value::Null };
        json!({
            "min": row.least, "p10": p10, "p25": p25, "p50": p50, "p75": p75, "p90": p90, "max": row.most,
            "histogram": row.histogram.iter().map(bin).collect::<Vec<_>>(),
        })
    };
    let of = |number: usize| rows.iter().find(|row| usize::try_from(row.metric) == Ok(number));
    let numbered = METRICS.iter().zip(1usize..);
    numbered.map(|(metric, number)| (metric.name.to_owned(), of(number).map_or(Value::Null, print))).collect()
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "cohorts stay far below 2^53 sessions")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "milliseconds stay far below 2^53")]
fn whole(value: f64) -> i64 {
    value.round() as i64
}
