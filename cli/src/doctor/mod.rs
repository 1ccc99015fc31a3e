//! The command `doctor`: finds what keeps a session from being captured, names it, and says how to mend it.

mod delivery;
mod tools;

use crate::status::{self, Fares};
use crate::trouble::Trouble;
use serde::Serialize;
use serde_json::json;

/// Find out why something is not captured or does not arrive.
///
/// Looks at the hooks of the coding tools, at the background streamer, at the server, the clock, the key and the disk, and
/// changes nothing.
///
/// Exit codes: 0 nothing is wrong, 1 a fault was found (warnings are none).
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// Print it as one JSON object.
    #[arg(long)]
    json: bool,
}

/// How something fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Ok,
    /// It cannot be known here.
    Unknown,
    /// It works, and may not for long.
    Warning,
    /// Something is not captured, or does not arrive.
    Fault,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
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

    fn fault(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(name, State::Fault, found, mend)
    }
}

impl Doctor {
    /// Looks and prints; whether nothing is wrong.
    pub(crate) async fn run(&self) -> Result<bool, Trouble> {
        let (workspace, session) = status::here()?;
        let fares = Fares::of(&workspace)?;
        let mut checks = tools::checks(&workspace, &session)?;
        checks.extend(delivery::checks(&workspace, &session, &fares).await?);
        let is_well = checks.iter().all(|check| check.state != State::Fault);
        if self.json {
            println!("{}", json!({ "ok": is_well, "checks": checks }));
            return Ok(is_well);
        }
        for check in &checks {
            let mark = match check.state {
                State::Ok => "ok     ",
                State::Unknown => "unknown",
                State::Warning => "warning",
                State::Fault => "FAULT  ",
            };
            println!("{mark}  {:<16} {}", check.name, check.found);
            if !check.mend.is_empty() {
                println!("{:27}{}", "", check.mend);
            }
        }
        let n_faults = checks.iter().filter(|check| check.state == State::Fault).count();
        match n_faults {
            0 => println!("\nNothing is wrong."),
            1 => println!("\nOne fault."),
            n => println!("\n{n} faults."),
        }
        Ok(is_well)
    }
}
