//! Plays a crowd: candidates that send when events are due, and watchers of some of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::meter::Meter;
use super::mix::Mix;
use super::player::{Door, Player};
use super::stages::Stages;
use super::{post, socket, watcher};
use crate::chaos::fleet::Org;
use crate::chaos::watcher::Seen;
use crate::setup::{self, Seat};

/// Calls without an answer that this program holds at most.
const CALLS: usize = 8192;
/// How many candidates begin at once.
const BEGIN_AT_ONCE: usize = 16;
/// How long all watchers may take to be in place.
const IN_PLACE: Duration = Duration::from_secs(30);

/// Who plays.
#[derive(Debug, Clone)]
pub(crate) struct Cast {
    /// Candidates.
    pub(crate) candidates: usize,
    /// Watchers, spread over the candidates.
    pub(crate) watchers: usize,
    /// How candidates send.
    pub(crate) mix: Mix,
    /// The share of events of 1 MiB.
    pub(crate) large: f64,
    /// Of events and choices.
    pub(crate) seed: u64,
}

/// What all clients share.
pub(crate) struct Crowd {
    /// The service.
    pub(crate) org: Org,
    /// What is measured.
    pub(crate) meter: Meter,
    /// Room for calls.
    pub(crate) room: Arc<Semaphore>,
    lanes: AtomicU32,
}

impl Crowd {
    /// A number for a call or a connection.
    pub(crate) fn lane(&self) -> u32 {
        self.lanes.fetch_add(1, Ordering::Relaxed)
    }
}

/// A crowd that plays.
pub(crate) struct Playing {
    /// What all share.
    pub(crate) crowd: Arc<Crowd>,
    /// The candidates.
    pub(crate) players: Vec<Arc<Player>>,
    epoch: Instant,
    queues: Vec<mpsc::UnboundedSender<Instant>>,
    senders: JoinSet<()>,
    watchers: JoinSet<Seen>,
    rng: StdRng,
}

/// A crowd that has played.
pub(crate) struct Played {
    /// What all shared.
    pub(crate) crowd: Arc<Crowd>,
    /// The candidates.
    pub(crate) players: Vec<Arc<Player>>,
    /// What watchers saw.
    pub(crate) seen: Vec<Seen>,
}

/// Begins `n` sessions at once, as far as that goes.
pub(crate) async fn seats(org: &Org, n: usize) -> Result<Vec<Seat>, String> {
    let api = org.api(0);
    let keys = setup::create_all_keys(api, &org.assessment, n).await?;
    let begin = |(index, key): (usize, String)| setup::begin(api, key, index.is_multiple_of(3));
    stream::iter(keys.into_iter().enumerate()).map(begin).buffer_unordered(BEGIN_AT_ONCE).try_collect().await
}

impl Playing {
    /// Begins all sessions, and waits until the watchers are in place.
    pub(crate) async fn begin(org: Org, cast: &Cast, say: impl Fn(&str)) -> Result<Self, String> {
        say("the candidates begin");
        let seats = seats(&org, cast.candidates).await?;
        let n_nodes = org.apis.len().max(1);
        let epoch = Instant::now();
        let meter = Meter::new(epoch);
        let crowd = Arc::new(Crowd { org, meter, room: post::room(CALLS), lanes: AtomicU32::default() });
        let is_watched = |index: usize| index < cast.watchers.min(cast.candidates);
        let player = |(index, seat): (usize, Seat)| {
            let seed = cast.seed.wrapping_add(u64::try_from(index).unwrap_or_default());
            let (door, node) = (cast.mix.door(index), index % n_nodes);
            Arc::new(Player::new(epoch, seat, door, node, seed, cast.large, is_watched(index)))
        };
        let players: Vec<Arc<Player>> = seats.into_iter().enumerate().map(player).collect();
        let rng = StdRng::seed_from_u64(cast.seed);
        let (queues, senders, watchers) = (Vec::new(), JoinSet::new(), JoinSet::new());
        let mut playing = Self { crowd, players, epoch, queues, senders, watchers, rng };
        say("the watchers take their places");
        playing.start_watchers(cast.watchers).await;
        playing.start_senders();
        Ok(playing)
    }

    /// The beginning of the run.
    pub(crate) fn epoch(&self) -> Instant {
        self.epoch
    }

    async fn start_watchers(&mut self, n: usize) {
        let mut places = Vec::new();
        let watched = self.players.iter().filter(|player| player.is_watched()).cycle();
        for (number, player) in watched.take(n).enumerate() {
            let (in_place, is_in_place) = oneshot::channel();
            places.push(is_in_place);
            self.watchers.spawn(watcher::run(Arc::clone(&self.crowd), Arc::clone(player), number, in_place));
        }
        // One that never gets there says so itself.
        let all = async {
            for place in places {
                drop(place.await)
            }
        };
        drop(timeout(IN_PLACE, all).await);
    }

    fn start_senders(&mut self) {
        for player in &self.players {
            let (queue, dues) = mpsc::unbounded_channel();
            self.queues.push(queue);
            let (crowd, player) = (Arc::clone(&self.crowd), Arc::clone(player));
            match player.door {
                Door::Socket => self.senders.spawn(Box::pin(socket::run(crowd, player, dues))),
                Door::Single | Door::Batch => self.senders.spawn(Box::pin(post::run(crowd, player, dues))),
            };
        }
    }

    /// Offers events as the stages say, each to any of the candidates, whatever became of earlier ones. Begins with a whole
    /// second of the run; when that was.
    pub(crate) async fn offer(&mut self, stages: &Stages) -> Duration {
        let begin = Duration::from_secs(self.epoch.elapsed().as_secs() + 1);
        let start = self.epoch + begin;
        for at in stages.arrivals() {
            let due = start + at;
            if due > Instant::now() {
                sleep_until(due).await;
            }
            self.crowd.meter.due(due);
            let place = self.rng.random_range(0..self.queues.len().max(1));
            // A candidate that is gone has given up; it says so itself.
            let _ = self.queues.get(place).map(|queue| queue.send(due));
        }
        sleep_until(start + stages.length()).await;
        begin
    }

    /// Nothing more is offered; waits until everything is answered, and until the watchers have seen it.
    pub(crate) async fn end(mut self, say: impl Fn(&str)) -> Result<Played, String> {
        say("waiting for the last answers");
        self.queues.clear();
        while let Some(ended) = self.senders.join_next().await {
            ended.map_err(|error| error.to_string())?;
        }
        say("the watchers see the end");
        let seen = self.watchers.join_all().await;
        Ok(Played { crowd: self.crowd, players: self.players, seen })
    }
}
