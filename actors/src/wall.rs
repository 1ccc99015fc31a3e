//! The wall of an organisation, or of one of its assessments: the newest state of each session as a finished message,
//! shared by all who watch it on this node. It holds one message a session and no queue, so that a slow watcher misses
//! what is outdated and nothing else.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use domain::{OrgId, Session, SessionId, SessionRef, Status, Timestamp};
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

/// Sessions on a wall: of more that run, those that started last. As many that ended stay for who reads slowly.
pub(crate) const MAX_SESSIONS: usize = 500;

/// How many sessions are remembered as not to be shown.
const MAX_OTHERS: usize = 10_000;

/// See the module.
pub(crate) struct Wall {
    pub(crate) org: OrgId,
    pub(crate) assessment: Option<Uuid>,
    opened_at: Timestamp,
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    watchers: AtomicUsize,
}

#[derive(Default)]
struct State {
    shown: HashMap<SessionId, Shown>,
    /// Which session has which version, the last changed at the end.
    versions: BTreeMap<u64, SessionId>,
    version: u64,
    /// Seconds, counted by the reader.
    tick: u64,
    changed: HashSet<SessionId>,
    turned: HashSet<SessionId>,
    /// Sessions of other assessments, and those that had ended before the wall was opened.
    others: HashSet<SessionId>,
}

struct Shown {
    version: u64,
    /// Other changes than a turn are shown in a later second than this.
    tick: u64,
    started_at: Timestamp,
    status: Status,
    object: Value,
    message: Bytes,
}

