//! Somebody who calls the API, and what is answered.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use super::{PATIENCE, Socket, Sse, described::hold};

/// Somebody with a credential, or without one.
#[derive(Debug, Clone)]
pub struct User {
    client: Client,
    base: String,
    headers: HeaderMap,
}

impl User {
    /// Somebody without a credential.
    pub fn new(base: String) -> Self {
        // Built with the whole workspace, the client can do TLS but brings no provider for it. Fails when there is one.
        rustls::crypto::ring::default_provider().install_default().ok();
        // Each request on its own connection, so that a server that was restarted is not a surprise.
        let client = Client::builder().pool_max_idle_per_host(0).no_proxy().timeout(PATIENCE).build().unwrap();
        Self { client, base, headers: HeaderMap::new() }
    }

    /// The same, sending this header too (instead of one of that name).
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut user = self.clone();
        user.headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
        user
    }

    /// The same, at another node.
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path).await
    }

    /// The reply, if the server answers at all.
    pub async fn try_get(&self, path: &str) -> Option<Reply> {
        Some(Reply::read(self.request(Method::GET, path).send().await.ok()?).await)
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path).await
    }

    /// A request without a body.
    pub async fn call(&self, method: Method, path: &str) -> Reply {
        self.send(self.request(method, path)).await
    }

    /// A `POST` of these bytes, whatever they are.
    pub async fn post_bytes(&self, path: &str, body: impl Into<Vec<u8>>) -> Reply {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        self.send(request.body(body.into())).await
    }

    /// A request to add to; [`User::send`] sends it.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).headers(self.headers.clone())
    }

    /// Sends it; what is answered has to be what the server's own description allows.
    pub async fn send(&self, request: RequestBuilder) -> Reply {
        let request = request.build().expect("a request");
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let reply = Reply::read(self.client.execute(request).await.expect("the server answers")).await;
        hold(&method, &path, &reply);
        reply
    }

    /// Opens a WebSocket; the reply when the server refuses.
    pub async fn connect(&self, path: &str) -> Result<Socket, Reply> {
        Socket::connect(&self.base, path, &self.headers).await
    }

    /// Watches a session by WebSocket; `query` is empty or begins with `?`.
    pub async fn watch(&self, session: &str, query: &str) -> Socket {
        self.connect(&format!("/v1/sessions/{session}/live{query}")).await.expect("the server lets the watcher in")
    }

    /// Watches the sessions of an assessment by WebSocket.
    pub async fn watch_wall(&self, assessment: &str) -> Socket {
        self.connect(&format!("/v1/live?assessmentId={assessment}")).await.expect("the server lets the watcher in")
    }

    /// Watches a session by Server-Sent Events.
    pub async fn sse(&self, session: &str, last_event_id: Option<&str>) -> Sse {
        self.sse_of(&format!("/v1/sessions/{session}/live"), last_event_id).await
    }

    /// Opens a path as Server-Sent Events.
    pub async fn sse_of(&self, path: &str, last_event_id: Option<&str>) -> Sse {
        let mut request = self.request(Method::GET, path);
        // The time limit of a client covers the whole body, which has no end here.
        request = request.timeout(PATIENCE * 60).header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        Sse::open(request).await
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// `null` when the text is not JSON.
    pub body: Value,
}

impl Reply {
    async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self::of(status, headers, response.text().await.expect("the whole body arrives"))
    }

    pub fn of(status: u16, headers: HeaderMap, text: String) -> Self {
        let body = serde_json::from_str(&text).unwrap_or_default();
        Self { status, headers, text, body }
    }

    /// The body, if the status is the expected one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// Fails unless it is a refusal of this status and code in the shape of all refusals.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.text);
        assert!(self.body["error"].as_str().is_some_and(|sentence| !sentence.is_empty()), "{}", self.text);
    }

    /// The `code` of an error; empty without one.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// A header; empty without one.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}
