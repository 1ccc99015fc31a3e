//! The feeds of this node: one for each session that somebody watches here.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix::{Actor, Addr};
use domain::{Session, SessionRef};
use redis_scripts::{Broadcast, Redis};
use uuid::Uuid;

use crate::{
    arbiters::Arbiters,
    feed::Feed,
    feed_reader::{Changed, FeedReader, Look, Wake},
    history::{History, HistoryError},
    watch::{Start, Watch},
};

/// Handle to the feeds of this node; cheap to clone.
#[derive(Clone)]
pub struct Feeds(Arc<Shared>);

struct Shared {
    /// This node, among those that count their watchers.
    node: Uuid,
    redis: Redis,
    history: History,
    arbiters: Arc<Arbiters>,
    // Not a tokio lock: it is held for a look-up only, never across an await.
    map: Mutex<HashMap<SessionRef, Known>>,
    /// How many are in the map; the readers share out by it what they may ask of Redis.
    n_feeds: Arc<AtomicUsize>,
    /// Gives each feed its turn to look.
    turns: RandomState,
}

struct Known {
    feed: Arc<Feed>,
    reader: Addr<FeedReader>,
}

impl Feeds {
    pub(crate) fn new(redis: Redis, history: History, arbiters: Arc<Arbiters>) -> Self {
        Self(Arc::new(Shared {
            node: Uuid::new_v4(),
            redis,
            history,
            arbiters,
            map: Mutex::default(),
            n_feeds: Arc::default(),
            turns: RandomState::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionRef, Known>> {
        self.0.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to watch a session; `None` when there is none of that name.
    ///
    /// # Errors
    /// [`HistoryError`] when Redis gives no usable answer.
    pub async fn watch(&self, session: &SessionRef, start: Start) -> Result<Option<Watch>, HistoryError> {
        if let Some(feed) = self.join(session) {
            return Ok(Some(Watch::new(feed, self.clone(), self.0.history.clone(), start)));
        }
        let Some(found) = self.0.redis.session(session).await? else { return Ok(None) };
        let mut map = self.lock();
        // A reader that panicked is replaced; those who watch its feed see no more, and come again.
        map.retain(|name, known| name != session || known.reader.connected());
        let known = map.entry(session.clone()).or_insert_with(|| self.start_feed(found));
        let feed = known.feed.clone();
        feed.count_watcher(true);
        self.0.n_feeds.store(map.len(), Ordering::Relaxed);
        drop(map);
        Ok(Some(Watch::new(feed, self.clone(), self.0.history.clone(), start)))
    }

    fn start_feed(&self, session: Session) -> Known {
        let feed = Arc::new(Feed::new(session));
        let Shared { node, redis, history, n_feeds, .. } = &*self.0;
        let (node, reading, n_feeds) = (*node, feed.clone(), n_feeds.clone());
        let (redis, history) = (redis.clone(), history.clone());
        let reader = FeedReader::start_in_arbiter(&self.0.arbiters.next(), move |_| {
            FeedReader::new(node, reading, n_feeds, redis, history)
        });
        Known { feed, reader }
    }

    fn join(&self, session: &SessionRef) -> Option<Arc<Feed>> {
        let map = self.lock();
        let known = map.get(session).filter(|known| known.reader.connected())?;
        known.feed.count_watcher(true);
        // Somebody may have watched for a while without a wake-up that got through.
        known.reader.do_send(Wake);
        Some(known.feed.clone())
    }

    /// One watcher less; a feed that nobody watches is forgotten, and its reader ends.
    pub(crate) fn leave(&self, feed: &Feed) {
        let mut map = self.lock();
        feed.count_watcher(false);
        let Some(known) = map.get(feed.name()).filter(|known| std::ptr::eq(&*known.feed, feed)) else { return };
        // The other nodes are to know; a reader that nobody holds any more finishes what it was told first.
        known.reader.do_send(Wake);
        if feed.watchers_here() == 0 {
            map.remove(feed.name());
            self.0.n_feeds.store(map.len(), Ordering::Relaxed);
        }
    }

    /// Makes the feed of a session look for news, if somebody watches it here.
    pub(crate) fn wake(&self, session: &SessionRef) {
        let map = self.lock();
        if let Some(known) = map.get(session) {
            // News may be lost: the next one, or the timer, brings the same.
            known.reader.do_send(Wake);
        }
    }

    /// Passes events on to the feed of their session, if somebody watches it here. Its reader is woken only where there is
    /// something to read.
    pub(crate) fn arrived(&self, broadcast: &Broadcast) {
        let (feed, reader) = {
            let map = self.lock();
            let Some(known) = map.get(broadcast.session()) else { return };
            (known.feed.clone(), known.reader.clone())
        };
        // One that does not fit on makes it look; so do wake-ups, of which one may have been lost.
        if !feed.take(broadcast) {
            reader.do_send(Wake);
        } else if feed.asks_for_its_session() {
            reader.do_send(Changed);
        }
    }

    /// Makes all feeds look for news: published wake-ups were lost.
    pub(crate) fn wake_all(&self) {
        for known in self.lock().values() {
            known.reader.do_send(Wake);
        }
    }

    /// Makes those feeds look for news whose turn it is, of `turns`: a published wake-up may have been lost. All at once
    /// would hold up what comes in.
    pub(crate) fn look(&self, turn: u64, turns: u64) {
        for (name, known) in self.lock().iter() {
            if self.0.turns.hash_one(name) % turns == turn % turns {
                known.reader.do_send(Look);
            }
        }
    }
}
