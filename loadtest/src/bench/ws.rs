//! A candidate on a WebSocket: batches, as many in flight as the server's window lets.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::count::Counts;
use super::events::Events;
use crate::socket;

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Said {
    Hello {
        window: usize,
    },
    Ack {
        results: Vec<Fate>,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Fate {
    status: u16,
}

/// Sends batches of `batch` events until told to stop.
pub(crate) async fn run(
    port: u16,
    credential: String,
    events: Events,
    batch: usize,
    stop: Arc<AtomicBool>,
) -> Result<Counts, String> {
    let url = format!("ws://127.0.0.1:{port}/v1/stream");
    let mut socket = socket::open(&url, "x-api-key", &credential).await.map_err(|lost| lost.reason)?;
    let mut counts = Counts::default();
    let (mut window, mut number) = (0, 0);
    let mut flying: VecDeque<Instant> = VecDeque::new();
    loop {
        let is_over = stop.load(Ordering::Relaxed);
        if is_over && flying.is_empty() {
            return Ok(counts);
        }
        if !is_over && flying.len() + batch <= window {
            let text = events.many(number, batch, r#"{"type":"batch","events":["#, "]}").freeze();
            number += batch;
            let text = Utf8Bytes::try_from(text).map_err(|error| error.to_string())?;
            flying.extend(std::iter::repeat_n(Instant::now(), batch));
            socket.send(Message::Text(text)).await.map_err(|error| error.to_string())?;
            continue;
        }
        let Some(text) = socket::text_of(socket.next().await).map_err(|lost| lost.reason)? else { continue };
        match serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))? {
            Said::Hello { window: told } => window = told,
            Said::Ack { results } => {
                for fate in results {
                    let Some(sent_at) = flying.pop_front() else { return Err("an ack for nothing".to_owned()) };
                    counts.answered(fate.status, 1, sent_at);
                }
            }
            Said::Other => return Err(format!("unexpected: {text}")),
        }
    }
}
