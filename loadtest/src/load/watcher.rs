//! Watchers under load: each follows one session from before its first event to its last, and measures how late it is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::player::Player;
use super::run::Crowd;
use crate::chaos::row::CompactRow;
use crate::chaos::timeline;
use crate::chaos::watcher::Seen;
use crate::feed::{Feed, Message};
use crate::socket::{Lost, SILENCE};

/// How long to look for more than there should be.
const LINGER: Duration = Duration::from_millis(500);
/// How long to wait for what is missing once the candidate is done.
const LAST_CALL: Duration = Duration::from_secs(30);
/// How long a node may take to let a watcher in.
const OPENING: Duration = Duration::from_secs(10);

/// Watches until it has seen as many events as the candidate was told to be stored. Says when it is in place.
pub(crate) async fn run(crowd: Arc<Crowd>, player: Arc<Player>, number: usize, in_place: oneshot::Sender<()>) -> Seen {
    let is_sse = number % 2 == 1;
    let name = format!("watcher {} ({})", number + 1, if is_sse { "SSE" } else { "WebSocket" });
    let session = player.seat.session.clone();
    let (rows, faults) = (Vec::new(), Vec::new());
    let seen = Seen { org: 0, session, name, from: 0, rows, must_reach: 0, faults, connections: 0, resets: 0 };
    let node = player.node + 1 + number;
    let watcher = Watcher { crowd: &crowd, player: &player, is_sse, node, in_place: Some(in_place), last_seq: 0, seen };
    Box::pin(watcher.watch()).await
}

struct Watcher<'a> {
    crowd: &'a Crowd,
    player: &'a Player,
    is_sse: bool,
    node: usize,
    in_place: Option<oneshot::Sender<()>>,
    last_seq: u64,
    seen: Seen,
}

impl Watcher<'_> {
    async fn watch(mut self) -> Seen {
        let mut done_at = None;
        while let Err(lost) = self.connect_and_watch().await {
            // Not forever: what is then missing is a violation.
            if self.is_done() && done_at.get_or_insert_with(Instant::now).elapsed() > LAST_CALL {
                self.seen.faults.push(format!("gave up: {}", lost.reason));
                break;
            }
            sleep(lost.wait.unwrap_or(Duration::from_millis(rand::random_range(50..300)))).await;
        }
        let acknowledged = self.player.log.progress.borrow().acknowledged;
        self.seen.must_reach = u64::try_from(acknowledged).unwrap_or(u64::MAX);
        self.seen
    }

    fn is_done(&self) -> bool {
        self.player.log.progress.borrow().is_done
    }

    async fn connect_and_watch(&mut self) -> Result<(), Lost> {
        let api = self.crowd.org.api(self.node);
        let opening = Feed::open(api, &self.seen.session, self.is_sse, Some(self.last_seq));
        let mut feed = timeout(OPENING, opening).await.map_err(|_| Lost::because("no answer"))??;
        self.seen.connections += 1;
        let mut progress = self.player.log.progress.subscribe();
        let (mut heard_at, mut grew_at) = (Instant::now(), Instant::now());
        loop {
            let now = *progress.borrow_and_update();
            let is_complete = usize::try_from(self.last_seq).is_ok_and(|seq| seq >= now.acknowledged);
            let end = grew_at + if is_complete { LINGER } else { LAST_CALL };
            tokio::select! {
                message = feed.next() => {
                    heard_at = Instant::now();
                    let Some(text) = message? else { continue };
                    let before = self.last_seq;
                    self.hear(&text, &mut feed).await?;
                    if self.last_seq > before {
                        grew_at = heard_at;
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
            ("hello", _) => {
                feed.resume(self.last_seq).await?;
                self.in_place.take().map(|in_place| in_place.send(()));
            }
            ("event", Some(event)) => match CompactRow::of(event.get(), false) {
                Ok(row) => {
                    if let Some(due) = self.player.due(row.id) {
                        self.crowd.meter.fanned_out(due);
                    }
                    self.last_seq = self.last_seq.max(row.seq);
                    self.seen.rows.push(row);
                }
                Err(error) => self.seen.faults.push(error),
            },
            ("reset", _) => {
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
        let read = timeline::read(&self.crowd.org, &self.seen.session, self.node, timeline::PAGE, false).await;
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
