//! A client of Server-Sent Events.

use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::time::timeout;

use super::PATIENCE;

/// A stream of Server-Sent Events.
pub struct Sse {
    pub response: Response,
    read: Vec<u8>,
}

impl Sse {
    pub(super) async fn open(request: RequestBuilder) -> Self {
        let response = timeout(PATIENCE, request.send()).await.expect("an answer").expect("the server answers");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, read: Vec::new() }
    }

    /// The next event: id (empty without one), type, data.
    pub async fn next(&mut self) -> (String, String, Value) {
        self.read().await.expect("the stream goes on")
    }

    /// The next event of this type; others are passed over.
    pub async fn next_of(&mut self, kind: &str) -> (String, Value) {
        loop {
            let (id, event, data) = self.next().await;
            if event == kind {
                return (id, data);
            }
        }
    }

    /// The next event; `None` when the stream has ended.
    pub async fn read(&mut self) -> Option<(String, String, Value)> {
        loop {
            while let Some(end) = self.read.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.read.drain(..end + 2).collect();
                if let Some(event) = parse(&String::from_utf8(block).unwrap()) {
                    return Some(event);
                }
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("an event within the deadline");
            self.read.extend(chunk.ok()??);
        }
    }
}

/// An event of the lines of a block; `None` of comments alone.
fn parse(block: &str) -> Option<(String, String, Value)> {
    let fields = |name: &str| -> Vec<&str> {
        block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim_start).collect()
    };
    let data = fields("data");
    if data.is_empty() {
        return None;
    }
    let text = |name| fields(name).first().copied().unwrap_or_default().to_owned();
    Some((text("id"), text("event"), serde_json::from_str(&data.join("\n")).expect("data is JSON")))
}
