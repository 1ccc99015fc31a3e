//! The live feed of a session: opened again whenever it is lost, and resumed after the last event that came.

use crate::reviewer::Reviewer;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};

/// How long the server may take to let a watcher in.
const PATIENCE: Duration = Duration::from_secs(10);
/// The server pings every 15 s; a connection that is silent for this long is dead.
const SILENCE: Duration = Duration::from_secs(45);
/// The first and the longest wait before another try.
const WAITS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// What comes of a session.
#[derive(Debug)]
pub(super) enum News {
    /// A message of the server, by its `type`.
    Message(Value),
    /// The connection was lost; another one is tried.
    Lost(String),
    /// It will not come back: the reason.
    Over(String),
}

/// Follows `session` until nobody takes the news any more or it is over. Begins with the last `n_last` events.
pub(super) async fn follow(reviewer: Reviewer, url: String, n_last: u64, news: mpsc::Sender<News>) {
    let mut after = None;
    let mut wait = WAITS.0;
    loop {
        match connection(&reviewer, &url, n_last, &mut after, &news).await {
            End::Unheard => return,
            End::Over(reason) => {
                let _ = news.send(News::Over(reason)).await;
                return;
            }
            End::Lost { reason, at_once } => {
                if at_once {
                    wait = WAITS.0;
                }
                if news.send(News::Lost(reason)).await.is_err() {
                    return;
                }
                sleep(wait.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
                wait = (wait * 2).min(WAITS.1);
            }
        }
    }
}

/// How a connection ended.
enum End {
    /// Nobody takes the news.
    Unheard,
    /// It makes no sense to try again.
    Over(String),
    /// It may work again; `at_once` when it had worked before.
    Lost { reason: String, at_once: bool },
}

/// One connection, from its opening to its end.
async fn connection(
    reviewer: &Reviewer,
    url: &str,
    n_last: u64,
    after: &mut Option<u64>,
    news: &mpsc::Sender<News>,
) -> End {
    let lost = |reason: String| End::Lost { reason, at_once: false };
    let mut request = match url.into_client_request() {
        Ok(request) => request,
        Err(error) => return End::Over(error.to_string()),
    };
    let Ok(credential) = HeaderValue::from_str(&format!("Bearer {}", reviewer.api_key)) else {
        return End::Over("the key holds characters that no key has".to_owned());
    };
    request.headers_mut().insert("authorization", credential);
    let mut socket = match timeout(PATIENCE, Box::pin(connect_async(request))).await {
        Ok(Ok((socket, _))) => socket,
        Ok(Err(Error::Http(response))) => {
            let status = response.status();
            return match status.as_u16() {
                401 => End::Over("the server does not know this key, or it was revoked".to_owned()),
                404 => End::Over("there is no such session".to_owned()),
                400..=428 | 430..=499 => End::Over(format!("the server answers HTTP {status}")),
                _ => lost(format!("the server answers HTTP {status}")),
            };
        }
        Ok(Err(error)) => return lost(error.to_string()),
        Err(_) => return lost("the server does not answer".to_owned()),
    };
    let mut has_worked = false;
    loop {
        let message = match timeout(SILENCE, socket.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return End::Lost { reason: error.to_string(), at_once: has_worked },
            Ok(None) => return End::Lost { reason: "the connection ended".to_owned(), at_once: has_worked },
            Err(_) => return End::Lost { reason: "the server is silent".to_owned(), at_once: has_worked },
        };
        let text = match message {
            Message::Text(text) => text,
            Message::Close(frame) => {
                let (code, reason) = frame.map_or((1005, String::new()), |f| (u16::from(f.code), f.reason.to_string()));
                return match code {
                    1008 => End::Over(format!("the server does not allow it: {reason}")),
                    4001 => End::Over("the key has expired or was revoked".to_owned()),
                    4002 => End::Over("the session was deleted".to_owned()),
                    _ => End::Lost { reason: "the server closed the connection".to_owned(), at_once: has_worked },
                };
            }
            _ => continue,
        };
        let Ok(message) = serde_json::from_str::<Value>(&text) else { continue };
        let number = |name: &str| message.get(name).and_then(Value::as_u64);
        match message.get("type").and_then(Value::as_str) {
            // It says how far the log is; from where to go on is for this side to say.
            Some("hello") => {
                has_worked = true;
                let from = after.unwrap_or_else(|| number("lastSeq").unwrap_or(0).saturating_sub(n_last));
                *after = Some(from);
                let resume = json!({ "type": "resume", "after": from }).to_string();
                if let Err(error) = socket.send(Message::text(resume)).await {
                    return lost(error.to_string());
                }
            }
            Some("event") => {
                let seq = message.pointer("/event/seq").and_then(Value::as_u64);
                // What is there already does not come twice.
                if seq.is_some() && seq <= *after {
                    continue;
                }
                *after = seq.or(*after);
            }
            // Too much lies between: go on near the end, as at the beginning.
            Some("reset") => {
                *after = None;
                let _ = news.send(News::Message(message)).await;
                return End::Lost { reason: "too much was missed at once".to_owned(), at_once: true };
            }
            _ => {}
        }
        if news.send(News::Message(message)).await.is_err() {
            return End::Unheard;
        }
    }
}
