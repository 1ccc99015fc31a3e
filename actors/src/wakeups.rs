//! Listens for the wake-ups of all partitions and passes them to the feeds and walls of this node. A wake-up carries no event:
//! losing one delays, and loses nothing.

use std::time::Duration;

use actix::{Actor, AsyncContext, Context, ContextFutureSpawner, WrapFuture};
use futures_util::StreamExt;
use redis_scripts::{
    Error, Redis,
    keys::{Partition, parse_wake},
};

use crate::{Feeds, Walls};

/// How often all feeds look for themselves, in case a wake-up was lost.
const LOOK_ANYWAY_EVERY: Duration = Duration::from_secs(2);

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
        ctx.run_interval(LOOK_ANYWAY_EVERY, |wakeups, _| wakeups.feeds.wake_all());
    }
}

/// Passes wake-ups on until the connection ends.
async fn listen(redis: &Redis, feeds: &Feeds, walls: &Walls) -> Result<(), Error> {
    let mut subscriber = redis.subscriber().await?;
    for partition in Partition::all() {
        subscriber.subscribe(partition.wake_channel()).await?;
    }
    feeds.wake_all();
    let mut messages = subscriber.on_message();
    while let Some(message) = messages.next().await {
        let payload: String = message.get_payload()?;
        for woken in parse_wake(&payload) {
            feeds.wake(&woken.session);
            walls.wake(&woken.session, woken.turned);
        }
    }
    Err(Error::Unavailable("the subscription ended".into()))
}
