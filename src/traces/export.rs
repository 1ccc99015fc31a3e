//! Spans on their way to a collector: OTLP over HTTP, in batches, by a thread of the SDK's own. What the collector does not
//! take is lost and counted; nothing waits for it.

use std::{fmt, pin::Pin, time::Duration};

use actix_web::http::header::HeaderMap;
use anyhow::Context;
use bytes::{Bytes, BytesMut};
use opentelemetry::{
    propagation::{Extractor, TextMapPropagator},
    trace::TracerProvider,
};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter},
};
use tokio::runtime::Handle;
use tracing::{Metadata, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::filter_fn};

use crate::config::Beside;

/// How long the collector may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long the end of the process may wait for it.
const END_WITHIN: Duration = Duration::from_secs(3);
/// An answer says at most how many spans were refused, and why.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What sends spans to the collector at `url`, and what has to be told of them.
///
/// # Errors
/// When the exporter cannot be made.
pub(super) fn to(url: &str, share: f64) -> anyhow::Result<(SdkTracerProvider, Beside)> {
    // An error means that a provider is there already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder()
        .timeout(ANSWER_WITHIN)
        // Traces go where the operator said, nowhere else.
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(Line { client, runtime: Handle::try_current()? })
        .with_endpoint(format!("{url}/v1/traces"))
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(ANSWER_WITHIN)
        .build()
        .context("cannot send traces")?;
    let resource = Resource::builder()
        .with_service_name("promptster-server")
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(opentelemetry::KeyValue::new("service.instance.id", uuid::Uuid::new_v4().to_string()))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share))))
        .with_resource(resource)
        .with_batch_exporter(Counted(exporter))
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("promptster-server"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(is_ours));
    Ok((provider, layer.boxed()))
}

/// Spans alone: what is logged may say more than a collector is to know. Ours alone: the libraries' are about themselves.
fn is_ours(what: &Metadata<'_>) -> bool {
    const CRATES: [&str; 4] = ["promptster_server", "actors", "redis_scripts", "clickhouse_schema"];
    what.is_span() && CRATES.iter().any(|name| what.target().split("::").next() == Some(name))
}

/// Sends what waits.
pub(super) async fn end(provider: SdkTracerProvider) {
    // It blocks its thread until this one has sent the rest.
    let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(END_WITHIN)).await;
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "some traces were not sent"),
        Err(error) => tracing::error!(%error, "traces were not sent"),
    }
}

/// Makes a span part of the trace that a request came with, if it came with one: `traceparent`,
/// <https://www.w3.org/TR/trace-context/>.
pub(super) fn adopt(span: &Span, headers: &HeaderMap) {
    let parent = TraceContextPropagator::new().extract(&Headers(headers));
    // The one error is that nobody collects.
    span.set_parent(parent).ok();
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}

/// Counts what was sent, and what was not.
#[derive(Debug)]
struct Counted(opentelemetry_otlp::SpanExporter);

impl SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let n_spans = u64::try_from(batch.len()).unwrap_or(0);
        let sent = self.0.export(batch).await;
        let outcome = if sent.is_ok() { "sent" } else { "lost" };
        metrics::counter!("promptster_spans_total", "outcome" => outcome).increment(n_spans);
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// The way to the collector. The SDK's thread has no runtime; this process has.
struct Line {
    client: reqwest::Client,
    runtime: Handle,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

impl HttpClient for Line {
    fn send_bytes<'a, 'answer>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'answer>>
    where
        'a: 'answer,
        Self: 'answer,
    {
        let asked = self.runtime.spawn(ask(self.client.clone(), request));
        Box::pin(async move { asked.await? })
    }
}

async fn ask(client: reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let mut answer = client.execute(request.try_into()?).await?;
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err("the collector's answer is too long".into());
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(body.freeze());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}
