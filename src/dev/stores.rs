//! The stores: started side by side, waited for, stopped in order.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use clickhouse_schema::EventLog;
use futures_util::future::join_all;
use redis_scripts::{ClusterNode, Redis, form_cluster, random_secret};
use tokio::sync::watch;

use super::child::{Condition, LOOK_AGAIN};
use super::clickhouse::{self, EmbeddedClickHouse};
use super::data_dir::DataDir;
use super::pepper;
use super::ports;
use super::redis::{Membership, RedisServer};
use super::supervised::Supervised;
use crate::config::{ChildOptions, Secret};

/// Masters of a cluster.
const MASTERS: usize = 3;

/// The members of a cluster.
const MEMBERS: [&str; 6] = ["redis-1", "redis-2", "redis-3", "redis-4", "redis-5", "redis-6"];

/// How long a cluster may take to come together; its members have to read their files first.
const FORM_WITHIN: Duration = Duration::from_secs(120);

/// A Redis, or a cluster of them, and a ClickHouse that are kept running.
pub struct Stores {
    /// How Redis is reached.
    pub redis: redis_scripts::Config,
    /// How ClickHouse is reached.
    pub clickhouse: clickhouse_schema::Config,
    /// The members of the cluster; none for a single Redis.
    pub members: Vec<ClusterNode>,
    redis_children: Vec<Supervised>,
    clickhouse_child: Supervised,
}

impl Stores {
    /// Starts one Redis and ClickHouse; they are not ready yet.
    ///
    /// # Errors
    /// When a program is missing or the data directory cannot be written.
    pub async fn start(options: &ChildOptions, data_dir: &DataDir) -> anyhow::Result<Self> {
        let password = Secret::new(random_secret("")?);
        let port = ports::one(options.redis_port)?;
        let (program, memory) = (&*options.redis_server, options.redis_max_memory_bytes);
        let server = RedisServer::prepare(("redis", program), data_dir, port, &password, memory, None)?;
        let (clickhouse, clickhouse_child) = start_clickhouse(options, data_dir, &password).await?;
        Ok(Self {
            redis: redis_scripts::Config {
                peppers: pepper::of(data_dir)?,
                ..redis_scripts::Config::new(url_of(port, &password))
            },
            clickhouse,
            members: Vec::new(),
            redis_children: vec![Supervised::start(server, data_dir).await?],
            clickhouse_child,
        })
    }

    /// Starts the members of a Redis Cluster and ClickHouse; they are not ready yet.
    ///
    /// # Errors
    /// When a program is missing or the data directory cannot be written.
    pub async fn start_cluster(options: &ChildOptions, data_dir: &DataDir) -> anyhow::Result<Self> {
        let password = Secret::new(random_secret("")?);
        let ports = ports::of_members(options.redis_port, &data_dir.join("ports.json"), MEMBERS.len())?;
        let (clickhouse, clickhouse_child) = start_clickhouse(options, data_dir, &password).await?;
        let (mut members, mut redis_children) = (Vec::new(), Vec::new());
        for (name, (port, bus_port)) in MEMBERS.into_iter().zip(ports) {
            members.push(ClusterNode { url: url_of(port, &password), host: "127.0.0.1".to_owned(), port, bus_port });
            redis_children.push(start_member(options, data_dir, name, (port, bus_port), &password).await?);
        }
        let urls: Vec<&str> = members.iter().map(|member| member.url.as_str()).collect();
        Ok(Self {
            redis: redis_scripts::Config {
                peppers: pepper::of(data_dir)?,
                ..redis_scripts::Config::new(urls.join(","))
            },
            clickhouse,
            members,
            redis_children,
            clickhouse_child,
        })
    }

    /// Waits until all answer, and tells the person at the terminal about it. Which members of a cluster are masters.
    ///
    /// # Errors
    /// When one of them keeps failing, or the cluster does not come together.
    pub async fn ready(&self) -> anyhow::Result<Vec<bool>> {
        let redis = Redis::new(&self.redis)?;
        let log = EventLog::new(&self.clickhouse);
        let mut masters = Vec::new();
        if self.members.is_empty() {
            ready("Redis", &self.redis_children, || async { redis.ping().await.is_ok() }).await?;
        } else {
            masters = self.form().await?;
        }
        let clickhouse = std::slice::from_ref(&self.clickhouse_child);
        ready("ClickHouse", clickhouse, || async { log.ping().await.is_ok() }).await?;
        Ok(masters)
    }

