//! Watchers: each follows one session after the other, by WebSocket or Server-Sent Events, on another node than the
//! candidate, and goes to yet another when its connection breaks.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::fleet::Fleet;
use super::history::Log;
use super::row::CompactRow;
use super::timeline;
use crate::feed::{Feed, Message};
use crate::socket::{Lost, SILENCE};

/// How long to look for more than there should be.
const LINGER: Duration = Duration::from_millis(700);
/// How long to wait for what is missing once the candidate is done.
const LAST_CALL: Duration = Duration::from_secs(60);
/// How long a node may take to let a watcher in.
const OPENING: Duration = Duration::from_secs(6);

/// What one watcher saw of one session.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The place of the organisation.
    pub(crate) org: usize,
    /// The session.
    pub(crate) session: String,
    /// The watcher, for people.
    pub(crate) name: String,
    /// The last seq before it began.
    pub(crate) from: u64,
    /// What came, in the order in which it came.
    pub(crate) rows: Vec<CompactRow>,
    /// The seq that it has to have reached: as many events were acknowledged.
    pub(crate) must_reach: u64,
    /// Where the server broke its own protocol.
    pub(crate) faults: Vec<String>,
    /// How often it connected.
    pub(crate) connections: u64,
    /// How often it was sent to the timeline.
    pub(crate) resets: u64,
}

/// Watches until the run ends.
pub(crate) async fn live(fleet: Arc<Fleet>, number: usize) -> Vec<Seen> {
    let mut all = Vec::new();
    let mut phase = fleet.phase.subscribe();
    while fleet.is_sending() {
        // One of the sessions that run, the newer the likelier.
        let running: Vec<_> = fleet.all().into_iter().filter(|log| !log.progress.borrow().is_done).collect();
        let chosen = running.iter().rev().nth(rand::random_range(0..8)).or(running.last());
        let Some(log) = chosen else {
            tokio::select! { () = sleep(Duration::from_millis(100)) => {}, _ = phase.changed() => {} }
            continue;
        };
        let watcher = Watcher::new(&fleet, log, number);
        all.push(Box::pin(watcher.watch()).await);
    }
    all
}

struct Watcher<'a> {
    fleet: &'a Fleet,
    log: &'a Log,
    is_sse: bool,
    node: usize,
    /// Whether it is known from where it sees.
    has_begun: bool,
    last_seq: u64,
    seen: Seen,
}

impl<'a> Watcher<'a> {
    fn new(fleet: &'a Fleet, log: &'a Log, number: usize) -> Self {
        let (is_sse, from_live) = (number % 2 == 1, rand::random_bool(0.4));
        let (org, session) = {
            let state = log.state();
            (state.org, state.recipe.session.clone())
        };
        let way = if is_sse { "SSE" } else { "WebSocket" };
        let start = if from_live { "live" } else { "from the beginning" };
        let name = format!("watcher {} ({way}, {start})", number + 1);
        let (rows, faults) = (Vec::new(), Vec::new());
        let seen = Seen { org, session, name, from: 0, rows, must_reach: 0, faults, connections: 0, resets: 0 };
        let node = log.node.load(Ordering::Relaxed) + 1 + number;
        Self { fleet, log, is_sse, node, has_begun: !from_live, last_seq: 0, seen }
    }

    async fn watch(mut self) -> Seen {
        let mut done_at = None;
        while let Err(lost) = self.connect_and_watch().await {
            // Not forever: what is then missing is a violation.
            if self.log.progress.borrow().is_done && done_at.get_or_insert_with(Instant::now).elapsed() > LAST_CALL {
                self.seen.faults.push(format!("gave up: {}", lost.reason));
                break;
            }
            self.node += 1;
            sleep(Duration::from_millis(rand::random_range(30..300))).await;
        }
        let acknowledged = self.log.progress.borrow().acknowledged;
        self.seen.must_reach = u64::try_from(acknowledged).unwrap_or(u64::MAX);
        if !self.has_begun {
            // It never saw anything, and so may have missed anything.
            self.seen.must_reach = 0;
        }
        self.seen
    }

    async fn connect_and_watch(&mut self) -> Result<(), Lost> {
        let mut feed = timeout(OPENING, self.open()).await.map_err(|_| Lost::because("no answer"))??;
        self.seen.connections += 1;
        let mut progress = self.log.progress.subscribe();
        let (mut heard_at, mut grew_at) = (Instant::now(), Instant::now());
        loop {
            let now = *progress.borrow_and_update();
            let is_complete = self.has_begun && usize::try_from(self.last_seq).is_ok_and(|seq| seq >= now.acknowledged);
            let end = grew_at + if is_complete { LINGER } else { LAST_CALL };
            tokio::select! {
                message = feed.next() => {
                    heard_at = Instant::now();
                    let Some(text) = message? else { continue };
                    let n_before = self.seen.rows.len();
                    self.hear(&text, &mut feed).await?;
                    if self.seen.rows.len() > n_before {
                        grew_at = Instant::now();
                    }
                }
                changed = progress.changed(), if !now.is_done => {
                    if changed.is_err() { return Ok(()) }
                    grew_at = Instant::now();
                }
                () = sleep_until(end), if now.is_done => return Ok(()),
                () = sleep_until(heard_at + SILENCE) => return Err(Lost::because("the feed is silent")),
            }
        }
    }

    async fn open(&self) -> Result<Feed, Lost> {
        let api = self.fleet.org(self.seen.org).map_err(Lost::because)?.api(self.node);
        Feed::open(api, &self.seen.session, self.is_sse, self.has_begun.then_some(self.last_seq)).await
    }

    async fn hear(&mut self, text: &str, feed: &mut Feed) -> Result<(), Lost> {
        let message: Message = match serde_json::from_str(text) {
            Ok(message) => message,
            Err(error) => {
                let start: String = text.chars().take(200).collect();
                self.seen.faults.push(format!("not a message ({error}): {start}"));
                return Ok(());
            }
        };
        if !feed.takes(&message.name) {
            return Ok(());
        }
        match (message.name.as_str(), message.event) {
            ("hello", _) if !self.has_begun => {
                self.has_begun = true;
                self.last_seq = message.last_seq.unwrap_or_default();
                self.seen.from = self.last_seq;
            }
            ("hello", _) => feed.resume(self.last_seq).await?,
            ("event", Some(event)) => match CompactRow::of(event.get(), false) {
                Ok(row) => {
                    self.last_seq = self.last_seq.max(row.seq);
                    self.seen.rows.push(row);
                }
                Err(error) => self.seen.faults.push(error),
            },
            ("reset", _) => {
                if message.reason.as_deref() == Some("unknown_position") {
                    self.seen.faults.push(format!("the server does not know position {}", self.last_seq));
                }
                self.catch_up().await?;
                feed.resume(self.last_seq).await?;
            }
            ("error", _) => self.seen.faults.push(text.to_owned()),
            _ => {}
        }
        Ok(())
    }

    /// Reads from the timeline what the feed does not give any more.
    async fn catch_up(&mut self) -> Result<(), Lost> {
        self.seen.resets += 1;
        let org = self.fleet.org(self.seen.org).map_err(Lost::because)?;
        let read = timeline::read(org, &self.seen.session, self.node, timeline::PAGE, false).await;
        let mut rows = read.map_err(Lost::because)?;
        rows.sort_by_key(|row| row.seq);
        let last_seq = self.last_seq;
        for row in rows.into_iter().filter(|row| row.seq > last_seq) {
            self.last_seq = row.seq;
            self.seen.rows.push(row);
        }
        Ok(())
    }
}
