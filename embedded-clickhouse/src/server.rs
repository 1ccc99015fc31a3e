//! The HTTP service: routes, the caller's identity, the body limit, and the headers of a reply.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use subtle::ConstantTimeEq;
use tokio::net::{TcpListener, TcpStream};

use crate::engine::{Answer, Engine};
use crate::error::{Exception, code};
use crate::native;
use crate::request::Head;

const EXCEPTION_CODE: HeaderName = HeaderName::from_static("x-clickhouse-exception-code");
const FORMAT: HeaderName = HeaderName::from_static("x-clickhouse-format");
const QUERY_ID: HeaderName = HeaderName::from_static("x-clickhouse-query-id");
const SUMMARY: HeaderName = HeaderName::from_static("x-clickhouse-summary");
const TIMEZONE: HeaderName = HeaderName::from_static("x-clickhouse-timezone");

/// How long requests that have begun may take once the server is told to stop.
const DRAIN_LIMIT: Duration = Duration::from_secs(20);

type Reply = Response<Full<Bytes>>;

/// The one user that is let in.
#[derive(Clone)]
pub struct Credentials {
    /// Its name.
    pub user: String,
    /// Its password; may be empty.
    pub password: String,
}

impl Credentials {
    fn admit(&self, head: &Head) -> Result<(), Exception> {
        let user = head.user.as_deref().unwrap_or("default");
        let password = head.password.as_deref().unwrap_or_default();
        let is_known =
            self.user.as_bytes().ct_eq(user.as_bytes()) & self.password.as_bytes().ct_eq(password.as_bytes());
        if bool::from(is_known) {
            return Ok(());
        }
        let reason = "Authentication failed: password is incorrect, or there is no user with such name";
        Err(Exception::new(code::AUTHENTICATION_FAILED, format_args!("{user}: {reason}. (AUTHENTICATION_FAILED)")))
    }
}

/// The service. Clones share the engine.
#[derive(Clone)]
pub struct Server {
    engine: Engine,
    credentials: Credentials,
    max_body_bytes: usize,
    queries: Arc<AtomicU64>,
}

impl Server {
    /// A service over a running engine.
    pub fn new(engine: Engine, credentials: Credentials, max_body_bytes: usize) -> Self {
        Self { engine, credentials, max_body_bytes, queries: Arc::default() }
    }

    /// Serves until `stop` is ready, then lets requests that have begun come to their end.
    pub async fn run(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let connections = GracefulShutdown::new();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok(connection) => self.serve(connection, &connections),
                    // Out of file descriptors, most likely; it passes when clients leave.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                () = &mut stop => break,
            }
        }
        drop(listener);
        // A request that takes longer is cut off, as any client must expect of a server that stops.
        let _ = tokio::time::timeout(DRAIN_LIMIT, connections.shutdown()).await;
    }

    fn serve(&self, (stream, _): (TcpStream, SocketAddr), connections: &GracefulShutdown) {
        // Without it each small reply waits for the acknowledgement of the packet before; serving goes on if it fails.
        let _ = stream.set_nodelay(true);
        let server = self.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let server = server.clone();
            async move {
                let (parts, body) = request.into_parts();
                Ok::<_, Infallible>(server.respond(parts, body).await)
            }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        // A connection ends in an error when the client leaves in the middle; there is nobody to tell.
        tokio::spawn(async move { drop(connection.await) });
    }

    async fn respond(&self, parts: Parts, body: Incoming) -> Reply {
        let is_query = parts.method == Method::POST || parts.uri.query().is_some();
        match (&parts.method, parts.uri.path()) {
            (&Method::GET | &Method::HEAD, "/ping" | "/replicas_status") => plain(StatusCode::OK, "Ok.\n"),
            (&Method::GET | &Method::HEAD, "/") if !is_query => plain(StatusCode::OK, "Ok.\n"),
            (&Method::GET | &Method::POST, "/") => match self.answer(&parts, body).await {
                Ok(reply) => reply,
                Err(exception) => self.refusal(&exception),
            },
            (_, "/") => plain(StatusCode::METHOD_NOT_ALLOWED, "Only GET and POST are served here.\n"),
            (_, path) => plain(StatusCode::NOT_FOUND, format!("There is no handle {path}\n")),
        }
    }

    async fn answer(&self, parts: &Parts, body: Incoming) -> Result<Reply, Exception> {
        let mut head = Head::parse(parts)?;
        self.credentials.admit(&head)?;
        let compress = head.compress;
        let query_id = self.query_id(head.query_id.take());
        // The whole body comes first, so that an insert whose client goes away inserts nothing.
        let body = self.collect(body).await?;
        let request = head.with_body(body, self.max_body_bytes)?;
        let Answer { mut body, format, summary } = self.engine.run(request).await?;
        if compress {
            body = native::compress(&body)?.into();
        }
        let mut reply = Response::new(Full::new(body));
        let headers = reply.headers_mut();
        headers.insert(QUERY_ID, query_id);
        headers.insert(TIMEZONE, HeaderValue::from_static("UTC"));
        headers.extend(HeaderValue::try_from(format).map(|format| (FORMAT, format)));
        headers.extend(HeaderValue::try_from(summary).map(|summary| (SUMMARY, summary)));
        Ok(reply)
    }

    async fn collect(&self, body: Incoming) -> Result<Vec<u8>, Exception> {
        match Limited::new(body, self.max_body_bytes).collect().await {
            Ok(collected) => Ok(collected.to_bytes().into()),
            Err(error) if error.is::<LengthLimitError>() => Err(Exception::new(
                code::TOO_MANY_BYTES,
                format_args!("Request body is over the limit of {} bytes. (TOO_MANY_BYTES)", self.max_body_bytes),
            )),
            Err(error) => {
                Err(Exception::new(code::NETWORK_ERROR, format_args!("Body is cut short: {error}. (NETWORK_ERROR)")))
            }
        }
    }

    /// The caller's id, or the next number.
    fn query_id(&self, given: Option<String>) -> HeaderValue {
        let number = self.queries.fetch_add(1, Ordering::Relaxed);
        given.and_then(|id| HeaderValue::try_from(id).ok()).unwrap_or_else(|| HeaderValue::from(number))
    }

    fn refusal(&self, exception: &Exception) -> Reply {
        let text = format!("{exception} (version {} (official build))\n", self.engine.version());
        let mut reply = plain(exception.status(), text);
        reply.headers_mut().insert(EXCEPTION_CODE, HeaderValue::from(exception.code()));
        reply
    }
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(text.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
    reply
}
