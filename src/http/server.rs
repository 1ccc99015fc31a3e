//! The HTTP server, and what every reply of it has in common.

use std::{
    any::Any,
    fmt,
    net::{IpAddr, Ipv6Addr, TcpListener},
    panic::AssertUnwindSafe,
    time::Duration,
};

use actix_web::{
    Error, HttpMessage, HttpResponse, HttpServer, ResponseError,
    body::MessageBody,
    dev::{Extensions, Server, ServiceRequest, ServiceResponse},
    http::{
        ConnectionType, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::{self, Next, NormalizePath, TrailingSlash},
    rt::net::TcpStream,
    web::{self, Data},
};
use futures_util::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use super::{
    cors,
    error::{ApiError, Refusal},
    proxy::Line,
    rate::{Standing, network_of},
    routes,
    timed::Timed,
};
use crate::{App, lag, settings::Rate, traces};

/// How long the head of a request may take; as long as a pause within its body.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than the idle time of common load balancers (60 s), so that they never send into a closing connection.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// The id of a request, in its extensions, its reply and its log lines.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// A server on `listener`; it stops when its handle says so, not by signals.
///
/// # Errors
/// When the listener cannot be used.
pub fn server(app: Data<App>, listener: TcpListener, workers: usize) -> std::io::Result<Server> {
    let places = app.clone();
    places.places.are_for(workers);
    let (max_connections, shutdown_s) = (app.settings.max_connections, app.settings.shutdown_timeout.as_secs());
    let server = HttpServer::new(move || {
        feel_pulse();
        actix_web::App::new()
            .app_data(app.clone())
            .app_data(Data::new(app.settings.rates.address))
            .wrap(middleware::from_fn(refuse_without_data))
            .wrap(middleware::from_fn(catch_panics))
            .wrap(NormalizePath::new(TrailingSlash::MergeOnly))
            .wrap(middleware::from_fn(finish))
            .wrap(middleware::from_fn(cors::cors))
            .configure(routes)
            .default_service(web::to(|| async { Err::<&'static str, ApiError>(Refusal::NotFound.into()) }))
    });
    Ok(server
        .workers(workers)
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .max_connections(max_connections)
        .shutdown_timeout(shutdown_s)
        .on_connect(move |connection, extensions| connected(&places, connection, extensions))
        .disable_signals()
        .listen(listener)?
        .run())
}

/// Called once by each worker, on its thread.
#[expect(clippy::disallowed_methods, reason = "it is about this worker, and is to end with it")]
fn feel_pulse() {
    actix_web::rt::spawn(lag::feel());
}

/// How long what was sent may stay unconfirmed by the peer: a peer that reads nothing, or that is gone without a word, is
/// let go by the kernel then, whatever waits to be written to it.
const UNREAD_FOR: Duration = Duration::from_secs(20);

/// Gives a connection its place, which it keeps as long as it lives, or closes it where there is none.
fn connected(app: &App, connection: &dyn Any, extensions: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
    bound_unread(stream);
    // It takes another descriptor, so that only who needs it pays.
    if let Some(line) = app.proxy.is_on().then(|| Line::of(stream)).flatten() {
        extensions.insert(line);
    }
    let peer = stream.peer_addr().map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| network_of(peer.ip()));
    match app.places.connection(peer) {
        Ok(place) => drop(extensions.insert(place)),
        Err(refusal) => {
            ApiError::from(refusal).report("");
            rustix::net::shutdown(stream, rustix::net::Shutdown::Both).ok();
        }
    }
}

/// The most that waits in the kernel for a peer that does not take it, besides what is on the way: without a bound it is
/// some 4 MiB for each peer, which have to be copied there and kept.
const UNSENT_BYTES: u32 = 256 * 1024;

/// Lets the kernel find dead peers, and holds little for those that read slowly.
fn bound_unread(stream: &TcpStream) {
    // What a platform does not have it does without.
    #[cfg(target_os = "linux")]
    {
        let socket = socket2::SockRef::from(stream);
        socket.set_tcp_user_timeout(Some(UNREAD_FOR)).ok();
        socket.set_tcp_notsent_lowat(UNSENT_BYTES).ok();
    }
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
}

/// Refuses what needs Redis while it lacks what it held.
async fn refuse_without_data<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let is_open = request.app_data::<Data<App>>().is_none_or(|app| app.open.is());
    if !is_open && needs_redis(request.path()) {
        return Err(ApiError::unavailable("Redis lacks data that ClickHouse has").into());
    }
    next.call(request).await
}

fn needs_redis(path: &str) -> bool {
    let asks = path.starts_with("/v1/") || path.starts_with("/auth/");
    asks && !["/v1/health", "/v1/ready", "/v1/openapi.json"].contains(&path)
}

/// Turns a panic of a handler into an error, so that the client gets an answer.
async fn catch_panics<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(result) => result,
        // The message and the place were printed by the panic hook.
        Err(_) => Err(ApiError::internal("panic").into()),
    }
}

