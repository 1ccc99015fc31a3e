//! Listens for the wake-ups and broadcasts of all partitions and passes them to the feeds and walls of this node. What they
//! say is in the log as well: losing one delays, and loses nothing.

use std::{collections::HashSet, time::Duration};

use actix::{Actor, AsyncContext, Context, ContextFutureSpawner, WrapFuture};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use redis::{Msg, RedisResult, Value};
use redis_scripts::{
    Broadcast, Error, Redis,
    keys::{Partition, parse_wake},
};

use tokio::time::timeout;

use crate::{Feeds, Walls, feed_reader::FRESH_FOR};

/// In how many turns all feeds look for themselves, in case a wake-up was lost; the turns together take as long as a feed
/// counts as fresh.
const TURNS: u32 = 20;

/// After how long without a wake-up the server is asked whether it is still there, and how long it may take to answer.
const ASK_AFTER: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How long what comes after a message waits for more: nobody sees it, and acknowledgements do not wait for as many watchers.
const TOGETHER: Duration = Duration::from_millis(5);

/// See the module.
pub(crate) struct Wakeups {
    redis: Redis,
    feeds: Feeds,
    walls: Walls,
}

impl Wakeups {
    pub(crate) fn new(redis: Redis, feeds: Feeds, walls: Walls) -> Self {
        Self { redis, feeds, walls }
    }
}

impl Actor for Wakeups {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (redis, feeds, walls) = (self.redis.clone(), self.feeds.clone(), self.walls.clone());
        async move {
            loop {
                if let Err(error) = listen(&redis, &feeds, &walls).await {
                    tracing::warn!(%error, "wake-ups interrupted");
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
                feeds.wake_all();
            }
        }
        .into_actor(self)
        .spawn(ctx);
        let mut turn = 0;
        ctx.run_interval(FRESH_FOR / TURNS, move |wakeups, _| {
            turn += 1;
            wakeups.feeds.look(turn, u64::from(TURNS));
        });
    }
}

/// Passes wake-ups on until the connection ends, or the server says nothing any more.
async fn listen(redis: &Redis, feeds: &Feeds, walls: &Walls) -> Result<(), Error> {
    let (mut questions, mut messages) = redis.subscriber().await?.split();
    let channels = |partition: Partition| [partition.wake_channel(), partition.broadcast_channel()];
    in_time(questions.subscribe(Partition::all().flat_map(channels).collect::<Vec<_>>())).await?;
    let broadcasts: HashSet<String> = Partition::all().map(Partition::broadcast_channel).collect();
    feeds.wake_all();
    loop {
        let Ok(message) = timeout(ASK_AFTER, messages.next()).await else {
            // A server that stands still keeps its connections; in a cluster another one does as well.
            in_time(questions.ping::<Value>()).await?;
            continue;
        };
        let Some(message) = message else { break };
        hear(&message, feeds, walls, &broadcasts)?;
        // What came with it; and then what comes within a moment together, so that watchers are woken once for many.
        while let Some(message) = messages.next().now_or_never() {
            let Some(message) = message else { return Err(ended()) };
            hear(&message, feeds, walls, &broadcasts)?;
        }
        tokio::time::sleep(TOGETHER).await;
    }
    Err(ended())
}

fn ended() -> Error {
    Error::Unavailable("the subscription ended".into())
}

/// Passes on what one message says.
fn hear(message: &Msg, feeds: &Feeds, walls: &Walls, broadcasts: &HashSet<String>) -> Result<(), Error> {
    if broadcasts.contains(message.get_channel_name()) {
        if let Some(broadcast) = Broadcast::of(message.get_payload::<Bytes>()?) {
            walls.wake(broadcast.session(), false);
            feeds.arrived(&broadcast);
        }
        return Ok(());
    }
    let payload: String = message.get_payload()?;
    for woken in parse_wake(&payload) {
        feeds.wake(&woken.session);
        walls.wake(&woken.session, woken.turned);
    }
    Ok(())
}

async fn in_time<T>(answer: impl Future<Output = RedisResult<T>>) -> Result<T, Error> {
    let answer = timeout(ANSWER_WITHIN, answer).await;
    Ok(answer.map_err(|_| Error::Unavailable("the subscription does not answer".into()))??)
}
