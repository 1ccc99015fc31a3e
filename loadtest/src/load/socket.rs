//! Candidates over WebSockets: frames are sent when they are due, as far as the server's window goes. What the server asks
//! for besides is not honoured; what it could not take for long is given up.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::player::{Door, Flight, Player};
use super::post::{judge, refusal, status_of};
use super::run::Crowd;
use crate::candidate_ws::next_json;
use crate::chaos::history::Outcome;
use crate::socket::{self, Lost, SILENCE, Socket};

/// Most events in one frame.
const BATCH: usize = 30;
/// How long an event may wait for the server to read on.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);
/// How long the server may take to say hello, and for its last answers.
const PATIENCE: Duration = Duration::from_secs(15);

/// More events than this are never refused without a word on how long to wait: it is the window and a batch.
const MAX_SILENT: u32 = 1100;

/// Why an event was not even sent.
pub(crate) const HELD_BACK: &str = "not sent: the server did not read on";

/// Sends what becomes due until no more does, and waits for all answers.
pub(crate) async fn run(crowd: Arc<Crowd>, player: Arc<Player>, dues: mpsc::UnboundedReceiver<Instant>) {
    let (todo, flying) = (VecDeque::new(), VecDeque::new());
    let mut stream =
        Stream { crowd: &crowd, player: &player, dues, is_over: false, todo, flying, n_refused_silently: 0 };
    while let Err(lost) = Box::pin(stream.connect_and_talk()).await {
        stream.give_up_flying(&lost.reason);
        if stream.is_over && stream.todo.is_empty() {
            break;
        }
        stream.drop_old();
        sleep(Duration::from_millis(rand::random_range(50..300))).await;
    }
    player.log.done();
}

struct Stream<'a> {
    crowd: &'a Crowd,
    player: &'a Player,
    dues: mpsc::UnboundedReceiver<Instant>,
    /// Nothing more becomes due.
    is_over: bool,
    todo: VecDeque<Instant>,
    flying: VecDeque<(Flight, u32)>,
    /// Events that were refused since the last `slow`.
    n_refused_silently: u32,
}

impl Stream<'_> {
    async fn connect_and_talk(&mut self) -> Result<(), Lost> {
        let api = self.crowd.org.api(self.player.node);
        let seat = &self.player.seat;
        let mut socket = socket::open(&api.socket_url("/v1/stream"), "x-api-key", &seat.credential).await?;
        let hello = timeout(PATIENCE, next_json(&mut socket)).await.map_err(|_| Lost::because("no hello"))??;
        let window = hello.get("window").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        self.talk(socket, window.unwrap_or(1).max(1)).await
    }

    async fn talk(&mut self, socket: Socket, window: usize) -> Result<(), Lost> {
        let lane = self.crowd.lane();
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
        while !(self.is_over && self.todo.is_empty() && self.flying.is_empty()) {
            let has_room = !self.todo.is_empty() && self.flying.len() < window;
            let silence = if self.is_over { PATIENCE } else { SILENCE };
            let oldest = self.todo.front().map(|due| *due + GIVE_UP_AFTER);
            tokio::select! {
                incoming = source.next() => {
                    heard_at = Instant::now();
                    if let Some(text) = socket::text_of(incoming)? {
                        self.hear(&text)?;
                    }
                }
                due = self.dues.recv(), if !self.is_over => match due {
                    Some(due) => self.todo.push_back(due),
                    None => self.is_over = true,
                },
                permit = frames.reserve(), if has_room => {
                    if let Ok(permit) = permit {
                        permit.send(Message::text(self.next_frame(lane, window)));
                    }
                }
                () = sleep_until(oldest.unwrap_or(heard_at)), if oldest.is_some() => self.drop_old(),
                written = &mut writer => {
                    let reason = written.err().map_or_else(|| "the connection ended".to_owned(), |e| e.to_string());
                    return Err(Lost::because(reason));
                }
                () = sleep_until(heard_at + silence) => return Err(Lost::because("the server is silent")),
            }
        }
        drop(frames);
        let goodbye = async { tokio::join!(writer, async { while let Some(Ok(_)) = source.next().await {} }) };
        // Everything is answered: how the connection ends does not matter any more.
        drop(timeout(Duration::from_secs(1), goodbye).await);
        Ok(())
    }

    fn next_frame(&mut self, lane: u32, window: usize) -> String {
        let room = window.saturating_sub(self.flying.len()).clamp(1, BATCH);
        let mut texts = Vec::new();
        while texts.len() < room
            && let Some(due) = self.todo.pop_front()
        {
            let flight = self.player.next(due);
            texts.push(Arc::clone(&flight.text));
            self.flying.push_back((flight, lane));
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
                for result in message.get("results").and_then(Value::as_array).into_iter().flatten() {
                    self.settle(result);
                }
            }
            Some("slow") if message.get("retryAfterMs").and_then(Value::as_u64).is_some() => {
                self.n_refused_silently = 0
            }
            Some("error" | "closing") => self.player.log.fault(format!("a good frame is answered {text}")),
            _ => {}
        }
        Ok(())
    }

    fn settle(&mut self, result: &Value) {
        let id = result.get("id").and_then(Value::as_str).and_then(|id| id.parse::<Uuid>().ok());
        let place = self.flying.iter().position(|(flight, _)| Some(flight.id) == id);
        let Some((flight, lane)) = place.and_then(|place| self.flying.remove(place)) else {
            return self.player.log.fault(format!("an ack for nothing that waits: {result}"));
        };
        if place != Some(0) {
            self.player.log.fault(format!("the ack of {} is not in the order received", flight.id));
        }
        let status = status_of(result);
        // How long to wait is told once for many answers: just before or just after them.
        self.n_refused_silently += u32::from(matches!(status, 429 | 503));
        if self.n_refused_silently == MAX_SILENT {
            self.player.log.fault(format!("{MAX_SILENT} events are refused and no `slow` comes: {result}"));
        }
        let why = refusal(Door::Socket, status, result, true);
        self.player.settle(&self.crowd.meter, lane, &flight, judge(status, result), &why);
    }

    /// The connection is lost: the fate of what was on its way is not known.
    fn give_up_flying(&mut self, reason: &str) {
        let reason: String = reason.chars().take(80).collect();
        let why = format!("{}: no answer, {reason}", Door::Socket.name());
        for (flight, lane) in self.flying.drain(..) {
            self.player.settle(&self.crowd.meter, lane, &flight, Outcome::Unknown, &why);
        }
    }

    /// Gives up what waited for too long.
    fn drop_old(&mut self) {
        while let Ok(due) = self.dues.try_recv() {
            self.todo.push_back(due);
        }
        while self.todo.front().is_some_and(|due| due.elapsed() >= GIVE_UP_AFTER) {
            self.todo.pop_front();
            self.crowd.meter.failed(HELD_BACK, 1);
        }
    }
}
