//! A WebSocket client.

use futures_util::{SinkExt, StreamExt};
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async};

use super::{PATIENCE, Reply};

/// What the kernel holds for a client that does not read. Left to itself it holds as much as the machine is set to, tens of
/// megabytes on some, and nobody would ever be too slow.
const RECEIVE_BUFFER: u32 = 256 << 10;

/// A WebSocket to the server. Dropped, it hangs up without a word.
pub struct Socket {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The first message, of a candidate's stream; else `null`.
    pub hello: Value,
    /// The headers that the server answered the handshake with.
    pub headers: HeaderMap,
}

impl Socket {
    pub(super) async fn connect(base: &str, path: &str, headers: &HeaderMap) -> Result<Self, Reply> {
        let mut request = format!("{}{path}", base.replacen("http", "ws", 1)).into_client_request().unwrap();
        request.headers_mut().extend(headers.clone());
        let shake_hands = async { client_async(request, MaybeTlsStream::Plain(reach(base).await)).await };
        match timeout(PATIENCE, shake_hands).await.expect("the server answers the handshake") {
            Ok((socket, response)) => Ok(Self { socket, hello: Value::Null, headers: response.headers().clone() }),
            Err(Error::Http(response)) => {
                let (head, body) = response.into_parts();
                let text = String::from_utf8(body.unwrap_or_default()).unwrap();
                Err(Reply::of(head.status.as_u16(), head.headers, text))
            }
            Err(error) => panic!("no WebSocket: {error}"),
        }
    }

    pub async fn send(&mut self, message: Value) {
        self.send_text(&message.to_string()).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        self.send_frame(Message::text(text)).await;
    }

    pub async fn send_frame(&mut self, frame: Message) {
        self.socket.send(frame).await.expect("the server takes the frame");
    }

    /// The next message.
    pub async fn next(&mut self) -> Value {
        match self.read().await {
            Ok(message) => message,
            Err(code) => panic!("the server closed with {code:?} instead of sending a message"),
        }
    }

    /// The next message of this type; others are passed over.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Reads to the end: the code of the close frame, `None` when the server hung up without one.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Err(code) = self.read().await {
                return code;
            }
        }
    }

    /// The next message, or the code of the close frame.
    pub async fn read(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a message within the deadline") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("messages are JSON")),
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("the server sent {other:?}"),
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// Says goodbye and waits for the server's.
    pub async fn close(mut self) {
        self.socket.close(None).await.ok();
        self.closed().await;
    }
}

/// A connection to the server at `http://host:port`.
async fn reach(base: &str) -> TcpStream {
    let authority = base.trim_start_matches("http://").trim_end_matches('/');
    let address = lookup_host(authority).await.unwrap().next().unwrap();
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.unwrap();
    // Before the handshake, which says how large the window may grow.
    socket.set_recv_buffer_size(RECEIVE_BUFFER).unwrap();
    let stream = socket.connect(address).await.expect("the server takes the connection");
    stream.set_nodelay(true).unwrap();
    stream
}
