//! Which server has which partition, and the pool of each. In a cluster that is asked of its nodes at first, and again
//! whenever a call fails or says that something moved, but not more often than ten times a second.

use std::{
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use deadpool_redis::{Runtime, Timeouts};
use futures_util::future::join_all;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion,
    aio::{AsyncPushSender, MultiplexedConnection, PubSub},
};
use tokio::time::Instant;

use crate::{
    CandidateKey, Config, Error,
    cluster_map::ClusterMap,
    keys::{PARTITIONS, Partition},
    lasting::LastingRuntime,
    pool::{Held, Manager, Pool},
    remembered::Remembered,
    shared::{Shared, Slot},
};

/// How soon the nodes are asked again.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(100);

/// How often, and for how long after the last trouble, they are asked again by themselves.
const LOOK_AGAIN_EVERY: Duration = Duration::from_millis(250);
const DOUBT_FOR: Duration = Duration::from_secs(10);

/// How long one node may take to say what it knows.
const TELL_WITHIN: Duration = Duration::from_millis(500);

/// How many nodes are asked at once.
const ASKED_AT_ONCE: usize = 6;

/// One server.
#[derive(Debug)]
pub(crate) struct Node {
    /// `host:port`, or empty when there is no other.
    address: String,
    client: Client,
    pool: Pool,
    shared: Shared,
    /// The candidate keys that it was asked about, as long as it promises to tell of their changes.
    pub(crate) candidate_keys: Remembered<CandidateKey>,
    timeout: Duration,
}

impl Node {
    pub(crate) async fn pooled(&self) -> Result<Held, Error> {
        Ok(self.pool.get().await?)
    }

    /// A connection that others use as well.
    pub(crate) async fn shared(&self, runtime: &LastingRuntime) -> Result<(Arc<Slot>, MultiplexedConnection), Error> {
        self.shared.line(|| self.open(runtime)).await
    }

    async fn open(&self, runtime: &LastingRuntime) -> Result<MultiplexedConnection, Error> {
        connect(runtime, self.client.clone(), connection_config(self.timeout)).await
    }

    /// A connection on which the server may say something unasked; `told` is how that is heard.
    pub(crate) async fn open_telling(
        &self,
        runtime: &LastingRuntime,
        told: impl AsyncPushSender,
    ) -> Result<MultiplexedConnection, Error> {
        let info = self.client.get_connection_info().clone();
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(settings))?;
        connect(runtime, client, connection_config(self.timeout).set_push_sender(told)).await
    }

    /// A connection that the runtime of the caller drives.
    pub(crate) async fn open_here(&self) -> Result<MultiplexedConnection, Error> {
        let config = connection_config(self.timeout);
        Ok(self.client.get_multiplexed_async_connection_with_config(&config).await?)
    }

    /// A subscription that the runtime of the caller drives.
    pub(crate) async fn subscribe_here(&self) -> Result<PubSub, Error> {
        Ok(self.client.get_async_pubsub().await?)
    }
}

/// How servers are reached, whichever they are.
#[derive(Debug)]
pub(crate) struct Nodes {
    seeds: Vec<ConnectionInfo>,
    pool_size: usize,
    timeout: Duration,
    runtime: LastingRuntime,
}

