//! Opens the connection and reads how it ends.

use super::outbox::Limits;
use super::wire::Message;
use super::{StreamError, Target};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long the server may take to let a client in and to say hello, each.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open WebSocket.
pub(super) type Connection = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why a connection is of no more use.
#[derive(Debug)]
pub(super) enum Broken {
    /// It may work again.
    Lost(String),
    /// It will not.
    Over(StreamError),
}

/// Connects and waits for the server's `hello`.
pub(super) async fn open(target: &Target) -> Result<(Connection, Limits), Broken> {
    let protocol = |error: &dyn ToString| Broken::Over(StreamError::Protocol(error.to_string()));
    let mut request = target.url.as_str().into_client_request().map_err(|error| protocol(&error))?;
    let credential = HeaderValue::from_str(&target.credential).map_err(|error| protocol(&error))?;
    request.headers_mut().insert("x-api-key", credential);

    let connected = timeout(PATIENCE, Box::pin(connect_async(request))).await;
    let (mut connection, _) = match connected {
        Ok(Ok(connected)) => connected,
        Ok(Err(Error::Http(response))) => return Err(not_let_in(&response)),
        Ok(Err(Error::Url(error))) => return Err(protocol(&error)),
        Ok(Err(error)) => return Err(Broken::Lost(error.to_string())),
        Err(_) => return Err(Broken::Lost("the server does not answer".to_owned())),
    };
    loop {
        match timeout(PATIENCE, connection.next()).await {
            Ok(Some(Ok(tungstenite::Message::Text(text)))) => {
                if let Some(limits) = understood(&text)?.limits() {
                    return Ok((connection, limits));
                }
            }
            Ok(Some(Ok(tungstenite::Message::Close(frame)))) => return Err(closed(frame, None, 0)),
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(error))) => return Err(Broken::Lost(error.to_string())),
            Ok(None) => return Err(Broken::Lost("the connection ended".to_owned())),
            Err(_) => return Err(Broken::Lost("the server says no hello".to_owned())),
        }
    }
}

/// Reads a message of the server.
pub(super) fn understood(text: &str) -> Result<Message, Broken> {
    serde_json::from_str(text).map_err(|error| Broken::Over(StreamError::Protocol(error.to_string())))
}

/// What the end of a connection means.
pub(super) fn closed(frame: Option<CloseFrame>, closing: Option<String>, waiting: usize) -> Broken {
    let Some(frame) = frame else { return Broken::Lost("the server closed the connection".to_owned()) };
    let code = u16::from(frame.code);
    let meaning = match code {
        1000 => "the session is over",
        1001 => "it is going away",
        1008 => "not allowed",
        1009 => "a message was too big for it",
        1011 => "it has a fault",
        1013 => "it is overloaded",
        4001 => "the credential has expired or was revoked",
        4002 => "the session was deleted",
        _ => "no known reason",
    };
    let told = closing.filter(|reason| !reason.is_empty()).unwrap_or_else(|| frame.reason.to_string());
    let reason = if told.is_empty() { meaning.to_owned() } else { format!("{meaning}: {told}") };
    match code {
        1000 | 1008 | 1009 | 4000..=4999 => Broken::Over(StreamError::Closed { reason, waiting }),
        _ => Broken::Lost(format!("the server closed the connection: {reason} ({code})")),
    }
}

fn not_let_in(response: &Response<Option<Vec<u8>>>) -> Broken {
    let status = response.status();
    let body = response.body().as_deref().unwrap_or_default();
    let told = serde_json::from_slice::<serde_json::Value>(body).ok();
    let told = told.and_then(|body| body.get("error")?.as_str().map(str::to_owned));
    let message = told.map_or_else(|| format!("HTTP {status}"), |told| format!("{told} (HTTP {})", status.as_u16()));
    if status.is_server_error() || status.as_u16() == 429 {
        Broken::Lost(message)
    } else {
        Broken::Over(StreamError::Refused { message })
    }
}

#[cfg(test)]
mod tests {
    use super::{Broken, closed};
    use tokio_tungstenite::tungstenite::protocol::CloseFrame;

    fn is_over(code: u16) -> bool {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        matches!(closed(Some(frame), None, 0), Broken::Over(_))
    }

    #[test]
    fn some_ends_are_final_and_others_are_not() {
        assert_eq!([1000, 1008, 1009, 4001, 4002].map(is_over), [true; 5]);
        assert_eq!([1001, 1006, 1011, 1012, 1013].map(is_over), [false; 5]);
        assert!(matches!(closed(None, None, 0), Broken::Lost(_)));
    }

    #[test]
    fn the_reason_that_the_server_gave_is_told() {
        let frame = CloseFrame { code: 1000.into(), reason: "bye".into() };
        let Broken::Over(error) = closed(Some(frame), Some("time_limit".into()), 3) else { panic!() };
        let told = "the server closed the stream: the session is over: time_limit (3 events without an answer)";
        assert_eq!(error.to_string(), told);
    }
}
