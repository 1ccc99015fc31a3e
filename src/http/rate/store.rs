//! The way to the budgets in Redis, and what is done while it is cut.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use redis_scripts::{
    Draw, Drawn, Pace, Redis,
    keys::{BudgetKey, Partition},
};
use uuid::Uuid;

/// How long Redis has to answer. Long, since a node that counts alone lets through what others have let through too;
/// and not so long that hooks, which wait for three seconds, give up.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// How long Redis is not asked after it did not answer.
const AWAY_FOR: Duration = Duration::from_secs(1);

/// How much longer than it has to answer others count alone while one asks whether Redis is back.
const ASKING: Duration = Duration::from_millis(100);

/// The budgets in Redis. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    redis: Redis,
    node: Uuid,
    /// The parts of Redis that did not answer, and until when they are not asked.
    away: Mutex<HashMap<Partition, Instant>>,
}

impl Store {
    /// The budgets in `redis`, drawn from by a node of its own.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self(Arc::new(Inner { redis, node: Uuid::new_v4(), away: Mutex::default() }))
    }

    /// Whether Redis did not answer just now. When that is a while ago, whoever asks first is told that it may be back,
    /// and finds out; nobody else waits for that.
    pub(super) fn is_away(&self, key: &BudgetKey, now: Instant) -> bool {
        match self.away().get_mut(&key.partition()) {
            None => false,
            Some(until) if now < *until => true,
            Some(until) => {
                *until = now + PATIENCE + ASKING;
                false
            }
        }
    }

    /// Draws; `None` when Redis does not answer.
    pub(super) async fn draw(&self, key: &BudgetKey, pace: Pace, draw: Draw) -> Option<Drawn> {
        // On the heap, since every request that may have to ask would have to hold it.
        let asked = Box::pin(self.0.redis.draw_budget(key, self.0.node, pace, draw));
        let cause = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(drawn)) => {
                self.away().remove(&key.partition());
                return Some(drawn);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        metrics::counter!("promptster_budget_draws_failed_total").increment(1);
        let (mut away, now) = (self.away(), Instant::now());
        away.retain(|_, until| now < *until + 2 * PATIENCE);
        let is_news = away.is_empty();
        away.insert(key.partition(), now + AWAY_FOR);
        drop(away);
        if is_news {
            tracing::warn!(cause, "redis gives no budgets: this node counts alone until it does");
        }
        None
    }

    fn away(&self) -> MutexGuard<'_, HashMap<Partition, Instant>> {
        self.0.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
