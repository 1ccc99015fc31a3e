//! Sockets in great number: some that are quiet and answer pings, and some that never read what they are sent.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::api::Api;
use crate::setup::Seat;
use crate::socket;

/// Sockets that are opened at once.
const AT_ONCE: usize = 64;
/// How often a socket is tried again that is not let in at once: so many come at the same time.
const TRIES: u32 = 20;
/// How long to wait between two tries, where the server does not say.
const PAUSE: Duration = Duration::from_millis(300);

/// Sockets that are quiet and answer pings; they close with the value.
pub(crate) struct Quiet {
    reading: JoinSet<()>,
    n_open: Arc<AtomicUsize>,
}

impl Quiet {
    /// Opens two for each seat: its candidate, and a watcher of it.
    pub(crate) async fn open(api: &Api, seats: &[Seat]) -> Result<Self, String> {
        let kinds = seats.iter().flat_map(|seat| [(seat, true), (seat, false)]);
        let open = |(seat, is_candidate): (&Seat, bool)| {
            let (path, header, credential) = match is_candidate {
                true => ("/v1/stream".to_owned(), "x-api-key", seat.credential.clone()),
                false => {
                    (format!("/v1/sessions/{}/live?after=live", seat.session), "authorization", api.authorization())
                }
            };
            let url = api.socket_url(&path);
            async move {
                let mut left = TRIES;
                loop {
                    match Box::pin(socket::open_small(&url, header, &credential)).await {
                        Err(lost) if left > 0 => sleep(lost.wait.unwrap_or(PAUSE)).await,
                        opened => return opened,
                    }
                    left -= 1;
                }
            }
        };
        let mut opened = stream::iter(kinds).map(open).buffer_unordered(AT_ONCE);
        let (mut reading, n_open) = (JoinSet::new(), Arc::new(AtomicUsize::default()));
        while let Some(socket) = opened.next().await {
            let mut socket = socket.map_err(|lost| format!("a socket is not opened: {}", lost.reason))?;
            n_open.fetch_add(1, Ordering::Relaxed);
            let n_open = Arc::clone(&n_open);
            // Reading answers pings.
            reading.spawn(async move {
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_close() {
                        break;
                    }
                }
                n_open.fetch_sub(1, Ordering::Relaxed);
            });
        }
        Ok(Self { reading, n_open })
    }

    /// How many are open still.
    pub(crate) fn n_open(&self) -> usize {
        self.n_open.load(Ordering::Relaxed).min(self.reading.len())
    }
}

/// Opens `n` watchers of these sessions that never read, not even the answer to their upgrade.
pub(super) async fn never_read(port: u16, api: &Api, sessions: &[&str], n: usize) -> Result<Vec<TcpStream>, String> {
    let mut stuck = Vec::with_capacity(n);
    for session in sessions.iter().cycle().take(n) {
        let wrong = |error: std::io::Error| format!("a socket that never reads is not opened: {error}");
        let socket = TcpSocket::new_v4().map_err(wrong)?;
        // So that it is full soon.
        socket.set_recv_buffer_size(4096).map_err(wrong)?;
        let mut stream = socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.map_err(wrong)?;
        let head = format!(
            "GET /v1/sessions/{session}/live?after=live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Authorization: {}\r\n\r\n",
            api.authorization()
        );
        stream.write_all(head.as_bytes()).await.map_err(wrong)?;
        stuck.push(stream);
    }
    Ok(stuck)
}
