//! A feed of one session as a watcher gets it: WebSocket or Server-Sent Events.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, Stream, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::api::{Api, causes};
use crate::socket::{self, Lost, Socket};
use crate::sse;

/// An open feed.
pub(crate) enum Feed {
    /// Over a WebSocket.
    Socket {
        /// The socket.
        socket: Box<Socket>,
        /// Whether it was asked to resume.
        resuming: Resuming,
    },
    /// As Server-Sent Events.
    Sse {
        /// What comes.
        bytes: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
        /// Makes events of it.
        parser: sse::Parser,
        /// Events that are complete and were not taken yet.
        ready: VecDeque<sse::Event>,
    },
}

/// Whether a `resume` was sent and is not taken up yet. One that takes longer than a second finds a server that sends new
/// events already, as is published; it then starts over from where it was asked to, so those before do not count.
#[derive(Debug, Default)]
pub(crate) struct Resuming(bool);

impl Resuming {
    fn takes(&mut self, name: &str) -> bool {
        if ["replay", "live", "reset"].contains(&name) {
            self.0 = false;
        }
        !(self.0 && name == "event")
    }
}

/// A message of a feed, as far as watchers care.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    /// What it is.
    #[serde(rename = "type")]
    pub(crate) name: String,
    /// The row, where it is an event.
    pub(crate) event: Option<Box<RawValue>>,
    /// The newest `seq`, where it is a hello.
    pub(crate) last_seq: Option<u64>,
    /// Why, where it is a reset.
    pub(crate) reason: Option<String>,
}

impl Feed {
    /// Opens the feed of `session`: after `after`, or with new events only. A WebSocket is to be told where to go on with
    /// [`Self::resume`] after its hello.
    pub(crate) async fn open(api: &Api, session: &str, is_sse: bool, after: Option<u64>) -> Result<Self, Lost> {
        let path = format!("/v1/sessions/{session}/live");
        let path = if after.is_none() { format!("{path}?after=live") } else { path };
        if !is_sse {
            let socket = socket::open(&api.socket_url(&path), "authorization", &api.authorization()).await?;
            return Ok(Self::Socket { socket: Box::new(socket), resuming: Resuming::default() });
        }
        let mut request = api.feed(&path);
        if let Some(after) = after {
            request = request.header("last-event-id", after.to_string());
        }
        let answer = request.send().await.map_err(|error| Lost::because(causes(&error.without_url())))?;
        if answer.status() != 200 {
            let wait = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            let reason =
                format!("the feed is answered {}: {}", answer.status(), answer.text().await.unwrap_or_default());
            return Err(Lost { reason, wait: wait.map(Duration::from_secs) });
        }
        let bytes = Box::pin(answer.bytes_stream());
        Ok(Self::Sse { bytes, parser: sse::Parser::default(), ready: VecDeque::new() })
    }

    /// The next message; nothing for pings and the like. May be dropped while it waits.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, Lost> {
        match self {
            Self::Socket { socket, .. } => socket::text_of(socket.next().await),
            Self::Sse { bytes, parser, ready } => {
                if let Some(event) = ready.pop_front() {
                    return Ok(Some(event.data));
                }
                match bytes.next().await {
                    Some(Ok(piece)) => ready.extend(parser.push(&piece)),
                    Some(Err(error)) => return Err(Lost::because(causes(&error.without_url()))),
                    None => return Err(Lost::because("the feed ended")),
                }
                Ok(None)
            }
        }
    }

    /// Whether a message of this name counts.
    pub(crate) fn takes(&mut self, name: &str) -> bool {
        match self {
            Self::Socket { resuming, .. } => resuming.takes(name),
            Self::Sse { .. } => true,
        }
    }

    /// Asks for what comes after `seq`; a feed of Server-Sent Events was asked when it was opened, and is opened again.
    pub(crate) async fn resume(&mut self, seq: u64) -> Result<(), Lost> {
        let Self::Socket { socket, resuming } = self else { return Ok(()) };
        resuming.0 = true;
        let frame = Frame::text(format!(r#"{{"type":"resume","after":{seq}}}"#));
        socket.send(frame).await.map_err(|error| Lost::because(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::Resuming;

    #[test]
    fn what_comes_before_a_resume_is_taken_up_does_not_count() {
        let (mut fresh, mut asked) = (Resuming::default(), Resuming(true));
        assert!(fresh.takes("event"));
        let heard = ["session", "event", "replay", "event", "live", "event"].map(|name| asked.takes(name));
        assert_eq!(heard, [true, false, true, true, true, true]);
    }
}
