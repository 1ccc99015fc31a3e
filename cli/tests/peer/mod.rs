//! A small server that speaks the candidate's side of the protocol over real sockets, behaves as badly as a test
//! wants, and remembers everything it saw.

use futures_util::{SinkExt, StreamExt};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// How the server behaves.
#[derive(Debug, Clone)]
pub(crate) struct Manners {
    pub(crate) window: usize,
    pub(crate) max_batch: usize,
    /// Acknowledge once so many events are waiting, or when nothing comes for a moment.
    pub(crate) ack_every: usize,
    /// Connections to cut without a word, each after so many events.
    pub(crate) cuts: Vec<usize>,
    /// A pause to ask for after the first frame.
    pub(crate) slow: Option<Duration>,
    /// A status for every event of a kind.
    pub(crate) refuse: Option<(&'static str, u16)>,
    /// The first answer to every event, before the true one.
    pub(crate) first_status: Option<u16>,
    /// A close code after the first frame of every connection.
    pub(crate) close_with: Option<u16>,
    pub(crate) already_confirmed: bool,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            window: 512,
            max_batch: 500,
            ack_every: 1,
            cuts: Vec::new(),
            slow: None,
            refuse: None,
            first_status: None,
            close_with: None,
            already_confirmed: true,
        }
    }
}

/// What the server saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// HTTP requests: the request line and the body.
    pub(crate) calls: Vec<(String, Value)>,
    pub(crate) credentials: Vec<String>,
    /// The literal text of each stored event by id, and the ids in the order of their storing.
    pub(crate) stored: BTreeMap<String, String>,
    pub(crate) order: Vec<String>,
    pub(crate) n_frames: usize,
    pub(crate) most_in_flight: usize,
    pub(crate) largest_batch: usize,
    pub(crate) n_resent: usize,
    /// Whatever a good client would not have done.
    pub(crate) faults: Vec<String>,
    n_first: BTreeMap<String, usize>,
}

/// A running server.
pub(crate) struct Peer {
    pub(crate) url: String,
    seen: Arc<Mutex<Seen>>,
}

impl Peer {
    pub(crate) async fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (shared, cuts) = (Arc::clone(&seen), Arc::new(Mutex::new(VecDeque::from(manners.cuts.clone()))));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (seen, cuts, manners) = (Arc::clone(&shared), Arc::clone(&cuts), manners.clone());
                tokio::spawn(async move {
                    let mut head = [0_u8; 32];
                    let n_read = socket.peek(&mut head).await.unwrap();
                    if head[..n_read].starts_with(b"GET /v1/stream") {
                        let cut = cuts.lock().unwrap().pop_front();
                        stream(socket, &manners, cut, &seen).await;
                    } else {
                        answer(socket, &manners, &seen).await;
                    }
                });
            }
        });
        Self { url, seen }
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }
}

