//! What this node alone has let through, kept with `governor`: it decides while Redis does not answer.

use std::{
    hash::Hash,
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};

use super::standing::Standing;
use crate::settings::Rate;

/// After how many charges a budget forgets those who have rested: often enough that memory follows the clients of the
/// last minutes, rarely enough that nobody notices.
pub(super) const SWEEP_EVERY: u64 = 10_000;

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// A budget for each `K`.
#[derive(Debug)]
pub(super) struct Local<K: Hash + Eq + Clone> {
    rate: Rate,
    limiter: Limiter<K>,
    charges: AtomicU64,
}

impl<K: Hash + Eq + Clone> Local<K> {
    /// A budget that everybody finds full.
    pub(super) fn new(rate: Rate) -> Self {
        let quota = Quota::per_minute(rate.per_minute).allow_burst(rate.burst);
        let limiter = RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>();
        Self { rate, limiter, charges: AtomicU64::new(0) }
    }

    /// Takes as many of `n` as there are, and tells how many that is.
    pub(super) fn take(&self, key: &K, n: u32) -> (u32, Standing) {
        self.forget_the_rested();
        let (mut granted, mut step) = (0, n);
        let mut standing = Standing::full(self.rate);
        while granted < n {
            let Some(cells) = NonZeroU32::new(step.min(n - granted)) else { break };
            match self.limiter.check_key_n(key, cells) {
                Ok(Ok(snapshot)) => {
                    granted += cells.get();
                    standing = Standing::of(self.rate, snapshot.remaining_burst_capacity());
                }
                Ok(Err(not_until)) => {
                    let wait = not_until.wait_time_from(self.limiter.clock().now());
                    standing = Standing::exhausted(self.rate, 0, wait);
                    step = cells.get() / 2;
                }
                Err(_) => step = cells.get() / 2,
            }
        }
        (granted, standing)
    }

    fn forget_the_rested(&self) {
        if self.charges.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;

    #[test]
    fn a_batch_takes_what_is_left_and_no_more() {
        let budget = Local::new(Rate::new(60, 500));
        assert_eq!(budget.take(&1, 300).0, 300);
        let (granted, standing) = budget.take(&1, 300);
        assert_eq!((granted, standing.remaining), (200, 0));
        assert!(standing.retry_after > Duration::ZERO);
        assert_eq!(budget.take(&2, 9_999).0, 500);
        assert_eq!(budget.take(&1, 1).0, 0);
        assert_eq!(budget.take(&3, 0).0, 0);
    }

    #[test]
    fn the_standing_counts_down_and_says_when_it_is_full() {
        let budget = Local::new(Rate::per_minute(60));
        let first = budget.take(&(), 1).1;
        assert_eq!((first.limit, first.remaining), (60, 59));
        let ahead = first.reset_unix_s - clock::now().millis() / 1000;
        assert!((1..=2).contains(&ahead), "{ahead}");
    }
}
