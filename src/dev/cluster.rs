//! `promptster-server cluster`: many nodes on one machine, to be tried out and hurt. A Redis Cluster, a ClickHouse, three
//! servers as children, and a balancer in front of them. Everything lies below `<data-dir>/cluster`: the stores of `dev`
//! and of `cluster` know nothing of each other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clickhouse_schema::EventLog;
use futures_util::future::join_all;
use redis_scripts::Redis;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::balancer::Balancer;
use super::child::LOOK_AGAIN;
use super::data_dir::{DataDir, remove_if_there};
use super::files;
use super::node::Node;
use super::stores::{self, Stores};
use super::supervised::Supervised;
use super::{demo, ports, rebuild, told, welcome};
use crate::config::DevOptions;
use crate::{serve, shutdown, whole};

/// The nodes.
const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];

/// How long a new cluster may refuse writes.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);

/// Runs until it is told to stop.
///
/// # Errors
/// When something that is needed cannot be had: the data directory, the address, a store, a node.
pub async fn run(options: &DevOptions) -> anyhow::Result<()> {
    let stop = shutdown::requested()?;
    let data_dir = DataDir::open(&options.http.data_dir.join("cluster"))?;
    let dev_file = data_dir.join("dev.json");
    remove_if_there(&dev_file)?;
    let listener = serve::listen(options.http.listen)?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let stores = Stores::start_cluster(&options.children, &data_dir).await?;
    let outcome = run_on(&stores, stop, options, &data_dir, listener).await;
    stores.stop().await;
    remove_if_there(&dev_file)?;
    outcome
}

async fn run_on(
    stores: &Stores,
    stop: impl Future<Output = ()>,
    options: &DevOptions,
    data_dir: &DataDir,
    listener: tokio::net::TcpListener,
) -> anyhow::Result<()> {
    let mut stop = std::pin::pin!(stop);
    let address = listener.local_addr()?;
    let masters = tokio::select! {
        masters = prepare(stores, options) => masters?,
        () = &mut stop => return Ok(()),
    };
    let (nodes, balancer) = start_nodes(stores, data_dir, address).await?;
    let asking = tokio::spawn({
        let balancer = balancer.clone();
        async move { balancer.ask().await }
    });
    let started = tokio::select! {
        started = tell(stores, &nodes, &balancer, options, data_dir, (address, &masters)) => started.map(Some),
        () = &mut stop => Ok(None),
    };
    let outcome = match started {
        Ok(Some(news)) => {
            let (close, closed) = oneshot::channel::<()>();
            let passing = balancer.run(listener, async { drop(closed.await) });
            let stopping = async {
                stop.await;
                drop(close);
                // They say goodbye to whoever is connected, through the balancer.
                join_all(nodes.into_iter().map(Supervised::stop)).await;
            };
            tokio::join!(passing, stopping);
            news.abort();
            news.await.ok();
            Ok(())
        }
        ended => {
            join_all(nodes.into_iter().map(Supervised::stop)).await;
            ended.map(drop)
        }
    };
    asking.abort();
    outcome
}

/// Waits for the nodes, and tells the person at the terminal and other programs what runs where.
async fn tell(
    stores: &Stores,
    nodes: &[Supervised],
    balancer: &Balancer,
    options: &DevOptions,
    data_dir: &DataDir,
    (address, masters): (SocketAddr, &[bool]),
) -> anyhow::Result<JoinHandle<()>> {
    stores::ready("three nodes", nodes, || async { balancer.all_are_ready() }).await?;
    let redis = Redis::new(&stores.redis)?;
    let kept = data_dir.join("demo.json");
    let demo = insist(|| demo::credentials(&redis, &kept)).await.context("cannot create the demo organisation")?;
    let mut conditions = stores.conditions();
    conditions.extend(nodes.iter().map(Supervised::condition));
    let file = told::file(format!("http://{address}"), demo, stores, &conditions);
    let path = data_dir.join("dev.json");
    files::write(&path, &file)?;
    let below = options.http.data_dir.join("cluster");
    let roles = masters.iter().map(|is_master| if *is_master { "master" } else { "replica" });
    let members = stores.members.iter().zip(roles).map(|(member, role)| format!("127.0.0.1:{} {role}", member.port));
    let places: Vec<String> = members.chain(["".to_owned()]).chain(balancer.addresses()).collect();
    let processes = conditions.iter().zip(places).map(|((name, condition), place)| {
        let pid = condition.borrow().pid.map_or_else(String::new, |pid| pid.to_string());
        format!("  {name:<11} process {pid:<8} {place}\n")
    });
    let processes: String = processes.collect();
    stores::say(&welcome::of_cluster(&file, &below, &processes)?);
    Ok(tokio::spawn(told::keep_up_to_date(path, file, conditions)))
}

/// The stores, with their tables, and what they held before. Which members of the Redis Cluster are masters.
async fn prepare(stores: &Stores, options: &DevOptions) -> anyhow::Result<Vec<bool>> {
    let masters = stores.ready().await?;
    let (redis, log) = (Redis::new(&stores.redis)?, EventLog::new(&stores.clickhouse));
    log.migrate().await.context("cannot bring the tables of ClickHouse up to date")?;
    if options.rebuild_redis {
        rebuild(options, stores).await?;
    }
    let is_whole = insist(|| async { Ok(whole::look(&redis, &log).await?) }).await?;
    ensure!(is_whole, "{}", whole::REMEDY);
    Ok(masters)
}

/// Tries until it succeeds, or for so long: replicas that have just come up may be slow to confirm the first writes.
async fn insist<T, F: Future<Output = anyhow::Result<T>>>(attempt: impl Fn() -> F) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        match attempt().await {
            Err(_) if started.elapsed() < SETTLED_WITHIN => tokio::time::sleep(LOOK_AGAIN).await,
            outcome => return outcome,
        }
    }
}

async fn start_nodes(
    stores: &Stores,
    data_dir: &DataDir,
    address: SocketAddr,
) -> anyhow::Result<(Vec<Supervised>, Arc<Balancer>)> {
    let public_url = format!("http://{address}");
    let (mut nodes, mut addresses) = (Vec::new(), Vec::new());
    for name in NODES {
        let port = ports::one(None)?;
        let node = Node::prepare(name, data_dir, port, stores, &public_url)?;
        nodes.push(Supervised::start(node, data_dir).await?);
        addresses.push(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    Ok((nodes, Balancer::new(addresses)))
}
