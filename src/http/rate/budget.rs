//! A budget that counts on all nodes together. The truth is in Redis; a node draws from it before it lets anything
//! through, and ahead for those who come often, so that few requests wait for it (`draw_budget.lua`).

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use redis_scripts::{Draw, Pace, keys::BudgetKey};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{
    lease::Lease,
    local::{Local, SWEEP_EVERY},
    standing::{Standing, interval},
    store::Store,
};
use crate::settings::Rate;

/// Whose budget it is.
pub trait Whose: Hash + Eq + Clone + Send + Sync + 'static {
    /// Where Redis keeps it.
    fn key(&self, purpose: &str) -> BudgetKey;
}

impl Whose for Uuid {
    fn key(&self, purpose: &str) -> BudgetKey {
        BudgetKey::of_id(purpose, *self)
    }
}

impl Whose for IpAddr {
    fn key(&self, purpose: &str) -> BudgetKey {
        BudgetKey::of_address(purpose, *self)
    }
}

impl Whose for () {
    fn key(&self, purpose: &str) -> BudgetKey {
        BudgetKey::of_all(purpose)
    }
}

/// How many draws a request waits for: each time others may have been quicker than it.
const MOST_DRAWS: usize = 8;

/// A node draws at most this share of a burst ahead, so that another node misses no more than that.
const AHEAD_SHARE: u32 = 32;

/// Ends when the draw in flight has ended.
type Drawing = Shared<BoxFuture<'static, ()>>;

/// A budget for each `K`; clones are the same one.
#[derive(Debug, Clone)]
pub struct Budget<K: Whose>(Arc<Inner<K>>);

#[derive(Debug)]
struct Inner<K: Whose> {
    purpose: &'static str,
    rate: Rate,
    most_ahead: u32,
    store: Store,
    local: Local<K>,
    leases: Mutex<HashMap<K, Leased>>,
    charges: AtomicU64,
}

#[derive(Debug)]
struct Leased {
    lease: Lease,
    drawing: Option<Drawing>,
}

impl<K: Whose> Budget<K> {
    /// Budgets that are called `purpose` in Redis.
    #[must_use]
    pub fn new(purpose: &'static str, rate: Rate, store: Store) -> Self {
        Self::with(purpose, rate, rate.burst.get() / AHEAD_SHARE, store)
    }

    /// The same, of which nothing is ever drawn ahead, so that one can look at them.
    #[must_use]
    pub fn without_ahead(purpose: &'static str, rate: Rate, store: Store) -> Self {
        Self::with(purpose, rate, 0, store)
    }

    fn with(purpose: &'static str, rate: Rate, most_ahead: u32, store: Store) -> Self {
        let (leases, charges) = (Mutex::default(), AtomicU64::new(0));
        Self(Arc::new(Inner { purpose, rate, most_ahead, store, local: Local::new(rate), leases, charges }))
    }

    /// Takes as many of `n` as there are, and tells how many that is. While Redis does not answer this node counts
    /// alone.
    pub async fn take(&self, whose: &K, n: u32) -> (u32, Standing) {
        let mut waiting = None;
        for _ in 0..MOST_DRAWS {
            let drawing = {
                let mut leases = self.0.leases();
                let leased = leases.entry(whose.clone()).or_insert_with(|| self.0.nothing());
                let taken = leased.lease.take(n, Instant::now());
                if waiting.take().is_some_and(Waiting::ends) {
                    leased.lease.wait_no_more(n);
                }
                if let Some((granted, standing)) = taken {
                    drop(leases);
                    return self.0.charge(whose, granted, standing);
                }
                if self.0.store.is_away(&whose.key(self.0.purpose), Instant::now()) {
                    drop(leases);
                    return self.0.local.take(whose, n);
                }
                leased.lease.wait_for(n);
                waiting = Some(Waiting { inner: &self.0, whose, n });
                // One that has ended and is still there ended with the thread that it was on.
                leased.drawing.take_if(|drawing| drawing.peek().is_some());
                leased.drawing.get_or_insert_with(|| self.0.draw(whose)).clone()
            };
            drawing.await;
        }
        (0, Standing::exhausted(self.0.rate, 0, interval(self.0.rate)))
    }

    /// Takes as many of `n` as there are, if that can be said without asking Redis.
    pub fn take_now(&self, whose: &K, n: u32) -> Option<(u32, Standing)> {
        let taken = self.0.leases().get_mut(whose)?.lease.take(n, Instant::now());
        taken.map(|(granted, standing)| self.0.charge(whose, granted, standing))
    }

