//! Both children together: started side by side, waited for, stopped in order.

use std::fs;
use std::io::Write;
use std::iter::repeat_with;
use std::net::TcpListener;
use std::time::Instant;

use anyhow::{Context, bail};
use clickhouse_schema::EventLog;
use redis_scripts::{Redis, random_secret};
use tokio::sync::watch;
use uuid::Uuid;

use super::child::{Child, Condition, LOOK_AGAIN, Program, Traces, last_lines};
use super::clickhouse::{self, EmbeddedClickHouse};
use super::data_dir::DataDir;
use super::pepper;
use super::process::stop_leftover;
use super::redis::RedisServer;
use crate::config::{ChildOptions, Secret};

/// A Redis and a ClickHouse that are kept running.
pub struct Stores {
    /// How Redis is reached.
    pub redis: redis_scripts::Config,
    /// How ClickHouse is reached.
    pub clickhouse: clickhouse_schema::Config,
    redis_child: Supervised,
    clickhouse_child: Supervised,
}

struct Supervised {
    name: &'static str,
    traces: Traces,
    child: Child,
}

impl Supervised {
    async fn start(program: impl Program, data_dir: &DataDir) -> anyhow::Result<Self> {
        let name = program.name();
        let log = data_dir.join(&format!("logs/{name}.log"));
        let traces = Traces { log, pid: data_dir.join(&format!("{name}.pid")) };
        stop_leftover(&traces.pid, &program.mark()).await?;
        if traces.log.exists() {
            fs::rename(&traces.log, data_dir.join(&format!("logs/{name}.log.1")))?;
        }
        Ok(Self { name, child: Child::start(program, traces.clone()), traces })
    }
}

impl Stores {
    /// Starts both; they are not ready yet.
    ///
    /// # Errors
    /// When a program is missing or the data directory cannot be written.
    pub async fn start(options: &ChildOptions, data_dir: &DataDir) -> anyhow::Result<Self> {
        let password = Secret::new(random_secret("")?);
        let redis_port = port(options.redis_port)?;
        let clickhouse_port = port(options.clickhouse_port)?;
        let redis_server = RedisServer::prepare(
            &options.redis_server,
            data_dir,
            redis_port,
            &password,
            options.redis_max_memory_bytes,
        )?;
        let clickhouse = EmbeddedClickHouse::prepare(options, data_dir, clickhouse_port, &password)?;
        let clickhouse_child = Supervised::start(clickhouse, data_dir).await?;
        let redis_child = Supervised::start(redis_server, data_dir).await?;
        Ok(Self {
            redis: redis_scripts::Config {
                peppers: pepper::of(data_dir)?,
                ..redis_scripts::Config::new(format!("redis://default:{}@127.0.0.1:{redis_port}", password.expose()))
            },
            clickhouse: clickhouse_schema::Config {
                url: format!("http://127.0.0.1:{clickhouse_port}"),
                user: clickhouse::USER.to_owned(),
                password: password.expose().to_owned(),
                ..clickhouse_schema::Config::default()
            },
            redis_child,
            clickhouse_child,
        })
    }

    /// Waits until both answer, and tells the person at the terminal about it.
    ///
    /// # Errors
    /// When one of them keeps failing.
    pub async fn ready(&self) -> anyhow::Result<()> {
        let redis = Redis::new(&self.redis)?;
        let log = EventLog::new(&self.clickhouse);
        ready("Redis", &self.redis_child, || async { redis.ping().await.is_ok() }).await?;
        ready("ClickHouse", &self.clickhouse_child, || async { log.ping().await.is_ok() }).await
    }

    /// How Redis and ClickHouse are, and every change of that.
    #[must_use]
    pub fn conditions(&self) -> (watch::Receiver<Condition>, watch::Receiver<Condition>) {
        (self.redis_child.child.condition.clone(), self.clickhouse_child.child.condition.clone())
    }

    /// Stops both: ClickHouse first, because what it lacks is still in Redis.
    pub async fn stop(self) {
        for Supervised { name, child, .. } in [self.clickhouse_child, self.redis_child] {
            tracing::info!(child = name, "stopping");
            child.stop().await;
        }
    }
}

/// How often a child may fail before the start is given up.
const FAILURES: u32 = 4;

async fn ready<F: Future<Output = bool>>(
    title: &str,
    supervised: &Supervised,
    answers: impl Fn() -> F,
) -> anyhow::Result<()> {
    say(&format!("Starting {title} … "));
    let started = Instant::now();
    let condition = &supervised.child.condition;
    while condition.borrow().pid.is_none() || !answers().await {
        if condition.borrow().failures >= FAILURES {
            say("failed.\n");
            let log = supervised.traces.log.display();
            bail!("{title} does not start; the end of {log}:\n{}", last_lines(&supervised.traces, 10));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    say(&format!("ready after {:.1} s.\n", started.elapsed().as_secs_f32()));
    Ok(())
}

/// Writes to standard output at once. That nobody reads it any more is no reason to stop.
pub(super) fn say(text: &str) {
    let mut output = std::io::stdout();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).ok();
}

/// Below the ports that systems give to outgoing connections, so that a child that is started again gets its port back.
const FIRST_PORT: u16 = 20_000;
const PORTS: u128 = 12_000;
const TRIES: usize = 100;

fn port(wanted: Option<u16>) -> anyhow::Result<u16> {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    match wanted {
        Some(port) if is_free(&port) => Ok(port),
        Some(port) => bail!("port {port} of 127.0.0.1 is taken"),
        None => repeat_with(random_port).take(TRIES).find(is_free).context("found no free port on 127.0.0.1"),
    }
}

fn random_port() -> u16 {
    let offset = u16::try_from(Uuid::new_v4().as_u128() % PORTS);
    offset.map_or(FIRST_PORT, |offset| FIRST_PORT + offset)
}
