//! What a bench runs against: a Redis and a ClickHouse of its own, one server, and the edge to compare it with; no proxies
//! between them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::api::Api;
use crate::chaos::fleet::Org;
use crate::chaos::guard::Guard;
use crate::chaos::process::{Process, Spec};
use crate::chaos::redis;
use crate::chaos::stack::{Credentials, free_port, http_ok};
use crate::load::processes::Source;
use crate::setup;

/// How long a store or the server may take to start, on a cold and busy machine.
const START: Duration = Duration::from_secs(120);
/// How long one call may take.
const CALL: Duration = Duration::from_secs(30);
/// More than any client of a bench asks for in a minute.
const NO_LIMIT: &str = "100000000";

/// What was started. The order of the fields is that in which things end.
#[derive(Debug)]
pub(crate) struct Place {
    _server: Process,
    /// The port of the server.
    pub(crate) port: u16,
    /// The port at which the server tells its metrics.
    pub(crate) metrics_port: u16,
    /// What the server took from its start until it was ready, with both stores up.
    pub(crate) start_took: Duration,
    _edge: Process,
    /// The port of the edge alone.
    pub(crate) edge_port: u16,
    _redis: Process,
    /// The port of Redis.
    pub(crate) redis_port: u16,
    _clickhouse: Process,
    /// The port of ClickHouse.
    pub(crate) clickhouse_port: u16,
    pids: PathBuf,
    programs: PathBuf,
    _guard: Guard,
}

impl Place {
    /// Starts it all in `directory`, with the programs that are in `programs`.
    pub(crate) async fn start(directory: &Path, programs: &Path, workers: usize) -> Result<Self, String> {
        let path = |name: &str| directory.join(name);
        for name in ["logs", "pids", "redis", "clickhouse"] {
            std::fs::create_dir_all(path(name)).map_err(|error| format!("{}: {error}", path(name).display()))?;
        }
        let guard = Guard::start(directory)?;
        let spec = |name: &str, program: PathBuf, args: Vec<String>| Spec {
            name: name.to_owned(),
            program,
            args: args.into_iter().map(OsString::from).collect(),
            env: vec![("TZ".to_owned(), "UTC".into())],
            log: path("logs").join(format!("{name}.log")),
            pid_file: path("pids").join(name),
        };
        let [port, metrics_port, edge_port] = [free_port()?, free_port()?, free_port()?];
        let [redis_port, clickhouse_port] = [free_port()?, free_port()?];
        let config = path("redis.conf");
        std::fs::write(&config, redis::config(redis_port, &path("redis"), "always"))
            .map_err(|error| format!("{}: {error}", config.display()))?;
        let redis = Process::start(spec("redis", "redis-server".into(), vec![config.display().to_string()]))?;
        let data = format!("--path={}", path("clickhouse").join("data").display());
        let listen = format!("--listen=127.0.0.1:{clickhouse_port}");
        let parent = format!("--parent-pid={}", std::process::id());
        let clickhouse =
            Process::start(spec("clickhouse", programs.join("embedded-clickhouse"), vec![data, listen, parent]))?;
        let edge = format!("edge --port={edge_port} --workers={workers}");
        let edge = edge.split(' ').map(str::to_owned).collect();
        let edge = Process::start(spec("edge", std::env::current_exe().map_err(|error| error.to_string())?, edge))?;
        until(&redis, async || redis::answers(redis_port).await).await?;
        until(&clickhouse, async || http_ok(clickhouse_port, "/ping").await).await?;
        let mut args = serve(port, redis_port, clickhouse_port, workers, &path("server"));
        args.push(format!("--metrics-listen=127.0.0.1:{metrics_port}"));
        let server = spec("server", programs.join("promptster-server"), args);
        // The first start makes the tables; the second one is timed.
        let first = Process::start(server.clone())?;
        until(&first, async || http_ok(port, "/v1/ready").await).await?;
        first.hold(true);
        first.stop(Duration::from_secs(10)).await;
        drop(first);
        let started = Instant::now();
        let server = Process::start(server)?;
        until(&server, async || http_ok(port, "/v1/ready").await).await?;
        let start_took = started.elapsed();
        let programs = programs.to_owned();
        Ok(Self {
            _server: server,
            port,
            metrics_port,
            start_took,
            _edge: edge,
            edge_port,
            _redis: redis,
            redis_port,
            _clickhouse: clickhouse,
            clickhouse_port,
            pids: path("pids"),
            programs,
            _guard: guard,
        })
    }

