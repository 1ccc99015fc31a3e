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
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    if half_close {
        stream.shutdown().await.unwrap();
    }
    let mut answer = Vec::new();
    // A reset by the server comes after what it had to say.
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server hangs up").ok();
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(RawReply { status, text })
}