impl Nodes {
    pub(crate) fn new(config: &Config, runtime: LastingRuntime) -> Result<Self, Error> {
        let parse =
            |url: &String| url.as_str().into_connection_info().map_err(|error| Error::Refused(error.to_string()));
        let seeds = config.urls.iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { seeds, pool_size: config.pool_size, timeout: config.timeout, runtime })
    }

    fn node(&self, address: String, info: ConnectionInfo) -> Result<Node, Error> {
        let refused = |error: &dyn std::fmt::Display| Error::Refused(error.to_string());
        let client = Client::open(info.clone()).map_err(|error| refused(&error))?;
        let manager = Manager::new(info, connection_config(self.timeout), self.runtime.clone())
            .map_err(|error| refused(&error))?;
        let timeout = Some(self.timeout);
        let pool = Pool::builder(manager)
            .max_size(self.pool_size)
            .timeouts(Timeouts { wait: timeout, create: timeout, recycle: timeout })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| refused(&error))?;
        Ok(Node {
            address,
            client,
            pool,
            shared: Shared::new(),
            candidate_keys: Remembered::new(),
            timeout: self.timeout,
        })
    }

    /// How the node at `address` of the cluster is reached: as the first seed is, apart from the address.
    fn member(&self, address: &str) -> Option<ConnectionInfo> {
        let (host, port) = address.rsplit_once(':')?;
        let info = self.seeds.first()?.clone();
        Some(info.set_addr(ConnectionAddr::Tcp(host.to_owned(), port.parse().ok()?)))
    }

    /// What a node says of the cluster.
    async fn ask(&self, info: ConnectionInfo) -> Option<(String, String)> {
        let ConnectionAddr::Tcp(host, _) = info.addr().clone() else { return None };
        let ask = async move {
            let client = Client::open(info)?;
            let config = connection_config(TELL_WITHIN);
            let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            redis::cmd("CLUSTER").arg("NODES").query_async::<String>(&mut connection).await
        };
        let asked = tokio::time::timeout(TELL_WITHIN, self.runtime.run(ask)).await;
        Some((asked.ok()?.ok()?.ok()?, host))
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Routes {
    nodes: Nodes,
    is_cluster: bool,
    // Not a tokio lock: it is held for a look-up only, never across an await.
    known: RwLock<Known>,
    last_look: tokio::sync::Mutex<Option<Instant>>,
    doubted: RwLock<Option<Instant>>,
    looking: AtomicBool,
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Known {
    owners: Vec<Option<Arc<Node>>>,
    members: Vec<String>,
}

impl Routes {
    /// One server that has everything.
    pub(crate) fn single(nodes: Nodes) -> Result<Self, Error> {
        let Some(seed) = nodes.seeds.first().cloned() else { return Err(Error::Refused("no address".into())) };
        let node = Arc::new(nodes.node(String::new(), seed)?);
        Ok(Self::new(nodes, false, vec![Some(node); usize::from(PARTITIONS)]))
    }

    /// A cluster of which nothing is known yet but where to ask.
    pub(crate) fn cluster(nodes: Nodes) -> Self {
        Self::new(nodes, true, vec![None; usize::from(PARTITIONS)])
    }

    fn new(nodes: Nodes, is_cluster: bool, owners: Vec<Option<Arc<Node>>>) -> Self {
        Self {
            nodes,
            is_cluster,
            known: RwLock::new(Known { owners, members: Vec::new() }),
            last_look: tokio::sync::Mutex::default(),
            doubted: RwLock::default(),
            looking: AtomicBool::new(false),
            turn: AtomicUsize::new(0),
        }
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    /// The server of a partition; `None` when the cluster does not say.
    pub(crate) async fn node(&self, partition: Partition) -> Option<Arc<Node>> {
        if let Some(node) = self.known(partition) {
            return Some(node);
        }
        self.look().await;
        self.known(partition)
    }

    /// Any server, another one each time.
    pub(crate) async fn any(&self) -> Result<Arc<Node>, Error> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut found: Vec<Arc<Node>> = Vec::new();
        for partition in Partition::all() {
            let node = self.node(partition).await;
            found.extend(node.filter(|node| !found.iter().any(|known| Arc::ptr_eq(known, node))));
        }
        let place = turn.checked_rem(found.len()).unwrap_or(0);
        found.get(place).cloned().ok_or_else(|| Error::Unavailable("no server was found".into()))
    }

    /// Believes a server that says where a partition is now.
    pub(crate) fn follow(&self, partition: Partition, address: &str, told_by: &Node) {
        let own_host = told_by.address.rsplit_once(':').map_or("", |(host, _)| host);
        let address = if address.starts_with(':') { format!("{own_host}{address}") } else { address.to_owned() };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let node = self.at(&known, &address);
        if let (Some(owner), Some(node)) = (known.owners.get_mut(partition.index()), node) {
            *owner = Some(node);
        }
    }

    /// Asks the nodes again and again, beside everything else, until there was no trouble for a while: a failover takes
    /// some seconds, and nobody tells of it.
    pub(crate) fn doubt(self: &Arc<Self>) {
        if !self.is_cluster {
            return;
        }
        *self.doubted.write().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        if !self.looking.swap(true, Ordering::Relaxed) {
            self.nodes.runtime.start_beside(look_for_a_while(Arc::downgrade(self)));
        }
    }

    fn is_doubted(&self) -> bool {
        let doubted = *self.doubted.read().unwrap_or_else(PoisonError::into_inner);
        doubted.is_some_and(|at| at.elapsed() < DOUBT_FOR)
    }

    fn known(&self, partition: Partition) -> Option<Arc<Node>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.owners.get(partition.index())?.clone()
    }

    /// The node at an address: the one that is known, with its pool, or a new one.
    fn at(&self, known: &Known, address: &str) -> Option<Arc<Node>> {
        if let Some(node) = known.owners.iter().flatten().find(|node| node.address == address) {
            return Some(node.clone());
        }
        let info = self.nodes.member(address)?;
        self.nodes.node(address.to_owned(), info).ok().map(Arc::new)
    }

    /// Asks some nodes where everything is, unless that was done a moment ago.
    async fn look(&self) {
        if !self.is_cluster {
            return;
        }
        let mut last_look = self.last_look.lock().await;
        if last_look.is_some_and(|at| at.elapsed() < LOOK_AT_MOST_EVERY) {
            return;
        }
        let members = self.known.read().unwrap_or_else(PoisonError::into_inner).members.clone();
        let members = members.iter().filter_map(|address| self.nodes.member(address));
        let candidates: Vec<ConnectionInfo> = members.chain(self.nodes.seeds.iter().cloned()).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let first = turn.checked_rem(candidates.len()).unwrap_or(0);
        let asked = candidates.into_iter().cycle().skip(first).take(ASKED_AT_ONCE);
        let views = join_all(asked.map(|info| self.nodes.ask(info))).await;
        let mut map = ClusterMap::default();
        for (view, host) in views.into_iter().flatten() {
            map.add_view(&view, &host);
        }
        if !map.members.is_empty() {
            self.learn(&map);
        }
        *last_look = Some(Instant::now());
    }

    fn learn(&self, map: &ClusterMap) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut learnt = Known { owners: known.owners.clone(), members: map.members.clone() };
        for partition in Partition::all() {
            let node = map.owner(partition).and_then(|address| self.at(&learnt, address));
            if let (Some(owner), Some(node)) = (learnt.owners.get_mut(partition.index()), node) {
                *owner = Some(node);
            }
        }
        *known = learnt;
    }
}

async fn look_for_a_while(routes: Weak<Routes>) {
    while let Some(routes) = routes.upgrade() {
        routes.look().await;
        if !routes.is_doubted() {
            routes.looking.store(false, Ordering::Relaxed);
            return;
        }
        drop(routes);
        tokio::time::sleep(LOOK_AGAIN_EVERY).await;
    }
}

async fn connect(
    runtime: &LastingRuntime,
    client: Client,
    config: AsyncConnectionConfig,
) -> Result<MultiplexedConnection, Error> {
    let connect = async move { client.get_multiplexed_async_connection_with_config(&config).await };
    Ok(runtime.run(connect).await??)
}

fn connection_config(timeout: Duration) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(timeout)).set_response_timeout(Some(timeout))
}
