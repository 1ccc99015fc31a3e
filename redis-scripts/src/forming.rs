//! Making a Redis Cluster of servers that have just been started, or helping one back together that was started again.
//! Every step looks first at what is there, so that what a crash left half done is finished the next time.

use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, Cmd, aio::MultiplexedConnection};
use tokio::time::Instant;

use crate::{
    Error,
    cluster_map::{Member, members},
};

const SLOTS: usize = 16_384;

/// How long a node may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A server that is to be in a cluster.
#[derive(Debug, Clone)]
pub struct ClusterNode {
    /// `redis://[user:password@]host:port`
    pub url: String,
    /// What the others reach it by.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The port on which the nodes talk to each other.
    pub bus_port: u16,
}

/// Makes a cluster of `nodes`: as many masters as `n_masters`, the first of them if all are new, and the rest replicas,
/// spread evenly. Ends when every part has its master, and every master its replicas, as all nodes say. Tells which are
/// masters now.
///
/// # Errors
/// When a node does not answer, or that does not come to pass within `patience`.
pub async fn form_cluster(nodes: &[ClusterNode], n_masters: usize, patience: Duration) -> Result<Vec<bool>, Error> {
    let mut forming = Forming { connections: Vec::new(), nodes, until: Instant::now() + patience };
    for node in nodes {
        forming.connections.push(forming.connect(node).await?);
    }
    forming.share_slots(n_masters).await?;
    forming.introduce().await?;
    forming.assign_replicas().await?;
    forming.wait_until_whole(n_masters).await
}

struct Forming<'a> {
    nodes: &'a [ClusterNode],
    connections: Vec<MultiplexedConnection>,
    until: Instant,
}

