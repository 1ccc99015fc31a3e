//! What one candidate sent and what the server answered, call by call.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::Event;
use indicatif::ProgressBar;
use tokio::sync::watch;
use uuid::Uuid;

use crate::histogram::Histogram;

/// An event as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// The exact text of the envelope.
    pub(crate) text: Arc<str>,
    /// The same, understood.
    pub(crate) event: Event,
}

/// The fate of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 201, with the `seq` where the door tells it.
    Stored { seq: Option<u64> },
    /// 200: it was there before.
    Duplicate,
    /// Any answer that sending again would not change.
    Refused { status: u16, error: String },
}

/// What one candidate did, and what came back.
#[derive(Debug)]
pub(crate) struct History {
    /// The session.
    pub(crate) session: String,
    /// All events that were to be sent, in this order.
    pub(crate) events: Vec<Sent>,
    /// The answers, in the order in which they came.
    pub(crate) answers: Vec<(Uuid, Outcome)>,
    /// Whether single events had to be sent again behind later ones, so that the order of sending is none.
    pub(crate) reordered: bool,
    /// How often an event was sent again because its fate was unknown.
    pub(crate) retries: u64,
    /// Where the server broke its own protocol.
    pub(crate) faults: Vec<String>,
    /// How long answers took.
    pub(crate) latencies: Histogram,
    known: HashMap<Uuid, usize>,
}

impl History {
    /// Nothing sent yet.
    pub(crate) fn new(session: String, events: Vec<Sent>) -> Self {
        let known = events.iter().enumerate().map(|(index, sent)| (sent.event.id, index)).collect();
        Self {
            session,
            events,
            answers: Vec::new(),
            reordered: false,
            retries: 0,
            faults: Vec::new(),
            latencies: Histogram::default(),
            known,
        }
    }

    /// The event of that id, if it is one of this candidate.
    pub(crate) fn sent(&self, id: Uuid) -> Option<&Sent> {
        self.events.get(*self.known.get(&id)?)
    }

    /// The events whose storage the server has confirmed, by either answer.
    pub(crate) fn acknowledged(&self) -> HashSet<Uuid> {
        let confirmed = |outcome: &Outcome| matches!(outcome, Outcome::Stored { .. } | Outcome::Duplicate);
        self.answers.iter().filter(|(_, outcome)| confirmed(outcome)).map(|(id, _)| *id).collect()
    }

    /// How many answers said that the event was there before.
    pub(crate) fn n_duplicates(&self) -> usize {
        self.answers.iter().filter(|(_, outcome)| *outcome == Outcome::Duplicate).count()
    }
}

/// How far a candidate is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Different events confirmed.
    pub(crate) acknowledged: usize,
    /// It sends no more.
    pub(crate) is_done: bool,
}

/// Writes a history, and tells the watchers and the screen how far it is.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// What is written.
    pub(crate) history: History,
    progress: watch::Sender<Progress>,
    bar: ProgressBar,
    confirmed: HashSet<Uuid>,
}

impl Recorder {
    /// Starts to write.
    pub(crate) fn new(history: History, progress: watch::Sender<Progress>, bar: ProgressBar) -> Self {
        Self { history, progress, bar, confirmed: HashSet::new() }
    }

    /// An answer came.
    pub(crate) fn answered(&mut self, id: Uuid, outcome: Outcome, took: Duration) {
        self.history.latencies.add(took);
        let is_confirmed = !matches!(outcome, Outcome::Refused { .. });
        self.history.answers.push((id, outcome));
        if is_confirmed && self.confirmed.insert(id) {
            self.bar.inc(1);
            self.progress.send_modify(|progress| progress.acknowledged += 1);
        }
    }

    /// The server did what it must not do.
    pub(crate) fn fault(&mut self, text: String) {
        self.history.faults.push(text);
    }

    /// Shows a word about what goes on.
    pub(crate) fn say(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    /// Nothing more is sent.
    pub(crate) fn done(self) -> History {
        self.progress.send_modify(|progress| progress.is_done = true);
        self.history
    }
}