/// Answers one HTTP request and hangs up.
async fn answer(mut socket: TcpStream, manners: &Manners, seen: &Mutex<Seen>) {
    let (mut request, mut buffer) = (Vec::new(), [0_u8; 4096]);
    let (head, body) = loop {
        let n_read = socket.read(&mut buffer).await.unwrap();
        request.extend_from_slice(&buffer[..n_read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    let (status, answer) = match line.as_str() {
        "GET /v1/candidate/consent?key=PST-AB12-CD34" => {
            let disclosure = json!({ "version": "1.0", "captures": ["prompts"], "doesNotCapture": ["the screen"],
                                     "evaluated": [], "dataUse": [], "tosUrl": null });
            (
                200,
                json!({ "alreadyConfirmed": manners.already_confirmed, "disclosure": disclosure,
                          "disclosureHash": "h1" }),
            )
        }
        "POST /v1/candidate/consent" => (200, json!({ "ok": true })),
        "POST /v1/candidate/redeem" => {
            (200, json!({ "sessionId": "session-1", "sessionToken": "token-1", "assessmentTitle": "Shop" }))
        }
        _ => (404, json!({ "error": "No such key", "code": "key_not_found" })),
    };
    seen.lock().unwrap().calls.push((line, serde_json::from_str(&body).unwrap_or_default()));
    let answer = answer.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close",
        answer.len()
    );
    socket.write_all(format!("{head}\r\n\r\n{answer}").as_bytes()).await.unwrap();
}

/// Serves one WebSocket, cutting it after `cut` events.
async fn stream(socket: TcpStream, manners: &Manners, cut: Option<usize>, seen: &Mutex<Seen>) {
    #[expect(clippy::result_large_err, reason = "the library wants this type")]
    let note = |request: &Request, response: Response| {
        let credential = request.headers().get("x-api-key").map(|value| value.to_str().unwrap().to_owned());
        seen.lock().unwrap().credentials.push(credential.unwrap_or_default());
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(socket, note).await.unwrap();
    let hello = json!({ "type": "hello", "sessionId": "session-1", "lastSeq": 0, "window": manners.window,
                        "maxBatch": manners.max_batch, "maxFrameBytes": 16_777_216 });
    socket.send(Message::text(hello.to_string())).await.unwrap();
    let (mut results, mut n_events, mut slow_from): (Vec<Value>, usize, Option<Instant>) = (Vec::new(), 0, None);
    loop {
        let frame = match timeout(Duration::from_millis(40), socket.next()).await {
            Ok(Some(Ok(Message::Text(frame)))) => Some(frame),
            Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => return,
            Ok(Some(Ok(_))) => continue,
            Err(_) => None,
        };
        if let Some(frame) = &frame {
            if let (Some(from), Some(pause)) = (slow_from, manners.slow) {
                let after = from.elapsed();
                if after > Duration::from_millis(100) && after < pause {
                    seen.lock().unwrap().faults.push(format!("a frame {after:?} into a pause of {pause:?}"));
                }
            }
            let fates = take_in(frame, manners, results.len(), &mut seen.lock().unwrap());
            n_events += fates.len();
            results.extend(fates);
            if cut.is_some_and(|cut| n_events >= cut) {
                // Some of what was stored was never acknowledged.
                return;
            }
            if let (None, Some(pause)) = (slow_from, manners.slow) {
                slow_from = Some(Instant::now());
                let slow = json!({ "type": "slow", "retryAfterMs": pause.as_millis() });
                socket.send(Message::text(slow.to_string())).await.unwrap();
            }
            if let Some(code) = manners.close_with {
                let frame = CloseFrame { code: code.into(), reason: "as the test wants".into() };
                let _ = socket.close(Some(frame)).await;
                while let Some(Ok(_)) = socket.next().await {}
                return;
            }
        }
        if results.len() >= manners.ack_every || (frame.is_none() && !results.is_empty()) {
            let ack = json!({ "type": "ack", "results": std::mem::take(&mut results) });
            socket.send(Message::text(ack.to_string())).await.unwrap();
        }
    }
}

#[derive(serde::Deserialize)]
struct Frame<'a> {
    r#type: String,
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
    #[serde(borrow, default)]
    events: Vec<&'a RawValue>,
}

/// Stores the events of a frame and says their fates.
fn take_in(frame: &str, manners: &Manners, n_waiting: usize, seen: &mut Seen) -> Vec<Value> {
    let frame: Frame<'_> = serde_json::from_str(frame).unwrap();
    let events: Vec<&RawValue> = frame.event.into_iter().chain(frame.events).collect();
    seen.n_frames += 1;
    seen.largest_batch = seen.largest_batch.max(events.len());
    seen.most_in_flight = seen.most_in_flight.max(n_waiting + events.len());
    if frame.r#type == "batch" && events.len() > manners.max_batch {
        seen.faults.push(format!("a batch of {}", events.len()));
    }
    events.iter().map(|event| fate(event.get(), manners, seen)).collect()
}

fn fate(text: &str, manners: &Manners, seen: &mut Seen) -> Value {
    let event: Value = serde_json::from_str(text).unwrap();
    let id = event["id"].as_str().unwrap().to_owned();
    if let Some((_, status)) = manners.refuse.filter(|(kind, _)| event["kind"] == *kind) {
        return json!({ "id": id, "status": status, "error": "Not this one" });
    }
    if let Some(status) = manners.first_status {
        let n_times = seen.n_first.entry(id.clone()).or_default();
        *n_times += 1;
        if *n_times == 1 {
            return json!({ "id": id, "status": status, "error": "Not yet" });
        }
    }
    if let Some(before) = seen.stored.get(&id) {
        if before != text {
            seen.faults.push(format!("{id} was sent again with another text"));
        }
        seen.n_resent += 1;
        return json!({ "id": id, "status": 200 });
    }
    seen.order.push(id.clone());
    seen.stored.insert(id.clone(), text.to_owned());
    json!({ "id": id, "status": 201, "seq": seen.order.len() })
}
