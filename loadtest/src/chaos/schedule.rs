//! The order of faults, and what each did to the service.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use tokio::time::{Instant, sleep_until};

use super::fault::Fault;
use super::fleet::Fleet;
use super::probe::Probe;
use super::stack::Stack;
use super::strike::Striker;
use crate::check::{Promise, Violation};

/// How long the service may take to answer fully once all its parts are back.
pub(crate) const RECOVERS_WITHIN: Duration = Duration::from_secs(10);
/// How long a fault must last to say something about what went on meanwhile.
const LONG: Duration = Duration::from_secs(3);
/// Quiet times between faults, in milliseconds.
const QUIET_MS: std::ops::Range<u64> = 500..3000;

/// Faults that were done together, and what came of them.
#[derive(Debug, Clone)]
pub(crate) struct Struck {
    /// When, since the beginning.
    pub(crate) at: Duration,
    /// Which.
    pub(crate) faults: Vec<Fault>,
    /// What exactly.
    pub(crate) what: String,
    /// How long until all parts were back.
    pub(crate) took: Duration,
    /// How long from then until the service answered fully; nothing when it did not.
    pub(crate) recovery: Option<Duration>,
    /// What was waited for last.
    pub(crate) waited_for: String,
    /// Events that were acknowledged meanwhile.
    pub(crate) n_stored: u64,
    /// Readers that were answered meanwhile.
    pub(crate) n_read: u64,
}

/// Does faults one after the other, some of them two at once, until the time is up.
pub(crate) struct Schedule<'a> {
    /// To what.
    pub(crate) stack: &'a Stack,
    /// Whose clients go on meanwhile.
    pub(crate) fleet: &'a Fleet,
    /// Which.
    pub(crate) faults: Vec<Fault>,
    /// Everything random follows from it.
    pub(crate) seed: u64,
    /// How long long faults are, as a share of their usual time.
    pub(crate) scale: f64,
}

impl Schedule<'_> {
    /// Does them.
    pub(crate) async fn run(
        &self,
        until: Instant,
        probe: &mut Probe,
        mut say: impl FnMut(&Struck),
    ) -> Result<Vec<Struck>, String> {
        let mut rng = StdRng::seed_from_u64(self.seed);
        let mut deck: Vec<Fault> = Vec::new();
        let mut all = Vec::new();
        while !self.faults.is_empty() {
            let quiet = Duration::from_millis(rng.random_range(QUIET_MS)).mul_f64(self.scale.max(0.3));
            sleep_until(Instant::now() + quiet).await;
            if Instant::now() >= until {
                break;
            }
            let mut draw = |rng: &mut StdRng| {
                if deck.is_empty() {
                    deck.clone_from(&self.faults);
                    deck.shuffle(rng);
                }
                deck.pop()
            };
            let Some(fault) = draw(&mut rng) else { break };
            let mut faults = vec![fault];
            let n_more = match fault {
                // Long enough for others to happen meanwhile.
                Fault::ClickhouseAway => 3,
                _ => usize::from(rng.random_bool(0.2)),
            };
            for _ in 0..n_more {
                faults.extend(draw(&mut rng).filter(|other| !faults.contains(other)));
            }
            let struck = self.strike(faults, &mut rng, probe).await?;
            say(&struck);
            let is_back = struck.recovery.is_some();
            all.push(struck);
            if !is_back {
                // There is nothing left to hurt.
                break;
            }
        }
        Ok(all)
    }

    async fn strike(&self, faults: Vec<Fault>, rng: &mut StdRng, probe: &mut Probe) -> Result<Struck, String> {
        let (at, started) = (self.fleet.epoch.elapsed(), Instant::now());
        let counts = || [&self.fleet.n_stored, &self.fleet.n_read].map(|count| count.load(Ordering::Relaxed));
        let before = counts();
        let mut striker = || Striker { stack: self.stack, rng: StdRng::seed_from_u64(rng.random()), scale: self.scale };
        let (mut one, mut two) = (striker(), striker());
        // The first one lasts while the others are done one after the other.
        let (first, others) = faults.split_at(faults.len().min(1));
        let (first, others) = tokio::join!(one.strike_all(first), two.strike_all(others));
        let done = first?.into_iter().chain(others?);
        let what = done.filter(|what| !what.is_empty()).collect::<Vec<_>>().join("; ");
        one.all_back().await?;
        let back = Instant::now();
        let ([stored, read], [stored_before, read_before]) = (counts(), before);
        let (recovery, waited_for) = match probe.recovered(self.stack, back).await {
            Ok((recovery, last)) => (Some(recovery), last),
            Err(reason) => (None, reason),
        };
        let (n_stored, n_read) = (stored - stored_before, read - read_before);
        Ok(Struck { at, faults, what, took: back - started, recovery, waited_for, n_stored, n_read })
    }
}

