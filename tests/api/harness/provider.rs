//! A provider of models: a local server that says what a test wants it to, piece by piece.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// What is sent as one piece of an answer.
#[derive(Debug, Clone)]
pub enum Piece {
    Text(&'static str),
    /// The same, made by the test.
    Made(String),
    /// Nothing more is sent until [`Provider::go_on`].
    Wait,
    /// Comments, until the other side is gone.
    Forever,
    /// Nothing, until the other side is gone.
    Silence,
}

/// A provider; gone when dropped.
pub struct Provider {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    on: Arc<Notify>,
    left: watch::Receiver<usize>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Provider {
    /// One that answers every request with this head (an empty one is not sent) and these pieces, and hangs up.
    pub async fn start(head: &'static str, pieces: &'static [Piece]) -> Self {
        Self::in_turn([(head, pieces.to_vec())]).await
    }

    /// The same, each request with the next of these answers, and all that are left with the last.
    pub async fn in_turn(answers: impl IntoIterator<Item = (&'static str, Vec<Piece>)>) -> Self {
        let answers: Arc<Vec<_>> = Arc::new(answers.into_iter().collect());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, on): (Arc<Mutex<Vec<String>>>, Arc<Notify>) = Default::default();
        let (leaves, left) = watch::channel(0);
        let leaves = Arc::new(leaves);
        let accepting = tokio::spawn({
            let (seen, on) = (seen.clone(), on.clone());
            let turn = Arc::new(AtomicUsize::new(0));
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (answers, turn) = (answers.clone(), turn.clone());
                    let next = move || {
                        let next = turn.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
                        answers[next].clone()
                    };
                    tokio::spawn(answer(stream, next, seen.clone(), on.clone(), leaves.clone()));
                }
            }
        });
        Self { address, seen, on, left, accepting }
    }

    /// Its address as the server is told it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far, as they came.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// Lets an answer that waits go on.
    pub fn go_on(&self) {
        self.on.notify_one();
    }

    /// Waits until somebody has hung up in the middle of an answer.
    pub async fn is_left(&mut self) {
        tokio::time::timeout(super::PATIENCE, self.left.wait_for(|left| *left > 0)).await.expect("hung up").unwrap();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn answer(
    mut stream: TcpStream,
    next: impl FnOnce() -> (&'static str, Vec<Piece>),
    seen: Arc<Mutex<Vec<String>>>,
    on: Arc<Notify>,
    leaves: Arc<watch::Sender<usize>>,
) {
    let request = read(&mut stream).await;
    seen.lock().unwrap().push(request);
    let (head, pieces) = next();
    if !head.is_empty() {
        stream.write_all(format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n").as_bytes()).await.ok();
    }
    for piece in pieces {
        match piece {
            Piece::Text(text) => drop(stream.write_all(text.as_bytes()).await),
            Piece::Made(text) => drop(stream.write_all(text.as_bytes()).await),
            Piece::Wait => on.notified().await,
            Piece::Forever => {
                while stream.write_all(b": ping\n\n").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                leaves.send_modify(|left| *left += 1);
            }
            Piece::Silence => {
                while stream.read(&mut [0]).await.is_ok_and(|n| n > 0) {}
                leaves.send_modify(|left| *left += 1);
            }
        }
    }
}

/// A request with its body, if that has a length.
async fn read(stream: &mut TcpStream) -> String {
    let (mut bytes, mut until) = (Vec::new(), None);
    let mut chunk = vec![0; 64 << 10];
    loop {
        let n = stream.read(&mut chunk).await.unwrap_or(0);
        bytes.extend_from_slice(&chunk[..n]);
        until = until.or_else(|| end_of(&bytes));
        if n == 0 || until.is_some_and(|until| bytes.len() >= until) {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

/// How many bytes a request has, once its head is there.
fn end_of(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let lines = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
    let length = lines.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    Some(head + length.unwrap_or(0))
}
