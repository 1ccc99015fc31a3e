//! The actor that reads what is new of one watched session into its feed, where that does not come by itself, and its record
//! and sums.

mod pace;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use redis_scripts::Redis;
use uuid::Uuid;

use crate::{
    clock,
    feed::{Feed, RING_EVENTS},
    history::{History, HistoryError},
};
use pace::signals_every;

/// Watchers are counted when a wake-up comes, and in between this often: half of how long it takes until what a node said is
/// to be said again.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// A feed that was known to have everything this short a time ago need not look whether it does.
pub(crate) const FRESH_FOR: Duration = Duration::from_secs(2);

/// Something of the session may have changed: look.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(crate) struct Wake;

/// A wake-up may have been lost: look, unless it is clear that nothing is missing.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(crate) struct Look;

/// Record and sums have changed.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(crate) struct Changed;

/// Reads what is new of one session into its feed. Ends when nobody holds its address any more.
pub(crate) struct FeedReader {
    /// This node, among those that count their watchers.
    node: Uuid,
    feed: Arc<Feed>,
    /// How many feeds this node has.
    n_feeds: Arc<AtomicUsize>,
    redis: Redis,
    history: History,
    reading: bool,
    woken_again: bool,
    session_read_at: Option<Instant>,
    /// When the watchers of all nodes were last counted; `None` when that may have changed.
    counted_at: Option<Instant>,
}

impl FeedReader {
    pub(crate) fn new(node: Uuid, feed: Arc<Feed>, n_feeds: Arc<AtomicUsize>, redis: Redis, history: History) -> Self {
        Self {
            node,
            feed,
            n_feeds,
            redis,
            history,
            reading: false,
            woken_again: false,
            session_read_at: None,
            counted_at: None,
        }
    }

    fn read(&mut self, ctx: &mut Context<Self>) {
        if self.reading {
            self.woken_again = true;
            return;
        }
        self.reading = true;
        let (feed, history) = (self.feed.clone(), self.history.clone());
        let done = async move {
            loop {
                let read = history.read_after(feed.name(), feed.last_seq(), RING_EVENTS).await?;
                feed.push(&read.events);
                // What was recorded since this was read has sent a wake-up of its own.
                if !read.has_more {
                    return Ok::<_, HistoryError>(());
                }
            }
        };
        ctx.spawn(done.into_actor(self).map(|result, reader, ctx| {
            match result {
                Ok(()) => reader.feed.is_complete(),
                // The next wake-up, or the timer of all feeds, tries again; watchers see nothing until then.
                Err(error) => tracing::warn!(session.id = %reader.feed.name().session, %error, "feed not read"),
            }
            reader.reading = false;
            reader.read_session_soon(ctx);
            if std::mem::take(&mut reader.woken_again) {
                reader.read(ctx);
            }
        }));
    }

    /// Reads record and sums, now or when the last time is long enough ago.
    fn read_session_soon(&mut self, ctx: &mut Context<Self>) {
        if !self.feed.expects_its_session() {
            return;
        }
        let every = signals_every(self.n_feeds.load(Ordering::Relaxed));
        let wait = self.session_read_at.map_or(Duration::ZERO, |at| every.saturating_sub(at.elapsed()));
        let (feed, redis, node) = (self.feed.clone(), self.redis.clone(), self.node);
        let counts = self.counted_at.is_none_or(|at| at.elapsed() >= COUNT_EVERY);
        if counts {
            self.counted_at = Some(Instant::now());
        }
        let done = async move {
            tokio::time::sleep(wait).await;
            if counts {
                let elsewhere = redis.count_watchers(feed.name(), node, feed.watchers_here(), clock::now()).await?;
                feed.are_elsewhere(elsewhere);
            }
            redis.session(feed.name()).await
        };
        ctx.spawn(done.into_actor(self).map(|result, reader, _| {
            reader.feed.has_its_session();
            reader.session_read_at = Some(Instant::now());
            match result {
                Ok(Some(session)) => reader.feed.set_session(session),
                Ok(None) => reader.feed.erase(),
                Err(error) => tracing::warn!(session.id = %reader.feed.name().session, %error, "session not read"),
            }
        }));
    }
}

impl Actor for FeedReader {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // What happened between reading the session and registering the feed.
        self.read(ctx);
    }
}

impl Handler<Wake> for FeedReader {
    type Result = ();

    fn handle(&mut self, Wake: Wake, ctx: &mut Self::Context) {
        self.counted_at = None;
        self.read(ctx);
    }
}

impl Handler<Changed> for FeedReader {
    type Result = ();

    fn handle(&mut self, Changed: Changed, ctx: &mut Self::Context) {
        self.read_session_soon(ctx);
    }
}

impl Handler<Look> for FeedReader {
    type Result = ();

    fn handle(&mut self, Look: Look, ctx: &mut Self::Context) {
        // Where events keep coming, one that was lost shows by the next.
        if !self.feed.was_complete_within(FRESH_FOR) {
            self.read(ctx);
        }
    }
}
