//! The live socket of a session, which comes back where it was.

use crate::trouble::Trouble;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{connect_async, tungstenite};

/// How long the server may take to let somebody in.
const PATIENCE: Duration = Duration::from_secs(10);
/// The server pings every 15 s.
const SILENCE: Duration = Duration::from_secs(45);
/// How long to wait before the next try.
const AGAIN: Duration = Duration::from_secs(2);

/// What the socket tells.
#[derive(Debug)]
pub(super) enum News {
    /// A message of the server.
    Message(Box<Value>),
    /// How the connection is.
    Link(String),
}

/// Where to watch.
#[derive(Debug)]
pub(super) struct Place {
    /// The `ws` or `wss` address.
    pub(super) url: String,
    /// The reviewer's API key.
    pub(super) key: String,
}

/// Watches until nobody listens any more; an error when the server does not let this key in.
pub(super) async fn watch(place: &Place, news: &mpsc::Sender<News>) -> Result<(), Trouble> {
    let mut last_seq = 0;
    loop {
        let reason = match follow(place, &mut last_seq, news).await? {
            Some(reason) => reason,
            None => return Ok(()),
        };
        if news.send(News::Link(format!("{reason}; trying again"))).await.is_err() {
            return Ok(());
        }
        sleep(AGAIN).await;
    }
}

/// One connection; why it ended, or `None` when nobody listens any more.
async fn follow(place: &Place, last_seq: &mut u64, news: &mpsc::Sender<News>) -> Result<Option<String>, Trouble> {
    let wrong = |error: &dyn ToString| Trouble::said(format!("the session cannot be watched: {}", error.to_string()));
    let mut request = place.url.as_str().into_client_request().map_err(|error| wrong(&error))?;
    let credential = HeaderValue::from_str(&format!("Bearer {}", place.key)).map_err(|error| wrong(&error))?;
    request.headers_mut().insert("authorization", credential);
    let mut socket = match timeout(PATIENCE, Box::pin(connect_async(request))).await {
        Ok(Ok((socket, _))) => socket,
        Ok(Err(Error::Http(answer))) if answer.status().is_client_error() && answer.status().as_u16() != 429 => {
            return Err(wrong(&refusal(answer.status().as_u16(), answer.body().as_deref().unwrap_or_default())));
        }
        Ok(Err(error)) => return Ok(Some(error.to_string())),
        Err(_) => return Ok(Some("the server does not answer".to_owned())),
    };
    let resume = json!({ "type": "resume", "after": *last_seq }).to_string();
    if let Err(error) = socket.send(Message::text(resume)).await {
        return Ok(Some(error.to_string()));
    }
    if news.send(News::Link("live".to_owned())).await.is_err() {
        return Ok(None);
    }
    loop {
        let text = tokio::select! {
            () = news.closed() => return Ok(None),
            incoming = timeout(SILENCE, socket.next()) => match incoming {
                Ok(Some(Ok(Message::Text(text)))) => text,
                Ok(Some(Ok(Message::Close(frame)))) => return ended(frame.as_ref()).map(Some),
                Ok(Some(Ok(_))) => continue,
                Ok(Some(Err(error))) => return Ok(Some(error.to_string())),
                Ok(None) => return Ok(Some("the connection ended".to_owned())),
                Err(_) => return Ok(Some("the server is silent".to_owned())),
            },
        };
        let Ok(message) = serde_json::from_str::<Value>(&text) else { continue };
        if let Some(seq) = message.pointer("/event/seq").and_then(Value::as_u64) {
            *last_seq = seq.max(*last_seq);
        }
        // Too far behind: the next connection begins where this one was.
        let is_reset = message.get("type").is_some_and(|kind| kind == "reset");
        if news.send(News::Message(Box::new(message))).await.is_err() {
            return Ok(None);
        }
        if is_reset {
            return Ok(Some("the view was too slow".to_owned()));
        }
    }
}

/// Why the server closed: a reason to try again, or an error for good.
fn ended(frame: Option<&tungstenite::protocol::CloseFrame>) -> Result<String, Trouble> {
    let code = frame.map_or(1006, |frame| u16::from(frame.code));
    let told = frame.map(|frame| frame.reason.to_string()).unwrap_or_default();
    match code {
        1008 => Err(Trouble::said(format!("the server does not allow it: {told}"))),
        4001 => Err(Trouble::said("the API key expired or was revoked")),
        4002 => Err(Trouble::said("the session was deleted")),
        _ => Ok(format!("the server closed the connection ({code})")),
    }
}

fn refusal(status: u16, body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let told = body.get("error").and_then(Value::as_str).unwrap_or("refused");
    format!("{told} (HTTP {status})")
}
