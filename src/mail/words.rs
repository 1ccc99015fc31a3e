//! Instants and spans as people say them.

use chrono::{DateTime, Utc};
use domain::Timestamp;

const HOUR_MS: i64 = 3_600_000;

/// `Monday, 30 November 2026 at 14:05 UTC`.
pub(super) fn instant(at: Timestamp) -> String {
    let at = DateTime::<Utc>::from_timestamp_millis(at.millis()).unwrap_or_default();
    at.format("%A, %-d %B %Y at %H:%M UTC").to_string()
}

/// How long it is until then, rounded down: `in 7 days`, `in 5 hours`, `in less than an hour`.
pub(super) fn until(at: Timestamp, now: Timestamp) -> String {
    let hours = at.millis().saturating_sub(now.millis()).div_euclid(HOUR_MS).max(0);
    match (hours / 24, hours) {
        (0, 0) => "in less than an hour".to_owned(),
        (0, hours) => format!("in {}", counted(hours, "hour")),
        (days, _) => format!("in {}", counted(days, "day")),
    }
}

/// `1 minute`, `90 minutes`.
pub(super) fn counted(n: i64, unit: &str) -> String {
    if n == 1 { format!("1 {unit}") } else { format!("{n} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_said_in_words() {
        let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
        let now = at("2026-11-26T14:05:09Z");
        assert_eq!(instant(now), "Thursday, 26 November 2026 at 14:05 UTC");
        let rows = [
            ("2026-11-20T00:00:00Z", "in less than an hour"),
            ("2026-11-26T15:04:00Z", "in less than an hour"),
            ("2026-11-26T15:05:09Z", "in 1 hour"),
            ("2026-11-27T14:05:08Z", "in 23 hours"),
            ("2026-11-27T14:05:09Z", "in 1 day"),
            ("2026-12-03T23:00:00Z", "in 7 days"),
        ];
        for (then, said) in rows {
            assert_eq!(until(at(then), now), said, "{then}");
        }
    }
}
