//! The threads on which actors live. An actor that is started on a web worker dies with it; these outlive the workers.

use std::sync::atomic::{AtomicUsize, Ordering};

use actix::{Arbiter, ArbiterHandle};

/// How much everybody else goes first where cores are scarce, as `nice` counts.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// A fixed number of threads, given out in turn, and one for what nobody waits for.
#[derive(Debug)]
pub(crate) struct Arbiters {
    arbiters: Vec<Arbiter>,
    next: AtomicUsize,
    background: Arbiter,
}

impl Arbiters {
    pub(crate) fn start(threads: usize) -> Self {
        let background = Arbiter::new();
        // Of this thread alone: elsewhere it would be of the whole process.
        #[cfg(target_os = "linux")]
        background.spawn_fn(|| {
            rustix::process::nice(NICE).ok();
        });
        let arbiters = (0..threads.max(1)).map(|_| Arbiter::new()).collect();
        Self { arbiters, next: AtomicUsize::new(0), background }
    }

    /// The thread for large batches, which would hold up those who wait for their acknowledgement.
    pub(crate) fn background(&self) -> ArbiterHandle {
        self.background.handle()
    }

    /// The next thread.
    pub(crate) fn next(&self) -> ArbiterHandle {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.arbiters.len();
        self.arbiters.get(turn).map_or_else(Arbiter::current, Arbiter::handle)
    }

    /// How many threads partitions are spread over: partition 0 lives on the first, 1 on the second, and so on, around and
    /// around.
    pub(crate) fn n_partitioned(&self) -> usize {
        self.arbiters.len()
    }

    /// The thread of partition `index`. What belongs to one partition lives together: its committer and its sessions
    /// speak with each other without waking another thread.
    pub(crate) fn of_partition(&self, index: usize) -> ArbiterHandle {
        self.arbiters.get(index % self.arbiters.len()).map_or_else(Arbiter::current, Arbiter::handle)
    }

    pub(crate) fn stop(&self) {
        for arbiter in self.arbiters.iter().chain([&self.background]) {
            arbiter.stop();
        }
    }
}
