//! Reads what changed of the sessions of a wall: once a second all that did, in one go, and at once what started or
//! ended.

use std::{sync::Arc, time::Duration};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use domain::{SessionId, Status};
use redis_scripts::{Error, Redis, SessionQuery};

use crate::wall::{MAX_SESSIONS, Wall};

/// How often changes are shown.
const TICK: Duration = Duration::from_secs(1);

/// After how many ticks the list of running sessions is read, in case a wake-up was lost …
const LIST_EVERY: u64 = 2;

/// … and all of them.
const READ_ALL_EVERY: u64 = 15;

/// Sessions read in one go.
const READ_AT_ONCE: usize = 500;

/// Something started or ended: look.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(crate) struct Look;

/// See the module. Ends when nobody watches the wall any more.
pub(crate) struct WallReader {
    wall: Arc<Wall>,
    redis: Redis,
    n_ticks: u64,
    is_reading: bool,
    is_woken: bool,
    is_tick_due: bool,
}

impl WallReader {
    pub(crate) fn new(wall: Arc<Wall>, redis: Redis) -> Self {
        Self { wall, redis, n_ticks: 0, is_reading: false, is_woken: false, is_tick_due: false }
    }

    fn read(&mut self, is_tick: bool, ctx: &mut Context<Self>) {
        if self.is_reading {
            self.is_woken = true;
            self.is_tick_due |= is_tick;
            return;
        }
        self.is_reading = true;
        let (wall, redis, n_ticks) = (self.wall.clone(), self.redis.clone(), self.n_ticks);
        let done = async move {
            if is_tick && n_ticks % LIST_EVERY == 0 {
                wall.mark_differences(&running(&redis, &wall).await?);
            }
            if is_tick && n_ticks % READ_ALL_EVERY == READ_ALL_EVERY - 1 {
                wall.mark_all();
            }
            show(&redis, &wall, is_tick).await
        };
        self.n_ticks += u64::from(is_tick);
        ctx.spawn(done.into_actor(self).map(|result: Result<(), Error>, reader, ctx| {
            if let Err(error) = result {
                // The next tick tries again; watchers see nothing until then.
                tracing::warn!(%error, "wall not read");
            }
            reader.is_reading = false;
            if std::mem::take(&mut reader.is_woken) {
                let is_tick = std::mem::take(&mut reader.is_tick_due);
                reader.read(is_tick, ctx);
            }
        }));
    }
}

/// The sessions that run, of a wall.
pub(crate) async fn running(redis: &Redis, wall: &Wall) -> Result<Vec<SessionId>, Error> {
    let limit = u64::try_from(MAX_SESSIONS).unwrap_or(u64::MAX);
    let of =
        |status| SessionQuery { assessment: wall.assessment, status: Some(status), limit, ..SessionQuery::default() };
    let (mut running, _) = redis.list_sessions(wall.org, &of(Status::Active)).await?;
    running.extend(redis.list_sessions(wall.org, &of(Status::Pending)).await?.0);
    Ok(running)
}

/// Reads what is marked and shows it. What could not be read is marked again.
pub(crate) async fn show(redis: &Redis, wall: &Wall, is_tick: bool) -> Result<(), Error> {
    let mut marked = wall.take_marked(is_tick);
    while !marked.is_empty() {
        let names = marked.split_off(marked.len().saturating_sub(READ_AT_ONCE));
        match redis.sessions(&names).await {
            Ok(read) => wall.show(names.into_iter().map(|name| name.session).zip(read).collect(), is_tick),
            Err(error) => {
                for name in names.iter().chain(&marked) {
                    wall.mark(&name.session, true);
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

impl Actor for WallReader {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // What happened between reading the sessions and registering the wall.
        self.read(true, ctx);
        ctx.run_interval(TICK, |reader, ctx| {
            // With a timer it would live for ever.
            if reader.wall.watchers() == 0 {
                ctx.stop();
            } else {
                reader.read(true, ctx);
            }
        });
    }
}

impl Handler<Look> for WallReader {
    type Result = ();

    fn handle(&mut self, Look: Look, ctx: &mut Self::Context) {
        self.read(false, ctx);
    }
}
