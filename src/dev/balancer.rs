//! A small balancer: passes the bytes of each connection to one of the nodes that say they are ready, each in turn, and
//! knows nothing of what is in them. So WebSocket and Server-Sent Events pass as anything else does.
//!
//! A node that is not ready gets no new connections, and keeps those that it has until they end. When no node is ready all
//! are tried, since a node that cannot do everything may still do what is asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How often each node is asked whether it is ready, and how long it may take to answer or to accept.
const ASK_EVERY: Duration = Duration::from_millis(250);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How long connections may go on when the balancer stops. The nodes have ended theirs by then.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

const NOBODY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Nodes, and whose turn it is.
#[derive(Debug)]
pub struct Balancer {
    nodes: Vec<Node>,
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Node {
    address: SocketAddr,
    is_ready: AtomicBool,
}

impl Balancer {
    /// Nodes, of which none is ready yet.
    #[must_use]
    pub fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Arc<Self> {
        let nodes = addresses.into_iter().map(|address| Node { address, is_ready: AtomicBool::new(false) });
        Arc::new(Self { nodes: nodes.collect(), turn: AtomicUsize::new(0) })
    }

    /// Whether every node was ready when it was asked last.
    #[must_use]
    pub fn all_are_ready(&self) -> bool {
        self.nodes.iter().all(|node| node.is_ready.load(Ordering::Relaxed))
    }

    /// Where the nodes are.
    pub fn addresses(&self) -> impl Iterator<Item = String> {
        self.nodes.iter().map(|node| node.address.to_string())
    }

    /// Asks the nodes, for ever.
    pub async fn ask(&self) {
        loop {
            join_all(self.nodes.iter().map(|node| async { node.note(is_ready(node.address).await) })).await;
            sleep(ASK_EVERY).await;
        }
    }

    /// Passes connections on until `stop`, then waits for those that are left.
    pub async fn run(self: Arc<Self>, listener: TcpListener, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((client, _)) => {
                        connections.spawn(self.clone().pass(client));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept");
                        sleep(ASK_EVERY).await;
                    }
                },
            }
        }
        drop(listener);
        timeout(DRAIN_WITHIN, async { while connections.join_next().await.is_some() {} }).await.ok();
    }

    async fn pass(self: Arc<Self>, mut client: TcpStream) {
        client.set_nodelay(true).ok();
        match self.connect().await {
            Some(mut node) => {
                // How it ends is for the two of them to know.
                copy_bidirectional(&mut client, &mut node).await.ok();
            }
            None => refuse(client).await,
        }
    }

    /// A connection to the next node that is ready, or, when none is, that accepts.
    async fn connect(&self) -> Option<TcpStream> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed).checked_rem(self.nodes.len())?;
        let (after, before) = self.nodes.split_at_checked(turn).map(|(before, after)| (after, before))?;
        let in_turn = || after.iter().chain(before);
        let (ready, others): (Vec<&Node>, Vec<&Node>) =
            in_turn().partition(|node| node.is_ready.load(Ordering::Relaxed));
        for node in ready.into_iter().chain(others) {
            if let Ok(Ok(connection)) = timeout(ANSWER_WITHIN, TcpStream::connect(node.address)).await {
                connection.set_nodelay(true).ok();
                return Some(connection);
            }
            node.note(false);
        }
        None
    }
}

impl Node {
    fn note(&self, is_ready: bool) {
        match (self.is_ready.swap(is_ready, Ordering::Relaxed), is_ready) {
            (true, false) => tracing::warn!(address = %self.address, "a node is not ready"),
            (false, true) => tracing::debug!(address = %self.address, "a node is ready"),
            _ => {}
        }
    }
}

async fn is_ready(address: SocketAddr) -> bool {
    let ask = async {
        let mut connection = TcpStream::connect(address).await?;
        let question = format!("GET /v1/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        connection.write_all(question.as_bytes()).await?;
        let mut answer = [0; 12];
        connection.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(&answer == b"HTTP/1.1 200")
    };
    matches!(timeout(ANSWER_WITHIN, ask).await, Ok(Ok(true)))
}

/// Says that nobody is there, and reads what is left, since a connection that is closed over something unread is reset.
async fn refuse(mut client: TcpStream) {
    let say = async {
        client.write_all(NOBODY).await?;
        client.shutdown().await?;
        tokio::io::copy(&mut client, &mut tokio::io::sink()).await
    };
    timeout(ANSWER_WITHIN, say).await.ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node that answers each connection with its name, and whether it is ready.
    async fn node(name: &'static str, ready: &'static AtomicBool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let mut question = [0; 64];
                    let n = connection.read(&mut question).await.unwrap();
                    let status = if ready.load(Ordering::Relaxed) { "200" } else { "503" };
                    let is_probe = question[..n].starts_with(b"GET /v1/ready");
                    let answer = if is_probe { format!("HTTP/1.1 {status} \r\n\r\n") } else { name.to_owned() };
                    connection.write_all(answer.as_bytes()).await.unwrap();
                });
            }
        });
        address
    }

    async fn answer(address: SocketAddr) -> String {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(b"hello").await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[actix_web::test]
    async fn connections_go_in_turn_to_those_that_are_ready_and_to_any_when_none_is() {
        static READY: [AtomicBool; 3] = [const { AtomicBool::new(true) }; 3];
        let nodes = [node("a", &READY[0]).await, node("b", &READY[1]).await, node("c", &READY[2]).await];
        let balancer = Balancer::new(nodes);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asking = tokio::spawn({
            let balancer = balancer.clone();
            async move { balancer.ask().await }
        });
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(balancer.clone().run(listener, async { stopped.await.unwrap() }));
        while !balancer.all_are_ready() {
            sleep(Duration::from_millis(5)).await;
        }
        let six = async || {
            let mut answers = Vec::new();
            for _ in 0..6 {
                answers.push(answer(address).await);
            }
            answers.sort();
            answers.concat()
        };
        assert_eq!(six().await, "aabbcc");
        READY[1].store(false, Ordering::Relaxed);
        while balancer.all_are_ready() {
            sleep(Duration::from_millis(5)).await;
        }
        assert!(!six().await.contains('b'));
        READY.iter().for_each(|ready| ready.store(false, Ordering::Relaxed));
        while balancer.nodes.iter().any(|node| node.is_ready.load(Ordering::Relaxed)) {
            sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(six().await, "aabbcc", "a node that is not ready is better than none");
        stop.send(()).unwrap();
        running.await.unwrap();
        asking.abort();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[actix_web::test]
    async fn when_nobody_is_there_the_answer_is_503() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let balancer = Balancer::new(["127.0.0.1:1".parse().unwrap()]);
        let running = tokio::spawn(balancer.run(listener, std::future::pending()));
        assert!(answer(address).await.starts_with("HTTP/1.1 503 "));
        running.abort();
    }
}
