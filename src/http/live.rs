//! Watching one session: `GET /v1/sessions/{id}/live`, by WebSocket or as Server-Sent Events. Both show what
//! [`actors::Watch`] says; neither decides anything. The only files that know `actix-web-actors`, which is deprecated
//! in favour of `actix-ws`, are this one and `stream.rs`: a move rewrites these two.

use std::{convert::Infallible, time::Duration};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, StreamHandler, WrapFuture};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Bytes, Data, Payload},
};
use actix_web_actors::ws::{self, CloseCode, Message, ProtocolError, WebsocketContext, WsResponseBuilder};
use actors::{News, Start, WallWatch, Watch};
use domain::{SessionId, frame::Asked};
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    auth::Either,
    credentials::{still_valid, time_left},
    error::{ApiError, Refusal},
    origin,
    paced::paced,
    path::PathSession,
    places::WatcherPlace,
    query::{FromQuery, Params, Query},
    sessions::visible,
    socket::{CREDENTIAL_GONE, Life, PING_EVERY, SESSION_DELETED, close},
    watcher::Watcher,
};
use crate::{App, clock};

/// The largest message that a watcher sends.
const MAX_MESSAGE_BYTES: usize = 4 * 1024;

/// How often a silent stream of Server-Sent Events says that it lives.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

/// From where a watcher wants to see.
pub(super) struct Since(Option<Start>);

impl FromQuery for Since {
    fn from_query(params: &mut Params) -> Self {
        let about = "The `seq` of the last event that is known, or `live` for new ones only.";
        let schema = || json!({ "type": "string", "pattern": "^([0-9]{1,19}|live)$" });
        let read = |text: &str| match text {
            "live" => Some(Start::Live),
            seq => seq.parse().ok().map(Start::After),
        };
        Self(params.read("after", about, schema, "must be a seq or `live`", read))
    }
}

/// `GET /v1/sessions/{id}/live`
pub(super) async fn live(
    Watcher(who): Watcher,
    app: Data<App>,
    request: HttpRequest,
    id: PathSession,
    query: Query<Since>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    origin::check(&request, &app.settings)?;
    let session: SessionId = visible(&app, &who, id.0).await?.name.session;
    let is_socket = header_has(&request, header::UPGRADE, "websocket");
    let Since(asked) = query.read()?;
    let start = start_of(&request, asked, is_socket);
    let name = domain::SessionRef::new(who.org(), session);
    let place = app.places.watcher(who.org(), who.id(), Some(&name))?;
    let watch = app.actors.feeds.watch(&name, start).await?.ok_or(Refusal::NotFound)?;
    let watch = if matches!(who, Either::Candidate(_)) { watch.without_presence() } else { watch };
    show(Shown::Session(Box::new(watch)), place, who, app, &request, payload)
}

/// What is watched.
pub(super) enum Shown {
    /// One session.
    Session(Box<Watch>),
    /// Those of an organisation or an assessment.
    Wall(WallWatch),
}

impl Shown {
    async fn next(&mut self) -> News {
        match self {
            Self::Session(watch) => watch.next().await,
            Self::Wall(watch) => watch.next().await,
        }
    }

    fn is_halted(&self) -> bool {
        matches!(self, Self::Session(watch) if watch.is_halted())
    }
}

/// Answers with what is watched, by WebSocket if the request asks for one.
pub(super) fn show(
    shown: Shown,
    place: WatcherPlace,
    who: Either,
    app: Data<App>,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    if !header_has(request, header::UPGRADE, "websocket") {
        return Ok(paced(server_sent_events(shown, place, ended(app, who))));
    }
    let resume = match &shown {
        Shown::Session(watch) => Some(watch.resume_handle()),
        Shown::Wall(_) => None,
    };
    let socket = LiveSocket { resume, shown: Some(shown), who, app, life: Life::begins(), _place: place };
    WsResponseBuilder::new(socket, request, payload)
        .frame_size(MAX_MESSAGE_BYTES)
        .start()
        .map(paced)
        .map_err(|_| Refusal::BadRequest.into())
}

/// When a stream of Server-Sent Events has to end: when the server stops, or what let the watcher in has gone.
async fn ended(app: Data<App>, who: Either) {
    let mut stopping = std::pin::pin!(app.stopping.begun());
    loop {
        let pause = time_left(&who).map_or(PING_EVERY, |left| left.min(PING_EVERY));
        if tokio::time::timeout(pause, &mut stopping).await.is_ok() || !still_valid(&app, &who).await {
            return;
        }
    }
}

fn header_has(request: &HttpRequest, name: header::HeaderName, word: &str) -> bool {
    let value = request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.to_ascii_lowercase().contains(word)
}

/// `Last-Event-ID` and `?after=` say from where; a socket may say it later.
fn start_of(request: &HttpRequest, asked: Option<Start>, is_socket: bool) -> Start {
    let last_id = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()?.trim().parse().ok());
    let unasked = if is_socket { Start::AsAsked } else { Start::Live };
    last_id.map(Start::After).or(asked).unwrap_or(unasked)
}

