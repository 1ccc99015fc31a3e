//! HTTP calls: one try, or as many as it takes.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, Method, RequestBuilder, Url};
use serde_json::Value;
use tokio::time::sleep;

use crate::patience::Patience;

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The server pings every 15 s; a feed that is silent for this long is dead.
const SILENCE: Duration = Duration::from_secs(45);

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Who<'a> {
    /// The reviewer, with the API key.
    Reviewer,
    /// A candidate, with its key or token.
    Candidate(&'a str),
    /// Anybody.
    Public,
}

/// A server, and the API key of a reviewer.
#[derive(Debug)]
pub(crate) struct Api {
    client: Client,
    feeds: Client,
    base: Url,
    key: String,
    give_up_after: Duration,
}

/// An answer of the server.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: u16,
    /// The `Retry-After`, if there is one.
    pub(crate) retry_after: Option<Duration>,
    /// The body.
    pub(crate) body: Bytes,
}

impl Reply {
    /// The body as JSON; `null` when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Status and body for a person.
    pub(crate) fn brief(&self) -> String {
        let text: String = String::from_utf8_lossy(&self.body).chars().take(300).collect();
        format!("{} {text}", self.status)
    }

    /// Whether the same call may succeed later.
    pub(crate) fn may_pass(&self) -> bool {
        self.status == 429 || self.status == 408 || self.status >= 500
    }
}

impl Api {
    /// Takes the server's address as a person types it.
    pub(crate) fn new(server: &str, key: &str, give_up_after: Duration) -> Result<Self, String> {
        Self::with_timeout(server, key, give_up_after, TIMEOUT)
    }

    /// The same, where one call may take no longer than `timeout`.
    pub(crate) fn with_timeout(
        server: &str,
        key: &str,
        give_up_after: Duration,
        timeout: Duration,
    ) -> Result<Self, String> {
        let base = Url::parse(server.trim().trim_end_matches('/')).ok();
        let base = base.filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
        let base = base.ok_or_else(|| format!("{server:?} is not the address of a server (http://…)"))?;
        let agent = concat!("promptster-loadtest/", env!("CARGO_PKG_VERSION"));
        let builder = || Client::builder().user_agent(agent).connect_timeout(Duration::from_secs(5));
        let client = builder().timeout(timeout).build().map_err(|error| causes(&error))?;
        let feeds = builder().read_timeout(SILENCE).build().map_err(|error| causes(&error))?;
        Ok(Self { client, feeds, base, key: key.to_owned(), give_up_after })
    }

    /// How long to insist.
    pub(crate) fn patience(&self) -> Patience {
        Patience::new(self.give_up_after)
    }

    /// The reviewer's `Authorization`.
    pub(crate) fn authorization(&self) -> String {
        format!("Bearer {}", self.key)
    }

    /// The address of a WebSocket.
    pub(crate) fn socket_url(&self, path: &str) -> String {
        let url = self.url(path);
        // `http` becomes `ws`, and so `https` becomes `wss`.
        format!("ws{}", url.strip_prefix("http").unwrap_or(&url))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// A call that answers for a long time.
    pub(crate) fn feed(&self, path: &str) -> RequestBuilder {
        let request = self.feeds.get(self.url(path)).header("accept", "text/event-stream");
        request.header("authorization", self.authorization())
    }

    /// One try; an error when there was no answer.
    pub(crate) async fn once(
        &self,
        method: Method,
        path: &str,
        who: Who<'_>,
        body: Option<String>,
    ) -> Result<Reply, String> {
        let mut request = self.client.request(method, self.url(path));
        request = match who {
            Who::Reviewer => request.header("authorization", self.authorization()),
            Who::Candidate(key) => request.header("x-api-key", key),
            Who::Public => request,
        };
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await.map_err(|error| causes(&error.without_url()))?;
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let body = answer.bytes().await.map_err(|error| causes(&error.without_url()))?;
        Ok(Reply { status, retry_after: retry_after.map(Duration::from_secs), body })
    }

    /// Calls until there is an answer that stands; an error when it is not the `expected` status.
    pub(crate) async fn insist(
        &self,
        method: Method,
        path: &str,
        who: Who<'_>,
        body: Option<&Value>,
        expected: u16,
    ) -> Result<Reply, String> {
        let mut patience = self.patience();
        loop {
            let (reason, asked) = match self.once(method.clone(), path, who, body.map(Value::to_string)).await {
                Ok(reply) if reply.status == expected => return Ok(reply),
                Ok(reply) if reply.may_pass() => (reply.brief(), reply.retry_after),
                Ok(reply) => return Err(format!("{method} {path}: {}", reply.brief())),
                Err(reason) => (reason, None),
            };
            match patience.failed(asked) {
                Some(wait) => sleep(wait).await,
                None => return Err(format!("{method} {path}: gave up, {reason}")),
            }
        }
    }

    /// Reads as the reviewer.
    pub(crate) async fn get(&self, path: &str) -> Result<Reply, String> {
        self.insist(Method::GET, path, Who::Reviewer, None, 200).await
    }
}

/// An error with what caused it: the outer ones alone say little.
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
