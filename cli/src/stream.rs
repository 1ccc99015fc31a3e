//! Streams events to a server over one WebSocket that may break as often as it likes: every event is sent until the
//! server has told its fate. The window, `slow` and the close codes of the live protocol are honoured here.

mod connection;
mod outbox;
mod wire;

use crate::envelope::Envelope;
use connection::{Broken, Connection};
use futures_util::{SinkExt, StreamExt};
use outbox::{Limits, Next, Outbox};
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite;
use uuid::Uuid;
use wire::{Fate, Message, Verdict};

/// The server pings every 15 s; a connection that is silent for this long is dead.
const SILENCE: Duration = Duration::from_secs(45);
/// How long the server may leave events without any answer before the connection counts as dead.
const ANSWER: Duration = Duration::from_secs(60);
/// How long the server may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LAST_BACKOFF: Duration = Duration::from_secs(5);

/// Where to stream to, and for how long to insist.
#[derive(Debug)]
pub(crate) struct Target {
    /// The `ws` or `wss` address.
    pub(crate) url: String,
    /// The credential, sent as `X-API-Key`.
    pub(crate) credential: String,
    /// How long to go on without any event getting through.
    pub(crate) give_up_after: Duration,
}

/// What happens while events are streamed.
#[derive(Debug)]
pub(crate) enum News {
    /// A connection stands.
    Connected,
    /// The server has stored the event.
    Recorded { id: Uuid },
    /// The server had the event before.
    AlreadyThere { id: Uuid },
    /// The server does not take the event, and sending it again would change nothing.
    Refused { id: Uuid, status: u16, error: String },
    /// The server asks for a pause.
    Slowed(Duration),
    /// The connection is gone and will be tried again.
    Lost { reason: String, retry_in: Duration },
}

/// Why the stream ended before every event had its fate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// The server does not let this client in.
    #[error("the server refuses the stream: {message}")]
    Refused { message: String },
    /// The server ended it for good.
    #[error("the server closed the stream: {reason} ({waiting} events without an answer)")]
    Closed { reason: String, waiting: usize },
    /// Nothing got through for too long.
    #[error("gave up after {}: {reason} ({waiting} events without an answer)", human_duration(*.after))]
    GaveUp { after: Duration, reason: String, waiting: usize },
    /// Both sides speak differently.
    #[error("the server and this tool do not understand each other: {0}")]
    Protocol(String),
}

/// A duration as a person writes it.
pub(crate) fn human_duration(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        secs @ 1..60 => format!("{secs} s"),
        secs => format!("{} min", secs / 60),
    }
}

/// Streams all events until the other end of `events` is dropped and each has its fate, telling the `news` on the way.
pub(crate) async fn stream(
    target: &Target,
    events: mpsc::Receiver<Envelope>,
    news: impl FnMut(News),
) -> Result<(), StreamError> {
    let mut stream = Stream {
        target,
        events,
        is_open: true,
        outbox: Outbox::default(),
        paused_until: Instant::now(),
        answer_due: Instant::now(),
        trouble: None,
        failures: 0,
        closing: None,
        news,
    };
    loop {
        let reason = match stream.connect_and_talk().await {
            Ok(()) => return Ok(()),
            Err(Broken::Over(error)) => return Err(error),
            Err(Broken::Lost(reason)) => reason,
        };
        stream.outbox.retry_all();
        let retry_in = stream.failed(&reason)?;
        (stream.news)(News::Lost { reason, retry_in });
        sleep(retry_in).await;
    }
}

struct Stream<'a, F> {
    target: &'a Target,
    events: mpsc::Receiver<Envelope>,
    /// More events may come.
    is_open: bool,
    outbox: Outbox,
    paused_until: Instant,
    /// When the server has to have answered, if something is in flight.
    answer_due: Instant,
    /// Since when nothing gets through, if that is so.
    trouble: Option<Instant>,
    failures: u32,
    /// Why the server is about to close, if it said so.
    closing: Option<String>,
    news: F,
}

