//! The feed of one watched session on this node: its newest events as finished frames, shared by all who watch. Watchers
//! pull from it, each at its own pace, so that no queue grows for a slow one.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use domain::{Session, SessionRef, StoredEvent, row};
use redis_scripts::Broadcast;
use serde_json::json;
use tokio::sync::watch;

/// How far behind a watcher may fall: this many events …
pub(crate) const RING_EVENTS: usize = 256;

/// … or this many bytes of them.
const RING_BYTES: usize = 8 * 1024 * 1024;

/// An event as watchers get it: `{"type":"event","event":{row}}`.
#[derive(Debug, Clone)]
pub(crate) struct EventFrame {
    pub(crate) seq: u64,
    pub(crate) text: Bytes,
}

impl EventFrame {
    pub(crate) fn of(stored: &StoredEvent) -> Self {
        let mut text = Vec::with_capacity(stored.event.raw().len() + 512);
        text.extend_from_slice(br#"{"type":"event","event":"#);
        row::write(stored, &mut text);
        text.push(b'}');
        Self { seq: stored.seq, text: text.into() }
    }
}

/// The feed of one session, shared by those who watch it on this node.
pub struct Feed {
    name: SessionRef,
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    watchers: AtomicUsize,
    watchers_elsewhere: AtomicUsize,
}

struct State {
    ring: VecDeque<EventFrame>,
    ring_bytes: usize,
    last_seq: u64,
    session: Session,
    /// Counts the changes of the session's record and of the sums; watchers remember what they have shown.
    record_version: u64,
    sums_version: u64,
    is_erased: bool,
    /// When it last had everything there was.
    complete_at: Option<Instant>,
    /// Whether record and sums are about to be read.
    session_due: bool,
}

/// What a watcher that stands at some seq finds.
pub(crate) enum Found {
    /// The next events.
    Frames(Vec<EventFrame>),
    /// Nothing new.
    Nothing,
    /// What comes next has left the ring: the watcher is too far behind.
    TooFarBehind,
}

impl Feed {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            name: session.name.clone(),
            state: Mutex::new(State {
                ring: VecDeque::new(),
                ring_bytes: 0,
                last_seq: session.last_seq,
                session,
                record_version: 1,
                sums_version: 1,
                is_erased: false,
                complete_at: None,
                session_due: false,
            }),
            changes: watch::Sender::new(0),
            watchers: AtomicUsize::new(0),
            watchers_elsewhere: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Which session it shows.
    #[must_use]
    pub fn name(&self) -> &SessionRef {
        &self.name
    }

    /// How many watch it, on all nodes.
    #[must_use]
    pub fn watchers(&self) -> usize {
        self.watchers_here() + self.watchers_elsewhere.load(Ordering::Relaxed)
    }

    /// How many watch it on this node.
    pub(crate) fn watchers_here(&self) -> usize {
        self.watchers.load(Ordering::Relaxed)
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn last_seq(&self) -> u64 {
        self.lock().last_seq
    }

    pub(crate) fn session(&self) -> Session {
        self.lock().session.clone()
    }

    /// Whether the session was erased while it was watched.
    pub(crate) fn is_erased(&self) -> bool {
        self.lock().is_erased
    }

    /// Forgets what it held of a session that was erased.
    pub(crate) fn erase(&self) {
        let mut state = self.lock();
        state.is_erased = true;
        state.ring.clear();
        state.ring_bytes = 0;
        drop(state);
        self.notify();
    }

    /// The versions of record and sums.
    pub(crate) fn versions(&self) -> (u64, u64) {
        let state = self.lock();
        (state.record_version, state.sums_version)
    }

    /// At most `limit` events after `cursor`.
    pub(crate) fn after(&self, cursor: u64, limit: usize) -> Found {
        let state = self.lock();
        if cursor >= state.last_seq {
            return Found::Nothing;
        }
        match state.ring.front() {
            Some(first) if first.seq <= cursor + 1 => {
                let skip = usize::try_from(cursor + 1 - first.seq).unwrap_or(usize::MAX);
                Found::Frames(state.ring.iter().skip(skip).take(limit).cloned().collect())
            }
            _ => Found::TooFarBehind,
        }
    }

    pub(crate) fn count_watcher(&self, came: bool) {
        if came {
            self.watchers.fetch_add(1, Ordering::Relaxed);
        } else {
            self.watchers.fetch_sub(1, Ordering::Relaxed);
        }
        self.notify();
    }

    fn notify(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Notes that record and sums were read.
    pub(crate) fn has_its_session(&self) {
        self.lock().session_due = false;
    }

    /// Notes how many watch it on the other nodes.
    pub(crate) fn are_elsewhere(&self, watchers: usize) {
        self.watchers_elsewhere.store(watchers, Ordering::Relaxed);
    }

    /// Takes a broadcast, unless something that comes before it is not here yet. Whether it did, or had it already.
    pub(crate) fn take(&self, broadcast: &Broadcast) -> bool {
        let Ok(logged) = broadcast.events() else { return false };
        if logged.base > self.last_seq() {
            return false;
        }
        self.push(&logged.events);
        self.is_complete();
        true
    }

    /// Notes that it has everything there is.
    pub(crate) fn is_complete(&self) {
        self.lock().complete_at = Some(Instant::now());
    }

    pub(crate) fn was_complete_within(&self, time: Duration) -> bool {
        self.lock().complete_at.is_some_and(|at| at.elapsed() < time)
    }

    /// Whether record and sums changed, and nobody is about to read them.
    pub(crate) fn asks_for_its_session(&self) -> bool {
        !self.lock().session_due
    }

    /// Notes that record and sums are about to be read; `false` when that was known.
    pub(crate) fn expects_its_session(&self) -> bool {
        !std::mem::replace(&mut self.lock().session_due, true)
    }

    pub(crate) fn push(&self, events: &[StoredEvent]) {
        let frames: Vec<EventFrame> = events.iter().map(EventFrame::of).collect();
        let mut state = self.lock();
        for frame in frames.into_iter() {
            if frame.seq != state.last_seq + 1 {
                continue;
            }
            state.last_seq = frame.seq;
            state.ring_bytes += frame.text.len();
            state.ring.push_back(frame);
        }
        while state.ring.len() > RING_EVENTS || (state.ring_bytes > RING_BYTES && state.ring.len() > 1) {
            if let Some(left) = state.ring.pop_front() {
                state.ring_bytes -= left.text.len();
            }
        }
        drop(state);
        self.notify();
    }

    pub(crate) fn set_session(&self, session: Session) {
        let mut state = self.lock();
        state.record_version +=
            u64::from(session.record != state.session.record || session.status() != state.session.status());
        state.sums_version += u64::from(
            session.totals != state.session.totals || session.record.ended_at != state.session.record.ended_at,
        );
        state.session = session;
        drop(state);
        self.notify();
    }
}

/// The signals message of a session.
pub(crate) fn signals_message(session: &Session) -> Bytes {
    let message = json!({ "type": "signals", "signals": session.signals().to_json(), "atSeq": session.last_seq });
    message.to_string().into()
}

#[cfg(test)]
mod tests;
