//! Whether what a scenario is about holds, claim by claim.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::check::Violation;
use crate::load::{Report, violations};

/// Something that is to hold.
#[derive(Debug)]
struct Claim {
    text: String,
    holds: bool,
    /// Whether it is judged here: times are not where the machine is busy.
    is_judged: bool,
}

/// What became of a scenario.
pub(crate) struct Verdict {
    name: &'static str,
    judges_times: bool,
    claims: Vec<Claim>,
    figures: Map<String, Value>,
    load: Report,
    /// Promises that were broken.
    pub(crate) violations: Vec<Violation>,
}

impl Verdict {
    /// Nothing claimed yet.
    pub(super) fn new(name: &'static str, judges_times: bool, load: Report, violations: Vec<Violation>) -> Self {
        Self { name, judges_times, claims: Vec::new(), figures: Map::new(), load, violations }
    }

    /// This is to hold.
    pub(super) fn claim(&mut self, holds: bool, text: impl Into<String>) {
        self.claims.push(Claim { text: text.into(), holds, is_judged: true });
    }

    /// This is to hold where times are judged.
    pub(super) fn timed_claim(&mut self, holds: bool, text: impl Into<String>) {
        self.claims.push(Claim { text: text.into(), holds, is_judged: self.judges_times });
    }

    /// A figure for programs.
    pub(super) fn figure(&mut self, name: &str, value: impl Into<Value>) {
        self.figures.insert(name.to_owned(), value.into());
    }

    /// Whether every claim holds that is judged.
    pub(crate) fn holds(&self) -> bool {
        self.violations.is_empty() && self.claims.iter().all(|claim| claim.holds || !claim.is_judged)
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let claim = |claim: &Claim| json!({ "text": claim.text, "holds": claim.holds, "judged": claim.is_judged });
        json!({
            "kind": self.name,
            "ok": self.holds(),
            "claims": self.claims.iter().map(claim).collect::<Vec<_>>(),
            "figures": self.figures,
            "violations": self.violations.len(),
            "firstViolations": self.violations.get(..20).unwrap_or(&self.violations),
            "load": self.load.json(),
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.load)?;
        writeln!(out, "\n{}:", self.name)?;
        for Claim { text, holds, is_judged } in &self.claims {
            let word = match (holds, is_judged) {
                (true, _) => "yes",
                (false, true) => "NO ",
                (false, false) => "no, not judged here",
            };
            writeln!(out, "  {word}  {text}")?;
        }
        if !self.violations.is_empty() {
            violations(out, &self.violations)?;
        }
        write!(out, "{}", if self.holds() { "It holds." } else { "It does NOT hold." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Meter, Stages};
    use std::time::Duration;
    use tokio::time::Instant;

    fn verdict(judges_times: bool) -> Verdict {
        let stages: Stages = "1:1s".parse().unwrap();
        let load = Report::of(1, &stages, Duration::ZERO, &Meter::new(Instant::now()));
        Verdict::new("test", judges_times, load, Vec::new())
    }

    #[test]
    fn a_claim_that_fails_fails_all_and_times_only_where_they_are_judged() {
        let (mut strict, mut lax) = (verdict(true), verdict(false));
        assert!(strict.holds() && lax.holds());
        strict.timed_claim(false, "fast");
        lax.timed_claim(false, "fast");
        assert!(!strict.holds() && lax.holds());
        assert!(lax.to_string().contains("no, not judged here  fast") && lax.to_string().ends_with("It holds."));
        lax.claim(false, "right");
        assert!(!lax.holds() && lax.json()["ok"] == false);
    }
}
