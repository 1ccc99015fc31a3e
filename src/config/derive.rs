//! Which artifacts to derive.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use domain::Timestamp;

use super::{LogOptions, StoreOptions};

/// Which artifacts to derive.
#[derive(Debug, Clone, Args)]
pub struct DeriveOptions {
    /// Of sessions that ended since then: an instant (`2026-04-01T00:00:00Z`) or how long ago (`90m`, `12h`, `7d`)
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
    /// Of one organisation
    #[arg(long, value_name = "ID")]
    pub org: Option<uuid::Uuid>,
    /// Of one session
    #[arg(long, value_name = "ID", requires = "org", conflicts_with = "since")]
    pub session: Option<String>,
    /// Redis and ClickHouse.
    #[command(flatten)]
    pub stores: StoreOptions,
    /// Where a running `dev` keeps its data, whose stores are taken when none are named
    #[arg(long, env = "PROMPTSTER_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// What is logged.
    #[command(flatten)]
    pub log: LogOptions,
}

/// A beginning, in itself or before now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// At this instant.
    At(Timestamp),
    /// So many milliseconds before now.
    Ago(i64),
}

impl Since {
    /// The instant that it means at `now`.
    #[must_use]
    pub fn of(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(instant) => instant,
            Self::Ago(millis) => now.plus_millis(millis.saturating_neg()),
        }
    }
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "neither an instant such as 2026-04-01T00:00:00Z nor a time such as 90m, 12h or 7d";
        if let Some(instant) = Timestamp::parse_rfc3339(text) {
            return Ok(Self::At(instant));
        }
        let units = [('m', 60_000), ('h', 3_600_000), ('d', 86_400_000_i64)];
        let found = units.iter().find_map(|(unit, millis)| Some((text.strip_suffix(*unit)?, *millis)));
        let (number, millis) = found.ok_or(wrong)?;
        let number: u32 = number.parse().map_err(|_| wrong)?;
        Ok(Self::Ago(i64::from(number).saturating_mul(millis)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_an_instant_or_a_time_ago() {
        let now = Timestamp::parse_rfc3339("2026-04-08T00:00:00Z").unwrap();
        for (text, instant) in
            [("7d", "2026-04-01T00:00:00Z"), ("12h", "2026-04-07T12:00:00Z"), ("90m", "2026-04-07T22:30:00Z")]
        {
            assert_eq!(text.parse::<Since>().unwrap().of(now), Timestamp::parse_rfc3339(instant).unwrap());
        }
        let given = "2026-03-01T01:00:00+01:00".parse::<Since>().unwrap();
        assert_eq!(given.of(now).to_string(), "2026-03-01T00:00:00.000Z");
        for wrong in ["", "7", "d", "-1d", "1.5h", "yesterday", "2026-04-01"] {
            assert!(wrong.parse::<Since>().is_err(), "{wrong}");
        }
    }
}
