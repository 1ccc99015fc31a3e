//! Everything that a run starts: stores, server nodes, the proxies between all of them, and organisations.

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::disk::Disk;
use super::guard::Guard;
use super::process::{Process, Spec};
use super::proxy::{Proxy, Weather};
use super::redis;
use super::shim::Shim;

/// How long a store or a node may take to start at the beginning, on a cold and busy machine.
const START: Duration = Duration::from_secs(120);
/// More than any client of a run asks for in a minute.
const NO_LIMIT: &str = "100000000";

/// One server node.
#[derive(Debug)]
pub(crate) struct Node {
    /// The process.
    pub(crate) process: Process,
    /// Where it listens itself, without a proxy.
    pub(crate) port: u16,
    /// Between clients and the node.
    pub(crate) front: Proxy,
    /// Between the node and Redis.
    pub(crate) to_redis: Proxy,
    /// Between the node and ClickHouse.
    pub(crate) to_clickhouse: Proxy,
}

/// What was started. The order of the fields is that in which things end.
#[derive(Debug)]
pub(crate) struct Stack {
    /// The server nodes.
    pub(crate) nodes: Vec<Node>,
    /// Redis.
    pub(crate) redis: Process,
    /// The port of Redis itself, without a proxy.
    pub(crate) redis_port: u16,
    /// Where Redis keeps its files.
    pub(crate) redis_directory: PathBuf,
    /// ClickHouse.
    pub(crate) clickhouse: Process,
    /// The port of ClickHouse itself, without a proxy.
    pub(crate) clickhouse_port: u16,
    /// The disk of Redis, or why it has none of its own.
    pub(crate) redis_disk: Result<Disk, String>,
    /// The disk of ClickHouse, or why it has none of its own.
    pub(crate) clickhouse_disk: Result<Disk, String>,
    /// Slow disks and jumping clocks, or why there are none.
    pub(crate) shim: Result<Shim, String>,
    server: PathBuf,
    guard: Option<Guard>,
}

/// What `promptster-server org create` prints.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Credentials {
    /// The organisation.
    pub(crate) org_id: String,
    /// Its API key.
    pub(crate) api_key: String,
}

/// What to start.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// Where it keeps its files; empty.
    pub(crate) directory: &'a Path,
    /// Where the programs are.
    pub(crate) programs: &'a Path,
    /// How many server nodes.
    pub(crate) n_nodes: usize,
    /// When Redis brings its log to the disk.
    pub(crate) appendfsync: &'a str,
    /// Whether the nodes reach the stores through proxies.
    pub(crate) with_proxies: bool,
    /// Whether the stores get disks of their own.
    pub(crate) with_disks: bool,
    /// Whether the shim is loaded.
    pub(crate) with_shim: bool,
}

impl Stack {
    /// Starts it all, and waits until it answers.
    pub(crate) async fn start(plan: &Plan<'_>, say: impl Fn(&str)) -> Result<Self, String> {
        let Plan { directory, programs, .. } = plan;
        let path = |name: &str| directory.join(name);
        for name in ["logs", "pids", "redis", "clickhouse"] {
            std::fs::create_dir_all(path(name)).map_err(|error| format!("{}: {error}", path(name).display()))?;
        }
        let guard = Guard::start(directory)?;
        let not_wanted = || "none of the faults needs it".to_owned();
        let disk = async |name: &str| if plan.with_disks { Disk::mount(&path(name)).await } else { Err(not_wanted()) };
        let (redis_disk, clickhouse_disk) = (disk("redis").await, disk("clickhouse").await);
        let shim = if plan.with_shim { Shim::compile(directory).await } else { Err(not_wanted()) };
        let spec = |name: &str, program: PathBuf, args: Vec<OsString>| Spec {
            name: name.to_owned(),
            program,
            args,
            env: shim.as_ref().map(|shim| shim.env(name)).unwrap_or_default(),
            log: path("logs").join(format!("{name}.log")),
            pid_file: path("pids").join(name),
        };

        say("the stores start");
        let [redis_port, clickhouse_port] = [free_port()?, free_port()?];
        let config = path("redis.conf");
        std::fs::write(&config, redis::config(redis_port, &path("redis"), plan.appendfsync))
            .map_err(|error| format!("{}: {error}", config.display()))?;
        let redis = Process::start(spec("redis", "redis-server".into(), vec![config.into()]))?;
        let mut engine = spec("clickhouse", programs.join("embedded-clickhouse"), vec!["--path".into()]);
        let listen = format!("--listen=127.0.0.1:{clickhouse_port}");
        let parent = format!("--parent-pid={}", std::process::id());
        engine.args.extend([path("clickhouse").join("data").into(), listen.into(), parent.into()]);
        engine.env.push(("TZ".to_owned(), "UTC".into()));
        // The engine starts threads of its own that the shim would only disturb.
        engine.env.retain(|(name, _)| name != "LD_PRELOAD");
        let clickhouse = Process::start(engine)?;
        let server = programs.join("promptster-server");
        let nodes = Vec::new();
        let guard = Some(guard);
        let mut stack = Self {
            nodes,
            redis,
            redis_port,
            redis_directory: path("redis"),
            clickhouse,
            clickhouse_port,
            redis_disk,
            clickhouse_disk,
            shim: shim.clone(),
            server,
            guard,
        };
        stack.until(&stack.redis, async || redis::answers(redis_port).await).await?;
        stack.until(&stack.clickhouse, async || stack.clickhouse_answers().await).await?;

        say("the server nodes start");
        for index in 1..=plan.n_nodes {
            let name = format!("node-{index}");
            let port = free_port()?;
            let (front, to_redis) = (Proxy::start(port).await?, Proxy::start(redis_port).await?);
            let to_clickhouse = Proxy::start(clickhouse_port).await?;
            let stores = match plan.with_proxies {
                true => (to_redis.port(), to_clickhouse.port()),
                false => (redis_port, clickhouse_port),
            };
            let args = serve(port, stores, &path(&name));
            let process = Process::start(spec(&name, stack.server.clone(), args))?;
            stack.nodes.push(Node { process, port, front, to_redis, to_clickhouse });
            // The first one makes the tables.
            let node = stack.nodes.last().ok_or("no node")?;
            stack.until(&node.process, async || http_ok(node.front.port(), "/v1/ready").await).await?;
        }
        Ok(stack)
    }

