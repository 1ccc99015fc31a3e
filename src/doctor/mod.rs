//! `promptster-server doctor`: looks at an installation with the eyes of a node, changes nothing, names what is wrong, and
//! says what to do about it.

mod log;
mod node;
mod redis;

use anyhow::bail;
use serde::Serialize;
use serde_json::json;

use crate::check;
use crate::config::DoctorOptions;
use crate::dev::files;

/// How far clocks may be apart before deadlines and times of events are wrong enough to notice.
const CLOCKS_APART_MS: u64 = 2_000;

/// How something fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Ok,
    /// It cannot be known from here.
    Unknown,
    /// It works, and may not for long, or not as promised.
    Warning,
    /// It does not work, or loses what it promises to keep.
    Fault,
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Check {
    /// Its name, for programs.
    name: &'static str,
    state: State,
    /// What was found.
    found: String,
    /// What to do; empty where there is nothing to do.
    mend: String,
}

impl Check {
    fn new(name: &'static str, state: State, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, state, found: found.into(), mend: mend.into() }
    }

    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, State::Ok, found, "")
    }

    fn warning(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(name, State::Warning, found, mend)
    }

    fn fault(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(name, State::Fault, found, mend)
    }
}

/// Looks and prints.
///
/// # Errors
/// When there is a fault.
pub async fn run(options: &DoctorOptions) -> anyhow::Result<()> {
    let mut options = options.clone();
    let running = files::adopt(&mut options.serve.stores, &options.serve.http.data_dir)?;
    let wrong = check::wrong(&options.serve);
    let mut checks = if wrong.is_empty() {
        vec![Check::ok("config", "can be served with")]
    } else {
        let named =
            |error| Check::fault("config", format!("{error:#}"), "`promptster-server config check` prints all of it");
        wrong.into_iter().map(named).collect()
    };
    if let (Ok(redis), Ok(log)) = (options.serve.stores.redis(), options.serve.stores.clickhouse()) {
        let (redis, log) = tokio::join!(redis::checks(redis), log::checks(&log));
        checks.extend(redis.into_iter().chain(log));
    }
    checks.extend(node::checks(&options, running.as_ref()).await);

    let n_faults = checks.iter().filter(|check| check.state == State::Fault).count();
    if options.json {
        println!("{}", json!({ "ok": n_faults == 0, "checks": checks }));
    } else {
        checks.iter().for_each(print);
    }
    match n_faults {
        0 => eprintln!("Nothing is wrong."),
        1 => bail!("one fault"),
        n => bail!("{n} faults"),
    }
    Ok(())
}

fn print(check: &Check) {
    let mark = match check.state {
        State::Ok => "ok     ",
        State::Unknown => "unknown",
        State::Warning => "warning",
        State::Fault => "FAULT  ",
    };
    println!("{mark}  {:<18} {}", check.name, check.found);
    if !check.mend.is_empty() {
        println!("{:28}{}", "", check.mend);
    }
}

/// Whether another clock goes as the one here, which was read just before it was asked and just after.
fn clock(name: &'static str, theirs_ms: i64, before_ms: i64, after_ms: i64) -> Check {
    let apart = if theirs_ms < before_ms {
        before_ms.abs_diff(theirs_ms)
    } else {
        theirs_ms.saturating_sub(after_ms).max(0).unsigned_abs()
    };
    if apart <= CLOCKS_APART_MS {
        return Check::ok(name, "goes as the one here");
    }
    let way = if theirs_ms < before_ms { "behind" } else { "ahead of" };
    Check::fault(
        name,
        format!("{apart} ms {way} the one here"),
        "let both machines take the time from the same servers (NTP)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_by_more_than_the_question_takes() {
        for fine in [1_000, 2_500, 5_000, 7_000] {
            assert_eq!(clock("c", fine, 3_000, 5_000).state, State::Ok, "{fine}");
        }
        assert!(clock("c", 999, 3_000, 5_000).found.starts_with("2001 ms behind"));
        assert!(clock("c", 7_001, 3_000, 5_000).found.starts_with("2001 ms ahead"));
    }
}
