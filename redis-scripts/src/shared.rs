//! A connection that many use at once, for short questions. What they ask at the same time travels together, so that both
//! ends spend one system call on it instead of one for each. Nothing that writes goes this way: a write that Redis holds
//! up, as it does while it moves data or is told to pause, would hold up the questions behind it.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use redis::{aio::MultiplexedConnection, cmd};
use tokio::{sync::OnceCell, time::Instant};

use crate::Error;

/// A connection that was used within this time is given out unchecked: in less, no server is gone and back again. While it
/// is busy it is never checked, and whoever comes after a pause pays one short question for it.
const FRESH: Duration = Duration::from_millis(100);

/// How many there are to each server: a long answer holds up those behind it on the same one only.
const LINES: usize = 2;

/// The connections to one server that many use.
#[derive(Debug)]
pub(crate) struct Shared {
    lines: [RwLock<Arc<Slot>>; LINES],
    turn: AtomicUsize,
}

/// One connection, opened by whoever is first.
#[derive(Debug)]
pub(crate) struct Slot {
    connection: OnceCell<MultiplexedConnection>,
    broken: AtomicBool,
    since: Instant,
    /// When it was last given out, in milliseconds after `since`.
    used_ms: AtomicU64,
}

impl Slot {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            connection: OnceCell::new(),
            broken: AtomicBool::new(false),
            since: Instant::now(),
            used_ms: AtomicU64::new(0),
        })
    }

    /// Keeps it from being given out again.
    pub(crate) fn is_broken(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    /// Whether it has rested since it was last given out, which is now.
    fn has_rested(&self) -> bool {
        let now_ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let used_ms = self.used_ms.swap(now_ms, Ordering::Relaxed);
        u128::from(now_ms.saturating_sub(used_ms)) >= FRESH.as_millis()
    }
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self { lines: std::array::from_fn(|_| RwLock::new(Slot::new())), turn: AtomicUsize::new(0) }
    }

    /// One of the connections; opened anew by `open` when it broke, or rested and does not answer any more.
    pub(crate) async fn line<F>(&self, open: impl Fn() -> F) -> Result<(Arc<Slot>, MultiplexedConnection), Error>
    where
        F: Future<Output = Result<MultiplexedConnection, Error>>,
    {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % LINES;
        let Some(line) = self.lines.get(turn) else { return Err(Error::Unavailable("no connection".into())) };
        let slot = current(line);
        let is_open = slot.connection.initialized();
        let mut connection = slot.connection.get_or_try_init(&open).await?.clone();
        if !(is_open && slot.has_rested()) || cmd("PING").query_async::<()>(&mut connection).await.is_ok() {
            return Ok((slot, connection));
        }
        slot.is_broken();
        let slot = current(line);
        let connection = slot.connection.get_or_try_init(&open).await?.clone();
        Ok((slot, connection))
    }
}

/// The connection of a line, or the place for another when that one broke.
fn current(line: &RwLock<Arc<Slot>>) -> Arc<Slot> {
    let slot = line.read().unwrap_or_else(PoisonError::into_inner).clone();
    if !slot.broken.load(Ordering::Relaxed) {
        return slot;
    }
    let mut line = line.write().unwrap_or_else(PoisonError::into_inner);
    if line.broken.load(Ordering::Relaxed) {
        *line = Slot::new();
    }
    line.clone()
}