    async fn form(&self) -> anyhow::Result<Vec<bool>> {
        say(&format!("Starting Redis, {MASTERS} masters and {} replicas … ", MEMBERS.len() - MASTERS));
        let started = Instant::now();
        let formed = tokio::select! {
            formed = form_cluster(&self.members, MASTERS, FORM_WITHIN) => formed.map_err(anyhow::Error::from),
            failure = give_up(&self.redis_children) => Err(failure),
        };
        match &formed {
            Ok(_) => say(&format!("ready after {:.1} s.\n", started.elapsed().as_secs_f32())),
            Err(_) => say("failed.\n"),
        }
        formed
    }

    /// How the children are, and every change of that.
    #[must_use]
    pub fn conditions(&self) -> Vec<(&'static str, watch::Receiver<Condition>)> {
        self.redis_children.iter().chain([&self.clickhouse_child]).map(Supervised::condition).collect()
    }

    /// Stops all: ClickHouse first, because what it lacks is still in Redis.
    pub async fn stop(self) {
        self.clickhouse_child.stop().await;
        join_all(self.redis_children.into_iter().map(Supervised::stop)).await;
    }
}

fn url_of(port: u16, password: &Secret) -> String {
    format!("redis://default:{}@127.0.0.1:{port}", password.expose())
}

async fn start_member(
    options: &ChildOptions,
    data_dir: &DataDir,
    name: &'static str,
    (port, bus_port): (u16, u16),
    password: &Secret,
) -> anyhow::Result<Supervised> {
    let (program, memory): (&Path, u64) = (&options.redis_server, options.redis_max_memory_bytes);
    let membership = Some(Membership { bus_port });
    let server = RedisServer::prepare((name, program), data_dir, port, password, memory, membership)?;
    Supervised::start(server, data_dir).await
}

async fn start_clickhouse(
    options: &ChildOptions,
    data_dir: &DataDir,
    password: &Secret,
) -> anyhow::Result<(clickhouse_schema::Config, Supervised)> {
    let port = ports::one(options.clickhouse_port)?;
    let clickhouse = EmbeddedClickHouse::prepare(options, data_dir, port, password)?;
    let config = clickhouse_schema::Config {
        url: format!("http://127.0.0.1:{port}"),
        user: clickhouse::USER.to_owned(),
        password: password.expose().to_owned(),
        ..clickhouse_schema::Config::default()
    };
    Ok((config, Supervised::start(clickhouse, data_dir).await?))
}

/// How often a child may fail before the start is given up.
const FAILURES: u32 = 4;

/// Waits until children run and `answers`, and tells the person at the terminal about it.
///
/// # Errors
/// When a child keeps failing.
pub(super) async fn ready<F: Future<Output = bool>>(
    title: &str,
    children: &[Supervised],
    answers: impl Fn() -> F,
) -> anyhow::Result<()> {
    say(&format!("Starting {title} … "));
    let started = Instant::now();
    let all_answer = async {
        while children.iter().any(|child| !child.runs()) || !answers().await {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::select! {
        () = all_answer => {}
        failure = give_up(children) => {
            say("failed.\n");
            return Err(failure);
        }
    }
    say(&format!("ready after {:.1} s.\n", started.elapsed().as_secs_f32()));
    Ok(())
}

/// Waits until one of the children has failed too often, and says which, with its last words.
async fn give_up(children: &[Supervised]) -> anyhow::Error {
    loop {
        if let Some(failing) = children.iter().find(|child| child.failures() >= FAILURES) {
            return failing.does_not_start();
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Writes to standard output at once. That nobody reads it any more is no reason to stop.
pub(super) fn say(text: &str) {
    let mut output = std::io::stdout();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).ok();
}
