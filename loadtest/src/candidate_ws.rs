//! A candidate that streams its events over a WebSocket which may break: window, acks, `slow`, and sending again.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::api::Api;
use crate::history::{History, Outcome, Recorder};
use crate::patience::Patience;
use crate::setup::{Pace, Seat};
use crate::socket::{self, Lost, SILENCE, Socket};

/// Most events in one frame.
const BATCH: usize = 30;
/// How long the server may take to say hello.
const HELLO: Duration = Duration::from_secs(10);

/// Sends all events of the plan.
pub(crate) async fn run(api: &Api, seat: &Seat, order: &[usize], pace: Pace, recorder: Recorder) -> History {
    let mut candidate = Candidate {
        seat,
        pace,
        patience: api.patience(),
        todo: order.iter().copied().collect(),
        flying: VecDeque::new(),
        n_total: order.len(),
        paused_until: Instant::now(),
        recorder,
    };
    while let Err(lost) = candidate.connect_and_talk(api).await {
        candidate.recorder.say(&lost.reason);
        candidate.recorder.history.retries += u64::try_from(candidate.flying.len()).unwrap_or(u64::MAX);
        while let Some(flight) = candidate.flying.pop_back() {
            candidate.todo.push_front(flight.index);
        }
        let Some(wait) = candidate.patience.failed(lost.wait) else {
            candidate.recorder.fault(format!("gave up: {}", lost.reason));
            break;
        };
        sleep(wait).await;
    }
    candidate.recorder.done()
}

/// An event that was sent and not yet answered.
struct Flight {
    index: usize,
    id: Uuid,
    sent_at: Instant,
}

struct Candidate<'a> {
    seat: &'a Seat,
    pace: Pace,
    patience: Patience,
    todo: VecDeque<usize>,
    flying: VecDeque<Flight>,
    n_total: usize,
    paused_until: Instant,
    recorder: Recorder,
}

