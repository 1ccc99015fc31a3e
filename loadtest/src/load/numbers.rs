//! Numbers as reports need them.

use std::time::Duration;

use serde_json::{Value, json};

/// A count as a real number; those beyond 2^32 are rounded.
pub(crate) fn real(n: u64) -> f64 {
    let (high, low) = (n >> 32, n & u64::from(u32::MAX));
    let part = |n: u64| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    part(high) * 4_294_967_296.0 + part(low)
}

/// A number with one digit after the point.
pub(crate) fn rounded(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

/// Milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Milliseconds with one digit after the point; `null` for none.
pub(crate) fn millis_json(time: Option<Duration>) -> Value {
    time.map_or(Value::Null, |time| json!(rounded(millis(time))))
}

/// A duration in few letters.
pub(crate) fn brief(time: Option<Duration>) -> String {
    match time {
        None => "–".to_owned(),
        Some(time) if time < Duration::from_millis(10) => format!("{:.1} ms", millis(time)),
        Some(time) if time < Duration::from_secs(10) => format!("{:.0} ms", millis(time)),
        Some(time) => format!("{:.1} s", time.as_secs_f64()),
    }
}
