//! How Redis is reached: a connection to whichever server has a partition, shared by all who ask something short, from a
//! pool for whatever else; commits go on lines of their own. A single server has all partitions, a Redis Cluster spreads
//! them over its masters.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;

use crate::{
    CommitLine, Error, Peppers,
    keys::{Partition, SecretDigest},
    lasting::LastingRuntime,
    routed::{Confirmation, Connection},
    routes::{Node, Nodes, Routes},
};

/// Where Redis is and how long it may take.
#[derive(Debug, Clone)]
pub struct Config {
    /// `redis://[user:password@]host:port[/db]`: the server, or nodes of a cluster, which tell of the others.
    pub urls: Vec<String>,
    /// Whether they are nodes of a Redis Cluster.
    pub cluster: bool,
    /// How many replicas must have a write before it counts as done. Of no use above the number that a master has.
    pub replicas: usize,
    /// Connections of the pool, to each server.
    pub pool_size: usize,
    /// How long any call may take, the way to a connection included.
    pub timeout: Duration,
    /// What secrets are hashed with.
    pub peppers: Peppers,
}

impl Config {
    /// The defaults for a server at `urls`, or for a cluster when they are several, separated by commas: 64 connections,
    /// 2 s; one replica in a cluster, none for a single server; no
    /// pepper.
    #[must_use]
    pub fn new(urls: impl AsRef<str>) -> Self {
        let urls = addresses(urls.as_ref());
        let cluster = urls.len() > 1;
        Self {
            urls,
            cluster,
            replicas: usize::from(cluster),
            pool_size: 64,
            timeout: Duration::from_secs(2),
            peppers: Peppers::default(),
        }
    }
}

/// The addresses in a list. A comma within one, e.g. in its password, does not end it.
fn addresses(list: &str) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    for part in list.split(',') {
        match addresses.last_mut() {
            Some(last) if !part.contains("://") => {
                last.push(',');
                last.push_str(part);
            }
            _ => addresses.push(part.trim().to_owned()),
        }
    }
    addresses
}

/// A handle to Redis; cheap to clone.
#[derive(Debug, Clone)]
pub struct Redis(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    routes: Arc<Routes>,
    confirmation: Option<Confirmation>,
    timeout: Duration,
    runtime: LastingRuntime,
    peppers: Peppers,
}

/// One connection to each server that has some of the asked partitions.
pub(crate) struct Connections(Vec<(Arc<Node>, Result<Connection, Error>)>, Vec<Option<Arc<Node>>>);

impl Connections {
    /// The connection to the server of a partition. Those of one server share it, and so a round trip.
    pub(crate) fn to(&self, partition: Partition) -> Result<Connection, Error> {
        let node = self.1.get(partition.index()).and_then(Option::as_ref);
        let found = node.and_then(|node| self.0.iter().find(|(known, _)| Arc::ptr_eq(known, node)));
        match found {
            Some((_, Ok(connection))) => Ok(connection.to(partition)),
            Some((_, Err(Error::Unavailable(cause)))) => Err(Error::Unavailable(cause.clone())),
            Some((_, Err(error))) => Err(Error::Unavailable(error.to_string())),
            None => Err(no_server(partition)),
        }
    }
}

impl Connections {
    /// Without the servers that take no writes, such as a master that has no replica.
    async fn writable(mut self) -> Self {
        join_all(self.0.iter_mut().map(|(_, connection)| async move {
            if let Ok(open) = connection
                && let Err(error) = open.probe().await
            {
                *connection = Err(error);
            }
        }))
        .await;
        self
    }
}

impl Redis {
    /// Prepares the pools; connects on first use.
    ///
    /// # Errors
    /// When an address cannot be understood, or no thread can be started.
    pub fn new(config: &Config) -> Result<Self, Error> {
        let runtime = LastingRuntime::start().map_err(|error| Error::Refused(error.to_string()))?;
        let nodes = Nodes::new(config, runtime.clone())?;
        let routes = Arc::new(if config.cluster { Routes::cluster(nodes) } else { Routes::single(nodes)? });
        let confirmation = (config.replicas > 0).then(|| Confirmation {
            replicas: config.replicas,
            within: config.timeout.min(Duration::from_secs(2)) / 2,
        });
        Ok(Self(Arc::new(Inner {
            routes,
            confirmation,
            timeout: config.timeout,
            runtime,
            peppers: config.peppers.clone(),
        })))
    }

    /// What a new secret is stored as.
    #[must_use]
    pub fn digest(&self, secret: &str) -> SecretDigest {
        self.0.peppers.digest(secret)
    }

    /// What a secret may be stored as, the newest way first: peppers come and go, secrets stay as they were stored.
    pub fn digests(&self, secret: &str) -> impl Iterator<Item = SecretDigest> {
        self.0.peppers.digests(secret)
    }

    /// A connection of the pool to the server of `partition`, for calls that do not block.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none can be had in time.
    pub async fn connection(&self, partition: Partition) -> Result<Connection, Error> {
        let node = self.node(partition).await?;
        self.pooled(node, partition).await
    }

    /// A connection to the server of `partition` for short questions, which others ask on it at the same time.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none can be had in time.
    pub(crate) async fn reader(&self, partition: Partition) -> Result<Connection, Error> {
        let node = self.node(partition).await?;
        let line = node.shared(&self.0.runtime).await.inspect_err(|_| self.0.routes.doubt())?;
        Ok(Connection::shared(line, self.clone(), node, partition))
    }

