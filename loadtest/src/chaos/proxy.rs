//! A TCP proxy whose weather can be changed while connections run through it: slow, stuck in one direction, cut, or cut
//! exactly between the execution of a request and its answer.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// The most bytes that are passed on at once.
const PIECE: usize = 32 << 10;

/// How one direction is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Way {
    /// Bytes pass at once.
    #[default]
    Clear,
    /// Each piece waits.
    Slow(Duration),
    /// Nothing passes; what was sent meanwhile passes when this ends, as after a lost packet.
    Stuck,
}

/// What happens to the connections of a proxy.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Weather {
    /// From the client to the server.
    pub(crate) up: Way,
    /// From the server to the client.
    pub(crate) down: Way,
    /// The share of answers in place of which the client gets the end of its connection.
    pub(crate) lose_answers: f64,
}

/// A proxy of one server on a port of 127.0.0.1; ends with the value.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    weather: watch::Sender<Weather>,
    /// Changes when all connections are to be cut.
    cuts: watch::Sender<u64>,
    lost_answers: AtomicU64,
}

impl Proxy {
    /// A proxy of what listens on `target` of 127.0.0.1.
    pub(crate) async fn start(target: u16) -> Result<Self, String> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| format!("a proxy: {error}"))?;
        let port = listener.local_addr().map_err(|error| format!("a proxy: {error}"))?.port();
        let shared = Arc::new(Shared {
            target: (Ipv4Addr::LOCALHOST, target).into(),
            weather: watch::Sender::default(),
            cuts: watch::Sender::default(),
            lost_answers: AtomicU64::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { port, shared, accepting })
    }

    /// Where clients connect.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Changes the weather for all connections, those that are and those to come.
    pub(crate) fn set(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// Cuts all connections.
    pub(crate) fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// How many answers were lost on purpose.
    pub(crate) fn n_lost_answers(&self) -> u64 {
        self.shared.lost_answers.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => drop(tokio::spawn(serve(client, Arc::clone(&shared)))),
            // Out of descriptors, perhaps: others will close.
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn serve(client: TcpStream, shared: Arc<Shared>) {
    let mut cuts = shared.cuts.subscribe();
    // A server that is not there is as one that hangs up.
    let Ok(server) = TcpStream::connect(shared.target).await else { return };
    // Without it small answers would wait for each other.
    if client.set_nodelay(true).is_err() || server.set_nodelay(true).is_err() {
        return;
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let up = pass(from_client, to_server, Direction::Up, &shared);
    let down = pass(from_server, to_client, Direction::Down, &shared);
    tokio::select! {
        // One side ended its sending: the other may still answer, unless the connection was cut.
        ended = async { tokio::try_join!(up, down) } => drop(ended),
        _ = cuts.changed() => {}
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

/// The connection is of no more use.
struct Cut;

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    direction: Direction,
    shared: &Shared,
) -> Result<(), Cut> {
    let mut weather = shared.weather.subscribe();
    let mut buffer = vec![0; PIECE];
    loop {
        let n = from.read(&mut buffer).await.map_err(|_| Cut)?;
        let way = |weather: &Weather| if direction == Direction::Up { weather.up } else { weather.down };
        let now = *weather.wait_for(|weather| way(weather) != Way::Stuck).await.map_err(|_| Cut)?;
        if let Way::Slow(delay) = way(&now) {
            sleep(delay).await;
        }
        let Some(piece) = buffer.get(..n).filter(|piece| !piece.is_empty()) else {
            return to.shutdown().await.map_err(|_| Cut);
        };
        if direction == Direction::Down && now.lose_answers > 0.0 && rand::random_bool(now.lose_answers.min(1.0)) {
            shared.lost_answers.fetch_add(1, Ordering::Relaxed);
            return Err(Cut);
        }
        to.write_all(piece).await.map_err(|_| Cut)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use tokio::time::timeout;

    /// A server that answers each byte by the same, and counts what it got.
    async fn echo() -> (u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let counted = Arc::clone(&counted);
                tokio::spawn(async move {
                    let mut byte = [0];
                    while client.read_exact(&mut byte).await.is_ok() {
                        counted.fetch_add(1, Ordering::SeqCst);
                        if client.write_all(&byte).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        (port, count)
    }

    async fn ask(client: &mut TcpStream) -> std::io::Result<u8> {
        client.write_all(b"x").await?;
        client.read_u8().await
    }

    async fn connect(proxy: &Proxy) -> TcpStream {
        TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap()
    }

    #[tokio::test]
    async fn a_lost_answer_is_one_to_a_request_that_was_executed() {
        let (port, count) = echo().await;
        let proxy = Proxy::start(port).await.unwrap();
        let mut client = connect(&proxy).await;
        assert_eq!(ask(&mut client).await.unwrap(), b'x');
        proxy.set(Weather { lose_answers: 1.0, ..Weather::default() });
        assert!(ask(&mut client).await.is_err());
        assert_eq!((count.load(Ordering::SeqCst), proxy.n_lost_answers()), (2, 1));
        proxy.set(Weather::default());
        assert_eq!(ask(&mut connect(&proxy).await).await.unwrap(), b'x');
    }

    #[tokio::test]
    async fn what_is_stuck_arrives_later_and_what_is_cut_never() {
        let (port, count) = echo().await;
        let proxy = Proxy::start(port).await.unwrap();
        let mut client = connect(&proxy).await;
        assert!(ask(&mut client).await.is_ok());
        proxy.set(Weather { up: Way::Stuck, ..Weather::default() });
        assert!(timeout(Duration::from_millis(100), ask(&mut client)).await.is_err());
        assert_eq!(count.load(Ordering::SeqCst), 1, "the request did not arrive");
        proxy.set(Weather { down: Way::Stuck, ..Weather::default() });
        assert!(timeout(Duration::from_millis(200), client.read_u8()).await.is_err());
        assert_eq!(count.load(Ordering::SeqCst), 2, "the request arrived, its answer did not");
        proxy.set(Weather { down: Way::Slow(Duration::from_millis(1)), ..Weather::default() });
        assert_eq!(client.read_u8().await.unwrap(), b'x');
        proxy.cut();
        assert!(ask(&mut client).await.is_err());
    }
}
