//! One watcher's way through a session: replay, then live, one code path for WebSocket and Server-Sent Events. It pulls
//! from the feed at its own pace and holds no queue; whoever is too slow is told to start over.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::json;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{
    Feeds, clock,
    feed::{EventFrame, Feed, Found, signals_message},
    history::{History, HistoryError, Read},
};

/// The most events that are replayed; whoever lacks more reads the timeline first.
const MAX_REPLAY: u64 = 10_000;

/// Events read at once while replaying.
const REPLAY_CHUNK: usize = 200;

/// Events taken from the feed at once.
const LIVE_CHUNK: usize = 32;

/// How long ago a watcher may have been at the head of the feed for its distance to be the feed's doing.
const LEAP_WITHIN: Duration = Duration::from_secs(2);

/// How long a client may take to say from where it wants to resume.
const RESUME_WITHIN: Duration = Duration::from_secs(1);

/// Where a watcher begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With new events only.
    Live,
    /// After this seq; 0 from the beginning.
    After(u64),
    /// Where the client says within a second, else with new events only.
    AsAsked,
}

/// What a watcher is told, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// An event; `text` is the whole message.
    Event {
        /// Its seq.
        seq: u64,
        /// The message.
        text: Bytes,
    },
    /// Another message, with its type.
    Message {
        /// The message's type.
        kind: &'static str,
        /// The message.
        text: Bytes,
    },
    /// The session was erased: nothing comes after this.
    Erased,
}

enum Mode {
    Hello(Start),
    /// Is to go on after this seq.
    Begin(u64),
    /// Waits for `resume`; without one, new events come from `cursor` on.
    AwaitResume {
        cursor: u64,
        until: Instant,
    },
    Replay {
        cursor: u64,
        to: u64,
    },
    /// `at_head`: when the watcher last was at the head of the feed, if it was since it went live. Who was there a moment
    /// ago is not slow: the feed itself leapt ahead, as it does when a store comes back.
    Live {
        cursor: u64,
        at_head: Option<Instant>,
    },
    /// After a reset: nothing comes until the client resumes.
    Halted,
}

/// See the module.
pub struct Watch {
    feed: Arc<Feed>,
    feeds: Feeds,
    history: History,
    changes: watch::Receiver<u64>,
    mode: Mode,
    outbox: VecDeque<News>,
    shown: (u64, u64),
    tells_presence: bool,
    shown_watchers: Option<usize>,
    resumes: mpsc::Receiver<u64>,
    resume: mpsc::Sender<u64>,
}

impl Watch {
    pub(crate) fn new(feed: Arc<Feed>, feeds: Feeds, history: History, start: Start) -> Self {
        let (resume, resumes) = mpsc::channel(4);
        let (changes, shown) = (feed.changes(), feed.versions());
        let (mode, outbox) = (Mode::Hello(start), VecDeque::new());
        Self {
            feed,
            feeds,
            history,
            changes,
            mode,
            outbox,
            shown,
            tells_presence: true,
            shown_watchers: None,
            resumes,
            resume,
        }
    }

    /// Does not tell how many watch: candidates are not to know.
    #[must_use]
    pub fn without_presence(mut self) -> Self {
        self.tells_presence = false;
        self
    }

    /// Takes the client's `resume` messages. One that comes before the last was taken up is dropped.
    #[must_use]
    pub fn resume_handle(&self) -> mpsc::Sender<u64> {
        self.resume.clone()
    }

