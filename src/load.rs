//! How much this node has taken in and not answered yet, whether it keeps up, and whether there is room for more. Beyond
//! its limits a node refuses events before it reads them, so that overload costs little and passes by itself.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};

use redis_scripts::{Memory, Redis};

use crate::{http::error::Refusal, lag};

/// How often Redis is asked how full it is.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// From this share of its memory on, in per cent, no more events are taken: what is left is for what must go on, like ends
/// and deletions.
const SHED_AT: u64 = 80;

/// Senders of whom it is being found out at the same time who they are. Where Redis answers, that is over within tens of
/// milliseconds; further ones would only wait, with their bodies in the buffers of their connections.
const MAX_ASKED: usize = 512;

/// The load of a node. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Load(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: usize,
    in_flight: AtomicUsize,
    asked: AtomicUsize,
    redis: AtomicU8,
}

/// How full Redis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fullness {
    Roomy,
    Filling,
    Full,
}

/// Bytes that were let in; they count until this is dropped.
#[derive(Debug)]
pub struct Admitted {
    load: Load,
    bytes: usize,
}

/// A sender of whom it is being found out who they are.
#[derive(Debug)]
pub struct Asked(Load);

impl Load {
    /// Nothing in flight, of which `limit` bytes may be at once.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Inner {
            limit,
            in_flight: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
            redis: AtomicU8::new(0),
        }))
    }

    /// Lets `bytes` of events in.
    ///
    /// # Errors
    /// 503 `overloaded` when there is no room for them here or in Redis, or when the worker is behind.
    pub fn admit(&self, bytes: usize) -> Result<Admitted, Refusal> {
        keeps_up()?;
        let inner = &self.0;
        if inner.redis.load(Ordering::Relaxed) == Fullness::Full.code() {
            return Err(Refusal::Overloaded);
        }
        let before = inner.in_flight.fetch_add(bytes, Ordering::Relaxed);
        // Made first, so that what is refused is given back as what was let in is.
        let admitted = Admitted { load: self.clone(), bytes };
        // What is larger than all room there is gets in alone.
        if before > 0 && before.saturating_add(bytes) > inner.limit {
            return Err(Refusal::Overloaded);
        }
        Ok(admitted)
    }

    /// Lets one more sender in of whom is to be found out who they are, until this is dropped.
    ///
    /// # Errors
    /// 503 `overloaded` when there are too many already, or when the worker is behind.
    pub fn ask(&self) -> Result<Asked, Refusal> {
        keeps_up()?;
        let before = self.0.asked.fetch_add(1, Ordering::Relaxed);
        let asked = Asked(self.clone());
        if before < MAX_ASKED { Ok(asked) } else { Err(Refusal::Overloaded) }
    }

    /// Bytes of events that were let in and are not answered yet.
    #[must_use]
    pub fn in_flight_bytes(&self) -> usize {
        self.0.in_flight.load(Ordering::Relaxed)
    }

    /// Watches how full Redis is, for ever.
    pub async fn watch(&self, redis: &Redis) {
        let mut before = Fullness::Roomy;
        loop {
            // A Redis that does not answer refuses by itself.
            if let Ok(memory) = redis.memory().await {
                let now = Fullness::of(memory);
                if now != before {
                    tell(now, memory);
                }
                self.0.redis.store(now.code(), Ordering::Relaxed);
                before = now;
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }
}

/// Whether this worker keeps up. Asked before anything else of a request with events, so that refusing costs little.
///
/// # Errors
/// 503 `overloaded` when it is behind.
fn keeps_up() -> Result<(), Refusal> {
    if lag::is_behind() { Err(Refusal::Overloaded) } else { Ok(()) }
}

fn tell(fullness: Fullness, Memory { used, limit }: Memory) {
    match fullness {
        Fullness::Roomy => tracing::info!(used, limit, "redis has room again"),
        Fullness::Filling => tracing::warn!(used, limit, "redis is filling up; is clickhouse taking the log?"),
        Fullness::Full => tracing::error!(used, limit, "redis is nearly full: events are refused until it has room"),
    }
}

impl Fullness {
    fn of(memory: Memory) -> Self {
        match memory.percent() {
            SHED_AT.. => Self::Full,
            _ if memory.is_filling() => Self::Filling,
            _ => Self::Roomy,
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Roomy => 0,
            Self::Filling => 1,
            Self::Full => 2,
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.load.0.in_flight.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.0.asked.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_let_in_counts_until_it_is_answered() {
        let load = Load::new(100);
        let first = load.admit(60).unwrap();
        assert_eq!(load.admit(41).unwrap_err(), Refusal::Overloaded);
        let second = load.admit(40).unwrap();
        assert!(load.admit(1).is_err());
        drop(first);
        let third = load.admit(60).unwrap();
        assert!(load.admit(1).is_err());
        drop((second, third));
        let alone = load.admit(1_000).unwrap();
        assert!(load.admit(1).is_err());
        drop(alone);
        load.admit(100).unwrap();
    }

    #[test]
    fn only_so_many_senders_wait_to_be_known() {
        let load = Load::new(100);
        let asked: Vec<Asked> = (0..MAX_ASKED).map(|_| load.ask().unwrap()).collect();
        assert_eq!(load.ask().unwrap_err(), Refusal::Overloaded);
        drop(asked);
        load.ask().unwrap();
    }

    #[test]
    fn redis_is_full_before_it_is_full() {
        let of = |used| Fullness::of(Memory { used, limit: 1_000 });
        assert_eq!([of(0), of(699), of(700), of(799)].map(Fullness::code), [0, 0, 1, 1]);
        assert_eq!([of(800), of(1_000), of(5_000)].map(Fullness::code), [2, 2, 2]);
        assert_eq!(Fullness::of(Memory { used: u64::MAX, limit: 0 }), Fullness::Roomy, "no limit is none");
        let load = Load::new(100);
        load.0.redis.store(Fullness::Full.code(), Ordering::Relaxed);
        assert_eq!(load.admit(1).unwrap_err(), Refusal::Overloaded);
    }
}
