//! The line to a client, looked at while nothing is written to it. A handler that waits is not told when its client hangs
//! up: the framework lets clients close their half and still have the answer. Model clients never do that, and models
//! think for minutes, at the operator's expense.

use std::{io::ErrorKind, mem::MaybeUninit, sync::Arc, time::Duration};

use actix_web::{HttpRequest, rt::net::TcpStream};
use socket2::{SockRef, Socket};

/// How often the line is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A second handle of a client's connection; it goes with the connection.
#[derive(Debug, Clone)]
pub struct Line(Arc<Socket>);

impl Line {
    /// The line that this connection is; `None` where the system has no descriptor left, and nobody looks then.
    #[must_use]
    pub fn of(connection: &TcpStream) -> Option<Self> {
        SockRef::from(connection).try_clone().ok().map(|socket| Self(Arc::new(socket)))
    }

    /// The line that a request came on.
    pub(super) fn to_client(request: &HttpRequest) -> Option<Self> {
        request.conn_data::<Self>().cloned()
    }

    /// Whether the client has hung up. What it may have sent behind its request stays where it is.
    fn is_down(&self) -> bool {
        match self.0.peek(&mut [MaybeUninit::uninit()]) {
            Ok(n) => n == 0,
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }
}

/// Comes when the client has hung up, and never without a line.
pub(super) async fn hung_up(line: Option<&Line>) {
    let Some(line) = line else { return std::future::pending().await };
    while !line.is_down() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[tokio::test]
    async fn a_line_is_down_when_the_other_side_hangs_up_and_not_before() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let line = Line::of(&server).unwrap();
        assert!(!line.is_down());
        client.write_all(b"ab").await.unwrap();
        server.readable().await.unwrap();
        assert!(!line.is_down());
        let mut sent = [0; 2];
        server.read_exact(&mut sent).await.unwrap();
        assert_eq!((&sent, line.is_down()), (b"ab", false), "looking takes nothing away");
        drop(client);
        hung_up(Some(&line)).await;
        assert!(line.is_down());
    }
}
