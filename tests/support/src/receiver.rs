//! A real HTTP server that takes what it is sent, and answers as it was told to.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// When.
    pub at: Instant,
    /// Its headers, by name in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body, as text.
    pub body: String,
    /// Its body as it came.
    pub bytes: Vec<u8>,
}

#[derive(Default)]
struct State {
    answers: VecDeque<String>,
    received: Vec<Received>,
}

/// The server; it ends with the process.
pub struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    /// Starts one that answers with these status lines in turn, e.g. `500 Oops`, and after the last with `200 OK`. More
    /// headers may follow after a line break.
    ///
    /// # Panics
    /// When there is no port.
    #[must_use]
    pub fn start(answers: &[&str]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("the listener has an address");
        let answers = answers.iter().map(|answer| (*answer).to_owned()).collect();
        let state = Arc::new(Mutex::new(State { answers, received: Vec::new() }));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A peer that goes away has its reasons.
                serve(stream, &shared).ok();
            }
        });
        Self { address, state }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What it got so far, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        lock(&self.state).received.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut headers = BTreeMap::new();
    let mut line = String::new();
    reader.read_line(&mut line)?;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    let body = String::from_utf8_lossy(&bytes).into_owned();
    let answer = {
        let mut state = lock(state);
        state.received.push(Received { at: Instant::now(), headers, body, bytes });
        state.answers.pop_front().unwrap_or_else(|| "200 OK".to_owned())
    };
    let stream = reader.get_mut();
    write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}