impl Candidate<'_> {
    async fn connect_and_talk(&mut self, api: &Api) -> Result<(), Lost> {
        let mut socket = socket::open(&api.socket_url("/v1/stream"), "x-api-key", &self.seat.credential).await?;
        let hello = timeout(HELLO, next_json(&mut socket)).await;
        let hello = hello.map_err(|_| Lost::because("no hello"))??;
        if hello.get("sessionId").and_then(Value::as_str) != Some(&self.seat.session) {
            self.recorder.fault(format!("the hello is not for {}: {hello}", self.seat.session));
        }
        let size = |name| hello.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let (Some(window), Some(batch)) = (size("window"), size("maxBatch")) else {
            return Err(Lost::because(format!("not a hello: {hello}")));
        };
        self.talk(socket, window.max(1), batch.clamp(1, BATCH)).await
    }

    async fn talk(&mut self, socket: Socket, window: usize, batch: usize) -> Result<(), Lost> {
        let (mut sink, mut source) = socket.split();
        // One frame at a time: writing waits for the server, reading must not wait for writing.
        let (frames, mut queue) = mpsc::channel::<Message>(1);
        let mut writer = pin!(async move {
            while let Some(frame) = queue.recv().await {
                sink.send(frame).await?;
            }
            sink.close().await
        });
        let mut heard_at = Instant::now();
        while !self.todo.is_empty() || !self.flying.is_empty() {
            let has_room = !self.todo.is_empty() && self.flying.len() < window;
            let due = self.paused_until.max(self.pace.due(self.n_total - self.todo.len()));
            let is_due = due <= Instant::now();
            tokio::select! {
                incoming = source.next() => {
                    heard_at = Instant::now();
                    if let Some(text) = socket::text_of(incoming)? {
                        self.hear(&text)?;
                    }
                }
                permit = frames.reserve(), if has_room && is_due => {
                    if let Ok(permit) = permit {
                        permit.send(Message::text(self.next_frame(window, batch)));
                    }
                }
                () = sleep_until(due), if has_room && !is_due => {}
                written = &mut writer => {
                    let reason = written.err().map_or_else(|| "the connection ended".to_owned(), |e| e.to_string());
                    return Err(Lost::because(reason));
                }
                () = sleep_until(heard_at + SILENCE) => return Err(Lost::because("the server is silent")),
            }
        }
        drop(frames);
        let goodbye = async { tokio::join!(writer, async { while let Some(Ok(_)) = source.next().await {} }) };
        // Everything is answered: how the connection ends does not matter any more.
        let _ = timeout(Duration::from_secs(2), goodbye).await;
        Ok(())
    }

    fn next_frame(&mut self, window: usize, batch: usize) -> String {
        let room = window.saturating_sub(self.flying.len()).max(1);
        let n = if rand::random_bool(0.6) { 1 } else { rand::random_range(1..=batch.min(room)) };
        let mut texts = Vec::with_capacity(n);
        let sent_at = Instant::now();
        while texts.len() < n
            && let Some(index) = self.todo.pop_front()
        {
            let Some(sent) = self.recorder.history.events.get(index) else { continue };
            self.flying.push_back(Flight { index, id: sent.event.id, sent_at });
            texts.push(sent.text.clone());
        }
        match texts.as_slice() {
            [one] => format!(r#"{{"type":"event","event":{one}}}"#),
            many => format!(r#"{{"type":"batch","events":[{}]}}"#, many.join(",")),
        }
    }

    fn hear(&mut self, text: &str) -> Result<(), Lost> {
        let message: Value = serde_json::from_str(text).map_err(|error| Lost::because(format!("{error}: {text}")))?;
        match message.get("type").and_then(Value::as_str) {
            Some("ack") => {
                let results = message.get("results").and_then(Value::as_array);
                for result in results.into_iter().flatten() {
                    self.settle(result)?;
                }
            }
            Some("slow") => {
                self.pause(message.get("retryAfterMs").and_then(Value::as_u64).map(Duration::from_millis))?
            }
            Some("error") => self.recorder.fault(format!("a good frame is answered {text}")),
            Some("closing") => self.recorder.fault(format!("the server closes a session that runs: {text}")),
            _ => {}
        }
        Ok(())
    }

    fn settle(&mut self, result: &Value) -> Result<(), Lost> {
        let id = result.get("id").and_then(Value::as_str).and_then(|id| id.parse::<Uuid>().ok());
        let place = self.flying.iter().position(|flight| Some(flight.id) == id);
        let Some(flight) = place.and_then(|place| self.flying.remove(place)) else {
            self.recorder.fault(format!("an ack for nothing that waits: {result}"));
            return Ok(());
        };
        if place != Some(0) {
            self.recorder.fault(format!("the ack of {} is not in the order received", flight.id));
        }
        let status = result.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
        let status = status.unwrap_or_default();
        let outcome = match status {
            429 | 500.. => {
                if !matches!(status, 429 | 503) {
                    self.recorder.fault(format!("an event is answered {result}"));
                }
                self.recorder.history.reordered = true;
                self.recorder.history.retries += 1;
                self.todo.push_front(flight.index);
                return self.pause(None);
            }
            201 => {
                let seq = result.get("seq").and_then(Value::as_u64);
                if seq.is_none() {
                    self.recorder.fault(format!("a 201 without seq: {result}"));
                }
                Outcome::Stored { seq }
            }
            200 if result.get("reason").is_none_or(Value::is_null) => Outcome::Duplicate,
            _ => Outcome::Refused { status, error: result.to_string() },
        };
        self.patience.got_through();
        self.recorder.answered(flight.id, outcome, flight.sent_at.elapsed());
        Ok(())
    }

    fn pause(&mut self, asked: Option<Duration>) -> Result<(), Lost> {
        let wait = self.patience.failed(asked).ok_or_else(|| Lost::because("the server stays slow"))?;
        self.paused_until = self.paused_until.max(Instant::now() + wait);
        Ok(())
    }
}

/// The next text frame, as JSON.
pub(crate) async fn next_json(socket: &mut Socket) -> Result<Value, Lost> {
    loop {
        if let Some(text) = socket::text_of(socket.next().await)? {
            return serde_json::from_str(&text).map_err(|error| Lost::because(format!("{error}: {text}")));
        }
    }
}