/// What the service promised for the time of faults and after, and did not keep.
pub(crate) fn check(all: &[Struck], n_nodes: usize) -> Vec<Violation> {
    let mut found = Vec::new();
    for struck in all {
        let faults = struck.faults.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(" + ");
        let mut add = |promise, text: String| {
            let session = format!("none; {faults} at {:.1} s", struck.at.as_secs_f64());
            found.push(Violation { promise, session, event: None, text: format!("{text} ({})", struck.what) });
        };
        match struck.recovery {
            None => add(Promise::Recovery, format!("the service did not come back: {}", struck.waited_for)),
            Some(time) if time > RECOVERS_WITHIN => {
                add(Promise::Recovery, format!("it took {time:.1?} to answer fully; last: {}", struck.waited_for));
            }
            Some(_) => {}
        }
        // Two nodes at once may be all there are.
        let [fault] = struck.faults.as_slice() else { continue };
        if struck.took >= LONG && fault.leaves_ingest(n_nodes) && struck.n_stored == 0 {
            add(Promise::Unavailable, format!("no event was acknowledged for {:.1?}", struck.took));
        }
        if struck.took >= LONG && fault.leaves_reading(n_nodes) && struck.n_read == 0 {
            add(Promise::Unavailable, format!("no timeline was answered for {:.1?}", struck.took));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(fault: Fault) -> Struck {
        Struck {
            at: Duration::ZERO,
            faults: vec![fault],
            what: "x".into(),
            took: Duration::from_secs(5),
            recovery: Some(Duration::from_secs(1)),
            waited_for: "nothing".into(),
            n_stored: 5,
            n_read: 5,
        }
    }

    fn promises(struck: Struck) -> Vec<Promise> {
        check(&[struck], 3).into_iter().map(|violation| violation.promise).collect()
    }

    #[test]
    fn a_service_that_comes_back_late_or_never_is_told() {
        assert_eq!(promises(struck(Fault::KillRedis)), []);
        let late = Struck { recovery: Some(Duration::from_millis(10_001)), ..struck(Fault::KillRedis) };
        assert_eq!(promises(late), [Promise::Recovery]);
        assert_eq!(promises(Struck { recovery: None, ..struck(Fault::Cut) }), [Promise::Recovery]);
    }

    #[test]
    fn a_service_that_stops_without_need_is_told() {
        let stops = |fault| promises(Struck { n_stored: 0, ..struck(fault) });
        assert_eq!(stops(Fault::ClickhouseAway), [Promise::Unavailable]);
        assert_eq!(stops(Fault::PauseNode), [Promise::Unavailable]);
        assert_eq!(stops(Fault::KillRedis), []);
        let is_blind = |fault| promises(Struck { n_read: 0, ..struck(fault) });
        assert_eq!(is_blind(Fault::RedisMemory), [Promise::Unavailable]);
        assert_eq!(is_blind(Fault::PauseClickhouse), []);
    }
}