/// Gives every reply its headers, and every refusal its body, log line and count.
pub(super) async fn finish<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let app = request.app_data::<Data<App>>().cloned();
    let unused = request.app_data::<Data<Rate>>().map(|rate| Standing::full(***rate));
    let timed = Timed::begin(&request);
    let span = traces::of_request(&request, &id, app.as_ref().is_some_and(|app| app.settings.trust_forwarded_for));
    let reply = match next.call(request).instrument(span.clone()).await {
        Ok(reply) => reply,
        Err(error) => {
            let error = named(&error);
            timed.end(error.refusal().status());
            traces::answered(&span, error.refusal().status());
            return Err(Finished { error, id, standing: unused }.into());
        }
    };
    let standing = reply.request().extensions().get::<Standing>().copied().or(unused);
    let refused = reply.response().error().map(named);
    let mut reply = match refused {
        Some(error) => {
            error.report(&id);
            let body = error.respond(&id);
            reply.into_response(body).map_into_right_body()
        }
        None => reply.map_into_left_body(),
    };
    timed.end(reply.status());
    traces::answered(&span, reply.status());
    decorate(reply.headers_mut(), &id, standing);
    let is_socket = reply.status() == StatusCode::SWITCHING_PROTOCOLS;
    if !is_socket && app.is_some_and(|app| app.places.are_scarce()) {
        // One that only waits for its next request would keep others out.
        reply.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(reply)
}

/// An error that has left the handlers without a request to reply to.
#[derive(Debug)]
struct Finished {
    error: ApiError,
    id: String,
    standing: Option<Standing>,
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for Finished {
    fn status_code(&self) -> StatusCode {
        self.error.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        self.error.report(&self.id);
        let mut response = self.error.respond(&self.id);
        decorate(response.headers_mut(), &self.id, self.standing);
        response
    }
}

/// Our own errors as they are; those of the framework by their status.
fn named(error: &Error) -> ApiError {
    if let Some(ours) = error.as_error::<ApiError>() {
        return ours.clone();
    }
    match error.as_response_error().status_code() {
        StatusCode::NOT_FOUND => Refusal::NotFound.into(),
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::PayloadTooLarge.into(),
        status if status.is_client_error() => Refusal::BadRequest.into(),
        _ => ApiError::internal(error),
    }
}

/// The client's own id when it is sane, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let sane = |id: &&str| (1..=128).contains(&id.len()) && id.bytes().all(legal);
    let given = headers.get("x-request-id").and_then(|id| id.to_str().ok()).filter(sane);
    given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

fn decorate(headers: &mut HeaderMap, id: &str, standing: Option<Standing>) {
    const FIXED: [(HeaderName, &str); 4] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ];
    for (name, value) in FIXED.into_iter().chain([(header::CACHE_CONTROL, "no-store")]) {
        // A page of the dashboard brings its own.
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    if let Some(standing) = standing {
        headers.insert(HeaderName::from_static("x-ratelimit-limit"), standing.limit.into());
        headers.insert(HeaderName::from_static("x-ratelimit-remaining"), standing.remaining.into());
        headers.insert(HeaderName::from_static("x-ratelimit-reset"), standing.reset_unix_s.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_request_id_is_echoed_and_any_other_replaced() {
        let echoed = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static("x-request-id"), HeaderValue::from_str(id).unwrap());
            request_id(&headers) == id
        };
        assert!(echoed("a.B_c-9") && echoed(&"x".repeat(128)));
        assert!(!echoed("") && !echoed("a b") && !echoed("a/b") && !echoed(&"x".repeat(129)));
    }

    #[actix_web::test]
    async fn a_panic_is_a_500_with_the_request_id_and_nothing_else() {
        #[expect(clippy::panic, reason = "it is what this test is about")]
        async fn boom() -> &'static str {
            panic!("secret")
        }
        let app = actix_web::App::new()
            .wrap(middleware::from_fn(catch_panics))
            .wrap(middleware::from_fn(finish))
            .route("/boom", web::get().to(boom));
        let app = actix_web::test::init_service(app).await;
        let request = actix_web::test::TestRequest::get().uri("/boom").insert_header(("x-request-id", "r-7"));
        let error = actix_web::test::try_call_service(&app, request.to_request()).await.err().unwrap();
        let response = error.error_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers().get("x-request-id").unwrap(), "r-7");
        let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains(r#""requestId":"r-7""#) && !body.contains("secret"), "{body}");
    }

    #[actix_web::test]
    async fn an_unknown_route_is_a_404_and_a_wrong_method_a_405_that_names_the_right_ones() {
        async fn fine() -> &'static str {
            "fine"
        }
        let app = actix_web::App::new()
            .wrap(middleware::from_fn(finish))
            .service(crate::http::resource::at("/here").get(fine).post(fine))
            .default_service(web::to(|| async { Err::<&'static str, ApiError>(Refusal::NotFound.into()) }));
        let app = actix_web::test::init_service(app).await;
        let ask = |method: &str, path: &str| {
            let method = method.parse().unwrap();
            actix_web::test::TestRequest::default().method(method).uri(path).to_request()
        };
        let reply = actix_web::test::call_service(&app, ask("PATCH", "/here")).await;
        assert_eq!(reply.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(reply.headers().get(header::ALLOW).unwrap(), "GET, HEAD, POST");
        let reply = actix_web::test::call_service(&app, ask("GET", "/there")).await;
        assert_eq!(reply.status(), StatusCode::NOT_FOUND);
        assert!(reply.headers().contains_key("x-request-id"));
        let body: serde_json::Value = actix_web::test::read_body_json(reply).await;
        assert_eq!(body["code"], "not_found");
        assert_eq!(actix_web::test::call_service(&app, ask("HEAD", "/here")).await.status(), StatusCode::OK);
    }

    #[test]
    fn headers_that_a_reply_brings_stay() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
        decorate(&mut headers, "r-1", Some(Standing::full(crate::settings::Rate::per_minute(300))));
        assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), "max-age=60");
        assert_eq!(headers.get("x-ratelimit-remaining").unwrap(), "300");
        assert_eq!(headers.get("x-request-id").unwrap(), "r-1");
    }
}