/// The feed as Server-Sent Events. After a reset the stream ends: the client reads the timeline and connects again. So it
/// does when the server stops, or when what let the client in has gone.
fn server_sent_events(shown: Shown, place: WatcherPlace, until: impl Future<Output = ()> + 'static) -> HttpResponse {
    let body = stream::unfold(Some((shown, place)), |shown| async {
        let (mut shown, place) = shown?;
        let text = match tokio::time::timeout(COMMENT_EVERY, shown.next()).await {
            Err(_) => Bytes::from_static(b": still here\n\n"),
            Ok(News::Event { seq, text }) => sse("event", Some(seq), &text),
            Ok(News::Message { kind, text }) => sse(kind, None, &text),
            Ok(News::Erased) => return None,
        };
        let goes_on = (!shown.is_halted()).then_some((shown, place));
        Some((Ok::<_, Infallible>(text), goes_on))
    });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        // Proxies must not hold it back.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(body.take_until(Box::pin(until)))
}

fn sse(kind: &str, seq: Option<u64>, json: &Bytes) -> Bytes {
    let mut text = Vec::with_capacity(json.len() + 64);
    if let Some(seq) = seq {
        text.extend_from_slice(format!("id: {seq}\n").as_bytes());
    }
    text.extend_from_slice(format!("event: {kind}").as_bytes());
    // JSON as received may be spread over lines: a field for each, which the client joins again. A carriage return
    // would end a line as well, and cannot be carried; a blank means the same there.
    for line in json.split(|byte| *byte == b'\n') {
        text.extend_from_slice(b"\ndata: ");
        text.extend(line.iter().map(|byte| if *byte == b'\r' { b' ' } else { *byte }));
    }
    text.extend_from_slice(b"\n\n");
    text.into()
}

/// One watcher's WebSocket: a pipe. It runs only while its peer takes what it wrote, so nothing piles up here.
struct LiveSocket {
    resume: Option<mpsc::Sender<u64>>,
    shown: Option<Shown>,
    who: Either,
    app: Data<App>,
    life: Life,
    _place: WatcherPlace,
}

impl LiveSocket {
    fn error(code: &str, message: &str, ctx: &mut WebsocketContext<Self>) {
        ctx.text(json!({ "type": "error", "error": message, "code": code }).to_string());
    }

    /// Closes the socket when its credential has gone.
    fn check_credential(&self, ctx: &mut WebsocketContext<Self>) {
        let (app, who) = (self.app.clone(), self.who.clone());
        let valid = async move { still_valid(&app, &who).await };
        ctx.spawn(valid.into_actor(self).map(|valid, _, ctx| {
            if !valid {
                ctx.close(Some(close(CREDENTIAL_GONE, "credential expired or revoked")));
                ctx.stop();
            }
        }));
    }
}

impl Actor for LiveSocket {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(shown) = self.shown.take() {
            ctx.add_stream(stream::unfold(shown, |mut shown| async { Some((shown.next().await, shown)) }));
        }
        ctx.spawn(self.app.stopping.begun().into_actor(self).map(|(), _, ctx| {
            ctx.close(Some(CloseCode::Away.into()));
            ctx.stop();
        }));
        // The check in between would come up to fifteen seconds late.
        if let Some(left) = time_left(&self.who) {
            ctx.run_later(left, |socket, ctx| socket.check_credential(ctx));
        }
        ctx.run_interval(PING_EVERY, |socket, ctx| {
            if socket.life.is_gone() {
                ctx.close(Some(CloseCode::Away.into()));
                ctx.stop();
            } else {
                ctx.ping(b"");
                socket.check_credential(ctx);
            }
        });
    }
}

impl StreamHandler<News> for LiveSocket {
    fn handle(&mut self, news: News, ctx: &mut Self::Context) {
        let (News::Event { text, .. } | News::Message { text, .. }) = news else {
            ctx.close(Some(close(SESSION_DELETED, "session deleted")));
            return ctx.stop();
        };
        if let Ok(text) = bytestring::ByteString::try_from(text) {
            ctx.text(text);
        }
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for LiveSocket {
    fn handle(&mut self, message: Result<Message, ProtocolError>, ctx: &mut Self::Context) {
        self.life.sign();
        match message {
            Ok(Message::Text(text)) => match Asked::parse(&text) {
                Some(Asked::Ping) => ctx.text(json!({ "type": "pong", "serverTime": clock::now() }).to_string()),
                Some(Asked::Resume { after }) if let Some(resume) = &self.resume => {
                    if resume.try_send(after).is_err() {
                        Self::error("too_many_resumes", "an earlier resume is still to be taken up", ctx);
                    }
                }
                Some(Asked::Resume { .. }) | None => {
                    Self::error("invalid_message", "not a message of this protocol", ctx)
                }
            },
            Ok(Message::Ping(bytes)) => ctx.pong(&bytes),
            Ok(Message::Pong(_) | Message::Nop) => {}
            Ok(Message::Binary(_) | Message::Continuation(_)) => {
                Self::error("unsupported_frame", "messages are single text frames of JSON", ctx);
            }
            Ok(Message::Close(reason)) => {
                ctx.close(reason);
                ctx.stop();
            }
            Err(error) => {
                let code = if matches!(error, ProtocolError::Overflow) { CloseCode::Size } else { CloseCode::Protocol };
                ctx.close(Some(ws::CloseReason::from(code)));
                ctx.stop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_several_lines_keeps_them() {
        let text = sse("event", Some(7), &Bytes::from_static(b"{\n\"a\":1}"));
        assert_eq!(text, "id: 7\nevent: event\ndata: {\ndata: \"a\":1}\n\n");
        assert_eq!(sse("live", None, &Bytes::from_static(b"{\r}")), "event: live\ndata: { }\n\n");
    }
}