    /// Whether the last message was a reset, after which only `resume` goes on.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        matches!(self.mode, Mode::Halted) && self.outbox.is_empty()
    }

    /// The next message; waits for one. May be dropped while it waits: nothing is lost, the next call goes on.
    pub async fn next(&mut self) -> News {
        loop {
            // Nothing of an erased session is shown, not even what waited to be.
            if self.feed.is_erased() {
                return News::Erased;
            }
            if let Some(news) = self.outbox.pop_front() {
                return news;
            }
            match self.mode {
                Mode::Hello(start) => self.hello(start),
                Mode::Begin(after) => self.begin(after).await,
                Mode::AwaitResume { cursor, until } => {
                    match tokio::time::timeout_at(until, self.resumes.recv()).await {
                        Ok(Some(after)) => self.mode = Mode::Begin(after),
                        Ok(None) | Err(_) => self.mode = Mode::Live { cursor, at_head: None },
                    }
                }
                Mode::Replay { cursor, to } => self.replay(cursor, to).await,
                Mode::Live { cursor, at_head } => self.live(cursor, at_head).await,
                Mode::Halted => {
                    tokio::select! {
                        _ = self.changes.changed() => {}
                        Some(after) = self.resumes.recv() => self.mode = Mode::Begin(after),
                    }
                }
            }
        }
    }

    fn say(&mut self, kind: &'static str, message: &serde_json::Value) {
        self.outbox.push_back(News::Message { kind, text: message.to_string().into() });
    }

    fn reset(&mut self, reason: &str) {
        self.say("reset", &json!({ "type": "reset", "reason": reason }));
        self.mode = Mode::Halted;
        metrics::counter!("promptster_watcher_resets_total", "reason" => reason.to_owned()).increment(1);
    }

    fn hello(&mut self, start: Start) {
        self.shown = self.feed.versions();
        let (session, last_seq) = (self.feed.session(), self.feed.last_seq());
        self.say(
            "hello",
            &json!({
                "type": "hello",
                "session": session.to_json(),
                "signals": session.signals().to_json(),
                "lastSeq": last_seq,
                "serverTime": clock::now(),
            }),
        );
        match start {
            Start::Live => self.mode = Mode::Live { cursor: last_seq, at_head: None },
            Start::AsAsked => {
                self.mode = Mode::AwaitResume { cursor: last_seq, until: Instant::now() + RESUME_WITHIN };
            }
            Start::After(after) => self.mode = Mode::Begin(after),
        }
    }

    /// Goes on after `after`.
    async fn begin(&mut self, after: u64) {
        // Asked of Redis, not of this node's feed: the client may come from a node that was ahead of this one.
        let newest = match self.history.newest(self.feed.name()).await {
            Ok(newest) => newest,
            Err(error) => return self.cannot_read(&error),
        };
        if after > newest {
            return self.reset("unknown_position");
        }
        if newest - after > MAX_REPLAY {
            return self.reset("gap_too_large");
        }
        if after == newest {
            return self.go_live(newest);
        }
        self.say("replay", &json!({ "type": "replay", "from": after + 1, "to": newest }));
        self.mode = Mode::Replay { cursor: after, to: newest };
    }

    async fn replay(&mut self, cursor: u64, to: u64) {
        let left = usize::try_from(to - cursor).unwrap_or(usize::MAX);
        match self.history.read_after(self.feed.name(), cursor, REPLAY_CHUNK.min(left)).await {
            Err(error) => self.cannot_read(&error),
            Ok(Read { events, .. }) => {
                let cursor = events.last().map_or(cursor, |stored| stored.seq);
                self.show(events.iter().map(EventFrame::of));
                if cursor >= to { self.go_live(cursor) } else { self.mode = Mode::Replay { cursor, to } }
            }
        }
    }

    fn go_live(&mut self, cursor: u64) {
        self.say("live", &json!({ "type": "live", "lastSeq": cursor }));
        self.mode = Mode::Live { cursor, at_head: None };
    }

    fn show(&mut self, frames: impl Iterator<Item = EventFrame>) {
        self.outbox.extend(frames.map(|EventFrame { seq, text }| News::Event { seq, text }));
    }

    fn cannot_read(&mut self, error: &HistoryError) {
        tracing::warn!(session.id = %self.feed.name().session, %error, "replay not read");
        self.reset("history_unavailable");
    }

    async fn live(&mut self, cursor: u64, at_head: Option<Instant>) {
        // Marked before looking: what changes after this look wakes the wait below.
        self.changes.mark_unchanged();
        match self.feed.after(cursor, LIVE_CHUNK) {
            Found::Frames(frames) => {
                let cursor = frames.last().map_or(cursor, |frame| frame.seq);
                self.show(frames.into_iter());
                self.mode = Mode::Live { cursor, at_head };
                self.say_what_changed();
            }
            Found::TooFarBehind if at_head.is_some_and(|at| at.elapsed() > LEAP_WITHIN) => self.reset("too_slow"),
            Found::TooFarBehind => match self.history.read_after(self.feed.name(), cursor, REPLAY_CHUNK).await {
                Err(error) => self.cannot_read(&error),
                Ok(Read { events, .. }) => {
                    let cursor = events.last().map_or(cursor, |stored| stored.seq);
                    self.show(events.iter().map(EventFrame::of));
                    self.mode = Mode::Live { cursor, at_head };
                }
            },
            Found::Nothing => {
                self.mode = Mode::Live { cursor, at_head: Some(Instant::now()) };
                self.say_what_changed();
                if self.outbox.is_empty() {
                    tokio::select! {
                        // The feed lives as long as this watcher holds it.
                        _ = self.changes.changed() => {}
                        Some(after) = self.resumes.recv() => self.mode = Mode::Begin(after),
                    }
                }
            }
        }
    }

    /// Says what changed of the session beside its events, since it was last said.
    fn say_what_changed(&mut self) {
        let (record, sums) = self.feed.versions();
        if (record, sums) != self.shown {
            let session = self.feed.session();
            if sums != self.shown.1 {
                self.outbox.push_back(News::Message { kind: "signals", text: signals_message(&session) });
            }
            if record != self.shown.0 {
                self.say("session", &json!({ "type": "session", "session": session.to_json() }));
            }
            self.shown = (record, sums);
        }
        let watchers = self.feed.watchers();
        if self.tells_presence && self.shown_watchers != Some(watchers) {
            self.shown_watchers = Some(watchers);
            self.say("presence", &json!({ "type": "presence", "watchers": watchers }));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.feeds.leave(&self.feed);
    }
}
