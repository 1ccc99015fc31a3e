//! Budgets: how much each credential, key and address may still do on this node.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{HttpMessage, HttpRequest};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};
use uuid::Uuid;

use super::error::ApiError;
use crate::{
    clock,
    settings::{Rate, RateLimits, Settings},
};

/// After how many charges a budget forgets those who have rested: often enough that memory follows the clients of the
/// last minutes, rarely enough that nobody notices.
const SWEEP_EVERY: u64 = 10_000;

/// What is left of a budget, as the headers tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How many a minute.
    pub limit: u32,
    /// How many at once now.
    pub remaining: u32,
    /// Unix time in seconds at which the budget is full, or, when it is empty, at which it has something again.
    pub reset_unix_s: i64,
    /// How long until the budget has what was asked for; zero when it had.
    pub retry_after: Duration,
}

impl Standing {
    /// A budget of which nothing is used.
    #[must_use]
    pub fn full(rate: Rate) -> Self {
        Self::of(rate, rate.burst.get())
    }

    fn of(rate: Rate, remaining: u32) -> Self {
        let used = rate.burst.get().saturating_sub(remaining);
        let until_full = interval(rate).saturating_mul(used);
        Self {
            limit: rate.per_minute.get(),
            remaining,
            reset_unix_s: unix_s_in(until_full),
            retry_after: Duration::ZERO,
        }
    }

    fn exhausted(rate: Rate, remaining: u32, retry_after: Duration) -> Self {
        Self { limit: rate.per_minute.get(), remaining, reset_unix_s: unix_s_in(retry_after), retry_after }
    }

    /// Keeps it with the request, for the headers of its reply.
    pub fn note(self, request: &HttpRequest) {
        request.extensions_mut().insert(self);
    }

    /// The refusal that an empty budget is answered with.
    #[must_use]
    pub fn refusal(self) -> ApiError {
        ApiError::rate_limited(self.retry_after_s())
    }

    /// In how many seconds, at least one, it is worth asking again.
    #[must_use]
    pub fn retry_after_s(self) -> u64 {
        u64::try_from(self.retry_after.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
    }
}

fn interval(rate: Rate) -> Duration {
    Duration::from_secs(60) / rate.per_minute.get()
}

fn unix_s_in(wait: Duration) -> i64 {
    let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    clock::now().plus_millis(wait_ms.saturating_add(999)).millis() / 1000
}

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// A budget for each `K`.
#[derive(Debug)]
pub struct Budget<K: Hash + Eq + Clone> {
    rate: Rate,
    limiter: Limiter<K>,
    charges: AtomicU64,
}

impl<K: Hash + Eq + Clone> Budget<K> {
    /// A budget that everybody finds full.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let quota = Quota::per_minute(rate.per_minute).allow_burst(rate.burst);
        let limiter = RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>();
        Self { rate, limiter, charges: AtomicU64::new(0) }
    }

    /// Takes as many of `n` as there are, and tells how many that is.
    pub fn take(&self, key: &K, n: u32) -> (u32, Standing) {
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

    /// Takes one.
    ///
    /// # Errors
    /// The standing of an empty budget.
    pub fn take_one(&self, key: &K) -> Result<Standing, Standing> {
        match self.take(key, 1) {
            (1, standing) => Ok(standing),
            (_, standing) => Err(standing),
        }
    }

    fn forget_the_rested(&self) {
        if self.charges.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
    }
}

/// Look-ups that found nothing. Only they count; but while the budget is empty nobody from that address may look, since
/// a guesser would otherwise learn from being let through that the guess was right.
#[derive(Debug)]
struct Failures<K: Hash + Eq + Clone> {
    budget: Budget<K>,
    empty_until: Mutex<HashMap<K, Instant>>,
}

impl<K: Hash + Eq + Clone> Failures<K> {
    fn new(rate: Rate) -> Self {
        Self { budget: Budget::new(rate), empty_until: Mutex::default() }
    }

    fn check(&self, key: &K) -> Result<(), Standing> {
        let empty_until = self.empty_until.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied();
        match empty_until.and_then(|until| until.checked_duration_since(Instant::now())) {
            Some(wait) => Err(Standing::exhausted(self.budget.rate, 0, wait)),
            None => Ok(()),
        }
    }

