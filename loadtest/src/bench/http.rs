//! Closed-loop HTTP: each connection sends its next request as soon as the last one is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::count::Counts;
use super::events::Events;

/// What is sent to where.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// The port of 127.0.0.1.
    pub(crate) port: u16,
    /// Events in a request; one alone is sent without a batch around it.
    pub(crate) batch: usize,
    /// The candidate's key or token.
    pub(crate) credential: String,
    /// Its events.
    pub(crate) events: Events,
}

/// Sends until told to stop.
pub(crate) async fn run(load: Load, stop: Arc<AtomicBool>) -> Result<Counts, String> {
    let wrong = |error: &dyn std::error::Error| format!("port {}: {}", load.port, crate::api::causes(error));
    let stream = TcpStream::connect(("127.0.0.1", load.port)).await.map_err(|error| wrong(&error))?;
    stream.set_nodelay(true).map_err(|error| wrong(&error))?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| wrong(&error))?;
    let connection = tokio::spawn(connection);
    let mut counts = Counts::default();
    let mut number = rand::random_range(0..1000);
    while !stop.load(Ordering::Relaxed) {
        let sent_at = Instant::now();
        let status = load.send(&mut sender, number).await.map_err(|error| wrong(&error))?;
        counts.answered(status, load.batch, sent_at);
        number += load.batch;
    }
    connection.abort();
    Ok(counts)
}

impl Load {
    async fn send(&self, sender: &mut SendRequest<Full<Bytes>>, number: usize) -> Result<u16, hyper::Error> {
        let (path, body) = match self.batch {
            1 => ("/v1/hooks/ingest", self.events.one(number)),
            n => ("/v1/hooks/ingest/batch", self.events.many(number, n, r#"{"events":["#, "]}").freeze()),
        };
        let request = Request::post(path)
            .header(header::HOST, "127.0.0.1")
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-api-key", &self.credential)
            .body(Full::new(body));
        let Ok(request) = request else { return Ok(0) };
        sender.ready().await?;
        let answer = sender.send_request(request).await?;
        let status = answer.status().as_u16();
        answer.into_body().collect().await?;
        Ok(status)
    }
}
