//! What the command says while it works, and at its end.

use std::cell::Cell;
use std::io::Write;
use std::time::{Duration, Instant};

/// How often a line is printed.
const EVERY: Duration = Duration::from_secs(2);

/// What ClickHouse does not hold.
const NOT_RESTORED: &str = "\
Not restored, because it is in no log:
  - what was acknowledged in the last moments before the loss and had not reached ClickHouse
  - tickets and addresses for uploads, which clients ask for again within minutes
  - session tokens of a candidate key before its newest 32
";

/// Counts, and prints a line now and then.
pub(super) struct Progress {
    began: Instant,
    printed: Cell<Instant>,
    orgs: Cell<u64>,
    entities: Cell<u64>,
    sessions: Cell<u64>,
    events: Cell<u64>,
    results: Cell<u64>,
    erasures: Cell<u64>,
}

impl Progress {
    pub(super) fn begin() -> Self {
        let now = Instant::now();
        let none = || Cell::new(0);
        say("Restoring Redis from ClickHouse. To be interrupted is harmless: run the command again.\n");
        Self {
            began: now,
            printed: Cell::new(now),
            orgs: none(),
            entities: none(),
            sessions: none(),
            events: none(),
            results: none(),
            erasures: none(),
        }
    }

    pub(super) fn org_done(&self) {
        self.add(&self.orgs, 1);
    }

    pub(super) fn entity_done(&self) {
        self.add(&self.entities, 1);
    }

    /// A session whose events were summed up.
    pub(super) fn session_done(&self) {
        self.add(&self.sessions, 1);
    }

    pub(super) fn events_done(&self, count: usize) {
        self.add(&self.events, u64::try_from(count).unwrap_or_default());
    }

    pub(super) fn results_derived(&self) {
        self.add(&self.results, 1);
    }

    pub(super) fn erasure_finished(&self) {
        self.add(&self.erasures, 1);
    }

    fn add(&self, counter: &Cell<u64>, more: u64) {
        counter.set(counter.get() + more);
        if self.printed.get().elapsed() >= EVERY {
            self.printed.set(Instant::now());
            say(&format!("{}\n", self.counts()));
        }
    }

    fn counts(&self) -> String {
        format!(
            "organisations {}, entities {}, sessions {}, events {}, seconds {:.1}",
            self.orgs.get(),
            self.entities.get(),
            self.sessions.get(),
            self.events.get(),
            self.began.elapsed().as_secs_f32()
        )
    }

    pub(super) fn finish(&self) {
        say(&format!("Redis is whole: {}.\n", self.counts()));
        if self.results.get() > 0 {
            say(&format!("Results that were missing: {}, derived.\n", self.results.get()));
        }
        if self.erasures.get() > 0 {
            say(&format!("Deletions that were interrupted: {}, finished.\n", self.erasures.get()));
        }
        say(NOT_RESTORED);
    }
}

/// That nobody reads it any more is no reason to stop.
fn say(text: &str) {
    let mut output = std::io::stdout();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).ok();
}