impl Forming<'_> {
    /// A node may still be reading its files.
    async fn connect(&self, node: &ClusterNode) -> Result<MultiplexedConnection, Error> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN));
        let client = Client::open(node.url.as_str()).map_err(|error| Error::Refused(error.to_string()))?;
        loop {
            let opened = async {
                let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
                let () = cluster("MYID").query_async(&mut connection).await?;
                Ok::<_, Error>(connection)
            };
            match opened.await {
                Ok(connection) => return Ok(connection),
                Err(error) => self.pause(&format!("{}:{} to answer: {error}", node.host, node.port)).await?,
            }
        }
    }

    /// What each node sees.
    async fn views(&self) -> Result<Vec<Vec<Member>>, Error> {
        let mut views = Vec::new();
        for (node, connection) in self.nodes.iter().zip(&self.connections) {
            let view: String = cluster("NODES").query_async(&mut connection.clone()).await?;
            views.push(members(&view, &node.host));
        }
        Ok(views)
    }

    /// Gives out the slots, unless somebody knows of a master that has some: then they are given out, or that many of
    /// them as a crash allowed.
    async fn share_slots(&self, n_masters: usize) -> Result<(), Error> {
        let views = self.views().await?;
        let taken: Vec<(u16, u16)> = views.iter().flatten().flat_map(|member| member.slots.clone()).collect();
        for (number, connection) in self.connections.iter().enumerate().take(n_masters) {
            let (first, last) = (number * SLOTS / n_masters, (number + 1) * SLOTS / n_masters - 1);
            if taken.iter().any(|(known, _)| (first..=last).contains(&usize::from(*known))) {
                continue;
            }
            let mut connection = connection.clone();
            // Refused when it has one already. Without it all begin with the same, and have to settle that later.
            let _: Result<(), _> = cluster("SET-CONFIG-EPOCH").arg(number + 1).query_async(&mut connection).await;
            let () = cluster("ADDSLOTSRANGE").arg(first).arg(last).query_async(&mut connection).await?;
        }
        Ok(())
    }

    /// Makes everybody known to everybody, also at new addresses.
    async fn introduce(&self) -> Result<(), Error> {
        let mut last = None::<Instant>;
        loop {
            let views = self.views().await?;
            let is_known = |view: &Vec<Member>| {
                let addresses = self.nodes.iter().map(|node| format!("{}:{}", node.host, node.port));
                addresses.into_iter().all(|address| {
                    view.iter().any(|member| member.address == address && (member.is_connected || member.is_myself))
                })
            };
            if views.iter().all(is_known) {
                return Ok(());
            }
            if last.is_none_or(|at| at.elapsed() > Duration::from_secs(3)) {
                last = Some(Instant::now());
                for (place, connection) in self.connections.iter().enumerate() {
                    for (_, node) in self.nodes.iter().enumerate().filter(|(other, _)| *other != place) {
                        let mut meet = cluster("MEET");
                        meet.arg(&node.host).arg(node.port).arg(node.bus_port);
                        let () = meet.query_async(&mut connection.clone()).await?;
                    }
                }
            }
            self.pause("the nodes to know each other").await?;
        }
    }

    /// Makes masters that have nothing replicas of those that have the fewest.
    async fn assign_replicas(&self) -> Result<(), Error> {
        loop {
            let views = self.views().await?;
            let own: Vec<&Member> = views.iter().flatten().filter(|member| member.is_myself).collect();
            let masters = own.iter().filter(|member| member.is_master && !member.slots.is_empty());
            let idle = own.iter().position(|member| member.is_master && member.slots.is_empty());
            let Some(idle) = idle else { return Ok(()) };
            let n_replicas = |master: &Member| own.iter().filter(|one| one.master.as_ref() == Some(&master.id)).count();
            let needy = masters.min_by_key(|master| n_replicas(master));
            if let (Some(needy), Some(connection)) = (needy, self.connections.get(idle)) {
                let assigned: Result<(), redis::RedisError> =
                    cluster("REPLICATE").arg(&needy.id).query_async(&mut connection.clone()).await;
                if assigned.is_ok() {
                    continue;
                }
            }
            self.pause("the replicas to know their masters").await?;
        }
    }

    async fn wait_until_whole(&self, n_masters: usize) -> Result<Vec<bool>, Error> {
        loop {
            let (mut n_fine, mut n_online, mut masters) = (0, 0, Vec::new());
            for connection in &self.connections {
                let mut connection = connection.clone();
                let state: String = cluster("INFO").query_async(&mut connection).await?;
                let replication: String = redis::cmd("INFO").arg("replication").query_async(&mut connection).await?;
                n_fine += usize::from(state.contains("cluster_state:ok"));
                masters.push(replication.contains("role:master"));
                n_online += n_up_to_date(&replication);
            }
            if n_fine == self.nodes.len() && n_online >= self.nodes.len().saturating_sub(n_masters) {
                return Ok(masters);
            }
            self.pause(&format!("the cluster: {n_fine} nodes say it is whole, {n_online} replicas are up to date"))
                .await?;
        }
    }

    async fn pause(&self, what: &str) -> Result<(), Error> {
        if Instant::now() > self.until {
            return Err(Error::Unavailable(format!("waited in vain for {what}")));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        Ok(())
    }
}

/// How many replicas have all that their master has.
fn n_up_to_date(replication: &str) -> usize {
    let Some(end) = replication.lines().find_map(|line| line.strip_prefix("master_repl_offset:")) else { return 0 };
    let has_all = |line: &&str| {
        line.starts_with("slave") && line.contains("state=online") && line.contains(&format!(",offset={},", end.trim()))
    };
    replication.lines().filter(has_all).count()
}

fn cluster(subcommand: &str) -> Cmd {
    let mut command = redis::cmd("CLUSTER");
    command.arg(subcommand);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_counts_when_it_has_all() {
        let told = |state: &str, offset: u64| {
            format!(
                "role:master\r\nslave0:ip=127.0.0.1,port=1,state={state},offset={offset},lag=0\r\nmaster_repl_offset:70\r\n"
            )
        };
        assert_eq!(n_up_to_date(&told("online", 70)), 1);
        assert_eq!(n_up_to_date(&told("online", 7)), 0);
        assert_eq!(n_up_to_date(&told("wait_bgsave", 70)), 0);
    }
}
