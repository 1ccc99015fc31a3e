//! Streaming in: `GET /v1/stream`. A pipe: frames become events, fates become acks; what happens in between is
//! [`crate::ingest`]'s, as for HTTP. While one batch is recorded, what arrives forms the next; beyond the window the
//! socket is not read, so that TCP slows a client that does not wait for its acks.

mod fates;

use std::{collections::VecDeque, mem, rc::Rc, time::Duration};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, StreamHandler, WrapFuture};
use actix_web::{
    HttpRequest, HttpResponse,
    web::{Bytes, Data, Payload},
};
use actix_web_actors::ws::{CloseCode, CloseReason, Message, ProtocolError, WebsocketContext, WsResponseBuilder};
use domain::frame::{Frame, FrameError};
use futures_util::{
    FutureExt,
    future::{LocalBoxFuture, Shared},
};
use serde_json::json;

use super::{
    auth::{Candidate, Either},
    credentials::still_valid,
    error::{ApiError, Refusal},
    places::StreamPlace,
    rate::Standing,
    socket::{CREDENTIAL_GONE, Fragment, Fragments, Life, PING_EVERY, SESSION_DELETED, close},
    streamer::Streamer,
};
use fates::{Pending, ack, is_overload, slow, take};

use crate::{
    App, clock,
    ingest::{self, Fate, MAX_BATCH, Taken},
    load::Admitted,
};

/// Events that may be unacknowledged.
const WINDOW: usize = 512;

/// The largest frame, as for HTTP ingest.
const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;

/// Malformed frames in a row that close the socket.
const MAX_ERRORS: u32 = 10;

/// The subprotocol of this protocol; `key.<credential>` may stand beside it where headers cannot be set.
const PROTOCOL: &str = "promptster.v1";

/// `GET /v1/stream`
pub(super) async fn stream(
    Streamer(candidate): Streamer,
    app: Data<App>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let place = app.places.stream(candidate.org, candidate.key.id)?;
    let last_seq = match candidate.session() {
        Some(name) => app.redis.session(&name).await?.map_or(0, |session| session.last_seq),
        None => 0,
    };
    let connection = Connection {
        app,
        candidate,
        last_seq,
        pending: VecDeque::new(),
        pending_bytes: 0,
        in_flight: None,
        n_in_flight: 0,
        errors: 0,
        ending: None,
        fragments: Fragments::default(),
        life: Life::begins(),
        _place: place,
    };
    WsResponseBuilder::new(connection, &request, payload)
        .protocols(&[PROTOCOL])
        .frame_size(MAX_FRAME_BYTES)
        .start()
        .map_err(|_| Refusal::BadRequest.into())
}

/// The recording of the batch in flight; whoever awaits it drives it.
type InFlight = Shared<LocalBoxFuture<'static, Rc<Vec<Taken>>>>;

/// One candidate's WebSocket. It keeps no truth: what it forgets, the client sends again.
struct Connection {
    app: Data<App>,
    candidate: Candidate,
    last_seq: u64,
    pending: VecDeque<Pending>,
    pending_bytes: usize,
    in_flight: Option<InFlight>,
    n_in_flight: usize,
    errors: u32,
    /// The client said `end`: no more is taken, and the socket closes after the last ack.
    ending: Option<Ending>,
    fragments: Fragments,
    life: Life,
    _place: StreamPlace,
}

enum Ending {
    /// For the reason that the client gave.
    Asked(Option<String>),
    Closing,
}

impl Connection {
    /// Records what waits, unless a batch is in flight.
    fn record_next(&mut self, ctx: &mut WebsocketContext<Self>) {
        if self.in_flight.is_some() {
            return;
        }
        if self.app.stopping.has_begun() {
            // What waits was not acknowledged: the client sends it again, elsewhere.
            ctx.close(Some(CloseCode::Away.into()));
            return ctx.stop();
        }
        if self.pending.is_empty() {
            return self.end_if_asked(ctx);
        }
        let batch: Vec<Pending> = self.pending.drain(..self.pending.len().min(MAX_BATCH)).collect();
        self.n_in_flight = batch.len();
        self.pending_bytes = self.pending.iter().map(Pending::n_bytes).sum();
        let (app, candidate) = (self.app.clone(), self.candidate.clone());
        let taking = async move { Rc::new(take(&app, &candidate, batch).await) }.boxed_local().shared();
        self.in_flight = Some(taking.clone());
        ctx.spawn(taking.into_actor(self).map(|taken, connection, ctx| {
            connection.in_flight = None;
            connection.n_in_flight = 0;
            // The key was bound by its first event, if it was not before.
            if connection.candidate.key.session.is_none() {
                connection.refresh(ctx);
            }
            ctx.text(ack(&taken));
            if taken.iter().any(|taken| matches!(&taken.fate, Fate::Refused(error) if is_overload(error))) {
                ctx.text(slow(Duration::from_secs(1)));
            }
            connection.record_next(ctx);
        }));
    }

