//! Opens a WebSocket.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// How long the server may take to let a client in.
const PATIENCE: Duration = Duration::from_secs(10);
/// The server pings every 15 s; a connection that is silent for this long is dead.
pub(crate) const SILENCE: Duration = Duration::from_secs(45);

/// An open WebSocket.
pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why a connection is of no more use, and how long the server asks to wait.
#[derive(Debug)]
pub(crate) struct Lost {
    /// For a person.
    pub(crate) reason: String,
    /// What the server asked for.
    pub(crate) wait: Option<Duration>,
}

impl Lost {
    /// Without a wish of the server.
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), wait: None }
    }
}

/// Connects.
pub(crate) async fn open(url: &str, header: &'static str, credential: &str) -> Result<Socket, Lost> {
    open_with(url, header, credential, WebSocketConfig::default()).await
}

/// Connects, with as little memory as a socket can do with: for thousands of them.
pub(crate) async fn open_small(url: &str, header: &'static str, credential: &str) -> Result<Socket, Lost> {
    let config = WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0);
    open_with(url, header, credential, config).await
}

async fn open_with(url: &str, header: &'static str, credential: &str, config: WebSocketConfig) -> Result<Socket, Lost> {
    let mut request = url.into_client_request().map_err(|error| Lost::because(error.to_string()))?;
    let credential = HeaderValue::from_str(credential).map_err(|error| Lost::because(error.to_string()))?;
    request.headers_mut().insert(header, credential);
    match timeout(PATIENCE, Box::pin(connect_async_with_config(request, Some(config), true))).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(Error::Http(response))) => {
            let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
            let reason = format!("the upgrade is answered {} {body}", response.status());
            Err(Lost { reason, wait: wait.map(Duration::from_secs) })
        }
        Ok(Err(error)) => Err(Lost::because(error.to_string())),
        Err(_) => Err(Lost::because("the server does not answer the upgrade")),
    }
}

/// The text of an incoming frame; nothing for pings and the like, an error at the end.
pub(crate) fn text_of(incoming: Option<Result<Message, Error>>) -> Result<Option<String>, Lost> {
    match incoming {
        Some(Ok(Message::Text(text))) => Ok(Some(text.as_str().to_owned())),
        Some(Ok(Message::Close(frame))) => Err(Lost::because(closed(frame))),
        // Pings are answered by the library.
        Some(Ok(_)) => Ok(None),
        Some(Err(error)) => Err(Lost::because(error.to_string())),
        None => Err(Lost::because("the connection ended")),
    }
}

fn closed(frame: Option<CloseFrame>) -> String {
    frame.map_or_else(
        || "closed without a code".to_owned(),
        |frame| format!("closed with {} {}", u16::from(frame.code), frame.reason),
    )
}
