//! A candidate's WebSocket: window, acks, `slow`; what was not acknowledged goes to another node.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rand::Rng;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::candidate::Candidate;
use super::history::Outcome;
use super::post::{Flight, Poster};
use super::script::{Intent, Planned, altered};
use crate::candidate_ws::next_json;
use crate::socket::{self, Lost, Socket};

/// Most events in one frame.
const BATCH: usize = 30;
/// How long the server may be silent while events wait for their acks, before the client goes elsewhere.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection may be silent at all: the server pings every 15 s.
const SILENCE: Duration = Duration::from_secs(45);

type Event = (Planned, Flight);

/// Sends all that the candidate has to send.
pub(crate) async fn run(candidate: &mut Candidate) {
    let mut stream = Stream { candidate, todo: VecDeque::new(), flying: VecDeque::new(), copies: JoinSet::new() };
    while let Err(lost) = stream.connect_and_talk().await {
        stream.give_up_flying();
        // A fate that is not known is not a fault; nor is a node that is away.
        drop(lost);
        stream.candidate.move_on().await;
    }
    while stream.copies.join_next().await.is_some() {}
}

struct Flying {
    event: Event,
    start_us: u64,
    lane: u32,
}

struct Stream<'a> {
    candidate: &'a mut Candidate,
    todo: VecDeque<Event>,
    flying: VecDeque<Flying>,
    /// What is sent besides, through other nodes.
    copies: JoinSet<Outcome>,
}