    /// Stops reading until there is room again.
    fn hold_back(&mut self, ctx: &mut WebsocketContext<Self>) {
        let is_beyond = self.pending.len() + self.n_in_flight > WINDOW || self.pending_bytes > MAX_FRAME_BYTES;
        if is_beyond && let Some(in_flight) = self.in_flight.clone() {
            // While an actor waits, nothing else of it runs: it waits for the recording itself, not for news of it.
            ctx.wait(in_flight.into_actor(self).map(|_, _, _| ()));
        }
    }

    fn take_frame(&mut self, text: &Bytes, ctx: &mut WebsocketContext<Self>) {
        match Frame::parse(text, MAX_BATCH) {
            Err(error) => self.refuse(&error, ctx),
            Ok(_) if self.ending.is_some() => self.refuse(&FrameError::AFTER_END, ctx),
            Ok(Frame::End(reason)) => {
                self.errors = 0;
                self.ending = Some(Ending::Asked(reason));
                self.record_next(ctx);
            }
            Ok(Frame::Events(events)) => {
                self.errors = 0;
                match self.app.load.admit(text.len()) {
                    Ok(admitted) => self.charge(events, Rc::new(admitted), ctx),
                    Err(refusal) => {
                        self.refuse_all(&events, refusal, ctx);
                        self.go_on(ctx);
                    }
                }
            }
        }
    }

    /// Takes events from the budget, then queues them. While Redis is asked for more, the socket is not read.
    fn charge(&mut self, events: Vec<Bytes>, admitted: Rc<Admitted>, ctx: &mut WebsocketContext<Self>) {
        let (key, asked) = (self.candidate.key.id, u32::try_from(events.len()).unwrap_or(u32::MAX));
        if let Some(taken) = self.app.limits.stream.take_now(&key, asked) {
            self.queue(events, &admitted, taken, ctx);
            return self.go_on(ctx);
        }
        let app = self.app.clone();
        let taken = async move { app.limits.stream.take(&key, asked).await };
        ctx.wait(taken.into_actor(self).map(move |taken, connection, ctx| {
            connection.queue(events, &admitted, taken, ctx);
            connection.go_on(ctx);
        }));
    }

    fn go_on(&mut self, ctx: &mut WebsocketContext<Self>) {
        self.record_next(ctx);
        self.hold_back(ctx);
    }

    /// Queues what was granted; events beyond that are answered 429 and are to be sent again.
    fn queue(
        &mut self,
        events: Vec<Bytes>,
        admitted: &Rc<Admitted>,
        (granted, standing): (u32, Standing),
        ctx: &mut WebsocketContext<Self>,
    ) {
        let granted = usize::try_from(granted).unwrap_or(usize::MAX);
        if granted < events.len() {
            ctx.text(slow(standing.retry_after.max(Duration::from_millis(100))));
        }
        for (place, event) in events.into_iter().enumerate() {
            self.pending.push_back(if place < granted {
                self.pending_bytes += event.len();
                Pending::Event(event, admitted.clone())
            } else {
                Pending::refused(&event, Refusal::RateLimited)
            });
        }
    }

    /// Answers events without looking at them; they are to be sent again.
    fn refuse_all(&mut self, events: &[Bytes], refusal: Refusal, ctx: &mut WebsocketContext<Self>) {
        ctx.text(slow(Duration::from_secs(1)));
        self.pending.extend(events.iter().map(|event| Pending::refused(event, refusal)));
    }

    fn refuse(&mut self, error: &FrameError, ctx: &mut WebsocketContext<Self>) {
        metrics::counter!("promptster_refusals_total", "code" => error.code).increment(1);
        ctx.text(json!({ "type": "error", "error": error.message, "code": error.code }).to_string());
        self.errors += 1;
        if self.errors >= MAX_ERRORS {
            ctx.close(Some(close(CloseCode::Policy.into(), "ten malformed frames in a row")));
            ctx.stop();
        }
    }

