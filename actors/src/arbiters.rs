//! The threads on which actors live. An actor that is started on a web worker dies with it; these outlive the workers.

use std::sync::atomic::{AtomicUsize, Ordering};

use actix::{Arbiter, ArbiterHandle};

/// A fixed number of threads, given out in turn.
#[derive(Debug)]
pub(crate) struct Arbiters {
    arbiters: Vec<Arbiter>,
    next: AtomicUsize,
}

impl Arbiters {
    pub(crate) fn start(threads: usize) -> Self {
        Self { arbiters: (0..threads.max(1)).map(|_| Arbiter::new()).collect(), next: AtomicUsize::new(0) }
    }

    /// The next thread.
    pub(crate) fn next(&self) -> ArbiterHandle {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.arbiters.len();
        self.arbiters.get(turn).map_or_else(Arbiter::current, Arbiter::handle)
    }

    pub(crate) fn stop(&self) {
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
    }
}
