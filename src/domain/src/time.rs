//! Instants in UTC with milliseconds, as the contract prints them.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

/// Milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// 9999-12-31T23:59:59.999Z, the last instant that prints with a four-digit year.
const LAST: i64 = 253_402_300_799_999;

impl Timestamp {
    /// The instant `millis` milliseconds after the epoch, held between 1970 and 9999.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(0, LAST))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 with an offset; finer digits are cut to milliseconds. `None` for anything else and for instants
    /// outside 1970 to 9999.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let millis = DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis();
        (0..=LAST).contains(&millis).then_some(Self(millis))
    }

    /// This instant moved by `millis`, held between 1970 and 9999.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self::from_millis(self.0.saturating_add(millis))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(instant: DateTime<Utc>) -> Self {
        Self::from_millis(instant.timestamp_millis())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = DateTime::from_timestamp_millis(self.0).unwrap_or_default();
        f.write_str(&instant.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_prints_utc_with_milliseconds() {
        let read = |text| Timestamp::parse_rfc3339(text).map(|ts| ts.to_string());
        assert_eq!(read("2026-04-01T12:15:00.9999+02:00").as_deref(), Some("2026-04-01T10:15:00.999Z"));
        assert_eq!(read("2026-04-01T10:15:00Z").as_deref(), Some("2026-04-01T10:15:00.000Z"));
        assert_eq!(read("2026-04-01T10:15:00"), None);
        assert_eq!(read("1969-12-31T23:59:59Z"), None);
        assert_eq!(read("yesterday"), None);
    }
}
