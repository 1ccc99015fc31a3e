//! Everything of this crate that runs, started and stopped together.

use std::{sync::Arc, time::Duration};

use actix::Actor;
use clickhouse_schema::EventLog;
use redis_scripts::Redis;
use tokio::sync::watch;

use crate::{
    Analyst, Deriver, Feeds, History, Judging, Sessions, Walls, after_end::AfterEnd, arbiters::Arbiters,
    log_writer::LogWriter, reconciler::Reconciler, timekeeper::Timekeeper, wakeups::Wakeups,
};

/// What is configured.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads for actors; one more is for what nobody waits for.
    pub threads: usize,
    /// How long events are taken after their session was closed.
    pub grace: Duration,
    /// How long after its deadline a session is closed.
    pub close_grace: Duration,
    /// How often the log writer looks for new entries.
    pub log_every: Duration,
    /// How often it is compared whether ClickHouse has what was written to it.
    pub reconcile_every: Duration,
    /// The language model that judges prompts; `None`: none does.
    pub judging: Option<Judging>,
}

impl Default for Options {
    /// One thread for each core, ten minutes of grace for late events, one for deadlines, four looks a second, a comparison in five
    /// minutes, no judge.
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(2, usize::from),
            grace: Duration::from_secs(600),
            close_grace: Duration::from_secs(60),
            log_every: Duration::from_millis(250),
            reconcile_every: Duration::from_secs(300),
            judging: None,
        }
    }
}

/// The actors of a node.
pub struct Running {
    /// Takes events.
    pub sessions: Sessions,
    /// Shows sessions live.
    pub feeds: Feeds,
    /// Shows the sessions of organisations live.
    pub walls: Walls,
    /// Reads what was.
    pub history: History,
    /// Makes and reads the artifacts of sessions that have ended.
    pub deriver: Deriver,
    /// Has prompts judged, where there is a judge.
    pub analyst: Option<Analyst>,
    arbiters: Arc<Arbiters>,
    stop: watch::Sender<bool>,
}

impl Running {
    /// Starts them. Must be called within an actix system.
    #[must_use]
    pub fn start(redis: &Redis, log: &EventLog, options: &Options) -> Self {
        let arbiters = Arc::new(Arbiters::start(options.threads));
        let history = History::new(redis.clone(), log.clone());
        let feeds = Feeds::new(redis.clone(), history.clone(), arbiters.clone());
        let grace_ms = i64::try_from(options.grace.as_millis()).unwrap_or(i64::MAX);
        let sessions = Sessions::start(redis.clone(), arbiters.clone(), grace_ms);
        let (stop, stopping) = watch::channel(false);

        let close_grace_ms = i64::try_from(options.close_grace.as_millis()).unwrap_or(i64::MAX);
        let (due, closing, until) = (redis.clone(), sessions.clone(), stopping.clone());
        Timekeeper::start_in_arbiter(&arbiters.next(), move |_| Timekeeper::new(due, closing, close_grace_ms, until));
        let walls = Walls::new(redis.clone(), arbiters.clone());
        let (wakes, woken_feeds, woken_walls) = (redis.clone(), feeds.clone(), walls.clone());
        Wakeups::start_in_arbiter(&arbiters.next(), move |_| Wakeups::new(wakes, woken_feeds, woken_walls));
        let (compared, with, every, until) = (redis.clone(), log.clone(), options.reconcile_every, stopping.clone());
        Reconciler::start_in_arbiter(&arbiters.background(), move |_| Reconciler::new(compared, with, every, until));
        let (deriver, waiting) = Deriver::new(redis.clone(), log.clone());
        let worker = deriver.clone();
        // On the thread that nobody waits for: what it reads and folds is by the thousand.
        arbiters.background().spawn_fn(move || drop(actix::spawn(async move { worker.work(waiting).await })));
        let analyst = options.judging.clone().map(|judging| {
            let (analyst, waiting) = Analyst::new(redis.clone(), log.clone(), judging);
            let worker = analyst.clone();
            arbiters.background().spawn_fn(move || drop(actix::spawn(async move { worker.work(waiting).await })));
            analyst
        });
        let (redis, log, every) = (redis.clone(), log.clone(), options.log_every);
        let after = AfterEnd { deriver: deriver.clone(), analyst: analyst.clone() };
        LogWriter::start_in_arbiter(&arbiters.background(), move |_| {
            LogWriter::new(redis, log, after, every, stopping)
        });
        Self { sessions, feeds, walls, history, deriver, analyst, arbiters, stop }
    }

    /// Forgets sessions that took nothing for a while. To be called now and then.
    pub fn tidy(&self) {
        self.sessions.forget_idle();
    }

    /// Stops them. Nothing has to be flushed: what is not in ClickHouse yet is in Redis, and is taken up at the next
    /// start.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        // Long enough to give the leases back; if not, they run out.
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.arbiters.stop();
    }
}
