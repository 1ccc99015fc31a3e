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

/// Stops the parts, the outermost first, so that none is asked for something that it can no longer do: sockets and
/// requests in flight, then the actors behind them. Nothing has to be flushed; what was acknowledged is in Redis.
pub async fn in_order(app: &App, http: &ServerHandle) {
    tracing::info!("stopping");
    http.stop(true).await;
    app.actors.stop().await;
    tracing::info!("stopped");
}