    /// Takes one.
    ///
    /// # Errors
    /// The standing of an empty budget.
    pub async fn take_one(&self, whose: &K) -> Result<Standing, Standing> {
        match self.take(whose, 1).await {
            (1, standing) => Ok(standing),
            (_, standing) => Err(standing),
        }
    }

    /// Looks whether there is anything left, and takes nothing. For budgets [`Self::without_ahead`].
    ///
    /// # Errors
    /// The standing of an empty budget.
    pub async fn look(&self, whose: &K) -> Result<(), Standing> {
        let known = self.0.leases().get(whose).and_then(|leased| leased.lease.empty_for(Instant::now()));
        if let Some(wait) = known {
            return Err(Standing::exhausted(self.0.rate, 0, wait));
        }
        let key = whose.key(self.0.purpose);
        if self.0.store.is_away(&key, Instant::now()) {
            return Ok(());
        }
        // It says that this node holds nothing, and that is so: nothing is drawn ahead.
        match self.0.store.draw(&key, pace(self.0.rate), Draw::default()).await {
            Some(drawn) if drawn.left == 0 => Err(Standing::exhausted(self.0.rate, 0, drawn.wait)),
            _ => Ok(()),
        }
    }

    /// Takes one, and takes note when that was the last.
    ///
    /// # Errors
    /// The standing of an empty budget.
    pub async fn take_last(&self, whose: &K) -> Result<(), Standing> {
        let taken = self.take_one(whose).await;
        let wait = match taken {
            Ok(standing) if standing.remaining > 0 => return Ok(()),
            Ok(_) => interval(self.0.rate),
            Err(standing) => standing.retry_after,
        };
        let mut leases = self.0.leases();
        let leased = leases.entry(whose.clone()).or_insert_with(|| self.0.nothing());
        leased.lease.note_empty(wait, Instant::now());
        taken.map(|_| ())
    }
}

impl<K: Whose> Inner<K> {
    fn leases(&self) -> MutexGuard<'_, HashMap<K, Leased>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nothing(&self) -> Leased {
        Leased { lease: Lease::new(self.rate, self.most_ahead), drawing: None }
    }

    /// Draws for all that wait. It goes on when whoever began it hangs up.
    fn draw(self: &Arc<Self>, whose: &K) -> Drawing {
        let (inner, whose) = (self.clone(), whose.clone());
        let (ending, ended) = oneshot::channel::<()>();
        tokio::spawn(async move {
            inner.draw_now(&whose).await;
            drop(ending);
        });
        ended.map(drop).boxed().shared()
    }

    async fn draw_now(&self, whose: &K) {
        let draw = self.leases().get_mut(whose).map(|leased| leased.lease.draw(Instant::now()));
        let Some(draw) = draw else { return };
        let drawn = self.store.draw(&whose.key(self.purpose), pace(self.rate), draw).await;
        if let Some(leased) = self.leases().get_mut(whose) {
            leased.drawing = None;
            if let Some(drawn) = drawn {
                leased.lease.put(&draw, &drawn, Instant::now());
            }
        }
    }

    /// Notes what was let through for the time when Redis does not answer.
    fn charge(&self, whose: &K, granted: u32, standing: Standing) -> (u32, Standing) {
        self.local.take(whose, granted);
        if self.charges.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            let now = Instant::now();
            self.leases().retain(|_, leased| leased.drawing.is_some() || !leased.lease.rests(now));
        }
        (granted, standing)
    }
}

/// A request that waits for cells; it waits no longer when this is dropped, as when its client hangs up.
struct Waiting<'a, K: Whose> {
    inner: &'a Inner<K>,
    whose: &'a K,
    n: u32,
}

impl<K: Whose> Waiting<'_, K> {
    /// Ends it without a word to the lease, for somebody who holds the lock.
    fn ends(self) -> bool {
        std::mem::forget(self);
        true
    }
}

impl<K: Whose> Drop for Waiting<'_, K> {
    fn drop(&mut self) {
        if let Some(leased) = self.inner.leases().get_mut(self.whose) {
            leased.lease.wait_no_more(self.n);
        }
    }
}

/// Rounded up to a microsecond, so that never more flows in than is configured.
fn pace(rate: Rate) -> Pace {
    let each_us = 60_000_000_u64.div_ceil(rate.per_minute.get().into());
    Pace { each: Duration::from_micros(each_us), burst: rate.burst }
}