    fn count(&self, key: &K) {
        let wait = match self.budget.take_one(key) {
            Ok(standing) if standing.remaining > 0 => return,
            Ok(_) => interval(self.budget.rate),
            Err(standing) => standing.retry_after,
        };
        let now = Instant::now();
        let mut empty_until = self.empty_until.lock().unwrap_or_else(PoisonError::into_inner);
        if empty_until.len() >= 10_000 {
            empty_until.retain(|_, until| *until > now);
        }
        empty_until.insert(key.clone(), now + wait);
    }
}

/// All budgets of this node.
#[derive(Debug)]
pub struct Limits {
    /// Requests, by the id of the credential.
    pub credential: Budget<Uuid>,
    /// Requests to public routes, by address.
    pub address: Budget<IpAddr>,
    /// Events by HTTP, by candidate key.
    pub ingest: Budget<Uuid>,
    /// Events by WebSocket, by candidate key.
    pub stream: Budget<Uuid>,
    failures: Failures<IpAddr>,
    failures_overall: Failures<()>,
}

impl Limits {
    /// Full budgets.
    #[must_use]
    pub fn new(rates: &RateLimits) -> Self {
        Self {
            credential: Budget::new(rates.credential),
            address: Budget::new(rates.address),
            ingest: Budget::new(rates.ingest),
            stream: Budget::new(rates.stream),
            failures: Failures::new(rates.failures),
            failures_overall: Failures::new(rates.failures_overall),
        }
    }

    /// Whether a client at `address` may look up a secret that this node has not seen before.
    ///
    /// # Errors
    /// 429 while too many look-ups have failed.
    pub fn may_look_up(&self, address: IpAddr) -> Result<(), ApiError> {
        self.failures.check(&address).and_then(|()| self.failures_overall.check(&())).map_err(Standing::refusal)
    }

    /// Counts a look-up that found nothing.
    pub fn count_failure(&self, address: IpAddr) {
        self.failures.count(&address);
        self.failures_overall.count(&());
        metrics::counter!("promptster_failed_lookups_total").increment(1);
    }
}

/// Who asks, for budgets: the address, of IPv6 the network that one customer usually has (/64).
#[must_use]
pub fn client_address(request: &HttpRequest, settings: &Settings) -> IpAddr {
    let forwarded = || {
        let header = request.headers().get_all("x-forwarded-for").last()?.to_str().ok()?;
        header.rsplit(',').next()?.trim().parse().ok()
    };
    let peer = request.peer_addr().map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.ip());
    let address = settings.trust_forwarded_for.then(forwarded).flatten().unwrap_or(peer);
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_takes_what_is_left_and_no_more() {
        let budget = Budget::new(Rate::new(60, 500));
        assert_eq!(budget.take(&1, 300).0, 300);
        let (granted, standing) = budget.take(&1, 300);
        assert_eq!((granted, standing.remaining), (200, 0));
        assert!(standing.retry_after > Duration::ZERO);
        assert_eq!(budget.take(&2, 9_999).0, 500);
        assert!(budget.take_one(&1).is_err());
        assert_eq!(budget.take(&3, 0).0, 0);
    }

    #[test]
    fn the_standing_counts_down_and_says_when_it_is_full() {
        let budget = Budget::new(Rate::per_minute(60));
        let first = budget.take_one(&()).unwrap();
        assert_eq!((first.limit, first.remaining), (60, 59));
        let ahead = first.reset_unix_s - clock::now().millis() / 1000;
        assert!((1..=2).contains(&ahead), "{ahead}");
    }

    #[test]
    fn only_failures_close_the_door_and_they_close_it_for_all_look_ups() {
        let limits = Limits::new(&RateLimits::default());
        let (guesser, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        for _ in 0..100 {
            assert!(limits.may_look_up(guesser).is_ok());
        }
        for _ in 0..10 {
            assert!(limits.may_look_up(guesser).is_ok());
            limits.count_failure(guesser);
        }
        assert!(limits.may_look_up(guesser).is_err());
        assert!(limits.may_look_up(other).is_ok());
    }
}
