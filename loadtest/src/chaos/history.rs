//! What was sent in each session, and what came back: every single call, in few bytes.

use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use super::script::{Intent, Planned, Recipe, digest};
use crate::history::Progress;

/// What one call, or one frame, told about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Outcome {
    /// 201, with the `seq` where the door tells it.
    Stored { seq: Option<u64> },
    /// 200: it was there before.
    Duplicate,
    /// An answer that sending again would not change.
    Refused { status: u16 },
    /// 429: it was not looked at.
    Limited,
    /// No answer, or one that says that the fate is not known.
    Unknown,
}

impl Outcome {
    /// Whether it says that the event is stored.
    pub(crate) fn is_ok(self) -> bool {
        matches!(self, Self::Stored { .. } | Self::Duplicate)
    }

    /// Whether nothing is gained by sending again.
    pub(crate) fn is_final(self) -> bool {
        self.is_ok() || matches!(self, Self::Refused { .. })
    }
}

/// One event of a session's history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    /// Its id.
    pub(crate) id: Uuid,
    /// The digest of its text.
    pub(crate) body: u64,
    /// What was to happen with it.
    pub(crate) intent: Intent,
}

/// One call with one event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Try {
    /// Its place among the events.
    pub(crate) event: u32,
    /// The call or connection. What is acknowledged as new in one lane was stored in the order in which it stands here.
    pub(crate) lane: u32,
    /// When it was sent, in microseconds of the run.
    pub(crate) start_us: u64,
    /// When the answer came, or it was clear that none would.
    pub(crate) end_us: u64,
    /// With other content under the same id.
    pub(crate) is_altered: bool,
    /// What came back.
    pub(crate) outcome: Outcome,
}

/// What one candidate did in one session, and what came back.
#[derive(Debug, Clone)]
pub(crate) struct SessionHistory {
    /// The place of its organisation.
    pub(crate) org: usize,
    /// Which door it used, for people.
    pub(crate) door: &'static str,
    /// What its events follow from.
    pub(crate) recipe: Recipe,
    /// The candidate's key.
    pub(crate) key: String,
    /// Its events, in the order in which each was first sent.
    pub(crate) events: Vec<Sent>,
    /// Every call, in the order in which the answers came.
    pub(crate) tries: Vec<Try>,
    /// Where the server broke its own protocol.
    pub(crate) faults: Vec<String>,
    /// Whether it was completed while the faults went on.
    pub(crate) is_completed: bool,
}

/// The history of a session while it is written.
#[derive(Debug)]
pub(crate) struct Log {
    epoch: Instant,
    state: Mutex<SessionHistory>,
    /// How far it is, for watchers.
    pub(crate) progress: watch::Sender<Progress>,
    /// The node that its candidate uses now.
    pub(crate) node: AtomicUsize,
}

impl Log {
    /// Nothing sent yet. Times are counted from `epoch`.
    pub(crate) fn new(epoch: Instant, org: usize, door: &'static str, recipe: Recipe, key: String) -> Self {
        let (events, tries, faults) = (Vec::new(), Vec::new(), Vec::new());
        let state = Mutex::new(SessionHistory { org, door, recipe, key, events, tries, faults, is_completed: false });
        Self { epoch, state, progress: watch::Sender::default(), node: AtomicUsize::default() }
    }

    /// The time of the run, in microseconds.
    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// What is written so far.
    pub(crate) fn state(&self) -> MutexGuard<'_, SessionHistory> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event is about to be sent for the first time; its place.
    pub(crate) fn plan(&self, planned: &Planned) -> u32 {
        let mut state = self.state();
        state.events.push(Sent { id: planned.id, body: digest(&*planned.text), intent: planned.intent });
        u32::try_from(state.events.len() - 1).unwrap_or(u32::MAX)
    }

    /// A call ended.
    pub(crate) fn tried(&self, one: Try) {
        let is_new = {
            let mut state = self.state();
            let is_ok = |other: &Try| other.event == one.event && !other.is_altered && other.outcome.is_ok();
            // An earlier acknowledgement stands near the end.
            let is_new = is_ok(&one) && !state.tries.iter().rev().take(400).any(is_ok);
            state.tries.push(one);
            is_new
        };
        if is_new {
            self.progress.send_modify(|progress| progress.acknowledged += 1);
        }
    }

    /// The server did what it must not do.
    pub(crate) fn fault(&self, text: String) {
        let mut state = self.state();
        // The first ones tell enough.
        if state.faults.len() < 20 {
            state.faults.push(text);
        }
    }

    /// Nothing more is sent.
    pub(crate) fn done(&self) {
        self.progress.send_modify(|progress| progress.is_done = true);
    }
}