    /// Ends the session after the last ack, as the client asked.
    fn end_if_asked(&mut self, ctx: &mut WebsocketContext<Self>) {
        let Some(Ending::Asked(reason)) = &mut self.ending else { return };
        let reason = reason.take();
        self.ending = Some(Ending::Closing);
        let (app, candidate) = (self.app.clone(), self.candidate.clone());
        let ended = async move { ingest::end(&app, &candidate, reason.as_deref()).await };
        ctx.spawn(ended.into_actor(self).map(|ended, _, ctx| match ended {
            Ok(()) => {
                ctx.text(json!({ "type": "closing", "reason": "ended" }).to_string());
                ctx.close(Some(close(CloseCode::Normal.into(), "ended")));
                ctx.stop();
            }
            // Not known whether it ended: the client connects again and says so again.
            Err(error) => {
                error.report("");
                ctx.close(Some(close(CloseCode::Again.into(), "try later")));
                ctx.stop();
            }
        }));
    }

    /// Reads the key again; closes the socket when it has gone.
    fn refresh(&mut self, ctx: &mut WebsocketContext<Self>) {
        let (app, who) = (self.app.clone(), Either::Candidate(Box::new(self.candidate.clone())));
        let key = async move {
            if !still_valid(&app, &who).await {
                return Err(());
            }
            let key = app.redis.candidate_key(who.org(), who.id()).await;
            Ok(key.ok().flatten())
        };
        ctx.spawn(key.into_actor(self).map(|key, connection, ctx| match key {
            Ok(Some(key)) if key.lost_its_session() => {
                let reason = "session deleted";
                ctx.text(json!({ "type": "closing", "reason": reason }).to_string());
                ctx.close(Some(close(SESSION_DELETED, reason)));
                ctx.stop();
            }
            Ok(Some(key)) => connection.candidate.key = key.into(),
            Ok(None) => {}
            Err(()) => {
                let reason = "credential expired or revoked";
                ctx.text(json!({ "type": "closing", "reason": reason }).to_string());
                ctx.close(Some(close(CREDENTIAL_GONE, reason)));
                ctx.stop();
            }
        }));
    }
}

impl Actor for Connection {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let hello = json!({
            "type": "hello",
            "sessionId": self.candidate.key.session,
            "lastSeq": self.last_seq,
            "window": WINDOW,
            "maxBatch": MAX_BATCH,
            "maxFrameBytes": MAX_FRAME_BYTES,
            "serverTime": clock::now(),
        });
        ctx.text(hello.to_string());
        ctx.spawn(self.app.stopping.begun().into_actor(self).map(|(), connection, ctx| connection.record_next(ctx)));
        ctx.run_interval(PING_EVERY, |connection, ctx| {
            if connection.life.is_gone() {
                ctx.close(Some(CloseCode::Away.into()));
                ctx.stop();
            } else {
                ctx.ping(b"");
                connection.refresh(ctx);
            }
        });
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for Connection {
    fn handle(&mut self, message: Result<Message, ProtocolError>, ctx: &mut Self::Context) {
        self.life.sign();
        match message {
            Ok(Message::Text(text)) => self.take_frame(&text.into_bytes(), ctx),
            Ok(Message::Continuation(item)) => match self.fragments.take(item, MAX_FRAME_BYTES) {
                Fragment::Partial => {}
                Fragment::Whole(text) => self.take_frame(&text, ctx),
                Fragment::TooLarge => {
                    ctx.close(Some(CloseReason::from(CloseCode::Size)));
                    ctx.stop();
                }
                Fragment::Unsupported => self.refuse(&FrameError::UNSUPPORTED, ctx),
            },
            Ok(Message::Binary(_)) => self.refuse(&FrameError::UNSUPPORTED, ctx),
            Ok(Message::Ping(bytes)) => ctx.pong(&bytes),
            Ok(Message::Pong(_) | Message::Nop) => {}
            Ok(Message::Close(reason)) => {
                ctx.close(reason);
                ctx.stop();
            }
            Err(error) => {
                let code = if matches!(error, ProtocolError::Overflow) { CloseCode::Size } else { CloseCode::Protocol };
                ctx.close(Some(CloseReason::from(code)));
                ctx.stop();
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // What waits was not acknowledged: the client sends it again.
        drop(mem::take(&mut self.pending));
    }
}
