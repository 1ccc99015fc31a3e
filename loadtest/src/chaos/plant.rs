//! Tests the checker: wrongs are planted, one at a time, into copies of what a run gave, and each must be reported as
//! what it is, where it is, and as nothing else.

mod spot;
#[cfg(test)]
mod tests;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::check::{History, check};
use super::fault::Fault;
use super::readback::Read;
use super::{Chaos, Faults, run};
use crate::check::{Promise, Violation};
use spot::Spot;

/// Candidates of the run that wrongs are planted into send no longer than this, in minutes.
const MINUTES: f64 = 0.3;

/// Something that a server could do wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// An acknowledged event is not there.
    Loss,
    /// A row is there twice.
    Double,
    /// Of two events, the one that was acknowledged before the other was sent comes behind it.
    Swap,
    /// Two rows stand the wrong way round in the timeline.
    SwappedRows,
    /// One byte of a payload is another.
    ChangedByte,
    /// A row that nobody sent is there.
    Foreign,
    /// An event that was refused is there.
    Refused,
    /// A row of another organisation is shown.
    Leak,
    /// A watcher was not sent an event.
    Missed,
    /// A watcher was sent an event twice.
    SeenTwice,
    /// A signal is off by one.
    Signal,
}

impl Wrong {
    /// All of them.
    pub(crate) const ALL: [Self; 11] = [
        Self::Loss,
        Self::Double,
        Self::Swap,
        Self::SwappedRows,
        Self::ChangedByte,
        Self::Foreign,
        Self::Refused,
        Self::Leak,
        Self::Missed,
        Self::SeenTwice,
        Self::Signal,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Loss => "a loss",
            Self::Double => "a double",
            Self::Swap => "a swap in the order of arrival",
            Self::SwappedRows => "a swap in the timeline",
            Self::ChangedByte => "a changed byte",
            Self::Foreign => "a foreign row",
            Self::Refused => "a refused event",
            Self::Leak => "a row of somebody else",
            Self::Missed => "a gap for a watcher",
            Self::SeenTwice => "a repeat for a watcher",
            Self::Signal => "a signal off by one",
        }
    }

    /// As what it must be reported.
    fn promise(self) -> Promise {
        match self {
            Self::Loss => Promise::Lost,
            Self::Double => Promise::Doubled,
            Self::Swap | Self::SwappedRows => Promise::Misordered,
            Self::ChangedByte => Promise::Changed,
            Self::Foreign | Self::Refused => Promise::Foreign,
            Self::Leak => Promise::Leaked,
            Self::Missed => Promise::Missed,
            Self::SeenTwice => Promise::SeenTwice,
            Self::Signal => Promise::Signals,
        }
    }

    /// What else is wrong where this is: a loss leaves a hole, and sums that count more than is there.
    fn consequences(self) -> &'static [Promise] {
        match self {
            Self::Loss => &[Promise::Seq, Promise::Signals, Promise::Session, Promise::Cohort],
            Self::Double => &[Promise::Seq, Promise::Misordered],
            // What was acknowledged has another place, and the last test run may be another.
            Self::Swap => &[Promise::Seq, Promise::Signals, Promise::Session, Promise::Cohort],
            Self::Leak => &[Promise::Foreign],
            _ => &[],
        }
    }
}

/// What became of a wrong that was planted.
#[derive(Debug)]
pub(crate) struct Verdict {
    wrong: Wrong,
    /// Where it was planted, and how many reports there were; or why it was not found.
    result: Result<String, String>,
}

/// Plants every wrong, each into copies of its own, and checks them.
pub(crate) fn plant_all(history: &History, read: &Read, seed: u64) -> Vec<Verdict> {
    let one = |(wrong, number): (Wrong, u64)| {
        let (mut history, mut read) = (history.clone(), read.clone());
        let mut rng = StdRng::seed_from_u64(seed.wrapping_add(number));
        let spot = spot::plant(wrong, &mut history, &mut read, &mut rng);
        let result = spot
            .ok_or_else(|| "this run has no place for it".to_owned())
            .and_then(|spot| judge(wrong, &spot, &check(&history, &read)));
        Verdict { wrong, result }
    };
    Wrong::ALL.into_iter().zip(0..).map(one).collect()
}

/// Whether exactly this was found.
fn judge(wrong: Wrong, spot: &Spot, found: &[Violation]) -> Result<String, String> {
    let is_it = |violation: &&Violation| {
        violation.promise == wrong.promise() && violation.session == spot.session && violation.event == spot.event
    };
    let n = found.iter().filter(is_it).count();
    if n == 0 {
        let first = found.first().map_or("nothing".to_owned(), ToString::to_string);
        return Err(format!("NOT FOUND in session {}; reported instead: {first}", spot.session));
    }
    let is_consequence = |violation: &Violation| {
        wrong.consequences().contains(&violation.promise)
            // The cohort of a session is that of others, too.
            && (violation.promise == Promise::Cohort || violation.session == spot.session)
    };
    if let Some(other) = found.iter().find(|violation| !is_it(violation) && !is_consequence(violation)) {
        return Err(format!("found, but reported as well: {other}"));
    }
    let event = spot.event.map(|event| format!("event {event} of ")).unwrap_or_default();
    let consequences = match found.len() - n {
        0 => String::new(),
        n => format!(", with {n} consequences"),
    };
    Ok(format!("{event}session {}{consequences}", spot.session))
}

/// Runs shortly, then plants; prints a table. Whether every wrong was found.
pub(crate) async fn self_test(options: &Chaos) -> Result<bool, String> {
    let faults = [Fault::KillNode, Fault::LoseAnswers].map(Faults::One).to_vec();
    let options = Chaos { minutes: options.minutes.min(MINUTES), faults, ..options.clone() };
    let run::Outcome { report, history, read } = run::run(&options, true).await?;
    println!("{report}\n");
    if !report.holds() {
        return Err("the run itself has violations: what is planted would not stand out".to_owned());
    }
    let verdicts = plant_all(&history, &read, report.seed);
    println!("{:<32}{:<14}verdict", "planted", "reported as");
    for Verdict { wrong, result } in &verdicts {
        let promise = format!("{:?}", wrong.promise());
        let (promise, text) = match result {
            Ok(text) => (promise.as_str(), text),
            Err(text) => ("WRONG", text),
        };
        println!("{:<32}{promise:<14}{text}", wrong.name());
    }
    let n = verdicts.iter().filter(|verdict| verdict.result.is_ok()).count();
    println!("\n{n} of {} wrongs were found as what they are.", verdicts.len());
    Ok(n == verdicts.len())
}