impl<F: FnMut(News)> Stream<'_, F> {
    async fn connect_and_talk(&mut self) -> Result<(), Broken> {
        let (connection, limits) = connection::open(self.target).await?;
        (self.news)(News::Connected);
        if self.outbox.len() == 0 {
            self.got_through();
        }
        self.talk(connection, limits).await
    }

    async fn talk(&mut self, connection: Connection, limits: Limits) -> Result<(), Broken> {
        let (mut sink, mut source) = connection.split();
        // One frame at a time: writing waits for the server, reading must not wait for writing.
        let (frames, mut queue) = mpsc::channel::<tungstenite::Message>(1);
        let mut writer = pin!(async move {
            while let Some(frame) = queue.recv().await {
                sink.send(frame).await?;
            }
            sink.close().await
        });
        let mut heard_at = Instant::now();
        let mut arrived = Vec::new();
        while self.is_open || self.outbox.len() > 0 {
            let is_ready = self.outbox.is_ready(limits);
            let is_paused = self.paused_until > Instant::now();
            let is_awaited = self.outbox.in_flight() > 0;
            let room = limits.window.saturating_sub(self.outbox.len());
            tokio::select! {
                incoming = source.next() => {
                    heard_at = Instant::now();
                    self.hear(incoming)?;
                }
                permit = frames.reserve(), if is_ready && !is_paused => {
                    if let Ok(permit) = permit {
                        self.send_next(limits, |frame| permit.send(frame));
                    }
                }
                () = sleep_until(self.paused_until), if is_ready && is_paused => {}
                n_arrived = self.events.recv_many(&mut arrived, room), if self.is_open && room > 0 => {
                    self.is_open = n_arrived > 0;
                    self.take_in(&mut arrived);
                }
                written = &mut writer => {
                    let reason = written.err().map_or_else(|| "the connection ended".to_owned(), |e| e.to_string());
                    return Err(Broken::Lost(reason));
                }
                () = sleep_until(self.answer_due), if is_awaited => {
                    return Err(Broken::Lost("the server answers nothing".to_owned()));
                }
                () = sleep_until(heard_at + SILENCE) => {
                    return Err(Broken::Lost("the server is silent".to_owned()));
                }
            }
        }
        drop(frames);
        let goodbye = async { tokio::join!(writer, async { while let Some(Ok(_)) = source.next().await {} }) };
        // Everything is acknowledged: how the connection ends does not matter any more.
        let _ = timeout(GOODBYE, goodbye).await;
        Ok(())
    }

    fn take_in(&mut self, arrived: &mut Vec<Envelope>) {
        for envelope in arrived.drain(..) {
            let id = envelope.id;
            if !self.outbox.push(envelope) {
                (self.news)(News::AlreadyThere { id });
            }
        }
    }

    fn send_next(&mut self, limits: Limits, send: impl FnOnce(tungstenite::Message)) {
        if self.outbox.in_flight() == 0 {
            self.answer_due = Instant::now() + ANSWER;
        }
        match self.outbox.next_frame(limits) {
            Next::Frame(text) => send(tungstenite::Message::text(text)),
            Next::TooLarge(id, size) => {
                let error = format!("{size} bytes, the server takes {}", limits.frame_bytes);
                (self.news)(News::Refused { id, status: 413, error });
            }
            Next::Nothing => {}
        }
    }

    fn hear(&mut self, incoming: Option<Result<tungstenite::Message, tungstenite::Error>>) -> Result<(), Broken> {
        let text = match incoming {
            Some(Ok(tungstenite::Message::Text(text))) => text,
            Some(Ok(tungstenite::Message::Close(frame))) => {
                return Err(connection::closed(frame, self.closing.take(), self.outbox.len()));
            }
            // Pings are answered by the library.
            Some(Ok(_)) => return Ok(()),
            Some(Err(error)) => return Err(Broken::Lost(error.to_string())),
            None => return Err(Broken::Lost("the connection ended".to_owned())),
        };
        match connection::understood(&text)? {
            Message::Ack { results } => {
                self.answer_due = Instant::now() + ANSWER;
                self.settle(&results)?;
            }
            Message::Slow { retry_after_ms } => {
                let pause = Duration::from_millis(retry_after_ms.min(300_000));
                self.paused_until = self.paused_until.max(Instant::now() + pause);
                self.answer_due = self.answer_due.max(self.paused_until + ANSWER);
                (self.news)(News::Slowed(pause));
            }
            Message::Closing { reason } => self.closing = Some(reason.unwrap_or_default()),
            Message::Error { error, code } => {
                let told = [code, error].into_iter().flatten().collect::<Vec<_>>().join(": ");
                return Err(Broken::Over(StreamError::Protocol(told)));
            }
            Message::Hello { .. } | Message::Unknown => {}
        }
        Ok(())
    }

    fn settle(&mut self, fates: &[Fate]) -> Result<(), Broken> {
        let mut to_retry = None;
        for fate in fates {
            let Some(id) = fate.id() else { continue };
            let verdict = fate.verdict();
            if verdict == Verdict::Retry {
                to_retry = self.outbox.retry(id).then_some(fate.status).or(to_retry);
                continue;
            }
            // An answer to an event that was sent twice may come twice.
            if !self.outbox.settle(id) {
                continue;
            }
            self.got_through();
            (self.news)(match verdict {
                Verdict::Recorded => News::Recorded { id },
                Verdict::Refused(error) => News::Refused { id, status: fate.status, error },
                Verdict::AlreadyThere | Verdict::Retry => News::AlreadyThere { id },
            });
        }
        if let Some(status) = to_retry {
            let pause = self.failed(&format!("the server answers {status}")).map_err(Broken::Over)?;
            self.paused_until = self.paused_until.max(Instant::now() + pause);
        }
        Ok(())
    }

    fn got_through(&mut self) {
        self.trouble = None;
        self.failures = 0;
    }

    /// Counts a failure and says how long to wait; an error once it has gone on for too long.
    fn failed(&mut self, reason: &str) -> Result<Duration, StreamError> {
        let since = *self.trouble.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.target.give_up_after {
            let (after, waiting) = (self.target.give_up_after, self.outbox.len());
            return Err(StreamError::GaveUp { after, reason: reason.to_owned(), waiting });
        }
        let backoff = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(self.failures)).min(LAST_BACKOFF);
        self.failures = self.failures.saturating_add(1);
        Ok(backoff.mul_f64(rand::random_range(0.5..=1.0)))
    }
}
