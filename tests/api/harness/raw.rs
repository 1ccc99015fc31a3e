//! Requests that no well-behaved client sends: bytes to a socket, bytes back.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;

/// The beginning of what was answered.
#[derive(Debug)]
pub struct RawReply {
    pub status: u16,
    pub text: String,
}

/// Sends these bytes, then reads until the server hangs up. With `half_close` the client says that no more will come.
pub async fn raw(address: SocketAddr, bytes: &[u8], half_close: bool) -> Option<RawReply> {
    let mut request = RawRequest::begin(address, bytes).await;
    if half_close {
        request.0.shutdown().await.unwrap();
    }
    request.end(b"").await
}

/// A request of which a part was sent.
pub struct RawRequest(TcpStream);

impl RawRequest {
    pub async fn begin(address: SocketAddr, bytes: &[u8]) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        Self(stream)
    }

    /// Waits until the server has taken the head, which asks for that by `Expect: 100-continue`.
    pub async fn is_taken(&mut self) {
        let mut answer = [0; 25];
        timeout(PATIENCE, self.0.read_exact(&mut answer)).await.expect("an interim answer").unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    }

    /// Sends the rest, then reads until the server hangs up. `None` when it does so without a word.
    pub async fn end(mut self, bytes: &[u8]) -> Option<RawReply> {
        self.0.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A reset by the server comes after what it had to say.
        timeout(PATIENCE, self.0.read_to_end(&mut answer)).await.expect("the server hangs up").ok();
        let text = String::from_utf8_lossy(&answer).into_owned();
        let status = text.split_whitespace().nth(1)?.parse().ok()?;
        Some(RawReply { status, text })
    }
}
