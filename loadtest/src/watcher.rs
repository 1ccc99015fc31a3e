//! A watcher of one session, over WebSocket or Server-Sent Events, whose connection may break or be cut.

use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};

use crate::api::Api;
use crate::feed::{Feed, Message};
use crate::history::Progress;
use crate::readback;
use crate::row::Row;
use crate::socket::{Lost, SILENCE};

/// How long to look for more than there should be.
const LINGER: Duration = Duration::from_millis(500);
/// How long to wait for what is missing once the candidate is done.
const LAST_CALL: Duration = Duration::from_secs(30);

/// Whom to watch, and how.
#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    /// The watcher's name in the report.
    pub(crate) name: String,
    /// The session.
    pub(crate) session: String,
    /// Server-Sent Events in place of a WebSocket.
    pub(crate) is_sse: bool,
    /// Attach after this many events.
    pub(crate) attach_after: usize,
    /// Ask for new events only, where nothing has been missed yet.
    pub(crate) from_live: bool,
    /// Cut the connection each time after this many events.
    pub(crate) cut_every: Option<usize>,
}

/// What a watcher saw.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The watcher.
    pub(crate) name: String,
    /// The session.
    pub(crate) session: String,
    /// Over Server-Sent Events.
    pub(crate) is_sse: bool,
    /// The rows, in the order in which they came.
    pub(crate) rows: Vec<Row>,
    /// Where the server broke its own protocol.
    pub(crate) faults: Vec<String>,
    /// How often it connected.
    pub(crate) connections: u64,
    /// How often it was sent back to REST.
    pub(crate) resets: u64,
}

/// Watches until it has seen as many events as the candidate was told to be stored.
pub(crate) async fn run(
    api: &Api,
    assignment: Assignment,
    progress: watch::Receiver<Progress>,
    attached: oneshot::Sender<()>,
) -> Seen {
    let seen = Seen {
        name: assignment.name.clone(),
        session: assignment.session.clone(),
        is_sse: assignment.is_sse,
        rows: Vec::new(),
        faults: Vec::new(),
        connections: 0,
        resets: 0,
    };
    let mut watcher = Watcher { api, assignment, progress, attached: Some(attached), last_seq: 0, until_cut: 0, seen };
    watcher.watch().await;
    watcher.seen
}

struct Watcher<'a> {
    api: &'a Api,
    assignment: Assignment,
    progress: watch::Receiver<Progress>,
    attached: Option<oneshot::Sender<()>>,
    last_seq: u64,
    until_cut: usize,
    seen: Seen,
}

/// What to do after a message.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Cut,
}

impl Watcher<'_> {
    async fn watch(&mut self) {
        let wanted = self.assignment.attach_after;
        let _ = self.progress.wait_for(|progress| progress.acknowledged >= wanted || progress.is_done).await;
        let mut patience = self.api.patience();
        loop {
            let n_before = self.seen.rows.len();
            let lost = match self.connect_and_watch().await {
                Ok(Next::GoOn) => return,
                Ok(Next::Cut) => continue,
                Err(lost) => lost,
            };
            if self.seen.rows.len() > n_before {
                patience.got_through();
            }
            let Some(wait) = patience.failed(lost.wait) else {
                self.seen.faults.push(format!("gave up: {}", lost.reason));
                return;
            };
            sleep(wait).await;
        }
    }

    /// Ends with [`Next::GoOn`] when there is nothing more to watch.
    async fn connect_and_watch(&mut self) -> Result<Next, Lost> {
        let mut feed = self.open().await?;
        self.seen.connections += 1;
        self.until_cut = self.assignment.cut_every.unwrap_or(usize::MAX);
        let mut heard_at = Instant::now();
        let mut grew_at = Instant::now();
        loop {
            let progress = *self.progress.borrow_and_update();
            let is_complete = usize::try_from(self.last_seq).is_ok_and(|seq| seq >= progress.acknowledged);
            let end = grew_at + if is_complete { LINGER } else { LAST_CALL };
            tokio::select! {
                message = feed.next() => {
                    heard_at = Instant::now();
                    let Some(text) = message? else { continue };
                    let n_before = self.seen.rows.len();
                    if self.hear(&text, &mut feed).await? == Next::Cut {
                        return Ok(Next::Cut);
                    }
                    if self.seen.rows.len() > n_before {
                        grew_at = Instant::now();
                    }
                }
                changed = self.progress.changed(), if !progress.is_done => {
                    if changed.is_err() { return Ok(Next::GoOn) }
                    grew_at = Instant::now();
                }
                () = sleep_until(end), if progress.is_done => return Ok(Next::GoOn),
                () = sleep_until(heard_at + SILENCE) => return Err(Lost::because("the feed is silent")),
            }
        }
    }

    /// Whether only new events are wanted: nothing was there when it attached, and nothing came since.
    fn is_fresh(&self) -> bool {
        self.assignment.from_live && self.attached.is_some()
    }

    async fn open(&self) -> Result<Feed, Lost> {
        let after = (!self.is_fresh()).then_some(self.last_seq);
        Feed::open(self.api, &self.assignment.session, self.assignment.is_sse, after).await
    }

    async fn hear(&mut self, text: &str, feed: &mut Feed) -> Result<Next, Lost> {
        let message: Message = match serde_json::from_str(text) {
            Ok(message) => message,
            Err(error) => {
                self.seen
                    .faults
                    .push(format!("not a message ({error}): {}", text.chars().take(200).collect::<String>()));
                return Ok(Next::GoOn);
            }
        };
        if !feed.takes(&message.name) {
            return Ok(Next::GoOn);
        }
        match (message.name.as_str(), message.event) {
            ("hello", _) => {
                if self.is_fresh() && message.last_seq != Some(0) {
                    self.seen.faults.push(format!("a session without events says hello with {:?}", message.last_seq));
                }
                if !self.is_fresh() {
                    feed.resume(self.last_seq).await?;
                }
                self.attached.take().map(|attached| attached.send(()));
            }
            ("event", Some(event)) => match Row::parse(event.get()) {
                Ok(row) => {
                    self.last_seq = self.last_seq.max(row.seq);
                    self.seen.rows.push(row);
                    self.until_cut = self.until_cut.saturating_sub(1);
                    if self.until_cut == 0 {
                        return Ok(Next::Cut);
                    }
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
        Ok(Next::GoOn)
    }

    /// Reads by REST what the feed does not give any more.
    async fn catch_up(&mut self) -> Result<(), Lost> {
        self.seen.resets += 1;
        let mut rows =
            readback::timeline(self.api, &self.assignment.session, readback::PAGE).await.map_err(Lost::because)?;
        rows.sort_by_key(|row| row.seq);
        let last_seq = self.last_seq;
        for row in rows.into_iter().filter(|row| row.seq > last_seq) {
            self.last_seq = row.seq;
            self.seen.rows.push(row);
        }
        Ok(())
    }
}
