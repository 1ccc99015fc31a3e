//! What a node tells Prometheus, on a listener of its own: who may reach the API is not to read these.

pub mod list;
mod stores;

use std::net::{SocketAddr, TcpListener};
use std::sync::OnceLock;
use std::time::Duration;

use actix_web::{HttpResponse, HttpServer, http::KeepAlive, web};
use anyhow::{Context, ensure};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use list::{ALL, Kind};
pub use stores::keep;

/// The version of the text format, as Prometheus wants it said.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How often what was recorded is put into its buckets; until then it waits in memory.
const TIDY_EVERY: Duration = Duration::from_secs(5);

static READ: OnceLock<PrometheusHandle> = OnceLock::new();

/// Whether somebody may read the metrics.
#[must_use]
pub fn are_read() -> bool {
    READ.get().is_some()
}

/// Serves `/metrics` on `address` from now on to the end of the process, if there is one.
///
/// # Errors
/// When the address is taken.
pub fn begin(address: Option<SocketAddr>) -> anyhow::Result<()> {
    let Some(address) = address else { return Ok(()) };
    let listener = TcpListener::bind(address).with_context(|| {
        format!("cannot listen on {address}; --metrics-listen (PROMPTSTER_METRICS_LISTEN) chooses another address")
    })?;
    let address = listener.local_addr()?;
    let handle = install()?;
    let read = handle.clone();
    let server = HttpServer::new(move || {
        actix_web::App::new().app_data(web::Data::new(read.clone())).route("/metrics", web::get().to(exposition))
    });
    let server = server.workers(1).keep_alive(KeepAlive::Os).disable_signals().listen(listener)?.run();
    tokio::spawn(server);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(TIDY_EVERY).await;
            handle.run_upkeep();
        }
    });
    tracing::info!(%address, "metrics at /metrics");
    Ok(())
}

/// Takes everything that is counted from now on.
fn install() -> anyhow::Result<PrometheusHandle> {
    let mut builder = PrometheusBuilder::new();
    for measure in ALL {
        if let Kind::Histogram(bounds) = measure.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(measure.name.to_owned()), bounds)?;
        }
    }
    let handle = builder.install_recorder().context("cannot start to count")?;
    for measure in ALL {
        // Those without labels are 0 from the start: what is not there at all cannot be told from what is not asked for.
        let is_one = measure.labels.is_empty();
        match measure.kind {
            Kind::Counter => {
                metrics::describe_counter!(measure.name, measure.help);
                is_one.then(|| metrics::counter!(measure.name).absolute(0));
            }
            Kind::Gauge => {
                metrics::describe_gauge!(measure.name, measure.help);
                is_one.then(|| metrics::gauge!(measure.name).set(0.0));
            }
            Kind::Histogram(_) => metrics::describe_histogram!(measure.name, measure.help),
        }
    }
    ensure!(READ.set(handle.clone()).is_ok(), "the metrics are served already");
    Ok(handle)
}

async fn exposition(read: web::Data<PrometheusHandle>) -> HttpResponse {
    HttpResponse::Ok().content_type(TEXT).body(read.render())
}
