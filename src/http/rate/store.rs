//! The way to the budgets in Redis, and what is done while it is cut.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use redis_scripts::{Draw, Drawn, Pace, Redis, keys::BudgetKey};
use uuid::Uuid;

/// How long Redis has to answer; whoever waits for it is to be answered within two seconds in all.
const PATIENCE: Duration = Duration::from_millis(900);

/// How long Redis is not asked after it did not answer.
const AWAY_FOR: Duration = Duration::from_secs(1);

/// The budgets in Redis. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    redis: Redis,
    node: Uuid,
    away_until: Mutex<Option<Instant>>,
}

impl Store {
    /// The budgets in `redis`, drawn from by a node of its own.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self(Arc::new(Inner { redis, node: Uuid::new_v4(), away_until: Mutex::default() }))
    }

    /// Whether Redis did not answer just now.
    pub(super) fn is_away(&self, now: Instant) -> bool {
        self.away_until().is_some_and(|until| now < until)
    }

    /// Draws; `None` when Redis does not answer.
    pub(super) async fn draw(&self, key: &BudgetKey, pace: Pace, draw: Draw) -> Option<Drawn> {
        // On the heap, since every request that may have to ask would have to hold it.
        let asked = Box::pin(self.0.redis.draw_budget(key, self.0.node, pace, draw));
        let cause = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(drawn)) => {
                self.note(None);
                return Some(drawn);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        metrics::counter!("promptster_budget_draws_failed_total").increment(1);
        if self.note(Some(Instant::now() + AWAY_FOR)).is_none() {
            tracing::warn!(cause, "redis gives no budgets: this node counts alone until it does");
        }
        None
    }

    fn away_until(&self) -> Option<Instant> {
        *self.0.away_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers what was noted before.
    fn note(&self, away_until: Option<Instant>) -> Option<Instant> {
        std::mem::replace(&mut *self.0.away_until.lock().unwrap_or_else(PoisonError::into_inner), away_until)
    }
}
