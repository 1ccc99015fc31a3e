//! The artifact `analytics_v1`: the session in sums.

use serde_json::{Map, Value, json};

use super::Derivation;
use crate::signals::Signals;

pub(super) fn of(derivation: &Derivation, signals: &Signals) -> Value {
    let mut analytics = Map::new();
    analytics.insert("startedAt".to_owned(), json!(signals.started_at));
    analytics.insert("durationMs".to_owned(), json!(signals.duration_ms));
    analytics.insert("eventCount".to_owned(), json!(derivation.tally.all.count()));
    analytics.insert("time".to_owned(), derivation.times.to_json());
    derivation.tally.put_into(&mut analytics);
    analytics.insert("aiAttributionPct".to_owned(), signals.ai_attribution_pct_rounded());
    analytics.insert("testsOverTime".to_owned(), derivation.tests.over_time());
    analytics.insert("errors".to_owned(), derivation.recovery.to_json());
    analytics.insert("usage".to_owned(), derivation.usage.to_json());
    Value::Object(analytics)
}
