//! The walls of this node: one for each organisation or assessment that somebody watches here; and who watches them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix::{Actor, Addr};
use bytes::Bytes;
use domain::{OrgId, SessionRef};
use redis_scripts::{Error, Redis};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    News,
    arbiters::Arbiters,
    clock,
    wall::Wall,
    wall_reader::{Look, WallReader, running, show},
};

/// Handle to the walls of this node; cheap to clone.
#[derive(Clone)]
pub struct Walls(Arc<Shared>);

struct Shared {
    redis: Redis,
    arbiters: Arc<Arbiters>,
    // Not a tokio lock: it is held for a look-up only, never across an await.
    map: Mutex<Map>,
}

/// By organisation, since that is how wake-ups find them; of each there are few.
type Map = HashMap<OrgId, Vec<Known>>;

struct Known {
    wall: Arc<Wall>,
    reader: Addr<WallReader>,
}

impl Walls {
    pub(crate) fn new(redis: Redis, arbiters: Arc<Arbiters>) -> Self {
        Self(Arc::new(Shared { redis, arbiters, map: Mutex::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, Map> {
        self.0.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to watch the sessions of an organisation, or of one assessment of it.
    ///
    /// # Errors
    /// [`Error`] when Redis gives no usable answer.
    pub async fn watch(&self, org: OrgId, assessment: Option<Uuid>) -> Result<WallWatch, Error> {
        if let Some(wall) = self.join(org, assessment, None) {
            return Ok(WallWatch::new(wall, self.clone()));
        }
        let wall = Arc::new(Wall::new(org, assessment, clock::now()));
        wall.mark_differences(&running(&self.0.redis, &wall).await?);
        show(&self.0.redis, &wall, true).await?;
        // Somebody else may have been faster.
        let wall = self.join(org, assessment, Some(wall.clone())).unwrap_or(wall);
        Ok(WallWatch::new(wall, self.clone()))
    }

    /// The wall that is there, or else `new`, with one watcher more.
    fn join(&self, org: OrgId, assessment: Option<Uuid>, new: Option<Arc<Wall>>) -> Option<Arc<Wall>> {
        let mut map = self.lock();
        let walls = map.entry(org).or_default();
        walls.retain(|known| known.reader.connected());
        if !walls.iter().any(|known| known.wall.assessment == assessment)
            && let Some(wall) = new
        {
            let (reading, redis) = (wall.clone(), self.0.redis.clone());
            let reader =
                WallReader::start_in_arbiter(&self.0.arbiters.next(), move |_| WallReader::new(reading, redis));
            walls.push(Known { wall, reader });
        }
        let wall = walls.iter().find(|known| known.wall.assessment == assessment).map(|known| known.wall.clone());
        if let Some(wall) = &wall {
            wall.count_watcher(true);
        }
        wall
    }

    /// One watcher less; a wall that nobody watches is forgotten, and its reader ends.
    fn leave(&self, wall: &Arc<Wall>) {
        let mut map = self.lock();
        wall.count_watcher(false);
        if let Some(walls) = map.get_mut(&wall.org) {
            walls.retain(|known| known.wall.watchers() > 0);
            if walls.is_empty() {
                map.remove(&wall.org);
            }
        }
    }

    /// Notes that a session may have changed, or that it started or ended.
    pub(crate) fn wake(&self, session: &SessionRef, turned: bool) {
        let map = self.lock();
        for known in map.get(&session.org).into_iter().flatten() {
            if known.wall.mark(&session.session, turned) {
                // News may be lost: the reader looks every second anyway.
                known.reader.do_send(Look);
            }
        }
    }
}

/// One watcher of a wall. It pulls at its own pace.
pub struct WallWatch {
    wall: Arc<Wall>,
    walls: Walls,
    changes: watch::Receiver<u64>,
    /// The version that was told last; `None` before the first message.
    told: Option<u64>,
}

impl WallWatch {
    fn new(wall: Arc<Wall>, walls: Walls) -> Self {
        Self { changes: wall.changes(), wall, walls, told: None }
    }

    /// The next message; waits for one. May be dropped while it waits: nothing is lost, the next call goes on.
    pub async fn next(&mut self) -> News {
        loop {
            let (kind, found): (_, Option<(u64, Bytes)>) = match self.told {
                None => ("sessions", Some(self.wall.sessions_message())),
                Some(version) => ("session", self.wall.after(version)),
            };
            if let Some((version, text)) = found {
                self.told = Some(version);
                return News::Message { kind, text };
            }
            // The sender lives as long as the wall, which is held here.
            drop(self.changes.changed().await);
        }
    }
}

impl Drop for WallWatch {
    fn drop(&mut self) {
        self.walls.leave(&self.wall);
    }
}
