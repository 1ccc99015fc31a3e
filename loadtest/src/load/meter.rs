//! What a run measures, second by second: what was due, what was answered and how late, what watchers got and how late,
//! and everything that was not taken, by name.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::histogram::Histogram;

/// What a second, or several, came to.
#[derive(Debug, Default, Clone)]
pub(crate) struct Span {
    /// Events that were due.
    pub(crate) due: u64,
    /// Events that were acknowledged, in the second in which the answer came.
    pub(crate) acknowledged: u64,
    /// Events that were refused or got no answer, in the second in which that was clear.
    pub(crate) failed: u64,
    /// How long after it was due an event was acknowledged, in the second in which it was due.
    pub(crate) ack: Histogram,
    /// How long after it was due an event reached a watcher, in the second in which it was due.
    pub(crate) fan_out: Histogram,
}

/// Measures; all clients of a run share it.
#[derive(Debug)]
pub(crate) struct Meter {
    epoch: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    seconds: Vec<Span>,
    failures: BTreeMap<String, u64>,
}

impl Span {
    fn add(&mut self, other: &Self) {
        self.due += other.due;
        self.acknowledged += other.acknowledged;
        self.failed += other.failed;
        self.ack.merge(&other.ack);
        self.fan_out.merge(&other.fan_out);
    }
}

impl Meter {
    /// Nothing measured yet; the first second begins at `epoch`.
    pub(crate) fn new(epoch: Instant) -> Self {
        Self { epoch, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at(&self, time: Instant, change: impl FnOnce(&mut Span)) {
        let second = time.saturating_duration_since(self.epoch).as_secs();
        let second = usize::try_from(second).unwrap_or_default();
        let mut state = self.state();
        while state.seconds.len() <= second {
            state.seconds.push(Span::default());
        }
        state.seconds.get_mut(second).map(change).unwrap_or_default();
    }

    /// An event is due.
    pub(crate) fn due(&self, due: Instant) {
        self.at(due, |span| span.due += 1);
    }

    /// An event that was due then is acknowledged now.
    pub(crate) fn acknowledged(&self, due: Instant) {
        let now = Instant::now();
        self.at(now, |span| span.acknowledged += 1);
        self.at(due, |span| span.ack.add(now.saturating_duration_since(due)));
    }

    /// An event that was due then has reached a watcher now.
    pub(crate) fn fanned_out(&self, due: Instant) {
        let took = due.elapsed();
        self.at(due, |span| span.fan_out.add(took));
    }

    /// `n` events were not taken, and why.
    pub(crate) fn failed(&self, why: &str, n: u64) {
        if n == 0 {
            return;
        }
        self.at(Instant::now(), |span| span.failed += n);
        let mut state = self.state();
        match state.failures.get_mut(why) {
            Some(times) => *times += n,
            None => drop(state.failures.insert(why.to_owned(), n)),
        }
    }

    /// Each second so far.
    pub(crate) fn seconds(&self) -> Vec<Span> {
        self.state().seconds.clone()
    }

    /// What was not taken, by reason.
    pub(crate) fn failures(&self) -> BTreeMap<String, u64> {
        self.state().failures.clone()
    }

    /// The whole seconds from the one in which `from` is until before the one in which `to` is.
    pub(crate) fn between(&self, from: Duration, to: Duration) -> Span {
        let place = |time: Duration| usize::try_from(time.as_secs()).unwrap_or(usize::MAX);
        let mut sum = Span::default();
        let state = self.state();
        for second in state.seconds.iter().take(place(to)).skip(place(from)) {
            sum.add(second);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_counts_from_when_an_event_was_due() {
        let epoch = Instant::now() - Duration::from_millis(3500);
        let meter = Meter::new(epoch);
        let due = epoch + Duration::from_millis(1500);
        meter.due(due);
        meter.acknowledged(due);
        meter.fanned_out(due);
        meter.failed("HTTP 503 overloaded", 2);
        let second = meter.between(Duration::from_secs(1), Duration::from_secs(2));
        assert_eq!((second.due, second.acknowledged, second.failed), (1, 0, 0));
        for histogram in [&second.ack, &second.fan_out] {
            assert_eq!(histogram.n(), 1);
            assert!(histogram.percentile(99).unwrap().as_millis().abs_diff(2000) < 200);
        }
        let all = meter.between(Duration::ZERO, Duration::from_secs(9));
        assert_eq!((all.due, all.acknowledged, all.failed), (1, 1, 2));
        assert_eq!(meter.failures().into_iter().collect::<Vec<_>>(), [("HTTP 503 overloaded".to_owned(), 2)]);
    }
}
