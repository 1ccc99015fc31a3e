//! The limit of the log: `XADD` and nothing else, pipelined, into a Redis that is configured as the server's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::count::Counts;
use super::events::Events;

/// Appends events to a stream of its own, `pipeline` at once, until told to stop.
pub(crate) async fn run(
    port: u16,
    stream: usize,
    events: Events,
    pipeline: usize,
    stop: Arc<AtomicBool>,
) -> Result<Counts, String> {
    let wrong = |error: std::io::Error| format!("redis: {error}");
    let socket = TcpStream::connect(("127.0.0.1", port)).await.map_err(wrong)?;
    socket.set_nodelay(true).map_err(wrong)?;
    let (reader, mut writer) = socket.into_split();
    let (mut reader, mut line) = (BufReader::new(reader), String::new());
    let key = format!("bench:{stream}");
    let mut counts = Counts::default();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut commands = BytesMut::with_capacity(2048 * pipeline);
        for place in 0..pipeline {
            let event = events.one(number + place);
            commands.put_slice(format!("*5\r\n$4\r\nXADD\r\n${}\r\n{key}\r\n$1\r\n*\r\n", key.len()).as_bytes());
            commands.put_slice(format!("$1\r\ne\r\n${}\r\n", event.len()).as_bytes());
            commands.put_slice(&event);
            commands.put_slice(b"\r\n");
        }
        number += pipeline;
        let sent_at = Instant::now();
        writer.write_all(&commands).await.map_err(wrong)?;
        // Each answer is an id: its length on one line, the id on the next.
        for _ in 0..pipeline * 2 {
            line.clear();
            reader.read_line(&mut line).await.map_err(wrong)?;
            if line.starts_with('-') || line.is_empty() {
                return Err(format!("redis answers {line:?} to XADD"));
            }
        }
        counts.answered(201, pipeline, sent_at);
    }
    Ok(counts)
}
