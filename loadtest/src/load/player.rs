//! One candidate under load: its session, what it sends and what came back.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use uuid::Uuid;

use super::meter::Meter;
use super::payload::Payloads;
use crate::chaos::history::{Log, Outcome, Try};
use crate::chaos::script::Recipe;
use crate::setup::Seat;

/// How a candidate sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// One event in a call.
    Single,
    /// Several in a call.
    Batch,
    /// Over a WebSocket.
    Socket,
}

/// An event that is sent.
#[derive(Debug, Clone)]
pub(crate) struct Flight {
    /// Its place in the history.
    pub(crate) event: u32,
    /// Its id.
    pub(crate) id: Uuid,
    /// Its text.
    pub(crate) text: std::sync::Arc<str>,
    /// When it was due.
    pub(crate) due: Instant,
    /// When it was sent, in microseconds of the run.
    pub(crate) sent_us: u64,
}

/// A candidate.
pub(crate) struct Player {
    /// Its place.
    pub(crate) seat: Seat,
    /// How it sends.
    pub(crate) door: Door,
    /// The node that it uses.
    pub(crate) node: usize,
    /// Every event and its fate.
    pub(crate) log: Log,
    recipe: Recipe,
    large: f64,
    payloads: Mutex<Payloads>,
    /// When each event was due, where somebody watches.
    due: Option<Mutex<HashMap<Uuid, Instant>>>,
}

impl Door {
    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Single => "HTTP",
            Self::Batch => "HTTP batch",
            Self::Socket => "WebSocket",
        }
    }
}

impl Player {
    /// Takes its seat. `large` is the share of its events of 1 MiB.
    pub(crate) fn new(
        epoch: Instant,
        seat: Seat,
        door: Door,
        node: usize,
        seed: u64,
        large: f64,
        is_watched: bool,
    ) -> Self {
        let start_ms = chrono::Utc::now().timestamp_millis() - 30 * 60 * 1000;
        let (session, elsewhere) = (seat.session.clone(), "nowhere".to_owned());
        let recipe = Recipe { seed, ids: seed, session, start_ms, is_signed: false, elsewhere };
        Self {
            log: Log::new(epoch, 0, door.name(), recipe.clone(), seat.key.clone()),
            payloads: Mutex::new(Payloads::of(&recipe, large)),
            due: is_watched.then(Mutex::default),
            seat,
            door,
            node,
            recipe,
            large,
        }
    }

    /// Its payloads from the beginning, to be made anew.
    pub(crate) fn payloads(&self) -> Payloads {
        Payloads::of(&self.recipe, self.large)
    }

    /// The next event, which was due then; it is written down before it is sent.
    pub(crate) fn next(&self, due: Instant) -> Flight {
        // Made and written down in one step, so that the order is that in which they are made anew.
        let mut payloads = self.payloads.lock().unwrap_or_else(PoisonError::into_inner);
        let planned = payloads.next();
        let event = self.log.plan(&planned);
        drop(payloads);
        if let Some(mut dues) = self.dues() {
            dues.insert(planned.id, due);
        }
        Flight { event, id: planned.id, text: planned.text, due, sent_us: self.log.now_us() }
    }

    fn dues(&self) -> Option<MutexGuard<'_, HashMap<Uuid, Instant>>> {
        self.due.as_ref().map(|due| due.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether somebody watches it.
    pub(crate) fn is_watched(&self) -> bool {
        self.due.is_some()
    }

    /// When an event was due.
    pub(crate) fn due(&self, id: Uuid) -> Option<Instant> {
        self.dues()?.get(&id).copied()
    }

    /// Writes down what one call or frame told about an event; `why` names what was not taken.
    pub(crate) fn settle(&self, meter: &Meter, lane: u32, flight: &Flight, outcome: Outcome, why: &str) {
        let Flight { event, sent_us, due, .. } = *flight;
        if outcome.is_ok() {
            meter.acknowledged(due);
        } else {
            meter.failed(why, 1);
        }
        let end_us = self.log.now_us();
        self.log.tried(Try { event, lane, start_us: sent_us, end_us, is_altered: false, outcome });
    }
}
