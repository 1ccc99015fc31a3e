//! Traces: how long each part of a request took, for a collector of OpenTelemetry. Whoever does the work opens a span of
//! `tracing`, which costs next to nothing while nobody collects; the feature `otel` brings what collects and sends them.
//!
//! Spans hold the pattern of a route, never a path, a credential or anything that a candidate wrote.

#[cfg(feature = "otel")]
mod export;

use actix_web::{dev::ServiceRequest, http::StatusCode};
use tracing::{Span, field::Empty};

use crate::{
    config::{LogOptions, TraceOptions},
    http::timed::{known, route_of},
};

/// Traces that are being sent.
#[must_use = "what waits is sent by `end`"]
#[derive(Debug)]
pub struct Traces {
    #[cfg(feature = "otel")]
    provider: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

impl Traces {
    /// Sends what still waits, for some seconds at most.
    pub async fn end(self) {
        #[cfg(feature = "otel")]
        if let Some(provider) = self.provider {
            export::end(provider).await;
        }
    }
}

/// Starts logging, and sending traces where there is a collector for them.
///
/// # Errors
/// When the filter of the log cannot be understood, or this build sends no traces and is told to.
#[cfg(feature = "otel")]
pub fn start(log: &LogOptions, options: &TraceOptions) -> anyhow::Result<Traces> {
    let Some(url) = &options.otlp_url else {
        log.start()?;
        return Ok(Traces { provider: None });
    };
    let (provider, layer) = export::to(url, options.trace_share)?;
    log.start_beside(Some(layer))?;
    tracing::info!(url, share = options.trace_share, "traces are sent");
    Ok(Traces { provider: Some(provider) })
}

/// Starts logging, and sending traces where there is a collector for them.
///
/// # Errors
/// When the filter of the log cannot be understood, or this build sends no traces and is told to.
#[cfg(not(feature = "otel"))]
pub fn start(log: &LogOptions, options: &TraceOptions) -> anyhow::Result<Traces> {
    check(options)?;
    log.start()?;
    Ok(Traces {})
}

/// Whether this build can do what it is told.
///
/// # Errors
/// When it sends no traces and is told to.
pub fn check(options: &TraceOptions) -> anyhow::Result<()> {
    anyhow::ensure!(
        cfg!(feature = "otel") || options.otlp_url.is_none(),
        "--otlp-url (PROMPTSTER_OTLP_URL): this server sends no traces; `cargo build --release --features otel` makes one \
         that does"
    );
    Ok(())
}

/// The span of a request whose head has come. It belongs to the trace that the request comes with where `is_trusted`.
pub(crate) fn of_request(request: &ServiceRequest, id: &str, is_trusted: bool) -> Span {
    // The names of https://opentelemetry.io/docs/specs/semconv/http/http-spans/.
    let span = tracing::debug_span!(
        "request",
        otel.name = Empty,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = Empty,
        http.route = Empty,
        http.response.status_code = Empty,
        promptster.request_id = id,
    );
    if span.is_disabled() {
        return span;
    }
    let (method, route) = (known(request.method()), route_of(request));
    span.record("otel.name", format!("{method} {route}"));
    span.record("http.request.method", method);
    span.record("http.route", route);
    #[cfg(feature = "otel")]
    if is_trusted {
        export::adopt(&span, request.headers());
    }
    #[cfg(not(feature = "otel"))]
    let _ = is_trusted;
    span
}

/// Notes what became of a request. As the conventions have it, only what the server did wrong is an error.
pub(crate) fn answered(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}