    /// Makes an organisation.
    pub(crate) async fn create_org(&self, name: &str) -> Result<Credentials, String> {
        let mut command = Command::new(&self.server);
        command.args(["org", "create", "--json", "--name", name, "--redis-url"]);
        command.arg(format!("redis://127.0.0.1:{}", self.redis_port));
        let output =
            command.output().await.map_err(|error| format!("cannot run {}: {error}", self.server.display()))?;
        serde_json::from_slice(&output.stdout)
            .map_err(|_| format!("org create: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }

    /// Waits until Redis runs and answers.
    pub(crate) async fn redis_back(&self, within: Duration) -> bool {
        answers_within(within, async || redis::answers(self.redis_port).await).await
    }

    /// Waits until ClickHouse runs and answers.
    pub(crate) async fn clickhouse_back(&self, within: Duration) -> bool {
        answers_within(within, async || self.clickhouse_answers().await).await
    }

    async fn clickhouse_answers(&self) -> bool {
        http_ok(self.clickhouse_port, "/ping").await
    }

    /// All proxies.
    pub(crate) fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        self.nodes.iter().flat_map(|node| [&node.front, &node.to_redis, &node.to_clickhouse])
    }

    /// Ends everything.
    pub(crate) async fn end(mut self) {
        for proxy in self.proxies() {
            proxy.set(Weather::default());
        }
        let (disks, guard) = ([self.redis_disk.ok(), self.clickhouse_disk.ok()], self.guard.take());
        drop((self.nodes, self.redis, self.clickhouse));
        for disk in disks.iter().flatten() {
            disk.remove().await;
        }
        if let Some(guard) = guard {
            guard.finish().await;
        }
    }

    async fn until(&self, process: &Process, is_ready: impl AsyncFn() -> bool) -> Result<(), String> {
        let deadline = Instant::now() + START;
        while !is_ready().await {
            if Instant::now() > deadline || process.n_ended_by_itself() >= 5 {
                return Err(format!("{} does not start; its log says why", process.name()));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

async fn answers_within(within: Duration, is_ready: impl AsyncFn() -> bool) -> bool {
    let deadline = Instant::now() + within;
    while !is_ready().await {
        if Instant::now() > deadline {
            return false;
        }
        sleep(Duration::from_millis(20)).await;
    }
    true
}

fn serve(port: u16, (redis, clickhouse): (u16, u16), data: &Path) -> Vec<OsString> {
    let mut args: Vec<OsString> = ["serve", "--data-dir"].map(OsString::from).to_vec();
    args.push(data.into());
    args.push(format!("--listen=127.0.0.1:{port}").into());
    args.push(format!("--redis-url=redis://127.0.0.1:{redis}").into());
    args.push(format!("--clickhouse-url=http://127.0.0.1:{clickhouse}").into());
    let limits = ["ingest", "stream", "requests", "public-requests", "guesses"];
    for name in limits {
        args.push(format!("--{name}-per-minute={NO_LIMIT}").into());
    }
    args.extend(["ingest", "stream"].map(|name| format!("--{name}-burst={NO_LIMIT}").into()));
    // All clients have one address, and all watchers of an organisation one key.
    let caps = ["connections-per-address", "streams-per-key", "watchers-per-credential", "watchers-per-session"];
    args.extend(caps.map(|name| format!("--max-{name}={NO_LIMIT}").into()));
    args.push(format!("--max-sockets-per-org={NO_LIMIT}").into());
    args
}

/// Where the programs are that a stack starts: in `directory`, else beside this program.
pub(crate) fn programs(directory: Option<&Path>) -> Result<PathBuf, String> {
    let beside = || std::env::current_exe().ok()?.parent().map(Path::to_owned);
    let programs = directory.map(Path::to_owned).or_else(beside).ok_or("cannot tell where this program is")?;
    for name in ["promptster-server", "embedded-clickhouse"] {
        if !programs.join(name).is_file() {
            return Err(format!(
                "{} is missing: `cargo build -p promptster-server -p embedded-clickhouse` makes it, --bin-dir names \
                 another place",
                programs.join(name).display()
            ));
        }
    }
    programs.canonicalize().map_err(|error| error.to_string())
}

/// Whether a GET of this path is answered 200.
pub(crate) async fn http_ok(port: u16, path: &str) -> bool {
    let url = format!("http://127.0.0.1:{port}{path}");
    let client = reqwest::Client::builder().timeout(Duration::from_secs(3)).no_proxy().build();
    let Ok(client) = client else { return false };
    client.get(url).send().await.is_ok_and(|answer| answer.status() == 200)
}

/// A port that nobody listens on, below those that connections are given: a node that is down for a moment must find its
/// own port free again.
pub(crate) fn free_port() -> Result<u16, String> {
    let mut tries = (0..1000).map(|_| rand::random_range(15_000..30_000));
    let port = tries.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    port.ok_or_else(|| "no free port".to_owned())
}
