//! Which artifacts to derive.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Args};
use domain::Timestamp;

use super::{JudgeOptions, LogOptions, StoreOptions};

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
    /// Have the language model of --judge-url judge the prompts as well, of sessions that it has not judged as they are now.
    /// Only of candidates who were told so is anything sent
    #[arg(long, requires = "judge_url")]
    pub judge: bool,
    /// As the servers have it, for --judge: where consent is not required, prompts are judged of those as well of whom none is
    /// known
    #[arg(long, env = "PROMPTSTER_REQUIRE_CONSENT", value_name = "BOOL", action = ArgAction::Set, default_value_t = true)]
    pub require_consent: bool,
    /// Which language model.
    #[command(flatten)]
    pub judging: JudgeOptions,
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
    use clap::Parser;

    use super::*;
    use crate::config::{Cli, Command};

    #[test]
    fn a_judge_is_asked_only_where_there_is_one_and_it_is_wanted() {
        let parse = |flags: &[&str]| Cli::try_parse_from(["promptster-server", "derive"].iter().chain(flags));
        let refused = parse(&["--judge"]).unwrap_err().to_string();
        assert!(refused.contains("--judge-url"), "{refused}");
        let judge = ["--judge-url", "https://a", "--judge-model", "wren-1"];
        for (flags, is_wanted) in [(&judge[..], false), (&[&judge[..], &["--judge"]].concat(), true)] {
            let Some(Command::Derive(options)) = parse(flags).unwrap().command else { panic!("not derive") };
            assert_eq!((options.judge, options.require_consent), (is_wanted, true));
        }
    }

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