    /// A connection for what must not be lost: a call on it has succeeded only when as many replicas have what it wrote,
    /// or found written, as are [asked for](Config::replicas).
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none can be had in time.
    pub async fn writer(&self, partition: Partition) -> Result<Connection, Error> {
        Ok(self.connection(partition).await?.confirming(self.0.confirmation))
    }

    /// A line on which committers commit that share a runtime; that one drives it.
    #[must_use]
    pub fn commit_line(&self) -> CommitLine {
        CommitLine::new(self.clone())
    }

    /// A connection to each server that has some of `partitions`.
    pub(crate) async fn connections(&self, partitions: impl IntoIterator<Item = Partition>) -> Connections {
        let mut nodes: Vec<(Arc<Node>, Partition)> = Vec::new();
        let mut places = vec![None; usize::from(crate::keys::PARTITIONS)];
        for partition in partitions {
            let Ok(node) = self.node(partition).await else { continue };
            if !nodes.iter().any(|(known, _)| Arc::ptr_eq(known, &node)) {
                nodes.push((node.clone(), partition));
            }
            if let Some(place) = places.get_mut(partition.index()) {
                *place = Some(node);
            }
        }
        let opened = nodes.into_iter().map(|(node, partition)| async move {
            let connection = self.pooled(node.clone(), partition).await;
            (node, connection)
        });
        Connections(join_all(opened).await, places)
    }

    /// As [`Self::connections`], to servers that take writes.
    pub(crate) async fn writable(&self, partitions: impl IntoIterator<Item = Partition>) -> Connections {
        let connections = self.connections(partitions).await;
        // A server of its own says so with the first write.
        if self.is_cluster() { connections.writable().await } else { connections }
    }

    /// As [`Self::connections`], for what must not be lost.
    pub(crate) async fn writers(&self, partitions: impl IntoIterator<Item = Partition>) -> Connections {
        let mut connections = self.connections(partitions).await;
        for (_, connection) in &mut connections.0 {
            let taken = std::mem::replace(connection, Err(Error::Unavailable(String::new())));
            *connection = taken.map(|connection| connection.confirming(self.0.confirmation));
        }
        connections
    }

    /// Whether Redis is a cluster, in which no call spans partitions.
    pub(crate) fn is_cluster(&self) -> bool {
        self.0.routes.is_cluster()
    }

    /// Asks every server that has partitions, all at once; what those say that answer, or the error when none does.
    pub(crate) async fn ask_each_server<T>(
        &self,
        ask: impl AsyncFn(Connection) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let connections = self.connections(Partition::all()).await;
        let asked = connections.0.into_iter().map(|(_, connection)| async { ask(connection?).await });
        let answers = join_all(asked).await;
        if answers.is_empty() {
            Err(Error::Unavailable("no server was found".into()))
        } else {
            those_that_answered(answers)
        }
    }

    /// A connection that receives what is published: of any server, since each passes on what another was told. The runtime
    /// of the caller drives it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Redis cannot be reached in time.
    pub async fn subscriber(&self) -> Result<redis::aio::PubSub, Error> {
        let node = self.0.routes.any().await?;
        let subscribed = tokio::time::timeout(self.0.timeout, node.subscribe_here()).await;
        let subscribed = subscribed.unwrap_or_else(|_| Err(Error::Unavailable("connecting took too long".into())));
        subscribed.inspect_err(|_| self.0.routes.doubt())
    }

    /// Whether Redis answers; in a cluster, whether any master does.
    ///
    /// # Errors
    /// [`Error`] when it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        let ping = async |mut connection: Connection| Ok(redis::cmd("PING").query_async(&mut connection).await?);
        self.ask_each_server(ping).await.map(|answers: Vec<()>| answers.into_iter().collect())
    }

    async fn pooled(&self, node: Arc<Node>, partition: Partition) -> Result<Connection, Error> {
        let held = node.pooled().await.inspect_err(|_| self.0.routes.doubt())?;
        Ok(Connection::pooled(held, self.clone(), node, partition))
    }

    pub(crate) fn confirmation(&self) -> Option<Confirmation> {
        self.0.confirmation
    }

    pub(crate) fn runtime(&self) -> &LastingRuntime {
        &self.0.runtime
    }

    pub(crate) async fn node(&self, partition: Partition) -> Result<Arc<Node>, Error> {
        let found = tokio::time::timeout(self.0.timeout, self.0.routes.node(partition)).await;
        found.ok().flatten().ok_or_else(|| no_server(partition))
    }

    pub(crate) fn routes(&self) -> &Arc<Routes> {
        &self.0.routes
    }
}

fn no_server(partition: Partition) -> Error {
    Error::Unavailable(format!("no server is known to have partition {}", partition.index()))
}

/// The answers of those that answered; the first error when nobody did.
///
/// # Errors
/// When there are errors only, or an error that is none of reaching the server.
pub(crate) fn those_that_answered<T>(answers: Vec<Result<T, Error>>) -> Result<Vec<T>, Error> {
    let (mut found, mut away) = (Vec::with_capacity(answers.len()), None);
    for answer in answers {
        match answer {
            Ok(answer) => found.push(answer),
            Err(error @ Error::Unavailable(_)) => away = away.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    match away {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_addresses_are_a_cluster() {
        let one = Config::new("redis://:a,b@host:1");
        assert_eq!(
            (one.urls.as_slice(), one.cluster, one.replicas),
            (["redis://:a,b@host:1".to_owned()].as_slice(), false, 0)
        );
        let two = Config::new("redis://:a,b@one:1, redis://two:2");
        assert_eq!((two.urls.len(), two.cluster, two.replicas), (2, true, 1));
        assert_eq!(two.urls, ["redis://:a,b@one:1", "redis://two:2"]);
    }
}