impl Stream<'_> {
    fn is_over(&self) -> bool {
        self.todo.is_empty() && self.flying.is_empty() && !self.candidate.goes_on()
    }

    async fn connect_and_talk(&mut self) -> Result<(), Lost> {
        let Poster { fleet, log, org, credential } = &self.candidate.poster;
        let api = fleet.org(*org).map_err(Lost::because)?.api(self.candidate.node);
        let lane = fleet.lane();
        let url = api.socket_url("/v1/stream");
        let opening = socket::open(&url, "x-api-key", credential);
        let mut socket = timeout(PATIENCE, opening).await.map_err(|_| Lost::because("no answer"))??;
        let hello = timeout(PATIENCE, next_json(&mut socket)).await.map_err(|_| Lost::because("no hello"))??;
        let session = log.state().recipe.session.clone();
        if hello.get("sessionId").and_then(Value::as_str) != Some(&session) {
            log.fault(format!("the hello is not for {session}: {hello}"));
        }
        let size = |name| hello.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let (Some(window), Some(batch)) = (size("window"), size("maxBatch")) else {
            log.fault(format!("not a hello: {hello}"));
            return Err(Lost::because("not a hello"));
        };
        self.talk(socket, lane, window.max(1), batch.clamp(1, BATCH)).await
    }

    async fn talk(&mut self, socket: Socket, lane: u32, window: usize, batch: usize) -> Result<(), Lost> {
        let (mut sink, mut source) = socket.split();
        // One frame at a time: writing waits for the server, reading must not wait for writing.
        let (frames, mut queue) = mpsc::channel::<Message>(1);
        let mut writer = pin!(async move {
            while let Some(frame) = queue.recv().await {
                sink.send(frame).await?;
            }
            sink.close().await
        });
        let mut phase = self.candidate.poster.fleet.phase.subscribe();
        let (mut heard_at, mut paused_until) = (Instant::now(), Instant::now());
        while !self.is_over() {
            let has_more = !self.todo.is_empty() || self.candidate.goes_on();
            let has_room = has_more && self.flying.len() < window;
            let due = paused_until.max(if self.todo.is_empty() { self.candidate.due() } else { paused_until });
            let is_due = due <= Instant::now();
            let silence = if self.flying.is_empty() { SILENCE } else { PATIENCE };
            tokio::select! {
                incoming = source.next() => {
                    heard_at = Instant::now();
                    if let Some(text) = socket::text_of(incoming)?
                        && let Some(pause) = self.hear(&text)?
                    {
                        paused_until = paused_until.max(Instant::now() + pause);
                    }
                }
                permit = frames.reserve(), if has_room && is_due => {
                    if let Ok(permit) = permit
                        && let Some(frame) = self.next_frame(lane, window, batch)
                    {
                        // Whoever was idle starts to wait only now.
                        heard_at = if self.flying.is_empty() { heard_at } else { Instant::now() };
                        permit.send(Message::text(frame));
                    }
                }
                () = sleep_until(due), if has_room && !is_due => {}
                written = &mut writer => {
                    let reason = written.err().map_or_else(|| "the connection ended".to_owned(), |e| e.to_string());
                    return Err(Lost::because(reason));
                }
                () = sleep_until(heard_at + silence) => return Err(Lost::because("the server is silent")),
                _ = phase.changed() => {}
            }
        }
        drop(frames);
        let goodbye = async { tokio::join!(writer, async { while let Some(Ok(_)) = source.next().await {} }) };
        // Everything is answered: how the connection ends does not matter any more.
        drop(timeout(Duration::from_secs(1), goodbye).await);
        Ok(())
    }

    fn next_frame(&mut self, lane: u32, window: usize, batch: usize) -> Option<String> {
        let room = window.saturating_sub(self.flying.len()).max(1);
        let rng = &mut self.candidate.rng;
        let n = if rng.random_bool(0.5) { 1 } else { rng.random_range(1..=batch.min(room)) };
        let mut texts = Vec::with_capacity(n);
        let start_us = self.candidate.poster.log.now_us();
        while texts.len() < n {
            let Some(event) = self.next_event() else { break };
            texts.push(event.1.text.clone());
            self.flying.push_back(Flying { event, start_us, lane });
        }
        match texts.as_slice() {
            [] => None,
            [one] => Some(format!(r#"{{"type":"event","event":{one}}}"#)),
            many => Some(format!(r#"{{"type":"batch","events":[{}]}}"#, many.join(","))),
        }
    }

    /// What waits to be sent again, else something new; the latter perhaps through another node as well.
    fn next_event(&mut self) -> Option<Event> {
        if let Some(event) = self.todo.pop_front() {
            return Some(event);
        }
        if !self.candidate.goes_on() {
            return None;
        }
        self.candidate.spent(1);
        let (planned, flight) = self.candidate.next()?;
        if planned.intent == Intent::Twice {
            self.post(flight.clone(), false);
        }
        Some((planned, flight))
    }

    fn post(&mut self, flight: Flight, is_altered: bool) {
        let (poster, node) = (self.candidate.poster.clone(), self.candidate.another_node());
        self.copies.spawn(async move { poster.one(node, &flight, is_altered).await });
    }

    /// Takes a message; for how long not to send, if it says so.
    fn hear(&mut self, text: &str) -> Result<Option<Duration>, Lost> {
        let message: Value = serde_json::from_str(text).map_err(|error| Lost::because(format!("{error}: {text}")))?;
        match message.get("type").and_then(Value::as_str) {
            Some("ack") => {
                let results = message.get("results").and_then(Value::as_array);
                let mut is_overload = false;
                for result in results.into_iter().flatten() {
                    is_overload |= !self.settle(result);
                }
                return Ok(is_overload.then_some(Duration::from_millis(200)));
            }
            Some("slow") => {
                let asked = message.get("retryAfterMs").and_then(Value::as_u64).map(Duration::from_millis);
                return Ok(asked.map(|asked| asked.min(Duration::from_secs(1))));
            }
            Some("error" | "closing") => self.candidate.poster.log.fault(format!("a good frame is answered {text}")),
            _ => {}
        }
        Ok(None)
    }

    /// Takes one result; `false` when it is to be sent again.
    fn settle(&mut self, result: &Value) -> bool {
        let log = &self.candidate.poster.log;
        let id = result.get("id").and_then(Value::as_str).and_then(|id| id.parse::<Uuid>().ok());
        let place = self.flying.iter().position(|flying| Some(flying.event.1.id) == id);
        let Some(Flying { event, start_us, lane }) = place.and_then(|place| self.flying.remove(place)) else {
            log.fault(format!("an ack for nothing that waits: {result}"));
            return true;
        };
        if place != Some(0) {
            log.fault(format!("the ack of {} is not in the order received", event.1.id));
        }
        let status = result.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
        let outcome = self.candidate.poster.judge(status.unwrap_or_default(), result, &result.to_string());
        if outcome == (Outcome::Stored { seq: None }) {
            log.fault(format!("a 201 without seq: {result}"));
        }
        self.candidate.poster.note(lane, start_us, std::iter::once((&event.1, outcome)), false);
        if outcome.is_ok() && event.0.intent == Intent::Altered {
            let text = altered(&event.1.text).into();
            self.post(Flight { text, ..event.1.clone() }, true);
        }
        let again = !outcome.is_final();
        if again && !self.candidate.leaves(outcome) {
            self.todo.push_back(event);
        }
        !again
    }

    /// The connection is lost: the fate of what was on its way is not known.
    fn give_up_flying(&mut self) {
        while let Some(Flying { event, start_us, lane }) = self.flying.pop_back() {
            self.candidate.poster.note(lane, start_us, std::iter::once((&event.1, Outcome::Unknown)), false);
            if !self.candidate.leaves(Outcome::Unknown) {
                self.todo.push_front(event);
            }
        }
        self.candidate.poster.log.node.store(self.candidate.node, Ordering::Relaxed);
    }
}