    /// A process by its name: `server`, `redis`, `clickhouse` or `edge`.
    pub(crate) fn process(&self, name: &str) -> Source {
        Source::File(self.pids.join(name))
    }

    /// An organisation with an assessment, reached as by its clients.
    pub(crate) async fn org(&self) -> Result<Org, String> {
        let made = self.create_org().await?;
        let api = Api::new(&format!("http://127.0.0.1:{}", self.port), &made.api_key, CALL)?;
        let assessment = setup::create_assessment(&api).await?;
        Ok(Org::of(made.org_id, assessment, vec![Arc::new(api)]))
    }

    /// Makes an organisation.
    pub(crate) async fn create_org(&self) -> Result<Credentials, String> {
        let mut command = Command::new(self.programs.join("promptster-server"));
        command.args(["org", "create", "--json", "--name", "Bench", "--redis-url"]);
        command.arg(format!("redis://127.0.0.1:{}", self.redis_port));
        let output = command.output().await.map_err(|error| format!("org create: {error}"))?;
        serde_json::from_slice(&output.stdout)
            .map_err(|_| format!("org create: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// How long `promptster-server dev` takes until it is ready, with stores of its own that it has started before.
pub(crate) async fn warm_start(directory: &Path, programs: &Path) -> Result<Duration, String> {
    let port = free_port()?;
    let data = format!("--data-dir={}", directory.join("dev").display());
    let args = ["dev".to_owned(), data, format!("--listen=127.0.0.1:{port}")];
    let spec = Spec {
        name: "dev".to_owned(),
        program: programs.join("promptster-server"),
        args: args.into_iter().map(OsString::from).collect(),
        env: Vec::new(),
        log: directory.join("logs").join("dev.log"),
        pid_file: directory.join("pids").join("dev"),
    };
    let mut took = Duration::ZERO;
    // The first start makes everything; the second one counts.
    for _ in 0..2 {
        let started = Instant::now();
        let dev = Process::start(spec.clone())?;
        until(&dev, async || http_ok(port, "/v1/ready").await).await?;
        took = started.elapsed();
        dev.hold(true);
        dev.stop(Duration::from_secs(30)).await;
    }
    Ok(took)
}

async fn until(process: &Process, is_ready: impl AsyncFn() -> bool) -> Result<(), String> {
    let deadline = Instant::now() + START;
    while !is_ready().await {
        if Instant::now() > deadline || process.n_ended_by_itself() >= 5 {
            return Err(format!("{} does not start; its log says why", process.name()));
        }
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

fn serve(port: u16, redis: u16, clickhouse: u16, workers: usize, data: &Path) -> Vec<String> {
    let mut args = vec!["serve".to_owned(), format!("--data-dir={}", data.display())];
    args.push(format!("--listen=127.0.0.1:{port}"));
    args.push(format!("--redis-url=redis://127.0.0.1:{redis}"));
    args.push(format!("--clickhouse-url=http://127.0.0.1:{clickhouse}"));
    args.push(format!("--workers={workers}"));
    let limits = ["ingest", "stream", "requests", "public-requests", "guesses"];
    args.extend(limits.map(|name| format!("--{name}-per-minute={NO_LIMIT}")));
    args.extend(["ingest", "stream"].map(|name| format!("--{name}-burst={NO_LIMIT}")));
    args
}