impl Wall {
    pub(crate) fn new(org: OrgId, assessment: Option<Uuid>, opened_at: Timestamp) -> Self {
        let (state, changes) = (Mutex::default(), watch::Sender::new(0));
        Self { org, assessment, opened_at, state, changes, watchers: AtomicUsize::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn watchers(&self) -> usize {
        self.watchers.load(Ordering::Relaxed)
    }

    pub(crate) fn count_watcher(&self, came: bool) {
        if came {
            self.watchers.fetch_add(1, Ordering::Relaxed);
        } else {
            self.watchers.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The first message, and the version that it shows: the sessions that run, latest start first.
    pub(crate) fn sessions_message(&self) -> (u64, Bytes) {
        let state = self.lock();
        let mut running: Vec<&Shown> = state.shown.values().filter(|shown| shown.status != Status::Ended).collect();
        running.sort_by_key(|shown| Reverse(shown.started_at));
        let sessions: Vec<&Value> = running.into_iter().map(|shown| &shown.object).collect();
        (state.version, json!({ "type": "sessions", "sessions": sessions }).to_string().into())
    }

    /// The first change after `version`.
    pub(crate) fn after(&self, version: u64) -> Option<(u64, Bytes)> {
        let state = self.lock();
        let (version, session) = state.versions.range(version + 1..).next()?;
        Some((*version, state.shown.get(session)?.message.clone()))
    }

    /// Notes that a session may have changed; whether it is to be read at once.
    pub(crate) fn mark(&self, session: &SessionId, turned: bool) -> bool {
        let mut state = self.lock();
        if state.others.contains(session) {
            return false;
        }
        state.changed.insert(session.clone());
        if turned {
            state.turned.insert(session.clone());
        }
        turned
    }

    /// Notes whatever differs from these, which run: wake-ups can be lost.
    pub(crate) fn mark_differences(&self, running: &[SessionId]) {
        let mut state = self.lock();
        let listed: HashSet<&SessionId> = running.iter().collect();
        let is_known = |session: &SessionId| state.shown.contains_key(session) || state.others.contains(session);
        let mut differ: Vec<SessionId> = running.iter().filter(|session| !is_known(session)).cloned().collect();
        let runs = |shown: &Shown| shown.status != Status::Ended;
        let gone = state.shown.iter().filter(|(session, shown)| runs(shown) && !listed.contains(session));
        differ.extend(gone.map(|(session, _)| session.clone()));
        state.changed.extend(differ);
    }

    /// Notes that every session that runs may have changed.
    pub(crate) fn mark_all(&self) {
        let mut state = self.lock();
        let running = state.shown.iter().filter(|(_, shown)| shown.status != Status::Ended);
        let running: Vec<SessionId> = running.map(|(session, _)| session.clone()).collect();
        state.changed.extend(running);
    }

    /// What is to be read: once a second whatever changed, in between what started or ended.
    pub(crate) fn take_marked(&self, is_tick: bool) -> Vec<SessionRef> {
        let mut state = self.lock();
        let mut marked = std::mem::take(&mut state.turned);
        if is_tick {
            state.tick += 1;
            marked.extend(std::mem::take(&mut state.changed));
        } else {
            state.changed.retain(|session| !marked.contains(session));
        }
        marked.into_iter().map(|session| SessionRef::new(self.org, session)).collect()
    }

    /// Shows what was read. What may not be shown yet stays marked.
    pub(crate) fn show(&self, read: Vec<(SessionId, Option<Session>)>, is_tick: bool) {
        // Before the lock, since wake-ups wait for it.
        let read = read.into_iter().map(|(name, session)| (name, session.map(|session| self.drawn(&session))));
        let read: Vec<_> = read.collect();
        let mut state = self.lock();
        let before = state.version;
        for (name, drawn) in read {
            match drawn {
                Some(drawn) if drawn.is_ours && (drawn.is_new || state.shown.contains_key(&name)) => {
                    state.show(name, drawn, is_tick);
                }
                Some(_) => state.pass_over(name),
                None => state.remove(&name),
            }
        }
        state.trim();
        let version = state.version;
        drop(state);
        if version != before {
            self.changes.send_replace(version);
        }
    }

    fn drawn(&self, session: &Session) -> Drawn {
        let object = session.to_json();
        let message = json!({ "type": "session", "session": object, "signals": session.signals().to_json() });
        Drawn {
            is_ours: self.assessment.is_none() || self.assessment == session.record.assessment,
            is_new: session.record.closed_at.is_none_or(|closed_at| closed_at >= self.opened_at),
            started_at: session.started_at(),
            status: session.status(),
            object,
            message: message.to_string().into(),
        }
    }
}

/// A session as it is to be shown, if it is.
struct Drawn {
    is_ours: bool,
    /// It runs, or ended after the wall was opened.
    is_new: bool,
    started_at: Timestamp,
    status: Status,
    object: Value,
    message: Bytes,
}

impl State {
    fn show(&mut self, name: SessionId, drawn: Drawn, is_tick: bool) {
        let Drawn { started_at, status, object, message, .. } = drawn;
        if let Some(shown) = self.shown.get(&name) {
            if shown.message == message {
                return;
            }
            if shown.status == status && !(is_tick && self.tick > shown.tick) {
                self.changed.insert(name);
                return;
            }
            self.versions.remove(&shown.version);
        }
        self.version += 1;
        let (version, tick) = (self.version, self.tick + u64::from(!is_tick));
        self.versions.insert(version, name.clone());
        self.shown.insert(name, Shown { version, tick, started_at, status, object, message });
    }

    fn pass_over(&mut self, name: SessionId) {
        if self.others.len() >= MAX_OTHERS {
            self.others.clear();
        }
        self.others.insert(name);
    }

    fn remove(&mut self, name: &SessionId) {
        if let Some(shown) = self.shown.remove(name) {
            self.versions.remove(&shown.version);
        }
    }

    fn trim(&mut self) {
        let (mut running, mut ended): (Vec<_>, Vec<_>) = self
            .shown
            .iter()
            .map(|(name, shown)| (shown.status == Status::Ended, shown.started_at, shown.version, name.clone()))
            .partition(|(has_ended, ..)| !has_ended);
        running.sort_by_key(|(_, started_at, ..)| Reverse(*started_at));
        ended.sort_by_key(|(_, _, version, _)| Reverse(*version));
        let too_many = running.into_iter().skip(MAX_SESSIONS).chain(ended.into_iter().skip(MAX_SESSIONS));
        for (.., name) in too_many {
            self.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests;
